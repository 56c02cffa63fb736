/* SPDX-License-Identifier: MIT */
/* Owns a turn: a lock for what is held while the daemon is asked, so that who
 * waits for it has a deadline like who waits for the daemon. */
#ifndef LIB_TURN_H
#define LIB_TURN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turn {
	pthread_mutex_t lock; /* of taken; never held across a wait */
	pthread_cond_t given; /* monotonic clock */
	bool taken;
};

/* Return: 0 or -errno. */
int turn_init(struct turn *t);
void turn_deinit(struct turn *t);
/* @deadline_ns: on the monotonic clock.  Return: 0 or -ETIMEDOUT. */
int turn_take(struct turn *t, uint64_t deadline_ns);
void turn_give(struct turn *t);

#endif
