/* SPDX-License-Identifier: MIT */
/*
 * Both sides of a ring in one thread: the test is the consumer, and stands in
 * for the service thread.  The calls by which a ring reaches its service
 * thread are taken by the linker (--wrap).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/api/quota.h"
#include "daemon/api/ring.h"
#include "daemon/config.h"
#include "daemon/core/backlog.h"
#include "daemon/core/chain.h"
#include "daemon/core/service.h"
#include "lib/shared/ring-ops.h"
#include "tests/unit/fixture.h"

static unsigned int attached, detached, kicked;

void __wrap_service_attach(struct ring *r);
void __wrap_service_detach(struct ring *r);
void __wrap_service_kick(struct service *s);

void __wrap_service_attach(struct ring *r)
{
	(void)r;
	attached++;
}

void __wrap_service_detach(struct ring *r)
{
	(void)r;
	detached++;
}

void __wrap_service_kick(struct service *s)
{
	(void)s;
	kicked++;
}

/* ----------------------------------------------------- the consumer's side */

static struct ring *r;
static struct ukcf_sq_head *sq;
static struct ukcf_sqe *sqes;
static const struct ukcf_cq_head *cq;
static const struct ukcf_cqe *cqes;
static unsigned int order;
static uint64_t sq_tail, cq_head;

static void map_halves(int fds[2])
{
	char *p = mmap(NULL, ring_sq_size(r), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fds[0], 0);
	const char *q = mmap(NULL, ring_cq_size(r), PROT_READ,
			     MAP_SHARED | MAP_POPULATE, fds[1], 0);

	cr_assert(p != MAP_FAILED && q != MAP_FAILED);
	sq = (void *)p;
	sqes = (void *)(p + UKCF_RING_SLOTS);
	cq = (const void *)q;
	cqes = (const void *)(q + UKCF_RING_SLOTS);
	sq->cq_event = UINT32_MAX / 2; /* no wake-up is wanted */
}

static void open_ring(unsigned int sq_order)
{
	int fds[2];

	order = sq_order;
	cr_assert_eq(ring_create(&fx.consumer, order, 5, &r, fds), 0);
	map_halves(fds);
	close(fds[0]);
	close(fds[1]);
	cr_assert_eq(ring_ready(r), 0);
	sq_tail = cq_head = 0;
}

static void setup(void)
{
	fixture_init();
	open_ring(2);
}

TestSuite(ring, .init = setup);

static void submit(uint64_t user_data, uint16_t flags)
{
	struct ukcf_sqe *s = &sqes[sq_tail & ((1u << order) - 1)];

	*s = (struct ukcf_sqe){ .op = UKCF_OP_NOP,
				.flags = flags,
				.user_data = user_data };
	store_release_u32(&s->gen, ring_gen_sqe(sq_tail, order));
	sq_tail++;
}

static const struct ukcf_cqe *peek(void)
{
	const struct ukcf_cqe *c = &cqes[cq_head & ((2u << order) - 1)];

	return c->gen == ring_gen_cqe(cq_head, order + 1) ? c : NULL;
}

static void seen(void)
{
	store_release_u32(&sq->cq_head, (uint32_t)++cq_head);
}

/* As the service thread would: take, answer at once, post. */
static void answer(struct request *req)
{
	req->flags = UKCF_CQE_F_INLINE;
	request_result(req, 0, 0);
	ring_post(req);
}

static unsigned int serve(void)
{
	struct request *req;
	unsigned int n = 0;

	cr_assert(ring_cq_acquire(r));
	while ((req = ring_take(r, 1))) {
		ring_no_ack(req);
		answer(req);
		n++;
	}
	ring_publish_head(r);
	ring_cq_release(r);
	return n;
}

/* ------------------------------------------------------------------- tests */

