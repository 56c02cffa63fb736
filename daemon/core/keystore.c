/* SPDX-License-Identifier: MIT */
/*
 * A slot's life word decides everything: FREE (0), LIVE | references, DEAD |
 * references.  The creator's reference stands for the key itself; destroy
 * turns LIVE into DEAD and drops it, so the bytes are wiped by whoever drops
 * the last one.  Handle and owner stay readable in a dead slot until it is
 * used again: that is how a holder of an old handle is told -EKEYREVOKED.
 *
 * Holding is lock-free (service threads).  Creating and destroying take the
 * lock, which also guards names and the choice of a slot.
 */
#include "daemon/core/keystore.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/fdstore.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define SLOTS 4096
#define LIVE (UINT64_C(1) << 40)
#define DEAD (UINT64_C(1) << 41)
#define REFS (LIVE - 1)

/* handle: tag 32 | generation 18 | slot 12; bits 62 and 63 are clear */
#define SLOT_BITS 12
#define GEN_BITS 18

struct key {
	uint64_t life; /* atomic */
	uint64_t handle;
	uint64_t consumer_serial; /* owner of a session key, else 0 */
	struct request_id created_by;
	struct request_id destroyed_by;
	uint64_t uses;
	uint64_t created_s;
	uint32_t uid;
	uint32_t mech;
	uint32_t usage;
	uint32_t flags;
	uint32_t gen;
	uint32_t secret_len;
	uint32_t public_len;
	uint32_t pad[7];
	char name[UKCF_KEY_NAME_MAX];
	uint8_t secret[UKCF_KEY_BYTES_MAX];
	uint8_t public[64];
};

_Static_assert(sizeof(struct key) == 512, "a slot is 512 bytes");
_Static_assert(SLOTS == 1 << SLOT_BITS, "a handle can name every slot");

/* Whom the wiping of a dead key's bytes concerns; by slot.  Written before the
 * key dies, read by whoever drops its last reference. */
static struct {
	void (*wiped)(void *);
	void *arg;
} waiting[SLOTS];

static struct key *keys;
static unsigned int quota;
/* Guards names, the choice of slots, LIVE -> DEAD.  Rank: innermost. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void wipe_slot(struct key *k)
{
	secmem_wipe(k->secret, sizeof(k->secret));
	secmem_wipe(k->public, sizeof(k->public));
	secmem_wipe(k->name, sizeof(k->name));
	k->secret_len = 0;
	k->public_len = 0;
}

/*
 * After a crash: references of requests that no longer run are void, and what
 * was dead or half made is wiped.
 */
static void settle(void)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if (k->life & LIVE) {
			k->life = LIVE | 1;
			continue;
		}
		if (k->life || k->secret_len)
			wipe_slot(k);
		k->life = 0;
	}
}

int keystore_open(int fd, unsigned int per_uid)
{
	const size_t size = SLOTS * sizeof(struct key);
	bool secret;
	void *base;
	int err;

	quota = per_uid;
	if (fd >= 0) {
		err = secmem_slab_open(fd, size, &base, &secret);
		if (err)
			return err;
		keys = base;
		settle();
		return 0;
	}
	err = secmem_slab_new("ukcf-keys", size, &fd, &base, &secret);
	if (err)
		return err;
	keys = base;
	return fdstore_put("keys", fd);
}

void keystore_close(void)
{
	if (keys)
		secmem_wipe(keys, SLOTS * sizeof(struct key));
}

unsigned int keystore_count(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SLOTS; i++)
		n += (load_relaxed_u64(&keys[i].life) & LIVE) != 0;
	return n;
}

static struct key *find_name(const char *name, uid_t uid)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if ((load_acquire_u64(&k->life) & LIVE) && k->uid == uid &&
		    k->consumer_serial == 0 && strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

/* Quota and free slot in one walk; slots are used in turn by generation. */
static struct key *free_slot(uid_t uid)
{
	struct key *best = NULL;
	unsigned int owned = 0;

	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if (load_acquire_u64(&k->life) != 0) {
			owned += k->uid == uid;
			continue;
		}
		if (!best || k->gen < best->gen)
			best = k;
	}
	return owned < quota ? best : NULL;
}

static int new_handle(struct key *k, uint64_t *handle)
{
	uint64_t slot = (uint64_t)(k - keys);
	uint64_t gen = (k->gen + 1) & ((1u << GEN_BITS) - 1);
	uint32_t tag;

	if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return -EIO;
	*handle = (uint64_t)tag << (SLOT_BITS + GEN_BITS) | gen << SLOT_BITS |
		  slot;
	return 0;
}

