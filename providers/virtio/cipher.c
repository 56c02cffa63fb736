/* SPDX-License-Identifier: MIT */
/*
 * AES in the modes that a device has: whole blocks, in and out of the same
 * length.  The rest is done here: padding (RFC 5652 section 6.3), the end of a
 * counter's message, ciphertext stealing (IEEE 1619-2007 section 5.3.2), and
 * messages that are longer than a buffer.
 *
 * Stealing takes two requests, the second for the block that is made of the
 * first one's end.  The device counts tweaks from the first block on, so what is
 * before that block is zeros whose result nobody looks at.
 *
 * in may be out: nothing of the input is read after what takes its place was
 * written.
 */
#include <errno.h>
#include <string.h>

#include "providers/virtio/work.h"

#define BLOCK CRYPTO_IV

static bool encrypts(const struct work *w)
{
	return w->job->op == UKCF_OP_ENCRYPT;
}

static bool is_padded(const struct work *w)
{
	uint32_t mech = w->job->mech;

	return mech == UKCF_MECH_AES_128_CBC_PAD ||
	       mech == UKCF_MECH_AES_192_CBC_PAD ||
	       mech == UKCF_MECH_AES_256_CBC_PAD;
}

static bool is_mode(const struct work *w, uint16_t algo)
{
	return w->session.algo == algo;
}

static bool is_xts(const struct work *w)
{
	return is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_XTS);
}

static bool steals(const struct work *w)
{
	return is_xts(w) && w->total % BLOCK != 0;
}

static size_t blocks_of(size_t len)
{
	return (len + BLOCK - 1) / BLOCK * BLOCK;
}

/* ---------------------------------------------------------------- it begins */

/* In time that depends on the length alone. */
bool work_is_twice_the_same(struct ukcf_bytes key)
{
	size_t half = key.len / 2;
	unsigned int differ = 0;

	for (size_t i = 0; i < half; i++)
		differ |= (unsigned int)(key.data[i] ^ key.data[half + i]);
	return differ == 0;
}

static bool is_whole(const struct work *w)
{
	size_t len = w->job->in.len;

	if (is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_CTR))
		return true;
	if (is_xts(w))
		return len >= BLOCK;
	if (is_padded(w))
		return encrypts(w) || (len && len % BLOCK == 0);
	return len % BLOCK == 0;
}

/* The most that it gives. */
static size_t most(const struct work *w)
{
	return is_padded(w) && !encrypts(w) ? w->total - 1 : w->total;
}

static enum ukcf_status begin(struct work *w)
{
	const struct ukcf_job *job = w->job;

	if (job->param.len != BLOCK)
		return work_end(w, -EINVAL, UKCF_DETAIL_NONCE_SIZE);
	if (is_xts(w) && work_is_twice_the_same(job->key))
		return work_end(w, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
	if (!is_whole(w))
		return work_end(w, -EINVAL, UKCF_DETAIL_IN_SIZE);
	w->total = job->in.len;
	if (is_padded(w) && encrypts(w))
		w->total = blocks_of(w->total + 1);
	if (job->out_size < most(w))
		return work_end(w, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (w->total == 0)
		return work_end(w, 0, 0);
	if (is_xts(w) && blocks_of(w->total) > w->room)
		return UKCF_RETRY_ELSEWHERE; /* its tweaks are counted from the
						first block on */
	memcpy(w->iv, job->param.data, BLOCK);
	w->session.service = VIRTIO_CRYPTO_SERVICE_CIPHER;
	w->session.op = encrypts(w) ? VIRTIO_CRYPTO_OP_ENCRYPT :
				      VIRTIO_CRYPTO_OP_DECRYPT;
	return UKCF_QUEUED;
}

/* ------------------------------------------------------------- what is asked */

/* Bytes at `to' of the message from `at' on, with its padding or zeros. */
static void put_message(const struct work *w, uint8_t *to, size_t at, size_t n)
{
	struct ukcf_bytes in = w->job->in;
	size_t there = at < in.len ? in.len - at : 0;
	size_t copy = there < n ? there : n;
	uint8_t pad = is_padded(w) ? (uint8_t)(w->total - in.len) : 0;

	if (copy)
		memcpy(to, in.data + at, copy);
	memset(to + copy, pad, n - copy);
}

/* Of m blocks and a tail.  The first step: the blocks, for decryption with the
 * last one a place later, where it was made; the second: the block that has the
 * tail in it. */
static void put_stolen(struct work *w, uint8_t *to)
{
	size_t m = w->total / BLOCK, tail = w->total % BLOCK;
	bool later = encrypts(w) == (w->step == 1);

	w->n = (m + later) * BLOCK;
	memset(to, 0, w->n);
	if (w->step == 1) {
		memcpy(to + w->n - BLOCK, w->held, BLOCK);
		return;
	}
	if (encrypts(w)) {
		memcpy(to, w->job->in.data, w->n);
	} else {
		memcpy(to, w->job->in.data, (m - 1) * BLOCK);
		memcpy(to + m * BLOCK, w->job->in.data + (m - 1) * BLOCK,
		       BLOCK);
	}
	memcpy(w->tail, w->job->in.data + m * BLOCK, tail);
}

static size_t fill(struct work *w, uint64_t session, uint8_t *to,
		   uint32_t *answer)
{
	size_t left = blocks_of(w->total) - w->done, head;
	uint8_t *data = to + CRYPTO_DATA_HEAD + CRYPTO_IV;

	if (steals(w)) {
		put_stolen(w, data);
	} else {
		w->n = left < w->room ? left : w->room / BLOCK * BLOCK;
		put_message(w, data, w->done, w->n);
	}
	head = crypto_cipher(to, w->session, session, w->iv, w->n);
	if (is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_CBC) && !encrypts(w))
		memcpy(w->iv, data + w->n - BLOCK, BLOCK);
	*answer = (uint32_t)w->n;
	return head + w->n;
}

static bool overlap(const struct ukcf_job *job)
{
	uintptr_t in = (uintptr_t)job->in.data, out = (uintptr_t)job->out;

	return in < out + job->in.len && out < in + job->in.len;
}

/* Whole blocks: what is in between would have to be private. */
static bool may_share(const struct work *w)
{
	return !is_padded(w) && w->total % BLOCK == 0 && !overlap(w->job);
}

static size_t fill_shared(struct work *w, uint64_t session, uint8_t *to,
			  uint32_t *answer)
{
	size_t left = w->total - w->done, head;

	w->n = left < w->room ? left : w->room / BLOCK * BLOCK;
	head = crypto_cipher(to, w->session, session, w->iv, w->n);
	if (is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_CBC) && !encrypts(w))
		memcpy(w->iv, w->job->in.data + w->done + w->n - BLOCK, BLOCK);
	*answer = (uint32_t)w->n;
	return head;
}

