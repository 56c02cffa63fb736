/* SPDX-License-Identifier: MIT */
/*
 * A timer signal's handler submits on the ring that it interrupts while the
 * main flow submits too: every request must be answered exactly once.
 *
 * Control in the same run: the same accounting over the same kind of ring, but
 * with slots reserved by load and store instead of compare-and-swap, must find
 * requests that were never answered.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/raw.h"
#include "tests/support/tally.h"

#define S UINT64_C(1000000000)	   /* ns */
#define FROM_HANDLER (UINT64_C(1) << 62) /* in user_data */
#define PAUSE_MIN_NS 3000
#define PAUSE_MAX_NS 50000
#define ENTRIES 256
#define MSG_LEN 64
#define IDS_MAIN (UINT64_C(1) << 23)

static struct {
	struct ukcf_ring *ring; /* the library's, or ... */
	struct raw_ring *raw;	/* ... the control's */
	bool naive;
	struct ukcf_sqe sqe;	/* what the handler submits */
	struct tally t;		/* the handler's requests */
	uint64_t signals, goal, full, next;
	int64_t error;
	timer_t timer;
	uint64_t interval_ns;
	uint64_t pause_ns;	/* the least interval, adapted */
	uint64_t turns, turns_seen; /* of the main flow */
} h;

/*
 * Reserve a slot and fill it, as raw_submit() but safe for a handler; naive:
 * the reservation that interrupted itself.
 */
static int control_submit(struct raw_ring *q, const struct ukcf_sqe *sqe,
			  bool naive)
{
	uint32_t size = 1u << q->sq_order;
	uint64_t i = load_relaxed_u64(&q->tail);
	struct ukcf_sqe *slot;

	do {
		if ((uint32_t)i - load_acquire_u32(&q->cq->sq_head) >= size)
			return 0;
	} while (!naive && !compare_swap_u64(&q->tail, &i, i + 1));
	slot = &q->sqes[i & (size - 1)];
	memcpy((uint8_t *)slot + 4, (const uint8_t *)sqe + 4,
	       sizeof(*sqe) - 4);
	store_release_u32(&slot->gen, ring_gen_sqe(i, q->sq_order));
	if (naive)
		store_relaxed_u64(&q->tail, i + 1);
	store_fence_u32(&q->sq->tail, (uint32_t)(i + 1));
	raw_kick(q->r);
	return 1;
}

/* A machine whose signals are slow gets fewer, so that the main flow, which
 * they are to interrupt, goes on between them. */
static void adapt(void)
{
	uint64_t turns = load_relaxed_u64(&h.turns);

	if (turns == h.turns_seen && h.pause_ns < PAUSE_MAX_NS)
		h.pause_ns += h.pause_ns / 2;
	else if (turns != h.turns_seen && h.pause_ns > PAUSE_MIN_NS)
		h.pause_ns -= h.pause_ns / 64;
	h.turns_seen = turns;
}

/* One-shot, armed again here: signals never run into each other. */
static void arm(void)
{
	struct itimerspec it = { .it_value.tv_nsec = (long)h.interval_ns };

	timer_settime(h.timer, 0, &it, NULL);
}

static void on_signal(int sig)
{
	int saved = errno;
	int rc;

	(void)sig;
	if (h.signals >= h.goal)
		return;
	h.sqe.user_data = FROM_HANDLER | h.next;
	tally_sent(&h.t, h.next);
	rc = h.ring ? ukcf_submit_sqes(h.ring, &h.sqe, 1) :
		      control_submit(h.raw, &h.sqe, h.naive);
	if (rc == 1) {
		h.next++;
	} else {
		tally_unsent(&h.t, h.next);
		h.full++;
		if (rc != 0 && rc != -EAGAIN)
			h.error = rc;
	}
	store_release_u64(&h.signals, h.signals + 1);
	/* Never the same instruction each time: the interval walks. */
	adapt();
	h.interval_ns = h.pause_ns + (h.signals * 7919) % 6000;
	if (h.signals < h.goal)
		arm();
	errno = saved;
}

