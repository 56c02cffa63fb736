/* SPDX-License-Identifier: MIT */
/*
 * Order.  `active' is the part that runs or is queued in a lane.  Others wait
 * on `first', and at the same time in a backlog that has no server, which knows
 * their deadlines.  Cancel, a deadline and their turn race for a waiting part
 * like for any queued request: by its state word.  A part leaves the list only
 * when it starts, or when whoever won it ends it: so if the first one was won
 * by another, its successors wait until it has left and poisoned the context.
 * Nor does one start before the completion of the one before it is there:
 * until then the context is `closing'.
 *
 * Locks: a context's is innermost but for that of the backlog.
 */
#include "daemon/core/context.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemon/core/backlog.h"
#include "daemon/core/chain.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/drain.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

struct context {
	struct context_spec spec;
	uid_t uid;
	uint32_t refs; /* atomic: the table, each part; 0: a free slot */
	pthread_mutex_t lock; /* guards the rest */
	struct request *active;
	bool closing; /* what was active has its result, and no CQE yet */
	struct request *first, **last;
	uint64_t total;
	uint64_t parts; /* that were taken in */
	uint64_t failed_part; /* the first that failed: those after it do */
	int failed; /* -errno */
	bool has_state; /* the provider may hold something */
	/* atomic */
	uint32_t stands; /* its state is still to be dropped, by who clears it */
	uint32_t gone;	 /* taken away with its provider */
};

static struct context slots[CONTEXT_SLOTS];
static uint8_t *states; /* CONTEXT_STATE_MAX bytes each */
static unsigned int quota;
static struct backlog parked;
/* Guards the choice of slots. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define STATES_SIZE ((size_t)CONTEXT_SLOTS * CONTEXT_STATE_MAX)

int context_init(unsigned int per_uid)
{
	quota = per_uid;
	states = secmem_alloc(STATES_SIZE);
	if (!states)
		return -ENOMEM;
	for (unsigned int i = 0; i < CONTEXT_SLOTS; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	return backlog_init(&parked, 0, CONTEXT_SLOTS, 1, true);
}

void context_deinit(void)
{
	backlog_free(&parked);
	secmem_free(states, STATES_SIZE);
	states = NULL;
}

struct backlog *context_backlog(void)
{
	return &parked;
}

unsigned int context_count(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < CONTEXT_SLOTS; i++)
		n += load_relaxed_u32(&slots[i].refs) != 0;
	return n;
}

/* ------------------------------------------------------------ life, death */

static struct context *free_slot(uid_t uid)
{
	struct context *found = NULL;
	unsigned int owned = 0;

	for (unsigned int i = 0; i < CONTEXT_SLOTS; i++) {
		if (load_acquire_u32(&slots[i].refs))
			owned += slots[i].uid == uid;
		else if (!found)
			found = &slots[i];
	}
	return owned < quota ? found : NULL;
}

struct context *context_new(uid_t uid, const struct context_spec *spec)
{
	struct context *c;

	pthread_mutex_lock(&lock);
	c = free_slot(uid);
	if (c) {
		c->uid = uid;
		c->spec = *spec;
		c->active = NULL;
		c->closing = false;
		c->first = NULL;
		c->last = &c->first;
		c->total = 0;
		c->parts = 0;
		c->failed = 0;
		c->has_state = false;
		c->gone = 0;
		c->stands = 1;
		if (spec->offer)
			fetch_add_u32(&spec->offer->provider->contexts, 1);
		store_release_u32(&c->refs, 1);
	}
	pthread_mutex_unlock(&lock);
	return c;
}

struct context *context_hold(struct context *c)
{
	fetch_add_u32(&c->refs, 1);
	return c;
}

uint8_t *context_state(struct context *c)
{
	return states + (size_t)(c - slots) * CONTEXT_STATE_MAX;
}

static void drop_state(struct context *c)
{
	const struct mech_offer *o = c->spec.offer;

	if (c->has_state && o->offer->ops->drop) {
		struct ukcf_job job = { .op = c->spec.op,
					.mech = c->spec.mech->id,
					.ctx = context_state(c) };

		o->offer->ops->drop(o->provider->instance, &job);
	}
	secmem_wipe(context_state(c), CONTEXT_STATE_MAX);
	c->has_state = false;
}

/* Once: after this its provider has nothing of it. */
static void part_with(struct context *c)
{
	const struct mech_offer *o = c->spec.offer;
	uint32_t stands = 1;

	if (!compare_swap_u32(&c->stands, &stands, 0))
		return;
	drop_state(c);
	if (!o)
		return;
	fetch_sub_u32(&o->provider->contexts, 1);
	drain_noted();
}

void context_put(struct context *c)
{
	uint32_t refs = load_acquire_u32(&c->refs);

	do {
		if (refs == 1)
			part_with(c); /* no part of it can come any more */
	} while (!compare_swap_u32(&c->refs, &refs, refs - 1));
}

