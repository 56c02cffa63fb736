/* SPDX-License-Identifier: MIT */
/*
 * A service thread's life is a loop over three questions: is there a request
 * in one of the active rings, is there an event in its loop, may it sleep?
 *
 * A ring is active while it has work or had some until lately; the thread
 * polls active rings.  When nothing came for the spin window, every active
 * ring is armed (its consumer rings the doorbell with the next entry) and the
 * thread sleeps in its loop.  A doorbell makes the rings of that consumer
 * active again.  So an idle daemon neither wakes nor polls, and a busy one
 * makes no system call.
 *
 * The spin window grows when spinning paid off and shrinks when it did not,
 * and is closed for a while when others compete for the core.
 */
#include "daemon/core/service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/execute.h"
#include "daemon/core/mech.h"
#include "daemon/core/parking.h"
#include "daemon/core/predict.h"
#include "daemon/core/probes.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/stranded.h"
#include "daemon/core/tied.h"
#include "daemon/loop.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define THREADS_MAX 64
#define BURST_MAX 32		/* entries of one ring before the next's turn */
#define BURST_NS 100000		/* and nanoseconds, of a consumer's usual weight */
#define BURSTS_MAX 4		/* so many times as much at most */
#define FLUSH_NS 2000		/* a result this old is announced at once */
#define QUICK_NS 300		/* results wait for requests as short as this */
#define SPIN_MIN_NS 10000
#define SPINS_PER_LOOK 32	/* polls between looks at the clock */
#define BUSY_SPINS 50		/* polls before the first PAUSE */
#define CONTENDED_NS 20000000	/* no spinning after a preemption */
#define BELL_BUDGET 64		/* doorbell events per window ... */
#define BELL_FOR_NOTHING 8	/* one that announces no entry counts as */
#define BELL_WINDOW_NS 1000000
#define BELL_MUTE_NS 2000000	/* ... before it is muted for so long */

/* The doorbell of a consumer, watched once for all its rings here. */
struct bell {
	struct bell *next;
	struct service *service;
	struct consumer *consumer;
	struct loop_source *source;
	unsigned int rings;
	unsigned int busy;   /* of these, in this round */
	unsigned int events; /* in this window */
	uint64_t window_ns;  /* when it began */
};

/* A ring as its service thread sees it. */
struct served {
	struct ring *ring;
	struct bell *bell;
	bool active;
};

enum command_verb { COMMAND_ATTACH, COMMAND_DETACH, COMMAND_SWEEP, COMMAND_STOP };

struct command {
	struct command *next;
	enum command_verb verb;
	struct ring *ring;
};

struct service {
	pthread_t thread;
	struct loop *loop;
	int wake_fd; /* eventfd of this process alone */
	struct loop_source *wake_source;
	pthread_mutex_t lock; /* guards commands; rank: innermost */
	struct command *commands, **last_command;
	uint32_t has_commands; /* atomic */
	uint32_t kicked;       /* atomic: look at all rings */
	uint32_t again;	       /* atomic: parked requests are looked at again */
	struct loop_source *park_timer;
	uint64_t park_ns;      /* what it is set to, or earlier; 0: nothing */
	unsigned int load;     /* rings; main only */
	bool stopping;
	struct served *rings;
	unsigned int n_rings, room;
	unsigned int n_active;
	unsigned int n_busy; /* of these, in this round: they have an entry */
	struct bell *bells;
	struct scratch scratch;
	uint64_t spin_ns;
	uint64_t contended_until;
	long preempted;
	uint64_t preempted_ns;
};

static struct service services[THREADS_MAX];
static uint32_t n_services; /* atomic: grows at the start */
static struct service_settings settings;

/* --------------------------------------------------------------- requests */

/* Post what this thread finished itself, or leave it to the CQ's owner. */
static void finish(struct request *req, bool owner)
{
	struct context_then then;

	if (req->queued) { /* it was parked, or others might have ended it */
		request_finish(req);
		return;
	}

	if (owner && !req->context) { /* most */
		ring_post(req);
		return;
	}
	then = context_leave(req);
	if (owner) {
		ring_post_in_order(req);
	} else {
		/* its result may be there at any time */
		ring_show_head(req->ring);
		ring_complete(req);
	}
	context_go_on(then);
}

