/* SPDX-License-Identifier: MIT */
/* Ed25519 and Ed25519ph (RFC 8032).  The secret key is the 32-byte seed. */
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

/* --------------------------------------------------------------- Ed25519ph */

/* It signs the SHA-512 of the message, so that comes in parts.  Of VERIFY the
 * key is the public one. */
struct prehash {
	crypto_sign_ed25519ph_state st;
	uint8_t key[SEED + PUB];
};

const uint32_t sodium_ed25519ph_ctx = sizeof(struct prehash);

static int begin(struct ukcf_job *job, struct prehash *p)
{
	if (job->key.len != SEED) { /* a public key is as long */
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_SIZE;
		return -1;
	}
	if (job->op == UKCF_OP_VERIFY)
		memcpy(p->key, job->key.data, PUB);
	else
		expand(job, p->key);
	crypto_sign_ed25519ph_init(&p->st);
	return 0;
}

static enum ukcf_status end(struct ukcf_job *job, struct prehash *p)
{
	if (job->op == UKCF_OP_VERIFY) {
		uint8_t sig[SIG];

		if (job->tag.len != SIG)
			return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
		memcpy(sig, job->tag.data, SIG);
		if (crypto_sign_ed25519ph_final_verify(&p->st, sig, p->key))
			return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
		return sodium_done(job, 0);
	}
	if (job->out_size < SIG)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	crypto_sign_ed25519ph_final_create(&p->st, job->out, NULL, p->key);
	return sodium_done(job, SIG);
}

static enum ukcf_status prehash_whole(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	enum ukcf_status status;
	struct prehash p;

	(void)self;
	if (begin(job, &p))
		return UKCF_DONE;
	crypto_sign_ed25519ph_update(&p.st, sodium_in(job->in), job->in.len);
	status = end(job, &p);
	sodium_memzero(&p, sizeof(p));
	return status;
}

static enum ukcf_status prehash_init(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	(void)self;
	return begin(job, job->ctx) ? UKCF_DONE : sodium_done(job, 0);
}

static enum ukcf_status prehash_update(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	struct prehash *p = job->ctx;

	(void)self;
	crypto_sign_ed25519ph_update(&p->st, sodium_in(job->in), job->in.len);
	return sodium_done(job, 0);
}

static enum ukcf_status prehash_final(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	struct prehash *p = job->ctx;
	enum ukcf_status status;

	(void)self;
	crypto_sign_ed25519ph_update(&p->st, sodium_in(job->in), job->in.len);
	status = end(job, p);
	sodium_memzero(p, sizeof(*p));
	return status;
}

const struct ukcf_mech_ops sodium_ed25519ph = {
	.sign = prehash_whole,
	.verify = prehash_whole,
	.generate = sodium_generate_32,
	.public_key = public_key,
	.init = prehash_init,
	.update = prehash_update,
	.final = prehash_final,
};
