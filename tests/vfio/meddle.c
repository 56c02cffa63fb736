/* SPDX-License-Identifier: MIT */
/*
 * The provider virtio on a real device, with somebody who meddles between the
 * two: what a device is told gets lost, or is nonsense by the time it looks.  So
 * a device that does no wrong by itself does what others may.
 *
 * "NAME=N": so many more times; "calm": not any more.
 *
 *	deaf	a doorbell is not heard, so that what it was about never comes
 *	hang	no doorbell is heard, until "release"
 *	loop	a request's descriptors are a circle
 *	jump	more requests are there than the queue has room for
 *	astray	what the device is to read is mapped nowhere
 *	blind	what it is to read in the buffer of a consumer it reads elsewhere
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "providers/virtio/virtio.h"

/* There it is what virtio_transport is; here that is another. */
#define virtio_transport pci_virtio_transport
#include "providers/virtio/pci.c" /* NOLINT(bugprone-suspicious-include) */
#undef virtio_transport

#define MAPS 3u /* the driver's own memory, which comes first */
#define NOWHERE UINT64_C(0x10000000)

#define FAULTS(F) F(deaf) F(hang) F(loop) F(jump) F(astray) F(blind)
#define FAULT_ENUM(name) FAULT_##name,
#define FAULT_NAME(name) #name,
enum { FAULTS(FAULT_ENUM) N_FAULTS };
static const char *const names[N_FAULTS] = { FAULTS(FAULT_NAME) };
static uint32_t faults[N_FAULTS]; /* atomic: how many are left */

/* Of the one device, as its driver set it up: by the driver's thread alone. */
static struct {
	const struct transport_ops *ops;
	struct transport_ops meddled;
	struct {
		uint8_t *mem;
		size_t len;
		uint64_t iova;
	} maps[MAPS];
	unsigned int n_maps;
	uint32_t queue; /* selected */
	uint32_t size;
	uint64_t desc, avail; /* of the data queue */
} it;

