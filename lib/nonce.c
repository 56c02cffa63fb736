/* SPDX-License-Identifier: MIT */
/* Encryption with a nonce that the daemon chooses: always over a ring. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/call.h"
#include "lib/connection.h"
#include "lib/key.h"
#include "lib/lane.h"

/* Ciphertext, tag and nonce come as one; what does not fit is refused before a
 * nonce is used up for it. */
static int64_t check(const struct lane_request *q,
		     const struct ukcf_page_mech *m, const void *nonce,
		     size_t nonce_size, const void *out, size_t out_size)
{
	if (UKCF_MECH_CLASS(m->id) != UKCF_CLASS_AEAD)
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH_OP);
	if (!nonce || nonce_size != m->nonce_len)
		return call_refused(-EINVAL, UKCF_DETAIL_NONCE_SIZE);
	if (!q->in.data && q->in.len)
		return call_refused(-EINVAL, UKCF_DETAIL_IN_RANGE);
	if (!q->aux.data && q->aux.len)
		return call_refused(-EINVAL, UKCF_DETAIL_AUX_RANGE);
	if (!out && out_size)
		return call_refused(-EINVAL, UKCF_DETAIL_OUT_RANGE);
	if (q->in.len > UKCF_ONESHOT_MAX)
		return call_refused(-EMSGSIZE, UKCF_DETAIL_ONESHOT);
	if (out_size < q->in.len + m->tag_max)
		return call_refused(-ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	return 0;
}

/* Return: bytes at out. */
static int64_t take_apart(const uint8_t *made, int64_t n, void *nonce,
			  size_t nonce_size, void *out, size_t out_size)
{
	size_t len;

	if (n < 0)
		return n;
	if ((size_t)n < nonce_size || (size_t)n - nonce_size > out_size)
		return call_refused(-EPROTO, UKCF_DETAIL_OUT_SIZE);
	len = (size_t)n - nonce_size;
	memcpy(out, made, len);
	memcpy(nonce, made + len, nonce_size);
	last_call.res = (int64_t)len;
	return (int64_t)len;
}

int64_t ukcf_encrypt_nonce(struct ukcf *u, uint32_t mech, struct ukcf_key key,
			   void *nonce, size_t nonce_size, const void *aad,
			   size_t aad_len, const void *in, size_t in_len,
			   void *out, size_t out_size)
{
	struct lane_request q = {
		.sqe = { .op = UKCF_OP_ENCRYPT,
			 .mech = { mech },
			 .subflags = UKCF_SUB_NONCE },
		.in = { in, in_len },
		.aux = { aad, aad_len },
	};
	struct ukcf_page_mech m;
	int64_t res;
	int err;

	if (!u)
		return call_refused(-EINVAL, UKCF_DETAIL_NONE);
	err = connection_check(u);
	if (err)
		return call_refused(err, UKCF_DETAIL_NONE);
	if (ukcf_mech_info(u, mech, &m))
		return call_refused(-EOPNOTSUPP, UKCF_DETAIL_MECH);
	res = check(&q, &m, nonce, nonce_size, out, out_size);
	if (res)
		return res;
	err = key_handle(u, key, &q.sqe.obj[0]);
	if (err)
		return err; /* last_call is that of registering */
	q.out_size = in_len + m.tag_max + m.nonce_len;
	q.out = malloc(q.out_size);
	if (!q.out)
		return call_refused(-ENOMEM, UKCF_DETAIL_NONE);
	res = lane_call(u, &q, UKCF_REASON_OP);
	res = take_apart(q.out, res, nonce, nonce_size, out, out_size);
	free(q.out);
	return res;
}
