/* SPDX-License-Identifier: MIT */
/* Against the rules said once more, with 128 bits. */
#include <criterion/criterion.h>
#include <errno.h>

#include <ukcf/abi.h>

#include "lib/shared/mech-table.h"
#include "lib/shared/sizes.h"

typedef unsigned __int128 u128;

static struct mech_limits limits_of(const struct mech_row *r)
{
	return (struct mech_limits){
		.key_min = r->key_min,	   .key_max = r->key_max,
		.nonce_len = r->nonce_len, .tag_min = r->tag_min,
		.tag_max = r->tag_max,	   .out_len = r->out_len,
		.data_max = r->data_max,   .aad_max = r->aad_max,
		.in_min = r->in_min,	   .block = r->block,
		.growth = r->growth,	   .padding = r->padding,
		.pub_len = r->pub_len,	   .by_key = r->by_key,
	};
}

static bool offers(uint32_t mech, uint32_t op)
{
	static const uint32_t ops[] = {
		[UKCF_CLASS_DIGEST] = 1u << UKCF_OP_DIGEST,
		[UKCF_CLASS_MAC] = 1u << UKCF_OP_MAC | 1u << UKCF_OP_MAC_VERIFY,
		[UKCF_CLASS_AEAD] = 1u << UKCF_OP_ENCRYPT |
				    1u << UKCF_OP_DECRYPT,
		[UKCF_CLASS_CIPHER] = 1u << UKCF_OP_ENCRYPT |
				      1u << UKCF_OP_DECRYPT,
		[UKCF_CLASS_SIGN] = 1u << UKCF_OP_SIGN | 1u << UKCF_OP_VERIFY,
		[UKCF_CLASS_KEX] = 1u << UKCF_OP_DERIVE,
		[UKCF_CLASS_KDF] = 1u << UKCF_OP_DERIVE,
		[UKCF_CLASS_RNG] = 1u << UKCF_OP_RANDOM,
		[UKCF_CLASS_PKE] = 1u << UKCF_OP_ENCRYPT |
				   1u << UKCF_OP_DECRYPT,
	};

	return ops[UKCF_MECH_CLASS(mech)] >> op & 1;
}

/* The ciphertext of a plaintext has a size; the room that decrypt needs is that
 * of the longest plaintext with this one. */
static bool cipher_fits(uint32_t op, const struct mech_row *r,
			const struct op_sizes *s)
{
	u128 in = s->in, over = r->growth + r->padding;
	u128 plain = op == UKCF_OP_ENCRYPT ? in : in - over;
	u128 made;

	if (s->aux)
		return false;
	if (op == UKCF_OP_DECRYPT && in < over + r->in_min)
		return false;
	if (r->padding && op == UKCF_OP_DECRYPT) {
		if (in % r->padding)
			return false;
		plain = in - 1;
		return in - over <= r->data_max && s->out >= plain;
	}
	if (plain < r->in_min || plain > r->data_max || plain % r->block)
		return false;
	made = r->padding ? plain + r->padding - plain % r->padding :
			    plain + r->growth;
	return s->out >= (op == UKCF_OP_ENCRYPT ? made : plain);
}

/* What an operation reads beyond its tag, and the least room it needs. */
static bool fits(uint32_t op, uint32_t class_, const struct mech_limits *m,
		 const struct op_sizes *s, uint32_t tag_len)
{
	u128 data = s->in, need = m->out_len;

	if (class_ == UKCF_CLASS_KDF)
		return s->out >= 1 && s->out <= m->data_max &&
		       s->aux <= m->aad_max;
	if (class_ == UKCF_CLASS_PKE && m->growth)
		return !s->aux &&
		       (op == UKCF_OP_ENCRYPT ?
				s->in <= m->data_max &&
					s->out >= (u128)s->in + m->growth :
				s->in >= m->growth &&
					s->out >= s->in - m->growth);
	if (class_ == UKCF_CLASS_PKE)
		return s->aux <= m->aad_max && s->out >= 512 &&
		       (op == UKCF_OP_ENCRYPT ? s->in <= m->data_max :
						s->in && s->in <= 512);
	if (class_ != UKCF_CLASS_AEAD && s->aux)
		return false;
	if (op == UKCF_OP_ENCRYPT) {
		need = (u128)s->in + tag_len;
	} else if (op == UKCF_OP_DECRYPT) {
		if (s->in < tag_len)
			return false;
		need = data = s->in - tag_len;
	} else if (op == UKCF_OP_MAC ||
		   (op == UKCF_OP_DIGEST && m->tag_max)) {
		need = tag_len;
	} else if (op == UKCF_OP_MAC_VERIFY) {
		need = 0;
		if (s->tag < m->tag_min || s->tag > m->tag_max)
			return false;
	} else if (op == UKCF_OP_VERIFY) {
		need = 0;
		if (m->by_key ? !s->tag || s->tag > m->out_len :
				s->tag != m->out_len)
			return false;
	} else if (op == UKCF_OP_DERIVE) {
		if (s->in != m->pub_len)
			return false;
	} else if (op == UKCF_OP_RANDOM) {
		if (s->out > m->data_max)
			return false;
	}
	if ((op == UKCF_OP_ENCRYPT || op == UKCF_OP_DECRYPT) &&
	    s->aux > m->aad_max)
		return false;
	return data <= m->data_max && s->out >= need;
}

