/* SPDX-License-Identifier: MIT */
#include "daemon/core/chain.h"

#include <errno.h>
#include <string.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/core/context.h"
#include "daemon/core/mech.h"
#include "lib/shared/secmem.h"
#include "lib/shared/sizes.h"

/* What a member made for the next one, which meanwhile makes the other. */
struct kept {
	struct {
		uint32_t len;
		uint8_t bytes[UKCF_KEEP_MAX];
	} of[2];
	uint32_t full; /* that which holds something to take */
};

_Static_assert(sizeof(struct kept) <= CONTEXT_STATE_MAX, "room for it");

/* Classes whose key is nothing but bytes. */
#define RAW_KEYS                                                    \
	(1u << UKCF_CLASS_MAC | 1u << UKCF_CLASS_AEAD |             \
	 1u << UKCF_CLASS_CIPHER | 1u << UKCF_CLASS_KDF)

static struct kept *kept_of(const struct request *req)
{
	return (struct kept *)(void *)context_state(req->context);
}

static int refuse(unsigned int *detail, unsigned int why, int err)
{
	*detail = why;
	return err;
}

/* ----------------------------------------------------------------- decode */

static int check_source(const struct request *req, bool first,
			unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	uint32_t class_ = UKCF_MECH_CLASS(s->mech[0]);

	if (s->link_src > UKCF_LINK_IN || (s->link_src && first))
		return refuse(detail, UKCF_DETAIL_LINK, -EINVAL);
	if (s->link_src == UKCF_LINK_KEY &&
	    (!req->rule->key || class_ > 31 || !(RAW_KEYS >> class_ & 1)))
		return refuse(detail, UKCF_DETAIL_LINK, -EOPNOTSUPP);
	if ((s->link_src == UKCF_LINK_KEY && s->obj[0]) ||
	    (s->link_src == UKCF_LINK_IN && (s->in.len || s->in.off)))
		return refuse(detail, UKCF_DETAIL_RESERVED, -EINVAL);
	return 0;
}

/* out.len is how many bytes there are to keep; it names no memory. */
static int check_target(const struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (s->link_dst == UKCF_LINK_OUT)
		return 0;
	if (s->link_dst != UKCF_LINK_KEEP || !(s->flags & UKCF_SQE_LINK) ||
	    !(req->rule->ranges & 1u << UKCF_RANGE_OUT))
		return refuse(detail, UKCF_DETAIL_LINK, -EINVAL);
	if (s->out.off || s->buf[UKCF_RANGE_OUT])
		return refuse(detail, UKCF_DETAIL_OUT_RANGE, -EINVAL);
	if (s->out.len > UKCF_KEEP_MAX)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -EMSGSIZE);
	return 0;
}

int chain_join(struct request *req, const struct consumer *c,
	       const struct chain_end *end, unsigned int *detail)
{
	const struct context_spec spec = { 0 };
	int err;

	if (req->replayed)
		return refuse(detail, UKCF_DETAIL_LOST_STATE, -ESTALE);
	if (end->broken)
		return refuse(detail, UKCF_DETAIL_LINK, -ECANCELED);
	if (req->rule->kind != OP_CRYPTO || (req->rule->takes & TAKES_DUAL) ||
	    end->members >= UKCF_CHAIN_MAX)
		return refuse(detail, UKCF_DETAIL_LINK, -EINVAL);
	err = check_source(req, !end->open, detail);
	if (!err)
		err = check_target(req, detail);
	if (err)
		return err;
	req->context = end->open ? context_hold(end->open) :
				   context_new(c->uid, &spec);
	return req->context ? 0 : refuse(detail, UKCF_DETAIL_QUOTA, -EDQUOT);
}

void chain_follow(struct chain_end *end, struct context *of, bool linked)
{
	struct context *was = end->open;

	end->open = of && linked ? context_hold(of) : NULL;
	end->broken = !of && linked;
	end->members = end->open ? end->members + 1 : 0;
	if (was)
		context_put(was);
}

void chain_close(struct chain_end *end)
{
	chain_follow(end, NULL, false);
}

/* --------------------------------------------------------------- its turn */

static int check_sizes(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct op_sizes sizes = request_sizes(req);

	if (req->nonce_len) { /* the daemon's: it stands behind the output */
		sizes.out -= req->nonce_len;
		sizes.nonce = req->nonce_len;
	}
	return sizes_check(s->op, req->mech->id, &req->mech->limits, &sizes,
			   &req->tag_len, detail);
}

static int take_key(const struct request *req, unsigned int *detail)
{
	const struct mech_limits *m = &req->mech->limits;
	size_t len = chain_key(req).len;

	if (len < m->key_min || len > m->key_max)
		return refuse(detail, UKCF_DETAIL_KEY_SIZE, -EKEYREJECTED);
	return 0;
}

/* The entry is the daemon's own copy: it says from now on what is there. */
static int take_input(struct request *req, unsigned int *detail)
{
	struct kept *k = kept_of(req);

	req->entry->sqe.in.len = k->of[k->full].len;
	req->at[UKCF_RANGE_IN] = k->of[k->full].bytes;
	return check_sizes(req, detail);
}

int chain_turn(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct kept *k = kept_of(req);

	if (context_failure(req))
		return refuse(detail, UKCF_DETAIL_LINK, -ECANCELED);
	/* What the one before it made went to memory. */
	if (s->link_src && !k->of[k->full].len)
		return refuse(detail, UKCF_DETAIL_LINK, -EINVAL);
	if (s->link_dst == UKCF_LINK_KEEP)
		req->at[UKCF_RANGE_OUT] = k->of[!k->full].bytes;
	if (s->link_src == UKCF_LINK_KEY)
		return take_key(req, detail);
	return s->link_src == UKCF_LINK_IN ? take_input(req, detail) : 0;
}

struct ukcf_bytes chain_key(const struct request *req)
{
	const struct kept *k = kept_of(req);

	return (struct ukcf_bytes){ k->of[k->full].bytes, k->of[k->full].len };
}

void chain_left(struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	int64_t res = req->entry->cqe.res;
	struct kept *k = kept_of(req);
	bool keeps = s->link_dst == UKCF_LINK_KEEP && res > 0;

	secmem_wipe(&k->of[k->full], sizeof(k->of[0]));
	k->full = !k->full;
	if (keeps)
		k->of[k->full].len = (uint32_t)res;
	else
		secmem_wipe(&k->of[k->full], sizeof(k->of[0]));
	for (unsigned int i = 0; i < 4; i++)
		if (!req->arena[i])
			req->at[i] = NULL;
}
