/* SPDX-License-Identifier: MIT */
/*
 * Life of an arena: created (record OPENING, in the consumer's table but not
 * to be held), ready (mapped, sealed, refs = 1 for the table), removed (out of
 * the table, the table's reference dropped), reaped by main when the last
 * request let go.
 *
 * arena_hold() may race with arena_remove(): the table entry is read, then a
 * reference is taken only if the count is not zero.  The struct itself is
 * never freed while a service thread might look at it: reaping waits for
 * main's next turn and the struct goes back to a pool of its own, so a stale
 * pointer finds a count of zero or another live arena of the same consumer,
 * and the check that the table still names it decides.
 */
#include "daemon/api/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/memfd.h"
#include "daemon/api/quota.h"
#include "daemon/core/reaper.h"
#include "daemon/core/recovery.h"
#include "daemon/fdstore.h"
#include "daemon/spi/share.h"
#include "lib/shared/ring-ops.h"

/* Arenas are never returned to malloc(): see above. */
struct pooled {
	struct reaper_node node; /* first: reaper list or free list */
	struct arena arena;
};

#define POPULATE_MAX (4u << 20) /* about 0.2 ms */

static struct reaper reaper = { .fd = -1 };
static struct reaper_node *pool;
static unsigned int n_arenas; /* charged */
static uint64_t n_bytes;

int arena_init(void)
{
	return reaper_init(&reaper);
}

int arena_reap_fd(void)
{
	return reaper.fd;
}

static struct pooled *pooled_of(struct arena *a)
{
	return (struct pooled *)(void *)((char *)a -
					 offsetof(struct pooled, arena));
}

static struct arena *arena_new(void)
{
	struct reaper_node *n = pool;
	struct pooled *p;

	if (n) {
		pool = n->next;
		p = (struct pooled *)(void *)n;
	} else {
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
	}
	p->arena.base = NULL;
	p->arena.fd = -1;
	p->arena.charged = false;
	p->arena.hidden = false;
	return &p->arena;
}

static void pay_back(struct arena *a)
{
	if (!a->charged)
		return;
	a->charged = false;
	n_arenas--;
	n_bytes -= a->size;
	quota_release_buffer(a->uid, a->size);
}

unsigned int arena_count(uint64_t *bytes)
{
	*bytes = n_bytes;
	return n_arenas;
}

static void arena_free(struct arena *a)
{
	struct pooled *p = pooled_of(a);

	pay_back(a);
	if (a->base) {
		share_arena_ends(a->base);
		munmap(a->base, a->size);
	}
	if (a->fd >= 0)
		close(a->fd);
	a->base = NULL;
	a->fd = -1;
	recovery->buffers[a->rec].state = REC_FREE;
	p->node.next = pool;
	pool = &p->node;
}

static enum memfd_writer writer_of(uint16_t kind)
{
	return kind == UKCF_BUFFER_OUTPUT ? MEMFD_DAEMON_WRITES
					  : MEMFD_CONSUMER_WRITES;
}

static int free_index(const struct consumer *c)
{
	for (int i = 0; i < UKCF_BUFFERS_MAX; i++)
		if (!c->buffers[i])
			return i;
	return -1;
}

/* The caller has charged it; from here on that is the arena's. */
static void publish(struct consumer *c, struct arena *a)
{
	a->uid = c->uid;
	a->charged = true;
	n_arenas++;
	n_bytes += a->size;
	store_release_ptr((void **)&c->buffers[a->index], a);
}

int arena_create(struct consumer *c, enum ukcf_buffer_kind kind, uint64_t size,
		 uint32_t seq, struct arena **ap, int *fd_out)
{
	int index = free_index(c);
	struct rec_buffer *rec;
	struct arena *a;
	int n, err;

	if (size == 0 || size > UKCF_BUFFER_SIZE_MAX ||
	    kind > UKCF_BUFFER_OUTPUT)
		return -EINVAL;
	if (index < 0)
		return -EDQUOT;
	n = recovery_buffer_new();
	if (n < 0)
		return -EDQUOT;
	rec = &recovery->buffers[n];
	a = arena_new();
	if (!a)
		return -ENOMEM;
	a->rec = (uint32_t)n;
	a->index = (uint16_t)index;
	a->kind = (uint16_t)kind;
	a->size = memfd_round(size);
	err = memfd_new("ukcf-arena", a->size, writer_of(a->kind));
	if (err < 0)
		goto fail;
	a->fd = err;
	rec->consumer = c->rec;
	rec->open_seq = seq;
	rec->index = a->index;
	rec->kind = a->kind;
	rec->size = a->size;
	store_release_u32(&rec->state, REC_OPENING);
	err = memfd_for_consumer(a->fd, writer_of(a->kind));
	if (err < 0)
		goto fail;
	*fd_out = err;
	fdstore_putf(a->fd, "c%u.b%u", c->rec, a->index);
	publish(c, a);
	*ap = a;
	return 0;
fail:
	arena_free(a);
	return err;
}

