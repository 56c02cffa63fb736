/* SPDX-License-Identifier: MIT */
/*
 * libsodium's secretstream: chunks under one key, each with a tag of its own, so
 * that each is released as soon as it was verified.  A part of a context is a
 * chunk, the last one is marked as such, and a stream that ends without it was
 * cut.  In one piece it is a stream of one chunk.
 *
 * The nonce is what libsodium calls the header: it makes one at random when it
 * begins a stream, but both directions begin with the same state.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define MORE crypto_secretstream_xchacha20poly1305_ABYTES
#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

_Static_assert(MORE == 17, "mech.def says so");

typedef crypto_secretstream_xchacha20poly1305_state state;

const uint32_t sodium_secretstream_ctx = sizeof(state);

static int refuse(struct ukcf_job *job)
{
	if (job->key.len != crypto_secretstream_xchacha20poly1305_KEYBYTES)
		job->detail = UKCF_DETAIL_KEY_SIZE;
	else if (job->param.len !=
		 crypto_secretstream_xchacha20poly1305_HEADERBYTES)
		job->detail = UKCF_DETAIL_NONCE_SIZE;
	else if (job->aux.len)
		job->detail = UKCF_DETAIL_AUX_SIZE;
	else
		return 0;
	job->res = -EINVAL;
	return 1;
}

static void begin(const struct ukcf_job *job, state *st)
{
	crypto_secretstream_xchacha20poly1305_init_pull(st, job->param.data,
							job->key.data);
}

/* A chunk begins with a byte more than its message: one that is enciphered in
 * place moves up by it first. */
static enum ukcf_status push(struct ukcf_job *job, state *st, uint8_t kind)
{
	const uint8_t *in = sodium_in(job->in);
	unsigned long long made = 0;

	if (job->in.len > crypto_secretstream_xchacha20poly1305_MESSAGEBYTES_MAX)
		return sodium_refuse(job, -EMSGSIZE, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < MORE || job->out_size - MORE < job->in.len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (in == job->out) {
		memmove(job->out + 1, in, job->in.len);
		in = job->out + 1;
	}
	crypto_secretstream_xchacha20poly1305_push(st, job->out, &made, in,
						   job->in.len, NULL, 0, kind);
	return sodium_done(job, (int64_t)made);
}

/* In place the message is made where it lies, then moves down; the byte of the
 * tag that this touches is put back, since it is not output. */
static int pull(state *st, struct ukcf_job *job, uint8_t *kind)
{
	const size_t len = job->in.len - MORE;
	uint8_t *out = job->out, keep;
	int rc;

	if (job->in.data != out)
		return crypto_secretstream_xchacha20poly1305_pull(
			st, out, NULL, kind, job->in.data, job->in.len, NULL,
			0);
	keep = out[len];
	rc = crypto_secretstream_xchacha20poly1305_pull(
		st, out + 1, NULL, kind, out, job->in.len, NULL, 0);
	if (rc == 0) {
		memmove(out, out + 1, len);
		out[len] = keep;
	}
	return rc;
}

/* A stream that goes on, or ends, where it should not was put together. */
static enum ukcf_status open_chunk(struct ukcf_job *job, state *st,
				   int last)
{
	uint8_t kind = 0;

	if (job->in.len < MORE)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (job->in.len - MORE >
	    crypto_secretstream_xchacha20poly1305_MESSAGEBYTES_MAX)
		return sodium_refuse(job, -EMSGSIZE, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < job->in.len - MORE)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (pull(st, job, &kind) || (kind == FINAL) != last)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, (int64_t)(job->in.len - MORE));
}

static enum ukcf_status chunk(struct ukcf_job *job, state *st, int last)
{
	if (job->op == UKCF_OP_DECRYPT)
		return open_chunk(job, st, last);
	return push(job, st, last ? FINAL : MESSAGE);
}

static enum ukcf_status whole(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status;
	state st;

	(void)self;
	if (refuse(job))
		return UKCF_DONE;
	begin(job, &st);
	status = chunk(job, &st, 1);
	sodium_memzero(&st, sizeof(st));
	return status;
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	if (refuse(job))
		return UKCF_DONE;
	begin(job, job->ctx);
	return sodium_done(job, 0);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	return chunk(job, job->ctx, 0);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status = chunk(job, job->ctx, 1);

	(void)self;
	sodium_memzero(job->ctx, sizeof(state));
	return status;
}

const struct ukcf_mech_ops sodium_secretstream = {
	.encrypt = whole,
	.decrypt = whole,
	.generate = sodium_generate_32,
	.init = init,
	.update = update,
	.final = final,
};
