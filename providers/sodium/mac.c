/* SPDX-License-Identifier: MIT */
/* HMAC-SHA-256 with keys of any length (RFC 2104), tags of 16 to 32 bytes. */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define FULL crypto_auth_hmacsha256_BYTES

const uint32_t sodium_hmac_sha2_256_ctx =
	sizeof(crypto_auth_hmacsha256_state);

/* A template is the state after the key: both blocks of padding are hashed. */
static void begin(const struct ukcf_job *job, crypto_auth_hmacsha256_state *st)
{
	if (job->tmpl)
		memcpy(st, job->tmpl, sizeof(*st));
	else
		crypto_auth_hmacsha256_init(st, sodium_in(job->key),
					    job->key.len);
}

static void compute(const struct ukcf_job *job, uint8_t full[FULL])
{
	crypto_auth_hmacsha256_state st;

	begin(job, &st);
	crypto_auth_hmacsha256_update(&st, sodium_in(job->in), job->in.len);
	crypto_auth_hmacsha256_final(&st, full);
	sodium_memzero(&st, sizeof(st));
}

static int tag_len_is_valid(size_t n)
{
	return n >= FULL / 2 && n <= FULL; /* RFC 2104 section 5 */
}

static enum ukcf_status give(struct ukcf_job *job, uint8_t full[FULL])
{
	if (!tag_len_is_valid(job->tag_len) || job->out_size < job->tag_len) {
		sodium_memzero(full, FULL);
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	}
	memcpy(job->out, full, job->tag_len);
	sodium_memzero(full, FULL);
	return sodium_done(job, (int64_t)job->tag_len);
}

static enum ukcf_status mac(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t full[FULL];

	(void)self;
	compute(job, full);
	return give(job, full);
}

static enum ukcf_status compare(struct ukcf_job *job, uint8_t full[FULL])
{
	int differs = !tag_len_is_valid(job->tag.len) ||
		      sodium_memcmp(full, job->tag.data, job->tag.len);

	sodium_memzero(full, FULL);
	if (differs)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, 0);
}

static enum ukcf_status mac_verify(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	uint8_t full[FULL];

	(void)self;
	if (!tag_len_is_valid(job->tag.len))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	compute(job, full);
	return compare(job, full);
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	begin(job, job->ctx);
	return sodium_done(job, 0);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	crypto_auth_hmacsha256_update(job->ctx, sodium_in(job->in),
				      job->in.len);
	return sodium_done(job, 0);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t full[FULL];

	(void)self;
	crypto_auth_hmacsha256_update(job->ctx, sodium_in(job->in),
				      job->in.len);
	crypto_auth_hmacsha256_final(job->ctx, full);
	return job->op == UKCF_OP_MAC_VERIFY ? compare(job, full)
					     : give(job, full);
}

static enum ukcf_status init_tmpl(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	(void)self;
	if (job->out_size < sizeof(crypto_auth_hmacsha256_state))
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	crypto_auth_hmacsha256_init((void *)job->out, sodium_in(job->key),
				    job->key.len);
	return sodium_done(job, sizeof(crypto_auth_hmacsha256_state));
}

const struct ukcf_mech_ops sodium_hmac_sha2_256 = {
	.mac = mac,
	.mac_verify = mac_verify,
	.generate = sodium_generate_32,
	.init = init,
	.update = update,
	.final = final,
	.init_tmpl = init_tmpl,
};
