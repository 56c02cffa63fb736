/* SPDX-License-Identifier: MIT */
/* Owns a thread that keeps changing one byte while somebody else reads it. */
#ifndef TESTS_SUPPORT_FLIPPER_H
#define TESTS_SUPPORT_FLIPPER_H

#include <pthread.h>
#include <stdint.h>

struct flipper {
	volatile uint8_t *at; /* its lowest bit alternates */
	uint32_t stop;	      /* atomic */
	uint32_t period;      /* turns of waiting between flips, at most */
	uint64_t flips;	      /* valid when it was stopped */
	pthread_t thread;
};

void flipper_start(struct flipper *f, uint8_t *at, uint32_t period);
void flipper_stop(struct flipper *f);

#endif
