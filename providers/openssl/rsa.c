/* SPDX-License-Identifier: MIT */
/*
 * Keys of RSA, of 2048, 3072 and 4096 bits, and signatures (RFC 8017): PKCS #1
 * v1.5 and PSS.  Keys are DER: secret ones RSAPrivateKey of two primes (appendix
 * A.1.2) or PKCS #8 around it, public ones RSAPublicKey (A.1.1) or X.509's
 * SubjectPublicKeyInfo around it.  The reader below takes these alone, and each
 * in its one encoding: no attributes, no trailing bytes.
 */
#include <endian.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#include "providers/openssl/rsa.h"
#include "providers/shared/der-put.h"

#define INTEGER 0x02
#define BIT_STRING 0x03
#define OCTET_STRING 0x04
#define SEQUENCE 0x30

#define SECRET_MAX 2432u /* bytes of DER; mech.def */
#define E_MAX 8u	 /* bytes: more is slow for whoever verifies */

static const char *const names[NUMBERS] = {
	OSSL_PKEY_PARAM_RSA_N,		  OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,		  OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,	  OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2,	  OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	(void)name;
	return EVP_SIGNATURE_fetch(lib, "RSA", NULL);
}

static void release(void *algo)
{
	EVP_SIGNATURE_free(algo);
}

/* -------------------------------------------------------------------- DER */

/* The length that d begins with, in its shortest form, of at most 65535. */
static int take_length(struct ukcf_bytes *d, size_t *len)
{
	size_t more, n = 0;

	if (d->len == 0)
		return 0;
	more = d->data[0] < 0x80 ? 0 : d->data[0] & 0x7fu;
	if (more > 2 || d->len < 1 + more || d->data[0] == 0x80)
		return 0;
	for (size_t i = 1; i <= more; i++)
		n = n << 8 | d->data[i];
	if (more == 0)
		n = d->data[0];
	else if (n < 0x80 || (more == 2 && n < 0x100))
		return 0;
	d->data += 1 + more;
	d->len -= 1 + more;
	*len = n;
	return n <= d->len;
}

/* Take an element off the front of d: its content.  0: it is another one. */
static int take(struct ukcf_bytes *d, uint8_t tag, struct ukcf_bytes *content)
{
	size_t len;

	if (d->len == 0 || d->data[0] != tag)
		return 0;
	d->data++;
	d->len--;
	if (!take_length(d, &len))
		return 0;
	*content = (struct ukcf_bytes){ d->data, len };
	d->data += len;
	d->len -= len;
	return 1;
}

/* All of d is this element. */
static int is_only(struct ukcf_bytes d, uint8_t tag, struct ukcf_bytes *content)
{
	return take(&d, tag, content) && d.len == 0;
}

/* A positive one, in its shortest form. */
static int take_number(struct ukcf_bytes *d, struct ukcf_bytes *n)
{
	if (!take(d, INTEGER, n) || n->len == 0 || n->data[0] & 0x80)
		return 0;
	if (n->data[0] == 0) {
		n->data++;
		n->len--;
		return n->len && n->data[0] & 0x80;
	}
	return 1;
}

static int take_zero(struct ukcf_bytes *d)
{
	struct ukcf_bytes n;

	return take(d, INTEGER, &n) && n.len == 1 && n.data[0] == 0;
}

/* AlgorithmIdentifier { rsaEncryption, NULL } */
static int take_algorithm(struct ukcf_bytes *d)
{
	static const uint8_t rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
				       0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	struct ukcf_bytes a;

	return take(d, SEQUENCE, &a) && a.len == sizeof(rsa) &&
	       memcmp(a.data, rsa, sizeof(rsa)) == 0;
}

static int take_numbers(struct ukcf_bytes d, struct rsa_key *k,
			unsigned int count)
{
	k->count = count;
	for (unsigned int i = 0; i < count; i++)
		if (!take_number(&d, &k->n[i]))
			return 0;
	return d.len == 0;
}

