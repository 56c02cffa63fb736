/* SPDX-License-Identifier: MIT */
#include "daemon/core/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/ring.h"
#include "daemon/core/completion.h"
#include "daemon/core/pieces.h"
#include "daemon/core/predict.h"
#include "daemon/core/probes.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/sched.h"
#include "daemon/core/trace.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

/* Who waits for room, and what it will be told. */
struct waiter {
	struct ring_event event; /* first */
	struct qwaiter q;
};

static struct waiter *waiter_of(struct qwaiter *q)
{
	return (struct waiter *)(void *)((char *)q -
					 offsetof(struct waiter, q));
}

static struct request *request_of(struct qnode *n)
{
	return (struct request *)(void *)((char *)n -
					  offsetof(struct request, node));
}

int backlog_init(struct backlog *b, uint16_t id, unsigned int slots,
		 unsigned int servers, bool timed)
{
	int err;

	memset(b, 0, sizeof(*b));
	b->id = id;
	b->servers = servers ? servers : 1;
	b->timer_fd = -1;
	pthread_mutex_init(&b->lock, NULL);
	err = queue_init(&b->q, slots);
	if (err || !timed)
		return err;
	b->timer_fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK);
	return b->timer_fd < 0 ? -errno : 0;
}

void backlog_free(struct backlog *b)
{
	if (b->timer_fd >= 0)
		close(b->timer_fd);
	queue_deinit(&b->q);
	pthread_mutex_destroy(&b->lock);
}

static void count(uint64_t *counter)
{
	store_relaxed_u64(counter, load_relaxed_u64(counter) + 1);
}

/* -------------------------------------------------------------- deadlines */

static void set_timer(struct backlog *b, uint64_t ns)
{
	const struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u) },
	};

	b->armed_ns = ns;
	if (timerfd_settime(b->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		log_err("timer of queue %u: %m", b->id);
}

/*
 * Locked.  A request that an idle server is about to take needs no timer, and
 * a timer that is left behind when the queue is empty would wake an idle
 * daemon.
 */
static void adjust_timer(struct backlog *b)
{
	uint64_t first;

	if (b->timer_fd < 0)
		return;
	if (queue_depth(&b->q) == 0) {
		if (b->armed_ns)
			set_timer(b, 0);
		return;
	}
	if (queue_depth(&b->q) <= load_relaxed_u32(&b->arrived.waiters))
		return;
	first = queue_earliest(&b->q);
	if (!b->armed_ns || first < b->armed_ns)
		set_timer(b, first);
}

uint64_t backlog_earliest(struct backlog *b)
{
	uint64_t ns;

	pthread_mutex_lock(&b->lock);
	ns = queue_depth(&b->q) ? queue_earliest(&b->q) : 0;
	pthread_mutex_unlock(&b->lock);
	return ns;
}

/* ------------------------------------------------------------------ space */

/* Locked.  The list of those to be told, after the lock is let go. */
static struct ring_event *told(struct backlog *b)
{
	struct ring_event *list = NULL, **last = &list;
	struct qwaiter *q;

	while ((q = queue_told(&b->q))) {
		struct ring_event *e = &waiter_of(q)->event;

		e->cqe.res = queue_room(&b->q);
		e->next = NULL;
		*last = e;
		last = &e->next;
	}
	return list;
}

static void tell(struct ring_event *e)
{
	while (e) {
		struct ring_event *next = e->next;

		ring_post_event(e);
		e = next;
	}
}

/* Locked. */
static int want(struct backlog *b, const struct want_space *s)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->event.cqe.user_data = s->req->entry->sqe.user_data;
	w->event.cqe.flags = UKCF_CQE_SPACE;
	w->event.cqe.provider = b->id;
	w->q.want = s->slots;
	w->q.flow = ring_consumer(s->req->ring)->rec;
	err = ring_event_init(&w->event, s->req, s->slots);
	if (err) {
		free(w);
		return err;
	}
	queue_want(&b->q, &w->q);
	return 0;
}

int backlog_want_space(struct backlog *b, const struct want_space *s)
{
	struct ring_event *list;
	int err;

	pthread_mutex_lock(&b->lock);
	err = want(b, s);
	list = told(b); /* there may be room now */
	pthread_mutex_unlock(&b->lock);
	tell(list);
	return err;
}

static bool is_of(const struct qwaiter *q, const void *of)
{
	const struct waiter *w = (const struct waiter *)(const void *)(
		(const char *)q - offsetof(struct waiter, q));

	return w->event.ring == of;
}

/* Their places in its CQ are kept, so they are told: nobody reads it. */
void backlog_forget(struct backlog *b, const struct ring *r)
{
	struct ring_event *mine = NULL, **last = &mine, *others;
	struct qwaiter *q;

	pthread_mutex_lock(&b->lock);
	for (q = queue_forget(&b->q, is_of, r); q; q = q->next) {
		struct ring_event *e = &waiter_of(q)->event;

		e->next = NULL;
		*last = e;
		last = &e->next;
	}
	others = told(b);
	pthread_mutex_unlock(&b->lock);
	tell(mine);
	tell(others);
}

/* --------------------------------------------------------------- requests */

static uint32_t cost_of(const struct request *req)
{
	if (!req->offer)
		return REQUEST_KEYOP_NS;
	return predict_ns(req->offer, request_op(req), pieces_turn_bytes(req));
}

