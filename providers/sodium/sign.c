/* SPDX-License-Identifier: MIT */
/* Ed25519 (RFC 8032).  The secret key is the 32-byte seed. */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define SIG crypto_sign_ed25519_BYTES
#define SEED crypto_sign_ed25519_SEEDBYTES
#define PUB crypto_sign_ed25519_PUBLICKEYBYTES

/* libsodium's secret key is seed || public key. */
static void expand(const struct ukcf_job *job, uint8_t sk[SEED + PUB])
{
	uint8_t pub[PUB];

	if (job->pub.len == PUB) {
		memcpy(sk, job->key.data, SEED);
		memcpy(sk + SEED, job->pub.data, PUB);
		return;
	}
	crypto_sign_ed25519_seed_keypair(pub, sk, job->key.data);
}

static enum ukcf_status sign(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t sk[SEED + PUB];

	(void)self;
	if (job->key.len != SEED)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->out_size < SIG)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	expand(job, sk);
	crypto_sign_ed25519_detached(job->out, NULL, sodium_in(job->in),
				     job->in.len, sk);
	sodium_memzero(sk, sizeof(sk));
	return sodium_done(job, SIG);
}

static enum ukcf_status verify(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	if (job->key.len != PUB)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->tag.len != SIG ||
	    crypto_sign_ed25519_verify_detached(job->tag.data,
						sodium_in(job->in),
						job->in.len, job->key.data))
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, 0);
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	uint8_t sk[SEED + PUB];

	(void)self;
	if (job->key.len != SEED)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->out_size < PUB)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	crypto_sign_ed25519_seed_keypair(job->out, sk, job->key.data);
	sodium_memzero(sk, sizeof(sk));
	return sodium_done(job, PUB);
}

const struct ukcf_mech_ops sodium_ed25519 = {
	.sign = sign,
	.verify = verify,
	.generate = sodium_generate_32,
	.public_key = public_key,
};
