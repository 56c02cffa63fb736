/* SPDX-License-Identifier: MIT */
/*
 * Owns the entries that are submitted again when their queue has room: the
 * library keeps a copy of each, and takes the rejections and the news of room
 * out of what its caller reaps.
 */
#ifndef LIB_RETRY_H
#define LIB_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

struct retry; /* a ring's entries that may have to be sent again */

/* Is this completion an affair of the library's?  Then it was dealt with. */
bool retry_takes(struct ukcf_ring *r, const struct ukcf_cqe *cqe);
/* Nothing is there to reap: what could not be sent again before, may now. */
void retry_look(struct ukcf_ring *r);
void retry_free(struct retry *t);

#endif
