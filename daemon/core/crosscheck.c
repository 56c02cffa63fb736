/* SPDX-License-Identifier: MIT */
/*
 * The request stays its maker's while it is checked; who checks it is its
 * `checker' meanwhile, so that neither is unloaded.
 */
#include "daemon/core/crosscheck.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/api/decode.h"
#include "daemon/core/backlog.h"
#include "daemon/core/copy.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/drain.h"
#include "daemon/core/dual.h"
#include "daemon/core/execute.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/trace.h"
#include "daemon/core/trust.h"
#include "daemon/core/worker.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"
#include "daemon/spi/run.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define BY_MAX 112 /* bytes: two names and a few words */
#define BIT(op) (1u << UKCF_OP_##op)

/* Whoever does them twice gets the same twice. */
#define REPEATABLE                                                   \
	(BIT(DIGEST) | BIT(MAC) | BIT(MAC_VERIFY) | BIT(ENCRYPT) |   \
	 BIT(DECRYPT) | BIT(VERIFY) | BIT(DERIVE))

struct check {
	struct ukcf_job job; /* as it was done */
	uint64_t started, ended;
	uint64_t asked; /* bit n: provider n had its say */
};

enum opinion { OPINION_NONE, OPINION_SAME, OPINION_OTHER };

enum verdict { VERDICT_MAKER, VERDICT_CHECKER, VERDICT_UNKNOWN };

/* --------------------------------------------------------------- what is due */

static bool signs_at_random(uint32_t mech)
{
	return mech == UKCF_MECH_ECDSA_P256 || mech == UKCF_MECH_ECDSA_P384 ||
	       mech == UKCF_MECH_RSA_PSS_SHA2_256 ||
	       mech == UKCF_MECH_RSA_PSS_SHA2_384 ||
	       mech == UKCF_MECH_RSA_PSS_SHA2_512;
}

/* One wrong signature may give the key away. */
static bool is_always_due(const struct request *req, uint32_t op)
{
	return op == UKCF_OP_SIGN &&
	       (provider_is_hardware(req->offer->provider) ||
		signs_at_random(req->mech->id));
}

/* Parts and chains stay where their state is; what feeds on another's output
 * has no copy. */
static bool can_be(const struct request *req, uint32_t op)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return req->rule->kind == OP_CRYPTO && !req->context && !s->link_src &&
	       !s->link_dst && op < 32 &&
	       ((REPEATABLE | BIT(SIGN)) >> op & 1) &&
	       (uint64_t)s->in.len + s->aux.len <= UKCF_ONESHOT_MAX;
}

bool crosscheck_is_due(const struct request *req)
{
	struct trust *t = &req->offer->provider->trust;
	uint32_t op;

	if (!trust_is_limited(t))
		return false;
	op = request_op(req);
	if (!can_be(req, op))
		return false;
	return is_always_due(req, op) || trust_samples(t);
}

bool crosscheck_applies(const struct request *req, const struct ukcf_job *job,
			enum ukcf_status status)
{
	return execute_is_sane(req, job, status) &&
	       (job->res >= 0 || job->res == -EBADMSG);
}

/* ----------------------------------------------------------------- who checks */

static uint32_t op_of(const struct check *k)
{
	return k->job.op == UKCF_OP_SIGN ? UKCF_OP_VERIFY : k->job.op;
}

static bool may_check(const struct check *k, const struct mech_offer *o)
{
	const struct ukcf_offer *now = mech_offer_now(o);

	return now && !load_relaxed_u32(&o->disabled) &&
	       !(k->asked >> o->provider->id & 1) &&
	       provider_is_usable(o->provider) && mech_entry(now, op_of(k));
}

/* In software if there is one, the fastest of those. */
static struct mech_offer *best_checker(const struct request *req)
{
	unsigned int n = load_acquire_u32(&req->mech->n_offers);
	struct mech_offer *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < n; i++) {
		struct mech_offer *o = mech_offer_at(req->mech, i);
		uint64_t ns;

		if (!may_check(req->check, o))
			continue;
		ns = predict_ns(o, op_of(req->check), request_bytes(req));
		if (provider_is_hardware(o->provider))
			ns += UINT64_C(1) << 32;
		if (ns < least)
			best = o;
		least = ns < least ? ns : least;
	}
	return best;
}

