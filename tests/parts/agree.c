/* SPDX-License-Identifier: MIT */
/*
 * agree A B [WORD...]: the same random requests to provider A and to provider B,
 * of every mechanism that both offer (and whose name begins with one of WORD);
 * each must give the same bytes or the same error.  What is random (signatures
 * of ECDSA and PSS, RSA encryption) must be as long, and right for both,
 * whoever made it.  465-agree.sh starts it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/provider.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define DATA_MAX (64u << 10)
#define AUX_MAX 1024u
#define OUT_MAX (DATA_MAX + 512)
#define TAG_MAX 512u
#define KEY_USES 8u
#define KEY_MAX 256u /* of what is no key pair */
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
	uint8_t other[TAG_MAX]; /* the second one's, of what is random */
};

static struct question q;
static unsigned int asked, errors;
static char differs[160]; /* the first difference of a mechanism */

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

static bool is_of(const char *prefix)
{
	return strncmp(q.m->name, prefix, strlen(prefix)) == 0;
}

/* Are no two answers the same? */
static bool is_random(void)
{
	if (q.op == UKCF_OP_SIGN)
		return is_of("ecdsa-") || is_of("rsa-pss-");
	return q.op == UKCF_OP_ENCRYPT &&
	       UKCF_MECH_CLASS(q.m->id) == UKCF_CLASS_PKE;
}

/* A provider may do one direction alone, and a device no request without data:
 * that goes elsewhere, unless nobody else is asked. */
static bool is_not_offered(const struct ukcf_cqe *c)
{
	if (c->res == -EIO && q.op == UKCF_OP_ENCRYPT && q.len == 0 &&
	    UKCF_MECH_CLASS(q.m->id) == UKCF_CLASS_PKE)
		return true;
	return c->res == -EOPNOTSUPP && c->detail == UKCF_DETAIL_PROVIDER;
}

/* Ask both; q.said and q.res are the first one's; q.res that of the other if the
 * first does not do it. */
