/* SPDX-License-Identifier: MIT */
#include "daemon/core/dual.h"

#include <errno.h>
#include <string.h>

#include "daemon/api/consumer.h"
#include "daemon/api/ring.h"
#include "daemon/core/copy.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/native.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

#define ALIGN 64u

/*
 * Lies at the beginning of the request's private memory.  Places are offsets
 * from here, since that memory may be moved.
 *
 *	encrypt:	plain | aux body | mac
 *	decrypt:	aux body | plain | mac tag
 *
 * aux and body, the ciphertext, are what the MAC is of: they have no gap.
 */
struct dual {
	struct dual_part part[DUAL_HALVES];
	size_t plain, plain_size;
	size_t aux, aux_len;
	size_t body, body_size;
	size_t mac, tag, tag_len;
	uint32_t made; /* bytes that the cipher gave */
	uint32_t mac_len;
	uint64_t began, ticks; /* of service */
	uint8_t step;
	bool filled, over;
	bool native, split; /* one job; it will not be one any more */
};

static const struct kind {
	uint8_t op;
	struct dual_step steps[DUAL_HALVES];
} kinds[] = {
	{ UKCF_OP_ENCRYPT_MAC,
	  { { UKCF_OP_ENCRYPT, DUAL_CIPHER }, { UKCF_OP_MAC, DUAL_MAC } } },
	{ UKCF_OP_MAC_DECRYPT,
	  { { UKCF_OP_MAC, DUAL_MAC }, { UKCF_OP_DECRYPT, DUAL_CIPHER } } },
	/* no decryption if the MAC is wrong */
	{ UKCF_OP_MAC_VERIFY_DECRYPT,
	  { { UKCF_OP_MAC_VERIFY, DUAL_MAC },
	    { UKCF_OP_DECRYPT, DUAL_CIPHER } } },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(uint32_t op)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].op == op)
			return &kinds[i];
	return NULL;
}

bool dual_is(uint32_t op)
{
	return kind_of(op);
}

uint32_t dual_half_op(uint32_t op, enum dual_half half)
{
	const struct kind *k = kind_of(op);

	return k->steps[k->steps[0].half == half ? 0 : 1].op;
}

static const struct dual_step *step_of(const struct request *req)
{
	return &kind_of(req->entry->sqe.op)->steps[req->dual->step];
}

uint32_t dual_op(const struct request *req)
{
	return step_of(req)->op;
}

static bool encrypts(const struct request *req)
{
	return req->entry->sqe.op == UKCF_OP_ENCRYPT_MAC;
}

static uint8_t *at(const struct dual *d, size_t place)
{
	return (uint8_t *)(uintptr_t)d + place;
}

/* The request is its half whose turn it is. */
static void take_turn(struct request *req, unsigned int step)
{
	struct dual *d = req->dual;
	const struct dual_part *p;

	d->step = (uint8_t)step;
	p = &d->part[step_of(req)->half];
	req->mech = p->mech;
	req->key = p->key;
	req->tmpl = p->tmpl;
	req->tag_len = p->tag_len;
	req->tried = 0;
}

