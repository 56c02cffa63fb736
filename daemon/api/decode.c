/* SPDX-License-Identifier: MIT */
#include "daemon/api/decode.h"

#include <errno.h>
#include <stddef.h>

#include "daemon/api/arena.h"
#include "daemon/api/consumer.h"
#include "daemon/api/ring.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/dual.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/nonce.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/sizes.h"

#define IN (1u << UKCF_RANGE_IN)
#define OUT (1u << UKCF_RANGE_OUT)
#define AUX (1u << UKCF_RANGE_AUX)
#define TAG (1u << UKCF_RANGE_TAG)
#define CLASS(c) (1u << UKCF_CLASS_##c)
#define CIPHERS (CLASS(AEAD) | CLASS(CIPHER))
#define KEYED                                                          \
	(CLASS(MAC) | CLASS(AEAD) | CLASS(CIPHER) | CLASS(SIGN) | \
	 CLASS(KEX) | CLASS(KDF) | CLASS(PKE))

static const struct op_rule rules[UKCF_OP_LAST] = {
	/* kind, ranges, needs, key, classes, usage, takes */
	[UKCF_OP_NOP] = { OP_NOP, 0, 0, 0, 0, 0, 0 },
	[UKCF_OP_DIGEST] = { OP_CRYPTO, IN | OUT, 0, 0, CLASS(DIGEST), 0, 0 },
	[UKCF_OP_MAC] = { OP_CRYPTO, IN | OUT, 0, 1, CLASS(MAC),
			  UKCF_USE_MAC, 0 },
	[UKCF_OP_MAC_VERIFY] = { OP_CRYPTO, IN | TAG, 0, 1, CLASS(MAC),
				 UKCF_USE_MAC_VERIFY, 0 },
	[UKCF_OP_ENCRYPT] = { OP_CRYPTO, IN | OUT | AUX, 0, 1,
			      CIPHERS | CLASS(PKE), UKCF_USE_ENCRYPT, TAKES_NONCE },
	[UKCF_OP_DECRYPT] = { OP_CRYPTO, IN | OUT | AUX, 0, 1,
			      CIPHERS | CLASS(PKE), UKCF_USE_DECRYPT, 0 },
	[UKCF_OP_SIGN] = { OP_CRYPTO, IN | OUT, 0, 1, CLASS(SIGN),
			   UKCF_USE_SIGN, 0 },
	[UKCF_OP_VERIFY] = { OP_CRYPTO, IN | TAG, 0, 1, CLASS(SIGN),
			     UKCF_USE_VERIFY, 0 },
	[UKCF_OP_DERIVE] = { OP_CRYPTO, IN | OUT | AUX, 0, 1,
			     CLASS(KEX) | CLASS(KDF), UKCF_USE_DERIVE, 0 },
	[UKCF_OP_RANDOM] = { OP_CRYPTO, OUT, OUT, 0, CLASS(RNG), 0, 0 },
	[UKCF_OP_KEY_GENERATE] = { OP_KEY, IN, IN, 0, KEYED, 0, 0 },
	[UKCF_OP_KEY_IMPORT] = { OP_KEY, IN, IN, 0, KEYED, 0, 0 },
	[UKCF_OP_KEY_OPEN] = { OP_KEY, IN, IN, 0, 0, 0, 0 },
	[UKCF_OP_KEY_PUBLIC] = { OP_KEY, OUT, 0, 1, 0, 0, 0 },
	[UKCF_OP_KEY_EXPORT] = { OP_KEY, OUT, 0, 1, 0, 0, 0 },
	[UKCF_OP_KEY_DESTROY] = { OP_KEY, 0, 0, 0, 0, 0, TAKES_OBJ },
	[UKCF_OP_KEY_LIST] = { OP_KEY, OUT, 0, 0, 0, 0, TAKES_CTX },
	[UKCF_OP_KEY_NONCES] = { OP_KEY, OUT, 0, 0, 0, 0, TAKES_OBJ },
	[UKCF_OP_CANCEL] = { OP_RING, 0, 0, 0, 0, 0, TAKES_CTX },
	[UKCF_OP_CANCEL_CTX] = { OP_RING, 0, 0, 0, 0, 0, TAKES_CTX },
	[UKCF_OP_NOTIFY_SPACE] = { OP_RING, 0, 0, 0, 0, 0,
				   TAKES_CTX | TAKES_PROVIDER },
	[UKCF_OP_NOTIFY_EVENTS] = { OP_RING, 0, 0, 0, 0, 0, TAKES_CTX },
	[UKCF_OP_INIT] = { OP_PART, AUX, 0, 0,
			   CLASS(DIGEST) | CLASS(MAC) | CLASS(AEAD) |
				   CLASS(CIPHER) | CLASS(SIGN), 0,
			   TAKES_CTX | TAKES_PART | TAKES_OBJ | TAKES_OPDONE },
	[UKCF_OP_UPDATE] = { OP_PART, IN | OUT, 0, 0, 0, 0,
			     TAKES_CTX | TAKES_OPDONE },
	[UKCF_OP_FINAL] = { OP_PART, IN | OUT | TAG, 0, 0, 0, 0, TAKES_CTX },
	[UKCF_OP_CTX_COPY] = { OP_PART, 0, 0, 0, 0, 0,
			       TAKES_CTX | TAKES_SOURCE },
	[UKCF_OP_TMPL_CREATE] = { OP_KEY, 0, 0, 1, KEYED, 0, TAKES_AUTO },
	[UKCF_OP_TMPL_DESTROY] = { OP_KEY, 0, 0, 0, 0, 0, TAKES_OBJ },
	[UKCF_OP_ENCRYPT_MAC] = { OP_CRYPTO, IN | OUT | AUX, OUT, 1, CIPHERS,
				  UKCF_USE_ENCRYPT, TAKES_DUAL },
	[UKCF_OP_MAC_DECRYPT] = { OP_CRYPTO, IN | OUT | AUX, OUT, 1, CIPHERS,
				  UKCF_USE_DECRYPT, TAKES_DUAL },
	[UKCF_OP_MAC_VERIFY_DECRYPT] = { OP_CRYPTO, IN | OUT | AUX | TAG, TAG,
					 1, CIPHERS, UKCF_USE_DECRYPT,
					 TAKES_DUAL },
};

