/* SPDX-License-Identifier: MIT */
/* Owns the answer to the question which provider would be chosen, and why. */
#ifndef DAEMON_API_EXPLAIN_H
#define DAEMON_API_EXPLAIN_H

#include "daemon/core/mech.h"
#include "lib/shared/msg.h"

/* main.  Return: rows filled in, or -EINVAL, -ENOENT (no such mechanism). */
int explain_run(const struct msg_explain *e,
		struct msg_candidate rows[MECH_OFFERS_MAX]);

#endif
