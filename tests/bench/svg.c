/* SPDX-License-Identifier: MIT */
#include "tests/bench/svg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define WIDTH 720
#define HEIGHT 420
#define LEFT 70
#define RIGHT 500 /* of the plot; names of lines beside it */
#define TOP 40
#define BOTTOM 370

static const char *const colours[SVG_LINES] = {
	"#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad",
	"#d68910", "#34495e", "#16a085", "#7f8c8d",
};

/* Whole powers of ten around all points. */
struct scale {
	int low, high;
};

static struct scale scale_of(const struct svg_chart *c)
{
	double least = 0, most = 0;

	for (unsigned int i = 0; i < c->n_lines; i++) {
		for (unsigned int k = 0; k < c->n_places; k++) {
			double v = c->lines[i].ns[k];

			if (v > 0 && (least <= 0 || v < least))
				least = v;
			if (v > most)
				most = v;
		}
	}
	if (most <= 0)
		return (struct scale){ 0, 1 };
	return (struct scale){ (int)floor(log10(least)),
			       (int)floor(log10(most)) + 1 };
}

static double x_of(const struct svg_chart *c, unsigned int place)
{
	unsigned int gaps = c->n_places > 1 ? c->n_places - 1 : 1;

	return LEFT + 20 + (RIGHT - LEFT - 40.0) * place / gaps;
}

static double y_of(struct scale s, double ns)
{
	return BOTTOM - (BOTTOM - TOP) * (log10(ns) - s.low) /
				(s.high - s.low);
}

/* Titles and names are the program's own, but <, > and &. */
static void text(FILE *f, double x, double y, const char *anchor,
		 const char *words)
{
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y,
		anchor);
	for (; *words; words++) {
		if (*words == '&')
			fputs("&amp;", f);
		else if (*words == '<')
			fputs("&lt;", f);
		else if (*words == '>')
			fputs("&gt;", f);
		else
			fputc(*words, f);
	}
	fputs("</text>\n", f);
}

static void axes(FILE *f, const struct svg_chart *c, struct scale s)
{
	static const char *const units[] = { "1 ns",   "10 ns",	 "100 ns",
					     "1 us",   "10 us",	 "100 us",
					     "1 ms",   "10 ms",	 "100 ms",
					     "1 s",    "10 s",	 "100 s" };

	for (int p = s.low; p <= s.high; p++) {
		double y = y_of(s, pow(10, p));

		fprintf(f, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
			   "stroke=\"#ddd\"/>\n", LEFT, y, RIGHT, y);
		if (p >= 0 && p < 12)
			text(f, LEFT - 6, y + 4, "end", units[p]);
	}
	for (unsigned int i = 0; i < c->n_places; i++)
		text(f, x_of(c, i), BOTTOM + 18, "middle", c->places[i]);
	text(f, (LEFT + RIGHT) / 2.0, BOTTOM + 38, "middle", c->across);
	text(f, LEFT, TOP - 16, "start", c->title);
}

static void line(FILE *f, const struct svg_chart *c, struct scale s,
		 unsigned int i)
{
	const struct svg_line *l = &c->lines[i];
	double y = TOP + 10 + 20.0 * i;

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		   "points=\"", colours[i]);
	for (unsigned int k = 0; k < c->n_places; k++)
		if (l->ns[k] > 0)
			fprintf(f, "%.1f,%.1f ", x_of(c, k), y_of(s, l->ns[k]));
	fputs("\"/>\n", f);
	for (unsigned int k = 0; k < c->n_places; k++)
		if (l->ns[k] > 0)
			fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" "
				   "fill=\"%s\"/>\n", x_of(c, k),
				y_of(s, l->ns[k]), colours[i]);
	fprintf(f, "<rect x=\"%d\" y=\"%.1f\" width=\"12\" height=\"4\" "
		   "fill=\"%s\"/>\n", RIGHT + 14, y - 5, colours[i]);
	text(f, RIGHT + 32, y, "start", l->name);
}

int svg_write(const char *path, const struct svg_chart *c)
{
	struct scale s = scale_of(c);
	FILE *f = fopen(path, "we");
	int err = 0;

	if (!f)
		return -errno;
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		   "height=\"%d\" font-family=\"sans-serif\" "
		   "font-size=\"12\">\n"
		   "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		WIDTH, HEIGHT);
	axes(f, c, s);
	for (unsigned int i = 0; i < c->n_lines; i++)
		line(f, c, s, i);
	fputs("</svg>\n", f);
	if (ferror(f))
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}
