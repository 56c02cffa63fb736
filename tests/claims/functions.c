/* SPDX-License-Identifier: MIT */
/* Claims on what a request may be: each function, a part of a multipart
 * operation, a dual operation, one in several steps; and the time it waits. */
#include <errno.h>
#include <string.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define LEN 100u
#define TAG 16u
#define MAC 32u

static const uint8_t nonce[12] = "0123456789a";

static struct ukcf_span input(void)
{
	return ukcf_buffer_span(in, 0, LEN);
}

static struct ukcf_span slot(uint64_t user_data, size_t len)
{
	return ukcf_buffer_span(out, user_data * OUT_SLOT, len);
}

static void must(int err, const char *what)
{
	if (err)
		give_up("%s: %s", what, ukcf_strerror(err));
}

/* -------------------------------------------------------------- multipart */

static struct ukcf_sqe part(uint64_t user_data, uint64_t from, uint64_t len)
{
	struct ukcf_sqe s = { .user_data = user_data };

	must(ukcf_prep_update(&s, 1, ukcf_buffer_span(in, from, len),
			      UKCF_SPAN_NONE), "prep_update");
	s.flags = UKCF_SQE_NOTIFY_OPDONE;
	return s;
}

/* The first part waits for the worker, which is busy; the others would run at
 * once. */
static void in_parts(void)
{
	struct ukcf_sqe s = { .user_data = 0 };
	uint64_t order[4], n = 0;
	struct ukcf_cqe c;
	uint8_t want[32];

	consumer_open(0);
	if (ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 300000, want, 32) != 32)
		give_up("digest");
	must(ukcf_prep_init(ring, &s, 1, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
			    UKCF_KEY_NONE, NULL, 0, UKCF_SPAN_NONE), "init");
	s.flags = UKCF_SQE_NOTIFY_OPDONE;
	submit(&s);
	order[n++] = result().user_data;
	occupy_worker(9, 60 * MS);
	s = part(1, 0, 299990);
	s.flags |= UKCF_SQE_QUEUE;
	submit(&s);
	s = part(2, 299990, 5);
	submit(&s);
	s = (struct ukcf_sqe){ .user_data = 3 };
	must(ukcf_prep_final(&s, 1, ukcf_buffer_span(in, 299995, 5),
			     slot(3, 32), UKCF_SPAN_NONE), "final");
	submit(&s);
	while (n < 4) {
		c = result();
		if (c.user_data == 9)
			continue;
		order[n++] = c.user_data;
		expect(c.res == (c.user_data == 3 ? 32 : 0),
		       "part %u: %d", (unsigned int)c.user_data, (int)c.res);
	}
	expect(order[0] == 0 && order[1] == 1 && order[2] == 2 &&
		       order[3] == 3,
	       "four requests, parts of one operation, in their order");
	expect(memcmp(output(3), want, 32) == 0,
	       "the result is that of the whole");
	s = part(4, 0, 5);
	c = run(&s);
	expect(c.res == -EINVAL || c.res == -ENOENT,
	       "a part of no operation is refused: %d", (int)c.res);
	expect(c.detail == UKCF_DETAIL_CTX, "and why");
	consumer_close();
}

/* --------------------------------------------------------- time in a queue */

static void time_in_queue(void)
{
	const uint64_t busy = 60 * MS;
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	occupy_worker(9, busy);
	s = sha256(1);
	s.provider = provider_id("sodium");
	s.flags = UKCF_SQE_QUEUE;
	submit(&s);
	next_of(UKCF_CQE_QUEUED);
	c = result();
	expect(c.user_data == 9 && c.u.t.service_ns >= busy,
	       "one has the worker for %u us", c.u.t.service_ns / 1000);
	c = result();
	expect(is_sha256(&c) && c.u.t.queue_ns > busy / 4 &&
		       c.u.t.queue_ns > c.u.t.service_ns,
	       "one behind it was %u us in the queue, and served in %u",
	       c.u.t.queue_ns / 1000, c.u.t.service_ns / 1000);
	s.flags = 0;
	c = run(&s);
	expect(is_sha256(&c) && c.u.t.queue_ns < busy / 4,
	       "one that need not be queued: %u us", c.u.t.queue_ns / 1000);
	consumer_close();
}

/* --------------------------------------------------------- each function */

