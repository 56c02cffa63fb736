/* SPDX-License-Identifier: MIT */
#include "providers/virtio/pci.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_pci.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ukcf/provider.h>

#include "providers/virtio/vfio.h"
#include "providers/virtio/virtio.h"

#define LOG_ERR 3
#define VENDOR 0x1af4
#define DEVICE 0x1054 /* 0x1040 + VIRTIO_ID_CRYPTO */
#define BOUND "/sys/bus/pci/drivers/vfio-pci"
#define CAPS_MAX 48u  /* in 192 bytes: the list may be a loop */

/* A piece of a BAR. */
struct window {
	uint8_t bar;
	uint32_t offset, length; /* 0: there is none */
};

struct pci {
	struct transport transport; /* first */
	struct vfio vfio;
	struct window spaces[2]; /* by enum transport_space */
	struct window doorbells;
	uint32_t multiplier;
};

static struct pci *pci_of(struct transport *t)
{
	return (struct pci *)(void *)t;
}

/* ---------------------------------------------------------------- accesses */

static bool is_within(const struct window *w, uint64_t at, size_t len)
{
	return len <= w->length && at <= w->length - len;
}

static int read_space(struct transport *t, enum transport_space space,
		      uint32_t at, void *to, size_t len)
{
	const struct pci *p = pci_of(t);
	const struct window *w = &p->spaces[space];

	if (!is_within(w, at, len))
		return -EIO;
	return vfio_read(&p->vfio, w->bar, (uint64_t)w->offset + at, to, len);
}

static int write_space(struct transport *t, enum transport_space space,
		       uint32_t at, const void *from, size_t len)
{
	const struct pci *p = pci_of(t);
	const struct window *w = &p->spaces[space];

	if (!is_within(w, at, len))
		return -EIO;
	return vfio_write(&p->vfio, w->bar, (uint64_t)w->offset + at, from,
			  len);
}

static int notify(struct transport *t, uint16_t queue, uint16_t off)
{
	const struct pci *p = pci_of(t);
	uint64_t at = (uint64_t)off * p->multiplier;
	uint16_t word = htole16(queue);

	if (!is_within(&p->doorbells, at, sizeof(word)))
		return -EIO;
	return vfio_write(&p->vfio, p->doorbells.bar, p->doorbells.offset + at,
			  &word, sizeof(word));
}

static int map(struct transport *t, void *mem, size_t len, uint64_t iova,
	       bool writable)
{
	return vfio_map(&pci_of(t)->vfio, mem, len, iova, writable);
}

static int unmap(struct transport *t, uint64_t iova, size_t len)
{
	return vfio_unmap(&pci_of(t)->vfio, iova, len);
}

static void pci_close(struct transport *t)
{
	struct pci *p = pci_of(t);

	vfio_close(&p->vfio);
	for (unsigned int i = 0; i < TRANSPORT_IRQS; i++)
		if (t->irq[i] >= 0)
			close(t->irq[i]);
	free(p);
}

static const struct transport_ops ops = {
	.read = read_space,
	.write = write_space,
	.notify = notify,
	.map = map,
	.unmap = unmap,
	.close = pci_close,
};

/* ------------------------------------------------------------ capabilities */

static int config_read(const struct pci *p, unsigned int at, void *to,
		       size_t len)
{
	return vfio_read(&p->vfio, VFIO_PCI_CONFIG_REGION_INDEX, at, to, len);
}

static int config_read16(const struct pci *p, unsigned int at, uint16_t *v)
{
	int err = config_read(p, at, v, sizeof(*v));

	*v = le16toh(*v);
	return err;
}

static struct window *window_of(struct pci *p, uint8_t type)
{
	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		return &p->spaces[TRANSPORT_COMMON];
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		return &p->spaces[TRANSPORT_DEVICE];
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		return &p->doorbells;
	default:
		return NULL;
	}
}

/* The first of a type that can be used is the one (section 4.1.4). */
static int take_capability(struct pci *p, unsigned int at)
{
	struct virtio_pci_notify_cap cap;
	struct window w, *to;
	int err = config_read(p, at, &cap.cap, sizeof(cap.cap));

	if (err)
		return err;
	to = window_of(p, cap.cap.cfg_type);
	if (!to || to->length)
		return 0;
	w = (struct window){ .bar = cap.cap.bar,
			     .offset = le32toh(cap.cap.offset),
			     .length = le32toh(cap.cap.length) };
	if (w.bar > 5 || (uint64_t)w.offset + w.length >
				 p->vfio.region[w.bar].size)
		return 0;
	if (to == &p->doorbells) {
		err = config_read(p, at + sizeof(cap.cap), &p->multiplier,
				  sizeof(p->multiplier));
		p->multiplier = le32toh(p->multiplier);
	}
	*to = w;
	return err;
}

