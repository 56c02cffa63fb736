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

/* A job with an output of its own, so that one that comes back too late
 * touches nobody's memory. */
struct trip {
	struct landing landing; /* first */
	struct event_count back;
	uint32_t has_landed; /* atomic */
	struct ukcf_job job;
	uint8_t out[];
};

static void landed(struct landing *l, struct ukcf_job *job)
{
	struct trip *t = (struct trip *)(void *)l;

	(void)job;
	event_signal(&t->back, 1);
	store_release_u32(&t->has_landed, 1); /* t is not ours any more */
}

static bool wait_for(struct trip *t)
{
	uint64_t end = clock_ns() + RUN_LIMIT_NS;

	while (event_look(&t->back) == 0 && clock_ns() < end)
		event_wait(&t->back, 0, end);
	if (event_look(&t->back) == 0)
		return false;
	while (!load_acquire_u32(&t->has_landed))
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

enum ukcf_status run_job(struct ukcf_instance *self, ukcf_job_fn fn,
			 struct ukcf_job *job)
{
	struct trip *t = calloc(1, sizeof(*t) + job->out_size);
	enum ukcf_status status;

	if (!t)
		return UKCF_BUSY;
	t->landing.landed = landed;
	t->job = *job;
	t->job.cookie = &t->landing;
	t->job.out = t->out;
	status = submit(self, fn, t);
	if (status == UKCF_QUEUED) {
		if (!wait_for(t))
			return UKCF_FAILED; /* t is the provider's now */
		status = t->job.status;
	}
	job->res = t->job.res;
	job->detail = t->job.detail;
	if (job->out_size)
		memcpy(job->out, t->out, job->out_size);
	secmem_wipe(t->out, job->out_size);
	free(t);
	return status;
}
