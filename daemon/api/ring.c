/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of a ring.
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
#include "daemon/api/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/event.h"
#include "daemon/api/memfd.h"
#include "daemon/api/notifier.h"
#include "daemon/api/page.h"
#include "daemon/core/chain.h"
#include "daemon/core/completion.h"
#include "daemon/core/context.h"
#include "daemon/core/mech.h"
#include "daemon/core/reaper.h"
#include "daemon/core/parking.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/service.h"
#include "daemon/core/tally.h"
#include "daemon/core/trace.h"
#include "daemon/fdstore.h"
#include "lib/shared/ring-ops.h"

#define RING_MAGIC 0x72696e67u

/* CQ slots that must be free before an entry is taken. */
#define CREDITS 3u

#define PREFETCH 8 /* slots ahead of the one that is taken */
#define COMPANY_MAX 16 /* results that are posted together */

struct ring {
	struct reaper_node node; /* first */
	uint32_t magic;
	uint32_t refs; /* atomic: main, service thread, queued requests */
	struct consumer *consumer;
	struct service *service; /* set by main before the thread sees it */
	uint32_t rec_index;
	struct rec_ring *rec;
	struct rec_entry *entries;
	struct request *requests;
	unsigned int sq_order, cq_order;
	uint32_t sq_mask, cq_mask;
	int sq_fd, cq_fd;
	const struct ukcf_sq_head *sq; /* read-only; NULL until ready */
	const struct ukcf_sqe *sqes;
	struct ukcf_cq_head *cq;
	struct ukcf_cqe *cqes;
	bool attached; /* main only */
	struct ring *next, **prev; /* main only: all there are */
	struct tally *tallies; /* by offer; the CQ's owner writes */
	uint32_t n_tallies;

	/* service thread */
	_Alignas(128) uint64_t reserved; /* CQ slots promised, counts up */
	uint32_t cq_head; /* the consumer's, when last read */
	uint32_t *free; /* stack of free entries */
	uint32_t n_free;
	uint32_t replay; /* entries looked at for replay */
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
	struct request *company[COMPANY_MAX]; /* finished, not posted yet */
	unsigned int n_company; /* only while the service thread owns it */
	uint64_t flushed;   /* cq_tail up to which the consumer was woken */
	void *done;	    /* atomic: requests completed by others */
	void *acks;	    /* atomic: requests whose QUEUED CQE is due */
	void *events;	    /* atomic: CQEs that answer no request */
	uint32_t event_due; /* atomic: `event' is to be posted, and owner's */
	struct ukcf_cqe event;
	uint64_t event_at;  /* where the last one was posted */
	void *returned;	    /* atomic: entries freed by others */
	uint32_t silent;    /* atomic: promised CQ slots that were not used */
	uint32_t starved;   /* atomic: the service thread waits for an entry */
};

static struct reaper reaper = { .fd = -1 };
static struct ring *rings; /* also those that are closing; main only */
static struct tally *gone; /* of rings that are freed; main only */
static uint32_t n_gone;

int ring_init(void)
{
	return reaper_init(&reaper);
}

int ring_reap_fd(void)
{
	return reaper.fd;
}

static void ring_unref(struct ring *r)
{
	if (fetch_sub_u32(&r->refs, 1) == 1)
		reaper_push(&reaper, &r->node);
}

static void ring_ref(struct ring *r)
{
	fetch_add_u32(&r->refs, 1);
}

/* ------------------------------------------------------------ life cycle */

static uint64_t half_size(unsigned int order, size_t slot)
{
	return memfd_round(UKCF_RING_SLOTS + ((uint64_t)slot << order));
}

uint64_t ring_sq_size(const struct ring *r)
{
	return half_size(r->sq_order, sizeof(struct ukcf_sqe));
}

uint64_t ring_cq_size(const struct ring *r)
{
	return half_size(r->cq_order, sizeof(struct ukcf_cqe));
}

/* What could not be kept is not counted any more. */
static void keep_tallies(const struct ring *r)
{
	struct tally *more;

	if (r->n_tallies > n_gone) {
		more = realloc(gone, r->n_tallies * sizeof(*gone));
		if (!more)
			return;
		memset(more + n_gone, 0,
		       (r->n_tallies - n_gone) * sizeof(*gone));
		gone = more;
		n_gone = r->n_tallies;
	}
	for (uint32_t i = 0; i < r->n_tallies; i++)
		tally_add(&gone[i], &r->tallies[i]);
}

