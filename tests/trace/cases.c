/* SPDX-License-Identifier: MIT */
/* See cases.h. */
#include <string.h>

#include "daemon/core/mech.h"
#include "tests/support/check.h"
#include "tests/trace/cases.h"

ukcf_job_fn case_entry(const struct ukcf_offer *o, uint32_t op)
{
	return mech_entry(o, op);
}

bool case_has_input(uint32_t op)
{
	return op >= UKCF_OP_DIGEST && op <= UKCF_OP_DERIVE;
}

static bool is_kdf(const struct op_case *c)
{
	return UKCF_MECH_CLASS(c->row->id) == UKCF_CLASS_KDF;
}

/* A cipher that is the same for every length. */
static bool is_stream(const struct op_case *c)
{
	return c->row->id == UKCF_MECH_CHACHA20 ||
	       c->row->id == UKCF_MECH_XCHACHA20;
}

bool case_has_aux(const struct op_case *c)
{
	if (!c->row->aad_max)
		return false;
	return c->op == UKCF_OP_ENCRYPT || c->op == UKCF_OP_DECRYPT ||
	       is_kdf(c);
}

static struct ukcf_bytes bytes(const uint8_t *p, size_t len)
{
	return (struct ukcf_bytes){ len ? p : NULL, len };
}

static size_t clamp(size_t n, size_t min, size_t max)
{
	return n < min ? min : n > max ? max : n;
}

/* Run op, whose sizes are c's, from in to out. */
static int64_t perform(struct op_case *c, uint32_t op, struct ukcf_bytes in,
		       const uint8_t *aux, uint8_t *out, size_t out_size)
{
	struct ukcf_job job = {
		.op = op,
		.mech = c->row->id,
		.key = bytes(c->key, c->key_len),
		.pub = bytes(c->pub, c->pub_len),
		.in = in,
		.aux = bytes(aux, c->aux_len),
		.tag = bytes(c->tag, c->tag_len),
		.out = out,
		.out_size = out_size,
		.tag_len = c->row->tag_max,
		.tmpl = c->tmpl ? c->made : NULL,
	};
	ukcf_job_fn fn = case_entry(c->offer, op);

	if (!fn)
		check_bail("%s %s: no %s", c->provider, c->row->name,
			   mech_op_name(op));
	if (mech_takes_public(c->row->id, op))
		job.key = job.pub;
	if (is_kdf(c))
		job.out_size = clamp(100, 0, c->row->data_max);
	if (UKCF_MECH_CLASS(c->row->id) == UKCF_CLASS_AEAD || is_stream(c))
		job.param = bytes(c->param, c->row->nonce_len);
	if (fn(c->instance, &job) != UKCF_DONE)
		return -5;
	return job.res;
}

static void make_keys(struct op_case *c)
{
	struct rng r;

	rng_init(&r, c->row->id);
	rng_fill(&r, c->key, sizeof(c->key));
	rng_fill(&r, c->param, sizeof(c->param));
	c->key_len = clamp(32, c->row->key_min, c->row->key_max);
	c->pub_len = 0;
	if (case_entry(c->offer, UKCF_OP_KEY_PUBLIC))
		c->pub_len = (size_t)perform(c, UKCF_OP_KEY_PUBLIC,
					     bytes(NULL, 0), NULL, c->pub,
					     sizeof(c->pub));
	if (c->tmpl) {
		struct ukcf_job job = { .mech = c->row->id,
					.key = bytes(c->key, c->key_len),
					.out = c->made,
					.out_size = sizeof(c->made) };

		if (c->offer->tmpl_size > sizeof(c->made) ||
		    c->offer->ops->init_tmpl(c->instance, &job) != UKCF_DONE ||
		    job.res < 0)
			check_bail("%s %s: no template", c->provider,
				   c->row->name);
	}
}

/* What is verified was made by the operation's other half. */
static bool make_tag(struct op_case *c, uint32_t by)
{
	int64_t n = perform(c, by, bytes(c->in, c->in_len), NULL, c->tag,
			    sizeof(c->tag));

	c->tag_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static bool make_ciphertext(struct op_case *c)
{
	static uint8_t plain[CASE_IN_MAX];
	size_t more = c->row->tag_max + c->row->growth, len = c->in_len;

	if (len < more)
		return false;
	memcpy(plain, c->in, len - more);
	return perform(c, UKCF_OP_ENCRYPT, bytes(plain, len - more), c->aux,
		       c->in, sizeof(c->in)) == (int64_t)len;
}

/* The peer's public key: the other key is this one with a bit changed. */
static bool make_peer(struct op_case *c)
{
	bool made;

	if (c->in_len != c->row->out_len)
		return false;
	c->key[1] ^= 1;
	made = perform(c, UKCF_OP_KEY_PUBLIC, bytes(NULL, 0), NULL, c->in,
		       sizeof(c->in)) == (int64_t)c->in_len;
	c->key[1] ^= 1;
	return made;
}

/* What argon2id is to cost: little, and what that provider takes. */
static void make_cost(struct op_case *c)
{
	static const uint8_t cost[8] = { 1, 0, 0, 0, 8, 0, 0, 0 };

	if (c->row->id == UKCF_MECH_ARGON2ID && c->aux_len == sizeof(cost))
		memcpy(c->aux, cost, sizeof(cost));
}

bool case_is_random(const struct op_case *c)
{
	return c->op == UKCF_OP_ENCRYPT &&
	       UKCF_MECH_CLASS(c->row->id) == UKCF_CLASS_PKE;
}

/* A derivation takes the sizes that it takes; the mechanism's row does not say
 * which. */
static bool is_taken(struct op_case *c)
{
	static uint8_t out[CASE_OUT_MAX];

	return !is_kdf(c) || case_run(c, c->in, c->aux, out) >= 0;
}

bool case_prepare(struct op_case *c, size_t in_len, size_t aux_len)
{
	struct rng r;

	if (in_len > sizeof(c->in) || aux_len > sizeof(c->aux))
		return false;
	c->aux_len = 0;
	c->in_len = in_len;
	c->tag_len = 0;
	make_keys(c);
	c->aux_len = aux_len;
	rng_init(&r, in_len);
	rng_fill(&r, c->in, in_len);
	rng_fill(&r, c->aux, aux_len);
	make_cost(c);
	switch (c->op) {
	case UKCF_OP_MAC_VERIFY:
		return make_tag(c, UKCF_OP_MAC);
	case UKCF_OP_VERIFY:
		return make_tag(c, UKCF_OP_SIGN);
	case UKCF_OP_DECRYPT:
		return make_ciphertext(c);
	case UKCF_OP_DERIVE:
		return is_kdf(c) ? is_taken(c) : make_peer(c);
	default:
		return true;
	}
}

int64_t case_run(struct op_case *c, const uint8_t *in, const uint8_t *aux,
		 uint8_t *out)
{
	return perform(c, c->op, bytes(in, c->in_len), aux, out, CASE_OUT_MAX);
}
