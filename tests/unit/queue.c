/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/queue.h"

#define SLOTS 64
#define FLOWS 8
#define USUAL QUEUE_WEIGHT_USUAL

static struct queue q;
static struct qnode nodes[4096];

static void setup(void)
{
	cr_assert_eq(queue_init(&q, SLOTS), 0);
	memset(nodes, 0, sizeof(nodes));
}

static void teardown(void)
{
	queue_deinit(&q);
}

TestSuite(queue, .init = setup, .fini = teardown);

static int put(unsigned int i, uint32_t flow, uint32_t cost, uint64_t deadline)
{
	nodes[i].cost_ns = cost;
	nodes[i].deadline_ns = deadline;
	return queue_put(&q, &nodes[i], flow, USUAL, false);
}

static int taken(void)
{
	struct qnode *n = queue_take(&q);

	return n ? (int)(n - nodes) : -1;
}

Test(queue, one_consumer_is_served_in_its_order)
{
	for (unsigned int i = 0; i < 10; i++)
		cr_assert_eq(put(i, 3, 1000 * i + 1, 1), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(taken(), i);
	cr_assert_eq(taken(), -1);
}

Test(queue, is_bounded_unless_forced)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		cr_assert_eq(put(i, i, 500, 1), 0);
	cr_assert_eq(put(SLOTS, 0, 500, 1), -EAGAIN);
	cr_assert_eq(queue_depth(&q), SLOTS);
	cr_assert_eq(queue_backlog_ns(&q), 500u * SLOTS);
	cr_assert_eq(queue_put(&q, &nodes[SLOTS], 0, USUAL, true), 0);
	cr_assert_eq(queue_depth(&q), SLOTS + 1);
	for (unsigned int i = 0; i <= SLOTS; i++)
		cr_assert_neq(taken(), -1);
	cr_assert_eq(queue_depth(&q), 0);
	cr_assert_eq(queue_backlog_ns(&q), 0);
}

Test(queue, consumers_share_service_time_not_requests)
{
	uint64_t served[2] = { 0 };

	/* The second one's requests cost ten times as much. */
	for (unsigned int i = 0; i < 4096; i++) {
		nodes[i].cost_ns = i & 1 ? 40000 : 4000;
		queue_put(&q, &nodes[i], i & 1, USUAL, true);
	}
	for (unsigned int i = 0; i < 2000; i++) {
		struct qnode *n = queue_take(&q);

		served[(n - nodes) & 1] += n->cost_ns;
	}
	cr_assert(served[0] + 100000 > served[1] &&
			  served[1] + 100000 > served[0],
		  "%lu %lu", served[0], served[1]);
}

/* The first one's take ten times as long as they were charged, the second one's
 * a tenth. */
Test(queue, what_was_charged_wrongly_is_settled)
{
	static const uint64_t took[2] = { 2000000, 20000 };
	uint64_t served[2] = { 0 };

	for (unsigned int i = 0; i < 4096; i++) {
		nodes[i].cost_ns = 200000;
		queue_put(&q, &nodes[i], i & 1, USUAL, true);
	}
	for (unsigned int i = 0; i < 1500; i++) {
		unsigned int who = taken() & 1;

		served[who] += took[who];
		queue_settle(&q, &q.flows[who], 200000, took[who]);
	}
	cr_assert(served[0] + 4000000 > served[1] &&
			  served[1] + 4000000 > served[0],
		  "%lu %lu", served[0], served[1]);
}

Test(queue, who_is_idle_for_a_moment_owes_it_still)
{
	put(0, 1, 1000, 1);
	for (unsigned int i = 1; i < 40; i++)
		put(i, 2, 1000000, 1);
	cr_assert_eq(taken(), 0);
	queue_settle(&q, &q.flows[1], 1000, 5001000);
	put(40, 1, 1000, 1);
	for (int i = 1; i <= 5; i++)
		cr_assert_eq(taken(), i, "%d", i);
	for (int i = 6; taken() != 40; i++)
		cr_assert_lt(i, 8, "it is served when it has paid");
}