static void ring_free(struct ring *r)
{
	keep_tallies(r);
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	context_table_free(&r->contexts);
	chain_close(&r->chain);
	if (r->sq)
		munmap((void *)(uintptr_t)r->sq, ring_sq_size(r));
	if (r->cq)
		munmap(r->cq, ring_cq_size(r));
	if (r->sq_fd >= 0)
		close(r->sq_fd);
	if (r->cq_fd >= 0)
		close(r->cq_fd);
	recovery_entries_drop(r->rec_index);
	r->rec->state = REC_FREE;
	consumer_unref(r->consumer);
	free(r->requests);
	free(r->free);
	free(r->tallies);
	r->magic = 0;
	free(r);
}

static int map_cq(struct ring *r)
{
	char *base = memfd_map(r->cq_fd, ring_cq_size(r), MEMFD_DAEMON_WRITES);

	if (!base)
		return -ENOMEM;
	r->cq = (struct ukcf_cq_head *)(void *)base;
	r->cqes = (struct ukcf_cqe *)(void *)(base + UKCF_RING_SLOTS);
	return 0;
}

static int map_sq(struct ring *r)
{
	const char *base =
		memfd_map(r->sq_fd, ring_sq_size(r), MEMFD_CONSUMER_WRITES);

	if (!base)
		return -ENOMEM;
	r->sq = (const struct ukcf_sq_head *)(const void *)base;
	r->sqes = (const struct ukcf_sqe *)(const void *)(base +
							  UKCF_RING_SLOTS);
	return 0;
}

/* Everything but the descriptors; the record says the geometry. */
static struct ring *ring_alloc(struct consumer *c, uint32_t rec)
{
	struct ring *r = aligned_alloc(128, sizeof(*r));
	uint32_t n;

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->magic = RING_MAGIC;
	parking_init(&r->parking);
	r->refs = 1;
	r->sq_fd = -1;
	r->cq_fd = -1;
	r->rec_index = rec;
	r->rec = &recovery->rings[rec];
	r->entries = recovery_entries(rec);
	r->sq_order = r->rec->sq_order;
	r->cq_order = r->rec->cq_order;
	n = 1u << r->sq_order;
	r->sq_mask = n - 1;
	r->cq_mask = (1u << r->cq_order) - 1;
	r->requests = calloc(n, sizeof(*r->requests));
	r->free = calloc(n, sizeof(*r->free));
	r->n_tallies = mech_offers_made();
	r->tallies = calloc(r->n_tallies + 1, sizeof(*r->tallies));
	if (!r->requests || !r->free || !r->tallies) {
		free(r->requests);
		free(r->free);
		free(r->tallies);
		free(r);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		r->requests[i].ring = r;
		r->requests[i].entry = &r->entries[i];
	}
	r->consumer = consumer_ref(c);
	r->next = rings;
	r->prev = &rings;
	if (rings)
		rings->prev = &r->next;
	rings = r;
	return r;
}

static void fill_free(struct ring *r)
{
	for (uint32_t i = 1u << r->sq_order; i-- > 0;) {
		r->entries[i].state = REC_ENTRY_FREE; /* and fault it in */
		r->free[r->n_free++] = i;
	}
}

static int free_index(const struct consumer *c)
{
	for (int i = 0; i < CONSUMER_RINGS_MAX; i++)
		if (!c->rings[i])
			return i;
	return -1;
}

static int make_halves(struct ring *r)
{
	int fd = memfd_new("ukcf-sq", ring_sq_size(r), MEMFD_CONSUMER_WRITES);

	if (fd < 0)
		return fd;
	r->sq_fd = fd;
	fd = memfd_new("ukcf-cq", ring_cq_size(r), MEMFD_DAEMON_WRITES);
	if (fd < 0)
		return fd;
	r->cq_fd = fd;
	return map_cq(r);
}

int ring_reopen(struct ring *r, int fds[2])
{
	fds[0] = memfd_for_consumer(r->sq_fd, MEMFD_CONSUMER_WRITES);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = memfd_for_consumer(r->cq_fd, MEMFD_DAEMON_WRITES);
	if (fds[1] >= 0)
		return 0;
	close(fds[0]);
	return fds[1];
}

int ring_create(struct consumer *c, unsigned int sq_order, uint32_t seq,
		struct ring **rp, int fds[2])
{
	int index = free_index(c), n, err;
	struct rec_ring *rec;
	struct ring *r;

