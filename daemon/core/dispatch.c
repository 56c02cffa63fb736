/* SPDX-License-Identifier: MIT */
#include "daemon/core/dispatch.h"

#include <errno.h>

#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/context.h"
#include "daemon/core/device.h"
#include "daemon/core/dual.h"
#include "daemon/core/execute.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/native.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/stranded.h"
#include "daemon/core/trace.h"
#include "daemon/core/worker.h"
#include "daemon/spi/loader.h"
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
	return provider_is_hardware(o->provider);
}

/* All parts go to the provider that the first one chose: one in software, which
 * does them in turn. */
static bool does_parts(const struct ukcf_offer *o)
{
	const struct ukcf_mech_ops *f = o->ops;

	return f->init && f->update && f->final &&
	       o->ctx_size <= CONTEXT_STATE_MAX;
}

static enum lane lane_of(const struct ukcf_offer *o)
{
	return o && (o->flags & UKCF_OFFER_SLOW) ? LANE_SLOW : LANE_BULK;
}

static struct backlog *hardware_queue(const struct provider *p)
{
	struct device *d =
		load_acquire_ptr((void *const *)(const void *)&p->device);

	return d ? device_backlog(d) : NULL;
}

static struct backlog *backlog_of(const struct mech_offer *o,
				  const struct ukcf_offer *now)
{
	return is_hardware(o) ? hardware_queue(o->provider) :
				worker_backlog(lane_of(now));
}

/* What is short runs at once, on the service thread: it waits for nobody. */
static bool waits(const struct dispatch_wish *w, const struct mech_offer *o,
		  uint64_t ns)
{
	return is_hardware(o) || w->queue || ns > settings.inline_ns;
}

static bool has_op(const struct dispatch_wish *w, const struct mech_offer *o,
		   const struct ukcf_offer *now)
{
	return mech_entry(now, w->op) &&
	       (!w->parts || (!is_hardware(o) && does_parts(now))) &&
	       (!w->local || !is_hardware(o));
}

static bool is_own(const struct key *key)
{
	return key && key_flags(key) & UKCF_KEY_OWN;
}

static bool in_place(const struct ukcf_offer *now, uint32_t op, bool own)
{
	return own || now->single_pass >> op & 1;
}

bool dispatch_works_in_place(const struct ukcf_offer *now, uint32_t op,
			     const struct key *key)
{
	return in_place(now, op, is_own(key));
}

/* A device always works on a copy, but for what may be shared with it, which
 * is decided later. */
static bool is_too_large(const struct dispatch_wish *w,
			 const struct mech_offer *o,
			 const struct ukcf_offer *now)
{
	return w->bytes > DISPATCH_COPY_MAX && w->op != UKCF_OP_RANDOM &&
	       (is_hardware(o) || !in_place(now, w->op, w->own));
}

static struct sched_candidate candidate(const struct dispatch_wish *w,
					const struct mech_offer *o)
{
	const struct ukcf_offer *now = mech_offer_now(o);
	const struct provider *p = o->provider;
	struct sched_candidate c = {
		.provider = p->id,
		.hardware = is_hardware(o),
		.disabled = load_relaxed_u32(&o->disabled),
	};
	struct backlog *b;

	if (!now) {
		c.has_op = load_acquire_u32(&o->promised); /* to be seen */
		return c;
	}
	c.service_ns = predict_ns(o, w->op, w->bytes);
	b = waits(w, o, c.service_ns) ? backlog_of(o, now) : NULL;
	c.wait_ns = b ? backlog_wait_ns(b) : 0;
	c.full = b && backlog_is_full(b);
	c.loaded = provider_is_loaded(p);
	c.ready = provider_is_usable(p);
	c.has_op = has_op(w, o, now);
	c.too_large = is_too_large(w, o, now);
	c.busy = load_relaxed_u32(&p->state) == UKCF_PROVIDER_BUSY;
	return c;
}

unsigned int dispatch_judge(const struct mech *m, const struct dispatch_wish *w,
			    struct sched_candidate *c, int *chosen)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++)
		c[i] = candidate(w, mech_offer_at(m, i));
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
		.own = is_own(req->key),
		.needs = { .tried = req->tried,
			   .provider = s->provider,
			   .require_hw = s->subflags & UKCF_SUB_REQUIRE_HW },
	};
}

/* One that is idle, and was not chosen for long, is tried now and then: its
 * prediction may be wrong.  Return: its index, or what was chosen. */
static int try_another(const struct mech *m, const struct dispatch_wish *w,
		       const struct sched_candidate *c, unsigned int n,
		       int chosen)
{
	if (chosen < 0 || n < 2 || w->needs.tried)
		return chosen;
	for (unsigned int i = 0; i < n; i++)
		if (c[i].reason == SCHED_SLOWER && !c[i].wait_ns &&
		    predict_tries(mech_offer_at(m, i), w->op, w->bytes,
				  c[chosen].service_ns))
			return (int)i;
	return chosen;
}

