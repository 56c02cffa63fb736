/* SPDX-License-Identifier: MIT */
/*
 * XSalsa20-Poly1305, NaCl's secretbox.  As of every AEAD here the tag stands
 * behind the ciphertext; crypto_secretbox_easy() puts it before.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define TAG crypto_secretbox_MACBYTES

static int refuse(struct ukcf_job *job)
{
	if (job->key.len != crypto_secretbox_KEYBYTES)
		job->detail = UKCF_DETAIL_KEY_SIZE;
	else if (job->param.len != crypto_secretbox_NONCEBYTES)
		job->detail = UKCF_DETAIL_NONCE_SIZE;
	else if (job->aux.len)
		job->detail = UKCF_DETAIL_AUX_SIZE;
	else
		return 0;
	job->res = -EINVAL;
	return 1;
}

static enum ukcf_status encrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	const size_t len = job->in.len;
	uint8_t tag[TAG];

	(void)self;
	if (refuse(job))
		return UKCF_DONE;
	if (job->out_size < TAG || job->out_size - TAG < len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	crypto_secretbox_detached(job->out, tag, sodium_in(job->in), len,
				  job->param.data, job->key.data);
	memcpy(job->out + len, tag, TAG);
	return sodium_done(job, (int64_t)(len + TAG));
}

static enum ukcf_status decrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	uint8_t tag[TAG];
	size_t len;

	(void)self;
	if (job->in.len < TAG)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse(job))
		return UKCF_DONE;
	len = job->in.len - TAG;
	if (job->out_size < len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	memcpy(tag, job->in.data + len, TAG);
	if (crypto_secretbox_open_detached(job->out, job->in.data, tag, len,
					   job->param.data, job->key.data))
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, (int64_t)len);
}

const struct ukcf_mech_ops sodium_xsalsa20_poly1305 = {
	.encrypt = encrypt,
	.decrypt = decrypt,
	.generate = sodium_generate_32,
};
