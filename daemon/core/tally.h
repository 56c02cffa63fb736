/* SPDX-License-Identifier: MIT */
/*
 * Owns the shape of what is counted of requests that ran: sums per ring and
 * offer, each written by one thread at a time (the owner of the ring's CQ), so
 * that counting needs no atomic addition; read by main.  Since this process
 * started.
 */
#ifndef DAEMON_CORE_TALLY_H
#define DAEMON_CORE_TALLY_H

#include <stdint.h>

#include "lib/shared/ring-ops.h"

struct tally {
	uint64_t done;	     /* ran, with a result of at least 0 */
	uint64_t failed;     /* ran, or was given up; a wrong tag is one */
	uint64_t bytes;	     /* of input; of what is random, of output */
	uint64_t queue_ns;   /* from acceptance on, while it was not served */
	uint64_t service_ns;
};

static inline void tally_more(uint64_t *counter, uint64_t n)
{
	store_relaxed_u64(counter, load_relaxed_u64(counter) + n);
}

static inline void tally_add(struct tally *sum, const struct tally *t)
{
	sum->done += load_relaxed_u64(&t->done);
	sum->failed += load_relaxed_u64(&t->failed);
	sum->bytes += load_relaxed_u64(&t->bytes);
	sum->queue_ns += load_relaxed_u64(&t->queue_ns);
	sum->service_ns += load_relaxed_u64(&t->service_ns);
}

#endif