/* It is not queued: no QUEUED CQE, and no event of room. */
static void promise_nothing(struct request *req)
{
	ring_no_ack(req);
	if (ring_keep_event(req))
		ring_drop_event(req->ring);
}

static void refuse(struct request *req, int err, unsigned int detail,
		   bool owner)
{
	req->refused = true;
	promise_nothing(req);
	request_result(req, err, detail);
	finish(req, owner);
}

/* However full the lane is: who waits for it, who was promised it before a
 * restart, or while its provider was loaded, and who makes a key, which is queued only because it takes longer
 * than what runs at once.  The ring bounds how many there are. */
static bool finds_place(const struct request *req)
{
	return req->entry->sqe.mode == UKCF_MODE_SYNC || req->replayed ||
	       req->parked || req->rule->kind == OP_KEY;
}

/* Full: the consumer learns which queue. */
static void reject(struct request *req, const struct backlog *b, int err)
{
	req->refused = true;
	ring_no_ack(req);
	request_result(req, err, UKCF_DETAIL_QUEUE_FULL);
	req->entry->cqe.provider = b->id;
	request_finish(req);
}

/* Return: whether it was accepted. */
static bool queue_request(struct request *req, bool owner)
{
	bool sync = req->entry->sqe.mode == UKCF_MODE_SYNC, ack;
	struct backlog *b = dispatch_backlog(req);
	struct ring *r = req->ring;
	bool event = ring_keep_event(req);
	const struct want_space want = {
		.req = req,
		.slots = 1,
	};
	int err = 0;

	if (!(req->entry->sqe.flags & UKCF_SQE_QUEUE) || sync)
		ring_no_ack(req);
	if (!req->parked) {
		dispatch_set_deadline(req);
		ring_queued(req);
	}
	ack = !owner && req->ack_due;
	if (!req->context || !context_park(req, ack))
		err = backlog_put(b, req, finds_place(req), ack,
				  event ? &want : NULL);
	if (event && err != -EAGAIN) /* else it is the waiter's */
		ring_drop_event(r);
	if (err) {
		reject(req, b, err);
		return false;
	}
	if (ack)
		ring_look(r);
	else if (owner && req->ack_due) /* only we can post its result */
		ring_post_queued(req);
	return true;
}

static bool is_quick(const struct request *req)
{
	return (req->rule->kind == OP_CRYPTO || req->rule->kind == OP_PART) &&
	       predict_ns(req->offer, request_op(req), request_bytes(req)) <=
		       QUICK_NS;
}

/* Return: whether it took time worth a look at the clock. */
static bool run_at_once(struct service *s, struct request *req, bool owner)
{
	req->flags = UKCF_CQE_F_INLINE;
	probe_start(req, 0);
	if (req->rule->kind != OP_RING) /* that may be what it asks for */
		promise_nothing(req);
	if (req->rule->kind == OP_NOP) {
		finish(req, owner); /* res is 0: the bare cost of the way */
		return false;
	}
	if (owner && !is_quick(req))
		ring_flush(req->ring);
	if ((req->entry->sqe.op == UKCF_OP_KEY_DESTROY ||
	     req->entry->sqe.op == UKCF_OP_TMPL_DESTROY) && !req->queued)
		ring_queued(req); /* others may have to end it */
	if (execute_request(req, &s->scratch))
		finish(req, owner);
	return true;
}

/* The table of contexts learns of it when it cannot be refused any more; the
 * entry stays as it is until this thread uses it again. */
static bool handle_part(struct service *s, struct request *req, bool owner)
{
	const struct ukcf_sqe *part = &req->entry->sqe;
	struct context *of = context_hold(req->context);
	struct context *made = req->made ? context_hold(req->made) : NULL;
	struct ring *r = req->ring;
	bool accepted = true;

	if (context_is_idle(req) && dispatch_runs_at_once(req)) {
		context_begin(req);
		run_at_once(s, req, owner);
	} else {
		accepted = queue_request(req, owner);
	}
	if (accepted)
		context_accepted(ring_contexts(r), part, of, made);
	context_put(of);
	if (made)
		context_put(made);
	return true;
}

