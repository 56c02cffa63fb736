/* SPDX-License-Identifier: MIT */
/*
 * An asynchronous batch: waves of digests of pieces of the file, all of a wave
 * in flight at once.  Every fourth asks for the queue, so that both ways are
 * seen; each result is compared with a digest made in the caller.
 */
#include "tools/demo.h"

#include <errno.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "tools/complain.h"

#define DEPTH 64u
#define WAVES 32u
#define PIECE 4096u
#define INPUT_MAX (1u << 20)
#define DIGEST 32u
#define WAIT_NS INT64_C(10000000000)

struct batch {
	struct demo *d;
	struct ukcf_ring *ring;
	struct ukcf_buffer *in, *out;
	size_t len; /* bytes of the file that are in the input buffer */
	size_t off[DEPTH], piece[DEPTH];
	unsigned int right, wrong, inlined, queued;
	uint64_t bytes, ns;
};

static int open_batch(struct batch *b)
{
	size_t room = b->len ? b->len : 1;
	int err = ukcf_ring_open(b->d->u, DEPTH, &b->ring);

	if (!err)
		err = ukcf_buffer_alloc(b->d->u, UKCF_BUFFER_INPUT, room,
					&b->in);
	if (!err)
		err = ukcf_buffer_alloc(b->d->u, UKCF_BUFFER_OUTPUT,
					DEPTH * DIGEST, &b->out);
	if (!err && b->len)
		memcpy(ukcf_buffer_data(b->in), b->d->file.data, b->len);
	return err;
}

static void close_batch(struct batch *b)
{
	ukcf_ring_close(b->ring);
	ukcf_buffer_free(b->in);
	ukcf_buffer_free(b->out);
}

/* Other pieces in every wave, of the file's whole length. */
static void choose_piece(struct batch *b, unsigned int wave, unsigned int i)
{
	size_t n = (size_t)wave * DEPTH + i;

	b->off[i] = b->len ? n * 997 % b->len : 0;
	b->piece[i] = b->len - b->off[i];
	if (b->piece[i] > PIECE)
		b->piece[i] = PIECE;
}

static int submit_wave(struct batch *b, unsigned int wave)
{
	int n;

	for (unsigned int i = 0; i < DEPTH; i++) {
		struct ukcf_sqe *sqe = ukcf_get_sqe(b->ring);
		int err;

		if (!sqe)
			return -EAGAIN;
		choose_piece(b, wave, i);
		sqe->user_data = i;
		err = ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
				       ukcf_buffer_span(b->in, b->off[i],
							b->piece[i]),
				       ukcf_buffer_span(b->out, i * DIGEST,
							DIGEST));
		if (err)
			return err;
		if (i % 4 == 3)
			sqe->flags |= UKCF_SQE_QUEUE;
		b->bytes += b->piece[i];
	}
	n = ukcf_submit(b->ring);
	return n < 0 ? n : n == (int)DEPTH ? 0 : -EAGAIN;
}

static int reap_wave(struct batch *b, int64_t res[DEPTH])
{
	unsigned int left = DEPTH;

	while (left > 0) {
		const struct ukcf_cqe *cqe;
		int err = ukcf_wait_cqe(b->ring, &cqe, WAIT_NS);

		if (err == -EINTR)
			continue;
		if (err)
			return err;
		/* a CQE before the result says that it was queued */
		if ((cqe->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT &&
		    cqe->user_data < DEPTH) {
			res[cqe->user_data] = cqe->res;
			if (cqe->flags & UKCF_CQE_F_INLINE)
				b->inlined++;
			else
				b->queued++;
			left--;
		}
		ukcf_cqe_seen(b->ring);
	}
	return 0;
}

static void compare_wave(struct batch *b, const int64_t res[DEPTH])
{
	const uint8_t *out = ukcf_buffer_data(b->out);
	uint8_t want[DIGEST];

	for (unsigned int i = 0; i < DEPTH; i++) {
		int64_t n = ukcf_digest(b->d->u, UKCF_MECH_SHA2_256,
					b->d->file.data + b->off[i],
					b->piece[i], want, sizeof(want));

		if (n == DIGEST && res[i] == DIGEST &&
		    memcmp(out + i * DIGEST, want, DIGEST) == 0)
			b->right++;
		else
			b->wrong++;
	}
}

static int run_wave(struct batch *b, unsigned int wave)
{
	int64_t res[DEPTH];
	uint64_t start = clock_ns();
	int err = submit_wave(b, wave);

	if (!err)
		err = reap_wave(b, res);
	b->ns += clock_ns() - start;
	if (!err)
		compare_wave(b, res);
	return err;
}

/* The time of a wave is shared by its requests, wherever they ran. */
static void account(struct batch *b)
{
	uint64_t all = b->inlined + b->queued;
	const struct {
		unsigned int where, count;
	} parts[] = { { UKCF_WHERE_INLINE, b->inlined },
		      { UKCF_WHERE_QUEUED, b->queued } };

	for (unsigned int i = 0; i < 2; i++)
		if (parts[i].count)
			tally_add(&b->d->tally, "batch of digests", "sha2-256",
				  parts[i].where, parts[i].count,
				  b->ns * parts[i].count / all,
				  b->bytes * parts[i].count / all);
}

void demo_batch(struct demo *d)
{
	struct batch b = { .d = d, .len = d->file.len };
	int err;

	if (b.len > INPUT_MAX)
		b.len = INPUT_MAX;
	err = open_batch(&b);
	for (unsigned int wave = 0; !err && wave < WAVES; wave++)
		err = run_wave(&b, wave);
	close_batch(&b);
	if (err)
		complain_call("the batch", err);
	else
		account(&b);
	demo_held(d, !err && b.wrong == 0 && b.right == WAVES * DEPTH,
		  "batch: %u of %u requests over a ring, %u in flight at once, "
		  "have the digests of the caller", b.right, WAVES * DEPTH,
		  DEPTH);
	demo_held(d, b.inlined > 0 && b.queued > 0,
		  "batch: %u ran inline, %u from a queue", b.inlined,
		  b.queued);
	d->over_rings += b.inlined + b.queued;
}
