/* SPDX-License-Identifier: MIT */
#include "daemon/spi/provider.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/completion.h"
#include "daemon/core/device.h"
#include "daemon/core/mech.h"
#include "daemon/spi/loader.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define BIT(state) (1u << UKCF_PROVIDER_##state)

static const struct config *config;
static struct provider *providers[UKCF_PAGE_PROVIDERS_MAX];
static uint32_t n_providers; /* atomic; only grows */
static int publish_fd = -1; /* eventfd: the page is behind a state */

int provider_init(const struct config *c)
{
	config = c;
	if (publish_fd < 0)
		publish_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return publish_fd < 0 ? -errno : 0;
}

const struct config *provider_config(void)
{
	return config;
}

/* ---------------------------------------------------------------- the table */

unsigned int provider_count(void)
{
	return load_acquire_u32(&n_providers);
}

struct provider *provider_at(unsigned int i)
{
	return i < provider_count() ? providers[i] : NULL;
}

struct provider *provider_by_id(uint16_t id)
{
	return id >= 1 ? provider_at(id - 1u) : NULL;
}

struct provider *provider_by_name(const char *name)
{
	unsigned int n = provider_count();

	for (unsigned int i = 0; i < n; i++)
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	return NULL;
}

static int enlist(struct provider *p)
{
	unsigned int n = provider_count();

	if (provider_by_name(p->name))
		return -EEXIST;
	if (n == UKCF_PAGE_PROVIDERS_MAX)
		return -ENOSPC;
	p->id = (uint16_t)(n + 1);
	providers[n] = p;
	store_release_u32(&n_providers, n + 1);
	return 0;
}

/* The loader's thread, or main for one that a manifest names. */
int provider_enlist(struct provider *p)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int err;

	pthread_mutex_lock(&lock);
	err = enlist(p);
	pthread_mutex_unlock(&lock);
	return err;
}

bool provider_is_hardware(const struct provider *p)
{
	return load_relaxed_u32(&p->kind) == UKCF_PROVIDER_HARDWARE;
}

/* ---------------------------------------------------------- keys that end */

/* Pairs with provider_keeps_keys(): it is counted before it looks. */
static void tell(struct provider *p, struct ukcf_bytes key)
{
	const struct ukcf_provider *spi;

	fetch_add_u32(&p->forgetting, 1);
	full_fence();
	spi = load_acquire_ptr(&p->keeper);
	if (spi)
		spi->forget_key(p->instance, key);
	fetch_sub_u32(&p->forgetting, 1);
}

void provider_forget_key(struct ukcf_bytes key)
{
	unsigned int n = provider_count();

	for (unsigned int i = 0; i < n; i++)
		if (load_acquire_ptr(&providers[i]->keeper))
			tell(providers[i], key);
}

void provider_keeps_keys(struct provider *p, bool keeps)
{
	if (keeps && p->spi->forget_key) {
		store_release_ptr(&p->keeper, (void *)(uintptr_t)p->spi);
		return;
	}
	exchange_ptr(&p->keeper, NULL);
	full_fence();
	while (load_acquire_u32(&p->forgetting)) /* they do not block */
		cpu_relax();
}

/* ------------------------------------------------------------------- states */

static bool is_in(const struct provider *p, unsigned int states)
{
	return states >> load_acquire_u32(&p->state) & 1;
}

bool provider_is_usable(const struct provider *p)
{
	return is_in(p, BIT(READY) | BIT(BUSY));
}

bool provider_works(const struct provider *p)
{
	return is_in(p, BIT(READY) | BIT(BUSY) | BIT(DRAINING));
}

bool provider_is_loaded(const struct provider *p)
{
	return !is_in(p, BIT(ABSENT) | BIT(LOADING));
}

bool provider_may_come(const struct provider *p)
{
	return !provider_is_loaded(p) && !load_acquire_u32(&p->held);
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

static void announce(struct provider *p, uint32_t state)
{
	struct device *d = load_acquire_ptr((void *const *)&p->device);

	if (d)
		device_look(d);
	if (state == UKCF_PROVIDER_FAILED)
		loader_look();
	if (completion_is_here()) {
		publish_later();
		return;
	}
	if (state == UKCF_PROVIDER_FAILED)
		log_err("provider %s has failed: it is not used any more",
			p->name);
	mech_publish();
}

/* from: bits of the states in which it may. */
static bool move(struct provider *p, unsigned int from, uint32_t to)
{
	uint32_t state = load_acquire_u32(&p->state);

	do {
		if (!(from >> state & 1))
			return false;
	} while (!compare_swap_u32(&p->state, &state, to));
	if (state != to)
		announce(p, to);
	return true;
}

/* Counted first: who brings it back looks whether it failed meanwhile. */
bool provider_fail(struct provider *p)
{
	fetch_add_u32(&p->failures, 1);
	return move(p, BIT(READY) | BIT(BUSY) | BIT(DRAINING),
		    UKCF_PROVIDER_FAILED);
}

static pthread_mutex_t reasons = PTHREAD_MUTEX_INITIALIZER; /* innermost */

static void set_reason(struct provider *p, const char *why)
{
	pthread_mutex_lock(&reasons);
	snprintf(p->reason, sizeof(p->reason), "%s", why);
	pthread_mutex_unlock(&reasons);
}

void provider_adds_reason(struct provider *p, const char *why)
{
	size_t used;

	pthread_mutex_lock(&reasons);
	used = strlen(p->reason);
	snprintf(p->reason + used, sizeof(p->reason) - used, "%s%s",
		 used ? "; it " : "it ", why);
	pthread_mutex_unlock(&reasons);
}

bool provider_blame(struct provider *p, const char *why)
{
	if (!provider_works(p))
		return provider_fail(p); /* the first reason stands */
	set_reason(p, why);
	log_err("provider %s: %s", p->name, why);
	return provider_fail(p);
}

void provider_reason(const struct provider *p, char *why, size_t size)
{
	pthread_mutex_lock(&reasons);
	snprintf(why, size, "%s", provider_works(p) ? "" : p->reason);
	pthread_mutex_unlock(&reasons);
}

bool provider_hangs(struct provider *p, const char *why)
{
	bool moved;

	set_reason(p, why);
	fetch_add_u32(&p->failures, 1);
	moved = move(p, BIT(LOADING), UKCF_PROVIDER_FAILED);
	log_err("provider %s: %s", p->name, why); /* last: it is the answer */
	return moved;
}

bool provider_says(struct provider *p, uint32_t state)
{
	return move(p, BIT(READY) | BIT(BUSY), state);
}

bool provider_loads(struct provider *p)
{
	return move(p, BIT(ABSENT), UKCF_PROVIDER_LOADING);
}

bool provider_goes(struct provider *p)
{
	return move(p, BIT(LOADING) | BIT(DRAINING) | BIT(FAILED),
		    UKCF_PROVIDER_ABSENT);
}

bool provider_drains(struct provider *p)
{
	return move(p, BIT(READY) | BIT(BUSY) | BIT(DRAINING),
		    UKCF_PROVIDER_DRAINING);
}

/* Its answers are looked at again before it gets requests. */
static bool works_from(struct provider *p, uint32_t states)
{
	if (!(states >> load_acquire_u32(&p->state) & 1))
		return false;
	trust_renew(&p->trust);
	set_reason(p, "");
	return move(p, states, UKCF_PROVIDER_READY);
}

bool provider_works_again(struct provider *p)
{
	return works_from(p, BIT(LOADING) | BIT(FAILED));
}

bool provider_returns(struct provider *p)
{
	return works_from(p, BIT(DRAINING));
}
