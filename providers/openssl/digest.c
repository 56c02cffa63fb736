/* SPDX-License-Identifier: MIT */
/* SHA-1, SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202). */
#include <openssl/evp.h>

#include "providers/openssl/openssl.h"

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EVP_MD_fetch(lib, name, NULL);
}

static void release(void *algo)
{
	EVP_MD_free(algo);
}

static enum ukcf_status digest(struct ukcf_instance *self, struct ukcf_job *job)
{
	const EVP_MD *md = ossl_algo(self, job);
	unsigned int len = 0;

	if (job->out_size < (size_t)EVP_MD_get_size(md))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!EVP_Digest(job->in.data, job->in.len, job->out, &len, md, NULL))
		return ossl_no_memory(job);
	return ossl_done(job, len);
}

const struct ossl_kind ossl_digest = {
	.fetch = fetch,
	.release = release,
	.ops = { .digest = digest },
};
