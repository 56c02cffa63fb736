/* SPDX-License-Identifier: MIT */
/*
 * What changes on the page, what is told of it, and how it comes to a ring: the
 * test is the consumer, and stands in for the service thread.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/event.h"
#include "daemon/api/page.h"
#include "daemon/api/ring.h"
#include "daemon/core/service.h"
#include "lib/shared/ring-ops.h"
#include "tests/unit/fixture.h"

#define SHA UKCF_MECH_SHA2_256
#define GCM UKCF_MECH_AES_256_GCM

void __wrap_service_attach(struct ring *r);
void __wrap_service_detach(struct ring *r);

void __wrap_service_attach(struct ring *r)
{
	(void)r;
}

void __wrap_service_detach(struct ring *r)
{
	(void)r;
}

/* -------------------------------------------------------------- comparison */

static struct event found[EVENT_LOG];

static unsigned int states(unsigned int from, unsigned int to)
{
	const struct ukcf_page_provider a = { .id = 1, .state = (uint8_t)from },
					b = { .id = 1, .state = (uint8_t)to };
	const struct event_tables ta = { &a, NULL, 1, 0 },
				  tb = { &b, NULL, 1, 0 };
	unsigned int n = event_compare(&ta, &tb, found);

	cr_assert_leq(n, 1);
	if (!n)
		return 0;
	cr_assert(found[0].whom == 1 && found[0].provider == 1);
	return found[0].kind;
}

Test(event, a_provider_is_added_removed_or_has_another_state)
{
	enum { NO = 0, ADDED = UKCF_EVENT_PROVIDER_ADDED,
	       STATE = UKCF_EVENT_PROVIDER_STATE,
	       GONE = UKCF_EVENT_PROVIDER_REMOVED };
	/* absent, loading, ready, busy, failed, draining */
	static const uint8_t expected[6][6] = {
		{ NO, STATE, ADDED, ADDED, ADDED, ADDED },
		{ STATE, NO, ADDED, ADDED, ADDED, ADDED },
		{ GONE, GONE, NO, NO, STATE, STATE },
		{ GONE, GONE, NO, NO, STATE, STATE },
		{ GONE, GONE, STATE, STATE, NO, STATE },
		{ GONE, GONE, STATE, STATE, STATE, NO },
	};

	for (unsigned int i = 0; i < 6; i++)
		for (unsigned int k = 0; k < 6; k++)
			cr_assert_eq(states(i, k), expected[i][k], "%u to %u",
				     i, k);
}

static const struct ukcf_page_provider two_ready[2] = {
	{ .id = 1, .state = UKCF_PROVIDER_READY },
	{ .id = 2, .state = UKCF_PROVIDER_READY },
};

static unsigned int mechs(struct ukcf_page_mech a, struct ukcf_page_mech b)
{
	const struct event_tables from = { two_ready, &a, 2, 1 },
				  to = { two_ready, &b, 2, 1 };

	return event_compare(&from, &to, found);
}

Test(event, a_mechanism_is_enabled_or_disabled_as_such_or_of_a_provider)
{
	const struct ukcf_page_mech off = { .id = SHA, .providers = 2 },
		on = { .id = SHA, .providers = 2, .flags = 1 },
		both = { .id = SHA, .providers = 6, .flags = 1 };

	cr_assert_eq(mechs(on, on), 0);
	cr_assert_eq(mechs(on, off), 1);
	cr_assert_eq(found[0].kind, UKCF_EVENT_MECH_DISABLED);
	cr_assert(found[0].whom == SHA && found[0].provider == 0);
	cr_assert_eq(mechs(off, on), 1);
	cr_assert_eq(found[0].kind, UKCF_EVENT_MECH_ENABLED);
	cr_assert_eq(mechs(both, on), 1);
	cr_assert_eq(found[0].kind, UKCF_EVENT_MECH_DISABLED);
	cr_assert(found[0].whom == SHA && found[0].provider == 2);
	cr_assert_eq(mechs(off, both), 2);
}

