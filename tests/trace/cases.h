/* SPDX-License-Identifier: MIT */
/* Owns jobs for a provider's operations, of any size, on traced memory. */
#ifndef TESTS_TRACE_CASES_H
#define TESTS_TRACE_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "lib/shared/mech-table.h"

#define CASE_IN_MAX 20480u
#define CASE_AUX_MAX 4096u
#define CASE_KEY_MAX 256u
#define CASE_OUT_MAX (CASE_IN_MAX + 64u)

/* An operation that can be run. */
struct op_case {
	const char *provider;
	struct ukcf_instance *instance;
	const struct ukcf_offer *offer;
	const struct mech_row *row;
	uint32_t op;
	bool tmpl; /* with a template instead of the key */
	/* what it needs, made by case_prepare() */
	uint8_t key[CASE_KEY_MAX], pub[64], tag[64], param[24];
	size_t key_len, pub_len, tag_len;
	uint8_t in[CASE_IN_MAX], aux[CASE_AUX_MAX];
	size_t in_len, aux_len;
	_Alignas(64) uint8_t made[4096]; /* the template */
};

/* The entry point, or NULL. */
ukcf_job_fn case_entry(const struct ukcf_offer *o, uint32_t op);
/* Does it read an input of the consumer's? */
bool case_has_input(uint32_t op);
bool case_has_aux(const struct op_case *c);
/* Is its result another each time? */
bool case_is_random(const struct op_case *c);
/* Make key, tag, input and aux.  False: there is no input of this length. */
bool case_prepare(struct op_case *c, size_t in_len, size_t aux_len);
/*
 * Run on this copy of the input.
 * @out: CASE_OUT_MAX bytes
 * Return: the result
 */
int64_t case_run(struct op_case *c, const uint8_t *in, const uint8_t *aux,
		 uint8_t *out);

#endif
