/* SPDX-License-Identifier: MIT */
/*
 * queues cancel SLOTS | space | deadline | killed SLOTS | shares GROUP: what
 * waits in the bulk lane of a daemon with one worker and SLOTS places.
 * queues rings: what runs at once.
 * 440-queues.sh starts this.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tests/support/probe.h"

#define ENTRIES 256
#define CONSUMERS 8
#define WAIT_NS (INT64_C(60000000000) * slowness())
#define MS UINT64_C(1000000)

static struct ukcf *conn;
static struct ukcf_ring *ring;
static struct ukcf_buffer *out;

static void open_all(void)
{
	if (ukcf_connect(&conn, NULL, 0) ||
	    ukcf_ring_open(conn, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, 32, &out))
		check_bail("no ring");
}

/* A null digest that keeps the worker busy for so long. */
static struct ukcf_sqe work(uint64_t user_data, uint64_t delay_ns)
{
	struct ukcf_sqe s = { .user_data = user_data };

	if (ukcf_prep_digest(&s, UKCF_MECH_NULL_DIGEST, UKCF_SPAN_NONE,
			     ukcf_buffer_span(out, 0, 32)))
		check_bail("prep");
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	s.param_len = sizeof(delay_ns);
	for (unsigned int i = 0; i < sizeof(delay_ns); i++)
		s.param[i] = (uint8_t)(delay_ns >> 8 * i);
	return s;
}

static unsigned int kind_of(const struct ukcf_cqe *c)
{
	return c->flags & UKCF_CQE_KIND;
}

/* ------------------------------------------------------------------ cancel */

#define IDS 128	      /* requests in flight at most */
#define CANCEL 0x8000 /* user_data of a cancel: that of its target and this */

static struct {
	bool busy, cancelling, cancelled;
	uint64_t handle;
	int64_t cancel_res;
	unsigned int answers; /* terminal CQEs of the request */
	int64_t res;
} ids[IDS];

static uint64_t n_ended, n_cancelled, n_rejected, n_already, n_too_late, bad;
static uint64_t n_pairs; /* a request and its cancel: both ended */

static int free_id(struct rng *rng)
{
	unsigned int from = (unsigned int)rng_below(rng, IDS);

	for (unsigned int i = 0; i < IDS; i++)
		if (!ids[(from + i) % IDS].busy)
			return (int)((from + i) % IDS);
	return -1;
}

static void send_cancel(unsigned int id)
{
	struct ukcf_sqe s = { .user_data = id | CANCEL };

	ukcf_prep_cancel(&s, ids[id].handle);
	entry_submit(ring, &s, 1);
	ids[id].cancelling = true;
	ids[id].cancelled = true;
}

/* Both have been answered, or there was no cancel. */
static void settle(unsigned int id)
{
	bool ended = ids[id].answers > 0;

	if (!ended || ids[id].cancelling)
		return;
	n_ended++;
	n_pairs += ids[id].cancelled;
	n_cancelled += ids[id].res == -ECANCELED;
	n_rejected += ids[id].res == -EAGAIN;
	bad += ids[id].answers != 1;
	/* Said to be cancelled, and cancelled, are the same. */
	bad += (ids[id].cancel_res == 0) != (ids[id].res == -ECANCELED);
	bad += ids[id].res != 32 && ids[id].res != -ECANCELED &&
	       ids[id].res != -EAGAIN;
	ids[id].busy = false;
}

static void take_cancel(unsigned int id, const struct ukcf_cqe *c)
{
	ids[id].cancelling = false;
	ids[id].cancel_res = c->res;
	n_already += c->res == -EALREADY;
	n_too_late += c->res == -ENOENT;
	bad += c->res != 0 && c->res != -EALREADY && c->res != -ENOENT;
	settle(id);
}

static void take(struct rng *rng, const struct ukcf_cqe *c)
{
	unsigned int id = (unsigned int)(c->user_data & (IDS - 1));

	if (c->user_data & CANCEL) {
		take_cancel(id, c);
		return;
	}
	if (kind_of(c) == UKCF_CQE_QUEUED) {
		bad += c->u.value == 0 || c->u.value >> 63;
		ids[id].handle = c->u.value;
		if (rng_below(rng, 4))
			send_cancel(id);
		return;
	}
	ids[id].answers++;
	ids[id].res = c->res;
	settle(id);
}

