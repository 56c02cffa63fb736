/* SPDX-License-Identifier: MIT */
/*
 * Owns the probe: a two-line ping-pong between two pinned threads.  The host
 * moves virtual CPUs; the same program is five times slower when they are
 * FAR, so no cross-core number means anything without a probe beside it.
 */
#ifndef TESTS_BENCH_PROBE_H
#define TESTS_BENCH_PROBE_H

/* MIXED: it changed, or is none of them: such bursts are dropped. */
enum place { PLACE_NEAR, PLACE_FAR, PLACE_MIXED, PLACES };

/* Start the partner on a CPU, parked between probes.  0 or -errno. */
int bench_probe_start(int cpu);
void bench_probe_stop(void);
/* Median round trip of 1500, in ns. */
double bench_probe(void);
enum place bench_place(double before_ns, double after_ns);

#endif
