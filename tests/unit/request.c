/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "daemon/core/keystore.h"
#include "tests/unit/fixture.h"

Test(request, times_saturate)
{
	struct rec_entry e = { 0 };
	struct request req = { .entry = &e };

	request_times(&req, UINT64_C(1) << 32, UINT64_MAX);
	cr_assert_eq(e.cqe.u.t.queue_ns, UINT32_MAX);
	cr_assert_eq(e.cqe.u.t.service_ns, UINT32_MAX);
	request_times(&req, UINT32_MAX, 5);
	cr_assert_eq(e.cqe.u.t.queue_ns, UINT32_MAX);
	cr_assert_eq(e.cqe.u.t.service_ns, 5);
}

Test(request, bytes_do_not_wrap_and_random_counts_its_output)
{
	struct rec_entry e = { .sqe = { .op = UKCF_OP_ENCRYPT,
					.in = { 0, UINT32_MAX },
					.out = { 0, 7 },
					.aux = { 0, UINT32_MAX } } };
	struct request req = { .entry = &e };

	cr_assert_eq(request_bytes(&req), 2 * (uint64_t)UINT32_MAX);
	e.sqe.op = UKCF_OP_RANDOM;
	cr_assert_eq(request_bytes(&req), 7);
}

Test(request, release_gives_back_everything_and_once, .init = fixture_init)
{
	struct rec_entry e = { 0 };
	struct request req = { .entry = &e };
	uint64_t h = make_key(UKCF_MECH_AES_256_GCM, 0);

	for (int i = 0; i < 4; i++) {
		req.arena[i] = arena_hold(&fx.consumer, (uint32_t)i / 2);
		req.at[i] = req.arena[i]->base;
	}
	cr_assert_eq(keystore_hold(h, UID, 7, &req.key), 0);
	cr_assert_eq(fx.in->refs, 3);
	request_release(&req);
	request_release(&req);
	cr_assert_eq(fx.in->refs, 1);
	cr_assert_eq(fx.out->refs, 1);
	for (int i = 0; i < 4; i++)
		cr_assert(!req.arena[i] && !req.at[i]);
	cr_assert_eq(keystore_destroy(h, UID, 7, (struct request_id){ 1, 1 }),
		     0);
	cr_assert_eq(keystore_count(), 0);
}
