/* SPDX-License-Identifier: MIT */
/*
 * Owns the running of one vector on one path: over a ring of its own with
 * registered buffers and keys, or by a synchronous call in the caller.
 */
#ifndef TESTS_KAT_RUN_H
#define TESTS_KAT_RUN_H

#include "tests/kat/vector.h"

enum kat_path { KAT_RING, KAT_CALLER, KAT_PATHS };

enum kat_outcome {
	KAT_PASSED,
	KAT_REFUSED, /* outside the declared limits, with the right error */
	KAT_SKIPPED,
	KAT_FAILED,
	KAT_OUTCOMES
};

/* Connect; bails out with a message and -errno. */
int kat_run_open(void);
void kat_run_close(void);
/* From now on ask for that provider, which no call in the caller can: those
 * are skipped.  0, or -ENODEV. */
int kat_run_provider(const char *name);
/* why: the reason of a skip or a failure. */
enum kat_outcome kat_run(const struct kat_vector *v, enum kat_path path,
			 char *why, size_t size);
const char *kat_path_name(enum kat_path path);

#endif
