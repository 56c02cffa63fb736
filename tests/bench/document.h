/* SPDX-License-Identifier: MIT */
/* Owns the report as a document: Markdown with tables, and charts beside it. */
#ifndef TESTS_BENCH_DOCUMENT_H
#define TESTS_BENCH_DOCUMENT_H

#include <stdbool.h>

#include "tests/bench/survey.h"

/*
 * report.md, latency.svg, size.svg and depth.svg in dir, which is made if it is
 * not there.  Sorts the series.
 * Return: 0 or -errno, after a complaint.
 */
int document_write(const char *dir, struct survey *s, bool pinned, bool quick);

#endif
