/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/core/sched.h"

static struct sched_candidate c[3];
static struct sched_needs needs;

static void setup(void)
{
	for (unsigned int i = 0; i < 3; i++)
		c[i] = (struct sched_candidate){
			.provider = (uint16_t)(i + 1),
			.hardware = i == 2,
			.loaded = true,
			.ready = true,
			.has_op = true,
			.service_ns = 1000 * (i + 1),
		};
	needs = (struct sched_needs){ 0 };
}

TestSuite(sched, .init = setup);

static int choose(void)
{
	return sched_choose(&needs, c, 3);
}

Test(sched, takes_what_is_done_first)
{
	cr_assert_eq(choose(), 0);
	cr_assert_eq(c[0].reason, SCHED_CHOSEN);
	cr_assert_eq(c[1].reason, SCHED_SLOWER);
	c[0].wait_ns = 1001;
	cr_assert_eq(choose(), 1, "waiting counts");
	c[1].wait_ns = 1;
	cr_assert_eq(choose(), 0, "as fast: the first");
}

Test(sched, hardware_that_is_slower_only_if_required)
{
	cr_assert_neq(choose(), 2);
	needs.require_hw = true;
	cr_assert_eq(choose(), 2);
	cr_assert_eq(c[0].reason, SCHED_NOT_HARDWARE);
	c[2].ready = false;
	cr_assert_eq(choose(), -1);
}

Test(sched, what_is_too_large_for_one_is_done_by_another)
{
	c[0].too_large = true;
	cr_assert_eq(choose(), 1);
	cr_assert_eq(c[0].reason, SCHED_TOO_LARGE);
}

Test(sched, full_and_busy_spill_and_are_the_last_resort)
{
	c[0].full = true;
	cr_assert_eq(choose(), 1);
	cr_assert_eq(c[0].reason, SCHED_FULL);
	c[1].busy = true;
	cr_assert_eq(choose(), 2);
	cr_assert_eq(c[1].reason, SCHED_BUSY);
	c[2].full = true;
	cr_assert_eq(choose(), 0, "all full: somebody must name its queue");
}

Test(sched, says_why_not)
{
	enum sched_reason r = SCHED_REASONS;

	needs.tried = 1u << 1;
	cr_assert_eq(choose(), 1);
	cr_assert_eq(c[0].reason, SCHED_TRIED);
	needs.provider = 3;
	cr_assert_eq(choose(), 2);
	cr_assert_eq(c[0].reason, SCHED_EXCLUDED);
	setup();
	c[0].has_op = false;
	c[1].disabled = true;
	c[2].loaded = false;
	cr_assert_eq(choose(), -1);
	cr_assert_eq(c[0].reason, SCHED_NO_OP);
	cr_assert_eq(c[1].reason, SCHED_DISABLED);
	cr_assert_eq(c[2].reason, SCHED_NOT_LOADED);
	c[2].loaded = true;
	c[2].ready = false;
	choose();
	cr_assert_eq(c[2].reason, SCHED_NOT_READY);
	while (r-- > SCHED_CHOSEN)
		cr_assert(sched_reason_name(r) && *sched_reason_name(r));
	cr_assert_str_eq(sched_reason_name(SCHED_REASONS), "unknown");
}

Test(sched, of_none_there_is_none)
{
	cr_assert_eq(sched_choose(&needs, c, 0), -1);
}

Test(sched, an_idle_server_begins_at_once_a_busy_one_ends_first)
{
	cr_assert_eq(sched_wait_ns(0, 5000, 1, 2), 0);
	cr_assert_eq(sched_wait_ns(0, 5000, 1, 1), 5000);
	cr_assert_eq(sched_wait_ns(9000, 3000, 2, 2), 6000);
	cr_assert_eq(sched_wait_ns(9000, 0, 0, 0), 9000);
}
