/* SPDX-License-Identifier: MIT */
/*
 * Owns the reports of the claim tests: a table of cases, each shown by a
 * consumer process of its own, each of its claims one TAP case.  A case that
 * hangs, or dies, fails alone.
 *
 * The rows are read by people, by claims_main() and by
 * tests/lint/claims.sh, which wants a claim to stand in one row of one table:
 *
 *	CLAIM("3 14", REAL, "what is seen", function),
 *	LATER("27", REAL, "what would be seen", "why it is not shown yet"),
 *	DEFECT("4", REAL, "what is seen", function),
 *
 * PRETEND: what is seen needs hardware, and nullhw pretends to be it, unless
 * there is some: hardware.h.
 */
#ifndef TESTS_CLAIMS_HARNESS_H
#define TESTS_CLAIMS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

enum shown_on { REAL, PRETEND };

struct claim_case {
	const char *word;    /* "claim" or "defect" */
	const char *numbers; /* one or more, one space between them */
	enum shown_on on;
	const char *what;
	void (*show)(void); /* NULL: it is skipped */
	const char *why;    /* and that is why */
};

#define CLAIM(numbers, on, what, show) { "claim", numbers, on, what, show, NULL }
#define LATER(numbers, on, what, why) { "claim", numbers, on, what, NULL, why }
#define DEFECT(numbers, on, what, show) \
	{ "defect", numbers, on, what, show, NULL }

/* In a case: what must hold.  The case goes on, and has failed. */
bool expect(bool cond, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The case cannot go on, and has failed. */
void give_up(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
/* It cannot be shown on this machine. */
void not_here(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* How long a case waits for what must come: 10 s, or UKCF_CLAIMS_PATIENCE_MS,
 * where it will not come. */
unsigned int patience_ms(void);

/* Run all rows.  Return: the exit status. */
int claims_main(const struct claim_case *cases, size_t n);

#endif
