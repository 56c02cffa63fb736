/* SPDX-License-Identifier: MIT */
/*
 * Owns how far the answers of a provider are believed: which of them are
 * checked by another one before they are delivered, and how many were wrong.
 * What follows from those is recover.h's.
 *
 * One of so many is, by chance, so that a device cannot know which; all of them
 * for a while after it was loaded or reset.
 */
#ifndef DAEMON_CORE_TRUST_H
#define DAEMON_CORE_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/ring-ops.h"

/* Of one provider; all of them atomic. */
struct trust {
	uint32_t every;	    /* one of so many is checked; 0: none */
	uint64_t fresh_ns;  /* CLOCK_MONOTONIC: all are until then; 0: past */
	uint64_t asked;	    /* answers that might have been checked */
	uint64_t checked;
	uint64_t wrong;
	uint64_t unchecked; /* due, and no other provider could do it */
};

/* @fresh_ns: how long all are checked after trust_renew(). */
void trust_init(uint64_t fresh_ns);
/* It was loaded or reset. */
void trust_renew(struct trust *t);
/* Are any of its answers checked?  Any context. */
static inline bool trust_is_limited(const struct trust *t)
{
	return load_relaxed_u32(&t->every);
}

/* One more answer is coming: is it to be checked?  Any context. */
bool trust_samples(struct trust *t);

#endif
