/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "daemon/spi/recover.h"

#define MINUTE UINT64_C(60000000000)

static struct recovery_plan plan;

Test(recover, so_many_failures_in_ten_minutes_are_too_many)
{
	cr_assert(!recover_counts(&plan, RECOVER_FAILED, 1 * MINUTE, 3));
	cr_assert(!recover_counts(&plan, RECOVER_FAILED, 5 * MINUTE, 3));
	cr_assert(recover_counts(&plan, RECOVER_FAILED, 10 * MINUTE, 3));
}

Test(recover, those_of_long_ago_do_not_count)
{
	for (uint64_t i = 1; i < 40; i++) /* two in any ten minutes */
		cr_assert(!recover_counts(&plan, RECOVER_FAILED, i * 5 * MINUTE, 3));
	cr_assert(recover_counts(&plan, RECOVER_FAILED, (39 * 5 + 4) * MINUTE, 3));
}

Test(recover, each_cause_has_its_own_count)
{
	cr_assert(!recover_counts(&plan, RECOVER_FAILED, MINUTE, 2));
	cr_assert(!recover_counts(&plan, RECOVER_LIED, MINUTE, 2));
	cr_assert(recover_counts(&plan, RECOVER_LIED, MINUTE, 2));
	cr_assert(recover_counts(&plan, RECOVER_FAILED, MINUTE, 2));
}

Test(recover, one_may_be_too_many_and_without_a_limit_none_is)
{
	cr_assert(recover_counts(&plan, RECOVER_FAILED, MINUTE, 1));
	for (uint64_t i = 2; i < 40; i++)
		cr_assert(!recover_counts(&plan, RECOVER_FAILED, MINUTE + i, 0));
	cr_assert(recover_counts(&plan, RECOVER_FAILED, 2 * MINUTE, RECOVER_FAILURES_MAX));
}

Test(recover, the_pause_doubles_up_to_a_minute)
{
	cr_assert_eq(recover_pause_ns(0), RECOVER_FIRST_NS);
	cr_assert_eq(recover_pause_ns(1), 2 * RECOVER_FIRST_NS);
	cr_assert_eq(recover_pause_ns(6), RECOVER_LONGEST_NS);
	cr_assert_eq(recover_pause_ns(1000), RECOVER_LONGEST_NS);
}
