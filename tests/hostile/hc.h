/* SPDX-License-Identifier: MIT */
/*
 * The hostile-consumer harness: cases numbered as the threat list is, each in
 * a process of its own, as another user where that is possible, beside a
 * victim whose every result is checked.
 */
#ifndef TESTS_HOSTILE_HC_H
#define TESTS_HOSTILE_HC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/support/check.h"
#include "tests/support/raw.h"
#include "tests/support/victim.h"

#define HC_BYSTANDER 60001 /* a third uid: neither daemon nor attacker */
#define HC_OTHER 60002	   /* and one for hc_other() */

/* Known to every case; made before the attacker's process. */
struct hc {
	struct victim *v;
	pid_t daemon;
	uint64_t foreign_key; /* handle of a key of the daemon's own user */
	bool can_drop;	      /* we are root: the attacker is another user */
	int other;	      /* to the process that waits for hc_other() */
	struct rng rng;
};

struct hc_case {
	const char *no; /* "01" */
	const char *what;
	void (*fn)(struct hc *h);
	bool as_self; /* not as the attacker: needs the right to signal */
	bool restarts; /* the daemon is killed in it */
	int (*other)(void); /* what another user does at hc_other() */
};

extern const struct hc_case hc_ring_cases[];
extern const struct hc_case hc_memory_cases[];
extern const struct hc_case hc_control_cases[];
extern const struct hc_case hc_key_cases[];
extern const struct hc_case hc_life_cases[];

/* In the attacker's process: a failure is printed, the case goes on. */
bool hc_want(bool cond, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Exit status of a child that ran hc_want(). */
int hc_status(void);
/* The case cannot go on. */
void hc_bail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void hc_skip(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* A connection with a ring and a buffer of each kind; bails out if refused. */
struct hc_conn {
	struct raw r;
	struct raw_ring q;
	struct raw_buf in, out;
};
void hc_open(struct hc_conn *c, uint8_t order, uint64_t size);
void hc_close(struct hc_conn *c);
/* The connection serves: a digest of it is right. */
bool hc_works(struct hc_conn *c);
/* A connection made from scratch serves. */
void hc_fresh_works(void);
/* Run fn(arg) in a child; its exit status, -1: a signal. */
int hc_child(int (*fn)(void *), void *arg);
/*
 * Run the case's other() as another user (without root: as the same one) in a
 * process that the attacker did not make and shares nothing with; its exit
 * status, -1: a signal, or it took too long.
 */
int hc_other(struct hc *h);

#endif
