/* SPDX-License-Identifier: MIT */
/*
 * Owns what eight processes get of the daemon that they load beyond what it can
 * do: their shares, what one of them waits that asks for little, and whether
 * the provider that is chosen was the quickest.
 */
#ifndef TESTS_BENCH_SHARES_H
#define TESTS_BENCH_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#define SHARES_CONSUMERS 8
#define SHARES_SIZES 4

struct shares_choice {
	uint32_t len; /* bytes that are digested */
	char chosen[32], best[32]; /* providers; "": not measured */
	double chosen_ns, best_ns; /* medians of service time */
};

struct shares {
	double jain; /* of their service times; 1: all had the same */
	/* One that has a single request at a time, and the others, who always
	 * have 16: medians, ns. */
	double light_wait_ns, heavy_wait_ns, service_ns;
	struct shares_choice choice[SHARES_SIZES];
};

/* 0, or -errno after a complaint. */
int shares_measure(struct shares *s, bool quick);

#endif