/* With a request on the worker, exactly SLOTS more find a place. */
static void capacity_is(unsigned int slots)
{
	struct ukcf_sqe s = work(1, 200 * MS), space = { .user_data = 2 };
	unsigned int queued = 0, rejected = 0, cancelled = 0, results = 0;
	uint64_t handles[ENTRIES];

	entry_submit(ring, &s, 1);
	ukcf_prep_notify_space(&space, UKCF_QUEUE_BULK, slots);
	entry_submit(ring, &space, 1);
	for (;;) { /* room for all of them: the worker has the first one */
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		if (kind_of(&c) == UKCF_CQE_SPACE)
			break;
	}
	for (unsigned int i = 0; i < slots + 2; i++) {
		s = work(3, 0);
		entry_submit(ring, &s, 1);
	}
	while (queued + rejected < slots + 2) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		if (kind_of(&c) == UKCF_CQE_QUEUED)
			handles[queued++] = c.u.value;
		else if (c.user_data == 3)
			rejected += c.res == -EAGAIN &&
				    c.provider == UKCF_QUEUE_BULK;
	}
	for (unsigned int i = 0; i < queued; i++) {
		struct ukcf_sqe cancel = { .user_data = 4 };

		ukcf_prep_cancel(&cancel, handles[i]);
		entry_submit(ring, &cancel, 1);
	}
	while (results < 2 * queued + 1) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		cancelled += c.user_data == 3 && c.res == -ECANCELED;
		results++;
	}
	check(queued == slots && rejected == 2 && cancelled == slots,
	      "a queue of %u: %u found a place, %u did not, %u were cancelled",
	      slots, queued, rejected, cancelled);
}

static void cancel(unsigned int slots)
{
	uint64_t goal = scaled(34000, 10000000);
	/* more than there are places, yet most find one */
	const unsigned int most = slots + 3 < IDS ? slots + 3 : IDS;
	struct rng rng;
	unsigned int flying = 0;

	rng_init(&rng, slots);
	while (n_pairs < goal || flying) {
		int id = n_pairs < goal && flying < most ? free_id(&rng) : -1;

		if (id >= 0 && rng_below(&rng, 3)) {
			struct ukcf_sqe s =
				work((uint64_t)id, rng_below(&rng, 3000));

			memset(&ids[id], 0, sizeof(ids[id]));
			ids[id].busy = true;
			ids[id].cancel_res = -1;
			entry_submit(ring, &s, 1);
			flying++;
		} else if (flying) {
			uint64_t before = n_ended;
			struct ukcf_cqe c = entry_next(ring, WAIT_NS);

			take(&rng, &c);
			flying -= (unsigned int)(n_ended - before);
		}
	}
	note("%llu requests: %llu cancelled, %llu rejected; cancels: %llu ran, "
	     "%llu were too late", (unsigned long long)n_ended,
	     (unsigned long long)n_cancelled, (unsigned long long)n_rejected,
	     (unsigned long long)n_already, (unsigned long long)n_too_late);
	check(bad == 0, "a queue of %u: %llu requests with their cancels, each "
			"ended once, and as its cancel said",
	      slots, (unsigned long long)n_pairs);
	check(n_cancelled > 0 && n_already + n_too_late > 0,
	      "both sides won some of the races");
	capacity_is(slots);
}

/* ------------------------------------------------------------------- space */

#define WINDOW 64 /* requests of a consumer that have not ended: more than there
		     are places, also beside pretend hardware */

/* One request: sent, perhaps rejected and told of room, and sent again. */
static void take_space(const struct ukcf_cqe *c, unsigned int *flying,
		       uint64_t *cycles, bool *right)
{
	struct ukcf_sqe s;

	if (kind_of(c) == UKCF_CQE_QUEUED)
		return;
	if (kind_of(c) == UKCF_CQE_RESULT && c->res != -EAGAIN) {
		*right = *right && c->res == 32;
		--*flying;
		return;
	}
	if (kind_of(c) == UKCF_CQE_RESULT) /* -EAGAIN: the event will come */
		return;
	++*cycles;
	s = work(c->user_data, 2000);
	s.flags |= UKCF_SQE_NOTIFY_SPACE;
	entry_submit(ring, &s, 1);
}

