/* SPDX-License-Identifier: MIT */
/* Random bytes from the kernel, getrandom(2), through libsodium. */
#include <sodium.h>

#include "providers/sodium/sodium.h"

static enum ukcf_status fill(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	randombytes_buf(job->out, job->out_size);
	return sodium_done(job, (int64_t)job->out_size);
}

enum ukcf_status sodium_generate_32(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	(void)self;
	if (job->out_size < 32)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	randombytes_buf(job->out, 32);
	return sodium_done(job, 32);
}

const struct ukcf_mech_ops sodium_random = {
	.random = fill,
};
