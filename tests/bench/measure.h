/* SPDX-License-Identifier: MIT */
/*
 * Owns the measurements: what is timed in a burst, beside which control, and
 * which ratio of the two is a result.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdbool.h>

#include "tests/bench/probe.h"
#include "tests/bench/stat.h"

/* Raw values, ns per operation. */
enum raw {
	RAW_PROBE,
	RAW_NOP_RTT,
	RAW_NOP_PIPELINED,
	RAW_SYNC_64,
	RAW_BARE_64,
	RAW_ASYNC_16K,
	RAW_SODIUM_16K,
	RAW_AEAD_RTT_64,
	RAW_UNIX_RTT_64,
	RAW_BARE_SEQPACKET_RTT,
	RAW_UNIX_NOP_PIPELINED,
	RAW_MAC_KEY_64,
	RAW_MAC_TMPL_64,
	RAWS
};

enum ratio {
	RATIO_NOP_RTT_OVER_PROBE,
	RATIO_PIPELINED_OVER_PROBE,
	RATIO_SYNC_OVER_BARE_64,
	RATIO_ASYNC_OVER_SODIUM_16K,
	RATIO_UNIX_RTT_OVER_OURS_64,
	RATIO_UNIX_RTT_OVER_BARE,
	RATIO_UNIX_NOP_PIPELINED_OVER_OURS,
	RATIO_TEMPLATE_GAIN_64,
	RATIOS
};

struct ratio_info {
	const char *name;
	double goal;
	bool at_least; /* else at most */
	enum raw over, under;
	unsigned int group;
};

extern const struct ratio_info ratio_infos[RATIOS];
extern const char *const raw_names[RAWS];

struct results {
	struct series raw[PLACES][RAWS];
	struct series ratio[PLACES][RATIOS];
	unsigned int bursts[PLACES];
	bool invalid[RATIOS]; /* an error was said: the key is null */
	char errors[8][160];
	unsigned int n_errors;
};

/* All groups.  quick: in less than 30 s. */
void measure_all(struct results *r, bool quick);

#endif
