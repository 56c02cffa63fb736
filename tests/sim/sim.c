/* SPDX-License-Identifier: MIT */
/*
 * Scheduler, queues, fairness, failover, cancel, deadlines and news of room on
 * virtual time.  The decisions are the daemon's own modules: queue.c, sched.c,
 * predict.c and the pauses of recover.c.  The rest (consumers, servers, faults)
 * is made up here from one seed, so that a seed always does the same.
 *
 *   sim [--break=NAME] [--seed N | COUNT]
 *
 * Five scenes per seed:
 * storm  consumers, two software and two hardware providers; in every other
 *        seed they fail, hang, are busy, slow, or lie.  Judged: every request
 *        ends once (once), queues and servers are empty at the end (capacity),
 *        nobody waits for room for ever (space), and, where nothing is broken,
 *        that the provider chosen was at most 10 % slower than the best one by
 *        an oracle that knows true times (choice, 95 % over all seeds).
 * shares consumers with equal or different weights that always have requests:
 *        Jain's index (jain), each within 5 % of its share (weights).
 * light  one request at a time beside seven that always have 16: while it waits
 *        none of the others is given more than two quanta of service (light).
 *        That is how "waits at most 2 quanta" is read here: two per consumer.
 * room   one that waits for several places beside others that take each place
 *        as soon as it is free: a queueful passes it, and those who were told
 *        before, and no more (turn).
 * wrong  one that declares sixteen times what it takes, and is the fastest:
 *        it is found out (learned), and tries of one that is as slow as it says
 *        take a hundredth of the time at most (price).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/predict.h"
#include "daemon/core/queue.h"
#include "daemon/core/sched.h"
#include "daemon/spi/recover.h"

#define CONSUMERS 8
#define JOBS	  256
#define PROVIDERS 4
#define EVENTS	  4096
#define HANG_NS	  UINT64_C(50000000)
#define OP	  UKCF_OP_DIGEST

enum check { ONCE, CAPACITY, SPACE, CHOICE, JAIN, WEIGHTS, LIGHT, TURN,
	     LEARNED, PRICE, CHECKS };

static const char *const check_names[CHECKS] = {
	"once", "capacity", "space", "choice", "jain", "weights", "light",
	"turn", "learned", "price",
};

enum breakage { NOTHING, FIFO, LOST, DOUBLE, LEAK, FIRST, PUSHY,
		INCURIOUS, CURIOUS, BREAKAGES };

static const char *const breakage_names[BREAKAGES] = {
	"nothing", "fifo", "lost-space", "double-end", "leak", "first-offer",
	"pushy", "incurious", "curious",
};

static enum breakage broken;
static uint64_t seed;
static uint64_t failures[CHECKS];
static uint64_t choices, good_choices;

/* What must have happened, or nothing was shown. */
enum sight {
	REJECTED,
	TOLD,
	CANCELLED,
	EXPIRED,
	MOVED,
	HUNG,
	GIVEN_BACK,
	RECOVERED,
	STOOD_BACK,
	SIGHTS
};

static const char *const sight_names[SIGHTS] = {
	"rejected",
	"told of room",
	"cancelled",
	"past its deadline",
	"moved to another provider",
	"hung",
	"given back",
	"recovered",
	"stood back for one who waits for several",
};

static uint64_t seen[SIGHTS];
static bool quiet; /* one replay line per check is enough */

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t rnd_state;

