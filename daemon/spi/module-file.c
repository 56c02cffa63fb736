/* SPDX-License-Identifier: MIT */
#include "daemon/spi/module-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/log.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define MODULE_MAX (64u << 20) /* bytes */

static bool name_is_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < 32 && name[n] == '\0';
}

/* Could anybody but root and this user change it?  A sticky directory such as
 * /tmp is fine above what is ours: entries of others cannot be replaced. */
static bool is_safe(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
}

static int refuse(const char *path, const char *why)
{
	log_err("provider file %s: %s", path, why);
	return -EACCES;
}

static int step(int at, const char *path, const char *part, int flags)
{
	struct stat st;
	int fd = openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		int err = -errno;

		if (err == -ELOOP || err == -ENOTDIR)
			return refuse(path, "a symlink is in the way");
		log_err("provider file %s: %s", path, strerror(-err));
		return err;
	}
	if (fstat(fd, &st) == 0 && is_safe(&st))
		return fd;
	close(fd);
	return refuse(path, "others than root and this user may change it or "
			    "a directory above it");
}

/* Every component of an absolute, canonical path. */
static int walk(const char *path)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char copy[PATH_MAX], *part, *rest;

	if (fd < 0)
		return -errno;
	snprintf(copy, sizeof(copy), "%s", path);
	for (part = strtok_r(copy, "/", &rest); part;) {
		char *next = strtok_r(NULL, "/", &rest);
		int flags = next ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
		int deeper = step(fd, path, part, flags);

		close(fd);
		if (deeper < 0)
			return deeper;
		fd = deeper;
		part = next;
	}
	return fd;
}

/* FNV-1a: names the content, protects nothing. */
static uint32_t fingerprint(uint32_t h, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static int copy_into(int from, int to, uint32_t *gen)
{
	unsigned char buf[65536];
	uint32_t h = 2166136261u;
	uint64_t total = 0;
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		total += (uint64_t)n;
		if (total > MODULE_MAX)
			return -EFBIG;
		if (write(to, buf, (size_t)n) != n)
			return -EIO;
		h = fingerprint(h, buf, (size_t)n);
	}
	if (n < 0)
		return -errno;
	*gen = h ? h : 1;
	return 0;
}

static int new_memfd(const char *name)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

static int sealed_copy(int from, const char *name, uint32_t *gen)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
			  F_SEAL_SEAL;
	int fd = new_memfd(name);
	int err;

	if (fd < 0)
		return fd;
	err = copy_into(from, fd, gen);
	if (!err && (fchmod(fd, 0444) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* The loader maps what the headers promise and touches it: of a file that was
 * cut short the process would die. */
static bool is_whole(int fd)
{
	ElfW(Ehdr) e;
	ElfW(Phdr) ph;
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    pread(fd, &e, sizeof(e), 0) != (ssize_t)sizeof(e) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_phentsize != sizeof(ph) || e.e_phoff > MODULE_MAX)
		return false;
	for (unsigned int i = 0; i < e.e_phnum; i++) {
		off_t at = (off_t)(e.e_phoff + i * sizeof(ph));

		if (pread(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))
			return false;
		if (ph.p_filesz > (uint64_t)st.st_size ||
		    ph.p_offset > (uint64_t)st.st_size - ph.p_filesz)
			return false;
	}
	return true;
}

int module_file_open(const char *dir, const char *name, uint32_t *gen)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct stat st;
	int file, fd;

	if (!name_is_valid(name)) {
		log_err("a provider's name is [a-z0-9-], 31 characters at most");
		return -EINVAL;
	}
	/* The directory is the administrator's word and may be spelled with
	 * links; what it leads to is walked without them. */
	if (!realpath(dir, real)) {
		log_err("provider directory %s: %m", dir);
		return -errno;
	}
	if (snprintf(path, sizeof(path), "%s/%s.so", real, name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	file = walk(path);
	if (file < 0)
		return file;
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(file);
		return refuse(path, "not a regular file");
	}
	fd = sealed_copy(file, name, gen);
	close(file);
	if (fd < 0) {
		log_err("provider file %s: %s", path, strerror(-fd));
	} else if (!is_whole(fd)) {
		close(fd);
		log_err("provider file %s: not a whole shared object: install "
			"it again", path);
		return -ENOEXEC;
	}
	return fd;
}

bool module_file_same(int a, int b)
{
	unsigned char left[16384], right[sizeof(left)];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(a, left, sizeof(left), at)) > 0) {
		if (pread(b, right, sizeof(right), at) != n ||
		    memcmp(left, right, (size_t)n) != 0)
			return false;
		at += n;
	}
	return n == 0 && pread(b, right, 1, at) == 0;
}
