/* SPDX-License-Identifier: MIT */
/*
 * Multipart operations through a daemon: for any split of the data the result
 * is that of one call; parts run in order and none is stranded; what is
 * refused changes nothing; what failed poisons; a restart says so.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/probe.h"

#define WAIT_NS INT64_C(60000000000)
#define ENTRIES 64u
#define BUF (8u << 20)
#define LONG_LEN (4u << 20) /* milliseconds of work */
#define CTX 7u
#define TAG 16u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct rng rng;
static struct ukcf_key none, hmac, chacha;
static const uint8_t nonce[24] = "0123456789abcdef0123456";

static struct ukcf_span span(uint32_t off, uint32_t len)
{
	return ukcf_buffer_span(in, off, len);
}

static struct ukcf_span result(uint32_t off, uint32_t len)
{
	return ukcf_buffer_span(out, off, len);
}

static const struct ukcf_span nothing;

/* ------------------------------------------------------------ submissions */

static struct ukcf_sqe *next(uint64_t user_data, uint16_t flags)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);

	if (!s)
		check_bail("the ring is full");
	s->user_data = user_data;
	s->flags = flags; /* prep clears them: set again by done() */
	return s;
}

static void done(struct ukcf_sqe *s, int err, uint16_t flags)
{
	if (err)
		check_bail("prep: %d", err);
	s->flags = flags;
}

/* Bytes of a nonce. */
static size_t nonce_of(uint32_t mech)
{
	switch (mech) {
	case UKCF_MECH_CHACHA20_POLY1305:
	case UKCF_MECH_CHACHA20:
		return 12;
	case UKCF_MECH_XCHACHA20_POLY1305:
	case UKCF_MECH_XCHACHA20:
		return 24;
	default:
		return 0;
	}
}

static bool has_aad(uint32_t mech)
{
	return UKCF_MECH_CLASS(mech) == UKCF_CLASS_AEAD;
}

static void init(uint64_t ctx, enum ukcf_op op, uint32_t mech,
		 struct ukcf_key key, uint16_t flags)
{
	struct ukcf_sqe *s = next(1, flags);

	done(s, ukcf_prep_init(ring, s, ctx, op, mech, key, nonce,
			       nonce_of(mech),
			       has_aad(mech) ? span(0, 13) : nothing), flags);
}

static void update(uint64_t ctx, struct ukcf_span from, struct ukcf_span to,
		   uint64_t user_data, uint16_t flags)
{
	struct ukcf_sqe *s = next(user_data, flags);

	done(s, ukcf_prep_update(s, ctx, from, to), flags);
}

static void final(uint64_t ctx, struct ukcf_span from, struct ukcf_span to,
		  struct ukcf_span tag, uint16_t flags)
{
	struct ukcf_sqe *s = next(3, flags);

	done(s, ukcf_prep_final(s, ctx, from, to, tag), flags);
}

static void submit(void)
{
	if (ukcf_submit(ring) < 0)
		check_bail("submit");
}

/* What came of each user_data; the last result counts. */
static struct seen {
	int64_t res;
	unsigned int detail, results, acks;
	uint64_t handle;
} seen[8];

/* Until user_data `last' has its result. */
static void wait_for(uint64_t last)
{
	const struct ukcf_cqe *c;

	memset(seen, 0, sizeof(seen));
	while (!seen[last].results) {
		struct seen *s;

		if (ukcf_wait_cqe(ring, &c, WAIT_NS))
			check_bail("no completion of %u", (unsigned int)last);
		s = &seen[c->user_data & 7];
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED) {
			s->acks++;
			s->handle = c->u.value;
		} else {
			s->results++;
			s->res = c->res;
			s->detail = c->detail;
		}
		ukcf_cqe_seen(ring);
	}
}

static int64_t run(uint64_t last)
{
	submit();
	wait_for(last);
	return seen[last].res;
}

/* ----------------------------------------------------- any split is equal */

struct kind {
	const char *name;
	enum ukcf_op op;
	uint32_t mech;
	struct ukcf_key *key;
	uint32_t out_len; /* of the result but for ciphertext */
	uint32_t tag_len; /* of a tag to verify, or behind ciphertext */
};

