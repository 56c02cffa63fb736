/* SPDX-License-Identifier: MIT */
/*
 * Owns the replacing of a file that a crash must not harm: written beside the
 * old one, brought to the disk, renamed, and the folder brought to the disk.
 */
#ifndef DAEMON_REPLACE_FILE_H
#define DAEMON_REPLACE_FILE_H

#include <stddef.h>

/* dir/name, mode 0644; dir and the one above it are made if they are not there.
 * 0 or -errno: then the old one is as it was (where there are hard links). */
int replace_file(const char *dir, const char *name, const char *text,
		 size_t len);
/* 0 or -errno. */
int remove_file(const char *dir, const char *name);

#endif
