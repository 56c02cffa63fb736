/* SPDX-License-Identifier: MIT */
/*
 * Wrong answers of pretend hardware, which another provider finds out before
 * anybody believes them.  Under a daemon that checks all of them
 * (495-crosscheck.sh):
 *
 *	crosscheck operations	sodium, nullhw: of each one that it offers
 *	crosscheck third	sodium, nullhw, nullhw2: the right result comes
 *				all the same
 *	crosscheck checker	sodium, nullhw, nullhw2, all of sodium's are
 *				checked, too: who checks may be the liar
 *	crosscheck liar		sodium, nullhw: one that is out in the end
 *	crosscheck off		nothing is checked: a wrong answer gets through
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"
#include "tools/admin.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define LEN 512u
#define ROOM 1024u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key mac_key, cipher_key, sign_key;
static const uint8_t nonce[12] = "0123456789a";
static uint8_t *text;	  /* what is read */
static const uint8_t *made; /* and made */
static uint16_t hw;

/* ------------------------------------------------------------ administration */

static void tell(const char *provider, const char *word)
{
	if (tell_provider(provider, word))
		check_bail("%s: %s was refused", provider, word);
}

static struct msg_provider row_of(const char *name)
{
	static struct msg_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	const struct admin_call call = {
		.verb = MSG_ADMIN_PROVIDERS,
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};
	int n = admin_ask(&call);

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i];
	check_bail("no provider %s", name);
}

/* It works again: tested at once, not when its pause is over. */
static bool comes_back(const char *name)
{
	tell(name, "calm");
	return change(MSG_CHANGE_TEST, name, "") == 0 &&
	       row_of(name).state == UKCF_PROVIDER_READY;
}

/* -------------------------------------------------------------------- requests */

static struct ukcf_key key_of(uint32_t mech, uint32_t usage)
{
	static const uint8_t bytes[32] = "a key of thirty-two bytes, here";
	struct ukcf_key k;
	int rc = ukcf_key_import(u, NULL, mech, usage, 0, bytes, sizeof(bytes),
				 &k);

	if (rc)
		check_bail("key: %s", ukcf_strerror(rc));
	return k;
}

static void open_all(void)
{
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 16, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 2 * ROOM, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, ROOM, &out))
		check_bail("no ring");
	text = ukcf_buffer_data(in);
	made = ukcf_buffer_data(out);
	for (unsigned int i = 0; i < LEN; i++)
		text[i] = (uint8_t)(i * 7);
	hw = row_of("nullhw").id;
	mac_key = key_of(UKCF_MECH_HMAC_SHA2_256, UKCF_USE_DEFAULT);
	cipher_key = key_of(UKCF_MECH_CHACHA20_POLY1305,
			    UKCF_USE_DEFAULT);
	sign_key = key_of(UKCF_MECH_ED25519, UKCF_USE_DEFAULT);
}

static struct ukcf_cqe run(const struct ukcf_sqe *s)
{
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;

	if (ukcf_submit_sqes(ring, s, 1) != 1)
		check_bail("the ring is full");
	do {
		int rc = ukcf_wait_cqe(ring, &c, WAIT_NS);

		if (rc)
			check_bail("no completion: %s", ukcf_strerror(rc));
		copy = *c;
		ukcf_cqe_seen(ring);
	} while ((copy.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT);
	return copy;
}

static struct ukcf_span input(size_t off, size_t len)
{
	return ukcf_buffer_span(in, off, len);
}

static struct ukcf_span output(size_t len)
{
	return ukcf_buffer_span(out, 0, len);
}

/* What is verified or decrypted lies behind the text. */
static int prepare(struct ukcf_sqe *s, uint32_t op)
{
	*s = (struct ukcf_sqe){ 0 };
	switch (op) {
	case UKCF_OP_DIGEST:
		return ukcf_prep_digest(s, UKCF_MECH_SHA2_256, input(0, LEN),
					output(32));
	case UKCF_OP_MAC:
		return ukcf_prep_mac(ring, s, UKCF_MECH_HMAC_SHA2_256, mac_key,
				     input(0, LEN), output(32));
	case UKCF_OP_MAC_VERIFY:
		return ukcf_prep_mac_verify(ring, s, UKCF_MECH_HMAC_SHA2_256,
					    mac_key, input(0, LEN),
					    input(ROOM, 32));
	case UKCF_OP_ENCRYPT:
		return ukcf_prep_encrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
					 cipher_key, nonce, sizeof(nonce),
					 input(0, 0), input(0, LEN),
					 output(LEN + 16));
	case UKCF_OP_DECRYPT:
		return ukcf_prep_decrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
					 cipher_key, nonce, sizeof(nonce),
					 input(0, 0), input(ROOM, LEN + 16),
					 output(LEN));
	case UKCF_OP_SIGN:
		return ukcf_prep_sign(ring, s, UKCF_MECH_ED25519, sign_key,
				      input(0, LEN), output(64));
	default:
		return ukcf_prep_verify(ring, s, UKCF_MECH_ED25519, sign_key,
					input(0, LEN), input(ROOM, 64));
	}
}

