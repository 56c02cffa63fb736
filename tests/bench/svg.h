/* SPDX-License-Identifier: MIT */
/* Owns a line chart as SVG: logarithmic ns upwards, named places across. */
#ifndef TESTS_BENCH_SVG_H
#define TESTS_BENCH_SVG_H

#define SVG_PLACES 16
#define SVG_LINES 8

struct svg_line {
	const char *name;
	double ns[SVG_PLACES]; /* 0: no point */
};

struct svg_chart {
	const char *title, *across;
	const char *places[SVG_PLACES]; /* left to right */
	unsigned int n_places;
	struct svg_line lines[SVG_LINES];
	unsigned int n_lines;
};

/* 0 or -errno. */
int svg_write(const char *path, const struct svg_chart *c);

#endif
