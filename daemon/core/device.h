/* SPDX-License-Identifier: MIT */
/*
 * Owns what is between a hardware queue and its provider: a thread per
 * hardware provider that hands over jobs, and the jobs in flight.
 *
 * A job works on private copies only, so that the device cannot touch what a
 * consumer sees, and a retry elsewhere sees the same bytes.  When a job does
 * not come back in time, the device may still write: the job's memory and its
 * key stay until it lands, and the request goes elsewhere.
 *
 * A device stays where it is when its provider is unloaded, since other threads
 * may look at its queue at any time; only its thread and its flights end.
 */
#ifndef DAEMON_CORE_DEVICE_H
#define DAEMON_CORE_DEVICE_H

#include <stdint.h>

struct backlog;
struct device;
struct provider;

struct device_settings {
	unsigned int slots; /* of the hardware queue */
	uint64_t limit_ns;  /* a job that takes longer is lost */
};

/* A hardware provider came, or came back: its queue and its thread.  p->device
 * is set.  Return: 0 or -errno. */
int device_start(struct provider *p, const struct device_settings *s);
/* Its requests go elsewhere; waits for jobs in flight, limit_ns at most.
 * -EBUSY: some did not land; then the provider may not be stopped. */
int device_stop(struct provider *p);
/* Of a provider that nobody has ever heard of. */
void device_free(struct provider *p);
/* The state of the provider changed. */
void device_look(struct device *d);
/* The provider was reset: it touches no job of before any more. */
void device_was_reset(struct device *d);

struct backlog *device_backlog(struct device *d);
/* A snapshot, any thread. */
unsigned int device_in_flight(const struct device *d);
uint64_t device_losses(const struct device *d); /* jobs that did not come back */

#endif
