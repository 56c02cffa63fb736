/* SPDX-License-Identifier: MIT */
/* Owns the counting of two processes' system calls in spans of time, by strace.
 * A span is taken by the clock that the kernel maps into every process, so that
 * beginning and ending one is no system call itself. */
#ifndef TESTS_PERF_TRACE_H
#define TESTS_PERF_TRACE_H

#include <stdint.h>
#include <sys/types.h>

struct trace_span {
	uint64_t from_ns, to_ns; /* trace_now() */
	uint64_t own, other;	 /* system calls begun in between */
};

/* Attach to this process and another's threads; skips the test with a reason
 * where that is not allowed. */
void trace_start(const char *file, pid_t other);
uint64_t trace_now(void);
/* Detach, and count for n spans. */
void trace_stop(struct trace_span *spans, unsigned int n);

#endif