static size_t align(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Return: bytes of all of it. */
static size_t lay_out(struct dual *d, const struct ukcf_sqe *s)
{
	bool encrypt = s->op == UKCF_OP_ENCRYPT_MAC;
	size_t end = align(sizeof(*d));

	d->aux_len = s->aux.len;
	d->tag_len = s->tag.len;
	d->plain_size = s->in.len;
	d->body_size = encrypt ? s->in.len + DUAL_GROWTH : s->in.len;
	if (encrypt) {
		d->plain = end;
		end += align(d->plain_size);
	}
	d->aux = end;
	d->body = end + d->aux_len;
	end = align(d->body + d->body_size);
	if (!encrypt) {
		d->plain = end;
		end += align(d->plain_size);
	}
	d->mac = end;
	d->tag = end + DUAL_MAC_MAX;
	return d->tag + DUAL_MAC_MAX;
}

static void release_parts(struct dual_part part[DUAL_HALVES], bool used)
{
	for (unsigned int i = 0; i < DUAL_HALVES; i++) {
		if (part[i].tmpl)
			template_release(part[i].tmpl, used);
		if (part[i].key)
			keystore_release(part[i].key);
	}
}

static uint32_t in_flight; /* atomic */

static void uncount(struct consumer *c)
{
	fetch_sub_u32(&in_flight, 1);
	fetch_sub_u32(&c->duals, 1);
}

static int count(struct consumer *c)
{
	bool full = fetch_add_u32(&in_flight, 1) >= DUALS_MAX;

	full |= fetch_add_u32(&c->duals, 1) >= DUALS_PER_CONSUMER;
	if (full)
		uncount(c);
	return full ? -EDQUOT : 0;
}

static int make_room(struct request *req, size_t size)
{
	struct consumer *c = ring_consumer(req->ring);
	const struct ukcf_bytes none = { 0 };
	int err = count(c);

	if (err)
		return err;
	req->copy = copy_of(none, none, none, size);
	if (req->copy)
		return 0;
	uncount(c);
	return -ENOMEM;
}

int dual_begin(struct request *req, const struct dual_part part[DUAL_HALVES])
{
	struct dual d = { .part = { part[0], part[1] } };
	int err = make_room(req, lay_out(&d, &req->entry->sqe));

	if (err) {
		release_parts(d.part, false);
		return err;
	}
	req->dual = (struct dual *)(void *)req->copy->out;
	*req->dual = d;
	take_turn(req, 0);
	return 0;
}

static void keep(uint8_t *to, const struct request *req,
		 enum ukcf_range_index i, size_t len)
{
	if (len)
		memcpy(to, req->at[i], len);
}

static void fill(struct request *req)
{
	struct dual *d = req->dual;

	if (d->filled)
		return;
	d->filled = true;
	keep(at(d, encrypts(req) ? d->plain : d->body), req, UKCF_RANGE_IN,
	     req->entry->sqe.in.len);
	keep(at(d, d->aux), req, UKCF_RANGE_AUX, d->aux_len);
	keep(at(d, d->tag), req, UKCF_RANGE_TAG, d->tag_len);
}

static struct ukcf_bytes bytes(const uint8_t *p, size_t len)
{
	return (struct ukcf_bytes){ len ? p : NULL, len };
}

static void cipher_job(const struct request *req, struct ukcf_job *job)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct dual *d = req->dual;
	bool encrypt = encrypts(req);

	job->param = bytes(s->param, s->param_len);
	job->in = bytes(at(d, encrypt ? d->plain : d->body), s->in.len);
	job->out = at(d, encrypt ? d->body : d->plain);
	job->out_size = encrypt ? d->body_size : d->plain_size;
}

static void mac_job(const struct request *req, struct ukcf_job *job)
{
	const struct dual *d = req->dual;
	size_t body = encrypts(req) ? d->made : d->body_size;

	job->param = bytes(NULL, 0);
	job->in = bytes(at(d, d->aux), d->aux_len + body);
	job->tag = bytes(at(d, d->tag), d->tag_len);
	job->out = at(d, d->mac);
	job->out_size = DUAL_MAC_MAX;
}

void dual_job(struct request *req, struct ukcf_job *job)
{
	req->dual->began = clock_ticks();
	fill(req);
	if (step_of(req)->half == DUAL_CIPHER)
		cipher_job(req, job);
	else
		mac_job(req, job);
}

static void end(struct request *req, int64_t res, unsigned int detail)
{
	req->dual->over = true;
	request_result(req, res, detail);
}

