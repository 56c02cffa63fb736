/* SPDX-License-Identifier: MIT */
/* Owns the answer to the question which provider would be chosen, and why. */
#ifndef DAEMON_API_EXPLAIN_H
#define DAEMON_API_EXPLAIN_H

#include "daemon/core/mech.h"
#include "daemon/core/native.h"
#include "lib/shared/msg.h"

/* Of a dual operation: who does both in one job, and whoever does a half. */
#define EXPLAIN_ROWS_MAX (NATIVE_MAX + 2 * MECH_OFFERS_MAX)

/* main.  Return: rows filled in, or -EINVAL, -ENOENT (no such mechanism). */
int explain_run(const struct msg_explain *e,
		struct msg_candidate rows[EXPLAIN_ROWS_MAX]);

#endif
