/* SPDX-License-Identifier: MIT */
#include "tools/sums.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/input.h"

/* Line feeds and backslashes would make a line of several, or of another
 * file: they are escaped, and a backslash before the line says so. */
static bool needs_escape(const char *name)
{
	return strpbrk(name, "\n\\") != NULL;
}

static void print_name(const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			fputs("\\n", stdout);
		else if (*name == '\\')
			fputs("\\\\", stdout);
		else
			putchar(*name);
	}
}

void sums_print(const char *path, const uint8_t *sum, int64_t len)
{
	if (needs_escape(path))
		putchar('\\');
	for (int64_t i = 0; i < len; i++)
		printf("%02x", sum[i]);
	fputs("  ", stdout);
	print_name(path);
	putchar('\n');
}

/* ----------------------------------------------------------------- checking */

/* A line of a list; both point into it. */
struct line {
	char *name;
	char *hex;
	size_t sum_len; /* bytes */
};

/* What \n and \\ stand for, in place; false: another backslash. */
static bool unescape(char *name)
{
	char *to = name;

	for (; *name; name++) {
		if (*name != '\\') {
			*to++ = *name;
			continue;
		}
		name++;
		if (*name != 'n' && *name != '\\')
			return false;
		*to++ = *name == 'n' ? '\n' : '\\';
	}
	*to = '\0';
	return true;
}

/* [\]HEX, a blank, a blank or *, NAME */
static bool parse(char *text, struct line *l)
{
	bool escaped = *text == '\\';
	size_t digits;

	text += escaped;
	digits = strspn(text, "0123456789abcdefABCDEF");
	if (digits < 2 || digits % 2 || digits > 2 * SUM_MAX ||
	    text[digits] != ' ' ||
	    (text[digits + 1] != ' ' && text[digits + 1] != '*'))
		return false;
	*l = (struct line){ .name = text + digits + 2, .hex = text,
			    .sum_len = digits / 2 };
	return *l->name && (!escaped || unescape(l->name));
}

static unsigned int digit(char c)
{
	return (unsigned int)(isdigit((unsigned char)c) ?
				      c - '0' : tolower((unsigned char)c) -
						'a' + 10);
}

/* In constant time: it may be a MAC. */
static bool is_right(const struct line *l, const uint8_t *sum, int64_t len)
{
	uint8_t want[SUM_MAX];

	if ((size_t)len != l->sum_len)
		return false;
	for (size_t i = 0; i < l->sum_len; i++)
		want[i] = (uint8_t)(digit(l->hex[2 * i]) << 4 |
				    digit(l->hex[2 * i + 1]));
	return secmem_equal(want, sum, l->sum_len);
}

/* sha256sum leaves backslashes alone here. */
static void say(const char *name, const char *what)
{
	if (strchr(name, '\n')) {
		putchar('\\');
		print_name(name);
	} else {
		fputs(name, stdout);
	}
	printf(": %s\n", what);
}

struct tally {
	unsigned long right, wrong, unread, malformed;
};

static void check_line(const struct sums_check *how, const struct line *l,
		       struct tally *t)
{
	uint8_t sum[SUM_MAX];
	int64_t len = how->make(how->arg, l->name, sum);
	const char *what = "OK";

	if (len < 0) {
		t->unread++;
		what = "FAILED open or read";
	} else if (is_right(l, sum, len)) {
		t->right++;
		if (how->quiet)
			what = NULL;
	} else {
		t->wrong++;
		what = "FAILED";
	}
	if (what && !how->silent)
		say(l->name, what);
}

static void warn(unsigned long n, const char *one, const char *many)
{
	if (n)
		complain("WARNING: %lu %s", n, n == 1 ? one : many);
}

static int conclude(const struct sums_check *how, const char *path,
		    const struct tally *t)
{
	if (!(t->right | t->wrong | t->unread)) {
		complain("%s: no properly formatted checksum lines found",
			 input_name(path));
		return -1;
	}
	if (!how->silent) {
		warn(t->malformed, "line is improperly formatted",
		     "lines are improperly formatted");
		warn(t->unread, "listed file could not be read",
		     "listed files could not be read");
		warn(t->wrong, "computed checksum did NOT match",
		     "computed checksums did NOT match");
	}
	return t->wrong || t->unread ? -1 : 0;
}

int sums_check(const struct sums_check *how, const char *path)
{
	int fd = input_open(path);
	FILE *list = fd < 0 ? NULL : fd == 0 ? stdin : fdopen(fd, "r");
	struct tally t = { 0 };
	char *text = NULL;
	size_t room = 0;
	ssize_t n;
	bool broken;

	if (!list) {
		input_close(fd);
		return -1;
	}
	while ((n = getline(&text, &room, list)) > 0) {
		struct line l;

		if (text[n - 1] == '\n')
			text[n - 1] = '\0';
		if (*text == '#' || (n == 1 && !*text))
			continue;
		if (strlen(text) + 1 < (size_t)n || !parse(text, &l))
			t.malformed++;
		else
			check_line(how, &l, &t);
	}
	broken = ferror(list);
	if (broken)
		complain("%s: %s", input_name(path), strerror(errno));
	free(text);
	if (list != stdin)
		fclose(list);
	return conclude(how, path, &t) < 0 || broken ? -1 : 0;
}
