/* SPDX-License-Identifier: MIT */
/*
 * Owns the changes of providers that take their time: load, unload, drain,
 * test.  Each is begun at once and answered when it has ended; one at a time for
 * a provider.  main only.
 */
#ifndef DAEMON_API_PROVIDER_CHANGE_H
#define DAEMON_API_PROVIDER_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/msg.h"

struct loop;

#define PROVIDER_DRAIN_S 10u	  /* unless the administrator says otherwise */

/* Whose answer it is: admin.h's. */
typedef uint64_t provider_ticket;

/* 0 or -errno. */
int provider_change_start(struct loop *l);
/* Does what end only when nobody uses the provider? */
bool provider_change_drains(uint32_t what);
/*
 * Begin c.  Return: -EINPROGRESS: admin_answer() comes later; else what came of
 * it, 0 or -errno, and r has the words.
 */
int provider_change(const struct msg_change *c, struct msg_changed *r,
		    provider_ticket ticket);

#endif