	if (sq_order < UKCF_SQ_ORDER_MIN || sq_order > UKCF_SQ_ORDER_MAX)
		return -EINVAL;
	n = index < 0 ? -1 : recovery_ring_new();
	if (n < 0)
		return -EDQUOT;
	rec = &recovery->rings[n]; /* not OPENING before it says whose */
	rec->consumer = c->rec;
	rec->open_seq = seq;
	rec->index = (uint16_t)index;
	rec->sq_order = (uint8_t)sq_order;
	rec->cq_order = (uint8_t)(sq_order + 1);
	store_release_u32(&rec->state, REC_OPENING);
	r = ring_alloc(c, (uint32_t)n);
	if (!r) {
		rec->state = REC_FREE;
		return -ENOMEM;
	}
	fill_free(r);
	err = make_halves(r);
	if (!err)
		err = ring_reopen(r, fds);
	if (err) {
		ring_free(r);
		return err;
	}
	fdstore_putf(r->sq_fd, "c%u.r%u.sq", c->rec, rec->index);
	fdstore_putf(r->cq_fd, "c%u.r%u.cq", c->rec, rec->index);
	c->rings[index] = r;
	*rp = r;
	return 0;
}

static void wake(struct ring *r);

/* Whoever waits on it looks again: it may wait for what a former process
 * posted and did not announce. */
static void announce(struct ring *r)
{
	/* Credits compare the low halves of counters: from 0, a place could
	 * seem free that is not. */
	r->cq_head = load_acquire_u32(&r->sq->cq_head);
	store_fence_u32(&r->cq->tail, (uint32_t)r->rec->cq_tail);
	ring_publish_head(r);
	wake(r);
}

int ring_ready(struct ring *r)
{
	int err;

	if (r->attached)
		return 0;
	if (!r->sq) {
		err = map_sq(r);
		if (err)
			return err;
	}
	err = memfd_seal_late(r->sq_fd, ring_sq_size(r));
	if (err)
		return err;
	if (r->rec->state == REC_LIVE) /* it was made by a former process */
		announce(r);
	r->rec->state = REC_LIVE;
	r->attached = true;
	ring_ref(r); /* the service thread's */
	service_attach(r);
	return 0;
}

void ring_close(struct ring *r)
{
	struct consumer *c = r->consumer;
	uint16_t index = r->rec->index;

	c->rings[index] = NULL;
	r->rec->state = REC_CLOSING;
	fetch_or_u32(&r->cq->flags, UKCF_RING_DEAD);
	fdstore_removef("c%u.r%u.sq", c->rec, index);
	fdstore_removef("c%u.r%u.cq", c->rec, index);
	if (r->attached)
		service_detach(r);
	ring_unref(r);
}

void ring_detached(struct ring *r)
{
	ring_unref(r);
}

void ring_queued(struct request *req)
{
	ring_show_head(req->ring); /* its result may be there at any time */
	req->queued = true;
	ring_ref(req->ring);
}

void ring_reap(void)
{
	struct reaper_node *n = reaper_take(&reaper);

	while (n) {
		struct reaper_node *next = n->next;

		ring_free((struct ring *)(void *)n);
		n = next;
	}
}

bool ring_is_live(const struct ring *r)
{
	return r->rec->state == REC_LIVE;
}

uint16_t ring_index(const struct ring *r)
{
	return r->rec->index;
}

uint32_t ring_open_seq(const struct ring *r)
{
	return r->rec->open_seq;
}

uint8_t ring_sq_order(const struct ring *r)
{
	return (uint8_t)r->sq_order;
}

uint8_t ring_cq_order(const struct ring *r)
{
	return (uint8_t)r->cq_order;
}

uint64_t ring_entries(const struct ring *r)
{
	return UINT64_C(1) << r->sq_order;
}

struct consumer *ring_consumer(const struct ring *r)
{
	return r->consumer;
}

uint64_t ring_serial(const struct ring *r)
{
	return r->rec->serial;
}

struct context_table *ring_contexts(struct ring *r)
{
	return &r->contexts;
}

struct parking *ring_parking(struct ring *r)
{
	return &r->parking;
}

struct chain_end *ring_chain(struct ring *r)
{
	return &r->chain;
}

struct service *ring_service(const struct ring *r)
{
	return r->service;
}

void ring_set_service(struct ring *r, struct service *s)
{
	r->service = s;
}

/* --------------------------------------------------------------- counters */

/* One writer, the CQ's owner (of doorbells: the service thread); read from
 * other threads. */
static void count(uint64_t *counter)
{
	store_relaxed_u64(counter, load_relaxed_u64(counter) + 1);
}

void ring_counts(const struct ring *r, struct ukcf_counts *sum)
{
	const uint64_t *from = (const uint64_t *)&r->rec->counts;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += load_relaxed_u64(&from[i]);
}

void ring_tally(const struct ring *r, struct tally *sum)
{
	for (uint32_t i = 0; i < r->n_tallies; i++)
		tally_add(sum, &r->tallies[i]);
}