static void start_signals(uint64_t goal)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGALRM };

	h.signals = h.full = h.next = 0;
	h.error = 0;
	h.goal = goal;
	h.interval_ns = 5000;
	h.pause_ns = PAUSE_MIN_NS;
	tally_init(&h.t, goal + 1);
	if (sigaction(SIGALRM, &sa, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &ev, &h.timer) < 0)
		check_bail("no timer: %s", strerror(errno));
	arm();
}

static void answer(struct tally *t, const struct ukcf_cqe *cqe)
{
	bool right = cqe->res == 32;
	uint64_t id = cqe->user_data & ~FROM_HANDLER;

	tally_answer(cqe->user_data & FROM_HANDLER ? &h.t : t, id, right);
}

static void report(const char *who, const struct tally *t)
{
	check(tally_clean(t),
	      "%s: %llu sent, %llu answered, %llu lost, %llu twice, "
	      "%llu unknown, %llu wrong",
	      who, (unsigned long long)t->sent,
	      (unsigned long long)t->answered,
	      (unsigned long long)tally_lost(t), (unsigned long long)t->twice,
	      (unsigned long long)t->unknown, (unsigned long long)t->wrong);
}

/* ------------------------------------------------------------- the library */

struct lib {
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
	struct tally t;
	uint64_t next, sent;
};

static void lib_open(struct lib *l)
{
	int rc = ukcf_connect(&l->u, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_ring_open(l->u, ENTRIES, &l->r);
	if (!rc)
		rc = ukcf_buffer_alloc(l->u, UKCF_BUFFER_INPUT, 4096, &l->in);
	if (!rc)
		rc = ukcf_buffer_alloc(l->u, UKCF_BUFFER_OUTPUT, 4096,
				       &l->out);
	if (!rc)
		rc = ukcf_prep_digest(&h.sqe, UKCF_MECH_SHA2_256,
				      ukcf_buffer_span(l->in, 0, MSG_LEN),
				      ukcf_buffer_span(l->out, 0, 32));
	if (rc)
		check_bail("cannot connect: %s", ukcf_strerror(rc));
	tally_init(&l->t, IDS_MAIN);
	h.ring = l->r;
}

/* Stage up to n entries and publish them. */
static void lib_submit(struct lib *l, unsigned int n)
{
	struct ukcf_span in = ukcf_buffer_span(l->in, 0, MSG_LEN);
	struct ukcf_span out = ukcf_buffer_span(l->out, 32, 32);
	struct ukcf_sqe *sqe;
	int rc;

	while (n-- && l->next < IDS_MAIN) {
		sqe = ukcf_get_sqe(l->r);
		if (!sqe)
			break;
		rc = ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256, in, out);
		sqe->user_data = l->next;
		tally_sent(&l->t, l->next++);
		if (rc)
			check_bail("prep: %s", ukcf_strerror(rc));
	}
	rc = ukcf_submit(l->r);
	if (rc < 0 && rc != -EAGAIN)
		check_bail("ukcf_submit: %s", ukcf_strerror(rc));
	if (rc > 0)
		l->sent += (unsigned int)rc;
}

static unsigned int lib_reap(struct lib *l)
{
	const struct ukcf_cqe *cqe;
	unsigned int n = 0;

	while (ukcf_peek_cqe(l->r, &cqe) == 0) {
		answer(&l->t, cqe);
		ukcf_cqe_seen(l->r);
		n++;
	}
	return n;
}

static void lib_drain(struct lib *l)
{
	const struct ukcf_cqe *cqe;
	int rc = 0;

	while (l->t.answered + h.t.answered < l->t.sent + h.t.sent) {
		lib_submit(l, 0);
		rc = ukcf_wait_cqe(l->r, &cqe, (int64_t)(10 * S));
		if (rc == -EINTR)
			continue;
		if (rc)
			break;
		lib_reap(l);
	}
	check(rc == 0, "all answers came: %s", ukcf_strerror(rc));
}

