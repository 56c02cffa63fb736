/* SPDX-License-Identifier: MIT */
#include "daemon/core/dispatch.h"

#include <errno.h>

#include "daemon/api/decode.h"
#include "daemon/core/backlog.h"
#include "daemon/core/context.h"
#include "daemon/core/device.h"
#include "daemon/core/dual.h"
#include "daemon/core/execute.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/trace.h"
#include "daemon/core/worker.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

static struct dispatch_settings settings;

void dispatch_init(const struct dispatch_settings *s)
{
	settings = *s;
}

static bool asks_to_be_queued(const struct ukcf_sqe *s)
{
	return s->mode == UKCF_MODE_ASYNC && (s->flags & UKCF_SQE_QUEUE);
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

static enum lane lane_of(const struct mech_offer *o)
{
	return o && (o->offer->flags & UKCF_OFFER_SLOW) ? LANE_SLOW :
							   LANE_BULK;
}

static struct backlog *backlog_of(const struct mech_offer *o)
{
	return is_hardware(o) ? device_backlog(o->provider->device) :
				worker_backlog(lane_of(o));
}

static struct mech_offer *offer_at(const struct mech *m, unsigned int i)
{
	return load_acquire_ptr((void *const *)(uintptr_t)&m->offers[i]);
}

/* What is short runs at once, on the service thread: it waits for nobody. */
static struct sched_candidate candidate(const struct dispatch_wish *w,
					const struct mech_offer *o)
{
	const struct provider *p = o->provider;
	uint64_t ns = predict_ns(o, w->op, w->bytes);
	bool waits = is_hardware(o) || w->queue || ns > settings.inline_ns;
	const struct backlog *b = waits ? backlog_of(o) : NULL;

	return (struct sched_candidate){
		.wait_ns = b ? backlog_wait_ns(b) : 0,
		.service_ns = ns,
		.provider = p->id,
		.hardware = is_hardware(o),
		.loaded = true,
		.ready = provider_is_usable(p),
		.disabled = load_relaxed_u32(&o->disabled),
		.has_op = mech_entry(o->offer, w->op) &&
			  (!w->parts || does_parts(o)) &&
			  (!w->local || !is_hardware(o)),
		.busy = load_relaxed_u32(&p->state) == UKCF_PROVIDER_BUSY,
		.full = b && backlog_depth(b) >= b->q.slots,
	};
}

unsigned int dispatch_judge(const struct mech *m, const struct dispatch_wish *w,
			    struct sched_candidate *c, int *chosen)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++)
		c[i] = candidate(w, offer_at(m, i));
	*chosen = sched_choose(&w->needs, c, n);
	return n;
}

bool dispatch_is_at_once(const struct sched_candidate *c)
{
	return !c->hardware && c->service_ns <= settings.inline_ns;
}

static struct dispatch_wish wish_of(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return (struct dispatch_wish){
		.op = request_op(req),
		.bytes = request_bytes(req),
		.queue = asks_to_be_queued(s) || !execute_is_small(req),
		.parts = s->op == UKCF_OP_INIT,
		.local = req->context,
		.needs = { .tried = req->tried,
			   .provider = s->provider,
			   .require_hw = s->subflags & UKCF_SUB_REQUIRE_HW },
	};
}

/* Those that could do it are out, or there never was one. */
static int none(const struct request *req, const struct sched_candidate *c,
		unsigned int n, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	for (unsigned int i = 0; i < n; i++) {
		if (c[i].reason != SCHED_TRIED && c[i].reason != SCHED_NOT_READY)
			continue;
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
	const struct dispatch_wish w = wish_of(req);
	struct sched_candidate c[MECH_OFFERS_MAX];
	unsigned int n;
	int chosen;

	n = dispatch_judge(req->mech, &w, c, &chosen);
	req->offer = chosen < 0 ? NULL : offer_at(req->mech,
						  (unsigned int)chosen);
	return req->offer ? 0 : none(req, c, n, detail);
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

bool dispatch_is_short(const struct request *req)
{
	return !is_hardware(req->offer) &&
	       predict_ns(req->offer, request_op(req), request_bytes(req)) <=
		       settings.inline_ns;
}

bool dispatch_runs_at_once(const struct request *req)
{
	if (req->rule->kind != OP_CRYPTO && req->rule->kind != OP_PART)
		return !is_long_keyop(req->entry->sqe.op);
	return !asks_to_be_queued(&req->entry->sqe) && execute_is_small(req) &&
	       dispatch_is_short(req);
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

	if (trace_is_on())
		trace_note(req, TRACE_FAILED_OVER, req->offer->provider->id);
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

void dispatch_onward(struct request *req)
{
	if (dual_goes_on(req)) {
		backlog_put(dispatch_backlog(req), req, true, false, NULL);
		return;
	}
	execute_times(req, 0, clock_ticks());
	request_finish(req);
}
