/* SPDX-License-Identifier: MIT */
/*
 * The file is a text of lines that say what cryptoctl(1) was told:
 *
 *	ukcf-policy 1
 *	disable mechanism=sha-1
 *	disable provider=nullhw mechanism=all
 *	enable provider=nullhw mechanism=sha2-256
 *	end
 *
 * The last line shows that none is missing.
 *
 * Who may change the file decides what is refused to consumers, so it must be
 * the daemon's own, or root's, and nobody else's to write.
 */
#include "daemon/api/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/replace-file.h"
#include "daemon/trusted.h"

#define NAME "policy.conf"
#define FIRST_LINE "ukcf-policy 1"
#define LAST_LINE "end"
#define SIZE_MAX_BYTES (1 << 20)

/* ------------------------------------------------------------------ writing */

static int text_of(const struct policy_rules *r, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		return -ENOMEM;
	fputs(FIRST_LINE "\n"
	      "# Written by ukcfd(8); changed with 'cryptoctl enable' and "
	      "'disable'.\n", f);
	for (unsigned int i = 0; i < r->n; i++) {
		const struct policy_rule *rule = &r->rules[i];

		fprintf(f, "%s %s%s%smechanism=%s\n",
			rule->on ? "enable" : "disable",
			*rule->provider ? "provider=" : "", rule->provider,
			*rule->provider ? " " : "", rule->mech);
	}
	fputs(LAST_LINE "\n", f);
	return fclose(f) ? -ENOMEM : 0;
}

int state_file_save(const char *dir, const struct policy_rules *r, char *path,
		    size_t size)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	snprintf(path, size, "%s/" NAME, dir);
	err = text_of(r, &text, &len);
	if (!err)
		err = replace_file(dir, NAME, text, len);
	free(text);
	return err;
}

/* ------------------------------------------------------------------ reading */

struct reader {
	struct policy_rules *r;
	FILE *errors;
	const char *path;
	unsigned int line;
};

static int refuse(const struct reader *rd, const char *what)
{
	fprintf(rd->errors, "%s:", rd->path);
	if (rd->line)
		fprintf(rd->errors, "%u:", rd->line);
	fprintf(rd->errors, " %s; mend the file, or remove it: then only "
			    "policy files forbid\n", what);
	return -EINVAL;
}

static int unreadable(const struct reader *rd, int err)
{
	fprintf(rd->errors, "%s: cannot be read by uid %u: %s\n", rd->path,
		geteuid(), strerror(-err));
	return err;
}

static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return word && strncmp(word, name, n) == 0 ? word + n : NULL;
}

/* One rule; the line is cut up. */
static int take_rule(const struct reader *rd, char *line)
{
	char *rest, *verb = strtok_r(line, " ", &rest);
	char *word = verb ? strtok_r(NULL, " ", &rest) : NULL;
	const char *provider = value_of(word, "provider=");
	const char *mech;
	bool on;
	int rc;

	if (provider)
		word = strtok_r(NULL, " ", &rest);
	mech = value_of(word, "mechanism=");
	if (!verb || !mech || (provider && !*provider) ||
	    strtok_r(NULL, " ", &rest) ||
	    (strcmp(verb, "enable") != 0 && strcmp(verb, "disable") != 0))
		return refuse(rd, "not a line of this file (enable or disable "
				  "[provider=NAME] mechanism=NAME)");
	on = verb[0] == 'e';
	rc = policy_rules_say(rd->r, provider ? provider : "", mech, on);
	if (rc == -ENOSPC)
		return refuse(rd, "too many rules");
	return rc < 0 ? refuse(rd, "no name that a provider or a mechanism "
				   "can have") : 0;
}

/* All of it; it ends with a NUL. */
static int parse(struct reader *rd, char *text)
{
	bool ended = false;

	while (*text) {
		char *end = strchrnul(text, '\n');
		bool whole = *end != '\0';
		int err = 0;

		*end = '\0';
		rd->line++;
		if (ended)
			return refuse(rd, "there is more after the end");
		if (rd->line == 1 && strcmp(text, FIRST_LINE) != 0)
			return refuse(rd, "does not begin with \"" FIRST_LINE
					  "\": no policy, or of another "
					  "version");
		if (rd->line > 1 && whole && strcmp(text, LAST_LINE) == 0)
			ended = true;
		else if (rd->line > 1 && *text && *text != '#')
			err = take_rule(rd, text);
		if (err)
			return err;
		text = end + whole;
	}
	return ended ? 0 : refuse(rd, "is cut off: its last line is not \""
				      LAST_LINE "\"");
}

static int check(const struct reader *rd, int dir, int fd, off_t *size)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return unreadable(rd, -errno);
	if (!trusted_stat(&st))
		return refuse(rd, "its folder can be changed by others than "
				  "root and the daemon's user");
	if (fstat(fd, &st) < 0)
		return unreadable(rd, -errno);
	if (!S_ISREG(st.st_mode))
		return refuse(rd, "is not a file");
	if (!trusted_stat(&st))
		return refuse(rd, "can be changed by others than root and the "
				  "daemon's user");
	if (st.st_size > SIZE_MAX_BYTES)
		return refuse(rd, "is too large");
	*size = st.st_size;
	return 0;
}

static int read_all(int fd, char *text, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, text + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	text[have] = '\0';
	return (int)have;
}

static int load(struct reader *rd, int dir, int fd)
{
	off_t size = 0;
	int err = check(rd, dir, fd, &size), n;
	char *text;

	if (err)
		return err;
	text = malloc((size_t)size + 1);
	if (!text)
		return unreadable(rd, -ENOMEM);
	n = read_all(fd, text, (size_t)size);
	if (n < 0)
		err = unreadable(rd, n);
	else if (strlen(text) != (size_t)n)
		err = refuse(rd, "this is not text");
	else
		err = parse(rd, text);
	free(text);
	return err;
}

int state_file_load(const char *dir, struct policy_rules *r, FILE *errors)
{
	char path[512];
	struct reader rd = { .r = r, .errors = errors, .path = path };
	int dirfd, fd, err;

	r->n = 0;
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == ENOENT ? 0 : unreadable(&rd, -errno);
	fd = openat(dirfd, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		err = load(&rd, dirfd, fd);
	else if (errno == ELOOP)
		err = refuse(&rd, "is a symbolic link");
	else
		err = errno == ENOENT ? 0 : unreadable(&rd, -errno);
	if (fd >= 0)
		close(fd);
	close(dirfd);
	return err;
}
