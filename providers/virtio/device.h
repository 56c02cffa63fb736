/* SPDX-License-Identifier: MIT */
/*
 * Owns a virtio-crypto device as far as any request: reset, negotiation, queues
 * and its status (virtio 1.1 sections 3.1 and 5.9).
 */
#ifndef PROVIDERS_VIRTIO_DEVICE_H
#define PROVIDERS_VIRTIO_DEVICE_H

#include "providers/virtio/transport.h"
#include "providers/virtio/virtqueue.h"

struct ukcf_host;

#define DEVICE_RESET_NS UINT64_C(2000000000) /* it has so long for that */

struct device {
	const struct ukcf_host *host;
	struct transport *t;
	struct virtqueue data, ctrl;
};

/* Reset it and bring it up.  The queues have their memory, which the device
 * sees.  0 or -errno, and why in the log. */
int device_up(struct device *d);
/* Reset: it works on nothing any more.  -ETIMEDOUT: it would not. */
int device_reset(struct device *d);
/* 0: it works; -EIO: it wants a reset or is not ready; -ENODEV: it has gone. */
int device_look(struct device *d);
int device_notify(struct device *d, const struct virtqueue *q);

#endif
