/* SPDX-License-Identifier: MIT */
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/complain.h"

static bool is_stdout(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_check(const char *path)
{
	if (!is_stdout(path) || !isatty(STDOUT_FILENO))
		return 0;
	complain("standard output is a terminal, and the result is raw bytes; "
		 "redirect it, or pipe it into od -An -tx1");
	return -1;
}

int output_stream(const void *data, size_t len)
{
	if (write_all(STDOUT_FILENO, data, len) == 0)
		return 0;
	complain("standard output: %s", strerror(errno));
	return -1;
}

static int to_stdout(const void *data, size_t len)
{
	struct stat st;
	off_t at = -1;

	if (output_check(NULL) < 0)
		return -1;
	/* Only where nothing of others can be lost. */
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    ((fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND) ||
	     lseek(STDOUT_FILENO, 0, SEEK_CUR) == st.st_size))
		at = st.st_size;
	if (output_stream(data, len) == 0)
		return 0;
	if (at >= 0 && ftruncate(STDOUT_FILENO, at) < 0)
		complain("standard output holds a part of the result: %s",
			 strerror(errno));
	return -1;
}

static mode_t mode_for(bool private)
{
	mode_t mask = umask(077);

	umask(mask);
	return private ? 0600 : 0666 & ~mask;
}

/* A temporary file beside the target, renamed when it is on the disk. */
static int replace(const char *target, const void *data, size_t len,
		   bool private)
{
	char name[PATH_MAX];
	int fd, err = 0;

	if (snprintf(name, sizeof(name), "%s.XXXXXX", target) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode_for(private)) < 0 ||
	    (fsync(fd) < 0 && errno != EINVAL))
		err = errno;
	if (close(fd) < 0 && !err)
		err = errno;
	if (!err && rename(name, target) < 0)
		err = errno;
	if (!err)
		return 0;
	unlink(name);
	errno = err;
	return -1;
}

/* A device or a pipe is written to, a link followed, a file replaced. */
static int to_file(const char *path, const void *data, size_t len,
		   bool private)
{
	char target[PATH_MAX];
	struct stat st;
	int fd, err;

	if (stat(path, &st) < 0)
		return replace(path, data, len, private);
	if (S_ISREG(st.st_mode))
		return realpath(path, target) ?
			       replace(target, data, len, private) : -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	err = write_all(fd, data, len) < 0 ? errno : 0;
	if (close(fd) < 0 && !err)
		err = errno;
	errno = err;
	return err ? -1 : 0;
}

int output_write(const char *path, const void *data, size_t len, bool private)
{
	sigset_t ending, old;
	int err;

	if (is_stdout(path))
		return to_stdout(data, len);
	/* A temporary file is not left behind. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, &old);
	err = to_file(path, data, len, private);
	if (err)
		complain("%s: cannot be written: %s", path, strerror(errno));
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

int output_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	complain("standard output: %s", strerror(errno));
	return -1;
}
