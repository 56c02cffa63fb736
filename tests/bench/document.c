/* SPDX-License-Identifier: MIT */
#include "tests/bench/document.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/bench/cipher.h"
#include "tests/bench/report.h"
#include "tests/bench/svg.h"
#include "tests/bench/ways.h"

static const struct {
	const char *title, *says;
} groups[WAY_GROUPS] = {
	[WAYS_NOP] = { "The way to the daemon and back",
		       "A request that does nothing, by how many are in "
		       "flight; a quarter of them is published together." },
	[WAYS_AEAD] = { "One message sealed",
			"The same cipher by every way. `in the caller` has the "
			"key in the program; the ring and the socket do not." },
	[WAYS_MAC] = { "HMAC-SHA-256 of 64 bytes, beside other key services",
		       "Who computes it has the key; with a token or the "
		       "daemon the program does not." },
	[WAYS_DUAL] = { "Encrypt, then MAC",
			"One request for both against one after the other." },
	[WAYS_CHAIN] = { "Three steps, each from the result of the last",
			 "Linked requests, published together, against three "
			 "round trips." },
};

/* ----------------------------------------------------------------- charts */

/* A line of its own for each name, in the order of the table. */
static struct svg_line *line_of(struct svg_chart *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_lines; i++)
		if (strcmp(c->lines[i].name, name) == 0)
			return &c->lines[i];
	if (c->n_lines == SVG_LINES)
		return NULL;
	c->lines[c->n_lines].name = name;
	return &c->lines[c->n_lines++];
}

/* Its place, by the number that is written there. */
static unsigned int place_of(struct svg_chart *c, unsigned int n)
{
	static char names[SVG_PLACES][12];
	char name[12];

	snprintf(name, sizeof(name), "%u", n);
	for (unsigned int i = 0; i < c->n_places; i++)
		if (strcmp(c->places[i], name) == 0)
			return i;
	if (c->n_places == SVG_PLACES)
		return SVG_PLACES - 1;
	memcpy(names[c->n_places], name, sizeof(name));
	c->places[c->n_places] = names[c->n_places];
	return c->n_places++;
}

static struct svg_chart chart_of(struct survey *s, enum way_group g,
				 const char *across)
{
	struct svg_chart c = { .title = groups[g].title, .across = across };

	for (unsigned int i = 0; i < n_ways; i++) {
		const struct way *w = &ways[i];
		double ns = survey_ns(s, i);
		struct svg_line *l;

		if (w->group != g || ns <= 0)
			continue;
		l = line_of(&c, w->line);
		if (l)
			l->ns[place_of(&c, g == WAYS_NOP ? w->depth : w->len)] =
				ns;
	}
	return c;
}

static struct svg_chart trip_chart(const struct survey *s)
{
	struct svg_chart c = { .title = "Round trips, one at a time",
			       .across = "so many took no longer",
			       .n_places = PERCENTILES,
			       .n_lines = TRIPS };

	for (unsigned int p = 0; p < PERCENTILES; p++)
		c.places[p] = percentile_names[p];
	for (unsigned int t = 0; t < TRIPS; t++) {
		c.lines[t].name = trip_names[t];
		for (unsigned int p = 0; p < PERCENTILES; p++)
			c.lines[t].ns[p] = s->trip_ns[t][p];
	}
	return c;
}

/* --------------------------------------------------------------- Markdown */

static void machine(FILE *f, const struct survey *s, bool pinned, bool quick)
{
	double load[1] = { 0 };
	char model[128];
	struct utsname u;

	uname(&u);
	report_cpuinfo("model name", model, sizeof(model));
	if (getloadavg(load, 1) < 1)
		load[0] = -1;
	fprintf(f, "| | |\n| --- | --- |\n| version | ukcf %s |\n"
		   "| processor | %s, %ld of them |\n| kernel | Linux %s |\n"
		   "| cipher | %s |\n| load when written | %.2f |\n",
		ukcf_version(), model, sysconf(_SC_NPROCESSORS_ONLN), u.release,
		cipher_name(), load[0]);
	fprintf(f, "| bursts | %u near, %u far; %u dropped |\n",
		s->probe[PLACE_NEAR].n, s->probe[PLACE_FAR].n, s->dropped);
	fprintf(f, "| service thread | %s |\n\n",
		pinned ? "pinned" : "not pinned");
	if (quick)
		fprintf(f, "**A quick run: few bursts, rough figures.**\n\n");
	if (load[0] > 2.5)
		fprintf(f, "**Others were using this machine: these figures "
			   "are noise.**\n\n");
}

