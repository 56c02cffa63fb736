/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of policy files, ukcf-policy(5): who gets which share and
 * which quotas, and which mechanisms are forbidden.  They are parsed whole, and
 * nothing here changes what holds.
 */
#ifndef DAEMON_API_POLICY_FILE_H
#define DAEMON_API_POLICY_FILE_H

#include <stdio.h>

#include "daemon/api/quota.h"
#include "daemon/core/policy.h"

/* What all files together say. */
struct policy_files {
	struct policy_rules rules;
	struct policy_shares shares;
	struct quota_users quotas;
	unsigned int n; /* files */
};

/*
 * All of dir's *.conf, in order of their names; a later value wins.
 * @dir: "", or one that is not there: no file
 * @errors: receives each as "file:line: what, and the way out"
 * Return: 0 or -errno, after a complaint; then f is undefined.
 */
int policy_files_load(struct policy_files *f, const char *dir, FILE *errors);
/* One of them, open, after those before it.  0, -EINVAL, -errno; all said. */
int policy_file_parse(struct policy_files *f, FILE *in, const char *path,
		      FILE *errors);

#endif
