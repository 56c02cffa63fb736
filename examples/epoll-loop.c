/* SPDX-License-Identifier: MIT */
/* epoll-loop: a MAC of each line of stdin (a pipe or a terminal): one thread and
 * one epoll loop wait for lines and for completions alike. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_HMAC_SHA2_256
#define LINES 16u /* in flight at most; then stdin has to wait */
#define LONGEST 256u
#define MAC 32u

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key key;
static unsigned int sent, done;

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

/* Watched only while a line would have its place. */
static void watch_stdin(int loop, int want)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = STDIN_FILENO };
	static int watched;

	if (want == watched)
		return;
	if (epoll_ctl(loop, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO,
		      &e) < 0)
		must(-errno, "stdin"); /* a file is never waited for */
	watched = want;
}

/* Return: whether stdin goes on.  One read is one line, as from a terminal. */
static int take_line(void)
{
	size_t at = sent % LINES;
	char *to = (char *)ukcf_buffer_data(in) + at * LONGEST;
	struct ukcf_sqe *s = ukcf_get_sqe(ring);
	ssize_t n;

	if (!s) /* its place is free when the daemon says so: soon */
		return 1;
	n = read(STDIN_FILENO, to, LONGEST);
	if (n <= 0) /* the entry stays as it is, and is never submitted */
		return 0;
	must(ukcf_prep_mac(ring, s, MECH, key,
			   ukcf_buffer_span(in, at * LONGEST, (size_t)n),
			   ukcf_buffer_span(out, at * MAC, MAC)), "mac");
	s->user_data = sent++;
	must(ukcf_submit(ring), "submit");
	return 1;
}

static void reap(void)
{
	const struct ukcf_cqe *c;

	for (; ukcf_peek_cqe(ring, &c) == 0; ukcf_cqe_seen(ring)) {
		done++;
		printf("line %u: %s\n", (unsigned int)c->user_data,
		       c->res < 0 ? ukcf_strerror(c->res) : "has its MAC");
	}
}

int main(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC), armed, more = 1;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, LINES, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, LINES * LONGEST, &in),
	     "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, LINES * MAC, &out),
	     "out");
	must(ukcf_key_generate(u, NULL, MECH, UKCF_USE_DEFAULT, 0, &key),
	     "key");
	e.data.fd = ukcf_fd(u);
	epoll_ctl(loop, EPOLL_CTL_ADD, e.data.fd, &e);
	for (reap(); more || done < sent; reap()) {
		watch_stdin(loop, more && sent - done < LINES);
		armed = ukcf_ring_arm(ring); /* 1: one came meanwhile */
		must(armed, "the ring");
		if (armed || epoll_wait(loop, &e, 1, -1) != 1)
			continue;
		if (e.data.fd == STDIN_FILENO)
			more = take_line();
		else
			ukcf_fd_clear(u);
	}
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
