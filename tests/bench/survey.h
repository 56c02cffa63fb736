/* SPDX-License-Identifier: MIT */
/*
 * Owns the survey that a report is made of: every way measured in turns, each
 * burst between two probes as in measure.h, how long single round trips take,
 * what several consumers get, and how fast files and a device are.
 */
#ifndef TESTS_BENCH_SURVEY_H
#define TESTS_BENCH_SURVEY_H

#include <stdbool.h>

#include "tests/bench/device.h"
#include "tests/bench/files.h"
#include "tests/bench/probe.h"
#include "tests/bench/shares.h"
#include "tests/bench/stat.h"

#define SURVEY_WAYS 64 /* at most */

struct survey_row {
	const char *missing;	     /* why it was not measured, or NULL */
	struct series ns[PLACE_MIXED]; /* per operation, one a burst */
};

/* Of single round trips, one after the other. */
enum trip { TRIP_NOP, TRIP_SEAL, TRIP_SOCKET, TRIPS };
/* Percentiles: 50, 90, 99, 99.9, 99.99 and the longest. */
#define PERCENTILES 6

struct survey {
	struct survey_row rows[SURVEY_WAYS]; /* as ways[] */
	double trip_ns[TRIPS][PERCENTILES];
	unsigned int trips; /* of each */
	struct shares shares;
	struct files files;
	struct devices devices;
	struct series probe[PLACE_MIXED];
	unsigned int dropped; /* mixed bursts */
};

extern const char *const trip_names[TRIPS];
extern const char *const percentile_names[PERCENTILES];

/* 0, or -errno of what went wrong. */
int survey_all(struct survey *s, bool quick);
/* The place that most bursts had: the report is of that. */
enum place survey_place(const struct survey *s);
/* Median ns per operation, or 0: not measured. */
double survey_ns(struct survey *s, unsigned int way);

#endif
