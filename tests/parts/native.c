/* SPDX-License-Identifier: MIT */
/*
 * Dual operations that one provider does in one job: chosen where that is
 * predicted to be faster, with the results of the two operations, and done one
 * by one where it fails.  Under a daemon with sodium and twofold, or with
 * openssl (470-dual.sh).
 *
 *	native twofold|split|openssl
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/msg.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tests/support/probe.h"
#include "tests/support/provider.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define BUF (1u << 20)
#define LONG 300000u
#define AUX 9u
#define MAC 32u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t *text;
static const uint8_t *made;
static const uint8_t nonce[16] = "0123456789abcde";
static struct ukcf_dual d = { .mac = UKCF_MECH_HMAC_SHA2_256, .nonce = nonce };
static size_t growth;

static void must_change(enum msg_change_what what, const char *provider,
			const char *argument)
{
	if (change(what, provider, argument))
		check_bail("%s: %s was refused", provider, argument);
}

/* ------------------------------------------------------------ one over the ring */

static struct ukcf_span span(size_t off, size_t len)
{
	return ukcf_buffer_span(in, off, len);
}

/* len: bytes of plaintext; text has what is read, as wanted() left it */
static struct ukcf_sqe entry(enum ukcf_op op, size_t len)
{
	size_t sealed = len + growth;
	struct ukcf_sqe s = { .user_data = 1 };
	struct ukcf_span to = ukcf_buffer_span(out, 0, sealed + MAC);
	int err = op == UKCF_OP_ENCRYPT_MAC ?
			  ukcf_prep_encrypt_mac(ring, &s, &d, span(0, AUX),
						span(AUX, len), to) :
		  op == UKCF_OP_MAC_DECRYPT ?
			  ukcf_prep_mac_decrypt(ring, &s, &d, span(0, AUX),
						span(AUX, sealed), to) :
			  ukcf_prep_mac_verify_decrypt(
				  ring, &s, &d, span(0, AUX),
				  span(AUX, sealed), span(AUX + sealed, MAC),
				  to);

	if (err)
		check_bail("prep: %d", err);
	return s;
}

static uint8_t before[BUF];

static void submit(const struct ukcf_sqe *s)
{
	memcpy(before, made, BUF);
	entry_submit(ring, s, 1);
}

static struct ukcf_cqe run(const struct ukcf_sqe *s)
{
	struct ukcf_cqe c;

	submit(s);
	c = entry_next(ring, WAIT_NS);
	return (c.flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED ?
		       entry_next(ring, WAIT_NS) :
		       c;
}

static bool untouched(void)
{
	return memcmp(before, made, BUF) == 0;
}

/* ------------------------------------------------------- what it is to be like */

static uint8_t plain[BUF], want[BUF];

/* want is ciphertext || MAC of plain, made by two operations. */
static void wanted(size_t len)
{
	static uint8_t covered[BUF];
	int64_t n = ukcf_encrypt(u, d.cipher, d.cipher_key, nonce, d.nonce_len,
				 NULL, 0, plain + AUX, len, want, sizeof(want));

	if (n != (int64_t)(len + growth))
		check_bail("encrypt: %d", (int)n);
	memcpy(covered, plain, AUX);
	memcpy(covered + AUX, want, (size_t)n);
	if (ukcf_mac(u, d.mac, d.mac_key, covered, AUX + (size_t)n, want + n,
		     MAC) != MAC)
		check_bail("mac");
}

static void to_open(size_t len)
{
	memcpy(text, plain, AUX);
	memcpy(text + AUX, want, len + growth + MAC);
}

static bool sealed_well(const struct ukcf_cqe *c, size_t len)
{
	size_t all = len + growth + MAC;

	return c->res == (int64_t)all && memcmp(made, want, all) == 0;
}

static bool opened_well(const struct ukcf_cqe *c, size_t len, size_t mac)
{
	return c->res == (int64_t)(len + mac) &&
	       memcmp(made, plain + AUX, len) == 0 &&
	       memcmp(made + len, want + len + growth, mac) == 0;
}

static struct ukcf_cqe encrypt_mac(size_t len)
{
	struct ukcf_sqe s = entry(UKCF_OP_ENCRYPT_MAC, len);

