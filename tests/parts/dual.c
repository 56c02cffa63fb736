/* SPDX-License-Identifier: MIT */
/*
 * Dual operations: their result is that of the two operations made one after
 * the other; nothing is decrypted under a wrong MAC; the halves may be of two
 * providers, of which each may fail.  Under a daemon with sodium and nullhw
 * (470-dual.sh).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/msg.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tools/admin.h"
#include "tests/support/probe.h"
#include "tests/support/provider.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define BUF (1u << 20)
#define TAG 16u
#define MAC 32u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t *text;
static const uint8_t *made;
static uint16_t sodium, hw;
static const uint8_t nonce[12] = "0123456789a";
static struct ukcf_dual d = { .cipher = UKCF_MECH_CHACHA20_POLY1305,
			      .mac = UKCF_MECH_HMAC_SHA2_256,
			      .nonce = nonce,
			      .nonce_len = sizeof(nonce) };

static void must_change(enum msg_change_what what, const char *provider,
			const char *argument)
{
	if (change(what, provider, argument))
		check_bail("%s: %s was refused", provider, argument);
}

static void tell(const char *word)
{
	must_change(MSG_CHANGE_CONTROL, "nullhw", word);
}

static struct ukcf_span span(size_t off, size_t len)
{
	return ukcf_buffer_span(in, off, len);
}

static struct ukcf_span result(size_t off, size_t len)
{
	return ukcf_buffer_span(out, off, len);
}

/* ------------------------------------------------- against two operations */

static uint8_t want[BUF];

/* What encrypt-then-MAC makes: into want.  Return: its length. */
static size_t two_calls(size_t aux, size_t len)
{
	static uint8_t signed_[BUF];
	int64_t n = ukcf_encrypt(u, d.cipher, d.cipher_key, nonce,
				 sizeof(nonce), NULL, 0, text + aux, len, want,
				 sizeof(want));

	if (n < 0)
		check_bail("encrypt: %d", (int)n);
	memcpy(signed_, text, aux);
	memcpy(signed_ + aux, want, (size_t)n);
	if (ukcf_mac(u, d.mac, d.mac_key, signed_, aux + (size_t)n, want + n,
		     MAC) != MAC)
		check_bail("mac");
	return (size_t)n + MAC;
}

static const char *there_and_back(size_t aux, size_t len)
{
	static uint8_t got[BUF], plain[BUF];
	size_t all = two_calls(aux, len), sealed = all - MAC;

	if (ukcf_encrypt_mac(u, &d, text, aux, text + aux, len, got,
			     sizeof(got)) != (int64_t)all ||
	    memcmp(got, want, all) != 0)
		return "encrypt, MAC";
	if (ukcf_mac_verify_decrypt(u, &d, text, aux, got, sealed,
				    got + sealed, MAC, plain, sizeof(plain)) !=
		    (int64_t)len ||
	    memcmp(plain, text + aux, len) != 0)
		return "verify, decrypt";
	if (ukcf_mac_decrypt(u, &d, text, aux, got, sealed, plain,
			     sizeof(plain)) != (int64_t)(len + MAC) ||
	    memcmp(plain, text + aux, len) != 0 ||
	    memcmp(plain + len, got + sealed, MAC) != 0)
		return "MAC, decrypt";
	if (ukcf_mac_verify_decrypt(u, &d, text, aux, got, sealed,
				    got + sealed, MAC / 2, plain,
				    sizeof(plain)) != (int64_t)len)
		return "a truncated MAC";
	return NULL;
}

static void as_two_operations(void)
{
	const size_t longer[] = { 4095, 4096, 65537, 500000 };
	const size_t step = soaking() ? 1 : 13;
	const char *wrong = NULL;
	unsigned int n = 0;
	size_t len;

	for (len = 0; len <= 1025 && !wrong; len += step, n++)
		wrong = there_and_back(len % 40, len);
	for (size_t i = 0; i < 4 && !wrong; i++, n++)
		wrong = there_and_back(i * 100, len = longer[i]);
	check(!wrong, "%u sizes: as the two operations one after the other%s%s",
	      n, wrong ? ", but not: " : "", wrong ? wrong : "");
}

/* ----------------------------------------------------------- over the ring */