Test(queue, nobody_owes_what_nobody_waited_for)
{
	put(0, 1, 1000, 1);
	cr_assert_eq(taken(), 0);
	queue_settle(&q, &q.flows[1], 1000, UINT64_MAX);
	for (unsigned int i = 2; i < 40; i++)
		put(i, 2, 1000000, 1);
	put(40, 1, 1000, 1);
	cr_assert_eq(taken(), 40);
}

Test(queue, what_is_owed_is_forgiven_when_nobody_waits_any_more)
{
	put(0, 1, 1000, 1);
	put(1, 3, 1000, 1);
	cr_assert_eq(taken(), 0);
	queue_settle(&q, &q.flows[1], 1000, UINT64_MAX);
	cr_assert_eq(taken(), 1);
	for (unsigned int i = 2; i < 40; i++)
		put(i, 2, 1000000, 1);
	put(40, 1, 1000, 1);
	cr_assert_eq(taken(), 40);
}

Test(queue, weights_divide_it)
{
	uint64_t served[2] = { 0 };

	for (unsigned int i = 0; i < 4096; i++) {
		nodes[i].cost_ns = 10000;
		queue_put(&q, &nodes[i], i & 1,
			  (i & 1 ? 3 : 1) * USUAL, true);
	}
	for (unsigned int i = 0; i < 2000; i++)
		served[(queue_take(&q) - nodes) & 1] += 10000;
	cr_assert(served[1] > served[0] * 29 / 10 &&
			  served[1] < served[0] * 31 / 10,
		  "%lu %lu", served[0], served[1]);
}

/* The least against the most: a thousandth, and not nothing. */
Test(queue, the_least_weight_is_served_too)
{
	unsigned int light = 0;

	for (unsigned int i = 0; i < 4096; i++) {
		nodes[i].cost_ns = 10000;
		queue_put(&q, &nodes[i], i < 8 ? 0 : 1,
			  i < 8 ? 1 : QUEUE_WEIGHT_MAX, true);
	}
	for (unsigned int i = 0; i < 4004; i++)
		light += queue_take(&q) - nodes < 8;
	cr_assert(light >= 3 && light <= 5, "%u", light);
}

Test(queue, one_far_beyond_the_quantum_is_served_at_last)
{
	cr_assert_eq(put(0, 0, UINT32_MAX, 1), 0);
	cr_assert_eq(taken(), 0, "alone: at once");
	put(0, 0, UINT32_MAX, 1);
	put(1, 1, UINT32_MAX / 2, 1);
	cr_assert_eq(taken(), 1, "the smaller debt is paid first");
	cr_assert_eq(taken(), 0);
}

Test(queue, an_idle_consumer_keeps_no_credit)
{
	unsigned int mine = 0;

	/* Takes one and is idle, over and over: saves nothing up. */
	for (int i = 0; i < 100; i++) {
		put(0, 0, 1000, 1);
		cr_assert_eq(taken(), 0);
	}
	for (unsigned int i = 0; i < 32; i++) {
		nodes[i].cost_ns = 20000;
		queue_put(&q, &nodes[i], i & 1, USUAL, true);
	}
	for (int i = 0; i < 8; i++)
		mine += !(taken() & 1);
	cr_assert_eq(mine, 4);
}

Test(queue, requests_that_cost_nothing_end_their_turn)
{
	int i = 0;

	for (unsigned int k = 0; k < 1000; k++) {
		nodes[k].cost_ns = 0;
		queue_put(&q, &nodes[k], 0, USUAL, true);
	}
	nodes[1000].cost_ns = 1000;
	queue_put(&q, &nodes[1000], 1, USUAL, true);
	while (taken() != 1000)
		i++;
	cr_assert_leq(i, QUEUE_QUANTUM_NS / QUEUE_COST_MIN_NS);
}

Test(queue, what_is_given_back_is_next_and_is_not_charged_twice)
{
	unsigned int mine = 0;

	for (unsigned int i = 0; i < 32; i++)
		put(i, i & 1, 20000, 1);
	for (int i = 0; i < 100; i++) {
		int n = taken();

		queue_put_first(&q, &nodes[n]);
		cr_assert_eq(taken(), n);
		queue_put_first(&q, &nodes[n]);
	}
	cr_assert_eq(queue_depth(&q), 32);
	for (int i = 0; i < 8; i++)
		mine += !(taken() & 1);
	cr_assert_eq(mine, 4);
	/* also one that was its consumer's last */
	while (taken() != -1)
		;
	put(0, 0, 20000, 1);
	taken();
	put(1, 1, 20000, 1);
	queue_put_first(&q, &nodes[0]);
	cr_assert_eq(taken(), 0);
	cr_assert_eq(taken(), 1);
}

