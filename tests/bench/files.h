/* SPDX-License-Identifier: MIT */
/*
 * Owns the comparison of `cryptoctl encrypt' and `decrypt' on a file with the
 * same cipher on memory, of the same library: what reading, the rings and
 * writing cost when they overlap.
 */
#ifndef TESTS_BENCH_FILES_H
#define TESTS_BENCH_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define FILES_PROVIDERS 2

/* Medians; a ratio is that of one round, in which all three took turns. */
struct files_row {
	const char *provider;
	double direct, encrypt, decrypt; /* MB/s */
	double encrypt_x, decrypt_x;	 /* of direct */
};

struct files {
	const char *missing; /* why it was not measured, or NULL */
	uint64_t bytes;	     /* of the file */
	unsigned int n_rows;
	struct files_row rows[FILES_PROVIDERS];
};

/* 0, or -errno after a complaint. */
int files_measure(struct files *f, bool quick);

#endif
