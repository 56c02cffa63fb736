/* SPDX-License-Identifier: MIT */
/*
 * Owns the consumer's side of a ring: private staging, the reservation of
 * slots, publishing, reaping, waiting.  The only file of the library, with
 * buffer.c and view.c, that touches memory shared with the daemon.
 */
#ifndef LIB_RING_H
#define LIB_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

#include "lib/connection.h"

struct retry;

struct ukcf_ring {
	struct member member; /* first: of u->rings */
	struct ukcf *u;
	struct ukcf_sq_head *sq;
	const struct ukcf_cq_head *cq;
	struct ukcf_sqe *sqes;
	const struct ukcf_cqe *cqes;
	uint64_t sq_bytes, cq_bytes; /* of the mappings */
	uint32_t sq_mask, cq_mask;
	uint8_t sq_order, cq_order;
	uint16_t index;

	/* ring thread only */
	struct ukcf_sqe *staging; /* a queue of as many as the SQ has */
	uint32_t staged_head, staged_tail;
	uint64_t cq_head;
	uint64_t spin_ns; /* window of polling before sleeping */
	uint64_t no_spin_until_ns;
	struct retry *retry; /* NULL: none was ever needed */
	long switches; /* involuntary ones of the thread, when last seen */

	/* also from signal handlers */
	_Alignas(64) uint64_t tail; /* atomic: slots reserved */
	uint64_t extra;	  /* atomic: CQ slots promised beyond one per entry */
	uint32_t sq_head; /* atomic: slots free below, when last seen */
};

/* ukcf_ring_open(), all of it by a deadline. */
int ring_new(struct ukcf *u, unsigned int entries, uint64_t deadline_ns,
	     struct ukcf_ring **rp);
/* Close; @ours: tell the daemon and unmap. */
void ring_destroy(struct ukcf_ring *r, bool ours);

#endif