void ring_tally_offer(uint32_t offer, struct tally *sum)
{
	if (offer < n_gone)
		tally_add(sum, &gone[offer]);
	for (const struct ring *r = rings; r; r = r->next)
		if (offer < r->n_tallies)
			tally_add(sum, &r->tallies[offer]);
}

void ring_count_doorbell(struct ring *r)
{
	count(&r->rec->counts.doorbells);
}

/* ---------------------------------------------------------------- CQ side */

/* The last word of a CQE holds its generation: one store makes it visible. */
union cqe_last {
	struct {
		uint16_t flags, detail, provider, gen;
	} f;
	uint64_t word;
};

static void write_cqe(struct ring *r, uint64_t index,
		      const struct ukcf_cqe *cqe)
{
	struct ukcf_cqe *slot = &r->cqes[index & r->cq_mask];
	union cqe_last last = { .f = { cqe->flags, cqe->detail, cqe->provider,
				       ring_gen_cqe(index, r->cq_order) } };

	_Static_assert(offsetof(struct ukcf_cqe, flags) == 24, "last word");
	store_relaxed_u64(&slot->user_data, cqe->user_data);
	store_relaxed_u64((uint64_t *)&slot->res, (uint64_t)cqe->res);
	store_relaxed_u64(&slot->u.value, cqe->u.value);
	/* Pairs with the consumer's load of gen. */
	store_release_u64((uint64_t *)(void *)&slot->flags, last.word);
}

static void put_cqe(struct ring *r, uint64_t index, const struct ukcf_cqe *cqe)
{
	write_cqe(r, index, cqe);
	store_release_u64(&r->rec->cq_tail, index + 1);
}

bool ring_cq_acquire(struct ring *r)
{
	return exchange_u32(&r->cq_owner, 1) == 0;
}

/*
 * A handle is where the request lies and which one it was: seq + 1, entry,
 * ring.  Bit 63 clear, never 0, unique among the connection's rings; nothing
 * has to be looked up in a table.
 */
#define HANDLE_RING_BITS 6
#define HANDLE_ENTRY_BITS UKCF_SQ_ORDER_MAX

_Static_assert(CONSUMER_RINGS_MAX <= 1 << HANDLE_RING_BITS, "handle");

static uint64_t handle_of(const struct ring *r, const struct rec_entry *e)
{
	uint64_t entry = (uint64_t)(e - r->entries);
	uint64_t h = (e->seq + 1) << HANDLE_ENTRY_BITS | entry;

	return (h << HANDLE_RING_BITS | r->rec->index) & INT64_MAX;
}

struct request *ring_find(struct ring *r, uint64_t handle)
{
	uint64_t i = handle >> HANDLE_RING_BITS &
		     ((1u << HANDLE_ENTRY_BITS) - 1);
	struct request *req;

	if (i > r->sq_mask)
		return NULL;
	req = &r->requests[index_clamp(i, r->sq_mask + UINT64_C(1))];
	if (load_acquire_u32(&req->entry->state) != REC_ENTRY_ACCEPTED ||
	    !(req->entry->sqe.flags & UKCF_SQE_WANT_HANDLE) ||
	    handle_of(r, req->entry) != handle)
		return NULL;
	return req;
}

static struct ukcf_cqe queued_cqe(const struct ring *r,
				  const struct rec_entry *e)
{
	bool wanted = e->sqe.flags & UKCF_SQE_WANT_HANDLE;

	return (struct ukcf_cqe){
		.user_data = e->sqe.user_data,
		.u.value = wanted ? handle_of(r, e) : 0,
		.flags = UKCF_CQE_QUEUED,
	};
}

void ring_post_queued(struct request *req)
{
	struct ring *r = req->ring;
	struct rec_entry *e = req->entry;
	uint64_t index = r->rec->cq_tail;
	struct ukcf_cqe ack = queued_cqe(r, e);

	store_release_u64(&e->ack, index + 1);
	put_cqe(r, index, &ack);
	req->ack_due = false;
}

/* The entry's place goes back to the service thread from another one. */
static void return_entry(struct request *req)
{
	struct ring *r = req->ring;
	void *head = load_acquire_ptr(&r->returned);

	do {
		req->next = head;
	} while (!compare_swap_ptr(&r->returned, &head, req));
	full_fence(); /* pairs with the one in await_room() */
	if (load_relaxed_u32(&r->starved))
		service_kick(r->service);
}

static void count_run(struct ring *r, const struct request *req)
{
	const struct ukcf_cqe *cqe = &req->entry->cqe;
	struct tally *t;

	if (!req->offer || req->offer->index >= r->n_tallies)
		return; /* a provider's that came later */
	t = &r->tallies[req->offer->index];
	tally_more(cqe->res < 0 ? &t->failed : &t->done, 1);
	tally_more(&t->bytes, request_bytes(req));
	tally_more(&t->queue_ns, cqe->u.t.queue_ns);
	tally_more(&t->service_ns, cqe->u.t.service_ns);
}

