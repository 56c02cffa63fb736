/* SPDX-License-Identifier: MIT */
/*
 * Owns memory that a device may see: whole pages, locked, in no core file and
 * in no child, wiped at the end.  Pieces are given out once, and stay.
 */
#ifndef PROVIDERS_VIRTIO_POOL_H
#define PROVIDERS_VIRTIO_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/virtio/transport.h"

struct pool {
	uint8_t *mem;
	size_t size, taken;
	uint64_t iova; /* of mem */
	bool writable; /* by the device */
};

/* A piece, as this process and as the device sees it. */
struct piece {
	uint8_t *mem;
	uint64_t iova;
};

/* size is rounded up to pages.  -ENOMEM: also if it cannot be locked. */
int pool_init(struct pool *p, size_t size, uint64_t iova, bool writable);
void pool_deinit(struct pool *p);
int pool_map(const struct pool *p, struct transport *t);
void pool_wipe(struct pool *p);
/* align: a power of two, up to a page.  There is room: the owner has counted. */
struct piece pool_take(struct pool *p, size_t size, size_t align);

#endif
