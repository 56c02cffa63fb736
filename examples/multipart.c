/* SPDX-License-Identifier: MIT */
/* multipart: a MAC, by a key that the daemon has, of data that comes in parts.
 * Parts are submitted as they come, and run in order; only the last one has a
 * completion, unless one fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_HMAC_SHA2_256
#define CTX 1u /* ours to choose, 1 to UKCF_CONTEXTS_MAX */
#define MAC 32u
#define WAIT_NS INT64_C(10000000000)

static const char *const parts[] = { "one part, ", "another, ", "the last" };

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

int main(void)
{
	const struct ukcf_cqe *c;
	struct ukcf_buffer *in, *out;
	struct ukcf_ring *ring;
	struct ukcf_key key;
	char whole[64] = "";
	size_t off = 0, len;
	struct ukcf *u;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, 8, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 64, &in), "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, MAC, &out), "out");
	must(ukcf_key_generate(u, NULL, MECH, UKCF_USE_DEFAULT, 0, &key),
	     "key");
	must(ukcf_prep_init(ring, ukcf_get_sqe(ring), CTX, UKCF_OP_MAC, MECH,
			    key, NULL, 0, UKCF_SPAN_NONE), "init");
	for (unsigned int i = 0; i < 3; i++, off += len) {
		len = strlen(parts[i]);
		memcpy((char *)ukcf_buffer_data(in) + off, parts[i], len);
		must(ukcf_prep_update(ukcf_get_sqe(ring), CTX,
				      ukcf_buffer_span(in, off, len),
				      UKCF_SPAN_NONE), "update");
	}
	must(ukcf_prep_final(ukcf_get_sqe(ring), CTX, UKCF_SPAN_NONE,
			     ukcf_buffer_span(out, 0, MAC), UKCF_SPAN_NONE),
	     "final");
	must(ukcf_submit(ring), "submit");
	must(ukcf_wait_cqe(ring, &c, WAIT_NS), "wait");
	must(c->res, "the operation");
	ukcf_cqe_seen(ring);

	memcpy(whole, ukcf_buffer_data(in), off);
	must(ukcf_mac_verify(u, MECH, key, whole, off, ukcf_buffer_data(out),
			     MAC), "the MAC of the whole");
	printf("\"%s\": its MAC is that of its parts\n", whole);
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
