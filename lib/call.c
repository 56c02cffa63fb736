/* SPDX-License-Identifier: MIT */
/*
 * Synchronous calls.  A call whose mechanism has a module in this process and
 * whose key is here (or which needs none) runs in the calling thread; every
 * other one goes over a lane.  Sizes are judged here for the first kind, by
 * the daemon for the second, by the same rules (lib/shared/sizes.h).
 */
#include "lib/call.h"

#include <errno.h>
#include <string.h>

#include "lib/connection.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/sizes.h"

__thread struct ukcf_call last_call;

const struct ukcf_call *ukcf_last_call(void)
{
	return &last_call;
}

#define CLASS(c) (1u << UKCF_CLASS_##c)
#define CIPHERS (CLASS(AEAD) | CLASS(CIPHER) | CLASS(PKE))

/* What an operation is of, and what it wants of its key. */
static const struct rule {
	uint32_t classes; /* bit n: of mechanism class n */
	uint32_t usage; /* 0: no key */
} rules[] = {
	[UKCF_OP_DIGEST] = { CLASS(DIGEST), 0 },
	[UKCF_OP_MAC] = { CLASS(MAC), UKCF_USE_MAC },
	[UKCF_OP_MAC_VERIFY] = { CLASS(MAC), UKCF_USE_MAC_VERIFY },
	[UKCF_OP_ENCRYPT] = { CIPHERS, UKCF_USE_ENCRYPT },
	[UKCF_OP_DECRYPT] = { CIPHERS, UKCF_USE_DECRYPT },
	[UKCF_OP_SIGN] = { CLASS(SIGN), UKCF_USE_SIGN },
	[UKCF_OP_VERIFY] = { CLASS(SIGN), UKCF_USE_VERIFY },
	[UKCF_OP_DERIVE] = { CLASS(KEX) | CLASS(KDF), UKCF_USE_DERIVE },
	[UKCF_OP_RANDOM] = { CLASS(RNG), 0 },
};

/* A call on its way. */
struct call {
	struct ukcf *u;
	const struct rule *rule;
	const struct mech_slot *slot; /* NULL: the page does not say */
	struct ukcf_key key;
	struct local_key *local;      /* held */
	struct ukcf_job job;
};

/* ----------------------------------------------------------- in the caller */

static bool overlap(const void *a, size_t a_len, const void *b, size_t b_len)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return a_len && b_len && x < y + b_len && y < x + a_len;
}

/* Bytes that the operation may write; the sizes are checked. */
static size_t writes(const struct call *c)
{
	const struct ukcf_job *j = &c->job;

	switch (j->op) {
	case UKCF_OP_ENCRYPT:
	case UKCF_OP_DECRYPT:
		return sizes_made(j->op, &c->slot->limits, j->in.len,
				  (uint32_t)j->tag_len);
	case UKCF_OP_DIGEST:
		return sizes_digest(&c->slot->limits, (uint32_t)j->tag_len);
	case UKCF_OP_MAC:
		return j->tag_len;
	case UKCF_OP_RANDOM:
		return j->out_size;
	case UKCF_OP_DERIVE:
		return c->slot->limits.out_len ? c->slot->limits.out_len :
						 j->out_size;
	case UKCF_OP_MAC_VERIFY:
	case UKCF_OP_VERIFY:
		return 0;
	default:
		return c->slot->limits.out_len;
	}
}

static bool overlaps(const struct ukcf_job *j, size_t n)
{
	if (overlap(j->out, n, j->aux.data, j->aux.len))
		return true;
	return j->out != j->in.data && overlap(j->out, n, j->in.data,
					       j->in.len);
}

static int check(struct call *c, size_t *n)
{
	struct ukcf_job *j = &c->job;
	const struct op_sizes s = {
		.in = j->in.len,
		.out = j->out_size,
		.aux = j->aux.len,
		.tag = j->tag.len,
		.tag_len = (uint32_t)j->tag_len,
		.nonce = (uint32_t)j->param.len,
	};
	unsigned int detail = UKCF_DETAIL_NONE;
	uint32_t tag_len;
	int err = sizes_check(j->op, j->mech, &c->slot->limits, &s, &tag_len,
			      &detail);

	if (err)
		return (int)call_refused(err, detail);
	j->tag_len = tag_len;
	*n = writes(c);
	if (overlaps(j, *n))
		return (int)call_refused(-EINVAL, UKCF_DETAIL_OVERLAP);
	return 0;
}

