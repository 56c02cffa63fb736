/* SPDX-License-Identifier: MIT */
/*
 * Owns enabling and disabling: who and what is meant, the rules that say so,
 * and that they outlive the daemon.  Main thread.
 */
#ifndef DAEMON_API_PERMIT_H
#define DAEMON_API_PERMIT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/shared/msg.h"

/*
 * The rules that a former daemon kept in dir, from now on.
 * Return: 0 or -errno, said to errors.
 */
int permit_init(const char *dir, FILE *errors);
/*
 * Allow or forbid a mechanism (c->argument, or "all"), of one provider or of
 * all: first carried out, then kept in the state file, and undone if that fails.
 * Return: 0 or -errno; r has the words either way.
 */
int permit_change(const struct msg_change *c, struct msg_changed *r, bool on);

#endif
