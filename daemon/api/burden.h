/* SPDX-License-Identifier: MIT */
/*
 * Owns the judgement that somebody makes the daemon's calls for him slow: with
 * thousands of polls on his end of a socket, each send to it costs milliseconds.
 * A machine that is short of time looks alike now and then, so it takes many
 * slow calls, and a part of the time that cannot be overlooked.
 */
#ifndef DAEMON_API_BURDEN_H
#define DAEMON_API_BURDEN_H

#include <stdbool.h>
#include <stdint.h>

struct burden {
	uint64_t since_ns; /* of its first slow call */
	uint64_t ns;	   /* of processor time, in slow calls */
	unsigned int n;
};

/* What is slow depends on the machine: one that is emulated takes milliseconds
 * for a usual call. */
#define BURDEN_CALL_NS 100000 /* more than that is slow, or ... */
#define BURDEN_USUAL 32u      /* ... than so many usual calls */
#define BURDEN_CALLS 5u
#define BURDEN_TIMES 200u	       /* as long as a slow one: together */
#define BURDEN_PART 100u	       /* of all time, one in so many */
#define BURDEN_WINDOW_NS UINT64_C(60000000000)

/* Before anybody is judged: how long a call takes here. */
void burden_learn(void);
void burden_is_usual(uint64_t call_ns);

/*
 * A call began when this thread's processor time was begin_ns
 * (burden_begin()), and has ended.
 * Return: whether that is enough: whoever it was for should go.
 */
bool burden_is_too_much(struct burden *b, uint64_t begin_ns);
uint64_t burden_begin(void);
/* The rule: a call of cost_ns ended at now_ns. */
bool burden_add(struct burden *b, uint64_t now_ns, uint64_t cost_ns);

#endif
