/* SPDX-License-Identifier: MIT */
/* See probe.h. */
#include "tests/bench/probe.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/bench/stat.h"

#define ROUNDS 1500
#define CHUNK 50 /* one reading of the clock costs 10 ns: time chunks */
/*
 * Places were 110-130 and 530-670 ns on the machine that the goals come from,
 * 230-260 on another one that has only one place: anything between is a burst
 * during which the CPUs moved.  Below is no other core: two hardware threads
 * that share one, with its first-level cache and its execution units.
 */
#define SIBLING_NS 80
#define NEAR_NS 300
#define FAR_NS 350

/* One line per direction; the adjacent-line prefetcher pairs lines. */
static struct {
	_Alignas(128) uint32_t ping;
	_Alignas(128) uint32_t pong;
	_Alignas(128) uint32_t stop;
} lines;

static sem_t go;
static pthread_t partner;

static void *partner_main(void *arg)
{
	uint32_t i = 0, end;

	(void)arg;
	for (;;) {
		while (sem_wait(&go) < 0 && errno == EINTR)
			;
		if (load_acquire_u32(&lines.stop))
			return NULL;
		for (end = i + ROUNDS + 1; i != end; i++) {
			while (load_acquire_u32(&lines.ping) != i + 1)
				;
			store_release_u32(&lines.pong, i + 1);
		}
	}
}

int bench_probe_start(int cpu)
{
	pthread_attr_t a;
	cpu_set_t set;
	int err;

	sem_init(&go, 0, 0);
	pthread_attr_init(&a);
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_attr_setaffinity_np(&a, sizeof(set), &set);
	err = pthread_create(&partner, &a, partner_main, NULL);
	pthread_attr_destroy(&a);
	return -err;
}

void bench_probe_stop(void)
{
	store_release_u32(&lines.stop, 1);
	sem_post(&go);
	pthread_join(partner, NULL);
}

static void round_trip(uint32_t i)
{
	store_release_u32(&lines.ping, i);
	while (load_acquire_u32(&lines.pong) != i)
		;
}

double bench_probe(void)
{
	static uint32_t i;
	double v[ROUNDS / CHUNK];
	unsigned int n = 0;
	uint64_t t0;

	sem_post(&go);
	round_trip(++i); /* it is awake after this one */
	while (n < ROUNDS / CHUNK) {
		t0 = clock_ticks();
		for (unsigned int k = 0; k < CHUNK; k++)
			round_trip(++i);
		v[n++] = (double)clock_ticks_to_ns(clock_ticks() - t0) / CHUNK;
	}
	return median(v, n);
}

enum place bench_place(double before_ns, double after_ns)
{
	if (before_ns < SIBLING_NS || after_ns < SIBLING_NS)
		return PLACE_MIXED;
	if (before_ns < NEAR_NS && after_ns < NEAR_NS)
		return PLACE_NEAR;
	if (before_ns > FAR_NS && after_ns > FAR_NS)
		return PLACE_FAR;
	return PLACE_MIXED;
}
