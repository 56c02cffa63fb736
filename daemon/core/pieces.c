/* SPDX-License-Identifier: MIT */
#include "daemon/core/pieces.h"

#include <errno.h>
#include <string.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/context.h"
#include "daemon/core/copy.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/execute.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/nonce.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define SLOTS 256 /* requests that have begun; others run whole */
#define FROM (4 * PIECE)
#define AUX_MAX (64u << 10)
#define REST 64u /* the last piece is longer by what a tag may take */
#define SMALL 64u

/* Plaintext that requests which have begun withhold; what is beyond that runs
 * whole as well, in the memory of its worker. */
#define WITHHELD_MAX (UINT64_C(16) * UKCF_ONESHOT_MAX)
#define WITHHELD_PER_CONSUMER (UINT64_C(2) * UKCF_ONESHOT_MAX)

/* What a request keeps between its turns. */
struct pieces {
	uint32_t taken; /* atomic */
	bool has_state; /* of the provider */
	uint64_t off;	/* bytes of input done */
	uint64_t made;	/* bytes of output */
	uint64_t ticks; /* of service */
};

static struct pieces slots[SLOTS];
static uint64_t all_withheld; /* atomic: bytes */
static uint8_t *states; /* CONTEXT_STATE_MAX bytes each */

#define STATES_SIZE ((size_t)SLOTS * CONTEXT_STATE_MAX)

int pieces_init(void)
{
	states = secmem_alloc(STATES_SIZE);
	return states ? 0 : -ENOMEM;
}

void pieces_deinit(void)
{
	secmem_free(states, STATES_SIZE);
	states = NULL;
}

static uint8_t *state_of(const struct pieces *p)
{
	return states + (size_t)(p - slots) * CONTEXT_STATE_MAX;
}

bool pieces_apply(const struct request *req)
{
	const uint32_t ops = 1u << UKCF_OP_DIGEST | 1u << UKCF_OP_MAC |
			     1u << UKCF_OP_MAC_VERIFY | 1u << UKCF_OP_ENCRYPT |
			     1u << UKCF_OP_DECRYPT;
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct ukcf_mech_ops *f;

	if (!req->rule || req->rule->kind != OP_CRYPTO || s->in.len < FROM ||
	    s->op > 31 || !(ops >> s->op & 1) || s->aux.len > AUX_MAX || req->copy)
		return req->pieces;
	if (req->mech->limits.chunks) /* a part would be a chunk */
		return false;
	f = req->offer->offer->ops;
	return f->init && f->update && f->final &&
	       !provider_is_hardware(req->offer->provider) &&
	       req->offer->offer->ctx_size <= CONTEXT_STATE_MAX;
}

uint64_t pieces_turn_bytes(const struct request *req)
{
	return pieces_apply(req) ? PIECE : request_bytes(req);
}

/* ------------------------------------------------------------------- jobs */

static struct ukcf_job job_of(const struct request *req)
{
	return (struct ukcf_job){ .op = req->entry->sqe.op,
				  .mech = req->mech->id,
				  .tag_len = req->tag_len,
				  .ctx = state_of(req->pieces) };
}

/* A private copy of consumer memory, where it has to be. */
static struct ukcf_bytes input(const struct request *req, struct scratch *s,
			       const uint8_t *at, size_t len)
{
	if (len == 0)
		return (struct ukcf_bytes){ 0 };
	if (req->direct)
		return (struct ukcf_bytes){ at, len };
	memcpy(s->base, at, len);
	return (struct ukcf_bytes){ s->base, len };
}

/* Where the output goes: plaintext is withheld. */
static void set_output(const struct request *req, struct ukcf_job *job)
{
	const struct pieces *p = req->pieces;
	bool withheld = job->op == UKCF_OP_DECRYPT;

	if (withheld && req->copy) {
		job->out = req->copy->out + p->made;
		job->out_size = req->copy->out_size - p->made;
	} else if (job->op == UKCF_OP_ENCRYPT) {
		job->out = req->at[UKCF_RANGE_OUT] + p->made;
		job->out_size = req->entry->sqe.out.len - p->made;
	}
}