static struct ukcf_sqe entry(enum ukcf_op op, size_t aux, size_t len)
{
	struct ukcf_sqe s = { .user_data = 1 };
	struct ukcf_span mac = span(aux + len, MAC);
	int err = op == UKCF_OP_ENCRYPT_MAC ?
			  ukcf_prep_encrypt_mac(ring, &s, &d, span(0, aux),
						span(aux, len),
						result(0, len + TAG + MAC)) :
		  op == UKCF_OP_MAC_DECRYPT ?
			  ukcf_prep_mac_decrypt(ring, &s, &d, span(0, aux),
						span(aux, len),
						result(0, len + MAC)) :
			  ukcf_prep_mac_verify_decrypt(ring, &s, &d,
						       span(0, aux),
						       span(aux, len), mac,
						       result(0, len));

	if (err)
		check_bail("prep: %d", err);
	return s;
}

static uint8_t before[4096];

static void remember(void)
{
	memcpy(before, made, sizeof(before));
}

static bool untouched(void)
{
	return memcmp(before, made, sizeof(before)) == 0;
}

static struct ukcf_cqe run(const struct ukcf_sqe *s)
{
	struct ukcf_cqe c;

	remember();
	entry_submit(ring, s, 1);
	c = entry_next(ring, WAIT_NS);
	if ((c.flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED)
		c = entry_next(ring, WAIT_NS);
	return c;
}

/* text: aux || ciphertext || MAC */
static void seal(size_t aux, size_t len)
{
	size_t n = two_calls(aux, len);

	memcpy(text + aux, want, n);
}

static void verdicts(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	seal(9, 100);
	s = entry(UKCF_OP_MAC_VERIFY_DECRYPT, 9, 100 + TAG);
	c = run(&s);
	check(c.res == 100 && (c.flags & UKCF_CQE_F_INLINE),
	      "one that is short runs at once, both halves");
	text[9 + 100 + TAG] ^= 1;
	c = run(&s);
	check(c.res == -EBADMSG && untouched(),
	      "a wrong MAC: not decrypted, the output is untouched");
	text[9 + 100 + TAG] ^= 1;
	text[0] ^= 1;
	c = run(&s);
	check(c.res == -EBADMSG && untouched(), "the MAC is over aux, too");
	text[0] ^= 1;
	text[10] ^= 1;
	c = run(&s);
	check(c.res == -EBADMSG && untouched(), "and over the ciphertext");
	/* a right MAC over what the cipher refuses */
	if (ukcf_mac(u, d.mac, d.mac_key, text, 9 + 100 + TAG,
		     text + 9 + 100 + TAG, MAC) != MAC)
		check_bail("mac");
	c = run(&s);
	check(c.res == -EBADMSG && untouched(),
	      "the second half's error is the request's");
	s = entry(UKCF_OP_MAC_DECRYPT, 9, 100 + TAG);
	c = run(&s);
	check(c.res == -EBADMSG && untouched(),
	      "and no MAC is given out without its plaintext");
}

static int64_t refused(struct ukcf_sqe s, unsigned int detail)
{
	struct ukcf_cqe c = run(&s);

	return c.detail == detail && untouched() ? c.res : 1;
}

static void refusals(void)
{
	struct ukcf_sqe good = entry(UKCF_OP_ENCRYPT_MAC, 4, 50), s = good;
	struct ukcf_key none = { 12345 };
	uint64_t swap;

	s.mech[1] = 0;
	check(refused(s, UKCF_DETAIL_MECH) == -EOPNOTSUPP,
	      "no second mechanism");
	s.mech[1] = UKCF_MECH_SHA2_256;
	check(refused(s, UKCF_DETAIL_MECH_OP) == -EOPNOTSUPP,
	      "a second one that is no MAC");
	s = good;
	s.mech[0] = UKCF_MECH_HMAC_SHA2_256;
	check(refused(s, UKCF_DETAIL_MECH_OP) == -EOPNOTSUPP,
	      "a first one that is no cipher");
	s = good;
	swap = s.obj[0];
	s.obj[0] = s.obj[1];
	s.obj[1] = swap;
	check(refused(s, UKCF_DETAIL_KEY_MECH) == -EKEYREJECTED,
	      "keys in the wrong places");
	s = good;
	s.obj[1] = none.id;
	check(refused(s, UKCF_DETAIL_KEY) == -ENOKEY, "no second key");
	s = good;
	s.out.len = 50 + TAG + MAC - 1;
	check(refused(s, UKCF_DETAIL_OUT_SIZE) == -ENOBUFS,
	      "room for all but a byte");
	s = good;
	s.out.len = MAC - 1;
	check(refused(s, UKCF_DETAIL_OUT_SIZE) == -ENOBUFS,
	      "room for less than the MAC");
	s = good;
	s.tag_len = MAC + 1;
	check(refused(s, UKCF_DETAIL_TAG_SIZE) == -EINVAL, "too long a MAC");
	s = good;
	s.param_len = 8;
	check(refused(s, UKCF_DETAIL_NONCE_SIZE) == -EINVAL, "a short nonce");
	s = good;
	s.tag.len = 4;
	check(refused(s, UKCF_DETAIL_TAG_RANGE) == -EINVAL,
	      "a MAC to compare where one is made");
	s = good;
	s.ctx = 1;
	check(refused(s, UKCF_DETAIL_RESERVED) == -EINVAL, "a context");
}

static void templates(void)
{
	struct ukcf_dual whole = d;
	uint8_t got[256];
	int64_t n;

	if (ukcf_tmpl_create(u, d.mac, whole.mac_key, 0, &d.mac_key))
		check_bail("no template");
	n = (int64_t)two_calls(3, 77);
	check(ukcf_encrypt_mac(u, &d, text, 3, text + 3, 77, got,
			       sizeof(got)) == n &&
		      memcmp(got, want, (size_t)n) == 0,
	      "a template in the place of a key");
	check(ukcf_tmpl_destroy(u, d.mac_key) == 0, "it is let go of");
	d = whole;
}

/* ----------------------------------------------------------- two providers */

static void hardware(void)
{
	struct ukcf_sqe s = entry(UKCF_OP_ENCRYPT_MAC, 5, 300);
	size_t n = two_calls(5, 300);
	struct ukcf_cqe c;

	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	check(c.res == (int64_t)n && c.provider == hw &&
		      memcmp(made, want, n) == 0,
	      "both halves in hardware");
	s.subflags = 0;
	must_change(MSG_CHANGE_DISABLE, "sodium", "chacha20-poly1305");
	c = run(&s);
	check(c.res == (int64_t)n && c.provider == sodium &&
		      memcmp(made, want, n) == 0,
	      "the cipher in hardware, the MAC in software");
	check(c.flags & UKCF_CQE_F_IRQCTX,
	      "the second half ran in completion context");
	s.mode = UKCF_MODE_SYNC;
	c = run(&s);
	check(c.res == (int64_t)n, "and of one that waits");
	s.mode = UKCF_MODE_ASYNC;
	must_change(MSG_CHANGE_ENABLE, "sodium", "chacha20-poly1305");
	must_change(MSG_CHANGE_DISABLE, "sodium", "hmac-sha2-256");
	c = run(&s);
	check(c.res == (int64_t)n && c.provider == hw &&
		      memcmp(made, want, n) == 0 &&
		      !(c.flags & UKCF_CQE_F_INLINE),
	      "the cipher in software, the MAC in hardware");
	must_change(MSG_CHANGE_ENABLE, "sodium", "hmac-sha2-256");
}

/* Until so many are in the device, or wait for it. */
static void await_flights(unsigned int n)
{
	struct msg_queue rows[8];
	struct admin_call call = { .verb = MSG_ADMIN_QUEUES,
				   .reply = rows, .reply_max = sizeof(rows),
				   .row_len = sizeof(rows[0]) };

	for (;;) {
		int len = admin_ask(&call);

		if (len < 0)
			check_bail("no queues: %d", len);
		for (size_t i = 0; i < (size_t)len / sizeof(rows[0]); i++)
			if (rows[i].id == hw && rows[i].in_flight &&
			    rows[i].in_flight + rows[i].waiting >= n)
				return;
		probe_pause();
	}
}

static void failing(void)
{
	struct ukcf_sqe s = entry(UKCF_OP_ENCRYPT_MAC, 5, 300);
	size_t n = two_calls(5, 300);
	struct ukcf_cqe c;

	must_change(MSG_CHANGE_DISABLE, "sodium", "hmac-sha2-256");
	tell("fail=1");
	c = run(&s);
	check(c.res == -EIO && untouched(),
	      "the second half fails and nobody else can do it: no output");
	must_change(MSG_CHANGE_ENABLE, "sodium", "hmac-sha2-256");
	s.provider = 0;
	must_change(MSG_CHANGE_DISABLE, "sodium", "chacha20-poly1305");
	tell("fail=1");
	c = run(&s);
	check(c.res == -EIO && untouched(), "likewise the first");
	must_change(MSG_CHANGE_ENABLE, "sodium", "chacha20-poly1305");
	s.subflags = 0;
	tell("hang=1");
	tell("delay_us=0");
	must_change(MSG_CHANGE_DISABLE, "sodium", "hmac-sha2-256");
	entry_submit(ring, &s, 1); /* the MAC hangs in the device ... */
	await_flights(1);
	must_change(MSG_CHANGE_ENABLE, "sodium", "hmac-sha2-256");
	/* ... until its time is over, and is done elsewhere */
	c = entry_next(ring, WAIT_NS);
	check(c.res == (int64_t)n && c.provider == sodium &&
		      memcmp(made, want, n) == 0,
	      "a half that hangs is done elsewhere, from the same bytes");
	tell("release");
}

static void wait_ready(void)
{
	struct ukcf_page_provider rows[8];

	for (;;) {
		int n = ukcf_provider_list(u, rows, 8);

		for (int i = 0; i < n; i++)
			if (rows[i].id == hw &&
			    rows[i].state == UKCF_PROVIDER_READY)
				return;
		probe_pause();
	}
}

static void cancelled(void)
{
	struct ukcf_sqe s = entry(UKCF_OP_ENCRYPT_MAC, 5, 300), c;
	struct ukcf_cqe e;
	uint64_t handle;

	wait_ready();
	tell("hang=1");
	remember();
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	s.subflags = UKCF_SUB_REQUIRE_HW;
	entry_submit(ring, &s, 1);
	e = entry_next(ring, WAIT_NS);
	handle = e.u.value;
	await_flights(1); /* it cannot be taken back from there */
	check((e.flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED && handle,
	      "one handle for both halves");
	c = (struct ukcf_sqe){ .user_data = 2 };
	ukcf_prep_cancel(&c, handle);
	entry_submit(ring, &c, 1);
	e = entry_next(ring, WAIT_NS);
	check(e.user_data == 2 && e.res == -EALREADY, "it runs");
	tell("release");
	e = entry_next(ring, WAIT_NS);
	check(e.user_data == 1 && e.res == -ECANCELED && untouched(),
	      "cancelled in the first half: there is no second one");
}

/* Each has memory of its own, which a consumer cannot have without end. */
static void quota(void)
{
	enum { N = 512, MAY = 256 };
	struct ukcf_sqe s = entry(UKCF_OP_ENCRYPT_MAC, 5, 300);
	struct ukcf_ring *narrow = ring;
	unsigned int refused_ = 0;

	if (ukcf_ring_open(u, N, &ring))
		check_bail("no ring");
	tell("delay_us=200000"); /* they stay */
	s.subflags = UKCF_SUB_REQUIRE_HW;
	s.mode = UKCF_MODE_SYNC; /* for which no queue is too full */
	for (unsigned int i = 0; i < N; i++)
		entry_submit(ring, &s, 1);
	await_flights(MAY);
	tell("delay_us=0");
	tell("release");
	for (unsigned int i = 0; i < N; i++)
		refused_ += entry_next(ring, WAIT_NS).res == -EDQUOT;
	/* all but MAY, unless the daemon was too slow to see them at once */
	check(refused_ > 0 && refused_ <= N - MAY,
	      "%u at once: %u are too many", N, refused_);
	ukcf_ring_close(ring);
	ring = narrow;
	s.mode = UKCF_MODE_ASYNC;
	wait_ready();
	check(run(&s).res > 0, "and when they have ended, there is room");
}

int main(void)
{
	uint8_t key[32] = { 7 };
	struct rng rng;

	rng_init(&rng, 1);
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
	rng_fill(&rng, text, BUF);
	sodium = provider_named(u, "sodium");
	hw = provider_named(u, "nullhw");
	as_two_operations();
	verdicts();
	refusals();
	templates();
	hardware();
	failing();
	cancelled();
	quota();
	ukcf_disconnect(u);
	return check_done();
}
