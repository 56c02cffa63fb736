/* SPDX-License-Identifier: MIT */
#include "tests/support/change.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/check.h"
#include "tools/admin.h"

static int ask(enum msg_change_what what, uint32_t flags, const char *provider,
	       const char *argument)
{
	struct msg_change c = { .what = what, .flags = flags };
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

int change(enum msg_change_what what, const char *provider,
	   const char *argument)
{
	return ask(what, 0, provider, argument);
}

int change_by_force(enum msg_change_what what, const char *provider,
		    const char *argument)
{
	return ask(what, MSG_CHANGE_FORCE, provider, argument);
}

int tell_provider(const char *provider, const char *word)
{
	return change(MSG_CHANGE_CONTROL, provider, word);
}
