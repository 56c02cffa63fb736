/* SPDX-License-Identifier: MIT */
/*
 * Owns the admin socket's connections: who may administer, and the verbs.
 */
#ifndef DAEMON_API_ADMIN_H
#define DAEMON_API_ADMIN_H

#include <stdint.h>

#include "lib/shared/msg.h"

struct listener;
struct loop;

/* Accept administrators: uid 0, or the daemon's own. */
int admin_start(struct loop *loop, struct listener *l);
void admin_stop(void);
/* main: what came of a change that took its time.  ticket: as change_run() was
 * given it; whoever asked may have gone. */
void admin_answer(uint64_t ticket, const struct msg_changed *r);

#endif
