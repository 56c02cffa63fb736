/* SPDX-License-Identifier: MIT */
/*
 * A policy decides what is refused to consumers, so nothing of it is passed
 * over: what is not understood is an error, and a file that others could
 * change, too.
 *
 * Names of users and groups are those of /etc/passwd and /etc/group.  They are
 * not asked of the name service: it would load modules into the process that
 * holds the keys, and could wait for the network.
 */
#include "daemon/api/policy-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/trusted.h"
#include "daemon/config.h"
#include "daemon/core/queue.h"
#include "daemon/ini-file.h"
#include "lib/shared/mech-table.h"

#define SIZE_MAX_BYTES 65536
#define FILES_MAX 256

struct section;

struct parse {
	struct policy_files *f;
	struct ini_file ini;
	const struct section *section; /* NULL: none that is understood */
	bool refused;		       /* which was said */
	char header[INI_FILE_SECTION_MAX + 1];
	struct policy_share whose; /* of a share's section */
	char provider[UKCF_NAME_MAX]; /* of a provider's; else "" */
};

#define fail(p, ...) ini_file_fail(&(p)->ini, __VA_ARGS__)

/* --------------------------------------------------------------- numbers */

static bool read_number(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static int take_number(struct parse *p, const char *name, const char *value,
		       uint64_t min, uint64_t max, uint64_t *n)
{
	if (read_number(value, n) && *n >= min && *n <= max)
		return 1;
	return fail(p, "%s: \"%s\" is not a number from %llu to %llu", name,
		    value, (unsigned long long)min, (unsigned long long)max);
}

/* ------------------------------------------------------ users and groups */

/* "name:password:id:": the id in the line of that name. */
static bool id_in_line(const char *line, const char *name, uint64_t *id)
{
	size_t n = strlen(name);
	const char *at;
	char text[16];

	if (strchr(name, ':') || strncmp(line, name, n) != 0 ||
	    line[n] != ':')
		return false;
	at = strchr(line + n + 1, ':');
	if (!at)
		return false;
	n = strcspn(at + 1, ":\n");
	if (n >= sizeof(text))
		return false;
	memcpy(text, at + 1, n);
	text[n] = '\0';
	return read_number(text, id);
}

static bool id_in_file(const char *path, const char *name, uint64_t *id)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	while (!found && getline(&line, &size, f) > 0)
		found = id_in_line(line, name, id);
	free(line);
	fclose(f);
	return found;
}

static int begin_id(struct parse *p, const char *name, enum policy_whose whose)
{
	static const struct {
		const char *what, *path, *option;
	} kinds[] = {
		[POLICY_UID] = { "user", "/etc/passwd", "-u" },
		[POLICY_GID] = { "group", "/etc/group", "-g" },
	};
	uint64_t id;

	/* The last one means "none" to the kernel. */
	if (!read_number(name, &id) &&
	    !id_in_file(kinds[whose].path, name, &id))
		return fail(p, "no %s %s in %s: write its name there, or its "
			       "number here (id %s)", kinds[whose].what, name,
			    kinds[whose].path, kinds[whose].option);
	if (id >= UINT32_MAX)
		return fail(p, "%s: no %s has such a number", name,
			    kinds[whose].what);
	p->whose = (struct policy_share){ .whose = whose,
					  .id = (uint32_t)id };
	return 1;
}

static int begin_uid(struct parse *p, const char *name)
{
	return begin_id(p, name, POLICY_UID);
}

static int begin_gid(struct parse *p, const char *name)
{
	return begin_id(p, name, POLICY_GID);
}

static bool has_kind(const char *unit)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket",
					     ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(unit), m = strlen(kinds[i]);

		if (n > m && strcmp(unit + n - m, kinds[i]) == 0)
			return true;
	}
	return false;
}

static int begin_unit(struct parse *p, const char *name)
{
	if (strchr(name, '/') || !has_kind(name))
		return fail(p, "\"%s\" is no unit of processes: its name ends "
			       "in .service or .scope", name);
	p->whose = (struct policy_share){ .whose = POLICY_UNIT };
	snprintf(p->whose.unit, sizeof(p->whose.unit), "%s", name);
	return 1;
}