static void method(FILE *f, struct survey *s)
{
	struct series *probe = &s->probe[survey_place(s)];

	fprintf(f, "Each row was measured in turns with all the others. A "
		   "burst counts if a probe before and after it, a ping-pong of "
		   "one cache line each way, says that both processors stayed "
		   "where they were (%s). A figure is the median over bursts; "
		   "`x probe` is its ratio to the probe, which is what to "
		   "compare between machines.\n\n",
		survey_place(s) == PLACE_NEAR ? "near" : "far");
	if (probe->n)
		fprintf(f, "Probe: %.0f ns.\n\n", median(probe->v, probe->n));
}

static void row(FILE *f, struct survey *s, unsigned int i)
{
	struct series *v = &s->rows[i].ns[survey_place(s)];
	struct series *probe = &s->probe[survey_place(s)];
	const struct way *w = &ways[i];
	double ns = survey_ns(s, i);

	fprintf(f, "| %s | ", w->line);
	if (w->len)
		fprintf(f, "%u", w->len);
	fprintf(f, " | ");
	if (w->depth)
		fprintf(f, "%u", w->depth);
	if (ns <= 0) {
		fprintf(f, " | - | | | | %s |\n",
			s->rows[i].missing ? s->rows[i].missing :
					     "no burst counted");
		return;
	}
	fprintf(f, " | %.0f | %.0f-%.0f | %.2f | ", ns, v->v[0],
		v->v[v->n - 1], ns / median(probe->v, probe->n));
	if (w->len)
		fprintf(f, "%.0f", w->len / ns * 1000);
	fprintf(f, " | |\n");
}

static void group(FILE *f, struct survey *s, enum way_group g)
{
	fprintf(f, "## %s\n\n%s\n\n"
		   "| | bytes | depth | ns | min-max | x probe | MB/s | |\n"
		   "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
		groups[g].title, groups[g].says);
	for (unsigned int i = 0; i < n_ways; i++)
		if (ways[i].group == g)
			row(f, s, i);
	fputc('\n', f);
}

static void distribution(FILE *f, const struct survey *s)
{
	fprintf(f, "## Round trips, one at a time\n\n"
		   "%u of each; ns. Gaps that the host makes are in the last "
		   "columns.\n\n![](latency.svg)\n\n| |",
		s->trips);
	for (unsigned int p = 0; p < PERCENTILES; p++)
		fprintf(f, " %s |", percentile_names[p]);
	fprintf(f, "\n| --- |");
	for (unsigned int p = 0; p < PERCENTILES; p++)
		fprintf(f, " ---: |");
	for (unsigned int t = 0; t < TRIPS; t++) {
		fprintf(f, "\n| %s |", trip_names[t]);
		for (unsigned int p = 0; p < PERCENTILES; p++)
			fprintf(f, " %.0f |", s->trip_ns[t][p]);
	}
	fprintf(f, "\n\n");
}

static void shares(FILE *f, const struct shares *s)
{
	fprintf(f, "## Shares\n\n"
		   "Eight processes that always have 16 digests of 16 KiB in "
		   "flight, on a queue that they keep full; then seven, and one "
		   "that asks for one at a time. `cryptoctl top` shows the same "
		   "of any daemon.\n\n"
		   "| | |\n| --- | ---: |\n"
		   "| Jain's index of their service times | %.4f |\n"
		   "| service of one request, us | %.1f |\n"
		   "| in the queue, one of 16, us | %.1f |\n"
		   "| in the queue, one at a time, us | %.1f |\n\n",
		s->jain, s->service_ns / 1000, s->heavy_wait_ns / 1000,
		s->light_wait_ns / 1000);
	fprintf(f, "## Choice\n\n"
		   "SHA-256: the service time of the provider that the daemon "
		   "chose, and of the quickest when each was asked for by "
		   "name.\n\n"
		   "| bytes | chosen | ns | quickest | ns |\n"
		   "| ---: | --- | ---: | --- | ---: |\n");
	for (unsigned int i = 0; i < SHARES_SIZES; i++)
		fprintf(f, "| %u | %s | %.0f | %s | %.0f |\n",
			s->choice[i].len, s->choice[i].chosen,
			s->choice[i].chosen_ns, s->choice[i].best,
			s->choice[i].best_ns);
	fputc('\n', f);
}

