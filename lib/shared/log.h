/* SPDX-License-Identifier: MIT */
/*
 * Owns the log: to the journal if standard error is connected to it, else to
 * standard error.  Never a secret; hostile strings are quoted by the caller
 * with log_quote().  Rate-limited per call site in a consumer's reach.
 */
#ifndef LIB_SHARED_LOG_H
#define LIB_SHARED_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

void log_init(const char *name, int level);
void log_set_level(int level);
void log_msg(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_vmsg(int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* What this thread said last of level LOG_ERR or worse, since it was forgotten:
 * for whoever must answer with the reason.  "": nothing. */
const char *log_last_error(void);
void log_forget_error(void);
/* It is what another thread said, for this one. */
void log_keep_error(const char *text);
/* Printable form of s in buf, bounded: control characters as \xNN. */
const char *log_quote(char *buf, size_t size, const char *s);

/* One call site's budget; zero-initialised.  One thread. */
struct log_limit {
	uint64_t since_ns;
	unsigned int said, dropped;
};

/* May this call site speak?  *dropped: how often it was silent before. */
bool log_may(struct log_limit *l, unsigned int *dropped);

/* For what a peer can provoke as often as it likes. */
#define log_sparse(level, ...)                                                \
	do {                                                                  \
		static struct log_limit limit_;                               \
		unsigned int dropped_;                                        \
		if (log_may(&limit_, &dropped_)) {                            \
			if (dropped_)                                         \
				log_msg(level, "(%u messages like the next "  \
					       "one were left out)",          \
					dropped_);                            \
			log_msg(level, __VA_ARGS__);                          \
		}                                                             \
	} while (0)

#define log_err(...) log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

#endif