/* What software makes of it, which is right. */
static int64_t right(uint32_t op, uint8_t want[ROOM])
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	if (prepare(&s, op))
		check_bail("prep");
	s.provider = row_of("sodium").id;
	c = run(&s);
	if (c.res < 0)
		check_bail("sodium cannot do it: %s",
			   ukcf_strerror((int)c.res));
	if (c.res)
		memcpy(want, made, (size_t)c.res);
	return c.res;
}

static const struct kind {
	uint32_t op, first; /* whose output is verified or decrypted; or 0 */
	const char *name;
} kinds[] = {
	{ UKCF_OP_DIGEST, 0, "digest" },
	{ UKCF_OP_MAC, 0, "mac" },
	{ UKCF_OP_MAC_VERIFY, UKCF_OP_MAC, "mac-verify" },
	{ UKCF_OP_ENCRYPT, 0, "encrypt" },
	{ UKCF_OP_DECRYPT, UKCF_OP_ENCRYPT, "decrypt" },
	{ UKCF_OP_SIGN, 0, "sign" },
	{ UKCF_OP_VERIFY, UKCF_OP_SIGN, "verify" },
};

/* ----------------------------------------------------------------------- cases */

static void one_operation(const struct kind *k)
{
	struct msg_provider before, after;
	static uint8_t want[ROOM];
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	int64_t n;

	if (k->first)
		memcpy(text + ROOM, want, (size_t)right(k->first, want));
	n = right(k->op, want);
	if (prepare(&s, k->op))
		check_bail("prep");
	s.provider = hw;
	before = row_of("nullhw");
	c = run(&s);
	after = row_of("nullhw");
	check(c.res == n && memcmp(made, want, (size_t)n) == 0 &&
		      c.provider == hw && after.checked == before.checked + 1 &&
		      after.wrong == before.wrong,
	      "%s: a right answer is checked, and delivered", k->name);
	tell("nullhw", "wrong=1");
	before = after;
	c = run(&s);
	after = row_of("nullhw");
	check(c.res == -EIO && c.detail == UKCF_DETAIL_PROVIDER_FAILED,
	      "%s: a wrong answer of the only one that may: EIO", k->name);
	check(after.wrong == before.wrong + 1 &&
		      after.state == UKCF_PROVIDER_FAILED &&
		      strstr(after.reason, "wrong answer") &&
		      strstr(after.reason, k->name),
	      "%s: it is out, and why: %s", k->name, after.reason);
	check(comes_back("nullhw"), "%s: tested, it is back", k->name);
	check(row_of("nullhw").reason[0] == '\0', "%s: without a reason",
	      k->name);
}

/* It is back, or will not be. */
static bool is_decided(bool last)
{
	struct msg_provider p = row_of("nullhw");

	return last ? p.stays_out : p.state == UKCF_PROVIDER_READY;
}