static uint64_t rnd(uint64_t below)
{
	uint64_t z = rnd_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

static void judge(enum check c, bool good, const char *what, uint64_t value)
{
	if (good)
		return;
	if (!failures[c]++ || !quiet)
		printf("FAILED: %s: %s (%" PRIu64 ")\n"
		       "replay: tests/sim/sim --break=%s --seed %" PRIu64 "\n",
		       check_names[c], what, value, breakage_names[broken],
		       seed);
}

/* ---------------------------------------------------------------- the world */

enum job_state { FREE, QUEUED, RUNNING };

struct job {
	struct qnode node; /* first */
	enum job_state state;
	uint32_t turn; /* of state: an event for an earlier one is stale */
	unsigned int owner, provider, ends;
	uint64_t bytes, deadline, tried, done_at, true_ns;
};

/* A queue and those who serve it. */
struct station {
	struct queue q;
	unsigned int servers, running;
	uint64_t true_backlog; /* of those queued */
};

enum mood { WELL, HANGS, BUSY, LIES, FAILS };

struct prov {
	struct ukcf_offer offer;
	struct mech_offer mo;
	struct station *station;
	uint64_t ns, ps_per_byte; /* the truth */
	enum mood mood;
	uint64_t slow;
	bool hardware, failed;
	uint32_t attempts;
};

struct client {
	struct qwaiter waiter; /* first */
	bool waiting, bystander;
	unsigned int window, in_flight, left;
	uint64_t think;
};

enum kind { WAKE, DONE, CANCEL, DEADLINE, WATCH, FAULT, RECOVER, PUMP };

struct event {
	uint64_t at, order;
	enum kind kind;
	unsigned int who;
	uint32_t turn;
};

static struct {
	uint64_t now, order;
	struct event heap[EVENTS];
	unsigned int n_events;
	struct job jobs[JOBS];
	unsigned int n_jobs;
	struct prov p[PROVIDERS];
	struct station lane, device[2];
	struct client c[CONSUMERS];
	unsigned int n_clients, told;
	bool faults;
} w;

/* ------------------------------------------------------------------- events */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void after(uint64_t ns, enum kind kind, unsigned int who, uint32_t turn)
{
	struct event e = { w.now + ns, w.order++, kind, who, turn };
	unsigned int i = w.n_events++;

	if (i >= EVENTS)
		abort();
	for (; i && is_before(&e, &w.heap[(i - 1) / 2]); i = (i - 1) / 2)
		w.heap[i] = w.heap[(i - 1) / 2];
	w.heap[i] = e;
}

static bool next_event(struct event *e)
{
	struct event last;
	unsigned int i = 0, k;

	if (!w.n_events)
		return false;
	*e = w.heap[0];
	last = w.heap[--w.n_events];
	while ((k = 2 * i + 1) < w.n_events) {
		if (k + 1 < w.n_events && is_before(&w.heap[k + 1], &w.heap[k]))
			k++;
		if (!is_before(&w.heap[k], &last))
			break;
		w.heap[i] = w.heap[k];
		i = k;
	}
	w.heap[i] = last;
	w.now = e->at;
	return true;
}

/* ------------------------------------------------------------------ choosing
 */

static uint64_t true_ns(const struct prov *p, uint64_t bytes)
{
	return (p->ns + bytes * p->ps_per_byte / 1000) * p->slow;
}

static bool is_full(const struct station *s)
{
	return queue_is_full(&s->q);
}

/* Until it would be done there, by one who knows. */
static uint64_t oracle(const struct prov *p, uint64_t bytes)
{
	const struct station *s = p->station;
	uint64_t wait = s->true_backlog;

	for (unsigned int i = 0; i < w.n_jobs; i++) {
		const struct job *j = &w.jobs[i];

		if (j->state == RUNNING && w.p[j->provider].station == s)
			wait += j->done_at - w.now;
	}
	return (s->running < s->servers ? 0 : wait / s->servers) +
	       true_ns(p, bytes);
}

static void compare_with_oracle(const struct job *j, int chosen)
{
	uint64_t best = UINT64_MAX, ns;

	for (unsigned int i = 0; i < PROVIDERS; i++) {
		ns = oracle(&w.p[i], j->bytes);
		if (!is_full(w.p[i].station) && ns < best)
			best = ns;
	}
	if (best == UINT64_MAX)
		return;
	choices++;
	ns = oracle(&w.p[chosen], j->bytes);
	good_choices += ns <= best + best / 10;
}

static uint64_t predicted_wait(const struct station *s)
{
	uint64_t running_ns = 0;

	for (unsigned int i = 0; i < w.n_jobs; i++) {
		const struct job *j = &w.jobs[i];

		if (j->state == RUNNING && w.p[j->provider].station == s)
			running_ns += j->node.cost_ns;
	}
	return sched_wait_ns(queue_backlog_ns(&s->q), running_ns, s->running,
			     s->servers);
}

static int choose(const struct job *j)
{
	const struct sched_needs needs = { .tried = j->tried };
	struct sched_candidate c[PROVIDERS];
	int i;

	for (i = 0; i < PROVIDERS; i++) {
		const struct prov *p = &w.p[i];
		c[i] = (struct sched_candidate){
			.wait_ns = predicted_wait(p->station),
			.service_ns = predict_ns(&p->mo, OP, j->bytes),
			.provider = (uint16_t)(i + 1),
			.hardware = p->hardware,
			.loaded = true,
			.ready = !p->failed,
			.has_op = true,
			.busy = p->hardware && p->mood == BUSY,
			.full = is_full(p->station),
		};
	}
	i = sched_choose(&needs, c, PROVIDERS);
	if (broken == FIRST && !j->tried)
		i = 0;
	if (!w.faults && i >= 0)
		compare_with_oracle(j, i);
	return i;
}

/* ------------------------------------------------------------------ requests
 */

static void move(struct job *j, enum job_state state)
{
	struct station *s = w.p[j->provider].station;

	if (j->state == QUEUED)
		s->true_backlog -= j->true_ns;
	if (j->state == RUNNING && broken != LEAK)
		s->running--;
	j->state = state;
	j->turn++;
	if (state == QUEUED)
		s->true_backlog += j->true_ns;
	if (state == RUNNING)
		s->running++;
}

static void end(struct job *j)
{
	struct client *c = &w.c[j->owner];

	move(j, FREE);
	j->ends++;
	if (broken == DOUBLE && j == &w.jobs[7])
		j->ends++;
	c->in_flight--;
	after(c->think ? rnd(2 * c->think) : 0, WAKE, j->owner, 0);
}

static void tell(struct station *s)
{
	struct qwaiter *q;

	while ((q = queue_told(&s->q))) {
		struct client *c = (struct client *)(void *)q;

		if (broken == LOST && ++w.told % 3 == 0)
			continue;
		seen[TOLD]++;
		c->waiting = false;
		after(1000, WAKE, (unsigned int)(c - w.c), 0);
	}
}

static int enqueue(struct job *j, int chosen, bool force)
{
	struct prov *p = &w.p[chosen];
	int err;

	j->node.cost_ns = predict_ns(&p->mo, OP, j->bytes);
	j->node.deadline_ns = j->deadline;
	err = queue_put(&p->station->q, &j->node, broken == FIFO ? 0 : j->owner,
			QUEUE_WEIGHT_USUAL, force);
	if (err)
		return err;
	j->provider = (unsigned int)chosen;
	j->true_ns = true_ns(p, j->bytes);
	move(j, QUEUED);
	after(j->deadline > w.now ? j->deadline - w.now : 0, DEADLINE,
	      j->provider, 0);
	after(0, PUMP, j->provider, 0);
	return 0;
}

/* What dispatch_elsewhere() does. */
static void elsewhere(struct job *j)
{
	int chosen;

	move(j, FREE);
	j->tried |= UINT64_C(1) << (j->provider + 1);
	chosen = w.now < j->deadline ? choose(j) : -1;
	if (chosen < 0) {
		end(j);
		return;
	}
	seen[MOVED]++;
	enqueue(j, chosen, true);
}

static void fail(struct prov *p)
{
	unsigned int who = (unsigned int)(p - w.p);

	if (p->failed)
		return;
	p->failed = true;
	after(recover_pause_ns(p->attempts++), RECOVER, who, 0);
	for (unsigned int i = 0; i < w.n_jobs; i++) {
		struct job *j = &w.jobs[i];

		if (j->state == FREE || j->provider != who)
			continue;
		queue_remove(&p->station->q, &j->node);
		elsewhere(j);
	}
	tell(p->station);
	after(0, PUMP, who, 0);
}

static void start(struct job *j)
{
	const struct prov *p = &w.p[j->provider];

	move(j, RUNNING);
	j->true_ns = true_ns(p, j->bytes);
	j->done_at = w.now + j->true_ns;
	if (p->mood != HANGS)
		after(j->true_ns, DONE, (unsigned int)(j - w.jobs), j->turn);
	after(j->true_ns + HANG_NS, WATCH, (unsigned int)(j - w.jobs), j->turn);
}

static void pump(unsigned int who)
{
	struct station *s = w.p[who].station;
	struct qnode *n;

	while (s->running < s->servers && (n = queue_take(&s->q))) {
		struct job *j = (struct job *)(void *)n;
		const struct prov *p = &w.p[j->provider];

		if (p->failed) {
			elsewhere(j);
			continue;
		}
		if (p->hardware && p->mood == BUSY) {
			seen[GIVEN_BACK]++;
			queue_put_first(&s->q, n);
			after(50000, PUMP, who, 0);
			break;
		}
		start(j);
	}
	tell(s);
}

/* ------------------------------------------------------------------- clients
 */

/* Half of the requests are small: sizes are spread over their logarithm. */
static uint64_t some_bytes(void)
{
	return 1 + rnd(UINT64_C(64) << rnd(11));
}

/* Asks for room again and again and never comes. */
static void stand_by(struct client *c)
{
	if (c->waiting || !c->left)
		return;
	c->left--;
	c->waiting = true;
	c->waiter.want = (unsigned int)rnd(8);
	queue_want(&w.lane.q, &c->waiter);
	tell(&w.lane);
}

static void submit(struct client *c, struct job *j)
{
	int chosen;

	memset(j, 0, sizeof(*j));
	j->owner = (unsigned int)(c - w.c);
	j->bytes = some_bytes();
	j->deadline =
		w.now + (rnd(8) ? UINT64_C(10000000000) : 20000 + rnd(1000000));
	chosen = choose(j);
	c->left--;
	if (chosen < 0) {
		j->ends++; /* refused: there is nobody */
		after(1000000 + rnd(1000000), WAKE, j->owner, 0);
		return;
	}
	c->in_flight++;
	w.n_jobs++;
	if (!enqueue(j, chosen, false)) {
		if (rnd(8) == 0)
			after(rnd(500000), CANCEL, (unsigned int)(j - w.jobs),
			      0);
		return;
	}
	seen[REJECTED]++;
	/* Rejected: it never was one, and word of room was asked for. */
	w.n_jobs--;
	c->in_flight--;
	c->left++;
	c->waiting = true;
	c->waiter.want = 1 + (unsigned int)rnd(3);
	queue_want(&w.p[chosen].station->q, &c->waiter);
	tell(w.p[chosen].station);
}

static void wake(struct client *c)
{
	if (c->bystander) {
		stand_by(c);
		return;
	}
	while (!c->waiting && c->left && c->in_flight < c->window) {
		unsigned int before = c->left;

		submit(c, &w.jobs[w.n_jobs]);
		if (c->left < before && !c->in_flight)
			return; /* refused */
	}
}

/* -------------------------------------------------------------------- events
 */

static void on_done(struct job *j)
{
	struct prov *p = &w.p[j->provider];
	unsigned int who = j->provider;

	predict_learn(&p->mo, OP, j->bytes, j->true_ns);
	/* A lie is seen when it is the one of four that is checked. */
	if (p->mood == FAILS || (p->mood == LIES && rnd(4) == 0)) {
		fail(p);
		return;
	}
	end(j);
	pump(who);
}

static void on_cancel(struct job *j)
{
	if (j->state != QUEUED)
		return;
	seen[CANCELLED]++;
	queue_remove(&w.p[j->provider].station->q, &j->node);
	end(j);
	tell(w.p[j->provider].station);
}

static void on_deadline(struct station *s)
{
	struct qnode *n;

	while ((n = queue_expired(&s->q, w.now))) {
		seen[EXPIRED]++;
		end((struct job *)(void *)n);
	}
	tell(s);
}

static void on_fault(struct prov *p)
{
	p->mood = (enum mood)rnd(FAILS + 1);
	p->slow = rnd(4) ? 1 : 8;
	if (p->mood == BUSY)
		after(rnd(2000000), FAULT, (unsigned int)(p - w.p), 1);
}

static void on_recover(struct prov *p)
{
	if (rnd(2)) {
		after(recover_pause_ns(p->attempts++), RECOVER,
		      (unsigned int)(p - w.p), 0);
		return;
	}
	seen[RECOVERED]++;
	p->failed = false;
	p->attempts = 0;
	p->mood = WELL;
	p->slow = 1;
}

static void happen(const struct event *e)
{
	struct job *j = &w.jobs[e->who % JOBS];
	struct prov *p = &w.p[e->who % PROVIDERS];

	switch (e->kind) {
	case WAKE:
		wake(&w.c[e->who]);
		break;
	case DONE:
		if (j->turn == e->turn)
			on_done(j);
		break;
	case CANCEL:
		on_cancel(j);
		break;
	case DEADLINE:
		on_deadline(p->station);
		break;
	case WATCH:
		if (j->turn == e->turn) {
			seen[HUNG]++;
			fail(&w.p[j->provider]);
		}
		break;
	case FAULT:
		if (e->turn)
			p->mood = WELL; /* busy no more */
		else
			on_fault(p);
		break;
	case RECOVER:
		on_recover(p);
		break;
	case PUMP:
		pump(e->who);
		break;
	}
}

/* --------------------------------------------------------------------- storm
 */

static void make_station(struct station *s, unsigned int slots,
			 unsigned int servers)
{
	if (queue_init(&s->q, slots))
		abort();
	s->servers = servers;
}

/* What is declared is up to twice what is true; some requests teach it. */
static void make_provider(struct prov *p, bool hardware, struct station *s)
{
	p->hardware = hardware;
	p->station = s;
	p->slow = 1;
	p->ns = hardware ? 5000 + rnd(20000) : 300 + rnd(2000);
	p->ps_per_byte = hardware ? 20 + rnd(200) : 300 + rnd(2000);
	p->offer.cost_ns = (uint32_t)(p->ns * (8 + rnd(8)) / 8);
	p->offer.cost_ps_per_byte =
		(uint32_t)(p->ps_per_byte * (8 + rnd(8)) / 8);
	p->mo.offer = &p->offer;
	predict_init(&p->mo);
	for (unsigned int i = 0; i < 400; i++) {
		uint64_t bytes = some_bytes();

		predict_learn(&p->mo, OP, bytes, true_ns(p, bytes));
	}
}

static void make_clients(void)
{
	static const uint64_t thinks[] = { 0, 20000, 1000000, 20000000 };

	w.n_clients = 2 + (unsigned int)rnd(CONSUMERS - 1);
	for (unsigned int i = 0; i < w.n_clients; i++) {
		struct client *c = &w.c[i];

		c->bystander = i && rnd(8) == 0;
		c->window = 1 + (unsigned int)rnd(12);
		c->left = JOBS / CONSUMERS - 1;
		c->think = thinks[rnd(4)];
		c->waiter.flow = i;
		after(rnd(10000), WAKE, i, 0);
	}
}

static void judge_storm(void)
{
	const struct station *s[] = { &w.lane, &w.device[0], &w.device[1] };

	for (unsigned int i = 0; i < w.n_jobs; i++)
		judge(ONCE, w.jobs[i].ends == 1, "request ended times",
		      w.jobs[i].ends);
	for (unsigned int i = 0; i < 3; i++)
		judge(CAPACITY,
		      !queue_depth(&s[i]->q) && !queue_backlog_ns(&s[i]->q) &&
			      !s[i]->running && !s[i]->true_backlog,
		      "places left taken at the end",
		      queue_depth(&s[i]->q) + s[i]->running);
	for (unsigned int i = 0; i < w.n_clients; i++)
		judge(SPACE, !w.c[i].waiting && !w.c[i].left,
		      "a consumer waits for room for ever", i);
}

static void storm(void)
{
	struct event e;

	memset(&w, 0, sizeof(w));
	w.faults = seed % 2;
	make_station(&w.lane, 1 + (unsigned int)rnd(48),
		     1 + (unsigned int)rnd(3));
	for (unsigned int i = 0; i < 2; i++)
		make_station(&w.device[i], 1 + (unsigned int)rnd(16),
			     1 + (unsigned int)rnd(4));
	for (unsigned int i = 0; i < PROVIDERS; i++)
		make_provider(&w.p[i], i > 1,
			      i > 1 ? &w.device[i - 2] : &w.lane);
	make_clients();
	for (unsigned int i = 0; w.faults && i < 6; i++)
		after(rnd(i < 3 ? 2000000 : 500000000), FAULT,
		      (unsigned int)rnd(PROVIDERS), 0);
	while (next_event(&e))
		happen(&e);
	judge_storm();
	queue_deinit(&w.lane.q);
	queue_deinit(&w.device[0].q);
	queue_deinit(&w.device[1].q);
}

/* ------------------------------------------------------- shares of one server
 */

#define WINDOW 16

static struct {
	struct queue q;
	struct qnode nodes[CONSUMERS][WINDOW];
	uint64_t served[CONSUMERS];
	uint32_t weight[CONSUMERS], most[CONSUMERS];
} one;

static void one_put(unsigned int who, struct qnode *n)
{
	n->cost_ns = (uint32_t)(QUEUE_COST_MIN_NS + rnd(one.most[who]));
	n->deadline_ns = UINT64_MAX;
	queue_put(&one.q, n, broken == FIFO ? 0 : who, one.weight[who], true);
}

static unsigned int one_take(struct qnode **n)
{
	unsigned int who;

	*n = queue_take(&one.q);
	who = (unsigned int)(*n - one.nodes[0]) / WINDOW;
	one.served[who] += (*n)->cost_ns;
	return who;
}

static void one_begin(unsigned int consumers, uint32_t weights, uint32_t most)
{
	memset(&one, 0, sizeof(one));
	if (queue_init(&one.q, CONSUMERS * WINDOW))
		abort();
	for (unsigned int i = 0; i < consumers; i++) {
		one.weight[i] = QUEUE_WEIGHT_USUAL *
				(1 + (uint32_t)rnd(weights));
		one.most[i] = 1000 + (uint32_t)rnd(most - 1000);
	}
}

static void judge_shares(unsigned int n, uint32_t weights)
{
	double sum = 0, squares = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t share = 80 * QUEUE_QUANTUM_NS * one.weight[i] /
				 QUEUE_WEIGHT_USUAL;

		judge(WEIGHTS,
		      one.served[i] * 20 >= share * 19 &&
			      one.served[i] * 20 <= share * 21,
		      "per mille of its share", one.served[i] * 1000 / share);
		sum += (double)one.served[i];
		squares += (double)one.served[i] * (double)one.served[i];
	}
	if (weights == 1)
		judge(JAIN, sum * sum >= 0.99 * n * squares,
		      "index in per mille",
		      (uint64_t)(1000 * sum * sum / (n * squares)));
}

