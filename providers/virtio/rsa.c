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

static void make_digest(struct work *w)
{
	struct ukcf_bytes in = w->job->in;
	struct sha256 s;

	switch (w->session.hash) {
	case VIRTIO_CRYPTO_RSA_SHA384:
		sha384(in.data, in.len, w->digest);
		w->digest_len = SHA384_BYTES;
		return;
	case VIRTIO_CRYPTO_RSA_SHA512:
		sha512(in.data, in.len, w->digest);
		w->digest_len = SHA512_BYTES;
		return;
	default:
		sha256_init(&s);
		sha256_add(&s, in.data, in.len);
		sha256_end(&s, w->digest);
		w->digest_len = SHA256_BYTES;
	}
}

static enum ukcf_status begin(struct work *w)
{
	bool signs = w->job->op == UKCF_OP_SIGN;
	struct der_key k;

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
	w->session.padding = VIRTIO_CRYPTO_RSA_PKCS1_PADDING;
	make_digest(w);
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
				 signs ? w->digest_len : w->n,
				 signs ? w->n : w->digest_len);

	*answer = signs ? (uint32_t)w->n : 0;
	if (!signs) {
		memcpy(to + head, w->job->tag.data, w->n);
		head += w->n;
	}
	memcpy(to + head, w->digest, w->digest_len);
	return head + w->digest_len;
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