/* Submit what was prepared, whose user_data is its slot. */
static int64_t done(struct ukcf_sqe *s, const char *what)
{
	struct ukcf_cqe c = run(s);

	expect(c.res >= 0 && c.provider, "%s: %d, by provider %u", what,
	       (int)c.res, c.provider);
	return c.res;
}

/* The output of one, and input of the next. */
static struct ukcf_span made(uint64_t user_data, size_t len)
{
	return slot(user_data, len);
}

static void digest_and_mac(void)
{
	struct ukcf_key k = held_key(UKCF_MECH_HMAC_SHA2_256);
	struct ukcf_sqe s = sha256(1);
	struct ukcf_cqe c = run(&s);

	expect(is_sha256(&c), "message digest");
	s = (struct ukcf_sqe){ .user_data = 2 };
	must(ukcf_prep_mac(ring, &s, UKCF_MECH_HMAC_SHA2_256, k, input(),
			   slot(2, MAC)), "mac");
	expect(done(&s, "message authentication code") == MAC, "its bytes");
	must(ukcf_prep_mac_verify(ring, &s, UKCF_MECH_HMAC_SHA2_256, k,
				  input(), made(2, MAC)), "mac_verify");
	expect(done(&s, "and its verification") == 0, "it is right");
}

static void sign_and_verify(void)
{
	struct ukcf_key k = held_key(UKCF_MECH_ED25519);
	struct ukcf_sqe s = { .user_data = 3 };

	must(ukcf_prep_sign(ring, &s, UKCF_MECH_ED25519, k, input(),
			    slot(3, 64)), "sign");
	expect(done(&s, "signature") == 64, "its bytes");
	must(ukcf_prep_verify(ring, &s, UKCF_MECH_ED25519, k, input(),
			      made(3, 64)), "verify");
	expect(done(&s, "and its verification") == 0, "it is right");
	s.in.off = 1;
	s.in.len = LEN;
	expect(run(&s).res == -EBADMSG, "of another message it is wrong");
}

static void there_and_back(void)
{
	const uint32_t mech = UKCF_MECH_CHACHA20_POLY1305;
	struct ukcf_key k = held_key(mech);
	struct ukcf_sqe s = { .user_data = 4 };

	must(ukcf_prep_encrypt(ring, &s, mech, k, nonce, sizeof(nonce),
			       UKCF_SPAN_NONE, input(), slot(4, LEN + TAG)),
	     "encrypt");
	expect(done(&s, "encryption") == LEN + TAG, "its bytes");
	expect(memcmp(output(4), text, LEN) != 0, "not the plaintext");
	s = (struct ukcf_sqe){ .user_data = 5 };
	must(ukcf_prep_decrypt(ring, &s, mech, k, nonce, sizeof(nonce),
			       UKCF_SPAN_NONE, made(4, LEN + TAG),
			       slot(5, LEN)), "decrypt");
	expect(done(&s, "decryption") == LEN &&
		       memcmp(output(5), text, LEN) == 0, "the plaintext");
}

/* ------------------------------------------------------------------- dual */

static struct ukcf_dual dual;

static void dual_begin(void)
{
	dual = (struct ukcf_dual){
		.cipher = UKCF_MECH_CHACHA20_POLY1305,
		.mac = UKCF_MECH_HMAC_SHA2_256,
		.cipher_key = held_key(UKCF_MECH_CHACHA20_POLY1305),
		.mac_key = held_key(UKCF_MECH_HMAC_SHA2_256),
		.nonce = nonce,
		.nonce_len = sizeof(nonce),
	};
}

static struct ukcf_sqe encrypt_mac(uint64_t user_data)
{
	struct ukcf_sqe s = { .user_data = user_data };

	must(ukcf_prep_encrypt_mac(ring, &s, &dual, UKCF_SPAN_NONE, input(),
				   slot(user_data, LEN + TAG + MAC)),
	     "encrypt_mac");
	return s;
}

static void mac_of_ciphertext(uint64_t user_data)
{
	uint8_t want[MAC];

	expect(ukcf_mac(conn, dual.mac, dual.mac_key, output(user_data),
			LEN + TAG, want, MAC) == MAC &&
		       memcmp(output(user_data) + LEN + TAG, want, MAC) == 0,
	       "its MAC is that of the ciphertext");
}

