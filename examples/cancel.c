/* SPDX-License-Identifier: MIT */
/* cancel: requests that are queued, and the last one taken back by its handle.
 * Each ends once, whichever of the two is first. */
#include <stdio.h>
#include <stdlib.h>

#include <ukcf/ukcf.h>

#define N 8u
#define LEN (4u << 20)
#define DIGEST 32u
#define CANCEL 1000u /* user_data of the cancel itself */
#define WAIT_NS INT64_C(10000000000)

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

static void submit(unsigned int i)
{
	struct ukcf_sqe s = { .user_data = i };

	must(ukcf_prep_digest(&s, UKCF_MECH_SHA2_256,
			      ukcf_buffer_span(in, 0, LEN),
			      ukcf_buffer_span(out, i * DIGEST, DIGEST)),
	     "digest");
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	must(ukcf_submit_sqes(ring, &s, 1) - 1, "the ring is full");
}

static void cancel(uint64_t handle)
{
	struct ukcf_sqe s = { .user_data = CANCEL };

	ukcf_prep_cancel(&s, handle);
	must(ukcf_submit_sqes(ring, &s, 1) - 1, "the ring is full");
}

int main(void)
{
	unsigned int results = 0;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, 2 * N, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, LEN, &in), "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, N * DIGEST, &out), "out");
	for (unsigned int i = 0; i < N; i++)
		submit(i);
	while (results < N + 1) {
		const struct ukcf_cqe *c;

		must(ukcf_wait_cqe(ring, &c, WAIT_NS), "wait");
		if ((c->flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED) {
			if (c->user_data == N - 1)
				cancel(c->u.value);
		} else {
			results++;
			printf("%s %u: %s\n",
			       c->user_data == CANCEL ? "cancel" : "request",
			       (unsigned int)c->user_data,
			       c->res < 0 ? ukcf_strerror(c->res) : "done");
		}
		ukcf_cqe_seen(ring);
	}
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
