/* SPDX-License-Identifier: MIT */
/*
 * Large requests run in pieces: the result is that of one call, a short request
 * is not stuck behind them, cancel and deadlines reach one that runs, and
 * plaintext that was not verified is not seen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"

#define WAIT_NS INT64_C(60000000000)
#define BUF (8u << 20)
#define MANY 40u
#define TAG 16u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key none, hmac, chacha, gcm, local_chacha;
static const uint8_t nonce[12] = "0123456789a";
static uint8_t *text;
static const uint8_t *made;

static struct ukcf_span from(uint32_t off, uint32_t len)
{
	return ukcf_buffer_span(in, off, len);
}

static struct ukcf_span to(uint32_t off, uint32_t len)
{
	return ukcf_buffer_span(out, off, len);
}

static struct ukcf_sqe *entry(uint64_t user_data)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);

	if (!s)
		check_bail("the ring is full");
	s->user_data = user_data;
	return s;
}

/* The next result, its acknowledgement skipped. */
static struct ukcf_cqe result(void)
{
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;

	do {
		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("no completion");
		copy = *c;
		ukcf_cqe_seen(ring);
	} while ((copy.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT);
	return copy;
}

static int64_t run(struct ukcf_sqe *s, int err)
{
	if (err)
		check_bail("prep: %d", err);
	s->flags = UKCF_SQE_QUEUE;
	if (ukcf_submit(ring) != 1)
		check_bail("submit");
	return result().res;
}

/* ------------------------------------------------------------ the results */

static bool digest_equals(uint32_t len)
{
	struct ukcf_sqe *s = entry(1);
	uint8_t want[32];

	return ukcf_digest(u, UKCF_MECH_SHA2_256, text, len, want, 32) == 32 &&
	       run(s, ukcf_prep_digest(s, UKCF_MECH_SHA2_256, from(0, len),
				       to(0, 32))) == 32 &&
	       memcmp(made, want, 32) == 0;
}

static bool mac_equals(uint32_t len, struct ukcf_key local)
{
	struct ukcf_sqe *s = entry(1);
	uint8_t want[32];
	bool equal;

	if (ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, local, text, len, want, 20) !=
	    20)
		return false;
	equal = run(s, ukcf_prep_mac(ring, s, UKCF_MECH_HMAC_SHA2_256, hmac,
				     from(0, len), to(0, 20))) == 20 &&
		memcmp(made, want, 20) == 0;
	memcpy(text + BUF - 32, want, 20);
	s = entry(1);
	equal &= run(s, ukcf_prep_mac_verify(ring, s, UKCF_MECH_HMAC_SHA2_256,
					     hmac, from(0, len),
					     from(BUF - 32, 20))) == 0;
	text[BUF - 32] ^= 1;
	s = entry(1);
	return equal &&
	       run(s, ukcf_prep_mac_verify(ring, s, UKCF_MECH_HMAC_SHA2_256,
					   hmac, from(0, len),
					   from(BUF - 32, 20))) == -EBADMSG;
}

static int64_t decrypt(uint32_t sealed)
{
	struct ukcf_sqe *s = entry(1);

	return run(s, ukcf_prep_decrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
					chacha, nonce, sizeof(nonce),
					from(0, 13), to(0, sealed),
					to(BUF, sealed - TAG)));
}

static bool is_filled(const uint8_t *p, size_t n, uint8_t with)
{
	while (n > 0 && p[n - 1] == with)
		n--;
	return n == 0;
}

/* Something known in the output, by a request. */
static void spoil(uint32_t len)
{
	struct ukcf_sqe *s = entry(1);

	if (run(s, ukcf_prep_encrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
				     chacha, nonce, sizeof(nonce),
				     from(0, 13), from(0, len - TAG),
				     to(BUF, len))) != len)
		check_bail("encrypt");
}

static bool aead_equals(uint32_t len, uint8_t *want)
{
	struct ukcf_sqe *s = entry(1);
	uint32_t sealed = len + TAG;
	bool equal;

	if (ukcf_encrypt(u, UKCF_MECH_CHACHA20_POLY1305, local_chacha, nonce,
			 sizeof(nonce), text, 13, text, len, want, sealed) !=
	    sealed)
		return false;
	equal = run(s, ukcf_prep_encrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
					 chacha, nonce, sizeof(nonce),
					 from(0, 13), from(0, len),
					 to(0, sealed))) == sealed &&
		memcmp(made, want, sealed) == 0;
	return equal && decrypt(sealed) == len &&
	       memcmp(made + BUF, text, len) == 0;
}

/* One bit wrong at the end: nothing of the plaintext may have been seen. */
static bool withheld(uint32_t len)
{
	uint8_t before[64];
	struct ukcf_sqe *s;

	spoil(len + TAG);
	memcpy(before, made + BUF, sizeof(before));
	s = entry(1);
	/* decrypted with another AAD */
	if (run(s, ukcf_prep_decrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
				     chacha, nonce, sizeof(nonce), from(0, 12),
				     to(0, len + TAG), to(BUF, len))) !=
	    -EBADMSG)
		return false;
	return memcmp(before, made + BUF, sizeof(before)) == 0 &&
	       !is_filled(before, sizeof(before), 0);
}

