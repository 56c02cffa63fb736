/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/core/trace.h"
#include "lib/shared/clock.h"
#include "tests/unit/fixture.h"

static struct request req;
static struct rec_entry *made; /* req's, also when a test gives it another */
static struct trace_event got[512];
static const struct trace_filter any;

static void setup(void)
{
	struct ukcf_sqe sqe;

	fixture_init();
	sqe = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	request_from(&req, &sqe);
	made = req.entry;
}

static void teardown(void)
{
	free(made);
}

TestSuite(trace, .init = setup, .fini = teardown);

static unsigned int read_all(uint64_t *lost)
{
	uint64_t more;
	unsigned int n = 0, k;

	*lost = 0;
	while ((k = trace_read(got, 512, &more)) || more) {
		n += k;
		*lost += more;
	}
	return n;
}

Test(trace, is_off_until_it_is_asked_for)
{
	uint64_t lost;

	cr_assert_not(trace_is_on());
	trace_turn_on(&any);
	cr_assert(trace_is_on());
	cr_assert_eq(trace_read(got, 512, &lost), 0);
	cr_assert_eq(lost, 0);
	trace_turn_off();
	cr_assert_not(trace_is_on());
}

Test(trace, an_event_says_which_request_and_not_what_is_in_it)
{
	uint64_t lost;

	trace_turn_on(&any);
	req.entry->seq = 77;
	trace_note(&req, TRACE_QUEUED, UKCF_QUEUE_SLOW);
	req.entry->cqe.res = 32;
	req.entry->cqe.provider = 5;
	req.flags = UKCF_CQE_F_INLINE;
	request_times(&req, 10, 20);
	trace_end(&req);
	cr_assert_eq(trace_read(got, 512, &lost), 2);
	cr_assert_eq(got[0].kind, TRACE_QUEUED);
	cr_assert_eq(got[0].provider, UKCF_QUEUE_SLOW);
	cr_assert_eq(got[0].res, 0);
	cr_assert_eq(got[0].seq, 77);
	cr_assert_eq(got[0].consumer, fx.consumer.serial);
	cr_assert_eq(got[0].mech, UKCF_MECH_SHA2_256);
	cr_assert_eq(got[0].op, UKCF_OP_DIGEST);
	cr_assert_eq(got[0].bytes, 64);
	cr_assert_eq(got[1].kind, TRACE_DONE);
	cr_assert_eq(got[1].provider, 5);
	cr_assert_eq(got[1].res, 32);
	cr_assert_eq(got[1].queue_ns, 10);
	cr_assert_eq(got[1].service_ns, 20);
	cr_assert_eq(got[1].at_once, 1);
	cr_assert_leq(trace_ns(&got[0]), trace_ns(&got[1]));
	trace_turn_off();
}

Test(trace, ends_are_told_apart)
{
	static const struct {
		int64_t res;
		bool refused;
		enum trace_kind kind;
	} ends[] = {
		{ 0, false, TRACE_DONE },
		{ -EBADMSG, false, TRACE_DONE },
		{ -ECANCELED, false, TRACE_CANCELLED },
		{ -ETIMEDOUT, false, TRACE_TIMED_OUT },
		{ -EINVAL, true, TRACE_REJECTED },
		{ -EAGAIN, true, TRACE_REJECTED },
	};
	uint64_t lost;

	trace_turn_on(&any);
	for (size_t i = 0; i < 6; i++) {
		req.entry->cqe.res = ends[i].res;
		req.refused = ends[i].refused;
		trace_end(&req);
		cr_assert_eq(trace_read(got, 512, &lost), 1);
		cr_assert_eq(got[0].kind, ends[i].kind);
		cr_assert_eq(got[0].res, ends[i].res);
	}
}

