/* SPDX-License-Identifier: MIT */
/*
 * Intake: entries are copied once and accepted, if what they may cause has its
 * place in the CQ.  ring-parts.h has the rules.
 */
#include "daemon/api/ring-parts.h"

#include <stddef.h>

#include "daemon/core/probes.h"
#include "daemon/core/request.h"
#include "daemon/core/trace.h"

/* CQ slots that must be free before an entry is taken. */
#define CREDITS 3u

#define PREFETCH 8 /* slots ahead of the one that is taken */

static void collect_returned(struct ring *r)
{
	struct request *req = exchange_ptr(&r->returned, NULL);

	while (req) {
		struct request *next = req->next;

		r->free[r->n_free++] = (uint32_t)(req - r->requests);
		req = next;
	}
}

/* Credits: are enough CQ slots not promised? */
static bool has_credit(const struct ring *r)
{
	uint32_t used = (uint32_t)r->reserved - r->cq_head;

	return used <= r->cq_mask + 1 - CREDITS;
}

/* The consumer has read the last event: that slot is for the next one.  After a
 * restart others may be before it. */
static void keep_event_slot(struct ring *r)
{
	if (!r->kinds || r->event_slot || load_acquire_u32(&r->event_due) ||
	    (int32_t)(r->cq_head - (uint32_t)r->event_at) <= 0 ||
	    (uint32_t)r->reserved - r->cq_head > r->cq_mask)
		return;
	r->reserved++;
	r->event_slot = true;
}

/* Only when needed: the line is the consumer's. */
void ring_read_cq_head(struct ring *r)
{
	r->cq_head = load_acquire_u32(&r->sq->cq_head);
	keep_event_slot(r);
}

static bool has_room(struct ring *r)
{
	if (r->n_free == 0)
		collect_returned(r);
	if (r->n_free == 0)
		return false;
	if (has_credit(r))
		return true;
	r->reserved -= exchange_u32(&r->silent, 0);
	if (has_credit(r))
		return true;
	ring_read_cq_head(r);
	return has_credit(r);
}

static bool slot_is_ready(const struct ring *r)
{
	const struct ukcf_sqe *slot = &r->sqes[r->rec->sq_head & r->sq_mask];

	/* Pairs with the consumer's store of gen, its last. */
	return load_acquire_u32(&slot->gen) ==
	       ring_gen_sqe(r->rec->sq_head, r->sq_order);
}

/*
 * The lines of a slot come from the consumer's cache: ask for those of several
 * slots at a time.  Only of slots that are published, by the consumer's word:
 * others would be taken from it while it writes them.
 */
static void prefetch_slot(struct ring *r, uint64_t head)
{
	const struct ukcf_sqe *slot = &r->sqes[(head + PREFETCH) & r->sq_mask];

	if (!r->long_burst)
		return;
	if (head == r->burst_from)
		r->tail_hint = load_relaxed_u32(&r->sq->tail);
	if ((int32_t)(r->tail_hint - (uint32_t)head) <= PREFETCH)
		return;
	prefetch(slot);
	prefetch((const char *)slot + sizeof(*slot) / 2);
}

bool ring_has_entry(const struct ring *r)
{
	return slot_is_ready(r);
}

static void reserve(struct ring *r, struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	req->ack_due = s->flags & UKCF_SQE_QUEUE;
	req->event_due = (s->flags & UKCF_SQE_NOTIFY_SPACE) ||
			 s->op == UKCF_OP_NOTIFY_SPACE ||
			 s->op == UKCF_OP_NOTIFY_EVENTS;
	r->reserved += 1u + req->ack_due + req->event_due;
}

bool ring_keep_event(struct request *req)
{
	bool kept = req->event_due;

	req->event_due = false;
	return kept;
}

void ring_drop_event(struct ring *r)
{
	r->reserved--;
}

void ring_no_ack(struct request *req)
{
	if (!req->ack_due)
		return;
	req->ack_due = false;
	req->ring->reserved--;
}

static void reset_request(struct request *req, uint64_t now)
{
	req->accepted_ticks = now;
	req->replayed = false;
	req->refused = false;
	req->queued = false;
	req->silent = false;
	req->begun = false;
	req->parked = false;
	req->cut = false;
	req->flags = 0;
	req->tried = 0;
	store_relaxed_u32(&req->state, REQUEST_IDLE);
	store_relaxed_u32(&req->cancel, 0);
	req->entry->cqe = (struct ukcf_cqe){ 0 };
}

struct request *ring_take(struct ring *r, uint64_t now)
{
	uint64_t head = r->rec->sq_head;
	struct rec_entry *e;
	struct request *req;

	if (!slot_is_ready(r))
		return NULL;
	if (!has_room(r)) {
		ring_set_stalled(r, true);
		return NULL;
	}
	ring_set_stalled(r, r->event_waits);
	prefetch_slot(r, head);
	req = &r->requests[r->free[--r->n_free]];
	e = req->entry;
	ring_copy_sqe(&e->sqe, &r->sqes[head & r->sq_mask]);
	e->seq = head;
	e->ack = 0;
	e->linked = r->chain.open || r->chain.broken;
	store_release_u32(&e->state, REC_ENTRY_ACCEPTED);
	store_release_u64(&r->rec->sq_head, head + 1);
	reset_request(req, now);
	reserve(r, req);
	ring_count(&r->rec->counts.accepted);
	if (trace_is_on())
		trace_note(req, TRACE_ACCEPTED, 0);
	probe_submit(req, 0);
	return req;
}

void ring_show_head(struct ring *r)
{
	store_release_u32(&r->cq->sq_head, (uint32_t)r->rec->sq_head);
}

void ring_publish_head(struct ring *r)
{
	if (r->burst_from == r->rec->sq_head)
		return;
	r->long_burst = r->rec->sq_head - r->burst_from > 1;
	r->burst_from = r->rec->sq_head;
	store_release_u32(&r->cq->sq_head, (uint32_t)r->rec->sq_head);
}

/*
 * An entry is there and cannot be taken: no doorbell will ring for it, so who
 * can make room must know that somebody waits - the consumer, by reaping, or
 * whoever gives an entry back.
 */
static bool await_room(struct ring *r)
{
	ring_set_stalled(r, true);
	store_relaxed_u32(&r->starved, 1);
	/* Pairs with the consumer's between reaping and looking at the flag,
	 * and with the one in return_entry(). */
	full_fence();
	return !has_room(r);
}

bool ring_arm(struct ring *r)
{
	ring_publish_head(r);
	/* The fence pairs with the consumer's after publishing. */
	store_fence_u32(&r->cq->sq_event, (uint32_t)r->rec->sq_head);
	if (!slot_is_ready(r) || await_room(r))
		return true;
	ring_disarm(r);
	return false;
}

void ring_disarm(struct ring *r)
{
	store_relaxed_u32(&r->starved, 0);
	/* Behind the head: passed only after 2^32 more entries. */
	store_relaxed_u32(&r->cq->sq_event, (uint32_t)r->rec->sq_head - 1);
}

struct request *ring_take_replay(struct ring *r, uint64_t now)
{
	while (r->replay <= r->sq_mask) {
		struct request *req = &r->requests[r->replay++];
		struct rec_entry *e = req->entry;

		/* Those that this process accepted have their ticks set. */
		if (e->state != REC_ENTRY_ACCEPTED || req->accepted_ticks)
			continue;
		reset_request(req, now);
		req->replayed = true;
		reserve(r, req);
		if (e->ack)
			ring_no_ack(req);
		return req;
	}
	return NULL;
}
