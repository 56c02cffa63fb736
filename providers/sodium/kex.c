/* SPDX-License-Identifier: MIT */
/* X25519 (RFC 7748). */
#include <sodium.h>

#include "providers/sodium/sodium.h"

#define SIZE crypto_scalarmult_curve25519_BYTES

static int refuse_sizes(struct ukcf_job *job)
{
	if (job->key.len != SIZE) {
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_SIZE;
		return 1;
	}
	if (job->out_size < SIZE) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return 1;
	}
	return 0;
}

static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	if (refuse_sizes(job))
		return UKCF_DONE;
	if (job->in.len != SIZE)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_IN_SIZE);
	/* It fails where the shared secret is all zero (section 6.1). */
	if (crypto_scalarmult_curve25519(job->out, job->key.data, job->in.data))
		return sodium_refuse(job, -EKEYREJECTED,
				     UKCF_DETAIL_LOW_ORDER);
	return sodium_done(job, SIZE);
}

static enum ukcf_status public_key(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	(void)self;
	if (refuse_sizes(job))
		return UKCF_DONE;
	crypto_scalarmult_curve25519_base(job->out, job->key.data);
	return sodium_done(job, SIZE);
}

const struct ukcf_mech_ops sodium_x25519 = {
	.derive = derive,
	.generate = sodium_generate_32,
	.public_key = public_key,
};
