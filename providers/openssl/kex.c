/* SPDX-License-Identifier: MIT */
/* X25519 (RFC 7748). */
#include <openssl/evp.h>

#include "providers/openssl/openssl.h"

#define SIZE 32u

/* Kept to know that it is there, and in libcrypto's cache. */
static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EVP_KEYEXCH_fetch(lib, name, NULL);
}

static void release(void *algo)
{
	EVP_KEYEXCH_free(algo);
}

static EVP_PKEY *secret(const struct ukcf_instance *self,
			const struct ukcf_job *job)
{
	return EVP_PKEY_new_raw_private_key_ex(self->lib, ossl_name(job), NULL,
					       job->key.data, job->key.len);
}

static int refuse_sizes(struct ukcf_job *job)
{
	if (job->key.len != SIZE) {
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_SIZE;
		return 1;
	}
	if (job->out_size < SIZE) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return 1;
	}
	return 0;
}

/* Only what is computed can fail; all else is want of memory. */
static enum ukcf_status compute(struct ukcf_job *job, EVP_PKEY_CTX *ctx,
				EVP_PKEY *peer)
{
	size_t len = job->out_size;

	if (!ctx || !peer || EVP_PKEY_derive_init(ctx) <= 0 ||
	    EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) <= 0)
		return ossl_no_memory(job);
	/* It fails where the shared secret is all zero (section 6.1). */
	if (EVP_PKEY_derive(ctx, job->out, &len) <= 0)
		return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_LOW_ORDER);
	return ossl_done(job, (int64_t)len);
}

static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status;
	EVP_PKEY *own, *peer;
	EVP_PKEY_CTX *ctx;

	if (refuse_sizes(job))
		return UKCF_DONE;
	if (job->in.len != SIZE)
		return ossl_refuse(job, -EINVAL, UKCF_DETAIL_IN_SIZE);
	own = secret(self, job);
	peer = EVP_PKEY_new_raw_public_key_ex(self->lib, ossl_name(job), NULL,
					      job->in.data, job->in.len);
	ctx = own ? EVP_PKEY_CTX_new_from_pkey(self->lib, own, NULL) : NULL;
	status = compute(job, ctx, peer);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own); /* wipes the secret that it copied */
	return status;
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	size_t len = job->out_size;
	EVP_PKEY *own;
	int ok;

	if (refuse_sizes(job))
		return UKCF_DONE;
	own = secret(self, job);
	ok = own && EVP_PKEY_get_raw_public_key(own, job->out, &len);
	EVP_PKEY_free(own);
	return ok ? ossl_done(job, (int64_t)len) : ossl_no_memory(job);
}

const struct ossl_kind ossl_kex = {
	.fetch = fetch,
	.release = release,
	.ops = { .derive = derive,
		 .generate = ossl_generate,
		 .public_key = public_key },
};
