/* SPDX-License-Identifier: MIT */
/*
 * Owns bringing failed providers back: a thread that resets one, has it give
 * its known answers, and lets it work again; if it does not, once more after
 * twice the time, up to a minute.
 */
#ifndef DAEMON_SPI_RECOVER_H
#define DAEMON_SPI_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

struct provider;

/* How long it waits and how often it tried: of one provider. */
struct recovery_plan {
	uint64_t next_ns; /* CLOCK_MONOTONIC; 0: as soon as it is seen */
	uint32_t attempts;
	uint32_t at_once; /* atomic: an administrator asked for it */
};

#define RECOVER_FIRST_NS UINT64_C(1000000000)
#define RECOVER_LONGEST_NS UINT64_C(60000000000)

int recover_start(void);
void recover_stop(void);
/* A provider has failed, or must be tried now.  Any thread, does not block. */
void recover_look(void);
void recover_now(struct provider *p);
/* Time to the attempt that follows so many failed ones. */
uint64_t recover_pause_ns(uint32_t attempts);

#endif
