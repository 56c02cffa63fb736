/* SPDX-License-Identifier: MIT */
/*
 * HMAC (RFC 2104) with keys of any length.  The first half of HMAC-SHA-512 is a
 * mechanism of its own, libsodium's crypto_auth_hmacsha512256: it is not the
 * HMAC of SHA-512/256, which begins with another state.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define FULL_MAX crypto_auth_hmacsha512_BYTES

const uint32_t sodium_hmac_sha2_256_ctx =
	sizeof(crypto_auth_hmacsha256_state);
const uint32_t sodium_hmac_sha2_512_ctx =
	sizeof(crypto_auth_hmacsha512_state);

union state {
	crypto_auth_hmacsha256_state s256;
	crypto_auth_hmacsha512_state s512;
};

struct hmac {
	size_t most, least; /* bytes of a tag */
	size_t state;
	void (*init)(void *st, struct ukcf_bytes key);
	void (*update)(void *st, struct ukcf_bytes in);
	void (*final)(void *st, uint8_t full[FULL_MAX]);
};

#define HASH(bits)                                                            \
	static void init_##bits(void *st, struct ukcf_bytes key)              \
	{                                                                     \
		crypto_auth_hmacsha##bits##_init(st, sodium_in(key), key.len);\
	}                                                                     \
	static void update_##bits(void *st, struct ukcf_bytes in)             \
	{                                                                     \
		crypto_auth_hmacsha##bits##_update(st, sodium_in(in), in.len);\
	}                                                                     \
	static void final_##bits(void *st, uint8_t full[FULL_MAX])            \
	{                                                                     \
		crypto_auth_hmacsha##bits##_final(st, full);                  \
	}

HASH(256)
HASH(512)

/* RFC 2104 section 5: half of the output or more */
static const struct hmac sha256 = { 32, 16,
				    sizeof(crypto_auth_hmacsha256_state),
				    init_256, update_256, final_256 };
static const struct hmac sha512 = { 64, 32,
				    sizeof(crypto_auth_hmacsha512_state),
				    init_512, update_512, final_512 };
static const struct hmac sha512_trunc_256 = {
	32, 32, sizeof(crypto_auth_hmacsha512_state),
	init_512, update_512, final_512
};

/* A template is the state after the key: both blocks of padding are hashed. */
static void begin(const struct hmac *h, const struct ukcf_job *job, void *st)
{
	if (job->tmpl)
		memcpy(st, job->tmpl, h->state);
	else
		h->init(st, job->key);
}

static void compute(const struct hmac *h, const struct ukcf_job *job,
		    uint8_t full[FULL_MAX])
{
	union state st;

	begin(h, job, &st);
	h->update(&st, job->in);
	h->final(&st, full);
	sodium_memzero(&st, sizeof(st));
}

static int tag_len_is_valid(const struct hmac *h, size_t n)
{
	return n >= h->least && n <= h->most;
}

static enum ukcf_status give(const struct hmac *h, struct ukcf_job *job,
			     uint8_t full[FULL_MAX])
{
	if (!tag_len_is_valid(h, job->tag_len) ||
	    job->out_size < job->tag_len) {
		sodium_memzero(full, FULL_MAX);
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	}
	memcpy(job->out, full, job->tag_len);
	sodium_memzero(full, FULL_MAX);
	return sodium_done(job, (int64_t)job->tag_len);
}

static enum ukcf_status mac(const struct hmac *h, struct ukcf_job *job)
{
	uint8_t full[FULL_MAX];

	compute(h, job, full);
	return give(h, job, full);
}

static enum ukcf_status compare(const struct hmac *h, struct ukcf_job *job,
				uint8_t full[FULL_MAX])
{
	int differs = !tag_len_is_valid(h, job->tag.len) ||
		      sodium_memcmp(full, job->tag.data, job->tag.len);

	sodium_memzero(full, FULL_MAX);
	if (differs)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, 0);
}

static enum ukcf_status mac_verify(const struct hmac *h, struct ukcf_job *job)
{
	uint8_t full[FULL_MAX];

	if (!tag_len_is_valid(h, job->tag.len))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	compute(h, job, full);
	return compare(h, job, full);
}

static enum ukcf_status init(const struct hmac *h, struct ukcf_job *job)
{
	begin(h, job, job->ctx);
	return sodium_done(job, 0);
}

static enum ukcf_status update(const struct hmac *h, struct ukcf_job *job)
{
	h->update(job->ctx, job->in);
	return sodium_done(job, 0);
}

static enum ukcf_status final(const struct hmac *h, struct ukcf_job *job)
{
	uint8_t full[FULL_MAX];

	h->update(job->ctx, job->in);
	h->final(job->ctx, full);
	return job->op == UKCF_OP_MAC_VERIFY ? compare(h, job, full) :
					       give(h, job, full);
}

static enum ukcf_status init_tmpl(const struct hmac *h, struct ukcf_job *job)
{
	if (job->out_size < h->state)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	h->init(job->out, job->key);
	return sodium_done(job, (int64_t)h->state);
}

#define ENTRY(fn, hmac_)                                                      \
	static enum ukcf_status fn##_##hmac_(struct ukcf_instance *self,      \
					     struct ukcf_job *job)            \
	{                                                                     \
		(void)self;                                                   \
		return fn(&hmac_, job);                                       \
	}

#define MECHANISM(name, hmac_, generate_)                                     \
	ENTRY(mac, hmac_)                                                     \
	ENTRY(mac_verify, hmac_)                                              \
	ENTRY(init, hmac_)                                                    \
	ENTRY(update, hmac_)                                                  \
	ENTRY(final, hmac_)                                                   \
	ENTRY(init_tmpl, hmac_)                                               \
	const struct ukcf_mech_ops sodium_##name = {                          \
		.mac = mac_##hmac_,                                           \
		.mac_verify = mac_verify_##hmac_,                             \
		.generate = generate_,                                        \
		.init = init_##hmac_,                                         \
		.update = update_##hmac_,                                     \
		.final = final_##hmac_,                                       \
		.init_tmpl = init_tmpl_##hmac_,                               \
	};

MECHANISM(hmac_sha2_256, sha256, sodium_generate_32)
MECHANISM(hmac_sha2_512, sha512, sodium_generate_64)
MECHANISM(hmac_sha2_512_trunc_256, sha512_trunc_256, sodium_generate_32)
