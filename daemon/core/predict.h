/* SPDX-License-Identifier: MIT */
/*
 * Owns the prediction of service times: per offer, operation and size class
 * (log2 of the bytes), from the provider's declared cost, adapted to what is
 * measured.
 */
#ifndef DAEMON_CORE_PREDICT_H
#define DAEMON_CORE_PREDICT_H

#include <stdint.h>

#include "daemon/core/mech.h"

/* Fill the table from offer->offer's declared cost. */
void predict_init(struct mech_offer *o);
/* Predicted nanoseconds.  Any thread, no lock. */
uint32_t predict_ns(const struct mech_offer *o, uint32_t op, uint64_t bytes);
/* A request took so long.  One outlier cannot move it by more than a factor of
 * about two: a thread that was preempted measures milliseconds. */
void predict_learn(struct mech_offer *o, uint32_t op, uint64_t bytes,
		   uint64_t ns);

#endif
