/* SPDX-License-Identifier: MIT */
/*
 * Owns the keys: fixed-size, pointer-free slots in one slab of secret memory
 * (memfd_secret where the kernel has it, else locked memory), which outlives a
 * restart through the descriptor store.  Keys that do not fit, those of RSA,
 * have a slot of a second kind in the same slab; there are fewer of these.
 *
 * A key is an object (object.h): its handle, its owner and its end are.
 */
#ifndef DAEMON_CORE_KEYSTORE_H
#define DAEMON_CORE_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ukcf/abi.h>
#include <ukcf/provider.h>

#include "daemon/core/object.h"

#define KEYSTORE_LARGE_MAX 256u /* of which one uid may have a quarter */

struct key; /* a slot; valid while held */

/* What a key is created from; bytes are copied. */
struct key_spec {
	struct request_id request; /* that creates it */
	const char *name; /* NULL: a session key of consumer_serial */
	uid_t uid;
	uint64_t consumer_serial;
	uint32_t mech;
	uint32_t usage;
	uint32_t flags; /* UKCF_KEY_* */
	uint32_t bits; /* for people; 0: those of the bytes */
	struct ukcf_bytes secret; /* empty: public only */
	struct ukcf_bytes pub;	  /* empty: none */
};

/* From the slab at fd, or anew.  -EPROTO: it is another release's. */
int keystore_open(int fd, unsigned int per_uid);
/* No consumer and no request of before is known any more: session keys end, and
 * no request is taken for one that made or destroyed a key. */
void keystore_disown(void);
/* Call died() under the lock whenever a key dies, before it is wiped. */
void keystore_on_death(void (*died)(const struct object *));
/* Call wiped() in the thread that drops the last reference to a dead key, before
 * it is wiped; also of slots that hold none. */
void keystore_on_wipe(void (*wiped)(uint32_t slot));
/* Call forget() with the bytes of a key, or of its public part, right before
 * they are wiped: any thread, also completion context.  Not at the end of all. */
void keystore_on_forget(void (*forget)(struct ukcf_bytes key));
void keystore_close(void); /* wipes all */
unsigned int keystore_count(void);

/* Any thread.  Return: 0 or -errno: -EEXIST, -EDQUOT. */
int keystore_create(const struct key_spec *spec, uint64_t *handle);
int keystore_find(const char *name, uid_t uid, uint64_t *handle);
/* -ENOKEY, -EKEYREVOKED (unless this very request did it). */
int keystore_destroy(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		     struct request_id request);
/* Likewise; -EINPROGRESS: it is dead, and wiped() is called by whoever releases
 * it last, in that thread, perhaps before this returns. */
int keystore_destroy_then(uint64_t handle, uid_t uid, uint64_t consumer_serial,
			  struct request_id request, void (*wiped)(void *),
			  void *arg);
/* The key that this request created before a restart, or -ENOKEY. */
int keystore_created_by(struct request_id request, uint64_t *handle);
/* Keys of a consumer that went. */
void keystore_end_session(uint64_t consumer_serial);
/* Rows of named keys of uid from slot *next on; *next advances, 0 at the end. */
unsigned int keystore_list(uid_t uid, uint64_t *next,
			   struct ukcf_key_info *rows, unsigned int n);

/* Hold for a request: -ENOKEY, -EKEYREVOKED. */
int keystore_hold(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		  struct key **kp);
/* Likewise, to look at it: that is no use of it. */
int keystore_look(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		  struct key **kp);
/* Once more, of one that is held: for who may outlive its holder. */
void keystore_hold_more(struct key *k);
void keystore_release(struct key *k);
uint64_t key_id(const struct key *k); /* its handle */
uint32_t key_slot(const struct key *k); /* below OBJECT_SLOTS_MAX */
bool key_is_live(const struct key *k);
uint32_t key_mech(const struct key *k);
uint32_t key_usage(const struct key *k);
uint32_t key_flags(const struct key *k);
/*
 * Nonces: the number of one more, counted from 0.  It is taken when this
 * returns, also for the next process.  False: limit were taken.  Any thread.
 */
bool key_take_nonce(struct key *k, uint64_t limit, uint64_t *n);
/* How many were taken. */
uint64_t key_nonces_taken(const struct key *k);
/* Of a key whose bytes were used elsewhere: count from n on, never back. */
void key_skip_nonces(struct key *k, uint64_t n);
/* Tells its nonces from those of another key with the same bytes. */
uint32_t key_nonce_field(const struct key *k);
struct ukcf_bytes key_secret(const struct key *k);
struct ukcf_bytes key_public(const struct key *k);

#endif
