/* SPDX-License-Identifier: MIT */
/* What happened to mechanisms and providers is told; and CQEs that answer no
 * request, from any thread.  ring-parts.h has the rules. */
#include "daemon/api/ring-parts.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/api/event.h"
#include "daemon/api/page.h"
#include "daemon/core/completion.h"
#include "daemon/core/event-count.h"
#include "daemon/core/request.h"
#include "lib/shared/log.h"

/* A slot is kept for it until the ring wants no more of them. */
void ring_want_events(struct request *req, uint32_t kinds)
{
	struct ring *r = req->ring;
	bool kept = ring_keep_event(req);

	if (!r->kinds && kinds) {
		r->told = event_count_now();
		r->missed = false;
		r->event_slot = kept;
		kept = false;
	}
	if (kept)
		ring_drop_event(r);
	if (!kinds && r->event_slot) {
		ring_drop_event(r);
		r->event_slot = false;
	}
	if (!kinds)
		r->event_waits = false;
	r->kinds = kinds;
	r->rec->events_data = req->entry->sqe.user_data;
	store_release_u32(&r->rec->events, kinds);
}

/* Who asks anew has a slot, perhaps before the last one is posted. */
static bool has_event_slot(const struct ring *r)
{
	return r->event_slot && !load_acquire_u32(&r->event_due);
}

static bool may_tell(struct ring *r)
{
	if (has_event_slot(r))
		return true;
	ring_read_cq_head(r);
	if (has_event_slot(r) || r->event_waits)
		return has_event_slot(r);
	r->event_waits = true;
	ring_set_stalled(r, true);
	/* Pairs with the consumer's between reading an EVENT and looking at
	 * the flag. */
	full_fence();
	ring_read_cq_head(r);
	return has_event_slot(r);
}

static struct ukcf_cqe event_cqe(const struct ring *r, const struct event *e)
{
	bool many = e->kind == UKCF_EVENT_MANY;

	return (struct ukcf_cqe){
		.user_data = r->rec->events_data,
		.res = e->kind,
		.u.value = many ? page_epoch() : e->whom,
		.flags = UKCF_CQE_EVENT,
		.provider = e->provider,
	};
}

void ring_tell(struct ring *r)
{
	struct event e = { .kind = UKCF_EVENT_MANY };
	bool news;

	if (!r->kinds || (event_count_now() == r->told && !r->missed) ||
	    !may_tell(r))
		return;
	if (r->event_waits) {
		r->event_waits = false;
		ring_set_stalled(r, false); /* taking an entry looks anew */
	}
	news = r->missed;
	if (news)
		r->told = event_count_now();
	else
		news = event_next(&r->told, r->kinds, &e);
	r->missed = false;
	if (!news)
		return;
	r->event = event_cqe(r, &e);
	r->event_slot = false;
	store_release_u32(&r->event_due, 1);
	ring_look(r);
}

/* As many as CQ slots, whatever the consumer says that it has read.  Whoever
 * posts frees one, in any order; only the service thread takes one. */
static struct rec_waiter *waiter_new(struct ring *r)
{
	for (uint32_t i = 0; i <= r->cq_mask; i++) {
		struct rec_waiter *w = &r->waiters[r->next_waiter];

		r->next_waiter = (r->next_waiter + 1) & r->cq_mask;
		if (load_acquire_u32(&w->state) == REC_FREE)
			return w;
	}
	return NULL;
}

int ring_event_init(struct ring_event *e, const struct request *req,
		     unsigned int slots)
{
	struct ring *r = req->ring;
	struct rec_waiter *w = waiter_new(r);

	if (!w)
		return -ENOMEM;
	ring_ref(r);
	fetch_add_u32(&r->n_waiters, 1);
	e->ring = r;
	e->rec = w;
	w->user_data = e->cqe.user_data;
	w->cq_index = 0;
	w->seq = (uint32_t)req->entry->seq;
	w->entry = (uint16_t)(req->entry - r->entries);
	w->queue = e->cqe.provider;
	w->slots = slots;
	store_release_u32(&w->state, REC_LIVE);
	return 0;
}

/* It was told, or will ask once more. */
static bool is_settled(const struct ring *r, const struct rec_waiter *w)
{
	const struct rec_entry *e = &r->entries[w->entry & r->sq_mask];

	return (w->cq_index && w->cq_index - 1 < r->rec->cq_tail) ||
	       (e->state == REC_ENTRY_ACCEPTED && (uint32_t)e->seq == w->seq);
}

static void tell_waiter(struct ring *r, struct rec_waiter *w)
{
	struct ring_event *e = calloc(1, sizeof(*e));

	if (!e) {
		log_err("no memory to tell a consumer of room");
		store_release_u32(&w->state, REC_FREE);
		return;
	}
	e->cqe = (struct ukcf_cqe){
		.user_data = w->user_data,
		.res = w->slots,
		.flags = UKCF_CQE_SPACE,
		.provider = w->queue,
	};
	e->rec = w;
	e->ring = r;
	ring_ref(r);
	fetch_add_u32(&r->n_waiters, 1);
	r->reserved++; /* as it was in the former process */
	ring_post_event(e);
}

void ring_tell_waiters(struct ring *r)
{
	for (uint32_t i = 0; r->restored && i <= r->cq_mask; i++) {
		struct rec_waiter *w = &r->waiters[i];

		if (w->state != REC_LIVE)
			continue;
		if (is_settled(r, w))
			store_release_u32(&w->state, REC_FREE);
		else
			tell_waiter(r, w);
	}
	r->restored = false;
}

void ring_post_event(struct ring_event *e)
{
	struct ring *r = e->ring;
	void *head = load_acquire_ptr(&r->events);

	completion_forbids("an event is posted");
	ring_ref(r); /* another may post it, and r go */
	do {
		e->next = head;
	} while (!compare_swap_ptr(&r->events, &head, e));
	ring_look(r);
	ring_unref(r);
}
