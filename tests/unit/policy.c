/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/policy.h"
#include "daemon/core/queue.h"

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

/* -------------------------------------------- above what the files say */

static struct policy_rules base;

static int above(const char *provider, const char *mech, bool on)
{
	return policy_rules_set_above(&r, &base, provider, mech, on);
}

static void hold(void)
{
	static struct policy_shares none;

	policy_keep_filed(&base, &none);
	policy_keep(&r);
}

static enum policy_by by_whom(const char *provider, const char *mech)
{
	enum policy_by by;

	policy_judge(provider, mech, &by);
	return by;
}

Test(policy, the_administrators_word_stands_above_the_files)
{
	cr_assert_eq(policy_rules_say(&base, "", "a", false), 0);
	cr_assert_eq(policy_rules_say(&base, "p", POLICY_ALL, false), 0);
	cr_assert_eq(policy_rules_say(&base, "p", "x", true), 0);
	hold();
	cr_assert_not(policy_permits("", "a"));
	cr_assert_eq(by_whom("", "a"), POLICY_BY_FILE);
	cr_assert_not(policy_permits("p", "y"));
	cr_assert(policy_permits("p", "x"));
	cr_assert_eq(by_whom("", "b"), POLICY_BY_NOBODY);

	cr_assert_eq(above("", "a", true), 1, "said, though nothing else "
					      "forbids it");
	cr_assert_eq(above("", "a", true), 0);
	cr_assert_eq(above("p", "y", true), 1);
	hold();
	cr_assert(policy_permits("", "a"));
	cr_assert_eq(by_whom("", "a"), POLICY_BY_ADMINISTRATOR);
	cr_assert(policy_permits("p", "y"));
	cr_assert_not(policy_permits("p", "z"));

	cr_assert_eq(above("p", POLICY_ALL, true), 1);
	cr_assert_eq(above("p", POLICY_ALL, true), 0);
	cr_assert_eq(r.n, 2);
	hold();
	cr_assert(policy_permits("p", "z"));
	cr_assert_eq(by_whom("p", "x"), POLICY_BY_ADMINISTRATOR);
}

/* What the file forbids today it may not forbid tomorrow. */
Test(policy, what_was_forbidden_by_hand_stays_so_without_the_file)
{
	policy_rules_say(&base, "", "a", false);
	cr_assert_eq(above("", "a", false), 1);
	base.n = 0;
	hold();
	cr_assert_not(policy_permits("", "a"));
	cr_assert_eq(above("", "a", true), 1);
	cr_assert_eq(r.n, 0);
}

Test(policy, to_say_is_to_replace)
{
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(policy_rules_say(&r, "p", "m", i & 1), 0);
		cr_assert_eq(r.n, 1);
		cr_assert_eq(may("p", "m"), i & 1);
	}
	policy_rules_say(&r, "p", "n", true);
	cr_assert_eq(policy_rules_say(&r, "p", POLICY_ALL, false), 0);
	cr_assert_eq(r.n, 1);
	cr_assert_not(may("p", "n"));
	cr_assert_eq(policy_rules_say(&r, "", POLICY_ALL, false), -EINVAL);
	cr_assert_eq(policy_rules_say(&r, "", "a b", false), -EINVAL);
	cr_assert_eq(policy_rules_say(&r, "", "", false), -EINVAL);
}

/* ------------------------------------------------------------------ shares */

static struct policy_shares shares;

static uint32_t weight_of(uint32_t uid, uint32_t gid, const char *unit)
{
	const struct policy_identity who = { uid, gid, unit };

	return policy_shares_weight(&shares, &who);
}

static int share(enum policy_whose whose, uint32_t id, const char *unit,
		 uint32_t weight)
{
	struct policy_share s = { .whose = whose, .id = id,
				  .weight = weight };

	strcpy(s.unit, unit);
	return policy_shares_set(&shares, &s);
}

Test(policy, a_user_beats_a_unit_beats_a_group)
{
	cr_assert_eq(weight_of(1, 2, "u.service"), QUEUE_WEIGHT_USUAL);
	share(POLICY_GID, 2, "", 30);
	cr_assert_eq(weight_of(1, 2, "u.service"), 30);
	cr_assert_eq(weight_of(2, 1, "u.service"), QUEUE_WEIGHT_USUAL,
		     "an id is of a user or of a group");
	share(POLICY_UNIT, 0, "u.service", 20);
	cr_assert_eq(weight_of(1, 2, "u.service"), 20);
	cr_assert_eq(weight_of(1, 2, "v.service"), 30);
	cr_assert_eq(weight_of(0, 0, ""), QUEUE_WEIGHT_USUAL);
	share(POLICY_UID, 1, "", 10);
	cr_assert_eq(weight_of(1, 2, "u.service"), 10);
	cr_assert_eq(weight_of(3, 2, "u.service"), 20);
}

Test(policy, the_last_weight_wins_and_they_are_bounded)
{
	share(POLICY_UID, 1, "", 10);
	share(POLICY_UID, 1, "", 11);
	cr_assert_eq(shares.n, 1);
	cr_assert_eq(weight_of(1, 0, ""), 11);
	for (uint32_t i = 1; i <= POLICY_SHARES_MAX; i++)
		cr_assert_eq(share(POLICY_UID, i, "", 5), 0);
	cr_assert_eq(share(POLICY_GID, 1, "", 5), -ENOSPC);
	cr_assert_eq(share(POLICY_UID, 1, "", 6), 0);
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
