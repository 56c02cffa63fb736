/* SPDX-License-Identifier: MIT */
/*
 * ECDSA (FIPS 186-5) and ECDH (SP 800-56A) on P-256 and P-384.  What is fetched
 * is the curve.  Secret keys are big-endian numbers of the curve's size, public
 * ones uncompressed points (SEC 1 section 2.3.3), signatures r || s.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>
#include <sys/random.h>

#include "providers/openssl/openssl.h"

#define SIZE_MAX_ 48u /* bytes of a number of P-384 */
#define DER_MAX 128u  /* of a signature */
#define DRAWS 64u     /* of P-256 one in 2^32 is none, of P-384 fewer */

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EC_GROUP_new_by_curve_name_ex(lib, NULL,
					     EC_curve_nist2nid(name));
}

static void release(void *algo)
{
	EC_GROUP_free(algo);
}

/* Bytes of a number. */
static size_t size_of(const EC_GROUP *g)
{
	return ((size_t)EC_GROUP_get_degree(g) + 7) / 8;
}

static const char *digest_of(const EC_GROUP *g)
{
	return size_of(g) == 32 ? "SHA2-256" : "SHA2-384";
}

/* ------------------------------------------------------------------- keys */

/* 1 <= secret < order; NULL: it is not, or there is no memory. */
static BIGNUM *number(const EC_GROUP *g, struct ukcf_bytes secret)
{
	BIGNUM *n = BN_secure_new();

	if (n && secret.len == size_of(g) &&
	    BN_bin2bn(secret.data, (int)secret.len, n) && !BN_is_zero(n) &&
	    BN_cmp(n, EC_GROUP_get0_order(g)) < 0) {
		BN_set_flags(n, BN_FLG_CONSTTIME);
		return n;
	}
	BN_clear_free(n);
	return NULL;
}

/* On the curve, uncompressed, not infinity; the cofactor is 1. */
static int is_point(const EC_GROUP *g, struct ukcf_bytes pub)
{
	EC_POINT *p;
	int ok;

	if (pub.len != 1 + 2 * size_of(g) ||
	    pub.data[0] != POINT_CONVERSION_UNCOMPRESSED)
		return 0;
	p = EC_POINT_new(g);
	ok = p && EC_POINT_oct2point(g, p, pub.data, pub.len, NULL) &&
	     !EC_POINT_is_at_infinity(g, p);
	EC_POINT_free(p);
	return ok;
}

static int is_secret(const EC_GROUP *g, struct ukcf_bytes secret)
{
	BIGNUM *n = number(g, secret);

	BN_clear_free(n);
	return n != NULL;
}

static enum ukcf_status refuse_key(struct ukcf_job *job)
{
	return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
}

static EVP_PKEY *from_data(const struct ukcf_instance *self,
			   const struct ukcf_job *job, int what,
			   OSSL_PARAM bytes)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME,
			(char *)(uintptr_t)ossl_name(job), 0),
		bytes,
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(self->lib, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, what, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The bytes are a key. */
static EVP_PKEY *secret_key(const struct ukcf_instance *self,
			    const struct ukcf_job *job)
{
	BIGNUM *n = number(ossl_algo(self, job), job->key);
	uint8_t native[SIZE_MAX_];
	EVP_PKEY *key = NULL;

	if (n && BN_bn2nativepad(n, native, (int)job->key.len) > 0)
		key = from_data(self, job, EVP_PKEY_KEYPAIR,
				OSSL_PARAM_construct_BN(
					OSSL_PKEY_PARAM_PRIV_KEY, native,
					job->key.len));
	OPENSSL_cleanse(native, sizeof(native));
	BN_clear_free(n);
	return key;
}

static EVP_PKEY *public_point(const struct ukcf_instance *self,
			      const struct ukcf_job *job,
			      struct ukcf_bytes pub)
{
	return from_data(self, job, EVP_PKEY_PUBLIC_KEY,
			 OSSL_PARAM_construct_octet_string(
				 OSSL_PKEY_PARAM_PUB_KEY,
				 (void *)(uintptr_t)pub.data, pub.len));
}

static enum ukcf_status check_key(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	int ok = job->key.len ? is_secret(g, job->key) : is_point(g, job->pub);

	return ok ? ossl_done(job, 0) : refuse_key(job);
}

/* FIPS 186-5 appendix A.2.2: by testing candidates. */
static enum ukcf_status generate(struct ukcf_instance *self,
				 struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	size_t n = size_of(g);

	if (job->out_size < n)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	for (unsigned int i = 0; i < DRAWS; i++) {
		if (getrandom(job->out, n, 0) != (ssize_t)n)
			break;
		if (is_secret(g, (struct ukcf_bytes){ job->out, n }))
			return ossl_done(job, (int64_t)n);
	}
	OPENSSL_cleanse(job->out, n);
	return ossl_refuse(job, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	BIGNUM *n = number(g, job->key);
	EC_POINT *p = EC_POINT_new(g);
	size_t len = 0;

	if (job->out_size < 1 + 2 * size_of(g))
		ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	else if (!n)
		refuse_key(job);
	else if (p && EC_POINT_mul(g, p, n, NULL, NULL, NULL) &&
		 (len = EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED,
					   job->out, job->out_size, NULL)))
		ossl_done(job, (int64_t)len);
	else
		ossl_no_memory(job);
	EC_POINT_free(p);
	BN_clear_free(n);
	return UKCF_DONE;
}

/* ------------------------------------------------------------------ ECDSA */

/* DER -> r || s; 0: no memory */
static int raw_of(const uint8_t *der, size_t len, uint8_t *raw, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int ok = sig &&
		 BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)n) > 0 &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + n, (int)n) > 0;

	ECDSA_SIG_free(sig);
	return ok;
}