/* Is there one that could, if it were loaded?  It is on its way then. */
static bool send_for(const struct mech_offer *o)
{
	if (!load_acquire_u32(&o->promised) ||
	    load_relaxed_u32(&o->disabled) || !provider_may_come(o->provider))
		return false;
	loader_want(o->provider);
	return true;
}

static bool one_may_come(const struct request *req,
			 const struct sched_candidate *c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (c[i].reason == SCHED_NOT_LOADED &&
		    send_for(mech_offer_at(req->mech, i)))
			return true;
	return false;
}

/* Those that could do it are out, or forbidden, or there never was one. */
static int none(const struct request *req, const struct sched_candidate *c,
		unsigned int n, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	*detail = s->provider || (s->subflags & UKCF_SUB_REQUIRE_HW) ?
			  UKCF_DETAIL_PROVIDER :
			  UKCF_DETAIL_NO_PROVIDER;
	for (unsigned int i = 0; i < n; i++) {
		if (c[i].reason == SCHED_DISABLED && c[i].loaded)
			*detail = UKCF_DETAIL_DISABLED;
		if (c[i].reason == SCHED_TOO_LARGE) {
			*detail = UKCF_DETAIL_ONESHOT;
			return -EMSGSIZE;
		}
		if (c[i].reason != SCHED_TRIED && c[i].reason != SCHED_NOT_READY)
			continue;
		*detail = UKCF_DETAIL_PROVIDER_FAILED;
		return -ENODEV;
	}
	return -EOPNOTSUPP;
}

/* False: its provider was taken out in this very moment. */
static bool give(struct request *req, struct mech_offer *o)
{
	request_give(req, o);
	signal_fence(); /* with membarrier(2), see drain.h */
	return !o || provider_is_usable(o->provider);
}

/* Until a half is done, as things stand; UINT64_MAX: nobody can do it.  The
 * second one does not wait for the threads that the first one runs on. */
static uint64_t half_ns(const struct mech *m, const struct dispatch_wish *w,
			bool first)
{
	struct sched_candidate c[MECH_OFFERS_MAX];
	int chosen;

	dispatch_judge(m, w, c, &chosen);
	if (chosen < 0)
		return UINT64_MAX;
	return c[chosen].service_ns +
	       (first || c[chosen].hardware ? c[chosen].wait_ns : 0);
}

static uint64_t halves_ns(const struct dual_plan *plan, struct dispatch_wish w)
{
	uint64_t all = half_ns(plan->mech[plan->step[0].half], &w, true), ns;

	w.op = plan->step[1].op;
	w.needs.tried = 0;
	ns = half_ns(plan->mech[plan->step[1].half], &w, false);
	return all > UINT64_MAX - ns ? UINT64_MAX : all + ns;
}

static uint64_t native_wait_ns(const struct mech_offer *o,
			       const struct dispatch_wish *w, uint64_t ns)
{
	return waits(w, o, ns) ?
		       backlog_wait_ns(backlog_of(o, mech_offer_now(o))) :
		       0;
}

static uint64_t native_ns(const struct mech_offer *o,
			  const struct dispatch_wish *w)
{
	uint64_t ns = predict_ns(o, w->op, w->bytes);

	return ns + native_wait_ns(o, w, ns);
}

/* The offer to do both halves in one job, if it is predicted to be faster, or is
 * tried. */
static struct mech_offer *native_of(const struct request *req)
{
	const struct dispatch_wish w = wish_of(req);
	struct dual_plan plan;
	struct mech_offer *o;
	uint64_t ns;

	if (w.needs.require_hw || !dual_plan(req, &plan))
		return NULL;
	o = native_find(&plan, &w);
	if (!o)
		return NULL;
	ns = halves_ns(&plan, w);
	if (native_ns(o, &w) < ns)
		return o;
	if (ns == UINT64_MAX || !predict_tries(o, w.op, w.bytes, ns))
		return NULL;
	return o;
}

/* They would have been, if nobody did both in one job. */
static void unchoose(struct sched_candidate *c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (c[i].reason == SCHED_CHOSEN)
			c[i].reason = SCHED_SLOWER;
}

static void judge_natives(const struct dual_plan *plan,
			  const struct dispatch_wish *w,
			  struct dispatch_dual *d)
{
	struct mech_offer *of[NATIVE_MAX], *best = native_find(plan, w);
	bool faster = best && native_ns(best, w) < halves_ns(plan, *w);

	d->n_native = native_judge(plan, w, d->native, of);
	for (unsigned int i = 0; i < d->n_native; i++) {
		struct sched_candidate *c = &d->native[i];

		if (c->reason != SCHED_SLOWER)
			continue;
		c->wait_ns = native_wait_ns(of[i], w, c->service_ns);
		if (faster && of[i] == best)
			c->reason = SCHED_CHOSEN;
	}
	for (unsigned int i = 0; faster && i < DUAL_HALVES; i++)
		unchoose(d->step[i], d->n_step[i]);
}

