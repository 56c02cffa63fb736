/* SPDX-License-Identifier: MIT */
/*
 * One write(2) per line, so that lines of several threads do not mix.  To the
 * journal a line carries its level as "<N>"; it is recognised by comparing
 * JOURNAL_STREAM with standard error (systemd.exec(5)).
 */
#include "lib/shared/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"

#define LIMIT_N 10 /* messages of a call site in its reach ... */
#define LIMIT_NS UINT64_C(10000000000) /* ... per ten seconds */

static _Thread_local char last_error[200];
static const char *log_name = "ukcf";
static int log_level = LOG_INFO; /* atomic: it may change while others log */
static bool to_journal;

static bool stderr_is_journal(void)
{
	const char *s = secure_getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!s || sscanf(s, "%llu:%llu", &dev, &ino) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_init(const char *name, int level)
{
	log_name = name;
	log_set_level(level);
	to_journal = stderr_is_journal();
}

void log_set_level(int level)
{
	store_relaxed_int(&log_level, level);
}

static int put_prefix(char *line, size_t size, int level)
{
	static const char *const words[] = { "emergency", "alert", "critical",
					     "error",	  "warning", "notice",
					     "info",	  "debug" };
	struct tm tm;
	time_t now = time(NULL);
	char stamp[16] = "";

	if (to_journal)
		return snprintf(line, size, "<%d>", level);
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
	return snprintf(line, size, "%s %s: %s: ", stamp, log_name,
			words[level & 7]);
}

static void remember(const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	vsnprintf(last_error, sizeof(last_error), fmt, again);
	va_end(again);
}

const char *log_last_error(void)
{
	return last_error;
}

void log_forget_error(void)
{
	last_error[0] = '\0';
}

void log_keep_error(const char *text)
{
	snprintf(last_error, sizeof(last_error), "%s", text);
}

void log_vmsg(int level, const char *fmt, va_list ap)
{
	char line[1024];
	int err = errno, n, m;

	if (level <= LOG_ERR)
		remember(fmt, ap);
	if (level > load_relaxed_int(&log_level))
		return;
	n = put_prefix(line, sizeof(line), level);
	errno = err; /* for %m */
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	n += m;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere to say so */
}

void log_msg(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(level, fmt, ap);
	va_end(ap);
}

const char *log_quote(char *buf, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s && n + 5 < size; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c < 0x7f && c != '\\')
			buf[n++] = (char)c;
		else
			n += (size_t)snprintf(buf + n, size - n, "\\x%02x", c);
	}
	buf[n] = '\0';
	return buf;
}

bool log_may(struct log_limit *l, unsigned int *dropped)
{
	uint64_t now = clock_ns();

	*dropped = 0;
	if (l->since_ns == 0 || now - l->since_ns > LIMIT_NS) {
		*dropped = l->dropped;
		*l = (struct log_limit){ .since_ns = now };
	}
	if (l->said < LIMIT_N) {
		l->said++;
		return true;
	}
	l->dropped++;
	return false;
}
