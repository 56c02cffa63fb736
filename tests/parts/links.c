/* SPDX-License-Identifier: MIT */
/*
 * Linked requests: a chain's result is that of its steps made one by one; what
 * one keeps does not leave the daemon; what fails ends those that waited for
 * it, and nobody else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define ENTRIES 64u
#define BUF (8u << 20)
#define LONG_LEN (4u << 20) /* milliseconds of work */
#define MEMBERS 10u
#define TAG 16u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t *text;
static const uint8_t *made;
static const uint8_t nonce[12] = "0123456789a";
static const struct ukcf_span none;
static struct ukcf_key mine, theirs, hmac, aead;

static struct ukcf_span span(size_t off, size_t len)
{
	return ukcf_buffer_span(in, off, len);
}

static struct ukcf_span result(size_t off, size_t len)
{
	return ukcf_buffer_span(out, off, len);
}

/* ----------------------------------------------------------------- chains */

static struct ukcf_sqe chain[MEMBERS];
static struct ukcf_cqe got[MEMBERS];
static unsigned int n_chain;

static struct ukcf_sqe *add(int err)
{
	if (err)
		check_bail("prep: %d", err);
	chain[n_chain].user_data = n_chain;
	return &chain[n_chain++];
}

static void begin(void)
{
	memset(chain, 0, sizeof(chain));
	n_chain = 0;
}

/* Until each has its result; they may come in any order of time, but for each
 * other's. */
static bool await_all(void)
{
	unsigned int seen = 0, last = 0;
	bool in_order = true;

	memset(got, 0, sizeof(got));
	while (seen < n_chain) {
		const struct ukcf_cqe *c;

		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("%u of %u completions", seen, n_chain);
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT) {
			got[c->user_data % MEMBERS] = *c;
			in_order &= c->user_data >= last;
			last = (unsigned int)c->user_data;
			seen++;
		}
		ukcf_cqe_seen(ring);
	}
	return in_order;
}

static bool run(void)
{
	if (ukcf_submit_sqes(ring, chain, n_chain) != (int)n_chain)
		check_bail("the ring is full");
	return await_all();
}

static bool ended(unsigned int i, int64_t res, unsigned int detail)
{
	return got[i].res == res && got[i].detail == detail;
}

/* X25519 -> HKDF -> AEAD, of peer's public key at 0. */
static void seal(uint16_t flags)
{
	struct ukcf_sqe *s;

	begin();
	s = add(ukcf_prep_derive(ring, &chain[n_chain], UKCF_MECH_X25519, mine,
				 span(0, 32), none));
	ukcf_prep_keep(s, 32);
	s = add(ukcf_prep_kdf(ring, &chain[n_chain], UKCF_MECH_HKDF_SHA2_256,
			      UKCF_KEY_NONE, span(32, 8), span(40, 4), none));
	ukcf_prep_take_key(s);
	ukcf_prep_keep(s, 32);
	s = add(ukcf_prep_encrypt(ring, &chain[n_chain],
				  UKCF_MECH_CHACHA20_POLY1305, UKCF_KEY_NONE,
				  nonce, sizeof(nonce), span(50, 7),
				  span(64, 100), result(0, 100 + TAG)));
	ukcf_prep_take_key(s);
	for (unsigned int i = 0; i < n_chain; i++)
		chain[i].flags |= flags;
}

/* The same by steps of one's own. */
static void step_by_step(uint8_t *sealed)
{
	uint8_t secret[32], key[32];
	struct ukcf_key k;

	if (ukcf_derive(u, UKCF_MECH_X25519, mine, text, 32, secret, 32) !=
		    32 ||
	    ukcf_key_local(u, UKCF_MECH_HKDF_SHA2_256, 0, secret, 32, &k) ||
	    ukcf_kdf(u, UKCF_MECH_HKDF_SHA2_256, k, text + 32, 8, text + 40, 4,
		     key, 32) != 32 ||
	    ukcf_key_destroy(u, k) ||
	    ukcf_key_local(u, UKCF_MECH_CHACHA20_POLY1305, 0, key, 32, &k) ||
	    ukcf_encrypt(u, UKCF_MECH_CHACHA20_POLY1305, k, nonce,
			 sizeof(nonce), text + 50, 7, text + 64, 100, sealed,
			 100 + TAG) != 100 + TAG ||
	    ukcf_key_destroy(u, k))
		check_bail("a step of one's own");
}

