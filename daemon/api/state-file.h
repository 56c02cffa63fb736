/* SPDX-License-Identifier: MIT */
/*
 * Owns the file that keeps the administrator's rules from one daemon to the
 * next: STATE_DIR/policy.conf.  It is always an old one or a new one, whole.
 */
#ifndef DAEMON_API_STATE_FILE_H
#define DAEMON_API_STATE_FILE_H

#include <stdio.h>

#include "daemon/core/policy.h"

/*
 * The rules in dir's file; without one, none.
 * @errors: receives "file:line: what, and the way out"
 * Return: 0, or -errno: the file cannot be read, or trusted, or understood;
 * then r is undefined.
 */
int state_file_load(const char *dir, struct policy_rules *r, FILE *errors);
/*
 * Replace dir's file, or make it (and dir).
 * @path: receives which one, for people
 * Return: 0 or -errno; then it is as it was, if renaming had not succeeded.
 */
int state_file_save(const char *dir, const struct policy_rules *r, char *path,
		    size_t size);

#endif