/* What a key operation gives is a handle. */
Test(trace, handles_are_not_told)
{
	struct ukcf_sqe sqe = sqe_for(UKCF_OP_KEY_GENERATE,
				      UKCF_MECH_AES_256_GCM);
	unsigned int detail;
	uint64_t lost;

	request_from(&req, &sqe);
	cr_assert_eq(decode_request(&req, &fx.consumer, &detail), 0);
	trace_turn_on(&any);
	req.entry->cqe.res = 0x123456789abc;
	trace_end(&req);
	req.entry->cqe.res = -EDQUOT;
	trace_end(&req);
	cr_assert_eq(trace_read(got, 512, &lost), 2);
	cr_assert_eq(got[0].res, 0);
	cr_assert_eq(got[1].res, -EDQUOT);
}

Test(trace, filters_leave_out_what_is_others)
{
	struct trace_filter f = { .consumer = fx.consumer.serial + 1 };
	uint64_t lost;

	trace_turn_on(&f);
	trace_note(&req, TRACE_ACCEPTED, 0);
	cr_assert_eq(trace_read(got, 512, &lost), 0);
	f = (struct trace_filter){ .consumer = fx.consumer.serial,
				   .mech = UKCF_MECH_SHA2_256, .provider = 3 };
	trace_turn_on(&f);
	trace_note(&req, TRACE_ACCEPTED, 0);
	trace_note(&req, TRACE_QUEUED, 4);
	trace_note(&req, TRACE_QUEUED, 3);
	cr_assert_eq(trace_read(got, 512, &lost), 1);
	f.mech = UKCF_MECH_SHA2_512;
	trace_turn_on(&f);
	trace_note(&req, TRACE_QUEUED, 3);
	cr_assert_eq(trace_read(got, 512, &lost), 0);
	cr_assert_eq(lost, 0);
}

/* The oldest stay; those that find no place are counted, lap after lap. */
Test(trace, what_finds_no_place_is_counted)
{
	uint64_t lost;

	trace_turn_on(&any);
	for (int lap = 0; lap < 3; lap++) {
		for (unsigned int i = 0; i < TRACE_EVENTS + 100; i++) {
			req.entry->seq = i;
			trace_note(&req, TRACE_ACCEPTED, 0);
		}
		cr_assert_eq(trace_read(got, 1, &lost), 1);
		cr_assert_eq(lost, 100);
		cr_assert_eq(got[0].seq, 0);
		trace_note(&req, TRACE_ACCEPTED, 0); /* one place is free */
		trace_note(&req, TRACE_ACCEPTED, 0);
		cr_assert_eq(read_all(&lost), TRACE_EVENTS);
		cr_assert_eq(lost, 1);
	}
}

Test(trace, a_new_trace_shows_nothing_of_the_old_one)
{
	uint64_t lost;

	trace_turn_on(&any);
	for (unsigned int i = 0; i < TRACE_EVENTS + 5; i++)
		trace_note(&req, TRACE_ACCEPTED, 0);
	trace_turn_off();
	trace_turn_on(&any);
	cr_assert_eq(read_all(&lost), 0);
	cr_assert_eq(lost, 0);
}

#define WRITERS 4
#define EACH 50000u

static void *writer(void *arg)
{
	struct rec_entry entry = *req.entry;
	struct request mine = req;

	mine.entry = &entry;
	entry.sqe.in.len = (uint32_t)(uintptr_t)arg; /* its mark */
	for (unsigned int i = 0; i < EACH; i++) {
		entry.seq = i;
		trace_note(&mine, TRACE_ACCEPTED, 0);
	}
	return NULL;
}

/* Each writer's events come in its order, each whole, none twice. */
Test(trace, many_threads_may_note)
{
	uint64_t lost = 0, more, seen = 0, next[WRITERS] = { 0 };
	pthread_t t[WRITERS];
	unsigned int n;

	trace_turn_on(&any);
	for (uintptr_t i = 0; i < WRITERS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, writer, (void *)i),
			     0);
	while (seen + lost < WRITERS * EACH) {
		n = trace_read(got, 512, &more);
		lost += more;
		seen += n;
		for (unsigned int i = 0; i < n; i++) {
			cr_assert_lt(got[i].bytes, WRITERS);
			cr_assert_geq(got[i].seq, next[got[i].bytes]);
			next[got[i].bytes] = got[i].seq + 1;
		}
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(read_all(&more), 0);
	cr_assert_eq(seen + lost, WRITERS * EACH);
}