static void fill(struct key *k, const struct key_spec *spec)
{
	store_relaxed_u32(&k->uid, spec->uid);
	k->mech = spec->mech;
	k->usage = spec->usage;
	k->flags = spec->flags;
	store_relaxed_u64(&k->consumer_serial,
			  spec->name ? 0 : spec->consumer_serial);
	k->created_by = spec->request;
	k->destroyed_by = (struct request_id){ 0 };
	k->uses = 0;
	k->created_s = (uint64_t)time(NULL);
	k->secret_len = (uint32_t)spec->secret.len;
	k->public_len = (uint32_t)spec->pub.len;
	if (spec->secret.len)
		memcpy(k->secret, spec->secret.data, spec->secret.len);
	if (spec->pub.len)
		memcpy(k->public, spec->pub.data, spec->pub.len);
	if (spec->name)
		strncpy(k->name, spec->name, sizeof(k->name) - 1);
}

static int create_locked(const struct key_spec *spec, uint64_t *handle)
{
	struct key *k;
	int err;

	if (spec->name && find_name(spec->name, spec->uid))
		return -EEXIST;
	k = free_slot(spec->uid);
	if (!k)
		return -EDQUOT;
	err = new_handle(k, handle);
	if (err)
		return err;
	wipe_slot(k);
	fill(k, spec);
	k->gen++;
	store_release_u64(&k->handle, *handle);
	store_release_u64(&k->life, LIVE | 1);
	return 0;
}

int keystore_create(const struct key_spec *spec, uint64_t *handle)
{
	int err;

	if (spec->secret.len > UKCF_KEY_BYTES_MAX ||
	    spec->pub.len > sizeof(((struct key *)0)->public))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	err = create_locked(spec, handle);
	pthread_mutex_unlock(&lock);
	return err;
}

int keystore_created_by(struct request_id request, uint64_t *handle)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if ((load_acquire_u64(&k->life) & LIVE) &&
		    k->created_by.ring == request.ring &&
		    k->created_by.seq == request.seq) {
			*handle = k->handle;
			return 0;
		}
	}
	return -ENOKEY;
}

int keystore_find(const char *name, uid_t uid, uint64_t *handle)
{
	struct key *k;

	pthread_mutex_lock(&lock);
	k = find_name(name, uid);
	if (k)
		*handle = k->handle;
	pthread_mutex_unlock(&lock);
	return k ? 0 : -ENOKEY;
}

/* The one that takes a dead key's last reference wipes it.  True: it was us. */
static bool drop_ref(struct key *k)
{
	uint64_t life = load_acquire_u64(&k->life);

	while (!compare_swap_u64(&k->life, &life, life - 1))
		;
	if (life - 1 != DEAD)
		return false;
	wipe_slot(k);
	return true;
}

static void drop_refs(struct key *k)
{
	size_t slot = (size_t)(k - keys);
	void (*wiped)(void *);
	void *arg;

	if (!drop_ref(k))
		return;
	wiped = waiting[slot].wiped;
	arg = waiting[slot].arg;
	store_release_u64(&k->life, 0); /* from here on it is another's */
	if (wiped)
		wiped(arg);
}

/* Return: whether others still use it, who will call wiped(). */
static bool kill_locked(struct key *k, struct request_id request,
			void (*wiped)(void *), void *arg)
{
	uint64_t life = load_acquire_u64(&k->life);
	size_t slot = (size_t)(k - keys);

	k->destroyed_by = request;
	waiting[slot].wiped = wiped;
	waiting[slot].arg = arg;
	while (!compare_swap_u64(&k->life, &life, (life & REFS) | DEAD))
		;
	if (!drop_ref(k))
		return true;
	store_release_u64(&k->life, 0);
	return false;
}

static struct key *slot_of(uint64_t handle)
{
	return &keys[index_clamp(handle & (SLOTS - 1), SLOTS)];
}

static bool may_use(const struct key *k, uint64_t handle, uid_t uid,
		    uint64_t consumer_serial)
{
	uint64_t have = load_acquire_u64(&k->handle);
	uint64_t owner = load_relaxed_u64(&k->consumer_serial);
	unsigned int ok = secmem_equal(&have, &handle, sizeof(have));

	/* no branch between the parts: all of them are judged */
	ok &= load_relaxed_u32(&k->uid) == uid;
	ok &= (unsigned int)(owner == 0) | (owner == consumer_serial);
	return handle != 0 && ok;
}