static bool holds(const void *what, size_t len)
{
	return memmem(made, BUF, what, len);
}

static void worked_example(void)
{
	uint8_t want[100 + TAG], secret[32];
	bool ordered;

	step_by_step(want);
	seal(0);
	ordered = run();
	check(got[0].res == 32 && got[1].res == 32 &&
		      got[2].res == 100 + TAG &&
		      memcmp(made, want, sizeof(want)) == 0,
	      "X25519, HKDF, AEAD: as the steps one by one");
	check(ordered, "in their order");
	seal(UKCF_SQE_QUEUE);
	run();
	check(got[2].res == 100 + TAG &&
		      memcmp(made, want, sizeof(want)) == 0 &&
		      !(got[2].flags & UKCF_CQE_F_INLINE),
	      "through a queue as well");
	if (ukcf_derive(u, UKCF_MECH_X25519, mine, text, 32, secret, 32) != 32)
		check_bail("derive");
	check(!holds(secret, 32), "the shared secret is in no buffer");
	chain[0].link_dst = UKCF_LINK_OUT;
	chain[0].out = (struct ukcf_range){ 4096, 32 };
	chain[0].buf[UKCF_RANGE_OUT] = ukcf_buffer_index(out);
	run();
	check(got[0].res == 32 && holds(secret, 32),
	      "control: it is if it is not kept");
	check(ended(1, -EINVAL, UKCF_DETAIL_LINK) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK),
	      "nothing was kept: there is nothing to take");
}

/* Digest of a digest: through the input. */
static void inputs(void)
{
	uint8_t want[64];
	struct ukcf_sqe *s;

	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_512, span(0, 500),
				 none));
	ukcf_prep_keep(s, 64);
	for (unsigned int i = 1; i < UKCF_CHAIN_MAX; i++) {
		s = add(ukcf_prep_digest(&chain[i], UKCF_MECH_SHA2_512, none,
					 i + 1 == UKCF_CHAIN_MAX ?
						 result(0, 64) :
						 none));
		ukcf_prep_take_input(s);
		if (i + 1 < UKCF_CHAIN_MAX)
			ukcf_prep_keep(s, 64);
	}
	if (ukcf_digest(u, UKCF_MECH_SHA2_512, text, 500, want, 64) != 64)
		check_bail("digest");
	for (unsigned int i = 1; i < UKCF_CHAIN_MAX; i++)
		if (ukcf_digest(u, UKCF_MECH_SHA2_512, want, 64, want, 64) !=
		    64)
			check_bail("digest");
	run();
	check(got[UKCF_CHAIN_MAX - 1].res == 64 && memcmp(made, want, 64) == 0,
	      "%u digests of each other", UKCF_CHAIN_MAX);
	ukcf_prep_keep(&chain[UKCF_CHAIN_MAX - 1], 64);
	s = add(ukcf_prep_digest(&chain[UKCF_CHAIN_MAX], UKCF_MECH_SHA2_512,
				 none, result(0, 64)));
	ukcf_prep_take_input(s);
	chain[UKCF_CHAIN_MAX - 1].out.len = 64;
	chain[UKCF_CHAIN_MAX - 1].out.off = 0;
	chain[UKCF_CHAIN_MAX - 1].buf[UKCF_RANGE_OUT] = 0;
	run();
	check(ended(UKCF_CHAIN_MAX, -EINVAL, UKCF_DETAIL_LINK),
	      "one more is too long");
}

