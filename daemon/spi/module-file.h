/* SPDX-License-Identifier: MIT */
/*
 * Owns the way from a provider's name to code that may be run: a walk without
 * symlinks through directories that only root (or this user) can change, and a
 * sealed copy of what was checked.
 */
#ifndef DAEMON_SPI_MODULE_FILE_H
#define DAEMON_SPI_MODULE_FILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Copy dir/name.so into a memfd that can no longer be written.
 * @gen: a number that names its content, never 0
 * Return: the descriptor, or -errno; the reason is logged.  -EACCES: somebody
 * else could have changed it; -EINVAL: not a name.
 */
int module_file_open(const char *dir, const char *name, uint32_t *gen);

/* Have both descriptors the same content? */
bool module_file_same(int a, int b);

#endif