/* A member of a chain: it runs at once, or waits for the one before it. */
static bool handle_linked(struct service *s, struct request *req, bool owner)
{
	bool linked = chain_goes_on(req);
	struct context *of = context_hold(req->context);
	struct ring *r = req->ring;
	bool turn = context_is_idle(req);
	unsigned int detail;
	int err = 0;

	if (turn) {
		context_begin(req);
		err = chain_turn(req, &detail);
	}
	if (err)
		refuse(req, err, detail, owner);
	else if (turn && dispatch_runs_at_once(req))
		run_at_once(s, req, owner);
	else
		queue_request(req, owner);
	chain_follow(ring_chain(r), of, linked);
	context_put(of);
	return true;
}

static void handle_refused(struct request *req, int err, unsigned int detail,
			   bool owner)
{
	bool linked = chain_goes_on(req);
	/* Those of a former process come in any order, and are not the end. */
	bool concerns = chain_concerns(req) && !req->replayed;
	struct ring *r = req->ring;

	refuse(req, err, detail, owner);
	if (concerns)
		chain_follow(ring_chain(r), NULL, linked);
}

/* Return: whether it took time worth a look at the clock. */
static bool handle_decoded(struct service *s, struct request *req, bool owner)
{
	if (req->context)
		return req->rule->kind == OP_PART ?
			       handle_part(s, req, owner) :
			       handle_linked(s, req, owner);
	if (!dispatch_runs_at_once(req)) {
		queue_request(req, owner);
		return true;
	}
	return run_at_once(s, req, owner);
}

/* ---------------------------------------------------------------- parking */

static void set_park_timer(struct service *s)
{
	uint64_t first = 0, now = clock_ns();

	for (unsigned int i = 0; i < s->n_rings; i++) {
		uint64_t ns = parking_deadline(ring_parking(s->rings[i].ring));

		if (ns && (!first || ns < first))
			first = ns;
	}
	s->park_ns = first;
	if (first)
		loop_timer_set(s->park_timer, first > now ? first - now : 1);
}

/* Another one waits.  A consumer may park thousands: none of them is looked at
 * but this one. */
static void advance_park_timer(struct service *s, const struct request *req)
{
	uint64_t now = clock_ns(), ns = req->deadline_ns;

	if (s->park_ns && s->park_ns <= ns)
		return;
	s->park_ns = ns;
	loop_timer_set(s->park_timer, ns > now ? ns - now : 1);
}

/* It waits for a provider to be loaded.  What it was promised is said now: it
 * can be cancelled by its handle. */
static void park(struct service *s, struct request *req, bool owner)
{
	const struct ukcf_sqe *e = &req->entry->sqe;
	struct ring *r = req->ring;

	req->refused = false; /* that was said by decode */
	if (!req->parked) {
		req->parked = true;
		memset(req->later, 0, sizeof(req->later));
		dispatch_set_deadline(req);
		ring_queued(req);
		if (!(e->flags & UKCF_SQE_QUEUE) || e->mode == UKCF_MODE_SYNC)
			ring_no_ack(req);
		else if (owner && req->ack_due)
			ring_post_queued(req);
	}
	parking_add(ring_parking(r), req);
	advance_park_timer(s, req);
}

/* Others wait before it: it waits, too, or ends with the chain whose end it had
 * been. False: it has nothing to do with them. */
static bool waits_behind(struct service *s, struct request *req, bool owner)
{
	struct parking *p = ring_parking(req->ring);
	bool broken = p->broken && !req->replayed;

	if (!req->replayed)
		req->entry->linked =
			broken || chain_goes_on(parking_newest(p));
	if (broken) {
		p->broken = chain_goes_on(req);
		refuse(req, -ECANCELED, UKCF_DETAIL_LINK, owner);
		return true;
	}
	if (!parking_holds_up(p, req))
		return false;
	park(s, req, owner);
	return true;
}

/* Return: whether it took time worth a look at the clock. */
static bool handle(struct service *s, struct request *req, bool owner)
{
	unsigned int detail;
	int err;

	if (!parking_is_empty(ring_parking(req->ring)) &&
	    waits_behind(s, req, owner))
		return false;
	err = decode_request(req, ring_consumer(req->ring), &detail);
	if (!err)
		return handle_decoded(s, req, owner);
	if (err == -EINPROGRESS)
		park(s, req, owner);
	else
		handle_refused(req, err, detail, owner);
	return false;
}

