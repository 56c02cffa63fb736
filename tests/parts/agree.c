/* SPDX-License-Identifier: MIT */
/*
 * agree A B: the same random requests to provider A and to provider B, of every
 * mechanism that both offer; each must give the same bytes or the same error.
 * 465-agree.sh starts it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define DATA_MAX (64u << 10)
#define AUX_MAX 1024u
#define OUT_MAX (DATA_MAX + 512)
#define TAG_MAX 128u
#define KEY_MAX 256u
#define AUX_AT OUT_MAX /* in the input buffer; a ciphertext lies before */
#define TAG_AT (AUX_AT + AUX_MAX)
#define IN_SIZE (TAG_AT + TAG_MAX)

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t *text;
static uint16_t ids[2];
static struct rng rng;

/* One question, and what the first provider said to it. */
struct question {
	const struct ukcf_page_mech *m;
	enum ukcf_op op;
	struct ukcf_key key;
	uint8_t nonce[16];
	size_t len, aux, tag, out;
	int64_t res;
	uint8_t said[OUT_MAX];
};

static struct question q;
static unsigned int asked, errors;
static char differs[160]; /* the first difference of a mechanism */

static uint16_t provider_id(const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX);

	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].id;
	check_bail("no provider %s", name);
}

static struct ukcf_span span(size_t at, size_t len)
{
	return len ? ukcf_buffer_span(in, at, len) : UKCF_SPAN_NONE;
}

static int prepare(struct ukcf_sqe *s)
{
	struct ukcf_span data = span(0, q.len), aux = span(AUX_AT, q.aux);
	struct ukcf_span tag = span(TAG_AT, q.tag);
	struct ukcf_span o = q.out ? ukcf_buffer_span(out, 0, q.out) :
				     UKCF_SPAN_NONE;
	uint32_t mech = q.m->id;
	size_t nonce = q.m->nonce_len;

	switch (q.op) {
	case UKCF_OP_DIGEST:
		return ukcf_prep_digest(s, mech, data, o);
	case UKCF_OP_MAC:
		return ukcf_prep_mac(ring, s, mech, q.key, data, o);
	case UKCF_OP_MAC_VERIFY:
		return ukcf_prep_mac_verify(ring, s, mech, q.key, data, tag);
	case UKCF_OP_ENCRYPT:
		return ukcf_prep_encrypt(ring, s, mech, q.key, q.nonce, nonce,
					 aux, data, o);
	case UKCF_OP_DECRYPT:
		return ukcf_prep_decrypt(ring, s, mech, q.key, q.nonce, nonce,
					 aux, data, o);
	case UKCF_OP_SIGN:
		return ukcf_prep_sign(ring, s, mech, q.key, data, o);
	case UKCF_OP_VERIFY:
		return ukcf_prep_verify(ring, s, mech, q.key, data, tag);
	case UKCF_OP_DERIVE:
		if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_KDF)
			return ukcf_prep_kdf(ring, s, mech, q.key, data, aux,
					     o);
		return ukcf_prep_derive(ring, s, mech, q.key, data, o);
	default:
		return -EOPNOTSUPP;
	}
}

static struct ukcf_cqe ask(uint16_t provider)
{
	struct ukcf_sqe s = { .user_data = 1 };
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;
	int err = prepare(&s);

