/* SPDX-License-Identifier: MIT */
/*
 * Owns the ways to do one thing that the report sets side by side: through a
 * ring, in the caller, over a Unix socket, by a library directly, by a PKCS#11
 * token.  Each is a row of a table and does a number of operations.
 */
#ifndef TESTS_BENCH_WAYS_H
#define TESTS_BENCH_WAYS_H

#include <stdint.h>

enum way_group {
	WAYS_NOP,   /* by depth: what the way to the daemon costs */
	WAYS_AEAD,  /* by size: one message sealed */
	WAYS_MAC,   /* HMAC-SHA-256 of 64 bytes, beside other key services */
	WAYS_DUAL,  /* encrypt, then MAC: one request or two */
	WAYS_CHAIN, /* three steps: linked, or one after the other */
	WAY_GROUPS
};

struct way {
	enum way_group group;
	const char *line; /* of a chart, and of a table */
	uint32_t len;	  /* bytes */
	unsigned int depth; /* in flight; 0: it is synchronous */
	/* n operations.  0 or -errno. */
	int (*run)(const struct way *w, unsigned int n);
	/* Why it cannot be measured here, or NULL; NULL: it always can. */
	const char *(*missing)(void);
};

extern const struct way ways[];
extern const unsigned int n_ways;

/* A connection, a ring and memory of their own; tokens and EVP contexts.  0 or
 * -errno. */
int ways_open(void);
void ways_close(void);

#endif
