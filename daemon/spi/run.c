/* SPDX-License-Identifier: MIT */
#include "daemon/spi/run.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/core/event-count.h"
#include "daemon/spi/host.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define BUSY_NS 1000000

enum trip_state { TRIP_OUT, TRIP_LANDED, TRIP_LEFT };

/* A job with inputs and an output of its own, so that one that comes back too
 * late reads and writes nobody's memory. */
struct trip {
	struct landing landing; /* first */
	struct trip *next;
	struct event_count back;
	uint32_t state; /* atomic, enum trip_state */
	struct ukcf_job job;
	uint8_t *keys; /* secret memory */
	size_t keys_size, size; /* bytes at keys, and at data */
	uint8_t data[];
};

/* Of those that were left and have landed since. */
static void *late; /* atomic: through next */

static void drop(struct trip *t)
{
	secmem_free(t->keys, t->keys_size);
	secmem_wipe(t->data, t->size);
	free(t);
}

static void drop_late(void)
{
	struct trip *t = exchange_ptr(&late, NULL);

	while (t) {
		struct trip *next = t->next;

		drop(t);
		t = next;
	}
}

static void landed(struct landing *l, struct ukcf_job *job)
{
	struct trip *t = (struct trip *)(void *)l;
	uint32_t out = TRIP_OUT;
	void *head;

	(void)job;
	event_signal(&t->back, 1);
	if (compare_swap_u32(&t->state, &out, TRIP_LANDED))
		return; /* t is not ours any more */
	head = load_acquire_ptr(&late);
	do {
		t->next = head;
	} while (!compare_swap_ptr(&late, &head, t));
}

/* False: it did not come, and is dropped when it does. */
static bool wait_for(struct trip *t)
{
	uint64_t end = clock_ns() + RUN_LIMIT_NS;
	uint32_t out = TRIP_OUT;

	while (event_look(&t->back) == 0 && clock_ns() < end)
		event_wait(&t->back, 0, end);
	if (event_look(&t->back) == 0 &&
	    compare_swap_u32(&t->state, &out, TRIP_LEFT))
		return false;
	while (load_acquire_u32(&t->state) != TRIP_LANDED)
		cpu_relax();
	return true;
}

static enum ukcf_status submit(struct ukcf_instance *self, ukcf_job_fn fn,
			       struct trip *t)
{
	const struct timespec pause = { .tv_nsec = BUSY_NS };
	uint64_t end = clock_ns() + RUN_LIMIT_NS;
	enum ukcf_status status;

	while ((status = fn(self, &t->job)) == UKCF_BUSY && clock_ns() < end)
		nanosleep(&pause, NULL);
	return status;
}

static void keep(struct ukcf_bytes *b, uint8_t **at)
{
	if (b->len)
		memcpy(*at, b->data, b->len);
	b->data = b->data ? *at : NULL;
	*at += b->len;
}

/* NULL: no memory. */
static struct trip *pack(const struct ukcf_job *job)
{
	size_t size = job->out_size + job->in.len + job->aux.len +
		      job->tag.len + job->param.len;
	struct trip *t = calloc(1, sizeof(*t) + size);
	uint8_t *at;

	if (!t)
		return NULL;
	t->landing.landed = landed;
	t->size = size;
	t->keys_size = job->key.len + job->pub.len;
	t->keys = t->keys_size ? secmem_alloc(t->keys_size) : NULL;
	if (t->keys_size && !t->keys) {
		free(t);
		return NULL;
	}
	t->job = *job;
	t->job.cookie = &t->landing;
	t->job.out = t->data;
	at = t->data + job->out_size;
	keep(&t->job.in, &at);
	keep(&t->job.aux, &at);
	keep(&t->job.tag, &at);
	keep(&t->job.param, &at);
	at = t->keys;
	keep(&t->job.key, &at);
	keep(&t->job.pub, &at);
	return t;
}

enum ukcf_status run_job(struct ukcf_instance *self, ukcf_job_fn fn,
			 struct ukcf_job *job)
{
	enum ukcf_status status;
	struct trip *t;

	drop_late();
	t = pack(job);
	if (!t)
		return UKCF_BUSY;
	status = submit(self, fn, t);
	if (status == UKCF_QUEUED) {
		if (!wait_for(t))
			return UKCF_FAILED; /* t is the provider's now */
		status = t->job.status;
	}
	job->res = t->job.res;
	job->detail = t->job.detail;
	if (job->out_size)
		memcpy(job->out, t->data, job->out_size);
	drop(t);
	return status;
}