/* 80 rounds; every request that is taken is followed by another. */
static void shares(void)
{
	unsigned int n = 2 + (unsigned int)rnd(CONSUMERS - 1);
	uint32_t weights = seed % 2 ? 1 : 4;
	uint64_t now = 0, until = 0;

	one_begin(n, weights, 30000);
	for (unsigned int i = 0; i < n; i++) {
		until += 80 * QUEUE_QUANTUM_NS * one.weight[i] /
			 QUEUE_WEIGHT_USUAL;
		for (unsigned int k = 0; k < WINDOW; k++)
			one_put(i, &one.nodes[i][k]);
	}
	while (now < until) {
		struct qnode *node;
		unsigned int who = one_take(&node);

		now += node->cost_ns;
		one_put(who, node);
	}
	judge_shares(n, weights);
	queue_deinit(&one.q);
}

static uint64_t most_served_since(const uint64_t *before)
{
	uint64_t most = 0;

	for (unsigned int i = 1; i < CONSUMERS; i++)
		if (one.served[i] - before[i] > most)
			most = one.served[i] - before[i];
	return most;
}

/* Consumer 0 is the light one. */
static void light(void)
{
	uint64_t before[CONSUMERS];

	one_begin(CONSUMERS, 1, QUEUE_QUANTUM_NS - QUEUE_COST_MIN_NS);
	for (unsigned int i = 1; i < CONSUMERS; i++)
		for (unsigned int k = 0; k < WINDOW; k++)
			one_put(i, &one.nodes[i][k]);
	for (unsigned int times = 0; times < 20; times++) {
		struct qnode *node;
		unsigned int who;

		for (uint64_t k = rnd(40); k > 0; k--) {
			who = one_take(&node);
			one_put(who, node);
		}
		memcpy(before, one.served, sizeof(before));
		one_put(0, &one.nodes[0][0]);
		while ((who = one_take(&node)) != 0)
			one_put(who, node);
		judge(LIGHT, most_served_since(before) <= 2 * QUEUE_QUANTUM_NS,
		      "ns given to another meanwhile",
		      most_served_since(before));
	}
	queue_deinit(&one.q);
}