Test(ring, orders_outside_the_abi_are_EINVAL)
{
	static const unsigned int bad[] = { 0, UKCF_SQ_ORDER_MAX + 1, 31, 32,
					    255, UINT32_MAX };
	struct ring *q;
	int fds[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(ring_create(&fx.consumer, bad[i], 1, &q, fds),
			     -EINVAL, "%u", bad[i]);
	cr_assert_eq(ring_create(&fx.consumer, UKCF_SQ_ORDER_MAX, 1, &q, fds),
		     0);
	cr_assert_eq(ring_cq_order(q), UKCF_CQ_ORDER_MAX);
}

Test(ring, the_completion_half_is_given_read_only_and_the_other_is_sealed)
{
	int fds[2];

	cr_assert_eq(ring_reopen(r, fds), 0);
	cr_assert_eq(fcntl(fds[1], F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fds[1], 0),
		     MAP_FAILED);
	cr_assert_eq(fallocate(fds[0], FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
}

Test(ring, one_with_holes_is_EPROTO_and_not_attached)
{
	unsigned int before = attached;
	struct ring *q;
	int fds[2];

	cr_assert_eq(ring_create(&fx.consumer, 2, 6, &q, fds), 0);
	cr_assert_eq(ring_ready(q), -EPROTO);
	cr_assert_eq(attached, before);
	cr_assert_not(ring_is_live(q));
}

Test(ring, acknowledging_twice_attaches_once)
{
	cr_assert_eq(ring_ready(r), 0);
	cr_assert_eq(attached, 1);
}

Test(ring, every_entry_is_answered_once_in_order_round_after_round)
{
	uint64_t next = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		unsigned int n = 1 + (unsigned int)(i % 4);

		for (unsigned int k = 0; k < n; k++)
			submit(sq_tail, 0);
		while (next < sq_tail) {
			serve();
			while (peek()) {
				cr_assert_eq(peek()->user_data, next++);
				seen();
			}
		}
	}
	cr_assert_null(peek());
}

Test(ring, an_entry_is_taken_by_its_generation_and_by_nothing_else)
{
	struct ukcf_sqe *s = &sqes[0];

	s->op = UKCF_OP_NOP;
	for (uint32_t g = 0; g < 70000; g++) {
		if (g == 1)
			continue;
		s->gen = g;
		cr_assert_not(ring_has_entry(r), "%u", g);
	}
	s->gen = UINT32_MAX;
	cr_assert_null(ring_take(r, 1));
	sq->tail = 1; /* a hint moves nothing */
	cr_assert_null(ring_take(r, 1));
	s->gen = 1;
	cr_assert_not_null(ring_take(r, 1));
	cr_assert_null(ring_take(r, 1), "once");
}

/* What the consumer does to the slot afterwards is its own business. */
Test(ring, an_entry_is_a_private_copy_once_it_was_taken)
{
	struct request *req;

	submit(4711, UKCF_SQE_QUEUE);
	req = ring_take(r, 1);
	memset(&sqes[0], 0xff, sizeof(sqes[0]));
	cr_assert_eq(req->entry->sqe.user_data, 4711);
	cr_assert_eq(req->entry->sqe.op, UKCF_OP_NOP);
	cr_assert_eq(req->entry->seq, 0);
	cr_assert_eq(req->entry->state, REC_ENTRY_ACCEPTED);
}

/* Credits: whatever is submitted, no completion is overwritten unread. */
Test(ring, who_does_not_reap_stalls_itself_and_goes_on_when_it_reaps)
{
	unsigned int n = 0, served;

	do {
		while (sq_tail - cq->sq_head < 1u << order)
			submit(sq_tail, 0);
		served = serve();
		n += served;
	} while (served);
	cr_assert(n <= 2u << order, "%u taken, %u places", n, 2u << order);
	cr_assert(cq->flags & UKCF_RING_STALLED);
	cr_assert(ring_arm(r), "nothing can be taken: it may sleep");
	for (unsigned int i = 0; i < n; i++) {
		cr_assert_eq(peek()->user_data, i);
		seen();
	}
	cr_assert_null(peek());
	cr_assert_not(ring_arm(r), "there is something to take");
	cr_assert_gt(serve(), 0);
	cr_assert_not(cq->flags & UKCF_RING_STALLED);
}

/* Any value of the consumer's words stalls the consumer, nobody else. */
Test(ring, a_lying_cq_head_takes_nothing_that_has_no_place)
{
	static const uint32_t lies[] = { 1, 7, 8, 9, 1000, 0x7fffffff,
					 0x80000000, 0xfffffff7, 0xffffffff };

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		open_ring(2);
		sq->cq_head = lies[i];
		sq->tail = ~lies[i];
		for (int k = 0; k < 100; k++) {
			while (sq_tail - cq->sq_head < 4)
				submit(sq_tail, UKCF_SQE_QUEUE);
			serve();
		}
	}
}

/*
 * An entry that asks to be queued has two places reserved.  If it is refused
 * or runs at once it needs one; the other must come back, or the ring stands
 * still after as many such requests as it has places.
 */
Test(ring, a_place_reserved_for_QUEUED_and_not_needed_comes_back)
{
	for (uint64_t i = 0; i < 1000; i++) {
		submit(i, UKCF_SQE_QUEUE);
		cr_assert_eq(serve(), 1, "request %lu", (unsigned long)i);
		cr_assert_not_null(peek());
		cr_assert_eq(peek()->user_data, i);
		seen();
	}
}

Test(ring, queued_then_result_with_one_handle_of_which_bit_63_is_clear)
{
	struct request *req;

	submit(9, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE);
	req = ring_take(r, 1);
	cr_assert(req->ack_due);
	cr_assert(ring_cq_acquire(r));
	ring_post_queued(req);
	ring_queued(req);
	ring_cq_release(r);
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_QUEUED);
	cr_assert_eq(peek()->user_data, 9);
	cr_assert(peek()->u.value != 0 && peek()->u.value >> 63 == 0);
	seen();
	request_result(req, 55, 0);
	ring_complete(req);
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_RESULT);
	cr_assert_eq(peek()->res, 55);
	seen();
	cr_assert_null(peek());
}

