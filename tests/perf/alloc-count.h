/* SPDX-License-Identifier: MIT */
/*
 * Owns the counters that the malloc interposer (alloc-count.so, by LD_PRELOAD)
 * keeps in the file $UKCF_ALLOC_FILE: one slot per process.
 */
#ifndef TESTS_PERF_ALLOC_COUNT_H
#define TESTS_PERF_ALLOC_COUNT_H

#include <stdint.h>

#define ALLOC_SLOTS 1024

struct alloc_slot {
	uint32_t pid;
	uint32_t pad;
	uint64_t calls; /* malloc, calloc, realloc, aligned_alloc, free */
};

struct alloc_file {
	uint32_t used;
	uint32_t pad[15];
	struct alloc_slot slots[ALLOC_SLOTS];
};

#endif
