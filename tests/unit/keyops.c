/* SPDX-License-Identifier: MIT */
/* The operations on keys, by way of decode and execute, as a request has it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/core/keystore.h"
#include "lib/shared/mech-table.h"
#include "tests/unit/fixture.h"

static unsigned int detail;

TestSuite(keyops, .init = fixture_init);

static size_t bits_asked;

static enum ukcf_status note_bits(struct ukcf_job *job)
{
	bool makes = job->op == UKCF_OP_KEY_GENERATE;

	if (makes)
		bits_asked = job->tag_len;
	job->res = makes ? 1100 : 270;
	memset(job->out, 0x5a, (size_t)job->res);
	return UKCF_DONE;
}

static struct ukcf_key_req kr(const char *name, uint32_t flags)
{
	struct ukcf_key_req r = { .flags = flags };

	strncpy(r.name, name, sizeof(r.name) - 1);
	return r;
}

static struct ukcf_sqe with(uint32_t op, uint32_t mech,
			    const struct ukcf_key_req *r, size_t key_len)
{
	struct ukcf_sqe s = { .op = (uint8_t)op, .mech[0] = mech };

	memset(fx.user_in, 0, 1024);
	memcpy(fx.user_in, r, sizeof(*r));
	memset(fx.user_in + sizeof(*r), 0x11, key_len);
	s.in.len = (uint32_t)(sizeof(*r) + key_len);
	return s;
}

static int64_t generate(uint32_t mech, struct ukcf_key_req r)
{
	struct ukcf_sqe s = with(UKCF_OP_KEY_GENERATE, mech, &r, 0);

	return run_sqe(&s, &detail);
}

static int64_t import_key(uint32_t mech, struct ukcf_key_req r, uint32_t len)
{
	struct ukcf_sqe s;

	r.key_len = len;
	s = with(UKCF_OP_KEY_IMPORT, mech, &r, len);
	return run_sqe(&s, &detail);
}

static int64_t open_key(struct ukcf_key_req r)
{
	struct ukcf_sqe s = with(UKCF_OP_KEY_OPEN, 0, &r, 0);

	return run_sqe(&s, &detail);
}

static int64_t give(uint32_t op, int64_t key, uint32_t room)
{
	struct ukcf_sqe s = { .op = (uint8_t)op,
			      .obj[0] = (uint64_t)key,
			      .out.len = room,
			      .buf[UKCF_RANGE_OUT] = 1 };

	return run_sqe(&s, &detail);
}

static int64_t destroy(int64_t key)
{
	struct ukcf_sqe s = { .op = UKCF_OP_KEY_DESTROY,
			      .obj[0] = (uint64_t)key };

	return run_sqe(&s, &detail);
}

Test(keyops, a_named_key_is_opened_used_and_destroyed)
{
	int64_t h = generate(UKCF_MECH_ED25519, kr("k", 0));

	cr_assert_gt(h, 0);
	cr_assert_eq(open_key(kr("k", 0)), h);
	cr_assert_eq(give(UKCF_OP_KEY_PUBLIC, h, 32), 32);
	cr_assert_eq(fx.user_out[0], 0x5a);
	cr_assert_eq(destroy(h), 0);
	cr_assert_eq(open_key(kr("k", 0)), -ENOKEY);
	cr_assert_eq(detail, UKCF_DETAIL_KEY);
	cr_assert_eq(destroy(h), -EKEYREVOKED);
	cr_assert_eq(destroy(4711), -ENOKEY);
}

Test(keyops, names_are_letters_digits_dots_dashes_and_underscores)
{
	static const char *const good[] = { "a", "A.b-c_d9", "0", "_", "a.",
					    "a-" };
	static const char *const bad[] = { "", ".", ".a", "-a", "a/b", "a b",
					   "a\n", "\xc3\xa4", "a:b", "a*" };
	struct ukcf_key_req r;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert_gt(generate(UKCF_MECH_ED25519, kr(good[i], 0)), 0,
			     "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(generate(UKCF_MECH_ED25519, kr(bad[i], 0)),
			     -EINVAL, "%s", bad[i]);
		cr_assert_eq(detail, UKCF_DETAIL_KEY_NAME);
		cr_assert_eq(open_key(kr(bad[i], 0)), -EINVAL);
		cr_assert_eq(detail, UKCF_DETAIL_KEY_NAME);
	}
	r = kr("", 0);
	memset(r.name, 'x', 63);
	cr_assert_gt(generate(UKCF_MECH_ED25519, r), 0);
	r.name[63] = 'x'; /* no NUL */
	cr_assert_eq(generate(UKCF_MECH_ED25519, r), -EINVAL);
	r = kr("a2", 0);
	r.name[40] = 'x'; /* behind the NUL */
	cr_assert_eq(generate(UKCF_MECH_ED25519, r), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_NAME);
}