Test(event, what_comes_with_a_provider_is_the_providers_event)
{
	const struct ukcf_page_provider loading[2] = {
		two_ready[0], { .id = 2, .state = UKCF_PROVIDER_LOADING },
	};
	const struct ukcf_page_mech a[] = { { .id = SHA, .providers = 2 } },
		b[] = { { .id = GCM, .providers = 4 },
			{ .id = SHA, .providers = 6 } };
	const struct event_tables from = { loading, a, 2, 1 },
				  to = { two_ready, b, 2, 2 };

	cr_assert_eq(event_compare(&from, &to, found), 1);
	cr_assert_eq(found[0].kind, UKCF_EVENT_PROVIDER_ADDED);
	cr_assert_eq(event_compare(&to, &from, found), 1);
	cr_assert_eq(found[0].kind, UKCF_EVENT_PROVIDER_REMOVED);
}

Test(event, more_than_the_log_holds_are_counted_and_not_written)
{
	static struct ukcf_page_mech a[100], b[100];
	const struct event_tables from = { two_ready, a, 2, 100 },
				  to = { two_ready, b, 2, 100 };

	for (uint32_t i = 0; i < 100; i++) {
		a[i].id = b[i].id = i + 1;
		b[i].flags = UKCF_PAGE_MECH_ENABLED;
	}
	cr_assert_eq(event_compare(&from, &to, found), 100);
}

/* ----------------------------------------------------------------- the log */

static void publish(enum ukcf_event kind, uint32_t whom)
{
	const struct event e = { (uint8_t)kind, 0, whom };

	event_publish(&e, 1);
}

static unsigned int told(uint64_t *seen, uint32_t kinds, uint32_t *whom)
{
	struct event e;

	if (!event_next(seen, kinds, &e))
		return 0;
	*whom = e.whom;
	return e.kind;
}

Test(event, one_is_told_as_it_is_and_several_as_MANY)
{
	uint64_t seen = event_count_now();
	uint32_t whom = 0;

	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom), 0);
	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom),
		     UKCF_EVENT_MECH_DISABLED);
	cr_assert_eq(whom, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom), 0, "once");
	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	publish(UKCF_EVENT_MECH_ENABLED, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom), UKCF_EVENT_MANY);
	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom), 0);
	publish(UKCF_EVENT_PROVIDER_STATE, 3);
	publish(UKCF_EVENT_PROVIDER_STATE, 3);
	cr_assert_eq(told(&seen, UKCF_EVENTS_ALL, &whom),
		     UKCF_EVENT_PROVIDER_STATE, "the page has the last one");
}

Test(event, kinds_that_are_not_wanted_are_not_told)
{
	uint64_t seen = event_count_now();
	uint32_t whom = 0;

	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	publish(UKCF_EVENT_PROVIDER_ADDED, 2);
	publish(UKCF_EVENT_MECH_ENABLED, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_PROVIDERS, &whom),
		     UKCF_EVENT_PROVIDER_ADDED);
	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_PROVIDERS, &whom), 0);
	cr_assert_eq(seen, event_count_now());
}

Test(event, whoever_is_too_slow_is_told_MANY_whatever_he_wants)
{
	uint64_t seen = event_count_now();
	uint32_t whom = 0;

	for (unsigned int i = 0; i < 10 * EVENT_LOG; i++)
		publish(UKCF_EVENT_MECH_DISABLED, SHA);
	cr_assert_eq(told(&seen, UKCF_EVENTS_PROVIDERS, &whom),
		     UKCF_EVENT_MANY);
	event_publish(found, EVENT_LOG + 1);
	cr_assert_eq(told(&seen, UKCF_EVENTS_PROVIDERS, &whom),
		     UKCF_EVENT_MANY);
}

/* ------------------------------------------------------------------ a ring */

#define ORDER 1u
#define PLACES (2u << ORDER)

static struct ring *r;
static struct ukcf_sq_head *sq;
static struct ukcf_sqe *sqes;
static const struct ukcf_cq_head *cq;
static const struct ukcf_cqe *cqes;
static uint64_t sq_tail, cq_head;

static void setup(void)
{
	int fds[2];
	char *p, *q;

	fixture_init();
	cr_assert_eq(ring_create(&fx.consumer, ORDER, 5, &r, fds), 0);
	p = mmap(NULL, ring_sq_size(r), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_POPULATE, fds[0], 0);
	q = mmap(NULL, ring_cq_size(r), PROT_READ, MAP_SHARED | MAP_POPULATE,
		 fds[1], 0);
	cr_assert(p != MAP_FAILED && (void *)q != MAP_FAILED);
	sq = (void *)p;
	sqes = (void *)(p + UKCF_RING_SLOTS);
	cq = (const void *)q;
	cqes = (const void *)(q + UKCF_RING_SLOTS);
	sq->cq_event = UINT32_MAX / 2;
	cr_assert_eq(ring_ready(r), 0);
}

