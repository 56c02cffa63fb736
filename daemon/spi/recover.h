/* SPDX-License-Identifier: MIT */
/*
 * Owns whether a provider that failed comes back, when, and who lets it in: one
 * is reset, gives its known answers, and works again; if it does not, once more
 * after twice the time, up to a minute.  Which fails too often in a while stays
 * out until an administrator tests or enables it: hardware that breaks, and
 * whoever gives wrong answers.  On the loader's thread.
 */
#ifndef DAEMON_SPI_RECOVER_H
#define DAEMON_SPI_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

struct provider;

#define RECOVER_FAILURES_MAX 16u
#define RECOVER_WINDOW_NS UINT64_C(600000000000)

#define RECOVER_LIES 3u /* in that time are too many */

enum recover_cause {
	RECOVER_FAILED, /* for whatever reason */
	RECOVER_LIED,	/* another one knew better */
	RECOVER_CAUSES
};

/* How long it waits and how often it tried: of one provider.  The loader's,
 * but for what is atomic. */
struct recovery_plan {
	uint64_t next_ns; /* CLOCK_MONOTONIC; 0: as soon as it is seen */
	uint32_t attempts;
	/* the last ones; 0: none */
	uint64_t times_ns[RECOVER_CAUSES][RECOVER_FAILURES_MAX];
	uint32_t stays_out; /* atomic: until an administrator lets it in */
	uint32_t lies;	    /* atomic: not yet counted */
	uint32_t forgiven;  /* atomic: by an administrator, not yet seen */
	uint32_t unplugged; /* atomic: it is out, but did not fail */
};

#define RECOVER_FIRST_NS UINT64_C(1000000000)
#define RECOVER_LONGEST_NS UINT64_C(60000000000)

/* Those that have failed and are due.  Return: when to look again; 0: when
 * told. */
uint64_t recover_pass(void);
/* An administrator looks at one that has failed: what was before is forgotten,
 * and it is tried now.  0 or -errno. */
int recover_by_hand(struct provider *p);
/* It is loaded anew. */
void recover_begins(struct provider *p);
/* Its answer was wrong, and it will be blamed for it.  Any thread. */
void recover_lied(struct provider *p);
/* Does it stay out?  Any thread. */
bool recover_stays_out(const struct provider *p);
/* It is out because its device was taken away: this is not counted as a failure.
 * Any thread. */
void recover_unplugged(struct provider *p);
/* Its failures of before do not count any more.  Any thread. */
void recover_forgive(struct provider *p);
/* It happened now: are there so many of that cause?  0: never. */
bool recover_counts(struct recovery_plan *plan, enum recover_cause cause,
		    uint64_t now_ns, unsigned int limit);
/* Time to the attempt that follows so many failed ones. */
uint64_t recover_pause_ns(uint32_t attempts);

#endif
