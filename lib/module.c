/* SPDX-License-Identifier: MIT */
#include "lib/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/secmem.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all */
static struct module *all;

/* A fork(2) while another thread loads would leave the child a locked lock. */
static void hold(void)
{
	pthread_mutex_lock(&lock);
}

static void let_go(void)
{
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(hold, let_go, let_go);
}

/* ------------------------------------------------- what a provider is given */

/* A library does not write to its program's standard error. */
static void host_log(void *host, int level, const char *fmt, ...)
{
	(void)host;
	(void)level;
	(void)fmt;
}

static void *host_secure_alloc(void *host, size_t size)
{
	(void)host;
	return secmem_alloc(size);
}

static void host_secure_free(void *host, void *p, size_t size)
{
	(void)host;
	secmem_free(p, size);
}

/* State is the daemon's to judge; options are its own. */
static void host_notify(void *host, int state)
{
	(void)host;
	(void)state;
}

static const char *host_option(void *host, const char *name)
{
	(void)host;
	(void)name;
	return NULL;
}

static void init_host(struct module *m)
{
	m->host = (struct ukcf_host){
		.struct_size = sizeof(m->host),
		.spi_version = UKCF_SPI_VERSION,
		.host = m,
		.log = host_log,
		.secure_alloc = host_secure_alloc,
		.secure_free = host_secure_free,
		.notify = host_notify,
		.option = host_option,
	};
}

/* ----------------------------------------------------------------- loading */

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE);
}

static bool is_sound(const struct ukcf_provider *s, const char *name)
{
	return s && s->spi_version == UKCF_SPI_VERSION &&
	       s->struct_size >= UKCF_PROVIDER_SIZE_1 && s->name &&
	       strcmp(s->name, name) == 0 && s->offers && s->start;
}

static bool start(struct module *m, int fd, const char *name)
{
	ukcf_provider_init_fn init;
	char path[40];
	void *dl;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl)
		return false;
	*(void **)&init = dlsym(dl, UKCF_PROVIDER_SYMBOL);
	init_host(m);
	if (init)
		m->spi = init(&m->host);
	/* What was loaded stays, of use or not: see module.h. */
	return is_sound(m->spi, name) &&
	       m->spi->start(&m->host, &m->instance) == 0;
}

static struct module *find(const struct stat *st)
{
	for (struct module *m = all; m; m = m->next)
		if (m->dev == st->st_dev && m->ino == st->st_ino)
			return m;
	return NULL;
}

/* A module that failed is kept too, so that it is tried once only. */
static struct module *load(int fd, const struct stat *st, const char *name)
{
	struct module *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->dev = st->st_dev;
	m->ino = st->st_ino;
	if (!start(m, fd, name))
		m->spi = NULL;
	m->next = all;
	all = m;
	return m;
}

const struct module *module_load(int fd, const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct module *m = NULL;
	struct stat st;
	bool kept = false;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lock);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_sealed(fd)) {
		m = find(&st);
		if (!m) {
			m = load(fd, &st, name);
			kept = m != NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!kept)
		close(fd);
	return m && m->spi && strcmp(m->spi->name, name) == 0 ? m : NULL;
}
