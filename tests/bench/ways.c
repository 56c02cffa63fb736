/* SPDX-License-Identifier: MIT */
#include "tests/bench/ways.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/bench/cipher.h"
#include "tests/bench/evp.h"
#include "tests/bench/peer.h"
#include "tests/bench/token.h"

#define DEPTH_MAX 64u
#define LEN_MAX (64u << 10)
#define IN_STRIDE LEN_MAX
#define OUT_STRIDE (LEN_MAX + 64)
#define MAC_LEN 32u /* of HMAC-SHA-256, and of a SHA-256 */
#define MSG 64u /* bytes of the MACs, duals and chains */
#define POLLS_MAX 4000000u /* then something is wrong: wait with a deadline */
#define WAIT_NS INT64_C(5000000000)

static struct ukcf *conn, *caller;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in_buf, *out_buf;
static struct ukcf_key seal_key, local_key, mac_key, local_mac;
static uint32_t mech;
static uint64_t counter; /* of nonces */
static uint8_t text[LEN_MAX], sealed[LEN_MAX + CIPHER_TAG];

int ways_open(void)
{
	const uint32_t use = UKCF_USE_DEFAULT, mac = UKCF_MECH_HMAC_SHA2_256;
	int err = ukcf_connect(&conn, NULL, UKCF_CONNECT_NO_CALLER);

	if (!err)
		err = ukcf_connect(&caller, NULL, 0);
	if (!err)
		err = ukcf_mech_lookup(conn, cipher_name(), &mech);
	if (!err)
		err = ukcf_ring_open(conn, 2 * DEPTH_MAX, &ring);
	if (!err)
		err = ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT,
					DEPTH_MAX * IN_STRIDE, &in_buf);
	if (!err)
		err = ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT,
					DEPTH_MAX * OUT_STRIDE, &out_buf);
	if (!err)
		err = ukcf_key_import(conn, NULL, mech, use, 0, cipher_key(),
				      32, &seal_key);
	if (!err)
		err = ukcf_key_import(conn, NULL, mac, use, 0, cipher_key(), 32,
				      &mac_key);
	if (!err)
		err = ukcf_key_local(caller, mech, use, cipher_key(), 32,
				     &local_key);
	if (!err)
		err = ukcf_key_local(caller, mac, use, cipher_key(), 32,
				     &local_mac);
	if (err)
		return err;
	evp_open(cipher_key(), strcmp(cipher_name(), "aes-256-gcm") == 0);
	token_open(cipher_key());
	return 0;
}

void ways_close(void)
{
	token_close();
	evp_close();
	ukcf_disconnect(conn);
	ukcf_disconnect(caller);
}

/* ------------------------------------------------------------ over the ring */

static const uint8_t *next_nonce(void)
{
	static uint8_t nonce[CIPHER_NONCE];

	counter++;
	memcpy(nonce, &counter, sizeof(counter));
	return nonce;
}

static struct ukcf_span in_at(unsigned int slot, uint32_t len)
{
	return ukcf_buffer_span(in_buf, (size_t)slot * IN_STRIDE, len);
}

static struct ukcf_span out_at(unsigned int slot, uint32_t len)
{
	return ukcf_buffer_span(out_buf, (size_t)slot * OUT_STRIDE, len);
}

/* A NOP, or the message of a slot sealed. */
static int put(const struct way *w, unsigned int slot)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);

	if (!s)
		return -ENOSPC;
	s->user_data = slot;
	if (w->len == 0) {
		ukcf_prep_nop(s);
		return 0;
	}
	return ukcf_prep_encrypt(ring, s, mech, seal_key, next_nonce(),
				 CIPHER_NONCE, UKCF_SPAN_NONE,
				 in_at(slot, w->len),
				 out_at(slot, w->len + CIPHER_TAG));
}

/* The oldest completion; its slot is free again.  Polled for, as by who wants
 * it at once: the library's own window closes where others use the core. */
