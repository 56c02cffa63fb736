/* SPDX-License-Identifier: MIT */
/*
 * Owns a device that the kernel's vfio-pci driver has: its container, group and
 * device descriptors, and an address space of its own.  Type 1 containers; who
 * comes here does not see them, so that an iommufd can take their place.
 *
 * BARs are not mapped: they are read and written through the descriptor.  Of a
 * device that has gone that is an error, and never SIGBUS.
 */
#ifndef PROVIDERS_VIRTIO_VFIO_H
#define PROVIDERS_VIRTIO_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ukcf_host;

#define VFIO_REGIONS 8u /* BAR 0 to 5, ROM, configuration space */

struct vfio {
	int container, group, device;
	struct {
		uint64_t offset, size;
	} region[VFIO_REGIONS];
};

/* address: DDDD:BB:DD.F.  0 or -errno, and why in the log. */
int vfio_open(struct vfio *v, const struct ukcf_host *host,
	      const char *address);
/* Ends all that the device could reach. */
void vfio_close(struct vfio *v);
/* Whole or not at all; -EIO, -ENODEV. */
int vfio_read(const struct vfio *v, unsigned int region, uint64_t at, void *to,
	      size_t len);
int vfio_write(const struct vfio *v, unsigned int region, uint64_t at,
	       const void *from, size_t len);
int vfio_unmap(const struct vfio *v, uint64_t iova, size_t len);
int vfio_map(const struct vfio *v, void *mem, size_t len, uint64_t iova,
	     bool writable);
/* How many of the interrupts of this index there are; 0: none. */
unsigned int vfio_irq_count(const struct vfio *v, unsigned int index);
/* The first n of them signal these eventfds. */
int vfio_irq_set(const struct vfio *v, unsigned int index, const int *fds,
		 unsigned int n);

#endif