static int refuse(unsigned int *detail, unsigned int why, int err)
{
	*detail = why;
	return err;
}

static uint32_t flags_of(const struct op_rule *rule)
{
	if (rule->takes & TAKES_OPDONE)
		return UKCF_SQE_FLAGS | UKCF_SQE_NOTIFY_OPDONE;
	return UKCF_SQE_FLAGS | (rule->kind == OP_CRYPTO ? UKCF_SQE_LINK : 0);
}

/* A nonce and a tag's length: what an operation begins with. */
static bool begins(const struct op_rule *rule)
{
	return rule->kind == OP_CRYPTO || (rule->takes & TAKES_PART);
}

static uint32_t subflags_of(const struct op_rule *rule)
{
	if (rule->takes & TAKES_AUTO)
		return UKCF_SUBFLAGS | UKCF_SUB_TMPL_AUTO;
	if (rule->takes & TAKES_NONCE)
		return UKCF_SUBFLAGS | UKCF_SUB_NONCE;
	return UKCF_SUBFLAGS;
}

/* Fields that mean nothing to this operation must be zero, so that they can
 * be given a meaning later. */
static int check_fixed(const struct ukcf_sqe *s, const struct op_rule *rule,
		       unsigned int *detail)
{
	if (s->mode > UKCF_MODE_SYNC)
		return refuse(detail, UKCF_DETAIL_MODE, -EINVAL);
	if ((s->flags & ~flags_of(rule)) ||
	    (s->subflags & ~subflags_of(rule)) ||
	    (!rule->classes && s->subflags))
		return refuse(detail, UKCF_DETAIL_FLAGS, -EINVAL);
	if ((s->part_op && !(rule->takes & TAKES_PART)) || s->reserved[0] ||
	    s->reserved[1] || s->reserved[2] ||
	    ((s->link_src || s->link_dst) && rule->kind != OP_CRYPTO) ||
	    (s->mech[1] && !(rule->takes & TAKES_DUAL)) ||
	    (s->obj[1] && !(rule->takes & (TAKES_SOURCE | TAKES_DUAL))) ||
	    (s->ctx && !(rule->takes & TAKES_CTX)) ||
	    (s->op == UKCF_OP_NOTIFY_EVENTS &&
	     (s->ctx & ~(uint64_t)UKCF_EVENTS_ALL)) ||
	    (!rule->classes && s->mech[0]) ||
	    (!rule->classes && s->provider &&
	     !(rule->takes & TAKES_PROVIDER)) ||
	    (!rule->key && s->obj[0] && !(rule->takes & TAKES_OBJ)))
		return refuse(detail, UKCF_DETAIL_RESERVED, -EINVAL);
	if (s->param_len > UKCF_PARAM_MAX ||
	    (!begins(rule) && s->param_len))
		return refuse(detail, UKCF_DETAIL_NONCE_SIZE, -EINVAL);
	if (!begins(rule) && s->tag_len)
		return refuse(detail, UKCF_DETAIL_TAG_SIZE, -EINVAL);
	return 0;
}

