/* SPDX-License-Identifier: MIT */
/*
 * RSA signatures of PKCS #1 v1.5 (RFC 8017 section 8.2): the device pads and
 * computes, the digest is made here.
 */
#include <errno.h>
#include <string.h>

#include "providers/virtio/der.h"
#include "providers/virtio/work.h"

/* More would hold up all others: there is one thread for a device. */
#define MESSAGE_MAX 262144u

static enum ukcf_status begin(struct work *w)
{
	bool signs = w->job->op == UKCF_OP_SIGN;
	struct der_key k;
	struct sha256 s;

	if (w->job->in.len > MESSAGE_MAX)
		return UKCF_RETRY_ELSEWHERE;
	if (!der_read(w->job->key, signs, &k))
		return work_end(w, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
	w->n = k.n.len;
	if (signs && w->job->out_size < w->n)
		return work_end(w, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!signs && w->job->tag.len != w->n)
		return work_end(w, -EBADMSG, UKCF_DETAIL_AUTH);
	w->key = k.whole;
	w->session.service = VIRTIO_CRYPTO_SERVICE_AKCIPHER;
	w->session.op = signs ? VIRTIO_CRYPTO_AKCIPHER_KEY_TYPE_PRIVATE :
				VIRTIO_CRYPTO_AKCIPHER_KEY_TYPE_PUBLIC;
	sha256_init(&s);
	sha256_add(&s, w->job->in.data, w->job->in.len);
	sha256_end(&s, w->digest);
	return UKCF_QUEUED;
}

/* To sign: the digest.  To verify: the signature, and then the digest. */
static size_t fill(struct work *w, uint64_t session, uint8_t *to,
		   uint32_t *answer)
{
	bool signs = w->job->op == UKCF_OP_SIGN;
	size_t head = crypto_rsa(to, w->session, session,
				 signs ? VIRTIO_CRYPTO_AKCIPHER_SIGN :
					 VIRTIO_CRYPTO_AKCIPHER_VERIFY,
				 signs ? SHA256_BYTES : w->n,
				 signs ? w->n : SHA256_BYTES);

	*answer = signs ? (uint32_t)w->n : 0;
	if (!signs) {
		memcpy(to + head, w->job->tag.data, w->n);
		head += w->n;
	}
	memcpy(to + head, w->digest, SHA256_BYTES);
	return head + SHA256_BYTES;
}

static bool take(struct work *w, const uint8_t *answer)
{
	if (w->job->op == UKCF_OP_SIGN) {
		memcpy(w->job->out, answer, w->n);
		work_end(w, (int64_t)w->n, 0);
	} else {
		work_end(w, 0, 0);
	}
	return false;
}

static bool refused(struct work *w, uint8_t status)
{
	if (w->job->op != UKCF_OP_VERIFY ||
	    status != VIRTIO_CRYPTO_KEY_REJECTED)
		return false;
	work_end(w, -EBADMSG, UKCF_DETAIL_AUTH);
	return true;
}

const struct work_kind work_rsa = {
	.begin = begin,
	.fill = fill,
	.take = take,
	.refused = refused,
};