/* ------------------------------------------------------ room for several */

/* Return: whether it found a place. */
static bool room_put(struct qnode *n)
{
	int err;

	n->cost_ns = 1000;
	n->deadline_ns = UINT64_MAX;
	err = queue_put(&one.q, n, 1, QUEUE_WEIGHT_USUAL, false);
	if (!err || queue_depth(&one.q) >= one.q.slots)
		return !err;
	seen[STOOD_BACK]++;
	if (broken != PUSHY)
		return false;
	/* It takes what is free, whoever that is saved for. */
	one.q.saves = 0;
	one.q.kept = 0;
	return !queue_put(&one.q, n, 1, QUEUE_WEIGHT_USUAL, false);
}

/* Return: how many passed it until it was told. */
static unsigned int room_wait(const struct qwaiter *several,
			      struct qwaiter ones[4])
{
	unsigned int passed = 0, waiting = 0, next = 0;

	while (passed < 8 * one.q.slots) {
		struct qnode *n = queue_take(&one.q);
		struct qwaiter *who;

		while ((who = queue_told(&one.q))) {
			if (who == several)
				return passed;
			waiting--;
		}
		if (waiting < 4 && rnd(4) == 0) {
			queue_want(&one.q, &ones[next++ % 4]);
			waiting++;
		}
		passed += n && room_put(n);
	}
	return passed;
}

