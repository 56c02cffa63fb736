/* SPDX-License-Identifier: MIT */
/*
 * Owns the request in flight: what decode made of a copied SQE, who holds it,
 * and the references it keeps until its result is posted.
 *
 * One per entry of a ring's in-flight table, allocated with the ring.  A
 * request belongs to one thread at a time: the ring's service thread, then (if
 * it was queued) the lane, a worker, and at last whoever posts its CQE.
 */
#ifndef DAEMON_CORE_REQUEST_H
#define DAEMON_CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>
#include <ukcf/provider.h>

struct arena;
struct key;
struct mech;
struct mech_offer;
struct rec_entry;
struct ring;
struct op_rule;

struct request {
	struct ring *ring;	  /* set for ever when the ring is made */
	struct rec_entry *entry;  /* likewise: its copied SQE and its result */
	struct request *next;	  /* in a lane, or on a list of the ring */
	uint64_t accepted_ticks;
	uint64_t deadline_ns;	  /* CLOCK_MONOTONIC */
	bool replayed;
	bool ack_due;		  /* its QUEUED CQE is still to be posted */
	bool refused;		  /* failed a check: nothing ran */
	bool queued;		  /* left the service thread; keeps the ring */
	uint16_t flags;		  /* UKCF_CQE_F_* of the result */
	/* by decode */
	const struct op_rule *rule;
	const struct mech *mech;
	struct mech_offer *offer;
	struct key *key;
	struct arena *arena[4];	  /* held; by enum ukcf_range_index */
	uint8_t *at[4];		  /* bytes of each range; NULL if absent */
	uint32_t tag_len;
	bool direct;		  /* may work on the arenas themselves */
};

/* Give back what decode took: arenas and the key. */
void request_release(struct request *req);
/* Set the result; it is published by ring_complete() or ring_post(). */
void request_result(struct request *req, int64_t res, unsigned int detail);
/* Times of the result, saturating. */
void request_times(struct request *req, uint64_t queue_ns, uint64_t service_ns);
/* Bytes that decide how long it takes. */
uint64_t request_bytes(const struct request *req);

#endif