#define VERIFIED 64u /* the longest tag */

static struct ukcf_key hmac512, hmac512_trunc, blake2b, poly1305, xchacha,
	stream, xstream, ed25519ph;

static const struct kind kinds[] = {
	{ "sha2-256", UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, &none, 32, 0 },
	{ "sha2-512", UKCF_OP_DIGEST, UKCF_MECH_SHA2_512, &none, 64, 0 },
	{ "hmac-sha2-256", UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256, &hmac, 32, 32 },
	{ "hmac-sha2-256 verify", UKCF_OP_MAC_VERIFY, UKCF_MECH_HMAC_SHA2_256,
	  &hmac, 0, 32 },
	{ "chacha20-poly1305", UKCF_OP_ENCRYPT, UKCF_MECH_CHACHA20_POLY1305,
	  &chacha, 1, TAG },
	{ "blake2b", UKCF_OP_DIGEST, UKCF_MECH_BLAKE2B, &none, 64, 0 },
	{ "hmac-sha2-512", UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_512, &hmac512, 64,
	  64 },
	{ "hmac-sha2-512-trunc-256", UKCF_OP_MAC,
	  UKCF_MECH_HMAC_SHA2_512_TRUNC_256, &hmac512_trunc, 32, 32 },
	{ "blake2b-mac", UKCF_OP_MAC, UKCF_MECH_BLAKE2B_MAC, &blake2b, 64, 64 },
	{ "blake2b-mac verify", UKCF_OP_MAC_VERIFY, UKCF_MECH_BLAKE2B_MAC,
	  &blake2b, 0, 64 },
	{ "poly1305", UKCF_OP_MAC, UKCF_MECH_POLY1305, &poly1305, 16, 16 },
	{ "poly1305 verify", UKCF_OP_MAC_VERIFY, UKCF_MECH_POLY1305, &poly1305,
	  0, 16 },
	{ "xchacha20-poly1305", UKCF_OP_ENCRYPT, UKCF_MECH_XCHACHA20_POLY1305,
	  &xchacha, 1, TAG },
	{ "chacha20", UKCF_OP_ENCRYPT, UKCF_MECH_CHACHA20, &stream, 1, 0 },
	{ "xchacha20", UKCF_OP_ENCRYPT, UKCF_MECH_XCHACHA20, &xstream, 1, 0 },
	{ "ed25519ph", UKCF_OP_SIGN, UKCF_MECH_ED25519PH, &ed25519ph, 64, 0 },
	{ "ed25519ph verify", UKCF_OP_VERIFY, UKCF_MECH_ED25519PH, &ed25519ph,
	  0, 64 },
};

static uint8_t *text; /* as in the input buffer */

/* In one call: bytes at want. */
static int64_t whole(const struct kind *k, uint32_t len, uint8_t *want)
{
	if (k->op == UKCF_OP_DIGEST)
		return ukcf_digest(u, k->mech, text, len, want, k->out_len);
	if (k->op == UKCF_OP_ENCRYPT)
		return ukcf_encrypt(u, k->mech, *k->key, nonce,
				    nonce_of(k->mech), text,
				    has_aad(k->mech) ? 13 : 0, text, len, want,
				    len + k->tag_len);
	if (k->op == UKCF_OP_SIGN || k->op == UKCF_OP_VERIFY)
		return ukcf_sign(u, k->mech, *k->key, text, len, want, 64);
	return ukcf_mac(u, k->mech, *k->key, text, len, want, k->tag_len);
}

static uint32_t some_part(uint32_t left)
{
	switch (rng_below(&rng, 4)) {
	case 0:
		return 0;
	case 1:
		return left < 17 ? left : (uint32_t)rng_below(&rng, 17);
	default:
		return (uint32_t)rng_below(&rng, left + UINT64_C(1));
	}
}

static uint16_t some_flags(unsigned int *acks)
{
	if (rng_below(&rng, 3))
		return 0;
	++*acks;
	return UKCF_SQE_QUEUE;
}

