/* SPDX-License-Identifier: MIT */
/*
 * Owns the service threads.  A ring belongs to one of them: it takes requests,
 * judges them, runs the short ones at once and queues the others.  It polls
 * while there is work, then arms the doorbells and sleeps in its loop.
 */
#ifndef DAEMON_CORE_SERVICE_H
#define DAEMON_CORE_SERVICE_H

#include <stdint.h>

struct ring;
struct service;

struct service_settings {
	unsigned int threads;
	uint64_t spin_ns;   /* longest polling before sleep */
};

/* main thread */
int service_start(const struct service_settings *s);
void service_stop(void); /* takes no more; running requests end */
unsigned int service_threads(void);
/* Give a ready ring to the least loaded service thread; it is served, and its
 * consumer's doorbell watched, from now on. */
void service_attach(struct ring *r);
/* The thread lets go of the ring, then calls ring_detached(). */
void service_detach(struct ring *r);

/* Any thread: have it look at its rings again.  Does not block. */
void service_kick(struct service *s);
/* Any thread: a provider was loaded, or cannot be: requests that wait for one
 * are looked at again.  Not in completion context. */
void service_again(void);
/* Likewise, all of them: there is an event.  Any thread. */
void service_kick_all(void);

#endif
