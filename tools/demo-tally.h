/* SPDX-License-Identifier: MIT */
/*
 * Owns the demo's account: what ran where, how often, how fast.
 */
#ifndef TOOLS_DEMO_TALLY_H
#define TOOLS_DEMO_TALLY_H

#include <stdint.h>

#define TALLY_ROWS 32

struct tally_row {
	const char *what, *mech;
	unsigned int where; /* enum ukcf_where */
	uint64_t count, ns, bytes;
};

struct tally {
	struct tally_row rows[TALLY_ROWS];
	unsigned int n;
};

/* count calls that took ns together and worked on bytes; names are kept. */
void tally_add(struct tally *t, const char *what, const char *mech,
	       unsigned int where, uint64_t count, uint64_t ns,
	       uint64_t bytes);
const char *tally_where(unsigned int where);
/* 0, or -1 after a complaint. */
int tally_print(const struct tally *t);

#endif
