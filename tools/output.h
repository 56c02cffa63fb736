/* SPDX-License-Identifier: MIT */
/*
 * Owns writing results: a file appears whole or not at all, and what standard
 * output did not take is an error.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * output_write() - raw bytes to a file, or to standard output
 * @path: NULL or "-": standard output, which must not be a terminal
 * @private: a file that is made is its owner's only
 *
 * A regular file is replaced at once when all was written, else left as it
 * was.  Standard output, if it is a regular file, is cut back to what it held.
 * Return: 0, or -1 after a complaint.
 */
int output_write(const char *path, const void *data, size_t len, bool private);
/* May raw bytes go there?  0, or -1 after a complaint: ask before the work. */
int output_check(const char *path);
/* Raw bytes of unknown number to standard output; 0, or -1 after a complaint.
 * SIGPIPE ends the program as usual. */
int output_stream(const void *data, size_t len);
/* Was all that was printed taken?  0, or -1 after a complaint. */
int output_flush(void);

#endif
