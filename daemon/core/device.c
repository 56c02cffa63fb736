/* SPDX-License-Identifier: MIT */
/*
 * A flight is one job in the device.  Its state decides between the interrupt
 * that lands it and the device thread that gives it up:
 *
 *	FREE -> OUT -> LANDED (by landed(), in completion context)
 *	          \--> LOST   (by the device thread: too late, or a reset)
 *
 * A flight that landed well is finished right there.  One that did not, and
 * every free one, comes back to the device thread through `back'.
 */
#include "daemon/core/device.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/arena.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/completion.h"
#include "daemon/core/copy.h"
#include "daemon/core/crosscheck.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/dual.h"
#include "daemon/core/execute.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/spi/host.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define DEPTH_MAX 1024
#define BUSY_NS 1000000 /* a provider that had no room is asked again */
/* Private copies that the jobs in one device may have together.  One job may
 * always have its own: a consumer sends large ones by ring, for nothing. */
#define COPIED_MAX (4 * (uint64_t)UKCF_ONESHOT_MAX)

enum flight_state { FLIGHT_FREE, FLIGHT_OUT, FLIGHT_LANDED, FLIGHT_LOST };

struct flight {
	struct landing landing; /* first: the job's cookie */
	struct flight *next;
	uint32_t state; /* atomic, enum flight_state */
	struct device *device;
	struct ukcf_job job;
	uint8_t param[UKCF_PARAM_MAX]; /* the job's */
	struct request *req; /* NULL: none, or it went elsewhere */
	bool onward; /* its half of req is done */
	bool due;    /* its answer is to be checked */
	bool unchecked; /* and is there */
	bool shared; /* it works on the arenas themselves */
	struct copy *copy;   /* a lost one keeps what the device may touch */
	uint64_t copied;     /* bytes that its copy was counted with */
	struct key *key;
	struct arena *arena[4];
	uint32_t cost_ns; /* as the queue predicted it */
	uint64_t out_ticks, back_ticks;
	uint64_t deadline_ns; /* the request's, 0: it has left */
	uint64_t limit_ns;    /* the device's */
};

struct device {
	struct provider *provider;
	struct backlog backlog;
	struct device_settings settings;
	pthread_t thread;
	bool running;
	struct flight *flights; /* NULL while it is stopped */
	unsigned int depth;
	void *back;	    /* atomic: landed flights, through next */
	uint32_t in_flight; /* atomic */
	uint32_t stopping;  /* atomic: take no more */
	uint32_t was_reset; /* atomic */
	/* device thread */
	struct flight *free;
	uint64_t busy_until; /* the provider had no room */
	uint64_t copied; /* bytes, of all flights */
	uint64_t first_limit_ns; /* no flight is given up before; 0: none */
	unsigned int lost; /* flights that are */
	uint64_t losses;   /* atomic: since the start */
};

/* ----------------------------------------------------- completion context */

static void come_back(struct flight *f)
{
	struct device *d = f->device;
	void *head = load_acquire_ptr(&d->back);

	do {
		f->next = head;
	} while (!compare_swap_ptr(&d->back, &head, f));
	event_signal(&d->backlog.arrived, 1);
}

static void finish(struct flight *f)
{
	struct request *req = f->req;

	execute_times(req, f->out_ticks, clock_ticks());
	if (completion_is_here())
		req->flags |= UKCF_CQE_F_IRQCTX;
	f->req = NULL;
	request_finish(req);
}

/* Its result is there, or that of one half. */
static void settled(struct flight *f)
{
	f->onward = f->req->dual && !execute_goes_on(f->req);
	if (!f->onward)
		finish(f);
}