static enum ukcf_status call(const struct request *req, ukcf_job_fn fn,
			     struct ukcf_job *job)
{
	return fn(req->offer->provider->instance, job);
}

static struct pieces *take_slot(void)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		uint32_t is_free = 0;

		if (load_relaxed_u32(&slots[i].taken) == 0 &&
		    compare_swap_u32(&slots[i].taken, &is_free, 1))
			return &slots[i];
	}
	return NULL;
}

static void uncount(struct consumer *c, uint64_t bytes)
{
	fetch_sub_u64(&all_withheld, bytes);
	fetch_sub_u64(&c->withheld, bytes);
}

static bool count(struct consumer *c, uint64_t bytes)
{
	uint64_t all = fetch_add_u64(&all_withheld, bytes) + bytes;
	uint64_t own = fetch_add_u64(&c->withheld, bytes) + bytes;

	if (all <= WITHHELD_MAX && own <= WITHHELD_PER_CONSUMER)
		return true;
	uncount(c, bytes);
	return false;
}

/* Room for the plaintext until it is verified.  False: there is none. */
static bool withhold(struct request *req)
{
	struct consumer *c = ring_consumer(req->ring);
	uint64_t bytes = req->entry->sqe.in.len;
	const struct ukcf_bytes none = { 0 };

	if (!count(c, bytes))
		return false;
	req->copy = copy_of(none, none, none, bytes);
	if (!req->copy)
		uncount(c, bytes);
	return req->copy;
}

/* False: it has to run whole. */
static bool begin(struct request *req, struct scratch *s)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	struct ukcf_job job;

	if (s->size < SCRATCH_SMALL)
		return false;
	req->pieces = take_slot();
	if (!req->pieces)
		return false;
	req->begun = true;
	req->pieces->off = req->pieces->made = req->pieces->ticks = 0;
	if (sqe->op == UKCF_OP_DECRYPT && !withhold(req))
		return false;
	job = job_of(req);
	job.key = execute_key(req);
	if (req->key)
		job.pub = key_public(req->key);
	job.param = execute_nonce(req);
	job.aux = input(req, s, req->at[UKCF_RANGE_AUX], sqe->aux.len);
	if (req->tmpl)
		job.tmpl = template_state(req->tmpl, req->offer, req->key);
	if (sqe->op == UKCF_OP_MAC_VERIFY)
		job.tag_len = sqe->tag.len;
	req->pieces->has_state = call(req, req->offer->offer->ops->init,
				      &job) == UKCF_DONE && job.res >= 0;
	if (!req->direct)
		secmem_wipe(s->base, sqe->aux.len);
	return req->pieces->has_state;
}

static enum ukcf_status update(struct request *req, struct scratch *s,
			       struct ukcf_job *job)
{
	struct pieces *p = req->pieces;
	enum ukcf_status status;

	job->in = input(req, s, req->at[UKCF_RANGE_IN] + p->off, PIECE);
	set_output(req, job);
	status = call(req, req->offer->offer->ops->update, job);
	if (status != UKCF_DONE || job->res < 0)
		return status;
	if ((uint64_t)job->res > job->out_size)
		return UKCF_RETRY_ELSEWHERE; /* it claims too much */
	p->off += PIECE;
	p->made += (uint64_t)job->res;
	return status;
}

/* The whole was verified: what was withheld becomes visible. */
static int64_t release(struct request *req, const struct ukcf_job *job)
{
	struct pieces *p = req->pieces;
	uint64_t made = p->made + (uint64_t)job->res;

	if (made > req->entry->sqe.out.len)
		return -EIO;
	if (job->op == UKCF_OP_DECRYPT && made)
		memcpy(req->at[UKCF_RANGE_OUT], req->copy->out, made);
	return nonce_deliver(req, (int64_t)made);
}

