/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "daemon/core/predict.h"

static struct ukcf_offer offer = { .cost_ns = 1000, .cost_ps_per_byte = 500 };
static struct mech_offer mo = { .offer = &offer };

static void setup(void)
{
	predict_init(&mo);
}

TestSuite(predict, .init = setup);

static uint32_t at(uint64_t bytes)
{
	return predict_ns(&mo, UKCF_OP_DIGEST, bytes);
}

Test(predict, begins_with_the_declared_cost_and_grows_with_size)
{
	cr_assert_eq(at(0), 1000);
	for (uint64_t n = 1; n; n <<= 1) {
		cr_assert_geq(at(n), 1000);
		cr_assert_geq(at(n), at(n / 2));
	}
	/* 1.5 ns per byte of the class's middle */
	cr_assert(at(1024) > 1000 + 512 && at(1024) < 1000 + 1024);
}

Test(predict, sizes_of_one_class_share_a_prediction)
{
	for (unsigned int k = 1; k < 26; k++) {
		uint64_t n = UINT64_C(1) << k;

		cr_assert_eq(at(n), at(2 * n - 1), "class of %lu", n);
	}
	cr_assert_eq(at(UINT64_MAX), at(1u << 27), "the last one is open");
}

Test(predict, a_declared_cost_beyond_32_bits_saturates)
{
	offer.cost_ns = UINT32_MAX;
	offer.cost_ps_per_byte = UINT32_MAX;
	predict_init(&mo);
	cr_assert_eq(at(1u << 20), UINT32_MAX);
}

Test(predict, converges_to_what_is_measured_from_above_and_below)
{
	static const uint64_t truth[] = { 100, 1000, 50000 };

	for (size_t i = 0; i < sizeof(truth) / sizeof(truth[0]); i++) {
		for (int n = 0; n < 200; n++)
			predict_learn(&mo, UKCF_OP_DIGEST, 64, truth[i]);
		cr_assert(at(64) + 8 >= truth[i] && at(64) <= truth[i] + 8,
			  "%u for %lu", at(64), (unsigned long)truth[i]);
	}
}

Test(predict, one_outlier_at_most_doubles_it)
{
	uint32_t before = at(64);

	predict_learn(&mo, UKCF_OP_DIGEST, 64, UINT64_MAX / 16);
	cr_assert_leq(at(64), 2 * before + 8);
	predict_learn(&mo, UKCF_OP_DIGEST, 64, 0);
	predict_learn(&mo, UKCF_OP_DIGEST, 64, 0);
	cr_assert_geq(at(64), before / 2, "nor does zero forget it");
}

Test(predict, a_prediction_of_zero_can_still_grow)
{
	offer.cost_ns = 0;
	offer.cost_ps_per_byte = 0;
	predict_init(&mo);
	for (int n = 0; n < 500; n++)
		predict_learn(&mo, UKCF_OP_DIGEST, 64, 20000);
	cr_assert_gt(at(64), 10000);
}

Test(predict, saturated_predictions_do_not_wrap)
{
	offer.cost_ns = UINT32_MAX;
	predict_init(&mo);
	predict_learn(&mo, UKCF_OP_DIGEST, 64, UINT64_MAX / 16);
	cr_assert_eq(at(64), UINT32_MAX);
}

Test(predict, learning_touches_one_class_of_one_operation)
{
	uint32_t other_op = predict_ns(&mo, UKCF_OP_MAC, 64);
	uint32_t other_size = at(128);

	predict_learn(&mo, UKCF_OP_DIGEST, 64, 10);
	cr_assert_lt(at(64), 1000);
	cr_assert_eq(predict_ns(&mo, UKCF_OP_MAC, 64), other_op);
	cr_assert_eq(at(128), other_size);
}

Test(predict, an_offer_that_is_not_to_be_measured_keeps_its_cost)
{
	offer.flags = UKCF_OFFER_NO_CALIBRATE;
	predict_learn(&mo, UKCF_OP_DIGEST, 64, 10);
	cr_assert_eq(at(0), 1000);
	cr_assert_gt(at(64), 1000);
}