static void landed(struct landing *l, struct ukcf_job *job)
{
	struct flight *f = (struct flight *)(void *)l;
	uint32_t out = FLIGHT_OUT;

	if (compare_swap_u32(&f->state, &out, FLIGHT_LANDED)) {
		backlog_spent(&f->device->backlog,
			      clock_ticks() - f->out_ticks);
		f->back_ticks = clock_ticks();
		f->unchecked = f->due &&
			       crosscheck_applies(f->req, job, job->status);
		if (!f->unchecked &&
		    execute_settle(f->req, job, job->status))
			settled(f);
	} else if (out != FLIGHT_LOST) {
		return; /* completed twice: the first time counted */
	}
	come_back(f);
}

/* ---------------------------------------------------------- device thread */

/* What it could not do, or must not have the last word of: to another one, or
 * the end of its time. */
static void leave(struct flight *f)
{
	struct request *req = f->req;

	f->req = NULL;
	if (f->unchecked && f->job.param.len) /* the flight will be another's */
		f->job.param = execute_nonce(req);
	if (f->unchecked)
		crosscheck_begin(req, &f->job, f->out_ticks, f->back_ticks);
	else if (f->onward)
		dispatch_onward(req);
	else
		dispatch_elsewhere(req);
}

static void set_free(struct flight *f)
{
	struct device *d = f->device;

	if (f->copy)
		copy_put(f->copy);
	if (f->key)
		keystore_release(f->key);
	f->copy = NULL;
	f->key = NULL;
	f->shared = false;
	d->copied -= f->copied;
	f->copied = 0;
	for (unsigned int i = 0; i < 4; i++) {
		if (f->arena[i])
			arena_release(f->arena[i]);
		f->arena[i] = NULL;
	}
	if (f->cost_ns)
		backlog_ended(&d->backlog, f->cost_ns);
	f->cost_ns = 0;
	f->onward = false;
	f->unchecked = false;
	store_release_u32(&f->state, FLIGHT_FREE);
	f->next = d->free;
	d->free = f;
	fetch_sub_u32(&d->in_flight, 1);
}

static void fail(struct device *d, const char *what)
{
	if (!provider_works(d->provider))
		return;
	provider_blame(d->provider, what);
}

/* Return: how many came back. */
static unsigned int collect(struct device *d)
{
	struct flight *f = exchange_ptr(&d->back, NULL);
	unsigned int n = 0;

	while (f) {
		struct flight *next = f->next;

		if (load_acquire_u32(&f->state) == FLIGHT_LOST)
			d->lost--;
		if (f->req && f->job.status == UKCF_FAILED)
			fail(d, "a job failed for good");
		if (f->req)
			leave(f);
		set_free(f);
		d->busy_until = 0;
		f = next;
		n++;
	}
	return n;
}

/* Whoever takes the request on may not use what the device works with.  False:
 * there is no memory for that, and it has ended. */
static bool own_copy(struct flight *f)
{
	struct request *req = f->req;

	if (!f->copy)
		return true;
	req->copy = copy_clone(f->copy);
	if (!req->copy) {
		req->copy = copy_hold(f->copy); /* a dual lies in it */
		f->req = NULL;
		request_end(req, -ENOMEM, UKCF_DETAIL_QUOTA);
		return false;
	}
	if (req->dual)
		dual_moved(req, f->copy);
	return true;
}

/* The device may still work on it: what it touches stays with the flight. */
static void lose(struct flight *f)
{
	struct device *d = f->device;
	struct request *req = f->req;
	uint32_t out = FLIGHT_OUT;

	if (!compare_swap_u32(&f->state, &out, FLIGHT_LOST))
		return; /* it lands after all */
	d->lost++;
	store_relaxed_u64(&d->losses, d->losses + 1);
	f->copy = req->copy;
	f->key = req->key;
	if (f->key)
		keystore_hold_more(f->key);
	for (unsigned int i = 0; f->shared && i < 4; i++) {
		f->arena[i] = req->arena[i];
		if (f->arena[i])
			arena_hold_more(f->arena[i]);
	}
	f->deadline_ns = 0;
	if (own_copy(f))
		leave(f); /* elsewhere, or to its end if its time is over */
}

