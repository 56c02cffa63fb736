/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "daemon/ini-file.h"

enum type { T_UINT, T_U64, T_TEXT, T_LEVEL, T_LIST, T_RATE };

/* The configuration file, row by row; ukcfd.conf(5) has the same order. */
static const struct key {
	const char *section, *name;
	enum type type;
	size_t offset;
	uint64_t min, max; /* of a number; max: room for a text */
} keys[] = {
#define AT(member) offsetof(struct config, member)
	{ "daemon", "socket", T_TEXT, AT(socket), 0, 108 },
	{ "daemon", "admin_socket", T_TEXT, AT(admin_socket), 0, 108 },
	{ "daemon", "provider_dir", T_TEXT, AT(provider_dir), 0, 256 },
	{ "daemon", "state_dir", T_TEXT, AT(state_dir), 0, 256 },
	{ "daemon", "policy_dir", T_TEXT, AT(policy_dir), 0, 256 },
	{ "daemon", "manifest_dir", T_TEXT, AT(manifest_dir), 0, 256 },
	{ "daemon", "providers", T_LIST, AT(providers), 0, 0 },
	{ "daemon", "service_threads", T_UINT, AT(service_threads), 0, 64 },
	{ "daemon", "bulk_workers", T_UINT, AT(bulk_workers), 0, 32 },
	{ "daemon", "slow_workers", T_UINT, AT(slow_workers), 1, 31 },
	{ "daemon", "log_level", T_LEVEL, AT(log_level), 0, 0 },
	{ "daemon", "spin_us", T_U64, AT(spin_us), 0, 1000 },
	{ "daemon", "inline_us", T_U64, AT(inline_us), 0, 1000 },
	{ "daemon", "timeout_ms", T_U64, AT(timeout_ms), 1, 86400000 },
	{ "daemon", "queue_slots", T_UINT, AT(queue_slots), 1, 65536 },
	{ "daemon", "device_limit_ms", T_U64, AT(device_limit_ms), 1, 600000 },
	{ "daemon", "start_limit_ms", T_U64, AT(start_limit_ms), 1, 600000 },
	{ "daemon", "cross_check", T_RATE, AT(cross_check), 0, 0 },
	{ "daemon", "cross_check_software", T_RATE, AT(cross_check_software),
	  0, 0 },
	{ "daemon", "cross_check_all_ms", T_U64, AT(cross_check_all_ms), 0,
	  3600000 },
	{ "daemon", "device_failures", T_UINT, AT(device_failures), 0, 16 },
	{ "quota", "connections", T_UINT, AT(connections), 1, 512 },
	{ "quota", "rings", T_UINT, AT(rings), 1, 2048 },
	{ "quota", "requests", T_UINT, AT(requests), 2, 8388608 },
	{ "quota", "buffers", T_UINT, AT(buffers), 1, 4096 },
	{ "quota", "buffer_bytes", T_U64, AT(buffer_bytes), 4096,
	  UINT64_C(1) << 40 },
	{ "quota", "keys", T_UINT, AT(keys), 1, 4096 },
	{ "quota", "templates", T_UINT, AT(templates), 1, 1024 },
	{ "quota", "contexts", T_UINT, AT(contexts), 1, 1024 },
#undef AT
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static const char *const levels[] = { "emerg",	 "alert",  "crit", "err",
				      "warning", "notice", "info", "debug" };

void config_defaults(struct config *c)
{
	*c = (struct config){
		.socket = UKCF_DEFAULT_SOCKET,
		.admin_socket = UKCF_DEFAULT_ADMIN_SOCKET,
		.provider_dir = UKCF_PROVIDER_DIR,
		.state_dir = UKCF_STATE_DIR,
		.policy_dir = UKCF_SYSCONF_DIR "/policy.d",
		.manifest_dir = UKCF_SYSCONF_DIR "/providers.d",
		.slow_workers = 1,
		.log_level = LOG_INFO,
		.spin_us = 50,
		.inline_us = 20,
		.timeout_ms = 30000,
		.queue_slots = 1024,
		.device_limit_ms = 5000,
		.start_limit_ms = 20000,
		.cross_check = 1024,
		.cross_check_all_ms = 1000,
		.device_failures = 3,
		.providers = { "sodium", "openssl" },
		.n_providers = 2,
		.connections = 128,
		.rings = 512,
		.requests = 131072,
		.buffers = 1024,
		.buffer_bytes = UINT64_C(1) << 30,
		.keys = 1024,
		.templates = 256,
		.contexts = 256,
	};
}

/* Where a complaint is about, and whom to tell. */
struct parse {
	struct config *c;
	struct ini_file ini;
};

#define fail(p, ...) ini_file_fail(&(p)->ini, __VA_ARGS__)

static int set_number(struct parse *p, const struct key *k, const char *value)
{
	char *at = (char *)p->c + k->offset, *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n < k->min ||
	    n > k->max)
		return fail(p, "%s: \"%s\" is not a number from %llu to %llu",
			    k->name, value, (unsigned long long)k->min,
			    (unsigned long long)k->max);
	if (k->type == T_UINT)
		*(unsigned int *)(void *)at = (unsigned int)n;
	else
		*(uint64_t *)(void *)at = n;
	return 1;
}

