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

#define GENERATE(n)                                                           \
	enum ukcf_status sodium_generate_##n(struct ukcf_instance *self,      \
					     struct ukcf_job *job)            \
	{                                                                     \
		(void)self;                                                   \
		if (job->out_size < (n))                                      \
			return sodium_refuse(job, -ENOBUFS,                   \
					     UKCF_DETAIL_OUT_SIZE);           \
		randombytes_buf(job->out, n);                                 \
		return sodium_done(job, n);                                   \
	}

GENERATE(16)
GENERATE(32)
GENERATE(64)

const struct ukcf_mech_ops sodium_random = {
	.random = fill,
};