static void mac_and_decrypt(uint64_t from, uint64_t to)
{
	struct ukcf_sqe s = { .user_data = to };

	must(ukcf_prep_mac_decrypt(ring, &s, &dual, UKCF_SPAN_NONE,
				   made(from, LEN + TAG), slot(to, LEN + MAC)),
	     "mac_decrypt");
	expect(run(&s).res == LEN + MAC &&
		       memcmp(output(to), text, LEN) == 0 &&
		       memcmp(output(to) + LEN, output(from) + LEN + TAG,
			      MAC) == 0,
	       "MAC and decryption: the plaintext, and the same MAC");
}

static void verify_and_decrypt(uint64_t from, uint64_t to)
{
	struct ukcf_span mac = ukcf_buffer_span(
		out, from * OUT_SLOT + LEN + TAG, MAC);
	struct ukcf_sqe s = { .user_data = to };
	uint8_t before[LEN];
	struct ukcf_cqe c;

	must(ukcf_prep_mac_verify_decrypt(ring, &s, &dual, UKCF_SPAN_NONE,
					  made(from, LEN + TAG), mac,
					  slot(to, LEN)),
	     "mac_verify_decrypt");
	memcpy(before, output(to), LEN);
	s.tag.off--; /* another MAC */
	c = run(&s);
	expect(c.res == -EBADMSG && c.detail == UKCF_DETAIL_AUTH &&
		       memcmp(before, output(to), LEN) == 0,
	       "a wrong MAC: nothing is decrypted");
	s.tag.off++;
	expect(run(&s).res == LEN && memcmp(output(to), text, LEN) == 0,
	       "the right one: it is");
}

static void dual_kinds(void)
{
	struct ukcf_sqe s;

	consumer_open(0);
	dual_begin();
	s = encrypt_mac(1);
	submit(&s);
	expect(result().res == LEN + TAG + MAC && is_quiet(),
	       "encryption and MAC: one completion");
	mac_of_ciphertext(1);
	mac_and_decrypt(1, 2);
	verify_and_decrypt(1, 3);
	consumer_close();
}

static void each_function(void)
{
	struct ukcf_sqe s;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	digest_and_mac();
	sign_and_verify();
	there_and_back();
	dual_begin();
	s = encrypt_mac(6);
	expect(done(&s, "dual operation") == LEN + TAG + MAC, "its bytes");
	consumer_close();
}

/* ------------------------------------------------------------- sub-operations */

/* The first one is given to a device that does not answer yet. */
static void sub_operations(void)
{
	struct ukcf_sqe s, cancel = { .user_data = 9 };
	uint16_t hw = 0;
	uint64_t taken;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	dual_begin();
	hw = provider_id("nullhw");
	await_state(hw, UKCF_PROVIDER_READY);
	disable("nullhw", "hmac-sha2-256");
	disable("nullhw2", "hmac-sha2-256");
	disable("sodium", "chacha20-poly1305");
	disable("openssl", "chacha20-poly1305");
	disable("nullhw2", "chacha20-poly1305");
	taken = queue_row(hw).taken;
	s = encrypt_mac(1);
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	submit(&s);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_QUEUED && c.u.value,
	       "one request, one handle");
	c = result();
	expect(c.res == LEN + TAG + MAC && queue_row(hw).taken == taken + 1 &&
		       provider_row(c.provider).kind ==
			       UKCF_PROVIDER_SOFTWARE,
	       "two sub-operations: the first by the device, the second by "
	       "software");
	mac_of_ciphertext(1);
	tell("nullhw", "hang=1");
	submit(&s);
	ukcf_prep_cancel(&cancel, next_of(UKCF_CQE_QUEUED).u.value);
	await_queue(hw, 0, 1);
	submit(&cancel);
	c = next_cqe();
	expect(c.user_data == 9 && c.res == -EALREADY,
	       "cancelled during the first: it runs");
	tell("nullhw", "release");
	c = next_cqe();
	expect(c.user_data == 1 && c.res == -ECANCELED && is_quiet(),
	       "there is no second one, and one completion");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("21", REAL, "parts of a multipart operation", in_parts),
	CLAIM("22", REAL, "the time that a request was in a queue",
	      time_in_queue),
	CLAIM("23", REAL, "digest, MAC, signature, encryption, dual",
	      each_function),
	CLAIM("24", REAL, "encryption and MAC, MAC and decryption",
	      dual_kinds),
	CLAIM("25", PRETEND, "one request in several sub-operations",
	      sub_operations),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