/* One that is given back interrupts another's turn: he gets no second quantum
 * for it. */
Test(queue, what_is_given_back_gives_nobody_more_than_his_share)
{
	const uint32_t cost = QUEUE_QUANTUM_NS / 4;
	unsigned int mine = 0;

	for (unsigned int i = 0; i < 32; i++)
		put(i, i & 1, cost, 1);
	for (unsigned int i = 0; i < 16; i++) {
		int n = taken(); /* of the other's turn, every other time */

		mine += !(n & 1);
		if (i % 4 == 1) {
			int first = taken();

			queue_put_first(&q, &nodes[first]);
		}
	}
	cr_assert(mine >= 6 && mine <= 10, "%u of 16", mine);
	for (unsigned int i = 0; i < FLOWS; i++)
		cr_assert_leq(q.flows[i].deficit, 2 * QUEUE_QUANTUM_NS);
}

/* Flow 1 is in its turn when one of flow 0, which has nothing else, comes back
 * again and again: flow 1's deficit does not grow by that. */
Test(queue, an_interrupted_turn_has_had_its_quantum)
{
	const uint32_t cost = QUEUE_QUANTUM_NS / 4;
	int64_t before;

	put(0, 0, cost, 1);
	cr_assert_eq(taken(), 0);
	for (unsigned int i = 1; i < 9; i++)
		put(i, 1, cost, 1);
	cr_assert_eq(taken(), 1);
	before = q.flows[1].deficit;
	for (unsigned int i = 0; i < 8; i++) {
		queue_put_first(&q, &nodes[0]);
		cr_assert_eq(taken(), 0);
	}
	cr_assert_eq(taken(), 2);
	cr_assert_eq(q.flows[1].deficit, before - (int64_t)cost,
		     "it was given a quantum anew");
}

Test(queue, deadlines_come_in_order_from_anywhere)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		put(i, i % FLOWS, 1000, 100 + i * 37 % SLOTS);
	cr_assert_eq(queue_earliest(&q), 100);
	cr_assert_null(queue_expired(&q, 99));
	for (uint64_t t = 100; t < 100 + SLOTS; t++) {
		struct qnode *n = queue_expired(&q, t);

		cr_assert_eq(n->deadline_ns, t);
		cr_assert_null(queue_expired(&q, t));
	}
	cr_assert_eq(queue_depth(&q), 0);
}

Test(queue, what_was_removed_or_taken_cannot_be_removed)
{
	put(0, 0, 1, 1);
	put(1, 0, 1, 1);
	cr_assert(queue_remove(&q, &nodes[0]));
	cr_assert_not(queue_remove(&q, &nodes[0]));
	cr_assert_eq(taken(), 1);
	cr_assert_not(queue_remove(&q, &nodes[1]));
}

/* ------------------------------------------------------------------- room */

static void fill(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		put(i, 0, 1000, 1);
}

Test(queue, the_first_who_waits_is_the_first_told_and_once)
{
	struct qwaiter a = { .want = 1 }, b = { .want = 1 };

	fill(SLOTS);
	queue_want(&q, &a);
	queue_want(&q, &b);
	cr_assert_null(queue_told(&q), "there is no room");
	taken();
	cr_assert_eq(queue_told(&q), &a);
	cr_assert_null(queue_told(&q), "that slot is promised");
	taken();
	cr_assert_eq(queue_told(&q), &b);
	taken();
	cr_assert_null(queue_told(&q));
}

Test(queue, who_wants_many_is_told_when_there_are_many)
{
	struct qwaiter a = { .want = 3 }, all = { .want = 10 * SLOTS };

	fill(SLOTS);
	queue_want(&q, &a);
	taken();
	taken();
	cr_assert_null(queue_told(&q));
	taken();
	cr_assert_eq(queue_told(&q), &a);
	queue_want(&q, &all);
	cr_assert_eq(all.want, SLOTS);
	while (queue_depth(&q) > 1) {
		taken();
		cr_assert_null(queue_told(&q));
	}
	taken();
	cr_assert_eq(queue_told(&q), &all);
}

