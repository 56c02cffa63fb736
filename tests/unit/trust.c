/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "daemon/core/trust.h"

#define HOUR_NS UINT64_C(3600000000000)

static struct trust t;

static void setup(void)
{
	trust_init(0);
}

TestSuite(trust, .init = setup);

static unsigned int sampled(unsigned int n)
{
	unsigned int yes = 0;

	for (unsigned int i = 0; i < n; i++)
		yes += trust_samples(&t);
	return yes;
}

Test(trust, nothing_is_checked_of_one_that_is_believed)
{
	trust_init(HOUR_NS);
	trust_renew(&t);
	cr_assert_not(trust_is_limited(&t));
	cr_assert_eq(sampled(10000), 0);
}

Test(trust, all_is_checked_of_one_that_is_not)
{
	t.every = 1;
	cr_assert(trust_is_limited(&t));
	cr_assert_eq(sampled(10000), 10000);
}

/* 65536 draws of 1/16: 4096, with a standard deviation of 62. */
Test(trust, one_of_so_many_is_checked_by_chance)
{
	unsigned int n, runs = 0;
	bool last = false;

	t.every = 16;
	n = sampled(65536);
	cr_assert(n > 4096 - 620 && n < 4096 + 620, "%u", n);
	for (unsigned int i = 0; i < 65536; i++) {
		bool now = trust_samples(&t);

		runs += now && last;
		last = now;
	}
	cr_assert_gt(runs, 0, "two in a row never come: that is no chance");
}

Test(trust, all_is_checked_of_one_that_has_just_come)
{
	t.every = UINT32_MAX;
	trust_init(HOUR_NS);
	trust_renew(&t);
	cr_assert_eq(sampled(1000), 1000);
	t.fresh_ns = 1; /* long ago */
	cr_assert_lt(sampled(1000), 3);
	cr_assert_eq(t.fresh_ns, 0, "the clock is not looked at any more");
}