static void check_one(uint32_t op, const struct mech_row *r,
		      const struct op_sizes *s)
{
	struct mech_limits m = limits_of(r);
	bool tag_ok = !s->tag_len || (s->tag_len >= m.tag_min &&
				      s->tag_len <= m.tag_max);
	uint32_t class_ = UKCF_MECH_CLASS(r->id);
	bool cipher = class_ == UKCF_CLASS_CIPHER;
	bool wants_it = cipher || class_ == UKCF_CLASS_AEAD;
	bool nonce_ok = s->nonce == m.nonce_len || (!wants_it && !s->nonce);
	uint32_t tag_len = 0;
	unsigned int detail = 0;
	int err = sizes_check(op, r->id, &m, s, &tag_len, &detail);

	if (tag_ok)
		cr_assert_eq(tag_len, s->tag_len ? s->tag_len : m.tag_max);
	cr_assert_eq(err == 0,
		     tag_ok && nonce_ok &&
			     (cipher ? cipher_fits(op, r, s) :
				       fits(op, class_, &m, s, tag_len)),
		     "%s %s: in %lx, out %lx, aux %lx, tag %lx, %u: %d",
		     r->name, mech_op_name(op), (unsigned long)s->in,
		     (unsigned long)s->out, (unsigned long)s->aux,
		     (unsigned long)s->tag, s->tag_len, err);
	cr_assert_eq(err != 0, detail != UKCF_DETAIL_NONE);
	cr_assert_eq(err == -EBADMSG, detail == UKCF_DETAIL_AUTH);
}

Test(sizes, every_corner_is_judged_as_the_rules_say)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *r = &mech_rows[i];
		const uint64_t v[] = { 0, 1, 15, 16, 17, 31, 32, 33, 63, 64,
				       65, 23, 24, 8, 47, 48, 96, 97,
				       r->data_max - 1, r->data_max,
				       r->data_max + 1, r->data_max + 16,
				       r->data_max + 17, r->aad_max, 511, 512,
				       513,
				       r->aad_max + 1, UINT64_MAX - 16,
				       UINT64_MAX - 15, UINT64_MAX };
		const size_t n = sizeof(v) / sizeof(v[0]);
		const uint32_t tags[] = { 0, 15, 16, 17, 32, 33 };

		for (uint32_t op = 1; op < 10; op++)
			for (size_t k = 0; offers(r->id, op) && k < n * n * 6;
			     k++) {
				struct op_sizes s = {
					.in = v[k % n],
					.out = v[k / n % n],
					.tag_len = tags[k / n / n],
					.nonce = r->nonce_len,
				};

				s.tag = s.out;
				check_one(op, r, &s);
				s.tag = s.in;
				s.aux = v[k / n % n];
				s.out = s.in + 16;
				check_one(op, r, &s);
				s.nonce++;
				check_one(op, r, &s);
				s.nonce = 0;
				check_one(op, r, &s);
			}
	}
}

static uint64_t made(uint32_t op, uint32_t mech, uint64_t in, uint32_t tag)
{
	struct mech_limits m = limits_of(mech_row_by_id(mech));

	return sizes_made(op, &m, in, tag);
}

Test(sizes, what_is_made_is_as_long_as_the_standards_say)
{
	const uint32_t e = UKCF_OP_ENCRYPT, d = UKCF_OP_DECRYPT;

	cr_assert_eq(made(e, UKCF_MECH_AES_256_GCM, 100, 16), 116);
	cr_assert_eq(made(d, UKCF_MECH_AES_256_GCM, 116, 16), 100);
	cr_assert_eq(made(e, UKCF_MECH_AES_128_CBC, 32, 0), 32);
	cr_assert_eq(made(d, UKCF_MECH_AES_128_CBC, 32, 0), 32);
	cr_assert_eq(made(e, UKCF_MECH_AES_128_CBC_PAD, 0, 0), 16);
	cr_assert_eq(made(e, UKCF_MECH_AES_128_CBC_PAD, 15, 0), 16);
	cr_assert_eq(made(e, UKCF_MECH_AES_128_CBC_PAD, 16, 0), 32);
	cr_assert_eq(made(d, UKCF_MECH_AES_128_CBC_PAD, 32, 0), 31);
	cr_assert_eq(made(e, UKCF_MECH_AES_256_CTR, 7, 0), 7);
	cr_assert_eq(made(e, UKCF_MECH_AES_256_XTS, 17, 0), 17);
	cr_assert_eq(made(e, UKCF_MECH_AES_192_KW, 16, 0), 24);
	cr_assert_eq(made(d, UKCF_MECH_AES_192_KW, 24, 0), 16);
	cr_assert_eq(made(e, UKCF_MECH_X25519_SEALED_BOX, 0, 0), 48);
	cr_assert_eq(made(d, UKCF_MECH_X25519_SEALED_BOX, 49, 0), 1);
	/* the most that any key makes */
	cr_assert_eq(made(e, UKCF_MECH_RSA_PKCS1, 0, 0), 512);
	cr_assert_eq(made(d, UKCF_MECH_RSA_OAEP_SHA1, 256, 0), 512);
}

/* What a context begins with is refused for no size of data. */
Test(sizes, the_least_size_is_allowed_both_ways_and_one_byte_less_is_not)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *r = &mech_rows[i];
		struct mech_limits m = limits_of(r);
		unsigned int detail = 0;
		uint32_t tag_len;
		struct op_sizes s = { .in = sizes_least(&m),
				      .out = UINT32_MAX,
				      .nonce = r->nonce_len };

		if (UKCF_MECH_CLASS(r->id) != UKCF_CLASS_CIPHER)
			continue;
		for (uint32_t op = UKCF_OP_ENCRYPT; op <= UKCF_OP_DECRYPT; op++)
			cr_assert_eq(sizes_check(op, r->id, &m, &s, &tag_len,
						 &detail), 0, "%s", r->name);
		if (!s.in--)
			continue;
		cr_assert_neq(sizes_check(UKCF_OP_DECRYPT, r->id, &m, &s,
					  &tag_len, &detail), 0, "%s", r->name);
	}
}