static enum ukcf_status finish(struct request *req, struct scratch *s,
			       struct ukcf_job *job)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	struct pieces *p = req->pieces;
	uint8_t small[SMALL], tag[SMALL];
	enum ukcf_status status;

	job->in = input(req, s, req->at[UKCF_RANGE_IN] + p->off,
			sqe->in.len - p->off);
	job->out = small;
	job->out_size = sizeof(small);
	set_output(req, job);
	if (sqe->tag.len && sqe->tag.len <= sizeof(tag)) {
		memcpy(tag, req->at[UKCF_RANGE_TAG], sqe->tag.len);
		job->tag = (struct ukcf_bytes){ tag, sqe->tag.len };
	}
	p->has_state = false; /* final lets go of it */
	status = call(req, req->offer->offer->ops->final, job);
	if (status == UKCF_DONE && job->res > 0 &&
	    ((uint64_t)job->res > job->out_size ||
	     (uint64_t)job->res > sqe->out.len))
		status = UKCF_RETRY_ELSEWHERE; /* it claims too much */
	if (status == UKCF_DONE && job->out == small && job->res > 0)
		memcpy(req->at[UKCF_RANGE_OUT], small, (size_t)job->res);
	if (status == UKCF_DONE && job->res >= 0)
		job->res = release(req, job);
	secmem_wipe(small, sizeof(small));
	return status;
}

/* ------------------------------------------------------------------ turns */

static void set_times(struct request *req)
{
	uint64_t all = clock_ticks() - req->accepted_ticks;
	uint64_t service = req->pieces->ticks;

	request_times(req, clock_ticks_to_ns(all - service),
		      clock_ticks_to_ns(service));
}

/* The last piece that was copied. */
static void clean(const struct request *req, struct scratch *s)
{
	if (!req->direct)
		secmem_wipe(s->base, PIECE + REST);
}

static bool end(struct request *req, struct scratch *s, int64_t res,
		unsigned int detail)
{
	uint64_t ns = clock_ticks_to_ns(req->pieces->ticks);

	clean(req, s);
	request_result(req, res, detail);
	set_times(req);
	if (res >= 0)
		predict_learn(req->offer, req->entry->sqe.op,
			      request_bytes(req), ns);
	return true;
}

/* Nobody else may have seen a byte of it, or it ends. */
static bool fail(struct request *req, struct scratch *s,
		 enum ukcf_status status)
{
	clean(req, s);
	if (status == UKCF_FAILED)
		provider_fail(req->offer->provider);
	set_times(req);
	pieces_drop(req);
	dispatch_elsewhere(req);
	return false;
}

bool pieces_run(struct request *req, struct scratch *s)
{
	uint64_t started = clock_ticks();
	struct backlog *lane = req->backlog;
	struct pieces *p;

	if (!req->pieces && !begin(req, s)) {
		pieces_drop(req);
		return execute_request(req, s);
	}
	p = req->pieces;
	req->entry->cqe.provider = req->offer->provider->id;
	for (;;) {
		bool last = req->entry->sqe.in.len - p->off <= PIECE + REST;
		struct ukcf_job job = job_of(req);
		enum ukcf_status status;
		unsigned int detail;
		uint64_t now;
		int err;

		err = request_must_stop(req, &detail);
		if (err)
			return end(req, s, err, detail);
		status = last ? finish(req, s, &job) : update(req, s, &job);
		now = clock_ticks();
		p->ticks += now - started;
		started = now;
		if (status != UKCF_DONE)
			return fail(req, s, status);
		if (last || job.res < 0)
			return end(req, s, job.res, job.detail);
		if (backlog_depth(lane) == 0)
			continue;
		/* It is another's as soon as it is there. */
		clean(req, s);
		backlog_put(lane, req, true, false, NULL);
		return false;
	}
}

void pieces_drop(struct request *req)
{
	struct pieces *p = req->pieces;
	const struct mech_offer *o = req->offer;
	struct ukcf_job job;

	if (!p)
		return;
	job = job_of(req);
	if (p->has_state && o->offer->ops->drop)
		o->offer->ops->drop(o->provider->instance, &job);
	secmem_wipe(state_of(p), CONTEXT_STATE_MAX);
	p->has_state = false;
	req->pieces = NULL;
	if (req->copy) { /* the plaintext that was withheld */
		uncount(ring_consumer(req->ring), req->entry->sqe.in.len);
		copy_put(req->copy);
	}
	req->copy = NULL;
	store_release_u32(&p->taken, 0);
}
