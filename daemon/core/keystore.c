/* SPDX-License-Identifier: MIT */
#include "daemon/core/keystore.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/fdstore.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define SLOTS OBJECT_SLOTS_MAX
#define LARGE_SLOTS KEYSTORE_LARGE_MAX
#define LARGE_PER_UID (LARGE_SLOTS / 4)
#define SMALL_SECRET 256u
#define SMALL_PUBLIC 128u

struct key {
	struct object object; /* first */
	uint64_t uses;
	uint64_t created_s;
	uint32_t mech;
	uint32_t usage;
	uint32_t flags;
	uint32_t secret_len;
	uint32_t public_len;
	uint32_t large; /* its large slot, counted from 1; 0: has none */
	uint32_t bits;
	uint32_t nonce_field; /* random */
	uint64_t nonces; /* atomic: that were taken */
	uint32_t pad[2];
	char name[UKCF_KEY_NAME_MAX];
	uint8_t secret[SMALL_SECRET];
	uint8_t public[SMALL_PUBLIC];
};

/* The bytes of a key that does not fit into a slot: of RSA. */
struct large {
	uint8_t secret[UKCF_KEY_BYTES_MAX];
	uint8_t public[UKCF_KEY_PUBLIC_MAX];
};

_Static_assert(sizeof(struct key) == 576, "a slot is 576 bytes");
_Static_assert(sizeof(struct large) == 3072, "a large slot is 3072 bytes");

#define SMALL_BYTES (SLOTS * sizeof(struct key))
#define ALL_BYTES (SMALL_BYTES + LARGE_SLOTS * sizeof(struct large))

/* Whose a large slot is: a key's slot, counted from 1; 0: it is free.  Taken
 * under the lock, given back by who wipes the key.  Of this process: the keys
 * themselves say it to the next one. */
static uint32_t owners[LARGE_SLOTS];

static void wipe_slot(struct object *o);

static struct object_waiter waiters[SLOTS];
static struct object_table table = {
	.stride = sizeof(struct key),
	.slots = SLOTS,
	.wipe = wipe_slot,
	.waiters = waiters,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static struct key *key_of(struct object *o)
{
	return (struct key *)(void *)o;
}

static struct key *key_at(uint32_t slot)
{
	return key_of(object_at(&table, slot));
}

/* NULL: it has none. */
static struct large *large_of(const struct key *k)
{
	struct large *all = (void *)(table.base + SMALL_BYTES);

	if (k->large == 0 || k->large > LARGE_SLOTS)
		return NULL;
	return &all[k->large - 1];
}

static void wipe_large(struct key *k)
{
	struct large *l = large_of(k);
	uint32_t i = k->large - 1;

	/* First forgotten, then free: after a crash nobody may wipe the next
	 * owner's. */
	if (l)
		secmem_wipe(l, sizeof(*l));
	k->large = 0;
	if (l)
		store_release_u32(&owners[i], 0);
}

static void (*on_wipe)(uint32_t slot);
static void (*forget)(struct ukcf_bytes key); /* NULL: concerns nobody */

static void wipe_slot(struct object *o)
{
	struct key *k = key_of(o);

	if (on_wipe)
		on_wipe(object_slot(&table, o));

	if (forget && key_secret(k).len)
		forget(key_secret(k));
	if (forget && key_public(k).len)
		forget(key_public(k));
	wipe_large(k);
	secmem_wipe(k->secret, sizeof(k->secret));
	secmem_wipe(k->public, sizeof(k->public));
	secmem_wipe(k->name, sizeof(k->name));
	k->secret_len = 0;
	k->public_len = 0;
}

/* After a crash: whose the large slots are is what live keys say; what no key
 * names, a half made one had. */
static void settle_large(void)
{
	struct large *all = (void *)(table.base + SMALL_BYTES);

	for (uint32_t i = 0; i < SLOTS; i++)
		if (object_is_live(&key_at(i)->object) && large_of(key_at(i)))
			owners[key_at(i)->large - 1] = i + 1;
	for (uint32_t i = 0; i < LARGE_SLOTS; i++)
		if (!owners[i])
			secmem_wipe(&all[i], sizeof(all[i]));
}

int keystore_open(int fd, unsigned int per_uid)
{
	bool secret;
	void *base;
	int err;

	table.quota = per_uid;
	memset(owners, 0, sizeof(owners));
	if (fd >= 0) {
		err = secmem_slab_open(fd, ALL_BYTES, &base, &secret);
		if (err)
			return err;
		table.base = base;
		object_settle(&table);
		settle_large();
		return 0;
	}
	err = secmem_slab_new("ukcf-keys", ALL_BYTES, &fd, &base, &secret);
	if (err)
		return err;
	table.base = base;
	return fdstore_put("keys", fd);
}

void keystore_on_forget(void (*f)(struct ukcf_bytes key))
{
	forget = f;
}

void keystore_on_death(void (*died)(const struct object *))
{
	table.died = died;
}

void keystore_on_wipe(void (*wiped)(uint32_t slot))
{
	on_wipe = wiped;
}

void keystore_close(void)
{
	if (table.base)
		secmem_wipe(table.base, ALL_BYTES);
}

unsigned int keystore_count(void)
{
	return object_count(&table);
}

static struct key *find_name(const char *name, uid_t uid)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct key *k = key_at(i);

