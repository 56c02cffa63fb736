/* SPDX-License-Identifier: MIT */
#include "lib/key.h"

#include <errno.h>
#include <string.h>

#include "lib/call.h"
#include "lib/connection.h"
#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"
#include "lib/shared/sizes.h"

/* ----------------------------------------------------------- the local keys */

#define DEAD UINT64_C(0x80000000)
#define USERS UINT64_C(0x7fffffff)
#define GEN_MASK 0x7fffffffu /* bit 63 of the id is taken */
#define LARGE_BYTES (UKCF_KEY_BYTES_MAX + UKCF_KEY_PUBLIC_MAX)
#define CHUNK_BYTES (LOCAL_PER_CHUNK * sizeof(struct local_key))

int local_keys_init(struct local_keys *k)
{
	int err;

	*k = (struct local_keys){ 0 };
	err = -pthread_mutex_init(&k->lock, NULL);
	return err ? err : turn_init(&k->registering);
}

static void free_chunk(struct local_key *c)
{
	for (unsigned int i = 0; i < LOCAL_PER_CHUNK; i++)
		secmem_free(c[i].large, LARGE_BYTES);
	secmem_free(c, CHUNK_BYTES);
}

void local_keys_deinit(struct local_keys *k, bool ours)
{
	if (!ours)
		return;
	for (unsigned int i = 0; i < k->n_chunks; i++)
		free_chunk(k->chunks[i]);
	pthread_mutex_destroy(&k->lock);
	turn_deinit(&k->registering);
}

static int add_chunk(struct local_keys *k)
{
	struct local_key *c;

	if (k->n_chunks == LOCAL_CHUNKS)
		return -ENOMEM;
	c = secmem_alloc(CHUNK_BYTES);
	if (!c)
		return -ENOMEM;
	for (unsigned int i = LOCAL_PER_CHUNK; i-- > 0;) {
		c[i].index = k->n_chunks * LOCAL_PER_CHUNK + i;
		c[i].gen = 1;
		c[i].next_free = k->free;
		k->free = &c[i];
	}
	store_release_ptr(&k->chunks[k->n_chunks++], c);
	return 0;
}

