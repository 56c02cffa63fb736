/* SPDX-License-Identifier: MIT */
/*
 * The daemon may finish chunks in any order, and rejects what finds its queue
 * full; the library submits that again.  A daemon that is started again goes on
 * where it was: the wait is only longer.
 */
#include "tools/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/input.h"
#include "tools/progress.h"

#define WAIT_NS INT64_C(60000000000) /* for the oldest chunk, daemon restarts
					included */
#define ROOM(n) (((n) + 63) & ~(size_t)63)

struct flow {
	struct ukcf_ring *ring;
	struct ukcf_buffer *in, *out;
	uint8_t *own;
	size_t in_room, out_room;
	uint64_t head; /* the oldest chunk on its way */
	uint64_t tail; /* the next one */
	unsigned int unanswered; /* requests */
	bool dead;	/* no result came */
	struct flow_chunk chunks[FLOW_DEPTH];
};

static void lay_out(struct flow *f)
{
	uint8_t *in = ukcf_buffer_data(f->in);

	for (unsigned int i = 0; i < FLOW_DEPTH; i++) {
		struct flow_chunk *c = &f->chunks[i];

		c->in = ukcf_buffer_span(f->in, i * f->in_room, 0);
		c->out = ukcf_buffer_span(f->out, i * f->out_room, 0);
		c->data = in + i * f->in_room;
		c->own = f->own + i * f->out_room;
	}
}

struct flow *flow_open(struct ukcf *u, size_t in_room, size_t out_room)
{
	struct flow *f = calloc(1, sizeof(*f));
	int err = f ? 0 : -ENOMEM;

	if (!err) {
		f->in_room = ROOM(in_room);
		f->out_room = ROOM(out_room);
		f->own = malloc(FLOW_DEPTH * f->out_room);
		err = f->own ? ukcf_ring_open(u, 4 * FLOW_DEPTH, &f->ring) :
			       -ENOMEM;
	}
	if (!err)
		err = ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT,
					FLOW_DEPTH * f->in_room +
						FLOW_COMMON_MAX, &f->in);
	if (!err)
		err = ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT,
					FLOW_DEPTH * f->out_room, &f->out);
	if (!err) {
		lay_out(f);
		return f;
	}
	complain_call("a ring and its buffers", err);
	flow_close(f);
	return NULL;
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	ukcf_ring_close(f->ring);
	if (f->in)
		secmem_wipe(ukcf_buffer_data(f->in), ukcf_buffer_size(f->in));
	ukcf_buffer_free(f->in);
	ukcf_buffer_free(f->out);
	for (unsigned int i = 0; i < FLOW_DEPTH; i++)
		if (f->chunks[i].here)
			secmem_wipe(f->chunks[i].own, f->out_room);
	free(f->own);
	free(f);
}

struct ukcf_ring *flow_ring(struct flow *f)
{
	return f->ring;
}

struct ukcf_span flow_common(struct flow *f, const void *data, size_t len)
{
	const size_t at = FLOW_DEPTH * f->in_room;

	memcpy((uint8_t *)ukcf_buffer_data(f->in) + at, data, len);
	return ukcf_buffer_span(f->in, at, len);
}

static struct flow_chunk *chunk_at(struct flow *f, uint64_t at)
{
	return &f->chunks[at % FLOW_DEPTH];
}

static unsigned int in_flight(const struct flow *f)
{
	return (unsigned int)(f->tail - f->head);
}

struct flow_chunk *flow_next(struct flow *f)
{
	struct flow_chunk *c = chunk_at(f, f->tail);

	if (in_flight(f) == FLOW_DEPTH)
		return NULL;
	c->at = f->tail++;
	c->len = 0;
	c->sent = c->done = false;
	c->result = (const uint8_t *)ukcf_buffer_data(f->out) + c->out.off;
	return c;
}

void flow_unget(struct flow *f)
{
	f->tail--;
}

void flow_settle(struct flow_chunk *c, int64_t res)
{
	c->res = res;
	c->detail = 0;
	c->result = c->own;
	c->here = c->done = true;
}

