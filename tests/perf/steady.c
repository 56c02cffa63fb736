/* SPDX-License-Identifier: MIT */
/*
 * steady FILE: 10^6 requests (NOP and digest), polling: not one call of malloc
 * and not one system call, in the consumer and in the daemon.  Both run with
 * the malloc interposer; strace counts system calls in windows of time.  Each
 * counter is shown to count by a control that allocates, or calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/perf/alloc-count.h"
#include "tests/perf/threads.h"
#include "tests/perf/trace.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define REQUESTS 1000000
#define DEPTH 64
#define BATCH 16
#define WARM_UP 100000
#define WARM_NS UINT64_C(500000000)
#define WINDOWS 30
#define BUSY_PREEMPTIONS 30 /* a quiet machine has some 10 in a window */
#define WAIT_NS UINT64_C(10000000000)

static struct ukcf *conn;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in_buf, *out_buf;
static struct alloc_file *allocs;

static void open_allocs(void)
{
	const char *path = getenv("UKCF_ALLOC_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	if (fd >= 0)
		p = mmap(NULL, sizeof(*allocs), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		check_bail("no counters: 410-steady.sh starts this");
	close(fd);
	allocs = p;
}

/* The newest: a process that called exec(2) has others.  -1: the interposer is
 * not in that process. */
static int slot_of(pid_t pid)
{
	for (int i = ALLOC_SLOTS; i-- > 0;)
		if (load_acquire_u32(&allocs->slots[i].pid) == (uint32_t)pid)
			return i;
	return -1;
}

static uint64_t alloc_calls(int slot)
{
	return load_relaxed_u64(&allocs->slots[slot].calls);
}

static int put(uint64_t i)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(ring);

	if (!sqe)
		return -ENOSPC;
	sqe->user_data = i;
	if (i % 2 == 0) {
		ukcf_prep_nop(sqe);
		return 0;
	}
	return ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
				ukcf_buffer_span(in_buf, i % DEPTH * 64, 64),
				ukcf_buffer_span(out_buf, i % DEPTH * 32, 32));
}

static int reap(void)
{
	const struct ukcf_cqe *cqe;
	uint64_t end = 0;
	int64_t want;
	int rc;

	while ((rc = ukcf_peek_cqe(ring, &cqe)) == -EAGAIN) {
		if (!end)
			end = clock_ns() + WAIT_NS;
		else if (clock_ns() > end)
			return -ETIMEDOUT;
	}
	if (rc)
		return rc;
	want = cqe->user_data % 2 ? 32 : 0;
	rc = cqe->res == want ? 0 : -EBADE;
	ukcf_cqe_seen(ring);
	return rc;
}

static int batch(uint64_t *i, unsigned int n)
{
	int rc = 0;

	for (unsigned int k = 0; !rc && k < n; k++)
		rc = put((*i)++);
	if (!rc && ukcf_submit(ring) != (int)n)
		rc = -ENOSPC;
	return rc;
}

/* n requests at depth DEPTH, all answered. */
static int run(uint64_t n)
{
	uint64_t sent = 0, seen = 0;
	int rc = 0;

	while (!rc && sent < DEPTH)
		rc = batch(&sent, BATCH);
	for (; !rc && seen < n; seen++) {
		rc = reap();
		if (!rc && seen % BATCH == BATCH - 1 && sent < n)
			rc = batch(&sent, BATCH);
	}
	return rc;
}

static void must(int rc, const char *what)
{
	if (rc < 0)
		check_bail("%s: %s", what, ukcf_strerror(rc));
}

static void open_all(void)
{
	must(ukcf_connect(&conn, NULL, UKCF_CONNECT_NO_CALLER), "connect");
	must(ukcf_ring_open(conn, 2 * DEPTH, &ring), "ring");
	must(ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT, DEPTH * 64, &in_buf),
	     "input buffer");
	must(ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, DEPTH * 32, &out_buf),
	     "output buffer");
}