static void room(void)
{
	struct qwaiter several = { 0 }, ones[4] = { 0 };
	unsigned int slots = 2 + (unsigned int)rnd(30), passed;

	memset(&one, 0, sizeof(one));
	if (queue_init(&one.q, slots))
		abort();
	for (unsigned int i = 0; i < slots; i++)
		room_put(&one.nodes[i / WINDOW][i % WINDOW]);
	several.want = 2 + (unsigned int)rnd(slots - 1);
	queue_want(&one.q, &several);
	passed = room_wait(&several, ones);
	judge(TURN, passed <= 2 * slots, "passed one who waits for several",
	      passed);
	queue_deinit(&one.q);
}

/* ----------------------------------------------------- a wrong prediction */

static struct {
	struct ukcf_offer offer[2];
	struct mech_offer mo[2];
	uint64_t true_ns[2], spent[2];
} two;

/* What dispatch_choose() does of two that are idle. */
static unsigned int two_choose(uint64_t bytes)
{
	uint64_t ns[2] = { predict_ns(&two.mo[0], OP, bytes),
			   predict_ns(&two.mo[1], OP, bytes) };
	unsigned int best = ns[1] < ns[0];

	if (broken == INCURIOUS)
		return best;
	if (broken == CURIOUS)
		return rnd(4) ? best : !best;
	return predict_tries(&two.mo[!best], OP, bytes, ns[best]) ? !best :
								    best;
}

