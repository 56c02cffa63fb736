/* SPDX-License-Identifier: MIT */
/* chain: three linked requests, submitted at once: agree on a secret with a
 * peer, derive a key from it, encrypt with that.  Secret and key stay in the
 * daemon; this process never has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define TAG 16u
#define WAIT_NS INT64_C(10000000000)

static const char text[] = "to the peer", info[] = "example";

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

int main(void)
{
	static const uint8_t nonce[12]; /* the key is used once */
	struct ukcf_buffer *in, *out;
	struct ukcf_key mine, peers;
	struct ukcf_ring *ring;
	struct ukcf_sqe *s;
	struct ukcf *u;
	uint8_t *p;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, 4, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 128, &in), "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, 128, &out), "out");
	must(ukcf_key_generate(u, NULL, UKCF_MECH_X25519, 0, 0, &mine), "mine");
	must(ukcf_key_generate(u, NULL, UKCF_MECH_X25519, 0, 0, &peers), "peer");
	p = ukcf_buffer_data(in);
	must(ukcf_key_public(u, peers, p, 32), "the peer's public key");
	memcpy(p + 32, info, sizeof(info));
	memcpy(p + 64, text, sizeof(text));

	s = ukcf_get_sqe(ring);
	must(ukcf_prep_derive(ring, s, UKCF_MECH_X25519, mine,
			      ukcf_buffer_span(in, 0, 32), UKCF_SPAN_NONE),
	     "derive");
	ukcf_prep_keep(s, 32);
	s = ukcf_get_sqe(ring);
	must(ukcf_prep_kdf(ring, s, UKCF_MECH_HKDF_SHA2_256, UKCF_KEY_NONE,
			   UKCF_SPAN_NONE,
			   ukcf_buffer_span(in, 32, sizeof(info)),
			   UKCF_SPAN_NONE), "kdf");
	ukcf_prep_take_key(s);
	ukcf_prep_keep(s, 32);
	s = ukcf_get_sqe(ring);
	must(ukcf_prep_encrypt(ring, s, UKCF_MECH_CHACHA20_POLY1305,
			       UKCF_KEY_NONE, nonce, sizeof(nonce),
			       UKCF_SPAN_NONE,
			       ukcf_buffer_span(in, 64, sizeof(text)),
			       ukcf_buffer_span(out, 0, sizeof(text) + TAG)),
	     "encrypt");
	ukcf_prep_take_key(s);
	must(ukcf_submit(ring), "submit");
	for (unsigned int i = 0; i < 3; i++) {
		const struct ukcf_cqe *c;

		must(ukcf_wait_cqe(ring, &c, WAIT_NS), "wait");
		must(c->res, "a step");
		printf("step %u: %d bytes\n", i + 1, (int)c->res);
		ukcf_cqe_seen(ring);
	}
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
