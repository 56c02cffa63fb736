/* SPDX-License-Identifier: MIT */
/*
 * RSA encryption (RFC 8017): RSAES-PKCS1-v1_5 and RSAES-OAEP, whose label is the
 * additional data and whose MGF1 has the digest of the label.
 *
 * A wrong padding of v1.5 is not told (rejection.h).  libcrypto does that since
 * 3.2 only; here it is done for all, of what the bare decryption gives.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "providers/openssl/rsa.h"
#include "providers/shared/rejection.h"

#define HASH REJECTION_HASH

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	(void)name;
	return EVP_ASYM_CIPHER_fetch(lib, "RSA", NULL);
}

static void release(void *algo)
{
	EVP_ASYM_CIPHER_free(algo);
}

static enum ukcf_status refuse_data(struct ukcf_job *job)
{
	return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
}

/* ------------------------------------------------------ implicit rejection */

static bool hash(const void *self, struct ukcf_bytes in, uint8_t out[HASH])
{
	const struct ukcf_instance *its = self;

	return EVP_Q_digest(its->lib, "SHA2-256", NULL, in.data, in.len, out,
			    NULL);
}

static bool hmac(const void *self, const uint8_t key[HASH],
		 struct ukcf_bytes in, uint8_t out[HASH])
{
	const struct ukcf_instance *its = self;
	size_t len = 0;

	return EVP_Q_mac(its->lib, "HMAC", NULL, "SHA2-256", NULL, key, HASH,
			 in.data, in.len, out, HASH, &len) &&
	       len == HASH;
}

static const struct rejection_hash hashes = { .hash = hash, .hmac = hmac };

/* ---------------------------------------------------------------- paddings */

static int set_oaep(EVP_PKEY_CTX *ctx, const struct ukcf_job *job)
{
	void *label = NULL;

	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, ossl_name(job), NULL) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, ossl_name(job), NULL) <= 0)
		return 0;
	if (job->aux.len == 0)
		return 1;
	label = OPENSSL_memdup(job->aux.data, job->aux.len);
	if (label && EVP_PKEY_CTX_set0_rsa_oaep_label(
			     ctx, label, (int)job->aux.len) > 0)
		return 1; /* which has it now */
	OPENSSL_free(label);
	return 0;
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct ukcf_job *job, int mode)
{
	if (mode == RSA_PKCS1_OAEP_PADDING)
		return set_oaep(ctx, job);
	return EVP_PKEY_CTX_set_rsa_padding(ctx, mode) > 0;
}

static uint32_t least_padding(const struct ukcf_job *job, int oaep)
{
	if (!oaep)
		return 3 + REJECTION_PS_MIN;
	return job->mech == UKCF_MECH_RSA_OAEP_SHA1 ? 2 * 20 + 2 : 2 * HASH + 2;
}

static enum ukcf_status encrypt(struct ukcf_instance *self,
				struct ukcf_job *job, int oaep)
{
	static const uint8_t none[1];
	size_t len = job->out_size;
	EVP_PKEY_CTX *ctx = NULL;
	struct rsa_key k;
	EVP_PKEY *key;
	int ok;

	if (!ossl_rsa_read(job->key, 0, &k))
		return ossl_rsa_refuse_key(job);
	if (job->in.len + least_padding(job, oaep) > k.n[N].len)
		return ossl_refuse(job, -EMSGSIZE, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < k.n[N].len)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	key = ossl_rsa_borrow(self, job, &k);
	if (key)
		ctx = EVP_PKEY_CTX_new_from_pkey(self->lib, key, NULL);
	ok = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
	     set_padding(ctx, job, oaep ? RSA_PKCS1_OAEP_PADDING :
					  RSA_PKCS1_PADDING) &&
	     EVP_PKEY_encrypt(ctx, job->out, &len,
			      job->in.len ? job->in.data : none,
			      job->in.len) > 0;
	EVP_PKEY_CTX_free(ctx);
	ossl_rsa_return(job, key);
	return ok ? ossl_done(job, (int64_t)len) : ossl_no_memory(job);
}

/* Into em, which has room for the modulus.  *ready: the library could begin. */
static int decrypt(const struct ukcf_instance *self, const struct ukcf_job *job,
		   const struct rsa_key *k, int mode, uint8_t *em, size_t *len,
		   int *ready)
{
	EVP_PKEY *key = ossl_rsa_borrow(self, job, k);
	EVP_PKEY_CTX *ctx = NULL;
	int ok = 0;

	*len = RSA_MODULUS_MAX;
	if (key)
		ctx = EVP_PKEY_CTX_new_from_pkey(self->lib, key, NULL);
	*ready = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
		 set_padding(ctx, job, mode);
	if (*ready)
		ok = EVP_PKEY_decrypt(ctx, em, len, job->in.data,
				      job->in.len) > 0;
	EVP_PKEY_CTX_free(ctx);
	ossl_rsa_return(job, key);
	return ok;
}

static enum ukcf_status give(struct ukcf_job *job, const uint8_t *message,
			     size_t len)
{
	if (job->out_size < len)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	memcpy(job->out, message, len);
	return ossl_done(job, (int64_t)len);
}

static enum ukcf_status oaep_decrypt(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	uint8_t em[RSA_MODULUS_MAX];
	struct rsa_key k;
	int ready = 1;
	size_t len;

	if (!ossl_rsa_read(job->key, 1, &k))
		return ossl_rsa_refuse_key(job);
	if (job->in.len != k.n[N].len)
		return refuse_data(job);
	if (decrypt(self, job, &k, RSA_PKCS1_OAEP_PADDING, em, &len, &ready))
		give(job, em, len);
	else if (ready)
		refuse_data(job);
	else
		ossl_no_memory(job);
	OPENSSL_cleanse(em, sizeof(em));
	return UKCF_DONE;
}

/* A ciphertext that is no number below the modulus is refused: everybody can
 * see that of it. */
static enum ukcf_status pkcs1_decrypt(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	uint8_t em[RSA_MODULUS_MAX];
	struct substitute s;
	struct rsa_key k;
	int ready = 1;
	uint32_t at;
	size_t len;

	if (!ossl_rsa_read(job->key, 1, &k))
		return ossl_rsa_refuse_key(job);
	if (job->in.len != k.n[N].len)
		return refuse_data(job);
	if (!rejection_prepare(&hashes, self, k.n[D], job->in, &s)) {
		ossl_no_memory(job);
	} else if (decrypt(self, job, &k, RSA_NO_PADDING, em, &len, &ready) &&
		   len == k.n[N].len) {
		at = rejection_unpad(em, (uint32_t)len, &s);
		give(job, em + at, len - at);
	} else if (ready) {
		refuse_data(job);
	} else {
		ossl_no_memory(job);
	}
	OPENSSL_cleanse(&s, sizeof(s));
	OPENSSL_cleanse(em, sizeof(em));
	return UKCF_DONE;
}

static enum ukcf_status pkcs1_encrypt(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	return encrypt(self, job, 0);
}

static enum ukcf_status oaep_encrypt(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	return encrypt(self, job, 1);
}

const struct ossl_kind ossl_rsaes_pkcs1 = {
	.fetch = fetch,
	.release = release,
	.ops = { .encrypt = pkcs1_encrypt,
		 .decrypt = pkcs1_decrypt,
		 OSSL_RSA_KEYS },
};

const struct ossl_kind ossl_rsaes_oaep = {
	.fetch = fetch,
	.release = release,
	.ops = { .encrypt = oaep_encrypt,
		 .decrypt = oaep_decrypt,
		 OSSL_RSA_KEYS },
};