TestSuite(ring_event, .init = setup, .timeout = 60);

static void submit(uint32_t op, uint64_t user_data, uint64_t ctx)
{
	struct ukcf_sqe *s = &sqes[sq_tail & ((1u << ORDER) - 1)];

	*s = (struct ukcf_sqe){ .op = (uint8_t)op,
				.user_data = user_data,
				.ctx = ctx };
	store_release_u32(&s->gen, ring_gen_sqe(sq_tail, ORDER));
	sq_tail++;
}

/* As the service thread does. */
static unsigned int serve(void)
{
	struct request *req;
	unsigned int n = 0;

	ring_tell(r);
	cr_assert(ring_cq_acquire(r));
	for (; (req = ring_take(r, 1)); n++) {
		if (req->entry->sqe.op == UKCF_OP_NOTIFY_EVENTS)
			ring_want_events(req, (uint32_t)req->entry->sqe.ctx);
		request_result(req, 0, 0);
		ring_post(req);
	}
	ring_publish_head(r);
	ring_cq_release(r);
	return n;
}

static const struct ukcf_cqe *peek(void)
{
	const struct ukcf_cqe *c = &cqes[cq_head & (PLACES - 1)];

	return c->gen == ring_gen_cqe(cq_head, ORDER + 1) ? c : NULL;
}

static void seen(void)
{
	store_release_u32(&sq->cq_head, (uint32_t)++cq_head);
}

static void expect_result(uint64_t user_data)
{
	cr_assert_not_null(peek());
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_RESULT);
	cr_assert_eq(peek()->user_data, user_data);
	seen();
}

static void expect_event(int64_t kind, uint64_t value, uint64_t user_data)
{
	cr_assert_not_null(peek(), "no event");
	cr_assert_eq(peek()->flags & UKCF_CQE_KIND, UKCF_CQE_EVENT);
	cr_assert_eq(peek()->res, kind, "%ld", (long)peek()->res);
	cr_assert_eq(peek()->u.value, value);
	cr_assert_eq(peek()->user_data, user_data);
	seen();
}

static void want(uint32_t kinds, uint64_t user_data)
{
	submit(UKCF_OP_NOTIFY_EVENTS, user_data, kinds);
	cr_assert_eq(serve(), 1);
	expect_result(user_data);
}

Test(ring_event, who_did_not_ask_is_told_nothing)
{
	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	serve();
	cr_assert_null(peek());
}

Test(ring_event, what_was_before_it_asked_is_not_told)
{
	publish(UKCF_EVENT_MECH_DISABLED, SHA);
	want(UKCF_EVENTS_ALL, 7);
	serve();
	cr_assert_null(peek());
	publish(UKCF_EVENT_MECH_ENABLED, SHA);
	serve();
	expect_event(UKCF_EVENT_MECH_ENABLED, SHA, 7);
}

Test(ring_event, the_next_one_waits_until_the_last_one_was_read)
{
	want(UKCF_EVENTS_ALL, 7);
	publish(UKCF_EVENT_PROVIDER_ADDED, 1);
	serve();
	cr_assert_not(cq->flags & UKCF_RING_STALLED, "nothing waits");
	for (unsigned int i = 0; i < 1000; i++) {
		publish(UKCF_EVENT_MECH_ENABLED, i);
		serve();
	}
	cr_assert(cq->flags & UKCF_RING_STALLED, "the consumer must ring");
	expect_event(UKCF_EVENT_PROVIDER_ADDED, 1, 7);
	cr_assert_null(peek(), "one at a time");
	serve();
	expect_event(UKCF_EVENT_MANY, page_epoch(), 7);
	cr_assert_not(cq->flags & UKCF_RING_STALLED);
	serve();
	cr_assert_null(peek());
}

