/* SPDX-License-Identifier: MIT */
/* Not pthread_mutex_clocklock(): ThreadSanitizer of gcc 12 does not know it. */
#include "lib/turn.h"

#include <errno.h>
#include <time.h>

int turn_init(struct turn *t)
{
	pthread_condattr_t a;
	int err = pthread_condattr_init(&a);

	if (err)
		return -err;
	t->taken = false;
	err = pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(&t->given, &a);
	if (!err)
		err = pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_destroy(&a);
	return -err;
}

void turn_deinit(struct turn *t)
{
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->given);
}

int turn_take(struct turn *t, uint64_t deadline_ns)
{
	const struct timespec end = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};
	int err = 0;

	pthread_mutex_lock(&t->lock);
	while (t->taken && !err)
		err = pthread_cond_timedwait(&t->given, &t->lock, &end);
	if (!t->taken) {
		t->taken = true;
		err = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return err ? -ETIMEDOUT : 0;
}

void turn_give(struct turn *t)
{
	pthread_mutex_lock(&t->lock);
	t->taken = false;
	pthread_cond_signal(&t->given);
	pthread_mutex_unlock(&t->lock);
}