/* 0: never */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* What works on shared memory waits until the device is reset, or its time is
 * over: before that the device might write there what another one has made. */
static void lose_all(struct device *d)
{
	d->first_limit_ns = 0; /* it is out, and will be reset */
	for (unsigned int i = 0; i < d->depth; i++) {
		struct flight *f = &d->flights[i];

		if (load_acquire_u32(&f->state) != FLIGHT_OUT)
			continue;
		if (!f->shared) {
			lose(f);
			continue;
		}
		f->limit_ns = UINT64_MAX;
		d->first_limit_ns = earlier(d->first_limit_ns, f->deadline_ns);
	}
}

/* This thread should have looked so long ago: as far as it knows the machine did
 * not let the device run either, and that time is not counted against it. */
static void forgive(struct device *d, uint64_t late)
{
	if (late < d->settings.limit_ns / 4)
		return;
	for (unsigned int i = 0; i < d->depth; i++)
		if (d->flights[i].limit_ns < UINT64_MAX - late)
			d->flights[i].limit_ns += late;
}

/*
 * A request whose deadline has come ends, and its job is lost; the device is
 * not to blame yet.  Once it has had a job for longer than it may, it is.
 */
static void give_up_late(struct device *d)
{
	uint64_t now = clock_ns(), first = 0;

	if (!d->first_limit_ns || now < d->first_limit_ns)
		return;
	forgive(d, now - d->first_limit_ns);
	for (unsigned int i = 0; i < d->depth; i++) {
		struct flight *f = &d->flights[i];
		uint32_t state = load_acquire_u32(&f->state);

		if (state != FLIGHT_OUT && state != FLIGHT_LOST)
			continue;
		if (now >= f->limit_ns) {
			f->limit_ns = UINT64_MAX; /* said once */
			fail(d, "a job did not come back in time");
			lose_all(d);
			return;
		}
		if (f->deadline_ns && now >= f->deadline_ns)
			lose(f);
		first = earlier(first, earlier(f->deadline_ns, f->limit_ns));
	}
	d->first_limit_ns = first;
}

/* After a reset nobody touches what was lost.  What came back before it has been
 * collected: a flight that is free may not lie in `back'. */
static void free_lost(struct device *d)
{
	for (unsigned int i = 0; i < d->depth; i++) {
		uint32_t lost = FLIGHT_LOST;

		if (d->flights[i].shared &&
		    load_acquire_u32(&d->flights[i].state) == FLIGHT_OUT)
			lose(&d->flights[i]);
		if (!compare_swap_u32(&d->flights[i].state, &lost, FLIGHT_FREE))
			continue;
		d->lost--;
		set_free(&d->flights[i]);
	}
}

static void set_limit(struct flight *f, const struct request *req)
{
	struct device *d = f->device;

	f->limit_ns = clock_ns() + d->settings.limit_ns;
	f->deadline_ns = req->deadline_ns;
	d->first_limit_ns = earlier(d->first_limit_ns,
				    earlier(f->deadline_ns, f->limit_ns));
}

/* A lost job may be read when the request is another one, or the ring that it
 * lies in is gone. */
static void keep_param(struct flight *f)
{
	size_t len = f->job.param.len;

	if (!len)
		return;
	memcpy(f->param, f->job.param.data, len);
	f->job.param.data = f->param;
}

static uint64_t copy_bytes(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return (uint64_t)s->in.len + s->aux.len + execute_out_bytes(req);
}

static bool has_room(const struct device *d, const struct request *req)
{
	return !d->copied || d->copied + copy_bytes(req) <= COPIED_MAX;
}

static struct flight *take_off(struct device *d, struct request *req)
{
	bool due = crosscheck_is_due(req);
	bool shared = !due && execute_may_share(req);
	struct flight *f = d->free;

