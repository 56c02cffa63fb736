/* SPDX-License-Identifier: MIT */
#include "daemon/core/request.h"

#include <errno.h>

#include "daemon/api/arena.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/context.h"
#include "daemon/core/copy.h"
#include "daemon/core/crosscheck.h"
#include "daemon/core/drain.h"
#include "daemon/core/dual.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/pieces.h"
#include "daemon/core/recovery.h"
#include "daemon/core/template.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

void request_waits(struct request *req)
{
	store_release_u32(&req->state, REQUEST_WAITING);
}

static bool move_on(struct request *req, uint32_t to)
{
	uint32_t from = REQUEST_WAITING;

	return compare_swap_u32(&req->state, &from, to);
}

bool request_starts(struct request *req)
{
	return move_on(req, REQUEST_RUNNING);
}

bool request_cancels(struct request *req)
{
	return move_on(req, REQUEST_CANCELED);
}

/* Whose it was until now may be waiting for that. */
void request_give(struct request *req, struct mech_offer *o)
{
	bool had_one = req->offer;

	store_release_ptr((void **)&req->offer, o);
	if (had_one)
		drain_noted();
}

void request_lets_go(struct request *req)
{
	if (req->offer)
		request_give(req, NULL);
}

bool request_is_with(const struct request *req, const struct provider *p)
{
	const struct mech_offer *o =
		load_acquire_ptr((void *const *)(const void *)&req->offer);
	const struct mech_offer *c =
		load_acquire_ptr((void *const *)(const void *)&req->checker);

	return (o && o->provider == p) || (c && c->provider == p);
}

uint32_t request_op(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (req->context && !context_is_chain(req->context))
		return context_spec(req->context)->op;
	if (req->dual)
		return dual_op(req);
	return s->op == UKCF_OP_INIT ? s->part_op : s->op;
}

static void drop_contexts(struct request *req)
{
	if (req->context)
		context_put(req->context);
	if (req->made)
		context_put(req->made);
	req->context = NULL;
	req->made = NULL;
}

/* One test for what most requests do not have. */
static bool holds_nothing(const struct request *req)
{
	uintptr_t any = (uintptr_t)req->copy | (uintptr_t)req->dual |
			(uintptr_t)req->check |
			(uintptr_t)req->key | (uintptr_t)req->tmpl |
			(uintptr_t)req->context | (uintptr_t)req->made;

	for (unsigned int i = 0; i < 4; i++)
		any |= (uintptr_t)req->arena[i];
	return !any;
}

void request_release(struct request *req)
{
	if (holds_nothing(req))
		return;
	if (req->check)
		crosscheck_drop(req);
	if (req->dual) /* lies in the copy */
		dual_release(req);
	if (req->copy)
		copy_put(req->copy);
	req->copy = NULL;
	for (unsigned int i = 0; i < 4; i++) {
		if (!req->arena[i])
			continue;
		arena_release(req->arena[i]);
		req->arena[i] = NULL;
		req->at[i] = NULL;
	}
	if (req->tmpl)
		template_release(req->tmpl, !req->refused);
	req->tmpl = NULL;
	if (req->key)
		keystore_release(req->key);
	req->key = NULL;
	drop_contexts(req);
}

void request_result(struct request *req, int64_t res, unsigned int detail)
{
	req->entry->cqe.res = res;
	req->entry->cqe.detail = (uint16_t)detail;
}

void request_finish(struct request *req)
{
	struct context_then then = context_leave(req);

	pieces_drop(req);
	ring_complete(req);
	context_go_on(then);
}

void request_end(struct request *req, int64_t res, unsigned int detail)
{
	request_result(req, res, detail);
	request_finish(req);
}

bool request_cancel(struct request *req)
{
	if (!request_cancels(req))
		return false;
	backlog_remove(req->backlog, req);
	request_times_queued(req);
	request_end(req, -ECANCELED, UKCF_DETAIL_CANCELED);
	return true;
}

int request_must_end(const struct request *req, unsigned int *detail)
{
	if (ring_is_closing(req->ring)) {
		*detail = UKCF_DETAIL_CANCELED;
		return -ECANCELED;
	}
	*detail = UKCF_DETAIL_TIMEOUT;
	return clock_ns() >= req->deadline_ns ? -ETIMEDOUT : 0;
}

int request_must_stop(const struct request *req, unsigned int *detail)
{
	*detail = UKCF_DETAIL_CANCELED;
	return load_acquire_u32(&req->cancel) ? -ECANCELED :
						request_must_end(req, detail);
}

static uint32_t saturate(uint64_t ns)
{
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

void request_times(struct request *req, uint64_t queue_ns, uint64_t service_ns)
{
	req->entry->cqe.u.t.queue_ns = saturate(queue_ns);
	req->entry->cqe.u.t.service_ns = saturate(service_ns);
}

void request_times_queued(struct request *req)
{
	uint64_t ticks = clock_ticks() - req->accepted_ticks;

	request_times(req, clock_ticks_to_ns(ticks), 0);
}

struct op_sizes request_sizes(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return (struct op_sizes){
		.in = s->in.len,
		.out = s->out.len,
		.aux = s->aux.len,
		.tag = s->tag.len,
		.tag_len = s->tag_len,
		.nonce = s->param_len,
	};
}

uint64_t request_bytes(const struct request *req)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;

	if (sqe->op == UKCF_OP_RANDOM)
		return sqe->out.len;
	return (uint64_t)sqe->in.len + sqe->aux.len;
}