Test(keyops, a_taken_name_is_EEXIST_and_the_first_key_stays)
{
	int64_t h = generate(UKCF_MECH_ED25519, kr("k", 0));

	cr_assert_eq(generate(UKCF_MECH_X25519, kr("k", 0)), -EEXIST);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_NAME);
	cr_assert_eq(import_key(UKCF_MECH_AES_256_GCM, kr("k", 0), 32),
		     -EEXIST);
	cr_assert_eq(open_key(kr("k", 0)), h);
}

Test(keyops, session_keys_are_nameless_and_own_keys_are_session_keys)
{
	cr_assert_gt(generate(UKCF_MECH_ED25519, kr("", UKCF_KEY_SESSION)), 0);
	cr_assert_eq(generate(UKCF_MECH_ED25519, kr("k", UKCF_KEY_SESSION)),
		     -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_NAME);
	cr_assert_gt(import_key(UKCF_MECH_AES_256_GCM,
				kr("", UKCF_KEY_SESSION | UKCF_KEY_OWN), 32),
		     0);
	cr_assert_eq(import_key(UKCF_MECH_AES_256_GCM, kr("k", UKCF_KEY_OWN),
				32), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
	cr_assert_eq(generate(UKCF_MECH_ED25519,
			      kr("", UKCF_KEY_SESSION | UKCF_KEY_OWN)),
		     -EINVAL, "whose bytes the consumer does not have");
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
}

Test(keyops, key_sizes_are_those_of_the_mechanism)
{
	static const struct {
		uint32_t mech, least, most;
	} t[] = {
		{ UKCF_MECH_AES_256_GCM, 32, 32 },
		{ UKCF_MECH_HMAC_SHA2_256, 1, 256 },
		{ UKCF_MECH_ED25519, 32, 32 },
	};

	for (size_t i = 0; i < 3; i++)
		for (uint32_t n = 0; n <= 256; n++) {
			bool good = n >= t[i].least && n <= t[i].most;
			int64_t h = import_key(t[i].mech,
					       kr("", UKCF_KEY_SESSION), n);

			cr_assert_eq(h > 0, good, "%u", n);
			if (good)
				cr_assert_eq(destroy(h), 0);
			else
				cr_assert(h == -EKEYREJECTED &&
					  detail == UKCF_DETAIL_KEY_SIZE);
		}
	cr_assert_eq(import_key(UKCF_MECH_HMAC_SHA2_256,
				kr("", UKCF_KEY_SESSION), 257), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_SIZE);
	cr_assert_eq(import_key(UKCF_MECH_HMAC_SHA2_256,
				kr("", UKCF_KEY_SESSION),
				UKCF_KEY_BYTES_MAX + 1), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_IN_SIZE);
}

Test(keyops, key_requests_have_exactly_their_length)
{
	struct ukcf_key_req r = kr("k", 0);
	struct ukcf_sqe s;

	for (uint32_t n = 1; n < sizeof(r); n++) {
		s = with(UKCF_OP_KEY_GENERATE, UKCF_MECH_ED25519, &r, 0);
		s.in.len = n;
		cr_assert_eq(run_sqe(&s, &detail), -EINVAL);
		cr_assert_eq(detail, UKCF_DETAIL_IN_SIZE);
	}
	r.key_len = 31;
	s = with(UKCF_OP_KEY_IMPORT, UKCF_MECH_AES_256_GCM, &r, 32);
	cr_assert_eq(run_sqe(&s, &detail), -EINVAL);
	r.key_len = UINT32_MAX;
	s = with(UKCF_OP_KEY_IMPORT, UKCF_MECH_AES_256_GCM, &r, 32);
	cr_assert_eq(run_sqe(&s, &detail), -EINVAL);
	r.key_len = 32;
	s = with(UKCF_OP_KEY_GENERATE, UKCF_MECH_ED25519, &r, 32);
	cr_assert_eq(run_sqe(&s, &detail), -EINVAL, "nothing to import");
	r = kr("k", 0);
	r.reserved = 1;
	cr_assert_eq(generate(UKCF_MECH_ED25519, r), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_RESERVED);
	r = kr("k", 0x80);
	cr_assert_eq(generate(UKCF_MECH_ED25519, r), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
	cr_assert_eq(keystore_count(), 0);
}

/* Every set of usages: a subset of the class's, not empty, or the default. */
Test(keyops, usages_are_a_subset_of_what_the_class_allows)
{
	static const uint32_t mechs[] = { UKCF_MECH_AES_256_GCM,
					  UKCF_MECH_HMAC_SHA2_256,
					  UKCF_MECH_ED25519,
					  UKCF_MECH_X25519 };

	for (size_t i = 0; i < 4; i++)
		for (uint32_t usage = 0; usage < 256; usage++) {
			uint32_t allowed = mech_class_usage(mechs[i]);
			struct ukcf_key_req r = kr("", UKCF_KEY_SESSION);
			struct key *k;
			int64_t h;

			r.usage = usage;
			h = import_key(mechs[i], r, 32);
			cr_assert_eq(h > 0, !(usage & ~allowed), "%x", usage);
			if (h <= 0) {
				cr_assert_eq(h, -EINVAL);
				cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
				continue;
			}
			cr_assert_eq(keystore_hold((uint64_t)h, UID, 7, &k),
				     0);
			cr_assert_eq(key_usage(k), usage ? usage : allowed);
			keystore_release(k);
			destroy(h);
		}
}

Test(keyops, only_exportable_keys_leave_the_daemon)
{
	int64_t closed = import_key(UKCF_MECH_AES_256_GCM, kr("a", 0), 32);
	int64_t open = import_key(UKCF_MECH_AES_256_GCM,
				  kr("b", UKCF_KEY_EXPORTABLE), 32);
	int64_t made = generate(UKCF_MECH_ED25519, kr("c", 0));
	int64_t public = import_key(UKCF_MECH_ED25519,
				    kr("d", UKCF_KEY_PUBLIC_ONLY |
					    UKCF_KEY_EXPORTABLE), 32);

	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, closed, 64), -EACCES);
	cr_assert_eq(detail, UKCF_DETAIL_NOT_EXPORTABLE);
	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, made, 64), -EACCES);
	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, public, 64), -EACCES);
	cr_assert_eq(fx.user_out[0], 0, "nothing was given");
	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, open, 31), -ENOBUFS);
	cr_assert_eq(detail, UKCF_DETAIL_OUT_SIZE);
	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, open, 0), -ENOBUFS);
	cr_assert_eq(give(UKCF_OP_KEY_EXPORT, open, 32), 32);
	cr_assert_eq(fx.user_out[31], 0x11);
}