static void link_to_last(struct request *req)
{
	const struct chain_end *end = ring_chain(req->ring);

	if (!req->replayed)
		req->entry->linked = end->open || end->broken;
}

/* It has its turn, unless it must wait for another provider. */
static void handle_again(struct service *s, struct request *req, bool owner)
{
	const struct tied_later later = tied_later(req);
	struct ring *r = req->ring;
	const struct parking *p = ring_parking(r);

	link_to_last(req);
	handle(s, req, owner);
	if (parking_is_empty(p) || parking_newest(p) != req)
		tied_has_run(r, &later);
}

/* As if they came now; the chain that each belongs to is known only now. */
static void look_again(struct service *s, struct ring *r)
{
	struct parking waiting = *ring_parking(r);
	struct request *req;
	bool owner;

	if (parking_is_empty(&waiting))
		return;
	parking_init(ring_parking(r));
	owner = ring_cq_acquire(r);
	while ((req = parking_take(&waiting)))
		handle_again(s, req, owner);
	if (waiting.broken)
		tied_breaks(r);
	if (owner)
		ring_cq_release(r);
}

static void look_at_parked(struct service *s)
{
	for (unsigned int i = 0; i < s->n_rings; i++)
		look_again(s, s->rings[i].ring);
}

/* They end with err, in their order. */
static void refuse_parked(struct ring *r, int err, unsigned int detail)
{
	struct request *req;

	while ((req = parking_take(ring_parking(r)))) {
		link_to_last(req);
		request_times_queued(req);
		handle_refused(req, err, detail, false);
	}
}

static void expire_parked(struct ring *r, uint64_t now)
{
	struct request *req;

	while ((req = parking_late(ring_parking(r), now)))
		tied_end(req, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT);
}

static void on_park_timer(void *arg, uint32_t revents)
{
	struct service *s = arg;
	uint64_t now = clock_ns();

	(void)revents;
	for (unsigned int i = 0; i < s->n_rings; i++)
		expire_parked(s->rings[i].ring, now);
	set_park_timer(s);
}

static unsigned int serve_replays(struct service *s, struct ring *r, bool owner)
{
	uint64_t now = clock_ticks();
	struct request *req;
	unsigned int n = 0;

	ring_tell_waiters(r);
	while ((req = ring_take_replay(r, now))) {
		handle(s, req, owner);
		n++;
	}
	return n;
}

/* Hundredths of a burst: beside others a consumer has what its weight says,
 * with however many rings. */
static unsigned int share_of(const struct service *s, const struct served *sv)
{
	unsigned int weight;

	if (!sv->bell || s->n_busy <= sv->bell->busy || !sv->bell->busy)
		return 100;
	weight = load_relaxed_u32(&sv->bell->consumer->weight) * 100 /
		 QUEUE_WEIGHT_USUAL;
	if (weight > 100 * BURSTS_MAX)
		weight = 100 * BURSTS_MAX;
	return weight / sv->bell->busy;
}

/* One turn of a ring, at least one entry.  Return: entries taken. */
static unsigned int serve(struct service *s, const struct served *sv)
{
	unsigned int share = share_of(s, sv);
	uint64_t most_ns = BURST_NS / 100 * share;
	struct ring *r = sv->ring;
	uint64_t begin, now;
	struct request *req;
	unsigned int n = 0;
	bool owner;

	ring_tell(r);
	if (!ring_has_entry(r)) /* a look at the clock is dearer than this */
		return 0;
	begin = now = clock_ticks();
	req = ring_take(r, now);
	if (!req)
		return 0;
	owner = ring_cq_acquire(r);
	while (req) {
		uint64_t after = now;

		n++;
		if (handle(s, req, owner))
			after = clock_ticks();
		if (owner && clock_ticks_to_ns(after - now) > FLUSH_NS) {
			ring_show_head(r);
			ring_flush(r);
		}
		now = after;
		if (n * 100 >= BURST_MAX * share ||
		    clock_ticks_to_ns(now - begin) > most_ns)
			break;
		req = ring_take(r, now);
	}
	ring_publish_head(r);
	if (owner)
		ring_cq_release(r);
	return n;
}

