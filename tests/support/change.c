/* SPDX-License-Identifier: MIT */
#include "tests/support/change.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/check.h"
#include "tools/admin.h"

int change(enum msg_change_what what, const char *provider,
	   const char *argument)
{
	struct msg_change c = { .what = what };
	struct msg_changed r;
	const struct admin_call call = {
		.verb = MSG_ADMIN_CHANGE,
		.body = &c, .body_len = sizeof(c),
		.reply = &r, .reply_max = sizeof(r),
		.limit_s = 60 * slowness(),
	};

	snprintf(c.provider, sizeof(c.provider), "%s", provider);
	snprintf(c.argument, sizeof(c.argument), "%s", argument);
	return admin_ask(&call) < 0 ? -EPIPE : r.err;
}

int tell_provider(const char *provider, const char *word)
{
	return change(MSG_CHANGE_CONTROL, provider, word);
}