/* One consumer of many: until it was rejected and told of room n times. */
static int one_of_many(uint64_t n)
{
	uint64_t cycles = 0, sent = 0;
	unsigned int flying = 0;
	bool right = true;

	open_all();
	while (cycles < n || flying) {
		struct ukcf_cqe c;

		while (cycles < n && flying < WINDOW) {
			struct ukcf_sqe s = work(sent++, 2000);

			s.flags |= UKCF_SQE_NOTIFY_SPACE;
			entry_submit(ring, &s, 1);
			flying++;
		}
		c = entry_next(ring, WAIT_NS);
		take_space(&c, &flying, &cycles, &right);
	}
	ukcf_disconnect(conn);
	return right ? 0 : 1;
}

/* A wake-up that is lost is a request that never ends: entry_next() has a
 * deadline.  The queue has fewer places than one consumer wants. */
static void space(void)
{
	uint64_t each = scaled(1000, 1000000 / CONSUMERS) / slowness();
	unsigned int good = 0;
	int status;

	for (unsigned int i = 0; i < CONSUMERS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(one_of_many(each));
		if (pid < 0)
			check_bail("fork: %m");
	}
	while (wait(&status) > 0)
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	check(good == CONSUMERS, "%u of %u consumers were rejected and told of "
	      "room %llu times each", good, CONSUMERS,
	      (unsigned long long)each);
}

/* ---------------------------------------------------------------- deadline */

/* What waits ends when its time is over, not when a worker comes to it. */
static void deadline(void)
{
	struct ukcf_sqe s = work(1, 900 * MS);
	struct ukcf_cqe c;

	entry_submit(ring, &s, 1);
	s = work(2, 0);
	s.timeout_us = 20000;
	entry_submit(ring, &s, 1);
	do {
		c = entry_next(ring, WAIT_NS);
	} while (kind_of(&c) != UKCF_CQE_RESULT);
	check(c.user_data == 2 && c.res == -ETIMEDOUT,
	      "a request in a queue ends at its deadline, while the worker is "
	      "busy");
	do {
		c = entry_next(ring, WAIT_NS);
	} while (kind_of(&c) != UKCF_CQE_RESULT);
	check(c.user_data == 1 && c.res == 32, "and the other one as it does");
}

/* ------------------------------------------------------------------ killed */

#define MANY 20 /* user_data of who waits for the whole queue */
#define RETRIED 30
#define LAST 40
#define LONG_NS (1500 * MS * slowness())

static struct {
	unsigned int queued, rejected, told, done;
	bool replayed;
} seen[LAST + 1];

static struct ukcf_cqe note_cqe(void)
{
	struct ukcf_cqe c = entry_next(ring, WAIT_NS);
	uint64_t id = c.user_data <= LAST ? c.user_data : LAST;

	if (kind_of(&c) == UKCF_CQE_SPACE)
		seen[id].told++;
	else if (kind_of(&c) == UKCF_CQE_QUEUED)
		seen[id].queued++;
	else if (c.res == -EAGAIN)
		seen[id].rejected++;
	else
		seen[id].done += id == MANY ? c.res == 0 : c.res == 32;
	seen[id].replayed |= (c.flags & UKCF_CQE_F_REPLAYED) != 0;
	return c;
}

/* A rejection may come later than the answer to what was asked after it. */
static bool all_judged(unsigned int slots)
{
	bool judged = seen[MANY].done;

	for (unsigned int i = 1; i <= slots + 3; i++)
		judged &= seen[i].queued || seen[i].rejected;
	return judged;
}

