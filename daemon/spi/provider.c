/* SPDX-License-Identifier: MIT */
#include "daemon/spi/provider.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/core/completion.h"
#include "daemon/core/device.h"
#include "daemon/core/mech.h"
#include "daemon/spi/host.h"
#include "daemon/spi/module-file.h"
#include "daemon/spi/selftest.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

static const struct config *config;
static struct provider *providers[UKCF_PAGE_PROVIDERS_MAX];
static unsigned int n_providers;
static int publish_fd = -1; /* eventfd: the page is behind a state */

int provider_init(const struct config *c)
{
	config = c;
	if (publish_fd < 0)
		publish_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return publish_fd < 0 ? -errno : 0;
}

unsigned int provider_count(void)
{
	return n_providers;
}

struct provider *provider_at(unsigned int i)
{
	return i < n_providers ? providers[i] : NULL;
}

struct provider *provider_by_id(uint16_t id)
{
	return id >= 1 ? provider_at(id - 1u) : NULL;
}

struct provider *provider_by_name(const char *name)
{
	for (unsigned int i = 0; i < n_providers; i++)
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	return NULL;
}

bool provider_is_usable(const struct provider *p)
{
	uint32_t state = load_acquire_u32(&p->state);

	return state == UKCF_PROVIDER_READY || state == UKCF_PROVIDER_BUSY;
}

/* An interrupt may not lock: main does it. */
static void publish_later(void)
{
	uint64_t one = 1;

	if (publish_fd >= 0 && write(publish_fd, &one, sizeof(one)) < 0)
		return; /* full: it is due already */
}

void provider_publish(void)
{
	uint64_t n;

	if (read(publish_fd, &n, sizeof(n)) == sizeof(n))
		mech_publish();
}

int provider_publish_fd(void)
{
	return publish_fd;
}

void provider_set_state(struct provider *p, uint32_t state)
{
	if (state == UKCF_PROVIDER_FAILED)
		fetch_add_u32(&p->failures, 1);
	if (exchange_u32(&p->state, state) == state)
		return;
	if (p->device)
		device_look(p->device);
	if (state == UKCF_PROVIDER_FAILED)
		recover_look();
	if (completion_is_here()) {
		publish_later();
		return;
	}
	if (state == UKCF_PROVIDER_FAILED)
		log_err("provider %s has failed: it is not used any more",
			p->name);
	mech_publish();
}

static void provider_free(struct provider *p)
{
	if (device_stop(p) < 0) {
		log_err("provider %s: jobs did not come back: it stays loaded",
			p->name);
		return;
	}
	if (p->instance && p->spi->stop)
		p->spi->stop(p->instance);
	if (p->dl)
		dlclose(p->dl);
	if (p->module_fd >= 0)
		close(p->module_fd);
	free(p);
}

/* The descriptor's path names the module to the loader, so the descriptor
 * stays open as long as the module is loaded. */
static int load_code(struct provider *p)
{
	ukcf_provider_init_fn init;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->module_fd);
	p->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!p->dl) {
		log_err("provider %s: %s", p->name, dlerror());
		return -ELIBBAD;
	}
	*(void **)&init = dlsym(p->dl, UKCF_PROVIDER_SYMBOL);
	if (!init) {
		log_err("provider %s: does not export %s", p->name,
			UKCF_PROVIDER_SYMBOL);
		return -ELIBBAD;
	}
	p->spi = init(&p->host);
	if (!p->spi) {
		log_err("provider %s: cannot work here", p->name);
		return -ENODEV;
	}
	return 0;
}

static int complain(const struct provider *p, const char *what)
{
	log_err("provider %s: refused: %s", p->name, what);
	return -EINVAL;
}

