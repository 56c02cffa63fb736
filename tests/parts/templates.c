/* SPDX-License-Identifier: MIT */
/*
 * Templates through a daemon: equal results, destroyed while in use, the end
 * by itself, the end with the key, and a daemon that was killed meanwhile.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/probe.h"

#define WAIT_NS INT64_C(20000000000)
#define LEN 200
#define DEPTH 16

static struct ukcf *u;
static const uint8_t bytes[32] = "thirty-two bytes, known to us al";
static uint8_t text[LEN];

/* The same by the key's own consumer, in the caller: no template there. */
static bool mac_is_right(struct ukcf_key tmpl, struct ukcf_key local)
{
	uint8_t a[32], b[32];
	int64_t res = ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, tmpl, text, LEN, a,
			       sizeof(a));

	return res == 32 &&
	       ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, local, text, LEN, b,
			sizeof(b)) == 32 &&
	       memcmp(a, b, sizeof(a)) == 0 &&
	       ukcf_mac_verify(u, UKCF_MECH_HMAC_SHA2_256, local, text, LEN, a,
			       sizeof(a)) == 0;
}

static bool gcm_is_right(struct ukcf_key tmpl, struct ukcf_key local)
{
	uint8_t nonce[12] = { 1 }, sealed[LEN + 16], opened[LEN];
	int64_t res = ukcf_encrypt(u, UKCF_MECH_AES_256_GCM, tmpl, nonce,
				   sizeof(nonce), text, 7, text, LEN, sealed,
				   sizeof(sealed));

	if (res != LEN + 16)
		return false;
	res = ukcf_decrypt(u, UKCF_MECH_AES_256_GCM, local, nonce,
			   sizeof(nonce), text, 7, sealed, sizeof(sealed),
			   opened, sizeof(opened));
	if (res != LEN || memcmp(opened, text, LEN) != 0)
		return false;
	memset(opened, 0, sizeof(opened));
	res = ukcf_decrypt(u, UKCF_MECH_AES_256_GCM, tmpl, nonce,
			   sizeof(nonce), text, 7, sealed, sizeof(sealed),
			   opened, sizeof(opened));
	return res == LEN && memcmp(opened, text, LEN) == 0;
}

static bool has_gcm(void)
{
	struct ukcf_page_mech m;

	return ukcf_mech_info(u, UKCF_MECH_AES_256_GCM, &m) == 0;
}

static struct ukcf_key held(uint32_t mech, struct ukcf_key *local)
{
	struct ukcf_key k;

	if (ukcf_key_import(u, NULL, mech, 0, 0, bytes, sizeof(bytes), &k) ||
	    ukcf_key_local(u, mech, 0, bytes, sizeof(bytes), local))
		check_bail("no key: detail %u", ukcf_last_call()->detail);
	return k;
}

static struct ukcf_key created(uint32_t mech, struct ukcf_key key, uint16_t sub)
{
	struct ukcf_key t;

	if (ukcf_tmpl_create(u, mech, key, sub, &t))
		check_bail("no template: detail %u", ukcf_last_call()->detail);
	return t;
}

static int64_t mac(struct ukcf_key key)
{
	uint8_t out[32];

	return ukcf_mac(u, UKCF_MECH_HMAC_SHA2_256, key, text, LEN, out, 32);
}

static void equal_results(void)
{
	struct ukcf_key local, k = held(UKCF_MECH_HMAC_SHA2_256, &local), t;

	t = created(UKCF_MECH_HMAC_SHA2_256, k, 0);
	check(mac_is_right(t, local), "hmac: a template gives the key's result");
	check(ukcf_tmpl_destroy(u, t) == 0 && mac(t) == -EKEYREVOKED &&
		      mac(k) == 32,
	      "destroyed: no use any more, and the key goes on");
	check(ukcf_tmpl_destroy(u, t) == -EKEYREVOKED &&
		      ukcf_tmpl_destroy(u, k) == -ENOKEY &&
		      ukcf_key_destroy(u, t) == -ENOKEY,
	      "a template is no key, and is destroyed once");
	t = created(UKCF_MECH_HMAC_SHA2_256, local, 0);
	check(mac_is_right(t, local), "of a local key");
	if (!has_gcm()) {
		note("aes-256-gcm is not offered here");
		return;
	}
	k = held(UKCF_MECH_AES_256_GCM, &local);
	t = created(UKCF_MECH_AES_256_GCM, k, 0);
	check(gcm_is_right(t, local), "aes-256-gcm, both ways");
}