/* The parts of len bytes as submitted; `swap': two of them change places. */
static unsigned int submit_parts(const struct kind *k, uint32_t len)
{
	bool enciphers = k->op == UKCF_OP_ENCRYPT;
	/* a cipher may hold back, or not */
	uint32_t room = enciphers && !has_aad(k->mech) ? 16 : k->tag_len;
	unsigned int acks = 0, n = (unsigned int)rng_below(&rng, 8);
	uint32_t off = 0;

	init(CTX, k->op, k->mech, *k->key, some_flags(&acks));
	while (n-- > 0) {
		uint32_t part = some_part(len - off);

		update(CTX, span(off, part),
		       !enciphers ? nothing :
				    result(off, part + (has_aad(k->mech) ?
								0 : room)),
		       2, some_flags(&acks));
		off += part;
	}
	final(CTX, span(off, len - off),
	      enciphers	 ? result(off, len - off + room) :
	      k->out_len ? result(0, k->out_len) :
			   nothing,
	      k->out_len ? nothing : span(BUF - VERIFIED, k->tag_len),
	      some_flags(&acks));
	return acks;
}

static bool split_is_right(const struct kind *k, uint32_t len, uint8_t *want)
{
	int64_t bytes = whole(k, len, want);
	unsigned int acks;
	uint8_t *tag = (uint8_t *)ukcf_buffer_data(in) + BUF - VERIFIED;

	if (bytes < 0)
		check_bail("%s in one call: %d", k->name, (int)bytes);
	memcpy(tag, want, k->out_len ? 0 : k->tag_len);
	acks = submit_parts(k, len);
	if (run(3) < 0)
		return false;
	if (seen[1].results || seen[2].results)
		return false; /* they succeeded: none was to be posted */
	if (seen[1].acks + seen[2].acks + seen[3].acks != acks)
		return false;
	if (k->op == UKCF_OP_MAC_VERIFY || k->op == UKCF_OP_VERIFY)
		return seen[3].res == 0;
	return memcmp(ukcf_buffer_data(out), want, (size_t)bytes) == 0;
}

static void any_split(const struct kind *k)
{
	unsigned int n = (unsigned int)scaled(k < kinds + 5 ? 300 : 60, 20000);
	unsigned int right = 0;
	uint8_t *want = malloc(BUF);

	if (!want)
		check_bail("no memory");
	for (unsigned int i = 0; i < n; i++) {
		uint32_t most = i % 20 ? 1025 : 600000;

		right += split_is_right(
			k, (uint32_t)rng_below(&rng, most + UINT64_C(1)), want);
	}
	check(right == n, "%s: %u random splits equal one call", k->name, n);
	free(want);
}

/* The control: what compares sees parts in another order, and a wrong tag. */
static void controls(void)
{
	uint8_t want[32], *tag = (uint8_t *)ukcf_buffer_data(in) + BUF - 32;

	if (ukcf_digest(u, UKCF_MECH_SHA2_256, text, 200, want, 32) != 32)
		check_bail("digest");
	init(CTX, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, none, 0);
	update(CTX, span(100, 100), nothing, 2, 0);
	final(CTX, span(0, 100), result(0, 32), nothing, 0);
	check(run(3) == 32 && memcmp(ukcf_buffer_data(out), want, 32) != 0,
	      "control: parts in another order are another message");
	memset(tag, 0, 32);
	init(CTX, UKCF_OP_MAC_VERIFY, UKCF_MECH_HMAC_SHA2_256, hmac, 0);
	final(CTX, span(0, 100), nothing, span(BUF - 32, 32), 0);
	check(run(3) == -EBADMSG && seen[3].detail == UKCF_DETAIL_AUTH,
	      "control: a wrong tag is refused");
}

/* -------------------------------------------------------------- the order */

static bool digest_is(uint32_t off, uint32_t len)
{
	uint8_t want[32];

	return ukcf_digest(u, UKCF_MECH_SHA2_256, text + off, len, want, 32) ==
		       32 &&
	       memcmp(ukcf_buffer_data(out), want, 32) == 0;
}

