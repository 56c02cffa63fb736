/* SPDX-License-Identifier: MIT */
/*
 * Every refusal with its errno and detail, beside the control that the entry
 * is accepted without the change; then lattices of ranges against an oracle.
 * After a refusal nothing is held.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/core/keystore.h"
#include "daemon/core/device.h"
#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "lib/shared/mech-table.h"
#include "tests/unit/fixture.h"

static struct request req;
static struct rec_entry entry;
static unsigned int detail;

static void setup(void)
{
	fixture_init();
	req.entry = &entry;
	req.ring = fx.ring;
}

TestSuite(decode, .init = setup);

static int decode(const struct ukcf_sqe *s)
{
	int err;

	entry.sqe = *s;
	err = decode_request(&req, &fx.consumer, &detail);
	cr_assert_eq(memcmp(&entry.sqe, s, sizeof(*s)), 0, "only read");
	return err;
}

static bool nothing_held(void)
{
	return !req.key && fx.in->refs == 1 && fx.out->refs == 1 &&
	       !req.arena[0] && !req.arena[1] && !req.arena[2] &&
	       !req.arena[3];
}

static int judged(const struct ukcf_sqe *s)
{
	int err = decode(s);

	if (err == 0)
		request_release(&req);
	cr_assert(nothing_held());
	return err;
}

/* Every operation with a mechanism of each class that has it. */
static const struct {
	uint32_t op, mech;
} valid[] = {
	{ UKCF_OP_NOP, 0 },
	{ UKCF_OP_DIGEST, UKCF_MECH_SHA2_256 },
	{ UKCF_OP_DIGEST, UKCF_MECH_SHA2_512 },
	{ UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256 },
	{ UKCF_OP_MAC_VERIFY, UKCF_MECH_HMAC_SHA2_256 },
	{ UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_DECRYPT, UKCF_MECH_CHACHA20_POLY1305 },
	{ UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_CBC },
	{ UKCF_OP_DECRYPT, UKCF_MECH_AES_256_CBC_PAD },
	{ UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_KW },
	{ UKCF_OP_SIGN, UKCF_MECH_ED25519 },
	{ UKCF_OP_VERIFY, UKCF_MECH_ED25519 },
	{ UKCF_OP_DERIVE, UKCF_MECH_X25519 },
	{ UKCF_OP_RANDOM, UKCF_MECH_RANDOM },
	{ UKCF_OP_KEY_GENERATE, UKCF_MECH_ED25519 },
	{ UKCF_OP_KEY_IMPORT, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_KEY_OPEN, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_KEY_PUBLIC, UKCF_MECH_ED25519 },
	{ UKCF_OP_KEY_EXPORT, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_KEY_DESTROY, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_KEY_LIST, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_KEY_NONCES, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_CANCEL, 0 },
	{ UKCF_OP_NOTIFY_SPACE, 0 },
	{ UKCF_OP_NOTIFY_EVENTS, 0 },
	{ UKCF_OP_TMPL_CREATE, UKCF_MECH_AES_256_GCM },
	{ UKCF_OP_TMPL_DESTROY, UKCF_MECH_AES_256_GCM },
};
#define N_VALID (sizeof(valid) / sizeof(valid[0]))

Test(decode, every_operation_is_accepted_as_it_should_be)
{
	for (size_t i = 0; i < N_VALID; i++) {
		struct ukcf_sqe s = sqe_for(valid[i].op, valid[i].mech);

		cr_assert_eq(judged(&s), 0, "op %u: detail %u", valid[i].op,
			     detail);
		cr_assert_eq(detail, UKCF_DETAIL_NONE);
		s.mode = UKCF_MODE_SYNC;
		s.flags = UKCF_SQE_FLAGS;
		s.timeout_us = UINT32_MAX;
		s.user_data = UINT64_MAX;
		cr_assert_eq(judged(&s), 0, "op %u", valid[i].op);
	}
}

