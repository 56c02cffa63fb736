/* SPDX-License-Identifier: MIT */
#include "daemon/core/completion.h"

#include <stdlib.h>

#include "lib/shared/log.h"

static _Thread_local unsigned int depth;

void completion_enter(void)
{
	depth++;
}

void completion_leave(void)
{
	depth--;
}

bool completion_is_here(void)
{
	return depth > 0;
}

#ifdef UKCF_DEBUG
void completion_forbids(const char *what)
{
	if (!depth)
		return;
	log_err("%s in completion context", what);
	abort();
}
#endif
