/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/core/parking.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"

#define N 4

static struct parking p;
static struct rec_entry entries[N];
static struct request reqs[N];

/* Requests of an operation, with deadlines 10, 20, 30, 40. */
static void setup(void)
{
	parking_init(&p);
	memset(entries, 0, sizeof(entries));
	memset(reqs, 0, sizeof(reqs));
	for (unsigned int i = 0; i < N; i++) {
		reqs[i].entry = &entries[i];
		reqs[i].deadline_ns = 10 * (i + 1);
		entries[i].sqe.op = UKCF_OP_DIGEST;
	}
}

TestSuite(parking, .init = setup);

static void fill(void)
{
	for (unsigned int i = 0; i < N; i++)
		parking_add(&p, &reqs[i]);
}

Test(parking, gives_back_in_the_order_in_which_they_came)
{
	cr_assert(parking_is_empty(&p));
	fill();
	for (unsigned int i = 0; i < N; i++)
		cr_assert_eq(parking_take(&p), &reqs[i]);
	cr_assert_null(parking_take(&p));
	cr_assert(parking_is_empty(&p));
}

Test(parking, one_that_waits_holds_up_those_that_come_after_it)
{
	struct request *late = &reqs[1];

	cr_assert_not(parking_holds_up(&p, late));
	parking_add(&p, &reqs[0]);
	cr_assert(parking_holds_up(&p, late));
}

Test(parking, but_not_what_concerns_requests_themselves)
{
	static const uint8_t ops[] = { UKCF_OP_NOP, UKCF_OP_CANCEL,
				       UKCF_OP_CANCEL_CTX,
				       UKCF_OP_NOTIFY_SPACE,
				       UKCF_OP_NOTIFY_EVENTS };

	parking_add(&p, &reqs[0]);
	for (size_t i = 0; i < sizeof(ops); i++) {
		entries[1].sqe.op = ops[i];
		entries[1].sqe.flags = 0;
		cr_assert_not(parking_holds_up(&p, &reqs[1]), "op %u", ops[i]);
		entries[1].sqe.flags = UKCF_SQE_LINK;
		cr_assert(parking_holds_up(&p, &reqs[1]),
			  "op %u, and another waits for it", ops[i]);
	}
	entries[1].sqe.flags = 0;
	entries[0].sqe.flags = UKCF_SQE_LINK;
	cr_assert(parking_holds_up(&p, &reqs[1]), "it waits for that one");
	reqs[0].cut = true;
	cr_assert_not(parking_holds_up(&p, &reqs[1]), "not any more");
}

Test(parking, any_of_them_may_leave)
{
	fill();
	cr_assert(parking_has(&p, &reqs[1]));
	cr_assert_eq(parking_take_at(&p, &reqs[0].next), &reqs[1]);
	cr_assert_not(parking_has(&p, &reqs[1]), "it is not there");
	cr_assert_eq(parking_take_at(&p, &reqs[2].next), &reqs[3]);
	parking_add(&p, &reqs[1]);
	cr_assert_eq(parking_take(&p), &reqs[0]);
	cr_assert_eq(parking_take(&p), &reqs[2]);
	cr_assert_eq(parking_take(&p), &reqs[1]);
	cr_assert_null(parking_take(&p));
}

Test(parking, the_first_deadline_is_found_wherever_it_is)
{
	cr_assert_eq(parking_deadline(&p), 0);
	reqs[2].deadline_ns = 5;
	fill();
	cr_assert_eq(parking_deadline(&p), 5);
	cr_assert_null(parking_late(&p, 4));
	cr_assert_eq(parking_late(&p, 5), &reqs[2]);
	cr_assert_eq(parking_late(&p, 10), &reqs[0], "in their order");
}

/* Whether the next one waits for it is asked of each one that comes. */
Test(parking, the_newest_is_known_also_when_one_was_removed)
{
	struct rec_entry nop = { .sqe = { .op = UKCF_OP_NOP } };
	struct request late = { .entry = &nop };

	fill();
	parking_take_at(&p, &reqs[N - 2].next);
	cr_assert_not(parking_holds_up(&p, &late));
	entries[N - 2].sqe.flags = UKCF_SQE_LINK;
	cr_assert(parking_holds_up(&p, &late));
	while (parking_take(&p) != &reqs[N - 2])
		;
	parking_add(&p, &reqs[0]);
	cr_assert_not(parking_holds_up(&p, &late));
}