Test(decode, unknown_and_reserved_operations_are_refused)
{
	for (uint32_t op = 0; op < 256; op++) {
		struct ukcf_sqe s = { .op = (uint8_t)op };
		bool known = false;

		for (size_t i = 0; i < N_VALID; i++)
			known |= valid[i].op == op;
		known |= op >= UKCF_OP_INIT && op <= UKCF_OP_CTX_COPY;
		known |= op == UKCF_OP_CANCEL_CTX || dual_is(op);
		if (known)
			continue;
		cr_assert_eq(judged(&s), -EOPNOTSUPP, "op %u", op);
		cr_assert_eq(detail, UKCF_DETAIL_OP);
	}
}

/* A change of one field: bytes of value at an offset of the entry. */
struct change {
	const char *what;
	size_t at, size;
	uint64_t value;
	int err;
	unsigned int detail;
};

#define FIELD(f) offsetof(struct ukcf_sqe, f), sizeof(((struct ukcf_sqe *)0)->f)
#define EINVAL_(d) -EINVAL, UKCF_DETAIL_##d

static struct ukcf_sqe changed(struct ukcf_sqe s, const struct change *c)
{
	memcpy((char *)&s + c->at, &c->value, c->size);
	return s;
}

/* Refused whatever the operation is. */
static const struct change general[] = {
	{ "mode", FIELD(mode), 2, EINVAL_(MODE) },
	{ "mode", FIELD(mode), 255, EINVAL_(MODE) },
	{ "flags", FIELD(flags), UKCF_SQE_NOTIFY_OPDONE, EINVAL_(FLAGS) },
	{ "flags", FIELD(flags), UKCF_SQE_NOTIFY_OPDONE, EINVAL_(FLAGS) },
	{ "flags", FIELD(flags), 0x8000, EINVAL_(FLAGS) },
	{ "subflags", FIELD(subflags), UKCF_SUB_IOV, EINVAL_(FLAGS) },
	{ "subflags", FIELD(subflags), 0x8000, EINVAL_(FLAGS) },
	{ "mech[1]", FIELD(mech[1]), 1, EINVAL_(RESERVED) },
	{ "obj[1]", FIELD(obj[1]), 1, EINVAL_(RESERVED) },
	{ "part_op", FIELD(part_op), 1, EINVAL_(RESERVED) },
	{ "reserved", FIELD(reserved), 0x800000, EINVAL_(RESERVED) },
	{ "param_len", FIELD(param_len), 25, EINVAL_(NONCE_SIZE) },
	{ "param_len", FIELD(param_len), 255, EINVAL_(NONCE_SIZE) },
};

Test(decode, each_malformed_field_is_refused_for_every_operation)
{
	for (size_t i = 0; i < N_VALID; i++) {
		struct ukcf_sqe good = sqe_for(valid[i].op, valid[i].mech);

		for (size_t k = 0; k < sizeof(general) / sizeof(general[0]);
		     k++) {
			const struct change *c = &general[k];
			struct ukcf_sqe s = changed(good, c);

			cr_assert_eq(judged(&s), c->err, "op %u, %s", s.op,
				     c->what);
			cr_assert_eq(detail, c->detail, "op %u, %s: %u", s.op,
				     c->what, detail);
		}
	}
}

static bool takes_ctx(uint32_t op)
{
	return op == UKCF_OP_KEY_LIST || op == UKCF_OP_CANCEL ||
	       op == UKCF_OP_NOTIFY_SPACE;
}

Test(decode, kinds_of_events_that_there_are_not_are_EINVAL)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_NOTIFY_EVENTS, 0);

	for (unsigned int bit = 0; bit < 64; bit++) {
		bool known = UINT64_C(1) << bit & UKCF_EVENTS_ALL;

		s.ctx = UINT64_C(1) << bit;
		cr_assert_eq(judged(&s), known ? 0 : -EINVAL, "bit %u", bit);
		cr_assert_eq(detail, known ? UKCF_DETAIL_NONE :
					     UKCF_DETAIL_RESERVED);
	}
}

