/* SPDX-License-Identifier: MIT */
/*
 * Requests of the data queue: posted with poison where their answers belong,
 * and judged when they come back.
 */
#include "providers/virtio/engine-parts.h"

#include <stddef.h>
#include <string.h>

#include "providers/virtio/distrust.h"
#include "providers/virtio/order.h"

/* Bytes: with more of them a number of RSA is no chance, and what was not written
 * is seen in the rest. */
#define NUMBER_ZEROS_MAX 7u

/* ----------------------------------------------------------------- job ends */

void engine_give_back(struct engine *e, struct ukcf_job *job,
		      enum ukcf_status status)
{
	bool own;

	job->status = status;
	pthread_mutex_lock(&e->lock);
	e->held--;
	own = e->own == job;
	if (own) {
		e->own = NULL;
		pthread_cond_broadcast(&e->ran);
	}
	pthread_mutex_unlock(&e->lock);
	if (!own)
		e->host->complete(e->host->host, job);
}

static void wipe_slot(struct slot *s)
{
	explicit_bzero(s->ask.mem, s->ask_max);
	explicit_bzero(s->answer.mem, s->answer_max);
	s->ask_max = s->answer_max = 0;
	work_wipe(&s->work);
}

void engine_end_slot(struct engine *e, struct slot *s, enum ukcf_status status)
{
	struct ukcf_job *job = s->work.job;

	if (s->session)
		session_leave(s->session);
	s->session = NULL;
	s->shared = s->waits_for_close = false;
	wipe_slot(s);
	s->state = SLOT_FREE;
	e->busy--;
	engine_give_back(e, job, status);
}

/* -------------------------------------------------------------------- posts */

static uint64_t draw(struct engine *e)
{
	/* xorshift64 (Marsaglia) */
	e->random ^= e->random << 13;
	e->random ^= e->random >> 7;
	e->random ^= e->random << 17;
	return e->random;
}

static uint16_t index_of(const struct engine *e, const struct slot *s)
{
	return (uint16_t)(s - e->slots);
}

/* Where a block is looked at: everywhere in a short answer, here and there and
 * at the end of a long one. */
static size_t next_probe(size_t at, size_t len)
{
	size_t step = len <= ENGINE_PAGE ? 16 : 512;

	if (at + step < len)
		return at + step;
	return at + 16 < len ? len - 16 : len;
}

static void put_poison(struct slot *s, uint32_t len)
{
	for (size_t at = 0; at + 16 <= len; at = next_probe(at, len)) {
		memcpy(s->data + at, &s->poison, 8);
		memcpy(s->data + at + 8, &s->poison, 8);
	}
	*s->status = CRYPTO_UNANSWERED;
	for (size_t i = 0; i < ENGINE_CANARY / 8; i++)
		memcpy(s->status + 1 + 8 * i, &s->poison, 8);
}

static bool is_poison(const struct slot *s, size_t at)
{
	return memcmp(s->data + at, &s->poison, 8) == 0 &&
	       memcmp(s->data + at + 8, &s->poison, 8) == 0;
}

static bool is_untouched(const struct slot *s)
{
	for (size_t at = 0; at + 16 <= s->len; at = next_probe(at, s->len))
		if (is_poison(s, at))
			return true;
	return false;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Return: bytes of what is asked. */
static size_t fill(struct slot *s)
{
	struct work *w = &s->work;
	size_t n;

	if (!s->shared) {
		n = w->kind->fill(w, s->session->id, s->ask.mem, &s->len);
		s->data = s->answer.mem;
		s->status = s->answer.mem + s->len;
		return n;
	}
	n = w->kind->fill_shared(w, s->session->id, s->ask.mem, &s->len);
	s->data = w->job->out + w->done;
	s->status = s->answer.mem;
	return n;
}

static void post_parts(struct engine *e, const struct slot *s, uint32_t n)
{
	uint64_t done = s->work.done;
	const struct virtqueue_part copied[] = {
		{ s->ask.iova, n, false },
		{ s->answer.iova, s->len + 1, true },
	};
	const struct virtqueue_part shared[] = {
		{ s->ask.iova, n, false },
		{ s->in_iova + done, s->len, false },
		{ s->out_iova + done, s->len, true },
		{ s->answer.iova, 1, true },
	};

	virtqueue_post(&e->device.data, index_of(e, s),
		       s->shared ? shared : copied, s->shared ? 4 : 2);
}

static void post(struct engine *e, struct slot *s)
{
	size_t n = fill(s);

	s->ask_max = larger(s->ask_max, n);
	s->answer_max = larger(s->answer_max,
			       (size_t)(s->status - s->answer.mem) + 1 +
				       ENGINE_CANARY);
	s->poison = draw(e);
	put_poison(s, s->len);
	post_parts(e, s, (uint32_t)n);
	s->deadline_ns = engine_deadline(e);
	s->state = SLOT_OUT;
	e->out++;
}

unsigned int engine_post_ready(struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; e->busy && i < e->settings.depth; i++) {
		struct slot *s = &e->slots[i];

		if (s->state != SLOT_READY)
			continue;
		if (!virtqueue_has_room(&e->device.data))
			break;
		post(e, s);
		n++;
	}
	if (n && virtqueue_publish(&e->device.data) &&
	    device_notify(&e->device, &e->device.data))
		engine_fail(e, "its doorbell is gone");
	return n;
}

