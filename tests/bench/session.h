/* SPDX-License-Identifier: MIT */
/*
 * Owns a connection with one ring and its two buffers, for measurements that
 * want the daemon's own times, or one provider by name.
 */
#ifndef TESTS_BENCH_SESSION_H
#define TESTS_BENCH_SESSION_H

#include <stddef.h>

#include <ukcf/ukcf.h>

struct session {
	struct ukcf *u;
	struct ukcf_ring *ring;
	struct ukcf_buffer *in, *out;
};

/* Bytes of the buffers.  0 or -errno; close it in either case. */
int session_open(struct session *s, unsigned int depth, size_t in, size_t out);
void session_close(struct session *s);
/* The next terminal completion.  0, or -errno: none came, or its own. */
int session_answer(struct session *s, struct ukcf_cqe *to);

#endif