/* What means nothing to an operation is kept free for a later meaning. */
Test(decode, fields_that_an_operation_does_not_use_must_be_zero)
{
	for (size_t i = 0; i < N_VALID; i++) {
		uint32_t op = valid[i].op;
		struct ukcf_sqe good = sqe_for(op, valid[i].mech), s;

		s = good;
		s.ctx = 1;
		cr_assert_eq(judged(&s), takes_ctx(op) ? 0 : -EINVAL,
			     "op %u, ctx", op);
		s = good;
		if (!s.obj[0]) {
			s.obj[0] = make_key(UKCF_MECH_AES_256_GCM, 0);
			cr_assert_eq(judged(&s), -EINVAL, "op %u, obj", op);
			cr_assert_eq(detail, UKCF_DETAIL_RESERVED);
		}
		if (s.mech[0])
			continue;
		s = good;
		s.mech[0] = UKCF_MECH_SHA2_256;
		cr_assert_eq(judged(&s), -EINVAL, "op %u, mech", op);
		cr_assert_eq(detail, UKCF_DETAIL_RESERVED);
		s = good;
		s.provider = 1;
		cr_assert_eq(judged(&s),
			     op == UKCF_OP_NOTIFY_SPACE ? 0 : -EINVAL,
			     "op %u, provider", op);
		s = good;
		s.subflags = UKCF_SUB_REQUIRE_HW;
		cr_assert_eq(judged(&s), -EINVAL, "op %u, subflags", op);
		cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
		s = good;
		s.tag_len = 16;
		cr_assert_eq(judged(&s), -EINVAL, "op %u, tag_len", op);
		cr_assert_eq(detail, UKCF_DETAIL_TAG_SIZE);
	}
}