static int set_text(struct parse *p, const struct key *k, const char *value)
{
	if (value[0] != '/')
		return fail(p, "%s: \"%s\" is not an absolute path", k->name,
			    value);
	if (strlen(value) >= k->max)
		return fail(p, "%s: a path of at most %llu bytes", k->name,
			    (unsigned long long)k->max - 1);
	strcpy((char *)p->c + k->offset, value);
	return 1;
}

static int set_level(struct parse *p, const struct key *k, const char *value)
{
	for (int i = 0; i < 8; i++) {
		if (strcmp(value, levels[i]) != 0)
			continue;
		*(int *)(void *)((char *)p->c + k->offset) = i;
		return 1;
	}
	return fail(p, "%s: \"%s\" is not one of emerg, alert, crit, err, "
		       "warning, notice, info, debug", k->name, value);
}

static int set_list(struct parse *p, const struct key *k, const char *value)
{
	char copy[512], *name, *rest;

	if (strlen(value) >= sizeof(copy))
		return fail(p, "%s: the list is too long", k->name);
	strcpy(copy, value);
	p->c->n_providers = 0;
	p->c->providers_named = true;
	for (name = strtok_r(copy, ", \t", &rest); name;
	     name = strtok_r(NULL, ", \t", &rest)) {
		if (strlen(name) >= sizeof(p->c->providers[0]))
			return fail(p, "%s: \"%s\" is too long", k->name, name);
		if (p->c->n_providers == CONFIG_PROVIDERS_MAX)
			return fail(p, "%s: at most %d", k->name,
				    CONFIG_PROVIDERS_MAX);
		strcpy(p->c->providers[p->c->n_providers++], name);
	}
	if (p->c->n_providers == 0)
		return fail(p, "%s: name at least one, for example sodium",
			    k->name);
	return 1;
}

bool config_rate(const char *text, uint32_t *every)
{
	unsigned long long n;
	char *end;

	if (strcmp(text, "off") == 0 || strcmp(text, "all") == 0) {
		*every = text[0] == 'a';
		return true;
	}
	if (strncmp(text, "1/", 2) != 0 || text[2] < '0' || text[2] > '9')
		return false;
	errno = 0;
	n = strtoull(text + 2, &end, 10);
	if (*end || errno || n < 1 || n > UINT32_MAX)
		return false;
	*every = (uint32_t)n;
	return true;
}

static int bad_rate(struct parse *p, const char *name, const char *value)
{
	return fail(p, "%s: \"%s\" is not off, all, or 1/N: one answer of N "
		       "(1 to 4294967295)", name, value);
}

static int set_rate(struct parse *p, const struct key *k, const char *value)
{
	char *at = (char *)p->c + k->offset;

	return config_rate(value, (uint32_t *)(void *)at) ?
		       1 : bad_rate(p, k->name, value);
}

static int set_key(struct parse *p, const struct key *k, const char *value)
{
	switch (k->type) {
	case T_UINT:
	case T_U64:
		return set_number(p, k, value);
	case T_TEXT:
		return set_text(p, k, value);
	case T_LEVEL:
		return set_level(p, k, value);
	case T_LIST:
		return set_list(p, k, value);
	case T_RATE:
		return set_rate(p, k, value);
	}
	return 0;
}

/* "[provider NAME]" or "[provider.NAME]": options are the provider's own, but
 * for cross_check. */
static int set_option(struct parse *p, const char *provider, const char *name,
		      const char *value)
{
	struct config_option *o;
	uint32_t every;

	if (strcmp(name, "cross_check") == 0 && !config_rate(value, &every))
		return bad_rate(p, name, value);
	if (p->c->n_options == CONFIG_OPTIONS_MAX)
		return fail(p, "at most %d provider options",
			    CONFIG_OPTIONS_MAX);
	o = &p->c->options[p->c->n_options];
	if (strlen(provider) >= sizeof(o->provider) ||
	    strlen(name) >= sizeof(o->name) ||
	    strlen(value) >= sizeof(o->value))
		return fail(p, "provider option %s is too long", name);
	strcpy(o->provider, provider);
	strcpy(o->name, name);
	strcpy(o->value, value);
	p->c->n_options++;
	return 1;
}

