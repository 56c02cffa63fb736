/* SPDX-License-Identifier: MIT */
#include "providers/virtio/device.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_crypto.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <ukcf/provider.h>

#include "providers/virtio/clock.h"
#include "providers/virtio/distrust.h"

#define LOG_ERR 3
#define POLL_NS 100000 /* between looks at a device that resets */
#define DATA_QUEUES_MAX 1024u
#define BIT(n) (UINT64_C(1) << (n))

#define COMMON(m) ((uint32_t)offsetof(struct virtio_pci_common_cfg, m))

/* --------------------------------------------------------------- registers */

/* A register of a device that has gone reads as all ones. */
static int read8(struct device *d, uint32_t at, uint8_t *v)
{
	int err = d->t->ops->read(d->t, TRANSPORT_COMMON, at, v, 1);

	return !err && distrusts(*v == 0xff) ? -ENODEV : err;
}

static int read16(struct device *d, uint32_t at, uint16_t *v)
{
	int err = d->t->ops->read(d->t, TRANSPORT_COMMON, at, v, 2);

	*v = le16toh(*v);
	return !err && distrusts(*v == 0xffff) ? -ENODEV : err;
}

/* All ones may be what it is. */
static int read32(struct device *d, enum transport_space space, uint32_t at,
		  uint32_t *v)
{
	int err = d->t->ops->read(d->t, space, at, v, 4);

	*v = le32toh(*v);
	return err;
}

static int write8(struct device *d, uint32_t at, uint8_t v)
{
	return d->t->ops->write(d->t, TRANSPORT_COMMON, at, &v, 1);
}

static int write16(struct device *d, uint32_t at, uint16_t v)
{
	v = htole16(v);
	return d->t->ops->write(d->t, TRANSPORT_COMMON, at, &v, 2);
}

static int write32(struct device *d, uint32_t at, uint32_t v)
{
	v = htole32(v);
	return d->t->ops->write(d->t, TRANSPORT_COMMON, at, &v, 4);
}

static int write64(struct device *d, uint32_t at, uint64_t v)
{
	int err = write32(d, at, (uint32_t)v);

	return err ? err : write32(d, at + 4, (uint32_t)(v >> 32));
}

static int add_status(struct device *d, uint8_t bits)
{
	uint8_t v;
	int err = read8(d, COMMON(device_status), &v);

	return err ? err : write8(d, COMMON(device_status), v | bits);
}

/* ------------------------------------------------------------------ status */