/* Return: after how many choices of another it is tried; 0: never. */
static unsigned int tried_after(struct mech_offer *o, uint64_t bytes,
				uint64_t chosen_ns)
{
	for (unsigned int i = 1; i <= 100000; i++)
		if (predict_tries(o, UKCF_OP_DIGEST, bytes, chosen_ns))
			return i;
	return 0;
}

/* So often that what it declared counts no more. */
static void measure_all(void)
{
	for (unsigned int k = 0; k < 28; k++)
		for (int n = 0; n < PREDICT_EARLY; n++) {
			predict_learn(&mo, UKCF_OP_DIGEST, 1u << k >> 1, 1000);
			predict_learn(&mo, UKCF_OP_MAC, 1u << k >> 1, 1000);
		}
}

Test(predict, one_that_was_hardly_measured_is_tried_sooner)
{
	for (int i = 0; i < PREDICT_EARLY; i++) {
		uint32_t own = at(64);

		cr_assert_eq(tried_after(&mo, 64, own),
			     PREDICT_TRY_EARLY_PART);
		predict_learn(&mo, UKCF_OP_DIGEST, 64, 100);
	}
	cr_assert_lt(at(64), 300, "%u is near what is true", at(64));
	cr_assert_eq(tried_after(&mo, 64, at(64)), PREDICT_TRY_PART);
	cr_assert_eq(tried_after(&mo, 4096, at(4096)), PREDICT_TRY_EARLY_PART,
		     "each class for itself");
	predict_init(&mo);
	cr_assert_eq(tried_after(&mo, 64, at(64)), PREDICT_TRY_EARLY_PART,
		     "another module is measured anew");
}

Test(predict, one_that_is_never_chosen_is_tried_at_a_bounded_price)
{
	uint32_t own;

	measure_all();
	own = at(64);

	for (int i = 0; i < 3; i++) {
		unsigned int n = tried_after(&mo, 64, 100);

		cr_assert_eq(n, (own * PREDICT_TRY_PART + 99) / 100, "%u", n);
	}
	cr_assert_eq(tried_after(&mo, 64, UINT64_MAX), 1, "no wrap");
}

Test(predict, each_class_counts_for_itself)
{
	measure_all();
	cr_assert_not(predict_tries(&mo, UKCF_OP_DIGEST, 64,
				    at(64) * (PREDICT_TRY_PART - 1)));
	cr_assert_not(predict_tries(&mo, UKCF_OP_DIGEST, 4096, at(64)));
	cr_assert_not(predict_tries(&mo, UKCF_OP_MAC, 64, at(64)));
	cr_assert(predict_tries(&mo, UKCF_OP_DIGEST, 64, at(64)));
}

Test(predict, what_would_take_long_or_is_not_measured_is_not_tried)
{
	static struct ukcf_offer fixed = { .flags = UKCF_OFFER_NO_CALIBRATE };
	static struct ukcf_offer slow = { .cost_ns = PREDICT_TRY_MOST_NS + 1 };
	static struct mech_offer of_fixed = { .offer = &fixed };
	static struct mech_offer of_slow = { .offer = &slow };

	predict_init(&of_fixed);
	predict_init(&of_slow);
	cr_assert_eq(tried_after(&of_fixed, 64, UINT32_MAX), 0);
	cr_assert_eq(tried_after(&of_slow, 64, UINT32_MAX), 0);
	slow.cost_ns--;
	predict_init(&of_slow);
	cr_assert_gt(tried_after(&of_slow, 0, 100000), 0);
	cr_assert_not(predict_tries(&mo, UKCF_OP_LAST, 64, UINT32_MAX));
}

Test(predict, operations_beyond_the_table_have_the_declared_cost)
{
	predict_learn(&mo, UKCF_OP_LAST, 64, 5);
	predict_learn(&mo, UINT32_MAX, 64, 5);
	cr_assert_eq(predict_ns(&mo, UKCF_OP_LAST, 64), 1000);
	cr_assert_eq(predict_ns(&mo, UINT32_MAX, 64), 1000);
}
