/* SPDX-License-Identifier: MIT */
/* Owns how a change of one provider is asked for, and told. */
#ifndef TOOLS_CMD_ADMIN_H
#define TOOLS_CMD_ADMIN_H

#include <stdint.h>

#include "tools/cryptoctl.h"

/* what: enum msg_change_what; provider, argument: NULL: none.  Honours the
 * options N (dry-run) and J (json) of the command. */
enum status admin_change(const struct invocation *in, uint32_t what,
			 const char *provider, const char *argument);

#endif
