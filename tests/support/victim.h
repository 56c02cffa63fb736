/* SPDX-License-Identifier: MIT */
/*
 * Owns the victim: an honest consumer in a process of its own beside a hostile
 * one.  Every result it gets is compared with what libsodium says; it times
 * its requests, and the daemon's main loop by a control request (heartbeat).
 */
#ifndef TESTS_SUPPORT_VICTIM_H
#define TESTS_SUPPORT_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VICTIM_BUCKETS 64 /* half powers of two of nanoseconds */

struct victim_times {
	uint64_t bucket[VICTIM_BUCKETS];
	uint64_t max_ns;
};

/* In shared memory. */
struct victim {
	uint32_t stop;
	uint32_t epoch;	   /* raised by victim_reset() */
	uint32_t epoch_seen;
	uint32_t ready;
	uint64_t requests; /* answered, right or wrong */
	uint64_t wrong;
	uint64_t errors;
	uint64_t beats;
	int64_t last_error;
	struct victim_times ring;
	struct victim_times beat;
	pid_t pid;
};

/* Start it as uid; waits until its first request was answered. */
struct victim *victim_start(uid_t uid);
/* Forget the times measured so far. */
void victim_reset(struct victim *v);
/* Wait for n more answers; false: it got none within timeout_ms. */
bool victim_progress(struct victim *v, uint64_t n, unsigned int timeout_ms);
uint64_t victim_percentile_ns(const struct victim_times *t, unsigned int pct);
/* Stop it; true if it ended in order. */
bool victim_stop(struct victim *v);

#endif
