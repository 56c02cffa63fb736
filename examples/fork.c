/* SPDX-License-Identifier: MIT */
/* fork: what a child has of its parent's connection (nothing), and what it does:
 * it frees the memory, and connects again.  The daemon sees another process. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#define WAIT_NS INT64_C(10000000000)

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

static void nop(struct ukcf_ring *ring, const char *who)
{
	struct ukcf_sqe *s = ukcf_get_sqe(ring);
	const struct ukcf_cqe *c;

	if (!s)
		must(-1, "the ring is full");
	ukcf_prep_nop(s);
	must(ukcf_submit(ring), "submit");
	must(ukcf_wait_cqe(ring, &c, WAIT_NS), "wait");
	must(c->res, "nop");
	ukcf_cqe_seen(ring);
	printf("%s: its ring works\n", who);
}

static void child(struct ukcf *parents, struct ukcf_ring *ring)
{
	const struct ukcf_cqe *c;
	uint8_t byte;
	struct ukcf *u;

	printf("child, the parent's ring: %s\n",
	       ukcf_strerror(ukcf_wait_cqe(ring, &c, WAIT_NS)));
	printf("child, the parent's connection: %s\n",
	       ukcf_strerror(ukcf_random(parents, &byte, 1)));
	/* Frees memory and descriptors; the parent notices nothing.  A child
	 * that goes on with exec(2) or _exit(2) need not even do that. */
	ukcf_disconnect(parents);

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, 4, &ring), "ring");
	nop(ring, "child");
	ukcf_disconnect(u);
}

int main(void)
{
	struct ukcf_ring *ring;
	struct ukcf *u;
	int status;
	pid_t pid;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_ring_open(u, 4, &ring), "ring");
	pid = fork();
	must(pid, "fork");
	if (pid == 0) {
		child(u, ring);
		return EXIT_SUCCESS;
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return EXIT_FAILURE;
	nop(ring, "parent");
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
