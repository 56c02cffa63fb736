/* SPDX-License-Identifier: MIT */
#include "daemon/api/burden.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"

#define TRIES 31u

static uint64_t slow_ns = BURDEN_CALL_NS; /* fixed before the threads run */

void burden_is_usual(uint64_t call_ns)
{
	slow_ns = call_ns * BURDEN_USUAL > BURDEN_CALL_NS ?
			  call_ns * BURDEN_USUAL : BURDEN_CALL_NS;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Without a socket nothing is learned, and nobody will connect either. */
void burden_learn(void)
{
	char message[64] = { 0 };
	uint64_t cost[TRIES];
	unsigned int n = 0;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return;
	while (n < TRIES) {
		uint64_t begin = burden_begin();

		if (send(s[0], message, sizeof(message), MSG_DONTWAIT) < 0)
			break;
		cost[n++] = burden_begin() - begin;
		if (recv(s[1], message, sizeof(message), MSG_DONTWAIT) < 0)
			break;
	}
	close(s[0]);
	close(s[1]);
	if (n < TRIES)
		return;
	qsort(cost, TRIES, sizeof(cost[0]), by_size);
	burden_is_usual(cost[TRIES / 2]);
}

uint64_t burden_begin(void)
{
	struct timespec ts;

	/* who was preempted meanwhile is not slow */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool burden_add(struct burden *b, uint64_t now_ns, uint64_t cost_ns)
{
	if (cost_ns <= slow_ns)
		return false;
	if (!b->n || now_ns - b->since_ns > BURDEN_WINDOW_NS)
		*b = (struct burden){ .since_ns = now_ns };
	b->n++;
	b->ns += cost_ns;
	return b->n >= BURDEN_CALLS && b->ns >= BURDEN_TIMES * slow_ns &&
	       b->ns >= (now_ns - b->since_ns) / BURDEN_PART;
}

bool burden_is_too_much(struct burden *b, uint64_t begin_ns)
{
	uint64_t cost = burden_begin() - begin_ns;

	return cost > slow_ns && burden_add(b, clock_ns(), cost);
}
