/* SPDX-License-Identifier: MIT */
/*
 * How a virtio device is reached: its registers, its doorbells, its interrupts
 * and what it may see of memory.  pci.c does it through VFIO; a test has a
 * device in its own process.
 */
#ifndef PROVIDERS_VIRTIO_TRANSPORT_H
#define PROVIDERS_VIRTIO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ukcf_host;
struct transport;

enum transport_space {
	TRANSPORT_COMMON, /* virtio 1.1 section 4.1.4.3 */
	TRANSPORT_DEVICE, /* struct virtio_crypto_config */
};

enum transport_irq {
	TRANSPORT_IRQ_CONFIG,
	TRANSPORT_IRQ_DATA,
	TRANSPORT_IRQ_CTRL,
	TRANSPORT_IRQ_GO,    /* somebody wants the device back: let go of it */
	TRANSPORT_IRQ_ERROR, /* the bus reports an error */
	TRANSPORT_IRQS
};

#define TRANSPORT_ADDRESS 32u /* bytes of an address, with its NUL */
#define TRANSPORT_VECTORS 3u /* of a device: the first of these */

/* All return 0 or -errno; -ENODEV: the device is not there any more. */
struct transport_ops {
	/* len is 1, 2 or 4, and at a multiple of it. */
	int (*read)(struct transport *t, enum transport_space space,
		    uint32_t at, void *to, size_t len);
	int (*write)(struct transport *t, enum transport_space space,
		     uint32_t at, const void *from, size_t len);
	int (*notify)(struct transport *t, uint16_t queue, uint16_t off);
	/* Let the device see mem, whole pages, until the transport is closed;
	 * writable: change it, too. */
	int (*map)(struct transport *t, void *mem, size_t len, uint64_t iova,
		   bool writable);
	/* What was mapped there is out of its reach. */
	int (*unmap)(struct transport *t, uint64_t iova, size_t len);
	/* When it has returned the device does not touch memory any more. */
	void (*close)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	int irq[TRANSPORT_IRQS]; /* eventfds, nonblocking; -1: there is none */
	/* MSI-X vectors of the device, 1 to TRANSPORT_VECTORS.  With fewer than
	 * that all of it interrupts by the first, at TRANSPORT_IRQ_DATA. */
	unsigned int vectors;
};

struct transport_kind {
	/* Why not goes to the log. */
	int (*open)(const struct ukcf_host *host, const char *address,
		    struct transport **t);
	/* Those that could be opened, in the order of their addresses, at most
	 * max of them.  Return: how many.  NULL: it does not know. */
	unsigned int (*bound)(char (*addresses)[TRANSPORT_ADDRESS],
			      unsigned int max);
	/* An administrator's word; NULL: it takes none. */
	int (*control)(const char *command);
};

#endif