static void ends(void)
{
	struct ukcf_key local, k = held(UKCF_MECH_HMAC_SHA2_256, &local), t;

	t = created(UKCF_MECH_HMAC_SHA2_256, k, UKCF_SUB_TMPL_AUTO);
	check(mac(t) == 32 && mac(t) == -EKEYREVOKED,
	      "AUTO: it ends with its first use");
	t = created(UKCF_MECH_HMAC_SHA2_256, k, 0);
	check(ukcf_key_destroy(u, k) == 0 && mac(t) == -EKEYREVOKED,
	      "it ends with its key");
	check(ukcf_tmpl_create(u, UKCF_MECH_HMAC_SHA2_256, k, 0, &t) ==
		      -EKEYREVOKED,
	      "none of a destroyed key");
	k = held(UKCF_MECH_ED25519, &local);
	check(ukcf_tmpl_create(u, UKCF_MECH_ED25519, k, 0, &t) == -EOPNOTSUPP,
	      "none where there is nothing to compute");
}

static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;

static void submit_macs(struct ukcf_key t)
{
	for (unsigned int i = 0; i < DEPTH; i++) {
		struct ukcf_sqe *s = ukcf_get_sqe(ring);

		s->user_data = i;
		if (ukcf_prep_mac(ring, s, UKCF_MECH_HMAC_SHA2_256, t,
				  ukcf_buffer_span(in, 0, 1 << 20),
				  ukcf_buffer_span(out, 32 * i, 32)))
			check_bail("prep");
		s->flags = UKCF_SQE_QUEUE;
	}
}

/* KCF: "the consumer must not destroy early". */
static void kcf_destroyed_in_use(void)
{
	struct ukcf_key local, k = held(UKCF_MECH_HMAC_SHA2_256, &local), t;
	unsigned int right = 0, results = 0, destroyed_at = 0;
	const struct ukcf_cqe *c;
	struct ukcf_sqe *s;

	t = created(UKCF_MECH_HMAC_SHA2_256, k, 0);
	submit_macs(t);
	s = ukcf_get_sqe(ring);
	s->user_data = DEPTH;
	ukcf_prep_tmpl_destroy(s, t);
	if (ukcf_submit(ring) != DEPTH + 1)
		check_bail("submit");
	while (results < DEPTH + 1 && ukcf_wait_cqe(ring, &c, WAIT_NS) == 0) {
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT) {
			results++;
			right += c->user_data < DEPTH && c->res == 32;
			if (c->user_data == DEPTH && c->res == 0)
				destroyed_at = results;
		}
		ukcf_cqe_seen(ring);
	}
	check(right == DEPTH, "destroyed in use: all %u requests end well",
	      DEPTH);
	check(destroyed_at == DEPTH + 1, "it is answered after the last of them");
	check(mac(t) == -EKEYREVOKED, "and it is gone");
}

static void killed_daemon(void)
{
	struct ukcf_key local, k = held(UKCF_MECH_HMAC_SHA2_256, &local), t;
	pid_t pid = probe_pid();

	t = created(UKCF_MECH_HMAC_SHA2_256, k, 0);
	kill(pid, SIGKILL);
	check(probe_restarted(pid, 20000 * slowness()) > 0,
	      "the daemon was killed and came back");
	check(mac_is_right(t, local), "a template outlives it");
	check(ukcf_tmpl_destroy(u, t) == 0, "and can be destroyed");
}

int main(void)
{
	struct rng rng;

	rng_init(&rng, 1);
	rng_fill(&rng, text, sizeof(text));
	if (ukcf_connect(&u, NULL, 0) || ukcf_ring_open(u, 32, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 1 << 20, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, 32 * DEPTH, &out))
		check_bail("no ring");
	equal_results();
	ends();
	kcf_destroyed_in_use();
	killed_daemon();
	ukcf_disconnect(u);
	return check_done();
}
