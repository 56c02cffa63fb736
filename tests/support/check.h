/* SPDX-License-Identifier: MIT */
/*
 * Owns what every plain test program needs: one line per property checked, the
 * exit status, counts that depend on UKCF_SOAK, seeded random numbers.
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHECK_SKIP 77 /* exit status of a skipped test: automake */

/* Print "ok: what" or "FAILED: what", remember a failure.  Return: cond. */
bool check(bool cond, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line that is no judgement. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Exit status: 0 if every check held. */
int check_done(void);
/* Print the reason and exit with CHECK_SKIP. */
void check_skip(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
/* The test itself cannot go on: print why and exit with 99. */
void check_bail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* quick in `make check`, full under UKCF_SOAK=1 */
uint64_t scaled(uint64_t quick, uint64_t full);
bool soaking(void);
/* More time for sanitizers and valgrind: 1 or more. */
unsigned int slowness(void);

/* Seeded by UKCF_SEED (else 1), so the same seed gives the same run. */
struct rng {
	uint64_t s;
};
void rng_init(struct rng *r, uint64_t stream);
uint64_t rng_u64(struct rng *r);
/* Below n; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
void rng_fill(struct rng *r, void *p, size_t n);

/* Zeroed memory that forked children share. */
void *shared_alloc(size_t size);

/* A uid that is not the daemon's: nobody if root, else the caller's own. */
uid_t other_uid(void);
/* Become uid for good; 0 or -errno.  Stays dumpable, so that /proc/self is
 * the process's own; keeps its PR_SET_PDEATHSIG. */
int become(uid_t uid);

#endif
