/* SPDX-License-Identifier: MIT */
#include "tools/vfio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/clock.h"

#define DRIVER "vfio-pci"
#define DEVICE "/sys/bus/pci/devices/%s"
#define DRIVERS "/sys/bus/pci/drivers"
#define GROUP_MAX 256u
#define USERS_MAX 4u
/* Probing may be asynchronous. */
#define PROBE_NS UINT64_C(2000000000)
#define LOOK_MS 10

/* Drivers that do no DMA for the host: such devices do not stand in the way
 * (drivers/vfio/vfio_main.c and driver_managed_dma of the kernel). */
static const char *const harmless[] = { DRIVER, "pci-stub", "pcieport" };

static int say(struct vfio_words *w, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int say(struct vfio_words *w, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return err;
}

static bool is_vfio(const struct pci_device *d)
{
	return strcmp(d->driver, DRIVER) == 0;
}

/* ---------------------------------------------------------------- judgement */

static bool has_iommus(void)
{
	char path[PATH_MAX];
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	if (pci_path(path, sizeof(path), "/sys/class/iommu"))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (e = readdir(dir)))
		found = e->d_name[0] != '.';
	closedir(dir);
	return found;
}

static int judge_iommu(const struct pci_device *d, struct vfio_words *w)
{
	if (d->group >= 0)
		return 0;
	if (has_iommus())
		return say(w, -ENOTSUP, "no IOMMU stands before %s, so it could "
			   "write anywhere: use another slot", d->address);
	return say(w, -ENOTSUP, "this machine has no IOMMU, or it is off: "
		   "enable VT-d or AMD-Vi in the firmware, and boot with "
		   "intel_iommu=on or amd_iommu=on");
}

static bool is_harmless(const char *driver)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(harmless[i], driver) == 0)
			return true;
	return driver[0] == '\0';
}

int vfio_judge_group(const struct pci_device *d, struct vfio_words *w)
{
	char members[GROUP_MAX][PCI_ADDRESS_LEN + 1], list[256] = "";
	int n = pci_group_members(d->group, members, GROUP_MAX);
	size_t at = 0;

	if (n < 0)
		return say(w, n, "IOMMU group %d of %s cannot be read: %s",
			   d->group, d->address, strerror(-n));
	for (int i = 0; i < n; i++) {
		struct pci_device other;

		if (strcmp(members[i], d->address) == 0 ||
		    pci_read(&other, members[i]) || is_harmless(other.driver))
			continue;
		if (at < sizeof(list))
			at += (size_t)snprintf(list + at, sizeof(list) - at,
					       "%s%s (%s)", at ? ", " : "",
					       other.address, other.driver);
	}
	if (!at)
		return 0;
	return say(w, -EBUSY, "IOMMU group %d of %s is not viable: it holds %s "
		   "too; take the drivers from them, or use a slot with a group "
		   "of its own", d->group, d->address, list);
}

void vfio_direct_region(const struct pci_device *d, struct vfio_words *w)
{
	char path[PATH_MAX], start[24], end[24], type[24];
	FILE *f;

	w->text[0] = '\0';
	if (pci_path(path, sizeof(path),
		     "/sys/kernel/iommu_groups/%d/reserved_regions", d->group))
		return;
	f = fopen(path, "re");
	if (!f)
		return;
	while (!w->text[0] &&
	       fscanf(f, "%23s %23s %23s", start, end, type) == 3)
		if (strcmp(type, "direct") == 0)
			say(w, 0, "%s-%s", start, end);
	fclose(f);
}

static int judge_regions(const struct pci_device *d, struct vfio_words *w)
{
	struct vfio_words region;

	vfio_direct_region(d, &region);
	if (!region.text[0])
		return 0;
	return say(w, -EPERM, "the firmware wants %.64s mapped for %s (RMRR): the "
		   "kernel lets no program have such a device; look for a "
		   "setting of the firmware", region.text, d->address);
}

static int judge_driver(const struct pci_device *d, bool replace,
			struct vfio_words *w)
{
	if (!d->driver[0] || replace)
		return 0;
	return say(w, -EBUSY, "driver %s has %s: --replace takes it away, and "
		   "ends what uses it", d->driver, d->address);
}

static int judge_module(struct vfio_words *w)
{
	if (!pci_is_there(DRIVERS "/" DRIVER))
		return say(w, -ENOENT, "the kernel's module vfio-pci is not "
			   "loaded: modprobe vfio-pci");
	if (!pci_is_there("/dev/vfio/vfio"))
		return say(w, -ENOENT, "there is no /dev/vfio/vfio: modprobe "
			   "vfio_iommu_type1");
	return 0;
}