void arena_hide(struct arena *a)
{
	a->hidden = true;
	recovery->buffers[a->rec].kind = a->kind | REC_BUFFER_HIDDEN;
}

int arena_ready(struct consumer *c, struct arena *a)
{
	int err;

	(void)c;
	if (a->base)
		return 0; /* a repeated request */
	a->base = memfd_map(a->fd, a->size, writer_of(a->kind));
	if (!a->base)
		return -ENOMEM;
	err = a->kind == UKCF_BUFFER_INPUT ? memfd_seal_late(a->fd, a->size)
					   : 0;
	if (err) {
		munmap(a->base, a->size);
		a->base = NULL;
		return err;
	}
	/* Pages that the consumer prefaulted are charged to it; only those are
	 * mapped in advance, and not so many that main would be held up. */
	if (a->kind == UKCF_BUFFER_OUTPUT && a->size <= POPULATE_MAX &&
	    lseek(a->fd, 0, SEEK_HOLE) == (off_t)a->size)
		madvise(a->base, a->size, MADV_POPULATE_WRITE);
	if (!a->hidden)
		share_arena(a->base, a->size, a->kind == UKCF_BUFFER_OUTPUT);
	recovery->buffers[a->rec].state = REC_LIVE;
	store_release_u32(&a->refs, 1); /* from here on it can be held */
	return 0;
}

int arena_reopen(struct arena *a)
{
	return memfd_for_consumer(a->fd, writer_of(a->kind));
}

void arena_remove(struct consumer *c, struct arena *a)
{
	store_release_ptr((void **)&c->buffers[a->index], NULL);
	/* First: a LIVE record without its descriptor is a lost consumer. */
	store_release_u32(&recovery->buffers[a->rec].state, REC_CLOSING);
	fdstore_removef("c%u.b%u", c->rec, a->index);
	if (a->base)
		arena_release(a);
	else
		arena_free(a);
}

int arena_restore(struct consumer *c, uint32_t rec, int fd)
{
	struct rec_buffer *b = &recovery->buffers[rec];
	struct arena *a = arena_new();

	if (!a)
		return -ENOMEM;
	a->rec = rec;
	a->index = b->index;
	a->kind = b->kind & (uint16_t)~REC_BUFFER_HIDDEN;
	a->hidden = b->kind & REC_BUFFER_HIDDEN;
	a->size = b->size;
	a->fd = fd;
	publish(c, a);
	return b->state == REC_LIVE ? arena_ready(c, a) : 0;
}

void arena_reap(void)
{
	struct reaper_node *n = reaper_take(&reaper);

	while (n) {
		struct reaper_node *next = n->next;

		arena_free(&((struct pooled *)(void *)n)->arena);
		n = next;
	}
}

struct arena *arena_hold(struct consumer *c, uint32_t index)
{
	uint64_t i = index_clamp(index, UKCF_BUFFERS_MAX);
	void **slot = (void **)&c->buffers[i];
	struct arena *a = load_acquire_ptr(slot);
	uint32_t refs;

	if (!a || index >= UKCF_BUFFERS_MAX)
		return NULL;
	refs = load_acquire_u32(&a->refs);
	do {
		if (refs == 0)
			return NULL;
	} while (!compare_swap_u32(&a->refs, &refs, refs + 1));
	if (load_acquire_ptr(slot) == a)
		return a;
	arena_release(a);
	return NULL;
}

void arena_hold_more(struct arena *a)
{
	fetch_add_u32(&a->refs, 1);
}

void arena_release(struct arena *a)
{
	if (fetch_sub_u32(&a->refs, 1) == 1)
		reaper_push(&reaper, &pooled_of(a)->node);
}

uint8_t *arena_bytes(const struct arena *a, struct ukcf_range r)
{
	uint64_t off = r.off, len = r.len;

	if (len > a->size || off > a->size - len)
		return NULL;
	return a->base + index_clamp(off, a->size);
}
