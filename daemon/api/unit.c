/* SPDX-License-Identifier: MIT */
#include "daemon/api/unit.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n >= m && memcmp(s + n - m, end, m) == 0;
}

/* "/a.slice/b.service/c": the first part that is no slice. */
static void from_path(const char *path, char *unit, size_t size)
{
	size_t len = strcspn(path, "\n"), n;

	for (const char *at = path; at < path + len; at += n + 1) {
		n = strcspn(at, "/\n");
		if (n == 0 || ends_with(at, n, ".slice"))
			continue;
		if (at[0] == '_') { /* systemd's escape of its own names */
			at++;
			n--;
		}
		/* Outside of what we see, as in "/../x.service": not known. */
		if (n >= size || (n == 2 && memcmp(at, "..", 2) == 0))
			return;
		for (size_t i = 0; i < n; i++)
			if (!isgraph((unsigned char)at[i]))
				return;
		memcpy(unit, at, n);
		unit[n] = '\0';
		return;
	}
}

/* Version 2's one hierarchy, or systemd's own of version 1. */
static const char *path_in(const char *line, const char *end)
{
	static const char old[] = ":name=systemd:";
	const char *at;

	if (strncmp(line, "0::/", 4) == 0)
		return line + 3;
	at = strstr(line, old);
	return at && at < end ? at + sizeof(old) - 1 : NULL;
}

void unit_from_text(const char *text, char *unit, size_t size)
{
	unit[0] = '\0';
	while (*text && !unit[0]) {
		const char *end = strchrnul(text, '\n');
		const char *path = path_in(text, end);

		if (path)
			from_path(path, unit, size);
		text = *end ? end + 1 : end;
	}
}

void unit_of(pid_t pid, char *unit, size_t size)
{
	char path[40], text[4096];
	ssize_t n;
	int fd;

	unit[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	unit_from_text(text, unit, size);
}
