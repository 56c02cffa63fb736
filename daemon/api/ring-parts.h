/* SPDX-License-Identifier: MIT */
/*
 * Owns struct ring, for the modules that are a ring: ring.c (life), ring-sq.c
 * (entries are taken), ring-cq.c (completions are posted), ring-events.c (what
 * happened is told) and ring-restore.c (what a former process left).  Nobody
 * else includes this.
 *
 * Who writes what.  The service thread owns the SQ side: sq_head, the choice
 * of a free entry, credits.  The CQ side (cq_tail, CQ slots, counters) belongs
 * to whoever holds cq_owner: the service thread during a burst, or a worker
 * that completes a request; whoever finds it held leaves the request on the
 * done list, and the holder looks there once more after letting go.
 *
 * Credits.  `reserved' counts the CQ slots promised so far: an entry is taken
 * only if three more are free (its result, QUEUED, and an event), one is kept
 * unless the request asks for more.  The consumer's cq_head can only make fewer or
 * more of its own slots free; it never indexes anything.
 *
 * Events.  A ring that wants them keeps one slot for the next one as long as it
 * does: after an EVENT CQE, nothing is told until the consumer has read that
 * one, which makes the slot free again, and keep_event_slot() has it before any
 * entry can.  What happens meanwhile is one event, MANY.  The consumer is asked
 * to ring (STALLED) when it has read the CQE.
 *
 * Order of stores for a restart (recovery.h): an entry's copy, then ACCEPTED,
 * then sq_head; its result and place, then DONE, then the CQE, then cq_tail,
 * then FREE.  At any point the next process can tell what was visible.
 *
 * Sleeping.  Dekker's pattern both ways: arm, fence, look again here; publish,
 * fence, look at the event index there.
 */
#ifndef DAEMON_API_RING_PARTS_H
#define DAEMON_API_RING_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/api/ring.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/parking.h"
#include "daemon/core/reaper.h"
#include "daemon/core/recovery.h"
#include "lib/shared/ring-ops.h"

#define RING_COMPANY_MAX 16 /* results that are posted together */

struct ring {
	struct reaper_node node; /* first */
	uint32_t magic;
	uint32_t refs; /* atomic: main, service thread, queued requests */
	struct consumer *consumer;
	struct service *service; /* set by main before the thread sees it */
	uint32_t rec_index;
	struct rec_ring *rec;
	struct rec_entry *entries;
	struct rec_waiter *waiters;
	struct request *requests;
	unsigned int sq_order, cq_order;
	uint32_t sq_mask, cq_mask;
	int sq_fd, cq_fd;
	const struct ukcf_sq_head *sq; /* read-only; NULL until ready */
	const struct ukcf_sqe *sqes;
	struct ukcf_cq_head *cq;
	struct ukcf_cqe *cqes;
	bool attached; /* main only */
	bool charged;  /* likewise: to the quota of its user, until freed */
	struct ring *next, **prev; /* main only: all there are */
	struct tally *tallies; /* by offer; the CQ's owner writes */
	uint32_t n_tallies;

	/* service thread */
	_Alignas(128) uint64_t reserved; /* CQ slots promised, counts up */
	uint32_t cq_head; /* the consumer's, when last read */
	uint32_t *free; /* stack of free entries */
	uint32_t n_free;
	uint32_t replay; /* entries looked at for replay */
	bool restored;	 /* who waited for room is not told yet */
	uint32_t next_waiter; /* where a free one is looked for */
	uint32_t swept; /* closed: requests that were looked at */
	uint64_t burst_from; /* sq_head that the consumer knows */
	uint32_t tail_hint; /* the consumer's, read once per burst */
	bool long_burst;    /* the last one took more than one entry */
	uint32_t kinds;	    /* of events that it wants; 0: none */
	uint64_t told;	    /* events that it was told, or need not be */
	bool missed;	    /* some, with the former process */
	bool event_slot;    /* is kept for the next one */
	bool event_waits;   /* for the consumer to read the last one */
	struct context_table contexts;
	struct chain_end chain;
	struct parking parking;

	/* CQ owner */
	_Alignas(128) uint32_t cq_owner; /* atomic: 0 or 1 */
	struct request *company[RING_COMPANY_MAX]; /* finished, not posted yet */
	unsigned int n_company; /* only while the service thread owns it */
	uint64_t flushed;   /* cq_tail up to which the consumer was woken */
	void *done;	    /* atomic: requests completed by others */
	void *acks;	    /* atomic: requests whose QUEUED CQE is due */
	void *events;	    /* atomic: CQEs that answer no request */
	uint32_t n_waiters; /* atomic: places kept for such CQEs */
	uint32_t event_due; /* atomic: `event' is to be posted, and owner's */
	struct ukcf_cqe event;
	uint64_t event_at;  /* where the last one was posted */
	void *returned;	    /* atomic: entries freed by others */
	uint32_t silent;    /* atomic: promised CQ slots that were not used */
	uint32_t starved;   /* atomic: the service thread waits for an entry */
};

/* ring.c */

/* c->rings[] names it: what the caller has charged for it is the ring's. */
void ring_publish(struct ring *r);

/* Everything but the descriptors; the record says the geometry. */
struct ring *ring_alloc(struct consumer *c, uint32_t rec);
int ring_map_cq(struct ring *r);
/* Nobody holds it; main. */
void ring_free(struct ring *r);
/* Whoever lets go last leaves it to main; any thread. */
void ring_unref(struct ring *r);

static inline void ring_ref(struct ring *r)
{
	fetch_add_u32(&r->refs, 1);
}

/* ring-cq.c: the CQ's owner */

void ring_put_cqe(struct ring *r, uint64_t index, const struct ukcf_cqe *cqe);
struct ukcf_cqe ring_queued_cqe(const struct ring *r,
				const struct rec_entry *e);
/* Whoever waits for a CQE looks again. */
void ring_wake(struct ring *r);

/* ring-sq.c: the service thread */

/* Which CQ slots the consumer has read. */
void ring_read_cq_head(struct ring *r);

/* One writer, the CQ's owner (of doorbells: the service thread); read from
 * other threads. */
static inline void ring_count(uint64_t *counter)
{
	store_relaxed_u64(counter, load_relaxed_u64(counter) + 1);
}

/* The consumer looks at the flag after it reaped, and then rings. */
static inline void ring_set_stalled(struct ring *r, bool stalled)
{
	uint32_t flags = load_relaxed_u32(&r->cq->flags);

	if (stalled && !(flags & UKCF_RING_STALLED))
		fetch_or_u32(&r->cq->flags, UKCF_RING_STALLED);
	else if (!stalled && (flags & UKCF_RING_STALLED))
		fetch_and_u32(&r->cq->flags, ~(uint32_t)UKCF_RING_STALLED);
}

#endif