static int reap(unsigned int *slot)
{
	const struct ukcf_cqe *c;
	int rc = -EAGAIN;

	for (unsigned int i = 0; rc == -EAGAIN && i < POLLS_MAX; i++)
		rc = ukcf_peek_cqe(ring, &c);
	if (rc == -EAGAIN)
		rc = ukcf_wait_cqe(ring, &c, WAIT_NS);
	if (rc)
		return rc;
	rc = c->res < 0 ? (int)c->res : 0;
	*slot = (unsigned int)c->user_data;
	ukcf_cqe_seen(ring);
	return rc;
}

static int publish(unsigned int n)
{
	int rc = ukcf_submit(ring);

	return rc == (int)n ? 0 : rc < 0 ? rc : -ENOSPC;
}

/* Free slots, a stack. */
static unsigned int slots[DEPTH_MAX], n_slots;

static int fill(const struct way *w, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < n; i++)
		rc = put(w, slots[--n_slots]);
	return rc ? rc : publish(n);
}

/* w->depth in flight; a quarter of them is published together, as by who takes
 * what is there and then asks for as many more. */
static int over_ring(const struct way *w, unsigned int n)
{
	unsigned int batch = w->depth < 4 ? 1 : w->depth / 4;
	unsigned int sent = 0, done = 0;
	int rc = 0;

	for (n_slots = 0; n_slots < w->depth; n_slots++)
		slots[n_slots] = n_slots;
	while (!rc && done < n) {
		unsigned int left = n - sent;
		unsigned int more = n_slots < left ? n_slots : left;

		if (more && (more >= batch || more == left))
			rc = fill(w, more);
		sent += more && (more >= batch || more == left) ? more : 0;
		if (!rc)
			rc = reap(&slots[n_slots]);
		n_slots += !rc;
		done++;
	}
	return rc;
}

/* ------------------------------------------------------------ by other means */

static int in_caller(const struct way *w, unsigned int n)
{
	int64_t res = 0;

	while (res >= 0 && n-- > 0)
		res = ukcf_encrypt(caller, mech, local_key, next_nonce(),
				   CIPHER_NONCE, NULL, 0, text, w->len, sealed,
				   sizeof(sealed));
	return res < 0 ? (int)res : 0;
}

static const char *not_in_caller(void)
{
	static const struct way w = { .len = 64 };

	if (in_caller(&w, 1))
		return "it failed";
	return ukcf_last_call()->where == UKCF_WHERE_CALLER ?
		       NULL :
		       "no module is loaded here";
}

static int by_sodium(const struct way *w, unsigned int n)
{
	while (n-- > 0)
		cipher_encrypt(sealed, text, w->len, next_nonce());
	return 0;
}

static int by_evp(const struct way *w, unsigned int n)
{
	int rc = 0;

	while (!rc && n-- > 0)
		rc = evp_seal(sealed, text, w->len, next_nonce());
	return rc;
}

static int over_socket(const struct way *w, unsigned int n)
{
	int rc = 0;

	(void)w; /* PEER_DATA bytes */
	while (!rc && n-- > 0)
		rc = peer_round_trip(PEER_ENCRYPT);
	return rc;
}

/* ------------------------------------------------------------------- MACs */

static int mac_by(struct ukcf *u, struct ukcf_key key, unsigned int n)
{
	uint8_t mac[MAC_LEN];
	int64_t res = 0;

	while (res >= 0 && n-- > 0)
		res = ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, key, text, MSG, mac,
			       MAC_LEN);
	return res < 0 ? (int)res : 0;
}

static int mac_in_daemon(const struct way *w, unsigned int n)
{
	(void)w;
	return mac_by(conn, mac_key, n);
}

static int mac_in_caller(const struct way *w, unsigned int n)
{
	(void)w;
	return mac_by(caller, local_mac, n);
}

static int put_mac(unsigned int slot, struct ukcf_span in)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);

	if (!s)
		return -ENOSPC;
	s->user_data = slot;
	return ukcf_prep_mac(ring, s, UKCF_MECH_HMAC_SHA2_256, mac_key, in,
			     out_at(slot, MAC_LEN));
}

