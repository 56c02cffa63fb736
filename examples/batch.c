/* SPDX-License-Identifier: MIT */
/* batch: 64 digests in flight at once, their results taken by an epoll loop
 * that could serve sockets and timers as well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <ukcf/ukcf.h>

#define N 64u
#define PIECE 4096u
#define DIGEST 32u

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

static void submit_all(void)
{
	for (unsigned int i = 0; i < N; i++) {
		struct ukcf_sqe *s = ukcf_get_sqe(ring);

		if (!s) /* the ring is full: submit and reap to go on */
			abort();
		s->user_data = i;
		must(ukcf_prep_digest(s, UKCF_MECH_SHA2_256,
				      ukcf_buffer_span(in, i * PIECE, PIECE),
				      ukcf_buffer_span(out, i * DIGEST,
						       DIGEST)), "digest");
	}
	must(ukcf_submit(ring), "submit");
}

/* Return: how many results there were. */
static unsigned int reap(void)
{
	const struct ukcf_cqe *c;
	unsigned int n = 0;

	for (; ukcf_peek_cqe(ring, &c) == 0; ukcf_cqe_seen(ring)) {
		must(c->res, "a request");
		n += (c->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT;
	}
	return n;
}

int main(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC);
	unsigned int done = 0;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, N, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, N * PIECE, &in), "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, N * DIGEST, &out), "out");
	memset(ukcf_buffer_data(in), 'x', N * PIECE);
	epoll_ctl(loop, EPOLL_CTL_ADD, ukcf_fd(u), &e);
	submit_all();
	while ((done += reap()) < N) {
		if (ukcf_ring_arm(ring)) /* there is one already */
			continue;
		epoll_wait(loop, &e, 1, 10000);
		ukcf_fd_clear(u);
	}
	printf("%u digests\n", done);
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
