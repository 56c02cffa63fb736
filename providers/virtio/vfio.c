/* SPDX-License-Identifier: MIT */
#include "providers/virtio/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ukcf/provider.h>

#define LOG_ERR 3
#define CONTAINER "/dev/vfio/vfio"
#define IRQS_MAX 8u

static int complain(const struct ukcf_host *host, const char *address,
		    const char *what, int err)
{
	host->log(host->host, LOG_ERR, "device %s: %s: %s", address, what,
		  strerror(err));
	return -err;
}

/* DDDD:BB:DD.F in hexadecimal, and nothing else: it becomes part of a path. */
static bool is_address(const char *s)
{
	static const char form[] = "xxxx:xx:xx.x";

	for (size_t i = 0; i < sizeof(form); i++) {
		bool hex = s[i] && strchr("0123456789abcdef", s[i]);

		if (form[i] == 'x' ? !hex : s[i] != form[i])
			return false;
	}
	return true;
}

/* Return: the number of its IOMMU group, or -errno. */
static int group_of(const struct ukcf_host *host, const char *address)
{
	char path[80], target[256], *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK) < 0)
		return complain(host, address, "there is no such device",
				ENODEV);
	strcat(path, "/iommu_group");
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return complain(host, address,
				"it has no IOMMU group: is the IOMMU on?",
				ENODEV);
	target[n] = '\0';
	slash = strrchr(target, '/');
	return atoi(slash ? slash + 1 : target);
}

static const char *why_no_group(int err)
{
	if (err == ENOENT)
		return "its IOMMU group is not vfio's: bind the device to "
		       "vfio-pci";
	if (err == EBUSY)
		return "another process has its IOMMU group";
	return "its IOMMU group in /dev/vfio cannot be opened";
}

static int open_group(struct vfio *v, const struct ukcf_host *host,
		      const char *address)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int n = group_of(host, address);
	char path[40];

	if (n < 0)
		return n;
	snprintf(path, sizeof(path), "/dev/vfio/%d", n);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0)
		return complain(host, address, why_no_group(errno), errno);
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		return complain(host, address, "its IOMMU group", errno);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return complain(host, address,
				"other devices of its IOMMU group are in use: "
				"bind all of them to vfio-pci",
				EBUSY);
	return 0;
}

static int open_container(struct vfio *v, const struct ukcf_host *host,
			  const char *address)
{
	v->container = open(CONTAINER, O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return complain(host, address, CONTAINER, errno);
	if (ioctl(v->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		return complain(host, address,
				"this kernel's VFIO has no type 1 containers",
				ENOTSUP);
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) < 0)
		return complain(host, address, "its IOMMU group", errno);
	if (ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return complain(host, address,
				errno == EPERM ?
					"the IOMMU does not remap interrupts" :
					"the IOMMU",
				errno);
	return 0;
}

static int find_regions(struct vfio *v, const struct ukcf_host *host,
			const char *address)
{
	for (uint32_t i = 0; i < VFIO_REGIONS; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info),
						 .index = i };

		if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
			return complain(host, address, "its regions", errno);
		v->region[i].offset = info.offset;
		v->region[i].size = info.size;
	}
	return 0;
}

static int open_device(struct vfio *v, const struct ukcf_host *host,
		       const char *address)
{
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (v->device < 0)
		return complain(host, address,
				errno == EAGAIN ?
					"the kernel is resetting it" :
					"it cannot be had",
				errno);
	return find_regions(v, host, address);
}

int vfio_open(struct vfio *v, const struct ukcf_host *host,
	      const char *address)
{
	int err;

	*v = (struct vfio){ .container = -1, .group = -1, .device = -1 };
	if (!is_address(address)) {
		host->log(host->host, LOG_ERR,
			  "option device: %s is not of the form 0000:01:00.0",
			  address);
		return -EINVAL;
	}
	err = open_group(v, host, address);
	if (!err)
		err = open_container(v, host, address);
	if (!err)
		err = open_device(v, host, address);
	if (err)
		vfio_close(v);
	return err;
}

void vfio_close(struct vfio *v)
{
	/* The device first: the kernel disables it while its addresses hold. */
	int *const fds[] = { &v->device, &v->group, &v->container };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static bool is_within(const struct vfio *v, unsigned int region, uint64_t at,
		      size_t len)
{
	return region < VFIO_REGIONS && len <= v->region[region].size &&
	       at <= v->region[region].size - len;
}

static int result(ssize_t n, size_t len)
{
	if (n == (ssize_t)len)
		return 0;
	return n < 0 && errno == ENODEV ? -ENODEV : -EIO;
}

int vfio_read(const struct vfio *v, unsigned int region, uint64_t at, void *to,
	      size_t len)
{
	if (!is_within(v, region, at, len))
		return -EIO;
	return result(pread(v->device, to, len,
			    (off_t)(v->region[region].offset + at)),
		      len);
}

int vfio_write(const struct vfio *v, unsigned int region, uint64_t at,
	       const void *from, size_t len)
{
	if (!is_within(v, region, at, len))
		return -EIO;
	return result(pwrite(v->device, from, len,
			     (off_t)(v->region[region].offset + at)),
		      len);
}

int vfio_map(const struct vfio *v, void *mem, size_t len, uint64_t iova,
	     bool writable)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0u),
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = len,
	};

	return ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

int vfio_unmap(const struct vfio *v, uint64_t iova, size_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = len,
	};

	return ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0 ? -errno :
								       0;
}

unsigned int vfio_irq_count(const struct vfio *v, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 ||
	    !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return 0;
	return info.count;
}

int vfio_irq_set(const struct vfio *v, unsigned int index, const int *fds,
		 unsigned int n)
{
	_Alignas(struct vfio_irq_set) char room[sizeof(struct vfio_irq_set) +
						IRQS_MAX * sizeof(int)];
	struct vfio_irq_set *set = (void *)room;

	if (n > IRQS_MAX)
		return -EINVAL;
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + n * sizeof(int)),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD |
			 VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.count = n,
	};
	memcpy(set->data, fds, n * sizeof(int));
	return ioctl(v->device, VFIO_DEVICE_SET_IRQS, set) < 0 ? -errno : 0;
}