Test(ring_event, one_alone_that_waited_is_told_as_it_is)
{
	want(UKCF_EVENTS_ALL, 7);
	for (uint32_t i = 1; i < 1000; i++) {
		publish(UKCF_EVENT_MECH_DISABLED, i);
		serve();
		if (i > 1)
			expect_event(UKCF_EVENT_MECH_DISABLED, i - 1, 7);
		serve();
	}
	expect_event(UKCF_EVENT_MECH_DISABLED, 999, 7);
}

/* Fill all the places that requests may have. */
static unsigned int fill(void)
{
	unsigned int n = 0, k;

	do {
		while (sq_tail - cq->sq_head < 1u << ORDER)
			submit(UKCF_OP_NOP, 1000, 0);
		k = serve();
		n += k;
	} while (k);
	return n;
}

Test(ring_event, a_full_ring_still_has_the_place_of_its_event)
{
	unsigned int n;

	want(UKCF_EVENTS_ALL, 7);
	n = fill();
	cr_assert_gt(n, 0);
	publish(UKCF_EVENT_PROVIDER_REMOVED, 2);
	serve();
	cr_assert(cq->flags & UKCF_RING_STALLED, "an entry waits");
	while (n-- > 0)
		expect_result(1000);
	expect_event(UKCF_EVENT_PROVIDER_REMOVED, 2, 7);
}

/* No completion is overwritten unread, none is missing, whatever comes when. */
Test(ring_event, credits_hold_for_a_long_time)
{
	unsigned int answers = 0, events = 0, asked = 0, x = 1;

	want(UKCF_EVENTS_ALL, 7);
	for (unsigned int i = 0; i < 200000; i++) {
		x = x * 1103515245 + 12345;
		if (x >> 16 & 1)
			publish(UKCF_EVENT_MECH_DISABLED, i);
		if (x >> 17 & 1 && sq_tail - cq->sq_head < 1u << ORDER) {
			submit(UKCF_OP_NOP, asked, 0);
			asked++;
		}
		if (x >> 18 & 1)
			serve();
		cr_assert_leq(recovery->rings[1].cq_tail - cq_head, PLACES);
		if (!(x >> 19 & 1) || !peek())
			continue;
		if ((peek()->flags & UKCF_CQE_KIND) == UKCF_CQE_EVENT)
			events++;
		else
			cr_assert_eq(peek()->user_data, answers++);
		seen();
	}
	cr_assert_gt(answers, 10000);
	cr_assert_gt(events, 10000);
}

Test(ring_event, asking_again_and_again_costs_no_place)
{
	for (unsigned int i = 0; i < 1000; i++) {
		want(i % 3 ? UKCF_EVENTS_ALL : 0, i);
		if (i % 3 != 2)
			continue;
		publish(UKCF_EVENT_MECH_ENABLED, i);
		serve();
		expect_event(UKCF_EVENT_MECH_ENABLED, i, i);
	}
	want(0, 0);
	cr_assert_eq(fill(), 2, "as many as a ring that never asked");
}

Test(ring_event, after_the_answer_to_no_more_there_is_none)
{
	for (unsigned int i = 0; i < 100; i++) {
		want(UKCF_EVENTS_ALL, i);
		publish(UKCF_EVENT_MECH_ENABLED, 1);
		submit(UKCF_OP_NOTIFY_EVENTS, 555, i % 2 ? 0 : 2);
		publish(UKCF_EVENT_MECH_ENABLED, 2);
		serve();
		expect_event(UKCF_EVENT_MANY, page_epoch(), i);
		serve();
		expect_result(555);
		want(0, 1);
		publish(UKCF_EVENT_MECH_ENABLED, 3);
		serve();
		cr_assert_null(peek());
	}
}

/* Somebody else owns the CQ when it happens, and posts it before a result that
 * came later. */
Test(ring_event, the_owner_of_the_CQ_posts_it_in_order)
{
	struct request *req;

	want(UKCF_EVENTS_ALL, 7);
	cr_assert(ring_cq_acquire(r));
	publish(UKCF_EVENT_PROVIDER_ADDED, 3);
	ring_tell(r);
	cr_assert_null(peek());
	submit(UKCF_OP_NOTIFY_EVENTS, 8, 0);
	req = ring_take(r, 1);
	ring_want_events(req, 0);
	request_result(req, 0, 0);
	ring_complete(req);
	ring_cq_release(r);
	expect_event(UKCF_EVENT_PROVIDER_ADDED, 3, 7);
	expect_result(8);
}

