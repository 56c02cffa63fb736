/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/api/quota.h"
#include "daemon/config.h"

static struct config c = { .connections = 3, .rings = 5,
			   .buffer_bytes = UINT64_C(1) << 30 };

static void setup(void)
{
	quota_init(&c);
}

TestSuite(quota, .init = setup, .fini = quota_deinit);

Test(quota, the_limit_itself_is_allowed_and_one_more_is_not)
{
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(quota_charge(1, QUOTA_CONNECTIONS, 1), 0);
	cr_assert_eq(quota_left(1, QUOTA_CONNECTIONS), 0);
	cr_assert_eq(quota_charge(1, QUOTA_CONNECTIONS, 1), -EDQUOT);
	quota_release(1, QUOTA_CONNECTIONS, 1);
	cr_assert_eq(quota_charge(1, QUOTA_CONNECTIONS, 1), 0);
}

Test(quota, amounts_that_would_wrap_are_refused_and_charge_nothing)
{
	static const uint64_t big[] = { (UINT64_C(1) << 30) + 1,
					UINT64_C(1) << 63, UINT64_MAX - 4096,
					UINT64_MAX };

	cr_assert_eq(quota_charge(1, QUOTA_BUFFER_BYTES, 4096), 0);
	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		cr_assert_eq(quota_charge(1, QUOTA_BUFFER_BYTES, big[i]),
			     -EDQUOT);
	cr_assert_eq(quota_left(1, QUOTA_BUFFER_BYTES),
		     (UINT64_C(1) << 30) - 4096);
}

Test(quota, users_and_kinds_do_not_share)
{
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 5), 0);
	cr_assert_eq(quota_left(2, QUOTA_RINGS), 5);
	cr_assert_eq(quota_left(1, QUOTA_CONNECTIONS), 3);
	cr_assert_eq(quota_charge(2, QUOTA_RINGS, 5), 0);
	quota_release(2, QUOTA_RINGS, 5);
	cr_assert_eq(quota_left(1, QUOTA_RINGS), 0);
}

Test(quota, a_user_may_have_limits_of_its_own)
{
	static struct quota_users u = {
		.rows = { { .uid = 1, .limit = { [QUOTA_RINGS] = 1 } },
			  { .uid = 2, .limit = { [QUOTA_RINGS] = 7 } } },
		.n = 2,
	};

	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 3), 0);
	quota_set_users(&u);
	cr_assert_eq(quota_left(1, QUOTA_RINGS), 0, "what it has stays");
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 1), -EDQUOT);
	quota_release(1, QUOTA_RINGS, 3);
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 1), 0);
	cr_assert_eq(quota_left(1, QUOTA_CONNECTIONS), 3, "as all others");
	cr_assert_eq(quota_charge(2, QUOTA_RINGS, 7), 0);
	cr_assert_eq(quota_charge(2, QUOTA_RINGS, 1), -EDQUOT);
	cr_assert_eq(quota_left(3, QUOTA_RINGS), 5);
	u.n = 0;
	quota_set_users(&u);
	cr_assert_eq(quota_left(1, QUOTA_RINGS), 4);
}

Test(quota, half_open_connections_have_a_bound_of_their_own)
{
	unsigned int n = 0;

	while (quota_charge(1, QUOTA_PENDING, 1) == 0)
		n++;
	cr_assert(n > 0 && n < 1000, "%u", n);
	cr_assert_eq(quota_charge(1, QUOTA_CONNECTIONS, 1), 0);
}

/* What a restart takes over exists already; nothing new beside it. */
Test(quota, adoption_goes_over_the_limit_and_then_nothing_more_does)
{
	cr_assert_eq(quota_adopt(1, QUOTA_RINGS, 9), 0);
	cr_assert_eq(quota_left(1, QUOTA_RINGS), 0);
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 1), -EDQUOT);
	quota_release(1, QUOTA_RINGS, 5);
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 1), 0);
}

Test(quota, giving_back_more_than_was_taken_makes_no_credit)
{
	quota_release(1, QUOTA_RINGS, 100);
	cr_assert_eq(quota_charge(1, QUOTA_RINGS, 2), 0);
	quota_release(1, QUOTA_RINGS, 100);
	cr_assert_eq(quota_left(1, QUOTA_RINGS), 5);
}

/* Any order of charges and releases: what was charged is what is missing. */
Test(quota, accounts_come_back_to_zero)
{
	uint64_t used[8][QUOTA_KINDS] = { 0 };

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		uid_t uid = (uid_t)(random() % 8);
		enum quota_kind kind = (enum quota_kind)(1 + random() % 3);
		uint64_t n = (uint64_t)(random() % 4);

		if (random() % 2) {
			if (quota_charge(uid, kind, n) == 0)
				used[uid][kind] += n;
		} else if (used[uid][kind] >= n) {
			quota_release(uid, kind, n);
			used[uid][kind] -= n;
		}
	}
	for (uid_t u = 0; u < 8; u++)
		for (unsigned int k = 1; k < QUOTA_KINDS; k++) {
			quota_release(u, (enum quota_kind)k, used[u][k]);
			cr_assert_eq(quota_left(u, (enum quota_kind)k),
				     quota_left(99, (enum quota_kind)k));
		}
}