static int take_slot(struct local_keys *k, struct local_key **kp)
{
	int err = 0;

	pthread_mutex_lock(&k->lock);
	if (!k->free)
		err = add_chunk(k);
	if (!err) {
		*kp = k->free;
		k->free = (*kp)->next_free;
	}
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* Nobody uses it any more. */
static void wipe_slot(struct local_keys *k, struct local_key *key)
{
	secmem_wipe(key->bytes, sizeof(key->bytes));
	secmem_wipe(key->pub, sizeof(key->pub));
	secmem_free(key->large, LARGE_BYTES); /* wipes */
	key->large = NULL;
	key->len = key->pub_len = 0;
	pthread_mutex_lock(&k->lock);
	store_release_u64(&key->handle, 0);
	key->gen = key->gen == GEN_MASK ? 1 : key->gen + 1;
	key->next_free = k->free;
	k->free = key;
	pthread_mutex_unlock(&k->lock);
}

static uint32_t gen_of(struct ukcf_key key)
{
	return (uint32_t)(key.id >> 32) & GEN_MASK;
}

static struct local_key *slot_of(struct ukcf *u, struct ukcf_key key)
{
	uint32_t i = (uint32_t)key.id;
	struct local_key *chunk;

	if (!key_is_local(key) || i >= LOCAL_CHUNKS * LOCAL_PER_CHUNK)
		return NULL;
	chunk = load_acquire_ptr(&u->keys.chunks[i / LOCAL_PER_CHUNK]);
	return chunk ? &chunk[i % LOCAL_PER_CHUNK] : NULL;
}

int local_key_hold(struct ukcf *u, struct ukcf_key key, struct local_key **kp)
{
	struct local_key *k = slot_of(u, key);
	uint64_t s;

	if (!k)
		return -ENOKEY;
	s = load_acquire_u64(&k->state);
	do {
		if (s >> 32 != gen_of(key) || (s & DEAD))
			return gen_of(key) ? -EKEYREVOKED : -ENOKEY;
	} while (!compare_swap_u64(&k->state, &s, s + 1));
	*kp = k;
	return 0;
}

void local_key_release(struct ukcf *u, struct local_key *k)
{
	uint64_t s = fetch_sub_u64(&k->state, 1) - 1;

	/* The last one after it was destroyed; state 0 is nobody's. */
	if ((s & DEAD) && !(s & USERS) && compare_swap_u64(&k->state, &s, 0))
		wipe_slot(&u->keys, k);
}

static uint8_t *bytes_of(struct local_key *k)
{
	return k->large ? k->large : k->bytes;
}

static uint8_t *public_of(struct local_key *k)
{
	return k->large ? k->large + UKCF_KEY_BYTES_MAX : k->pub;
}

struct ukcf_bytes local_key_public(struct local_key *k)
{
	return (struct ukcf_bytes){ k->pub_len ? public_of(k) : NULL,
				    k->pub_len };
}

struct ukcf_bytes local_key_bytes(struct local_key *k, uint32_t op)
{
	if (mech_takes_public(k->mech, op))
		return local_key_public(k);
	return (struct ukcf_bytes){ bytes_of(k), k->len };
}

/* ------------------------------------------------------------------ making */

/* Only to verify or to encrypt to: then the bytes are a public key. */
static bool is_public(uint32_t mech, uint32_t usage)
{
	return usage && usage == mech_public_usage(mech);
}

/* The public part of a key of a signature or key exchange mechanism. */
static void make_public(const struct mech_slot *slot, struct local_key *k)
{
	const struct caller *by = load_acquire_ptr(&slot->caller);
	struct ukcf_job j = { .op = UKCF_OP_KEY_PUBLIC,
			      .mech = k->mech,
			      .key = { bytes_of(k), k->len },
			      .out = public_of(k),
			      .out_size = k->large ? UKCF_KEY_PUBLIC_MAX :
						     LOCAL_PUBLIC };

	if (!by || !by->offer->ops->public_key)
		return;
	if (by->offer->ops->public_key(by->instance, &j) == UKCF_DONE &&
	    j.res > 0 && (uint64_t)j.res <= j.out_size)
		k->pub_len = (uint32_t)j.res;
}

/* Is there room for so many bytes?  -ENOMEM */
static int make_room(struct local_key *k, const struct mech_slot *slot,
		     size_t len)
{
	if (len <= LOCAL_BYTES && slot->limits.pub_len <= LOCAL_PUBLIC)
		return 0;
	k->large = secmem_alloc(LARGE_BYTES);
	return k->large ? 0 : -ENOMEM;
}

static void fill_slot(struct local_key *k, const struct mech_slot *slot,
		      uint32_t usage, const void *bytes, size_t len)
{
	k->mech = slot->id;
	k->usage = usage;
	if (is_public(slot->id, usage)) {
		k->flags = UKCF_KEY_PUBLIC_ONLY;
		memcpy(public_of(k), bytes, len);
		k->pub_len = (uint32_t)len;
		return;
	}
	k->flags = 0;
	memcpy(bytes_of(k), bytes, len);
	k->len = (uint32_t)len;
	make_public(slot, k);
}

static int64_t check_new(const struct mech_slot *slot, uint32_t *usage,
			 const void *bytes, size_t len)
{
	uint32_t allowed;
	bool fits;

	if (!slot)
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH);
	allowed = mech_class_usage(slot->id);
	if (!allowed)
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH_OP);
	if (*usage == UKCF_USE_DEFAULT)
		*usage = allowed;
	if (*usage & ~allowed)
		return call_refused(-EINVAL, UKCF_DETAIL_KEY_USAGE);
	if (is_public(slot->id, *usage))
		fits = sizes_fit_public(&slot->limits, len) &&
		       len <= UKCF_KEY_PUBLIC_MAX;
	else
		fits = len >= slot->limits.key_min &&
		       len <= slot->limits.key_max && len <= UKCF_KEY_BYTES_MAX;
	if (!bytes || !fits)
		return call_refused(-EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	return 0;
}