static void begin(uint64_t ctx)
{
	init(ctx, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, none, 0);
}

static void opdone(void)
{
	init(CTX, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, none,
	     UKCF_SQE_NOTIFY_OPDONE);
	update(CTX, span(0, 10), nothing, 2, UKCF_SQE_NOTIFY_OPDONE);
	final(CTX, nothing, result(0, 32), nothing, 0);
	check(run(3) == 32 && seen[1].results == 1 && seen[1].res == 0 &&
		      seen[2].results == 1 && seen[2].res == 0,
	      "NOTIFY_OPDONE: init and update complete too");
}

/* Short parts that could run at once wait for a long one before them. */
static void short_after_long(void)
{
	begin(CTX);
	update(CTX, span(0, LONG_LEN), nothing, 2, UKCF_SQE_QUEUE);
	update(CTX, span(LONG_LEN, 64), nothing, 2, 0);
	update(CTX, span(LONG_LEN + 64, 64), nothing, 2, 0);
	final(CTX, span(LONG_LEN + 128, 1), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, LONG_LEN + 129),
	      "short parts wait for the long one before them");
}

static void interleaved(void)
{
	unsigned int right = 0;

	for (uint64_t c = 1; c <= 8; c++)
		begin(c);
	for (uint32_t i = 0; i < 4; i++)
		for (uint64_t c = 1; c <= 8; c++)
			update(c, span((uint32_t)c * 1000 + 100 * i, 100),
			       nothing, 2, i % 2 ? UKCF_SQE_QUEUE : 0);
	submit();
	for (uint64_t c = 1; c <= 8; c++) {
		final(c, nothing, result(0, 32), nothing, 0);
		right += run(3) == 32 && digest_is((uint32_t)c * 1000, 400);
	}
	check(right == 8, "eight contexts at once do not mix");
}

static void copies(void)
{
	begin(1);
	update(1, span(0, LONG_LEN), nothing, 2, UKCF_SQE_QUEUE);
	ukcf_prep_ctx_copy(next(4, 0), 2, 1);
	update(1, span(LONG_LEN, 70), nothing, 2, 0);
	update(2, span(LONG_LEN, 20), nothing, 2, 0);
	final(2, nothing, result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, LONG_LEN + 20),
	      "a copy goes on from where its source was");
	final(1, nothing, result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, LONG_LEN + 70),
	      "and its source goes its own way");
	ukcf_prep_ctx_copy(next(4, 0), 2, 1);
	check(run(4) == -EINVAL && seen[4].detail == UKCF_DETAIL_CTX,
	      "of a context that has ended there is no copy");
}

/* ------------------------------------------- refused, failed and cancelled */

static void refusals(void)
{
	struct ukcf_sqe *s;

	update(CTX, span(0, 1), nothing, 2, 0);
	check(run(2) == -EINVAL && seen[2].detail == UKCF_DETAIL_CTX,
	      "a part of no context");
	begin(CTX);
	begin(CTX);
	check(run(1) == -EINVAL && seen[1].detail == UKCF_DETAIL_CTX_IN_USE,
	      "a context is begun once");
	update(CTX, span(BUF - 1, 2), nothing, 2, 0);
	check(run(2) == -EINVAL && seen[2].detail == UKCF_DETAIL_IN_RANGE,
	      "a part that leaves its buffer is refused");
	update(CTX, span(0, 100), nothing, 2, 0);
	final(CTX, nothing, result(0, 31), nothing, 0);
	check(run(3) == -ENOBUFS, "so is a last one without room");
	final(CTX, span(100, 1), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, 101),
	      "what was refused left the context usable");
	init(CTX, UKCF_OP_DECRYPT, UKCF_MECH_CHACHA20_POLY1305, chacha, 0);
	check(run(1) == -EOPNOTSUPP && seen[1].detail == UKCF_DETAIL_PART_OP,
	      "AEAD decrypt: its plaintext would leave too early");
	init(CTX, UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256, none, 0);
	check(run(1) == -ENOKEY, "no key, no context");
	for (uint64_t id = 0; id <= UKCF_CONTEXTS_MAX + 1;
	     id += UKCF_CONTEXTS_MAX + 1) {
		begin(id);
		check(run(1) == -EINVAL && seen[1].detail == UKCF_DETAIL_CTX,
		      "%llu names no context", (unsigned long long)id);
	}
	s = next(5, 0);
	ukcf_prep_cancel_ctx(s, CTX);
	check(run(5) == -ENOENT, "nothing was begun by any of them");
}

