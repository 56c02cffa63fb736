/* SPDX-License-Identifier: MIT */
/*
 * RSA encryption (RFC 8017): RSAES-PKCS1-v1_5 and RSAES-OAEP, whose label is the
 * additional data and whose MGF1 has the digest of the label.
 *
 * Whoever learns whether a v1.5 padding was right can decrypt (Bleichenbacher).
 * So it is not told: a wrong one gives a message that follows from the secret
 * key and the ciphertext, of a length that does too, as in
 * draft-irtf-cfrg-rsa-guidance section 7 ("implicit rejection").  libcrypto does
 * that since 3.2 only; here it is done for all, of what the bare decryption
 * gives, without a branch or an address that depends on it.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "providers/openssl/rsa.h"

#define HASH 32u   /* SHA-256 */
#define TRIALS 128u /* lengths to choose from; each fits with one half or more,
		       as the mask is less than twice the longest */
#define PS_MIN 8u  /* bytes of padding string */

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

/* ----------------------------------------------------------- constant time */

/* All ones or zero.  The compiler must not see that there are two. */
static uint32_t mask_of(uint32_t bit)
{
	uint32_t m = 0 - bit;

	__asm__("" : "+r"(m));
	return m;
}

static uint32_t is_zero(uint32_t a)
{
	return mask_of((~a & (a - 1)) >> 31);
}

static uint32_t is_less(uint32_t a, uint32_t b)
{
	return mask_of((a ^ ((a ^ b) | ((a - b) ^ b))) >> 31);
}

static uint32_t choose(uint32_t mask, uint32_t a, uint32_t b)
{
	return (mask & a) | (~mask & b);
}

/* ------------------------------------------------------ implicit rejection */

/* What is made in place of a message. */
struct substitute {
	uint8_t seed[HASH];
	uint8_t lengths[2 * TRIALS];
	uint8_t bytes[RSA_MODULUS_MAX];
};

static int hmac(const struct ukcf_instance *self, const uint8_t key[HASH],
		struct ukcf_bytes in, uint8_t out[HASH])
{
	size_t len = 0;

	return EVP_Q_mac(self->lib, "HMAC", NULL, "SHA2-256", NULL, key, HASH,
			 in.data, in.len, out, HASH, &len) &&
	       len == HASH;
}

/* HMAC of counter || label || bits wanted, again and again.  len is a multiple
 * of HASH. */
static int expand(const struct ukcf_instance *self, const uint8_t seed[HASH],
		  const char *label, uint8_t *out, size_t len)
{
	size_t n = strlen(label);
	uint8_t in[16] = { 0 };
	int ok = 1;

	memcpy(in + 2, label, n);
	in[2 + n] = (uint8_t)(len * 8 >> 8);
	in[3 + n] = (uint8_t)(len * 8);
	for (size_t i = 0; ok && i < len / HASH; i++) {
		in[1] = (uint8_t)i;
		ok = hmac(self, seed, (struct ukcf_bytes){ in, n + 4 },
			  out + i * HASH);
	}
	return ok;
}

/* Of a ciphertext of size bytes, as many as the modulus has. */
static int make_substitute(const struct ukcf_instance *self,
			   const struct rsa_key *k, const uint8_t *ciphertext,
			   struct substitute *s)
{
	size_t size = k->n[N].len, d = k->n[D].len;
	uint8_t padded[RSA_MODULUS_MAX] = { 0 }, hash[HASH];
	int ok;

	if (d > size)
		return 0;
	memcpy(padded + size - d, k->n[D].data, d);
	ok = EVP_Q_digest(self->lib, "SHA2-256", NULL, padded, size, hash,
			  NULL) &&
	     hmac(self, hash, (struct ukcf_bytes){ ciphertext, size },
		  s->seed) &&
	     expand(self, s->seed, "length", s->lengths, sizeof(s->lengths)) &&
	     expand(self, s->seed, "message", s->bytes, size);
	OPENSSL_cleanse(padded, sizeof(padded));
	OPENSSL_cleanse(hash, sizeof(hash));
	return ok;
}

/* The last of the lengths that fits. */
static uint32_t substitute_length(const struct substitute *s, uint32_t size)
{
	uint32_t end = size - 2 - PS_MIN, mask = end, len = 0;

	for (unsigned int i = 1; i < 16; i *= 2)
		mask |= mask >> i;
	for (unsigned int i = 0; i < TRIALS; i++) {
		uint32_t l = ((uint32_t)s->lengths[2 * i] << 8 |
			      s->lengths[2 * i + 1]) & mask;

		len = choose(is_less(l, end), l, len);
	}
	return len;
}

/* em = 0 || 2 || 8 bytes or more that are not 0 || 0 || message.  All ones if it
 * is; *at is where the message begins. */
static uint32_t is_padded(const uint8_t *em, uint32_t size, uint32_t *at)
{
	uint32_t found = 0, first = 0;
	uint32_t good = is_zero(em[0]) & is_zero(em[1] ^ 2u);

	for (uint32_t i = 2; i < size; i++) {
		uint32_t zero = is_zero(em[i]);

		first = choose(~found & zero, i, first);
		found |= zero;
	}
	*at = first + 1;
	return good & found & ~is_less(first, 2 + PS_MIN);
}

/* The message in em, or the substitute.  Return: where it begins in em; it goes
 * to the end. */
static uint32_t unpad(uint8_t *em, uint32_t size, const struct substitute *s)
{
	uint32_t at, good = is_padded(em, size, &at);

	for (uint32_t i = 0; i < size; i++)
		em[i] = (uint8_t)choose(good, em[i], s->bytes[i]);
	return choose(good, at, size - substitute_length(s, size));
}

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
		return 3 + PS_MIN;
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
	if (!make_substitute(self, &k, job->in.data, &s)) {
		ossl_no_memory(job);
	} else if (decrypt(self, job, &k, RSA_NO_PADDING, em, &len, &ready) &&
		   len == k.n[N].len) {
		at = unpad(em, (uint32_t)len, &s);
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
