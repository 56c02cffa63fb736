/* SPDX-License-Identifier: MIT */
/* Owns the services that the daemon gives to a provider (struct ukcf_host). */
#ifndef DAEMON_SPI_HOST_H
#define DAEMON_SPI_HOST_H

struct config;
struct provider;

/* Fill p->host; c must live as long as the provider. */
void host_init(struct provider *p, const struct config *c);

#endif
