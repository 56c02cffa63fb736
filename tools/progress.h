/* SPDX-License-Identifier: MIT */
/*
 * Owns the line on a terminal that says how far a long command is.  One at a
 * time; there is none where standard error is no terminal.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdint.h>

/* Of a file; total: its bytes, 0 if that is not known. */
void progress_begin(const char *name, uint64_t total);
/* So many bytes more. */
void progress_add(uint64_t n);
void progress_end(void);

#endif
