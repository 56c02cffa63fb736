/* SPDX-License-Identifier: MIT */
/*
 * Copy classes (ARCHITECTURE.md, "Trust boundaries").  A request that is not
 * `direct' has its input copied here once and works on the copy; retries would
 * use the copy too.  Output:
 *
 *	- up to SMALL_OUT_MAX bytes (digests, MACs, signatures, shared secrets) is
 *	  made in local memory, since some mechanisms read it back;
 *	- ciphertext goes straight to the arena if the request is direct;
 *	- plaintext is always made in private memory and copied out after the
 *	  tag was verified.
 */
#include "daemon/core/execute.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/api/arena.h"
#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/copy.h"
#include "daemon/core/crosscheck.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/dual.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/nonce.h"
#include "daemon/core/predict.h"
#include "daemon/core/prepared.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/core/trust.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"
#include "lib/shared/sizes.h"

#define SMALL_OUT 128u
#define SMALL_OUT_MAX 512u /* of RSA */

int scratch_init(struct scratch *s)
{
	s->base = secmem_alloc(SCRATCH_SMALL);
	s->size = s->base ? SCRATCH_SMALL : 0;
	s->locked = 1;
	return s->base ? 0 : -ENOMEM;
}

static void scratch_drop(struct scratch *s)
{
	if (!s->base)
		return;
	if (s->locked)
		secmem_free(s->base, s->size);
	else
		munmap(s->base, s->size);
	s->base = NULL;
	s->size = 0;
}

void scratch_deinit(struct scratch *s)
{
	scratch_drop(s);
}

/* Room for size bytes.  What is large is unlocked: messages, never keys. */
static int scratch_reserve(struct scratch *s, size_t size)
{
	void *p;

	if (size <= s->size)
		return 0;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	madvise(p, size, MADV_DONTDUMP);
	scratch_drop(s);
	s->base = p;
	s->size = size;
	s->locked = 0;
	return 0;
}

static void scratch_clean(struct scratch *s, size_t used)
{
	if (used)
		secmem_wipe(s->base, used);
	if (s->locked)
		return;
	scratch_drop(s);
	if (scratch_init(s) < 0)
		s->size = 0; /* the next request reserves anew */
}

/* It makes as many bytes as the request has room for. */
static bool fills_output(const struct request *req)
{
	uint32_t op = request_op(req);

	return op == UKCF_OP_RANDOM ||
	       (op == UKCF_OP_DERIVE &&
		UKCF_MECH_CLASS(req->mech->id) == UKCF_CLASS_KDF);
}

static bool out_is_private(const struct request *req)
{
	uint32_t op = request_op(req);

	return op == UKCF_OP_DECRYPT ||
	       (op == UKCF_OP_ENCRYPT && !req->direct) ||
	       (op == UKCF_OP_DERIVE && fills_output(req));
}

static size_t small_out(const struct request *req)
{
	return req->mech->limits.out_len > SMALL_OUT ? SMALL_OUT_MAX :
						       SMALL_OUT;
}

/* A cipher may give more than it takes: what it held back, a tag. */
static size_t part_out_bytes(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	size_t most = (size_t)s->in.len + req->tag_len + SMALL_OUT;

	return most < s->out.len ? most : s->out.len;
}

size_t execute_out_bytes(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (req->rule->kind == OP_PART && out_is_private(req))
		return part_out_bytes(req);
	if (fills_output(req))
		return s->out.len;
	switch (request_op(req)) {
	case UKCF_OP_DECRYPT:
	case UKCF_OP_ENCRYPT:
		return sizes_made(request_op(req), &req->mech->limits,
				  s->in.len, req->tag_len);
	default:
		return small_out(req);
	}
}

