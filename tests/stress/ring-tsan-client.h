/* SPDX-License-Identifier: MIT */
/*
 * Owns the consumers of ring-tsan: threads that submit, reap and go away, with
 * the rules of ukcf_ring(7) and an account of every request.
 */
#ifndef TESTS_STRESS_RING_TSAN_CLIENT_H
#define TESTS_STRESS_RING_TSAN_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/raw.h"

#define CLIENT_SLOTS 12 /* requests of the main flow in flight */

/* A place in the buffers, and the request that uses it. */
struct slot {
	bool busy;
	uint8_t kind; /* row of kinds[] */
	uint8_t want[64];
};

/* One connection with one ring. */
struct stream {
	unsigned int index;
	uint64_t goal[2]; /* requests of the main flow, of the second one */
	struct raw r;
	struct raw_ring q;
	struct raw_buf in, out;
	uint64_t tail;	  /* atomic: entries reserved, by both flows */
	struct rng rng;
	uint64_t key, public_key; /* session keys: MAC, signature */
	uint64_t made[2 * CLIENT_SLOTS]; /* short-lived ones */
	unsigned int n_made;
	struct slot slots[CLIENT_SLOTS];
	unsigned int busy;
	/* the account; answers are the reaper's, sent[n] the flow's own */
	uint8_t *answers[2];
	uint64_t sent[2], answered[2], twice, wrong, full;
	uint64_t progress; /* atomic: answered[0] */
	uint64_t reaped_second; /* atomic: answered[1] */
	uint32_t second_done; /* atomic */
	bool closed;  /* its ring is: what waited is cancelled */
	bool leaving; /* its keys and buffers may go before it is answered */
	uint32_t over; /* atomic: the daemon has gone */
	struct ukcf_counts counts; /* the daemon's, at the end */
	char error[128];
};

/* goal[0] requests with waits of every kind, goal[1] from a second thread. */
void client_stream(struct stream *s);
/* Submit and poll until over is set. */
void client_load(struct stream *s);
bool client_exactly_once(const struct stream *s);
/* Control: it finds an answer that is missing, and one that came twice. */
bool client_account_works(void);

struct churn {
	unsigned int index;
	struct rng rng;
	uint64_t n;
	char error[128];
};

/* Connect, submit, and go with requests in flight.  False: error is set. */
bool client_churn(struct churn *c);
/* Make and destroy the key that the streams use, until *left is 0. */
void client_keys(const uint32_t *left, uint64_t *n);

bool ring_tsan_is_on(void);

#endif
