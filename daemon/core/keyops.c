/* SPDX-License-Identifier: MIT */
/*
 * The operations on keys and templates.  Those that change state take effect exactly once:
 * the object itself names the request that created or destroyed it, so a
 * request that is run again after a crash finds its own effect.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/api/consumer.h"
#include "daemon/api/ring.h"
#include "daemon/core/execute.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/nonce.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"
#include "lib/shared/sizes.h"

/* A result: bytes or a handle, or -errno; *detail says why. */
typedef int64_t (*keyop_fn)(struct request *req, const uint8_t *in,
			    unsigned int *detail);

static int64_t refuse(unsigned int *detail, unsigned int why, int err)
{
	*detail = why;
	return err;
}

static struct request_id id_of(const struct request *req)
{
	return (struct request_id){ ring_serial(req->ring), req->entry->seq };
}

static struct object_user user_of(const struct request *req)
{
	const struct consumer *c = ring_consumer(req->ring);

	return (struct object_user){ c->uid, c->serial };
}

/* [A-Za-z0-9._-]{1,63}, not beginning with '.' or '-'; NUL padded. */
static bool name_is_valid(const char name[UKCF_KEY_NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strnlen(name, UKCF_KEY_NAME_MAX);

	if (n == 0 || n == UKCF_KEY_NAME_MAX || name[0] == '.' ||
	    name[0] == '-' || strspn(name, allowed) != n)
		return false;
	for (; n < UKCF_KEY_NAME_MAX; n++)
		if (name[n])
			return false;
	return true;
}

static bool is_nameless(const char name[UKCF_KEY_NAME_MAX])
{
	static const char none[UKCF_KEY_NAME_MAX];

	return memcmp(name, none, sizeof(none)) == 0;
}

/* Parse a key request; the raw key, if any, follows it. */
static int parse(const struct request *req, const uint8_t *in,
		 struct ukcf_key_req *kr, struct ukcf_bytes *raw,
		 unsigned int *detail)
{
	uint32_t len = req->entry->sqe.in.len;

	if (len < sizeof(*kr))
		return (int)refuse(detail, UKCF_DETAIL_IN_SIZE, -EINVAL);
	memcpy(kr, in, sizeof(*kr));
	if (kr->reserved)
		return (int)refuse(detail, UKCF_DETAIL_RESERVED, -EINVAL);
	if (kr->key_len != len - sizeof(*kr))
		return (int)refuse(detail, UKCF_DETAIL_IN_SIZE, -EINVAL);
	*raw = (struct ukcf_bytes){ in + sizeof(*kr), kr->key_len };
	return 0;
}

static int check_flags(const struct ukcf_key_req *kr, uint32_t allowed,
		       unsigned int *detail)
{
	bool session = kr->flags & UKCF_KEY_SESSION;

	if ((kr->flags & ~allowed) ||
	    ((kr->flags & UKCF_KEY_OWN) && !session))
		return (int)refuse(detail, UKCF_DETAIL_FLAGS, -EINVAL);
	if (session ? !is_nameless(kr->name) : !name_is_valid(kr->name))
		return (int)refuse(detail, UKCF_DETAIL_KEY_NAME, -EINVAL);
	return 0;
}

static int resolve_usage(const struct request *req, struct ukcf_key_req *kr,
			 unsigned int *detail)
{
	uint32_t allowed = mech_class_usage(req->mech->id);

	if (kr->flags & UKCF_KEY_PUBLIC_ONLY)
		allowed = mech_public_usage(req->mech->id);
	if (kr->usage == UKCF_USE_DEFAULT)
		kr->usage = allowed;
	/* Of a key that encrypts nothing it would mean nothing. */
	if ((kr->flags & UKCF_KEY_DAEMON_NONCE) &&
	    UKCF_MECH_CLASS(req->mech->id) != UKCF_CLASS_AEAD)
		return (int)refuse(detail, UKCF_DETAIL_FLAGS, -EINVAL);
	if (kr->usage == 0 || (kr->usage & ~allowed))
		return (int)refuse(detail, UKCF_DETAIL_KEY_USAGE, -EINVAL);
	return 0;
}

static enum ukcf_status call(struct request *req, ukcf_job_fn fn,
			     struct ukcf_job *job)
{
	job->mech = req->mech->id;
	return fn(req->offer->provider->instance, job);
}

static bool has_public(const struct request *req)
{
	uint32_t class_ = UKCF_MECH_CLASS(req->mech->id);

	return class_ == UKCF_CLASS_SIGN || class_ == UKCF_CLASS_KEX ||
	       class_ == UKCF_CLASS_PKE;
}

/* secret -> pub; 0 or -errno */
static int make_public(struct request *req, struct ukcf_bytes secret,
		       uint8_t *pub, size_t size, struct ukcf_bytes *made)
{
	struct ukcf_job job = { .op = UKCF_OP_KEY_PUBLIC,
				.key = secret,
				.out = pub,
				.out_size = size };
	ukcf_job_fn fn = req->offer->offer->ops->public_key;

	*made = (struct ukcf_bytes){ 0 };
	if (!has_public(req))
		return 0;
	if (!fn || call(req, fn, &job) != UKCF_DONE ||
	    job.res < 0 || !sizes_fit_public(&req->mech->limits,
					     (uint64_t)job.res))
		return -EIO;
	*made = (struct ukcf_bytes){ pub, (size_t)job.res };
	return 0;
}

/* Those of an RSA modulus, of which there are three sizes: it is all of a public
 * key but for less than 128 bytes. */
static uint32_t bits_of(const struct request *req, struct ukcf_bytes pub)
{
	if (!req->mech->limits.by_key)
		return 0;
	return (uint32_t)pub.len / 128 * 1024;
}

static int64_t create(struct request *req, const struct ukcf_key_req *kr,
		      struct ukcf_bytes secret, struct ukcf_bytes pub,
		      unsigned int *detail)
{
	const struct consumer *c = ring_consumer(req->ring);
	struct key_spec spec = {
		.request = id_of(req),
		.name = kr->flags & UKCF_KEY_SESSION ? NULL : kr->name,
		.uid = c->uid,
		.consumer_serial = c->serial,
		.mech = req->mech->id,
		.usage = kr->usage,
		.flags = kr->flags,
		.bits = bits_of(req, pub),
		.secret = secret,
		.pub = pub,
	};
	uint64_t handle;
	int err = keystore_create(&spec, &handle);

	if (err == -EEXIST)
		return refuse(detail, UKCF_DETAIL_KEY_NAME, err);
	if (err)
		return refuse(detail, UKCF_DETAIL_QUOTA, err);
	return (int64_t)handle;
}

/* Of a key to generate; 0: the provider's choice. */
static int64_t wanted_bits(const struct request *req,
			   struct ukcf_key_req *kr, size_t *bits,
			   unsigned int *detail)
{
	static const struct {
		uint32_t flag, bits;
	} sizes[] = {
		{ 0, 0 },
		{ UKCF_KEY_BITS_2048, 2048 },
		{ UKCF_KEY_BITS_3072, 3072 },
		{ UKCF_KEY_BITS_4096, 4096 },
	};
	uint32_t flag = kr->flags & UKCF_KEY_BITS;

	kr->flags &= ~(uint32_t)UKCF_KEY_BITS; /* no property of the key */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		*bits = sizes[i].bits;
		if (sizes[i].flag == flag &&
		    (flag == 0 || req->mech->limits.by_key))
			return 0;
	}
	return refuse(detail, UKCF_DETAIL_FLAGS, -EINVAL);
}

