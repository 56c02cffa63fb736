/* SPDX-License-Identifier: MIT */
/*
 * The AEAD whose parts have a tag each: what it makes libsodium opens, and the
 * other way round; a chunk that was changed, cut, put in another place or behind
 * the last one gives nothing.  And argon2id, whose cost is the request's.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"

#define MECH UKCF_MECH_SECRETSTREAM
#define WAIT_NS INT64_C(60000000000)
#define CHUNKS 4u
#define MSG 1000u
#define MORE 17u
#define CHUNK (MSG + MORE)
#define BUF 16384u
#define CTX 3u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key held;
static const uint8_t key[32] = "thirty-two bytes of a stream key";
static const uint8_t header[24] = "twenty-four byte header";
static unsigned int detail;

static int64_t ask(struct ukcf_sqe *s)
{
	const struct ukcf_cqe *c;
	int64_t res;

	s->flags |= s->op == UKCF_OP_FINAL ? 0 : UKCF_SQE_NOTIFY_OPDONE;
	if (ukcf_submit_sqes(ring, s, 1) != 1 ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("no answer");
	res = c->res;
	detail = c->detail;
	ukcf_cqe_seen(ring);
	return res;
}

static int64_t begin(enum ukcf_op op)
{
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_init(ring, &s, CTX, op, MECH, held, header,
			   sizeof(header), UKCF_SPAN_NONE))
		check_bail("prep");
	return ask(&s);
}

static int64_t part(bool last, const uint8_t *data, uint32_t len, uint32_t room)
{
	struct ukcf_span from = ukcf_buffer_span(in, 0, len);
	struct ukcf_span to = ukcf_buffer_span(out, 0, room);
	struct ukcf_sqe s = { 0 };
	int rc;

	memcpy(ukcf_buffer_data(in), data, len);
	rc = last ? ukcf_prep_final(&s, CTX, from, to, UKCF_SPAN_NONE) :
		    ukcf_prep_update(&s, CTX, from, to);
	if (rc)
		check_bail("prep");
	return ask(&s);
}

static uint8_t text[CHUNKS][MSG], sealed[CHUNKS][CHUNK];

static bool seal(void)
{
	if (begin(UKCF_OP_ENCRYPT) != 0)
		return false;
	for (unsigned int i = 0; i < CHUNKS; i++) {
		if (part(i == CHUNKS - 1, text[i], MSG, CHUNK) != CHUNK)
			return false;
		memcpy(sealed[i], ukcf_buffer_data(out), CHUNK);
	}
	return true;
}

static bool sodium_opens(void)
{
	crypto_secretstream_xchacha20poly1305_state st;
	unsigned char kind, plain[MSG];
	unsigned long long n;

	crypto_secretstream_xchacha20poly1305_init_pull(&st, header, key);
	for (unsigned int i = 0; i < CHUNKS; i++) {
		if (crypto_secretstream_xchacha20poly1305_pull(
			    &st, plain, &n, &kind, sealed[i], CHUNK, NULL, 0) ||
		    n != MSG || memcmp(plain, text[i], MSG) != 0 ||
		    (kind == crypto_secretstream_xchacha20poly1305_TAG_FINAL) !=
			    (i == CHUNKS - 1))
			return false;
	}
	return true;
}

/* Chunks in this order, the one at `last' as the last part.  Return: how many
 * open before one does not. */
static unsigned int opened(const unsigned int *order, unsigned int n,
			   unsigned int last)
{
	if (begin(UKCF_OP_DECRYPT) != 0)
		check_bail("init: %u", detail);
	for (unsigned int i = 0; i < n; i++)
		if (part(i == last, sealed[order[i]], CHUNK, MSG) != MSG ||
		    memcmp(ukcf_buffer_data(out), text[order[i]], MSG) != 0)
			return i;
	return n;
}

static void end(void)
{
	struct ukcf_sqe s = { 0 };

	ukcf_prep_cancel_ctx(&s, CTX);
	if (ukcf_submit_sqes(ring, &s, 1) == 1) {
		const struct ukcf_cqe *c;

		if (ukcf_wait_cqe(ring, &c, WAIT_NS) == 0)
			ukcf_cqe_seen(ring);
	}
}

static void order_matters(void)
{
	static const unsigned int right[] = { 0, 1, 2, 3 };
	static const unsigned int swapped[] = { 0, 2, 1, 3 };
	static const unsigned int twice[] = { 0, 0, 1, 2 };

	check(opened(right, 4, 3) == 4, "all of them open in their order");
	check(opened(swapped, 4, 3) == 1 && detail == UKCF_DETAIL_AUTH,
	      "not in another one");
	end();
	check(opened(twice, 4, 3) == 1 && detail == UKCF_DETAIL_AUTH,
	      "not one that comes twice");
	end();
	check(opened(right, 3, 2) == 2 && detail == UKCF_DETAIL_AUTH,
	      "a stream that was cut does not end");
	check(opened(right, 4, 9) == 3 && detail == UKCF_DETAIL_AUTH,
	      "nothing goes on behind the last chunk");
	end();
}