int keystore_destroy_then(uint64_t handle, uid_t uid, uint64_t consumer_serial,
			  struct request_id request, void (*wiped)(void *),
			  void *arg)
{
	struct key *k = slot_of(handle);
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!may_use(k, handle, uid, consumer_serial))
		err = -ENOKEY;
	else if (load_acquire_u64(&k->life) & LIVE)
		err = kill_locked(k, request, wiped, arg) ? -EINPROGRESS : 0;
	else if (k->destroyed_by.ring != request.ring ||
		 k->destroyed_by.seq != request.seq)
		err = -EKEYREVOKED;
	pthread_mutex_unlock(&lock);
	return err;
}

int keystore_destroy(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		     struct request_id request)
{
	int err = keystore_destroy_then(handle, uid, consumer_serial, request,
					NULL, NULL);

	return err == -EINPROGRESS ? 0 : err;
}

void keystore_end_session(uint64_t consumer_serial)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if ((load_acquire_u64(&k->life) & LIVE) &&
		    k->consumer_serial == consumer_serial)
			kill_locked(k, (struct request_id){ 0 }, NULL, NULL);
	}
	pthread_mutex_unlock(&lock);
}

void keystore_disown(void)
{
	const struct request_id nobody = { 0 };

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct key *k = &keys[i];

		if ((load_acquire_u64(&k->life) & LIVE) && k->consumer_serial)
			kill_locked(k, nobody, NULL, NULL);
		k->created_by = nobody;
		k->destroyed_by = nobody;
	}
	pthread_mutex_unlock(&lock);
}

static void describe(const struct key *k, uint64_t next,
		     struct ukcf_key_info *row)
{
	memset(row, 0, sizeof(*row));
	row->id = k->handle;
	row->mech = k->mech;
	row->usage = k->usage;
	row->flags = k->flags;
	row->bits = 8 * (k->secret_len ? k->secret_len : k->public_len);
	memcpy(row->name, k->name, sizeof(row->name));
	row->uses = load_relaxed_u64(&k->uses);
	row->created_s = k->created_s;
	row->next = next;
}

unsigned int keystore_list(uid_t uid, uint64_t *next,
			   struct ukcf_key_info *rows, unsigned int n)
{
	unsigned int filled = 0;
	uint64_t i = *next;

	pthread_mutex_lock(&lock);
	for (; i < SLOTS && filled < n; i++) {
		struct key *k = &keys[index_clamp(i, SLOTS)];

		if ((load_acquire_u64(&k->life) & LIVE) && k->uid == uid &&
		    k->consumer_serial == 0)
			describe(k, i + 1, &rows[filled++]);
	}
	pthread_mutex_unlock(&lock);
	*next = i < SLOTS ? i : 0;
	return filled;
}

int keystore_hold(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		  struct key **kp)
{
	struct key *k = slot_of(handle);
	uint64_t life = load_acquire_u64(&k->life);

	if (!may_use(k, handle, uid, consumer_serial))
		return -ENOKEY;
	do {
		if (!(life & LIVE))
			return -EKEYREVOKED;
	} while (!compare_swap_u64(&k->life, &life, life + 1));
	/* The slot cannot change hands any more; did it before we held it? */
	if (!may_use(k, handle, uid, consumer_serial)) {
		drop_refs(k);
		return -ENOKEY;
	}
	store_relaxed_u64(&k->uses, load_relaxed_u64(&k->uses) + 1);
	*kp = k;
	return 0;
}

void keystore_hold_more(struct key *k)
{
	fetch_add_u64(&k->life, 1);
}

void keystore_release(struct key *k)
{
	drop_refs(k);
}

uint32_t key_mech(const struct key *k)
{
	return k->mech;
}

uint32_t key_usage(const struct key *k)
{
	return k->usage;
}

uint32_t key_flags(const struct key *k)
{
	return k->flags;
}

struct ukcf_bytes key_secret(const struct key *k)
{
	return (struct ukcf_bytes){ k->secret_len ? k->secret : NULL,
				    k->secret_len };
}

struct ukcf_bytes key_public(const struct key *k)
{
	return (struct ukcf_bytes){ k->public_len ? k->public : NULL,
				    k->public_len };
}
