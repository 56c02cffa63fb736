/* SPDX-License-Identifier: MIT */
/*
 * Owns what becomes of the requests that are parked (parking.h) when one of them
 * ends before its turn: cancelled, or too late.
 *
 * What came after it and is tied to it ends at once, as it would behind a queue:
 * the rest of its chain, and the later parts of its context.  What came before
 * it goes on, and so does all that has nothing to do with it.  Parts before it
 * that are parked remember that the context fails after them.
 *
 * All of it is the ring's service thread's.
 */
#ifndef DAEMON_CORE_TIED_H
#define DAEMON_CORE_TIED_H

#include <stdint.h>

#include "daemon/core/request.h"

/* What a parked one remembers of later parts, and of which contexts. */
struct tied_later {
	uint64_t id[2];
	struct later_parts parts[2];
};

/* It is parked: it ends with err, and what is tied to it. */
void tied_end(struct request *req, int err, unsigned int detail);
/*
 * CANCEL_CTX: the context that has this id for those who come now, with all of
 * its parts that do not run yet, whether parked or in a queue.
 * Return: how many of them; -ENOENT: there is no such context.
 */
int64_t tied_cancel_ctx(struct ring *r, uint64_t id);

/* It was taken out of the parking for its turn; later of that, when it has had
 * it: the entry may have been given back. */
struct tied_later tied_later(const struct request *req);
void tied_has_run(struct ring *r, const struct tied_later *later);
/* The next entry of the ring is linked to one that ended. */
void tied_breaks(struct ring *r);

#endif