		if (object_is_live(&k->object) && k->object.uid == uid &&
		    k->object.consumer_serial == 0 &&
		    strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static bool is_large(const struct key_spec *spec)
{
	return spec->secret.len > SMALL_SECRET || spec->pub.len > SMALL_PUBLIC;
}

/* Under the lock.  A free one, counted from 1; 0: none is, or the user has as
 * many as one may. */
static uint32_t free_large(uid_t uid)
{
	uint32_t best = 0, owned = 0;

	for (uint32_t i = LARGE_SLOTS; i-- > 0;) {
		uint32_t owner = load_acquire_u32(&owners[i]);

		if (!owner)
			best = i + 1;
		else
			owned += key_at(owner - 1)->object.uid == uid;
	}
	return owned < LARGE_PER_UID ? best : 0;
}

static void fill(struct key *k, const struct key_spec *spec)
{
	struct large *l = large_of(k);

	k->mech = spec->mech;
	k->usage = spec->usage;
	k->flags = spec->flags;
	k->uses = 0;
	k->created_s = (uint64_t)time(NULL);
	k->bits = spec->bits;
	store_relaxed_u64(&k->nonces, 0);
	k->secret_len = (uint32_t)spec->secret.len;
	k->public_len = (uint32_t)spec->pub.len;
	if (spec->secret.len)
		memcpy(l ? l->secret : k->secret, spec->secret.data,
		       spec->secret.len);
	if (spec->pub.len)
		memcpy(l ? l->public : k->public, spec->pub.data,
		       spec->pub.len);
	if (spec->name)
		strncpy(k->name, spec->name, sizeof(k->name) - 1);
}

static int create_locked(const struct key_spec *spec, uint32_t nonce_field,
			 uint64_t *handle)
{
	const struct object_user who = { spec->uid, spec->consumer_serial };
	uint32_t large = 0;
	struct object *o;

	if (spec->name && find_name(spec->name, spec->uid))
		return -EEXIST;
	if (is_large(spec) && !(large = free_large(spec->uid)))
		return -EDQUOT;
	o = object_new_locked(&table, who, !spec->name, spec->request);
	if (!o)
		return -EDQUOT;
	key_of(o)->large = large;
	if (large)
		store_release_u32(&owners[large - 1],
				  object_slot(&table, o) + 1);
	fill(key_of(o), spec);
	key_of(o)->nonce_field = nonce_field;
	*handle = object_publish_locked(o);
	return 0;
}

int keystore_create(const struct key_spec *spec, uint64_t *handle)
{
	uint32_t field;
	int err;

	if (spec->secret.len > UKCF_KEY_BYTES_MAX ||
	    spec->pub.len > UKCF_KEY_PUBLIC_MAX)
		return -EINVAL;
	if (getrandom(&field, sizeof(field), 0) != sizeof(field))
		return -EIO;
	pthread_mutex_lock(&table.lock);
	err = create_locked(spec, field, handle);
	pthread_mutex_unlock(&table.lock);
	return err;
}

int keystore_created_by(struct request_id request, uint64_t *handle)
{
	return object_created_by(&table, request, handle);
}

int keystore_find(const char *name, uid_t uid, uint64_t *handle)
{
	struct key *k;

	pthread_mutex_lock(&table.lock);
	k = find_name(name, uid);
	if (k)
		*handle = k->object.handle;
	pthread_mutex_unlock(&table.lock);
	return k ? 0 : -ENOKEY;
}

int keystore_destroy_then(uint64_t handle, uid_t uid, uint64_t consumer_serial,
			  struct request_id request, void (*wiped)(void *),
			  void *arg)
{
	const struct object_user who = { uid, consumer_serial };

	return object_destroy(&table, handle, who, request, wiped, arg);
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
	object_end_session(&table, consumer_serial);
}

void keystore_disown(void)
{
	object_disown(&table);
}

static void describe(const struct key *k, uint64_t next,
		     struct ukcf_key_info *row)
{
	memset(row, 0, sizeof(*row));
	row->id = k->object.handle;
	row->mech = k->mech;
	row->usage = k->usage;
	row->flags = k->flags;
	row->bits = k->bits;
	if (!row->bits)
		row->bits = 8 *
			    (k->secret_len ? k->secret_len : k->public_len);
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

	pthread_mutex_lock(&table.lock);
	for (; i < SLOTS && filled < n; i++) {
		struct key *k = key_at((uint32_t)i);

		if (!object_is_live(&k->object) || k->object.uid != uid ||
		    k->object.consumer_serial != 0)
			continue;
		describe(k, i + 1, &rows[filled]);
		/* else it was destroyed, and perhaps half wiped, meanwhile */
		filled += object_is_live(&k->object);
	}
	pthread_mutex_unlock(&table.lock);
	*next = i < SLOTS ? i : 0;
	return filled;
}

int keystore_look(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		  struct key **kp)
{
	const struct object_user who = { uid, consumer_serial };
	struct object *o;
	int err = object_hold(&table, handle, who, &o);

	if (!err)
		*kp = key_of(o);
	return err;
}

int keystore_hold(uint64_t handle, uid_t uid, uint64_t consumer_serial,
		  struct key **kp)
{
	int err = keystore_look(handle, uid, consumer_serial, kp);

	if (!err)
		fetch_add_u64(&(*kp)->uses, 1);
	return err;
}

void keystore_hold_more(struct key *k)
{
	fetch_add_u64(&k->object.life, 1);
}

void keystore_release(struct key *k)
{
	object_release(&table, &k->object);
}

uint64_t key_id(const struct key *k)
{
	return k->object.handle;
}

uint32_t key_slot(const struct key *k)
{
	return object_slot(&table, &k->object);
}

bool key_is_live(const struct key *k)
{
	return object_is_live(&k->object);
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

bool key_take_nonce(struct key *k, uint64_t limit, uint64_t *n)
{
	uint64_t taken = load_relaxed_u64(&k->nonces);

	do {
		if (taken >= limit)
			return false;
	} while (!compare_swap_u64(&k->nonces, &taken, taken + 1));
	*n = taken;
	return true;
}

uint64_t key_nonces_taken(const struct key *k)
{
	return load_relaxed_u64(&k->nonces);
}

void key_skip_nonces(struct key *k, uint64_t n)
{
	uint64_t taken = load_relaxed_u64(&k->nonces);

	while (taken < n && !compare_swap_u64(&k->nonces, &taken, n))
		;
}

uint32_t key_nonce_field(const struct key *k)
{
	return k->nonce_field;
}

struct ukcf_bytes key_secret(const struct key *k)
{
	const struct large *l = large_of(k);
	const uint8_t *bytes = l ? l->secret : k->secret;

	return (struct ukcf_bytes){ k->secret_len ? bytes : NULL,
				    k->secret_len };
}

struct ukcf_bytes key_public(const struct key *k)
{
	const struct large *l = large_of(k);
	const uint8_t *bytes = l ? l->public : k->public;

	return (struct ukcf_bytes){ k->public_len ? bytes : NULL,
				    k->public_len };
}
