/* SPDX-License-Identifier: MIT */
#include "daemon/spi/errand.h"

#include <pthread.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

/* One compare-and-swap decides whose it is in the end. */
enum { OUT, BACK, LEFT };

static bool move(struct errand *e, uint32_t to)
{
	uint32_t from = OUT;

	return compare_swap_u32(&e->state, &from, to);
}

static void *errand_main(void *arg)
{
	struct errand *e = arg;

	e->result = e->run(e);
	if (move(e, BACK))
		event_signal(&e->back, 1);
	else
		e->late(e);
	return NULL;
}

static bool is_back(struct errand *e, uint64_t end)
{
	while (load_acquire_u32(&e->state) == OUT && clock_ns() < end)
		event_wait(&e->back, 0, end);
	return !move(e, LEFT);
}

bool errand_run(struct errand *e, uint64_t limit_ns)
{
	pthread_t thread;
	int err;

	e->state = OUT;
	e->back = (struct event_count){ 0 };
	err = pthread_create(&thread, NULL, errand_main, e);
	if (err) { /* else the result is the thread's, which may be over */
		e->result = -err;
		return true;
	}
	pthread_setname_np(thread, "ukcf-start");
	if (!is_back(e, clock_ns() + limit_ns)) {
		pthread_detach(thread);
		return false;
	}
	pthread_join(thread, NULL); /* it does not look at e any more */
	return true;
}