static void count_result(struct ring *r, const struct request *req)
{
	count(&r->rec->counts.completed);
	if (!req->refused)
		count_run(r, req);
	if (req->refused)
		count(&r->rec->counts.refused);
	else if (req->flags & UKCF_CQE_F_INLINE)
		count(&r->rec->counts.inlined);
	else
		count(&r->rec->counts.queued);
}

static void put_result(struct request *req)
{
	struct ring *r = req->ring;
	struct rec_entry *e = req->entry;
	uint64_t index = r->rec->cq_tail;

	e->cqe.user_data = e->sqe.user_data;
	e->cqe.flags = req->flags | (req->replayed ? UKCF_CQE_F_REPLAYED : 0);
	e->cq_index = index;
	store_release_u32(&e->state, REC_ENTRY_DONE);
	put_cqe(r, index, &e->cqe);
}

static void post_result(struct request *req)
{
	struct ring *r = req->ring;

	if (trace_is_on())
		trace_end(req);
	if (req->ack_due)
		ring_post_queued(req);
	count_result(r, req); /* who has seen it finds it counted */
	if (req->silent)
		fetch_add_u32(&r->silent, 1); /* its slot is free again */
	else
		put_result(req);
	store_release_u32(&req->entry->state, REC_ENTRY_FREE);
	request_release(req);
	request_lets_go(req);
}

/* Before any result that came later: after the one that asked for no more of
 * them, there is none. */
static void post_event(struct ring *r)
{
	struct ukcf_cqe event;

	if (!load_acquire_u32(&r->event_due))
		return;
	event = r->event;
	r->event_at = r->rec->cq_tail;
	/* Not due before the consumer can have read it: see may_tell(). */
	store_release_u32(&r->event_due, 0);
	put_cqe(r, r->event_at, &event);
}

static void post_company(struct ring *r)
{
	post_event(r);
	for (unsigned int i = 0; i < r->n_company; i++) {
		struct request *req = r->company[i];

		post_result(req);
		r->free[r->n_free++] = (uint32_t)(req - r->requests);
	}
	r->n_company = 0;
}

/*
 * A polling consumer takes the line of the next CQE after each store to it, and
 * the next store has to fetch it back; stores close together share one trip.
 */
void ring_post(struct request *req)
{
	struct ring *r = req->ring;

	r->company[r->n_company++] = req;
	if (r->n_company < COMPANY_MAX)
		return;
	ring_show_head(r);
	post_company(r);
}

