/* SPDX-License-Identifier: MIT */
/*
 * Owns the question whether what a file says may decide what the daemon does:
 * it must be root's or the daemon's own, and nobody else's to write.
 */
#ifndef DAEMON_TRUSTED_H
#define DAEMON_TRUSTED_H

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

static inline bool trusted_stat(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) &&
	       !(st->st_mode & (S_IWGRP | S_IWOTH));
}

#endif
