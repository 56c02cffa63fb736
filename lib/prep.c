/* SPDX-License-Identifier: MIT */
/* Filling entries: nothing is sent, and the daemon judges what was filled. */
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/key.h"
#include "lib/ring.h"

static void start(struct ukcf_sqe *s, enum ukcf_op op, uint32_t mech)
{
	uint64_t user_data = s->user_data;
	uint32_t timeout_us = s->timeout_us;

	memset(s, 0, sizeof(*s));
	s->op = (uint8_t)op;
	s->mech[0] = mech;
	s->user_data = user_data;
	s->timeout_us = timeout_us;
}

static void set(struct ukcf_sqe *s, struct ukcf_range *r,
		enum ukcf_range_index i, struct ukcf_span span)
{
	r->off = span.off;
	r->len = span.len;
	s->buf[i] = span.buf;
}

/* The key's handle; a local key that no ring has used is registered. */
static int set_key(struct ukcf_ring *r, struct ukcf_sqe *s, struct ukcf_key key)
{
	int err = connection_check(r->u);

	return err ? err : key_handle(r->u, key, &s->obj[0]);
}

void ukcf_prep_nop(struct ukcf_sqe *sqe)
{
	start(sqe, UKCF_OP_NOP, 0);
}

void ukcf_prep_cancel(struct ukcf_sqe *sqe, uint64_t handle)
{
	start(sqe, UKCF_OP_CANCEL, 0);
	sqe->ctx = handle;
}

void ukcf_prep_notify_space(struct ukcf_sqe *sqe, uint16_t queue,
			    unsigned int slots)
{
	start(sqe, UKCF_OP_NOTIFY_SPACE, 0);
	sqe->provider = queue;
	sqe->ctx = slots;
}

void ukcf_prep_notify_events(struct ukcf_sqe *sqe, uint32_t kinds)
{
	start(sqe, UKCF_OP_NOTIFY_EVENTS, 0);
	sqe->ctx = kinds;
}

int ukcf_prep_digest(struct ukcf_sqe *sqe, uint32_t mech, struct ukcf_span in,
		     struct ukcf_span out)
{
	start(sqe, UKCF_OP_DIGEST, mech);
	if (in.reserved || out.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	/* of the size that there is room for */
	if (mech == UKCF_MECH_BLAKE2B && out.len < 64)
		sqe->tag_len = (uint8_t)out.len;
	return 0;
}

int ukcf_prep_mac(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		  struct ukcf_key key, struct ukcf_span in,
		  struct ukcf_span out)
{
	start(sqe, UKCF_OP_MAC, mech);
	if (in.reserved || out.reserved || out.len > UINT8_MAX)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	sqe->tag_len = (uint8_t)out.len; /* 0: all of it, if it is kept */
	return set_key(r, sqe, key);
}

int ukcf_prep_mac_verify(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			 uint32_t mech, struct ukcf_key key,
			 struct ukcf_span in, struct ukcf_span tag)
{
	start(sqe, UKCF_OP_MAC_VERIFY, mech);
	if (in.reserved || tag.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->tag, UKCF_RANGE_TAG, tag);
	return set_key(r, sqe, key);
}

static int prep_aead(struct ukcf_ring *r, struct ukcf_sqe *sqe,
		     struct ukcf_key key, const void *nonce, size_t nonce_len,
		     struct ukcf_span aad, struct ukcf_span in,
		     struct ukcf_span out)
{
	if (aad.reserved || in.reserved || out.reserved ||
	    nonce_len > UKCF_PARAM_MAX || (!nonce && nonce_len))
		return -EINVAL;
	set(sqe, &sqe->aux, UKCF_RANGE_AUX, aad);
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	sqe->param_len = (uint8_t)nonce_len;
	if (nonce_len)
		memcpy(sqe->param, nonce, nonce_len);
	return set_key(r, sqe, key);
}

int ukcf_prep_encrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		      struct ukcf_key key, const void *nonce, size_t nonce_len,
		      struct ukcf_span aad, struct ukcf_span in,
		      struct ukcf_span out)
{
	start(sqe, UKCF_OP_ENCRYPT, mech);
	return prep_aead(r, sqe, key, nonce, nonce_len, aad, in, out);
}

