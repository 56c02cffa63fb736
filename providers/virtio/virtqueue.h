/* SPDX-License-Identifier: MIT */
/*
 * Owns one split virtqueue (virtio 1.1 section 2.6) whose requests are of up to
 * four parts, those that the device reads before those that it writes.  So slot
 * i always has descriptors 4i to 4i + 3, and nothing that steers this side is
 * ever read back from memory that the device can write.
 */
#ifndef PROVIDERS_VIRTIO_VIRTQUEUE_H
#define PROVIDERS_VIRTIO_VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "providers/virtio/pool.h"

/* Of at most 256 descriptors: the used ring lies within a page.  QEMU 7.2 with
 * an IOMMU writes the length of an element that straddles two elsewhere. */
#define VIRTQUEUE_SIZE_MAX 256u
#define VIRTQUEUE_PARTS_MAX 4u
#define VIRTQUEUE_SLOTS_MAX (VIRTQUEUE_SIZE_MAX / VIRTQUEUE_PARTS_MAX)
/* What one takes of the pools. */
#define VIRTQUEUE_READ_BYTES 8192u
#define VIRTQUEUE_WRITE_BYTES 4096u

struct virtqueue_part {
	uint64_t iova;
	uint32_t len;
	bool written; /* by the device; else it is read */
};

struct virtqueue {
	uint16_t index;
	uint16_t size; /* descriptors, a power of two */
	uint16_t notify_off;
	bool event_idx; /* VIRTIO_RING_F_EVENT_IDX was negotiated */
	struct piece desc, avail, used;
	uint16_t next;	    /* avail index of the next request */
	uint16_t published; /* avail index that the device has been given */
	uint16_t taken;	    /* used index */
	uint16_t in_flight;
	uint32_t room[VIRTQUEUE_SLOTS_MAX]; /* bytes that the device may write;
					       0: the slot is not out */
};

/* Take its memory; once. */
void virtqueue_init(struct virtqueue *q, struct pool *read,
		    struct pool *write);
/* It is empty, after a reset of the device. */
void virtqueue_clear(struct virtqueue *q, uint16_t size, bool event_idx);
/* A request; the device sees it when it is published.  Of each part len > 0;
 * the last one at least is written. */
void virtqueue_post(struct virtqueue *q, uint16_t slot,
		    const struct virtqueue_part *parts, unsigned int n);
/* Has it room for another one? */
bool virtqueue_has_room(const struct virtqueue *q);
/* Return: whether the device wants to be told. */
bool virtqueue_publish(struct virtqueue *q);
/* Return: 1, a request has ended: its slot, and the bytes that the device says
 * it wrote; 0: none has; -EPROTO: what it says cannot be. */
int virtqueue_take(struct virtqueue *q, uint16_t *slot, uint32_t *len);
/* Is something there to take? */
bool virtqueue_has_news(const struct virtqueue *q);
/* Interrupts: off, or on; on: true if something came meanwhile. */
void virtqueue_irq_off(struct virtqueue *q);
bool virtqueue_irq_on(struct virtqueue *q);

#endif