/* One on the worker, a full queue, and those who wait for room in it. */
static void fill_up(unsigned int slots)
{
	struct ukcf_sqe s = work(0, LONG_NS);

	entry_submit(ring, &s, 1);
	for (unsigned int i = 1; i <= slots + 3; i++) {
		s = work(i, 0);
		s.flags |= UKCF_SQE_NOTIFY_SPACE;
		entry_submit(ring, &s, 1);
	}
	s = work(RETRIED, 0);
	if (ukcf_submit_retry(ring, &s))
		check_bail("submit, and again");
	s = (struct ukcf_sqe){ .user_data = MANY };
	ukcf_prep_notify_space(&s, UKCF_QUEUE_BULK, slots);
	entry_submit(ring, &s, 1);
	while (!all_judged(slots))
		note_cqe();
}

/* Was each either done, or rejected and then told? */
static bool all_ended(unsigned int slots)
{
	bool ended = seen[0].done && seen[RETRIED].done && seen[MANY].told;

	for (unsigned int i = 1; i <= slots + 3; i++)
		ended &= seen[i].rejected ? seen[i].told : seen[i].done;
	return ended;
}

static bool each_once(unsigned int slots)
{
	bool once = seen[0].done == 1 && seen[RETRIED].done == 1 &&
		    !seen[RETRIED].told && seen[MANY].told == 1;

	for (unsigned int i = 1; i <= slots + 3; i++)
		once &= seen[i].rejected == seen[i].told &&
			seen[i].rejected + seen[i].done == 1;
	return once;
}

static void killed(unsigned int slots)
{
	pid_t pid = probe_pid();
	unsigned int rejected = 0;
	struct ukcf_sqe s;

	open_all();
	fill_up(slots);
	for (unsigned int i = 1; i <= slots + 3; i++)
		rejected += seen[i].rejected;
	kill(pid, SIGKILL);
	while (!all_ended(slots))
		note_cqe();
	check(rejected >= 2 && seen[0].replayed &&
		      probe_restarted(pid, 20000 * slowness()) > 0,
	      "killed while %u wait for room: what was accepted is done",
	      rejected);
	s = work(LAST, 0);
	entry_submit(ring, &s, 1);
	while (!seen[LAST].done)
		note_cqe();
	check(each_once(slots), "whoever waited is told of room, once");
}

/* ----------------------------------------------------------------- shares */

#define BACKLOG 240u /* requests that each of the two heavy ones has waiting */
/* Whose it is shows in the trace by its size; one class, so one prediction. */
#define HEAVY 100u
#define EQUAL 101u
#define LIGHT 102u
#define WARM 110u /* so that it is predicted right */
#define EACH_NS (100 * UINT64_C(1000))

struct side {
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
	unsigned int bytes;
};

/* Whose group decides its weight. */
static struct side side_open(gid_t group, unsigned int bytes)
{
	struct side s = { .bytes = bytes };

	if (setegid(group) || ukcf_connect(&s.u, NULL, 0) || setegid(0) ||
	    ukcf_ring_open(s.u, ENTRIES, &s.r) ||
	    ukcf_buffer_alloc(s.u, UKCF_BUFFER_INPUT, 4096, &s.in) ||
	    ukcf_buffer_alloc(s.u, UKCF_BUFFER_OUTPUT, 32, &s.out))
		check_bail("no ring of group %u", (unsigned int)group);
	return s;
}

static void side_submit(const struct side *s, unsigned int n)
{
	while (n-- > 0) {
		struct ukcf_sqe e = work(0, EACH_NS);

		e.flags = UKCF_SQE_QUEUE;
		e.in.len = s->bytes;
		e.buf[UKCF_RANGE_IN] = ukcf_buffer_index(s->in);
		e.buf[UKCF_RANGE_OUT] = ukcf_buffer_index(s->out);
		if (ukcf_submit_sqes(s->r, &e, 1) != 1)
			check_bail("the ring is full");
	}
}

static unsigned int side_await(const struct side *s, unsigned int kind,
			       unsigned int n)
{
	const struct ukcf_cqe *c;
	unsigned int right = 0;

	while (n) {
		if (ukcf_wait_cqe(s->r, &c, WAIT_NS))
			check_bail("no completion");
		if (kind_of(c) == kind) {
			n--;
			right += kind == UKCF_CQE_QUEUED || c->res == 32;
		}
		ukcf_cqe_seen(s->r);
	}
	return right;
}

