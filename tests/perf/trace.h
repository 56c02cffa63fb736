/* SPDX-License-Identifier: MIT */
/* Owns the counting of two processes' system calls between marks, by strace. */
#ifndef TESTS_PERF_TRACE_H
#define TESTS_PERF_TRACE_H

#include <stdint.h>
#include <sys/types.h>

#define TRACE_MARKS 16

struct trace_counts {
	/* between mark i and mark i + 1 */
	uint64_t own[TRACE_MARKS];
	uint64_t other[TRACE_MARKS];
};

/* Attach to this process and another's threads; skips the test with a reason
 * where that is not allowed. */
void trace_start(const char *file, pid_t other);
/* A system call that is recognised in the trace. */
void trace_mark(unsigned int i);
/* Detach, and count. */
void trace_stop(struct trace_counts *c);

#endif