static int begin_provider(struct parse *p, const char *name)
{
	static const char may[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

	if (strlen(name) >= sizeof(p->provider) || name[strspn(name, may)])
		return fail(p, "\"%s\" is no name that a provider can have: "
			       "'cryptoctl list' shows them", name);
	strcpy(p->provider, name);
	return 1;
}

/* ------------------------------------------------------------------ keys */

static int set_weight(struct parse *p, const char *value)
{
	uint64_t n;

	if (!take_number(p, "weight", value, 1, QUEUE_WEIGHT_MAX, &n))
		return 0;
	p->whose.weight = (uint32_t)n;
	if (policy_shares_set(&p->f->shares, &p->whose) < 0)
		return fail(p, "there are more than %d weights",
			    POLICY_SHARES_MAX);
	return 1;
}

static const struct {
	const char *name; /* as in [quota] of ukcfd.conf */
	enum quota_kind kind;
} quotas[] = {
	{ "connections", QUOTA_CONNECTIONS },
	{ "rings", QUOTA_RINGS },
	{ "requests", QUOTA_REQUESTS },
	{ "buffers", QUOTA_BUFFERS },
	{ "buffer_bytes", QUOTA_BUFFER_BYTES },
};

#define N_QUOTAS (sizeof(quotas) / sizeof(quotas[0]))

static struct quota_user *quota_row(struct quota_users *u, uid_t uid)
{
	for (unsigned int i = 0; i < u->n; i++)
		if (u->rows[i].uid == uid)
			return &u->rows[i];
	if (u->n == QUOTA_USERS_MAX)
		return NULL;
	u->rows[u->n] = (struct quota_user){ .uid = uid };
	return &u->rows[u->n++];
}

static int set_quota(struct parse *p, const char *name, enum quota_kind kind,
		     const char *value)
{
	uint64_t min = 1, max = 0, n;
	struct quota_user *row;

	config_range("quota", name, &min, &max);
	if (!take_number(p, name, value, min, max, &n))
		return 0;
	row = quota_row(&p->f->quotas, p->whose.id);
	if (!row)
		return fail(p, "there are quotas of more than %d users",
			    QUOTA_USERS_MAX);
	row->limit[kind] = n;
	return 1;
}

static int on_share(struct parse *p, const char *name, const char *value)
{
	if (strcmp(name, "weight") == 0)
		return set_weight(p, value);
	for (size_t i = 0; i < N_QUOTAS; i++) {
		if (strcmp(quotas[i].name, name) != 0)
			continue;
		if (p->whose.whose == POLICY_UID)
			return set_quota(p, name, quotas[i].kind, value);
		return fail(p, "%s: quotas are counted per user: write it "
			       "below [uid N]", name);
	}
	return fail(p, "unknown key %s in [%s]; there are weight and, in "
		       "[uid N], connections, rings, requests, buffers, "
		       "buffer_bytes", name, p->header);
}

static const char *own_name(const char *name)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *m = &mech_rows[i];

		if (mech_name_matches(name, m->name, m->pkcs11, m->openssl))
			return m->name;
	}
	return NULL;
}

static int set_rule(struct parse *p, const char *mech, bool on)
{
	bool all = strcmp(mech, POLICY_ALL) == 0;
	const char *name = all ? mech : own_name(mech);

	if (all && !p->provider[0])
		return fail(p, "all mechanisms of which provider?  Write it "
			       "below [provider NAME]");
	if (!name)
		return fail(p, "no mechanism %s: ukcf_mech(7) names them",
			    mech);
	if (policy_rules_say(&p->f->rules, p->provider, name, on) < 0)
		return fail(p, "there are more than %d rules",
			    POLICY_RULES_MAX);
	return 1;
}

static int on_rule(struct parse *p, const char *name, const char *value)
{
	bool on = strcmp(name, "enable") == 0;
	char copy[256], *mech, *rest;
	int ok = 1;

	if (!on && strcmp(name, "disable") != 0)
		return fail(p, "unknown key %s in [%s]; there are disable and "
			       "enable", name, p->header);
	if (strlen(value) >= sizeof(copy))
		return fail(p, "%s: the list is too long", name);
	strcpy(copy, value);
	mech = strtok_r(copy, ", \t", &rest);
	if (!mech)
		return fail(p, "%s: name at least one mechanism", name);
	for (; mech; mech = strtok_r(NULL, ", \t", &rest))
		ok &= set_rule(p, mech, on);
	return ok;
}

/* --------------------------------------------------------------- sections */

static const struct section {
	const char *word;
	int (*begin)(struct parse *p, const char *name); /* NULL: no name */
	int (*key)(struct parse *p, const char *name, const char *value);
} sections[] = {
	{ "uid", begin_uid, on_share },
	{ "gid", begin_gid, on_share },
	{ "unit", begin_unit, on_share },
	{ "mechanisms", NULL, on_rule },
	{ "provider", begin_provider, on_rule },
};

#define THERE_ARE "there are [uid N], [gid N], [unit NAME], [mechanisms] " \
		  "and [provider NAME]"

