/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include <ukcf/abi.h>

#include "lib/shared/mech-table.h"

Test(mech_table, every_row_is_found_by_its_id_and_no_other_id_is)
{
	for (unsigned int i = 0; i < mech_n_rows; i++)
		cr_assert_eq(mech_row_by_id(mech_rows[i].id), &mech_rows[i]);
	cr_assert_null(mech_row_by_id(UKCF_MECH_NONE));
	cr_assert_null(mech_row_by_id(UINT32_MAX));
	cr_assert_null(mech_row_by_id(UKCF_MECH_ID(UKCF_CLASS_DIGEST, 0x8000)));
}

Test(mech_table, names_and_ids_are_unique_and_well_formed)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *a = &mech_rows[i];

		cr_assert(strlen(a->name) < UKCF_NAME_MAX);
		cr_assert(strlen(a->pkcs11) < UKCF_NAME_MAX);
		cr_assert(strlen(a->openssl) < UKCF_NAME_MAX);
		for (const char *c = a->name; *c; c++)
			cr_assert(islower((unsigned char)*c) ||
				  isdigit((unsigned char)*c) || *c == '-');
		for (unsigned int k = 0; k < i; k++) {
			cr_assert_neq(mech_rows[k].id, a->id);
			cr_assert_str_neq(mech_rows[k].name, a->name);
		}
	}
}

Test(mech_table, limits_of_every_row_are_ordered_and_fit_the_abi)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *r = &mech_rows[i];
		uint32_t class_ = UKCF_MECH_CLASS(r->id);

		cr_assert_leq(r->key_min, r->key_max, "%s", r->name);
		cr_assert_leq(r->tag_min, r->tag_max, "%s", r->name);
		cr_assert_leq(r->key_max, UKCF_KEY_BYTES_MAX, "%s", r->name);
		cr_assert_leq(r->nonce_len, UKCF_PARAM_MAX, "%s", r->name);
		cr_assert_leq(r->out_len, r->by_key ? 512 : 128, "%s", r->name);
		cr_assert_leq(r->pub_len, UKCF_KEY_PUBLIC_MAX, "%s", r->name);
		cr_assert_eq(r->pub_len != 0, class_ == UKCF_CLASS_SIGN ||
						      class_ == UKCF_CLASS_KEX ||
						      class_ == UKCF_CLASS_PKE,
			     "%s", r->name);
		cr_assert_eq(mech_public_usage(r->id),
			     class_ == UKCF_CLASS_SIGN ? UKCF_USE_VERIFY :
			     class_ == UKCF_CLASS_PKE  ? UKCF_USE_ENCRYPT :
							 0,
			     "%s", r->name);
		cr_assert_eq(mech_takes_public(r->id, UKCF_OP_ENCRYPT),
			     class_ == UKCF_CLASS_PKE, "%s", r->name);
		cr_assert(mech_takes_public(r->id, UKCF_OP_VERIFY));
		cr_assert_not(mech_takes_public(r->id, UKCF_OP_DECRYPT));
		cr_assert_not_null(mech_class_name(r->id), "%s", r->name);
		/* A class that takes keys says what for. */
		cr_assert_eq(mech_class_usage(r->id) != 0, r->key_max != 0,
			     "%s", r->name);
		if (class_ == UKCF_CLASS_AEAD || class_ == UKCF_CLASS_MAC)
			cr_assert_gt(r->tag_min, 0, "%s", r->name);
		cr_assert(*r->source, "%s", r->name);
	}
}

Test(mech_table, a_name_matches_itself_and_its_aliases_in_any_case_only)
{
	const struct mech_row *r = mech_row_by_id(UKCF_MECH_AES_256_GCM);
	const char *yes[] = { "aes-256-gcm", "AES-256-GCM", "Aes-256-Gcm",
			      "CKM_AES_GCM", "ckm_aes_gcm" };
	const char *no[] = { "", "aes-256-gc", "aes-256-gcmx", "aes" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_assert(mech_name_matches(yes[i], r->name, r->pkcs11,
					    r->openssl), "%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_assert_not(mech_name_matches(no[i], r->name, r->pkcs11,
						r->openssl), "%s", no[i]);
	cr_assert_not(mech_name_matches(NULL, r->name, r->pkcs11, r->openssl));
}

/* An empty alias is the absence of one. */
Test(mech_table, no_name_matches_two_rows)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const char *names[] = { mech_rows[i].name, mech_rows[i].pkcs11,
					mech_rows[i].openssl };

		for (unsigned int n = 0; n < 3; n++) {
			unsigned int matches = 0;

			for (unsigned int k = 0; k < mech_n_rows; k++)
				matches += mech_name_matches(
					names[n], mech_rows[k].name,
					mech_rows[k].pkcs11,
					mech_rows[k].openssl);
			cr_assert_eq(matches, *names[n] != '\0', "%s",
				     names[n]);
		}
	}
}

Test(mech_table, classes_and_operations_beyond_the_table_have_no_name)
{
	for (uint32_t c = UKCF_CLASS_PKE + 1; c < 0x10000; c++) {
		cr_assert_null(mech_class_name(c << 16));
		cr_assert_eq(mech_class_usage(c << 16), 0);
	}
	cr_assert_null(mech_op_name(UKCF_OP_LAST));
	cr_assert_null(mech_op_name(UINT32_MAX));
	cr_assert_str_eq(mech_op_name(UKCF_OP_ENCRYPT), "encrypt");
}