/* r || s -> DER; Return: bytes, 0: no memory */
static size_t der_of(const uint8_t *raw, size_t n, uint8_t der[DER_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)n, NULL);
	BIGNUM *s = BN_bin2bn(raw + n, (int)n, NULL);
	int len = 0;

	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		len = i2d_ECDSA_SIG(sig, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static enum ukcf_status sign(struct ukcf_instance *self, struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	uint8_t der[DER_MAX];
	size_t len = sizeof(der);
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	int ok;

	if (job->out_size < 2 * size_of(g))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!is_secret(g, job->key))
		return refuse_key(job);
	key = secret_key(self, job);
	ctx = EVP_MD_CTX_new();
	ok = key && ctx &&
	     EVP_DigestSignInit_ex(ctx, NULL, digest_of(g), self->lib, NULL,
				   key, NULL) > 0 &&
	     EVP_DigestSign(ctx, der, &len, job->in.data, job->in.len) > 0 &&
	     raw_of(der, len, job->out, size_of(g));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key); /* wipes the secret that it copied */
	return ok ? ossl_done(job, (int64_t)(2 * size_of(g))) :
		    ossl_no_memory(job);
}

static enum ukcf_status verify(struct ukcf_instance *self, struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	int ready, right = 0;
	uint8_t der[DER_MAX];
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	size_t len;

	if (job->tag.len != 2 * size_of(g))
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (!is_point(g, job->key))
		return refuse_key(job);
	len = der_of(job->tag.data, size_of(g), der);
	key = public_point(self, job, job->key);
	ctx = EVP_MD_CTX_new();
	ready = len && key && ctx &&
		EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(g), self->lib,
					NULL, key, NULL) > 0;
	if (ready)
		right = EVP_DigestVerify(ctx, der, len, job->in.data,
					 job->in.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!ready)
		return ossl_no_memory(job);
	return right ? ossl_done(job, 0) :
		       ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
}

/* ------------------------------------------------------------------- ECDH */

static int compute(struct ukcf_instance *self, struct ukcf_job *job,
		   EVP_PKEY *own, EVP_PKEY *peer)
{
	size_t len = job->out_size;
	EVP_PKEY_CTX *ctx;
	int ok;

	if (!own || !peer)
		return 0;
	ctx = EVP_PKEY_CTX_new_from_pkey(self->lib, own, NULL);
	ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) > 0 &&
	     EVP_PKEY_derive(ctx, job->out, &len) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	const EC_GROUP *g = ossl_algo(self, job);
	EVP_PKEY *own, *peer;
	int ok;

	if (job->out_size < size_of(g))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!is_secret(g, job->key) || !is_point(g, job->in))
		return refuse_key(job);
	own = secret_key(self, job);
	peer = public_point(self, job, job->in);
	ok = compute(self, job, own, peer);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return ok ? ossl_done(job, (int64_t)size_of(g)) : ossl_no_memory(job);
}

#define KEYS                                                                  \
	.generate = generate, .public_key = public_key, .check_key = check_key

const struct ossl_kind ossl_ecdsa = {
	.fetch = fetch,
	.release = release,
	.ops = { .sign = sign, .verify = verify, KEYS },
};

const struct ossl_kind ossl_ecdh = {
	.fetch = fetch,
	.release = release,
	.ops = { .derive = derive, KEYS },
};
