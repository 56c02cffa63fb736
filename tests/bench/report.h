/* SPDX-License-Identifier: MIT */
/* Owns the output: JSON for programs, a table for people. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include <stddef.h>

#include "tests/bench/measure.h"

/* The value of a line "name : value" of /proc/cpuinfo, or "". */
void report_cpuinfo(const char *name, char *value, size_t size);
/* Sorts the series. */
void report_json(struct results *r, bool pinned);
void report_table(struct results *r, bool pinned);

#endif