/* ---------------------------------------------------------- what is answered */

/* SP 800-38A appendix B.1, all 128 bits. */
static void count_on(uint8_t counter[BLOCK], size_t blocks)
{
	uint64_t carry = blocks;

	for (unsigned int i = BLOCK; i-- && carry; carry >>= 8) {
		carry += counter[i];
		counter[i] = (uint8_t)carry;
	}
}

static void advance_iv(struct work *w, const uint8_t *answer)
{
	if (is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_CTR))
		count_on(w->iv, w->n / BLOCK);
	else if (is_mode(w, VIRTIO_CRYPTO_CIPHER_AES_CBC) && encrypts(w))
		memcpy(w->iv, answer + w->n - BLOCK, BLOCK);
}

/* 1 if a < b, both below 2^16, without a branch. */
static unsigned int below(unsigned int a, unsigned int b)
{
	return (a - b) >> 31;
}

/* Bytes of padding of the last block, 0 if it is none, in constant time. */
static unsigned int padding_of(const uint8_t last[BLOCK])
{
	unsigned int pad = last[BLOCK - 1];
	unsigned int bad = below(pad, 1) | below(BLOCK, pad);

	for (unsigned int i = 0; i < BLOCK; i++)
		bad |= below(i, pad) &
		       below(0, (unsigned int)(last[BLOCK - 1 - i] ^ pad));
	return pad & (bad - 1);
}

static bool take_unpadded(struct work *w, const uint8_t *answer)
{
	uint8_t *out = w->job->out + w->done;
	size_t most = w->n - BLOCK;
	uint8_t last[BLOCK]; /* the device may change the answer meanwhile */
	unsigned int pad;

	memcpy(last, answer + most, BLOCK);
	pad = padding_of(last);
	if (pad == 0) {
		work_end(w, -EBADMSG, UKCF_DETAIL_AUTH);
	} else {
		memcpy(out, answer, most);
		memcpy(out + most, last, BLOCK - pad);
		work_end(w, (int64_t)(w->done + most + BLOCK - pad), 0);
	}
	explicit_bzero(last, sizeof(last));
	return false;
}

static bool take_stolen(struct work *w, const uint8_t *answer)
{
	size_t m = w->total / BLOCK, tail = w->total % BLOCK;
	uint8_t *out = w->job->out;

	if (w->step++ == 1) {
		memcpy(out + (m - 1) * BLOCK, answer + w->n - BLOCK, BLOCK);
		memcpy(out + m * BLOCK, w->tail, tail);
		work_end(w, (int64_t)w->total, 0);
		return false;
	}
	/* The end of what the last block became goes behind the tail, and its
	 * beginning in the tail's place. */
	memcpy(w->held, answer + w->n - BLOCK, BLOCK);
	for (size_t i = 0; i < tail; i++) {
		uint8_t was = w->tail[i];

		w->tail[i] = w->held[i];
		w->held[i] = was;
	}
	memcpy(out, answer, (m - 1) * BLOCK);
	return true;
}

static bool take(struct work *w, const uint8_t *answer)
{
	size_t n = w->n;

	if (steals(w))
		return take_stolen(w, answer);
	if (is_padded(w) && !encrypts(w) && w->done + n == w->total)
		return take_unpadded(w, answer);
	if (n > w->total - w->done)
		n = w->total - w->done;
	if (answer != w->job->out + w->done)
		memcpy(w->job->out + w->done, answer, n);
	advance_iv(w, answer);
	w->done += n;
	if (w->done < w->total)
		return true;
	work_end(w, (int64_t)w->total, 0);
	return false;
}

const struct work_kind work_cipher = {
	.begin = begin,
	.fill = fill,
	.take = take,
	.may_share = may_share,
	.fill_shared = fill_shared,
};