static void give(struct request *req, struct mech_offer *o)
{
	bool had_one = req->checker;

	store_release_ptr((void **)&req->checker, o);
	signal_fence(); /* with membarrier(2), see drain.h */
	if (had_one)
		drain_noted();
}

/* Return: one that stays loaded until the next call, or NULL. */
static struct mech_offer *next_checker(struct request *req)
{
	struct mech_offer *o;

	do {
		o = best_checker(req);
		give(req, o);
		if (o)
			req->check->asked |= UINT64_C(1) << o->provider->id;
	} while (o && !provider_is_usable(o->provider));
	return o;
}

/* ------------------------------------------------------------------- its say */

/* An interrupt's answer is waited for. */
static enum ukcf_status perform(const struct mech_offer *o,
				struct ukcf_job *job)
{
	const struct ukcf_offer *now = mech_offer_now(o);
	ukcf_job_fn fn = now ? mech_entry(now, job->op) : NULL;

	if (!fn)
		return UKCF_BUSY;
	if (provider_is_hardware(o->provider))
		return run_job(o->provider->instance, fn, job);
	return fn(o->provider->instance, job);
}

static enum opinion opinion_of(const struct ukcf_job *made,
			       const struct ukcf_job *again)
{
	if (again->res < 0 && again->res != -EBADMSG)
		return OPINION_NONE; /* it cannot do this one */
	if (made->op == UKCF_OP_SIGN)
		return again->res < 0 ? OPINION_OTHER : OPINION_SAME;
	if (again->res != made->res)
		return OPINION_OTHER;
	return made->res <= 0 ||
			       secmem_equal(made->out, again->out,
					    (size_t)made->res) ?
		       OPINION_SAME : OPINION_OTHER;
}

/* Does o come to the same? */
static enum opinion ask(const struct check *k, const struct mech_offer *o)
{
	const struct ukcf_bytes none = { 0 };
	bool verifies = k->job.op == UKCF_OP_SIGN;
	struct copy *room = copy_of(none, none, none, k->job.out_size);
	struct ukcf_job job = k->job;
	enum opinion opinion = OPINION_NONE;
	enum ukcf_status status;

	if (!room)
		return OPINION_NONE;
	job.op = op_of(k);
	job.tmpl = NULL; /* it is of the other's making */
	job.res = 0;
	job.out = room->out;
	if (verifies) {
		job.key = job.pub;
		job.tag = (struct ukcf_bytes){ k->job.out,
					       (size_t)k->job.res };
	}
	status = perform(o, &job);
	if (status == UKCF_DONE)
		opinion = opinion_of(&k->job, &job);
	copy_put(room);
	if (status == UKCF_FAILED)
		provider_fail(o->provider);
	return opinion;
}

/* ----------------------------------------------------------------- who is wrong */

static bool knows_its_answers(const struct request *req,
			      const struct mech_offer *o)
{
	return provider_is_usable(o->provider) &&
	       load_test_mech(o->provider, req->mech, mech_offer_now(o)) == 0;
}

/* Both pass or both fail: software is believed rather than a device. */
static enum verdict by_known_answers(struct request *req,
				     struct mech_offer *other)
{
	struct mech_offer *maker = req->offer;
	bool a, b;

	give(req, other); /* and the maker's it is anyway */
	a = knows_its_answers(req, maker);
	b = knows_its_answers(req, other);
	if (a != b)
		return a ? VERDICT_CHECKER : VERDICT_MAKER;
	a = load_relaxed_u32(&maker->provider->kind) == UKCF_PROVIDER_SOFTWARE;
	b = load_relaxed_u32(&other->provider->kind) == UKCF_PROVIDER_SOFTWARE;
	if (a != b)
		return a ? VERDICT_CHECKER : VERDICT_MAKER;
	return VERDICT_UNKNOWN;
}

static enum verdict judge(struct request *req, struct mech_offer *other,
			  char by[BY_MAX])
{
	struct mech_offer *third;

	while ((third = next_checker(req))) {
		enum opinion o = ask(req->check, third);

		if (o == OPINION_NONE)
			continue;
		snprintf(by, BY_MAX, "%s and %s say otherwise",
			 o == OPINION_SAME ? req->offer->provider->name :
					     other->provider->name,
			 third->provider->name);
		return o == OPINION_SAME ? VERDICT_CHECKER : VERDICT_MAKER;
	}
	snprintf(by, BY_MAX, "%s and %s differ, and the known answers decide",
		 req->offer->provider->name, other->provider->name);
	return by_known_answers(req, other);
}