static void two_run(unsigned int requests)
{
	for (unsigned int n = 0; n < requests; n++) {
		unsigned int i = two_choose(64);

		two.spent[i] += two.true_ns[i];
		predict_learn(&two.mo[i], OP, 64, two.true_ns[i]);
	}
}

static void two_begin(uint64_t second, uint64_t declared)
{
	memset(&two, 0, sizeof(two));
	two.true_ns[0] = 1000 + rnd(2000);
	two.true_ns[1] = two.true_ns[0] * second / 8;
	for (unsigned int i = 0; i < 2; i++) {
		two.offer[i].cost_ns =
			(uint32_t)(two.true_ns[i] * (i ? declared : 1));
		two.mo[i].offer = &two.offer[i];
		predict_init(&two.mo[i]);
	}
}

static void wrong(void)
{
	if (seed % 16)
		return; /* it is long */
	two_begin(4, 16);
	two_run(4000);
	judge(LEARNED,
	      predict_ns(&two.mo[1], OP, 64) < predict_ns(&two.mo[0], OP, 64),
	      "per mille of the truth",
	      predict_ns(&two.mo[1], OP, 64) * UINT64_C(1000) /
		      two.true_ns[1]);
	two_begin(8 * (2 + rnd(30)), 1);
	two_run(20000); /* as long as it is hardly measured */
	memset(two.spent, 0, sizeof(two.spent));
	two_run(40000);
	judge(PRICE,
	      two.spent[1] &&
		      two.spent[1] * 100 <= two.spent[0] + two.spent[1],
	      "ns for tries", two.spent[1]);
}