static const struct ukcf_range *range_of(const struct ukcf_sqe *s,
					 unsigned int i)
{
	const struct ukcf_range *const at[4] = { &s->in, &s->out, &s->aux,
						 &s->tag };

	return at[i];
}

static const uint8_t range_detail[4] = {
	UKCF_DETAIL_IN_RANGE,
	UKCF_DETAIL_OUT_RANGE,
	UKCF_DETAIL_AUX_RANGE,
	UKCF_DETAIL_TAG_RANGE,
};

static int resolve_range(struct request *req, struct consumer *c,
			 unsigned int i, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct ukcf_range *r = range_of(s, i);
	struct arena *a;

	if (r->len == 0) {
		if (req->rule->needs & (1u << i))
			return refuse(detail, range_detail[i], -EINVAL);
		return 0;
	}
	if (!(req->rule->ranges & (1u << i)))
		return refuse(detail, range_detail[i], -EINVAL);
	a = arena_hold(c, s->buf[i]);
	if (!a)
		return refuse(detail, range_detail[i], -EINVAL);
	req->arena[i] = a;
	if (i == UKCF_RANGE_OUT && a->kind != UKCF_BUFFER_OUTPUT)
		return refuse(detail, range_detail[i], -EINVAL);
	req->at[i] = arena_bytes(a, *r);
	if (!req->at[i])
		return refuse(detail, range_detail[i], -EINVAL);
	return 0;
}

/* Disjoint, or beginning at the same byte: in place. */
static int check_overlap(const struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint64_t out = s->out.off, out_end = out + s->out.len;

	if (!req->at[UKCF_RANGE_OUT])
		return 0;
	for (unsigned int i = 0; i < 4; i++) {
		const struct ukcf_range *r = range_of(s, i);
		uint64_t from = r->off, to = from + r->len;

		if (i == UKCF_RANGE_OUT || !req->at[i] ||
		    req->arena[i] != req->arena[UKCF_RANGE_OUT])
			continue;
		if (to <= out || out_end <= from)
			continue;
		if (i == UKCF_RANGE_IN && from == out)
			continue;
		return refuse(detail, UKCF_DETAIL_OVERLAP, -EINVAL);
	}
	return 0;
}

static int resolve_ranges(struct request *req, struct consumer *c,
			  unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	int err;

	if (!(s->in.len | s->out.len | s->aux.len | s->tag.len) &&
	    !req->rule->needs)
		return 0;
	for (unsigned int i = 0; i < 4; i++) {
		if (i == UKCF_RANGE_OUT && s->link_dst == UKCF_LINK_KEEP)
			continue; /* names no memory */
		err = resolve_range(req, c, i, detail);
		if (err)
			return err;
	}
	return check_overlap(req, detail);
}