/* By another thread, before the service thread came to it. */
Test(ring, a_result_never_comes_before_its_QUEUED)
{
	struct request *req;

	submit(9, UKCF_SQE_QUEUE);
	req = ring_take(r, 1);
	ring_queued(req);
	request_result(req, 1, 0);
	ring_complete(req);
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_QUEUED);
	seen();
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_RESULT);
}

Test(ring, what_others_complete_is_posted_by_the_owner_when_it_lets_go)
{
	struct request *a, *b;

	submit(1, 0);
	submit(2, 0);
	a = ring_take(r, 1);
	b = ring_take(r, 1);
	cr_assert(ring_cq_acquire(r));
	cr_assert_not(ring_cq_acquire(r));
	ring_complete(a);
	ring_complete(b);
	cr_assert_null(peek());
	ring_cq_release(r);
	cr_assert_eq(peek()->user_data, 1);
	seen();
	cr_assert_eq(peek()->user_data, 2);
}

Test(ring, a_service_thread_starved_of_entries_is_woken_when_one_returns)
{
	struct request *taken[4];

	for (int i = 0; i < 4; i++)
		submit((uint64_t)i, 0);
	for (int i = 0; i < 4; i++)
		taken[i] = ring_take(r, 1);
	ring_publish_head(r);
	submit(4, 0);
	cr_assert_null(ring_take(r, 1));
	cr_assert(ring_arm(r));
	cr_assert_eq(kicked, 0);
	ring_complete(taken[0]);
	cr_assert_eq(kicked, 1);
	cr_assert_not_null(ring_take(r, 1));
}

Test(ring, arming_sees_what_was_published_before_it)
{
	cr_assert(ring_arm(r));
	cr_assert_eq(cq->sq_event, 0);
	cr_assert(ring_event_passed(cq->sq_event, 1, 0));
	ring_disarm(r);
	cr_assert_not(ring_event_passed(cq->sq_event, 1, 0));
	submit(1, 0);
	cr_assert_not(ring_arm(r));
	cr_assert_not(ring_event_passed(cq->sq_event, 1, 0));
}

Test(ring, a_wake_is_counted_only_when_the_armed_index_was_passed)
{
	uint32_t futex = cq->futex;

	submit(1, 0);
	serve();
	cr_assert_eq(cq->futex, futex, "nobody asked");
	sq->cq_event = 1;
	submit(2, 0);
	serve();
	cr_assert_neq(cq->futex, futex);
	futex = cq->futex;
	submit(3, 0);
	serve();
	cr_assert_eq(cq->futex, futex, "once");
}

Test(ring, closing_says_so_and_memory_goes_with_the_last_request)
{
	struct request *req;
	uint32_t refs = fx.consumer.refs;

	submit(1, 0);
	req = ring_take(r, 1);
	ring_queued(req);
	ring_close(r);
	cr_assert(cq->flags & UKCF_RING_DEAD);
	cr_assert_eq(detached, 1);
	ring_detached(r);
	ring_reap();
	cr_assert_eq(fx.consumer.refs, refs, "the request keeps it");
	ring_complete(req);
	ring_reap();
	cr_assert_eq(fx.consumer.refs, refs - 1);
	cr_assert_eq(peek()->user_data, 1, "also the last one was answered");
}

