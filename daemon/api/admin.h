/* SPDX-License-Identifier: MIT */
/*
 * Owns the admin socket's connections: who may administer, and the verbs.
 */
#ifndef DAEMON_API_ADMIN_H
#define DAEMON_API_ADMIN_H

struct listener;
struct loop;

/* Accept administrators: uid 0, or the daemon's own. */
int admin_start(struct loop *loop, struct listener *l);
void admin_stop(void);

#endif