int ukcf_prep_encrypt_nonce(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			    uint32_t mech, struct ukcf_key key,
			    struct ukcf_span aad, struct ukcf_span in,
			    struct ukcf_span out)
{
	start(sqe, UKCF_OP_ENCRYPT, mech);
	sqe->subflags = UKCF_SUB_NONCE;
	return prep_aead(r, sqe, key, NULL, 0, aad, in, out);
}

int ukcf_prep_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		      struct ukcf_key key, const void *nonce, size_t nonce_len,
		      struct ukcf_span aad, struct ukcf_span in,
		      struct ukcf_span out)
{
	start(sqe, UKCF_OP_DECRYPT, mech);
	return prep_aead(r, sqe, key, nonce, nonce_len, aad, in, out);
}

int ukcf_prep_sign(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		   struct ukcf_key key, struct ukcf_span in,
		   struct ukcf_span out)
{
	start(sqe, UKCF_OP_SIGN, mech);
	if (in.reserved || out.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	return set_key(r, sqe, key);
}

int ukcf_prep_verify(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		     struct ukcf_key key, struct ukcf_span in,
		     struct ukcf_span sig)
{
	start(sqe, UKCF_OP_VERIFY, mech);
	if (in.reserved || sig.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->tag, UKCF_RANGE_TAG, sig);
	return set_key(r, sqe, key);
}

int ukcf_prep_derive(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		     struct ukcf_key key, struct ukcf_span peer,
		     struct ukcf_span out)
{
	start(sqe, UKCF_OP_DERIVE, mech);
	if (peer.reserved || out.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, peer);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	return set_key(r, sqe, key);
}

int ukcf_prep_kdf(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		  struct ukcf_key key, struct ukcf_span salt,
		  struct ukcf_span info, struct ukcf_span out)
{
	int err = ukcf_prep_derive(r, sqe, mech, key, salt, out);

	if (info.reserved)
		return -EINVAL;
	set(sqe, &sqe->aux, UKCF_RANGE_AUX, info);
	return err;
}

void ukcf_prep_link(struct ukcf_sqe *sqe)
{
	sqe->flags |= UKCF_SQE_LINK;
}

void ukcf_prep_keep(struct ukcf_sqe *sqe, size_t len)
{
	ukcf_prep_link(sqe);
	sqe->link_dst = UKCF_LINK_KEEP;
	sqe->out.len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

void ukcf_prep_take_key(struct ukcf_sqe *sqe)
{
	sqe->link_src = UKCF_LINK_KEY;
}

void ukcf_prep_take_input(struct ukcf_sqe *sqe)
{
	sqe->link_src = UKCF_LINK_IN;
}

static int prep_dual(struct ukcf_ring *r, struct ukcf_sqe *sqe,
		     const struct ukcf_dual *d, struct ukcf_span aux,
		     struct ukcf_span in, struct ukcf_span out)
{
	int err;

	if (d->mac_len > UINT8_MAX)
		return -EINVAL;
	sqe->mech[1] = d->mac;
	sqe->tag_len = (uint8_t)d->mac_len;
	err = prep_aead(r, sqe, d->cipher_key, d->nonce, d->nonce_len, aux, in,
			out);
	return err ? err : key_handle(r->u, d->mac_key, &sqe->obj[1]);
}

int ukcf_prep_encrypt_mac(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			  const struct ukcf_dual *d, struct ukcf_span aux,
			  struct ukcf_span in, struct ukcf_span out)
{
	start(sqe, UKCF_OP_ENCRYPT_MAC, d->cipher);
	return prep_dual(r, sqe, d, aux, in, out);
}

int ukcf_prep_mac_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			  const struct ukcf_dual *d, struct ukcf_span aux,
			  struct ukcf_span in, struct ukcf_span out)
{
	start(sqe, UKCF_OP_MAC_DECRYPT, d->cipher);
	return prep_dual(r, sqe, d, aux, in, out);
}

int ukcf_prep_mac_verify_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe,
				 const struct ukcf_dual *d,
				 struct ukcf_span aux, struct ukcf_span in,
				 struct ukcf_span mac, struct ukcf_span out)
{
	start(sqe, UKCF_OP_MAC_VERIFY_DECRYPT, d->cipher);
	if (mac.reserved)
		return -EINVAL;
	set(sqe, &sqe->tag, UKCF_RANGE_TAG, mac);
	return prep_dual(r, sqe, d, aux, in, out);
}

