/* SPDX-License-Identifier: MIT */
/*
 * Owns the accounting of "every request is answered exactly once": one byte of
 * state per request, and what went wrong.
 */
#ifndef TESTS_SUPPORT_TALLY_H
#define TESTS_SUPPORT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct tally {
	uint8_t *state; /* bit 0: sent, bit 1: answered */
	uint64_t n;
	uint64_t sent;
	uint64_t answered;
	uint64_t twice;	  /* answered again */
	uint64_t unknown; /* answered though never sent */
	uint64_t wrong;	  /* answered with a wrong result */
};

void tally_init(struct tally *t, uint64_t n);
void tally_free(struct tally *t);
/* Async-signal-safe. */
void tally_sent(struct tally *t, uint64_t id);
/* It found no room after all. */
void tally_unsent(struct tally *t, uint64_t id);
void tally_answer(struct tally *t, uint64_t id, bool right);
/* Sent and not answered. */
uint64_t tally_lost(const struct tally *t);
/* Nothing lost, twice, unknown or wrong. */
bool tally_clean(const struct tally *t);

#endif
