/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "daemon/api/burden.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static struct burden b;

/* Return: after how many calls, that far apart, it is too much; 0: never. */
static unsigned int calls(uint64_t cost, uint64_t apart)
{
	uint64_t now = 5 * SECOND;

	b = (struct burden){ 0 };
	for (unsigned int i = 1; i <= 100000; i++, now += apart)
		if (burden_add(&b, now, cost))
			return i;
	return 0;
}

Test(burden, quick_calls_are_none_however_many)
{
	cr_assert_eq(calls(BURDEN_CALL_NS, BURDEN_CALL_NS), 0);
}

Test(burden, one_slow_call_is_none_however_slow)
{
	cr_assert_eq(calls(10 * SECOND, 11 * SECOND), BURDEN_CALLS);
	cr_assert_eq(calls(10 * SECOND, 120 * SECOND), 0);
}

Test(burden, what_costs_a_part_of_the_time_is_too_much_soon)
{
	cr_assert_eq(calls(20 * MS, 20 * MS), BURDEN_CALLS);
	cr_assert_eq(calls(MS, 50 * MS), 20);
	cr_assert_eq(calls(2 * MS, 190 * MS), 10, "it is more than 1 %%");
}

/* A virtual machine loses a millisecond now and then. */
Test(burden, noise_is_none)
{
	cr_assert_eq(calls(MS, 200 * MS), 0);
	cr_assert_eq(calls(MS / 5, 21 * MS), 0);
}

Test(burden, on_a_slow_machine_more_is_usual)
{
	burden_is_usual(MS / 5); /* emulated */
	cr_assert_eq(calls(5 * MS, 20 * MS), 0);
	cr_assert_gt(calls(100 * MS, 200 * MS), BURDEN_CALLS);
	burden_is_usual(1000);
	cr_assert_eq(calls(20 * MS, 20 * MS), BURDEN_CALLS);
}

Test(burden, this_machine_is_no_exception)
{
	burden_learn();
	cr_assert_eq(calls(10 * SECOND, 11 * SECOND), BURDEN_CALLS);
}
