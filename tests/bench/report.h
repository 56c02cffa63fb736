/* SPDX-License-Identifier: MIT */
/* Owns the output: JSON for programs, a table for people. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include "tests/bench/measure.h"

/* Sorts the series. */
void report_json(struct results *r, bool pinned);
void report_table(struct results *r, bool pinned);

#endif
