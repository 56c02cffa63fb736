/* SPDX-License-Identifier: MIT */
/* Owns time: the monotonic clock and a cheap tick counter. */
#ifndef LIB_SHARED_CLOCK_H
#define LIB_SHARED_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Ticks cost 10 ns to read where clock_gettime() costs 23: time stamp counter
 * where it is invariant, nanoseconds elsewhere.  clock_init() before use.
 */
extern uint64_t clock_tick_mult; /* ns = ticks * mult >> 24; 0: ticks are ns */

void clock_init(void);

static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	if (clock_tick_mult)
		return __builtin_ia32_rdtsc();
#endif
	return clock_ns();
}

static inline uint64_t clock_ticks_to_ns(uint64_t ticks)
{
	if (!clock_tick_mult)
		return ticks;
	return (uint64_t)(((unsigned __int128)ticks * clock_tick_mult) >> 24);
}

#endif
