/* SPDX-License-Identifier: MIT */
#include "daemon/spi/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/replace-file.h"
#include "daemon/trusted.h"
#include "daemon/core/mech.h"
#include "daemon/ini-file.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

#define SIZE_MAX_BYTES 65536
#define FILES_MAX 64
#define MECHS_MAX 256u

struct manifest {
	char name[UKCF_NAME_MAX];
	unsigned int n;
	char mechs[MECHS_MAX][UKCF_NAME_MAX]; /* their own names */
};

struct manifests {
	unsigned int n;
	struct manifest of[UKCF_PAGE_PROVIDERS_MAX];
};

struct parse {
	struct manifests *all;
	struct ini_file ini;
	struct manifest *m; /* of the section; NULL: none that is understood */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards kept */
static struct manifests *kept;
static struct {
	char files[PATH_MAX - NAME_MAX - 2];
	char installed[PATH_MAX - NAME_MAX - 2];
} dirs; /* main only */

#define fail(p, ...) ini_file_fail(&(p)->ini, __VA_ARGS__)

/* ------------------------------------------------------------------ parsing */

static struct manifest *find(struct manifests *all, const char *name)
{
	for (unsigned int i = 0; all && i < all->n; i++)
		if (strcmp(all->of[i].name, name) == 0)
			return &all->of[i];
	return NULL;
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < UKCF_NAME_MAX && s[n] == '\0';
}

static void on_section(void *user, const char *section)
{
	struct parse *p = user;
	const char *name;

	p->m = NULL;
	if (!section) /* what it is was complained about */
		return;
	name = section + 9;
	if (strncmp(section, "provider ", 9) != 0 || !is_name(name)) {
		fail(p, "[%s]: only [provider NAME] is known, and a name is "
			"[a-z0-9-], 31 characters at most", section);
		return;
	}
	if (find(p->all, name)) {
		fail(p, "provider %s has a manifest already", name);
		return;
	}
	if (p->all->n == UKCF_PAGE_PROVIDERS_MAX) {
		fail(p, "there are more than %d providers",
		     UKCF_PAGE_PROVIDERS_MAX);
		return;
	}
	p->m = &p->all->of[p->all->n++];
	*p->m = (struct manifest){ 0 };
	strcpy(p->m->name, name);
}

/* What only the provider can describe is known when it is loaded. */
static bool is_described(const char *name)
{
	return strncmp(name, "x-", 2) == 0 && is_name(name);
}

static int add_mech(struct parse *p, const char *name)
{
	const struct mech *m = mech_by_name(name);

	if (!m && !is_described(name))
		return fail(p, "no mechanism %s: ukcf_mech(7) names them",
			    name);
	if (p->m->n == MECHS_MAX)
		return fail(p, "more than %u mechanisms", MECHS_MAX);
	snprintf(p->m->mechs[p->m->n++], UKCF_NAME_MAX, "%s",
		 m ? m->name : name);
	return 1;
}

static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct parse *p = user;
	char copy[256], *mech, *rest;
	int ok = 1;

	if (!p->m)
		return *section ? 0 : fail(p, "%s stands before any section; "
					      "there is [provider NAME]", name);
	if (strcmp(name, "mechanisms") != 0)
		return fail(p, "unknown key %s in [%s]; there is mechanisms",
			    name, section);
	if (strlen(value) >= sizeof(copy))
		return fail(p, "the list is too long: write a second line "
			       "mechanisms = ...");
	strcpy(copy, value);
	mech = strtok_r(copy, ", \t", &rest);
	if (!mech)
		return fail(p, "name at least one mechanism");
	for (; mech; mech = strtok_r(NULL, ", \t", &rest))
		ok &= add_mech(p, mech);
	return ok;
}

/* ------------------------------------------------------------------ reading */

static int refuse(FILE *errors, const char *path, const char *why)
{
	fprintf(errors, "%s: %s\n", path, why);
	return -EINVAL;
}

static int open_file(const char *path, FILE *errors, FILE **f)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return refuse(errors, path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		err = refuse(errors, path, "not a regular file");
	else if (!trusted_stat(&st))
		err = refuse(errors, path, "others than root and the daemon "
					   "may change it: chown, chmod go-w");
	else if (st.st_size > SIZE_MAX_BYTES)
		err = refuse(errors, path, "larger than 64 KiB");
	*f = err ? NULL : fdopen(fd, "r");
	if (*f)
		return 0;
	close(fd);
	return err ? err : -ENOMEM;
}

static int parse(struct manifests *all, FILE *in, const char *path,
		 FILE *errors)
{
	struct parse p = {
		.all = all,
		.ini = { .in = in, .where = path, .errors = errors, .user = &p,
			 .on_section = on_section, .on_key = on_key },
	};
	unsigned int from = all->n;
	int err = ini_file_read(&p.ini);

	for (unsigned int i = from; i < all->n && !err; i++)
		if (!all->of[i].n)
			err = refuse(errors, path, "a provider without "
						   "mechanisms");
	return err;
}

static int read_file(struct manifests *all, const char *path, FILE *errors)
{
	FILE *in;
	int err = open_file(path, errors, &in);

	if (err)
		return err;
	err = parse(all, in, path, errors);
	fclose(in);
	return err;
}

int manifest_check(FILE *in, const char *where, unsigned int *n, FILE *errors)
{
	struct manifests *all = calloc(1, sizeof(*all));
	int err = all ? parse(all, in, where, errors) : -ENOMEM;

	*n = all ? all->n : 0;
	free(all);
	return err;
}

