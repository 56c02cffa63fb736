/* SPDX-License-Identifier: MIT */
/*
 * One walk over the parking, from its beginning: who ends is taken out, and what
 * that means for the ones behind it is known when they are looked at.
 */
#include "daemon/core/tied.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/api/ring.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/parking.h"
#include "daemon/core/recovery.h"
#include "lib/shared/ring-ops.h"

#define IDS (UKCF_CONTEXTS_MAX + 1)

struct walk {
	struct ring *ring;
	/* who ends by itself: one, or all that touch a context from one on */
	const struct request *target, *from;
	uint64_t cancelled; /* that context; 0: none */
	int err;
	unsigned int detail;
	/* so far */
	bool reached;	    /* from */
	bool breaks;	    /* the one before ended, and its chain goes on */
	bool failed[IDS];   /* contexts of which a part ended */
	struct request *last[IDS]; /* the last one left that touches it */
	struct parking ended;
	unsigned int n; /* that end by themselves */
};

/* A part as an entry tells of it; of is 0 if it is none. */
struct part {
	uint64_t of;   /* the context that it begins, goes on with, or ends */
	uint64_t from; /* that it copies; 0: none */
	bool begins, ends;
};

/* 0: it has no place in the table. */
static uint64_t place(uint64_t id)
{
	return index_clamp(id, IDS);
}

static struct part part_of(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct part p = { .of = place(s->ctx) };

	if (chain_concerns(req)) /* it will be refused */
		return (struct part){ 0 };
	switch (s->op) {
	case UKCF_OP_INIT:
		p.begins = true;
		return p;
	case UKCF_OP_UPDATE:
		return p;
	case UKCF_OP_FINAL:
		p.ends = true;
		return p;
	case UKCF_OP_CTX_COPY:
		p.begins = true;
		p.from = place(s->obj[1]);
		return p;
	default:
		return (struct part){ 0 };
	}
}

static bool touches(const struct part *p, uint64_t id)
{
	return p->of && id && (p->of == id || p->from == id);
}

/* Where it remembers what became of later parts of this context, which it
 * touches. */
static struct later_parts *later_of(struct request *req, uint64_t id)
{
	return &req->later[place(req->entry->sqe.ctx) != id];
}

/* If the last one ended as well, what comes is of another context. */
static void add_later(struct later_parts *l, int err, bool last)
{
	if (!l->err || l->last)
		*l = (struct later_parts){ err, last };
	else
		l->last = last;
}

/* ----------------------------------------------------------------- the walk */

/* A part ended: so do those after it. */
static void fail_behind(struct walk *w, const struct part *p)
{
	struct request *before = w->last[p->of];

	if (p->of == w->cancelled) /* nothing of it is left */
		return;
	w->failed[p->of] = !p->ends;
	if (before)
		add_later(later_of(before, p->of), w->err, p->ends);
	else
		context_part_lost(ring_contexts(w->ring), p->of, w->err,
				  p->ends);
}

static void note_left(struct walk *w, struct request *req,
		      const struct part *p)
{
	if (!p->of)
		return;
	if (p->begins)
		w->failed[p->of] = false;
	w->last[p->of] = req;
	w->last[p->from] = req;
}

static bool ends_by_itself(struct walk *w, const struct request *req,
			   const struct part *p)
{
	if (req == w->from)
		w->reached = true;
	if (req != w->target && !(w->reached && touches(p, w->cancelled)))
		return false;
	w->n++;
	return true;
}

/* Does it end?  Then it has its result. */
static bool judge(struct walk *w, struct request *req, const struct part *p)
{
	if (ends_by_itself(w, req, p))
		request_result(req, w->err, w->detail);
	else if (w->breaks)
		request_result(req, -ECANCELED, UKCF_DETAIL_LINK);
	else if (p->of && w->failed[p->begins ? p->from : p->of])
		request_result(req, w->err, UKCF_DETAIL_PART_FAILED);
	else
		return false;
	return true;
}

