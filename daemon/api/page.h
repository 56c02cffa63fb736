/* SPDX-License-Identifier: MIT */
/*
 * Owns the page: the read-only tables that every consumer maps.  Written by
 * one thread at a time (a lock inside), under its sequence count; goes on in
 * the same memfd after a restart.
 */
#ifndef DAEMON_API_PAGE_H
#define DAEMON_API_PAGE_H

#include <stdint.h>

#include <ukcf/abi.h>

/* Map fd (from the store) or make and store a new memfd; new boot_gen. */
int page_open(int fd, uint64_t boot_gen, uint32_t inline_ns);
void page_close(void);
/* An O_RDONLY reopen for a consumer; the caller closes it. */
int page_reopen(void);
/* Any thread. */
uint32_t page_epoch(void);
/* Replace the tables, raise the epoch, and tell what has changed (event.h). */
void page_publish(const struct ukcf_page_provider *providers,
		  unsigned int n_providers, const struct ukcf_page_mech *mechs,
		  unsigned int n_mechs);

#endif
