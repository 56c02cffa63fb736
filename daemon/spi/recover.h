/* SPDX-License-Identifier: MIT */
/*
 * Owns bringing failed providers back: one is reset, gives its known answers,
 * and works again; if it does not, once more after twice the time, up to a
 * minute.  Hardware that failed too often in a while stays out until an
 * administrator says otherwise.  On the loader's thread.
 */
#ifndef DAEMON_SPI_RECOVER_H
#define DAEMON_SPI_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

struct provider;

#define RECOVER_FAILURES_MAX 16u
#define RECOVER_WINDOW_NS UINT64_C(600000000000)

/* How long it waits and how often it tried: of one provider. */
struct recovery_plan {
	uint64_t next_ns; /* CLOCK_MONOTONIC; 0: as soon as it is seen */
	uint32_t attempts;
	uint64_t failed_ns[RECOVER_FAILURES_MAX]; /* the last ones; 0: none */
	bool stays_out;
	uint32_t forgiven; /* atomic: by an administrator, not yet seen */
	uint32_t unplugged; /* atomic: it is out, but did not fail */
};

#define RECOVER_FIRST_NS UINT64_C(1000000000)
#define RECOVER_LONGEST_NS UINT64_C(60000000000)

/* Those that have failed and are due.  Return: when to look again; 0: when
 * told. */
uint64_t recover_pass(void);
/* One that has failed, now: 0 or -errno. */
int recover_attempt(struct provider *p);
/* It is out because its device was taken away: this is not counted as a failure.
 * Any thread. */
void recover_unplugged(struct provider *p);
/* Its failures of before do not count any more.  Any thread. */
void recover_forgive(struct provider *p);
/* It has failed now: does it stay out, by so many failures?  0: never. */
bool recover_counts(struct recovery_plan *plan, uint64_t now_ns,
		    unsigned int limit);
/* Time to the attempt that follows so many failed ones. */
uint64_t recover_pause_ns(uint32_t attempts);

#endif