static size_t align16(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* Private bytes that a request needs. */
static size_t private_bytes(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	size_t n = 0;

	if (req->dual)
		return 0; /* it has its own */
	if (req->copy)
		n = 0; /* it has one already */
	else if (!req->direct)
		n = align16(s->in.len) + align16(s->aux.len) +
		    align16(s->tag.len);
	else
		n = align16(s->tag.len);
	if (out_is_private(req))
		n += align16(execute_out_bytes(req));
	return n;
}

int execute_is_small(const struct request *req)
{
	return private_bytes(req) <= SCRATCH_SMALL;
}

static struct ukcf_bytes bytes(const uint8_t *p, size_t len)
{
	return (struct ukcf_bytes){ len ? p : NULL, len };
}

/* Copy n bytes into the scratch memory at *used. */
static struct ukcf_bytes keep(struct scratch *s, size_t *used,
			      const uint8_t *p, size_t len)
{
	uint8_t *to = s->base + *used;

	if (len == 0)
		return bytes(NULL, 0);
	memcpy(to, p, len);
	*used += align16(len);
	return bytes(to, len);
}

struct ukcf_bytes execute_key(const struct request *req)
{
	if (req->entry->sqe.link_src == UKCF_LINK_KEY)
		return chain_key(req);
	if (!req->key)
		return bytes(NULL, 0);
	if (mech_takes_public(req->mech->id, request_op(req)))
		return key_public(req->key);
	return key_secret(req->key);
}

struct ukcf_bytes execute_nonce(const struct request *req)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;

	return req->nonce_len ? bytes(req->nonce, req->nonce_len) :
				bytes(sqe->param, sqe->param_len);
}

/* All but input and output. */
static void describe_job(const struct request *req, struct ukcf_job *job)
{
	job->op = request_op(req);
	job->mech = req->mech->id;
	job->key = execute_key(req);
	if (req->key)
		job->pub = key_public(req->key);
	job->param = execute_nonce(req);
	job->tag_len = req->tag_len;
	if (req->rule->kind == OP_PART)
		job->ctx = context_state(req->context);
}

static void take_copy(const struct copy *c, struct ukcf_job *job)
{
	job->in = c->in;
	job->aux = c->aux;
	job->tag = c->tag;
}

void execute_job(struct request *req, const struct copy *c,
		 struct ukcf_job *job)
{
	*job = (struct ukcf_job){ 0 };
	describe_job(req, job);
	if (req->dual) {
		dual_job(req, job);
		return;
	}
	take_copy(c, job);
	job->out = c->out;
	job->out_size = c->out_size;
}

/* Its input is what the one before it in its chain made.  That may be a secret:
 * it is in no copy, and stays as it is in the daemon until this one ends. */
static bool takes_kept(const struct request *req)
{
	return req->entry->sqe.link_src == UKCF_LINK_IN;
}

void execute_shared_job(struct request *req, struct ukcf_job *job)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;

	*job = (struct ukcf_job){ 0 };
	describe_job(req, job);
	job->in = bytes(req->at[UKCF_RANGE_IN], sqe->in.len);
	job->out = req->at[UKCF_RANGE_OUT];
	job->out_size = sqe->out.len;
}

/* With the consumer's own key alone: it may change what is read, and sees what
 * is written.  One that is to be checked reads and makes what is private. */
bool execute_may_share(const struct request *req)
{
	uint32_t op = request_op(req);

	return req->offer->offer->flags & UKCF_OFFER_SHARED &&
	       req->rule->kind == OP_CRYPTO && !req->dual && !req->copy &&
	       (op == UKCF_OP_ENCRYPT || op == UKCF_OP_DECRYPT) && req->key &&
	       key_flags(req->key) & UKCF_KEY_OWN && req->arena[UKCF_RANGE_IN] &&
	       req->arena[UKCF_RANGE_OUT] &&
	       req->entry->sqe.link_src == UKCF_LINK_NONE &&
	       req->entry->sqe.link_dst == UKCF_LINK_NONE;
}

/* Input for a job of this thread.  Return: bytes of scratch memory used. */
static size_t fill_input(const struct request *req, struct scratch *s,
			 struct ukcf_job *job)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	size_t used = 0;

	if (req->copy) {
		take_copy(req->copy, job);
		if (takes_kept(req)) /* it is in no copy */
			job->in = bytes(req->at[UKCF_RANGE_IN], sqe->in.len);
		return 0;
	}
	/* What is compared is copied first, whatever the class. */
	job->tag = keep(s, &used, req->at[UKCF_RANGE_TAG], sqe->tag.len);
	if (req->direct) {
		job->in = bytes(req->at[UKCF_RANGE_IN], sqe->in.len);
		job->aux = bytes(req->at[UKCF_RANGE_AUX], sqe->aux.len);
	} else {
		job->in = keep(s, &used, req->at[UKCF_RANGE_IN], sqe->in.len);
		job->aux = keep(s, &used, req->at[UKCF_RANGE_AUX],
				sqe->aux.len);
	}
	return used;
}