/* The provider's operation behind an operation on keys. */
static uint32_t provider_op(uint32_t op, uint32_t class_)
{
	if (op != UKCF_OP_KEY_IMPORT)
		return op;
	switch (class_) {
	case UKCF_CLASS_MAC:
		return UKCF_OP_MAC;
	case UKCF_CLASS_AEAD:
	case UKCF_CLASS_CIPHER:
		return UKCF_OP_ENCRYPT;
	case UKCF_CLASS_KDF:
		return UKCF_OP_DERIVE;
	default: /* the public part is computed */
		return UKCF_OP_KEY_PUBLIC;
	}
}

/* classes: that it may be of */
static int find_mech(uint32_t id, uint32_t classes, const struct mech **mp,
		     unsigned int *detail)
{
	uint32_t class_ = UKCF_MECH_CLASS(id);

	*mp = mech_find(id);
	if (!*mp)
		return refuse(detail, UKCF_DETAIL_MECH, -EOPNOTSUPP);
	if (!load_relaxed_u32(&(*mp)->enabled))
		return refuse(detail, UKCF_DETAIL_DISABLED, -EOPNOTSUPP);
	if (class_ > 15 || !(classes & (1u << class_)))
		return refuse(detail, UKCF_DETAIL_MECH_OP, -EOPNOTSUPP);
	return 0;
}

static int resolve_mech(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint32_t op = provider_op(s->op, UKCF_MECH_CLASS(s->mech[0]));
	int err = find_mech(s->mech[0], req->rule->classes, &req->mech,
			    detail);

	if (err)
		return err;
	if (req->rule->kind != OP_KEY)
		return 0; /* chosen when it is known how large it is */
	return dispatch_choose_first(req, op, detail);
}

/* A key, or a template that has one. */
static int hold_key(struct request *req, uint64_t handle,
		    const struct consumer *c, unsigned int *detail)
{
	const struct object_user who = { c->uid, c->serial };
	int err;

	if (template_is_named(handle)) {
		err = template_hold(handle, who, &req->tmpl, &req->key);
		return err ? refuse(detail, UKCF_DETAIL_TMPL, err) : 0;
	}
	err = keystore_hold(handle, c->uid, c->serial, &req->key);
	return err ? refuse(detail, UKCF_DETAIL_KEY, err) : 0;
}

/* Is the daemon to choose the nonce? */
static bool wants_nonce(const struct request *req)
{
	return req->entry->sqe.subflags & UKCF_SUB_NONCE &&
	       req->rule->takes & TAKES_NONCE;
}

/* usage: that the key must have */
static int resolve_key(struct request *req, uint64_t handle,
		       struct consumer *c, uint16_t usage,
		       unsigned int *detail)
{
	int err = hold_key(req, handle, c, detail);

	if (err)
		return err;
	if (req->mech && key_mech(req->key) != req->mech->id)
		return refuse(detail, UKCF_DETAIL_KEY_MECH, -EKEYREJECTED);
	if (usage & ~key_usage(req->key))
		return refuse(detail, UKCF_DETAIL_KEY_USAGE, -EKEYREJECTED);
	if ((usage & UKCF_USE_ENCRYPT) && !wants_nonce(req) &&
	    (key_flags(req->key) & UKCF_KEY_DAEMON_NONCE))
		return refuse(detail, UKCF_DETAIL_KEY_USAGE, -EKEYREJECTED);
	return 0;
}

void decode_copy_class(struct request *req)
{
	req->direct = dispatch_works_in_place(req->offer->offer,
					      request_op(req), req->key);
}

/* It stands behind the tag, so there has to be a place and memory behind it. */
static int check_nonce_place(const struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint32_t len = req->mech->limits.nonce_len;

	if (UKCF_MECH_CLASS(req->mech->id) != UKCF_CLASS_AEAD)
		return refuse(detail, UKCF_DETAIL_FLAGS, -EINVAL);
	if (s->param_len)
		return refuse(detail, UKCF_DETAIL_NONCE_SIZE, -EINVAL);
	if (s->link_src == UKCF_LINK_KEY || s->link_dst == UKCF_LINK_KEEP)
		return refuse(detail, UKCF_DETAIL_LINK, -EINVAL);
	if (s->out.len < len)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	return 0;
}