/* Who lies again and again does not come back by itself. */
static void too_often(void)
{
	struct ukcf_sqe s;

	if (prepare(&s, UKCF_OP_DIGEST))
		check_bail("prep");
	s.provider = hw;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t end = clock_ns() + (uint64_t)WAIT_NS;

		tell("nullhw", "wrong=1");
		run(&s);
		while (!is_decided(i == 2) && clock_ns() < end)
			probe_pause();
		check(row_of("nullhw").stays_out == (i == 2),
		      "lie number %u: it %s", i + 1,
		      i < 2 ? "comes back by itself" : "stays out");
	}
	check(strstr(row_of("nullhw").reason, "stays out") != NULL,
	      "which is said: %s", row_of("nullhw").reason);
}

static void operations(void)
{
	struct ukcf_sqe s = { 0 };
	struct ukcf_cqe c;
	uint64_t n;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		one_operation(&kinds[i]);
	if (ukcf_prep_digest(&s, UKCF_MECH_NULL_DIGEST, input(0, LEN),
			     output(32)))
		check_bail("prep");
	s.provider = hw;
	c = run(&s);
	n = row_of("nullhw").unchecked;
	check(c.res == 32 && n == 1,
	      "what nobody else offers is delivered (%lld), and counted (%llu)",
	      (long long)c.res, (unsigned long long)n);
}

/* Hardware is asked for, and one of two lies: nobody sees it. */
static void third(void)
{
	static uint8_t want[ROOM];
	unsigned int n = 0, wrong = 0;
	struct ukcf_sqe s;

	right(UKCF_OP_DIGEST, want);
	if (prepare(&s, UKCF_OP_DIGEST))
		check_bail("prep");
	s.subflags = UKCF_SUB_REQUIRE_HW;
	tell("nullhw", "wrong=1");
	while (row_of("nullhw").wrong == 0 && n++ < 300) {
		struct ukcf_cqe c = run(&s);

		wrong += c.res != 32 || memcmp(made, want, 32) != 0;
	}
	check(row_of("nullhw").wrong == 1 && wrong == 0,
	      "%u requests, a lie among them: all were right", n);
	check(row_of("nullhw").state == UKCF_PROVIDER_FAILED &&
		      row_of("nullhw2").state == UKCF_PROVIDER_READY,
	      "the liar is out, the other one is not");
	check(strstr(row_of("nullhw").reason, "say otherwise") != NULL,
	      "by the word of two: %s", row_of("nullhw").reason);
}

/* Software is right, and hardware says otherwise. */
static void checker(void)
{
	static uint8_t want[ROOM];
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	right(UKCF_OP_DIGEST, want);
	if (prepare(&s, UKCF_OP_DIGEST))
		check_bail("prep");
	s.provider = row_of("sodium").id;
	tell("nullhw", "wrong=1");
	tell("nullhw2", "delay_us=1000");
	for (unsigned int i = 0; i < 1000 && row_of("nullhw").wrong == 0; i++) {
		c = run(&s);
		check(c.res == 32 && memcmp(made, want, 32) == 0 &&
			      c.provider == s.provider,
		      "the answer of software is delivered");
	}
	check(row_of("nullhw").wrong == 1 && row_of("sodium").wrong == 0 &&
		      row_of("nullhw").state == UKCF_PROVIDER_FAILED &&
		      row_of("sodium").state == UKCF_PROVIDER_READY,
	      "who checked it was wrong, and is out: %s",
	      row_of("nullhw").reason);
}

/* The judge of all the others. */
static void off(void)
{
	static uint8_t want[ROOM];
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	right(UKCF_OP_DIGEST, want);
	if (prepare(&s, UKCF_OP_DIGEST))
		check_bail("prep");
	s.provider = hw;
	tell("nullhw", "wrong=1");
	c = run(&s);
	check(c.res == 32 && memcmp(made, want, 32) != 0 &&
		      row_of("nullhw").checked == 0,
	      "control: with no check a wrong answer gets through");
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "operations", operations },
	{ "third", third },
	{ "checker", checker },
	{ "liar", too_often },
	{ "off", off },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc != 2 || strcmp(argv[1], cases[i].name) != 0)
			continue;
		open_all();
		cases[i].run();
		ukcf_disconnect(u);
		return check_done();
	}
	check_bail("usage: crosscheck operations | third | checker | liar | off");
}
