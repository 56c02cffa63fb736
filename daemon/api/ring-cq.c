/* SPDX-License-Identifier: MIT */
/*
 * Posting: results, acknowledgements and events become CQEs, and the consumer
 * is woken if it asked for it.  ring-parts.h has the rules.
 */
#include "daemon/api/ring-parts.h"

#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/notifier.h"
#include "daemon/core/mech.h"
#include "daemon/core/probes.h"
#include "daemon/core/request.h"
#include "daemon/core/service.h"
#include "daemon/core/tally.h"
#include "daemon/core/trace.h"

/* The last word of a CQE holds its generation: one store makes it visible. */
union cqe_last {
	struct {
		uint16_t flags, detail, provider, gen;
	} f;
	uint64_t word;
};

static void write_cqe(struct ring *r, uint64_t index,
		      const struct ukcf_cqe *cqe)
{
	struct ukcf_cqe *slot = &r->cqes[index & r->cq_mask];
	union cqe_last last = { .f = { cqe->flags, cqe->detail, cqe->provider,
				       ring_gen_cqe(index, r->cq_order) } };

	_Static_assert(offsetof(struct ukcf_cqe, flags) == 24, "last word");
	store_relaxed_u64(&slot->user_data, cqe->user_data);
	store_relaxed_u64((uint64_t *)&slot->res, (uint64_t)cqe->res);
	store_relaxed_u64(&slot->u.value, cqe->u.value);
	/* Pairs with the consumer's load of gen. */
	store_release_u64((uint64_t *)(void *)&slot->flags, last.word);
}

void ring_put_cqe(struct ring *r, uint64_t index, const struct ukcf_cqe *cqe)
{
	write_cqe(r, index, cqe);
	store_release_u64(&r->rec->cq_tail, index + 1);
}

bool ring_cq_acquire(struct ring *r)
{
	return exchange_u32(&r->cq_owner, 1) == 0;
}

/*
 * A handle is where the request lies and which one it was: seq + 1, entry,
 * ring.  Bit 63 clear, never 0, unique among the connection's rings; nothing
 * has to be looked up in a table.
 */
#define HANDLE_RING_BITS 6
#define HANDLE_ENTRY_BITS UKCF_SQ_ORDER_MAX

_Static_assert(CONSUMER_RINGS_MAX <= 1 << HANDLE_RING_BITS, "handle");

static uint64_t handle_of(const struct ring *r, const struct rec_entry *e)
{
	uint64_t entry = (uint64_t)(e - r->entries);
	uint64_t h = (e->seq + 1) << HANDLE_ENTRY_BITS | entry;

	return (h << HANDLE_RING_BITS | r->rec->index) & INT64_MAX;
}

struct request *ring_find(struct ring *r, uint64_t handle)
{
	uint64_t i = handle >> HANDLE_RING_BITS &
		     ((1u << HANDLE_ENTRY_BITS) - 1);
	struct request *req;

	if (i > r->sq_mask)
		return NULL;
	req = &r->requests[index_clamp(i, r->sq_mask + UINT64_C(1))];
	if (load_acquire_u32(&req->entry->state) != REC_ENTRY_ACCEPTED ||
	    !(req->entry->sqe.flags & UKCF_SQE_WANT_HANDLE) ||
	    handle_of(r, req->entry) != handle)
		return NULL;
	return req;
}

struct ukcf_cqe ring_queued_cqe(const struct ring *r,
				const struct rec_entry *e)
{
	bool wanted = e->sqe.flags & UKCF_SQE_WANT_HANDLE;

	return (struct ukcf_cqe){
		.user_data = e->sqe.user_data,
		.u.value = wanted ? handle_of(r, e) : 0,
		.flags = UKCF_CQE_QUEUED,
	};
}

void ring_post_queued(struct request *req)
{
	struct ring *r = req->ring;
	struct rec_entry *e = req->entry;
	uint64_t index = r->rec->cq_tail;
	struct ukcf_cqe ack = ring_queued_cqe(r, e);

	store_release_u64(&e->ack, index + 1);
	ring_put_cqe(r, index, &ack);
	req->ack_due = false;
}

