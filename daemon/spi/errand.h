/* SPDX-License-Identifier: MIT */
/*
 * Owns the run of a provider's code that may never return: on a thread of its
 * own, that is left behind when its time is over, so that nobody waits for it
 * for ever.
 */
#ifndef DAEMON_SPI_ERRAND_H
#define DAEMON_SPI_ERRAND_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/event-count.h"

/* The beginning of what the thread works on. */
struct errand {
	int (*run)(struct errand *e);	/* on that thread */
	void (*late)(struct errand *e); /* likewise, when it came back, and
					   nobody waited any more: frees e */
	struct event_count back;
	uint32_t state; /* atomic; errand.c's */
	int result;
};

/*
 * Return: true: its result is what run() returned (or -errno: there is no
 * thread), and e is the caller's again; false: it did not return within
 * limit_ns, and e is the thread's.
 */
bool errand_run(struct errand *e, uint64_t limit_ns);

#endif