static int check_sizes(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct op_sizes sizes = request_sizes(req);

	if (wants_nonce(req)) {
		sizes.nonce = req->mech->limits.nonce_len;
		sizes.out -= sizes.nonce;
	}
	return sizes_check(s->op, req->mech->id, &req->mech->limits, &sizes,
			   &req->tag_len, detail);
}

static int choose(struct request *req, unsigned int *detail)
{
	int err;

	/* it is withheld whole even where its input is read in place */
	if (req->entry->sqe.op == UKCF_OP_DECRYPT &&
	    request_bytes(req) > DISPATCH_COPY_MAX)
		return refuse(detail, UKCF_DETAIL_ONESHOT, -EMSGSIZE);
	err = dispatch_choose(req, detail);
	if (!err)
		decode_copy_class(req);
	return err;
}

/* ------------------------------------------------------------------ parts */

#define BLOCK_MAX 16u /* what a cipher may hold back for the next part */

static bool is_stream(uint32_t op)
{
	return op == UKCF_OP_ENCRYPT || op == UKCF_OP_DECRYPT;
}

/* Has it a place in the table? */
static int check_ctx(uint64_t id, unsigned int *detail)
{
	if (id >= 1 && id <= UKCF_CONTEXTS_MAX)
		return 0;
	return refuse(detail, UKCF_DETAIL_CTX, -EINVAL);
}

/* A context that was begun in this process. */
static int find_ctx(struct request *req, uint64_t id, struct context **cp,
		    unsigned int *detail)
{
	const struct context_table *t = ring_contexts(req->ring);
	int err = check_ctx(id, detail);

	if (err)
		return err;
	id = index_clamp(id, UKCF_CONTEXTS_MAX + 1);
	*cp = t->at[id];
	if (*cp)
		return 0;
	if (t->lost[id])
		return refuse(detail,
			      t->lost[id] == -ESTALE ? UKCF_DETAIL_LOST_STATE :
						       UKCF_DETAIL_PART_FAILED,
			      t->lost[id]);
	return refuse(detail, UKCF_DETAIL_CTX, -EINVAL);
}

/* The id of a context to be begun. */
static int check_free(struct request *req, unsigned int *detail)
{
	struct context_table *t = ring_contexts(req->ring);
	uint64_t id = req->entry->sqe.ctx;
	const struct context *c;
	int err = check_ctx(id, detail);

	if (err)
		return err;
	c = t->at[index_clamp(id, UKCF_CONTEXTS_MAX + 1)];
	if (!c)
		return 0;
	if (!context_is_gone(c))
		return refuse(detail, UKCF_DETAIL_CTX_IN_USE, -EINVAL);
	context_forget(t, id);
	return 0;
}

/* What begins in parts, and of which mechanisms.  AEAD decrypt does not: its
 * plaintext would leave before the tag was verified, unless each part has one. */
static int check_part_op(const struct request *req, unsigned int *detail)
{
	const uint32_t ops = 1u << UKCF_OP_DIGEST | 1u << UKCF_OP_MAC |
			     1u << UKCF_OP_MAC_VERIFY | 1u << UKCF_OP_SIGN |
			     1u << UKCF_OP_VERIFY | 1u << UKCF_OP_ENCRYPT |
			     1u << UKCF_OP_DECRYPT;
	uint32_t op = req->entry->sqe.part_op;
	uint32_t class_ = UKCF_MECH_CLASS(req->mech->id);

	if (op > 31 || !(ops >> op & 1) ||
	    (op == UKCF_OP_DECRYPT && class_ == UKCF_CLASS_AEAD &&
	     !req->mech->limits.chunks))
		return refuse(detail, UKCF_DETAIL_PART_OP, -EOPNOTSUPP);
	if (!(rules[index_clamp(op, UKCF_OP_LAST)].classes & (1u << class_)))
		return refuse(detail, UKCF_DETAIL_MECH_OP, -EOPNOTSUPP);
	return 0;
}