static size_t fill_job(struct request *req, struct scratch *s,
		       struct ukcf_job *job, uint8_t *small)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	size_t used;

	describe_job(req, job);
	if (req->dual) {
		dual_job(req, job);
		return 0;
	}
	used = fill_input(req, s, job);
	if (out_is_private(req)) {
		job->out = s->base + used;
		job->out_size = execute_out_bytes(req);
		used += align16(job->out_size);
	} else if (job->op == UKCF_OP_ENCRYPT || job->op == UKCF_OP_RANDOM) {
		job->out = req->at[UKCF_RANGE_OUT];
		job->out_size = sqe->out.len;
	} else {
		job->out = small;
		job->out_size = small_out(req);
	}
	return used;
}

/* After success: what was made in private memory becomes visible. */
static void release_output(const struct request *req, const struct ukcf_job *job)
{
	uint8_t *out = req->at[UKCF_RANGE_OUT];
	size_t len = job->res > 0 ? (size_t)job->res : 0;

	if (len && job->out != out)
		memcpy(out, job->out, len);
}

/* The consumer would believe in bytes that nobody made. */
static bool claims_too_much(const struct request *req,
			    const struct ukcf_job *job)
{
	return job->res > 0 &&
	       ((uint64_t)job->res > job->out_size ||
		(!req->dual &&
		 (uint64_t)job->res > req->entry->sqe.out.len));
}

bool execute_is_sane(const struct request *req, const struct ukcf_job *job,
		     enum ukcf_status status)
{
	return status == UKCF_DONE && !claims_too_much(req, job);
}

bool execute_settle(struct request *req, struct ukcf_job *job,
		    enum ukcf_status status)
{
	if (!execute_is_sane(req, job, status))
		return false;
	if (req->dual) {
		dual_settle(req, job);
		return true;
	}
	if (job->res >= 0)
		release_output(req, job);
	request_result(req, nonce_deliver(req, job->res), job->detail);
	return true;
}

static bool is_in_place(const struct request *req)
{
	const uint8_t *in = req->at[UKCF_RANGE_IN];

	return in && in == req->at[UKCF_RANGE_OUT];
}

/*
 * What only waited for a provider goes elsewhere as it is.
 *
 * Work on the arena itself may have left something in the output, and the
 * input may be another by now: with the consumer's own key that is its own
 * affair, unless the output lies where the input did; with a daemon-held one
 * it would hold two encryptions of different messages under one nonce.
 */
bool execute_may_repeat(const struct request *req)
{
	if (!req->begun)
		return true;
	if (req->copy || req->dual)
		return req->copy;
	if (!req->direct)
		return false; /* there was no memory for a copy */
	if (takes_kept(req) && !req->entry->sqe.aux.len)
		return true; /* it is the same, whatever the consumer does */
	return req->entry->sqe.op != UKCF_OP_ENCRYPT ||
	       (!is_in_place(req) && req->key &&
		(key_flags(req->key) & UKCF_KEY_OWN));
}

/* The provider says how a part went: it cannot be done elsewhere, since the
 * state is where it is. */
static void settle_part(struct request *req, struct ukcf_job *job,
			enum ukcf_status status)
{
	uint32_t op = req->entry->sqe.op;

