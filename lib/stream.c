/* SPDX-License-Identifier: MIT */
#include "lib/stream.h"

#include <errno.h>
#include <stdlib.h>

#include <ukcf/provider.h>

#include "lib/connection.h"
#include "lib/shared/secmem.h"

struct ukcf_stream {
	struct member member; /* first: of u->streams */
	struct ukcf *u;
	const struct caller *by;
	const struct mech_slot *slot;
	enum ukcf_op op;
	uint64_t total; /* bytes so far */
	bool begun; /* the module holds what ctx names */
	bool ended;
	void *ctx; /* secret memory: of a MAC it is as good as the key */
};

static int step(struct ukcf_stream *s, ukcf_job_fn fn, struct ukcf_job *j)
{
	j->op = s->op;
	j->mech = s->slot->id;
	j->ctx = s->ctx;
	if (fn(s->by->instance, j) != UKCF_DONE)
		return -EIO;
	return j->res < 0 ? (int)j->res : 0;
}

static void free_stream(struct ukcf_stream *s, bool ours)
{
	struct ukcf_job j = { 0 };

	if (ours && s->begun && !s->ended && s->by->offer->ops->drop)
		step(s, s->by->offer->ops->drop, &j);
	if (ours)
		secmem_free(s->ctx, s->by->offer->ctx_size);
	free(s);
}

/* A module in this process that does it in parts. */
static const struct caller *caller_of(const struct mech_slot *slot, bool stale)
{
	const struct caller *by;

	if (!slot || stale || !load_relaxed_u32(&slot->enabled))
		return NULL;
	by = load_acquire_ptr(&slot->caller);
	if (!by || !by->offer->ctx_size || !by->offer->ops->init ||
	    !by->offer->ops->update || !by->offer->ops->final)
		return NULL;
	return by;
}

static int open_stream(struct ukcf *u, struct ukcf_stream *s,
		       struct local_key *key)
{
	struct ukcf_job j = { 0 };
	int err;

	s->ctx = secmem_alloc(s->by->offer->ctx_size);
	if (!s->ctx)
		return -ENOMEM;
	j.tag_len = s->slot->limits.tag_max;
	if (key)
		j.key = local_key_bytes(key, s->op);
	err = step(s, s->by->offer->ops->init, &j);
	s->begun = !err;
	if (!err)
		connection_add(u, &u->streams, &s->member);
	return err;
}

static int new_stream(struct ukcf *u, enum ukcf_op op,
		      const struct mech_slot *slot, const struct caller *by,
		      struct local_key *key, struct ukcf_stream **sp)
{
	struct ukcf_stream *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->u = u;
	s->op = op;
	s->slot = slot;
	s->by = by;
	err = open_stream(u, s, key);
	if (err)
		free_stream(s, true);
	else
		*sp = s;
	return err;
}

static int check_key(const struct local_key *k, uint32_t mech)
{
	return k->mech == mech && (k->usage & UKCF_USE_MAC) ? 0 : -EKEYREJECTED;
}

static int with_key(struct ukcf *u, const struct mech_slot *slot,
		    const struct caller *by, struct ukcf_key key,
		    struct ukcf_stream **sp)
{
	struct local_key *k;
	int err;

	if (!key_is_local(key)) /* the daemon holds it, or there is none */
		return key.id ? -EOPNOTSUPP : -ENOKEY;
	err = local_key_hold(u, key, &k);
	if (err)
		return err;
	err = check_key(k, slot->id);
	if (!err)
		err = new_stream(u, UKCF_OP_MAC, slot, by, k, sp);
	local_key_release(u, k);
	return err;
}

int ukcf_stream_open(struct ukcf *u, enum ukcf_op op, uint32_t mech,
		     struct ukcf_key key, struct ukcf_stream **sp)
{
	const uint32_t class_ = op == UKCF_OP_MAC ? UKCF_CLASS_MAC :
						    UKCF_CLASS_DIGEST;
	const struct mech_slot *slot;
	const struct caller *by;
	bool stale;
	int err;

	if (!u || !sp || (op != UKCF_OP_DIGEST && op != UKCF_OP_MAC) ||
	    (op == UKCF_OP_DIGEST && key.id))
		return -EINVAL;
	err = connection_check(u);
	if (err)
		return err;
	slot = mechs_find(u, mech, &stale);
	by = caller_of(slot, stale);
	if (!by || UKCF_MECH_CLASS(mech) != class_)
		return -EOPNOTSUPP;
	if (op == UKCF_OP_MAC)
		return with_key(u, slot, by, key, sp);
	return new_stream(u, op, slot, by, NULL, sp);
}

/* In a child of fork(2) the state is not there. */
static int check_stream(const struct ukcf_stream *s)
{
	if (!connection_is_ours(s->u))
		return -ESTALE;
	return s->ended ? -EINVAL : 0;
}

int ukcf_stream_update(struct ukcf_stream *s, const void *in, size_t in_len)
{
	struct ukcf_job j = { .in = { in_len ? in : NULL, in_len } };
	int err;

	if (!s || (!in && in_len))
		return -EINVAL;
	err = check_stream(s);
	if (err)
		return err;
	if (in_len > s->slot->limits.data_max - s->total)
		return -EMSGSIZE;
	s->total += in_len;
	return in_len ? step(s, s->by->offer->ops->update, &j) : 0;
}

int64_t ukcf_stream_final(struct ukcf_stream *s, void *out, size_t out_size)
{
	struct ukcf_job j = { .out = out, .out_size = out_size };
	const struct mech_limits *m;
	size_t least;
	int err;

	if (!s || !out)
		return -EINVAL;
	err = check_stream(s);
	if (err)
		return err;
	m = &s->slot->limits;
	least = s->op == UKCF_OP_MAC ? m->tag_min : m->out_len;
	if (out_size < least)
		return -ENOBUFS;
	j.tag_len = out_size < m->tag_max ? out_size : m->tag_max;
	s->ended = true;
	err = step(s, s->by->offer->ops->final, &j);
	return err ? err : j.res;
}

void stream_destroy(struct ukcf_stream *s, bool ours)
{
	connection_remove(s->u, &s->member);
	free_stream(s, ours);
}

void ukcf_stream_close(struct ukcf_stream *s)
{
	if (s)
		stream_destroy(s, connection_is_ours(s->u));
}