/* Who rings a doorbell late must not do so at a device that has gone. */
static struct {
	pthread_mutex_t lock;
	struct transport *t; /* NULL: none is open */
	uint16_t off;	     /* of the data queue's doorbell */
} late = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool spend(unsigned int fault)
{
	uint32_t n = __atomic_load_n(&faults[fault], __ATOMIC_ACQUIRE);

	while (n && !__atomic_compare_exchange_n(&faults[fault], &n, n - 1,
						 false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		;
	return n;
}

/* Where the driver has what the device finds there. */
static void *at(uint64_t iova, size_t len)
{
	for (unsigned int i = 0; i < it.n_maps; i++) {
		uint64_t off = iova - it.maps[i].iova;

		if (iova >= it.maps[i].iova && off <= it.maps[i].len &&
		    len <= it.maps[i].len - off)
			return it.maps[i].mem + off;
	}
	abort(); /* the driver has told the device what is not so */
}

static bool is_written(const struct vring_desc *d)
{
	return le16toh(d->flags) & VRING_DESC_F_WRITE;
}

static void meddle(void)
{
	struct vring_avail *avail = at(it.avail, 4 + 2 * (size_t)it.size);
	struct vring_desc *desc = at(it.desc, it.size * sizeof(*desc));
	uint16_t idx = le16toh(avail->idx);
	uint16_t head = le16toh(avail->ring[(idx - 1u) % it.size]);

	if (spend(FAULT_loop)) {
		desc[head + 1].flags |= htole16(VRING_DESC_F_NEXT);
		desc[head + 1].next = htole16(head);
	}
	if (spend(FAULT_astray))
		desc[head].addr = htole64(NOWHERE);
	if (!is_written(&desc[head + 1]) && spend(FAULT_blind))
		desc[head + 1].addr = desc[head].addr;
	if (spend(FAULT_jump))
		__atomic_store_n(&avail->idx, htole16((uint16_t)(idx + 4096)),
				 __ATOMIC_RELEASE);
}

static int meddled_notify(struct transport *t, uint16_t queue, uint16_t off)
{
	if (queue != 0)
		return it.ops->notify(t, queue, off);
	pthread_mutex_lock(&late.lock);
	late.off = off;
	pthread_mutex_unlock(&late.lock);
	meddle();
	if (__atomic_load_n(&faults[FAULT_hang], __ATOMIC_ACQUIRE) ||
	    spend(FAULT_deaf))
		return 0;
	return it.ops->notify(t, queue, off);
}

static int release(void)
{
	__atomic_store_n(&faults[FAULT_hang], 0, __ATOMIC_RELEASE);
	pthread_mutex_lock(&late.lock);
	if (late.t)
		it.ops->notify(late.t, 0, late.off);
	pthread_mutex_unlock(&late.lock);
	return 0;
}

static void now_open(struct transport *t)
{
	pthread_mutex_lock(&late.lock);
	late.t = t;
	pthread_mutex_unlock(&late.lock);
}

static void meddled_close(struct transport *t)
{
	now_open(NULL);
	it.ops->close(t);
}

static void set_half(uint64_t *to, unsigned int half, uint32_t v)
{
	*to &= ~(UINT64_C(0xffffffff) << (32 * half));
	*to |= (uint64_t)v << (32 * half);
}

static int meddled_write(struct transport *t, enum transport_space space,
			 uint32_t where, const void *from, size_t len)
{
	static const struct {
		uint32_t at;
		uint64_t *to;
		unsigned int half;
	} halves[] = {
		{ VIRTIO_PCI_COMMON_Q_DESCLO, &it.desc, 0 },
		{ VIRTIO_PCI_COMMON_Q_DESCHI, &it.desc, 1 },
		{ VIRTIO_PCI_COMMON_Q_AVAILLO, &it.avail, 0 },
		{ VIRTIO_PCI_COMMON_Q_AVAILHI, &it.avail, 1 },
	};
	uint32_t v = 0;

	memcpy(&v, from, len);
	v = le32toh(v);
	if (space == TRANSPORT_COMMON && where == VIRTIO_PCI_COMMON_Q_SELECT)
		it.queue = v;
	if (space != TRANSPORT_COMMON || it.queue != 0)
		return it.ops->write(t, space, where, from, len);
	if (where == VIRTIO_PCI_COMMON_Q_SIZE)
		it.size = v;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		if (where == halves[i].at)
			set_half(halves[i].to, halves[i].half, v);
	return it.ops->write(t, space, where, from, len);
}

static int meddled_map(struct transport *t, void *mem, size_t len,
		       uint64_t iova, bool writable)
{
	if (it.n_maps < MAPS) {
		it.maps[it.n_maps].mem = mem;
		it.maps[it.n_maps].len = len;
		it.maps[it.n_maps++].iova = iova;
	}
	return it.ops->map(t, mem, len, iova, writable);
}

static int meddled_open(const struct ukcf_host *host, const char *address,
			struct transport **t)
{
	int err = pci_transport.open(host, address, t);

	if (err)
		return err;
	it.n_maps = 0;
	it.ops = (*t)->ops;
	it.meddled = *it.ops;
	it.meddled.notify = meddled_notify;
	it.meddled.write = meddled_write;
	it.meddled.map = meddled_map;
	it.meddled.close = meddled_close;
	(*t)->ops = &it.meddled;
	now_open(*t);
	return 0;
}

static int meddled_control(const char *command)
{
	const char *value = strchr(command, '=');
	int err = -EINVAL;

	if (strcmp(command, "release") == 0)
		return release();
	for (unsigned int i = 0; i < N_FAULTS; i++) {
		uint32_t n = value ? (uint32_t)strtoul(value + 1, NULL, 10) : 0;

		if (strcmp(command, "calm") != 0 &&
		    (!value || strncmp(names[i], command,
				       (size_t)(value - command)) != 0))
			continue;
		__atomic_store_n(&faults[i], n, __ATOMIC_RELEASE);
		err = 0;
	}
	return err;
}

static struct transport_kind meddled_transport;

/* All that is not named here is as it is. */
__attribute__((constructor)) static void as_pci_but(void)
{
	meddled_transport = pci_transport;
	meddled_transport.open = meddled_open;
	meddled_transport.control = meddled_control;
}

const struct transport_kind *const virtio_transport = &meddled_transport;
