/* SPDX-License-Identifier: MIT */
/*
 * The real provider passes; then one that lies in one operation at a time: one
 * bit of its output turned, one byte more or less claimed, an error, a wrong
 * tag accepted.  Every one of them has to be caught.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/page.h"
#include "daemon/config.h"
#include "daemon/core/mech.h"
#include "daemon/spi/host.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/selftest.h"
#include "lib/shared/mech-table.h"
#include "tests/unit/fixture.h"

static struct config config;
static const struct provider *honest;
static const struct ukcf_offer *real;

enum lie { NO_LIE, FLIP, MORE, LESS, ERROR, ACCEPT, BUSY, LIES };

static enum lie lie;
static uint32_t lie_op;

static enum ukcf_status perform(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status = mech_entry(real, job->op)(self, job);

	if (job->op != lie_op)
		return status;
	switch (lie) {
	case FLIP:
		if (job->res > 0)
			job->out[job->res - 1] ^= 0x80;
		break;
	case MORE:
		job->res++;
		break;
	case LESS:
		job->res--;
		break;
	case ERROR:
		job->res = -EINVAL;
		break;
	case ACCEPT:
		if (job->res == -EBADMSG)
			job->res = job->op == UKCF_OP_DECRYPT ? 60 : 0;
		break;
	case BUSY:
		return UKCF_BUSY;
	default:
		break;
	}
	return status;
}

static void setup(void)
{
	const char *build = getenv("top_builddir");

	unsetenv("NOTIFY_SOCKET");
	config_defaults(&config);
	snprintf(config.provider_dir, sizeof(config.provider_dir),
		 "%s/providers/.libs", build ? build : ".");
	cr_assert_eq(mech_init(), 0);
	cr_assert_eq(page_open(-1, 1, 1), 0);
	cr_assert_eq(provider_init(&config), 0);
	cr_assert_eq(load_provider("sodium"), 0, "no %s/sodium.so?",
		     config.provider_dir);
	honest = provider_at(0);
}

TestSuite(selftest, .init = setup);

/* The real one's operations, all of them by way of perform(). */
static struct ukcf_mech_ops wrapped(const struct ukcf_mech_ops *ops)
{
	struct ukcf_mech_ops w = { 0 };

#define WRAP(op) w.op = ops->op ? perform : NULL
	WRAP(digest);
	WRAP(mac);
	WRAP(mac_verify);
	WRAP(encrypt);
	WRAP(decrypt);
	WRAP(sign);
	WRAP(verify);
	WRAP(derive);
	WRAP(random);
	WRAP(generate);
	WRAP(public_key);
#undef WRAP
	return w;
}

static int test_with(const struct ukcf_offer *o, uint32_t op, enum lie l,
		     const char **what)
{
	struct ukcf_mech_ops ops = wrapped(o->ops);
	struct ukcf_offer w = *o;

	w.ops = &ops;
	real = o;
	lie = l;
	lie_op = op;
	*what = "";
	return selftest_offer(honest->instance, &w, what);
}

Test(selftest, an_honest_provider_passes_each_of_its_mechanisms)
{
	cr_assert_geq(honest->spi->n_offers, 8);
	for (uint32_t i = 0; i < honest->spi->n_offers; i++) {
		const char *what;

		cr_assert_eq(test_with(&honest->spi->offers[i], 0, NO_LIE,
				       &what), 0, "%s", what);
	}
}

static bool verifies(uint32_t op)
{
	return op == UKCF_OP_MAC_VERIFY || op == UKCF_OP_VERIFY;
}

/* Which lies change anything about an operation's answers?  A stream cipher
 * accepts whatever comes. */
static bool is_a_lie(uint32_t mech, uint32_t op, enum lie l)
{
	if (l == FLIP)
		return !verifies(op);
	if (l == ACCEPT)
		return verifies(op) ||
		       (op == UKCF_OP_DECRYPT &&
			UKCF_MECH_CLASS(mech) != UKCF_CLASS_CIPHER);
	return l != NO_LIE;
}

/* It takes a second until one that is busy is given up, whatever it does. */
static bool is_enough(enum lie l)
{
	static unsigned int busy;

	return l == BUSY && ++busy > 2;
}

Test(selftest, every_lie_in_every_operation_is_caught)
{
	unsigned int caught = 0;

	for (uint32_t i = 0; i < honest->spi->n_offers; i++) {
		const struct ukcf_offer *o = &honest->spi->offers[i];

		for (uint32_t op = 1; op < 32; op++) {
			/* what generate makes is random */
			if (!mech_entry(o, op) || op == UKCF_OP_KEY_GENERATE)
				continue;
			for (int l = FLIP; l < LIES; l++) {
				const char *what;
				int err;

				/* a flipped bit of chance is chance */
				if (!is_a_lie(o->mech, op, (enum lie)l) ||
				    (op == UKCF_OP_RANDOM && l == FLIP) ||
				    is_enough((enum lie)l))
					continue;
				err = test_with(o, op, (enum lie)l, &what);
				cr_assert_eq(err, -EIO, "%s, lie %d passes",
					     mech_op_name(op), l);
				cr_assert(*what);
				caught++;
			}
		}
	}
	cr_assert_gt(caught, 60);
}

#define IN_PLACE 300u
#define MORE 64u /* of a tag, of what is added */

