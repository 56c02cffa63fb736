/* SPDX-License-Identifier: MIT */
#include "tools/pci.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"
#define LIST_MAX 4096u /* devices of one machine */
#define CLASS_CRYPTO 0x10u

/* Ids: the PCI ID repository; 0x1054 is 0x1040 + 20, virtio 1.1 section 4.1.2
 * and 5.9. */
static const struct pci_kind kinds[] = {
	{ 0x1af4, 0x1054, "virtio-crypto", "virtio" },
	{ 0x8086, 0x37c8, "QAT-C62x", NULL },
	{ 0x8086, 0x4940, "QAT-4xxx", NULL },
	{ 0x8086, 0x4942, "QAT-401xx", NULL },
	{ 0x8086, 0x0435, "QAT-DH895xCC", NULL },
};

/* ------------------------------------------------------------------- paths */

static int vpath(char *path, size_t size, const char *fmt, va_list ap)
{
	const char *root = secure_getenv("UKCF_DEVICE_ROOT");
	int n = snprintf(path, size, "%s", root ? root : ""), m;

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	m = vsnprintf(path + n, size - (size_t)n, fmt, ap);
	return m < 0 || (size_t)m >= size - (size_t)n ? -ENAMETOOLONG : 0;
}

int pci_path(char *path, size_t size, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, size, fmt, ap);
	va_end(ap);
	return err;
}

bool pci_is_there(const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, sizeof(path), fmt, ap);
	va_end(ap);
	return !err && access(path, F_OK) == 0;
}

static int read_path(char *line, size_t size, const char *path)
{
	/* not to wait, whatever a made-up tree has there */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;
	int err;

	line[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, line, size - 1);
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int pci_read_line(char *line, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int err;

	line[0] = '\0';
	va_start(ap, fmt);
	err = vpath(path, sizeof(path), fmt, ap);
	va_end(ap);
	return err ? err : read_path(line, size, path);
}

int pci_read_link(char *name, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	va_list ap;
	ssize_t n;
	int err;

	name[0] = '\0';
	va_start(ap, fmt);
	err = vpath(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (err)
		return err;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	return snprintf(name, size, "%s", last) < (int)size ? 0 :
							       -ENAMETOOLONG;
}

/* ----------------------------------------------------------------- devices */

bool pci_is_address(const char *text)
{
	static const char form[] = "xxxx:xx:xx.7";
	size_t i;

	for (i = 0; form[i]; i++) {
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) ||
					     isupper((unsigned char)text[i]) :
		    form[i] == '7' ? text[i] < '0' || text[i] > '7' :
				     text[i] != form[i])
			return false;
	}
	return text[i] == '\0';
}

/* A number as sysfs writes it; what it does not say, or not so, is absent. */
static long read_number(const char *address, const char *name, long absent)
{
	char line[32], *end;
	long n;

	if (pci_read_line(line, sizeof(line), DEVICES "/%s/%s", address, name))
		return absent;
	errno = 0;
	n = strtol(line, &end, 0);
	return errno || end == line || *end ? absent : n;
}

static int group_of(const char *address)
{
	char name[PCI_NAME_MAX], *end;
	long n;

	if (pci_read_link(name, sizeof(name), DEVICES "/%s/iommu_group",
			  address))
		return -1;
	errno = 0;
	n = strtol(name, &end, 10);
	return errno || end == name || *end || n < 0 || n > INT_MAX ? -1 :
								       (int)n;
}

int pci_read(struct pci_device *d, const char *address)
{
	*d = (struct pci_device){ 0 };
	if (!pci_is_address(address))
		return -EINVAL;
	if (!pci_is_there(DEVICES "/%s", address))
		return -ENODEV;
	memcpy(d->address, address, sizeof(d->address));
	d->vendor = (uint16_t)read_number(address, "vendor", 0);
	d->device = (uint16_t)read_number(address, "device", 0);
	d->class = (uint32_t)read_number(address, "class", 0);
	d->numa = (int)read_number(address, "numa_node", -1);
	d->group = group_of(address);
	/* either may be missing, and is empty then */
	pci_read_link(d->driver, sizeof(d->driver), DEVICES "/%s/driver",
		      address);
	pci_read_line(d->override, sizeof(d->override),
		      DEVICES "/%s/driver_override", address);
	if (strcmp(d->override, "(null)") == 0) /* the kernel's word for none */
		d->override[0] = '\0';
	return 0;
}

const struct pci_kind *pci_kind_of(const struct pci_device *d)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].vendor == d->vendor &&
		    kinds[i].device == d->device)
			return &kinds[i];
	return NULL;
}

bool pci_is_crypto(const struct pci_device *d)
{
	return d->class >> 16 == CLASS_CRYPTO || pci_kind_of(d);
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct pci_device *)a)->address,
		      ((const struct pci_device *)b)->address);
}

/* Those of the open directory; n may not reach LIST_MAX. */
static int collect(DIR *dir, struct pci_device **all)
{
	const struct dirent *e;
	int n = 0;

	while ((e = readdir(dir)) && n < (int)LIST_MAX) {
		struct pci_device d, *more;

		if (pci_read(&d, e->d_name) || !pci_is_crypto(&d))
			continue;
		more = realloc(*all, ((size_t)n + 1) * sizeof(d));
		if (!more)
			return -ENOMEM;
		*all = more;
		more[n++] = d;
	}
	return n;
}

int pci_list(struct pci_device **all)
{
	char path[PATH_MAX];
	int n = pci_path(path, sizeof(path), DEVICES);
	DIR *dir;

	*all = NULL;
	if (n)
		return n;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	n = collect(dir, all);
	closedir(dir);
	if (n > 0)
		qsort(*all, (size_t)n, sizeof(**all), by_address);
	if (n < 0) {
		free(*all);
		*all = NULL;
	}
	return n;
}

/* ------------------------------------------------------------------ groups */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int pci_group_members(int group, char (*addresses)[PCI_ADDRESS_LEN + 1],
		      size_t max)
{
	char path[PATH_MAX];
	const struct dirent *e;
	size_t n = 0;
	DIR *dir;

	if (pci_path(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		     group))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (n < max && (e = readdir(dir)))
		if (pci_is_address(e->d_name))
			memcpy(addresses[n++], e->d_name, PCI_ADDRESS_LEN + 1);
	closedir(dir);
	qsort(addresses, n, sizeof(addresses[0]), by_text);
	return (int)n;
}

/* Has a process node open?  What it may not see it does not see. */
static bool has_open(const char *pid, const char *node)
{
	char path[PATH_MAX], target[PATH_MAX];
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	if (pci_path(path, sizeof(path), "/proc/%s/fd", pid))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target,
				       sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, node) == 0;
	}
	closedir(dir);
	return found;
}

int pci_group_users(int group, struct pci_user *users, size_t max)
{
	char path[PATH_MAX], node[32];
	const struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(node, sizeof(node), "/dev/vfio/%d", group);
	if (pci_path(path, sizeof(path), "/proc"))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (n < max && (e = readdir(dir))) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid <= 0 || !has_open(e->d_name, node))
			continue;
		users[n].pid = (pid_t)pid;
		pci_read_line(users[n].comm, sizeof(users[n].comm),
			      "/proc/%ld/comm", pid);
		n++;
	}
	closedir(dir);
	return (int)n;
}
