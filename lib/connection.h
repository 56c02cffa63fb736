/* SPDX-License-Identifier: MIT */
/*
 * Owns the connection: what ukcf_connect() gathered and who else belongs to it
 * (rings, buffers, streams), so that ukcf_disconnect() finds them.
 */
#ifndef LIB_CONNECTION_H
#define LIB_CONNECTION_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

#include "lib/control.h"
#include "lib/key.h"
#include "lib/lane.h"
#include "lib/mechs.h"
#include "lib/view.h"
#include "lib/shared/ring-ops.h"

/* A member of one of the connection's lists. */
struct member {
	struct member *next, **prev;
};

struct ukcf {
	/* 1 here; 0 in a child of fork(2), where the kernel wiped it */
	const uint32_t *alive;
	const struct ukcf_page *page;
	uint64_t timeout_ns;  /* of synchronous ring calls; atomic */
	uint32_t lost;	      /* atomic: the daemon is gone for good */
	uint16_t no_caller;   /* enum ukcf_reason: why no module is loaded */
	int doorbell_fd, notify_fd;
	struct control control;
	struct view view;
	struct mechs mechs;
	struct local_keys keys;
	struct lanes lanes;

	pthread_mutex_t lock; /* the lists; innermost */
	struct member *rings, *buffers, *streams;
};

/* Is this the process that connected, and is the daemon there?  0 or
 * -ESTALE.  Async-signal-safe. */
static inline int connection_check(const struct ukcf *u)
{
	if (!load_relaxed_u32(u->alive) || load_relaxed_u32(&u->lost))
		return -ESTALE;
	return 0;
}

/* In a child of fork(2) shared mappings are not there: only memory is freed,
 * and nothing is said to the daemon. */
static inline bool connection_is_ours(const struct ukcf *u)
{
	return load_relaxed_u32(u->alive) != 0;
}

void connection_add(struct ukcf *u, struct member **list, struct member *m);
void connection_remove(struct ukcf *u, struct member *m);

#endif
