/* SPDX-License-Identifier: MIT */
/*
 * Owns enabling and disabling: who and what is meant, the rules that say so,
 * and that they outlive the daemon; and that the policy files are felt.  Main
 * thread.
 */
#ifndef DAEMON_API_PERMIT_H
#define DAEMON_API_PERMIT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/shared/msg.h"

/*
 * The rules that a former daemon kept in state_dir, and those of the files in
 * policy_dir ("": none), from now on.
 * Return: 0 or -errno, said to errors; then nothing is changed.
 */
int permit_init(const char *state_dir, const char *policy_dir, FILE *errors);
/*
 * Read the policy files again: what they say holds from now on, or, if there is
 * an error in any of them, what held before.
 * @dry: read, and change nothing
 * @files: receives how many there are
 * Return: 0 or -errno, said to errors.
 */
int permit_refresh(bool dry, unsigned int *files, FILE *errors);
/*
 * Allow or forbid a mechanism (c->argument, or "all"), of one provider or of
 * all: first carried out, then kept in the state file, and undone if that fails.
 * Return: 0 or -errno; r has the words either way.
 */
int permit_change(const struct msg_change *c, struct msg_changed *r, bool on);

#endif