/* It asks for them anew while the last one is not posted yet. */
Test(ring_event, one_that_is_not_posted_yet_is_not_overwritten)
{
	struct request *req;

	want(UKCF_EVENTS_ALL, 7);
	cr_assert(ring_cq_acquire(r));
	publish(UKCF_EVENT_PROVIDER_ADDED, 3);
	ring_tell(r);
	submit(UKCF_OP_NOTIFY_EVENTS, 8, 0);
	req = ring_take(r, 1);
	ring_want_events(req, 0);
	req->event_due = true; /* as of another one that asks again */
	ring_want_events(req, UKCF_EVENTS_ALL);
	publish(UKCF_EVENT_PROVIDER_REMOVED, 3);
	ring_tell(r);
	cr_assert(cq->flags & UKCF_RING_STALLED, "the consumer must ring");
	ring_cq_release(r);
	expect_event(UKCF_EVENT_PROVIDER_ADDED, 3, 7);
	ring_tell(r);
	expect_event(UKCF_EVENT_PROVIDER_REMOVED, 3, 8);
}

Test(ring_event, any_word_of_the_consumers_harms_nobody)
{
	static const uint32_t lies[] = { 1, 3, 4, 5, 1000, 0x7fffffff,
					 0x80000000, 0xfffffffb, 0xffffffff };

	want(UKCF_EVENTS_ALL, 7);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		for (unsigned int k = 0; k < 100; k++) {
			sq->cq_head = lies[i] + k;
			publish(UKCF_EVENT_MECH_ENABLED, k);
			submit(UKCF_OP_NOP, 1, 0);
			serve();
		}
	}
}

/* ---------------------------------------------------------------- restart */

/* The daemon's own descriptor of what it gives out. */
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

static void restart(void)
{
	uint16_t index = ring_index(r);
	int fds[2], cq_fd;

	cr_assert_eq(ring_reopen(r, fds), 0);
	cq_fd = dup(writable_fd_of(fds[1]));
	close(fds[1]);
	fx.consumer.rings[index] = NULL;
	cr_assert_eq(ring_restore(&fx.consumer, 1, fds[0], cq_fd), 0);
	r = fx.consumer.rings[index];
	cr_assert_eq(ring_ready(r), 0);
}

Test(ring_event, a_restarted_daemon_tells_that_much_may_have_changed)
{
	want(UKCF_EVENTS_ALL, 7);
	restart();
	serve();
	expect_event(UKCF_EVENT_MANY, page_epoch(), 7);
	serve();
	cr_assert_null(peek());
	publish(UKCF_EVENT_MECH_ENABLED, 1);
	serve();
	expect_event(UKCF_EVENT_MECH_ENABLED, 1, 7);
}

Test(ring_event, a_restart_forgets_who_wants_no_more)
{
	want(UKCF_EVENTS_ALL, 7);
	want(0, 8);
	restart();
	publish(UKCF_EVENT_MECH_ENABLED, 1);
	serve();
	cr_assert_null(peek());
}

/* Full of unread results, an event among them; nothing is overwritten. */
Test(ring_event, a_restart_keeps_the_credits)
{
	unsigned int n;

	want(UKCF_EVENTS_ALL, 7);
	publish(UKCF_EVENT_MECH_ENABLED, 1);
	serve();
	n = fill();
	restart();
	publish(UKCF_EVENT_MECH_ENABLED, 2);
	n += fill();
	cr_assert_leq(n + 1, PLACES);
	expect_event(UKCF_EVENT_MECH_ENABLED, 1, 7);
	for (unsigned int i = 0; i < n; i++)
		expect_result(1000);
	cr_assert_null(peek());
	serve();
	expect_event(UKCF_EVENT_MANY, page_epoch(), 7);
}

/* Killed between the CQE and the count: it may have been read already. */
Test(ring_event, one_that_was_seen_keeps_its_place_through_a_restart)
{
	want(UKCF_EVENTS_ALL, 7);
	publish(UKCF_EVENT_MECH_ENABLED, 1);
	serve();
	recovery->rings[1].cq_tail--;
	expect_event(UKCF_EVENT_MECH_ENABLED, 1, 7);
	restart();
	serve();
	expect_event(UKCF_EVENT_MANY, page_epoch(), 7);
}
