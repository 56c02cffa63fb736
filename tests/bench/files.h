/* SPDX-License-Identifier: MIT */
/*
 * Owns the comparison of `cryptoctl encrypt' and `decrypt' on a file with the
 * same cipher on memory: what reading, the rings and writing cost when they
 * overlap.
 */
#ifndef TESTS_BENCH_FILES_H
#define TESTS_BENCH_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct files {
	const char *missing; /* why it was not measured, or NULL */
	uint64_t bytes;	     /* of the file */
	double direct, encrypt, decrypt; /* MB/s, medians */
};

/* 0, or -errno after a complaint. */
int files_measure(struct files *f, bool quick);

#endif
