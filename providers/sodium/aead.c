/* SPDX-License-Identifier: MIT */
/* AES-256-GCM (SP 800-38D) and ChaCha20-Poly1305 (RFC 8439). */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define TAG 16u
#define NONCE 12u
#define KEY 32u

_Static_assert(crypto_aead_aes256gcm_ABYTES == TAG &&
		       crypto_aead_chacha20poly1305_ietf_ABYTES == TAG &&
		       crypto_aead_aes256gcm_NPUBBYTES == NONCE &&
		       crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE,
	       "both have the sizes of RFC 5116");

/* libsodium aborts the process on what it thinks is misuse. */
static int refuse_sizes(struct ukcf_job *job, uint64_t data_max, size_t need)
{
	if (job->key.len != KEY)
		job->detail = UKCF_DETAIL_KEY_SIZE;
	else if (job->param.len != NONCE)
		job->detail = UKCF_DETAIL_NONCE_SIZE;
	else if (job->in.len > data_max)
		job->detail = UKCF_DETAIL_IN_SIZE;
	else if (job->out_size < need)
		job->detail = UKCF_DETAIL_OUT_SIZE;
	else
		return 0;
	job->res = -EINVAL;
	return 1;
}

static enum ukcf_status ended(struct ukcf_job *job, int rc,
			      unsigned long long len)
{
	if (rc)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, (int64_t)len);
}

static enum ukcf_status gcm_encrypt(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	(void)self;
	if (refuse_sizes(job, crypto_aead_aes256gcm_MESSAGEBYTES_MAX,
			 job->in.len + TAG))
		return UKCF_DONE;
	if (job->tmpl)
		rc = crypto_aead_aes256gcm_encrypt_afternm(
			job->out, &len, sodium_in(job->in), job->in.len,
			sodium_in(job->aux), job->aux.len, NULL,
			job->param.data, job->tmpl);
	else
		rc = crypto_aead_aes256gcm_encrypt(
			job->out, &len, sodium_in(job->in), job->in.len,
			sodium_in(job->aux), job->aux.len, NULL,
			job->param.data, job->key.data);
	return ended(job, rc, len);
}

static enum ukcf_status gcm_decrypt(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	(void)self;
	if (job->in.len < TAG)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse_sizes(job, crypto_aead_aes256gcm_MESSAGEBYTES_MAX + TAG,
			 job->in.len - TAG))
		return UKCF_DONE;
	if (job->tmpl)
		rc = crypto_aead_aes256gcm_decrypt_afternm(
			job->out, &len, NULL, job->in.data, job->in.len,
			sodium_in(job->aux), job->aux.len, job->param.data,
			job->tmpl);
	else
		rc = crypto_aead_aes256gcm_decrypt(
			job->out, &len, NULL, job->in.data, job->in.len,
			sodium_in(job->aux), job->aux.len, job->param.data,
			job->key.data);
	return ended(job, rc, len);
}

static enum ukcf_status gcm_init_tmpl(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	(void)self;
	if (job->key.len != KEY ||
	    job->out_size < sizeof(crypto_aead_aes256gcm_state))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_KEY_SIZE);
	crypto_aead_aes256gcm_beforenm((void *)job->out, job->key.data);
	return sodium_done(job, sizeof(crypto_aead_aes256gcm_state));
}

static enum ukcf_status chacha_encrypt(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	(void)self;
	if (refuse_sizes(job,
			 crypto_aead_chacha20poly1305_ietf_MESSAGEBYTES_MAX,
			 job->in.len + TAG))
		return UKCF_DONE;
	rc = crypto_aead_chacha20poly1305_ietf_encrypt(
		job->out, &len, sodium_in(job->in), job->in.len,
		sodium_in(job->aux), job->aux.len, NULL, job->param.data,
		job->key.data);
	return ended(job, rc, len);
}

static enum ukcf_status chacha_decrypt(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	(void)self;
	if (job->in.len < TAG)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse_sizes(
		    job,
		    crypto_aead_chacha20poly1305_ietf_MESSAGEBYTES_MAX + TAG,
		    job->in.len - TAG))
		return UKCF_DONE;
	rc = crypto_aead_chacha20poly1305_ietf_decrypt(
		job->out, &len, NULL, job->in.data, job->in.len,
		sodium_in(job->aux), job->aux.len, job->param.data,
		job->key.data);
	return ended(job, rc, len);
}

const struct ukcf_mech_ops sodium_aes_256_gcm = {
	.encrypt = gcm_encrypt,
	.decrypt = gcm_decrypt,
	.generate = sodium_generate_32,
	.init_tmpl = gcm_init_tmpl,
};

const struct ukcf_mech_ops sodium_chacha20_poly1305 = {
	.encrypt = chacha_encrypt,
	.decrypt = chacha_decrypt,
	.generate = sodium_generate_32,
};