static void wake(struct ring *r)
{
	store_relaxed_u32(&r->cq->futex, load_relaxed_u32(&r->cq->futex) + 1);
	count(&r->rec->counts.wakes);
	if (load_relaxed_u32(&r->sq->notify) == UKCF_NOTIFY_SOCKET)
		notifier_post(r->consumer);
	else
		syscall(SYS_futex, &r->cq->futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void ring_flush(struct ring *r)
{
	uint32_t from = (uint32_t)r->flushed, to;

	post_company(r);
	to = (uint32_t)r->rec->cq_tail;
	if (from == to)
		return;
	r->flushed = r->rec->cq_tail;
	/* The fence pairs with the consumer's between arming and looking. */
	store_fence_u32(&r->cq->tail, to);
	if (ring_event_passed(load_relaxed_u32(&r->sq->cq_event), to, from))
		wake(r);
}

void ring_leave_queued(struct request *req)
{
	struct ring *r = req->ring;
	void *head = load_acquire_ptr(&r->acks);

	do {
		req->next_ack = head;
	} while (!compare_swap_ptr(&r->acks, &head, req));
}

static void post_acks(struct ring *r)
{
	struct request *list = exchange_ptr(&r->acks, NULL), *ordered = NULL;

	while (list) { /* newest first */
		struct request *next = list->next_ack;

		list->next_ack = ordered;
		ordered = list;
		list = next;
	}
	for (; ordered; ordered = ordered->next_ack)
		ring_post_queued(ordered);
}

/*
 * The results are taken from their list before the acknowledgements are: a
 * request was left on the latter before it could come to the former, so none
 * of these results stands before its own QUEUED; so it is with the event.
 */
static void post_done(struct ring *r)
{
	struct request *list = exchange_ptr(&r->done, NULL), *ordered = NULL;

	post_event(r);
	post_acks(r);
	while (list) { /* the list is newest first */
		struct request *next = list->next;

		list->next = ordered;
		ordered = list;
		list = next;
	}
	while (ordered) {
		struct request *next = ordered->next;
		bool queued = ordered->queued;

		post_result(ordered);
		return_entry(ordered);
		if (queued) /* not the last reference: we hold one */
			ring_unref(r);
		ordered = next;
	}
}

static struct ring_event *in_order(struct ring_event *list)
{
	struct ring_event *ordered = NULL;

	while (list) {
		struct ring_event *next = list->next;

		list->next = ordered;
		ordered = list;
		list = next;
	}
	return ordered;
}

static void post_events(struct ring *r)
{
	struct ring_event *e = in_order(exchange_ptr(&r->events, NULL));

	while (e) {
		struct ring_event *next = e->next;

		put_cqe(r, r->rec->cq_tail, &e->cqe);
		free(e);
		ring_unref(r); /* not the last reference: we hold one */
		e = next;
	}
}

static bool has_done(struct ring *r)
{
	return load_acquire_ptr(&r->done) || load_acquire_ptr(&r->acks) ||
	       load_acquire_ptr(&r->events) || load_acquire_u32(&r->event_due);
}

void ring_cq_release(struct ring *r)
{
	for (;;) {
		if (has_done(r)) {
			post_done(r);
			post_events(r);
		}
		ring_flush(r);
		/* The fence pairs with the one in ring_complete(). */
		store_fence_u32(&r->cq_owner, 0);
		if (!has_done(r) || !ring_cq_acquire(r))
			return;
	}
}

void ring_look(struct ring *r)
{
	full_fence(); /* pairs with the one in ring_cq_release() */
	if (ring_cq_acquire(r))
		ring_cq_release(r);
}

void ring_complete(struct request *req)
{
	struct ring *r = req->ring;
	void *head;

	ring_ref(r); /* the request may be posted by another and r go */
	head = load_acquire_ptr(&r->done);
	do {
		req->next = head;
	} while (!compare_swap_ptr(&r->done, &head, req));
	ring_look(r);
	ring_unref(r);
}

void ring_event_init(struct ring_event *e, struct ring *r)
{
	ring_ref(r);
	e->ring = r;
}

void ring_post_event(struct ring_event *e)
{
	struct ring *r = e->ring;
	void *head = load_acquire_ptr(&r->events);

	completion_forbids("an event is posted");
	ring_ref(r); /* another may post it, and r go */
	do {
		e->next = head;
	} while (!compare_swap_ptr(&r->events, &head, e));
	ring_look(r);
	ring_unref(r);
}

/* ---------------------------------------------------------------- SQ side */

static void collect_returned(struct ring *r)
{
	struct request *req = exchange_ptr(&r->returned, NULL);

	while (req) {
		struct request *next = req->next;

		r->free[r->n_free++] = (uint32_t)(req - r->requests);
		req = next;
	}
}

/* Credits: are enough CQ slots not promised? */
static bool has_credit(const struct ring *r)
{
	uint32_t used = (uint32_t)r->reserved - r->cq_head;

	return used <= r->cq_mask + 1 - CREDITS;
}

/* The consumer has read the last event: that slot is for the next one.  After a
 * restart others may be before it. */
static void keep_event_slot(struct ring *r)
{
	if (!r->kinds || r->event_slot || load_acquire_u32(&r->event_due) ||
	    (int32_t)(r->cq_head - (uint32_t)r->event_at) <= 0 ||
	    (uint32_t)r->reserved - r->cq_head > r->cq_mask)
		return;
	r->reserved++;
	r->event_slot = true;
}

/* Only when needed: the line is the consumer's. */
static void read_cq_head(struct ring *r)
{
	r->cq_head = load_acquire_u32(&r->sq->cq_head);
	keep_event_slot(r);
}

static bool has_room(struct ring *r)
{
	if (r->n_free == 0)
		collect_returned(r);
	if (r->n_free == 0)
		return false;
	if (has_credit(r))
		return true;
	r->reserved -= exchange_u32(&r->silent, 0);
	if (has_credit(r))
		return true;
	read_cq_head(r);
	return has_credit(r);
}

static bool slot_is_ready(const struct ring *r)
{
	const struct ukcf_sqe *slot = &r->sqes[r->rec->sq_head & r->sq_mask];

	/* Pairs with the consumer's store of gen, its last. */
	return load_acquire_u32(&slot->gen) ==
	       ring_gen_sqe(r->rec->sq_head, r->sq_order);
}

/*
 * The lines of a slot come from the consumer's cache: ask for those of several
 * slots at a time.  Only of slots that are published, by the consumer's word:
 * others would be taken from it while it writes them.
 */
static void prefetch_slot(struct ring *r, uint64_t head)
{
	const struct ukcf_sqe *slot = &r->sqes[(head + PREFETCH) & r->sq_mask];

	if (!r->long_burst)
		return;
	if (head == r->burst_from)
		r->tail_hint = load_relaxed_u32(&r->sq->tail);
	if ((int32_t)(r->tail_hint - (uint32_t)head) <= PREFETCH)
		return;
	prefetch(slot);
	prefetch((const char *)slot + sizeof(*slot) / 2);
}

bool ring_has_entry(const struct ring *r)
{
	return slot_is_ready(r);
}

/* The consumer looks at the flag after it reaped, and then rings. */
static void set_stalled(struct ring *r, bool stalled)
{
	uint32_t flags = load_relaxed_u32(&r->cq->flags);

	if (stalled && !(flags & UKCF_RING_STALLED))
		fetch_or_u32(&r->cq->flags, UKCF_RING_STALLED);
	else if (!stalled && (flags & UKCF_RING_STALLED))
		fetch_and_u32(&r->cq->flags, ~(uint32_t)UKCF_RING_STALLED);
}

static void reserve(struct ring *r, struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	req->ack_due = s->flags & UKCF_SQE_QUEUE;
	req->event_due = (s->flags & UKCF_SQE_NOTIFY_SPACE) ||
			 s->op == UKCF_OP_NOTIFY_SPACE ||
			 s->op == UKCF_OP_NOTIFY_EVENTS;
	r->reserved += 1u + req->ack_due + req->event_due;
}

bool ring_keep_event(struct request *req)
{
	bool kept = req->event_due;

	req->event_due = false;
	return kept;
}

void ring_drop_event(struct ring *r)
{
	r->reserved--;
}

void ring_no_ack(struct request *req)
{
	if (!req->ack_due)
		return;
	req->ack_due = false;
	req->ring->reserved--;
}

static void reset_request(struct request *req, uint64_t now)
{
	req->accepted_ticks = now;
	req->replayed = false;
	req->refused = false;
	req->queued = false;
	req->silent = false;
	req->parked = false;
	req->flags = 0;
	req->tried = 0;
	store_relaxed_u32(&req->state, REQUEST_IDLE);
	store_relaxed_u32(&req->cancel, 0);
	req->entry->cqe = (struct ukcf_cqe){ 0 };
}

struct request *ring_take(struct ring *r, uint64_t now)
{
	uint64_t head = r->rec->sq_head;
	struct rec_entry *e;
	struct request *req;

	if (!slot_is_ready(r))
		return NULL;
	if (!has_room(r)) {
		set_stalled(r, true);
		return NULL;
	}
	set_stalled(r, r->event_waits);
	prefetch_slot(r, head);
	req = &r->requests[r->free[--r->n_free]];
	e = req->entry;
	ring_copy_sqe(&e->sqe, &r->sqes[head & r->sq_mask]);
	e->seq = head;
	e->ack = 0;
	e->linked = r->chain.open || r->chain.broken;
	store_release_u32(&e->state, REC_ENTRY_ACCEPTED);
	store_release_u64(&r->rec->sq_head, head + 1);
	reset_request(req, now);
	reserve(r, req);
	count(&r->rec->counts.accepted);
	if (trace_is_on())
		trace_note(req, TRACE_ACCEPTED, 0);
	return req;
}

void ring_show_head(struct ring *r)
{
	store_release_u32(&r->cq->sq_head, (uint32_t)r->rec->sq_head);
}

void ring_publish_head(struct ring *r)
{
	if (r->burst_from == r->rec->sq_head)
		return;
	r->long_burst = r->rec->sq_head - r->burst_from > 1;
	r->burst_from = r->rec->sq_head;
	store_release_u32(&r->cq->sq_head, (uint32_t)r->rec->sq_head);
}

/*
 * An entry is there and cannot be taken: no doorbell will ring for it, so who
 * can make room must know that somebody waits - the consumer, by reaping, or
 * whoever gives an entry back.
 */
static bool await_room(struct ring *r)
{
	set_stalled(r, true);
	store_relaxed_u32(&r->starved, 1);
	/* Pairs with the consumer's between reaping and looking at the flag,
	 * and with the one in return_entry(). */
	full_fence();
	return !has_room(r);
}

bool ring_arm(struct ring *r)
{
	ring_publish_head(r);
	/* The fence pairs with the consumer's after publishing. */
	store_fence_u32(&r->cq->sq_event, (uint32_t)r->rec->sq_head);
	if (!slot_is_ready(r) || await_room(r))
		return true;
	ring_disarm(r);
	return false;
}

void ring_disarm(struct ring *r)
{
	store_relaxed_u32(&r->starved, 0);
	/* Behind the head: passed only after 2^32 more entries. */
	store_relaxed_u32(&r->cq->sq_event, (uint32_t)r->rec->sq_head - 1);
}

/* ----------------------------------------------------------------- events */

/* A slot is kept for it until the ring wants no more of them. */
void ring_want_events(struct request *req, uint32_t kinds)
{
	struct ring *r = req->ring;
	bool kept = ring_keep_event(req);

	if (!r->kinds && kinds) {
		r->told = event_count_now();
		r->missed = false;
		r->event_slot = kept;
		kept = false;
	}
	if (kept)
		ring_drop_event(r);
	if (!kinds && r->event_slot) {
		ring_drop_event(r);
		r->event_slot = false;
	}
	if (!kinds)
		r->event_waits = false;
	r->kinds = kinds;
	r->rec->events_data = req->entry->sqe.user_data;
	store_release_u32(&r->rec->events, kinds);
}

/* Who asks anew has a slot, perhaps before the last one is posted. */
static bool has_event_slot(const struct ring *r)
{
	return r->event_slot && !load_acquire_u32(&r->event_due);
}

static bool may_tell(struct ring *r)
{
	if (has_event_slot(r))
		return true;
	read_cq_head(r);
	if (has_event_slot(r) || r->event_waits)
		return has_event_slot(r);
	r->event_waits = true;
	set_stalled(r, true);
	/* Pairs with the consumer's between reading an EVENT and looking at
	 * the flag. */
	full_fence();
	read_cq_head(r);
	return has_event_slot(r);
}

static struct ukcf_cqe event_cqe(const struct ring *r, const struct event *e)
{
	bool many = e->kind == UKCF_EVENT_MANY;

	return (struct ukcf_cqe){
		.user_data = r->rec->events_data,
		.res = e->kind,
		.u.value = many ? page_epoch() : e->whom,
		.flags = UKCF_CQE_EVENT,
		.provider = e->provider,
	};
}

void ring_tell(struct ring *r)
{
	struct event e = { .kind = UKCF_EVENT_MANY };
	bool news;

	if (!r->kinds || (event_count_now() == r->told && !r->missed) ||
	    !may_tell(r))
		return;
	if (r->event_waits) {
		r->event_waits = false;
		set_stalled(r, false); /* taking an entry looks anew */
	}
	news = r->missed;
	if (news)
		r->told = event_count_now();
	else
		news = event_next(&r->told, r->kinds, &e);
	r->missed = false;
	if (!news)
		return;
	r->event = event_cqe(r, &e);
	r->event_slot = false;
	store_release_u32(&r->event_due, 1);
	ring_look(r);
}

/* ------------------------------------------------------------------ drain */

static unsigned int uses_of(const struct ring *r, const struct provider *p)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i <= r->sq_mask; i++)
		n += request_is_with(&r->requests[i], p);
	return n;
}