/* A MAC is kept whole, and is the key of the next one. */
static void macs(void)
{
	uint8_t first[32], want[32];
	struct ukcf_key k;
	struct ukcf_sqe *s;

	begin();
	s = add(ukcf_prep_mac(ring, &chain[0], UKCF_MECH_HMAC_SHA2_256, hmac,
			      span(0, 100), none));
	ukcf_prep_keep(s, 32);
	s = add(ukcf_prep_mac(ring, &chain[1], UKCF_MECH_HMAC_SHA2_256,
			      UKCF_KEY_NONE, span(100, 50), result(0, 32)));
	ukcf_prep_take_key(s);
	if (ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, hmac, text, 100, first, 32) !=
		    32 ||
	    ukcf_key_local(u, UKCF_MECH_HMAC_SHA2_256, UKCF_USE_DEFAULT, first,
			   32, &k) ||
	    ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, k, text + 100, 50, want, 32) !=
		    32)
		check_bail("mac");
	run();
	check(got[0].res == 32 && got[1].res == 32 &&
		      memcmp(made, want, 32) == 0,
	      "a MAC is kept, and the key of another");
	chain[0].link_dst = 0;
	chain[0].flags = 0;
	chain[0].out.len = 0;
	n_chain = 1;
	run();
	check(got[0].res == -ENOBUFS, "one that is not kept needs its room");
}

/* Three digests in a row, only ordered. */
static void ordered_digests(size_t len)
{
	begin();
	for (unsigned int i = 0; i < 3; i++) {
		struct ukcf_sqe *s =
			add(ukcf_prep_digest(&chain[i], UKCF_MECH_SHA2_256,
					     span(0, len), result(i * 32, 32)));

		if (i < 2)
			ukcf_prep_link(s);
	}
}

static void failures(void)
{
	ordered_digests(100);
	chain[0].out.len = 31;
	run();
	check(got[0].res == -ENOBUFS && ended(1, -ECANCELED, UKCF_DETAIL_LINK) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK),
	      "the first is refused: the others end");
	ordered_digests(100);
	chain[1].reserved[0] = 1;
	run();
	check(got[0].res == 32 && got[1].res == -EINVAL &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK),
	      "the second is malformed: the third ends");
	begin();
	ukcf_prep_link(add(ukcf_prep_mac_verify(ring, &chain[0],
						UKCF_MECH_HMAC_SHA2_256, hmac,
						span(0, 9), span(9, 32))));
	add(ukcf_prep_digest(&chain[1], UKCF_MECH_SHA2_256, span(0, 9),
			     result(0, 32)));
	run();
	check(got[0].res == -EBADMSG && ended(1, -ECANCELED, UKCF_DETAIL_LINK),
	      "a wrong MAC: what waited for it ends");
	ordered_digests(100);
	check(run() && got[2].res == 32, "the next chain is none the wiser");
}

static void misuse(void)
{
	struct ukcf_sqe *s;

	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, none,
				 result(0, 32)));
	ukcf_prep_take_input(s);
	run();
	check(ended(0, -EINVAL, UKCF_DETAIL_LINK), "the first of none");
	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, span(0, 9),
				 none));
	ukcf_prep_keep(s, UKCF_KEEP_MAX + 1);
	ukcf_prep_nop(&chain[1]);
	add(0);
	run();
	check(ended(0, -EMSGSIZE, UKCF_DETAIL_OUT_SIZE) &&
		      ended(1, -ECANCELED, UKCF_DETAIL_LINK),
	      "too much to keep; and whatever waits for it ends");
	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, span(0, 9),
				 none));
	ukcf_prep_keep(s, 32);
	s->flags = 0;
	run();
	check(ended(0, -EINVAL, UKCF_DETAIL_LINK), "kept for nobody");
	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, span(0, 9),
				 none));
	ukcf_prep_keep(s, 32);
	s = add(ukcf_prep_sign(ring, &chain[1], UKCF_MECH_ED25519,
			       UKCF_KEY_NONE, span(0, 9), result(0, 64)));
	ukcf_prep_take_key(s);
	run();
	check(got[0].res == 32 && ended(1, -EOPNOTSUPP, UKCF_DETAIL_LINK),
	      "a key that is more than bytes");
	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_512, span(0, 9),
				 none));
	ukcf_prep_keep(s, 64);
	s = add(ukcf_prep_encrypt(ring, &chain[1], UKCF_MECH_CHACHA20_POLY1305,
				  UKCF_KEY_NONE, nonce, 12, none, span(0, 9),
				  result(0, 9 + TAG)));
	ukcf_prep_take_key(s);
	run();
	check(ended(1, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE),
	      "a key of a wrong size");
	begin();
	ukcf_prep_link(add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256,
					    span(0, 9), result(0, 32))));
	ukcf_prep_nop(&chain[1]);
	add(0);
	run();
	check(got[0].res == 32 && ended(1, -EINVAL, UKCF_DETAIL_LINK),
	      "what cannot be linked");
}

