/* SPDX-License-Identifier: MIT */
/* AES-GCM (SP 800-38D) and ChaCha20-Poly1305 (RFC 8439). */
#include <openssl/evp.h>
#include <string.h>

#include "providers/openssl/openssl.h"

#define TAG 16u
#define NONCE 12u
/* EVP counts bytes in an int; whole blocks, so that pieces join. */
#define PIECE ((size_t)1 << 30)

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EVP_CIPHER_fetch(lib, name, NULL);
}

static void release(void *algo)
{
	EVP_CIPHER_free(algo);
}

/* out is NULL for additional data. */
static int feed(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in,
		size_t len)
{
	int done;

	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < PIECE ? len - at : PIECE;
		if (!EVP_CipherUpdate(ctx, out ? out + at : NULL, &done,
				      in + at, (int)n))
			return 0;
	}
	return 1;
}

/* A context with key, nonce and additional data in it; NULL: no memory. */
static EVP_CIPHER_CTX *begin(struct ukcf_instance *self,
			     const struct ukcf_job *job, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx &&
	    EVP_CipherInit_ex2(ctx, ossl_algo(self, job), job->key.data,
			       job->param.data, encrypt, NULL) &&
	    feed(ctx, NULL, job->aux.data, job->aux.len))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int refuse_sizes(struct ukcf_instance *self, struct ukcf_job *job,
			size_t need)
{
	const EVP_CIPHER *c = ossl_algo(self, job);

	if (job->key.len != (size_t)EVP_CIPHER_get_key_length(c))
		job->detail = UKCF_DETAIL_KEY_SIZE;
	else if (job->param.len != NONCE)
		job->detail = UKCF_DETAIL_NONCE_SIZE;
	else if (job->out_size < need)
		job->detail = UKCF_DETAIL_OUT_SIZE;
	else
		return 0;
	job->res = -EINVAL;
	return 1;
}

/* What follows in ctx is the last of the plaintext, then the tag. */
static enum ukcf_status seal(EVP_CIPHER_CTX *ctx, struct ukcf_job *job)
{
	size_t n = job->in.len;
	int none;

	if (feed(ctx, job->out, job->in.data, n) &&
	    EVP_CipherFinal_ex(ctx, job->out + n, &none) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, job->out + n))
		return ossl_done(job, (int64_t)(n + TAG));
	return ossl_no_memory(job);
}

static enum ukcf_status encrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status;
	EVP_CIPHER_CTX *ctx;

	if (refuse_sizes(self, job, job->in.len + TAG))
		return UKCF_DONE;
	ctx = begin(self, job, 1);
	if (!ctx)
		return ossl_no_memory(job);
	status = seal(ctx, job);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}

/* Likewise, of ciphertext. */
static enum ukcf_status unseal(EVP_CIPHER_CTX *ctx, struct ukcf_job *job)
{
	uint8_t tag[TAG], last[EVP_MAX_BLOCK_LENGTH];
	size_t n = job->in.len - TAG;
	int none;

	/* EVP takes the tag as something that it might change. */
	memcpy(tag, job->in.data + n, TAG);
	if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) ||
	    !feed(ctx, job->out, job->in.data, n))
		return ossl_no_memory(job);
	if (!EVP_CipherFinal_ex(ctx, last, &none))
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return ossl_done(job, (int64_t)n);
}

static enum ukcf_status decrypt(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status;
	EVP_CIPHER_CTX *ctx;

	if (job->in.len < TAG)
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse_sizes(self, job, job->in.len - TAG))
		return UKCF_DONE;
	ctx = begin(self, job, 0);
	if (!ctx)
		return ossl_no_memory(job);
	status = unseal(ctx, job);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}

/* --------------------------------------------------------------- in parts */

struct state {
	EVP_CIPHER_CTX *evp;
};

_Static_assert(sizeof(struct state) <= OSSL_CTX_SIZE, "see the offers");

static enum ukcf_status drop(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	EVP_CIPHER_CTX_free(s->evp); /* wipes the key that it copied */
	s->evp = NULL;
	return UKCF_DONE;
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	if (refuse_sizes(self, job, 0))
		return UKCF_DONE;
	s->evp = begin(self, job, job->op == UKCF_OP_ENCRYPT);
	return s->evp ? ossl_done(job, 0) : ossl_no_memory(job);
}

/* A stream: as many bytes as it is given. */
static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *s = job->ctx;

	(void)self;
	if (job->out_size < job->in.len)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!feed(s->evp, job->out, job->in.data, job->in.len))
		return ossl_no_memory(job);
	return ossl_done(job, (int64_t)job->in.len);
}

static enum ukcf_status end(struct state *s, struct ukcf_job *job)
{
	int encrypts = job->op == UKCF_OP_ENCRYPT;

	if (!encrypts && job->in.len < TAG)
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (job->out_size < (encrypts ? job->in.len + TAG :
					job->in.len - TAG))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	return encrypts ? seal(s->evp, job) : unseal(s->evp, job);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status = end(job->ctx, job);

	drop(self, job);
	return status;
}

const struct ossl_kind ossl_aead = {
	.fetch = fetch,
	.release = release,
	.ops = { .encrypt = encrypt,
		 .decrypt = decrypt,
		 .generate = ossl_generate,
		 .init = init,
		 .update = update,
		 .final = final,
		 .drop = drop },
};