const struct context_spec *context_spec(const struct context *c)
{
	return &c->spec;
}

bool context_is_chain(const struct context *c)
{
	return !c->spec.mech;
}

uint64_t context_total(struct context *c)
{
	uint64_t total;

	pthread_mutex_lock(&c->lock);
	total = c->total;
	pthread_mutex_unlock(&c->lock);
	return total;
}

void context_table_lost(struct context_table *t)
{
	for (unsigned int i = 0; i <= UKCF_CONTEXTS_MAX; i++)
		t->lost[i] = -ESTALE;
}

void context_table_free(struct context_table *t)
{
	for (unsigned int i = 1; i <= UKCF_CONTEXTS_MAX; i++)
		if (t->at[i])
			context_put(t->at[i]);
}

static void set_at(struct context_table *t, uint64_t id, struct context *c)
{
	struct context **at = &t->at[index_clamp(id, UKCF_CONTEXTS_MAX + 1)];

	if (*at)
		context_put(*at);
	*at = c ? context_hold(c) : NULL;
	t->lost[at - t->at] = 0;
}

void context_accepted(struct context_table *t, const struct ukcf_sqe *s,
		      struct context *c, struct context *made)
{
	if (s->op == UKCF_OP_INIT)
		set_at(t, s->ctx, c);
	else if (s->op == UKCF_OP_CTX_COPY)
		set_at(t, s->ctx, made);
	else if (s->op == UKCF_OP_FINAL)
		set_at(t, s->ctx, NULL);
}

void context_end(struct context_table *t, uint64_t id)
{
	set_at(t, id, NULL);
}

/* Those that were taken in are before it. */
static void fail(struct context *c, int err)
{
	pthread_mutex_lock(&c->lock);
	if (!c->failed) {
		c->failed = err;
		c->failed_part = c->parts;
	}
	pthread_mutex_unlock(&c->lock);
}

void context_part_lost(struct context_table *t, uint64_t id, int err, bool last)
{
	uint64_t at = index_clamp(id, UKCF_CONTEXTS_MAX + 1);

	if (t->at[at])
		fail(t->at[at], err);
	else
		t->lost[at] = err;
	if (last)
		context_end(t, at);
}

/* ------------------------------------------------------------------ order */

/* Locked. */
static bool is_busy(const struct context *c)
{
	return c->active || c->closing || c->first;
}

bool context_is_idle(const struct request *req)
{
	struct context *c = req->context;
	bool idle;

	pthread_mutex_lock(&c->lock);
	idle = !is_busy(c);
	pthread_mutex_unlock(&c->lock);
	return idle;
}

/* Locked.  What is copied makes its copy's parts wait. */
static void take_in(struct context *c, struct request *req)
{
	req->part = ++c->parts;
	c->total += req->entry->sqe.in.len;
	if (!req->made)
		return;
	req->made->active = req; /* known to nobody else yet */
	req->made->total = c->total;
}

void context_begin(struct request *req)
{
	struct context *c = req->context;

	pthread_mutex_lock(&c->lock);
	take_in(c, req);
	c->active = req;
	pthread_mutex_unlock(&c->lock);
}

bool context_park(struct request *req, bool ack)
{
	struct context *c = req->context;
	bool waits;

	pthread_mutex_lock(&c->lock);
	if (c->active != req)
		take_in(c, req);
	waits = c->active != req && is_busy(c);
	if (waits) {
		req->next_part = NULL;
		*c->last = req;
		c->last = &req->next_part;
		backlog_put(&parked, req, true, ack, NULL);
	} else {
		c->active = req;
	}
	pthread_mutex_unlock(&c->lock);
	return waits;
}

/* Locked.  It is not there if it was active. */
static void unlink_part(struct context *c, const struct request *req)
{
	struct request **at = &c->first;

	while (*at && *at != req)
		at = &(*at)->next_part;
	if (!*at)
		return;
	*at = req->next_part;
	if (!*at)
		c->last = at;
}

/* Locked.  part: its place among the parts of the context, 0: it made it. */
static void judge(struct context *c, const struct request *req, uint64_t part)
{
	int64_t res = req->entry->cqe.res;
	/* A part that was refused changed nothing; a member of a chain is
	 * missing. */
	bool counts = res < 0 && (!req->refused || context_is_chain(c));

	if (!counts || (c->failed && c->failed_part < part))
		return;
	c->failed = (int)res;
	c->failed_part = part;
}

static bool is_silent(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return req->entry->cqe.res >= 0 &&
	       (s->op == UKCF_OP_INIT || s->op == UKCF_OP_UPDATE) &&
	       !(s->flags & UKCF_SQE_NOTIFY_OPDONE);
}

/* Locked. */
static void close_active(struct context *c)
{
	c->active = NULL;
	c->closing = true;
}