static int judge_write(struct vfio_words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int judge_write(struct vfio_words *w, const char *fmt, ...)
{
	char what[160], path[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (pci_path(path, sizeof(path), "%s", what))
		return say(w, -ENAMETOOLONG, "%s: too long a path", what);
	if (access(path, W_OK) == 0)
		return 0;
	if (errno == EACCES || errno == EPERM || errno == EROFS)
		return say(w, -EACCES, "no permission to write %s: do it as "
			   "root, where /sys is writable", path);
	return say(w, -errno, "%s: %s", path, strerror(errno));
}

int vfio_judge_bind(const struct pci_device *d, bool replace,
		    struct vfio_words *w)
{
	int err;

	w->text[0] = '\0';
	if (!pci_is_crypto(d))
		return say(w, -EINVAL, "%s is no crypto device (class 0x%06x): "
			   "'cryptoctl device list' shows those", d->address,
			   d->class);
	if (is_vfio(d))
		return say(w, -EALREADY, "%s is bound to " DRIVER " already",
			   d->address);
	err = judge_iommu(d, w);
	if (!err)
		err = judge_module(w);
	if (!err)
		err = judge_driver(d, replace, w);
	if (!err)
		err = vfio_judge_group(d, w);
	if (!err)
		err = judge_regions(d, w);
	if (!err)
		err = judge_write(w, DEVICE "/driver_override", d->address);
	if (!err && d->driver[0])
		err = judge_write(w, DRIVERS "/%s/unbind", d->driver);
	return err ? err : judge_write(w, "/sys/bus/pci/drivers_probe");
}

int vfio_judge_unbind(const struct pci_device *d, struct vfio_words *w)
{
	struct pci_user users[USERS_MAX];
	int n;

	w->text[0] = '\0';
	if (!is_vfio(d))
		return say(w, -EINVAL, d->driver[0] ?
				   "driver %s has %s, not " DRIVER ": it is "
				   "left alone" :
				   "%s%s is not bound to any driver",
			   d->driver, d->address);
	n = pci_group_users(d->group, users, USERS_MAX);
	if (n > 0)
		return say(w, -EBUSY, "%s is in use by %s (pid %d), and the "
			   "kernel would wait for it: unload its provider "
			   "('cryptoctl unload'), or end it", d->address,
			   users[0].comm, (int)users[0].pid);
	return judge_write(w, DRIVERS "/" DRIVER "/unbind");
}

/* ------------------------------------------------------------------ changes */

/* A line, with its end, into a file of sysfs.  0, or -errno with words. */
static int put(struct vfio_words *w, const char *line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int put(struct vfio_words *w, const char *line, const char *fmt, ...)
{
	char what[160], path[PATH_MAX], text[PCI_NAME_MAX + 2];
	ssize_t n = -1;
	va_list ap;
	int fd, err;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err = pci_path(path, sizeof(path), "%s", what);
	if (err)
		return say(w, err, "%s: too long a path", what);
	snprintf(text, sizeof(text), "%s\n", line);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		n = write(fd, text, strlen(text));
	err = errno;
	if (fd >= 0)
		close(fd);
	return n >= 0 ? 0 : say(w, -err, "%s: %s", path, strerror(err));
}

/* Until it has that driver ("": none), or time is up. */
static bool await_driver(struct pci_device *d, const char *driver)
{
	const uint64_t end = clock_ns() + PROBE_NS;
	char address[sizeof(d->address)];

	memcpy(address, d->address, sizeof(address));
	for (;;) {
		if (pci_read(d, address))
			return false;
		if (strcmp(d->driver, driver) == 0)
			return true;
		if (clock_ns() >= end)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
}

/* The driver that the kernel prefers; whether there is one is its affair. */
static void give_back(const struct pci_device *d)
{
	struct vfio_words ignored;

	put(&ignored, "", DEVICE "/driver_override", d->address);
	put(&ignored, d->address, "/sys/bus/pci/drivers_probe");
}

int vfio_bind(const struct pci_device *d, struct vfio_words *w)
{
	struct pci_device now = *d;
	int err = put(w, DRIVER, DEVICE "/driver_override", d->address);

	if (!err && d->driver[0])
		err = put(w, d->address, DRIVERS "/%s/unbind", d->driver);
	if (!err)
		err = put(w, d->address, "/sys/bus/pci/drivers_probe");
	if (!err && !await_driver(&now, DRIVER))
		err = say(w, -EIO, DRIVER " did not take %s: the kernel's log "
			  "(dmesg) says why", d->address);
	if (!err)
		return say(w, 0, "%s is bound to " DRIVER ": /dev/vfio/%d",
			   d->address, d->group);
	give_back(d);
	return err;
}

int vfio_unbind(const struct pci_device *d, struct vfio_words *w)
{
	struct pci_device now = *d;
	int err = put(w, d->address, DRIVERS "/" DRIVER "/unbind");

	if (err)
		return err;
	if (!await_driver(&now, ""))
		return say(w, -EIO, "%s is still bound to %s: the kernel's log "
			   "(dmesg) says why", d->address, now.driver);
	give_back(d);
	pci_read(&now, d->address);
	return say(w, 0, "%s is not bound to " DRIVER " any more: %s%s%s",
		   d->address, now.driver[0] ? "driver " : "",
		   now.driver[0] ? now.driver : "no driver has it",
		   now.driver[0] ? " has it" : "");
}
