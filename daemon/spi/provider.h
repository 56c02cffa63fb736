/* SPDX-License-Identifier: MIT */
/*
 * Owns the providers: finding and checking the module file, loading it, its
 * self-tests, its state, and the sealed copy that callers load.
 */
#ifndef DAEMON_SPI_PROVIDER_H
#define DAEMON_SPI_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "daemon/spi/recover.h"

struct config;
struct device;

struct provider {
	uint16_t id; /* 1..UKCF_PAGE_PROVIDERS_MAX: index of its page row */
	uint32_t state; /* atomic, enum ukcf_provider_state */
	uint32_t failures; /* atomic: how often it was said to have failed */
	char name[UKCF_NAME_MAX];
	const struct ukcf_provider *spi;
	struct ukcf_instance *instance;
	struct ukcf_host host;
	void *dl;
	int module_fd;	     /* sealed copy for callers; -1: none */
	uint32_t module_gen; /* 0: none */
	uint64_t jobs;	     /* atomic: done since load */
	uint32_t contexts;   /* atomic: multipart contexts it has begun */
	struct device *device; /* hardware: its queue and thread */
	struct recovery_plan plan; /* recover.c's */
};

int provider_init(const struct config *c);
/* main: readable when a state changed in completion context; publish it. */
int provider_publish_fd(void);
void provider_publish(void);
/*
 * Load name from the provider directory: O_NOFOLLOW walk, owned by root (or
 * the daemon's uid), not writable by others; copied into a memfd sealed WRITE
 * (mode 0444), dlopen()ed from that, self-tested, its offers added.
 * Return: 0 or -errno; the reason is logged.
 */
int provider_load(const char *name);
void provider_unload_all(void);
/* Known answers once more; takes as long as they do.  0 or -EIO. */
int provider_test(struct provider *p);
unsigned int provider_count(void);
struct provider *provider_at(unsigned int i);
struct provider *provider_by_id(uint16_t id);
struct provider *provider_by_name(const char *name);
/* Any thread; the page says it as well. */
void provider_set_state(struct provider *p, uint32_t state);
/* READY or BUSY: may it be given requests?  Any thread. */
bool provider_is_usable(const struct provider *p);

#endif