/* The entry's place goes back to the service thread from another one. */
static void return_entry(struct request *req)
{
	struct ring *r = req->ring;
	void *head = load_acquire_ptr(&r->returned);

	do {
		req->next = head;
	} while (!compare_swap_ptr(&r->returned, &head, req));
	full_fence(); /* pairs with the one in await_room() */
	if (load_relaxed_u32(&r->starved))
		service_kick(r->service);
}

static void count_run(struct ring *r, const struct request *req)
{
	const struct ukcf_cqe *cqe = &req->entry->cqe;
	struct tally *t;

	if (!req->offer || req->offer->index >= r->n_tallies)
		return; /* a provider's that came later */
	t = &r->tallies[req->offer->index];
	tally_more(cqe->res < 0 ? &t->failed : &t->done, 1);
	tally_more(&t->bytes, request_bytes(req));
	tally_more(&t->queue_ns, cqe->u.t.queue_ns);
	tally_more(&t->service_ns, cqe->u.t.service_ns);
}

static void count_result(struct ring *r, const struct request *req)
{
	ring_count(&r->rec->counts.completed);
	if (!req->refused)
		count_run(r, req);
	if (req->refused)
		ring_count(&r->rec->counts.refused);
	else if (req->flags & UKCF_CQE_F_INLINE)
		ring_count(&r->rec->counts.inlined);
	else
		ring_count(&r->rec->counts.queued);
}

static void put_result(struct request *req)
{
	struct ring *r = req->ring;
	struct rec_entry *e = req->entry;
	uint64_t index = r->rec->cq_tail;

	e->cqe.user_data = e->sqe.user_data;
	e->cqe.flags = req->flags | (req->replayed ? UKCF_CQE_F_REPLAYED : 0);
	e->cq_index = index;
	store_release_u32(&e->state, REC_ENTRY_DONE);
	ring_put_cqe(r, index, &e->cqe);
}

static void note_end(const struct request *req)
{
	const struct ukcf_cqe *cqe = &req->entry->cqe;

	if (trace_is_on())
		trace_end(req);
	if (cqe->res < 0)
		probe_fail(req, cqe->provider);
	else
		probe_complete(req, cqe->provider);
}

static void post_result(struct request *req)
{
	struct ring *r = req->ring;

	note_end(req);
	if (req->ack_due)
		ring_post_queued(req);
	count_result(r, req); /* who has seen it finds it counted */
	if (req->silent)
		fetch_add_u32(&r->silent, 1); /* its slot is free again */
	else
		put_result(req);
	store_release_u32(&req->entry->state, REC_ENTRY_FREE);
	request_release(req);
	request_lets_go(req);
}

/* Before any result that came later: after the one that asked for no more of
 * them, there is none. */
static void post_event(struct ring *r)
{
	struct ukcf_cqe event;

	if (!load_acquire_u32(&r->event_due))
		return;
	event = r->event;
	r->event_at = r->rec->cq_tail;
	/* Not due before the consumer can have read it: see may_tell(). */
	store_release_u32(&r->event_due, 0);
	ring_put_cqe(r, r->event_at, &event);
}

static void post_company(struct ring *r)
{
	post_event(r);
	for (unsigned int i = 0; i < r->n_company; i++) {
		struct request *req = r->company[i];

		post_result(req);
		r->free[r->n_free++] = (uint32_t)(req - r->requests);
	}
	r->n_company = 0;
}

/*
 * A polling consumer takes the line of the next CQE after each store to it, and
 * the next store has to fetch it back; stores close together share one trip.
 */
void ring_post(struct request *req)
{
	struct ring *r = req->ring;

	r->company[r->n_company++] = req;
	if (r->n_company < RING_COMPANY_MAX)
		return;
	ring_show_head(r);
	post_company(r);
}