/* What it was linked to goes on without it. */
static void cut_before(struct walk *w, const struct request *req,
		       struct request *before)
{
	if (!req->entry->linked || req->replayed)
		return;
	if (before)
		before->cut = true;
	else
		chain_close(ring_chain(w->ring));
}

static void walk(struct walk *w)
{
	struct parking *p = ring_parking(w->ring);
	struct request **at = &p->first, *before = NULL;

	parking_init(&w->ended);
	while (*at) {
		struct request *req = *at;
		const struct part part = part_of(req);

		if (!judge(w, req, &part)) {
			note_left(w, req, &part);
			before = req;
			at = &req->next;
			continue;
		}
		if (req == w->target)
			cut_before(w, req, before);
		if (part.of)
			fail_behind(w, &part);
		w->breaks = chain_goes_on(req);
		parking_add(&w->ended, parking_take_at(p, at));
	}
}

/* The last of the parking ended, and those to come are linked to it. */
static void break_next(struct ring *r, bool breaks)
{
	struct parking *p = ring_parking(r);

	breaks |= p->broken;
	p->broken = false;
	if (breaks)
		tied_breaks(r);
}

/* What it was promised as one that is queued is taken back. */
static void finish(struct request *req)
{
	ring_no_ack(req);
	if (ring_keep_event(req))
		ring_drop_event(req->ring);
	request_times_queued(req);
	request_finish(req);
}

static unsigned int end_all(struct walk *w)
{
	struct request *req;

	walk(w);
	break_next(w->ring, w->breaks);
	while ((req = parking_take(&w->ended)))
		finish(req);
	return w->n;
}

void tied_end(struct request *req, int err, unsigned int detail)
{
	struct walk w = {
		.ring = req->ring,
		.target = req,
		.err = err,
		.detail = detail,
	};

	end_all(&w);
}

/* --------------------------------------------------------------- CANCEL_CTX */

/* A context as the next entry would find it. */
struct found {
	bool open;
	bool parked; /* it begins in the parking */
	struct request *from; /* where its parts in the parking begin */
};

static void follow(struct found *f, struct request *req, uint64_t id)
{
	const struct part p = part_of(req);

	if (!touches(&p, id))
		return;
	if (p.of == id && p.begins && !f->open)
		*f = (struct found){ true, true, req };
	if ((p.of == id && p.ends) || later_of(req, id)->last)
		f->open = false;
}

static struct found find(struct ring *r, uint64_t id)
{
	const struct context_table *t = ring_contexts(r);
	struct found f = { .from = ring_parking(r)->first };

	f.open = t->at[id] || (t->lost[id] && t->lost[id] != -ESTALE);
	for (struct request *req = f.from; req; req = req->next)
		follow(&f, req, id);
	return f;
}

int64_t tied_cancel_ctx(struct ring *r, uint64_t id)
{
	struct context_table *t = ring_contexts(r);
	struct walk w = {
		.ring = r,
		.cancelled = place(id),
		.err = -ECANCELED,
		.detail = UKCF_DETAIL_CANCELED,
	};
	struct found f = find(r, w.cancelled);
	struct context *c = t->at[w.cancelled];
	unsigned int n = 0;

	if (!f.open && !c)
		t->lost[w.cancelled] = 0;
	if (!f.open)
		return -ENOENT;
	if (!f.parked && c)
		n = context_cancel(c);
	if (!f.parked)
		context_end(t, w.cancelled);
	w.from = f.from;
	return n + end_all(&w);
}

/* ----------------------------------------------------------------- its turn */

struct tied_later tied_later(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return (struct tied_later){
		.id = { place(s->ctx), place(s->obj[1]) },
		.parts = { req->later[0], req->later[1] },
	};
}

void tied_has_run(struct ring *r, const struct tied_later *later)
{
	for (unsigned int i = 0; i < 2; i++)
		if (later->parts[i].err)
			context_part_lost(ring_contexts(r), later->id[i],
					  later->parts[i].err,
					  later->parts[i].last);
}

void tied_breaks(struct ring *r)
{
	if (parking_is_empty(ring_parking(r)))
		chain_follow(ring_chain(r), NULL, true);
	else
		ring_parking(r)->broken = true;
}