Test(ring, closing_gives_the_quota_back_with_the_last_request)
{
	const struct config config = { .rings = 4, .requests = 64 };
	const uid_t uid = fx.consumer.uid;
	unsigned int all = ring_count_all();
	struct request *req;

	quota_init(&config);
	cr_assert_eq(quota_charge_ring(uid, ring_entries(r)), 0);
	submit(1, 0);
	req = ring_take(r, 1);
	ring_queued(req);
	ring_close(r);
	ring_detached(r);
	ring_reap();
	cr_assert_eq(quota_left(uid, QUOTA_RINGS), 3, "the request keeps it");
	cr_assert_eq(quota_left(uid, QUOTA_REQUESTS), 60);
	cr_assert_eq(ring_count_all(), all);
	ring_complete(req);
	ring_reap();
	cr_assert_eq(quota_left(uid, QUOTA_RINGS), 4);
	cr_assert_eq(quota_left(uid, QUOTA_REQUESTS), 64);
	cr_assert_eq(ring_count_all(), all - 1);
}

static struct request *put(struct backlog *b, uint64_t user_data)
{
	struct request *req;

	submit(user_data, 0);
	req = ring_take(r, 1);
	ring_queued(req);
	req->deadline_ns = UINT64_MAX;
	cr_assert_eq(backlog_put(b, req, false, false, NULL), 0);
	return req;
}

Test(ring, closing_cancels_what_waits_and_nothing_that_runs)
{
	struct request *req;
	unsigned int detail;
	struct backlog b;

	cr_assert_eq(backlog_init(&b, UKCF_QUEUE_BULK, 8, 1, false), 0);
	for (unsigned int i = 1; i <= 3; i++)
		put(&b, i);
	req = backlog_take(&b);
	cr_assert_eq(request_must_end(req, &detail), 0);
	ring_close(r);
	cr_assert_eq(request_must_end(req, &detail), -ECANCELED);
	cr_assert_eq(detail, UKCF_DETAIL_CANCELED);
	cr_assert_not(ring_sweep(r, 3), "others have their turn");
	cr_assert(ring_sweep(r, 3));
	cr_assert_eq(backlog_depth(&b), 0);
	cr_assert_eq(b.counts.cancelled, 2);
	for (unsigned int i = 0; i < 2; i++) {
		cr_assert_eq(peek()->res, -ECANCELED);
		cr_assert_neq(peek()->user_data, 1, "that one runs");
		cq_head++;
	}
	cr_assert_null(peek());
	request_end(req, 0, 0);
	cr_assert_eq(peek()->user_data, 1);
	backlog_free(&b);
}

Test(ring, closing_ends_its_waits_for_room_and_no_others)
{
	const struct config config = { .rings = 4, .requests = 64 };
	struct backlog b;
	struct want_space want = { .slots = 8 };

	quota_init(&config);
	cr_assert_eq(quota_charge_ring(fx.consumer.uid, ring_entries(r)), 0);
	cr_assert_eq(backlog_init(&b, UKCF_QUEUE_BULK, 8, 1, false), 0);
	want.req = put(&b, 1);
	cr_assert_eq(backlog_want_space(&b, &want), 0);
	cr_assert(ring_has_waiters(r));
	backlog_forget(&b, NULL);
	cr_assert(ring_has_waiters(r), "another ring's");
	ring_close(r);
	backlog_forget(&b, r);
	cr_assert_not(ring_has_waiters(r));
	cr_assert(ring_sweep(r, 4));
	ring_detached(r);
	ring_reap();
	cr_assert_eq(quota_left(fx.consumer.uid, QUOTA_RINGS), 4);
	backlog_free(&b);
}

Test(ring, counters_say_what_happened)
{
	struct ukcf_counts n = { 0 };
	struct request *req;

	submit(1, 0);
	serve();
	submit(2, 0);
	req = ring_take(r, 1);
	req->refused = true;
	ring_complete(req);
	submit(3, 0);
	ring_complete(ring_take(r, 1));
	ring_counts(r, &n);
	cr_assert_eq(n.accepted, 3);
	cr_assert_eq(n.completed, 3);
	cr_assert_eq(n.inlined, 1);
	cr_assert_eq(n.refused, 1);
	cr_assert_eq(n.queued, 1);
}

/* ---------------------------------------------------------------- restart */

/*
 * A process that is killed leaves the shared memory as it was between two
 * stores.  A child does the work, one instruction at a time; after each
 * instruction that changed the record, the in-flight table or the CQ half,
 * those are kept.  Each of these states is then taken over as a restarted
 * daemon does.
 */
#define REC 1u /* the ring of the fixture is 0 */
#define STATES_MAX 400
#define CQ_BYTES 8192

struct state {
	struct rec_ring rec;
	struct rec_entry entries[4];
	uint8_t cq[CQ_BYTES];
};