void ring_wake(struct ring *r)
{
	store_relaxed_u32(&r->cq->futex, load_relaxed_u32(&r->cq->futex) + 1);
	ring_count(&r->rec->counts.wakes);
	if (load_relaxed_u32(&r->sq->notify) == UKCF_NOTIFY_SOCKET)
		notifier_post(r->consumer);
	else
		syscall(SYS_futex, &r->cq->futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void ring_flush(struct ring *r)
{
	uint32_t from = (uint32_t)r->flushed, to;

	post_company(r);
	to = (uint32_t)r->rec->cq_tail;
	if (from == to)
		return;
	r->flushed = r->rec->cq_tail;
	/* The fence pairs with the consumer's between arming and looking. */
	store_fence_u32(&r->cq->tail, to);
	if (ring_event_passed(load_relaxed_u32(&r->sq->cq_event), to, from))
		ring_wake(r);
}

void ring_leave_queued(struct request *req)
{
	struct ring *r = req->ring;
	void *head = load_acquire_ptr(&r->acks);

	do {
		req->next_ack = head;
	} while (!compare_swap_ptr(&r->acks, &head, req));
}

static void post_acks(struct ring *r)
{
	struct request *list = exchange_ptr(&r->acks, NULL), *ordered = NULL;

	while (list) { /* newest first */
		struct request *next = list->next_ack;

		list->next_ack = ordered;
		ordered = list;
		list = next;
	}
	for (; ordered; ordered = ordered->next_ack)
		ring_post_queued(ordered);
}

/*
 * The results are taken from their list before the acknowledgements are: a
 * request was left on the latter before it could come to the former, so none
 * of these results stands before its own QUEUED; so it is with the event.
 */
static void post_done(struct ring *r)
{
	struct request *list = exchange_ptr(&r->done, NULL), *ordered = NULL;

	post_event(r);
	post_acks(r);
	while (list) { /* the list is newest first */
		struct request *next = list->next;

		list->next = ordered;
		ordered = list;
		list = next;
	}
	while (ordered) {
		struct request *next = ordered->next;
		bool queued = ordered->queued;

		post_result(ordered);
		return_entry(ordered);
		if (queued) /* not the last reference: we hold one */
			ring_unref(r);
		ordered = next;
	}
}

static bool has_done(struct ring *r)
{
	return load_acquire_ptr(&r->done) || load_acquire_ptr(&r->acks) ||
	       load_acquire_ptr(&r->events) || load_acquire_u32(&r->event_due);
}

void ring_post_in_order(struct request *req)
{
	struct ring *r = req->ring;

	ring_show_head(r);
	if (has_done(r))
		post_done(r);
	ring_post(req);
	post_company(r);
}

static struct ring_event *in_order(struct ring_event *list)
{
	struct ring_event *ordered = NULL;

	while (list) {
		struct ring_event *next = list->next;

		list->next = ordered;
		ordered = list;
		list = next;
	}
	return ordered;
}

static void post_events(struct ring *r)
{
	struct ring_event *e = in_order(exchange_ptr(&r->events, NULL));

	while (e) {
		struct ring_event *next = e->next;

		store_release_u64(&e->rec->cq_index, r->rec->cq_tail + 1);
		ring_put_cqe(r, r->rec->cq_tail, &e->cqe);
		store_release_u32(&e->rec->state, REC_FREE);
		free(e);
		fetch_sub_u32(&r->n_waiters, 1);
		ring_unref(r); /* not the last reference: we hold one */
		e = next;
	}
}

void ring_cq_release(struct ring *r)
{
	for (;;) {
		if (has_done(r)) {
			post_done(r);
			post_events(r);
		}
		ring_flush(r);
		/* The fence pairs with the one in ring_complete(). */
		store_fence_u32(&r->cq_owner, 0);
		if (!has_done(r) || !ring_cq_acquire(r))
			return;
	}
}

void ring_look(struct ring *r)
{
	full_fence(); /* pairs with the one in ring_cq_release() */
	if (ring_cq_acquire(r))
		ring_cq_release(r);
}

void ring_complete(struct request *req)
{
	struct ring *r = req->ring;
	void *head;

	ring_ref(r); /* the request may be posted by another and r go */
	head = load_acquire_ptr(&r->done);
	do {
		req->next = head;
	} while (!compare_swap_ptr(&r->done, &head, req));
	ring_look(r);
	ring_unref(r);
}
