/* SPDX-License-Identifier: MIT */
/* SHA-1, SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202). */
#include <openssl/evp.h>
#include <string.h>

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

/* --------------------------------------------------------------- in parts */

struct state {
	EVP_MD_CTX *evp;
};

_Static_assert(sizeof(struct state) <= OSSL_CTX_SIZE, "see the offers");

static enum ukcf_status drop(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	EVP_MD_CTX_free(s->evp);
	s->evp = NULL;
	return UKCF_DONE;
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	s->evp = EVP_MD_CTX_new();
	if (s->evp && EVP_DigestInit_ex2(s->evp, ossl_algo(self, job), NULL))
		return ossl_done(job, 0);
	drop(self, job);
	return ossl_no_memory(job);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	if (!EVP_DigestUpdate(s->evp, job->in.data, job->in.len))
		return ossl_no_memory(job);
	return ossl_done(job, 0);
}

static enum ukcf_status end(struct state *s, struct ukcf_job *job)
{
	unsigned int len = 0;

	if (job->out_size < (size_t)EVP_MD_CTX_get_size(s->evp))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!EVP_DigestUpdate(s->evp, job->in.data, job->in.len) ||
	    !EVP_DigestFinal_ex(s->evp, job->out, &len))
		return ossl_no_memory(job);
	return ossl_done(job, len);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status = end(job->ctx, job);

	drop(self, job);
	return status;
}

static enum ukcf_status copy(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *to = job->ctx, from;

	memcpy(&from, job->in.data, sizeof(from));
	to->evp = EVP_MD_CTX_new();
	if (to->evp && EVP_MD_CTX_copy_ex(to->evp, from.evp))
		return ossl_done(job, 0);
	drop(self, job);
	return ossl_no_memory(job);
}

const struct ossl_kind ossl_digest = {
	.fetch = fetch,
	.release = release,
	.ops = { .digest = digest,
		 .init = init,
		 .update = update,
		 .final = final,
		 .drop = drop,
		 .copy = copy },
};
