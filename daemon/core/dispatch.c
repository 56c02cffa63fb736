/* SPDX-License-Identifier: MIT */
#include "daemon/core/dispatch.h"

#include <errno.h>

#include "daemon/api/decode.h"
#include "daemon/core/backlog.h"
#include "daemon/core/context.h"
#include "daemon/core/device.h"
#include "daemon/core/execute.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/worker.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

/* What a full queue adds: taken only if there is nothing else. */
#define FULL_NS (UINT64_C(1) << 40)

static struct dispatch_settings settings;

void dispatch_init(const struct dispatch_settings *s)
{
	settings = *s;
}

/* ------------------------------------------------------- which provider */

static bool is_hardware(const struct mech_offer *o)
{
	return o->provider->spi->kind == UKCF_PROVIDER_HARDWARE;
}

/* All parts go to the provider that the first one chose: one in software, which
 * does them in turn. */
static bool does_parts(const struct mech_offer *o)
{
	const struct ukcf_mech_ops *f = o->offer->ops;

	return !is_hardware(o) && f->init && f->update && f->final &&
	       o->offer->ctx_size <= CONTEXT_STATE_MAX;
}

/* Could it ever be this one? */
static bool is_candidate(const struct request *req, const struct mech_offer *o)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (load_relaxed_u32(&o->disabled))
		return false;
	if (s->provider != UKCF_PROVIDER_ANY && o->provider->id != s->provider)
		return false;
	if ((s->subflags & UKCF_SUB_REQUIRE_HW) && !is_hardware(o))
		return false;
	if (s->op == UKCF_OP_INIT && !does_parts(o))
		return false;
	return mech_entry(o->offer, request_op(req)) != NULL;
}

static uint64_t wait_of(const struct backlog *b)
{
	uint64_t ns = backlog_wait_ns(b);

	return backlog_depth(b) < b->q.slots ? ns : ns + FULL_NS;
}

static enum lane lane_of(const struct mech_offer *o)
{
	return o && (o->offer->flags & UKCF_OFFER_SLOW) ? LANE_SLOW :
							   LANE_BULK;
}

static bool is_short(const struct request *req, uint64_t ns)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (s->mode == UKCF_MODE_ASYNC && (s->flags & UKCF_SQE_QUEUE))
		return false;
	return ns <= settings.inline_ns && execute_is_small(req);
}

/* Predicted nanoseconds until it would be done. */
static uint64_t done_in(const struct request *req, const struct mech_offer *o)
{
	uint64_t ns = predict_ns(o, request_op(req), request_bytes(req));

	if (is_hardware(o))
		return ns + wait_of(device_backlog(o->provider->device));
	if (is_short(req, ns))
		return ns;
	return ns + wait_of(worker_backlog(lane_of(o)));
}

static struct mech_offer *offer_at(const struct mech *m, unsigned int i)
{
	return load_acquire_ptr((void *const *)(uintptr_t)&m->offers[i]);
}

static bool is_open(const struct request *req, const struct mech_offer *o)
{
	return provider_is_usable(o->provider) &&
	       !(req->tried >> o->provider->id & 1);
}

static int none(const struct request *req, bool any, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (any) {
		*detail = UKCF_DETAIL_PROVIDER_FAILED;
		return -ENODEV;
	}
	*detail = s->provider || (s->subflags & UKCF_SUB_REQUIRE_HW) ?
			  UKCF_DETAIL_PROVIDER :
			  UKCF_DETAIL_NO_PROVIDER;
	return -EOPNOTSUPP;
}

int dispatch_choose(struct request *req, unsigned int *detail)
{
	const struct mech *m = req->mech;
	unsigned int n = load_acquire_u32(&m->n_offers);
	uint64_t best = UINT64_MAX, ns;
	bool any = false;

	req->offer = NULL;
	for (unsigned int i = 0; i < n; i++) {
		struct mech_offer *o = offer_at(m, i);

		if (!is_candidate(req, o))
			continue;
		any = true;
		if (!is_open(req, o))
			continue;
		ns = n == 1 ? 0 : done_in(req, o);
		if (ns >= best)
			continue;
		best = ns;
		req->offer = o;
	}
	return req->offer ? 0 : none(req, any, detail);
}

/* ------------------------------------------------------------- and where */

/* Those that make a key, or look at all of them, take 60 to 100 us. */
static bool is_long_keyop(uint32_t op)
{
	return op == UKCF_OP_KEY_GENERATE || op == UKCF_OP_KEY_IMPORT ||
	       op == UKCF_OP_KEY_LIST || op == UKCF_OP_TMPL_CREATE;
}

void dispatch_set_deadline(struct request *req)
{
	uint64_t us = req->entry->sqe.timeout_us;

	req->deadline_ns = clock_ns() + (us ? us * 1000 : settings.timeout_ns);
}

bool dispatch_runs_at_once(const struct request *req)
{
	uint32_t op = request_op(req);

	if (req->rule->kind != OP_CRYPTO && req->rule->kind != OP_PART)
		return !is_long_keyop(op);
	if (is_hardware(req->offer))
		return false;
	return is_short(req, predict_ns(req->offer, op, request_bytes(req)));
}

struct backlog *dispatch_backlog(const struct request *req)
{
	if (req->rule->kind == OP_CRYPTO && is_hardware(req->offer))
		return device_backlog(req->offer->provider->device);
	return worker_backlog(lane_of(req->offer));
}

struct backlog *dispatch_queue_by_id(uint16_t id)
{
	struct provider *p;

	if (id == UKCF_QUEUE_BULK)
		return worker_backlog(LANE_BULK);
	if (id == UKCF_QUEUE_SLOW)
		return worker_backlog(LANE_SLOW);
	p = provider_by_id(id);
	return p && p->device ? device_backlog(p->device) : NULL;
}

/* --------------------------------------------------------------- failover */

void dispatch_elsewhere(struct request *req)
{
	unsigned int detail;
	int err;

	req->tried |= UINT64_C(1) << req->offer->provider->id;
	if (clock_ns() >= req->deadline_ns) {
		request_end(req, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT);
		return;
	}
	err = execute_may_repeat(req) ? dispatch_choose(req, &detail) : -EIO;
	if (err) {
		request_end(req, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
		return;
	}
	decode_copy_class(req);
	backlog_put(dispatch_backlog(req), req, true, false, NULL);
}