/* Both ended well: what they made becomes visible. */
static void publish(struct request *req)
{
	const struct dual *d = req->dual;
	uint8_t *out = req->at[UKCF_RANGE_OUT];
	size_t mac_len = d->mac_len, all = d->made + mac_len;

	if (all > req->entry->sqe.out.len) {
		end(req, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
		return;
	}
	if (d->made)
		memcpy(out, at(d, encrypts(req) ? d->body : d->plain),
		       d->made);
	if (mac_len)
		memcpy(out + d->made, at(d, d->mac), mac_len);
	end(req, (int64_t)all, UKCF_DETAIL_NONE);
}

void dual_settle(struct request *req, const struct ukcf_job *job)
{
	struct dual *d = req->dual;
	uint64_t ticks = clock_ticks() - d->began;

	d->ticks += ticks;
	if (job->res < 0) {
		end(req, job->res, job->detail);
		return;
	}
	predict_learn(req->offer, dual_op(req), request_bytes(req),
		      clock_ticks_to_ns(ticks));
	if (step_of(req)->half == DUAL_CIPHER)
		d->made = (uint32_t)job->res;
	else
		d->mac_len = (uint32_t)job->res;
	if (d->step + 1u < DUAL_HALVES)
		take_turn(req, d->step + 1u);
	else
		publish(req);
}

/* ---------------------------------------------------------------- in one job */

struct dual_plan dual_plan_of(uint32_t op, const struct mech *cipher,
			      const struct mech *mac)
{
	const struct kind *k = kind_of(op);

	return (struct dual_plan){
		.mech = { [DUAL_CIPHER] = cipher, [DUAL_MAC] = mac },
		.step = { k->steps[0], k->steps[1] },
	};
}

bool dual_plan(const struct request *req, struct dual_plan *plan)
{
	const struct dual *d = req->dual;

	if (d->step || d->split)
		return false;
	*plan = dual_plan_of(req->entry->sqe.op, d->part[DUAL_CIPHER].mech,
			     d->part[DUAL_MAC].mech);
	return true;
}

void dual_goes_native(struct request *req, bool native)
{
	req->dual->native = native;
}

bool dual_is_native(const struct request *req)
{
	return req->dual && req->dual->native;
}

bool dual_splits(struct request *req)
{
	if (!dual_is_native(req))
		return false;
	req->dual->native = false;
	req->dual->split = true;
	return true;
}

static void describe(const struct request *req, enum dual_half half,
		     struct ukcf_job *job)
{
	const struct dual_part *p = &req->dual->part[half];

	job->op = dual_half_op(req->entry->sqe.op, half);
	job->mech = p->mech->id;
	job->key = key_secret(p->key);
	job->tag_len = p->tag_len;
}

static void native_job(struct request *req, struct ukcf_dual_job *job)
{
	const struct dual *d = req->dual;

	*job = (struct ukcf_dual_job){ .op = req->entry->sqe.op };
	describe(req, DUAL_CIPHER, &job->cipher);
	describe(req, DUAL_MAC, &job->mac);
	cipher_job(req, &job->cipher);
	mac_job(req, &job->mac);
	job->mac.in = bytes(at(d, d->aux), d->aux_len); /* and the ciphertext */
}

static bool fits(const struct ukcf_job *job)
{
	return job->res <= 0 || (uint64_t)job->res <= job->out_size;
}

/* The first of the two that failed; NULL: none did. */
static const struct ukcf_job *failure(const struct request *req,
				      const struct ukcf_dual_job *job)
{
	const struct ukcf_job *by_half[DUAL_HALVES] = {
		[DUAL_CIPHER] = &job->cipher,
		[DUAL_MAC] = &job->mac,
	};
	const struct dual_step *s = kind_of(req->entry->sqe.op)->steps;

	for (unsigned int i = 0; i < DUAL_HALVES; i++)
		if (by_half[s[i].half]->res < 0)
			return by_half[s[i].half];
	return NULL;
}

static void settle_native(struct request *req, const struct ukcf_dual_job *job)
{
	const struct ukcf_job *failed = failure(req, job);
	struct dual *d = req->dual;

	req->flags |= UKCF_CQE_F_NATIVE;
	if (failed) {
		end(req, failed->res, failed->detail);
		return;
	}
	predict_learn(req->offer, dual_op(req), request_bytes(req),
		      clock_ticks_to_ns(d->ticks));
	d->made = (uint32_t)job->cipher.res;
	d->mac_len = job->mac.op == UKCF_OP_MAC ? (uint32_t)job->mac.res : 0;
	publish(req);
}

enum ukcf_status dual_run(struct request *req)
{
	struct provider *p = req->offer->provider;
	struct dual *d = req->dual;
	ukcf_dual_fn fn = native_entry(req->offer);
	struct ukcf_dual_job job;
	enum ukcf_status status;

	if (!fn)
		return UKCF_RETRY_ELSEWHERE;
	d->began = clock_ticks();
	fill(req);
	native_job(req, &job);
	status = fn(p->instance, &job);
	d->ticks += clock_ticks() - d->began;
	if (status == UKCF_DONE && (!fits(&job.cipher) || !fits(&job.mac)))
		status = UKCF_RETRY_ELSEWHERE; /* nobody made those bytes */
	if (status == UKCF_DONE)
		settle_native(req, &job);
	return status;
}

/* ------------------------------------------------------------ between halves */

bool dual_is_over(const struct request *req)
{
	return req->dual->over;
}

bool dual_goes_on(struct request *req)
{
	unsigned int detail;
	int err;

	if (req->dual->over)
		return false;
	if (load_acquire_u32(&req->cancel) || ring_is_closing(req->ring)) {
		end(req, -ECANCELED, UKCF_DETAIL_CANCELED);
		return false;
	}
	if (req->queued && clock_ns() >= req->deadline_ns) {
		end(req, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT);
		return false;
	}
	err = dispatch_choose(req, &detail);
	if (err == -EINPROGRESS) { /* it is not waited for half-way */
		err = -ENODEV;
		detail = UKCF_DETAIL_NO_PROVIDER;
	}
	if (err)
		end(req, err, detail);
	return !err;
}

uint64_t dual_ticks(const struct request *req)
{
	return req->dual->ticks;
}

void dual_delayed(struct request *req, uint64_t ticks)
{
	req->dual->began += ticks;
}

void dual_moved(struct request *req, const struct copy *from)
{
	size_t place = (size_t)((uint8_t *)req->dual - (const uint8_t *)from);

	req->dual = (struct dual *)(void *)((uint8_t *)req->copy + place);
}

void dual_release(struct request *req)
{
	struct dual_part part[DUAL_HALVES];

	memcpy(part, req->dual->part, sizeof(part));
	uncount(ring_consumer(req->ring));
	req->dual = NULL;
	req->key = NULL;
	req->tmpl = NULL;
	release_parts(part, !req->refused);
}