static int mac_batches(const struct way *w, unsigned int n)
{
	unsigned int slot, k;
	int rc = 0;

	for (; !rc && n > 0; n -= k) {
		k = n < w->depth ? n : w->depth;
		for (unsigned int i = 0; !rc && i < k; i++)
			rc = put_mac(i, in_at(i, MSG));
		if (!rc)
			rc = publish(k);
		for (unsigned int i = 0; !rc && i < k; i++)
			rc = reap(&slot);
	}
	return rc;
}

static int mac_by_sodium(const struct way *w, unsigned int n)
{
	uint8_t mac[MAC_LEN];

	(void)w;
	while (n-- > 0)
		crypto_auth_hmacsha256(mac, text, MSG, cipher_key());
	return 0;
}

static int mac_by_evp(const struct way *w, unsigned int n)
{
	int rc = 0;

	(void)w;
	while (!rc && n-- > 0)
		rc = evp_mac(sealed, text, MSG);
	return rc;
}

static int mac_by_token(const struct way *w, unsigned int n)
{
	int rc = 0;

	(void)w;
	while (!rc && n-- > 0)
		rc = token_mac(TOKEN_IN_PROCESS, sealed, text, MSG);
	return rc;
}

/* One that computes something else measures something else. */
static const char *check_token(enum token t)
{
	uint8_t want[MAC_LEN], got[MAC_LEN];

	if (token_missing(t))
		return token_missing(t);
	crypto_auth_hmacsha256(want, text, MSG, cipher_key());
	if (token_mac(t, got, text, MSG) || memcmp(got, want, MAC_LEN) != 0)
		return "its MACs are wrong";
	return NULL;
}

static const char *no_token(void)
{
	return check_token(TOKEN_IN_PROCESS);
}

static int mac_by_remote(const struct way *w, unsigned int n)
{
	int rc = 0;

	(void)w;
	while (!rc && n-- > 0)
		rc = token_mac(TOKEN_REMOTE, sealed, text, MSG);
	return rc;
}

static const char *no_remote(void)
{
	return check_token(TOKEN_REMOTE);
}

/* ------------------------------------------------------- duals and chains */

static int round_trip(int rc)
{
	unsigned int slot;

	if (!rc)
		rc = publish(1);
	return rc ? rc : reap(&slot);
}

static int dual_at_once(const struct way *w, unsigned int n)
{
	const struct ukcf_dual d = { .cipher = mech,
				     .mac = UKCF_MECH_HMAC_SHA2_256,
				     .cipher_key = seal_key,
				     .mac_key = mac_key,
				     .nonce = next_nonce(),
				     .nonce_len = CIPHER_NONCE };
	int rc = 0;

	while (!rc && n-- > 0) {
		struct ukcf_sqe *s = ukcf_get_sqe(ring);

		next_nonce(); /* d.nonce points at it */
		rc = s ? ukcf_prep_encrypt_mac(
				 ring, s, &d, UKCF_SPAN_NONE,
				 in_at(0, w->len),
				 out_at(0, w->len + CIPHER_TAG + MAC_LEN)) :
			 -ENOSPC;
		rc = round_trip(rc);
	}
	return rc;
}

static int dual_in_two(const struct way *w, unsigned int n)
{
	int rc = 0;

	while (!rc && n-- > 0) {
		rc = round_trip(put(w, 0));
		if (!rc)
			rc = round_trip(put_mac(
				1, out_at(0, w->len + CIPHER_TAG)));
	}
	return rc;
}

static int put_digest(struct ukcf_sqe *s, struct ukcf_span in,
		      struct ukcf_span out)
{
	return s ? ukcf_prep_digest(s, UKCF_MECH_SHA2_256, in, out) : -ENOSPC;
}

/* A digest of a digest of a digest. */
static int put_linked(bool first, bool last)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);
	int rc = put_digest(s, first ? in_at(0, MSG) : UKCF_SPAN_NONE,
			    last ? out_at(0, MAC_LEN) : UKCF_SPAN_NONE);

	if (rc)
		return rc;
	if (!first)
		ukcf_prep_take_input(s);
	if (!last)
		ukcf_prep_keep(s, MAC_LEN);
	return rc;
}

