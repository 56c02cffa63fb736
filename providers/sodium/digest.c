/* SPDX-License-Identifier: MIT */
/* SHA-2 (FIPS 180-4). */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

const uint32_t sodium_sha2_256_ctx = sizeof(crypto_hash_sha256_state);
const uint32_t sodium_sha2_512_ctx = sizeof(crypto_hash_sha512_state);

#define SHA2(bits)                                                            \
	static enum ukcf_status digest_##bits(struct ukcf_instance *self,     \
					      struct ukcf_job *job)           \
	{                                                                     \
		(void)self;                                                   \
		if (job->out_size < crypto_hash_sha##bits##_BYTES)            \
			return sodium_refuse(job, -ENOBUFS,                   \
					     UKCF_DETAIL_OUT_SIZE);           \
		crypto_hash_sha##bits(job->out, sodium_in(job->in),           \
				      job->in.len);                           \
		return sodium_done(job, crypto_hash_sha##bits##_BYTES);       \
	}                                                                     \
	static enum ukcf_status init_##bits(struct ukcf_instance *self,       \
					    struct ukcf_job *job)             \
	{                                                                     \
		(void)self;                                                   \
		crypto_hash_sha##bits##_init(job->ctx);                       \
		return sodium_done(job, 0);                                   \
	}                                                                     \
	static enum ukcf_status update_##bits(struct ukcf_instance *self,     \
					      struct ukcf_job *job)           \
	{                                                                     \
		(void)self;                                                   \
		crypto_hash_sha##bits##_update(job->ctx, sodium_in(job->in),  \
					       job->in.len);                  \
		return sodium_done(job, 0);                                   \
	}                                                                     \
	static enum ukcf_status final_##bits(struct ukcf_instance *self,      \
					     struct ukcf_job *job)            \
	{                                                                     \
		(void)self;                                                   \
		if (job->out_size < crypto_hash_sha##bits##_BYTES)            \
			return sodium_refuse(job, -ENOBUFS,                   \
					     UKCF_DETAIL_OUT_SIZE);           \
		crypto_hash_sha##bits##_update(job->ctx, sodium_in(job->in),  \
					       job->in.len);                  \
		crypto_hash_sha##bits##_final(job->ctx, job->out);            \
		return sodium_done(job, crypto_hash_sha##bits##_BYTES);       \
	}                                                                     \
	const struct ukcf_mech_ops sodium_sha2_##bits = {                     \
		.digest = digest_##bits,                                      \
		.init = init_##bits,                                          \
		.update = update_##bits,                                      \
		.final = final_##bits,                                        \
	};

SHA2(256)
SHA2(512)
