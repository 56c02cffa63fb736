/* SPDX-License-Identifier: MIT */
/*
 * Owns writing results: a file appears whole or not at all, and what standard
 * output did not take is an error.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stddef.h>

#include "tools/outfile.h"

/**
 * output_write() - raw bytes to a file, or to standard output
 * @path: as outfile_open() takes it
 * @flags: OUTFILE_*
 * Return: 0, or -1 after a complaint.
 */
int output_write(const char *path, const void *data, size_t len,
		 unsigned int flags);
/* Raw bytes of unknown number to standard output; 0, or -1 after a complaint.
 * SIGPIPE ends the program as usual. */
int output_stream(const void *data, size_t len);
/* Was all that was printed taken?  0, or -1 after a complaint. */
int output_flush(void);

#endif