	if (op == UKCF_OP_FINAL)
		context_ended(req->context);
	if (!execute_settle(req, job, status)) {
		if (status == UKCF_FAILED)
			provider_fail(req->offer->provider);
		request_result(req, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
	}
	if (op == UKCF_OP_INIT && req->entry->cqe.res >= 0)
		context_begun(req->context);
}

static void copy_context(struct request *req)
{
	struct context *from = req->context;
	struct ukcf_job job = { .op = request_op(req),
				.mech = req->mech->id,
				.in = { context_state(from),
					req->offer->offer->ctx_size },
				.ctx = context_state(req->made) };
	ukcf_job_fn fn = req->offer->offer->ops->copy;
	enum ukcf_status status = UKCF_DONE;

	if (fn)
		status = fn(req->offer->provider->instance, &job);
	else
		memcpy(job.ctx, job.in.data, job.in.len);
	if (status != UKCF_DONE)
		job.res = -EIO;
	if (job.res >= 0)
		context_begun(req->made);
	request_result(req, job.res, job.detail);
}

/* What the provider computed of the key before. */
static const void *state_for(const struct request *req)
{
	if (req->tmpl)
		return template_state(req->tmpl, req->offer, req->key);
	return req->key ? prepared_state(req->key, req->offer) : NULL;
}

/* A part of a context; its result is set. */
static void run_part(struct request *req, struct scratch *s)
{
	ukcf_job_fn fn = mech_entry(req->offer->offer, req->entry->sqe.op);
	struct provider *p = req->offer->provider;
	uint8_t small[SMALL_OUT_MAX];
	struct ukcf_job job = { 0 };
	int failed = context_failure(req);
	size_t used;

	if (failed) {
		request_result(req, failed, UKCF_DETAIL_PART_FAILED);
		return;
	}
	if (req->made) {
		copy_context(req);
		return;
	}
	if (scratch_reserve(s, private_bytes(req)) < 0) {
		request_result(req, -ENOMEM, UKCF_DETAIL_QUOTA);
		return;
	}
	used = fill_job(req, s, &job, small);
	job.tmpl = state_for(req);
	settle_part(req, &job, fn(p->instance, &job));
	if (job.out == small)
		secmem_wipe(small, job.out_size);
	scratch_clean(s, used);
}

/* It will be in a queue, whether it was or not. */
static void let_go(struct request *req)
{
	if (!req->queued) {
		dispatch_set_deadline(req);
		ring_queued(req);
	}
	req->flags &= (uint16_t)~UKCF_CQE_F_INLINE;
}

/* It did not do it.  What it read stays as it was, for the next one. */
static void run_elsewhere(struct request *req, enum ukcf_status status)
{
	if (status == UKCF_FAILED)
		provider_fail(req->offer->provider);
	let_go(req);
	dispatch_elsewhere(req);
}

/* The private input, when it lies in memory of this thread. */
static void save_input(struct request *req, const struct ukcf_job *job)
{
	const struct ukcf_bytes none = { 0 };

	if (!req->copy && !req->direct)
		req->copy = copy_of(takes_kept(req) ? none : job->in, job->aux,
				    job->tag, 0);
}

/* Its answer is to be checked: what it reads, and makes, shall be private. */
static bool is_checked(struct request *req)
{
	bool direct = req->direct;

	if (!crosscheck_is_due(req))
		return false;
	req->direct = false;
	if (req->queued || execute_is_small(req))
		return true;
	req->direct = direct; /* it would hold up a service thread */
	return false;
}

/* What lies in memory of this thread stays with the request.  False: there is
 * no memory for that. */
static bool keep_answer(struct request *req, struct ukcf_job *job)
{
	size_t made = job->res > 0 ? (size_t)job->res : 0;
	struct copy *c;

	if (req->dual)
		return true; /* it has its own */
	c = copy_of(job->in, job->aux, job->tag, made);
	if (!c)
		return false;
	if (made)
		memcpy(c->out, job->out, made);
	if (req->copy)
		copy_put(req->copy);
	req->copy = c;
	take_copy(c, job);
	job->out = c->out;
	job->out_size = made;
	return true;
}

/* False: it is with another provider now. */
static bool run_job_of(struct request *req, struct scratch *s)
{
	ukcf_job_fn fn = mech_entry(req->offer->offer, request_op(req));
	struct provider *p = req->offer->provider;
	uint8_t small[SMALL_OUT_MAX];
	struct ukcf_job job = { 0 }, made;
	bool checked = is_checked(req), done;
	uint64_t started = clock_ticks();
	enum ukcf_status status;
	size_t used = 0;

	if (scratch_reserve(s, private_bytes(req)) < 0) {
		request_result(req, -ENOMEM, UKCF_DETAIL_QUOTA);
		return true;
	}
	req->begun = true;
	used = fill_job(req, s, &job, small);
	job.tmpl = state_for(req);
	status = fn(p->instance, &job);
	made = job;
	checked = checked && crosscheck_applies(req, &job, status) &&
		  keep_answer(req, &made);
	done = !checked && execute_settle(req, &job, status);
	if (!done && !checked)
		save_input(req, &job);
	if (job.out == small)
		secmem_wipe(small, job.out_size);
	scratch_clean(s, used);
	if (checked) {
		let_go(req);
		crosscheck_begin(req, &made, started, clock_ticks());
	} else if (!done)
		run_elsewhere(req, status);
	return done;
}

/* Both halves as one job; likewise. */
static bool run_native(struct request *req)
{
	enum ukcf_status status;

	req->begun = true;
	status = dual_run(req);
	if (status != UKCF_DONE)
		run_elsewhere(req, status);
	return status == UKCF_DONE;
}

/* May the thread that ran the first half run the next one? */
static bool stays_here(const struct request *req)
{
	return req->queued ? dispatch_backlog(req) == req->backlog :
			     dispatch_runs_at_once(req);
}

/* False: it is in another queue now. */
static bool run_crypto(struct request *req, struct scratch *s)
{
	if (dual_is_native(req))
		return run_native(req);
	while (run_job_of(req, s)) {
		if (!req->dual || !dual_goes_on(req))
			return true;
		if (stays_here(req))
			continue;
		let_go(req);
		backlog_put(dispatch_backlog(req), req, true, false, NULL);
		return false;
	}
	return false;
}

/* What a device's interrupt may run: no lock, no allocation, not for long. */
static bool runs_in_completion(const struct request *req)
{
	return req->offer->offer->flags & UKCF_OFFER_NOSLEEP && !req->tmpl &&
	       !trust_is_limited(&req->offer->provider->trust) &&
	       dispatch_is_short(req);
}

bool execute_goes_on(struct request *req)
{
	while (dual_goes_on(req)) {
		struct provider *p = req->offer->provider;
		ukcf_job_fn fn = mech_entry(req->offer->offer,
					    request_op(req));
		enum ukcf_status status;
		struct ukcf_job job;

		if (!runs_in_completion(req))
			return false;
		execute_job(req, req->copy, &job);
		req->entry->cqe.provider = p->id;
		status = fn(p->instance, &job);
		if (execute_settle(req, &job, status))
			continue;
		if (status == UKCF_FAILED)
			provider_fail(p);
		req->tried |= UINT64_C(1) << p->id;
		return false;
	}
	return true;
}

void execute_times(struct request *req, uint64_t started, uint64_t ended)
{
	uint64_t all = ended - req->accepted_ticks, service = ended - started;

	if (req->dual)
		service = dual_ticks(req);
	request_times(req, clock_ticks_to_ns(all - service),
		      clock_ticks_to_ns(service));
	if (req->rule->kind == OP_CRYPTO && !req->dual &&
	    req->entry->cqe.res >= 0)
		predict_learn(req->offer, req->entry->sqe.op,
			      request_bytes(req), clock_ticks_to_ns(service));
}

/* Input of the key operations is copied first, always. */
static bool run_key(struct request *req)
{
	uint8_t in[sizeof(struct ukcf_key_req) + UKCF_KEY_BYTES_MAX];
	const struct ukcf_sqe *sqe = &req->entry->sqe;
	bool ended;

	if (sqe->in.len > sizeof(in)) {
		request_result(req, -EINVAL, UKCF_DETAIL_IN_SIZE);
		return true;
	}
	if (sqe->in.len)
		memcpy(in, req->at[UKCF_RANGE_IN], sqe->in.len);
	ended = keyops_run(req, in);
	secmem_wipe(in, sizeof(in));
	return ended;
}

bool execute_request(struct request *req, struct scratch *s)
{
	uint64_t started = clock_ticks();

	req->entry->cqe.provider = 0;
	if (req->offer)
		req->entry->cqe.provider = req->offer->provider->id;
	if (req->rule->kind == OP_CRYPTO && !run_crypto(req, s))
		return false;
	if (req->rule->kind == OP_KEY && !run_key(req))
		return false;
	if (req->rule->kind == OP_RING)
		ringops_run(req);
	if (req->rule->kind == OP_PART)
		run_part(req, s);
	execute_times(req, started, clock_ticks());
	return true;
}
