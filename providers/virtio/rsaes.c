/* SPDX-License-Identifier: MIT */
/*
 * RSA encryption of PKCS #1 v1.5 (RFC 8017 section 7.2).  To encrypt the device
 * pads, with its own randomness, and computes.  To decrypt it only computes: if
 * it took the padding off it would say of each ciphertext whether that was right
 * (rejection.h).
 */
#include <errno.h>
#include <string.h>

#include "providers/shared/rejection.h"
#include "providers/virtio/der.h"
#include "providers/virtio/work.h"

#define PADDING_MIN 11u

static bool encrypts(const struct work *w)
{
	return w->job->op == UKCF_OP_ENCRYPT;
}

static bool is_padded(const struct work *w)
{
	return encrypts(w) || w->job->mech == WORK_RSA_PADDED;
}

/* As numbers: everybody can see that of a ciphertext. */
static bool is_less(struct ukcf_bytes a, struct ukcf_bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) < 0;
}

static enum ukcf_status begin(struct work *w)
{
	struct der_key k;

	if (!der_read(w->job->key, !encrypts(w), &k))
		return work_end(w, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
	w->n = k.n.len;
	w->key = k.whole;
	w->session.service = VIRTIO_CRYPTO_SERVICE_AKCIPHER;
	w->session.padding = is_padded(w) ? VIRTIO_CRYPTO_RSA_PKCS1_PADDING :
					    VIRTIO_CRYPTO_RSA_RAW_PADDING;
	if (encrypts(w)) {
		if (w->job->in.len + PADDING_MIN > w->n)
			return work_end(w, -EMSGSIZE, UKCF_DETAIL_IN_SIZE);
		if (w->job->out_size < w->n)
			return work_end(w, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
		w->session.op = VIRTIO_CRYPTO_AKCIPHER_KEY_TYPE_PUBLIC;
		/* a request without data is none to the device */
		return w->job->in.len ? UKCF_QUEUED : UKCF_RETRY_ELSEWHERE;
	}
	if (!is_less(w->job->in, k.n))
		return work_end(w, -EBADMSG, UKCF_DETAIL_AUTH);
	if (is_padded(w))
		w->n = w->job->out_size;
	w->session.op = VIRTIO_CRYPTO_AKCIPHER_KEY_TYPE_PRIVATE;
	return UKCF_QUEUED;
}

static size_t fill(struct work *w, uint64_t session, uint8_t *to,
		   uint32_t *answer)
{
	struct ukcf_bytes in = w->job->in;
	size_t head = crypto_rsa(to, w->session, session,
				 encrypts(w) ? VIRTIO_CRYPTO_AKCIPHER_ENCRYPT :
					       VIRTIO_CRYPTO_AKCIPHER_DECRYPT,
				 in.len, w->n);

	memcpy(to + head, in.data, in.len);
	*answer = (uint32_t)w->n;
	return head + in.len;
}

/* ------------------------------------------------------ implicit rejection */

static bool hash(const void *self, struct ukcf_bytes in,
		 uint8_t out[SHA256_BYTES])
{
	struct sha256 s;

	(void)self;
	sha256_init(&s);
	sha256_add(&s, in.data, in.len);
	sha256_end(&s, out);
	return true;
}

/* RFC 2104, of a key as long as the digest. */
static bool hmac(const void *self, const uint8_t key[SHA256_BYTES],
		 struct ukcf_bytes in, uint8_t out[SHA256_BYTES])
{
	uint8_t pad[64];
	struct sha256 s;

	(void)self;
	for (unsigned int i = 0; i < sizeof(pad); i++)
		pad[i] = 0x36 ^ (i < SHA256_BYTES ? key[i] : 0);
	sha256_init(&s);
	sha256_add(&s, pad, sizeof(pad));
	sha256_add(&s, in.data, in.len);
	sha256_end(&s, out);
	for (unsigned int i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&s);
	sha256_add(&s, pad, sizeof(pad));
	sha256_add(&s, out, SHA256_BYTES);
	sha256_end(&s, out);
	explicit_bzero(pad, sizeof(pad));
	return true;
}

static const struct rejection_hash hashes = { .hash = hash, .hmac = hmac };

/* From a private copy: the device may still write to its own. */
static void decrypted(struct work *w, const uint8_t *answer)
{
	uint8_t em[REJECTION_MODULUS_MAX];
	struct substitute s;
	struct der_key k;
	uint32_t at;

	memcpy(em, answer, w->n);
	if (!der_read(w->job->key, true, &k) ||
	    !rejection_prepare(&hashes, NULL, k.d, w->job->in, &s)) {
		work_end(w, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
		explicit_bzero(em, sizeof(em));
		return;
	}
	at = rejection_unpad(em, (uint32_t)w->n, &s);
	if (w->job->out_size < w->n - at) {
		work_end(w, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	} else {
		memcpy(w->job->out, em + at, w->n - at);
		work_end(w, (int64_t)(w->n - at), 0);
	}
	explicit_bzero(em, sizeof(em));
	explicit_bzero(&s, sizeof(s));
}

static bool take(struct work *w, const uint8_t *answer)
{
	if (is_padded(w)) {
		memcpy(w->job->out, answer, w->n);
		work_end(w, (int64_t)w->n, 0);
	} else {
		decrypted(w, answer);
	}
	return false;
}

const struct work_kind work_rsaes = {
	.begin = begin,
	.fill = fill,
	.take = take,
};