/* ---------------------------------------------------------------------- main
 */

static void run(uint64_t s)
{
	seed = s;
	rnd_state = s * UINT64_C(0x2545f4914f6cdd1d);
	storm();
	shares();
	light();
	room();
	wrong();
}

static int report(uint64_t seeds)
{
	int rc = 0;

	if (seeds > 1 && good_choices * 100 < choices * 95)
		failures[CHOICE]++;
	for (unsigned int i = 0; i < CHECKS; i++) {
		printf("%s: %s\n", failures[i] ? "FAILED" : "ok",
		       check_names[i]);
		rc |= failures[i] != 0;
	}
	for (unsigned int i = 0; seeds > 100 && i < SIGHTS; i++) {
		printf("%" PRIu64 " %s\n", seen[i], sight_names[i]);
		rc |= seen[i] == 0;
	}
	printf("%" PRIu64 " seeds; %" PRIu64 " of %" PRIu64
	       " choices within 10 %% of the best\n",
	       seeds, good_choices, choices);
	return rc;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim [--break=NAME] [--seed N | COUNT]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t count = 10000;
	int i = 1;

	if (i < argc && !strncmp(argv[i], "--break=", 8)) {
		while (broken < BREAKAGES &&
		       strcmp(argv[i] + 8, breakage_names[broken]) != 0)
			broken++;
		if (broken == BREAKAGES)
			return usage();
		i++;
	}
	if (i + 1 < argc && !strcmp(argv[i], "--seed")) {
		run(strtoull(argv[i + 1], NULL, 10));
		return report(1);
	}
	if (i < argc)
		count = strtoull(argv[i], NULL, 10);
	if (!count)
		return usage();
	quiet = true;
	for (uint64_t s = 1; s <= count; s++)
		run(s);
	return report(count);
}
