/* SPDX-License-Identifier: MIT */
/*
 * Owns the rules of completion context: code that reacts to a device's
 * interrupt may not block, lock or allocate.  Builds with UKCF_DEBUG check
 * them: whatever is forbidden there says so first.
 */
#ifndef DAEMON_CORE_COMPLETION_H
#define DAEMON_CORE_COMPLETION_H

#include <stdbool.h>

/* Of this thread; nests. */
void completion_enter(void);
void completion_leave(void);
bool completion_is_here(void);

#ifdef UKCF_DEBUG
/* Ends the process if this is completion context. */
void completion_forbids(const char *what);
#else
static inline void completion_forbids(const char *what)
{
	(void)what;
}
#endif

#endif
