/* SPDX-License-Identifier: MIT */
/* threads: one connection, and a ring for each thread, as a ring is for one
 * thread at a time.  Synchronous calls need none: any thread makes them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ukcf/ukcf.h>

#define THREADS 4u
#define REQUESTS 1000u
#define DEPTH 16u
#define RANDOM 32u
#define WAIT_NS INT64_C(10000000000)

static struct ukcf *u; /* any number of threads may use it */

static void must(int64_t res, const char *what)
{
	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, ukcf_strerror(res));
	exit(EXIT_FAILURE);
}

/* DEPTH requests in flight, each with its place in the buffer. */
static void *work(void *arg)
{
	unsigned int *done = arg, sent = 0;
	struct ukcf_buffer *out; /* memory is the connection's: any may use it */
	struct ukcf_ring *ring;  /* this thread's */
	const struct ukcf_cqe *c;

	must(ukcf_ring_open(u, DEPTH, &ring), "ring");
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, DEPTH * RANDOM, &out),
	     "out");
	while (*done < REQUESTS) {
		for (; sent < REQUESTS && sent - *done < DEPTH; sent++) {
			struct ukcf_sqe *s = ukcf_get_sqe(ring);
			size_t at = sent % DEPTH * RANDOM;

			if (!s) /* its place is free when the daemon says so */
				break;
			must(ukcf_prep_random(s, ukcf_buffer_span(out, at,
								  RANDOM)),
			     "random");
		}
		must(ukcf_submit(ring), "submit");
		must(ukcf_wait_cqe(ring, &c, WAIT_NS), "wait");
		must(c->res, "a request");
		ukcf_cqe_seen(ring);
		++*done;
	}
	ukcf_ring_close(ring);
	ukcf_buffer_free(out);
	return NULL;
}

int main(void)
{
	unsigned int done[THREADS] = { 0 };
	pthread_t threads[THREADS];

	must(ukcf_connect(&u, NULL, 0), "connect");
	for (unsigned int i = 0; i < THREADS; i++)
		must(-pthread_create(&threads[i], NULL, work, &done[i]),
		     "thread");
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		printf("thread %u: %u requests\n", i, done[i]);
	}
	ukcf_disconnect(u); /* after the last thread has ended */
	return EXIT_SUCCESS;
}