static int known_keys(struct parse *p, const char *section, const char *name)
{
	char list[200] = "";
	size_t n = 0;

	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 && n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n,
					      "%s%s", n ? ", " : "",
					      keys[i].name);
	if (n == 0 && section[0] == '\0')
		return fail(p, "%s stands before any section; there are "
			       "[daemon], [quota] and [provider NAME]", name);
	if (n == 0)
		return fail(p, "unknown section [%s]; there are [daemon], "
			       "[quota] and [provider NAME]", section);
	return fail(p, "unknown key %s in [%s]; there are %s", name, section,
		    list);
}

static int on_line(void *user, const char *section, const char *name,
		   const char *value)
{
	struct parse *p = user;

	if (strncmp(section, "provider", 8) == 0 &&
	    (section[8] == ' ' || section[8] == '.'))
		return set_option(p, section + 9, name, value);
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return set_key(p, &keys[i], value);
	return known_keys(p, section, name);
}

static int unreadable(const char *path, int err, FILE *errors)
{
	fprintf(errors, "%s: cannot be read by uid %u: %s\n", path, geteuid(),
		strerror(err));
	return -err;
}

static int load_one(struct config *c, const char *path, bool required,
		    FILE *errors)
{
	struct parse p = { .c = c,
			   .ini = { .where = path, .errors = errors,
				    .on_key = on_line, .user = &p } };
	int err;

	p.ini.in = fopen(path, "re");
	if (!p.ini.in)
		return errno == ENOENT && !required ?
			       0 :
			       unreadable(path, errno, errors);
	err = ini_file_read(&p.ini);
	fclose(p.ini.in);
	return err && err != -EINVAL ? unreadable(path, -err, errors) : err;
}

static int is_dropin(const struct dirent *e)
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

static int load_dropins(struct config *c, const char *path, FILE *errors)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX + 2];
	struct dirent **names;
	int err = 0, n;

	snprintf(dir, sizeof(dir), "%.*sconf.d",
		 slash ? (int)(slash - path) + 1 : 0, path);
	n = scandir(dir, &names, is_dropin, by_name);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ?
			       0 :
			       unreadable(dir, errno, errors);
	for (int i = 0; i < n; i++) {
		int e;

		snprintf(file, sizeof(file), "%s/%s", dir, names[i]->d_name);
		e = load_one(c, file, true, errors);
		err = err ? err : e;
		free(names[i]);
	}
	free(names);
	return err;
}

int config_load(struct config *c, const char *path, bool required, FILE *errors)
{
	int err = load_one(c, path, required, errors);
	int err2 = load_dropins(c, path, errors);

	return err ? err : err2;
}

int config_set(struct config *c, const char *assignment, FILE *errors)
{
	char section[64], name[64];
	struct parse p = { .c = c,
			   .ini = { .where = assignment,
				    .errors = errors } };
	const char *dot, *eq = strchr(assignment, '=');

	dot = eq ? memrchr(assignment, '.', (size_t)(eq - assignment)) : NULL;
	if (!dot || dot - assignment >= (long)sizeof(section) ||
	    eq - dot > (long)sizeof(name)) {
		fprintf(errors, "\"%s\" is not SECTION.KEY=VALUE\n",
			assignment);
		return -EINVAL;
	}
	snprintf(section, sizeof(section), "%.*s", (int)(dot - assignment),
		 assignment);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - dot - 1), dot + 1);
	return on_line(&p, section, name, eq + 1) ? 0 : -EINVAL;
}

bool config_range(const char *section, const char *name, uint64_t *min,
		  uint64_t *max)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];

		if (strcmp(k->section, section) != 0 ||
		    strcmp(k->name, name) != 0 ||
		    (k->type != T_UINT && k->type != T_U64))
			continue;
		*min = k->min;
		*max = k->max;
		return true;
	}
	return false;
}

const char *config_provider_option(const struct config *c, const char *provider,
				   const char *name)
{
	/* The last one wins: drop-ins come later. */
	for (unsigned int i = c->n_options; i-- > 0;)
		if (strcmp(c->options[i].provider, provider) == 0 &&
		    strcmp(c->options[i].name, name) == 0)
			return c->options[i].value;
	return NULL;
}
