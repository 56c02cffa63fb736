/* SPDX-License-Identifier: MIT */
/*
 * steady FILE: 10^6 requests (NOP and digest), polling: not one call of malloc
 * and not one system call, in the consumer and in the daemon.  Both run with
 * the malloc interposer; strace counts system calls between marks.  Each
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
#include "tests/perf/trace.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define REQUESTS 1000000
#define DEPTH 64
#define BATCH 16
#define WARM_UP 100000
#define WARM_NS UINT64_C(500000000)
#define WINDOWS 5
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

/*
 * A window is judged between marks 2 i and 2 i + 1.  Steady is what goes on
 * when nobody takes a CPU away: strace itself does when it attaches, and with
 * every call, so there is time to calm down, and a few windows.
 */
static void steady_calls(const char *file, pid_t daemon)
{
	struct ukcf_counts counts;
	struct trace_counts c;
	unsigned int i, best = 0;

	trace_start(file, daemon);
	for (i = 0; i < WINDOWS; i++) {
		warm_up();
		trace_mark(2 * i);
		must(run(REQUESTS), "steady run");
		trace_mark(2 * i + 1);
	}
	must(ukcf_counts_get(conn, &counts), "control request");
	trace_mark(2 * WINDOWS);
	trace_stop(&c);
	for (i = 0; i < WINDOWS; i++) {
		note("window %u: %llu system calls of the consumer, %llu of "
		     "the daemon", i + 1, (unsigned long long)c.own[2 * i],
		     (unsigned long long)c.other[2 * i]);
		if (c.own[2 * i] + c.other[2 * i] <
		    c.own[2 * best] + c.other[2 * best])
			best = i;
	}
	check(c.own[2 * best] == 0 && c.other[2 * best] == 0,
	      "%d requests: no system call of consumer and daemon (window %u)",
	      REQUESTS, best + 1);
	i = 2 * WINDOWS - 1;
	check(c.own[i] > 0 && c.other[i] > 0,
	      "control: a control request is %llu calls of the consumer and "
	      "%llu of the daemon",
	      (unsigned long long)c.own[i], (unsigned long long)c.other[i]);
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
