/* SPDX-License-Identifier: MIT */
/*
 * Owns the request in flight: what decode made of a copied SQE, who holds it,
 * and the references it keeps until its result is posted.
 *
 * One per entry of a ring's in-flight table, allocated with the ring.  A
 * request belongs to one thread at a time: the ring's service thread, then (if
 * it was queued) a backlog, a worker or device thread, and at last whoever
 * posts its CQE.  While it waits, several may want it - a server, cancel, its
 * deadline: one compare-and-swap of its state decides whose it is.
 */
#ifndef DAEMON_CORE_REQUEST_H
#define DAEMON_CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>
#include <ukcf/provider.h>

#include "daemon/core/queue.h"

struct arena;
struct backlog;
struct check;
struct context;
struct copy;
struct dual;
struct key;
struct mech;
struct mech_offer;
struct rec_entry;
struct ring;
struct op_rule;
struct op_sizes;
struct pieces;
struct provider;
struct template;

/* An operation on keys that is queued, for fairness. */
#define REQUEST_KEYOP_NS 100000

enum request_state {
	REQUEST_IDLE = 0,    /* with its service thread */
	REQUEST_WAITING = 1, /* can be cancelled */
	REQUEST_RUNNING = 2,
	REQUEST_CANCELED = 3 /* whoever made it so will end it */
};

/* What became of later parts of a context of one that is parked, while it was. */
struct later_parts {
	int err;   /* one ended with it: the context fails after this one; 0 */
	bool last; /* and so did the last one: the context is gone, too */
};

struct request {
	struct ring *ring;	  /* set for ever when the ring is made */
	struct rec_entry *entry;  /* likewise: its copied SQE and its result */
	struct request *next;	  /* on a list of the ring, or of its holder */
	struct request *next_ack; /* on the ring's list of QUEUED CQEs */
	uint32_t state;		  /* atomic, enum request_state */
	uint32_t cancel;	  /* atomic: asked for while it ran */
	uint64_t accepted_ticks;
	uint64_t queued_ticks;	  /* when it last came into a backlog */
	uint64_t deadline_ns;	  /* CLOCK_MONOTONIC */
	bool replayed;
	bool ack_due;		  /* its QUEUED CQE is still to be posted */
	bool event_due;		  /* a CQ slot is kept for an event */
	bool refused;		  /* failed a check: nothing ran */
	bool queued;		  /* left the service thread; keeps the ring */
	bool silent;		  /* a part that ended well: posts no CQE */
	bool begun;		  /* a provider has read or written for it */
	bool parked;		  /* it waits, or has waited, for a provider to
				     be loaded */
	bool cut;		  /* what was linked to it ended meanwhile */
	struct later_parts later[2]; /* of its context; of CTX_COPY's source */
	uint16_t flags;		  /* UKCF_CQE_F_* of the result */
	/* by decode */
	const struct op_rule *rule;
	const struct mech *mech;
	struct mech_offer *offer; /* atomic: whose it is; drain.h */
	struct mech_offer *checker; /* atomic: likewise, of whom checks its
				       answer; crosscheck.h */
	struct key *key;
	struct template *tmpl;	  /* of the key; NULL: none was named */
	struct dual *dual;	  /* two halves: the four above are of the one
				     whose turn it is, and its */
	struct context *context;  /* held: whose part it is */
	struct context *made;	  /* held: CTX_COPY's new one */
	struct request *next_part; /* that waits after this one */
	uint64_t part;		  /* its place among those of its context */
	struct arena *arena[4];	  /* held; by enum ukcf_range_index */
	uint8_t *at[4];		  /* bytes of each range; NULL if absent */
	uint32_t tag_len;
	bool direct;		  /* may work on the arenas themselves */
	uint8_t nonce_len;	  /* 0: the entry brought it, or has none */
	uint8_t nonce[UKCF_PARAM_MAX]; /* that the daemon chose */
	/* on its way */
	uint64_t tried;		  /* bit n: provider id n could not do it */
	struct pieces *pieces;	  /* between the turns of a large one */
	struct copy *copy;	  /* private input that outlives a thread */
	struct check *check;	  /* its answer waits to be checked */
	struct backlog *backlog;  /* where it waits, or last waited */
	struct qnode node;
};

/* Its server has it from here on: no two of these succeed.  Any thread. */
void request_waits(struct request *req);
bool request_starts(struct request *req);  /* WAITING -> RUNNING */
bool request_cancels(struct request *req); /* WAITING -> CANCELED */

/* It only waits: it ends with -ECANCELED.  False: it runs, or is none.  Any
 * thread that may lock and keeps its ring. */
bool request_cancel(struct request *req);
/* Must it end instead of being done, or done by another?  Its ring was closed,
 * or it is too late: 0; -ECANCELED, -ETIMEDOUT, and why.  Any thread that owns
 * it. */
int request_must_end(const struct request *req, unsigned int *detail);
/* Likewise of one that may be stopped where it is, also by cancel. */
int request_must_stop(const struct request *req, unsigned int *detail);

/* It is this one's, from here on; NULL: nobody's.  Any thread that owns it. */
void request_give(struct request *req, struct mech_offer *o);
/* Its provider is done with it. */
void request_lets_go(struct request *req);
/* main: is it with p, as far as can be seen from here? */
bool request_is_with(const struct request *req, const struct provider *p);

/* The operation whose cost it has: of a part, that of its context; of a dual
 * one, that of its present half. */
uint32_t request_op(const struct request *req);
/* Give back what decode took: arenas, the key, private copies. */
void request_release(struct request *req);
/* Set the result; it is published by request_finish() or ring_post(). */
void request_result(struct request *req, int64_t res, unsigned int detail);
/* A queued request has its result: post it.  Any thread, does not block. */
void request_finish(struct request *req);
/* Both at once. */
void request_end(struct request *req, int64_t res, unsigned int detail);
/* Times of the result, saturating. */
void request_times(struct request *req, uint64_t queue_ns, uint64_t service_ns);
/* It never ran: all of its time was spent waiting. */
void request_times_queued(struct request *req);
/* What its entry brings. */
struct op_sizes request_sizes(const struct request *req);
/* Bytes that decide how long it takes. */
uint64_t request_bytes(const struct request *req);

#endif
