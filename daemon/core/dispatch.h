/* SPDX-License-Identifier: MIT */
/*
 * Owns the two decisions that a request needs (claim 1): which provider
 * performs it, and whether it runs at once or waits, and in which queue.
 */
#ifndef DAEMON_CORE_DISPATCH_H
#define DAEMON_CORE_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>

#include "daemon/core/sched.h"

struct backlog;
struct dual_plan;
struct key;
struct mech;
struct mech_offer;
struct request;
struct ring;
struct ukcf_offer;

struct dispatch_settings {
	uint64_t inline_ns;  /* predicted cost up to which one runs at once */
	uint64_t timeout_ns; /* default deadline of a request */
};

void dispatch_init(const struct dispatch_settings *s);

/* What is to be done, by whomever. */
struct dispatch_wish {
	uint32_t op;
	uint64_t bytes;
	bool queue; /* it does not run at once, however short */
	bool parts; /* its data will come in parts */
	bool local; /* no device may have it */
	bool own;   /* the key is the consumer's own */
	struct sched_needs needs;
};

/*
 * Work on the arenas themselves, or on private copies?  Memory that the
 * consumer can change meanwhile is safe to read only for a single-pass
 * operation; with the consumer's own key nothing is kept from it.  A request
 * that is copied may have so many bytes.
 */
#define DISPATCH_COPY_MAX (UKCF_ONESHOT_MAX + UINT64_C(4096))
bool dispatch_works_in_place(const struct ukcf_offer *now, uint32_t op,
			     const struct key *key);

/*
 * Judge each offer of a mechanism as things stand now.
 * @c: room for MECH_OFFERS_MAX, in the order of the offers
 * @chosen: its index, or -1
 * Return: how many there are.
 */
unsigned int dispatch_judge(const struct mech *m, const struct dispatch_wish *w,
			    struct sched_candidate *c, int *chosen);

/*
 * Likewise of a dual operation: those that do both in one job, and each half.
 * Either one of the first is CHOSEN, or of each half one is.
 */
struct dispatch_dual {
	struct sched_candidate *native; /* room for NATIVE_MAX */
	struct sched_candidate *step[2]; /* each for MECH_OFFERS_MAX */
	unsigned int n_native, n_step[2];
};

void dispatch_judge_dual(const struct dual_plan *plan, uint64_t bytes,
			 struct dispatch_dual *d);

/* Would it run on the service thread, if it is small? */
bool dispatch_is_at_once(const struct sched_candidate *c);

/*
 * Set req->offer: the provider predicted to be done first among those that may
 * and can.  Any thread.
 * Return: 0; -EOPNOTSUPP: none offers it; -ENODEV: those that do are out, or
 * have tried; *detail says why.  -EINPROGRESS: one that is not loaded has been
 * sent for: ask again when service_again() is called.
 */
int dispatch_choose(struct request *req, unsigned int *detail);
/* Likewise for op on a key: the first one that can. */
int dispatch_choose_first(struct request *req, uint32_t op,
			  unsigned int *detail);
/* From now on, for one that does not run at once. */
void dispatch_set_deadline(struct request *req);
/* Software, and predicted to take no longer than what runs at once? */
bool dispatch_is_short(const struct request *req);
/* Short, of software, and not asked to be queued? */
bool dispatch_runs_at_once(const struct request *req);
/* The queue where it waits for the offer that was chosen. */
struct backlog *dispatch_backlog(const struct request *req);
/* The lane of software for what an offer does. */
struct backlog *dispatch_lane(const struct mech_offer *o);
/* By the id that a CQE names; NULL: there is none. */
struct backlog *dispatch_queue_by_id(uint16_t id);
/* A ring is closing: it is not told of room any more, in any queue. */
void dispatch_forget(struct ring *r);
/*
 * Its provider could not do it (recoverable): to the next one, or it ends with
 * what it has.  The request is another's when this returns.
 */
void dispatch_elsewhere(struct request *req);
/* Likewise of one that waited for a provider to be loaded. */
void dispatch_again(struct request *req);
/* A dual operation between its halves: to the queue of the next one, or it
 * ends.  The request is another's when this returns. */
void dispatch_onward(struct request *req);

#endif