/* ------------------------------------------------------------------ rings */

static void activate(struct service *s, struct served *sv)
{
	if (sv->active)
		return;
	sv->active = true;
	s->n_active++;
	ring_disarm(sv->ring);
}

static void deactivate(struct service *s, struct served *sv)
{
	sv->active = false;
	s->n_active--;
}

/* Over budget the doorbell is muted; what came in between is reported then. */
static void charge_bell(struct bell *b, bool entries)
{
	uint64_t now = clock_ns();

	if (now - b->window_ns > BELL_WINDOW_NS) {
		b->window_ns = now;
		b->events = 0;
	}
	b->events += entries ? 1 : BELL_FOR_NOTHING;
	if (b->events < BELL_BUDGET)
		return;
	b->events = 0;
	loop_mute(b->source, BELL_MUTE_NS);
}

static void on_bell(void *arg, uint32_t revents)
{
	struct bell *b = arg;
	struct service *s = b->service;
	bool counted = false, entries = false;

	(void)revents;
	for (unsigned int i = 0; i < s->n_rings; i++) {
		if (s->rings[i].bell != b)
			continue;
		entries |= ring_has_entry(s->rings[i].ring);
		activate(s, &s->rings[i]);
		if (!counted) /* once for all the rings it stands for */
			ring_count_doorbell(s->rings[i].ring);
		counted = true;
	}
	charge_bell(b, entries);
}

static struct bell *bell_get(struct service *s, struct consumer *c)
{
	struct bell *b;

	for (b = s->bells; b; b = b->next) {
		if (b->consumer == c) {
			b->rings++;
			return b;
		}
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->service = s;
	b->consumer = consumer_ref(c);
	b->rings = 1;
	if (loop_watch(s->loop, c->doorbell_fd, POLLIN, on_bell, b,
		       &b->source) < 0) {
		consumer_unref(c);
		free(b);
		return NULL;
	}
	b->next = s->bells;
	s->bells = b;
	return b;
}

static void bell_put(struct service *s, struct bell *b)
{
	struct bell **at = &s->bells;

	if (!b || --b->rings > 0)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	loop_source_free(b->source);
	consumer_unref(b->consumer);
	free(b);
}

static void attach(struct service *s, struct ring *r)
{
	struct served *sv;
	bool owner;

	if (s->n_rings == s->room) {
		unsigned int room = s->room ? 2 * s->room : 64;
		void *p = realloc(s->rings, room * sizeof(*s->rings));

		if (!p) {
			log_err("no memory to serve a ring");
			ring_detached(r);
			return;
		}
		s->rings = p;
		s->room = room;
	}
	sv = &s->rings[s->n_rings++];
	*sv = (struct served){ .ring = r,
			       .bell = bell_get(s, ring_consumer(r)) };
	if (!sv->bell)
		log_err("cannot watch a doorbell: the ring is served only "
			"while it is active");
	owner = ring_cq_acquire(r);
	serve_replays(s, r, owner);
	if (owner)
		ring_cq_release(r);
	activate(s, sv);
}

static void command_send(struct service *s, enum command_verb verb,
			 struct ring *r);

/* What only waits is done for nobody: it ends, and gives back what it holds.
 * Others' rings have their turn in between. */
static void sweep(struct service *s, struct ring *r)
{
	bool owner = ring_cq_acquire(r);
	bool all = ring_sweep(r, s->stopping ? UINT_MAX : BURST_MAX);

	if (owner)
		ring_cq_release(r);
	if (!all) {
		command_send(s, COMMAND_SWEEP, r);
		return;
	}
	stranded_look(); /* one may have come there since it was looked at */
	ring_detached(r);
}

static void detach(struct service *s, struct ring *r)
{
	for (unsigned int i = 0; i < s->n_rings; i++) {
		struct served *sv = &s->rings[i];

		if (sv->ring != r)
			continue;
		if (sv->active)
			deactivate(s, sv);
		refuse_parked(r, -ECANCELED, UKCF_DETAIL_CANCELED);
		bell_put(s, sv->bell);
		*sv = s->rings[--s->n_rings];
		dispatch_forget(r);
		sweep(s, r);
		return;
	}
}

/* --------------------------------------------------------------- commands */

static void command_send(struct service *s, enum command_verb verb,
			 struct ring *r)
{
	struct command *c = malloc(sizeof(*c));
	uint64_t one = 1;