static void long_ones(void)
{
	ordered_digests(LONG_LEN);
	check(run() && got[2].res == 32, "long ones wait for each other");
	ordered_digests(LONG_LEN);
	chain[0].timeout_us = 0;
	chain[1].timeout_us = 1;
	run();
	check(got[0].res == 32 && got[1].res == -ETIMEDOUT &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK),
	      "one that is too late ends those behind it");
}

/* Result of the cancel of the second one; got has those of the members. */
static int64_t cancel_second(void)
{
	const struct ukcf_cqe *c;
	struct ukcf_sqe cancel = { .user_data = 9 };
	uint64_t handle = 0;
	unsigned int left = 4;
	int64_t res = 1;

	ordered_digests(LONG_LEN);
	chain[1].flags |= UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	if (ukcf_submit_sqes(ring, chain, 3) != 3)
		check_bail("the ring is full");
	memset(got, 0, sizeof(got));
	while (left) {
		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("no completion");
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED) {
			handle = c->u.value;
			ukcf_cqe_seen(ring);
			ukcf_prep_cancel(&cancel, handle);
			if (ukcf_submit_sqes(ring, &cancel, 1) != 1)
				check_bail("the ring is full");
			continue;
		}
		if (c->user_data == 9)
			res = c->res;
		else
			got[c->user_data % MEMBERS] = *c;
		ukcf_cqe_seen(ring);
		left--;
	}
	return handle ? res : 1;
}

static bool second_is_cancelled(void)
{
	return got[0].res == 32 && ended(1, -ECANCELED, UKCF_DETAIL_CANCELED) &&
	       ended(2, -ECANCELED, UKCF_DETAIL_LINK);
}

/* The cancel may come when the member runs (-EALREADY), and stop it between two
 * pieces, or not; or when it has ended (-ENOENT). */
static void cancelled(void)
{
	unsigned int turns = 0, whole = 0;
	int64_t res;

	do {
		res = cancel_second();
		turns++;
		whole += (res == -EALREADY && second_is_cancelled()) ||
			 ((res == -EALREADY || res == -ENOENT) &&
			  got[0].res == 32 && got[1].res == 32 &&
			  got[2].res == 32);
	} while (res != 0 && turns < 100);
	check(res == 0 && whole == turns - 1 && second_is_cancelled(),
	      "a member is cancelled: the one behind it ends, too (%u of %u whole; %d: %d %d %d)",
	      whole, turns, (int)res, (int)got[0].res, (int)got[1].res,
	      (int)got[2].res);
}