static int64_t run(struct call *c, const struct caller *by, ukcf_job_fn fn)
{
	struct ukcf_job *j = &c->job;
	size_t n = 0;

	if (check(c, &n))
		return last_call.res;
	if (c->local) {
		j->key = local_key_bytes(c->local, j->op);
		j->pub = local_key_public(c->local);
	}
	if (fn(by->instance, j) != UKCF_DONE) {
		j->res = -EIO;
		j->detail = UKCF_DETAIL_PROVIDER_FAILED;
	}
	if (j->res < 0 && n)
		memset(j->out, 0, n);
	last_call = (struct ukcf_call){ .res = j->res,
					.where = UKCF_WHERE_CALLER,
					.provider = by->provider,
					.detail = (uint16_t)j->detail };
	return j->res;
}

/* -------------------------------------------------------------- over a ring */

/* No operation writes more than this: what a caller has room for beyond it
 * need not be made room for in a buffer. */
static size_t room(const struct ukcf_job *j)
{
	size_t most = 512; /* digest, MAC, signature, shared secret */

	if (j->op == UKCF_OP_RANDOM ||
	    UKCF_MECH_CLASS(j->mech) == UKCF_CLASS_KDF)
		return j->out_size;
	if (j->op == UKCF_OP_ENCRYPT || j->op == UKCF_OP_DECRYPT)
		most += j->in.len;
	return j->out_size < most ? j->out_size : most;
}

static int64_t over_ring(struct call *c, unsigned int reason)
{
	const struct ukcf_job *j = &c->job;
	struct lane_request q = {
		.sqe = { .op = (uint8_t)j->op,
			 .mech = { j->mech },
			 .param_len = (uint8_t)j->param.len },
		.in = { j->in.data, j->in.len },
		.aux = { j->aux.data, j->aux.len },
		.tag = { j->tag.data, j->tag.len },
		.out = j->out,
		.out_size = room(j),
		.secret = j->op == UKCF_OP_DERIVE,
	};
	int err;

	if (j->param.len > UKCF_PARAM_MAX || j->tag_len > UINT8_MAX)
		return call_refused(-EINVAL, j->tag_len > UINT8_MAX ?
						     UKCF_DETAIL_TAG_SIZE :
						     UKCF_DETAIL_NONCE_SIZE);
	q.sqe.tag_len = (uint8_t)j->tag_len;
	if (j->param.len)
		memcpy(q.sqe.param, j->param.data, j->param.len);
	if (c->rule->usage) {
		err = key_handle(c->u, c->key, &q.sqe.obj[0]);
		if (err)
			return err; /* last_call is that of registering */
	}
	return lane_call(c->u, &q, reason);
}

/* ------------------------------------------------------------------ either */

/* Who runs it here; NULL and why not. */
static const struct caller *caller_for(const struct call *c, bool stale,
				       ukcf_job_fn *fn, unsigned int *reason)
{
	const struct caller *by;

	*reason = UKCF_REASON_KEY;
	if (c->rule->usage && !c->local)
		return NULL;
	*reason = UKCF_REASON_PAGE;
	if (stale || !c->slot)
		return NULL;
	by = load_acquire_ptr(&c->slot->caller);
	*reason = load_relaxed_u32(&c->slot->reason);
	if (!by)
		return NULL;
	*fn = by->fn[c->job.op];
	*reason = UKCF_REASON_NO_MODULE;
	if (!*fn)
		return NULL;
	/* The public part is missing if no module was there to make it. */
	*reason = UKCF_REASON_LOAD;
	if (mech_takes_public(c->job.mech, c->job.op) &&
	    !local_key_public(c->local).len)
		return NULL;
	return by;
}

static int64_t dispatch(struct call *c, bool stale)
{
	unsigned int reason;
	ukcf_job_fn fn;
	const struct caller *by = caller_for(c, stale, &fn, &reason);

	return by ? run(c, by, fn) : over_ring(c, reason);
}

static int64_t check_key(const struct call *c)
{
	if (c->local->mech != c->job.mech)
		return call_refused(-EKEYREJECTED, UKCF_DETAIL_KEY_MECH);
	if (!(c->local->usage & c->rule->usage))
		return call_refused(-EKEYREJECTED, UKCF_DETAIL_KEY_USAGE);
	return 0;
}