int ukcf_prep_init(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint64_t ctx,
		   enum ukcf_op op, uint32_t mech, struct ukcf_key key,
		   const void *nonce, size_t nonce_len, struct ukcf_span aad)
{
	start(sqe, UKCF_OP_INIT, mech);
	sqe->ctx = ctx;
	sqe->part_op = (uint8_t)op;
	if (aad.reserved || nonce_len > UKCF_PARAM_MAX ||
	    (!nonce && nonce_len) || op < 0 || op > UINT8_MAX)
		return -EINVAL;
	set(sqe, &sqe->aux, UKCF_RANGE_AUX, aad);
	sqe->param_len = (uint8_t)nonce_len;
	if (nonce_len)
		memcpy(sqe->param, nonce, nonce_len);
	return key.id ? set_key(r, sqe, key) : 0;
}

int ukcf_prep_update(struct ukcf_sqe *sqe, uint64_t ctx, struct ukcf_span in,
		     struct ukcf_span out)
{
	const struct ukcf_span none = { 0 };
	int err = ukcf_prep_final(sqe, ctx, in, out, none);

	sqe->op = UKCF_OP_UPDATE;
	return err;
}

int ukcf_prep_final(struct ukcf_sqe *sqe, uint64_t ctx, struct ukcf_span in,
		    struct ukcf_span out, struct ukcf_span tag)
{
	start(sqe, UKCF_OP_FINAL, 0);
	sqe->ctx = ctx;
	if (in.reserved || out.reserved || tag.reserved)
		return -EINVAL;
	set(sqe, &sqe->in, UKCF_RANGE_IN, in);
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	set(sqe, &sqe->tag, UKCF_RANGE_TAG, tag);
	return 0;
}

void ukcf_prep_ctx_copy(struct ukcf_sqe *sqe, uint64_t ctx, uint64_t from)
{
	start(sqe, UKCF_OP_CTX_COPY, 0);
	sqe->ctx = ctx;
	sqe->obj[1] = from;
}

void ukcf_prep_cancel_ctx(struct ukcf_sqe *sqe, uint64_t ctx)
{
	start(sqe, UKCF_OP_CANCEL_CTX, 0);
	sqe->ctx = ctx;
}

int ukcf_prep_tmpl_create(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			  uint32_t mech, struct ukcf_key key, uint16_t subflags)
{
	start(sqe, UKCF_OP_TMPL_CREATE, mech);
	sqe->subflags = subflags;
	return set_key(r, sqe, key);
}

void ukcf_prep_tmpl_destroy(struct ukcf_sqe *sqe, struct ukcf_key tmpl)
{
	start(sqe, UKCF_OP_TMPL_DESTROY, 0);
	sqe->obj[0] = tmpl.id;
}

int ukcf_prep_random(struct ukcf_sqe *sqe, struct ukcf_span out)
{
	start(sqe, UKCF_OP_RANDOM, UKCF_MECH_RANDOM);
	if (out.reserved || out.len == 0)
		return -EINVAL;
	set(sqe, &sqe->out, UKCF_RANGE_OUT, out);
	return 0;
}