/* It gets no more requests; the reason is kept for whoever looks. */
static void take_out(struct request *req, const struct mech_offer *o,
		     const char *by)
{
	char why[PROVIDER_REASON_MAX];

	snprintf(why, sizeof(why), "wrong answer: %s, %s: %s",
		 req->mech->name, mech_op_name(req->check->job.op), by);
	if (trace_is_on())
		trace_note(req, TRACE_WRONG, o->provider->id);
	fetch_add_u64(&o->provider->trust.wrong, 1);
	recover_lied(o->provider);
	provider_blame(o->provider, why);
}

/* ------------------------------------------------------------- and what follows */

/* A half of a dual operation was not at work while it was checked. */
static void settle(struct request *req)
{
	struct check *k = req->check;
	uint64_t now = clock_ticks();

	if (req->dual)
		dual_delayed(req, now - k->ended);
	execute_settle(req, &k->job, UKCF_DONE);
	if (!req->dual)
		execute_times(req, now - (k->ended - k->started), now);
}

void crosscheck_drop(struct request *req)
{
	give(req, NULL);
	free(req->check);
	req->check = NULL;
}

/* Return: as crosscheck_run(). */
static bool deliver(struct request *req)
{
	settle(req);
	crosscheck_drop(req);
	if (!req->dual)
		return true;
	dispatch_onward(req);
	return false;
}

/* Its answer is thrown away; the next one has it. */
static bool go_elsewhere(struct request *req)
{
	crosscheck_drop(req);
	dispatch_elsewhere(req);
	return false;
}

static bool decide(struct request *req, struct mech_offer *other)
{
	struct provider *maker = req->offer->provider;
	char by[BY_MAX] = "";

	if (!provider_works(maker)) /* others have found it out */
		return go_elsewhere(req);
	switch (judge(req, other, by)) {
	case VERDICT_CHECKER:
		take_out(req, other, by);
		return deliver(req);
	case VERDICT_MAKER:
		take_out(req, req->offer, by);
		return go_elsewhere(req);
	case VERDICT_UNKNOWN:
		break;
	}
	fetch_add_u64(&maker->trust.wrong, 1);
	log_err("providers %s and %s differ about %s, and nobody can tell who "
		"is right: the request fails", maker->name,
		other->provider->name, req->mech->name);
	crosscheck_drop(req);
	request_result(req, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
	return true;
}

/* Nobody else can do it: of a signature, at least its maker must verify it. */
static bool check_alone(struct request *req)
{
	struct provider *maker = req->offer->provider;
	const struct ukcf_offer *now = mech_offer_now(req->offer);

	fetch_add_u64(&maker->trust.unchecked, 1);
	if (req->check->job.op != UKCF_OP_SIGN || !now ||
	    !mech_entry(now, UKCF_OP_VERIFY) || !provider_works(maker) ||
	    ask(req->check, req->offer) != OPINION_OTHER)
		return deliver(req);
	take_out(req, req->offer, "it does not verify its own");
	return go_elsewhere(req);
}

bool crosscheck_run(struct request *req)
{
	struct mech_offer *o = req->checker;

	if (!o || !provider_is_usable(o->provider))
		o = next_checker(req);
	for (; o; o = next_checker(req)) {
		enum opinion opinion = ask(req->check, o);

		if (opinion == OPINION_NONE)
			continue;
		fetch_add_u64(&req->offer->provider->trust.checked, 1);
		return opinion == OPINION_SAME ? deliver(req) : decide(req, o);
	}
	return check_alone(req);
}

void crosscheck_begin(struct request *req, const struct ukcf_job *job,
		      uint64_t started, uint64_t ended)
{
	struct check *k = calloc(1, sizeof(*k));
	struct mech_offer *o;

	if (!k) {
		request_end(req, -ENOMEM, UKCF_DETAIL_QUOTA);
		return;
	}
	*k = (struct check){
		.job = *job,
		.started = started,
		.ended = ended,
		.asked = UINT64_C(1) << req->offer->provider->id,
	};
	req->check = k;
	o = next_checker(req);
	backlog_put(dispatch_lane(o ? o : req->offer), req, true, false, NULL);
}
