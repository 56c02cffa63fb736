/* SPDX-License-Identifier: MIT */
#include "daemon/ini-file.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

int ini_file_fail(struct ini_file *f, const char *fmt, ...)
{
	va_list ap;

	f->first = f->first ? f->first : f->line;
	fprintf(f->errors, "%s:", f->where);
	if (f->line)
		fprintf(f->errors, "%d:", f->line);
	fputc(' ', f->errors);
	va_start(ap, fmt);
	vfprintf(f->errors, fmt, ap);
	va_end(ap);
	fputc('\n', f->errors);
	return 0;
}

/* "[name]": inih would cut a long one, and ignore what follows the bracket. */
static void look_at_section(struct ini_file *f, char *line)
{
	char *end = strchr(line, ']');
	size_t after;

	if (line[0] != '[' || !end)
		return;
	after = 1 + strspn(end + 1, " \t\r");
	if (end - line - 1 > INI_FILE_SECTION_MAX) {
		ini_file_fail(f, "the section's name is longer than %d bytes: "
				 "shorten it", INI_FILE_SECTION_MAX);
	} else if (end[after] && end[after] != ';' && end[after] != '#') {
		ini_file_fail(f, "\"%s\" behind a section: a line of its own",
			      end + after);
	} else {
		if (f->on_section) {
			*end = '\0';
			f->on_section(f->user, line + 1);
			*end = ']';
		}
		return;
	}
	if (f->on_section) /* what follows belongs to none that is known */
		f->on_section(f->user, NULL);
}

/*
 * A line for inih, which cuts long ones and does not say so: they, and what is
 * no text, are complaints, and empty to it.  It would take an indented line for
 * a further value of the key above: blanks at the beginning are left out.
 */
static char *read_line(char *buf, int size, void *arg)
{
	struct ini_file *f = arg;
	bool binary = false;
	int n = 0, ch = getc(f->in);

	if (ch == EOF)
		return NULL;
	for (f->line++; ch != EOF && ch != '\n'; ch = getc(f->in)) {
		binary |= ch == '\0';
		if (n == 0 && isspace(ch))
			continue;
		if (n < size - 1)
			buf[n] = (char)ch;
		n++;
	}
	if (n >= size - 1 || binary) {
		if (binary)
			ini_file_fail(f, "this is not text");
		else
			ini_file_fail(f, "the line is longer than %d bytes",
				      size - 2);
		n = 0;
	}
	buf[n] = '\0';
	if (f->line == 1 && strncmp(buf, "\xef\xbb\xbf", 3) == 0) {
		ini_file_fail(f, "begins with a byte order mark: remove it");
		buf[0] = '\0';
	}
	look_at_section(f, buf);
	return buf;
}

static int on_key(void *arg, const char *section, const char *name,
		  const char *value)
{
	struct ini_file *f = arg;

	return f->on_key(f->user, section, name, value);
}

int ini_file_read(struct ini_file *f)
{
	int line, err;

	errno = 0;
	line = ini_parse_stream(read_line, f, on_key, f);
	err = ferror(f->in) ? (errno ? errno : EIO) : 0;
	if (err)
		return err == EINVAL ? -EIO : -err;
	/* on_key() complains itself; what it never saw is inih's to find */
	if (line > 0 && (!f->first || line < f->first)) {
		f->line = line;
		ini_file_fail(f, "not a section, a key = value pair or a "
				 "comment");
	}
	return line || f->first ? -EINVAL : 0;
}