/* A long part, and behind it one that waits. */
static void long_and(uint16_t flags, uint32_t timeout_us)
{
	struct ukcf_sqe *s;

	begin(CTX);
	update(CTX, span(0, LONG_LEN), nothing, 6, UKCF_SQE_QUEUE);
	s = next(2, 0);
	s->timeout_us = timeout_us;
	done(s, ukcf_prep_update(s, CTX, span(0, 10), nothing), flags);
}

static void too_late(void)
{
	long_and(0, 1);
	final(CTX, nothing, result(0, 32), nothing, 0);
	check(run(3) == -ETIMEDOUT && seen[2].res == -ETIMEDOUT &&
		      seen[2].detail == UKCF_DETAIL_TIMEOUT &&
		      seen[3].detail == UKCF_DETAIL_PART_FAILED,
	      "a part that came too late while it waited poisons its context");
	begin(CTX);
	final(CTX, span(0, 3), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, 3),
	      "the last part ended it: its name is free");
}

/* KCF: a cancelled head of a chain does not hand on its turn. */
static void kcf_cancelled_part_strands_nobody(void)
{
	const uint16_t flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	unsigned int won = 0, turns = 0;

	for (; won < 3 && turns < 300; turns++) {
		struct ukcf_sqe *s;
		uint64_t handle;

		long_and(flags, 0);
		final(CTX, nothing, result(0, 32), nothing, 0);
		submit();
		memset(seen, 0, sizeof(seen));
		while (!seen[2].handle) {
			const struct ukcf_cqe *c;

			if (ukcf_wait_cqe(ring, &c, WAIT_NS))
				check_bail("no handle");
			if (c->user_data == 2)
				seen[2].handle = c->u.value;
			ukcf_cqe_seen(ring);
		}
		handle = seen[2].handle;
		s = next(4, 0);
		memset(s, 0, sizeof(*s));
		s->op = UKCF_OP_CANCEL;
		s->user_data = 4;
		s->ctx = handle;
		submit();
		wait_for(3);
		won += seen[3].res == -ECANCELED;
		if (seen[3].res != -ECANCELED && seen[3].res != 32)
			break;
		if (!seen[4].results)
			wait_for(4);
	}
	check(won > 0, "a part was cancelled while it waited: %u of %u", won,
	      turns);
	begin(CTX);
	final(CTX, span(0, 5), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, 5), "and its successor ended");
}

static void cancel_whole(void)
{
	struct ukcf_sqe *s;

	long_and(0, 0);
	for (unsigned int i = 0; i < 10; i++)
		update(CTX, span(0, 10), nothing, 2, 0);
	s = next(5, 0);
	ukcf_prep_cancel_ctx(s, CTX);
	begin(CTX); /* the name is free at once */
	final(CTX, span(0, 9), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, 9),
	      "CANCEL_CTX: the context is gone at once");
	if (!seen[5].results)
		wait_for(5);
	check(seen[5].res >= 11, "its waiting parts were cancelled: %d",
	      (int)seen[5].res);
}

/* A slot that is kept for a CQE and not used comes back. */
static void many_silent(void)
{
	unsigned int n = (unsigned int)scaled(3000, 100000), right = 0;
	struct ukcf_ring *wide = ring;

	if (ukcf_ring_open(u, 4, &ring))
		check_bail("no ring");
	for (unsigned int i = 0; i < n; i++) {
		begin(CTX);
		update(CTX, span(0, 64), nothing, 2, i % 3 ? 0 : UKCF_SQE_QUEUE);
		final(CTX, span(64, 1), result(0, 32), nothing, 0);
		right += run(3) == 32;
	}
	check(right == n && digest_is(0, 65),
	      "a ring of 4 entries: %u contexts, one after the other", n);
	ukcf_ring_close(ring);
	ring = wide;
}