static void results(struct ukcf_key local)
{
	static const uint32_t lens[] = { 65535, 65536, 65537, 81920 + 63,
					 81920 + 64, 81920 + 65, 1000003 };
	const unsigned int n = sizeof(lens) / sizeof(lens[0]);
	unsigned int digests = 0, macs = 0, aeads = 0;
	uint8_t *want = malloc(BUF);

	if (!want)
		check_bail("no memory");
	for (unsigned int i = 0; i < n; i++) {
		digests += digest_equals(lens[i]);
		macs += mac_equals(lens[i], local);
		aeads += aead_equals(lens[i], want);
	}
	check(digests == n, "digests in pieces equal one call");
	check(macs == n, "MACs too, and a wrong one is seen");
	check(aeads == n, "ChaCha20-Poly1305 too, both ways");
	check(withheld(1000003), "plaintext is withheld until it is verified");
	free(want);
}

/* ------------------------------------------------------------------ turns */

/* Of sodium, whose AES-GCM is whole; 0: there is none. */
static uint16_t sodium(void)
{
	struct ukcf_page_provider rows[8];
	int n = ukcf_provider_list(u, rows, 8);

	for (int i = 0; i < n && i < 8; i++)
		if (strcmp(rows[i].name, "sodium") == 0)
			return rows[i].id;
	return 0;
}

/* Many large ones, then a short one.  Return: large ones done before it. */
static unsigned int done_before_short(bool pieces)
{
	unsigned int before = MANY + 1, n = 0;
	struct ukcf_sqe *s;

	for (unsigned int i = 0; i < MANY; i++) {
		int err;

		s = entry(1);
		err = pieces ?
			      ukcf_prep_digest(s, UKCF_MECH_SHA2_256,
					       from(0, BUF / 2), to(0, 32)) :
			      ukcf_prep_encrypt(ring, s, UKCF_MECH_AES_256_GCM,
						gcm, nonce, sizeof(nonce),
						from(0, 13), from(0, BUF / 2),
						to(0, BUF / 2 + TAG));
		if (err)
			check_bail("prep");
		s->flags = UKCF_SQE_QUEUE;
		s->provider = pieces ? 0 : sodium();
	}
	s = entry(2);
	if (ukcf_prep_digest(s, UKCF_MECH_SHA2_512, from(0, 64), to(BUF, 64)))
		check_bail("prep");
	s->flags = UKCF_SQE_QUEUE;
	if (ukcf_submit(ring) < 0)
		check_bail("submit");
	for (unsigned int i = 0; i <= MANY; i++) {
		struct ukcf_cqe c = result();

		if (c.res < 0)
			check_bail("result %d", (int)c.res);
		if (c.user_data == 2)
			before = n;
		else
			n++;
	}
	return before;
}

static void short_is_not_stuck(void)
{
	unsigned int before = MANY, tries = 0;
	struct ukcf_page_mech info;

	/* a busy machine may hold the thread that queues them */
	while (before > 0 && tries++ < 10)
		before = done_before_short(true);
	check(before == 0, "a short request is done before any of %u large ones",
	      MANY);
	if (gcm.id == 0 ||
	    ukcf_mech_info(u, UKCF_MECH_AES_256_GCM, &info) < 0 ||
	    !sodium() || !(info.providers >> sodium() & 1)) {
		note("no control: sodium has no aes-256-gcm here");
		return;
	}
	before = done_before_short(false);
	check(before > 0, "control: without pieces it waits for %u of them",
	      before);
}

static void cancel_reaches(void)
{
	unsigned int reached = 0, tries = 0;

	while (!reached && tries++ < 50) {
		const struct ukcf_cqe *c;
		struct ukcf_cqe a, b;
		uint64_t handle;
		struct ukcf_sqe *s = entry(1);

		if (ukcf_prep_digest(s, UKCF_MECH_SHA2_256, from(0, BUF),
				     to(0, 32)))
			check_bail("prep");
		s->flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
		ukcf_submit(ring);
		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("not queued");
		handle = c->u.value;
		ukcf_cqe_seen(ring);
		s = entry(2);
		ukcf_prep_cancel(s, handle);
		ukcf_submit(ring);
		a = result();
		b = result();
		if (a.user_data == 1) {
			struct ukcf_cqe t = a;

			a = b;
			b = t;
		}
		reached += a.res == -EALREADY && b.res == -ECANCELED;
	}
	check(reached, "cancel reaches a large request that runs");
}

static void deadline_reaches(void)
{
	struct ukcf_sqe *s = entry(1);
	int err;

	s->timeout_us = 500;
	err = ukcf_prep_digest(s, UKCF_MECH_SHA2_256, from(0, BUF), to(0, 32));
	check(run(s, err) == -ETIMEDOUT, "so does its deadline");
}

int main(void)
{
	struct ukcf_key local;
	uint8_t key[32] = { 9 };
	struct rng rng;

	if (ukcf_connect(&u, NULL, 0) || ukcf_ring_open(u, 64, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, 2 * BUF, &out) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_HMAC_SHA2_256, 0, 0, key, 32,
			    &hmac) ||
	    ukcf_key_local(u, UKCF_MECH_HMAC_SHA2_256, 0, key, 32, &local) ||
	    ukcf_key_local(u, UKCF_MECH_CHACHA20_POLY1305, 0, key, 32,
			   &local_chacha) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_CHACHA20_POLY1305, 0, 0, key,
			    32, &chacha))
		check_bail("no ring or keys");
	if (ukcf_key_import(u, NULL, UKCF_MECH_AES_256_GCM, 0, 0, key, 32,
			    &gcm))
		gcm = none;
	text = ukcf_buffer_data(in);
	made = ukcf_buffer_data(out);
	rng_init(&rng, 1);
	rng_fill(&rng, text, BUF);
	results(local);
	short_is_not_stuck();
	cancel_reaches();
	deadline_reaches();
	ukcf_disconnect(u);
	return check_done();
}
