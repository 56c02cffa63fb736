/* SPDX-License-Identifier: MIT */
/*
 * A call that gives up (deadline, signal) leaves its request behind.  Its lane
 * is "owed" a CQE, and its buffers are the daemon's, until that CQE is there;
 * until then other calls take other lanes.
 */
#include "lib/lane.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/call.h"
#include "lib/connection.h"
#include "lib/ring.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define LANES_MAX 16
#define LANE_ENTRIES 4
#define BUFFER_MIN (64u << 10)
#define BUFFER_KEEP (1u << 20) /* what is larger is given back after the call */
#define US UINT64_C(1000)

struct lane {
	struct lane *next;
	struct ukcf_ring *ring;
	struct ukcf_buffer *in, *out;
	uint64_t serial; /* of its last request */
	size_t secret;	 /* bytes of input that are to be wiped */
	bool unread;	 /* the output may hold what its caller gave up */
	bool owed;
};

int lanes_init(struct lanes *l)
{
	pthread_condattr_t a;
	int err = pthread_condattr_init(&a);

	*l = (struct lanes){ 0 };
	if (!err)
		err = pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(&l->freed, &a);
	if (!err)
		err = pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_destroy(&a);
	return -err;
}

/* Rings and buffers are members of the connection and end with it. */
void lanes_deinit(struct ukcf *u, bool ours)
{
	struct lanes *l = &u->lanes;

	while (l->idle) {
		struct lane *next = l->idle->next;

		free(l->idle);
		l->idle = next;
	}
	if (!ours) /* the parent's other threads may have held it */
		return;
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->freed);
}

/* -------------------------------------------------------------- borrowing */

static int lane_new(struct ukcf *u, uint64_t deadline_ns, struct lane **lp)
{
	struct lane *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	err = ring_new(u, LANE_ENTRIES, deadline_ns, &l->ring);
	if (err) {
		free(l);
		return err;
	}
	*lp = l;
	return 0;
}

/* The daemon reads it until the CQE is there. */
static void wipe_input(struct lane *l)
{
	if (l->owed || !l->secret)
		return;
	secmem_wipe(ukcf_buffer_data(l->in), l->secret);
	l->secret = 0;
}

