/* SPDX-License-Identifier: MIT */
/*
 * Each operation of the provider sodium that has an input, with a key that the
 * daemon holds, while a byte of that input alternates between two values: each
 * result must be that of the one message or of the other.  Which mechanisms
 * there are the daemon is asked: one that no request can be made for fails.
 *
 * Control in the same run: a reader that looks twice must be found.
 */
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/flipper.h"
#include "tests/support/provider.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define DEPTH 16u
#define PATIENCE 50u
#define LEN 1024u /* of a message, where the mechanism does not say */
#define ROOM 2048u
#define MECHS_MAX 256
/* in the input buffer */
#define IN_AT 0u
#define AUX_AT 4096u
#define TAG_AT 8192u
#define OPEN_AT 12288u /* a ciphertext that is looked into */

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t *text;
static uint16_t sodium;

/* An operation under test. */
struct victim {
	const struct ukcf_page_mech *m;
	uint32_t op;
	struct ukcf_key key;
	size_t len, aux, tag, made; /* bytes */
};

/* What came of a message. */
struct outcome {
	int64_t res;
	uint8_t out[ROOM];
};

/* -------------------------------------------------------------- requests */

static struct ukcf_span span(size_t at, size_t len)
{
	return len ? ukcf_buffer_span(in, at, len) : UKCF_SPAN_NONE;
}

static int prepare(const struct victim *v, struct ukcf_sqe *s, size_t in_at,
		   unsigned int slot)
{
	static const uint8_t nonce[UKCF_PARAM_MAX];
	const struct ukcf_span from = span(in_at, v->len);
	const struct ukcf_span aux = span(AUX_AT, v->aux);
	const struct ukcf_span tag = span(TAG_AT, v->tag);
	const struct ukcf_span to =
		v->made ? ukcf_buffer_span(out, slot * ROOM, v->made) :
			  UKCF_SPAN_NONE;
	const uint32_t m = v->m->id;

	switch (v->op) {
	case UKCF_OP_DIGEST:
		return ukcf_prep_digest(s, m, from, to);
	case UKCF_OP_MAC:
		return ukcf_prep_mac(ring, s, m, v->key, from, to);
	case UKCF_OP_MAC_VERIFY:
		return ukcf_prep_mac_verify(ring, s, m, v->key, from, tag);
	case UKCF_OP_ENCRYPT:
		return ukcf_prep_encrypt(ring, s, m, v->key, nonce,
					 v->m->nonce_len, aux, from, to);
	case UKCF_OP_DECRYPT:
		return ukcf_prep_decrypt(ring, s, m, v->key, nonce,
					 v->m->nonce_len, aux, from, to);
	case UKCF_OP_SIGN:
		return ukcf_prep_sign(ring, s, m, v->key, from, to);
	case UKCF_OP_VERIFY:
		return ukcf_prep_verify(ring, s, m, v->key, from, tag);
	case UKCF_OP_DERIVE:
		if (UKCF_MECH_CLASS(m) == UKCF_CLASS_KDF)
			return ukcf_prep_kdf(ring, s, m, v->key, from, aux, to);
		return ukcf_prep_derive(ring, s, m, v->key, from, to);
	default:
		return -EOPNOTSUPP;
	}
}

static void stage(const struct victim *v, size_t in_at, unsigned int slot)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);
	int err = s ? prepare(v, s, in_at, slot) : -ENOSPC;

	if (err)
		check_bail("%s %s cannot be asked for: %d", v->m->name,
			   mech_op_name(v->op), err);
	s->user_data = slot;
	s->provider = sodium;
}

static void wait_one(const struct victim *v, struct outcome o[])
{
	const struct ukcf_cqe *c;
	struct outcome *to;

	do {
		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("%s: no answer", v->m->name);
		to = &o[c->user_data];
		to->res = c->res;
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT)
			break;
		ukcf_cqe_seen(ring);
	} while (true);
	if (to->res > 0)
		memcpy(to->out,
		       (const uint8_t *)ukcf_buffer_data(out) +
			       c->user_data * ROOM,
		       (size_t)to->res);
	ukcf_cqe_seen(ring);
}

static void ask(const struct victim *v, size_t in_at, unsigned int n,
		struct outcome o[])
{
	for (unsigned int i = 0; i < n; i++)
		stage(v, in_at, i);
	if (ukcf_submit(ring) != (int)n)
		check_bail("the ring is full");
	while (n-- > 0)
		wait_one(v, o);
}