/* The plaintext is kept, and the nonce the daemon's choice. */
static void daemon_nonce(void)
{
	uint8_t want[32], key[32] = { 9 }, plain[32];
	struct ukcf_key k, local;
	struct ukcf_sqe *s;

	if (ukcf_key_import(u, NULL, UKCF_MECH_CHACHA20_POLY1305, 0, 0, key,
			    32, &k) ||
	    ukcf_key_local(u, UKCF_MECH_CHACHA20_POLY1305, 0, key, 32,
			   &local) ||
	    ukcf_digest(u, UKCF_MECH_SHA2_256, text, 9, want, 32) != 32)
		check_bail("no keys");
	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, span(0, 9),
				 none));
	ukcf_prep_keep(s, 32);
	s = add(ukcf_prep_encrypt_nonce(ring, &chain[1],
					UKCF_MECH_CHACHA20_POLY1305, k, none,
					none, result(0, 32 + TAG + 12)));
	ukcf_prep_take_input(s);
	run();
	check(got[1].res == 32 + TAG + 12 &&
		      ukcf_decrypt(u, UKCF_MECH_CHACHA20_POLY1305, local,
				   made + 32 + TAG, 12, NULL, 0, made,
				   32 + TAG, plain, 32) == 32 &&
		      memcmp(plain, want, 32) == 0,
	      "what is kept is encrypted under a nonce of the daemon's");
	chain[1].out.len--;
	run();
	check(ended(1, -ENOBUFS, UKCF_DETAIL_OUT_SIZE), "no room for it");
	chain[1].out.len++;
	chain[1].param_len = 12;
	run();
	check(ended(1, -EINVAL, UKCF_DETAIL_NONCE_SIZE), "and one is brought");
	if (ukcf_key_destroy(u, k))
		check_bail("the key stays");
}

