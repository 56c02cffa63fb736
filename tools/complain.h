/* SPDX-License-Identifier: MIT */
/*
 * Owns what is said on standard error: the problem, then the way out.
 */
#ifndef TOOLS_COMPLAIN_H
#define TOOLS_COMPLAIN_H

#include <stdint.h>

/* The name that stands before every message, until set: "cryptoctl". */
void complain_as(const char *name);
/* Called before every message: what has to leave the terminal first; or NULL. */
void complain_after(void (*clear)(void));
/* One line. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Of a failed call of libukcf of this thread: what, words for err and for its
 * detail, and what to do about it if that is known. */
void complain_call(const char *what, int64_t err);
/* The same of a request of a ring, whose completion has the detail. */
void complain_result(const char *what, int64_t err, unsigned int detail);

#endif