/* ------------------------------------------------------------------ judge */

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->res == b->res &&
	       (a->res <= 0 || memcmp(a->out, b->out, (size_t)a->res) == 0);
}

struct tally {
	uint64_t seen[2], neither;
};

static void judge(struct tally *t, const struct outcome want[2],
		  const struct outcome *got)
{
	if (same(got, &want[0]))
		t->seen[0]++;
	else if (same(got, &want[1]))
		t->seen[1]++;
	else
		t->neither++;
}

/* A reader without a copy, as a provider could be: it looks at the byte, does
 * something else, and looks again. */
static void control(void)
{
	const struct outcome want[2] = { { 2, { 0, 0 } }, { 2, { 1, 1 } } };
	const uint64_t end = clock_ns() + UINT64_C(60000000000);
	uint8_t *shared = shared_alloc(64);
	volatile uint8_t *at = shared;
	struct tally t = { 0 };
	struct flipper f;

	flipper_start(&f, shared, 256);
	while (!t.neither && clock_ns() < end) {
		struct outcome o = { .res = 2 };

		o.out[0] = *at;
		for (unsigned int i = 0; i < 100; i++)
			cpu_relax();
		o.out[1] = *at;
		judge(&t, want, &o);
	}
	flipper_stop(&f);
	check(t.neither > 0, "control: a reader that looks twice is found");
}

/* ------------------------------------------------------------ each of them */

/* Its result is another each time: what was encrypted is looked at. */
static bool is_random(const struct victim *v)
{
	return v->op == UKCF_OP_ENCRYPT &&
	       UKCF_MECH_CLASS(v->m->id) == UKCF_CLASS_PKE;
}

static void open_it(const struct victim *v, struct outcome *o)
{
	struct victim opener = *v;
	struct outcome plain[1];

	if (o->res < 0)
		return;
	opener.op = UKCF_OP_DECRYPT;
	opener.len = (size_t)o->res;
	opener.made = v->len;
	memcpy(text + OPEN_AT, o->out, opener.len);
	ask(&opener, OPEN_AT, 1, plain);
	*o = plain[0];
}

static void answers(const struct victim *v, unsigned int n,
		    struct outcome o[])
{
	ask(v, IN_AT, n, o);
	for (unsigned int i = 0; is_random(v) && i < n; i++)
		open_it(v, &o[i]);
}

/* What its other half makes of the message: the tag, or the ciphertext, which
 * is the input then. */
static bool make_half(struct victim *v, uint32_t by)
{
	struct victim maker = *v;
	struct outcome o[1];

	maker.op = by;
	maker.tag = 0;
	maker.made = by == UKCF_OP_ENCRYPT ?
			     v->len + v->m->tag_max + v->m->growth :
			     v->m->out_len;
	ask(&maker, IN_AT, 1, o);
	if (o[0].res <= 0)
		return false;
	if (by == UKCF_OP_ENCRYPT) {
		v->made = v->len;
		v->len = (size_t)o[0].res;
	} else {
		v->made = 0;
		v->tag = (size_t)o[0].res;
	}
	memcpy(text + (by == UKCF_OP_ENCRYPT ? IN_AT : TAG_AT), o[0].out,
	       (size_t)o[0].res);
	return true;
}

static void derive_sizes(struct victim *v)
{
	/* what argon2id is to cost; to all others they are bytes */
	static const uint8_t cost[8] = { 1, 0, 0, 0, 8, 0, 0, 0 };

	v->made = 32;
	v->len = v->m->pub_len ? v->m->pub_len : 16;
	if (UKCF_MECH_CLASS(v->m->id) != UKCF_CLASS_KDF)
		return;
	v->aux = sizeof(cost);
	memcpy(text + AUX_AT, cost, sizeof(cost));
	if (v->m->id == UKCF_MECH_BLAKE2B_KDF)
		v->len = 8; /* the number of the key */
}

/* Sizes, and what the operation needs.  False: there is no such request. */
static bool ready(struct victim *v)
{
	struct rng r;

	rng_init(&r, v->m->id);
	rng_fill(&r, text + IN_AT, LEN);
	v->len = LEN;
	v->made = v->m->out_len;
	switch (v->op) {
	case UKCF_OP_ENCRYPT:
		v->made = LEN + v->m->tag_max + v->m->growth;
		return true;
	case UKCF_OP_DECRYPT:
		return make_half(v, UKCF_OP_ENCRYPT);
	case UKCF_OP_MAC_VERIFY:
		return make_half(v, UKCF_OP_MAC);
	case UKCF_OP_VERIFY:
		return make_half(v, UKCF_OP_SIGN);
	case UKCF_OP_DERIVE:
		derive_sizes(v);
		return true;
	default:
		return true;
	}
}

