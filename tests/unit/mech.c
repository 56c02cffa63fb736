/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "daemon/api/page.h"
#include "daemon/core/mech.h"
#include "daemon/core/policy.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "lib/shared/mech-table.h"

static enum ukcf_status nothing(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	(void)self;
	(void)job;
	return UKCF_DONE;
}

static const struct ukcf_mech_ops digest_ops = { .digest = nothing };
static const struct ukcf_mech_ops aead_ops = { .encrypt = nothing,
					       .decrypt = nothing,
					       .generate = nothing };
static const struct ukcf_mech_ops encrypt_only = { .encrypt = nothing };
static const struct ukcf_mech_ops no_ops;

static struct module module = { .caller_gen = 5 };
static struct ukcf_provider spi = { .name = "p", .version = "v9" };
static struct provider a = { .id = 1, .state = UKCF_PROVIDER_READY,
			     .name = "a", .spi = &spi, .module = &module };
static struct provider b = { .id = 2, .state = UKCF_PROVIDER_READY,
			     .name = "b", .spi = &spi };
static const struct ukcf_offer sha = { .mech = UKCF_MECH_SHA2_256,
				       .ops = &digest_ops,
				       .flags = UKCF_OFFER_CALLER };
static const struct ukcf_offer gcm = { .mech = UKCF_MECH_AES_256_GCM,
				       .ops = &aead_ops };
static const struct ukcf_offer gcm_half = { .mech = UKCF_MECH_AES_256_GCM,
					    .ops = &encrypt_only };

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(mech_init(), 0);
}

TestSuite(mech, .init = setup);

static struct provider *chosen(uint32_t mech, uint32_t op, uint16_t which)
{
	struct mech_offer *o = mech_choose(mech_find(mech), op, which);

	return o ? o->provider : NULL;
}

Test(mech, every_built_in_one_is_found_and_no_other)
{
	cr_assert_eq(mech_count(), mech_n_rows);
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech *m = mech_find(mech_rows[i].id);

		cr_assert_eq(m, mech_at(i));
		cr_assert_eq(m->limits.data_max, mech_rows[i].data_max);
		cr_assert(m->enabled);
	}
	cr_assert_null(mech_at(mech_n_rows));
	for (uint32_t c = 0; c < 16; c++)
		for (uint32_t i = 0; i < 0x10000; i++) {
			uint32_t id = UKCF_MECH_ID(c, i);

			cr_assert_eq(mech_find(id) != NULL,
				     mech_row_by_id(id) != NULL);
		}
}

Test(mech, an_offer_of_nothing_or_of_the_unknown_is_EINVAL)
{
	struct ukcf_offer o = sha;

	o.mech = UKCF_MECH_ID(UKCF_CLASS_DIGEST, 0x8000);
	cr_assert_eq(mech_add_offer(&a, &o), -EINVAL);
	o = sha;
	o.ops = NULL;
	cr_assert_eq(mech_add_offer(&a, &o), -EINVAL);
	o.ops = &no_ops;
	cr_assert_eq(mech_add_offer(&a, &o), -EINVAL);
	cr_assert_null(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0));
}

Test(mech, the_first_usable_offer_of_the_operation_is_chosen)
{
	cr_assert_eq(mech_add_offer(&a, &gcm_half), 0);
	cr_assert_eq(mech_add_offer(&b, &gcm), 0);
	cr_assert_eq(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_ENCRYPT, 0), &a);
	cr_assert_eq(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_DECRYPT, 0), &b);
	cr_assert_eq(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_ENCRYPT, 2), &b);
	cr_assert_null(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_DECRYPT, 1));
	cr_assert_null(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_ENCRYPT, 3));
	cr_assert_null(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_DIGEST, 0));
}

Test(mech, only_a_ready_or_busy_provider_is_chosen)
{
	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	for (uint32_t s = 0; s <= UKCF_PROVIDER_DRAINING + 1; s++) {
		bool usable = s == UKCF_PROVIDER_READY ||
			      s == UKCF_PROVIDER_BUSY;

		a.state = s;
		cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0) ==
				     &a, usable, "state %u", s);
	}
}

Test(mech, what_is_withdrawn_is_not_chosen_and_the_others_stay_in_order)
{
	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	cr_assert_eq(mech_add_offer(&b, &sha), 0);
	cr_assert_eq(mech_add_offer(&a, &gcm), 0);
	mech_withdraw(&a);
	cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0), &b);
	cr_assert_null(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 1));
	cr_assert_null(chosen(UKCF_MECH_AES_256_GCM, UKCF_OP_ENCRYPT, 0));
	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0), &a,
		     "it has its place again");
	cr_assert_eq(mech_find(UKCF_MECH_SHA2_256)->n_offers, 2);
	mech_withdraw(&a);
	mech_withdraw(&b);
	cr_assert_null(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0));
}

