/* SPDX-License-Identifier: MIT */
/*
 * Owns the log: to the journal if standard error is connected to it, else to
 * standard error.  Never a secret; hostile strings are quoted by the caller
 * with log_quote().  Rate-limited per call site in a consumer's reach.
 */
#ifndef LIB_SHARED_LOG_H
#define LIB_SHARED_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <syslog.h>

void log_init(const char *name, int level);
void log_set_level(int level);
void log_msg(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_vmsg(int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Printable form of s in buf, bounded: control characters as \xNN. */
const char *log_quote(char *buf, size_t size, const char *s);

#define log_err(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

#endif
