/* SPDX-License-Identifier: MIT */
/*
 * Owns local keys: bytes in locked memory of this process, reference counted,
 * wiped when the last call that uses a destroyed key has ended.
 *
 * A local key's id has bit 63 set, which a handle of the daemon's never has.
 */
#ifndef LIB_KEY_H
#define LIB_KEY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>
#include <ukcf/ukcf.h>

#include "lib/turn.h"

#define LOCAL_KEY UINT64_C(0x8000000000000000)
#define LOCAL_BYTES 256u /* of a key that fits into its slot */
#define LOCAL_PUBLIC 128u
#define LOCAL_CHUNKS 64
#define LOCAL_PER_CHUNK 128

struct local_key {
	uint64_t state;	 /* atomic: generation << 32 | DEAD | users */
	uint64_t handle; /* atomic: the daemon's, 0 until registered */
	uint32_t gen;	 /* of the next use of this slot */
	uint32_t mech;
	uint32_t usage;
	uint32_t flags; /* UKCF_KEY_PUBLIC_ONLY */
	uint32_t len, pub_len;
	uint32_t index;
	struct local_key *next_free;
	/* Of a larger one: secret memory of its own, first the bytes, then the
	 * public part, as long as any may be; else NULL. */
	uint8_t *large;
	uint8_t bytes[LOCAL_BYTES];
	uint8_t pub[LOCAL_PUBLIC];
};

struct local_keys {
	pthread_mutex_t lock; /* free list, chunks */
	struct turn registering; /* one at a time; outer */
	void *chunks[LOCAL_CHUNKS]; /* atomic: struct local_key[], secret */
	unsigned int n_chunks;
	struct local_key *free;
};

int local_keys_init(struct local_keys *k);
/* Wipes all; @ours: false in a child of fork(2), where they are not mapped. */
void local_keys_deinit(struct local_keys *k, bool ours);

static inline bool key_is_local(struct ukcf_key key)
{
	return key.id & LOCAL_KEY;
}

/* For a call: the key, held.  0, -ENOKEY, -EKEYREVOKED.  Async-signal-safe. */
int local_key_hold(struct ukcf *u, struct ukcf_key key, struct local_key **kp);
void local_key_release(struct ukcf *u, struct local_key *k);

/* What a provider is given as key and public part for an operation. */
struct ukcf_bytes local_key_bytes(struct local_key *k, uint32_t op);
struct ukcf_bytes local_key_public(struct local_key *k);

/* The handle to name in an SQE; a local key is registered if it was not. */
int key_handle(struct ukcf *u, struct ukcf_key key, uint64_t *handle);

#endif