static int walk_capabilities(struct pci *p)
{
	uint8_t at, head[2];
	int err = config_read(p, PCI_CAPABILITY_LIST, &at, 1);

	for (unsigned int i = 0; !err && i < CAPS_MAX && (at &= 0xfc); i++) {
		err = config_read(p, at, head, sizeof(head));
		if (!err && head[0] == PCI_CAP_ID_VNDR)
			err = take_capability(p, at);
		at = head[1];
	}
	return err;
}

/* It may be reached, and reach memory: what it is mapped. */
static int enable(struct pci *p)
{
	uint16_t command;
	int err = config_read16(p, PCI_COMMAND, &command);

	if (err)
		return err;
	command = htole16(command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return vfio_write(&p->vfio, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
			  &command, sizeof(command));
}

static int find_registers(struct pci *p)
{
	uint16_t vendor, device;
	int err = config_read16(p, PCI_VENDOR_ID, &vendor);

	if (!err)
		err = config_read16(p, PCI_DEVICE_ID, &device);
	if (err)
		return err;
	if (vendor != VENDOR || device != DEVICE)
		return -EMEDIUMTYPE;
	err = walk_capabilities(p);
	if (!err && (p->spaces[TRANSPORT_COMMON].length <
			     sizeof(struct virtio_pci_common_cfg) ||
		     !p->spaces[TRANSPORT_DEVICE].length ||
		     !p->doorbells.length))
		return -EPROTO;
	return err ? err : enable(p);
}

/* -------------------------------------------------------------- interrupts */

static int make_irqs(struct transport *t)
{
	for (unsigned int i = 0; i < TRANSPORT_IRQS; i++) {
		t->irq[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (t->irq[i] < 0)
			return -errno;
	}
	return 0;
}

/* An interrupt that the kernel offers for some devices only. */
static int set_optional(struct pci *p, unsigned int index, int fd)
{
	return vfio_irq_count(&p->vfio, index) ?
		       vfio_irq_set(&p->vfio, index, &fd, 1) :
		       0;
}

static int set_irqs(struct pci *p)
{
	struct transport *t = &p->transport;
	unsigned int n = vfio_irq_count(&p->vfio, VFIO_PCI_MSIX_IRQ_INDEX);
	int err = make_irqs(t);

	if (err)
		return err;
	if (n == 0)
		return -ENOTSUP;
	t->vectors = n < TRANSPORT_VECTORS ? 1 : TRANSPORT_VECTORS;
	err = vfio_irq_set(&p->vfio, VFIO_PCI_MSIX_IRQ_INDEX,
			   t->vectors == 1 ? &t->irq[TRANSPORT_IRQ_DATA] :
					     t->irq,
			   t->vectors);
	if (!err)
		err = set_optional(p, VFIO_PCI_REQ_IRQ_INDEX,
				   t->irq[TRANSPORT_IRQ_GO]);
	if (!err)
		err = set_optional(p, VFIO_PCI_ERR_IRQ_INDEX,
				   t->irq[TRANSPORT_IRQ_ERROR]);
	return err;
}

static const char *what_is_wrong(int err)
{
	switch (err) {
	case -EMEDIUMTYPE:
		return "it is not a virtio-crypto device of virtio 1.0 or later";
	case -EPROTO:
		return "it does not say where its registers are";
	case -ENOTSUP:
		return "it has no MSI-X interrupts";
	default:
		return "its configuration space";
	}
}

static int pci_open(const struct ukcf_host *host, const char *address,
		    struct transport **t)
{
	struct pci *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->transport.ops = &ops;
	for (unsigned int i = 0; i < TRANSPORT_IRQS; i++)
		p->transport.irq[i] = -1;
	err = vfio_open(&p->vfio, host, address);
	if (err) {
		free(p);
		return err;
	}
	err = find_registers(p);
	if (!err)
		err = set_irqs(p);
	if (err) {
		host->log(host->host, LOG_ERR, "device %s: %s: %s", address,
			  what_is_wrong(err), strerror(-err));
		pci_close(&p->transport);
		return err;
	}
	*t = &p->transport;
	return 0;
}

/* ------------------------------------------------------ devices that are bound */

static bool says(const char *address, const char *file, unsigned long value)
{
	char path[100], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), BOUND "/%s/%s", address, file);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strtoul(text, NULL, 16) == value;
}

static int is_ours(const struct dirent *d)
{
	return strlen(d->d_name) < TRANSPORT_ADDRESS &&
	       strchr(d->d_name, ':') && says(d->d_name, "vendor", VENDOR) &&
	       says(d->d_name, "device", DEVICE);
}

static unsigned int pci_bound(char (*addresses)[TRANSPORT_ADDRESS],
			      unsigned int max)
{
	struct dirent **names;
	int n = scandir(BOUND, &names, is_ours, alphasort);
	unsigned int found = 0;

	for (int i = 0; i < n; i++) {
		if (found < max)
			strcpy(addresses[found++], names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return found;
}

const struct transport_kind pci_transport = { .open = pci_open,
					      .bound = pci_bound };
const struct transport_kind *const virtio_transport = &pci_transport;