/* The daemon will judge the key too, if it ever gets it. */
static int64_t check_value(const struct mech_slot *slot, uint32_t usage,
			   const void *bytes, size_t len)
{
	const struct caller *by = load_acquire_ptr(&slot->caller);
	const struct ukcf_bytes b = { bytes, len };
	struct ukcf_job j = { .op = UKCF_OP_KEY_IMPORT, .mech = slot->id };

	if (!by || !by->offer->ops->check_key)
		return 0;
	if (is_public(slot->id, usage))
		j.pub = b;
	else
		j.key = b;
	if (by->offer->ops->check_key(by->instance, &j) != UKCF_DONE)
		return call_refused(-EIO, UKCF_DETAIL_PROVIDER_FAILED);
	return j.res < 0 ? call_refused(j.res, j.detail) : 0;
}

int ukcf_key_local(struct ukcf *u, uint32_t mech, uint32_t usage,
		   const void *bytes, size_t len, struct ukcf_key *key)
{
	const struct mech_slot *slot;
	struct local_key *k;
	bool stale;
	int err;

	if (!u || !key)
		return -EINVAL;
	err = connection_check(u);
	if (err)
		return (int)call_refused(err, UKCF_DETAIL_NONE);
	slot = mechs_find(u, mech, &stale);
	err = (int)check_new(slot, &usage, bytes, len);
	if (!err)
		err = (int)check_value(slot, usage, bytes, len);
	if (!err)
		err = take_slot(&u->keys, &k);
	if (err)
		return err;
	err = make_room(k, slot, len);
	if (err) {
		wipe_slot(&u->keys, k); /* and gives it back */
		return err;
	}
	fill_slot(k, slot, usage, bytes, len);
	key->id = LOCAL_KEY | (uint64_t)k->gen << 32 | k->index;
	store_release_u64(&k->state, (uint64_t)k->gen << 32);
	return 0;
}

/* ---------------------------------------------------------- the daemon's ops */

/* [A-Za-z0-9._-]{1,63} is judged by the daemon; here only that it fits. */
static int set_name(struct ukcf_key_req *req, const char *name)
{
	size_t n;

	if (!name) {
		req->flags |= UKCF_KEY_SESSION;
		return 0;
	}
	n = strlen(name);
	if (n == 0 || n >= sizeof(req->name))
		return (int)call_refused(-EINVAL, UKCF_DETAIL_KEY_NAME);
	memcpy(req->name, name, n);
	return 0;
}

/* A request whose input is a struct ukcf_key_req and perhaps a key. */
static int64_t key_request(struct ukcf *u, uint32_t op, uint32_t mech,
			   struct ukcf_key_req *req, const void *bytes,
			   size_t len)
{
	struct lane_request q = {
		.sqe = { .op = (uint8_t)op, .mech = { mech } },
		.in = { req, sizeof(*req) },
		.in2 = { bytes, len },
		.secret = true,
	};

	req->key_len = (uint32_t)len;
	return lane_call(u, &q, UKCF_REASON_OP);
}

static int create(struct ukcf *u, uint32_t op, const char *name, uint32_t mech,
		  struct ukcf_key_req *req, const void *bytes, size_t len,
		  uint64_t *handle)
{
	int64_t res;
	int err = set_name(req, name);

	if (err)
		return err;
	res = key_request(u, op, mech, req, bytes, len);
	if (res < 0)
		return (int)res;
	*handle = (uint64_t)res;
	return 0;
}

/* Serialised, so that a key is registered once. */
static int register_key(struct ukcf *u, struct local_key *k)
{
	struct ukcf_key_req req = { .usage = k->usage,
				    .flags = UKCF_KEY_OWN | k->flags };
	bool public_only = k->flags & UKCF_KEY_PUBLIC_ONLY;
	uint64_t handle = 0;
	int err;

	err = turn_take(&u->keys.registering,
			clock_ns() + load_relaxed_u64(&u->timeout_ns));
	if (err)
		return (int)call_refused(err, UKCF_DETAIL_TIMEOUT);
	if (!load_acquire_u64(&k->handle)) {
		err = create(u, UKCF_OP_KEY_IMPORT, NULL, k->mech, &req,
			     public_only ? public_of(k) : bytes_of(k),
			     public_only ? k->pub_len : k->len, &handle);
		if (!err)
			store_release_u64(&k->handle, handle);
	}
	turn_give(&u->keys.registering);
	return err;
}