	if (!req->dual && !shared &&
	    (!req->copy || req->copy->out_size < execute_out_bytes(req))) {
		struct copy *c =
			req->copy ? copy_of(req->copy->in, req->copy->aux,
					    req->copy->tag,
					    execute_out_bytes(req)) :
				    copy_make(req, execute_out_bytes(req));

		if (!c)
			return NULL;
		if (req->copy)
			copy_put(req->copy);
		req->copy = c;
	}
	d->free = f->next;
	fetch_add_u32(&d->in_flight, 1);
	req->begun = true;
	f->req = req;
	f->cost_ns = req->node.cost_ns;
	f->shared = shared;
	if (shared) {
		execute_shared_job(req, &f->job);
	} else {
		f->copied = copy_bytes(req);
		d->copied += f->copied;
		execute_job(req, req->copy, &f->job);
	}
	keep_param(f);
	f->job.cookie = &f->landing;
	f->job.status = UKCF_DONE;
	f->due = due;
	f->out_ticks = clock_ticks();
	set_limit(f, req);
	store_release_u32(&f->state, FLIGHT_OUT);
	return f;
}

/* It never left. */
static struct request *abort_flight(struct flight *f)
{
	struct request *req = f->req;

	f->req = NULL;
	f->cost_ns = 0; /* it is given back with it */
	set_free(f);
	return req;
}

/* There is no room for it now. */
static bool put_off(struct device *d, struct request *req)
{
	backlog_give_back(&d->backlog, req);
	d->busy_until = clock_ns() + BUSY_NS;
	return false;
}

/* Return: whether it is on its way, or over. */
static bool launch(struct device *d, struct request *req)
{
	enum ukcf_status status;
	struct flight *f;

	if (ring_is_closing(req->ring)) {
		backlog_ended(&d->backlog, req->node.cost_ns);
		request_times_queued(req);
		request_end(req, -ECANCELED, UKCF_DETAIL_CANCELED);
		return true;
	}
	if (!has_room(d, req))
		return put_off(d, req);
	f = take_off(d, req);
	if (!f) {
		backlog_ended(&d->backlog, req->node.cost_ns);
		request_end(req, -ENOMEM, UKCF_DETAIL_QUOTA);
		return true;
	}
	req->entry->cqe.provider = d->provider->id;
	status = mech_entry(req->offer->offer, request_op(req))(
		d->provider->instance, &f->job);
	if (status == UKCF_QUEUED)
		return true; /* it may have landed already */
	if (status == UKCF_BUSY)
		return put_off(d, abort_flight(f));
	f->job.status = status;
	landed(&f->landing, &f->job); /* it was done in the call */
	return true;
}

static bool may_launch(const struct device *d)
{
	/* in this order: what works again was reset before, and what is out
	 * then is not of before */
	return d->free && provider_works(d->provider) &&
	       !load_acquire_u32(&d->was_reset) &&
	       !load_acquire_u32(&d->stopping) &&
	       clock_ns() >= d->busy_until;
}

static unsigned int launch_all(struct device *d)
{
	struct request *req;
	unsigned int n = 0;

	while (may_launch(d) && (req = backlog_take(&d->backlog)))
		n += launch(d, req);
	if (n)
		backlog_served(&d->backlog);
	return n;
}

/* The provider is out: those that wait for it go elsewhere. */
static unsigned int evict(struct device *d)
{
	bool works = provider_works(d->provider);
	struct request *req;
	unsigned int n = 0;

	if (works && !load_acquire_u32(&d->stopping))
		return 0;
	if (!works)
		lose_all(d);
	while ((req = backlog_take(&d->backlog))) {
		backlog_ended(&d->backlog, req->node.cost_ns);
		dispatch_elsewhere(req);
		n++;
	}
	if (n)
		backlog_served(&d->backlog);
	return n;
}

