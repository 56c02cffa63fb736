/* SPDX-License-Identifier: MIT */
/*
 * Known answers that tell which mechanisms a device has: its configuration
 * space may claim others.
 */
#ifndef PROVIDERS_VIRTIO_KNOWN_H
#define PROVIDERS_VIRTIO_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "providers/virtio/engine.h"

#define KNOWN_ENCRYPTS 2

/* 1: the device gives them, in both directions; KNOWN_ENCRYPTS: in that one,
 * and it may not be asked to decrypt; 0: it does not; -EIO: it broke. */
int known_mech(struct engine *e, uint32_t mech);

#endif