static int check_spi(const struct provider *p)
{
	const struct ukcf_provider *s = p->spi;

	if (s->spi_version != UKCF_SPI_VERSION ||
	    s->struct_size < sizeof(*s))
		return complain(p, "built for another version of the provider "
				   "interface");
	if (!s->name || strcmp(s->name, p->name) != 0)
		return complain(p, "its name is not that of its file");
	if (s->kind > UKCF_PROVIDER_REMOTE || !s->start || !s->offers ||
	    s->n_offers == 0 || s->n_offers > UKCF_PAGE_MECHS_MAX)
		return complain(p, "its description is malformed");
	for (uint32_t i = 0; i < s->n_offers; i++) {
		const struct ukcf_offer *o = &s->offers[i];

		if (!mech_find(o->mech) || !o->ops || !mech_ops(o))
			return complain(p, "it offers a mechanism that is not "
					   "known, or without operations");
	}
	return 0;
}

/* A mechanism that fails its known answers stays out; the others come in. */
static unsigned int add_offers(struct provider *p)
{
	unsigned int added = 0;

	for (uint32_t i = 0; i < p->spi->n_offers; i++) {
		const struct ukcf_offer *o = &p->spi->offers[i];
		const char *what = "", *name = mech_find(o->mech)->name;
		int err = selftest_offer(p->instance, o, &what);

		if (err == -ENOENT) {
			log_err("provider %s: %s: no known answers, not used",
				p->name, name);
			continue;
		}
		if (err) {
			log_err("provider %s: %s: SELF-TEST FAILED (%s), not "
				"used", p->name, name, what);
			continue;
		}
		if (mech_add_offer(p, o) == 0)
			added++;
	}
	return added;
}

/* Hardware has a queue of its own. */
static int start_device(struct provider *p)
{
	const struct device_settings s = {
		.slots = config->queue_slots,
		.limit_ns = config->device_limit_ms * 1000000,
	};

	if (p->spi->kind != UKCF_PROVIDER_HARDWARE)
		return 0;
	return device_start(p, &s);
}

int provider_test(struct provider *p)
{
	for (uint32_t i = 0; i < p->spi->n_offers; i++) {
		const struct ukcf_offer *o = &p->spi->offers[i];
		const char *what = "";

		if (selftest_offer(p->instance, o, &what) != -EIO)
			continue;
		log_err("provider %s: %s: SELF-TEST FAILED (%s)", p->name,
			mech_find(o->mech)->name, what);
		return -EIO;
	}
	return 0;
}

/* No caller can use a module that offers nothing to callers. */
static void keep_from_callers(struct provider *p)
{
	for (uint32_t i = 0; i < p->spi->n_offers; i++)
		if (p->spi->offers[i].flags & UKCF_OFFER_CALLER)
			return;
	p->module_gen = 0;
}

static int bring_up(struct provider *p)
{
	int err = load_code(p);

	if (!err)
		err = check_spi(p);
	if (!err)
		keep_from_callers(p);
	if (!err)
		err = p->spi->start(&p->host, &p->instance);
	/* All that can fail comes before anybody can know of it. */
	if (!err)
		err = start_device(p);
	if (err)
		return err;
	providers[n_providers++] = p;
	if (add_offers(p) == 0) {
		n_providers--;
		return complain(p, "none of its mechanisms can be used");
	}
	store_release_u32(&p->state, UKCF_PROVIDER_READY);
	return 0;
}

int provider_load(const char *name)
{
	struct provider *p;
	int err;

	for (unsigned int i = 0; i < n_providers; i++)
		if (strcmp(providers[i]->name, name) == 0)
			return -EEXIST;
	if (n_providers == UKCF_PAGE_PROVIDERS_MAX)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->id = (uint16_t)(n_providers + 1);
	p->state = UKCF_PROVIDER_LOADING;
	snprintf(p->name, sizeof(p->name), "%s", name);
	host_init(p, config);
	p->module_fd = module_file_open(config->provider_dir, name,
					&p->module_gen);
	err = p->module_fd < 0 ? p->module_fd : bring_up(p);
	if (err) {
		provider_free(p);
		return err;
	}
	log_info("provider %s (%s) is ready", p->name,
		 p->spi->version ? p->spi->version : "no version");
	mech_publish();
	return 0;
}

void provider_unload_all(void)
{
	while (n_providers > 0) {
		struct provider *p = providers[--n_providers];

		mech_remove_offers(p);
		provider_free(p);
	}
}
