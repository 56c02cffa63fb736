/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/policy.h"

static struct policy_rules r;

static int set(const char *provider, const char *mech, bool on)
{
	return policy_rules_set(&r, provider, mech, on);
}

static bool may(const char *provider, const char *mech)
{
	return policy_rules_permit(&r, provider, mech);
}

Test(policy, what_no_rule_speaks_of_is_allowed)
{
	cr_assert(may("", "sha2-256"));
	cr_assert(may("sodium", "sha2-256"));
	cr_assert_not(policy_rules_name(&r, "sodium"));
}

Test(policy, a_rule_is_about_one_mechanism_of_one_provider)
{
	cr_assert_eq(set("sodium", "sha2-256", false), 1);
	cr_assert_eq(set("", "md5", false), 1);
	cr_assert_not(may("sodium", "sha2-256"));
	cr_assert(may("openssl", "sha2-256"));
	cr_assert(may("", "sha2-256"));
	cr_assert_not(may("", "md5"));
	cr_assert(may("sodium", "md5"));
	cr_assert(policy_rules_name(&r, "sodium"));
	cr_assert_not(policy_rules_name(&r, "openssl"));
}

Test(policy, saying_it_twice_changes_nothing)
{
	cr_assert_eq(set("p", "m", false), 1);
	cr_assert_eq(set("p", "m", false), 0);
	cr_assert_eq(r.n, 1);
	cr_assert_eq(set("p", "m", true), 1);
	cr_assert_eq(set("p", "m", true), 0);
	cr_assert_eq(r.n, 0);
}

Test(policy, all_of_a_provider_is_also_what_it_offers_later)
{
	cr_assert_eq(set("p", "m", false), 1);
	cr_assert_eq(set("p", POLICY_ALL, false), 1);
	cr_assert_eq(r.n, 1, "the rule that all covers is gone");
	cr_assert_not(may("p", "m"));
	cr_assert_not(may("p", "later"));
	cr_assert(may("q", "m"));
	cr_assert_eq(set("p", POLICY_ALL, false), 0);
	cr_assert_eq(set("p", "m", true), 1, "an exception");
	cr_assert(may("p", "m"));
	cr_assert_not(may("p", "later"));
	cr_assert_eq(set("p", POLICY_ALL, false), 1, "ends the exception");
	cr_assert_not(may("p", "m"));
	cr_assert_eq(set("p", "m", true), 1);
	cr_assert_eq(set("p", "m", false), 1);
	cr_assert_eq(r.n, 1);
	cr_assert_eq(set("p", POLICY_ALL, true), 1);
	cr_assert_eq(set("p", POLICY_ALL, true), 0);
	cr_assert_eq(r.n, 0);
}

Test(policy, names_that_no_line_could_hold_are_refused)
{
	static const char *const bad[] = {
		"", "a b", "a\nb", "a=b", "#a",
		"0123456789012345678901234567890123456789",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(set("p", bad[i], false), -EINVAL, "%s", bad[i]);
	for (size_t i = 1; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(set(bad[i], "m", false), -EINVAL, "%s", bad[i]);
	cr_assert_eq(set("", POLICY_ALL, false), -EINVAL);
	cr_assert_eq(r.n, 0);
}

Test(policy, one_rule_too_many_is_refused_and_the_others_stay)
{
	char name[16];

	for (unsigned int i = 0; i < POLICY_RULES_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		cr_assert_eq(set("p", name, false), 1);
	}
	cr_assert_eq(set("p", "more", false), -ENOSPC);
	cr_assert_eq(set("q", POLICY_ALL, false), -ENOSPC);
	cr_assert(may("p", "more"));
	cr_assert_not(may("p", "m1023"));
	cr_assert_eq(set("p", POLICY_ALL, false), 1);
	cr_assert_eq(r.n, 1);
}

/* Against the plain meaning, with few names and many changes. */
Test(policy, any_sequence_means_what_it_says)
{
	bool off[3][4] = { { false } }; /* the last column: what comes later */
	static const char *const providers[] = { "a", "b", "c" };
	static const char *const mechs[] = { "x", "y", "z", POLICY_ALL };

	srand(7);
	for (unsigned int n = 0; n < 20000; n++) {
		int p = rand() % 3, m = rand() % 4, on = rand() % 2;
		int rc = set(providers[p], mechs[m], on);
		bool differs = false;

		for (int k = 0; k < 4; k++) {
			if (m != 3 && k != m)
				continue;
			differs |= off[p][k] == (bool)on;
			off[p][k] = !on;
		}
		/* "all" may also end exceptions that say nothing new */
		cr_assert(rc == differs || (m == 3 && rc == 1));
		for (int i = 0; i < 3; i++)
			for (int k = 0; k < 4; k++)
				cr_assert_eq(may(providers[i],
						 k == 3 ? "new" : mechs[k]),
					     !off[i][k]);
		cr_assert_leq(r.n, 12);
	}
}

Test(policy, the_daemon_asks_the_rules_that_are_kept)
{
	cr_assert(policy_permits("p", "m"));
	set("p", "m", false);
	cr_assert(policy_permits("p", "m"));
	policy_keep(&r);
	cr_assert_not(policy_permits("p", "m"));
	cr_assert_eq(policy_kept()->n, 1);
}