Test(keyops, a_public_key_verifies_and_can_do_nothing_else)
{
	int64_t h = import_key(UKCF_MECH_ED25519,
			       kr("p", UKCF_KEY_PUBLIC_ONLY), 32);
	struct ukcf_sqe s = sqe_for(UKCF_OP_VERIFY, UKCF_MECH_ED25519);

	cr_assert_gt(h, 0);
	s.obj[0] = (uint64_t)h;
	cr_assert_eq(run_sqe(&s, &detail), 0);
	cr_assert_eq(fx.job.key.len, 32);
	s = sqe_for(UKCF_OP_SIGN, UKCF_MECH_ED25519);
	s.obj[0] = (uint64_t)h;
	cr_assert_eq(run_sqe(&s, &detail), -EKEYREJECTED);
	cr_assert_eq(give(UKCF_OP_KEY_PUBLIC, h, 32), 32);
	cr_assert_eq(import_key(UKCF_MECH_ED25519,
				kr("q", UKCF_KEY_PUBLIC_ONLY), 31),
		     -EKEYREJECTED);
	cr_assert_eq(import_key(UKCF_MECH_AES_256_GCM,
				kr("q", UKCF_KEY_PUBLIC_ONLY), 32), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
}

Test(keyops, a_symmetric_key_has_no_public_part)
{
	int64_t h = import_key(UKCF_MECH_AES_256_GCM, kr("a", 0), 32);

	cr_assert_eq(give(UKCF_OP_KEY_PUBLIC, h, 64), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_MECH_OP);
}

Test(keyops, the_list_is_of_the_users_named_keys_and_pages_through_ctx)
{
	struct ukcf_key_info row;
	struct ukcf_sqe s = { .op = UKCF_OP_KEY_LIST,
			      .buf[UKCF_RANGE_OUT] = 1 };
	unsigned int n = 0;

	cr_assert_gt(generate(UKCF_MECH_ED25519, kr("a", 0)), 0);
	cr_assert_gt(generate(UKCF_MECH_X25519, kr("b", 0)), 0);
	cr_assert_gt(generate(UKCF_MECH_X25519, kr("", UKCF_KEY_SESSION)), 0);
	s.out.len = sizeof(row) - 1;
	cr_assert_eq(run_sqe(&s, &detail), -ENOBUFS);
	cr_assert_eq(detail, UKCF_DETAIL_OUT_SIZE);
	s.out.len = ARENA_SIZE;
	cr_assert_eq(run_sqe(&s, &detail), 2 * (int64_t)sizeof(row));
	s.out.len = sizeof(row);
	while (run_sqe(&s, &detail) == (int64_t)sizeof(row)) {
		memcpy(&row, fx.user_out, sizeof(row));
		cr_assert_eq(row.name[0], n ? 'b' : 'a');
		s.ctx = row.next;
		n++;
	}
	cr_assert_eq(n, 2);
	s.ctx = UINT64_MAX;
	cr_assert_eq(run_sqe(&s, &detail), 0);
	fx.consumer.uid++;
	s.ctx = 0;
	cr_assert_eq(run_sqe(&s, &detail), 0, "not of another user");
}

static struct ukcf_key_nonces nonces_of(int64_t key)
{
	struct ukcf_key_nonces n;

	cr_assert_eq(give(UKCF_OP_KEY_NONCES, key, sizeof(n)), sizeof(n));
	memcpy(&n, fx.user_out, sizeof(n));
	return n;
}

static uint64_t uses_of_first(void)
{
	struct ukcf_key_info row;
	struct ukcf_sqe s = { .op = UKCF_OP_KEY_LIST,
			      .out.len = sizeof(row),
			      .buf[UKCF_RANGE_OUT] = 1 };

	cr_assert_eq(run_sqe(&s, &detail), sizeof(row));
	memcpy(&row, fx.user_out, sizeof(row));
	return row.uses;
}

Test(keyops, nonces_are_counted_and_to_look_is_no_use)
{
	int64_t gcm = import_key(UKCF_MECH_AES_256_GCM, kr("a", 0), 32);
	int64_t chacha = import_key(UKCF_MECH_CHACHA20_POLY1305, kr("b", 0),
				    32);
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	uint64_t uses = uses_of_first();

	cr_assert_eq(nonces_of(gcm).made, 0);
	cr_assert_eq(nonces_of(gcm).most, UINT64_C(1) << 32,
		     "SP 800-38D section 8.3");
	cr_assert_eq(nonces_of(chacha).most, UINT64_MAX);
	cr_assert_eq(uses_of_first(), uses);
	s.obj[0] = (uint64_t)gcm;
	s.subflags = UKCF_SUB_NONCE;
	memset(s.param, 0, sizeof(s.param));
	s.param_len = 0;
	s.out.len = s.in.len + 16 + 12;
	cr_assert_eq(run_sqe(&s, &detail), s.out.len, "detail %u", detail);
	cr_assert_eq(nonces_of(gcm).made, 1);
	cr_assert_eq(nonces_of(chacha).made, 0);
	cr_assert_eq(destroy(gcm), 0, "nobody holds it");
	cr_assert_eq(give(UKCF_OP_KEY_NONCES, gcm, 16), -EKEYREVOKED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY);
}

Test(keyops, nonces_are_told_of_keys_that_the_daemon_makes_some_for)
{
	int64_t sign = generate(UKCF_MECH_ED25519, kr("s", 0));
	int64_t gcm = import_key(UKCF_MECH_AES_256_GCM, kr("a", 0), 32);
	int64_t own = import_key(UKCF_MECH_AES_256_GCM,
				 kr("", UKCF_KEY_SESSION | UKCF_KEY_OWN), 32);

	cr_assert_eq(give(UKCF_OP_KEY_NONCES, sign, 16), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_MECH_OP);
	cr_assert_eq(give(UKCF_OP_KEY_NONCES, own, 16), -EOPNOTSUPP,
		     "whoever has its bytes may count on them twice");
	cr_assert_eq(give(UKCF_OP_KEY_NONCES, gcm, 15), -ENOBUFS);
	cr_assert_eq(detail, UKCF_DETAIL_OUT_SIZE);
	cr_assert_eq(give(UKCF_OP_KEY_NONCES, 4711, 16), -ENOKEY);
	fx.consumer.uid++;
	cr_assert_eq(give(UKCF_OP_KEY_NONCES, gcm, 16), -ENOKEY,
		     "not of another user");
}

static enum ukcf_status fail_at_public(struct ukcf_job *job)
{
	if (job->op == UKCF_OP_KEY_PUBLIC)
		return UKCF_FAILED;
	memset(job->out, 0x77, 32);
	job->res = 32;
	return UKCF_DONE;
}

Test(keyops, a_failing_provider_makes_no_key_and_says_so)
{
	fx.perform = fail_at_public;
	cr_assert_eq(generate(UKCF_MECH_ED25519, kr("k", 0)), -EIO);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
	cr_assert_eq(import_key(UKCF_MECH_ED25519, kr("k", 0), 32), -EIO);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
	cr_assert_eq(keystore_count(), 0);
}

static int64_t claim;

static enum ukcf_status claim_bytes(struct ukcf_job *job)
{
	job->res = claim;
	return UKCF_DONE;
}

/* They would be read from where nobody wrote. */
Test(keyops, a_provider_that_claims_too_many_key_bytes_makes_no_key)
{
	static const int64_t claims[] = { 0, -1, 257, 4096, INT64_MAX };

	fx.perform = claim_bytes;
	for (size_t i = 0; i < 5; i++) {
		claim = claims[i];
		cr_assert_eq(generate(UKCF_MECH_ED25519, kr("k", 0)), -EIO,
			     "%ld", (long)claim);
		cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
		cr_assert_eq(generate(UKCF_MECH_AES_256_GCM, kr("k", 0)),
			     -EIO);
	}
	claim = 65; /* too many for a public part */
	cr_assert_eq(import_key(UKCF_MECH_ED25519, kr("k", 0), 32), -EIO);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
	cr_assert_eq(keystore_count(), 0);
}

Test(keyops, the_quota_is_reported_as_such)
{
	int64_t res = 1;

	for (int i = 0; i < 101 && res > 0; i++)
		res = generate(UKCF_MECH_ED25519, kr("", UKCF_KEY_SESSION));
	cr_assert_eq(res, -EDQUOT);
	cr_assert_eq(detail, UKCF_DETAIL_QUOTA);
}

/* One request with one id, run once by this process and once by the next. */
static int64_t replay(struct request *req)
{
	int64_t res;

	req->replayed = true;
	cr_assert_eq(decode_request(req, &fx.consumer, &detail), 0);
	execute_request(req, &fx.scratch);
	res = req->entry->cqe.res;
	request_release(req);
	return res;
}

Test(keyops, a_request_that_is_run_again_finds_its_own_effect)
{
	struct ukcf_key_req r = kr("k", 0);
	struct ukcf_sqe s = with(UKCF_OP_KEY_GENERATE, UKCF_MECH_ED25519, &r,
				 0);
	struct request create, again;
	int64_t h;

	request_from(&create, &s);
	h = replay(&create);
	cr_assert_gt(h, 0, "the first time there is none to be found");
	cr_assert_eq(replay(&create), h);
	cr_assert_eq(keystore_count(), 1);
	free(create.entry);
	request_from(&again, &s); /* another id */
	cr_assert_eq(replay(&again), -EEXIST);
	free(again.entry);
	s = (struct ukcf_sqe){ .op = UKCF_OP_KEY_DESTROY,
			       .obj[0] = (uint64_t)h };
	request_from(&again, &s);
	cr_assert_eq(replay(&again), 0);
	cr_assert_eq(replay(&again), 0);
	request_from(&create, &s);
	cr_assert_eq(replay(&create), -EKEYREVOKED);
	free(create.entry);
	free(again.entry);
}

Test(keyops, keys_are_not_in_the_input_copy_that_stays)
{
	cr_assert_gt(import_key(UKCF_MECH_AES_256_GCM, kr("a", 0), 32), 0);
	for (size_t i = 0; i < fx.scratch.size; i++)
		cr_assert_eq(fx.scratch.base[i], 0);
}

/* Of RSA the size is the consumer's choice, of all others there is none. */
Test(keyops, the_size_of_a_key_is_asked_for_where_there_are_several)
{
	static const struct {
		uint32_t flags;
		size_t bits;
	} sizes[] = {
		{ 0, 0 },
		{ UKCF_KEY_BITS_2048, 2048 },
		{ UKCF_KEY_BITS_3072, 3072 },
		{ UKCF_KEY_BITS_4096, 4096 },
	};
	const uint32_t rsa = UKCF_MECH_RSA_OAEP_SHA2_256;

	fx.perform = note_bits;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char name[] = { 'k', (char)('0' + i), '\0' };

		bits_asked = 1;
		cr_assert_gt(generate(rsa, kr(name, sizes[i].flags)), 0, "%u",
			     detail);
		cr_assert_eq(bits_asked, sizes[i].bits);
	}
	cr_assert_eq(generate(rsa, kr("two", UKCF_KEY_BITS_2048 |
						     UKCF_KEY_BITS_4096)),
		     -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
	cr_assert_eq(generate(UKCF_MECH_ED25519,
			      kr("other", UKCF_KEY_BITS_2048)), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
	cr_assert_eq(import_key(UKCF_MECH_ED25519,
				kr("import", UKCF_KEY_BITS_2048), 32), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
}

/* A public key encrypts with class PKE, and does nothing else. */
Test(keyops, a_public_key_of_encryption_encrypts_only)
{
	const uint32_t rsa = UKCF_MECH_RSA_OAEP_SHA2_256;
	struct ukcf_key_req r = kr("pub", UKCF_KEY_PUBLIC_ONLY);
	struct ukcf_sqe s;
	int64_t h;

	r.usage = UKCF_USE_DECRYPT;
	cr_assert_eq(import_key(rsa, r, 270), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
	r.usage = UKCF_USE_DEFAULT;
	h = import_key(rsa, r, 270);
	cr_assert_gt(h, 0, "%u", detail);
	s = (struct ukcf_sqe){ .op = UKCF_OP_ENCRYPT,
			       .mech[0] = rsa,
			       .obj[0] = (uint64_t)h,
			       .in.len = 20,
			       .out.len = 512,
			       .buf[UKCF_RANGE_OUT] = 1 };
	cr_assert_geq(run_sqe(&s, &detail), 0, "%u", detail);
	cr_assert_eq(fx.job.key.len, 270, "the provider is given it");
	s.op = UKCF_OP_DECRYPT;
	cr_assert_eq(run_sqe(&s, &detail), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
	s.op = UKCF_OP_SIGN;
	cr_assert_eq(run_sqe(&s, &detail), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_MECH_OP);
}
