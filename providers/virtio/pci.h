/* SPDX-License-Identifier: MIT */
/*
 * Owns the transport to a virtio-crypto device on PCI: where its registers lie
 * (virtio 1.1 section 4.1.4) and its interrupts.
 */
#ifndef PROVIDERS_VIRTIO_PCI_H
#define PROVIDERS_VIRTIO_PCI_H

#include "providers/virtio/transport.h"

extern const struct transport_kind pci_transport;

#endif