static int chain_linked(const struct way *w, unsigned int n)
{
	unsigned int slot;
	int rc = 0;

	(void)w;
	while (!rc && n-- > 0) {
		rc = put_linked(true, false);
		if (!rc)
			rc = put_linked(false, false);
		if (!rc)
			rc = put_linked(false, true);
		if (!rc)
			rc = publish(3);
		for (unsigned int i = 0; !rc && i < 3; i++)
			rc = reap(&slot);
	}
	return rc;
}

static int chain_apart(const struct way *w, unsigned int n)
{
	int rc = 0;

	(void)w;
	while (!rc && n-- > 0) {
		rc = round_trip(put_digest(ukcf_get_sqe(ring), in_at(0, MSG),
					   out_at(0, MAC_LEN)));
		if (!rc)
			rc = round_trip(put_digest(ukcf_get_sqe(ring),
						   out_at(0, MAC_LEN),
						   out_at(1, MAC_LEN)));
		if (!rc)
			rc = round_trip(put_digest(ukcf_get_sqe(ring),
						   out_at(1, MAC_LEN),
						   out_at(2, MAC_LEN)));
	}
	return rc;
}

/* It measures by itself, with its own table of sizes. */
static const char *dpdk_alone(void)
{
	return access("/usr/bin/dpdk-test-crypto-perf", X_OK) == 0 ?
		       "measures by itself: see the end" :
		       "not installed (package dpdk-dev)";
}

/* ---------------------------------------------------------------- the table */

#define KIB 1024u

#define NOP(depth) { WAYS_NOP, "NOP", 0, depth, over_ring, NULL }
/* One size, all ways. */
#define SIZE(len)                                                         \
	{ WAYS_AEAD, "libsodium, direct", len, 0, by_sodium, NULL },      \
	{ WAYS_AEAD, "OpenSSL EVP, direct", len, 0, by_evp, evp_missing }, \
	{ WAYS_AEAD, "ukcf, in the caller", len, 0, in_caller,            \
	  not_in_caller },                                                \
	{ WAYS_AEAD, "ukcf ring, depth 1", len, 1, over_ring, NULL },     \
	{ WAYS_AEAD, "ukcf ring, depth 64", len, 64, over_ring, NULL }

const struct way ways[] = {
	NOP(1), NOP(2), NOP(4), NOP(8), NOP(16), NOP(32), NOP(64),
	SIZE(64), SIZE(256), SIZE(1 * KIB), SIZE(4 * KIB), SIZE(16 * KIB),
	SIZE(64 * KIB),
	{ WAYS_AEAD, "Unix socket, one at a time", PEER_DATA, 0, over_socket,
	  NULL },
	{ WAYS_AEAD, "DPDK cryptodev, direct", PEER_DATA, 0, NULL, dpdk_alone },
	{ WAYS_MAC, "libsodium, direct", MSG, 0, mac_by_sodium, NULL },
	{ WAYS_MAC, "OpenSSL EVP, direct", MSG, 0, mac_by_evp, evp_missing },
	{ WAYS_MAC, "ukcf, own key, in the caller", MSG, 0, mac_in_caller,
	  not_in_caller },
	{ WAYS_MAC, "ukcf, the daemon's key, synchronous", MSG, 0,
	  mac_in_daemon, NULL },
	{ WAYS_MAC, "ukcf, the daemon's key, batches of 16", MSG, 16,
	  mac_batches, NULL },
	{ WAYS_MAC, "SoftHSM2, in process", MSG, 0, mac_by_token, no_token },
	{ WAYS_MAC, "p11-kit remote, SoftHSM2", MSG, 0, mac_by_remote,
	  no_remote },
	{ WAYS_DUAL, "one request", MSG, 1, dual_at_once, NULL },
	{ WAYS_DUAL, "two requests", MSG, 1, dual_in_two, NULL },
	{ WAYS_DUAL, "one request", 4 * KIB, 1, dual_at_once, NULL },
	{ WAYS_DUAL, "two requests", 4 * KIB, 1, dual_in_two, NULL },
	{ WAYS_CHAIN, "three linked requests", MSG, 3, chain_linked, NULL },
	{ WAYS_CHAIN, "three round trips", MSG, 1, chain_apart, NULL },
};
const unsigned int n_ways = sizeof(ways) / sizeof(ways[0]);
