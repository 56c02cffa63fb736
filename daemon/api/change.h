/* SPDX-License-Identifier: MIT */
/*
 * Owns the changes that an administrator asks for: finds who is meant, carries
 * it out, and says in words what was done or why not.
 */
#ifndef DAEMON_API_CHANGE_H
#define DAEMON_API_CHANGE_H

#include <stdint.h>

#include "lib/shared/msg.h"

/* For those who carry changes out: the words, and err again. */
int change_say(struct msg_changed *r, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* -ENOENT, naming those that there are. */
int change_no_provider(struct msg_changed *r, const char *name);

/*
 * Return: 0 or -errno, and r has the words either way; -EINPROGRESS: it takes
 * its time, admin_answer() is called with the ticket.  main only.
 */
int change_run(const struct msg_change *c, struct msg_changed *r,
	       uint64_t ticket);

#endif
