/* SPDX-License-Identifier: MIT */
/* Owns what the scheduler says of a process's threads: did any of them run? */
#ifndef TESTS_PERF_THREADS_H
#define TESTS_PERF_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define THREADS_MAX 64

struct thread_state {
	pid_t tid;
	char comm[16];
	uint64_t run_ns;   /* schedstat: time on a CPU */
	uint64_t slices;   /* schedstat: times it got one */
	uint64_t switches; /* status: voluntary and not */
	uint64_t preempted; /* those that were not */
};

struct threads {
	struct thread_state t[THREADS_MAX];
	unsigned int n;
};

/* 0; -ENOENT where the kernel does not account; -errno. */
int threads_read(pid_t pid, struct threads *s);
/* Print what changed as "# ..." lines; false: nothing did. */
bool threads_differ(const struct threads *a, const struct threads *b,
		    bool say);

#endif