static int read_public(struct ukcf_bytes der, struct rsa_key *k)
{
	struct ukcf_bytes d, inner;

	if (!is_only(der, SEQUENCE, &d))
		return 0;
	if (d.len && d.data[0] == SEQUENCE) { /* SubjectPublicKeyInfo */
		if (!take_algorithm(&d) || !is_only(d, BIT_STRING, &inner) ||
		    inner.len == 0 || inner.data[0] != 0)
			return 0;
		inner.data++; /* no bits are unused */
		inner.len--;
		if (!is_only(inner, SEQUENCE, &d))
			return 0;
	}
	return take_numbers(d, k, 2);
}

static int read_secret(struct ukcf_bytes der, struct rsa_key *k)
{
	struct ukcf_bytes d, inner;

	if (!is_only(der, SEQUENCE, &d) || !take_zero(&d))
		return 0;
	if (d.len && d.data[0] == SEQUENCE) { /* PKCS #8 */
		if (!take_algorithm(&d) || !is_only(d, OCTET_STRING, &inner) ||
		    !is_only(inner, SEQUENCE, &d) || !take_zero(&d))
			return 0;
	}
	return take_numbers(d, k, NUMBERS);
}

/* -------------------------------------------------------------------- keys */

/* 2048, 3072 or 4096 bits, odd; e odd, 65537 at least (FIPS 186-5 A.1.1). */
static int is_right_size(const struct rsa_key *k)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	const struct ukcf_bytes *n = &k->n[N], *e = &k->n[E];

	if ((n->len != 256 && n->len != 384 && n->len != 512) ||
	    !(n->data[0] & 0x80) || !(n->data[n->len - 1] & 1))
		return 0;
	return e->len >= sizeof(f4) && e->len <= E_MAX &&
	       e->data[e->len - 1] & 1 &&
	       (e->len > sizeof(f4) || memcmp(e->data, f4, sizeof(f4)) >= 0);
}

int ossl_rsa_read(struct ukcf_bytes der, int secret, struct rsa_key *k)
{
	return der.len <= SECRET_MAX &&
	       (secret ? read_secret(der, k) : read_public(der, k)) &&
	       is_right_size(k);
}

/* In the byte order that OSSL_PARAM has; *room advances. */
static OSSL_PARAM param(const char *name, struct ukcf_bytes n, uint8_t **room)
{
	uint8_t *to = *room;

	for (size_t i = 0; i < n.len; i++)
		to[BYTE_ORDER == LITTLE_ENDIAN ? n.len - 1 - i : i] = n.data[i];
	*room += n.len;
	return OSSL_PARAM_construct_BN(name, to, n.len);
}

/* NULL: no memory. */
static EVP_PKEY *make(const struct ukcf_instance *self, const struct rsa_key *k)
{
	int what = k->count > 2 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(self->lib, "RSA", NULL);
	uint8_t native[SECRET_MAX], *room = native;
	OSSL_PARAM params[NUMBERS + 1];
	EVP_PKEY *key = NULL;

	for (unsigned int i = 0; i < k->count; i++)
		params[i] = param(names[i], k->n[i], &room);
	params[k->count] = OSSL_PARAM_construct_end();
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, what, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_cleanse(native, sizeof(native));
	return key;
}

/* A template is the object that libcrypto made of the key: its Montgomery
 * contexts and its blinding take longer to make than a signature. */
enum ukcf_status ossl_rsa_init_tmpl(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	int secret = job->key.len != 0;
	struct rsa_key k;

	if (!ossl_rsa_read(secret ? job->key : job->pub, secret, &k))
		return ossl_rsa_refuse_key(job);
	return ossl_keep_key(job, make(self, &k));
}

EVP_PKEY *ossl_rsa_borrow(const struct ukcf_instance *self,
			  const struct ukcf_job *job, const struct rsa_key *k)
{
	return job->tmpl ? ossl_kept_key(job) : make(self, k);
}

void ossl_rsa_return(const struct ukcf_job *job, EVP_PKEY *key)
{
	if (!job->tmpl)
		EVP_PKEY_free(key); /* wipes what it copied */
}

enum ukcf_status ossl_rsa_refuse_key(struct ukcf_job *job)
{
	return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
}

/* Of a secret key: p and q are prime, and all other numbers follow from them
 * and e.  Sizes are bounded, and so is its time. */