void dispatch_judge_dual(const struct dual_plan *plan, uint64_t bytes,
			 struct dispatch_dual *d)
{
	struct dispatch_wish w = { .bytes = bytes };
	int chosen;

	for (unsigned int i = 0; i < DUAL_HALVES; i++) {
		w.op = plan->step[i].op;
		d->n_step[i] = dispatch_judge(plan->mech[plan->step[i].half],
					      &w, d->step[i], &chosen);
	}
	w.op = plan->step[0].op;
	judge_natives(plan, &w, d);
}

static bool choose_native(struct request *req)
{
	struct mech_offer *o = native_of(req);

	dual_goes_native(req, o && give(req, o));
	return dual_is_native(req);
}

int dispatch_choose(struct request *req, unsigned int *detail)
{
	const struct dispatch_wish w = wish_of(req);
	struct sched_candidate c[MECH_OFFERS_MAX];
	struct mech_offer *o;
	unsigned int n;
	int chosen;

	if (req->dual && choose_native(req))
		return 0;
	do {
		n = dispatch_judge(req->mech, &w, c, &chosen);
		chosen = try_another(req->mech, &w, c, n, chosen);
		o = chosen < 0 ? NULL :
				 mech_offer_at(req->mech, (unsigned int)chosen);
	} while (!give(req, o));
	if (o)
		return 0;
	return one_may_come(req, c, n) ? -EINPROGRESS :
					 none(req, c, n, detail);
}

static bool first_may_come(const struct mech *m, uint16_t provider)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++) {
		const struct mech_offer *o = mech_offer_at(m, i);

		if ((!provider || o->provider->id == provider) && send_for(o))
			return true;
	}
	return false;
}

/* Somebody could do it, and is forbidden to. */
static bool is_forbidden(const struct mech *m, uint32_t op, uint16_t provider)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++) {
		struct mech_offer *o = mech_offer_at(m, i);
		const struct ukcf_offer *now = mech_offer_now(o);

		if ((!provider || o->provider->id == provider) &&
		    load_relaxed_u32(&o->disabled) && now && mech_entry(now, op))
			return true;
	}
	return false;
}

int dispatch_choose_first(struct request *req, uint32_t op,
			  unsigned int *detail)
{
	uint16_t provider = req->entry->sqe.provider;
	struct mech_offer *o;

	do {
		o = mech_choose(req->mech, op, provider);
	} while (!give(req, o));
	if (o)
		return 0;
	if (first_may_come(req->mech, provider))
		return -EINPROGRESS;
	*detail = is_forbidden(req->mech, op, provider) ? UKCF_DETAIL_DISABLED :
		  provider				 ? UKCF_DETAIL_PROVIDER :
							   UKCF_DETAIL_NO_PROVIDER;
	return -EOPNOTSUPP;
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
		return hardware_queue(req->offer->provider);
	/* Of what is done with keys, making one may take as long as their use. */
	if (req->rule->kind == OP_KEY &&
	    req->entry->sqe.op != UKCF_OP_KEY_GENERATE)
		return worker_backlog(LANE_BULK);
	return worker_backlog(lane_of(req->offer ? req->offer->offer : NULL));
}

struct backlog *dispatch_lane(const struct mech_offer *o)
{
	return worker_backlog(lane_of(mech_offer_now(o)));
}

struct backlog *dispatch_queue_by_id(uint16_t id)
{
	struct provider *p;

	if (id == UKCF_QUEUE_BULK)
		return worker_backlog(LANE_BULK);
	if (id == UKCF_QUEUE_SLOW)
		return worker_backlog(LANE_SLOW);
	p = provider_by_id(id);
	return p && provider_is_loaded(p) ? hardware_queue(p) : NULL;
}

void dispatch_forget(struct ring *r)
{
	if (!ring_has_waiters(r))
		return;
	for (unsigned int i = 0; i < LANES; i++)
		backlog_forget(worker_backlog(i), r);
	for (unsigned int i = 0; i < provider_count(); i++) {
		struct backlog *b = hardware_queue(provider_at(i));

		if (b)
			backlog_forget(b, r);
	}
}

/* --------------------------------------------------------------- failover */

void dispatch_again(struct request *req)
{
	uint32_t looks = stranded_looks();
	unsigned int detail;
	int err;

	err = request_must_end(req, &detail);
	if (err) {
		request_end(req, err, detail);
		return;
	}
	err = execute_may_repeat(req) ? dispatch_choose(req, &detail) : -EIO;
	if (err == -EINPROGRESS) {
		stranded_add(req, looks);
		return;
	}
	if (err) {
		request_end(req, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
		return;
	}
	decode_copy_class(req);
	backlog_put(dispatch_backlog(req), req, true, false, NULL);
}

void dispatch_elsewhere(struct request *req)
{
	if (trace_is_on())
		trace_note(req, TRACE_FAILED_OVER, req->offer->provider->id);
	if (!dual_splits(req))
		req->tried |= UINT64_C(1) << req->offer->provider->id;
	dispatch_again(req);
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
