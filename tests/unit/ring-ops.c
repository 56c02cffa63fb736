/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/shared/ring-ops.h"

static const uint32_t points[] = { 0, 1, 2, 3, 0x7ffffffe, 0x7fffffff,
				   0x80000000, 0x80000001, 0xfffffffd,
				   0xfffffffe, 0xffffffff };
#define N_POINTS (sizeof(points) / sizeof(points[0]))

/* Said slowly: is event one of the n indexes from on? */
static bool among(uint32_t event, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((uint32_t)(from + i) == event)
			return true;
	return false;
}

Test(ring_ops, event_is_passed_iff_its_index_was_published_also_over_the_wrap)
{
	for (size_t p = 0; p < N_POINTS; p++)
		for (uint32_t n = 0; n < 10; n++)
			for (int d = -3; d < 13; d++) {
				uint32_t from = points[p];
				uint32_t event = from + (uint32_t)d;

				cr_assert_eq(ring_event_passed(event, from + n,
							       from),
					     among(event, from, n),
					     "event %u, %u to %u", event, from,
					     from + n);
			}
}

Test(ring_ops, a_disarmed_event_is_passed_by_no_burst_a_ring_can_have)
{
	for (size_t p = 0; p < N_POINTS; p++)
		for (uint32_t n = 0; n <= 1u << UKCF_CQ_ORDER_MAX; n++)
			cr_assert_not(ring_event_passed(points[p] - 1,
							points[p] + n,
							points[p]));
}

Test(ring_ops, generations_of_a_slot_change_with_every_round_and_skip_zero)
{
	for (unsigned int order = 0; order <= UKCF_CQ_ORDER_MAX; order++) {
		uint64_t n = UINT64_C(1) << order;

		cr_assert_eq(ring_gen_sqe(0, order), 1);
		cr_assert_eq(ring_gen_cqe(0, order), 1);
		for (size_t p = 0; p < N_POINTS; p++) {
			uint64_t i = points[p];

			cr_assert_eq((uint32_t)(ring_gen_sqe(i, order) + 1),
				     ring_gen_sqe(i + n, order));
			cr_assert_eq((uint16_t)(ring_gen_cqe(i, order) + 1),
				     ring_gen_cqe(i + n, order));
		}
	}
}

/* A fresh ring is zero: it must not look like an entry of the first round. */
Test(ring_ops, a_zeroed_slot_is_not_ready_in_the_first_round)
{
	for (uint64_t i = 0; i < 1u << UKCF_SQ_ORDER_MAX; i++) {
		cr_assert_neq(ring_gen_sqe(i, UKCF_SQ_ORDER_MAX), 0);
		cr_assert_neq(ring_gen_cqe(i, UKCF_SQ_ORDER_MAX), 0);
	}
}

Test(ring_ops, clamp_keeps_what_is_inside_and_makes_the_rest_zero)
{
	static const uint64_t v[] = { 0, 1, 2, 3, 63, 64, 65, 4095, 4096, 4097,
				      0x7fffffff, 0x80000000, 0xffffffff,
				      UINT64_C(0x100000000),
				      UINT64_C(0x3fffffffffffffff),
				      UINT64_C(0x7fffffffffffffff) };
	const size_t n = sizeof(v) / sizeof(v[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			cr_assert_eq(index_clamp(v[i], v[k]),
				     v[i] < v[k] ? v[i] : 0, "%#lx below %#lx",
				     (unsigned long)v[i], (unsigned long)v[k]);
}

Test(ring_ops, a_copied_entry_is_the_entry)
{
	struct ukcf_sqe from, to;
	uint8_t *p = (uint8_t *)&from;

	for (size_t i = 0; i < sizeof(from); i++)
		p[i] = (uint8_t)(i * 7 + 1);
	memset(&to, 0, sizeof(to));
	ring_copy_sqe(&to, &from);
	cr_assert_eq(memcmp(&to, &from, sizeof(to)), 0);
}

Test(ring_ops, atomics_do_what_they_say)
{
	uint32_t w = 5, expected = 4;

	cr_assert_eq(fetch_add_u32(&w, 3), 5);
	cr_assert_eq(fetch_sub_u32(&w, 1), 8);
	cr_assert_eq(fetch_or_u32(&w, 8), 7);
	cr_assert_eq(fetch_and_u32(&w, 9), 15);
	cr_assert_eq(exchange_u32(&w, 20), 9);
	cr_assert_eq(store_fence_u32(&w, 21), 20);
	cr_assert_not(compare_swap_u32(&w, &expected, 1));
	cr_assert_eq(expected, 21);
	cr_assert(compare_swap_u32(&w, &expected, 1));
	cr_assert_eq(load_acquire_u32(&w), 1);
}
