/* SPDX-License-Identifier: MIT */
/*
 * Owns private copies of a request's input that outlive the thread which made
 * them: a device works from one, and whoever tries again after a failure must
 * see the very bytes that the first one saw.  They hold messages, never keys;
 * wiped when given back.  A few small ones are kept for the next requests.
 */
#ifndef DAEMON_CORE_COPY_H
#define DAEMON_CORE_COPY_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

struct request;

struct copy {
	struct copy *next;
	size_t size; /* of the whole mapping */
	uint32_t refs; /* atomic */
	struct ukcf_bytes in, aux, tag;
	uint8_t *out; /* room for the output */
	size_t out_size;
};

/* Of the ranges that the request names, with room for out_size bytes of
 * output.  Not in completion context.  NULL: no memory. */
struct copy *copy_make(const struct request *req, size_t out_size);
/* Of bytes that are private already. */
struct copy *copy_of(struct ukcf_bytes in, struct ukcf_bytes aux,
		     struct ukcf_bytes tag, size_t out_size);
/* Another that is alike, held once; NULL: no memory. */
struct copy *copy_clone(const struct copy *c);
struct copy *copy_hold(struct copy *c);
/* Wipe and give back, after the last.  Any thread; does not block: what completion context
 * gives back is freed by the next copy_make() or copy_reap(). */
void copy_put(struct copy *c);
void copy_reap(void);

#endif
