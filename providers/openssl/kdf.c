/* SPDX-License-Identifier: MIT */
/*
 * HKDF (RFC 5869): key = input keying material, in = salt, aux = info, and as
 * many bytes as there is room for.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "providers/openssl/openssl.h"

/* The digest is named in each job: libcrypto 3.0 cannot duplicate a context
 * that knows it.  Here it is only asked for, to learn whether it is there. */
static void *fetch(OSSL_LIB_CTX *lib, const char *digest)
{
	EVP_MD *md = EVP_MD_fetch(lib, digest, NULL);

	if (!md)
		return NULL;
	EVP_MD_free(md);
	return EVP_KDF_fetch(lib, "HKDF", NULL);
}

static void release(void *algo)
{
	EVP_KDF_free(algo);
}

static OSSL_PARAM octets(const char *name, struct ukcf_bytes b)
{
	return OSSL_PARAM_construct_octet_string(
		name, (void *)(uintptr_t)b.data, b.len);
}

/* libcrypto 3.0 refuses an empty one.  HMAC pads its key with zeros. */
static struct ukcf_bytes salt_of(const struct ukcf_job *job)
{
	static const uint8_t zero;

	return job->in.len ? job->in : (struct ukcf_bytes){ &zero, 1 };
}

static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST,
			(char *)(uintptr_t)ossl_name(job), 0),
		octets(OSSL_KDF_PARAM_KEY, job->key),
		octets(OSSL_KDF_PARAM_SALT, salt_of(job)),
		octets(OSSL_KDF_PARAM_INFO, job->aux),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(ossl_algo(self, job));
	int ok = ctx && EVP_KDF_derive(ctx, job->out, job->out_size, params);

	EVP_KDF_CTX_free(ctx); /* wipes the key that it copied */
	if (!ok)
		return ossl_no_memory(job);
	return ossl_done(job, (int64_t)job->out_size);
}

const struct ossl_kind ossl_hkdf = {
	.fetch = fetch,
	.release = release,
	.ops = { .derive = derive, .generate = ossl_generate },
};