Test(mech, what_was_learned_of_an_offer_holds_for_the_same_code)
{
	struct ukcf_offer other = sha;
	struct mech_offer *o;

	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	o = mech_choose(mech_find(UKCF_MECH_SHA2_256), UKCF_OP_DIGEST, 0);
	o->predicted[UKCF_OP_DIGEST][0] = 4711;
	mech_withdraw(&a);
	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	cr_assert_eq(o->predicted[UKCF_OP_DIGEST][0], 4711);
	mech_withdraw(&a);
	other.cost_ns = 8;
	cr_assert_eq(mech_add_offer(&a, &other), 0);
	cr_assert_eq(o->predicted[UKCF_OP_DIGEST][0], 8);
}

Test(mech, offers_of_one_mechanism_are_bounded)
{
	struct provider more[MECH_OFFERS_MAX + 1];

	for (unsigned int i = 0; i <= MECH_OFFERS_MAX; i++) {
		more[i] = a;
		more[i].id = (uint16_t)(i + 1);
		cr_assert_eq(mech_add_offer(&more[i], &sha),
			     i < MECH_OFFERS_MAX ? 0 : -ENOSPC);
	}
	cr_assert_eq(mech_add_offer(&more[0], &sha), 0, "it is there already");
}

/* Entry point by operation: each is its own, none is another's. */
Test(mech, each_operation_has_its_entry_and_reserved_ones_have_none)
{
	static const struct {
		uint32_t op;
		size_t at;
	} t[] = {
#define ENTRY(op, fn) { UKCF_OP_##op, offsetof(struct ukcf_mech_ops, fn) }
		ENTRY(DIGEST, digest), ENTRY(MAC, mac),
		ENTRY(MAC_VERIFY, mac_verify), ENTRY(ENCRYPT, encrypt),
		ENTRY(DECRYPT, decrypt), ENTRY(SIGN, sign),
		ENTRY(VERIFY, verify), ENTRY(DERIVE, derive),
		ENTRY(RANDOM, random), ENTRY(KEY_GENERATE, generate),
		ENTRY(KEY_PUBLIC, public_key),
#undef ENTRY
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ukcf_mech_ops ops = { 0 };
		struct ukcf_offer o = { .ops = &ops };

		*(ukcf_job_fn *)(void *)((char *)&ops + t[i].at) = nothing;
		cr_assert_eq(mech_ops(&o), 1u << t[i].op);
		for (uint32_t op = 0; op < 200; op++)
			cr_assert_eq(mech_entry(&o, op) != NULL, op == t[i].op,
				     "%u", op);
	}
}

Test(mech, rules_are_felt_by_rows_and_by_present_and_later_offers)
{
	static struct policy_rules r;
	const struct mech *m = mech_find(UKCF_MECH_SHA2_256);

	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	cr_assert(mech_is_offered(m, &a));
	cr_assert_not(mech_is_offered(m, &b));
	policy_rules_set(&r, "a", "sha2-256", false);
	policy_rules_set(&r, "b", POLICY_ALL, false);
	policy_rules_set(&r, "", "aes-256-gcm", false);
	policy_keep(&r);
	cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0), &a);
	mech_judge();
	cr_assert_null(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0));
	cr_assert_eq(mech_add_offer(&b, &sha), 0);
	cr_assert_null(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0));
	cr_assert(m->enabled);
	cr_assert_not(mech_find(UKCF_MECH_AES_256_GCM)->enabled);
	r.n = 0;
	policy_keep(&r);
	mech_judge();
	cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 2), &b);
	cr_assert_eq(chosen(UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, 0), &a);
	cr_assert(mech_find(UKCF_MECH_AES_256_GCM)->enabled);
}

Test(mech, the_page_shows_what_is_offered_and_nothing_else)
{
	const struct ukcf_page *p;

	cr_assert_eq(page_open(-1, 1, 1), 0);
	p = mmap(NULL, UKCF_PAGE_SIZE, PROT_READ, MAP_SHARED, page_reopen(), 0);
	mech_publish();
	cr_assert_eq(p->n_mechs, 0);
	cr_assert_eq(mech_add_offer(&b, &sha), 0);
	cr_assert_eq(mech_add_offer(&a, &sha), 0);
	mech_publish();
	cr_assert_eq(p->n_mechs, 1);
	cr_assert_eq(p->mechs[0].id, UKCF_MECH_SHA2_256);
	cr_assert_str_eq(p->mechs[0].name, "sha2-256");
	cr_assert_eq(p->mechs[0].providers, 1u << 1 | 1u << 2);
	cr_assert_eq(p->mechs[0].ops, 1u << UKCF_OP_DIGEST);
	/* b has no module for callers; a has. */
	cr_assert_eq(p->mechs[0].caller, 1);
	cr_assert_eq(p->mechs[0].flags, UKCF_PAGE_MECH_ENABLED);
}
