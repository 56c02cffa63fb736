/* SPDX-License-Identifier: MIT */
#include "daemon/core/predict.h"

#include "lib/shared/ring-ops.h"

#define OPS (sizeof(((struct mech_offer *)0)->predicted) / \
	     sizeof(((struct mech_offer *)0)->predicted[0]))
#define CLASSES (sizeof(((struct mech_offer *)0)->predicted[0]) / \
		 sizeof(uint32_t))
#define KEYOP_NS 100000 /* of a key whose use is what is slow */
#define OUTLIER 8 /* times the prediction */
#define WEIGHT 8  /* of the old value: EWMA with 1/8 */

/* Class n holds sizes in [2^(n-1), 2^n). */
static unsigned int class_of(uint64_t bytes)
{
	unsigned int n = bytes ? 64 - (unsigned int)__builtin_clzll(bytes) : 0;

	return n < CLASSES ? n : CLASSES - 1;
}

static uint64_t class_bytes(unsigned int class_)
{
	return class_ ? (UINT64_C(3) << (class_ - 1)) / 2 : 0;
}

static uint32_t saturate(uint64_t ns)
{
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

void predict_init(struct mech_offer *o)
{
	for (unsigned int c = 0; c < CLASSES; c++) {
		uint64_t ns = o->offer->cost_ns +
			      class_bytes(c) * o->offer->cost_ps_per_byte /
				      1000;

		for (unsigned int op = 0; op < OPS; op++) {
			store_relaxed_u32(&o->predicted[op][c], saturate(ns));
			store_relaxed_u32(&o->measured[op][c], 0);
		}
	}
}

uint32_t predict_ns(const struct mech_offer *o, uint32_t op, uint64_t bytes)
{
	if (op >= OPS) /* operations on keys */
		return o->offer->flags & UKCF_OFFER_SLOW &&
				       op != UKCF_OP_KEY_GENERATE ?
			       KEYOP_NS : o->offer->cost_ns;
	return load_relaxed_u32(&o->predicted[op][class_of(bytes)]);
}

/* Threads that count at once may count one. */
static void count_measured(struct mech_offer *o, uint32_t op, unsigned int c)
{
	uint32_t n = load_relaxed_u32(&o->measured[op][c]);

	if (n < PREDICT_EARLY)
		store_relaxed_u32(&o->measured[op][c], n + 1);
}

/* In how many parts of the time of others one is spent on trying it. */
static uint64_t parts_of(const struct mech_offer *o, uint32_t op,
			 unsigned int c)
{
	return load_relaxed_u32(&o->measured[op][c]) < PREDICT_EARLY ?
		       PREDICT_TRY_EARLY_PART : PREDICT_TRY_PART;
}

void predict_learn(struct mech_offer *o, uint32_t op, uint64_t bytes,
		   uint64_t ns)
{
	uint32_t *at;
	uint64_t old;

	if (op >= OPS || (o->offer->flags & UKCF_OFFER_NO_CALIBRATE))
		return;
	at = &o->predicted[op][class_of(bytes)];
	count_measured(o, op, class_of(bytes));
	old = load_relaxed_u32(at);
	if (ns > OUTLIER * (old + 1))
		ns = OUTLIER * (old + 1);
	store_relaxed_u32(at, saturate((old * (WEIGHT - 1) + ns + WEIGHT / 2) /
				       WEIGHT));
}

bool predict_tries(struct mech_offer *o, uint32_t op, uint64_t bytes,
		   uint64_t chosen_ns)
{
	uint32_t own = predict_ns(o, op, bytes), *at;
	uint64_t passed;

	_Static_assert((uint64_t)PREDICT_TRY_MOST_NS * PREDICT_TRY_PART <=
			       UINT32_MAX, "it can be counted");
	if (op >= OPS || own > PREDICT_TRY_MOST_NS ||
	    (o->offer->flags & UKCF_OFFER_NO_CALIBRATE))
		return false;
	at = &o->passed_ns[op][class_of(bytes)];
	passed = load_relaxed_u32(at) + saturate(chosen_ns);
	if (passed < own * parts_of(o, op, class_of(bytes))) {
		store_relaxed_u32(at, saturate(passed));
		return false;
	}
	store_relaxed_u32(at, 0);
	return true;
}
