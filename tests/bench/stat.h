/* SPDX-License-Identifier: MIT */
/* Owns medians: means are destroyed by gaps of milliseconds that the host
 * makes, medians are not. */
#ifndef TESTS_BENCH_STAT_H
#define TESTS_BENCH_STAT_H

#define SERIES_MAX 512

struct series {
	double v[SERIES_MAX];
	unsigned int n;
};

/* Sorts v; n > 0. */
double median(double *v, unsigned int n);
void series_add(struct series *s, double v);

#endif