	if (err)
		check_bail("%s: operation %d cannot be prepared: %d",
			   q.m->name, (int)q.op, err);
	s.provider = provider;
	if (ukcf_submit_sqes(ring, &s, 1) != 1 ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("no completion");
	copy = *c;
	ukcf_cqe_seen(ring);
	if (copy.res >= 0 && copy.provider != provider)
		check_bail("provider %u was asked, %u answered", provider,
			   copy.provider);
	return copy;
}

static size_t made(const struct ukcf_cqe *c)
{
	return c->res > 0 ? (size_t)c->res : 0;
}

/* Ask both; q.said and q.res are the first one's. */
static void ask_both(void)
{
	struct ukcf_cqe a = ask(ids[0]), b;

	q.res = a.res;
	memcpy(q.said, ukcf_buffer_data(out), made(&a));
	b = ask(ids[1]);
	asked++;
	errors += a.res < 0;
	if (differs[0] ||
	    (a.res == b.res && a.detail == b.detail &&
	     memcmp(q.said, ukcf_buffer_data(out), made(&a)) == 0))
		return;
	snprintf(differs, sizeof(differs),
		 "operation %d, %zu and %zu bytes: %lld (%s) and %lld (%s)",
		 (int)q.op, q.len, q.aux, (long long)a.res,
		 ukcf_detail_name(a.detail), (long long)b.res,
		 ukcf_detail_name(b.detail));
}

/* ------------------------------------------------------------ random parts */

static bool one_in(unsigned int n)
{
	return rng_below(&rng, n) == 0;
}

/* Short ones and the ends are as likely as all others. */
static size_t some_size(size_t most)
{
	if (one_in(8))
		return one_in(2) ? 0 : most;
	return (size_t)rng_below(&rng, (one_in(2) || most < 300 ? most : 300) +
						1);
}

static void some_key(void)
{
	uint8_t bytes[KEY_MAX];
	size_t min = q.m->key_min, max = q.m->key_max;
	size_t len = min + (size_t)rng_below(&rng, max - min + 1);

	rng_fill(&rng, bytes, len);
	if (ukcf_key_import(u, NULL, q.m->id, UKCF_USE_DEFAULT, 0, bytes, len,
			    &q.key))
		check_bail("%s: a key of %zu bytes was refused", q.m->name,
			   len);
}

/* Change what is to be verified or decrypted, now and then. */
static void perhaps_flip(size_t at, size_t len)
{
	if (len && one_in(3))
		text[at + rng_below(&rng, len)] ^=
			(uint8_t)(1u << rng_below(&rng, 8));
}

/* ------------------------------------------------------------------ classes */

static void digests(void)
{
	q.op = UKCF_OP_DIGEST;
	q.out = q.m->out_len;
	ask_both();
}

/* What made the tag, its size, and what verifies it. */
static void tagged(enum ukcf_op make, enum ukcf_op verify, size_t len)
{
	q.op = make;
	q.out = len;
	ask_both();
	memcpy(text + TAG_AT, q.said, len);
	perhaps_flip(TAG_AT, len);
	q.op = verify;
	q.out = 0;
	q.tag = len;
	ask_both();
}

static void macs(void)
{
	size_t more = q.m->tag_max - q.m->tag_min;

	tagged(UKCF_OP_MAC, UKCF_OP_MAC_VERIFY,
	       q.m->tag_min + (size_t)rng_below(&rng, more + 1));
}

static void signatures(void)
{
	tagged(UKCF_OP_SIGN, UKCF_OP_VERIFY, q.m->out_len);
}

static void aeads(void)
{
	size_t len = q.len;

	q.op = UKCF_OP_ENCRYPT;
	q.aux = some_size(AUX_MAX);
	rng_fill(&rng, q.nonce, sizeof(q.nonce));
	q.out = q.len + q.m->tag_max;
	ask_both();
	if (q.res < 0)
		return;
	memcpy(text, q.said, (size_t)q.res);
	q.len = (size_t)q.res;
	perhaps_flip(0, q.len);
	q.op = UKCF_OP_DECRYPT;
	q.out = len;
	ask_both();
	q.len = some_size(20); /* not even a tag */
	ask_both();
}

/* Whole blocks half of the time; most modes want nothing else. */
static void ciphers(void)
{
	size_t len = one_in(2) ? q.len : q.len / 16 * 16;

	q.op = UKCF_OP_ENCRYPT;
	q.len = len;
	rng_fill(&rng, q.nonce, sizeof(q.nonce));
	q.out = q.len + 16;
	ask_both();
	if (q.res < 0)
		return;
	memcpy(text, q.said, (size_t)q.res);
	q.len = (size_t)q.res;
	perhaps_flip(0, q.len);
	q.op = UKCF_OP_DECRYPT;
	q.out = q.len;
	ask_both();
	q.len = some_size(80); /* perhaps no block */
	ask_both();
}

static void agreements(void)
{
	q.op = UKCF_OP_DERIVE;
	q.len = q.m->pub_len;
	q.out = q.m->out_len;
	if (one_in(8)) /* 0 and 1 are points of low order */
		memset(text, 0, q.len);
	if (one_in(8))
		text[0] &= 1;
	ask_both();
}

static void derivations(void)
{
	q.op = UKCF_OP_DERIVE;
	q.len = some_size(AUX_MAX);
	q.aux = some_size(AUX_MAX);
	q.out = some_size((size_t)q.m->data_max + 1); /* one is too many */
	ask_both();
}

static void (*const classes[])(void) = {
	[UKCF_CLASS_DIGEST] = digests, [UKCF_CLASS_MAC] = macs,
	[UKCF_CLASS_AEAD] = aeads,     [UKCF_CLASS_CIPHER] = ciphers,
	[UKCF_CLASS_SIGN] = signatures, [UKCF_CLASS_KEX] = agreements,
	[UKCF_CLASS_KDF] = derivations,
};

static void (*class_of(uint32_t mech))(void)
{
	uint32_t n = UKCF_MECH_CLASS(mech);

	return n < sizeof(classes) / sizeof(classes[0]) ? classes[n] : NULL;
}

static void one_round(const struct ukcf_page_mech *m)
{
	size_t most = UKCF_MECH_CLASS(m->id) == UKCF_CLASS_SIGN ? 2048 :
								  DATA_MAX;

	q.m = m;
	q.len = some_size(most);
	q.aux = q.tag = 0;
	q.key = UKCF_KEY_NONE;
	rng_fill(&rng, text, IN_SIZE);
	if (m->key_max)
		some_key();
	class_of(m->id)();
	if (m->key_max && ukcf_key_destroy(u, q.key))
		check_bail("%s: the key could not be destroyed", m->name);
}

static void mechanism(const struct ukcf_page_mech *m)
{
	const uint64_t rounds = scaled(60, 3000);

	asked = errors = 0;
	differs[0] = '\0';
	for (uint64_t i = 0; i < rounds && !differs[0]; i++)
		one_round(m);
	check(!differs[0], "%s: %u questions, %u of them errors%s%s", m->name,
	      asked, errors, differs[0] ? ", but they differ: " : "", differs);
}

int main(int argc, char **argv)
{
	static struct ukcf_page_mech rows[UKCF_PAGE_MECHS_MAX];
	unsigned int both = 0;
	uint64_t bits;
	int n;

	if (argc != 3)
		check_bail("usage: agree PROVIDER PROVIDER");
	rng_init(&rng, 1);
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 4, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, IN_SIZE, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, OUT_MAX, &out))
		check_bail("no ring");
	text = ukcf_buffer_data(in);
	for (unsigned int i = 0; i < 2; i++)
		ids[i] = provider_id(argv[i + 1]);
	bits = UINT64_C(1) << ids[0] | UINT64_C(1) << ids[1];
	n = ukcf_mech_list(u, rows, UKCF_PAGE_MECHS_MAX);
	for (int i = 0; i < n; i++) {
		/* A key of RSA is no bytes at random. */
		if ((rows[i].providers & bits) != bits ||
		    !class_of(rows[i].id) || rows[i].key_max > KEY_MAX)
			continue;
		mechanism(&rows[i]);
		both++;
	}
	check(both > 0, "%u mechanisms are of %s and of %s", both, argv[1],
	      argv[2]);
	ukcf_disconnect(u);
	return check_done();
}