/* One that is told and does not come must not keep the others waiting. */
Test(queue, an_empty_queue_leaves_nobody_waiting)
{
	struct qwaiter w[3] = { { .want = SLOTS }, { .want = SLOTS },
				{ .want = 1 } };

	fill(SLOTS);
	for (int i = 0; i < 3; i++)
		queue_want(&q, &w[i]);
	while (taken() != -1)
		;
	for (int i = 0; i < 3; i++)
		cr_assert_eq(queue_told(&q), &w[i], "%d", i);
	cr_assert_null(queue_told(&q));
}

/* One slot becomes free, over and over, and somebody takes it at once. */
static unsigned int keep_busy(unsigned int times)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < times; i++) {
		cr_assert_neq(taken(), -1);
		if (put(SLOTS + i, 1, 500, 1))
			break;
		n++;
	}
	return n;
}

static void fill_up(uint32_t flow)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		cr_assert_eq(put(i, flow, 500, 1), 0);
}

Test(queue, who_wants_one_passes_who_wants_many)
{
	struct qwaiter many = { .want = 2 }, ones[2] = { 0 };

	fill_up(0);
	queue_want(&q, &many);
	queue_want(&q, &ones[0]);
	queue_want(&q, &ones[1]);
	cr_assert_null(queue_told(&q));
	taken();
	cr_assert_eq(queue_told(&q), &ones[0]);
	cr_assert_null(queue_told(&q), "that slot is promised");
	taken();
	cr_assert_eq(queue_told(&q), &ones[1]);
	taken();
	taken();
	cr_assert_eq(queue_told(&q), &many);
}

Test(queue, after_a_queueful_room_is_saved_for_who_wants_many)
{
	struct qwaiter many = { .want = 3, .flow = 2 }, one = { 0 };

	fill_up(0);
	queue_want(&q, &many);
	cr_assert(!queue_is_full(&q) == (queue_depth(&q) < SLOTS));
	cr_assert_eq(keep_busy(10 * SLOTS), SLOTS, "so many may pass");
	cr_assert_eq(queue_depth(&q), SLOTS - 1);
	cr_assert(queue_is_full(&q), "though a slot is free");
	queue_want(&q, &one);
	cr_assert_null(queue_told(&q), "nor is anybody told of it");
	taken();
	cr_assert_null(queue_told(&q));
	taken();
	cr_assert_eq(queue_told(&q), &many);
	cr_assert_not(queue_is_full(&q));
	cr_assert_eq(put(1000, 1, 500, 1), -EAGAIN, "those are kept");
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(put(1000 + i, 2, 500, 1), 0);
	taken();
	cr_assert_eq(queue_told(&q), &one);
	cr_assert_eq(put(1010, 1, 500, 1), 0, "nothing is kept any more");
}

static bool is_this(const struct qwaiter *w, const void *of)
{
	return w == of;
}

Test(queue, who_is_forgotten_is_not_told_and_nothing_is_saved_for_it)
{
	struct qwaiter many = { .want = 3, .flow = 2 }, one = { 0 }, last = { 0 };

	fill_up(0);
	queue_want(&q, &many);
	queue_want(&q, &one);
	queue_want(&q, &last);
	keep_busy(10 * SLOTS);
	cr_assert(queue_is_full(&q), "though a slot is free");
	cr_assert_null(queue_forget(&q, is_this, &q));
	cr_assert(queue_is_full(&q), "nobody was forgotten");
	cr_assert_eq(queue_forget(&q, is_this, &one), &one);
	cr_assert(queue_is_full(&q), "it is saved for another one");
	cr_assert_eq(queue_forget(&q, is_this, &many), &many);
	cr_assert_not(queue_is_full(&q));
	cr_assert_eq(queue_told(&q), &last);
	queue_want(&q, &one);
	taken();
	cr_assert_eq(queue_told(&q), &one, "lines go on");
}