static void changed(void)
{
	uint8_t before[MSG], *plain = ukcf_buffer_data(out);
	unsigned int bad = 0;

	for (uint32_t at = 0; at < CHUNK; at += 113) {
		memcpy(before, plain, MSG);
		sealed[0][at] ^= 1;
		if (begin(UKCF_OP_DECRYPT) != 0 ||
		    part(false, sealed[0], CHUNK, MSG) != -EBADMSG ||
		    memcmp(before, plain, MSG) != 0)
			bad++;
		sealed[0][at] ^= 1;
		end();
	}
	check(bad == 0, "a chunk with a bit turned gives nothing");
	begin(UKCF_OP_DECRYPT);
	check(part(false, sealed[0], MORE - 1, MSG) == -EBADMSG,
	      "nor does one without a tag");
	end();
	begin(UKCF_OP_DECRYPT);
	check(part(false, sealed[0], CHUNK, MSG - 1) == -ENOBUFS,
	      "a byte too little room");
	check(part(false, sealed[0], CHUNK, MSG) == MSG,
	      "that is refused changes nothing");
	end();
	begin(UKCF_OP_ENCRYPT);
	check(part(false, text[0], MSG, CHUNK - 1) == -ENOBUFS,
	      "and so to encrypt");
	end();
}

/* In one call it is a stream of one chunk, in place too. */
static void whole(void)
{
	uint8_t buf[CHUNK + 8];
	struct ukcf_key local;
	int64_t n;

	if (ukcf_key_local(u, MECH, 0, key, sizeof(key), &local))
		check_bail("key");
	for (int i = 0; i < 2; i++) {
		struct ukcf_key k = i ? local : held;

		memcpy(buf, text[0], MSG);
		memset(buf + CHUNK, 0x77, 8);
		n = ukcf_encrypt(u, MECH, k, header, 24, NULL, 0, buf, MSG,
				 buf, CHUNK);
		check(n == CHUNK, "%s key, in place: %lld bytes",
		      i ? "local" : "held", (long long)n);
		buf[MSG / 2] ^= 1;
		check(ukcf_decrypt(u, MECH, k, header, 24, NULL, 0, buf, CHUNK,
				   sealed[0], MSG) == -EBADMSG,
		      "a bit turned");
		buf[MSG / 2] ^= 1;
		n = ukcf_decrypt(u, MECH, k, header, 24, NULL, 0, buf, CHUNK,
				 buf, MSG);
		check(n == MSG && memcmp(buf, text[0], MSG) == 0 &&
			      buf[CHUNK] == 0x77,
		      "and back");
	}
}

/* ---------------------------------------------------------------- argon2id */

static void costs(void)
{
	static const struct {
		uint32_t passes, memory_kib;
		int64_t res;
	} rows[] = {
		{ 1, 8, 32 },	  { 16, 64, 32 },      { 0, 8, -EINVAL },
		{ 1, 7, -EINVAL }, { 17, 8, -EINVAL },
		{ 1, 65537, -EINVAL }, { UINT32_MAX, UINT32_MAX, -EINVAL },
	};
	static const uint8_t salt[16] = "somesaltSOMESALT";
	struct ukcf_key pw;
	uint8_t got[32], want[32];

	if (ukcf_key_import(u, NULL, UKCF_MECH_ARGON2ID, 0, 0, "password", 8,
			    &pw))
		check_bail("key");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ukcf_argon2_cost cost = { rows[i].passes,
						       rows[i].memory_kib };
		int64_t n = ukcf_kdf(u, UKCF_MECH_ARGON2ID, pw, salt, 16, &cost,
				     sizeof(cost), got, sizeof(got));
		bool same = n < 0 ||
			    (crypto_pwhash_argon2id(
				     want, 32, "password", 8, salt, cost.passes,
				     (size_t)cost.memory_kib * 1024, 2) == 0 &&
			     memcmp(got, want, 32) == 0);

		check(n == rows[i].res && same &&
			      (n >= 0 || ukcf_last_call()->detail ==
						 UKCF_DETAIL_COST),
		      "argon2id, %u passes over %u KiB: %lld", cost.passes,
		      cost.memory_kib, (long long)n);
		if (n > 0)
			check(ukcf_last_call()->where == UKCF_WHERE_QUEUED,
			      "in its lane, however short it is");
	}
}

int main(void)
{
	struct rng rng;

	rng_init(&rng, 5);
	rng_fill(&rng, text, sizeof(text));
	if (sodium_init() < 0 || ukcf_connect(&u, NULL, 0) ||
	    ukcf_ring_open(u, 8, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, BUF, &out) ||
	    ukcf_key_import(u, NULL, MECH, 0, 0, key, sizeof(key), &held))
		check_bail("no ring or key");
	check(seal(), "four chunks");
	check(sodium_opens(), "libsodium opens them");
	order_matters();
	changed();
	whole();
	costs();
	ukcf_disconnect(u);
	return check_done();
}
