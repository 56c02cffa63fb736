/* SPDX-License-Identifier: MIT */
/*
 * ChaCha20 (RFC 8439) and XChaCha20: a keystream from block 0 on, and nothing
 * that authenticates.  Both directions are the same.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define KEY 32u
#define BLOCK 64u
#define NONCE_MAX 24u

/* RFC 8439 section 2.3: the counter has 32 bits */
#define CHACHA20_MAX (UINT64_C(64) << 32)

struct stream {
	uint8_t key[KEY];
	uint8_t nonce[NONCE_MAX];
	uint64_t block;	       /* the next one */
	uint8_t rest[BLOCK];   /* of the last one, from `used' on */
	uint32_t used;
};

const uint32_t sodium_chacha20_ctx = sizeof(struct stream);

/* The counter ends with the length, which is bounded. */
static int chacha20_xor(uint8_t *out, const uint8_t *in, size_t len,
			const uint8_t *nonce, uint64_t block,
			const uint8_t *key)
{
	return crypto_stream_chacha20_ietf_xor_ic(out, in, len, nonce,
						  (uint32_t)block, key);
}

static int xchacha20_xor(uint8_t *out, const uint8_t *in, size_t len,
			 const uint8_t *nonce, uint64_t block,
			 const uint8_t *key)
{
	return crypto_stream_xchacha20_xor_ic(out, in, len, nonce, block, key);
}

struct cipher {
	size_t nonce;
	uint64_t data_max;
	int (*xor)(uint8_t *out, const uint8_t *in, size_t len,
		   const uint8_t *nonce, uint64_t block, const uint8_t *key);
};

static const struct cipher chacha20 = { 12, CHACHA20_MAX, chacha20_xor };
static const struct cipher xchacha20 = { 24, UINT64_MAX, xchacha20_xor };

static int refuse_key(const struct cipher *c, struct ukcf_job *job)
{
	if (job->key.len == KEY && job->param.len == c->nonce)
		return 0;
	job->res = -EINVAL;
	job->detail = job->key.len == KEY ? UKCF_DETAIL_NONCE_SIZE :
					    UKCF_DETAIL_KEY_SIZE;
	return 1;
}

static enum ukcf_status run(const struct cipher *c, struct ukcf_job *job)
{
	if (refuse_key(c, job))
		return UKCF_DONE;
	if (job->in.len > c->data_max)
		return sodium_refuse(job, -EMSGSIZE, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < job->in.len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (job->in.len)
		c->xor(job->out, job->in.data, job->in.len, job->param.data, 0,
		       job->key.data);
	return sodium_done(job, (int64_t)job->in.len);
}

static enum ukcf_status init(const struct cipher *c, struct ukcf_job *job)
{
	struct stream *s = job->ctx;

	if (refuse_key(c, job))
		return UKCF_DONE;
	memcpy(s->key, job->key.data, KEY);
	memcpy(s->nonce, job->param.data, c->nonce);
	s->block = 0;
	s->used = BLOCK;
	return sodium_done(job, 0);
}

static size_t use_rest(struct stream *s, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	size_t n = BLOCK - s->used < len ? BLOCK - s->used : len;

	for (size_t i = 0; i < n; i++)
		out[i] = in[i] ^ s->rest[s->used + i];
	s->used += (uint32_t)n;
	return n;
}

static void next_rest(const struct cipher *c, struct stream *s)
{
	memset(s->rest, 0, BLOCK);
	c->xor(s->rest, s->rest, BLOCK, s->nonce, s->block++, s->key);
	s->used = 0;
}

static enum ukcf_status update(const struct cipher *c, struct ukcf_job *job)
{
	const uint8_t *in = job->in.data;
	size_t len = job->in.len, n, whole;
	struct stream *s = job->ctx;

	if (job->out_size < len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (len == 0)
		return sodium_done(job, 0);
	n = use_rest(s, job->out, in, len);
	whole = (len - n) / BLOCK * BLOCK;
	if (whole)
		c->xor(job->out + n, in + n, whole, s->nonce, s->block,
		       s->key);
	s->block += whole / BLOCK;
	n += whole;
	if (n < len) {
		next_rest(c, s);
		use_rest(s, job->out + n, in + n, len - n);
	}
	return sodium_done(job, (int64_t)len);
}

static enum ukcf_status final(const struct cipher *c, struct ukcf_job *job)
{
	enum ukcf_status status = update(c, job);

	sodium_memzero(job->ctx, sizeof(struct stream));
	return status;
}

#define ENTRY(fn, c)                                                          \
	static enum ukcf_status fn##_##c(struct ukcf_instance *self,          \
					 struct ukcf_job *job)                \
	{                                                                     \
		(void)self;                                                   \
		return fn(&c, job);                                           \
	}

#define MECHANISM(c)                                                          \
	ENTRY(run, c)                                                         \
	ENTRY(init, c)                                                        \
	ENTRY(update, c)                                                      \
	ENTRY(final, c)                                                       \
	const struct ukcf_mech_ops sodium_##c = {                             \
		.encrypt = run_##c,                                           \
		.decrypt = run_##c,                                           \
		.generate = sodium_generate_32,                               \
		.init = init_##c,                                             \
		.update = update_##c,                                         \
		.final = final_##c,                                           \
	};

MECHANISM(chacha20)
MECHANISM(xchacha20)