	memcpy(text, plain, AUX + len);
	return run(&s);
}

static bool is_native(const struct ukcf_cqe *c, uint16_t provider)
{
	return (c->flags & UKCF_CQE_F_NATIVE) && c->provider == provider;
}

static bool is_split(const struct ukcf_cqe *c)
{
	return !(c->flags & UKCF_CQE_F_NATIVE);
}

static const char *there_and_back(size_t len)
{
	struct ukcf_sqe s = entry(UKCF_OP_MAC_DECRYPT, len);
	struct ukcf_cqe c;

	wanted(len);
	c = encrypt_mac(len);
	if (!sealed_well(&c, len))
		return "encrypt, MAC";
	to_open(len);
	c = run(&s);
	if (!opened_well(&c, len, MAC))
		return "MAC, decrypt";
	s = entry(UKCF_OP_MAC_VERIFY_DECRYPT, len);
	c = run(&s);
	return opened_well(&c, len, 0) ? NULL : "verify, decrypt";
}

static void as_two_operations(void)
{
	static const size_t sizes[] = { 1,    16,   63,	  4095, 4096,
					4097, 8192, 12345, LONG };
	const char *wrong = NULL;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !wrong; i++)
		wrong = there_and_back(sizes[i]);
	check(!wrong, "as the two operations one after the other%s%s",
	      wrong ? ", but not: " : "", wrong ? wrong : "");
}

static void forgeries(size_t len)
{
	struct ukcf_sqe s = entry(UKCF_OP_MAC_VERIFY_DECRYPT, len);
	size_t at[] = { 0, AUX, AUX + len + growth - 1, AUX + len + growth,
			AUX + len + growth + MAC - 1 };
	struct ukcf_cqe c;
	bool well = true;

	encrypt_mac(len); /* what is there is no plaintext */
	wanted(len);
	to_open(len);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		text[at[i]] ^= 1;
		c = run(&s);
		text[at[i]] ^= 1;
		well &= c.res == -EBADMSG && c.detail == UKCF_DETAIL_AUTH &&
			untouched();
	}
	check(well, "%zu bytes with a bit turned: refused, no output", len);
	c = run(&s);
	check(opened_well(&c, len, 0), "and without: not");
}

/* --------------------------------------------------------------- who does it */

static void chosen(uint16_t twofold, uint16_t sodium)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	wanted(100);
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_native(&c, twofold),
	      "the one predicted to be faster does both");
	s = entry(UKCF_OP_ENCRYPT_MAC, 100);
	s.provider = sodium;
	c = run(&s);
	check(sealed_well(&c, 100) && is_split(&c) && c.provider == sodium,
	      "the provider that is named does it, one by one");
	s.provider = twofold;
	c = run(&s);
	check(sealed_well(&c, 100) && is_native(&c, twofold),
	      "one that is named may do it in one job");
	s.provider = 0;
	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	check(c.res == -EOPNOTSUPP && is_split(&c),
	      "it is not done in software if hardware is required");
	must_change(MSG_CHANGE_DISABLE, "twofold", "hmac-sha2-256");
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_split(&c),
	      "a half that is disabled is not done within another job");
	must_change(MSG_CHANGE_ENABLE, "twofold", "hmac-sha2-256");
	c = encrypt_mac(100);
	check(is_native(&c, twofold), "until it is enabled again");
	s = entry(UKCF_OP_ENCRYPT_MAC, 100);
	s.out.len--;
	c = run(&s);
	check(c.res == -ENOBUFS && untouched(), "room for all but a byte");
}

