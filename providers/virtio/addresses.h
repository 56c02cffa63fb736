/* SPDX-License-Identifier: MIT */
/*
 * Owns the option `device': which devices the provider is to drive, in order.
 * One is named by its address, several by a list of them, all that there are by
 * the word `all'.
 */
#ifndef PROVIDERS_VIRTIO_ADDRESSES_H
#define PROVIDERS_VIRTIO_ADDRESSES_H

#include <ukcf/provider.h>

#include "providers/virtio/transport.h"

struct addresses {
	unsigned int n;
	char all[UKCF_INSTANCES_MAX][TRANSPORT_ADDRESS];
};

/* 0; -EINVAL: missing, malformed, one twice or too many; -ENODEV: `all', and
 * there is none.  The log says it. */
int addresses_read(const struct ukcf_host *host,
		   const struct transport_kind *kind, struct addresses *a);

#endif