static int64_t with_key(struct call *c, bool stale)
{
	int64_t res = local_key_hold(c->u, c->key, &c->local);

	if (res)
		return call_refused(res, UKCF_DETAIL_KEY);
	res = check_key(c);
	if (!res)
		res = dispatch(c, stale);
	local_key_release(c->u, c->local);
	return res;
}

static bool is_of(uint32_t mech, uint32_t classes)
{
	uint32_t class_ = UKCF_MECH_CLASS(mech);

	return class_ < 32 && (classes >> class_ & 1);
}

static int64_t call(struct call *c)
{
	uint32_t mech = c->job.mech;
	bool stale;

	if (!c->u)
		return call_refused(-EINVAL, UKCF_DETAIL_NONE);
	if (connection_check(c->u))
		return call_refused(-ESTALE, UKCF_DETAIL_NONE);
	c->rule = &rules[c->job.op];
	c->slot = mechs_find(c->u, mech, &stale);
	if (!stale && !c->slot)
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH);
	if (!stale && !load_relaxed_u32(&c->slot->enabled))
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_DISABLED);
	if (!is_of(mech, c->rule->classes))
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH_OP);
	if (c->rule->usage && key_is_local(c->key))
		return with_key(c, stale);
	return dispatch(c, stale);
}

/* A length without bytes is a mistake that a provider must not see. */
static bool is_missing(const void *p, size_t len)
{
	return !p && len;
}

static struct ukcf_bytes bytes(const void *p, size_t len)
{
	return (struct ukcf_bytes){ len ? p : NULL, len };
}

/*
 * Member by member: for a large record the compiler uses a string instruction,
 * whose start alone takes a tenth of a short call.
 */
static inline void begin(struct call *c, struct ukcf *u, uint32_t op,
			 uint32_t mech, struct ukcf_key key)
{
	static const struct ukcf_bytes none;
	struct ukcf_job *j = &c->job;

	c->u = u;
	c->rule = NULL;
	c->slot = NULL;
	c->key = key;
	c->local = NULL;
	j->op = op;
	j->mech = mech;
	j->key = none;
	j->pub = none;
	j->in = none;
	j->aux = none;
	j->tag = none;
	j->param = none;
	j->out = NULL;
	j->out_size = 0;
	j->tag_len = 0;
	j->tmpl = NULL;
	j->ctx = NULL;
	j->res = 0;
	j->detail = UKCF_DETAIL_NONE;
	j->status = UKCF_DONE;
	j->cookie = NULL;
	_Static_assert(sizeof(*j) == 168, "each member of a job is set here");
}

