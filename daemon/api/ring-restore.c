/* SPDX-License-Identifier: MIT */
/* A ring that a former process made, from its record and its descriptors. */
#include "daemon/api/ring-parts.h"

#include <errno.h>

#include "daemon/api/consumer.h"
#include "daemon/core/request.h"

/* What the former process had posted, or was about to post, becomes so. */
static void settle_posts(struct ring *r)
{
	for (uint32_t i = 0; i <= r->sq_mask; i++) {
		struct rec_entry *e = &r->entries[i];

		if (e->state == REC_ENTRY_DONE) {
			if (e->cq_index >= r->rec->cq_tail)
				ring_put_cqe(r, e->cq_index, &e->cqe);
			e->state = REC_ENTRY_FREE;
		} else if (e->state == REC_ENTRY_ACCEPTED) {
			if (e->seq >= r->rec->sq_head)
				r->rec->sq_head = e->seq + 1;
		}
	}
}

/* A QUEUED CQE that was recorded but perhaps not written: only the newest can
 * be, since cq_tail advances after each. */
static void settle_ack(struct ring *r, struct rec_entry *e)
{
	struct ukcf_cqe ack = ring_queued_cqe(r, e);

	if (e->ack && e->ack - 1 >= r->rec->cq_tail)
		ring_put_cqe(r, e->ack - 1, &ack);
}

/* One that answers no request is in no record: its slot shows whether it was
 * written, and perhaps read, before cq_tail advanced. */
static void settle_silent(struct ring *r)
{
	uint64_t tail = r->rec->cq_tail;
	const struct ukcf_cqe *slot = &r->cqes[tail & r->cq_mask];

	if (load_acquire_u16(&slot->gen) == ring_gen_cqe(tail, r->cq_order))
		store_release_u64(&r->rec->cq_tail, tail + 1);
}

static void settle_entries(struct ring *r)
{
	settle_posts(r);
	for (uint32_t i = 0; i <= r->sq_mask; i++) {
		struct rec_entry *e = &r->entries[i];

		/* What the next entry would have waited for is lost.  A place
		 * that was never used looks like the first one's. */
		if (e->seq + 1 == r->rec->sq_head)
			r->chain.broken |= e->sqe.flags & UKCF_SQE_LINK;
		if (e->state != REC_ENTRY_ACCEPTED) {
			r->free[r->n_free++] = i;
			continue;
		}
		settle_ack(r, e);
	}
	settle_silent(r);
	context_table_lost(&r->contexts);
	r->reserved = r->rec->cq_tail;
	r->flushed = r->rec->cq_tail;
	/* Full until the consumer's word is read: 32 bits of a 64-bit count,
	 * so 0 might look like room. */
	r->cq_head = (uint32_t)r->rec->cq_tail - (r->cq_mask + 1);
	/* What happened while nobody was there was not told. */
	r->kinds = r->rec->events;
	r->missed = true;
	r->restored = true;
	r->event_at = r->rec->cq_tail - 1; /* if not here, then before */
}

int ring_restore(struct consumer *c, uint32_t rec, int sq_fd, int cq_fd)
{
	struct ring *r = ring_alloc(c, rec);
	int err;

	if (!r)
		return -ENOMEM;
	r->sq_fd = sq_fd;
	r->cq_fd = cq_fd;
	err = ring_map_cq(r);
	if (err) {
		ring_free(r);
		return err;
	}
	settle_entries(r);
	ring_publish(r);
	return 0;
}