int key_handle(struct ukcf *u, struct ukcf_key key, uint64_t *handle)
{
	struct local_key *k;
	int err;

	*handle = key.id;
	if (!key_is_local(key))
		return 0;
	err = local_key_hold(u, key, &k);
	if (err)
		return (int)call_refused(err, UKCF_DETAIL_KEY);
	*handle = load_acquire_u64(&k->handle);
	if (!*handle) {
		err = register_key(u, k);
		*handle = load_acquire_u64(&k->handle);
	}
	local_key_release(u, k);
	return err;
}

int ukcf_key_register(struct ukcf *u, struct ukcf_key key)
{
	uint64_t handle;
	int err;

	if (!u)
		return -EINVAL;
	err = connection_check(u);
	if (err)
		return (int)call_refused(err, UKCF_DETAIL_NONE);
	if (!key_is_local(key))
		return (int)call_refused(-ENOKEY, UKCF_DETAIL_KEY);
	return key_handle(u, key, &handle);
}

int ukcf_key_generate(struct ukcf *u, const char *name, uint32_t mech,
		      uint32_t usage, uint32_t flags, struct ukcf_key *key)
{
	struct ukcf_key_req req = { .usage = usage, .flags = flags };

	if (!u || !key)
		return -EINVAL;
	if (flags & ~(uint32_t)(UKCF_KEY_EXPORTABLE | UKCF_KEY_BITS |
				UKCF_KEY_DAEMON_NONCE))
		return (int)call_refused(-EINVAL, UKCF_DETAIL_FLAGS);
	return create(u, UKCF_OP_KEY_GENERATE, name, mech, &req, NULL, 0,
		      &key->id);
}

