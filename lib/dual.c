/* SPDX-License-Identifier: MIT */
/* Synchronous dual operations: over a ring, where both halves are one. */
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/call.h"
#include "lib/connection.h"
#include "lib/key.h"
#include "lib/lane.h"

/* What a cipher may add, and the longest MAC. */
#define GROWTH 96u

static bool is_missing(struct lane_bytes b)
{
	return !b.data && b.len;
}

static int64_t refuse_missing(const struct ukcf_dual *d,
			      const struct lane_request *q)
{
	if ((!d->nonce && d->nonce_len) || d->nonce_len > UKCF_PARAM_MAX)
		return call_refused(-EINVAL, UKCF_DETAIL_NONCE_SIZE);
	if (d->mac_len > UINT8_MAX)
		return call_refused(-EINVAL, UKCF_DETAIL_TAG_SIZE);
	if (is_missing(q->in))
		return call_refused(-EINVAL, UKCF_DETAIL_IN_RANGE);
	if (is_missing(q->aux))
		return call_refused(-EINVAL, UKCF_DETAIL_AUX_RANGE);
	if (is_missing(q->tag))
		return call_refused(-EINVAL, UKCF_DETAIL_TAG_RANGE);
	if (!q->out && q->out_size)
		return call_refused(-EINVAL, UKCF_DETAIL_OUT_RANGE);
	return 0;
}

static int64_t dual(struct ukcf *u, enum ukcf_op op, const struct ukcf_dual *d,
		    struct lane_request *q)
{
	struct ukcf_sqe *s = &q->sqe;
	int64_t res;

	if (!u || !d)
		return call_refused(-EINVAL, UKCF_DETAIL_NONE);
	res = refuse_missing(d, q);
	if (res)
		return res;
	if (q->out_size > q->in.len + GROWTH)
		q->out_size = q->in.len + GROWTH;
	s->op = (uint8_t)op;
	s->mech[0] = d->cipher;
	s->mech[1] = d->mac;
	s->tag_len = (uint8_t)d->mac_len;
	s->param_len = (uint8_t)d->nonce_len;
	if (d->nonce_len)
		memcpy(s->param, d->nonce, d->nonce_len);
	res = key_handle(u, d->cipher_key, &s->obj[0]);
	if (!res)
		res = key_handle(u, d->mac_key, &s->obj[1]);
	/* last_call is that of registering */
	return res ? res : lane_call(u, q, UKCF_REASON_NO_MODULE);
}

int64_t ukcf_encrypt_mac(struct ukcf *u, const struct ukcf_dual *d,
			 const void *aux, size_t aux_len, const void *in,
			 size_t in_len, void *out, size_t out_size)
{
	struct lane_request q = { .in = { in, in_len },
				  .aux = { aux, aux_len },
				  .out = out,
				  .out_size = out_size };

	return dual(u, UKCF_OP_ENCRYPT_MAC, d, &q);
}

int64_t ukcf_mac_decrypt(struct ukcf *u, const struct ukcf_dual *d,
			 const void *aux, size_t aux_len, const void *in,
			 size_t in_len, void *out, size_t out_size)
{
	struct lane_request q = { .in = { in, in_len },
				  .aux = { aux, aux_len },
				  .out = out,
				  .out_size = out_size };

	return dual(u, UKCF_OP_MAC_DECRYPT, d, &q);
}

int64_t ukcf_mac_verify_decrypt(struct ukcf *u, const struct ukcf_dual *d,
				const void *aux, size_t aux_len,
				const void *in, size_t in_len, const void *mac,
				size_t mac_len, void *out, size_t out_size)
{
	struct lane_request q = { .in = { in, in_len },
				  .aux = { aux, aux_len },
				  .tag = { mac, mac_len },
				  .out = out,
				  .out_size = out_size };

	return dual(u, UKCF_OP_MAC_VERIFY_DECRYPT, d, &q);
}