/* Of one operation. */
static const struct {
	uint32_t op, mech;
	struct change c;
} special[] = {
#define ON(op, mech) UKCF_OP_##op, UKCF_MECH_##mech
	{ ON(DIGEST, SHA2_256), { "unknown", FIELD(mech[0]), 0x1ffff,
	  -EOPNOTSUPP, UKCF_DETAIL_MECH } },
	{ ON(DIGEST, SHA2_256), { "none", FIELD(mech[0]), 0,
	  -EOPNOTSUPP, UKCF_DETAIL_MECH } },
	{ ON(DIGEST, SHA2_256), { "class", FIELD(mech[0]), UKCF_MECH_RANDOM,
	  -EOPNOTSUPP, UKCF_DETAIL_MECH_OP } },
	{ ON(RANDOM, RANDOM), { "class", FIELD(mech[0]), UKCF_MECH_SHA2_256,
	  -EOPNOTSUPP, UKCF_DETAIL_MECH_OP } },
	{ ON(KEY_GENERATE, ED25519), { "none", FIELD(mech[0]), 0,
	  -EOPNOTSUPP, UKCF_DETAIL_MECH } },
	{ ON(KEY_GENERATE, ED25519), { "keyless", FIELD(mech[0]),
	  UKCF_MECH_SHA2_256, -EOPNOTSUPP, UKCF_DETAIL_MECH_OP } },
	{ ON(DIGEST, SHA2_256), { "no such provider", FIELD(provider), 2,
	  -EOPNOTSUPP, UKCF_DETAIL_PROVIDER } },
	{ ON(DIGEST, SHA2_256), { "hardware", FIELD(subflags),
	  UKCF_SUB_REQUIRE_HW, -EOPNOTSUPP, UKCF_DETAIL_PROVIDER } },
	{ ON(MAC, HMAC_SHA2_256), { "no key", FIELD(obj[0]), 0,
	  -ENOKEY, UKCF_DETAIL_KEY } },
	{ ON(MAC, HMAC_SHA2_256), { "no such key", FIELD(obj[0]), 4711,
	  -ENOKEY, UKCF_DETAIL_KEY } },
	{ ON(KEY_EXPORT, AES_256_GCM), { "no key", FIELD(obj[0]), 0,
	  -ENOKEY, UKCF_DETAIL_KEY } },
	{ ON(ENCRYPT, AES_256_GCM), { "key of another", FIELD(mech[0]),
	  UKCF_MECH_CHACHA20_POLY1305, -EKEYREJECTED, UKCF_DETAIL_KEY_MECH } },
	{ ON(ENCRYPT, AES_256_GCM), { "nonce", FIELD(param_len), 0,
	  EINVAL_(NONCE_SIZE) } },
	{ ON(ENCRYPT, AES_256_GCM), { "nonce", FIELD(param_len), 11,
	  EINVAL_(NONCE_SIZE) } },
	{ ON(ENCRYPT, AES_256_GCM), { "nonce", FIELD(param_len), 13,
	  EINVAL_(NONCE_SIZE) } },
	{ ON(DIGEST, SHA2_256), { "nonce", FIELD(param_len), 12,
	  EINVAL_(NONCE_SIZE) } },
	{ ON(KEY_OPEN, AES_256_GCM), { "nonce", FIELD(param_len), 1,
	  EINVAL_(NONCE_SIZE) } },
	{ ON(ENCRYPT, AES_256_GCM), { "tag", FIELD(tag_len), 15,
	  EINVAL_(TAG_SIZE) } },
	{ ON(ENCRYPT, AES_256_GCM), { "tag", FIELD(tag_len), 17,
	  EINVAL_(TAG_SIZE) } },
	{ ON(DIGEST, SHA2_256), { "tag", FIELD(tag_len), 16,
	  EINVAL_(TAG_SIZE) } },
	{ ON(MAC, HMAC_SHA2_256), { "tag", FIELD(tag_len), 33,
	  EINVAL_(TAG_SIZE) } },
	{ ON(MAC_VERIFY, HMAC_SHA2_256), { "tag", FIELD(tag.len), 15,
	  EINVAL_(TAG_SIZE) } },
	{ ON(MAC_VERIFY, HMAC_SHA2_256), { "tag", FIELD(tag.len), 33,
	  EINVAL_(TAG_SIZE) } },
	{ ON(MAC_VERIFY, HMAC_SHA2_256), { "tag", FIELD(tag.len), 0,
	  EINVAL_(TAG_SIZE) } },
	{ ON(VERIFY, ED25519), { "signature", FIELD(tag.len), 63,
	  -EBADMSG, UKCF_DETAIL_AUTH } },
	{ ON(VERIFY, ED25519), { "signature", FIELD(tag.len), 65,
	  -EBADMSG, UKCF_DETAIL_AUTH } },
	{ ON(VERIFY, ED25519), { "signature", FIELD(tag.len), 0,
	  -EBADMSG, UKCF_DETAIL_AUTH } },
	{ ON(DECRYPT, AES_256_GCM), { "no tag", FIELD(in.len), 15,
	  -EBADMSG, UKCF_DETAIL_AUTH } },
	{ ON(DECRYPT, AES_256_GCM), { "no input", FIELD(in.len), 0,
	  -EBADMSG, UKCF_DETAIL_AUTH } },
	{ ON(DERIVE, X25519), { "peer", FIELD(in.len), 31, EINVAL_(IN_SIZE) } },
	{ ON(DERIVE, X25519), { "peer", FIELD(in.len), 33, EINVAL_(IN_SIZE) } },
	{ ON(DERIVE, X25519), { "peer", FIELD(in.len), 0, EINVAL_(IN_SIZE) } },
	{ ON(DIGEST, SHA2_256), { "room", FIELD(out.len), 31,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(DIGEST, SHA2_256), { "no output", FIELD(out.len), 0,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(SIGN, ED25519), { "room", FIELD(out.len), 63,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(MAC, HMAC_SHA2_256), { "room", FIELD(out.len), 31,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(ENCRYPT, AES_256_GCM), { "room", FIELD(out.len), 64 + 15,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(DECRYPT, AES_256_GCM), { "room", FIELD(out.len), 64 - 17,
	  -ENOBUFS, UKCF_DETAIL_OUT_SIZE } },
	{ ON(RANDOM, RANDOM), { "no output", FIELD(out.len), 0,
	  EINVAL_(OUT_RANGE) } },
	{ ON(KEY_GENERATE, ED25519), { "no input", FIELD(in.len), 0,
	  EINVAL_(IN_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "aux", FIELD(aux.len), 1,
	  EINVAL_(AUX_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "tag", FIELD(tag.len), 1,
	  EINVAL_(TAG_RANGE) } },
	{ ON(RANDOM, RANDOM), { "in", FIELD(in.len), 1, EINVAL_(IN_RANGE) } },
	{ ON(VERIFY, ED25519), { "out", FIELD(out.len), 1,
	  EINVAL_(OUT_RANGE) } },
	{ ON(NOP, SHA2_256), { "in", FIELD(in.len), 1, EINVAL_(IN_RANGE) } },
	{ ON(NOP, SHA2_256), { "out", FIELD(out.len), 1,
	  EINVAL_(OUT_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "input buffer", FIELD(buf[1]), 0,
	  EINVAL_(OUT_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "no buffer", FIELD(buf[0]), 2,
	  EINVAL_(IN_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "no buffer", FIELD(buf[0]), 64,
	  EINVAL_(IN_RANGE) } },
	{ ON(DIGEST, SHA2_256), { "no buffer", FIELD(buf[1]), 65535,
	  EINVAL_(OUT_RANGE) } },
};

Test(decode, each_wrong_size_key_mechanism_or_buffer_has_its_own_refusal)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		const struct change *c = &special[i].c;
		struct ukcf_sqe s = sqe_for(special[i].op, special[i].mech);

		cr_assert_eq(judged(&s), 0, "control: op %u", s.op);
		s = changed(s, c);
		cr_assert_eq(judged(&s), c->err, "op %u, %s", s.op, c->what);
		cr_assert_eq(detail, c->detail, "op %u, %s: detail %u", s.op,
			     c->what, detail);
	}
}

/* The least that is refused is one below the least that is accepted. */
Test(decode, exact_sizes_are_accepted)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_512);

	s.in.len = 0;
	s.out.len = 64;
	cr_assert_eq(judged(&s), 0);
	s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	s.out.len = s.in.len + 16;
	s.tag_len = 16;
	cr_assert_eq(judged(&s), 0);
	s = sqe_for(UKCF_OP_DECRYPT, UKCF_MECH_AES_256_GCM);
	s.in.len = 16;
	s.out.len = 0;
	cr_assert_eq(judged(&s), 0, "an empty plaintext");
	s = sqe_for(UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256);
	s.tag_len = 16;
	s.out.len = 16;
	cr_assert_eq(judged(&s), 0);
}

/* --------------------------------------------------------------- the key */

Test(decode, a_key_is_refused_for_what_it_may_not_do)
{
	static const uint8_t bytes[32];
	struct key_spec spec = { .uid = UID,
				 .consumer_serial = fx.consumer.serial,
				 .mech = UKCF_MECH_AES_256_GCM,
				 .usage = UKCF_USE_DECRYPT,
				 .secret = { bytes, 32 } };
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);

	cr_assert_eq(keystore_create(&spec, &s.obj[0]), 0);
	cr_assert_eq(judged(&s), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
	s.op = UKCF_OP_DECRYPT;
	cr_assert_eq(judged(&s), 0);
}

Test(decode, a_key_of_another_connection_or_user_is_none)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256);

	fx.consumer.serial++;
	cr_assert_eq(judged(&s), -ENOKEY);
	cr_assert_eq(detail, UKCF_DETAIL_KEY);
	fx.consumer.serial--;
	fx.consumer.uid++;
	cr_assert_eq(judged(&s), -ENOKEY);
	fx.consumer.uid--;
	cr_assert_eq(keystore_destroy(s.obj[0], UID, fx.consumer.serial,
				      (struct request_id){ 1, 1 }), 0);
	cr_assert_eq(judged(&s), -EKEYREVOKED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY);
}

/* ---------------------------------------------------- mechanism, provider */

Test(decode, a_disabled_mechanism_and_a_failed_provider_are_refused)
{
	const struct device_settings device = { .slots = 4,
						.limit_ns = 1000000000 };
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	struct mech *m = (struct mech *)(uintptr_t)mech_find(s.mech[0]);

	m->enabled = false;
	cr_assert_eq(judged(&s), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_DISABLED);
	m->enabled = true;
	fx.provider.state = UKCF_PROVIDER_FAILED;
	cr_assert_eq(judged(&s), -ENODEV);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
	s.provider = 2;
	cr_assert_eq(judged(&s), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER);
	s.provider = 1;
	fx.provider.state = UKCF_PROVIDER_BUSY;
	cr_assert_eq(judged(&s), 0);
	s.subflags = UKCF_SUB_REQUIRE_HW;
	cr_assert_eq(judged(&s), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER);
	fx.provider.kind = UKCF_PROVIDER_HARDWARE;
	cr_assert_eq(device_start(&fx.provider, &device), 0);
	cr_assert_eq(judged(&s), 0);
	cr_assert_eq(device_stop(&fx.provider), 0);
}

/* -------------------------------------------------------------- the ranges */

static const uint32_t lattice[] = { 0, 1, ARENA_SIZE - 1, ARENA_SIZE,
				    ARENA_SIZE + 1, 0x80000000, 0xffffffff };
#define N_LATTICE (sizeof(lattice) / sizeof(lattice[0]))

/* Offset and length of each range over all corners, in both buffers. */
Test(decode, no_corner_of_a_range_leaves_its_buffer)
{
	static const struct {
		uint32_t op, mech;
		size_t at;
		unsigned int detail;
	} t[] = {
		{ ON(MAC, HMAC_SHA2_256), offsetof(struct ukcf_sqe, in),
		  UKCF_DETAIL_IN_RANGE },
		{ ON(RANDOM, RANDOM), offsetof(struct ukcf_sqe, out),
		  UKCF_DETAIL_OUT_RANGE },
		{ ON(ENCRYPT, AES_256_GCM), offsetof(struct ukcf_sqe, aux),
		  UKCF_DETAIL_AUX_RANGE },
		{ ON(VERIFY, ED25519), offsetof(struct ukcf_sqe, tag),
		  UKCF_DETAIL_TAG_RANGE },
	};

	for (size_t n = 0; n < 4; n++) {
		struct ukcf_sqe s = sqe_for(t[n].op, t[n].mech);

		for (size_t i = 0; i < N_LATTICE * N_LATTICE; i++) {
			struct ukcf_range r = { lattice[i / N_LATTICE],
						lattice[i % N_LATTICE] };
			bool good = r.len == 0 ||
				    (uint64_t)r.off + r.len <= ARENA_SIZE;
			int err;

			memcpy((char *)&s + t[n].at, &r, sizeof(r));
			err = judged(&s);
			/* Absent, or another rule's: never this one's. */
			cr_assert_eq(err == -EINVAL && detail == t[n].detail,
				     !good || (r.len == 0 &&
					       t[n].op == UKCF_OP_RANDOM),
				     "range %zu: %u, %u: %d, %u", n, r.off,
				     r.len, err, detail);
		}
	}
}

/* What was accepted points to exactly the bytes that were named. */
Test(decode, accepted_ranges_are_the_bytes_they_name)
{
	for (uint32_t off = 0; off <= ARENA_SIZE - 64; off += 61) {
		struct ukcf_sqe s = sqe_for(UKCF_OP_DECRYPT,
					    UKCF_MECH_AES_256_GCM);

		s.in.off = off;
		s.out.off = off / 2;
		cr_assert_eq(decode(&s), 0);
		cr_assert_eq(req.at[UKCF_RANGE_IN], fx.in->base + off);
		cr_assert_eq(req.at[UKCF_RANGE_OUT], fx.out->base + off / 2);
		cr_assert_null(req.at[UKCF_RANGE_TAG]);
		cr_assert_eq(fx.in->refs, 3, "in and aux hold it");
		request_release(&req);
		keystore_end_session(fx.consumer.serial);
	}
}

/* In one buffer: disjoint, or in and out begin together. */
static bool may_lie_so(struct ukcf_range out, struct ukcf_range r, bool is_in)
{
	for (uint32_t i = 0; i < r.len; i++) {
		uint32_t at = r.off + i;

		if (at >= out.off && at < out.off + out.len)
			return is_in && r.off == out.off;
	}
	return true;
}

Test(decode, in_and_out_may_be_equal_or_disjoint_and_nothing_between)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);

	s.buf[UKCF_RANGE_IN] = 1;
	s.buf[UKCF_RANGE_AUX] = 1;
	s.aux = (struct ukcf_range){ 4096, 16 };
	for (uint32_t in = 0; in < 200; in++)
		for (uint32_t len = 1; len < 80; len += 13) {
			s.in = (struct ukcf_range){ in, len };
			s.out = (struct ukcf_range){ 96, len + 16 };
			cr_assert_eq(judged(&s) == 0,
				     may_lie_so(s.out, s.in, true),
				     "in %u, %u", in, len);
			cr_assert(detail == 0 ||
				  detail == UKCF_DETAIL_OVERLAP);
		}
	s.in = (struct ukcf_range){ 4096 + 1024, 16 };
	s.out = (struct ukcf_range){ 96, 32 };
	for (uint32_t aux = 0; aux < 200; aux++) {
		s.aux = (struct ukcf_range){ aux, 16 };
		cr_assert_eq(judged(&s) == 0, may_lie_so(s.out, s.aux, false),
			     "aux %u", aux);
	}
}

/* ------------------------------------------------------------ copy classes */

Test(decode, memory_is_worked_on_directly_only_if_that_is_safe)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	struct ukcf_offer *o = offer_of(s.mech[0]);

	cr_assert_eq(decode(&s), 0);
	cr_assert_not(req.direct, "the default is a private copy");
	request_release(&req);
	o->single_pass = 1u << UKCF_OP_ENCRYPT;
	cr_assert_eq(decode(&s), 0);
	cr_assert(req.direct);
	request_release(&req);
	s.op = UKCF_OP_DECRYPT;
	cr_assert_eq(decode(&s), 0);
	cr_assert_not(req.direct, "the other direction is another question");
	request_release(&req);
	s.obj[0] = make_key(UKCF_MECH_AES_256_GCM, UKCF_KEY_OWN);
	cr_assert_eq(decode(&s), 0);
	cr_assert(req.direct, "nothing is kept from the key's owner");
	request_release(&req);
}

/* Sizes that no buffer here can have: judged on a large one. */
Test(decode, what_must_be_copied_whole_is_bounded)
{
	struct arena *big_in, *big_out;
	struct ukcf_sqe s;
	int fds[2];

	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_INPUT,
				  UKCF_BUFFER_SIZE_MAX, 1, &big_in, &fds[0]),
		     0);
	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_OUTPUT,
				  UKCF_BUFFER_SIZE_MAX, 1, &big_out, &fds[1]),
		     0);
	cr_assert_eq(arena_ready(&fx.consumer, big_out), 0);
	s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	s.buf[0] = big_out->index;
	s.in.len = UKCF_ONESHOT_MAX;
	cr_assert_eq(judged(&s), 0);
	s.in.len = UKCF_ONESHOT_MAX + 8192;
	cr_assert_eq(judged(&s), -EMSGSIZE);
	cr_assert_eq(detail, UKCF_DETAIL_ONESHOT);
	offer_of(s.mech[0])->single_pass = 1u << UKCF_OP_DIGEST;
	cr_assert_eq(judged(&s), 0, "read where it lies: no copy");
	s = sqe_for(UKCF_OP_DECRYPT, UKCF_MECH_AES_256_GCM);
	s.obj[0] = make_key(UKCF_MECH_AES_256_GCM, UKCF_KEY_OWN);
	s.buf[0] = big_out->index;
	s.in.len = UKCF_ONESHOT_MAX + 8192;
	s.buf[1] = 1;
	s.out = (struct ukcf_range){ 0, ARENA_SIZE };
	cr_assert_eq(judged(&s), -ENOBUFS);
	s.buf[1] = big_out->index;
	s.in.off = UKCF_BUFFER_SIZE_MAX - s.in.len;
	s.out = (struct ukcf_range){ s.in.off, s.in.len };
	cr_assert_eq(judged(&s), -EMSGSIZE, "withheld whole: it is a copy");
	cr_assert_eq(detail, UKCF_DETAIL_ONESHOT);
	s = sqe_for(UKCF_OP_RANDOM, UKCF_MECH_RANDOM);
	s.buf[1] = big_out->index;
	s.out.len = 0x1ffffff;
	cr_assert_eq(judged(&s), 0);
	s.out.len++;
	cr_assert_eq(judged(&s), -EMSGSIZE, "the mechanism's own limit");
	cr_assert_eq(detail, UKCF_DETAIL_OUT_SIZE);
}

