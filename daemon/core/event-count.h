/* SPDX-License-Identifier: MIT */
/*
 * Owns waiting for something to happen without a lock: look at the count, see
 * that there is nothing to do, wait until the count is another one.  Whoever
 * signals neither blocks nor allocates, so completion context may.
 */
#ifndef DAEMON_CORE_EVENT_COUNT_H
#define DAEMON_CORE_EVENT_COUNT_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/ring-ops.h"

struct event_count {
	uint32_t count;	  /* atomic */
	uint32_t waiters; /* atomic: threads that wait, or are about to */
};

static inline uint32_t event_look(const struct event_count *e)
{
	return load_acquire_u32(&e->count);
}

/* Until the count is not `seen' any more, or CLOCK_MONOTONIC says deadline_ns
 * (0: none).  May return early. */
static inline void event_wait(struct event_count *e, uint32_t seen,
			      uint64_t deadline_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};

	fetch_add_u32(&e->waiters, 1);
	full_fence(); /* pairs with the one in event_signal() */
	if (load_acquire_u32(&e->count) == seen)
		syscall(SYS_futex, &e->count, FUTEX_WAIT_BITSET_PRIVATE, seen,
			deadline_ns ? &ts : NULL, NULL,
			FUTEX_BITSET_MATCH_ANY);
	fetch_sub_u32(&e->waiters, 1);
}

/* Something happened: wake up to n of those who wait. */
static inline void event_signal(struct event_count *e, int n)
{
	fetch_add_u32(&e->count, 1);
	full_fence();
	if (load_relaxed_u32(&e->waiters))
		syscall(SYS_futex, &e->count, FUTEX_WAKE_PRIVATE, n, NULL,
			NULL, 0);
}

#endif