struct context_then context_leave(struct request *req)
{
	struct context_then then = { req->context, req->made, false };
	struct context *c = then.of;

	if (!c)
		return then;
	req->silent = is_silent(req);
	pthread_mutex_lock(&c->lock);
	if (!then.made) /* a copy leaves it as it was */
		judge(c, req, req->part);
	if (context_is_chain(c) && c->active == req)
		chain_left(req);
	if (req->refused)
		c->total -= req->entry->sqe.in.len;
	then.was_active = c->active == req;
	if (then.was_active)
		close_active(c);
	else
		unlink_part(c, req);
	pthread_mutex_unlock(&c->lock);
	if (then.made) {
		pthread_mutex_lock(&then.made->lock);
		judge(then.made, req, 0);
		close_active(then.made);
		pthread_mutex_unlock(&then.made->lock);
	}
	req->context = NULL;
	req->made = NULL;
	return then;
}

/* Its turn has come: to its lane. */
static void put_next(struct context *c, struct request *req)
{
	unsigned int detail;
	int err = context_is_chain(c) ? chain_turn(req, &detail) : 0;

	backlog_remove(&parked, req);
	if (!err) {
		backlog_put(dispatch_backlog(req), req, true, false, NULL);
		return;
	}
	request_times_queued(req);
	request_end(req, err, detail);
}

static void start_next(struct context *c, bool was_active)
{
	struct request *req;

	pthread_mutex_lock(&c->lock);
	if (was_active)
		c->closing = false;
	req = c->active || c->closing ? NULL : c->first;
	/* Won by another: it leaves, and then we are called again. */
	if (req && !request_starts(req))
		req = NULL;
	if (req) {
		unlink_part(c, req);
		c->active = req;
	}
	pthread_mutex_unlock(&c->lock);
	if (req)
		put_next(c, req);
}

void context_go_on(struct context_then then)
{
	if (!then.of)
		return;
	start_next(then.of, then.was_active);
	context_put(then.of);
	if (!then.made)
		return;
	start_next(then.made, true);
	context_put(then.made);
}

unsigned int context_cancel(struct context *c)
{
	struct request *won[UKCF_CONTEXTS_MAX], *req;
	unsigned int n, total = 0;

	do {
		n = 0;
		pthread_mutex_lock(&c->lock);
		if (c->active && request_cancels(c->active))
			won[n++] = c->active;
		for (req = c->first; req && n < UKCF_CONTEXTS_MAX;
		     req = req->next_part)
			if (request_cancels(req))
				won[n++] = req;
		pthread_mutex_unlock(&c->lock);
		for (unsigned int i = 0; i < n; i++) {
			backlog_remove(won[i]->backlog, won[i]);
			request_times_queued(won[i]);
			request_end(won[i], -ECANCELED, UKCF_DETAIL_CANCELED);
		}
		total += n;
	} while (n == UKCF_CONTEXTS_MAX);
	return total;
}

/* ------------------------------------------------------------------ state */

int context_failure(const struct request *req)
{
	struct context *c = req->context;
	int failed;

	pthread_mutex_lock(&c->lock);
	failed = c->failed && c->failed_part < req->part ? c->failed : 0;
	pthread_mutex_unlock(&c->lock);
	return failed;
}

/* The pair of request_give(); the barrier is the other side's (drain.h). */
bool context_is_gone(const struct context *c)
{
	signal_fence();
	return load_acquire_u32(&c->gone);
}

void context_forget(struct context_table *t, uint64_t id)
{
	id = index_clamp(id, UKCF_CONTEXTS_MAX + 1);
	set_at(t, id, NULL);
	t->lost[id] = -ESTALE;
}

/* Those of p, one after another; held.  Its slot is not used anew meanwhile. */
static struct context *hold_next(const struct provider *p, unsigned int *at)
{
	while (*at < CONTEXT_SLOTS) {
		struct context *c = &slots[(*at)++];
		uint32_t refs = load_acquire_u32(&c->refs);

		while (refs && !compare_swap_u32(&c->refs, &refs, refs + 1))
			;
		if (!refs)
			continue;
		if (c->spec.offer && c->spec.offer->provider == p)
			return c;
		context_put(c);
	}
	return NULL;
}

void context_expel(const struct provider *p)
{
	struct context *c;
	unsigned int at = 0;

	while ((c = hold_next(p, &at))) {
		store_release_u32(&c->gone, 1);
		context_put(c);
	}
}

void context_take_away(const struct provider *p)
{
	struct context *c;
	unsigned int at = 0;

	while ((c = hold_next(p, &at))) {
		if (load_relaxed_u32(&c->gone))
			part_with(c);
		context_put(c);
	}
}

void context_begun(struct context *c)
{
	c->has_state = true;
}

void context_ended(struct context *c)
{
	c->has_state = false;
}
