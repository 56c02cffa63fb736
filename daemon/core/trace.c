/* SPDX-License-Identifier: MIT */
/*
 * A bounded queue of many writers and one reader after D. Vyukov's: a slot's
 * turn says in which lap it may be written (even) or read (odd).  A writer
 * that finds its slot not read yet loses its event instead of overwriting, so
 * a slot has one writer at a time.
 */
#include "daemon/core/trace.h"

#include <errno.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/clock.h"

#define LAP(pos) (2 * ((pos) / TRACE_EVENTS))

uint32_t trace_flag;

static struct {
	_Alignas(128) uint64_t head; /* atomic: next to be written */
	_Alignas(128) uint64_t lost; /* atomic: not told yet */
	_Alignas(128) uint64_t tail; /* main: next to be read */
	uint64_t begin;		     /* main: ticks of trace_turn_on() */
	/* atomic words, stored before the flag */
	struct trace_filter filter;
	struct slot {
		uint64_t turn; /* atomic */
		struct trace_event event;
	} slots[TRACE_EVENTS];
} t;

static bool passes(const struct trace_event *e)
{
	uint64_t consumer = load_relaxed_u64(&t.filter.consumer);
	uint32_t mech = load_relaxed_u32(&t.filter.mech);
	uint16_t provider = load_relaxed_u16(&t.filter.provider);

	return (!consumer || consumer == e->consumer) &&
	       (!mech || mech == e->mech || mech == e->mac) &&
	       (!provider || provider == e->provider);
}

static void put(const struct trace_event *e)
{
	uint64_t pos = load_relaxed_u64(&t.head);
	struct slot *s;

	for (;;) {
		int64_t ahead;

		s = &t.slots[pos % TRACE_EVENTS];
		/* Pairs with the reader's store. */
		ahead = (int64_t)(load_acquire_u64(&s->turn) - LAP(pos));
		if (ahead < 0) {
			fetch_add_u64(&t.lost, 1);
			return;
		}
		if (ahead > 0)
			pos = load_relaxed_u64(&t.head);
		else if (compare_swap_u64(&t.head, &pos, pos + 1))
			break;
	}
	s->event = *e;
	store_release_u64(&s->turn, LAP(pos) + 1); /* pairs with trace_read() */
}

void trace_note(const struct request *req, enum trace_kind kind,
		uint16_t provider)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	bool dual = dual_is(sqe->op);
	struct trace_event e = {
		.ticks = clock_ticks(),
		.consumer = ring_consumer(req->ring)->serial,
		.seq = req->entry->seq,
		.bytes = request_bytes(req),
		.mech = req->mech && !dual ? req->mech->id : sqe->mech[0],
		.mac = dual ? sqe->mech[1] : 0,
		.ring = ring_index(req->ring),
		.provider = provider,
		.kind = (uint8_t)kind,
		.op = sqe->op,
		.sync = sqe->mode == UKCF_MODE_SYNC,
		.queue = sqe->mode == UKCF_MODE_ASYNC &&
			 (sqe->flags & UKCF_SQE_QUEUE),
	};

	if (kind >= TRACE_DONE) {
		const struct ukcf_cqe *cqe = &req->entry->cqe;
		bool keyop = req->rule && req->rule->kind == OP_KEY;

		e.res = keyop && cqe->res > 0 ? 0 : cqe->res;
		e.queue_ns = cqe->u.t.queue_ns;
		e.service_ns = cqe->u.t.service_ns;
		e.at_once = !!(req->flags & UKCF_CQE_F_INLINE);
		e.native = !!(req->flags & UKCF_CQE_F_NATIVE);
	}
	if (passes(&e))
		put(&e);
}

void trace_end(const struct request *req)
{
	int64_t res = req->entry->cqe.res;
	enum trace_kind kind = req->refused	? TRACE_REJECTED :
			       res == -ECANCELED ? TRACE_CANCELLED :
			       res == -ETIMEDOUT ? TRACE_TIMED_OUT :
						   TRACE_DONE;

	trace_note(req, kind, req->entry->cqe.provider);
}

/* ------------------------------------------------------------------- main */

static bool take(struct trace_event *e)
{
	struct slot *s = &t.slots[t.tail % TRACE_EVENTS];

	if (load_acquire_u64(&s->turn) != LAP(t.tail) + 1)
		return false;
	*e = s->event;
	store_release_u64(&s->turn, LAP(t.tail) + 2);
	t.tail++;
	return true;
}

/* What a former trace left is not this one's. */
void trace_turn_on(const struct trace_filter *f)
{
	struct trace_event e;

	trace_turn_off();
	for (unsigned int i = 0; i < TRACE_EVENTS && take(&e); i++)
		continue;
	exchange_u64(&t.lost, 0);
	store_relaxed_u64(&t.filter.consumer, f->consumer);
	store_relaxed_u32(&t.filter.mech, f->mech);
	store_relaxed_u16(&t.filter.provider, f->provider);
	t.begin = clock_ticks();
	store_release_u32(&trace_flag, 1);
}

void trace_turn_off(void)
{
	store_release_u32(&trace_flag, 0);
}

unsigned int trace_read(struct trace_event *events, unsigned int n,
			uint64_t *lost)
{
	unsigned int got = 0;

	*lost = exchange_u64(&t.lost, 0);
	while (got < n && take(&events[got]))
		if (events[got].ticks >= t.begin) /* else a late writer's */
			got++;
	return got;
}

uint64_t trace_ns(const struct trace_event *e)
{
	return clock_ticks_to_ns(e->ticks - t.begin);
}
