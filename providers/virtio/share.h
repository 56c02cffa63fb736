/* SPDX-License-Identifier: MIT */
/*
 * Owns what the device sees of the consumers' memory: ranges that stay known
 * while the device comes and goes, and are mapped while it is there.
 */
#ifndef PROVIDERS_VIRTIO_SHARE_H
#define PROVIDERS_VIRTIO_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/virtio/transport.h"

#define SHARES_MAX 64u
#define SHARE_BYTES_MAX (UINT64_C(128) << 20) /* of one */

struct share {
	uint8_t *mem; /* NULL: this place is free */
	size_t len;
	bool writable, mapped;
};

struct share_table {
	pthread_mutex_t lock; /* guards the rest, and the life of *t */
	struct transport *t;  /* NULL: the device is not there */
	struct share all[SHARES_MAX];
};

void share_init(struct share_table *s);
void share_deinit(struct share_table *s);
/* The device is there, reset: all of them are mapped, as far as that goes.
 * NULL: it is about to be closed, and with it they are unmapped. */
void share_device(struct share_table *s, struct transport *t);
/* 0; -ENOSPC: no place; -E2BIG; -errno of the IOMMU's. */
int share_add(struct share_table *s, void *mem, size_t len, bool writable);
void share_remove(struct share_table *s, void *mem);
/* Any thread; does not wait.  Does the device see it all, and where? */
bool share_find(struct share_table *s, const uint8_t *at, size_t len,
		bool writable, uint64_t *iova);

#endif
