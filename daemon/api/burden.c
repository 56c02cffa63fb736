/* SPDX-License-Identifier: MIT */
#include "daemon/api/burden.h"

#include <time.h>

#include "lib/shared/clock.h"

uint64_t burden_begin(void)
{
	struct timespec ts;

	/* who was preempted meanwhile is not slow */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool burden_add(struct burden *b, uint64_t now_ns, uint64_t cost_ns)
{
	if (cost_ns <= BURDEN_CALL_NS)
		return false;
	if (!b->n || now_ns - b->since_ns > BURDEN_WINDOW_NS)
		*b = (struct burden){ .since_ns = now_ns };
	b->n++;
	b->ns += cost_ns;
	return b->n >= BURDEN_CALLS && b->ns >= BURDEN_NS &&
	       b->ns >= (now_ns - b->since_ns) / BURDEN_PART;
}

bool burden_is_too_much(struct burden *b, uint64_t begin_ns)
{
	uint64_t cost = burden_begin() - begin_ns;

	return cost > BURDEN_CALL_NS && burden_add(b, clock_ns(), cost);
}