static void pause_ns(long ns)
{
	const struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

int device_reset(struct device *d)
{
	uint64_t end = clock_now_ns() + DEVICE_RESET_NS;
	uint8_t v = 0xff;
	int err = write8(d, COMMON(device_status), 0);

	while (!err) {
		err = read8(d, COMMON(device_status), &v);
		if (err || v == 0)
			break;
		if (clock_now_ns() >= end)
			return -ETIMEDOUT;
		pause_ns(POLL_NS);
	}
	return err;
}

static int is_ready(struct device *d)
{
	uint32_t v;

	if (read32(d, TRANSPORT_DEVICE,
		   offsetof(struct virtio_crypto_config, status), &v))
		return -ENODEV;
	return v & VIRTIO_CRYPTO_S_HW_READY ? 0 : -EIO;
}

int device_look(struct device *d)
{
	uint8_t v;

	if (read8(d, COMMON(device_status), &v))
		return -ENODEV;
	if (distrusts(v & (VIRTIO_CONFIG_S_NEEDS_RESET |
			   VIRTIO_CONFIG_S_FAILED) ||
		      !(v & VIRTIO_CONFIG_S_DRIVER_OK)))
		return -EIO;
	return is_ready(d);
}

int device_notify(struct device *d, const struct virtqueue *q)
{
	return d->t->ops->notify(d->t, q->index, q->notify_off);
}

/* ------------------------------------------------------------- negotiation */

static int read_features(struct device *d, uint64_t *v)
{
	uint32_t half[2];
	int err = 0;

	for (uint32_t i = 0; i < 2 && !err; i++) {
		err = write32(d, COMMON(device_feature_select), i);
		if (!err)
			err = read32(d, TRANSPORT_COMMON,
				     COMMON(device_feature), &half[i]);
	}
	*v = (uint64_t)half[1] << 32 | half[0];
	return err;
}

static int write_features(struct device *d, uint64_t v)
{
	int err = 0;

	for (uint32_t i = 0; i < 2 && !err; i++) {
		err = write32(d, COMMON(guest_feature_select), i);
		if (!err)
			err = write32(d, COMMON(guest_feature),
				      (uint32_t)(v >> (32 * i)));
	}
	return err;
}

/* Return: 0 and what was agreed on, or -errno and *what. */
static int negotiate(struct device *d, uint64_t *agreed, const char **what)
{
	const uint64_t need = BIT(VIRTIO_F_VERSION_1) |
			      BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint64_t offered;
	uint8_t status;
	int err = read_features(d, &offered);

	*what = "its features";
	if (err)
		return err;
	if (offered == UINT64_MAX)
		return -ENODEV;
	if ((offered & need) != need) {
		*what = "it does not offer VERSION_1 and ACCESS_PLATFORM";
		return -EPROTO;
	}
	*agreed = offered & (need | BIT(VIRTIO_RING_F_EVENT_IDX));
	err = write_features(d, *agreed);
	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!err)
		err = read8(d, COMMON(device_status), &status);
	if (!err && !(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		*what = "it refuses the features that it offers";
		return -EPROTO;
	}
	return err;
}

/* ------------------------------------------------------------------ queues */

static uint16_t vector_of(const struct device *d, enum transport_irq irq)
{
	return d->t->vectors < TRANSPORT_VECTORS ? 0 : (uint16_t)irq;
}

/* A device that has no room for a vector says so by answering none. */
static int set_vector(struct device *d, uint32_t at, uint16_t vector)
{
	uint16_t got;
	int err = write16(d, at, vector);

	if (!err)
		err = d->t->ops->read(d->t, TRANSPORT_COMMON, at, &got, 2);
	return !err && le16toh(got) != vector ? -ENOSPC : err;
}

static uint16_t size_of(uint16_t max)
{
	uint16_t size = VIRTQUEUE_SIZE_MAX;

	while (size > max)
		size /= 2;
	return size;
}

/* One that goes on with another size reads and writes elsewhere. */
static int has_taken(struct device *d, const struct virtqueue *q)
{
	uint16_t size, enabled;
	int err = read16(d, COMMON(queue_size), &size);

	if (!err)
		err = read16(d, COMMON(queue_enable), &enabled);
	if (!err && (size != q->size || enabled != 1))
		err = -EPROTO;
	return err;
}

static int place_queue(struct device *d, const struct virtqueue *q)
{
	int err = write16(d, COMMON(queue_size), q->size);

	if (!err)
		err = write64(d, COMMON(queue_desc_lo), q->desc.iova);
	if (!err)
		err = write64(d, COMMON(queue_avail_lo), q->avail.iova);
	if (!err)
		err = write64(d, COMMON(queue_used_lo), q->used.iova);
	if (!err)
		err = write16(d, COMMON(queue_enable), 1);
	return err ? err : has_taken(d, q);
}

static int set_queue(struct device *d, struct virtqueue *q,
		     enum transport_irq irq, bool event_idx)
{
	uint16_t max;
	int err = write16(d, COMMON(queue_select), q->index);

	if (!err)
		err = read16(d, COMMON(queue_size), &max);
	if (err)
		return err;
	if (max < VIRTQUEUE_PARTS_MAX)
		return -EPROTO;
	virtqueue_clear(q, size_of(max), event_idx);
	err = read16(d, COMMON(queue_notify_off), &q->notify_off);
	if (!err)
		err = set_vector(d, COMMON(queue_msix_vector),
				 vector_of(d, irq));
	return err ? err : place_queue(d, q);
}

static int set_queues(struct device *d, bool event_idx)
{
	uint16_t all;
	uint32_t n;
	int err = read32(d, TRANSPORT_DEVICE,
			 offsetof(struct virtio_crypto_config, max_dataqueues),
			 &n);

	if (!err)
		err = read16(d, COMMON(num_queues), &all);
	if (err)
		return err;
	if (n == 0 || n > DATA_QUEUES_MAX || n >= all)
		return -EPROTO;
	d->data.index = 0;
	d->ctrl.index = (uint16_t)n; /* the one after them, section 5.9.2 */
	err = set_vector(d, COMMON(msix_config),
			 vector_of(d, TRANSPORT_IRQ_CONFIG));
	if (!err)
		err = set_queue(d, &d->data, TRANSPORT_IRQ_DATA, event_idx);
	if (!err)
		err = set_queue(d, &d->ctrl, TRANSPORT_IRQ_CTRL, event_idx);
	return err;
}

int device_up(struct device *d)
{
	const char *what = "its reset";
	uint64_t agreed = 0;
	int err = device_reset(d);

	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_DRIVER);
	if (!err)
		err = negotiate(d, &agreed, &what);
	if (!err) {
		what = "its queues";
		err = set_queues(d, agreed & BIT(VIRTIO_RING_F_EVENT_IDX));
	}
	if (!err)
		err = add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
	if (!err) {
		what = "it is not ready";
		err = device_look(d);
	}
	if (err)
		d->host->log(d->host->host, LOG_ERR, "the device: %s: %s", what,
			     strerror(-err));
	return err;
}
