/* SPDX-License-Identifier: MIT */
/* What the provider's description takes from its build: VIRTIO_NAME, and how
 * its device is reached. */
#ifndef PROVIDERS_VIRTIO_VIRTIO_H
#define PROVIDERS_VIRTIO_VIRTIO_H

#include "providers/virtio/transport.h"

#ifndef VIRTIO_NAME
#define VIRTIO_NAME "virtio"
#endif

extern const struct transport_kind *const virtio_transport;

#endif