static void files(FILE *f, const struct files *s)
{
	fprintf(f, "## Files\n\n"
		   "A file of %llu MiB in memory, encrypted and decrypted by "
		   "`cryptoctl` with a key that the daemon holds, as a new "
		   "file; beside the same cipher of the same library, called "
		   "directly on 256 KiB of memory by one core. Nothing is "
		   "pinned. A ratio is the median of those of the rounds, in "
		   "each of which all took turns.\n\n",
		(unsigned long long)(s->bytes >> 20));
	if (s->missing) {
		fprintf(f, "Not measured: %s.\n\n", s->missing);
		return;
	}
	fprintf(f, "| provider | direct, MB/s | encrypt, MB/s | x direct | "
		   "decrypt, MB/s | x direct |\n"
		   "| --- | ---: | ---: | ---: | ---: | ---: |\n");
	for (unsigned int i = 0; i < s->n_rows; i++) {
		const struct files_row *r = &s->rows[i];

		fprintf(f, "| %s | %.0f | %.0f | %.2f | %.0f | %.2f |\n",
			r->provider, r->direct, r->encrypt, r->encrypt_x,
			r->decrypt, r->decrypt_x);
	}
	fputc('\n', f);
}

void document_devices(FILE *f, const struct devices *d)
{
	fprintf(f, "## Device and software\n\n"
		   "AES-256-CBC, asked of each by name; with a key that the "
		   "daemon holds if nothing else is said; us per request.\n\n");
	if (d->missing) {
		fprintf(f, "Not measured: %s.\n\n", d->missing);
		return;
	}
	fprintf(f, "| bytes |");
	for (unsigned int k = 0; k < DEVICE_KINDS; k++)
		for (unsigned int j = 0; j < DEVICE_DEPTHS; j++)
			fprintf(f, " %s, depth %u |", d->name[k],
				device_depths[j]);
	fprintf(f, "\n| ---: |");
	for (unsigned int k = 0; k < DEVICE_KINDS * DEVICE_DEPTHS; k++)
		fprintf(f, " ---: |");
	fputc('\n', f);
	for (unsigned int i = 0; i < DEVICE_SIZES; i++) {
		fprintf(f, "| %u |", device_sizes[i]);
		for (unsigned int k = 0; k < DEVICE_KINDS; k++)
			for (unsigned int j = 0; j < DEVICE_DEPTHS; j++)
				fprintf(f, " %.1f |", d->ns[k][i][j] / 1000);
		fputc('\n', f);
	}
	fputc('\n', f);
}

static void elsewhere(FILE *f)
{
	fprintf(f,
		"## By itself\n\n"
		"`dpdk-test-crypto-perf` (package dpdk-dev) measures DPDK's "
		"drivers by itself, in one process that has the key:\n\n"
		"    dpdk-test-crypto-perf --no-huge -m 512 --no-telemetry "
		"--no-shconf --vdev crypto_openssl -- --ptest throughput "
		"--devtype crypto_openssl --optype aead --aead-algo aes-gcm "
		"--aead-key-sz 32 --aead-iv-sz 12 --aead-op encrypt "
		"--aead-aad-sz 16 --digest-sz 16 --buffer-sz 64,1024,16384 "
		"--burst-sz 1,32 --silent\n");
}

static void document(FILE *f, struct survey *s, bool pinned, bool quick)
{
	fprintf(f, "# ukcf-bench\n\n");
	machine(f, s, pinned, quick);
	method(f, s);
	distribution(f, s);
	for (unsigned int g = 0; g < WAY_GROUPS; g++) {
		group(f, s, g);
		if (g == WAYS_NOP)
			fprintf(f, "![](depth.svg)\n\n");
		if (g == WAYS_AEAD)
			fprintf(f, "![](size.svg)\n\n");
	}
	shares(f, &s->shares);
	files(f, &s->files);
	document_devices(f, &s->devices);
	elsewhere(f);
}

/* ------------------------------------------------------------------- files */

static int complain(const char *path, int err)
{
	fprintf(stderr, "ukcf-bench: %s: %s\n", path, strerror(-err));
	return err;
}

static int write_chart(const char *dir, const char *name,
		       const struct svg_chart *c)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	err = svg_write(path, c);
	return err ? complain(path, err) : 0;
}

static int write_text(const char *dir, struct survey *s, bool pinned,
		      bool quick)
{
	char path[PATH_MAX];
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/report.md", dir);
	f = fopen(path, "we");
	if (!f)
		return complain(path, -errno);
	document(f, s, pinned, quick);
	if (ferror(f))
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err ? complain(path, err) : 0;
}

int document_prepare(const char *dir)
{
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return complain(dir, -errno);
	return access(dir, W_OK) < 0 ? complain(dir, -errno) : 0;
}

int document_write(const char *dir, struct survey *s, bool pinned, bool quick)
{
	struct svg_chart c;
	int err;

	err = write_text(dir, s, pinned, quick);
	c = trip_chart(s);
	if (!err)
		err = write_chart(dir, "latency.svg", &c);
	c = chart_of(s, WAYS_NOP, "requests in flight");
	if (!err)
		err = write_chart(dir, "depth.svg", &c);
	c = chart_of(s, WAYS_AEAD, "bytes of a message");
	if (!err)
		err = write_chart(dir, "size.svg", &c);
	return err;
}
