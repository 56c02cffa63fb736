/* SPDX-License-Identifier: MIT */
/* The life of a ring: made, mapped, handed to a service thread, closed, freed. */
#include "daemon/api/ring-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/memfd.h"
#include "daemon/api/quota.h"
#include "daemon/core/mech.h"
#include "daemon/core/request.h"
#include "daemon/core/service.h"
#include "daemon/core/tally.h"
#include "daemon/fdstore.h"

#define RING_MAGIC 0x72696e67u

static struct reaper reaper = { .fd = -1 };
static struct ring *rings; /* also those that are closing; main only */
static struct tally *gone; /* of rings that are freed; main only */
static uint32_t n_gone;
static unsigned int n_charged; /* main only */

int ring_init(void)
{
	return reaper_init(&reaper);
}

int ring_reap_fd(void)
{
	return reaper.fd;
}

void ring_unref(struct ring *r)
{
	if (fetch_sub_u32(&r->refs, 1) == 1)
		reaper_push(&reaper, &r->node);
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

static void pay_back(struct ring *r)
{
	if (!r->charged)
		return;
	n_charged--;
	quota_release_ring(r->consumer->uid, ring_entries(r));
}

void ring_free(struct ring *r)
{
	pay_back(r);
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

int ring_map_cq(struct ring *r)
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

struct ring *ring_alloc(struct consumer *c, uint32_t rec)
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
	r->waiters = recovery_waiters(rec);
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
	return ring_map_cq(r);
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

void ring_publish(struct ring *r)
{
	r->consumer->rings[r->rec->index] = r;
	r->charged = true;
	n_charged++;
}

unsigned int ring_count_all(void)
{
	return n_charged;
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
	ring_publish(r);
	*rp = r;
	return 0;
}

/* Whoever waits on it looks again: it may wait for what a former process
 * posted and did not announce. */
static void announce(struct ring *r)
{
	/* Credits compare the low halves of counters: from 0, a place could
	 * seem free that is not. */
	r->cq_head = load_acquire_u32(&r->sq->cq_head);
	store_fence_u32(&r->cq->tail, (uint32_t)r->rec->cq_tail);
	ring_publish_head(r);
	ring_wake(r);
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
	store_release_u32(&r->rec->state, REC_CLOSING);
	fetch_or_u32(&r->cq->flags, UKCF_RING_DEAD);
	fdstore_removef("c%u.r%u.sq", c->rec, index);
	fdstore_removef("c%u.r%u.cq", c->rec, index);
	if (r->attached)
		service_detach(r);
	ring_unref(r);
}

bool ring_is_closing(const struct ring *r)
{
	return load_acquire_u32(&r->rec->state) == REC_CLOSING;
}

bool ring_sweep(struct ring *r, unsigned int n)
{
	for (; n > 0 && r->swept <= r->sq_mask; n--)
		request_cancel(&r->requests[r->swept++]);
	return r->swept > r->sq_mask;
}

bool ring_has_waiters(const struct ring *r)
{
	return load_acquire_u32(&r->n_waiters);
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
	ring_count(&r->rec->counts.doorbells);
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