static void ask_both(void)
{
	struct ukcf_cqe a = ask(ids[0]), b;

	q.res = a.res;
	memcpy(q.said, ukcf_buffer_data(out), made(&a));
	b = ask(ids[1]);
	if (is_not_offered(&a)) {
		q.res = b.res;
		memcpy(q.said, ukcf_buffer_data(out), made(&b));
	}
	asked++;
	errors += a.res < 0;
	if (made(&b) <= sizeof(q.other))
		memcpy(q.other, ukcf_buffer_data(out), made(&b));
	if (is_not_offered(&b) && made(&a) <= sizeof(q.other))
		memcpy(q.other, q.said, made(&a));
	if (differs[0] || is_not_offered(&a) || is_not_offered(&b) ||
	    (a.res == b.res && a.detail == b.detail &&
	     (is_random() ||
	      memcmp(q.said, ukcf_buffer_data(out), made(&a)) == 0)))
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

/* Around all block sizes, and a few large ones. */
static size_t data_size(size_t most)
{
	if (one_in(32))
		return (size_t)rng_below(&rng, most + 1);
	return some_size(most < 1025 ? most : 1025);
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

/* Of each maker's: is it right, for both, and a bit of it wrong? */
static void verify_crosswise(const uint8_t *sig, size_t len)
{
	memcpy(text + TAG_AT, sig, len);
	q.op = UKCF_OP_VERIFY;
	q.out = 0;
	q.tag = len;
	ask_both();
	if (q.res != 0 && !differs[0])
		snprintf(differs, sizeof(differs),
			 "both refuse a signature of one of them");
	text[TAG_AT + rng_below(&rng, len)] ^= (uint8_t)(1u << one_in(2));
	ask_both();
}

static void signatures(void)
{
	uint8_t first[TAG_MAX];
	size_t len;

	q.op = UKCF_OP_SIGN;
	q.out = q.m->out_len;
	ask_both();
	if (q.res <= 0 || (size_t)q.res > sizeof(first))
		return;
	len = (size_t)q.res;
	memcpy(first, q.said, len);
	if (is_random()) {
		uint8_t second[TAG_MAX];

		memcpy(second, q.other, len);
		verify_crosswise(first, len);
		verify_crosswise(second, len);
	} else {
		verify_crosswise(first, len);
	}
}

/* What each encrypted, both decrypt. */
static void decrypt_crosswise(const uint8_t *sealed, size_t len)
{
	memcpy(text, sealed, len);
	q.op = UKCF_OP_DECRYPT;
	q.len = len;
	q.out = q.m->out_len;
	ask_both();
	if (q.res < 0 && !differs[0])
		snprintf(differs, sizeof(differs),
			 "both refuse a ciphertext of one of them");
	text[rng_below(&rng, len)] ^= 1;
	ask_both();
}

static void sealed_ones(void)
{
	uint8_t first[TAG_MAX], second[TAG_MAX];
	size_t len;

	q.op = UKCF_OP_ENCRYPT;
	q.len = some_size(256); /* some are too long */
	q.aux = q.m->aad_max ? some_size(AUX_MAX) : 0;
	q.out = q.m->out_len;
	ask_both();
	if (q.res <= 0 || (size_t)q.res > sizeof(first))
		return;
	len = (size_t)q.res;
	memcpy(first, q.said, len);
	memcpy(second, q.other, len);
	decrypt_crosswise(first, len);
	decrypt_crosswise(second, len);
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

/* Any bytes are a public key of x25519; a point is taken from a key, and now and
 * then none. */
static void agreements(void)
{
	q.op = UKCF_OP_DERIVE;
	q.len = q.m->pub_len;
	q.out = q.m->out_len;
	if (q.m->pub_len > 32 && !one_in(8) &&
	    ukcf_key_public(u, q.key, text, q.len) != (int64_t)q.len)
		check_bail("%s: no public part", q.m->name);
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
	[UKCF_CLASS_KDF] = derivations, [UKCF_CLASS_PKE] = sealed_ones,
};

static void (*class_of(uint32_t mech))(void)
{
	uint32_t n = UKCF_MECH_CLASS(mech);

	return n < sizeof(classes) / sizeof(classes[0]) ? classes[n] : NULL;
}

/* Of RSA: one key serves all rounds. */
static bool is_long_to_make(const struct ukcf_page_mech *m)
{
	return m->flags & UKCF_PAGE_MECH_BY_KEY;
}

static void destroy_key(void)
{
	if (ukcf_key_destroy(u, q.key))
		check_bail("%s: the key could not be destroyed", q.m->name);
}

static void one_question(const struct ukcf_page_mech *m)
{
	size_t most = UKCF_MECH_CLASS(m->id) == UKCF_CLASS_SIGN ? 2048 :
								  DATA_MAX;

	q.m = m;
	q.len = data_size(most);
	q.aux = q.tag = 0;
	/* behind that lies what was random before */
	rng_fill(&rng, text, q.len);
	rng_fill(&rng, text + AUX_AT, AUX_MAX + TAG_MAX);
	class_of(m->id)();
}

/* Some questions with one key. */
static uint64_t one_round(const struct ukcf_page_mech *m)
{
	bool keyed = m->key_max && !is_long_to_make(m);
	uint64_t n = 1 + rng_below(&rng, KEY_USES);

	q.m = m;
	if (keyed)
		some_key();
	for (uint64_t i = 0; i < n && !differs[0]; i++)
		one_question(m);
	if (keyed)
		destroy_key();
	return n;
}

/* Questions, at least. */
static uint64_t least_of(const struct ukcf_page_mech *m)
{
	uint32_t class_ = UKCF_MECH_CLASS(m->id);

	if (is_long_to_make(m))
		return scaled(4, 10000);
	if (class_ == UKCF_CLASS_SIGN || class_ == UKCF_CLASS_KEX)
		return scaled(60, 10000);
	return scaled(60, 125000); /* 10^6 of the eight that two have */
}

static void mechanism(const struct ukcf_page_mech *m)
{
	const uint64_t least = least_of(m);

	asked = errors = 0;
	differs[0] = '\0';
	q.m = m;
	q.key = UKCF_KEY_NONE;
	if (is_long_to_make(m) &&
	    ukcf_key_generate(u, NULL, m->id, UKCF_USE_DEFAULT,
			      UKCF_KEY_BITS_2048, &q.key))
		check_bail("%s: no key can be made", m->name);
	for (uint64_t n = 0; n < least && !differs[0];)
		n += one_round(m);
	if (is_long_to_make(m))
		destroy_key();
	check(!differs[0], "%s: %u questions, %u of them errors%s%s", m->name,
	      asked, errors, differs[0] ? ", but they differ: " : "", differs);
}

/* words: up to a NULL; none: all are. */
static bool is_wanted(const struct ukcf_page_mech *m, char **words)
{
	bool any = *words;

	for (; *words; words++)
		if (strncmp(m->name, *words, strlen(*words)) == 0)
			return true;
	return !any;
}

int main(int argc, char **argv)
{
	static struct ukcf_page_mech rows[UKCF_PAGE_MECHS_MAX];
	unsigned int both = 0;
	uint64_t bits;
	int n;

	if (argc < 3)
		check_bail("usage: agree PROVIDER PROVIDER [WORD...]");
	rng_init(&rng, 1);
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 4, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, IN_SIZE, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, OUT_MAX, &out))
		check_bail("no ring");
	text = ukcf_buffer_data(in);
	rng_fill(&rng, text, IN_SIZE);
	for (unsigned int i = 0; i < 2; i++)
		ids[i] = provider_named(u, argv[i + 1]);
	bits = UINT64_C(1) << ids[0] | UINT64_C(1) << ids[1];
	n = ukcf_mech_list(u, rows, UKCF_PAGE_MECHS_MAX);
	for (int i = 0; i < n; i++) {
		if ((rows[i].providers & bits) != bits ||
		    !class_of(rows[i].id) || !is_wanted(&rows[i], argv + 3))
			continue;
		mechanism(&rows[i]);
		both++;
	}
	check(both > 0, "%u mechanisms are of %s and of %s", both, argv[1],
	      argv[2]);
	ukcf_disconnect(u);
	return check_done();
}
