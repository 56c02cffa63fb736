/* SPDX-License-Identifier: MIT */
#include "lib/shared/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

uint64_t clock_tick_mult;

#if defined(__x86_64__)
/* CPUID 80000007h EDX bit 8: the counter runs at one rate in all states. */
static int tsc_is_invariant(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

/* 2 ms against the monotonic clock: 0.01 % is plenty for queue times. */
void clock_init(void)
{
	uint64_t t0, t1, n0, n1;

	if (clock_tick_mult || !tsc_is_invariant())
		return;
	n0 = clock_ns();
	t0 = __builtin_ia32_rdtsc();
	do {
		n1 = clock_ns();
		t1 = __builtin_ia32_rdtsc();
	} while (n1 - n0 < 2000000);
	if (t1 <= t0)
		return;
	clock_tick_mult = ((n1 - n0) << 24) / (t1 - t0);
}
#else
void clock_init(void)
{
}
#endif
