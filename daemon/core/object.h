/* SPDX-License-Identifier: MIT */
/*
 * Owns what keys and templates have in common: a table of fixed-size slots in
 * memory that outlives the process, handles that name them, whose they are, and
 * their end while requests use them.
 *
 * A handle is slot, generation and random tag; bit 63 is clear and bit 62 tells
 * the tables apart.  Every use checks handle and owner; "not yours" and "does
 * not exist" look the same.  Destroy marks an object dead at once; it is wiped
 * when the last request that uses it has ended.
 */
#ifndef DAEMON_CORE_OBJECT_H
#define DAEMON_CORE_OBJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* handle: kind 1 | tag 32 | generation 18 | slot 12; bit 63 is clear */
#define OBJECT_SLOTS_MAX 4096
#define OBJECT_TEMPLATE (UINT64_C(1) << 62)

/* Names a request for ever: what makes its effect happen exactly once. */
struct request_id {
	uint64_t ring; /* rec_ring.serial */
	uint64_t seq;  /* SQ index */
};

/* Who asks. */
struct object_user {
	uid_t uid;
	uint64_t consumer_serial;
};

/* What a slot begins with. */
struct object {
	uint64_t life; /* atomic: 0, or live or dead, and references */
	uint64_t handle;
	uint64_t consumer_serial; /* owner of a session's object, else 0 */
	struct request_id created_by;
	struct request_id destroyed_by;
	uint32_t uid;
	uint32_t gen;
};

/* Whom the end of a dead object concerns; by slot. */
struct object_waiter {
	void (*ended)(void *);
	void *arg;
};

struct object_table {
	size_t stride; /* bytes of a slot */
	uint32_t slots; /* power of two, up to OBJECT_SLOTS_MAX */
	uint64_t kind; /* bits of a handle */
	/* Nobody uses it any more: forget what it holds. */
	void (*wipe)(struct object *o);
	/* It has died; requests may still use it.  NULL: concerns nobody. */
	void (*died)(const struct object *o);
	struct object_waiter *waiters; /* one per slot, of this process */
	char *base;
	uint32_t quota; /* objects of one uid */
	/* Guards the choice of slots, names. */
	pthread_mutex_t lock;
};

/* After a crash: references of requests that no longer run are void, and what
 * was dead or half made is wiped. */
void object_settle(struct object_table *t);
struct object *object_at(const struct object_table *t, uint32_t slot);
uint32_t object_slot(const struct object_table *t, const struct object *o);
bool object_is_live(const struct object *o);
uint32_t object_count(const struct object_table *t);

/*
 * Make one, in two steps under the lock: a free slot, wiped, with its next
 * handle and its owner; then, when the caller has filled in the rest, live.
 * NULL: over the quota, or no slot is free.
 */
struct object *object_new_locked(struct object_table *t, struct object_user who,
				 bool session, struct request_id request);
uint64_t object_publish_locked(struct object *o);

/* The one that this request made before a restart, or -ENOKEY. */
int object_created_by(const struct object_table *t, struct request_id request,
		      uint64_t *handle);
/*
 * It is dead from here on.  0: and wiped.  -EINPROGRESS: ended() is called by
 * whoever releases it last, in that thread, perhaps before this returns.
 * -ENOKEY, -EKEYREVOKED (unless this very request did it: 0).
 */
int object_destroy(struct object_table *t, uint64_t handle,
		   struct object_user who, struct request_id request,
		   void (*ended)(void *), void *arg);
/* The same, and nobody waits; nothing if it is dead.  Lock-free; the caller
 * holds it, or the lock. */
void object_end(struct object_table *t, struct object *o);
/* Those of a consumer that went. */
void object_end_session(struct object_table *t, uint64_t consumer_serial);
/* No consumer and no request of before is known any more. */
void object_disown(struct object_table *t);

/* Hold for a request: -ENOKEY, -EKEYREVOKED.  Lock-free. */
int object_hold(struct object_table *t, uint64_t handle, struct object_user who,
		struct object **op);
void object_release(struct object_table *t, struct object *o);

#endif
