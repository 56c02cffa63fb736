/* SPDX-License-Identifier: MIT */
/*
 * A slot's life word decides everything: FREE (0), LIVE | references, DEAD |
 * references.  The creator's reference stands for the object itself; destroy
 * turns LIVE into DEAD and drops it, so the bytes are wiped by whoever drops
 * the last one.  Handle and owner stay readable in a dead slot until it is
 * used again: that is how a holder of an old handle is told -EKEYREVOKED.
 *
 * Holding is lock-free (service threads).  Creating and destroying take the
 * lock, which also guards the choice of a slot.
 */
#include "daemon/core/object.h"

#include <errno.h>
#include <sys/random.h>

#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define LIVE (UINT64_C(1) << 40)
#define DEAD (UINT64_C(1) << 41)
#define REFS (LIVE - 1)

#define SLOT_BITS 12
#define GEN_BITS 18

_Static_assert(OBJECT_SLOTS_MAX == 1 << SLOT_BITS,
	       "a handle can name every slot");

struct object *object_at(const struct object_table *t, uint32_t slot)
{
	return (struct object *)(void *)(t->base +
					 index_clamp(slot, t->slots) *
						 t->stride);
}

uint32_t object_slot(const struct object_table *t, const struct object *o)
{
	return (uint32_t)((size_t)((const char *)o - t->base) / t->stride);
}

bool object_is_live(const struct object *o)
{
	return load_acquire_u64(&o->life) & LIVE;
}

void object_settle(struct object_table *t)
{
	for (uint32_t i = 0; i < t->slots; i++) {
		struct object *o = object_at(t, i);

		if (o->life & LIVE) {
			o->life = LIVE | 1;
			continue;
		}
		t->wipe(o);
		o->life = 0;
	}
}

uint32_t object_count(const struct object_table *t)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->slots; i++)
		n += (load_relaxed_u64(&object_at(t, i)->life) & LIVE) != 0;
	return n;
}

/* Quota and free slot in one walk; slots are used in turn by generation. */
static struct object *free_slot(const struct object_table *t, uid_t uid)
{
	struct object *best = NULL;
	uint32_t owned = 0;

	for (uint32_t i = 0; i < t->slots; i++) {
		struct object *o = object_at(t, i);

		if (load_acquire_u64(&o->life) != 0) {
			owned += o->uid == uid;
			continue;
		}
		if (!best || o->gen < best->gen)
			best = o;
	}
	return owned < t->quota ? best : NULL;
}

