/* SPDX-License-Identifier: MIT */
/* Owns how a test asks the daemon, as its administrator, to change something:
 * a provider, or which mechanisms it has. */
#ifndef TESTS_SUPPORT_CHANGE_H
#define TESTS_SUPPORT_CHANGE_H

#include "lib/shared/msg.h"

/*
 * @provider: "" for all of them
 * @argument: what the change needs, a mechanism or a word (ukcf-null(7)), or ""
 * Return: what came of it, 0 or -errno; -EPIPE if the daemon was not asked, or
 * did not answer within a minute times slowness().
 */
int change(enum msg_change_what what, const char *provider,
	   const char *argument);
/* With MSG_CHANGE_FORCE. */
int change_by_force(enum msg_change_what what, const char *provider,
		    const char *argument);
/* Say a word to a provider.  Return: likewise. */
int tell_provider(const char *provider, const char *word);

#endif