static int64_t op_generate(struct request *req, const uint8_t *in,
			   unsigned int *detail)
{
	uint8_t secret[UKCF_KEY_BYTES_MAX], pub[UKCF_KEY_PUBLIC_MAX];
	struct ukcf_job job = { .op = UKCF_OP_KEY_GENERATE,
				.out = secret,
				.out_size = sizeof(secret) };
	ukcf_job_fn fn = req->offer->offer->ops->generate;
	struct ukcf_bytes raw, made;
	struct ukcf_key_req kr;
	int64_t res;

	res = parse(req, in, &kr, &raw, detail);
	if (!res && raw.len)
		res = refuse(detail, UKCF_DETAIL_IN_SIZE, -EINVAL);
	if (!res)
		res = wanted_bits(req, &kr, &job.tag_len, detail);
	if (!res)
		res = check_flags(&kr, UKCF_KEY_EXPORTABLE | UKCF_KEY_SESSION |
					       UKCF_KEY_DAEMON_NONCE, detail);
	if (!res)
		res = resolve_usage(req, &kr, detail);
	if (res)
		return res;
	if (call(req, fn, &job) != UKCF_DONE ||
	    job.res < req->mech->limits.key_min ||
	    job.res > req->mech->limits.key_max)
		return refuse(detail, UKCF_DETAIL_PROVIDER_FAILED, -EIO);
	raw = (struct ukcf_bytes){ secret, (size_t)job.res };
	if (make_public(req, raw, pub, sizeof(pub), &made))
		res = refuse(detail, UKCF_DETAIL_PROVIDER_FAILED, -EIO);
	else
		res = create(req, &kr, raw, made, detail);
	secmem_wipe(secret, sizeof(secret));
	return res;
}

/* Both empty but one: the secret, or the public part alone.  0 or -errno */
static int64_t check_key(struct request *req, struct ukcf_bytes secret,
			 struct ukcf_bytes pub, unsigned int *detail)
{
	struct ukcf_job job = { .op = UKCF_OP_KEY_IMPORT,
				.key = secret,
				.pub = pub };
	ukcf_job_fn fn = req->offer->offer->ops->check_key;