/*
 * While the worker is held, two consumers of different weight fill the queue,
 * and then a third one has one request.  Who is served when is in the trace:
 * shares GROUP, which has another weight.
 */
static void shares(gid_t group)
{
	struct side heavy = side_open(group, HEAVY);
	struct side equal = side_open(0, EQUAL);
	struct side light = side_open(0, LIGHT), warm = side_open(0, WARM);
	struct ukcf_sqe hold;

	open_all();
	side_submit(&warm, 100);
	side_await(&warm, UKCF_CQE_RESULT, 100);
	hold = work(1, 1500 * MS); /* on a loaded machine, too */
	entry_submit(ring, &hold, 1);
	entry_next(ring, WAIT_NS); /* queued: it is before all others */
	side_submit(&heavy, BACKLOG);
	side_submit(&equal, BACKLOG);
	side_await(&equal, UKCF_CQE_QUEUED, BACKLOG);
	side_submit(&light, 1);
	check(side_await(&light, UKCF_CQE_RESULT, 1) == 1 &&
		      side_await(&heavy, UKCF_CQE_RESULT, BACKLOG) ==
			      BACKLOG &&
		      side_await(&equal, UKCF_CQE_RESULT, BACKLOG) == BACKLOG,
	      "all are served");
	ukcf_disconnect(heavy.u);
	ukcf_disconnect(equal.u);
	ukcf_disconnect(light.u);
	ukcf_disconnect(warm.u);
}

#define RINGS 8u
#define EACH 200u /* entries of a ring */

/* A short request, which runs at once. */
static void side_fill(const struct side *s, struct ukcf_ring *r)
{
	struct ukcf_sqe e;

	if (ukcf_prep_digest(&e, UKCF_MECH_SHA2_256,
			     ukcf_buffer_span(s->in, 0, s->bytes),
			     ukcf_buffer_span(s->out, 0, 32)))
		check_bail("prep");
	for (unsigned int i = 0; i < EACH; i++)
		entry_submit(r, &e, 1);
}

/*
 * While the daemon is stopped, one consumer fills eight rings, and another one
 * fills one; what is served when is in the trace.
 */
static void rings(void)
{
	struct side many = side_open(getegid(), HEAVY);
	struct side one = side_open(getegid(), LIGHT);
	struct ukcf_ring *r[RINGS] = { many.r };
	pid_t pid = probe_pid();
	unsigned int done = 0;

	for (unsigned int i = 1; i < RINGS; i++)
		if (ukcf_ring_open(many.u, ENTRIES, &r[i]))
			check_bail("no ring");
	kill(pid, SIGSTOP);
	while (!probe_stopped(pid))
		probe_pause();
	for (unsigned int i = 0; i < RINGS; i++)
		side_fill(&many, r[i]);
	side_fill(&one, one.r);
	kill(pid, SIGCONT);
	for (unsigned int i = 0; i < RINGS; i++) {
		many.r = r[i];
		done += side_await(&many, UKCF_CQE_RESULT, EACH);
	}
	check(done == RINGS * EACH &&
		      side_await(&one, UKCF_CQE_RESULT, EACH) == EACH,
	      "all are served");
	ukcf_disconnect(many.u);
	ukcf_disconnect(one.u);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "cancel")) {
		open_all();
		cancel((unsigned int)atoi(argv[2]));
	} else if (argc == 2 && !strcmp(argv[1], "space")) {
		space();
	} else if (argc == 2 && !strcmp(argv[1], "deadline")) {
		open_all();
		deadline();
	} else if (argc == 3 && !strcmp(argv[1], "shares")) {
		shares((gid_t)atoi(argv[2]));
	} else if (argc == 2 && !strcmp(argv[1], "rings")) {
		rings();
	} else if (argc == 3 && !strcmp(argv[1], "killed")) {
		killed((unsigned int)atoi(argv[2]));
	} else {
		check_bail("usage: queues cancel SLOTS | space | deadline | "
			   "killed SLOTS | shares GROUP | rings");
	}
	return check_done();
}
