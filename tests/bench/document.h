/* SPDX-License-Identifier: MIT */
/* Owns the report as a document: Markdown with tables, and charts beside it. */
#ifndef TESTS_BENCH_DOCUMENT_H
#define TESTS_BENCH_DOCUMENT_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/bench/survey.h"

/* Make it if it is not there: before minutes are spent.  0 or -errno, after a
 * complaint. */
int document_prepare(const char *dir);
/*
 * report.md, latency.svg, size.svg and depth.svg in dir.  Sorts the
 * series.
 * Return: 0 or -errno, after a complaint.
 */
int document_write(const char *dir, struct survey *s, bool pinned, bool quick);
/* Its section on them alone. */
void document_devices(FILE *f, const struct devices *d);

#endif