	if (!c)
		abort(); /* 32 bytes: nothing would work any more */
	*c = (struct command){ .verb = verb, .ring = r };
	pthread_mutex_lock(&s->lock);
	*s->last_command = c;
	s->last_command = &c->next;
	store_release_u32(&s->has_commands, 1);
	pthread_mutex_unlock(&s->lock);
	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

static void run_command(struct service *s, const struct command *c)
{
	switch (c->verb) {
	case COMMAND_ATTACH:
		attach(s, c->ring);
		break;
	case COMMAND_DETACH:
		detach(s, c->ring);
		break;
	case COMMAND_SWEEP:
		sweep(s, c->ring);
		break;
	case COMMAND_STOP:
		s->stopping = true;
		break;
	}
}

static void run_commands(struct service *s)
{
	struct command *c, *next;

	pthread_mutex_lock(&s->lock);
	c = s->commands;
	s->commands = NULL;
	s->last_command = &s->commands;
	store_release_u32(&s->has_commands, 0);
	pthread_mutex_unlock(&s->lock);
	for (; c; c = next) {
		next = c->next;
		run_command(s, c);
		free(c);
	}
}

static void on_wake(void *arg, uint32_t revents)
{
	struct service *s = arg;
	uint64_t n;

	(void)revents;
	if (read(s->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_err("wake-up descriptor: %m");
	/* Whoever was starved of entries looks again, or is told an event. */
	if (exchange_u32(&s->kicked, 0))
		for (unsigned int i = 0; i < s->n_rings; i++)
			activate(s, &s->rings[i]);
}

void service_kick(struct service *s)
{
	uint64_t one = 1;

	if (exchange_u32(&s->kicked, 1))
		return;
	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void service_again(void)
{
	uint64_t one = 1;

	stranded_look();
	for (unsigned int i = 0; i < load_acquire_u32(&n_services); i++) {
		store_release_u32(&services[i].again, 1);
		if (write(services[i].wake_fd, &one, sizeof(one)) < 0)
			continue; /* full: it is awake */
	}
}

void service_kick_all(void)
{
	unsigned int n = load_acquire_u32(&n_services);

	for (unsigned int i = 0; i < n; i++)
		service_kick(&services[i]);
}

/* --------------------------------------------------------------- the loop */

/* Who has how many rings to be served in this round? */
static void count_busy(struct service *s)
{
	s->n_busy = 0;
	if (s->n_active < 2)
		return;
	for (struct bell *b = s->bells; b; b = b->next)
		b->busy = 0;
	for (unsigned int i = 0; i < s->n_rings; i++) {
		const struct served *sv = &s->rings[i];

		if (!sv->active || !sv->bell || !ring_has_entry(sv->ring))
			continue;
		sv->bell->busy++;
		s->n_busy++;
	}
}

static unsigned int serve_active(struct service *s)
{
	unsigned int work = 0;

	count_busy(s);
	for (unsigned int i = 0; i < s->n_rings; i++)
		if (s->rings[i].active)
			work += serve(s, &s->rings[i]);
	return work;
}

static unsigned int look(struct service *s)
{
	unsigned int work = serve_active(s);

	if (loop_pending(s->loop)) {
		loop_run(s->loop, false);
		work++;
	}
	if (load_acquire_u32(&s->has_commands)) {
		run_commands(s);
		work++;
	}
	if (load_relaxed_u32(&s->again) && exchange_u32(&s->again, 0)) {
		look_at_parked(s);
		work++;
	}
	return work;
}

/* Arm every active ring.  False: one of them has work. */
static bool arm_all(struct service *s)
{
	for (unsigned int i = 0; i < s->n_rings; i++) {
		struct served *sv = &s->rings[i];

		if (!sv->active)
			continue;
		if (!ring_arm(sv->ring))
			return false;
		deactivate(s, sv);
	}
	return true;
}

/* Preempted while spinning: somebody needs the core more. */
static void notice_contention(struct service *s, uint64_t now)
{
	struct rusage ru;

	if (getrusage(RUSAGE_THREAD, &ru) < 0)
		return;
	if (ru.ru_nivcsw == s->preempted)
		return;
	/* Once is nothing: a kernel has threads, too. */
	if (now < s->preempted_ns + CONTENDED_NS)
		s->contended_until = now + CONTENDED_NS;
	s->preempted = ru.ru_nivcsw;
	s->preempted_ns = now;
}

static uint64_t clamp_spin(uint64_t ns)
{
	if (ns > settings.spin_ns)
		return settings.spin_ns;
	return ns < SPIN_MIN_NS ? SPIN_MIN_NS : ns;
}

/* Poll for the spin window.  True: there was work. */
static bool spin(struct service *s)
{
	uint64_t begin = clock_ns(), now = begin;
	unsigned int polls = 0;

	if (settings.spin_ns == 0 || now < s->contended_until || !s->n_active)
		return false;
	while (now - begin < s->spin_ns) {
		if (look(s)) {
			s->spin_ns = clamp_spin(2 * s->spin_ns);
			return true;
		}
		if (++polls > BUSY_SPINS)
			cpu_relax();
		if (polls % SPINS_PER_LOOK == 0)
			now = clock_ns();
	}
	s->spin_ns = clamp_spin(s->spin_ns / 2);
	return false;
}

static void sleep_until_event(struct service *s)
{
	if (!arm_all(s))
		return;
	notice_contention(s, clock_ns());
	if (load_acquire_u32(&s->has_commands))
		return;
	loop_run(s->loop, true);
}

static void *service_main(void *arg)
{
	struct service *s = arg;

	while (!s->stopping) {
		if (look(s))
			continue;
		if (spin(s))
			continue;
		sleep_until_event(s);
	}
	run_commands(s); /* what is closing is swept */
	return NULL;
}

/* ------------------------------------------------------------------- main */

static int start_one(struct service *s, unsigned int index)
{
	char name[16];
	int err;

	*s = (struct service){ .spin_ns = clamp_spin(0) };
	s->last_command = &s->commands;
	pthread_mutex_init(&s->lock, NULL);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		return -errno;
	err = loop_new(&s->loop);
	if (!err)
		err = scratch_init(&s->scratch);
	if (!err)
		err = loop_watch(s->loop, s->wake_fd, POLLIN, on_wake, s,
				 &s->wake_source);
	if (!err)
		err = loop_timer_new(s->loop, on_park_timer, s,
				     &s->park_timer);
	if (!err)
		err = -pthread_create(&s->thread, NULL, service_main, s);
	if (err)
		return err;
	snprintf(name, sizeof(name), "ukcf-svc%u", index % 1000);
	pthread_setname_np(s->thread, name);
	return 0;
}

int service_start(const struct service_settings *set)
{
	settings = *set;
	if (set->threads == 0 || set->threads > THREADS_MAX)
		return -EINVAL;
	while (n_services < set->threads) {
		int err = start_one(&services[n_services], n_services);

		if (err)
			return err;
		store_release_u32(&n_services, n_services + 1);
	}
	return 0;
}

void service_stop(void)
{
	for (unsigned int i = 0; i < n_services; i++)
		command_send(&services[i], COMMAND_STOP, NULL);
	for (unsigned int i = 0; i < n_services; i++) {
		struct service *s = &services[i];

		pthread_join(s->thread, NULL);
		scratch_deinit(&s->scratch);
	}
}

unsigned int service_threads(void)
{
	return n_services;
}

void service_attach(struct ring *r)
{
	struct service *best = &services[0];

	for (unsigned int i = 1; i < n_services; i++)
		if (services[i].load < best->load)
			best = &services[i];
	best->load++;
	ring_set_service(r, best);
	command_send(best, COMMAND_ATTACH, r);
}

void service_detach(struct ring *r)
{
	struct service *s = ring_service(r);

	s->load--;
	command_send(s, COMMAND_DETACH, r);
}
