/* SPDX-License-Identifier: MIT */
/*
 * Owns lines of sums in the form of sha256sum(1): printing them, and checking
 * files against a list of them.
 */
#ifndef TOOLS_SUMS_H
#define TOOLS_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUM_MAX 4096 /* bytes: room for PARTS_RESULT_MAX */

/* Bytes of the sum of a file, or -1 after a complaint. */
typedef int64_t sum_make(void *arg, const char *path, uint8_t sum[SUM_MAX]);

void sums_print(const char *path, const uint8_t *sum, int64_t len);

/**
 * struct sums_check - how a list is checked
 * @quiet: no line for a file whose sum is right
 * @silent: no lines at all, only the status
 */
struct sums_check {
	sum_make *make;
	void *arg;
	bool quiet, silent;
};

/* All files that the list in path names.  0 if all are as it says, else -1,
 * after what sha256sum says. */
int sums_check(const struct sums_check *how, const char *path);

#endif