Test(queue, what_nobody_comes_for_is_not_kept_for_ever)
{
	struct qwaiter many = { .want = SLOTS / 2, .flow = 2 };
	unsigned int n = SLOTS * 2;

	fill_up(0);
	queue_want(&q, &many);
	keep_busy(2 * SLOTS);
	while (!queue_told(&q))
		taken();
	/* Busy with the other half: it never runs empty. */
	for (unsigned int i = 0; i < SLOTS; i++) {
		taken();
		cr_assert_eq(put(n++, 1, 500, 1), 0);
	}
	for (unsigned int i = 0; i < SLOTS / 2; i++)
		cr_assert_eq(put(n++, 1, 500, 1), 0, "%u", i);
	cr_assert_eq(put(n, 1, 500, 1), -EAGAIN);
}

Test(queue, what_is_saved_turns_nobody_away_who_was_told)
{
	struct qwaiter many = { .want = 2 }, one = { 0 };

	fill_up(0);
	queue_want(&q, &many);
	cr_assert_eq(keep_busy(SLOTS - 1), SLOTS - 1);
	queue_want(&q, &one);
	taken();
	cr_assert_eq(queue_told(&q), &one);
	cr_assert_eq(put(2000, 4, 500, 1), 0, "the last one that passes");
	taken();
	cr_assert_eq(put(2001, 4, 500, 1), -EAGAIN);
	cr_assert_eq(queue_put(&q, &nodes[2001], 4, USUAL, true), 0);
}

static void force(unsigned int n, uint32_t flow)
{
	nodes[n].cost_ns = 500;
	nodes[n].deadline_ns = 1;
	cr_assert_eq(queue_put(&q, &nodes[n], flow, USUAL, true), 0);
}

/* However many wait whose consumers are never turned away, the places are
 * there for the others. */
Test(queue, what_is_forced_in_takes_no_place)
{
	struct qwaiter w = { 0 };

	for (unsigned int i = 0; i < 4 * SLOTS; i++)
		force(1000 + i, 1);
	cr_assert_not(queue_is_full(&q));
	for (unsigned int i = 0; i < SLOTS; i++)
		cr_assert_eq(put(i, 2, 500, 1), 0);
	cr_assert(queue_is_full(&q));
	cr_assert_eq(put(SLOTS, 2, 500, 1), -EAGAIN);
	queue_want(&q, &w);
	cr_assert_null(queue_told(&q));
	while (taken() >= (int)SLOTS)
		cr_assert_null(queue_told(&q), "no place was left");
	cr_assert_eq(queue_told(&q), &w);
	force(1000, 1);
	cr_assert_eq(put(SLOTS, 2, 500, 1), 0, "it is still free");
}

Test(queue, who_was_told_and_did_not_come_lets_others_in_beside_what_is_forced)
{
	struct qwaiter w[SLOTS + 1] = { 0 };

	for (unsigned int i = 0; i <= SLOTS; i++)
		queue_want(&q, &w[i]);
	force(1000, 1);
	for (unsigned int i = 0; i < SLOTS; i++)
		cr_assert_eq(queue_told(&q), &w[i]);
	for (unsigned int i = 0; i < SLOTS; i++) {
		cr_assert_null(queue_told(&q));
		force(1001 + i, 1);
		taken();
	}
	cr_assert_eq(queue_told(&q), &w[SLOTS]);
}

Test(queue, room_that_is_there_is_told_at_once)
{
	struct qwaiter w = { 0 };

	queue_want(&q, &w);
	cr_assert_eq(w.want, 1);
	cr_assert_eq(queue_told(&q), &w);
}

/* ------------------------------------- against a model that is plainly right */

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t rnd_state;