/* All sizes but those of the data, which comes later. */
static int check_begin(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct mech_limits *m = &req->mech->limits;
	const struct op_sizes sizes = {
		.in = sizes_least(m) + (m->chunks ? m->tag_max : 0),
		.out = UINT32_MAX,
		.aux = s->aux.len,
		.tag = s->part_op == UKCF_OP_VERIFY ? m->out_len : m->tag_max,
		.tag_len = s->tag_len,
		.nonce = s->param_len,
	};

	if (s->aux.len && UKCF_MECH_CLASS(req->mech->id) != UKCF_CLASS_AEAD)
		return refuse(detail, UKCF_DETAIL_AUX_RANGE, -EINVAL);
	return sizes_check(s->part_op, req->mech->id, m, &sizes, &req->tag_len,
			   detail);
}

static int begin_context(struct request *req, const struct consumer *c,
			 unsigned int *detail)
{
	const struct context_spec spec = {
		.op = req->entry->sqe.part_op,
		.tag_len = req->tag_len,
		.mech = req->mech,
		.offer = req->offer,
		.own = req->key && (key_flags(req->key) & UKCF_KEY_OWN),
	};

	req->context = context_new(c->uid, &spec);
	return req->context ? 0 : refuse(detail, UKCF_DETAIL_QUOTA, -EDQUOT);
}

static int decode_init(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct op_rule *of;
	int err = check_free(req, detail);

	if (!err)
		err = resolve_mech(req, detail);
	if (!err)
		err = check_part_op(req, detail);
	if (err)
		return err;
	of = &rules[index_clamp(s->part_op, UKCF_OP_LAST)];
	if (of->key)
		err = resolve_key(req, s->obj[0], c, of->usage, detail);
	else if (s->obj[0])
		err = refuse(detail, UKCF_DETAIL_RESERVED, -EINVAL);
	if (!err)
		err = resolve_ranges(req, c, detail);
	if (!err)
		err = check_begin(req, detail);
	if (!err)
		err = dispatch_choose(req, detail);
	if (!err)
		err = begin_context(req, c, detail);
	return err;
}

/* What the last part is compared with. */
static int check_tag(const struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct mech_limits *m = &req->mech->limits;
	uint32_t op = request_op(req);

	if (s->op == UKCF_OP_FINAL && op == UKCF_OP_MAC_VERIFY)
		return s->tag.len >= m->tag_min && s->tag.len <= m->tag_max ?
			       0 :
			       refuse(detail, UKCF_DETAIL_TAG_SIZE, -EINVAL);
	if (s->op == UKCF_OP_FINAL && op == UKCF_OP_VERIFY)
		return sizes_fit_signature(m, s->tag.len) ?
			       0 :
			       refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
	return s->tag.len ? refuse(detail, UKCF_DETAIL_TAG_RANGE, -EINVAL) : 0;
}

/* Bytes that a part may produce. */
static uint64_t part_output(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint32_t op = request_op(req);
	bool last = s->op == UKCF_OP_FINAL;

	if (UKCF_MECH_CLASS(req->mech->id) == UKCF_CLASS_CIPHER)
		return (uint64_t)s->in.len + BLOCK_MAX;
	if (is_stream(op) && req->mech->limits.chunks)
		return sizes_made(op, &req->mech->limits, s->in.len,
				  req->tag_len);
	if (is_stream(op))
		return (uint64_t)s->in.len + (last ? req->tag_len : 0);
	if (!last || op == UKCF_OP_VERIFY || op == UKCF_OP_MAC_VERIFY)
		return 0;
	if (op == UKCF_OP_DIGEST)
		return sizes_digest(&req->mech->limits, req->tag_len);
	return op == UKCF_OP_MAC ? req->tag_len : req->mech->limits.out_len;
}

static int check_data(const struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint64_t total = context_total(req->context) + s->in.len;
	uint64_t made;

	/* A chunk without a tag: as in sizes_check(). */
	if (req->mech->limits.chunks &&
	    request_op(req) == UKCF_OP_DECRYPT && s->in.len < req->tag_len)
		return refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
	made = part_output(req);
	if (total > req->mech->limits.data_max)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (s->out.len < made)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	if (s->out.len && !made && !is_stream(request_op(req)))
		return refuse(detail, UKCF_DETAIL_OUT_RANGE, -EINVAL);
	if (!req->direct && s->in.len > UKCF_ONESHOT_MAX)
		return refuse(detail, UKCF_DETAIL_ONESHOT, -EMSGSIZE);
	return check_tag(req, detail);
}