static int begin(struct parse *p, const char *header)
{
	size_t word = strcspn(header, " \t");
	const char *name = header + word + strspn(header + word, " \t");

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct section *s = &sections[i];

		if (strlen(s->word) != word ||
		    strncmp(header, s->word, word) != 0)
			continue;
		if (s->begin && !*name)
			return fail(p, "[%s]: which one?  " THERE_ARE, header);
		if (!s->begin && *name)
			return fail(p, "[%s]: \"%s\" too much; " THERE_ARE,
				    header, name);
		if (s->begin && !s->begin(p, name))
			return 0;
		p->section = s;
		return 1;
	}
	return fail(p, "unknown section [%s]; " THERE_ARE, header);
}

static void on_section(void *user, const char *header)
{
	struct parse *p = user;
	size_t n;

	p->section = NULL;
	p->provider[0] = '\0';
	p->refused = true; /* unless it begins */
	p->header[0] = '\0';
	if (!header)
		return;
	n = strlen(header);
	while (n && (header[n - 1] == ' ' || header[n - 1] == '\t'))
		n--;
	memcpy(p->header, header, n);
	p->header[n] = '\0';
	p->refused = !begin(p, p->header);
}

static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct parse *p = user;

	if (p->refused)
		return 1; /* said once, of the section */
	if (!p->section)
		return fail(p, "%s stands before any section; " THERE_ARE,
			    name);
	/* Both must have seen the same section begin. */
	if (strncmp(section, p->header, strlen(p->header)) != 0)
		return fail(p, "%s: in which section?", name);
	return p->section->key(p, name, value);
}

/* ------------------------------------------------------------------ files */

static int unreadable(const char *path, int err, FILE *errors)
{
	fprintf(errors, "%s: cannot be read by uid %u: %s\n", path, geteuid(),
		strerror(-err));
	return err;
}

int policy_file_parse(struct policy_files *f, FILE *in, const char *path,
		      FILE *errors)
{
	struct parse p = { .f = f,
			   .ini = { .where = path, .errors = errors, .in = in,
				    .on_section = on_section,
				    .on_key = on_key, .user = &p } };
	int err = ini_file_read(&p.ini);

	if (err && err != -EINVAL)
		return unreadable(path, err, errors);
	return err;
}

static int distrust(const char *path, const char *what, FILE *errors)
{
	fprintf(errors, "%s: %s\n", path, what);
	return -EINVAL;
}

#define OTHERS "can be changed by others than root and the daemon's user: "

static int check(int fd, const char *path, FILE *errors)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return unreadable(path, -errno, errors);
	if (!S_ISREG(st.st_mode))
		return distrust(path, "is not a file: move it away", errors);
	if (!trusted_stat(&st))
		return distrust(path, OTHERS "chown root, chmod go-w", errors);
	if (st.st_size > SIZE_MAX_BYTES)
		return distrust(path, "is too large: it may have 64 KiB, and "
				      "there may be several", errors);
	return 0;
}

static int load_one(struct policy_files *f, int dir, const char *path,
		    FILE *errors)
{
	int fd = openat(dir, strrchr(path, '/') + 1,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err;
	FILE *in;

	if (fd < 0 && errno == ELOOP)
		return distrust(path, "is a symbolic link: put the file here",
				errors);
	if (fd < 0)
		return unreadable(path, -errno, errors);
	err = check(fd, path, errors);
	in = err ? NULL : fdopen(fd, "r");
	if (!in) {
		close(fd);
		return err ? err : unreadable(path, -ENOMEM, errors);
	}
	err = policy_file_parse(f, in, path, errors);
	fclose(in);
	f->n++;
	return err;
}

static int is_policy(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 &&
	       strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* Not alphasort(3): the order shall not depend on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_all(struct policy_files *f, int dir, const char *path,
		    FILE *errors)
{
	char file[PATH_MAX + NAME_MAX + 2];
	struct dirent **names;
	int n = scandirat(dir, ".", &names, is_policy, by_name), err = 0;

	if (n < 0)
		return unreadable(path, -errno, errors);
	if (n > FILES_MAX)
		err = distrust(path, "has more than 256 files", errors);
	for (int i = 0; i < n; i++) {
		int e = 0;

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (n <= FILES_MAX)
			e = load_one(f, dir, file, errors);
		err = err ? err : e;
		free(names[i]);
	}
	free(names);
	return err;
}

int policy_files_load(struct policy_files *f, const char *dir, FILE *errors)
{
	struct stat st;
	int fd, err;

	memset(f, 0, sizeof(*f));
	if (!*dir)
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : unreadable(dir, -errno, errors);
	if (fstat(fd, &st) < 0)
		err = unreadable(dir, -errno, errors);
	else if (!trusted_stat(&st))
		err = distrust(dir, OTHERS "chown root, chmod go-w", errors);
	else
		err = load_all(f, fd, dir, errors);
	close(fd);
	return err;
}