static uint64_t next_look(struct device *d)
{
	uint64_t at = earlier(d->first_limit_ns,
			      backlog_earliest(&d->backlog));

	if (d->busy_until && backlog_depth(&d->backlog))
		at = earlier(at, d->busy_until);
	return at;
}

static void *device_main(void *arg)
{
	struct device *d = arg;

	for (;;) {
		uint32_t seen = event_look(&d->backlog.arrived);
		bool was_reset = exchange_u32(&d->was_reset, 0);
		unsigned int n = collect(d);

		if (was_reset)
			free_lost(d);
		give_up_late(d);
		backlog_expire(&d->backlog);
		n += evict(d);
		n += launch_all(d);
		copy_reap();
		if (n)
			continue;
		if (load_acquire_u32(&d->stopping) &&
		    device_in_flight(d) == d->lost)
			return NULL; /* what is lost may never come back */
		event_wait(&d->backlog.arrived, seen, next_look(d));
	}
}

/* ------------------------------------------------------------ start, stop */

/* Its flights, as many as the provider says that it takes at once. */
static int make_flights(struct device *d)
{
	unsigned int depth = d->provider->spi->depth;

	d->depth = !depth ? 1 : depth < DEPTH_MAX ? depth : DEPTH_MAX;
	d->flights = calloc(d->depth, sizeof(*d->flights));
	if (!d->flights)
		return -ENOMEM;
	for (unsigned int i = 0; i < d->depth; i++) {
		struct flight *f = &d->flights[i];

		f->landing.landed = landed;
		f->device = d;
		f->next = d->free;
		d->free = f;
	}
	return 0;
}

static int device_new(struct provider *p, const struct device_settings *s)
{
	struct device *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->provider = p;
	err = backlog_init(&d->backlog, p->id, s->slots, 1, false);
	if (err) {
		free(d);
		return err;
	}
	store_release_ptr((void **)&p->device, d);
	return 0;
}

static int run(struct device *d)
{
	char name[16];
	int err;

	d->stopping = 0;
	d->was_reset = 0;
	err = -pthread_create(&d->thread, NULL, device_main, d);
	if (err)
		return err;
	d->running = true;
	snprintf(name, sizeof(name), "ukcf-%.10s", d->provider->name);
	pthread_setname_np(d->thread, name);
	return 0;
}

int device_start(struct provider *p, const struct device_settings *s)
{
	int err = p->device ? 0 : device_new(p, s);

	if (err)
		return err;
	p->device->settings = *s;
	if (!p->device->flights) /* else some are lost, and may come back */
		err = make_flights(p->device);
	if (err)
		return err;
	store_relaxed_u32(&p->device->backlog.servers, p->device->depth);
	return run(p->device);
}

int device_stop(struct provider *p)
{
	struct device *d = p->device;

	if (!d || !d->running)
		return 0;
	store_release_u32(&d->stopping, 1);
	event_signal(&d->backlog.arrived, 1);
	pthread_join(d->thread, NULL);
	d->running = false;
	if (device_in_flight(d))
		return -EBUSY;
	free(d->flights);
	d->flights = NULL;
	d->free = NULL;
	d->busy_until = 0;
	d->first_limit_ns = 0;
	return 0;
}

void device_free(struct provider *p)
{
	struct device *d = p->device;

	if (!d)
		return;
	backlog_free(&d->backlog);
	free(d->flights);
	free(d);
	p->device = NULL;
}

void device_look(struct device *d)
{
	event_signal(&d->backlog.arrived, 1);
}

void device_was_reset(struct device *d)
{
	store_release_u32(&d->was_reset, 1);
	device_look(d);
}

struct backlog *device_backlog(struct device *d)
{
	return &d->backlog;
}

uint64_t device_losses(const struct device *d)
{
	return load_relaxed_u64(&d->losses);
}

unsigned int device_in_flight(const struct device *d)
{
	return load_relaxed_u32(&d->in_flight);
}