	if (!fn)
		return 0;
	if (call(req, fn, &job) != UKCF_DONE)
		return refuse(detail, UKCF_DETAIL_PROVIDER_FAILED, -EIO);
	if (job.res < 0)
		return refuse(detail, job.detail, (int)job.res);
	return 0;
}

static int64_t import_public(struct request *req, const struct ukcf_key_req *kr,
			     struct ukcf_bytes raw, unsigned int *detail)
{
	const struct ukcf_bytes none = { 0 };
	int64_t res;

	if (!sizes_fit_public(&req->mech->limits, raw.len))
		return refuse(detail, UKCF_DETAIL_KEY_SIZE, -EKEYREJECTED);
	res = check_key(req, none, raw, detail);
	if (res)
		return res;
	return create(req, kr, (struct ukcf_bytes){ 0 }, raw, detail);
}

static int64_t op_import(struct request *req, const uint8_t *in,
			 unsigned int *detail)
{
	const uint32_t allowed = UKCF_KEY_EXPORTABLE | UKCF_KEY_SESSION |
				 UKCF_KEY_OWN | UKCF_KEY_PUBLIC_ONLY |
				 UKCF_KEY_DAEMON_NONCE;
	struct ukcf_bytes raw, made, none = { 0 };
	struct ukcf_key_req kr;
	uint8_t pub[UKCF_KEY_PUBLIC_MAX];
	int64_t res;

	res = parse(req, in, &kr, &raw, detail);
	if (!res)
		res = check_flags(&kr, allowed, detail);
	if (!res)
		res = resolve_usage(req, &kr, detail);
	if (res)
		return res;
	if (kr.flags & UKCF_KEY_PUBLIC_ONLY)
		return import_public(req, &kr, raw, detail);
	if (raw.len < req->mech->limits.key_min ||
	    raw.len > req->mech->limits.key_max)
		return refuse(detail, UKCF_DETAIL_KEY_SIZE, -EKEYREJECTED);
	res = check_key(req, raw, none, detail);
	if (res)
		return res;
	res = make_public(req, raw, pub, sizeof(pub), &made);
	if (res)
		return refuse(detail, UKCF_DETAIL_PROVIDER_FAILED, -EIO);
	return create(req, &kr, raw, made, detail);
}

static int64_t op_open(struct request *req, const uint8_t *in,
		       unsigned int *detail)
{
	struct ukcf_bytes raw;
	struct ukcf_key_req kr;
	uint64_t handle;
	int err = parse(req, in, &kr, &raw, detail);

	if (err)
		return err;
	if (raw.len || kr.usage || kr.flags || !name_is_valid(kr.name))
		return refuse(detail, UKCF_DETAIL_KEY_NAME, -EINVAL);
	err = keystore_find(kr.name, ring_consumer(req->ring)->uid, &handle);
	if (err)
		return refuse(detail, UKCF_DETAIL_KEY, err);
	return (int64_t)handle;
}

static int64_t give(struct request *req, struct ukcf_bytes b,
		    unsigned int *detail)
{
	if (req->entry->sqe.out.len < b.len)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	memcpy(req->at[UKCF_RANGE_OUT], b.data, b.len);
	return (int64_t)b.len;
}

static int64_t op_public(struct request *req, const uint8_t *in,
			 unsigned int *detail)
{
	struct ukcf_bytes pub = key_public(req->key);

	(void)in;
	if (pub.len == 0) /* a symmetric key has none */
		return refuse(detail, UKCF_DETAIL_MECH_OP, -EOPNOTSUPP);
	return give(req, pub, detail);
}

static int64_t op_export(struct request *req, const uint8_t *in,
			 unsigned int *detail)
{
	(void)in;
	if (!(key_flags(req->key) & UKCF_KEY_EXPORTABLE) ||
	    key_secret(req->key).len == 0)
		return refuse(detail, UKCF_DETAIL_NOT_EXPORTABLE, -EACCES);
	return give(req, key_secret(req->key), detail);
}

/* A result that comes later, by destroyed(). */
#define PARKED INT64_MIN

/* The last request that used the key has ended, perhaps in another thread. */
static void destroyed(void *arg)
{
	struct request *req = arg;

	request_result(req, 0, UKCF_DETAIL_NONE);
	request_times(req,
		      clock_ticks_to_ns(clock_ticks() - req->accepted_ticks),
		      0);
	ring_complete(req);
}