/* ------------------------------------------------------------------ answers */

/* QEMU writes a number without the zeros before it: in one of 256 answers of RSA
 * there is one. */
static uint32_t least_len(const struct slot *s)
{
	if (s->work.session.service != VIRTIO_CRYPTO_SERVICE_AKCIPHER ||
	    s->len <= NUMBER_ZEROS_MAX)
		return s->len + 1;
	return s->len + 1 - NUMBER_ZEROS_MAX;
}

static void put_zeros_before(struct slot *s, uint32_t len)
{
	uint32_t zeros = s->len + 1 - len;

	memmove(s->data + zeros, s->data, s->len - zeros);
	memset(s->data, 0, zeros);
}

/* A status that is no answer, or an answer that was not written. */
static const char *what_is_wrong(const struct slot *s, uint8_t status,
				 uint32_t len)
{
	uint32_t room = s->len + 1;

	if (distrusts(len > room))
		return "it says that it wrote more than it may";
	if (distrusts(status == CRYPTO_UNANSWERED))
		return "it ended a request without a status";
	if (status != VIRTIO_CRYPTO_OK)
		return NULL;
	if (distrusts(len < least_len(s)))
		return "it says that it wrote less than it has to";
	if (!s->shared && distrusts(is_untouched(s)))
		return "it ended a request well and wrote no answer";
	return NULL;
}

/* From the beginning, through the pools. */
static void copy_instead(struct engine *e, struct slot *s)
{
	s->shared = false;
	s->state = SLOT_READY;
	if (work_begin(&s->work, s->work.job, e->settings.buffer) !=
	    UKCF_QUEUED)
		engine_end_slot(e, s, UKCF_RETRY_ELSEWHERE);
}

static bool is_overrun(const struct slot *s)
{
	for (size_t i = 0; i < ENGINE_CANARY / 8; i++)
		if (memcmp(s->status + 1 + 8 * i, &s->poison, 8))
			return true;
	return false;
}

static void count(const struct engine *e, enum ukcf_count what)
{
	const struct ukcf_host *h = e->host;

	if (h->struct_size > offsetof(struct ukcf_host, count) && h->count)
		h->count(h->host, what);
}

/* It came back: on to the next step, or to its end. */
static void settle(struct engine *e, struct slot *s, uint8_t status,
		   uint32_t len)
{
	struct work *w = &s->work;

	if (status == VIRTIO_CRYPTO_OK) {
		if (len <= s->len && len >= least_len(s))
			put_zeros_before(s, len);
		if (w->kind->take(w, s->data)) {
			s->state = SLOT_READY;
			return;
		}
		if (s->shared)
			count(e, UKCF_COUNT_SHARED);
		engine_end_slot(e, s, UKCF_DONE);
		return;
	}
	if (w->kind->refused && w->kind->refused(w, status)) {
		engine_end_slot(e, s, UKCF_DONE);
		return;
	}
	if (status == VIRTIO_CRYPTO_INVSESS)
		engine_fail(e, "it does not know a session that it made");
	engine_end_slot(e, s, UKCF_RETRY_ELSEWHERE);
}

static void come_back(struct engine *e, struct slot *s, uint32_t len)
{
	uint8_t status = order_load8(s->status);
	const char *wrong = what_is_wrong(s, status, len);

	e->out--;
	if (!wrong && distrusts(is_overrun(s)))
		wrong = "it wrote behind an answer";
	/* Of shared memory the consumer may have put the poison back: nobody is
	 * blamed for what others can do. */
	if (!wrong && s->shared && status == VIRTIO_CRYPTO_OK &&
	    is_untouched(s)) {
		copy_instead(e, s);
		return;
	}
	if (!wrong) {
		settle(e, s, status, len);
		return;
	}
	engine_fail(e, wrong);
	/* Shared: when it is closed, it may lie of the end, too. */
	if (!s->waits_for_close)
		engine_end_slot(e, s, UKCF_RETRY_ELSEWHERE);
}

unsigned int engine_collect(struct engine *e)
{
	unsigned int n = 0;
	uint32_t len;
	uint16_t i;
	int got;

	while (!e->trouble &&
	       (got = virtqueue_take(&e->device.data, &i, &len)) != 0) {
		if (got < 0 || distrusts(i >= e->settings.depth ||
					 e->slots[i].state != SLOT_OUT)) {
			engine_fail(e, "it ended a request that it does not "
				       "have");
			break;
		}
		come_back(e, &e->slots[i], len);
		n++;
	}
	return n;
}