static int is_consistent(struct ukcf_instance *self, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(self->lib, key, NULL);
	int ok = ctx && EVP_PKEY_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

enum ukcf_status ossl_rsa_check_key(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	int secret = job->key.len != 0, ok;
	struct rsa_key k;
	EVP_PKEY *key;

	if (!ossl_rsa_read(secret ? job->key : job->pub, secret, &k))
		return ossl_rsa_refuse_key(job);
	if (!secret)
		return ossl_done(job, 0);
	if (k.n[P].len > RSA_MODULUS_MAX / 2 || k.n[Q].len > RSA_MODULUS_MAX / 2)
		return ossl_rsa_refuse_key(job);
	key = make(self, &k);
	if (!key)
		return ossl_no_memory(job);
	ok = is_consistent(self, key);
	EVP_PKEY_free(key); /* wipes what it copied */
	return ok ? ossl_done(job, 0) : ossl_rsa_refuse_key(job);
}

/* RSAPublicKey */
enum ukcf_status ossl_rsa_public_key(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	uint8_t numbers[RSA_MODULUS_MAX + E_MAX + 16], header[4];
	size_t len, head;
	struct rsa_key k;

	(void)self;
	if (!ossl_rsa_read(job->key, 1, &k))
		return ossl_rsa_refuse_key(job);
	len = der_put_number(numbers, k.n[N]);
	len += der_put_number(numbers + len, k.n[E]);
	head = der_put_header(header, SEQUENCE, len);
	if (job->out_size < head + len)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	memcpy(job->out, header, head);
	memcpy(job->out + head, numbers, len);
	return ossl_done(job, (int64_t)(head + len));
}

/* -------------------------------------------------------------- generation */

#define BITS_DEFAULT 3072u /* SP 800-57 part 1, table 2: 128 bits of security */

static EVP_PKEY *generate(const struct ukcf_instance *self, size_t bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(self->lib, "RSA", NULL);
	EVP_PKEY *key = NULL;

	/* The exponent is 65537 unless another one is asked for. */
	if (ctx && EVP_PKEY_keygen_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) > 0 &&
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* FIPS 140-3 IG 10.3.A: what the secret key signs the public one verifies. */
static int is_pair(const struct ukcf_instance *self, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(self->lib, key, NULL);
	static const uint8_t message[32] = "pairwise consistency";
	uint8_t sig[RSA_MODULUS_MAX];
	size_t len = sizeof(sig);
	int ok = ctx && EVP_PKEY_sign_init(ctx) > 0 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		 EVP_PKEY_sign(ctx, sig, &len, message, sizeof(message)) > 0 &&
		 EVP_PKEY_verify_init(ctx) > 0 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		 EVP_PKEY_verify(ctx, sig, len, message, sizeof(message)) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* One number of the key as an INTEGER.  Return: bytes, 0: it has none. */
static size_t put_named(EVP_PKEY *key, const char *name, uint8_t *at)
{
	uint8_t bytes[RSA_MODULUS_MAX];
	BIGNUM *n = NULL;
	size_t len = 0;

	if (EVP_PKEY_get_bn_param(key, name, &n) && !BN_is_zero(n) &&
	    BN_num_bytes(n) <= (int)sizeof(bytes) && BN_bn2bin(n, bytes) > 0)
		len = der_put_number(at, (struct ukcf_bytes){
						 bytes,
						 (size_t)BN_num_bytes(n) });
	BN_clear_free(n);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return len;
}

/* RSAPrivateKey.  Return: bytes, 0: it is not one that we would take. */
static size_t put_secret(EVP_PKEY *key, uint8_t der[SECRET_MAX])
{
	static const uint8_t version[] = { INTEGER, 1, 0 };
	uint8_t inner[SECRET_MAX], header[4];
	size_t len = sizeof(version), head, n = 1;
	struct rsa_key k;

	memcpy(inner, version, sizeof(version));
	for (unsigned int i = 0; n && i < NUMBERS; i++) {
		/* each is a modulus, or half of one, and 5 bytes more */
		n = put_named(key, names[i], inner + len);
		len += n;
	}
	head = der_put_header(header, SEQUENCE, len);
	memcpy(der, header, head);
	memcpy(der + head, inner, len);
	OPENSSL_cleanse(inner, sizeof(inner));
	len += head;
	return n && ossl_rsa_read((struct ukcf_bytes){ der, len }, 1, &k) ?
		       len :
		       0;
}

enum ukcf_status ossl_rsa_generate(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	size_t bits = job->tag_len ? job->tag_len : BITS_DEFAULT, len = 0;
	EVP_PKEY *key;

	if (bits != 2048 && bits != 3072 && bits != 4096)
		return ossl_refuse(job, -EINVAL, UKCF_DETAIL_KEY_SIZE);
	if (job->out_size < SECRET_MAX)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	key = generate(self, bits);
	if (key && is_pair(self, key))
		len = put_secret(key, job->out);
	EVP_PKEY_free(key);
	if (len)
		return ossl_done(job, (int64_t)len);
	OPENSSL_cleanse(job->out, SECRET_MAX);
	return ossl_refuse(job, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
}

/* -------------------------------------------------------------- signatures */

/* PSS: the salt is as long as the digest, which MGF1 uses too. */
static int set_padding(EVP_PKEY_CTX *ctx, int pss)
{
	if (!pss)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) >
		       0;
}

static enum ukcf_status sign(struct ukcf_instance *self, struct ukcf_job *job,
			     int pss)
{
	size_t len = job->out_size;
	EVP_PKEY_CTX *pctx;
	struct rsa_key k;
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	int ok;

	if (!ossl_rsa_read(job->key, 1, &k))
		return ossl_rsa_refuse_key(job);
	if (job->out_size < k.n[N].len)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	key = ossl_rsa_borrow(self, job, &k);
	ctx = EVP_MD_CTX_new();
	ok = key && ctx &&
	     EVP_DigestSignInit_ex(ctx, &pctx, ossl_name(job), self->lib, NULL,
				   key, NULL) > 0 &&
	     set_padding(pctx, pss) &&
	     EVP_DigestSign(ctx, job->out, &len, job->in.data, job->in.len) > 0;
	EVP_MD_CTX_free(ctx);
	ossl_rsa_return(job, key);
	return ok ? ossl_done(job, (int64_t)len) : ossl_no_memory(job);
}

static enum ukcf_status verify(struct ukcf_instance *self, struct ukcf_job *job,
			       int pss)
{
	int ready, right = 0;
	EVP_PKEY_CTX *pctx;
	struct rsa_key k;
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;

	if (!ossl_rsa_read(job->key, 0, &k))
		return ossl_rsa_refuse_key(job);
	if (job->tag.len != k.n[N].len)
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	key = ossl_rsa_borrow(self, job, &k);
	ctx = EVP_MD_CTX_new();
	ready = key && ctx &&
		EVP_DigestVerifyInit_ex(ctx, &pctx, ossl_name(job), self->lib,
					NULL, key, NULL) > 0 &&
		set_padding(pctx, pss);
	if (ready)
		right = EVP_DigestVerify(ctx, job->tag.data, job->tag.len,
					 job->in.data, job->in.len) == 1;
	EVP_MD_CTX_free(ctx);
	ossl_rsa_return(job, key);
	if (!ready)
		return ossl_no_memory(job);
	return right ? ossl_done(job, 0) :
		       ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
}

#define PADDING(name, pss)                                                    \
	static enum ukcf_status name##_sign(struct ukcf_instance *self,       \
					    struct ukcf_job *job)             \
	{                                                                     \
		return sign(self, job, pss);                                  \
	}                                                                     \
	static enum ukcf_status name##_verify(struct ukcf_instance *self,     \
					      struct ukcf_job *job)           \
	{                                                                     \
		return verify(self, job, pss);                                \
	}                                                                     \
	const struct ossl_kind ossl_rsa_##name = {                            \
		.fetch = fetch,                                               \
		.release = release,                                           \
		.ops = { .sign = name##_sign,                                 \
			 .verify = name##_verify,                             \
			 OSSL_RSA_KEYS },                                     \
	};

PADDING(pkcs1, 0)
PADDING(pss, 1)