/* Bytes, or -errno; data is input and output. */
static int64_t in_place(const struct ukcf_offer *o, uint32_t op,
			struct ukcf_bytes key, uint8_t *data, size_t len)
{
	static const uint8_t nonce[UKCF_PARAM_MAX];
	const struct mech_row *row = mech_row_by_id(o->mech);
	struct ukcf_job job = { .op = op,
				.mech = o->mech,
				.key = key,
				.in = { data, len },
				.param = { nonce, row->nonce_len },
				.out = data,
				.out_size = IN_PLACE + MORE,
				.tag_len = row->tag_max };

	if (mech_entry(o, op)(honest->instance, &job) != UKCF_DONE)
		return -EIO;
	return job.res;
}

/* The secret key, and what is encrypted with: of a pair its public part. */
static struct ukcf_bytes own_keys(const struct ukcf_offer *o,
				  const uint8_t secret[32], uint8_t pub[32])
{
	struct ukcf_job job = { .op = UKCF_OP_KEY_PUBLIC,
				.mech = o->mech,
				.key = { secret, 32 },
				.out = pub,
				.out_size = 32 };

	if (!o->ops->public_key)
		return job.key;
	cr_assert_eq(o->ops->public_key(honest->instance, &job), UKCF_DONE);
	cr_assert_eq(job.res, 32);
	return (struct ukcf_bytes){ pub, 32 };
}

/* provider.h: in and out are disjoint or equal. */
Test(selftest, what_is_encrypted_in_place_is_decrypted_in_place)
{
	uint8_t secret[32], pub[32], data[IN_PLACE + MORE];
	unsigned int n = 0;

	memset(secret, 0x5a, sizeof(secret));
	for (uint32_t i = 0; i < honest->spi->n_offers; i++) {
		const struct ukcf_offer *o = &honest->spi->offers[i];
		const struct ukcf_bytes key = { secret, sizeof(secret) };

		if (!o->ops->encrypt)
			continue;
		n++;
		for (size_t len = 1; len <= IN_PLACE; len++) {
			int64_t made;

			for (size_t k = 0; k < len; k++)
				data[k] = (uint8_t)(k * 7 + len);
			made = in_place(o, UKCF_OP_ENCRYPT,
					own_keys(o, secret, pub), data, len);
			cr_assert_geq(made, (int64_t)len);
			cr_assert_eq(in_place(o, UKCF_OP_DECRYPT, key, data,
					      (size_t)made), (int64_t)len,
				     "%s", mech_row_by_id(o->mech)->name);
			for (size_t k = 0; k < len; k++)
				cr_assert_eq(data[k], (uint8_t)(k * 7 + len),
					     "%s: %zu bytes: byte %zu",
					     mech_row_by_id(o->mech)->name, len,
					     k);
		}
	}
	cr_assert_geq(n, 7);
}

static enum ukcf_status constant(struct ukcf_instance *self,
				 struct ukcf_job *job)
{
	(void)self;
	memset(job->out, 0x42, job->out_size);
	job->res = (int64_t)job->out_size;
	return UKCF_DONE;
}

static enum ukcf_status nothing(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	(void)self;
	job->res = (int64_t)job->out_size;
	return UKCF_DONE;
}

Test(selftest, chance_that_repeats_itself_or_is_not_there_is_caught)
{
	struct ukcf_mech_ops ops = { .random = constant };
	const struct ukcf_offer o = { .mech = UKCF_MECH_RANDOM, .ops = &ops };
	const char *what;

	cr_assert_eq(selftest_offer(NULL, &o, &what), -EIO);
	ops.random = nothing;
	cr_assert_eq(selftest_offer(NULL, &o, &what), -EIO);
}

Test(selftest, a_mechanism_without_known_answers_is_ENOENT)
{
	static const struct ukcf_mech_ops ops = { .generate = constant };
	const struct ukcf_offer o = { .mech = UKCF_MECH_SHA2_256,
				      .ops = &ops };
	const struct ukcf_offer unknown = { .mech = 0x18000, .ops = &ops };
	const char *what;

	cr_assert_eq(selftest_offer(NULL, &o, &what), -ENOENT);
	cr_assert_eq(selftest_offer(NULL, &unknown, &what), -ENOENT);
}

/* One direction is enough of an offer; the other is not called. */
Test(selftest, a_provider_of_encryption_alone_is_tested_and_not_crashed)
{
	const char *what;

	for (uint32_t i = 0; i < honest->spi->n_offers; i++) {
		const struct ukcf_offer *o = &honest->spi->offers[i];
		struct ukcf_mech_ops ops = { .encrypt = o->ops->encrypt };
		struct ukcf_offer half = *o;

		/* what is encrypted to a pair needs the pair to be judged */
		if (!ops.encrypt || o->ops->public_key)
			continue;
		half.ops = &ops;
		cr_assert_eq(selftest_offer(honest->instance, &half, &what), 0);
		ops.encrypt = constant;
		cr_assert_eq(selftest_offer(honest->instance, &half, &what),
			     -EIO);
	}
}

/* Chance beside a digest does not answer for the digest. */
Test(selftest, one_operation_does_not_vouch_for_another)
{
	const struct ukcf_mech_ops *good = NULL;
	struct ukcf_mech_ops ops;
	struct ukcf_offer o = { .mech = UKCF_MECH_SHA2_256, .ops = &ops };
	const char *what;

	for (uint32_t i = 0; i < honest->spi->n_offers; i++)
		if (honest->spi->offers[i].mech == UKCF_MECH_RANDOM)
			good = honest->spi->offers[i].ops;
	cr_assert_not_null(good);
	ops = (struct ukcf_mech_ops){ .random = good->random,
				      .digest = constant };
	cr_assert_eq(selftest_offer(honest->instance, &o, &what), -EIO);
	cr_assert_str_eq(what, "digest");
}
