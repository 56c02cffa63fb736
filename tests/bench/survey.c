/* SPDX-License-Identifier: MIT */
#include "tests/bench/survey.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/consumer.h"
#include "tests/bench/peer.h"
#include "tests/bench/ways.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define CHUNK_NS (50 * US) /* the clock steps in 10 ns: nothing beside this */
#define CHUNKS_MAX 256
#define TRIES 3 /* bursts for one that counts */

const char *const trip_names[TRIPS] = {
	[TRIP_NOP] = "ukcf ring, NOP",
	[TRIP_SEAL] = "ukcf ring, 64 bytes sealed",
	[TRIP_SOCKET] = "Unix socket, 64 bytes sealed",
};

const char *const percentile_names[PERCENTILES] = {
	"50 %", "90 %", "99 %", "99.9 %", "99.99 %", "longest",
};

/* ---------------------------------------------------------- one measurement */

/* The shortest of three: others may have had the core during the rest. */
static int shortest(const struct way *w, unsigned int n, uint64_t *ns)
{
	int rc = 0;

	*ns = UINT64_MAX;
	for (unsigned int i = 0; !rc && i < 3; i++) {
		uint64_t t0 = clock_ticks(), took;

		rc = w->run(w, n);
		took = clock_ticks_to_ns(clock_ticks() - t0);
		if (took < *ns)
			*ns = took;
	}
	return rc;
}

/* Operations that take about CHUNK_NS, and fill the depth several times; on the
 * way everybody wakes up. */
static int find_chunk(const struct way *w, unsigned int *n)
{
	uint64_t ns;
	int rc;

	*n = w->depth ? 4 * w->depth : 1;
	while (!(rc = shortest(w, *n, &ns)) && ns < CHUNK_NS)
		*n *= 2;
	return rc;
}

static int time_way(const struct way *w, uint64_t ns, double *v)
{
	uint64_t begin, t0, t1;
	double chunk[CHUNKS_MAX];
	unsigned int n, k = 0;
	int rc = find_chunk(w, &n);

	begin = clock_ticks();
	while (!rc && k < CHUNKS_MAX) {
		t0 = clock_ticks();
		rc = w->run(w, n);
		t1 = clock_ticks();
		chunk[k++] = (double)clock_ticks_to_ns(t1 - t0) / n;
		if (clock_ticks_to_ns(t1 - begin) >= ns)
			break;
	}
	if (!rc)
		*v = median(chunk, k);
	return rc;
}

/* As in measure.c: the probe's partner and the service thread share a CPU. */
static void settle(void)
{
	uint64_t begin = clock_ns();

	while (clock_ns() - begin < 300 * US)
		;
}

static int one_burst(struct survey *s, unsigned int i, uint64_t ns,
		     enum place *place)
{
	double before, after, v;
	int rc;

	settle();
	before = bench_probe();
	rc = time_way(&ways[i], ns, &v);
	settle();
	after = bench_probe();
	if (rc)
		return rc;
	*place = bench_place(before, after);
	if (*place == PLACE_MIXED) {
		s->dropped++;
		return 0;
	}
	series_add(&s->probe[*place], (before + after) / 2);
	series_add(&s->rows[i].ns[*place], v);
	return 0;
}

static int measure_row(struct survey *s, unsigned int i, uint64_t ns)
{
	enum place place = PLACE_MIXED;
	int rc = 0;

	for (unsigned int t = 0; !rc && place == PLACE_MIXED && t < TRIES; t++)
		rc = one_burst(s, i, ns, &place);
	if (rc)
		fprintf(stderr, "ukcf-bench: %s, %u bytes: %s\n", ways[i].line,
			ways[i].len, ukcf_strerror(rc));
	return rc;
}

/* -------------------------------------------------------------- round trips */

static int socket_trip(void)
{
	return peer_round_trip(PEER_ENCRYPT);
}

static int (*const trips[TRIPS])(void) = {
	[TRIP_NOP] = consumer_nop,
	[TRIP_SEAL] = consumer_encrypt_small,
	[TRIP_SOCKET] = socket_trip,
};

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int time_trips(struct survey *s, enum trip t, uint32_t *ns)
{
	static const double parts[PERCENTILES] = { .5,	 .9,	.99,
						   .999, .9999, 1 };
	uint64_t t0;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < s->trips; i++) {
		t0 = clock_ticks();
		rc = trips[t]();
		ns[i] = (uint32_t)clock_ticks_to_ns(clock_ticks() - t0);
	}
	if (rc)
		return rc;
	qsort(ns, s->trips, sizeof(*ns), ascending);
	for (unsigned int p = 0; p < PERCENTILES; p++)
		s->trip_ns[t][p] =
			ns[(size_t)(parts[p] * (double)(s->trips - 1))];
	return 0;
}

static int all_trips(struct survey *s, bool quick)
{
	uint32_t *ns;
	int rc = 0;

	s->trips = quick ? 20000 : 1000000;
	ns = malloc(s->trips * sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	for (unsigned int t = 0; !rc && t < TRIPS; t++)
		rc = time_trips(s, t, ns);
	free(ns);
	return rc;
}

/* ---------------------------------------------------------------------- all */

int survey_all(struct survey *s, bool quick)
{
	unsigned int rounds = quick ? 3 : 21;
	uint64_t ns = (quick ? 2 : 4) * MS;
	int rc = 0;

	_Static_assert(SURVEY_WAYS >= 64, "rows");
	if (n_ways > SURVEY_WAYS)
		return -E2BIG;
	for (unsigned int i = 0; i < n_ways; i++)
		if (ways[i].missing)
			s->rows[i].missing = ways[i].missing();
	/* In turns, so that what the machine does meanwhile befalls all. */
	for (unsigned int r = 0; !rc && r < rounds; r++) {
		for (unsigned int i = 0; !rc && i < n_ways; i++)
			if (!s->rows[i].missing)
				rc = measure_row(s, i, ns);
		fprintf(stderr, "ukcf-bench: round %u of %u\n", r + 1, rounds);
	}
	if (!rc)
		rc = all_trips(s, quick);
	if (!rc)
		rc = shares_measure(&s->shares, quick);
	if (!rc)
		rc = files_measure(&s->files, quick);
	return rc ? rc : devices_measure(&s->devices, quick);
}

enum place survey_place(const struct survey *s)
{
	return s->probe[PLACE_FAR].n > s->probe[PLACE_NEAR].n ? PLACE_FAR :
								PLACE_NEAR;
}

double survey_ns(struct survey *s, unsigned int way)
{
	struct series *v = &s->rows[way].ns[survey_place(s)];

	return v->n ? median(v->v, v->n) : 0;
}