/* Any bytes: refused with a reason, or accepted; never held afterwards. */
Test(decode, random_entries_are_judged_and_nothing_leaks)
{
	unsigned int accepted = 0;

	srandom(7);
	for (int i = 0; i < 100000; i++) {
		size_t v = (size_t)random() % N_VALID;
		struct ukcf_sqe s;
		int err;

		if (i % 1000 == 0)
			keystore_end_session(fx.consumer.serial);
		s = i % 20 ? entry.sqe : sqe_for(valid[v].op, valid[v].mech);
		((uint8_t *)&s)[random() % (long)sizeof(s)] =
			(uint8_t)(1u << random() % 8);
		err = judged(&s);
		accepted += err == 0;
		cr_assert(err <= 0 && err > -4096);
		cr_assert_eq(err == 0, detail == UKCF_DETAIL_NONE);
		cr_assert(detail < UKCF_DETAIL_LAST);
	}
	cr_assert_gt(accepted, 1000);
}

/* Of ciphers every size is judged before a provider is called. */
Test(decode, a_cipher_is_refused_each_size_that_it_cannot_have)
{
	const struct {
		const char *what;
		uint32_t mech, op, in, out;
		uint8_t nonce, aux;
		int err;
		unsigned int detail;
	} rows[] = {
		{ "control", UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT, 32, 32,
		  16, 0, 0, 0 },
		{ "no IV", UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT, 32, 32, 0,
		  0, EINVAL_(NONCE_SIZE) },
		{ "short IV", UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT, 32, 32,
		  12, 0, EINVAL_(NONCE_SIZE) },
		{ "aad", UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT, 32, 32, 16, 8,
		  EINVAL_(AUX_RANGE) },
		{ "no block", UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT, 31, 32,
		  16, 0, EINVAL_(IN_SIZE) },
		{ "no block", UKCF_MECH_AES_128_CBC, UKCF_OP_DECRYPT, 33, 64,
		  16, 0, EINVAL_(IN_SIZE) },
		{ "room", UKCF_MECH_AES_128_CBC, UKCF_OP_DECRYPT, 32, 31, 16,
		  0, -ENOBUFS, UKCF_DETAIL_OUT_SIZE },
		{ "room", UKCF_MECH_AES_128_CBC_PAD, UKCF_OP_ENCRYPT, 32, 47,
		  16, 0, -ENOBUFS, UKCF_DETAIL_OUT_SIZE },
		{ "control", UKCF_MECH_AES_128_CBC_PAD, UKCF_OP_ENCRYPT, 32,
		  48, 16, 0, 0, 0 },
		{ "control", UKCF_MECH_AES_128_CBC_PAD, UKCF_OP_DECRYPT, 48,
		  47, 16, 0, 0, 0 },
		{ "nothing", UKCF_MECH_AES_128_CBC_PAD, UKCF_OP_DECRYPT, 0, 0,
		  16, 0, EINVAL_(IN_SIZE) },
		{ "short", UKCF_MECH_AES_128_XTS, UKCF_OP_ENCRYPT, 15, 15, 16,
		  0, EINVAL_(IN_SIZE) },
		{ "control", UKCF_MECH_AES_128_XTS, UKCF_OP_ENCRYPT, 17, 17,
		  16, 0, 0, 0 },
		{ "control", UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT, 24, 32, 0,
		  0, 0, 0 },
		{ "nonce", UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT, 24, 32, 8, 0,
		  EINVAL_(NONCE_SIZE) },
		{ "half", UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT, 20, 32, 0, 0,
		  EINVAL_(IN_SIZE) },
		{ "short", UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT, 8, 32, 0, 0,
		  EINVAL_(IN_SIZE) },
		{ "short", UKCF_MECH_AES_128_KW, UKCF_OP_DECRYPT, 16, 32, 0, 0,
		  EINVAL_(IN_SIZE) },
		{ "room", UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT, 24, 31, 0, 0,
		  -ENOBUFS, UKCF_DETAIL_OUT_SIZE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ukcf_sqe s = sqe_for(rows[i].op, rows[i].mech);

		s.in.len = rows[i].in;
		s.out.len = rows[i].out;
		s.param_len = rows[i].nonce;
		s.aux = (struct ukcf_range){ 256, rows[i].aux };
		cr_assert_eq(judged(&s), rows[i].err, "%s, row %zu: %u",
			     rows[i].what, i, detail);
		if (rows[i].err)
			cr_assert_eq(detail, rows[i].detail, "row %zu", i);
	}
}
