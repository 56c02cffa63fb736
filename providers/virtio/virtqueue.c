/* SPDX-License-Identifier: MIT */
#include "providers/virtio/virtqueue.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "providers/virtio/distrust.h"
#include "providers/virtio/order.h"

static struct vring_desc *desc_of(const struct virtqueue *q)
{
	return (void *)q->desc.mem;
}

static struct vring_avail *avail_of(const struct virtqueue *q)
{
	return (void *)q->avail.mem;
}

static struct vring_used *used_of(const struct virtqueue *q)
{
	return (void *)q->used.mem;
}

/* What follows the rings (section 2.6.7): the index at which the other side
 * wants to be told.  The used ring's end is the device's to write. */
static uint16_t *used_event(const struct virtqueue *q)
{
	return &avail_of(q)->ring[q->size];
}

static const uint16_t *avail_event(const struct virtqueue *q)
{
	return (const void *)&used_of(q)->ring[q->size];
}

void virtqueue_init(struct virtqueue *q, struct pool *read, struct pool *write)
{
	q->desc = pool_take(read, VIRTQUEUE_READ_BYTES / 2, 4096);
	q->avail = pool_take(read, VIRTQUEUE_READ_BYTES / 2, 4096);
	q->used = pool_take(write, VIRTQUEUE_WRITE_BYTES, 4096);
}

void virtqueue_clear(struct virtqueue *q, uint16_t size, bool event_idx)
{
	q->size = size;
	q->event_idx = event_idx;
	q->next = q->published = q->taken = q->in_flight = 0;
	memset(q->room, 0, sizeof(q->room));
	memset(q->desc.mem, 0, VIRTQUEUE_READ_BYTES / 2);
	memset(q->avail.mem, 0, VIRTQUEUE_READ_BYTES / 2);
	memset(q->used.mem, 0, VIRTQUEUE_WRITE_BYTES);
	virtqueue_irq_off(q);
}

void virtqueue_post(struct virtqueue *q, uint16_t slot,
		    const struct virtqueue_part *parts, unsigned int n)
{
	uint16_t first = (uint16_t)(slot * VIRTQUEUE_PARTS_MAX);
	struct vring_desc *d = desc_of(q) + first;

	q->room[slot] = 0;
	for (unsigned int i = 0; i < n; i++) {
		uint16_t flags = parts[i].written ? VRING_DESC_F_WRITE : 0;

		if (i + 1 < n)
			flags |= VRING_DESC_F_NEXT;
		d[i] = (struct vring_desc){
			.addr = htole64(parts[i].iova),
			.len = htole32(parts[i].len),
			.flags = htole16(flags),
			.next = htole16((uint16_t)(first + i + 1)),
		};
		q->room[slot] += parts[i].written ? parts[i].len : 0;
	}
	avail_of(q)->ring[q->next % q->size] = htole16(first);
	q->next++;
	q->in_flight++;
}

bool virtqueue_has_room(const struct virtqueue *q)
{
	return (q->in_flight + 1u) * VIRTQUEUE_PARTS_MAX <= q->size;
}

bool virtqueue_publish(struct virtqueue *q)
{
	uint16_t old = q->published;

	if (old == q->next)
		return false;
	q->published = q->next;
	/* The device stores its event index, then looks at this. */
	order_store16_fence(&avail_of(q)->idx, q->next);
	if (q->event_idx)
		return vring_need_event(order_load16(avail_event(q)), q->next,
					old);
	return !(order_load16(&used_of(q)->flags) & VRING_USED_F_NO_NOTIFY);
}

bool virtqueue_has_news(const struct virtqueue *q)
{
	return order_load16(&used_of(q)->idx) != q->taken;
}

int virtqueue_take(struct virtqueue *q, uint16_t *slot, uint32_t *len)
{
	uint16_t news = (uint16_t)(order_load16(&used_of(q)->idx) - q->taken);
	const struct vring_used_elem *e =
		&used_of(q)->ring[q->taken % q->size];
	uint32_t id;

	if (news == 0)
		return 0;
	if (distrusts(news > q->in_flight))
		return -EPROTO;
	id = order_load32(&e->id); /* once: it may change */
	*len = order_load32(&e->len);
	if (distrusts(id >= q->size || id % VIRTQUEUE_PARTS_MAX ||
		      q->room[id / VIRTQUEUE_PARTS_MAX] == 0))
		return -EPROTO;
	*slot = (uint16_t)(id / VIRTQUEUE_PARTS_MAX % VIRTQUEUE_SLOTS_MAX);
	q->room[*slot] = 0;
	q->in_flight--;
	q->taken++;
	return 1;
}

void virtqueue_irq_off(struct virtqueue *q)
{
	if (q->event_idx) /* half a turn away: it does not come there */
		order_store16(used_event(q), (uint16_t)(q->taken + 0x8000));
	else
		order_store16(&avail_of(q)->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

bool virtqueue_irq_on(struct virtqueue *q)
{
	/* The device stores its index, then looks at this. */
	if (q->event_idx)
		order_store16_fence(used_event(q), q->taken);
	else
		order_store16_fence(&avail_of(q)->flags, 0);
	return virtqueue_has_news(q);
}
