/* SPDX-License-Identifier: MIT */
/*
 * Two memories.  The table of slots lies in a memfd that the next process
 * takes over; it holds handles, no secret.  What providers computed is as
 * secret as the key: it lies in locked memory of this process alone, and is
 * wiped when the last request that uses the template has ended.
 *
 * Life and death of the key.  A template names its key by handle and holds no
 * reference to it, so a key can be destroyed at any time.  When a key dies its
 * templates die, under the key store's lock (its lock ranks before ours).  A
 * request holds the key before the template and releases it after, so when the
 * last reference to a key goes, nothing that was computed from it is left.
 */
#include "daemon/core/template.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/memfd.h"
#include "daemon/core/computed.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/fdstore.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define STATES COMPUTED_STATES
#define STATE_MAX 512u	/* bytes that one may compute */

struct template {
	struct object object; /* first */
	uint64_t key; /* handle */
	uint32_t once;
	uint32_t pad[13];
};

_Static_assert(sizeof(struct template) == 128, "a slot is 128 bytes");

#define STATES_SIZE ((size_t)TEMPLATE_SLOTS * STATES * STATE_MAX)
#define TABLE_SIZE (TEMPLATE_SLOTS * sizeof(struct template))

static void wipe_slot(struct object *o);

static struct computed computed[TEMPLATE_SLOTS][STATES];
static uint8_t *states; /* STATE_MAX bytes each, in the same order */
static uint32_t alive;	/* atomic: lets a dying key skip the walk */
static struct object_waiter waiters[TEMPLATE_SLOTS];
static void count_down(const struct object *o);
static struct object_table table = {
	.stride = sizeof(struct template),
	.slots = TEMPLATE_SLOTS,
	.kind = OBJECT_TEMPLATE,
	.wipe = wipe_slot,
	.died = count_down,
	.waiters = waiters,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static struct template *template_of(struct object *o)
{
	return (struct template *)(void *)o;
}

static struct computed_set set_of(uint32_t slot)
{
	return (struct computed_set){
		computed[slot],
		states + (size_t)slot * STATES * STATE_MAX,
		STATE_MAX,
	};
}

static void wipe_slot(struct object *o)
{
	computed_end(set_of(object_slot(&table, o)));
	store_relaxed_u64(&template_of(o)->key, 0);
}

static void count_down(const struct object *o)
{
	(void)o;
	fetch_sub_u32(&alive, 1);
}

/* Under the key store's lock. */
static void key_died(const struct object *key)
{
	if (load_acquire_u32(&alive) == 0)
		return;
	pthread_mutex_lock(&table.lock);
	for (uint32_t i = 0; i < TEMPLATE_SLOTS; i++) {
		struct object *o = object_at(&table, i);

		if (object_is_live(o) && template_of(o)->key == key->handle)
			object_end(&table, o);
	}
	pthread_mutex_unlock(&table.lock);
}

static int take_over(int fd)
{
	void *p;

	if (lseek(fd, 0, SEEK_END) != (off_t)TABLE_SIZE)
		return -EPROTO;
	p = memfd_map(fd, TABLE_SIZE, MEMFD_DAEMON_WRITES);
	if (!p)
		return -ENOMEM;
	table.base = p;
	object_settle(&table);
	alive = object_count(&table);
	return 0;
}

static int start_new(void)
{
	int fd = memfd_new("ukcf-templates", TABLE_SIZE, MEMFD_DAEMON_WRITES);
	void *p;

	if (fd < 0)
		return fd;
	p = memfd_map(fd, TABLE_SIZE, MEMFD_DAEMON_WRITES);
	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	table.base = p;
	alive = 0;
	return fdstore_put("templates", fd);
}

int template_open(int fd, unsigned int per_uid)
{
	table.quota = per_uid;
	if (!states)
		states = secmem_alloc(STATES_SIZE);
	if (!states)
		return -ENOMEM;
	keystore_on_death(key_died);
	return fd >= 0 ? take_over(fd) : start_new();
}

void template_disown(void)
{
	object_disown(&table);
}

void template_close(void)
{
	keystore_on_death(NULL);
	for (uint32_t i = 0; states && i < TEMPLATE_SLOTS; i++)
		computed_end(set_of(i));
	secmem_free(states, STATES_SIZE);
	states = NULL;
	memset(computed, 0, sizeof(computed));
}

unsigned int template_count(void)
{
	return object_count(&table);
}

/* -------------------------------------------------------------- computing */

static bool can_compute(const struct mech_offer *offer)
{
	return offer->offer->ops->init_tmpl &&
	       offer->offer->tmpl_size <= STATE_MAX;
}

const void *template_state(struct template *t, const struct mech_offer *offer,
			   const struct key *key)
{
	if (!can_compute(offer))
		return NULL;
	return computed_get(set_of(object_slot(&table, &t->object)), offer,
			    key);
}

void template_forget(const struct provider *p)
{
	if (!states)
		return; /* not opened: a test of something else */
	pthread_mutex_lock(&table.lock);
	for (uint32_t i = 0; i < TEMPLATE_SLOTS; i++)
		computed_forget(set_of(i), p);
	pthread_mutex_unlock(&table.lock);
}

/* ------------------------------------------------------------ life, death */

static int create_locked(const struct key *key, struct object_user who,
			 struct request_id request, bool once,
			 struct template **tp, uint64_t *handle)
{
	struct object *o = object_new_locked(&table, who, true, request);