static void steady_allocs(pid_t daemon)
{
	int own = slot_of(getpid()), other = slot_of(daemon);
	uint64_t a, b, c, d;
	struct ukcf_ring *extra;

	if (own < 0 || other < 0)
		check_bail("the interposer is not in both processes");
	must(run(WARM_UP), "warm-up");
	a = alloc_calls(own);
	b = alloc_calls(other);
	must(run(REQUESTS), "steady run");
	c = alloc_calls(own);
	d = alloc_calls(other);
	check(c == a, "%d requests: %llu calls of malloc in the consumer",
	      REQUESTS, (unsigned long long)(c - a));
	check(d == b, "%d requests: %llu calls of malloc in the daemon",
	      REQUESTS, (unsigned long long)(d - b));
	must(ukcf_ring_open(conn, 8, &extra), "another ring");
	check(alloc_calls(own) > c, "control: opening a ring allocates in the "
				    "consumer, and that is counted");
	check(alloc_calls(other) > d, "control: and in the daemon");
	ukcf_ring_close(extra);
}

static void warm_up(void)
{
	uint64_t end = clock_ns() + WARM_NS;

	do {
		must(run(WARM_UP), "warm-up");
	} while (clock_ns() < end);
}

/* How often a thread of the process was preempted so far. */
static uint64_t preemptions(pid_t pid)
{
	uint64_t sum = 0;
	struct threads t;
	int err = threads_read(pid, &t);

	if (err)
		check_bail("threads of process %d: %s", pid, strerror(-err));
	for (unsigned int i = 0; i < t.n; i++)
		sum += t.t[i].preempted;
	return sum;
}

/*
 * Steady is what goes on when nobody takes a CPU away: whoever is preempted
 * lets the other side go to sleep, rightly, and does not poll for a while.
 * strace disturbs too, when it attaches and with every call.  So there is time
 * to calm down, and there are many windows.  On a machine that is busy in each
 * of them nothing can be shown.
 */
static void judge(const struct trace_span *w, const uint64_t *preempted)
{
	uint64_t least = UINT64_MAX;
	unsigned int clean = 0;

	for (unsigned int i = 0; i < WINDOWS; i++) {
		clean += w[i].own + w[i].other == 0;
		least = preempted[i] < least ? preempted[i] : least;
	}
	note("%d windows of %d requests: %u without a system call; at least "
	     "%llu preemptions in each", WINDOWS, REQUESTS, clean,
	     (unsigned long long)least);
	if (!clean && least >= BUSY_PREEMPTIONS && check_done() == 0)
		check_skip("the machine was never quiet: %llu preemptions or "
			   "more in each of %d windows",
			   (unsigned long long)least, WINDOWS);
	check(clean > 0, "%d requests: no system call of consumer and daemon",
	      REQUESTS);
}

static void steady_calls(const char *file, pid_t daemon)
{
	static struct trace_span w[WINDOWS + 1];
	static uint64_t preempted[WINDOWS];
	struct ukcf_counts counts;
	unsigned int i;

	trace_start(file, daemon);
	warm_up();
	for (i = 0; i < WINDOWS; i++) {
		uint64_t before = preemptions(daemon) + preemptions(getpid());

		must(run(WARM_UP), "warm-up");
		w[i].from_ns = trace_now();
		must(run(REQUESTS), "steady run");
		w[i].to_ns = trace_now();
		preempted[i] = preemptions(daemon) + preemptions(getpid()) -
			       before;
	}
	w[i].from_ns = trace_now();
	must(ukcf_counts_get(conn, &counts), "control request");
	w[i].to_ns = trace_now();
	trace_stop(w, WINDOWS + 1);
	check(w[i].own > 0 && w[i].other > 0,
	      "control: a control request is %llu calls of the consumer and "
	      "%llu of the daemon", (unsigned long long)w[i].own,
	      (unsigned long long)w[i].other);
	judge(w, preempted);
}

int main(int argc, char **argv)
{
	pid_t daemon = probe_pid();

	if (argc != 2)
		check_bail("usage: steady FILE-FOR-THE-TRACE");
	open_allocs();
	open_all();
	steady_allocs(daemon);
	steady_calls(argv[1], daemon);
	ukcf_disconnect(conn);
	return check_done();
}
