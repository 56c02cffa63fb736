/* SPDX-License-Identifier: MIT */
/*
 * Owns the question whether anybody still uses a provider.
 *
 * A request that is given to a provider says so in its `offer', and looks at
 * the provider's state after that; who takes a provider out changes its state,
 * and looks at the requests after that.  One of the two sees the other: the
 * barrier between is on the side of the rare one (membarrier(2)), so that a
 * request pays nothing for it.  Multipart contexts are counted by the provider.
 */
#ifndef DAEMON_CORE_DRAIN_H
#define DAEMON_CORE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/ring-ops.h"

struct provider;

struct drain_use {
	unsigned int requests, contexts;
};

/* 0 or -errno. */
int drain_init(void);
/* main: readable when something was let go while somebody waited. */
int drain_fd(void);
void drain_seen(void);

/* main.  Between these, drain_fd() tells. */
void drain_begin(void);
void drain_end(void);
/* main, after the state says that it gets no more.  A snapshot; what is 0 stays
 * 0 until the state is another one. */
struct drain_use drain_look(const struct provider *p);
/* Likewise, and multipart contexts are taken away as soon as no request is with
 * p: their next part is told that the state is lost. */
struct drain_use drain_force(const struct provider *p);

extern uint32_t drain_waiting; /* atomic; drain_noted()'s */
void drain_tell(void);

/* A request, or a context, has let go of its provider.  Any thread, any
 * context. */
static inline void drain_noted(void)
{
	signal_fence(); /* with membarrier(2) in drain_begin() */
	if (load_relaxed_u32(&drain_waiting))
		drain_tell();
}

#endif
