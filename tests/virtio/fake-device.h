/* SPDX-License-Identifier: MIT */
/*
 * Owns a virtio-crypto device in this process: registers, two queues, sessions
 * and a thread that reads and writes what it was mapped, through libcrypto.  It
 * does wrong on command.  There is one; it outlives those who open it, as
 * hardware does.
 */
#ifndef TESTS_VIRTIO_FAKE_DEVICE_H
#define TESTS_VIRTIO_FAKE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/virtio/transport.h"

/*
 * kind->control(): "NAME=N": so many more times; the NAMEs are in the source.
 * "gather=N" is no fault: it begins with a request when so many are there.
 * "calm": as new.
 */
extern const struct transport_kind fake_transport;

struct fake_counts {
	unsigned int sessions;	 /* there are */
	unsigned int created;	 /* ever */
	unsigned int destroyed;	 /* of those */
	unsigned int violations; /* accesses to what is not mapped for it */
	unsigned int requests;	 /* of the data queue */
	unsigned int notified;
	unsigned int opened;
	unsigned int spent; /* faults that happened */
	bool open;	      /* somebody has it */
	unsigned int trimmed; /* numbers without the zeros before them */
};
struct fake_counts fake_count(void);
/* In how many places it could read these bytes. */
unsigned int fake_sees(const void *bytes, size_t len);
/* In how many places of what it saw when it was closed, which must be there
 * still. */
unsigned int fake_saw(const void *bytes, size_t len);
/* Is any of it mapped for it? */
bool fake_reaches(const void *mem, size_t len);
/* Sessions that somebody left. */
void fake_leave_sessions(unsigned int n);

#endif
