/* SPDX-License-Identifier: MIT */
/*
 * Owns linked requests: entries of a ring of which each waits for the one
 * before it, and may take what that one made as its key or its input without
 * a byte of it leaving the daemon.
 *
 * A chain is a multipart context without a mechanism: the order of its members
 * and what becomes of them when one fails are context.h's.  What is kept lies
 * in the context's locked memory.  Members run in software: a device that does
 * not come back would keep what it was given.
 *
 * Kept bytes are lost with the process, so a chain ends at a restart (-ESTALE).
 */
#ifndef DAEMON_CORE_CHAIN_H
#define DAEMON_CORE_CHAIN_H

#include <stdbool.h>

#include <ukcf/provider.h>

#include "daemon/core/recovery.h"
#include "daemon/core/request.h"

struct consumer;
struct context;

/* The end of a ring's last chain; its service thread's. */
struct chain_end {
	struct context *open;  /* held: the next entry belongs to it */
	unsigned int members;
	bool broken; /* its last entry was refused: so is the next */
};

/* Is it of a chain? */
static inline bool chain_concerns(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return req->entry->linked || (s->flags & UKCF_SQE_LINK) ||
	       s->link_src || s->link_dst;
}

/* Does the one behind it belong to its chain, too?  Those of a former process
 * come in any order: nothing is behind them. */
static inline bool chain_goes_on(const struct request *req)
{
	return (req->entry->sqe.flags & UKCF_SQE_LINK) && !req->cut &&
	       !req->replayed;
}

/* It is: check its fields, and hold its context.  0 or -errno. */
int chain_join(struct request *req, const struct consumer *c,
	       const struct chain_end *end, unsigned int *detail);
/* Service thread: it was judged; linked: the next entry waits for it. */
void chain_follow(struct chain_end *end, struct context *of, bool linked);
void chain_close(struct chain_end *end);

/* It is its turn: take what was kept for it.  0 or -errno. */
int chain_turn(struct request *req, unsigned int *detail);
/* The key that was kept for it; its turn has come. */
struct ukcf_bytes chain_key(const struct request *req);
/* It has its result: keep what it made, wipe what it took. */
void chain_left(struct request *req);

#endif
