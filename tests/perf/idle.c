/* SPDX-License-Identifier: MIT */
/*
 * An idle daemon with 20 connected consumers, some of which had work for it:
 * no thread of it runs, not once, for 5 s (60 s under UKCF_SOAK).  A consumer
 * that rings shows that the detector works.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/perf/threads.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define CONSUMERS 20
#define MS UINT64_C(1000000)
#define WAIT_NS INT64_C(10000000000)

/* Shared with the consumers. */
struct shared {
	uint32_t ready;
	uint32_t failed;
};

static struct shared *shared;
static pid_t pids[CONSUMERS];
static int talk[CONSUMERS][2]; /* a byte: one more request; closed: end */

static int one_nop(struct ukcf_ring *r)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(r);
	const struct ukcf_cqe *cqe;
	int rc;

	if (!sqe)
		return -ENOSPC;
	ukcf_prep_nop(sqe);
	rc = ukcf_submit(r);
	if (rc != 1)
		return rc < 0 ? rc : -ENOSPC;
	rc = ukcf_wait_cqe(r, &cqe, WAIT_NS);
	if (!rc)
		ukcf_cqe_seen(r);
	return rc;
}

static int consumer_main(unsigned int i)
{
	uint8_t md[32];
	struct ukcf_ring *r;
	struct ukcf *u;
	char byte;
	int rc = ukcf_connect(&u, NULL, i % 2 ? UKCF_CONNECT_NO_CALLER : 0);

	if (!rc)
		rc = ukcf_ring_open(u, 64, &r);
	for (unsigned int k = 0; !rc && i % 3 && k < 100; k++)
		rc = one_nop(r);
	/* Every second one also has a ring of the library's own. */
	if (!rc && ukcf_digest(u, UKCF_MECH_SHA2_256, "abc", 3, md, 32) != 32)
		rc = -EIO;
	if (rc)
		fetch_add_u32(&shared->failed, 1);
	fetch_add_u32(&shared->ready, 1);
	while (!rc && read(talk[i][0], &byte, 1) == 1)
		rc = one_nop(r);
	return rc ? 1 : 0;
}

static void start_consumers(void)
{
	uint64_t end;

	for (unsigned int i = 0; i < CONSUMERS; i++) {
		if (pipe(talk[i]) < 0 || (pids[i] = fork()) < 0)
			check_bail("cannot start consumers: %s",
				   strerror(errno));
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (unsigned int k = 0; k <= i; k++)
				close(talk[k][1]);
			_exit(consumer_main(i));
		}
		close(talk[i][0]);
	}
	end = clock_ns() + 30000 * MS * slowness();
	while (load_acquire_u32(&shared->ready) < CONSUMERS &&
	       clock_ns() < end)
		probe_pause();
	check(load_acquire_u32(&shared->ready) == CONSUMERS &&
		      load_acquire_u32(&shared->failed) == 0,
	      "%d consumers are connected, each with a ring", CONSUMERS);
}

static void stop_consumers(void)
{
	for (unsigned int i = 0; i < CONSUMERS; i++)
		close(talk[i][1]);
	for (unsigned int i = 0; i < CONSUMERS; i++)
		waitpid(pids[i], NULL, 0);
}

static void let_pass(uint64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000 * MS) };

	nanosleep(&ts, NULL);
}

static void look(pid_t pid, struct threads *s)
{
	int err = threads_read(pid, s);

	if (err == -ENOENT)
		check_skip("this kernel has no schedstat");
	if (err)
		check_bail("cannot see the daemon's threads: %s",
			   strerror(-err));
}

/* Until nothing moved for half a second. */
static bool settle(pid_t pid, struct threads *s)
{
	struct threads now;

	look(pid, s);
	for (unsigned int i = 0; i < 20; i++) {
		let_pass(500);
		look(pid, &now);
		if (!threads_differ(s, &now, false))
			return true;
		*s = now;
	}
	return false;
}

int main(void)
{
	uint64_t ms = scaled(5000, 60000);
	pid_t pid = probe_pid();
	struct threads before, after;
	uint64_t end;

	shared = shared_alloc(sizeof(*shared));
	start_consumers();
	check(settle(pid, &before), "the daemon comes to rest");
	let_pass(ms);
	look(pid, &after);
	check(!threads_differ(&before, &after, true),
	      "%u threads, %llu s: no context switch, no CPU time", before.n,
	      (unsigned long long)(ms / 1000));

	/* The control. */
	if (write(talk[1][1], "x", 1) != 1)
		check_bail("cannot reach a consumer");
	end = clock_ns() + 5000 * MS;
	do {
		probe_pause();
		look(pid, &after);
	} while (!threads_differ(&before, &after, false) && clock_ns() < end);
	check(threads_differ(&before, &after, true),
	      "control: one request of one consumer is seen");
	stop_consumers();
	return check_done();
}
