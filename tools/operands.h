/* SPDX-License-Identifier: MIT */
/*
 * Owns operands as cryptoadm(8) writes them: provider=NAME mechanism=LIST; and
 * numbers and sizes.
 */
#ifndef TOOLS_OPERANDS_H
#define TOOLS_OPERANDS_H

#include <stdint.h>

#include "tools/cryptoctl.h"

struct operands {
	const char *provider, *mechanisms;
	const char *word; /* whatever else there is, at most one */
};

/* Each at most once; NULL where it is not there.  0, or -1 after a
 * complaint. */
int operands_parse(struct operands *o, const struct invocation *in);
/* The next name of LIST at *at, which moves on; its bytes, 0 at the end. */
size_t operands_next(const char **at, const char **name);

/* The number after an option, from min to max; without one (NULL) *n stays.  0,
 * or -1 after a complaint. */
int operands_number(const char *option, const char *text, uint64_t min,
		    uint64_t max, uint64_t *n);
/* Bytes, 0 or more, with a suffix or none: 64K and 64KiB are 65536, 64KB is
 * 64000; K, M, G, T, P or E.  0, or -1 after a complaint about what. */
int operands_size(const char *what, const char *text, uint64_t *n);

#endif
