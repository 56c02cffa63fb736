/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's own rings, over which synchronous calls go: a lane is a
 * ring with an input and an output buffer, used by one call at a time.  Lanes
 * are made when calls need them and kept.
 */
#ifndef LIB_LANE_H
#define LIB_LANE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

struct ukcf;
struct lane;

struct lanes {
	pthread_mutex_t lock; /* the members below */
	pthread_cond_t freed; /* a lane became idle */
	struct lane *idle;
	unsigned int n; /* idle and in use */
	unsigned int late; /* idle, and owed an answer, or with one unread */
};

struct lane_bytes {
	const void *data;
	size_t len;
};

/* A request in ordinary memory. */
struct lane_request {
	struct ukcf_sqe sqe; /* ranges and buffers are filled in */
	struct lane_bytes in, in2; /* one after the other */
	struct lane_bytes aux, tag;
	void *out;
	size_t out_size;
	bool secret; /* keys: leave nothing of them in the buffers */
};

int lanes_init(struct lanes *l);
void lanes_deinit(struct ukcf *u, bool ours);

/**
 * lane_call() - one request over a ring, waited for
 * @reason: enum ukcf_reason, for ukcf_last_call()
 * Return: the request's result, or -ETIMEDOUT, -EINTR, -ESTALE, -EDQUOT,
 * -EMSGSIZE, -ENOMEM.  ukcf_last_call() knows.
 */
int64_t lane_call(struct ukcf *u, const struct lane_request *q,
		  unsigned int reason);

#endif
