/* SPDX-License-Identifier: MIT */
/*
 * Sealed boxes: to a public key of X25519, by a key pair that is made for one
 * message and forgotten, with XSalsa20-Poly1305 under the nonce BLAKE2b of both
 * public keys.  What comes is what crypto_box_seal() writes: the public key of
 * that pair, the tag, the ciphertext.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define SECRET crypto_box_SECRETKEYBYTES
#define PUBLIC crypto_box_PUBLICKEYBYTES
#define MORE crypto_box_SEALBYTES

static int refuse(struct ukcf_job *job, size_t key_len)
{
	if (job->key.len != key_len) {
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_SIZE;
		return 1;
	}
	if (job->aux.len) {
		job->res = -EINVAL;
		job->detail = UKCF_DETAIL_AUX_SIZE;
		return 1;
	}
	return 0;
}

/* As crypto_box_seal() does, but for the order: that writes its public key before
 * it reads, and in and out may be equal.  Nonzero: everybody would know the
 * shared secret. */
static int seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *pub)
{
	uint8_t nonce[crypto_box_NONCEBYTES], once[SECRET], both[2 * PUBLIC];
	int failed;

	crypto_box_keypair(both, once);
	memcpy(both + PUBLIC, pub, PUBLIC);
	crypto_generichash(nonce, sizeof(nonce), both, sizeof(both), NULL, 0);
	failed = crypto_box_easy(out + PUBLIC, in, len, nonce, pub, once);
	memcpy(out, both, PUBLIC);
	sodium_memzero(once, sizeof(once));
	return failed;
}

static enum ukcf_status encrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	const size_t len = job->in.len;

	(void)self;
	if (refuse(job, PUBLIC))
		return UKCF_DONE;
	if (job->out_size < MORE || job->out_size - MORE < len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (seal(job->out, sodium_in(job->in), len, job->key.data))
		return sodium_refuse(job, -EKEYREJECTED,
				     UKCF_DETAIL_LOW_ORDER);
	return sodium_done(job, (int64_t)(len + MORE));
}

static enum ukcf_status decrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	uint8_t pub[PUBLIC];
	size_t len;

	(void)self;
	if (job->in.len < MORE)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse(job, SECRET))
		return UKCF_DONE;
	len = job->in.len - MORE;
	if (job->out_size < len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (job->pub.len != PUBLIC)
		crypto_scalarmult_base(pub, job->key.data);
	if (crypto_box_seal_open(job->out, job->in.data, job->in.len,
				 job->pub.len == PUBLIC ? job->pub.data : pub,
				 job->key.data))
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, (int64_t)len);
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	(void)self;
	if (refuse(job, SECRET))
		return UKCF_DONE;
	if (job->out_size < PUBLIC)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	crypto_scalarmult_base(job->out, job->key.data);
	return sodium_done(job, PUBLIC);
}

const struct ukcf_mech_ops sodium_x25519_sealed_box = {
	.encrypt = encrypt,
	.decrypt = decrypt,
	.generate = sodium_generate_32,
	.public_key = public_key,
};