static void note(struct flow *f, const struct ukcf_cqe *cqe)
{
	struct flow_chunk *c = chunk_at(f, cqe->user_data);

	if ((cqe->flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT ||
	    c->at != cqe->user_data)
		return;
	c->res = cqe->res;
	c->detail = cqe->detail;
	c->done = true;
	f->unanswered--;
}

static int await_any(struct flow *f)
{
	const struct ukcf_cqe *cqe;
	int err;

	do
		err = ukcf_wait_cqe(f->ring, &cqe, WAIT_NS);
	while (err == -EINTR);
	if (err)
		return err;
	note(f, cqe);
	ukcf_cqe_seen(f->ring);
	return 0;
}

/* The daemon frees slots a burst at a time: all of them are free when there is
 * an answer to everything. */
int flow_send(struct flow *f, struct flow_chunk *c, struct ukcf_sqe *sqe)
{
	int err;

	sqe->user_data = c->at;
	while ((err = ukcf_submit_retry(f->ring, sqe)) == -EAGAIN &&
	       f->unanswered > 0) {
		err = await_any(f);
		if (err)
			break;
	}
	c->sent = !err;
	f->unanswered += c->sent;
	if (!err)
		return 0;
	complain_call("a request", err);
	return -1;
}

/* What came meanwhile. */
static void look(struct flow *f)
{
	const struct ukcf_cqe *cqe;

	while (ukcf_peek_cqe(f->ring, &cqe) == 0) {
		note(f, cqe);
		ukcf_cqe_seen(f->ring);
	}
}

bool flow_is_busy(struct flow *f)
{
	look(f);
	return f->unanswered >= FLOW_BUSY;
}

bool flow_is_ready(struct flow *f)
{
	if (f->head < f->tail && !chunk_at(f, f->head)->done)
		look(f);
	return f->head < f->tail && chunk_at(f, f->head)->done;
}

struct flow_chunk *flow_wait(struct flow *f)
{
	int err;

	if (f->head == f->tail || f->dead)
		return NULL;
	while (!flow_is_ready(f)) {
		err = await_any(f);
		if (err) {
			complain_call("a result of the daemon", err);
			f->dead = true;
			return NULL;
		}
	}
	return chunk_at(f, f->head);
}

void flow_take(struct flow *f)
{
	f->head++;
}

/* ------------------------------------------------------------------- a file */

ssize_t flow_read(int fd, const char *path, void *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = input_read(fd, path, (uint8_t *)buf + len,
				       size - len);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int send_chunk(struct flow *f, struct flow_job *j, struct flow_chunk *c,
		      bool last)
{
	c->last = last;
	return j->send(f, j, c);
}

static int take_oldest(struct flow *f, struct flow_job *j)
{
	const struct flow_chunk *c = flow_wait(f);
	int err;

	if (!c)
		return -1;
	err = j->take(f, j, c);
	flow_take(f);
	return err;
}

/*
 * Read chunks while there is place, and send each when it is known whether
 * another follows: *held is the one that is not.
 * Return: 1 at the end of the file, 0, or -1 after a complaint.
 */
static int fill(struct flow *f, struct flow_job *j, struct flow_chunk **held)
{
	struct flow_chunk *c;
	ssize_t n;

	while ((c = flow_next(f))) {
		n = flow_read(j->fd, j->path, c->data, j->unit);
		if (n <= 0 && *held)
			flow_unget(f);
		if (n < 0)
			return -1;
		progress_add((uint64_t)n);
		if (n == 0 && *held)
			break;
		c->len = (size_t)n;
		if (*held && send_chunk(f, j, *held, false) < 0)
			return -1;
		*held = c;
		if (c->len < j->unit)
			break;
		while (flow_is_ready(f))
			if (take_oldest(f, j) < 0)
				return -1;
	}
	if (!c && *held)
		return 0;
	c = *held;
	*held = NULL;
	return send_chunk(f, j, c, true) < 0 ? -1 : 1;
}

static int run(struct flow *f, struct flow_job *j)
{
	struct flow_chunk *held = NULL;
	int ended = 0;

	while (!ended) {
		ended = fill(f, j, &held);
		if (!ended && take_oldest(f, j) < 0)
			ended = -1;
	}
	while (ended > 0 && f->head < f->tail)
		if (take_oldest(f, j) < 0)
			ended = -1;
	return ended < 0 ? -1 : 0;
}

/* What was sent runs to its end; what was not is forgotten. */
static void drain(struct flow *f)
{
	while (f->head < f->tail) {
		if (chunk_at(f, f->head)->sent && !flow_wait(f))
			break;
		flow_take(f);
	}
	f->head = f->tail;
}

int flow_run(struct flow *f, struct flow_job *j)
{
	int err = run(f, j);

	if (err)
		drain(f);
	return err;
}
