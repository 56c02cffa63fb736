/* SPDX-License-Identifier: MIT */
/*
 * Owns the changes that an administrator asks for: finds who is meant, carries
 * it out, and says in words what was done or why not.
 */
#ifndef DAEMON_API_CHANGE_H
#define DAEMON_API_CHANGE_H

#include "lib/shared/msg.h"

/* Return: 0 or -errno; r has the words either way.  main only. */
int change_run(const struct msg_change *c, struct msg_changed *r);

#endif