	if (!o)
		return -EDQUOT;
	*tp = template_of(o);
	(*tp)->once = once;
	store_relaxed_u64(&(*tp)->key, key_id(key));
	fetch_add_u32(&alive, 1);
	*handle = object_publish_locked(o);
	return 0;
}

int template_create(const struct key *key, const struct mech_offer *offer,
		    struct object_user who, struct request_id request,
		    bool once, uint64_t *handle)
{
	struct template *t;
	struct object *o;
	int err;

	pthread_mutex_lock(&table.lock);
	err = create_locked(key, who, request, once, &t, handle);
	pthread_mutex_unlock(&table.lock);
	if (err)
		return err;
	/* It died before key_died() could see the template? */
	if (!key_is_live(key)) {
		template_destroy(*handle, who, request, NULL, NULL);
		return -EKEYREVOKED;
	}
	if (object_hold(&table, *handle, who, &o) == 0) {
		template_state(t, offer, key);
		object_release(&table, o);
	}
	return 0;
}

int template_created_by(struct request_id request, uint64_t *handle)
{
	return object_created_by(&table, request, handle);
}

int template_destroy(uint64_t handle, struct object_user who,
		     struct request_id request, void (*ended)(void *),
		     void *arg)
{
	return object_destroy(&table, handle, who, request, ended, arg);
}

void template_end_session(uint64_t consumer_serial)
{
	if (load_acquire_u32(&alive))
		object_end_session(&table, consumer_serial);
}

/* ------------------------------------------------------------------- uses */

int template_hold(uint64_t handle, struct object_user who,
		  struct template **tp, struct key **kp)
{
	struct object *o;
	uint64_t key;
	int err = object_hold(&table, handle, who, &o);

	if (err)
		return err;
	key = template_of(o)->key;
	object_release(&table, o);
	/* The key first: its end then waits for us, see above. */
	err = keystore_hold(key, who.uid, who.consumer_serial, kp);
	if (err)
		return err == -ENOKEY ? -EKEYREVOKED : err;
	err = object_hold(&table, handle, who, &o);
	if (err) {
		keystore_release(*kp);
		*kp = NULL;
		return err;
	}
	*tp = template_of(o);
	return 0;
}

void template_release(struct template *t, bool used)
{
	if (used && t->once)
		object_end(&table, &t->object);
	object_release(&table, &t->object);
}