static int is_manifest(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 &&
	       strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(struct manifests *all, const char *dir, FILE *errors)
{
	char path[PATH_MAX];
	struct dirent **names;
	int err = 0, n = scandir(dir, &names, is_manifest, by_name);

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0) {
		err = -errno;
		refuse(errors, dir, strerror(errno));
		return err;
	}
	if (n > FILES_MAX)
		err = refuse(errors, dir, "more than 64 manifests");
	for (int i = 0; i < n; i++) {
		int e = 0;

		if (!err || n <= FILES_MAX) {
			snprintf(path, sizeof(path), "%s/%s", dir,
				 names[i]->d_name);
			e = read_file(all, path, errors);
		}
		err = err ? err : e;
		free(names[i]);
	}
	free(names);
	return err;
}

/* ----------------------------------------------------------------- applying */

static int enlist(const char *name, struct provider **pp)
{
	struct provider *p = provider_by_name(name);
	int err = 0;

	if (!p) {
		p = load_new(name);
		err = p ? provider_enlist(p) : -ENOMEM;
		if (err)
			free(p);
	}
	*pp = p;
	return err;
}

static int promise(const struct manifest *m, FILE *errors)
{
	struct provider *p;
	int err = enlist(m->name, &p);

	for (unsigned int i = 0; i < m->n && !err; i++) {
		const struct mech *row = mech_by_name(m->mechs[i]);

		if (row)
			err = mech_promise(p, row);
	}
	if (err)
		fprintf(errors, "provider %s: its manifest is left out: %s\n",
			m->name, strerror(-err));
	else
		store_release_u32(&p->held, 0); /* it may be right now */
	return err;
}

static void apply(struct manifests *all, FILE *errors)
{
	struct manifests *old;

	pthread_mutex_lock(&lock);
	old = kept;
	kept = all;
	pthread_mutex_unlock(&lock);
	free(old);
	for (unsigned int i = 0; i < provider_count(); i++)
		mech_forget_promises(provider_at(i));
	for (unsigned int i = 0; i < all->n; i++)
		promise(&all->of[i], errors);
	mech_publish();
}

static int read_all(struct manifests *all, FILE *errors)
{
	int err = dirs.files[0] ? read_dir(all, dirs.files, errors) : 0;
	int e = read_dir(all, dirs.installed, errors);

	return err ? err : e;
}

int manifest_reload(bool dry, unsigned int *n, FILE *errors)
{
	struct manifests *all = calloc(1, sizeof(*all));
	int err;

	if (!all)
		return -ENOMEM;
	err = read_all(all, errors);
	*n = all->n;
	if (err || dry)
		free(all);
	else
		apply(all, errors);
	return err;
}

int manifest_load(const char *dir, const char *state_dir, bool dry,
		  unsigned int *n, FILE *errors)
{
	snprintf(dirs.files, sizeof(dirs.files), "%s", dir);
	snprintf(dirs.installed, sizeof(dirs.installed), "%s/providers.d",
		 state_dir);
	return manifest_reload(dry, n, errors);
}

/* --------------------------------------------------------- install, uninstall */

bool manifest_is_there(const char *name)
{
	bool there;

	pthread_mutex_lock(&lock);
	there = find(kept, name);
	pthread_mutex_unlock(&lock);
	return there;
}

bool manifest_is_installed(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.conf", dirs.installed, name);
	return is_name(name) && access(path, F_OK) == 0;
}

static int text_of(const struct provider *p, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		return -ENOMEM;
	fprintf(f, "# Written by ukcfd(8): cryptoctl install provider=%s\n"
		   "[provider %s]\n", p->name, p->name);
	for (uint32_t i = 0; i < p->spi->n_offers; i++)
		fprintf(f, "mechanisms = %s\n",
			load_mech(p->spi, &p->spi->offers[i])->name);
	return fclose(f) ? -ENOMEM : 0;
}

/* What was written is read as any other: it must hold. */
static int reload(void)
{
	unsigned int n;

	return manifest_reload(false, &n, stderr);
}

int manifest_install(const struct provider *p, char *path, size_t size)
{
	char name[NAME_MAX + 1], *text = NULL;
	size_t len = 0;
	int err;

	snprintf(name, sizeof(name), "%s.conf", p->name);
	snprintf(path, size, "%s/%s", dirs.installed, name);
	if (manifest_is_there(p->name))
		return -EEXIST;
	err = text_of(p, &text, &len);
	if (!err)
		err = replace_file(dirs.installed, name, text, len);
	free(text);
	return err ? err : reload();
}

int manifest_uninstall(const char *provider, char *path, size_t size)
{
	char name[NAME_MAX + 1];
	int err;

	snprintf(name, sizeof(name), "%s.conf", provider);
	snprintf(path, size, "%s/%s", dirs.installed, name);
	err = remove_file(dirs.installed, name);
	return err ? err : reload();
}

static bool has(const struct manifest *m, const char *name)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (strcmp(m->mechs[i], name) == 0)
			return true;
	return false;
}

static bool offers(const struct ukcf_provider *spi, const char *name)
{
	for (uint32_t i = 0; i < spi->n_offers; i++)
		if (strcmp(load_mech(spi, &spi->offers[i])->name, name) == 0)
			return true;
	return false;
}

bool manifest_agrees(const char *name, const struct ukcf_provider *spi)
{
	const struct manifest *m;
	bool same = true;

	pthread_mutex_lock(&lock);
	m = find(kept, name);
	for (uint32_t i = 0; m && i < spi->n_offers; i++)
		same &= has(m, load_mech(spi, &spi->offers[i])->name);
	for (unsigned int i = 0; m && i < m->n; i++)
		same &= offers(spi, m->mechs[i]);
	pthread_mutex_unlock(&lock);
	return same;
}