static void through_the_library(uint64_t goal)
{
	struct lib l = { 0 };
	struct rng rng;
	uint64_t seen = 0, stuck = clock_ns() + 60 * S;

	rng_init(&rng, 1);
	lib_open(&l);
	start_signals(goal);
	while (load_acquire_u64(&h.signals) < goal) {
		lib_submit(&l, 1 + (unsigned int)rng_below(&rng, 24));
		/* Room for the handler. */
		do {
			lib_reap(&l);
			store_relaxed_u64(&h.turns, h.turns + 1);
		} while (l.t.sent - l.t.answered > ENTRIES / 2 &&
			 clock_ns() < stuck);
		if (h.signals != seen)
			stuck = clock_ns() + 60 * S;
		seen = h.signals;
		if (clock_ns() > stuck)
			check_bail("signals stopped at %llu of %llu",
				   (unsigned long long)seen,
				   (unsigned long long)goal);
	}
	lib_drain(&l);
	timer_delete(h.timer);
	note("%llu signals, %llu found the ring full",
	     (unsigned long long)h.signals, (unsigned long long)h.full);
	check(h.error == 0, "no error in the handler: %s",
	      ukcf_strerror(h.error));
	check(h.t.sent >= goal / 2, "at least half of the signals submitted");
	report("handler", &h.t);
	report("main flow", &l.t);
	tally_free(&h.t);
	tally_free(&l.t);
	ukcf_disconnect(l.u);
	h.ring = NULL;
}

/* ------------------------------------------------------------- the control */

static void control_reap(struct raw_ring *q, struct tally *t, int timeout_ms)
{
	struct ukcf_cqe cqe;

	while (raw_cqe(q, &cqe, timeout_ms) == 0)
		answer(t, &cqe);
}

/* Requests that did not come back as they should. */
static uint64_t control(struct raw *r, uint64_t goal, bool naive)
{
	struct raw_buf in, out;
	struct raw_ring q;
	struct tally t;
	struct ukcf_sqe sqe;
	uint64_t next = 0, bad, stuck = clock_ns() + 60 * S;
	int rc = raw_ring_new(r, 8, &q);

	if (!rc)
		rc = raw_buf_new(r, UKCF_BUFFER_INPUT, 4096, &in);
	if (!rc)
		rc = raw_buf_new(r, UKCF_BUFFER_OUTPUT, 4096, &out);
	if (rc)
		check_bail("control ring: %s", strerror(-rc));
	h.sqe = raw_digest(0, &in, 0, MSG_LEN, &out, 0);
	sqe = raw_digest(0, &in, 0, MSG_LEN, &out, 32);
	h.raw = &q;
	h.naive = naive;
	tally_init(&t, IDS_MAIN);
	start_signals(goal);
	while (load_acquire_u64(&h.signals) < goal && next < IDS_MAIN) {
		sqe.user_data = next;
		tally_sent(&t, next);
		if (control_submit(&q, &sqe, naive) == 1)
			next++;
		else
			tally_unsent(&t, next);
		/* Room for the handler; what is lost stays in flight. */
		do {
			control_reap(&q, &t, 0);
			store_relaxed_u64(&h.turns, h.turns + 1);
		} while (!naive && t.sent - t.answered > ENTRIES / 2 &&
			 clock_ns() < stuck);
	}
	control_reap(&q, &t, 500);
	timer_delete(h.timer);
	bad = tally_lost(&t) + tally_lost(&h.t) + t.twice + h.t.twice +
	      t.wrong + h.t.wrong + t.unknown + h.t.unknown;
	note("control, %s: %llu requests, %llu bad",
	     naive ? "load and store" : "compare-and-swap",
	     (unsigned long long)(t.sent + h.t.sent), (unsigned long long)bad);
	tally_free(&t);
	tally_free(&h.t);
	rc = raw_ring_close(&q);
	if (rc)
		check_bail("closing the control ring: %s", strerror(-rc));
	h.raw = NULL;
	return bad;
}

int main(void)
{
	uint64_t goal = scaled(100000, 1000000);
	struct raw r;
	int rc;

	through_the_library(goal);
	rc = raw_connect(&r);
	if (rc)
		check_bail("cannot connect: %s", strerror(-rc));
	check(control(&r, goal / 5, false) == 0,
	      "control: the same ring with compare-and-swap is clean");
	check(control(&r, goal / 5, true) > 0,
	      "control: the accounting finds what a naive reservation loses");
	raw_close(&r);
	return check_done();
}