int backlog_put(struct backlog *b, struct request *req, bool force, bool ack,
		const struct want_space *space)
{
	const struct consumer *c = ring_consumer(req->ring);
	int err;

	completion_forbids("a request is queued");
	req->node.cost_ns = cost_of(req);
	req->node.deadline_ns = req->deadline_ns;
	req->backlog = b;
	req->queued_ticks = clock_ticks();
	pthread_mutex_lock(&b->lock);
	err = queue_put(&b->q, &req->node, c->rec,
			load_relaxed_u32(&c->weight), force);
	/* In the lock: cancel may win it from here on, and then finds it. */
	if (!err) {
		if (trace_is_on())
			trace_note(req, TRACE_QUEUED, b->id);
		probe_queue(req, b->id);
		if (ack)
			ring_leave_queued(req);
		request_waits(req);
		adjust_timer(b);
	} else {
		count(&b->counts.rejected);
		if (space && want(b, space) < 0)
			err = -ENOMEM; /* nobody will tell it of room */
	}
	pthread_mutex_unlock(&b->lock);
	if (err)
		req->backlog = NULL;
	else
		event_signal(&b->arrived, 1);
	return err;
}

/* It may be given back, and wait once more. */
static void count_wait(struct backlog *b, struct request *req)
{
	uint64_t now = clock_ticks();

	store_relaxed_u64(&b->counts.waited_ns,
			  load_relaxed_u64(&b->counts.waited_ns) +
				  clock_ticks_to_ns(now - req->queued_ticks));
	req->queued_ticks = now;
}

struct request *backlog_take(struct backlog *b)
{
	struct request *req = NULL;
	struct qnode *n;

	pthread_mutex_lock(&b->lock);
	while ((n = queue_take(&b->q))) {
		/* Else cancel has won it and is waiting for the lock. */
		if (request_starts(request_of(n))) {
			req = request_of(n);
			if (trace_is_on())
				trace_note(req, TRACE_STARTED, b->id);
			count(&b->counts.taken);
			count_wait(b, req);
			probe_start(req, 0);
			fetch_add_u32(&b->running, 1);
			fetch_add_u64(&b->running_ns, n->cost_ns);
			break;
		}
	}
	adjust_timer(b);
	pthread_mutex_unlock(&b->lock);
	return req;
}

void backlog_served(struct backlog *b)
{
	struct ring_event *list;

	pthread_mutex_lock(&b->lock);
	list = told(b);
	pthread_mutex_unlock(&b->lock);
	tell(list);
}

struct request *backlog_wait(struct backlog *b)
{
	for (;;) {
		uint32_t seen = event_look(&b->arrived);
		struct request *req;

		if (load_acquire_u32(&b->stopping))
			return NULL;
		req = backlog_take(b);
		if (req) {
			backlog_served(b);
			return req;
		}
		event_wait(&b->arrived, seen, 0);
	}
}

void backlog_ended(struct backlog *b, uint32_t cost_ns)
{
	fetch_sub_u32(&b->running, 1);
	fetch_sub_u64(&b->running_ns, cost_ns);
}

void backlog_spent(struct backlog *b, uint64_t ticks)
{
	fetch_add_u64(&b->counts.served_ns, clock_ticks_to_ns(ticks));
}

void backlog_settle(struct backlog *b, struct qflow *whose, uint32_t cost_ns,
		    uint64_t ticks)
{
	pthread_mutex_lock(&b->lock);
	queue_settle(&b->q, whose, cost_ns, clock_ticks_to_ns(ticks));
	pthread_mutex_unlock(&b->lock);
}

void backlog_give_back(struct backlog *b, struct request *req)
{
	backlog_ended(b, req->node.cost_ns);
	pthread_mutex_lock(&b->lock);
	request_waits(req);
	queue_put_first(&b->q, &req->node);
	adjust_timer(b);
	pthread_mutex_unlock(&b->lock);
}

void backlog_remove(struct backlog *b, struct request *req)
{
	struct ring_event *list;

	pthread_mutex_lock(&b->lock);
	queue_remove(&b->q, &req->node);
	count(&b->counts.cancelled);
	list = told(b);
	adjust_timer(b);
	pthread_mutex_unlock(&b->lock);
	tell(list);
}

void backlog_expire(struct backlog *b)
{
	struct request *late = NULL, **last = &late;
	uint64_t now = clock_ns();
	struct ring_event *list;
	struct qnode *n;

	pthread_mutex_lock(&b->lock);
	while ((n = queue_expired(&b->q, now))) {
		struct request *req = request_of(n);

		if (!request_cancels(req))
			continue; /* cancel was first */
		count(&b->counts.timed_out);
		req->next = NULL;
		*last = req;
		last = &req->next;
	}
	list = told(b);
	b->armed_ns = 0; /* it has fired */
	adjust_timer(b);
	pthread_mutex_unlock(&b->lock);
	while (late) {
		struct request *next = late->next;

		request_times_queued(late);
		request_end(late, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT);
		late = next;
	}
	tell(list);
}

void backlog_stop(struct backlog *b)
{
	store_release_u32(&b->stopping, 1);
	event_signal(&b->arrived, INT32_MAX);
}

unsigned int backlog_depth(const struct backlog *b)
{
	return queue_depth(&b->q);
}

bool backlog_is_full(const struct backlog *b)
{
	return queue_is_full(&b->q);
}

uint64_t backlog_wait_ns(const struct backlog *b)
{
	return sched_wait_ns(queue_backlog_ns(&b->q),
			     load_relaxed_u64(&b->running_ns),
			     load_relaxed_u32(&b->running),
			     load_relaxed_u32(&b->servers));
}