static void quota(void)
{
	struct ukcf_ring *wide = ring, *rings[5];
	unsigned int begun = 0, refused = 0;

	for (unsigned int i = 0; i < 5; i++) {
		if (ukcf_ring_open(u, ENTRIES * 2, &rings[i]))
			check_bail("no ring");
		ring = rings[i];
		for (uint64_t c = 1; c <= UKCF_CONTEXTS_MAX; c++)
			init(c, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, none,
			     UKCF_SQE_NOTIFY_OPDONE);
		submit();
		for (uint64_t c = 1; c <= UKCF_CONTEXTS_MAX; c++) {
			wait_for(1);
			begun += seen[1].res == 0;
			refused += seen[1].res == -EDQUOT;
		}
	}
	check(begun == 256 && refused == 64, "the quota of contexts: %u", begun);
	for (unsigned int i = 0; i < 5; i++)
		ukcf_ring_close(rings[i]);
	ring = wide;
}

/* The contexts of a ring that was closed are gone a moment later. */
static int64_t init_in_time(void)
{
	int64_t res = -EDQUOT;

	for (unsigned int i = 0; res == -EDQUOT && i < 10000; i++) {
		if (i)
			probe_pause();
		init(CTX, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256, none,
		     UKCF_SQE_NOTIFY_OPDONE);
		res = run(1);
	}
	return res;
}

static void killed_daemon(void)
{
	pid_t pid = probe_pid();

	check(init_in_time() == 0, "the quota comes back");
	kill(pid, SIGKILL);
	check(probe_restarted(pid, 20000 * slowness()) > 0,
	      "the daemon was killed and came back");
	update(CTX, span(0, 10), nothing, 2, UKCF_SQE_NOTIFY_OPDONE);
	check(run(2) == -ESTALE && seen[2].detail == UKCF_DETAIL_LOST_STATE,
	      "a part of a context that was lost is told so");
	begin(CTX);
	final(CTX, span(0, 11), result(0, 32), nothing, 0);
	check(run(3) == 32 && digest_is(0, 11), "and it can be begun anew");
}

static void other_keys(const uint8_t key[32])
{
	const struct {
		uint32_t mech;
		struct ukcf_key *key;
	} keys[] = {
		{ UKCF_MECH_HMAC_SHA2_512, &hmac512 },
		{ UKCF_MECH_HMAC_SHA2_512_TRUNC_256, &hmac512_trunc },
		{ UKCF_MECH_BLAKE2B_MAC, &blake2b },
		{ UKCF_MECH_POLY1305, &poly1305 },
		{ UKCF_MECH_XCHACHA20_POLY1305, &xchacha },
		{ UKCF_MECH_CHACHA20, &stream },
		{ UKCF_MECH_XCHACHA20, &xstream },
		{ UKCF_MECH_ED25519PH, &ed25519ph },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (ukcf_key_import(u, NULL, keys[i].mech, 0, 0, key, 32,
				    keys[i].key))
			check_bail("no key of mechanism %x", keys[i].mech);
}

int main(void)
{
	uint8_t key[32] = { 9 };

	rng_init(&rng, 1);
	if (ukcf_connect(&u, NULL, 0) || ukcf_ring_open(u, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, BUF, &out) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_HMAC_SHA2_256, 0, 0, key, 32,
			    &hmac) ||
	    ukcf_key_import(u, NULL, UKCF_MECH_CHACHA20_POLY1305, 0, 0, key,
			    32, &chacha))
		check_bail("no ring or keys");
	text = ukcf_buffer_data(in);
	rng_fill(&rng, text, BUF);
	other_keys(key);
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		any_split(&kinds[i]);
	controls();
	opdone();
	short_after_long();
	interleaved();
	copies();
	refusals();
	too_late();
	kcf_cancelled_part_strands_nobody();
	cancel_whole();
	many_silent();
	quota();
	killed_daemon();
	ukcf_disconnect(u);
	return check_done();
}
