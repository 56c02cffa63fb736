/* SPDX-License-Identifier: MIT */
/*
 * Owns the making and sealing of shared memory: every memfd has exactly one
 * writer (ARCHITECTURE.md, "Trust boundaries").
 */
#ifndef DAEMON_API_MEMFD_H
#define DAEMON_API_MEMFD_H

#include <stdint.h>

enum memfd_writer {
	MEMFD_DAEMON_WRITES, /* 0400; SHRINK | GROW | SEAL at once */
	MEMFD_CONSUMER_WRITES /* 0600; SHRINK | GROW, the rest late */
};

/* A descriptor (close-on-exec), or -errno.  size: whole pages. */
int memfd_new(const char *name, uint64_t size, enum memfd_writer writer);
/* What a consumer gets of it: an O_RDONLY reopen, or a duplicate. */
int memfd_for_consumer(int fd, enum memfd_writer writer);
/* Map it as the daemon uses it: read-write, or read-only. */
void *memfd_map(int fd, uint64_t size, enum memfd_writer writer);
/*
 * The late seal of what the consumer writes, once it has mapped and prefaulted
 * it: from then on it cannot punch holes, which would stall our page faults.
 * Idempotent.  -EPROTO: it has holes already, another size, or cannot be sealed.
 */
int memfd_seal_late(int fd, uint64_t size);
/* Up to whole pages. */
uint64_t memfd_round(uint64_t size);

#endif
