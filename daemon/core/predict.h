/* SPDX-License-Identifier: MIT */
/*
 * Owns the prediction of service times: per offer, operation and size class
 * (log2 of the bytes), from the provider's declared cost, adapted to what is
 * measured.  What is never chosen is never measured: once in a while it is
 * tried, and that costs a bounded part of the time that is spent anyway.
 */
#ifndef DAEMON_CORE_PREDICT_H
#define DAEMON_CORE_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/mech.h"

/* Fill the table from offer->offer's declared cost. */
void predict_init(struct mech_offer *o);
/* Predicted nanoseconds.  Any thread, no lock. */
uint32_t predict_ns(const struct mech_offer *o, uint32_t op, uint64_t bytes);
#define PREDICT_TRY_PART 256 /* tries take at most one part in so many */
#define PREDICT_TRY_MOST_NS 1000000 /* and each of them no longer */
/* What a provider declares is of another machine: it is corrected quickly.  One
 * that was measured fewer times is tried more often. */
#define PREDICT_EARLY 32
#define PREDICT_TRY_EARLY_PART 8

/*
 * Another one was chosen that takes chosen_ns, and this one is idle: is it to be
 * tried instead?  Yes when others have taken PREDICT_TRY_PART times what it is
 * predicted to take since it was last tried (PREDICT_TRY_EARLY_PART times, until
 * it was measured PREDICT_EARLY times), in the same class of the same operation.  Any thread, no lock.
 */
bool predict_tries(struct mech_offer *o, uint32_t op, uint64_t bytes,
		   uint64_t chosen_ns);
/* A request took so long.  One outlier cannot move it by more than a factor of
 * about two: a thread that was preempted measures milliseconds. */
void predict_learn(struct mech_offer *o, uint32_t op, uint64_t bytes,
		   uint64_t ns);

#endif
