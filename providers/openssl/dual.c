/* SPDX-License-Identifier: MIT */
/*
 * AES in counter mode and HMAC over the ciphertext in one pass: what the cipher
 * made of a block is hashed while it is in the cache.  Where a MAC is compared
 * there are two: not a byte is decrypted before it is known to be right.
 */
#include <openssl/evp.h>
#include <string.h>

#include "providers/openssl/openssl.h"

#define STEP ((size_t)4096)

/* What has begun. */
struct pass {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
};

static int begin(struct ukcf_instance *self, const struct ukcf_dual_job *job,
		 struct pass *p)
{
	const struct ukcf_job *c = &job->cipher, *m = &job->mac;

	p->cipher = EVP_CIPHER_CTX_new();
	p->mac = EVP_MAC_CTX_dup(ossl_algo(self, m));
	return p->cipher && p->mac &&
	       EVP_CipherInit_ex2(p->cipher, ossl_algo(self, c), c->key.data,
				  c->param.data, c->op == UKCF_OP_ENCRYPT,
				  NULL) &&
	       EVP_MAC_init(p->mac, m->key.data, m->key.len, NULL) &&
	       EVP_MAC_update(p->mac, m->in.data, m->in.len);
}

static void drop(struct pass *p)
{
	EVP_CIPHER_CTX_free(p->cipher); /* both wipe what is secret */
	EVP_MAC_CTX_free(p->mac);
}

static int cipher_step(const struct pass *p, const struct ukcf_job *c,
		       size_t at, size_t n)
{
	int made;

	return EVP_CipherUpdate(p->cipher, c->out + at, &made, c->in.data + at,
				(int)n);
}

/* Return: 0 if the library would not. */
static int whole(const struct pass *p, const struct ukcf_dual_job *job,
		 int with_mac, int with_cipher)
{
	const struct ukcf_job *c = &job->cipher;
	int encrypt = c->op == UKCF_OP_ENCRYPT, ok = 1;
	const uint8_t *sealed = encrypt ? c->out : c->in.data;

	for (size_t at = 0, n; ok && at < c->in.len; at += n) {
		n = c->in.len - at < STEP ? c->in.len - at : STEP;
		if (with_cipher && encrypt)
			ok = cipher_step(p, c, at, n);
		if (ok && with_mac)
			ok = EVP_MAC_update(p->mac, sealed + at, n);
		if (ok && with_cipher && !encrypt)
			ok = cipher_step(p, c, at, n);
	}
	return ok;
}

static int give_mac(const struct pass *p, struct ukcf_job *m)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (!EVP_MAC_final(p->mac, full, &len, sizeof(full)))
		return 0;
	if (m->tag_len > len || m->out_size < m->tag_len) {
		ossl_refuse(m, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	} else {
		memcpy(m->out, full, m->tag_len);
		ossl_done(m, (int64_t)m->tag_len);
	}
	OPENSSL_cleanse(full, sizeof(full));
	return 1;
}

static int compare_mac(const struct pass *p, struct ukcf_job *m)
{
	uint8_t full[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (!EVP_MAC_final(p->mac, full, &len, sizeof(full)))
		return 0;
	if (m->tag.len == 0 || m->tag.len > len ||
	    CRYPTO_memcmp(full, m->tag.data, m->tag.len))
		ossl_refuse(m, -EBADMSG, UKCF_DETAIL_AUTH);
	else
		ossl_done(m, 0);
	OPENSSL_cleanse(full, sizeof(full));
	return 1;
}

/* Return: 0 if the library would not. */
static int perform(const struct pass *p, struct ukcf_dual_job *job)
{
	ossl_done(&job->cipher, (int64_t)job->cipher.in.len);
	if (job->op != UKCF_OP_MAC_VERIFY_DECRYPT)
		return whole(p, job, 1, 1) && give_mac(p, &job->mac);
	if (!whole(p, job, 1, 0) || !compare_mac(p, &job->mac))
		return 0;
	return job->mac.res < 0 || whole(p, job, 0, 1);
}

static int refuse_sizes(const EVP_CIPHER *algo, struct ukcf_job *c)
{
	c->res = 0;
	if (c->param.len != (size_t)EVP_CIPHER_get_iv_length(algo))
		ossl_refuse(c, -EINVAL, UKCF_DETAIL_NONCE_SIZE);
	else if (c->key.len != (size_t)EVP_CIPHER_get_key_length(algo))
		ossl_refuse(c, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	else if (c->out_size < c->in.len)
		ossl_refuse(c, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	return c->res < 0;
}

enum ukcf_status ossl_ctr_hmac(struct ukcf_instance *self,
			       struct ukcf_dual_job *job)
{
	struct pass p = { 0 };

	job->mac.res = 0;
	if (refuse_sizes(ossl_algo(self, &job->cipher), &job->cipher))
		return UKCF_DONE;
	if (!begin(self, job, &p) || !perform(&p, job))
		ossl_no_memory(&job->cipher);
	drop(&p);
	return UKCF_DONE;
}
