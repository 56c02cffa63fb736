/* SPDX-License-Identifier: MIT */
/*
 * A file is made without a name (O_TMPFILE) and linked when it is complete.
 * Where the file system cannot do that it has a temporary name beside its
 * target, which signals that end the program remove; only SIGKILL leaves it.
 */
#include "tools/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/complain.h"

static const int ending[] = { SIGHUP, SIGINT, SIGTERM };

#define N_ENDING (sizeof(ending) / sizeof(ending[0]))

/* What the handler removes; one result at a time has a name. */
static const char *volatile to_remove;

/* ------------------------------------------------------------------ signals */

static void remove_and_end(int sig)
{
	const char *name = to_remove;

	if (name)
		unlink(name);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void block_ending(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

/* Those that are ignored stay so. */
static void watch_ending(void)
{
	const struct sigaction ours = { .sa_handler = remove_and_end };
	struct sigaction was;

	for (size_t i = 0; i < N_ENDING; i++)
		if (sigaction(ending[i], NULL, &was) == 0 &&
		    was.sa_handler == SIG_DFL)
			sigaction(ending[i], &ours, NULL);
}

/* ------------------------------------------------------------------ opening */

bool outfile_is_stdout(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

static int complain_of(const struct outfile *o, int err)
{
	if (outfile_is_stdout(o->path))
		complain("standard output: %s", strerror(err));
	else if (err == EEXIST)
		complain("%s: exists; -f replaces it", o->path);
	else
		complain("%s: cannot be written: %s", o->path, strerror(err));
	return -1;
}

static int check_named(const char *path, unsigned int flags)
{
	const struct outfile o = { .path = path };
	struct stat st;

	if (flags & OUTFILE_FORCE || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return complain_of(&o, EEXIST);
}

int outfile_check(const char *path, unsigned int flags)
{
	if (!outfile_is_stdout(path))
		return check_named(path, flags);
	if (!isatty(STDOUT_FILENO))
		return 0;
	complain("standard output is a terminal, and the result is raw bytes; "
		 "redirect it, or pipe it into od -An -tx1");
	return -1;
}

static int open_stdout(struct outfile *o)
{
	struct stat st;

	o->through = true;
	o->fd = STDOUT_FILENO;
	if (outfile_check(NULL, 0) < 0)
		return -1;
	/* Only where nothing of others can be lost. */
	if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    ((fcntl(o->fd, F_GETFL) & O_APPEND) ||
	     lseek(o->fd, 0, SEEK_CUR) == st.st_size))
		o->back = st.st_size;
	return 0;
}

static int open_through(struct outfile *o)
{
	o->through = true;
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
	return o->fd < 0 ? complain_of(o, errno) : 0;
}

/* A file without a name in the folder of the target; -1 and errno. */
static int open_nameless(const struct outfile *o)
{
	char folder[PATH_MAX];

	if (access("/proc/self/fd", X_OK) < 0) /* it could not get one */
		return -1;
	memcpy(folder, o->target, sizeof(folder));
	return open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

static int temp_name(struct outfile *o)
{
	if (snprintf(o->temp, sizeof(o->temp), "%s.XXXXXX", o->target) <
	    (int)sizeof(o->temp))
		return 0;
	o->temp[0] = '\0';
	return ENAMETOOLONG;
}

static int open_named(struct outfile *o)
{
	sigset_t old;
	int err = temp_name(o);

	if (err)
		return complain_of(o, err);
	block_ending(&old);
	o->fd = mkostemp(o->temp, O_CLOEXEC);
	err = errno;
	if (o->fd >= 0) {
		to_remove = o->temp;
		watch_ending();
	} else {
		o->temp[0] = '\0';
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return o->fd < 0 ? complain_of(o, err) : 0;
}

/* Where a link leads to is replaced, not the link. */
static int find_target(struct outfile *o)
{
	struct stat st;

	if (stat(o->path, &st) == 0) {
		if (!(o->flags & OUTFILE_FORCE))
			return EEXIST;
		return realpath(o->path, o->target) ? 0 : errno;
	}
	if (snprintf(o->target, sizeof(o->target), "%s", o->path) <
	    (int)sizeof(o->target))
		return 0;
	return ENAMETOOLONG;
}

int outfile_open(struct outfile *o, const char *path, unsigned int flags)
{
	struct stat st;
	int err;

	*o = (struct outfile){ .path = path, .fd = -1, .flags = flags,
			       .back = -1 };
	if (outfile_is_stdout(path))
		return open_stdout(o);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return open_through(o);
	err = find_target(o);
	if (err)
		return complain_of(o, err);
	o->fd = open_nameless(o);
	return o->fd < 0 ? open_named(o) : 0;
}

/* ------------------------------------------------------------------ writing */

int outfile_write(struct outfile *o, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(o->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			o->failed = true;
			return complain_of(o, errno);
		}
		p += n;
		len -= (size_t)n;
		o->written += (uint64_t)n;
	}
	return 0;
}

/* ------------------------------------------------------------------- ending */

/* What replaces a file is for nobody who could not have read or written that
 * one, and no wider than a new file. */
static mode_t narrowed(const struct outfile *o, mode_t mode)
{
	struct stat st;

	if (!(o->flags & OUTFILE_FORCE) || stat(o->target, &st) < 0)
		return mode;
	mode &= st.st_mode;
	/* without its group the bits would be another group's */
	if (fchown(o->fd, (uid_t)-1, st.st_gid) < 0)
		mode &= ~(mode_t)070;
	return mode;
}

static mode_t mode_for(const struct outfile *o)
{
	mode_t mask = umask(077);

	umask(mask);
	if (o->flags & OUTFILE_PRIVATE)
		return 0600;
	return narrowed(o, 0666 & ~mask);
}

/* Give the nameless file the name. */
static int link_as(const struct outfile *o, const char *name)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ?
		       errno : 0;
}

/* link() does not replace: it needs a name to rename. */
static int link_to_replace(struct outfile *o)
{
	static unsigned int n;
	int err;

	do {
		if (snprintf(o->temp, sizeof(o->temp), "%s.%lx%x", o->target,
			     (unsigned long)getpid(), n++) >=
		    (int)sizeof(o->temp))
			return ENAMETOOLONG;
		err = link_as(o, o->temp);
	} while (err == EEXIST);
	if (err)
		o->temp[0] = '\0';
	return err;
}

/* Names that a file has for a moment only; no signal comes between. */
static int name_it(struct outfile *o)
{
	int err = 0;

	if (!(o->flags & OUTFILE_FORCE)) {
		if (!o->temp[0])
			return link_as(o, o->target);
		return link(o->temp, o->target) < 0 ? errno : 0;
	}
	if (!o->temp[0])
		err = link_to_replace(o);
	if (!err && rename(o->temp, o->target) < 0)
		err = errno;
	if (!err)
		o->temp[0] = '\0';
	return err;
}

/* The name, too, is to be there after a power failure. */
static void sync_folder(const struct outfile *o)
{
	char folder[PATH_MAX];
	int fd;

	memcpy(folder, o->target, sizeof(folder));
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Close it, and remove the name that was not its own.  errno, or err. */
static int end(struct outfile *o, int err)
{
	if (o->fd != STDOUT_FILENO && close(o->fd) < 0 && !err)
		err = errno;
	o->fd = -1;
	if (o->temp[0])
		unlink(o->temp);
	to_remove = NULL;
	return err;
}

int outfile_commit(struct outfile *o)
{
	sigset_t old;
	int err = 0;

	if (o->through) {
		err = end(o, 0);
		return err ? complain_of(o, err) : 0;
	}
	if (fchmod(o->fd, mode_for(o)) < 0 || (fsync(o->fd) < 0 &&
					       errno != EINVAL))
		err = errno;
	block_ending(&old);
	if (!err)
		err = name_it(o);
	if (!err)
		sync_folder(o);
	err = end(o, err);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err ? complain_of(o, err) : 0;
}

bool outfile_drop(struct outfile *o)
{
	bool left = o->through && o->written > 0;

	if (left && o->back >= 0) {
		left = ftruncate(o->fd, o->back) < 0;
		if (left)
			complain("standard output holds a part of the result: "
				 "%s", strerror(errno));
	}
	end(o, 0);
	return !left;
}