static int64_t op_destroy(struct request *req, const uint8_t *in,
			  unsigned int *detail)
{
	const struct consumer *c = ring_consumer(req->ring);
	int err = keystore_destroy_then(req->entry->sqe.obj[0], c->uid,
					c->serial, id_of(req), destroyed, req);

	(void)in;
	if (err == -EINPROGRESS)
		return PARKED;
	return err ? refuse(detail, UKCF_DETAIL_KEY, err) : 0;
}

static int64_t op_list(struct request *req, const uint8_t *in,
		       unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint64_t next = s->ctx, room = s->out.len / sizeof(struct ukcf_key_info);
	uint8_t *out = req->at[UKCF_RANGE_OUT];
	struct ukcf_key_info row;
	uint64_t n = 0;

	(void)in;
	if (room == 0)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	while (n < room &&
	       keystore_list(ring_consumer(req->ring)->uid, &next, &row, 1)) {
		memcpy(out + n * sizeof(row), &row, sizeof(row));
		n++;
		if (next == 0)
			break;
	}
	return (int64_t)(n * sizeof(row));
}

static int64_t op_nonces(struct request *req, const uint8_t *in,
			 unsigned int *detail)
{
	const struct consumer *c = ring_consumer(req->ring);
	struct ukcf_key_nonces n;
	struct key *k;
	int err = keystore_look(req->entry->sqe.obj[0], c->uid, c->serial, &k);

	(void)in;
	if (err)
		return refuse(detail, UKCF_DETAIL_KEY, err);
	err = nonce_count(k, &n);
	keystore_release(k);
	if (err)
		return refuse(detail, UKCF_DETAIL_MECH_OP, err);
	return give(req, (struct ukcf_bytes){ (const uint8_t *)&n, sizeof(n) },
		    detail);
}

static int64_t op_tmpl(struct request *req, const uint8_t *in,
		       unsigned int *detail)
{
	bool once = req->entry->sqe.subflags & UKCF_SUB_TMPL_AUTO;
	uint64_t handle;
	int err = template_create(req->key, req->offer, user_of(req),
				  id_of(req), once, &handle);

	(void)in;
	if (err == -EDQUOT)
		return refuse(detail, UKCF_DETAIL_QUOTA, err);
	return err ? refuse(detail, UKCF_DETAIL_KEY, err) : (int64_t)handle;
}

static int64_t op_tmpl_destroy(struct request *req, const uint8_t *in,
			       unsigned int *detail)
{
	int err = template_destroy(req->entry->sqe.obj[0], user_of(req),
				   id_of(req), destroyed, req);

	(void)in;
	if (err == -EINPROGRESS)
		return PARKED;
	return err ? refuse(detail, UKCF_DETAIL_TMPL, err) : 0;
}

/* Before a restart. */
static int created_by(const struct request *req, uint64_t *handle)
{
	if (req->entry->sqe.op == UKCF_OP_TMPL_CREATE)
		return template_created_by(id_of(req), handle);
	return keystore_created_by(id_of(req), handle);
}

static const struct {
	keyop_fn fn;
	bool creates;
} keyops[] = {
	[UKCF_OP_KEY_GENERATE - UKCF_OP_KEY_GENERATE] = { op_generate, true },
	[UKCF_OP_KEY_IMPORT - UKCF_OP_KEY_GENERATE] = { op_import, true },
	[UKCF_OP_KEY_OPEN - UKCF_OP_KEY_GENERATE] = { op_open, false },
	[UKCF_OP_KEY_PUBLIC - UKCF_OP_KEY_GENERATE] = { op_public, false },
	[UKCF_OP_KEY_EXPORT - UKCF_OP_KEY_GENERATE] = { op_export, false },
	[UKCF_OP_KEY_DESTROY - UKCF_OP_KEY_GENERATE] = { op_destroy, false },
	[UKCF_OP_KEY_LIST - UKCF_OP_KEY_GENERATE] = { op_list, false },
	[UKCF_OP_KEY_NONCES - UKCF_OP_KEY_GENERATE] = { op_nonces, false },
	[UKCF_OP_TMPL_CREATE - UKCF_OP_KEY_GENERATE] = { op_tmpl, true },
	[UKCF_OP_TMPL_DESTROY - UKCF_OP_KEY_GENERATE] = { op_tmpl_destroy,
							  false },
};

bool keyops_run(struct request *req, const uint8_t *in)
{
	uint64_t i = req->entry->sqe.op - UKCF_OP_KEY_GENERATE;
	unsigned int detail = UKCF_DETAIL_NONE;
	uint64_t handle;
	int64_t res;

	i = index_clamp(i, sizeof(keyops) / sizeof(keyops[0]));
	if (req->replayed && keyops[i].creates &&
	    created_by(req, &handle) == 0)
		res = (int64_t)handle;
	else
		res = keyops[i].fn(req, in, &detail);
	if (res == PARKED)
		return false;
	request_result(req, res, detail);
	return true;
}