/* Did the CQE come that is owed? */
static bool settled(struct lane *l)
{
	const struct ukcf_cqe *cqe;

	while (l->owed && ukcf_peek_cqe(l->ring, &cqe) == 0) {
		if ((cqe->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT &&
		    cqe->user_data == l->serial)
			l->owed = false;
		ukcf_cqe_seen(l->ring);
	}
	wipe_input(l);
	return !l->owed;
}

static bool is_late(const struct lane *l)
{
	return l->owed || l->unread;
}

/* Every call looks at what others gave up, and the next one that may takes it,
 * so that no secret lies in a lane because there is another one. */
static struct lane **choose(struct lanes *all)
{
	struct lane **best = NULL;

	if (!all->late)
		return all->idle ? &all->idle : NULL;
	for (struct lane **lp = &all->idle; *lp; lp = &(*lp)->next) {
		bool was_late = is_late(*lp);

		if (!settled(*lp))
			continue;
		all->late -= was_late && !is_late(*lp);
		if (!best || (*lp)->unread)
			best = lp;
	}
	return best;
}

static struct lane *take_idle(struct lanes *all)
{
	struct lane **lp = choose(all), *l = lp ? *lp : NULL;

	if (!l)
		return NULL;
	all->late -= is_late(l);
	*lp = l->next;
	return l;
}

/* For another call's lane, or for the answer that an idle one is owed: nobody
 * tells of the latter, so look again now and then. */
static int await_lane(struct lanes *all, uint64_t deadline_ns)
{
	uint64_t now = clock_ns(), until = now + 1000 * US;
	struct timespec ts;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	if (!all->idle || until > deadline_ns)
		until = deadline_ns;
	ts.tv_sec = (time_t)(until / 1000000000u);
	ts.tv_nsec = (long)(until % 1000000000u);
	pthread_cond_timedwait(&all->freed, &all->lock, &ts);
	return 0;
}

static int borrow(struct ukcf *u, uint64_t deadline_ns, struct lane **lp)
{
	struct lanes *all = &u->lanes;
	bool more = true; /* lanes may be made */
	int err = 0;

	pthread_mutex_lock(&all->lock);
	while (!err && !(*lp = take_idle(all))) {
		if (!more || all->n == LANES_MAX) {
			err = connection_check(u);
			if (!err)
				err = await_lane(all, deadline_ns);
			continue;
		}
		all->n++;
		pthread_mutex_unlock(&all->lock);
		err = lane_new(u, deadline_ns, lp);
		pthread_mutex_lock(&all->lock);
		if (!err)
			break;
		all->n--;
		/* Short of quota, but there are others to wait for. */
		more = false;
		if (err == -EDQUOT && all->n)
			err = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return err;
}

static void drop_buffer(struct ukcf_buffer **bp, uint64_t deadline_ns)
{
	struct ukcf_buffer *b = *bp;

	*bp = NULL;
	buffer_destroy(b, connection_is_ours(b->u), deadline_ns);
}

static void give_back(struct ukcf *u, struct lane *l, uint64_t deadline_ns)
{
	struct lanes *all = &u->lanes;

	if (!l->owed && l->in && ukcf_buffer_size(l->in) > BUFFER_KEEP)
		drop_buffer(&l->in, deadline_ns);
	if (!l->owed && l->out && ukcf_buffer_size(l->out) > BUFFER_KEEP)
		drop_buffer(&l->out, deadline_ns);
	pthread_mutex_lock(&all->lock);
	all->late += is_late(l);
	l->next = all->idle;
	all->idle = l;
	pthread_cond_signal(&all->freed);
	pthread_mutex_unlock(&all->lock);
}

/* ---------------------------------------------------------------- buffers */

static int reserve(struct ukcf *u, enum ukcf_buffer_kind kind, size_t size,
		   uint64_t deadline_ns, struct ukcf_buffer **bp)
{
	size_t want = BUFFER_MIN;

	if (size == 0 || (*bp && ukcf_buffer_size(*bp) >= size))
		return 0;
	if (*bp)
		drop_buffer(bp, deadline_ns);
	while (want < size && want < BUFFER_KEEP)
		want *= 2;
	return buffer_new_hidden(u, kind, want < size ? size : want,
				 deadline_ns, bp);
}

static size_t align16(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static size_t input_bytes(const struct lane_request *q)
{
	return align16(q->in.len + q->in2.len) + align16(q->aux.len) +
	       align16(q->tag.len);
}

/* Copy into the input buffer at *at; the range that it fills. */
static struct ukcf_range put(const struct lane *l, size_t *at,
			     struct lane_bytes a, struct lane_bytes b)
{
	struct ukcf_range r = { (uint32_t)*at, (uint32_t)(a.len + b.len) };
	char *to;

	if (r.len == 0)
		return (struct ukcf_range){ 0, 0 };
	to = (char *)ukcf_buffer_data(l->in) + *at;
	if (a.len)
		memcpy(to, a.data, a.len);
	if (b.len)
		memcpy(to + a.len, b.data, b.len);
	*at += align16(r.len);
	return r;
}

static void fill(const struct lane *l, const struct lane_request *q,
		 struct ukcf_sqe *s)
{
	const struct lane_bytes none = { NULL, 0 };
	uint16_t in = l->in ? ukcf_buffer_index(l->in) : 0;
	size_t at = 0;

	s->in = put(l, &at, q->in, q->in2);
	s->aux = put(l, &at, q->aux, none);
	s->tag = put(l, &at, q->tag, none);
	s->buf[UKCF_RANGE_IN] = in;
	s->buf[UKCF_RANGE_AUX] = in;
	s->buf[UKCF_RANGE_TAG] = in;
	s->out = (struct ukcf_range){ 0, (uint32_t)q->out_size };
	s->buf[UKCF_RANGE_OUT] = l->out ? ukcf_buffer_index(l->out) : 0;
}

/* ------------------------------------------------------------------- calls */

static int await_result(struct lane *l, uint64_t deadline_ns,
			struct ukcf_cqe *result)
{
	const struct ukcf_cqe *cqe;
	uint64_t now;
	int rc;

	for (;;) {
		now = clock_ns();
		rc = ukcf_wait_cqe(l->ring, &cqe,
				   now < deadline_ns ?
					   (int64_t)(deadline_ns - now) : 0);
		if (rc)
			return rc;
		*result = *cqe;
		ukcf_cqe_seen(l->ring);
		if ((result->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT &&
		    result->user_data == l->serial)
			return 0;
	}
}

static int submit(struct lane *l, const struct ukcf_sqe *s,
		  uint64_t deadline_ns)
{
	int rc;

	/* Nothing else is on its way here, so there is a slot, or will be as
	 * soon as a daemon that was started again has said so. */
	while ((rc = ukcf_submit_sqes(l->ring, s, 1)) == 0) {
		if (clock_ns() >= deadline_ns)
			return -ETIMEDOUT;
		sched_yield();
	}
	if (rc < 0)
		return rc;
	l->owed = true;
	return 0;
}

static int transact(struct lane *l, const struct lane_request *q,
		    uint64_t deadline_ns, struct ukcf_cqe *result)
{
	struct ukcf_sqe s = q->sqe;
	int rc;

	fill(l, q, &s);
	l->secret = q->secret ? input_bytes(q) : 0;
	s.user_data = ++l->serial;
	s.mode = UKCF_MODE_SYNC;
	rc = submit(l, &s, deadline_ns);
	if (!rc)
		rc = await_result(l, deadline_ns, result);
	if (!rc)
		l->owed = false;
	if (!rc && result->res > 0 && q->out &&
	    (uint64_t)result->res <= q->out_size)
		memcpy(q->out, ukcf_buffer_data(l->out), (size_t)result->res);
	wipe_input(l);
	return rc;
}

/* Output is the daemon's to write: it writes something else there, or the
 * buffer goes and the memory with it. */
static void forget(struct lane *l, const struct lane_request *q,
		   uint64_t deadline_ns)
{
	const struct lane_request other = {
		.sqe = { .op = UKCF_OP_RANDOM, .mech = { UKCF_MECH_RANDOM } },
		.out_size = q->out_size,
	};
	struct ukcf_cqe c;

	if (!q->secret || !l->out || !q->out_size)
		return;
	l->unread = l->owed;
	if (l->owed)
		return;
	if (transact(l, &other, deadline_ns, &c) != 0 ||
	    c.res != (int64_t)q->out_size)
		drop_buffer(&l->out, deadline_ns);
}

static unsigned int where(const struct ukcf_cqe *c)
{
	if (c->flags & UKCF_CQE_F_INLINE)
		return UKCF_WHERE_INLINE;
	/* Refused by a check, or without place: it ran nowhere. */
	return c->res < 0 && !c->u.t.service_ns ? UKCF_WHERE_NONE :
						  UKCF_WHERE_QUEUED;
}

static int64_t conclude(const struct ukcf_cqe *c, unsigned int reason)
{
	last_call = (struct ukcf_call){
		.res = c->res,
		.where = (uint16_t)where(c),
		.reason = (uint16_t)reason,
		.provider = c->provider,
		.detail = c->detail,
		.queue_ns = c->u.t.queue_ns,
		.service_ns = c->u.t.service_ns,
		.flags = c->flags & (uint16_t)~UKCF_CQE_KIND,
	};
	return c->res;
}

/* Nothing is known of it but that it was not waited for, or not sent. */
static int64_t give_up(int err, unsigned int reason)
{
	unsigned int detail = err == -ETIMEDOUT ? UKCF_DETAIL_TIMEOUT :
			      err == -EDQUOT	? UKCF_DETAIL_QUOTA :
						  UKCF_DETAIL_NONE;

	call_refused(err, detail);
	last_call.reason = (uint16_t)reason;
	return err;
}

static bool is_too_large(const struct lane_request *q)
{
	const uint64_t max = UKCF_ONESHOT_MAX;
	const uint64_t slack = 4096; /* tags and headers beside the data */

	return q->in.len > max + slack || q->aux.len > max ||
	       (uint64_t)q->in.len + q->aux.len > max + slack ||
	       q->in2.len > slack || q->tag.len > slack ||
	       q->out_size > max + slack;
}

static uint32_t as_us(uint64_t ns)
{
	return ns / US < UINT32_MAX ? (uint32_t)(ns / US) : UINT32_MAX;
}

int64_t lane_call(struct ukcf *u, const struct lane_request *q,
		  unsigned int reason)
{
	uint64_t timeout = load_relaxed_u64(&u->timeout_ns);
	uint64_t deadline = clock_ns() + timeout;
	struct lane_request timed = *q;
	struct ukcf_cqe result;
	struct lane *l;
	int err = connection_check(u);

	if (!err && is_too_large(q)) {
		call_refused(-EMSGSIZE, UKCF_DETAIL_ONESHOT);
		last_call.reason = (uint16_t)reason;
		return -EMSGSIZE;
	}
	if (!err)
		err = borrow(u, deadline, &l);
	if (err)
		return give_up(err, reason);
	timed.sqe.timeout_us = as_us(timeout);
	if (l->unread)
		drop_buffer(&l->out, deadline);
	l->unread = false;
	err = reserve(u, UKCF_BUFFER_INPUT, input_bytes(q), deadline,
			      &l->in);
	if (!err)
		err = reserve(u, UKCF_BUFFER_OUTPUT, q->out_size, deadline,
			      &l->out);
	if (!err)
		err = transact(l, &timed, deadline, &result);
	forget(l, q, deadline);
	give_back(u, l, deadline);
	return err ? give_up(err, reason) : conclude(&result, reason);
}