static struct state *states;
static unsigned int n_states;
static int cq_fd = -1; /* the daemon's own descriptor */

static void look(struct state *s)
{
	s->rec = recovery->rings[REC];
	memcpy(s->entries, recovery_entries(REC), sizeof(s->entries));
	memcpy(s->cq, cq, CQ_BYTES);
}

static void put_back(const struct state *s)
{
	recovery->rings[REC] = s->rec;
	memcpy(recovery_entries(REC), s->entries, sizeof(s->entries));
	cr_assert(pwrite(cq_fd, s->cq, CQ_BYTES, 0) == CQ_BYTES);
}

/* The daemon keeps its memory from children; here one is to be killed. */
static void let_children_have_it(void)
{
	unsigned long from, to;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), f))
		if (strstr(line, "memfd:ukcf-") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			madvise((void *)from, to - from, MADV_DOFORK);
	fclose(f);
}

static int writable_fd_of(int given)
{
	struct stat want, st;

	cr_assert_eq(fstat(given, &want), 0);
	for (int fd = 3; fd < 200; fd++)
		if (fd != given && fstat(fd, &st) == 0 &&
		    st.st_ino == want.st_ino && st.st_dev == want.st_dev &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return fd;
	cr_assert_fail("no writable descriptor of the CQ half");
	return -1;
}

static int64_t result_of(const struct request *req)
{
	return 100 + (int64_t)req->entry->sqe.user_data;
}

/* Two that run at once, one that is queued and ends, one that does not. */
static void work(void)
{
	struct request *req, *queued;

	ring_cq_acquire(r);
	for (int i = 0; i < 2; i++) {
		req = ring_take(r, 1);
		request_result(req, result_of(req), 0);
		ring_post(req);
	}
	queued = ring_take(r, 1);
	ring_queued(queued);
	ring_post_queued(queued);
	ring_publish_head(r);
	ring_cq_release(r);
	request_result(queued, result_of(queued), 0);
	ring_complete(queued);
	ring_take(r, 1);
}

static void keep_state(void)
{
	struct state now;

	look(&now);
	if (n_states && memcmp(&states[n_states - 1], &now, sizeof(now)) == 0)
		return;
	cr_assert_lt(n_states, STATES_MAX);
	states[n_states++] = now;
}

/* Return: false: this process may not trace its child. */
static bool step_through(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		work();
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	if (!WIFSTOPPED(status))
		return false;
	while (WIFSTOPPED(status)) {
		keep_state();
		cr_assert(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
		cr_assert(waitpid(pid, &status, 0) == pid);
	}
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return true;
}

static struct ring *kept[STATES_MAX];

static void restart(unsigned int n)
{
	uint16_t index = recovery->rings[REC].index;
	int fds[2];

	cr_assert_eq(ring_reopen(r, fds), 0);
	close(fds[1]);
	fx.consumer.rings[index] = NULL;
	cr_assert_eq(ring_restore(&fx.consumer, REC, fds[0], dup(cq_fd)), 0);
	kept[n] = r;
	r = fx.consumer.rings[index];
	cr_assert_eq(ring_ready(r), 0);
}

static void answer_again(struct request *req)
{
	request_result(req, result_of(req), 0);
	ring_post(req);
}

static void serve_again(void)
{
	struct request *req;

	cr_assert(ring_cq_acquire(r));
	while ((req = ring_take_replay(r, 1)))
		answer_again(req);
	while ((req = ring_take(r, 1)))
		answer_again(req);
	ring_publish_head(r);
	ring_cq_release(r);
}

static struct ukcf_cqe was_visible[16];

static unsigned int visible(void)
{
	unsigned int n = 0;

	for (cq_head = 0; peek(); cq_head++)
		was_visible[n++] = *peek();
	cq_head = 0;
	return n;
}

/* Requests 0 to 3 each have one result; 2 was announced once, before it. */
static void check_answers(unsigned int n_before, unsigned int state)
{
	unsigned int results[4] = { 0 }, acks = 0, n = 0;

	for (cq_head = 0; peek(); cq_head++, n++) {
		const struct ukcf_cqe *c = peek();
		uint64_t who = c->user_data;

		if (n < n_before)
			cr_assert_eq(memcmp(c, &was_visible[n], sizeof(*c)),
				     0, "state %u: CQE %u changed", state, n);
		cr_assert_lt(who, 4);
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED) {
			cr_assert(who == 2 && !results[2], "state %u", state);
			acks++;
			continue;
		}
		cr_assert_eq(c->res, 100 + (int64_t)who);
		results[who]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		cr_assert_eq(results[i], 1, "state %u: request %u has %u "
			     "results", state, i, results[i]);
	cr_assert_eq(acks, 1, "state %u: %u times QUEUED", state, acks);
}

/* The ring is as good as before: many rounds, one answer each. */
static void go_on(unsigned int state)
{
	uint64_t next = 4;

	store_release_u32(&sq->cq_head, (uint32_t)cq_head);
	for (int i = 0; i < 20; i++) {
		while (sq_tail - cq->sq_head < 4)
			submit(sq_tail, 0);
		serve_again();
		for (; peek(); seen())
			cr_assert_eq(peek()->user_data, next++, "state %u",
				     state);
	}
	cr_assert_eq(next, sq_tail);
}

Test(ring, killed_between_any_two_stores_no_answer_is_lost_or_given_twice,
     .timeout = 60)
{
	uint8_t *sq_half = malloc(ring_sq_size(r));
	int fds[2];

	states = calloc(STATES_MAX, sizeof(*states));
	cr_assert(states && sq_half);
	cr_assert_eq(ring_reopen(r, fds), 0);
	cq_fd = writable_fd_of(fds[1]);
	let_children_have_it();
	for (uint64_t i = 0; i < 4; i++)
		submit(i, i == 2 ? UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE : 0);
	memcpy(sq_half, sq, ring_sq_size(r));
	if (!step_through())
		cr_skip_test("ptrace is forbidden here");
	cr_assert_gt(n_states, 40, "%u states", n_states);
	for (unsigned int i = 0; i < n_states; i++) {
		unsigned int n;

		memcpy(sq, sq_half, ring_sq_size(r));
		put_back(&states[i]);
		sq_tail = 4;
		n = visible();
		restart(i);
		serve_again();
		check_answers(n, i);
		go_on(i);
	}
	free(states);
	free(sq_half);
}

/* The consumer's place is read anew, whatever the counters' low half is. */
Test(ring, a_restart_late_in_the_life_of_a_ring_keeps_its_credits)
{
	int fds[2];

	cr_assert_eq(ring_reopen(r, fds), 0);
	cq_fd = writable_fd_of(fds[1]);
	recovery->rings[REC].sq_head = sq_tail = (UINT64_C(1) << 32) + 1;
	recovery->rings[REC].cq_tail = cq_head = (UINT64_C(1) << 32) + 1;
	/* All eight places hold results that were not read. */
	store_release_u32(&sq->cq_head, (uint32_t)(cq_head - 8));
	restart(0);
	submit(1, 0);
	serve_again();
	cr_assert_null(peek(), "an unread result was overwritten");
	store_release_u32(&sq->cq_head, (uint32_t)cq_head);
	serve_again();
	cr_assert_not_null(peek());
}

/* ------------------------------------------------------ who waits for room */

static struct ring_event *waits(const struct request *req)
{
	struct ring_event *e = calloc(1, sizeof(*e));

	e->cqe.user_data = 7;
	e->cqe.flags = UKCF_CQE_SPACE;
	if (ring_event_init(e, req, 3) == 0)
		return e;
	free(e);
	return NULL;
}

/* A consumer may say that it has read what was never there: its credits are its
 * own affair, but not the daemon's memory. */
Test(ring, no_more_wait_for_room_than_the_CQ_has_slots)
{
	struct ring_event *e[8];
	struct request *req;

	submit(1, 0);
	req = ring_take(r, 1);
	for (unsigned int i = 0; i < 8; i++) {
		e[i] = waits(req);
		cr_assert_not_null(e[i], "%u", i);
	}
	cr_assert_null(waits(req));
	ring_post_event(e[5]);
	cr_assert_eq(peek()->user_data, 7);
	e[5] = waits(req);
	cr_assert_not_null(e[5], "who was told makes room");
	cr_assert_null(waits(req));
	for (unsigned int i = 0; i < 8; i++)
		free(e[i]); /* nobody tells them */
}

/* Entries that were never used say the same of themselves as the first one. */
Test(ring, a_restart_knows_that_the_very_first_entry_was_linked)
{
	int fds[2];

	cr_assert_eq(ring_reopen(r, fds), 0);
	cq_fd = writable_fd_of(fds[1]);
	submit(0, UKCF_SQE_LINK);
	cr_assert_not_null(ring_take(r, 1));
	restart(0);
	cr_assert(ring_chain(r)->broken);
}
