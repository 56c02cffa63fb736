/* SPDX-License-Identifier: MIT */
#include "daemon/replace-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(int dir, const char *name, const char *text, size_t len)
{
	int fd, err;

	/* One that a killed daemon left. */
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (!err && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

/* The old one under a second name, for take_back().  Where there are no hard
 * links it is gone with the rename. */
static bool keep_old(int dir, const char *name, const char *old)
{
	unlinkat(dir, old, 0);
	return linkat(dir, name, dir, old, 0) == 0 || errno == ENOENT;
}

/* Nobody knows whether the new one would last: it is undone. */
static void take_back(int dir, const char *name, const char *old)
{
	if (renameat(dir, old, dir, name) < 0 && errno == ENOENT)
		unlinkat(dir, name, 0);
}

static int replace(int dir, const char *name, const char *text, size_t len)
{
	char beside[NAME_MAX + 1], old[NAME_MAX + 1];
	bool kept;
	int err;

	if (snprintf(beside, sizeof(beside), "%s.new", name) >=
	    (int)sizeof(beside))
		return -ENAMETOOLONG;
	snprintf(old, sizeof(old), "%s.old", name); /* as long */
	err = write_new(dir, beside, text, len);
	kept = !err && keep_old(dir, name, old);
	if (!err && renameat(dir, beside, dir, name) < 0)
		err = -errno;
	if (err) {
		unlinkat(dir, beside, 0);
	} else if (fsync(dir) < 0) {
		err = -errno;
		if (kept)
			take_back(dir, name, old);
	}
	unlinkat(dir, old, 0);
	return err;
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* And the one that it lies in. */
static int make_dir(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	char above[PATH_MAX];

	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || !slash || slash == dir)
		return -errno;
	snprintf(above, sizeof(above), "%.*s", (int)(slash - dir), dir);
	if (mkdir(above, 0755) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0755) < 0 ? -errno : 0;
}

int replace_file(const char *dir, const char *name, const char *text,
		 size_t len)
{
	int fd, err = make_dir(dir);

	if (err)
		return err;
	fd = open_dir(dir);
	if (fd < 0)
		return fd;
	err = replace(fd, name, text, len);
	close(fd);
	return err;
}

int remove_file(const char *dir, const char *name)
{
	int fd = open_dir(dir), err = 0;

	if (fd < 0)
		return fd;
	if (unlinkat(fd, name, 0) < 0 || fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}