/* Give req to the provider that has the context id: from here on it is with it,
 * or the context is known to be gone. */
static int join_context(struct request *req, uint64_t id, struct context *ctx,
			unsigned int *detail)
{
	req->context = context_hold(ctx);
	req->mech = context_spec(ctx)->mech;
	request_give(req, context_spec(ctx)->offer);
	if (!context_is_gone(ctx))
		return 0;
	request_lets_go(req);
	context_forget(ring_contexts(req->ring), id);
	return refuse(detail, UKCF_DETAIL_LOST_STATE, -ESTALE);
}

static int decode_data(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	const struct context_spec *spec;
	struct context *ctx;
	uint64_t id = req->entry->sqe.ctx;
	int err = find_ctx(req, id, &ctx, detail);

	if (!err)
		err = join_context(req, id, ctx, detail);
	if (err)
		return err;
	spec = context_spec(ctx);
	req->tag_len = spec->tag_len;
	req->direct = spec->own ||
		      (spec->offer->offer->single_pass >> spec->op & 1);
	/* Taken out meanwhile, perhaps as a liar; it may come back. */
	if (load_acquire_u32(&spec->offer->provider->state) ==
	    UKCF_PROVIDER_FAILED)
		return refuse(detail, UKCF_DETAIL_PROVIDER_FAILED, -EIO);
	err = resolve_ranges(req, c, detail);
	return err ? err : check_data(req, detail);
}

static int decode_copy(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	uint64_t from = req->entry->sqe.obj[1];
	struct context *ctx;
	int err = check_free(req, detail);

	if (!err)
		err = find_ctx(req, from, &ctx, detail);
	if (!err)
		err = join_context(req, from, ctx, detail);
	if (err)
		return err;
	if (!(req->offer->offer->flags & UKCF_OFFER_FLAT_CTX) &&
	    !req->offer->offer->ops->copy)
		return refuse(detail, UKCF_DETAIL_PART_OP, -EOPNOTSUPP);
	req->made = context_new(c->uid, context_spec(ctx));
	return req->made ? resolve_ranges(req, c, detail)
			 : refuse(detail, UKCF_DETAIL_QUOTA, -EDQUOT);
}

static int decode_part(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	uint32_t op = req->entry->sqe.op;

	/* Its context, and what came before it, are gone. */
	if (req->replayed)
		return refuse(detail, UKCF_DETAIL_LOST_STATE, -ESTALE);
	if (op == UKCF_OP_INIT)
		return decode_init(req, c, detail);
	if (op == UKCF_OP_CTX_COPY)
		return decode_copy(req, c, detail);
	return decode_data(req, c, detail);
}

/* ------------------------------------------------------------------- dual */

static uint16_t usage_of(uint32_t op)
{
	return rules[index_clamp(op, UKCF_OP_LAST)].usage;
}

/* Of both halves, as if each came alone; what the cipher makes is not known
 * yet to the byte. */
static int check_halves(struct request *req, struct dual_part *part,
			unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const struct mech_limits *c = &part[DUAL_CIPHER].mech->limits;
	const struct mech_limits *m = &part[DUAL_MAC].mech->limits;
	struct op_sizes cipher = {
		.in = s->in.len,
		.out = s->out.len,
		.nonce = s->param_len,
	};
	const struct op_sizes mac = {
		.in = (uint64_t)s->aux.len + s->in.len + DUAL_GROWTH,
		.out = s->out.len,
		.tag = s->tag.len,
		.tag_len = s->tag_len,
	};
	uint32_t mac_op = dual_half_op(s->op, DUAL_MAC);
	int err = sizes_check(mac_op, s->mech[1], m, &mac,
			      &part[DUAL_MAC].tag_len, detail);

	if (err)
		return err;
	if (mac_op == UKCF_OP_MAC) /* it stands behind what the cipher makes */
		cipher.out -= part[DUAL_MAC].tag_len;
	err = sizes_check(dual_half_op(s->op, DUAL_CIPHER), s->mech[0], c,
			  &cipher, &part[DUAL_CIPHER].tag_len, detail);
	if (err)
		return err;
	if ((uint64_t)s->in.len + s->aux.len > UKCF_ONESHOT_MAX)
		return refuse(detail, UKCF_DETAIL_ONESHOT, -EMSGSIZE);
	return 0;
}