#define REFUSE_MISSING(p, len, what)                                          \
	do {                                                                  \
		if (is_missing(p, len))                                       \
			return call_refused(-EINVAL, UKCF_DETAIL_##what);     \
	} while (0)

/* Shorter than the full tag: truncated to what there is room for. */
static size_t tag_for(struct ukcf *u, uint32_t mech, size_t room_)
{
	const struct mech_row *row = mech_row_by_id(mech);
	struct ukcf_page_mech own; /* a provider's own: only the page knows */
	size_t max = row ? row->tag_max : room_;

	if (!row && ukcf_mech_info(u, mech, &own) == 0)
		max = own.tag_max;
	return room_ > max ? max : room_;
}

int64_t ukcf_digest(struct ukcf *u, uint32_t mech, const void *in,
		    size_t in_len, void *out, size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_DIGEST, mech, UKCF_KEY_NONE);
	c.job.in = bytes(in, in_len);
	c.job.out = out;
	c.job.out_size = out_size;
	if (mech == UKCF_MECH_BLAKE2B) /* of the size that there is room for */
		c.job.tag_len = tag_for(u, mech, out_size);
	REFUSE_MISSING(in, in_len, IN_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	return call(&c);
}

int64_t ukcf_mac(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		 const void *in, size_t in_len, void *out, size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_MAC, mech, key);
	c.job.in = bytes(in, in_len);
	c.job.out = out;
	c.job.out_size = out_size;
	c.job.tag_len = tag_for(u, mech, out_size);
	REFUSE_MISSING(in, in_len, IN_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	if (!out_size)
		return call_refused(-EINVAL, UKCF_DETAIL_TAG_SIZE);
	return call(&c);
}

int64_t ukcf_mac_verify(struct ukcf *u, uint32_t mech, struct ukcf_key key,
			const void *in, size_t in_len, const void *tag,
			size_t tag_len)
{
	struct call c;

	begin(&c, u, UKCF_OP_MAC_VERIFY, mech, key);
	c.job.in = bytes(in, in_len);
	c.job.tag = bytes(tag, tag_len);
	REFUSE_MISSING(in, in_len, IN_RANGE);
	REFUSE_MISSING(tag, tag_len, TAG_RANGE);
	return call(&c);
}

static int64_t aead(struct ukcf *u, uint32_t op, uint32_t mech,
		    struct ukcf_key key, struct ukcf_bytes nonce,
		    struct ukcf_bytes aad, struct ukcf_bytes in, void *out,
		    size_t out_size)
{
	uint8_t none; /* an empty message still has an address */
	struct call c;

	begin(&c, u, op, mech, key);
	c.job.param = nonce;
	c.job.aux = aad;
	c.job.in = in;
	c.job.out = out ? out : &none;
	c.job.out_size = out_size;
	REFUSE_MISSING(nonce.data, nonce.len, NONCE_SIZE);
	REFUSE_MISSING(aad.data, aad.len, AUX_RANGE);
	REFUSE_MISSING(in.data, in.len, IN_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	return call(&c);
}

int64_t ukcf_encrypt(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		     const void *nonce, size_t nonce_len, const void *aad,
		     size_t aad_len, const void *in, size_t in_len, void *out,
		     size_t out_size)
{
	return aead(u, UKCF_OP_ENCRYPT, mech, key,
		    (struct ukcf_bytes){ nonce, nonce_len },
		    (struct ukcf_bytes){ aad, aad_len },
		    (struct ukcf_bytes){ in, in_len }, out, out_size);
}

int64_t ukcf_decrypt(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		     const void *nonce, size_t nonce_len, const void *aad,
		     size_t aad_len, const void *in, size_t in_len, void *out,
		     size_t out_size)
{
	return aead(u, UKCF_OP_DECRYPT, mech, key,
		    (struct ukcf_bytes){ nonce, nonce_len },
		    (struct ukcf_bytes){ aad, aad_len },
		    (struct ukcf_bytes){ in, in_len }, out, out_size);
}

int64_t ukcf_sign(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		  const void *in, size_t in_len, void *out, size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_SIGN, mech, key);
	c.job.in = bytes(in, in_len);
	c.job.out = out;
	c.job.out_size = out_size;
	REFUSE_MISSING(in, in_len, IN_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	return call(&c);
}

int64_t ukcf_verify(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		    const void *in, size_t in_len, const void *sig,
		    size_t sig_len)
{
	struct call c;

	begin(&c, u, UKCF_OP_VERIFY, mech, key);
	c.job.in = bytes(in, in_len);
	c.job.tag = bytes(sig, sig_len);
	REFUSE_MISSING(in, in_len, IN_RANGE);
	REFUSE_MISSING(sig, sig_len, TAG_RANGE);
	return call(&c);
}

int64_t ukcf_derive(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		    const void *peer, size_t peer_len, void *out,
		    size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_DERIVE, mech, key);
	c.job.in = bytes(peer, peer_len);
	c.job.out = out;
	c.job.out_size = out_size;
	REFUSE_MISSING(peer, peer_len, IN_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	return call(&c);
}

int64_t ukcf_kdf(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		 const void *salt, size_t salt_len, const void *info,
		 size_t info_len, void *out, size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_DERIVE, mech, key);
	c.job.in = bytes(salt, salt_len);
	c.job.aux = bytes(info, info_len);
	c.job.out = out;
	c.job.out_size = out_size;
	REFUSE_MISSING(salt, salt_len, IN_RANGE);
	REFUSE_MISSING(info, info_len, AUX_RANGE);
	REFUSE_MISSING(out, out_size, OUT_RANGE);
	if (!is_of(mech, CLASS(KDF)))
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH_OP);
	return call(&c);
}

int64_t ukcf_random(struct ukcf *u, void *out, size_t out_size)
{
	struct call c;

	begin(&c, u, UKCF_OP_RANDOM, UKCF_MECH_RANDOM, UKCF_KEY_NONE);
	c.job.out = out;
	c.job.out_size = out_size;
	if (!out || !out_size)
		return call_refused(-EINVAL, UKCF_DETAIL_OUT_RANGE);
	if (out_size > mech_row_by_id(UKCF_MECH_RANDOM)->data_max)
		return call_refused(-EMSGSIZE, UKCF_DETAIL_OUT_SIZE);
	return call(&c);
}
