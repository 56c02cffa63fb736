/* SPDX-License-Identifier: MIT */
/*
 * Ed25519 (RFC 8032).  libcrypto takes public keys and points R that libsodium
 * refuses: those of a small order, which make one signature fit many messages,
 * and keys that are not written in the one canonical way.  They are refused
 * here too, so that it does not matter which provider verifies.
 */
#include <openssl/evp.h>
#include <string.h>

#include "providers/openssl/openssl.h"

#define KEY 32u
#define SIGNATURE 64u

/* The key type is known, and in libcrypto's cache. */
static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EVP_SIGNATURE_fetch(lib, name, NULL);
}

static void release(void *algo)
{
	EVP_SIGNATURE_free(algo);
}

/* The y of the eight points whose order divides 8, little-endian, and those of
 * its other spellings, p and p + 1, that are below 2^255. */
static const uint8_t small[][KEY] = {
	/* 0, order 4 */
	{ 0 },
	/* 1, order 1 */
	{ 1 },
	/* order 8, and its negative */
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	  0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	  0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	/* p - 1, order 2; p and p + 1 */
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

/* All that is compared here is public. */
static int has_small_order(const uint8_t point[KEY])
{
	uint8_t y[KEY];

	memcpy(y, point, KEY);
	y[KEY - 1] &= 0x7f; /* the sign of x */
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (memcmp(y, small[i], KEY) == 0)
			return 1;
	return 0;
}

/* y < p = 2^255 - 19 */
static int is_canonical(const uint8_t point[KEY])
{
	if ((point[KEY - 1] & 0x7f) != 0x7f || point[0] < 0xed)
		return 1;
	for (size_t i = 1; i < KEY - 1; i++)
		if (point[i] != 0xff)
			return 1;
	return 0;
}

static EVP_PKEY *secret(const struct ukcf_instance *self,
			const struct ukcf_job *job)
{
	return EVP_PKEY_new_raw_private_key_ex(self->lib, ossl_name(job), NULL,
					       job->key.data, job->key.len);
}

static enum ukcf_status sign(struct ukcf_instance *self, struct ukcf_job *job)
{
	size_t len = SIGNATURE;
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	int ok;

	if (job->key.len != KEY)
		return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->out_size < SIGNATURE)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	key = secret(self, job);
	ctx = EVP_MD_CTX_new();
	ok = key && ctx &&
	     EVP_DigestSignInit_ex(ctx, NULL, NULL, self->lib, NULL, key,
				   NULL) > 0 &&
	     EVP_DigestSign(ctx, job->out, &len, job->in.data,
			    job->in.len) > 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key); /* wipes the secret that it copied */
	return ok ? ossl_done(job, (int64_t)len) : ossl_no_memory(job);
}

static enum ukcf_status refuse(struct ukcf_job *job)
{
	return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
}

static enum ukcf_status verify(struct ukcf_instance *self, struct ukcf_job *job)
{
	int ready, right = 0;
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;

	if (job->key.len != KEY || job->tag.len != SIGNATURE ||
	    has_small_order(job->tag.data) || has_small_order(job->key.data) ||
	    !is_canonical(job->key.data))
		return refuse(job);
	key = EVP_PKEY_new_raw_public_key_ex(self->lib, ossl_name(job), NULL,
					     job->key.data, job->key.len);
	ctx = EVP_MD_CTX_new();
	ready = key && ctx &&
		EVP_DigestVerifyInit_ex(ctx, NULL, NULL, self->lib, NULL, key,
					NULL) > 0;
	if (ready)
		right = EVP_DigestVerify(ctx, job->tag.data, job->tag.len,
					 job->in.data, job->in.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!ready)
		return ossl_no_memory(job);
	return right ? ossl_done(job, 0) : refuse(job);
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	size_t len = job->out_size;
	EVP_PKEY *own;
	int ok;

	if (job->key.len != KEY)
		return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->out_size < KEY)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	own = secret(self, job);
	ok = own && EVP_PKEY_get_raw_public_key(own, job->out, &len);
	EVP_PKEY_free(own);
	return ok ? ossl_done(job, (int64_t)len) : ossl_no_memory(job);
}

const struct ossl_kind ossl_eddsa = {
	.fetch = fetch,
	.release = release,
	.ops = { .sign = sign,
		 .verify = verify,
		 .generate = ossl_generate,
		 .public_key = public_key },
};
