/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <time.h>

#include "lib/shared/clock.h"

Test(clock, nanoseconds_are_those_of_the_monotonic_clock)
{
	struct timespec ts;
	uint64_t a = clock_ns(), b, c;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	b = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	c = clock_ns();
	cr_assert(a <= b && b <= c);
}

Test(clock, ticks_are_nanoseconds_before_and_without_a_tick_counter)
{
	uint64_t a, t, b;

	clock_tick_mult = 0;
	a = clock_ns();
	t = clock_ticks();
	b = clock_ns();
	cr_assert(a <= t && t <= b);
	cr_assert_eq(clock_ticks_to_ns(UINT64_MAX), UINT64_MAX);
}

/* Bracketed by the clock, so that a preemption makes the test no worse. */
Test(clock, ticks_tell_a_span_to_one_percent)
{
	uint64_t n0, n1, n2, n3, t0, t1, ns;

	clock_init();
	n0 = clock_ns();
	t0 = clock_ticks();
	n1 = clock_ns();
	do
		n2 = clock_ns();
	while (n2 - n1 < 20000000);
	t1 = clock_ticks();
	n3 = clock_ns();
	ns = clock_ticks_to_ns(t1 - t0);
	cr_assert(ns <= (n3 - n0) + (n3 - n0) / 100, "%lu of %lu",
		  (unsigned long)ns, (unsigned long)(n3 - n0));
	cr_assert(ns >= (n2 - n1) - (n2 - n1) / 100, "%lu of %lu",
		  (unsigned long)ns, (unsigned long)(n2 - n1));
}

/* Weeks of ticks times the multiplier exceed 64 bits. */
Test(clock, large_spans_do_not_wrap)
{
	clock_tick_mult = 1u << 24; /* a tick is a nanosecond */
	cr_assert_eq(clock_ticks_to_ns(UINT64_MAX), UINT64_MAX);
	cr_assert_eq(clock_ticks_to_ns(UINT64_C(1) << 60), UINT64_C(1) << 60);
}
