/* SPDX-License-Identifier: MIT */
/*
 * Owns giving a PCI device to vfio-pci, and back: judges whether that can be
 * done, and says what stands in the way and how to remove it.
 */
#ifndef TOOLS_VFIO_H
#define TOOLS_VFIO_H

#include <stdbool.h>

#include "tools/pci.h"

/* Words about a device, for people; the longest path fits. */
struct vfio_words {
	char text[512];
};

/**
 * vfio_judge_bind() - can d be given to vfio-pci?
 * @replace: also if another driver has it
 * @w: why not, with the way out
 * Return: 0; -EALREADY: vfio-pci has it; -errno.
 */
int vfio_judge_bind(const struct pci_device *d, bool replace,
		    struct vfio_words *w);
/* Do it, through driver_override; 0, or -errno with words, and then it is as it
 * was as far as the kernel lets it. */
int vfio_bind(const struct pci_device *d, struct vfio_words *w);

/* Can it be taken from vfio-pci?  0 or -errno; -EBUSY: somebody uses it: the
 * kernel would wait for him without end. */
int vfio_judge_unbind(const struct pci_device *d, struct vfio_words *w);
/* Do it; the kernel's own driver takes it, if there is one. */
int vfio_unbind(const struct pci_device *d, struct vfio_words *w);

/* Can the group be used from user space?  0, or -EBUSY naming the devices that
 * stand in the way. */
int vfio_judge_group(const struct pci_device *d, struct vfio_words *w);
/* "": none; else the first region that must stay mapped as it is, which no
 * other address space for the device can have. */
void vfio_direct_region(const struct pci_device *d, struct vfio_words *w);

#endif