unsigned int ring_uses(const struct provider *p)
{
	unsigned int n = 0;

	for (const struct ring *r = rings; r; r = r->next)
		n += uses_of(r, p);
	return n;
}

/* ---------------------------------------------------------------- restart */

/* What the former process had posted, or was about to post, becomes so. */
static void settle_posts(struct ring *r)
{
	for (uint32_t i = 0; i <= r->sq_mask; i++) {
		struct rec_entry *e = &r->entries[i];

		if (e->state == REC_ENTRY_DONE) {
			if (e->cq_index >= r->rec->cq_tail)
				put_cqe(r, e->cq_index, &e->cqe);
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
	struct ukcf_cqe ack = queued_cqe(r, e);

	if (e->ack && e->ack - 1 >= r->rec->cq_tail)
		put_cqe(r, e->ack - 1, &ack);
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

		/* What the next entry would have waited for is lost. */
		if (e->seq + 1 == r->rec->sq_head)
			r->chain.broken = e->sqe.flags & UKCF_SQE_LINK;
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
	err = map_cq(r);
	if (err) {
		ring_free(r);
		return err;
	}
	settle_entries(r);
	c->rings[r->rec->index] = r;
	return 0;
}

struct request *ring_take_replay(struct ring *r, uint64_t now)
{
	while (r->replay <= r->sq_mask) {
		struct request *req = &r->requests[r->replay++];
		struct rec_entry *e = req->entry;

		/* Those that this process accepted have their ticks set. */
		if (e->state != REC_ENTRY_ACCEPTED || req->accepted_ticks)
			continue;
		reset_request(req, now);
		req->replayed = true;
		reserve(r, req);
		if (e->ack)
			ring_no_ack(req);
		return req;
	}
	return NULL;
}
