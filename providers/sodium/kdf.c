/* SPDX-License-Identifier: MIT */
/*
 * HKDF (RFC 5869) on libsodium's HMAC: key = input keying material, in = salt,
 * aux = info, and as many bytes as there is room for.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define HASH_MAX crypto_auth_hmacsha512_BYTES
#define BLOCKS_MAX 255u /* RFC 5869 section 2.3 */

union state {
	crypto_auth_hmacsha256_state s256;
	crypto_auth_hmacsha512_state s512;
};

struct hash {
	size_t len;
	void (*init)(union state *st, const uint8_t *key, size_t len);
	void (*update)(union state *st, struct ukcf_bytes b);
	void (*final)(union state *st, uint8_t *out);
};

#define HASH(bits)                                                            \
	static void init_##bits(union state *st, const uint8_t *key,          \
				size_t len)                                   \
	{                                                                     \
		crypto_auth_hmacsha##bits##_init(&st->s##bits, key, len);     \
	}                                                                     \
	static void update_##bits(union state *st, struct ukcf_bytes b)       \
	{                                                                     \
		crypto_auth_hmacsha##bits##_update(&st->s##bits,              \
						   sodium_in(b), b.len);      \
	}                                                                     \
	static void final_##bits(union state *st, uint8_t *out)               \
	{                                                                     \
		crypto_auth_hmacsha##bits##_final(&st->s##bits, out);         \
	}                                                                     \
	static const struct hash sha##bits = {                                \
		crypto_auth_hmacsha##bits##_BYTES, init_##bits,               \
		update_##bits, final_##bits                                   \
	}

HASH(256);
HASH(512);

/* PRK = HMAC(salt, IKM) */
static void extract(const struct hash *h, const struct ukcf_job *job,
		    uint8_t *prk)
{
	static const uint8_t zeros[HASH_MAX];
	union state st;

	if (job->in.len)
		h->init(&st, job->in.data, job->in.len);
	else
		h->init(&st, zeros, h->len);
	h->update(&st, job->key);
	h->final(&st, prk);
	sodium_memzero(&st, sizeof(st));
}

/* T(n) = HMAC(PRK, T(n - 1) || info || n) */
static void expand(const struct hash *h, const struct ukcf_job *job,
		   const uint8_t *prk)
{
	uint8_t t[HASH_MAX], n = 0;
	size_t done = 0;
	union state st;

	while (done < job->out_size) {
		const size_t rest = job->out_size - done;
		const size_t take = rest < h->len ? rest : h->len;

		h->init(&st, prk, h->len);
		h->update(&st, (struct ukcf_bytes){ t, n ? h->len : 0 });
		h->update(&st, job->aux);
		n++;
		h->update(&st, (struct ukcf_bytes){ &n, 1 });
		h->final(&st, t);
		memcpy(job->out + done, t, take);
		done += take;
	}
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(t, sizeof(t));
}

static enum ukcf_status derive(const struct hash *h, struct ukcf_job *job)
{
	uint8_t prk[HASH_MAX];

	if (job->out_size == 0 || job->out_size > BLOCKS_MAX * h->len)
		return sodium_refuse(job, -EMSGSIZE, UKCF_DETAIL_OUT_SIZE);
	extract(h, job, prk);
	expand(h, job, prk);
	sodium_memzero(prk, sizeof(prk));
	return sodium_done(job, (int64_t)job->out_size);
}

static enum ukcf_status derive_256(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	(void)self;
	return derive(&sha256, job);
}

static enum ukcf_status derive_512(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	(void)self;
	return derive(&sha512, job);
}

const struct ukcf_mech_ops sodium_hkdf_sha2_256 = {
	.derive = derive_256,
	.generate = sodium_generate_32,
};

const struct ukcf_mech_ops sodium_hkdf_sha2_512 = {
	.derive = derive_512,
	.generate = sodium_generate_32,
};
