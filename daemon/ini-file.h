/* SPDX-License-Identifier: MIT */
/*
 * Owns the reading of a file of [sections] with key = value lines: inih does
 * the words; here is what it does not tell of - lines and names that it would
 * cut, what is no text - and where a complaint is about.
 */
#ifndef DAEMON_INI_FILE_H
#define DAEMON_INI_FILE_H

#include <stdio.h>

#define INI_FILE_SECTION_MAX 49 /* bytes of a name; inih cuts the rest off */

struct ini_file {
	const char *where; /* a file, or an assignment */
	FILE *errors;
	FILE *in;
	int line;  /* 0: none */
	int first; /* line of the first complaint; 0: none yet */
	/* A section begins: its name, at most INI_FILE_SECTION_MAX bytes.  May
	 * be NULL. */
	void (*on_section)(void *user, const char *section);
	/* Return: 1, or 0 after a complaint. */
	int (*on_key)(void *user, const char *section, const char *name,
		      const char *value);
	void *user;
};

/* "where:line: ..." to errors.  Return: 0, what inih takes for an error. */
int ini_file_fail(struct ini_file *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* All of f->in, to its end, also after complaints.  Return: 0; -EINVAL after
 * one; -errno: it could not be read, and nothing was said. */
int ini_file_read(struct ini_file *f);

#endif