/* Entries that come when the one before has ended already. */
static void one_by_one(void)
{
	uint8_t want[100 + TAG];

	step_by_step(want);
	seal(0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct ukcf_cqe *c;

		if (ukcf_submit_sqes(ring, &chain[i], 1) != 1 ||
		    ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("no completion");
		got[i] = *c;
		ukcf_cqe_seen(ring);
	}
	check(got[2].res == 100 + TAG && memcmp(made, want, sizeof(want)) == 0,
	      "members that are submitted one after the other");
}

static void many(void)
{
	unsigned int n = (unsigned int)scaled(2000, 200000), right = 0;
	uint8_t want[100 + TAG];
	struct rng rng;

	rng_init(&rng, 3);
	step_by_step(want);
	for (unsigned int i = 0; i < n; i++) {
		seal(rng_below(&rng, 2) ? UKCF_SQE_QUEUE : 0);
		if (rng_below(&rng, 4) == 0) {
			chain[rng_below(&rng, 3)].reserved[1] = 1;
			run();
			right += got[2].res < 0;
			continue;
		}
		right += run() && got[2].res == 100 + TAG;
	}
	check(right == n, "%u chains, each as it should and in its order: %u",
	      n, right);
}

static void killed_daemon(void)
{
	pid_t pid = probe_pid();
	const struct ukcf_cqe *c;

	ordered_digests(LONG_LEN);
	chain[2].flags |= UKCF_SQE_QUEUE;
	if (ukcf_submit_sqes(ring, chain, n_chain) != (int)n_chain ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("the ring is full");
	if ((c->flags & UKCF_CQE_KIND) != UKCF_CQE_QUEUED)
		note("the first was faster than the third's acknowledgement");
	kill(pid, SIGKILL); /* it was taken, and waits for two others */
	await_all();
	check(probe_restarted(pid, 20000 * slowness()) > 0,
	      "the daemon was killed and came back");
	for (unsigned int i = 1; i < n_chain; i++)
		if (got[i].res == 32 && got[i - 1].res != 32)
			check(false, "member %u ran without the one before", i);
	check(ended(2, -ESTALE, UKCF_DETAIL_LOST_STATE),
	      "what was lost of a chain is said: %lld %lld %lld",
	      (long long)got[0].res, (long long)got[1].res,
	      (long long)got[2].res);
	seal(0);
	run();
	check(got[2].res == 100 + TAG, "and the next chain runs");
}

/* A digest is kept and taken by a MAC, which is compared, or an AEAD. */
static void of_kept(enum ukcf_op op)
{
	struct ukcf_sqe *s;

	begin();
	s = add(ukcf_prep_digest(&chain[0], UKCF_MECH_SHA2_256, span(0, 500),
				 none));
	ukcf_prep_keep(s, 32);
	s = &chain[1];
	if (op == UKCF_OP_MAC)
		add(ukcf_prep_mac(ring, s, UKCF_MECH_HMAC_SHA2_256, hmac, none,
				  result(0, 32)));
	else if (op == UKCF_OP_MAC_VERIFY)
		add(ukcf_prep_mac_verify(ring, s, UKCF_MECH_HMAC_SHA2_256,
					 hmac, none, span(512, 32)));
	else
		add(ukcf_prep_encrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
				      aead, nonce, 12, span(600, 50), none,
				      result(0, 32 + TAG)));
	ukcf_prep_take_input(s);
}

static bool is_sealed(const uint8_t digest[32])
{
	uint8_t want[32 + TAG];

	return ukcf_encrypt(u, UKCF_MECH_CHACHA20_POLY1305, aead, nonce, 12,
			    text + 600, 50, digest, 32, want,
			    sizeof(want)) == 32 + TAG &&
	       memcmp(made, want, sizeof(want)) == 0;
}

static bool went_to(const char *provider, int64_t res)
{
	struct ukcf_page_provider rows[8];
	int n = ukcf_provider_list(u, rows, 8);

	run();
	for (int i = 0; i < n; i++)
		if (rows[i].id == got[1].provider)
			return got[0].res == 32 && got[1].res == res &&
			       strcmp(rows[i].name, provider) == 0;
	return false;
}

/* Of two that offer it twofold is the one, and cannot: links failing. */
static void failing(void)
{
	uint8_t digest[32];

	if (ukcf_digest(u, UKCF_MECH_SHA2_256, text, 500, digest, 32) != 32 ||
	    ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, hmac, digest, 32, text + 512,
		     32) != 32)
		check_bail("the steps one by one");
	of_kept(UKCF_OP_MAC);
	check(went_to("twofold", 32), "control: it is the one");
	tell_provider("twofold", "pass=1");
	check(went_to("sodium", 32) && memcmp(made, text + 512, 32) == 0,
	      "what was kept is taken by the next provider: a MAC");
	of_kept(UKCF_OP_MAC_VERIFY);
	tell_provider("twofold", "pass=1");
	check(went_to("sodium", 0), "a MAC that is compared");
	text[512] ^= 1;
	tell_provider("twofold", "pass=1");
	check(went_to("sodium", -EBADMSG), "and one that is wrong");
	text[512] ^= 1;
	of_kept(UKCF_OP_ENCRYPT);
	tell_provider("twofold", "pass=1");
	check(went_to("sodium", 32 + TAG) && is_sealed(digest), "an AEAD");
	chain[1].flags |= UKCF_SQE_QUEUE;
	tell_provider("twofold", "break=1");
	check(went_to("sodium", 32 + TAG) && is_sealed(digest),
	      "also from a queue, when its provider broke");
	check(!holds(digest, 32), "what was kept is in no buffer");
}

int main(int argc, char **argv)
{
	uint8_t key[32] = { 9 };
	struct rng rng;

	if (ukcf_connect(&u, NULL, 0) || ukcf_ring_open(u, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, BUF, &out) ||
	    ukcf_key_generate(u, NULL, UKCF_MECH_X25519, 0, 0, &theirs) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_X25519, 0, 0, key, 32, &mine) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_HMAC_SHA2_256, 0, 0, key, 32,
			    &hmac) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_CHACHA20_POLY1305, 0, 0, key, 32,
			    &aead))
		check_bail("no ring or keys");
	text = ukcf_buffer_data(in);
	made = ukcf_buffer_data(out);
	rng_init(&rng, 1);
	rng_fill(&rng, text, BUF);
	if (ukcf_key_public(u, theirs, text, 32) != 32)
		check_bail("no public key");
	if (argc > 1 && strcmp(argv[1], "failing") == 0) {
		failing();
		ukcf_disconnect(u);
		return check_done();
	}
	worked_example();
	inputs();
	macs();
	failures();
	misuse();
	long_ones();
	cancelled();
	one_by_one();
	daemon_nonce();
	many();
	killed_daemon();
	ukcf_disconnect(u);
	return check_done();
}
