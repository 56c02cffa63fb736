/* SPDX-License-Identifier: MIT */
/* uring-loop FILE: SHA-256 of each 64 KiB of a file.  io_uring reads the pieces
 * straight into memory that the daemon reads, and watches the ring's descriptor:
 * one loop waits for both.  Compile with -luring as well. */
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <ukcf/ukcf.h>

#define SLOTS 8u /* pieces on their way */
#define PIECE 65536u
#define DIGEST 32u
#define WATCH UINT64_MAX /* user_data of the poll */

static struct io_uring loop;
static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static unsigned int active, piece[SLOTS];
static int fd;

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

static void read_piece(unsigned int slot, unsigned int n)
{
	struct io_uring_sqe *s = io_uring_get_sqe(&loop);

	piece[slot] = n;
	io_uring_prep_read(s, fd, (char *)ukcf_buffer_data(in) + slot * PIECE,
			   PIECE, (uint64_t)n * PIECE);
	io_uring_sqe_set_data64(s, slot);
}

static void digest_piece(unsigned int slot, int len)
{
	struct ukcf_sqe *s;

	must(len, "read");
	if (len == 0) { /* the end of the file */
		active--;
		return;
	}
	while (!(s = ukcf_get_sqe(ring)))
		sched_yield(); /* free when the daemon says so: soon */
	must(ukcf_prep_digest(s, UKCF_MECH_SHA2_256,
			      ukcf_buffer_span(in, slot * PIECE, (size_t)len),
			      ukcf_buffer_span(out, slot * DIGEST,
					       DIGEST)), "digest");
	s->user_data = slot;
	must(ukcf_submit(ring), "submit");
}

static void reap(void)
{
	const struct ukcf_cqe *c;

	for (; ukcf_peek_cqe(ring, &c) == 0; ukcf_cqe_seen(ring)) {
		unsigned int slot = (unsigned int)c->user_data;
		const uint8_t *p = ukcf_buffer_data(out);

		must(c->res, "digest");
		printf("%u ", piece[slot]);
		for (unsigned int i = 0; i < DIGEST; i++)
			printf("%02x", p[slot * DIGEST + i]);
		putchar('\n');
		read_piece(slot, piece[slot] + SLOTS);
	}
}

static void watch(void)
{
	struct io_uring_sqe *s = io_uring_get_sqe(&loop);

	io_uring_prep_poll_add(s, ukcf_fd(u), POLLIN);
	io_uring_sqe_set_data64(s, WATCH);
}

static void wait_for_both(void)
{
	struct __kernel_timespec limit = { .tv_sec = 10 };
	struct io_uring_cqe *c;

	io_uring_submit(&loop);
	must(io_uring_wait_cqe_timeout(&loop, &c, &limit), "wait");
	if (c->user_data == WATCH) {
		ukcf_fd_clear(u);
		watch();
	} else {
		digest_piece((unsigned int)c->user_data, c->res);
	}
	io_uring_cqe_seen(&loop, c);
}

int main(int argc, char **argv)
{
	int armed;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, SLOTS, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, SLOTS * PIECE, &in), "in");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, SLOTS * DIGEST, &out),
	     "out");
	must(io_uring_queue_init(2 * SLOTS, &loop, 0), "io_uring");
	fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) {
		perror(argc > 1 ? argv[1] : "usage: uring-loop FILE");
		return EXIT_FAILURE;
	}
	watch();
	for (active = 0; active < SLOTS; active++)
		read_piece(active, active);
	while (active) {
		reap();
		armed = ukcf_ring_arm(ring);
		must(armed, "the ring");
		if (!armed) /* else one came meanwhile */
			wait_for_both();
	}
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