int ukcf_key_import(struct ukcf *u, const char *name, uint32_t mech,
		    uint32_t usage, uint32_t flags, const void *bytes,
		    size_t len, struct ukcf_key *key)
{
	const uint32_t allowed = UKCF_KEY_EXPORTABLE | UKCF_KEY_PUBLIC_ONLY |
				 UKCF_KEY_DAEMON_NONCE;
	struct ukcf_key_req req = { .usage = usage, .flags = flags };

	if (!u || !key)
		return -EINVAL;
	if (flags & ~allowed)
		return (int)call_refused(-EINVAL, UKCF_DETAIL_FLAGS);
	if ((!bytes && len) || len > UKCF_KEY_BYTES_MAX)
		return (int)call_refused(-EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	return create(u, UKCF_OP_KEY_IMPORT, name, mech, &req, bytes, len,
		      &key->id);
}

int ukcf_key_open(struct ukcf *u, const char *name, struct ukcf_key *key)
{
	struct ukcf_key_req req = { 0 };

	if (!u || !key || !name)
		return -EINVAL;
	return create(u, UKCF_OP_KEY_OPEN, name, 0, &req, NULL, 0, &key->id);
}

/* -------------------------------------------------------------- of one key */

static int64_t key_bytes(struct ukcf *u, uint32_t op, struct ukcf_key key,
			 void *out, size_t out_size, bool secret)
{
	struct lane_request q = {
		.sqe = { .op = (uint8_t)op },
		.out = out,
		.out_size = out_size < UKCF_KEY_BYTES_MAX ? out_size :
							    UKCF_KEY_BYTES_MAX,
		.secret = secret,
	};
	int err;

	if (!u || (!out && out_size))
		return call_refused(-EINVAL, UKCF_DETAIL_OUT_RANGE);
	err = key_handle(u, key, &q.sqe.obj[0]);
	return err ? err : lane_call(u, &q, UKCF_REASON_OP);
}

int64_t ukcf_key_public(struct ukcf *u, struct ukcf_key key, void *out,
			size_t out_size)
{
	return key_bytes(u, UKCF_OP_KEY_PUBLIC, key, out, out_size, false);
}

int64_t ukcf_key_export(struct ukcf *u, struct ukcf_key key, void *out,
			size_t out_size)
{
	return key_bytes(u, UKCF_OP_KEY_EXPORT, key, out, out_size, true);
}

static int destroy_at_daemon(struct ukcf *u, uint32_t op, uint64_t handle)
{
	struct lane_request q = {
		.sqe = { .op = (uint8_t)op, .obj = { handle } },
	};
	int64_t res = lane_call(u, &q, UKCF_REASON_OP);

	return res < 0 ? (int)res : 0;
}

/* Dead at once; wiped by us or by the last call that uses it. */
static int kill_local(struct ukcf *u, struct ukcf_key key, uint64_t *handle)
{
	struct local_key *k;
	int err = local_key_hold(u, key, &k);

	if (err)
		return (int)call_refused(err, UKCF_DETAIL_KEY);
	if (fetch_or_u64(&k->state, DEAD) & DEAD) {
		local_key_release(u, k);
		return (int)call_refused(-EKEYREVOKED, UKCF_DETAIL_KEY);
	}
	*handle = load_acquire_u64(&k->handle);
	local_key_release(u, k);
	return 0;
}

int ukcf_key_destroy(struct ukcf *u, struct ukcf_key key)
{
	uint64_t handle = key.id;
	int err;

	if (!u)
		return -EINVAL;
	err = connection_check(u);
	if (err)
		return (int)call_refused(err, UKCF_DETAIL_NONE);
	if (key_is_local(key)) {
		err = kill_local(u, key, &handle);
		if (err || !handle)
			return err;
	}
	return destroy_at_daemon(u, UKCF_OP_KEY_DESTROY, handle);
}

/* --------------------------------------------------------------- templates */

/* A result, of a request that names a key. */
static int64_t call_with_key(struct ukcf *u, struct lane_request *q,
			     struct ukcf_key key)
{
	int err = key_handle(u, key, &q->sqe.obj[0]);

	return err ? err : lane_call(u, q, UKCF_REASON_OP);
}

int ukcf_tmpl_create(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		     uint16_t subflags, struct ukcf_key *tmpl)
{
	struct lane_request q = {
		.sqe = { .op = UKCF_OP_TMPL_CREATE,
			 .mech = { mech },
			 .subflags = subflags },
	};
	int64_t res;

	if (!u || !tmpl)
		return -EINVAL;
	res = call_with_key(u, &q, key);
	if (res < 0)
		return (int)res;
	tmpl->id = (uint64_t)res;
	return 0;
}

int ukcf_tmpl_destroy(struct ukcf *u, struct ukcf_key tmpl)
{
	return u ? destroy_at_daemon(u, UKCF_OP_TMPL_DESTROY, tmpl.id)
		 : -EINVAL;
}

int ukcf_key_list(struct ukcf *u, struct ukcf_key_info *rows, unsigned int n)
{
	const unsigned int most = 256; /* rows of one request */
	struct lane_request q = { .sqe = { .op = UKCF_OP_KEY_LIST } };
	unsigned int have = 0, got;
	int64_t res;

	if (!u || (!rows && n))
		return -EINVAL;
	while (have < n) {
		q.out = rows + have;
		q.out_size = (n - have < most ? n - have : most) *
			     sizeof(*rows);
		res = lane_call(u, &q, UKCF_REASON_OP);
		if (res < 0)
			return (int)res;
		got = (unsigned int)((uint64_t)res / sizeof(*rows));
		have += got;
		if (got == 0 || rows[have - 1].next == 0)
			break;
		q.sqe.ctx = rows[have - 1].next;
	}
	return (int)have;
}

int ukcf_key_nonces(struct ukcf *u, struct ukcf_key key,
		    struct ukcf_key_nonces *n)
{
	struct lane_request q = { .sqe = { .op = UKCF_OP_KEY_NONCES },
				  .out = n,
				  .out_size = sizeof(*n) };
	int64_t res;

	if (!u || !n)
		return -EINVAL;
	res = call_with_key(u, &q, key);
	if (res < 0)
		return (int)res;
	return res == (int64_t)sizeof(*n) ? 0 : -EPROTO;
}