/* The key of a half goes from the request to it. */
static int resolve_half(struct request *req, struct consumer *c,
			enum dual_half half, struct dual_part *part,
			unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint32_t op = dual_half_op(s->op, half);
	int err;

	req->mech = part->mech;
	err = resolve_key(req, s->obj[half], c, usage_of(op), detail);
	part->key = req->key;
	part->tmpl = req->tmpl;
	req->key = NULL;
	req->tmpl = NULL;
	return err;
}

static int decode_dual(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct dual_part part[DUAL_HALVES] = { { 0 } };
	int err = find_mech(s->mech[0], req->rule->classes,
			    &part[DUAL_CIPHER].mech, detail), no_room;

	if (!err)
		err = find_mech(s->mech[1], CLASS(MAC), &part[DUAL_MAC].mech,
				detail);
	if (!err)
		err = resolve_ranges(req, c, detail);
	if (!err)
		err = check_halves(req, part, detail);
	if (err)
		return err;
	err = resolve_half(req, c, DUAL_CIPHER, &part[DUAL_CIPHER], detail);
	if (!err)
		err = resolve_half(req, c, DUAL_MAC, &part[DUAL_MAC], detail);
	no_room = dual_begin(req, part);
	if (err)
		return err;
	if (no_room)
		return refuse(detail, UKCF_DETAIL_QUOTA, no_room);
	return dispatch_choose(req, detail);
}

static int decode_rest(struct request *req, struct consumer *c,
		       unsigned int *detail)
{
	const struct op_rule *rule = req->rule;
	int err = check_fixed(&req->entry->sqe, rule, detail);

	if (err)
		return err;
	if (chain_concerns(req))
		err = chain_join(req, c, ring_chain(req->ring), detail);
	if (err)
		return err;
	if (rule->kind == OP_PART)
		return decode_part(req, c, detail);
	if (rule->takes & TAKES_DUAL)
		return decode_dual(req, c, detail);
	if (rule->classes)
		err = rule->kind == OP_CRYPTO || req->entry->sqe.mech[0]
			      ? resolve_mech(req, detail)
			      : refuse(detail, UKCF_DETAIL_MECH, -EOPNOTSUPP);
	if (!err && rule->key && req->entry->sqe.link_src != UKCF_LINK_KEY)
		err = resolve_key(req, req->entry->sqe.obj[0], c, rule->usage,
				  detail);
	if (!err)
		err = resolve_ranges(req, c, detail);
	if (!err && wants_nonce(req))
		err = check_nonce_place(req, detail);
	if (!err && rule->kind == OP_CRYPTO &&
	    req->entry->sqe.link_src != UKCF_LINK_IN) /* it has none yet */
		err = check_sizes(req, detail);
	if (!err && rule->kind == OP_CRYPTO)
		err = choose(req, detail);
	if (!err && wants_nonce(req))
		err = nonce_draw(req, detail);
	return err;
}

int decode_request(struct request *req, struct consumer *c,
		   unsigned int *detail)
{
	uint32_t op = req->entry->sqe.op;
	int err;

	*detail = UKCF_DETAIL_NONE;
	req->mech = NULL;
	request_give(req, NULL);
	req->direct = false;
	req->nonce_len = 0;
	if (op >= UKCF_OP_LAST)
		return refuse(detail, UKCF_DETAIL_OP, -EOPNOTSUPP);
	req->rule = &rules[index_clamp(op, UKCF_OP_LAST)];
	if (req->rule->kind == OP_UNKNOWN)
		return refuse(detail, UKCF_DETAIL_OP, -EOPNOTSUPP);
	err = decode_rest(req, c, detail);
	if (err) {
		req->refused = true;
		request_release(req);
	}
	return err;
}
