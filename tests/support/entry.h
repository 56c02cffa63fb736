/* SPDX-License-Identifier: MIT */
/* Owns what nearly every test does with a ring: one entry in, one completion
 * out, and the end of the test if there is none. */
#ifndef TESTS_SUPPORT_ENTRY_H
#define TESTS_SUPPORT_ENTRY_H

#include <ukcf/ukcf.h>

/* Submit n entries; bails out if the ring has no room for all. */
void entry_submit(struct ukcf_ring *r, const struct ukcf_sqe *s,
		  unsigned int n);
/* The next completion, seen; bails out if none comes in wait_ns. */
struct ukcf_cqe entry_next(struct ukcf_ring *r, int64_t wait_ns);

#endif
