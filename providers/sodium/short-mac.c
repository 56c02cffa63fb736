/* SPDX-License-Identifier: MIT */
/*
 * MACs of one length that are no HMAC: Poly1305 (RFC 8439), whose key is good
 * for one message, and SipHash-2-4, which libsodium has in one piece only.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

const uint32_t sodium_poly1305_ctx = sizeof(crypto_onetimeauth_poly1305_state);

struct mac {
	size_t tag, key; /* bytes */
	int (*compute)(unsigned char *out, const unsigned char *in,
		       unsigned long long in_len, const unsigned char *key);
};

#define TAG_MAX 16u

static const struct mac poly1305 = { crypto_onetimeauth_poly1305_BYTES,
				     crypto_onetimeauth_poly1305_KEYBYTES,
				     crypto_onetimeauth_poly1305 };
static const struct mac siphash = { crypto_shorthash_siphash24_BYTES,
				    crypto_shorthash_siphash24_KEYBYTES,
				    crypto_shorthash_siphash24 };

static enum ukcf_status give(const struct mac *m, struct ukcf_job *job,
			     uint8_t tag[TAG_MAX])
{
	if (job->tag_len != m->tag || job->out_size < m->tag)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	memcpy(job->out, tag, m->tag);
	return sodium_done(job, (int64_t)m->tag);
}

static enum ukcf_status compare(const struct mac *m, struct ukcf_job *job,
				uint8_t tag[TAG_MAX])
{
	if (job->tag.len != m->tag)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	if (sodium_memcmp(tag, job->tag.data, m->tag))
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, 0);
}

static enum ukcf_status run(const struct mac *m, struct ukcf_job *job)
{
	enum ukcf_status status;
	uint8_t tag[TAG_MAX];

	if (job->key.len != m->key)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	m->compute(tag, sodium_in(job->in), job->in.len, job->key.data);
	status = job->op == UKCF_OP_MAC_VERIFY ? compare(m, job, tag) :
						 give(m, job, tag);
	sodium_memzero(tag, sizeof(tag));
	return status;
}

static enum ukcf_status run_poly1305(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	(void)self;
	return run(&poly1305, job);
}

static enum ukcf_status run_siphash(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	(void)self;
	return run(&siphash, job);
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	if (job->key.len != poly1305.key)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	crypto_onetimeauth_poly1305_init(job->ctx, job->key.data);
	return sodium_done(job, 0);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	crypto_onetimeauth_poly1305_update(job->ctx, sodium_in(job->in),
					   job->in.len);
	return sodium_done(job, 0);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status;
	uint8_t tag[TAG_MAX];

	(void)self;
	crypto_onetimeauth_poly1305_update(job->ctx, sodium_in(job->in),
					   job->in.len);
	crypto_onetimeauth_poly1305_final(job->ctx, tag);
	status = job->op == UKCF_OP_MAC_VERIFY ? compare(&poly1305, job, tag) :
						 give(&poly1305, job, tag);
	sodium_memzero(tag, sizeof(tag));
	return status;
}

const struct ukcf_mech_ops sodium_poly1305 = {
	.mac = run_poly1305,
	.mac_verify = run_poly1305,
	.generate = sodium_generate_32,
	.init = init,
	.update = update,
	.final = final,
};

const struct ukcf_mech_ops sodium_siphash_2_4 = {
	.mac = run_siphash,
	.mac_verify = run_siphash,
	.generate = sodium_generate_16,
};