static void failing(uint16_t twofold)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	wanted(100);
	tell_provider("twofold", "retry=1");
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_split(&c),
	      "one that cannot is done one by one, from the same bytes");
	tell_provider("twofold", "retry=1");
	s = entry(UKCF_OP_ENCRYPT_MAC, 100);
	s.provider = twofold;
	c = run(&s);
	check(sealed_well(&c, 100) && is_split(&c) && c.provider == twofold,
	      "if need be by the same provider");
	tell_provider("twofold", "long=1");
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_split(&c),
	      "one that claims more bytes than there was room for, too");
	c = encrypt_mac(100);
	check(is_native(&c, twofold), "the next one is one job again");
	tell_provider("twofold", "fail=1");
	to_open(100);
	s = entry(UKCF_OP_MAC_VERIFY_DECRYPT, 100);
	c = run(&s);
	check(opened_well(&c, 100, 0) && is_split(&c) && c.provider != twofold,
	      "one whose provider breaks is done elsewhere");
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_split(&c),
	      "a broken provider is not asked again");
}

/* Until it is held. */
static void await_held(void)
{
	while (tell_provider("twofold", "holds"))
		probe_pause();
}

static void cancelled(uint16_t twofold)
{
	struct ukcf_sqe s, cancel = { .user_data = 2 };
	struct ukcf_cqe c;

	wanted(100);
	memcpy(text, plain, AUX + 100);
	s = entry(UKCF_OP_ENCRYPT_MAC, 100);
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	tell_provider("twofold", "hold");
	submit(&s);
	c = entry_next(ring, WAIT_NS);
	await_held();
	ukcf_prep_cancel(&cancel, c.u.value);
	if (ukcf_submit_sqes(ring, &cancel, 1) != 1)
		check_bail("the ring is full");
	c = entry_next(ring, WAIT_NS);
	check(c.user_data == 2 && c.res == -EALREADY, "one that runs runs on");
	tell_provider("twofold", "release");
	c = entry_next(ring, WAIT_NS);
	check(c.user_data == 1 && sealed_well(&c, 100) && is_native(&c, twofold),
	      "it has no middle to be cancelled in");
}

/* ------------------------------------------------------------------- which one */

static void run_twofold(void)
{
	uint16_t twofold = provider_named(u, "twofold");

	chosen(twofold, provider_named(u, "sodium"));
	as_two_operations();
	forgeries(100);
	forgeries(LONG);
	cancelled(twofold);
	failing(twofold); /* last: it breaks it */
}

/* It is there, and is not the one. */
static void run_split(void)
{
	struct ukcf_cqe c;

	wanted(100);
	c = encrypt_mac(100);
	check(sealed_well(&c, 100) && is_split(&c) &&
		      c.provider == provider_named(u, "sodium"),
	      "done one by one");
}

static void run_openssl(void)
{
	/* First: nothing was measured yet. */
	struct ukcf_cqe c = encrypt_mac(100);

	wanted(100);
	check(sealed_well(&c, 100) && is_native(&c, provider_named(u, "openssl")),
	      "openssl does both in one job");
	as_two_operations();
	forgeries(100);
	forgeries(LONG);
}

static void prepare(bool openssl)
{
	uint8_t key[32] = { 7 };
	struct rng rng;

	d.cipher = openssl ? UKCF_MECH_AES_256_CTR :
			     UKCF_MECH_CHACHA20_POLY1305;
	d.nonce_len = openssl ? 16 : 12;
	growth = openssl ? 0 : 16;
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 8, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, BUF, &out) ||
	    ukcf_key_import(u, NULL, d.cipher, 0, 0, key, 32, &d.cipher_key))
		check_bail("no ring");
	key[0]++;
	if (ukcf_key_import(u, NULL, d.mac, 0, 0, key, 32, &d.mac_key))
		check_bail("no key");
	text = ukcf_buffer_data(in);
	made = ukcf_buffer_data(out);
	rng_init(&rng, 1);
	rng_fill(&rng, plain, sizeof(plain));
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	bool openssl = strcmp(what, "openssl") == 0;

	prepare(openssl);
	if (openssl)
		run_openssl();
	else if (strcmp(what, "twofold") == 0)
		run_twofold();
	else
		run_split();
	ukcf_disconnect(u);
	return check_done();
}
