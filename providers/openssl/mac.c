/* SPDX-License-Identifier: MIT */
/*
 * HMAC (RFC 2104) and CMAC (SP 800-38B).  What is fetched is a context that
 * knows its digest or cipher but no key of anybody; each job works on a
 * duplicate.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "providers/openssl/openssl.h"

static void *fetch(OSSL_LIB_CTX *lib, const char *mac, const char *which,
		   const char *name)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(which, (char *)(uintptr_t)name,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *algo = EVP_MAC_fetch(lib, mac, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(algo);

	EVP_MAC_free(algo); /* the context holds it */
	if (ctx && EVP_MAC_CTX_set_params(ctx, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static void *fetch_hmac(OSSL_LIB_CTX *lib, const char *name)
{
	return fetch(lib, "HMAC", OSSL_MAC_PARAM_DIGEST, name);
}

static void *fetch_cmac(OSSL_LIB_CTX *lib, const char *name)
{
	static const uint8_t zeros[EVP_MAX_KEY_LENGTH];
	EVP_MAC_CTX *ctx = fetch(lib, "CMAC", OSSL_MAC_PARAM_CIPHER, name);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(lib, name, NULL);
	int len = cipher ? EVP_CIPHER_get_key_length(cipher) : 0;

	EVP_CIPHER_free(cipher);
	/* libcrypto duplicates only a CMAC that has a key, whichever. */
	if (ctx && EVP_MAC_init(ctx, zeros, (size_t)len, NULL))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static void release(void *algo)
{
	EVP_MAC_CTX_free(algo);
}

/* Return: bytes of the full MAC, 0 if the library could not. */
static size_t compute(struct ukcf_instance *self, const struct ukcf_job *job,
		      uint8_t full[EVP_MAX_MD_SIZE])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(ossl_algo(self, job));
	size_t len = 0;

	if (!ctx || !EVP_MAC_init(ctx, job->key.data, job->key.len, NULL) ||
	    !EVP_MAC_update(ctx, job->in.data, job->in.len) ||
	    !EVP_MAC_final(ctx, full, &len, EVP_MAX_MD_SIZE))
		len = 0;
	EVP_MAC_CTX_free(ctx);
	return len;
}

static enum ukcf_status give(struct ukcf_job *job,
			     uint8_t full[EVP_MAX_MD_SIZE], size_t len)
{
	if (!len)
		return ossl_no_memory(job);
	if (job->tag_len > len || job->out_size < job->tag_len) {
		OPENSSL_cleanse(full, EVP_MAX_MD_SIZE);
		return ossl_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	}
	memcpy(job->out, full, job->tag_len);
	OPENSSL_cleanse(full, EVP_MAX_MD_SIZE);
	return ossl_done(job, (int64_t)job->tag_len);
}

static enum ukcf_status compare(struct ukcf_job *job,
				uint8_t full[EVP_MAX_MD_SIZE], size_t len)
{
	int differs;

	if (!len)
		return ossl_no_memory(job);
	differs = job->tag.len == 0 || job->tag.len > len ||
		  CRYPTO_memcmp(full, job->tag.data, job->tag.len);
	OPENSSL_cleanse(full, EVP_MAX_MD_SIZE);
	if (differs)
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return ossl_done(job, 0);
}

static enum ukcf_status mac(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t full[EVP_MAX_MD_SIZE];

	return give(job, full, compute(self, job, full));
}

static enum ukcf_status mac_verify(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	uint8_t full[EVP_MAX_MD_SIZE];

	return compare(job, full, compute(self, job, full));
}

/* --------------------------------------------------------------- in parts */

struct state {
	EVP_MAC_CTX *evp;
};

_Static_assert(sizeof(struct state) <= OSSL_CTX_SIZE, "see the offers");

static enum ukcf_status drop(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	EVP_MAC_CTX_free(s->evp); /* wipes the key that it copied */
	s->evp = NULL;
	return UKCF_DONE;
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	s->evp = EVP_MAC_CTX_dup(ossl_algo(self, job));
	if (s->evp && EVP_MAC_init(s->evp, job->key.data, job->key.len, NULL))
		return ossl_done(job, 0);
	drop(self, job);
	return ossl_no_memory(job);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	if (!EVP_MAC_update(s->evp, job->in.data, job->in.len))
		return ossl_no_memory(job);
	return ossl_done(job, 0);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;
	uint8_t full[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (!EVP_MAC_update(s->evp, job->in.data, job->in.len) ||
	    !EVP_MAC_final(s->evp, full, &len, sizeof(full)))
		len = 0;
	drop(self, job);
	return job->op == UKCF_OP_MAC_VERIFY ? compare(job, full, len) :
					       give(job, full, len);
}

static enum ukcf_status copy(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *to = job->ctx, from;

	(void)self;
	memcpy(&from, job->in.data, sizeof(from));
	to->evp = EVP_MAC_CTX_dup(from.evp);
	return to->evp ? ossl_done(job, 0) : ossl_no_memory(job);
}

#define MAC_OPS                                                               \
	{ .mac = mac, .mac_verify = mac_verify, .generate = ossl_generate,    \
	  .init = init, .update = update, .final = final, .drop = drop,       \
	  .copy = copy }

const struct ossl_kind ossl_hmac = {
	.fetch = fetch_hmac,
	.release = release,
	.ops = MAC_OPS,
};

const struct ossl_kind ossl_cmac = {
	.fetch = fetch_cmac,
	.release = release,
	.ops = MAC_OPS,
};
