/* SPDX-License-Identifier: MIT */
/*
 * Owns a result while it is written: a file has no name until all of it is on
 * the disk, so that whoever is interrupted or killed leaves nothing.
 */
#ifndef TOOLS_OUTFILE_H
#define TOOLS_OUTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTFILE_PRIVATE 0x1 /* a file that is made is its owner's only */
#define OUTFILE_FORCE 0x2   /* a regular file that is there is replaced */

/** struct outfile - where a result goes */
struct outfile {
	const char *path; /* as it was given, for complaints */
	int fd;
	unsigned int flags;    /* OUTFILE_* */
	bool through;	       /* standard output, a pipe, a device */
	bool failed;
	int64_t back;	       /* through: size to cut back to, or -1 */
	uint64_t written;      /* bytes */
	char target[PATH_MAX]; /* the file that path leads to */
	char temp[PATH_MAX];   /* its name until then; "": it has none */
};

/* Is path, or NULL, standard output? */
bool outfile_is_stdout(const char *path);
/* May raw bytes go there?  Not to a terminal, nor, without OUTFILE_FORCE, to a
 * file that is there.  0, or -1 after a complaint: ask before the work. */
int outfile_check(const char *path, unsigned int flags);
/**
 * outfile_open() - begin a result
 * @path: NULL or "-": standard output, which must not be a terminal; a pipe or
 *	a device is written to as it is; a link is followed
 *
 * Without OUTFILE_FORCE a file that is there is an error, now and, if it came
 * meanwhile, in outfile_commit().
 * Return: 0, or -1 after a complaint; the other calls are not needed then.
 */
int outfile_open(struct outfile *o, const char *path, unsigned int flags);
/* 0, or -1 after a complaint; then outfile_drop() is left to call. */
int outfile_write(struct outfile *o, const void *data, size_t len);
/* All is written: put it on the disk, and give it its name.  A file that it
 * replaces lends it its group, and who may do what, within the umask.  0, or -1
 * after a complaint; nothing is left to call. */
int outfile_commit(struct outfile *o);
/* As if it had never begun.  Standard output, if it is a regular file, is cut
 * back to what it held.
 * Return: true if nothing is left of it. */
bool outfile_drop(struct outfile *o);

#endif
