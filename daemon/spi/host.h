/* SPDX-License-Identifier: MIT */
/* Owns the services that the daemon gives to a provider (struct ukcf_host). */
#ifndef DAEMON_SPI_HOST_H
#define DAEMON_SPI_HOST_H

#include <ukcf/provider.h>

struct config;
struct provider;

/* What the cookie of a job points to that a provider may queue: whoever handed
 * it in learns here that it has landed, in completion context. */
struct landing {
	void (*landed)(struct landing *l, struct ukcf_job *job);
};

/* Fill p->host; c must live as long as the provider. */
void host_init(struct provider *p, const struct config *c);
/* What the configuration says of it, or else of its module; NULL: nothing. */
const char *host_option_of(const struct provider *p, const char *name);

#endif