struct object *object_new_locked(struct object_table *t, struct object_user who,
				 bool session, struct request_id request)
{
	struct object *o = free_slot(t, who.uid);
	uint64_t gen, handle;
	uint32_t tag;

	if (!o || getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return NULL;
	t->wipe(o);
	gen = (o->gen + 1) & ((1u << GEN_BITS) - 1);
	handle = t->kind | (uint64_t)tag << (SLOT_BITS + GEN_BITS) |
		 gen << SLOT_BITS | object_slot(t, o);
	o->gen++;
	store_relaxed_u32(&o->uid, who.uid);
	store_relaxed_u64(&o->consumer_serial,
			  session ? who.consumer_serial : 0);
	o->created_by = request;
	o->destroyed_by = (struct request_id){ 0 };
	store_release_u64(&o->handle, handle);
	return o;
}

uint64_t object_publish_locked(struct object *o)
{
	store_release_u64(&o->life, LIVE | 1);
	return o->handle;
}

int object_created_by(const struct object_table *t, struct request_id request,
		      uint64_t *handle)
{
	for (uint32_t i = 0; i < t->slots; i++) {
		const struct object *o = object_at(t, i);

		if (object_is_live(o) && o->created_by.ring == request.ring &&
		    o->created_by.seq == request.seq) {
			*handle = o->handle;
			return 0;
		}
	}
	return -ENOKEY;
}

/* The one that takes a dead object's last reference wipes it.  True: it was
 * us. */
static bool drop_ref(struct object_table *t, struct object *o)
{
	uint64_t life = load_acquire_u64(&o->life);

	while (!compare_swap_u64(&o->life, &life, life - 1))
		;
	if (life - 1 != DEAD)
		return false;
	t->wipe(o);
	return true;
}

void object_release(struct object_table *t, struct object *o)
{
	struct object_waiter w;

	if (!drop_ref(t, o))
		return;
	w = t->waiters[object_slot(t, o)];
	store_release_u64(&o->life, 0); /* from here on it is another's */
	if (w.ended)
		w.ended(w.arg);
}

/* -EINPROGRESS: others still use it, who will call ended(); -EKEYREVOKED: it
 * was dead. */
static int kill(struct object_table *t, struct object *o,
		struct object_waiter w)
{
	uint64_t life = load_acquire_u64(&o->life);

	do {
		if (!(life & LIVE))
			return -EKEYREVOKED;
	} while (!compare_swap_u64(&o->life, &life, (life & REFS) | DEAD));
	/* Ours is still a reference, so nobody looks for a waiter yet. */
	t->waiters[object_slot(t, o)] = w;
	if (t->died)
		t->died(o);
	if (!drop_ref(t, o))
		return -EINPROGRESS;
	store_release_u64(&o->life, 0);
	return 0;
}

void object_end(struct object_table *t, struct object *o)
{
	kill(t, o, (struct object_waiter){ 0 });
}

static bool may_use(const struct object *o, uint64_t handle,
		    struct object_user who)
{
	uint64_t have = load_acquire_u64(&o->handle);
	uint64_t owner = load_relaxed_u64(&o->consumer_serial);
	unsigned int ok = secmem_equal(&have, &handle, sizeof(have));

	/* no branch between the parts: all of them are judged */
	ok &= load_relaxed_u32(&o->uid) == who.uid;
	ok &= (unsigned int)(owner == 0) | (owner == who.consumer_serial);
	return handle != 0 && ok;
}

static struct object *slot_of(const struct object_table *t, uint64_t handle)
{
	return object_at(t, (uint32_t)(handle & (t->slots - 1)));
}

int object_destroy(struct object_table *t, uint64_t handle,
		   struct object_user who, struct request_id request,
		   void (*ended)(void *), void *arg)
{
	const struct object_waiter w = { ended, arg };
	struct object *o = slot_of(t, handle);
	int err = 0;

	pthread_mutex_lock(&t->lock);
	if (!may_use(o, handle, who)) {
		err = -ENOKEY;
	} else if (object_is_live(o)) {
		o->destroyed_by = request;
		err = kill(t, o, w);
	} else if (o->destroyed_by.ring != request.ring ||
		   o->destroyed_by.seq != request.seq) {
		err = -EKEYREVOKED;
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

void object_end_session(struct object_table *t, uint64_t consumer_serial)
{
	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < t->slots; i++) {
		struct object *o = object_at(t, i);

		if (object_is_live(o) && o->consumer_serial == consumer_serial)
			object_end(t, o);
	}
	pthread_mutex_unlock(&t->lock);
}

void object_disown(struct object_table *t)
{
	const struct request_id nobody = { 0 };

	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < t->slots; i++) {
		struct object *o = object_at(t, i);

		if (object_is_live(o) && o->consumer_serial)
			object_end(t, o);
		o->created_by = nobody;
		o->destroyed_by = nobody;
	}
	pthread_mutex_unlock(&t->lock);
}

int object_hold(struct object_table *t, uint64_t handle, struct object_user who,
		struct object **op)
{
	struct object *o = slot_of(t, handle);
	uint64_t life = load_acquire_u64(&o->life);

	if (!may_use(o, handle, who))
		return -ENOKEY;
	do {
		if (!(life & LIVE))
			return -EKEYREVOKED;
	} while (!compare_swap_u64(&o->life, &life, life + 1));
	/* The slot cannot change hands any more; did it before we held it? */
	if (!may_use(o, handle, who)) {
		object_release(t, o);
		return -ENOKEY;
	}
	*op = o;
	return 0;
}