static uint64_t rnd(void)
{
	uint64_t z = rnd_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Deficit round robin as the paper has it: every round is gone through. */
static struct {
	int fifo[FLOWS][256];
	unsigned int n[FLOWS];
	int circle[FLOWS];
	unsigned int n_active;
	bool open;
	uint64_t deficit[FLOWS];
	uint32_t weight[FLOWS];
	unsigned int depth;
	bool charge_nothing; /* what a wrong model does */
} m;

static void model_activate(int f)
{
	for (unsigned int i = 0; i < m.n_active; i++)
		if (m.circle[i] == f)
			return;
	if (m.n_active == 0)
		m.open = false;
	m.circle[m.n_active++] = f;
}

static void model_drop(int f, unsigned int at)
{
	memmove(&m.fifo[f][at], &m.fifo[f][at + 1],
		(m.n[f] - at - 1) * sizeof(int));
	m.depth--;
	if (--m.n[f])
		return;
	m.deficit[f] = 0;
	if (m.circle[0] == f)
		m.open = false;
	for (unsigned int i = 0; i < m.n_active; i++)
		if (m.circle[i] == f) {
			memmove(&m.circle[i], &m.circle[i + 1],
				(m.n_active - i - 1) * sizeof(int));
			break;
		}
	m.n_active--;
}

static int model_take(void)
{
	while (m.n_active) {
		int f = m.circle[0], n = m.fifo[f][0];

		if (!m.open)
			m.deficit[f] += (uint64_t)QUEUE_QUANTUM_NS *
					m.weight[f] / USUAL;
		m.open = true;
		if (m.deficit[f] >= nodes[n].cost_ns) {
			m.deficit[f] -= m.charge_nothing ? 0 : nodes[n].cost_ns;
			model_drop(f, 0);
			return n;
		}
		memmove(&m.circle[0], &m.circle[1],
			(m.n_active - 1) * sizeof(int));
		m.circle[m.n_active - 1] = f;
		m.open = false;
	}
	return -1;
}

static void model_remove(int n)
{
	for (int f = 0; f < FLOWS; f++)
		for (unsigned int i = 0; i < m.n[f]; i++)
			if (m.fifo[f][i] == n) {
				model_drop(f, i);
				return;
			}
}

static void step_put(void)
{
	int n = (int)(rnd() % 128), f = (int)(rnd() % FLOWS);

	if (nodes[n].queued)
		return;
	nodes[n].cost_ns = (uint32_t)(rnd() >> (40 + rnd() % 22));
	nodes[n].deadline_ns = rnd() % 1000;
	m.weight[f] = (uint32_t)(20 + rnd() % (QUEUE_WEIGHT_MAX - 19));
	if (queue_put(&q, &nodes[n], (uint32_t)f, m.weight[f], false)) {
		cr_assert_eq(m.depth, SLOTS);
		return;
	}
	cr_assert_lt(m.depth, SLOTS);
	m.depth++;
	m.fifo[f][m.n[f]++] = n;
	model_activate(f);
}

static void step_remove(void)
{
	int n = (int)(rnd() % 128);
	bool was = nodes[n].queued;

	cr_assert_eq(queue_remove(&q, &nodes[n]), was);
	if (was)
		model_remove(n);
}

static void step_expire(void)
{
	uint64_t now = rnd() % 100, first = UINT64_MAX;
	struct qnode *n;

	for (int i = 0; i < 128; i++)
		if (nodes[i].queued && nodes[i].deadline_ns < first)
			first = nodes[i].deadline_ns;
	cr_assert(m.depth == 0 || queue_earliest(&q) == first);
	n = queue_expired(&q, now);
	cr_assert_eq(n != NULL, first <= now);
	if (!n)
		return;
	cr_assert_eq(n->deadline_ns, first);
	model_remove((int)(n - nodes));
}

/* Return: whether queue and model agreed all the way. */
static bool agrees(uint64_t seed, unsigned int steps)
{
	rnd_state = seed;
	while (steps--) {
		uint64_t what = rnd() % 16;

		if (what < 8)
			step_put();
		else if (what < 14 && taken() != model_take())
			return false;
		else if (what == 14)
			step_remove();
		else if (what == 15)
			step_expire();
		cr_assert_eq(queue_depth(&q), m.depth);
	}
	return true;
}

Test(queue, does_what_the_model_does)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		cr_assert(agrees(seed, 2000), "seed %lu", seed);
		while (taken() != -1)
			;
		memset(&m, 0, sizeof(m));
	}
}

Test(queue, the_model_notices_a_turn_that_is_not_charged)
{
	m.charge_nothing = true;
	cr_assert_not(agrees(1, 2000));
}