/* Both messages at rest: the two results that may come. */
static bool at_rest(const struct victim *v, uint8_t *at,
		    struct outcome want[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		answers(v, 1, &want[i]);
		*at ^= 1;
	}
	return want[0].res >= 0 && !same(&want[0], &want[1]);
}

static bool both(const struct tally *t)
{
	return t->seen[0] && t->seen[1];
}

static void race(const struct victim *v, struct tally *all)
{
	static struct outcome want[2], got[DEPTH];
	uint8_t *at = text + IN_AT + v->len / 2;
	uint64_t n = scaled(v->m->id == UKCF_MECH_ARGON2ID ? 10 : 40, 4000);
	struct tally t = { 0 };
	struct flipper f;

	if (!at_rest(v, at, want)) {
		check(false, "%s %s: two messages, two results: %lld, %lld",
		      v->m->name, mech_op_name(v->op), (long long)want[0].res,
		      (long long)want[1].res);
		return;
	}
	flipper_start(&f, at, 256);
	/* longer where the other thread has not had its turn */
	for (uint64_t i = 0; i < n || (i < PATIENCE * n && !both(&t)); i++) {
		answers(v, DEPTH, got);
		for (unsigned int k = 0; k < DEPTH; k++)
			judge(&t, want, &got[k]);
	}
	flipper_stop(&f);
	check(!t.neither, "%s %s: %llu of the one, %llu of the other, %llu of "
	      "neither", v->m->name, mech_op_name(v->op),
	      (unsigned long long)t.seen[0], (unsigned long long)t.seen[1],
	      (unsigned long long)t.neither);
	all->seen[0] += t.seen[0] > 0;
	all->seen[1] += t.seen[1] > 0;
}

static bool has_input(uint32_t op)
{
	return op >= UKCF_OP_DIGEST && op <= UKCF_OP_DERIVE;
}

/* Return: operations that were raced. */
static unsigned int race_mech(const struct ukcf_page_mech *m,
			      struct tally *all)
{
	unsigned int n = 0;

	for (uint32_t op = 1; op < 32; op++) {
		struct victim v = { .m = m, .op = op };

		if (!has_input(op) || !(m->ops >> op & 1))
			continue;
		if (m->key_max &&
		    ukcf_key_generate(u, NULL, m->id, UKCF_USE_DEFAULT, 0,
				      &v.key))
			check_bail("%s: no key", m->name);
		if (check(ready(&v), "%s %s: there is such a request", m->name,
			  mech_op_name(op))) {
			race(&v, all);
			n++;
		}
		if (m->key_max && ukcf_key_destroy(u, v.key))
			check_bail("%s: its key stays", m->name);
	}
	return n;
}

static bool is_sodiums(const struct ukcf_page_mech *m)
{
	return m->providers >> sodium & 1 &&
	       UKCF_MECH_CLASS(m->id) != UKCF_CLASS_RNG;
}

static void start(void)
{
	int rc = ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_ring_open(u, DEPTH, &ring);
	if (!rc)
		rc = ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 16384, &in);
	if (!rc)
		rc = ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, DEPTH * ROOM,
				       &out);
	if (rc)
		check_bail("no daemon: %s", ukcf_strerror(rc));
	text = ukcf_buffer_data(in);
	sodium = provider_named(u, "sodium");
}

int main(void)
{
	static struct ukcf_page_mech mechs[MECHS_MAX];
	unsigned int n_mechs = 0, ops = 0;
	struct tally all = { 0 };
	int n;

	control();
	start();
	n = ukcf_mech_list(u, mechs, MECHS_MAX);
	for (int i = 0; i < n && i < MECHS_MAX; i++) {
		unsigned int raced;

		if (!is_sodiums(&mechs[i]))
			continue;
		raced = race_mech(&mechs[i], &all);
		ops += raced;
		n_mechs += raced > 0;
		check(raced > 0, "%s: was raced", mechs[i].name);
	}
	check(n_mechs >= 20 && ops >= 35, "%u mechanisms, %u operations",
	      n_mechs, ops);
	check(all.seen[0] > ops / 2 && all.seen[1] > ops / 2,
	      "the messages changed under way: %u of %u and %u of %u",
	      (unsigned int)all.seen[0], ops, (unsigned int)all.seen[1], ops);
	ukcf_disconnect(u);
	return check_done();
}
