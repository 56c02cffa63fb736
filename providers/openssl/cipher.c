/* SPDX-License-Identifier: MIT */
/*
 * AES without authentication: CBC, plain and padded, CTR (SP 800-38A) and XTS
 * (SP 800-38E); and AES key wrap (RFC 3394), which authenticates.
 *
 * EVP holds bytes back: what is less than a block, and of padded ciphertext the
 * last block, which may be padding.  Once that is so, output runs ahead of the
 * input that follows.
 */
#include <openssl/evp.h>
#include <string.h>

#include "providers/openssl/openssl.h"

#define BLOCK 16u
/* EVP counts bytes in an int; whole blocks, so that pieces join. */
#define PIECE ((size_t)1 << 30)
#define STEP 4096u /* bytes of input set aside at a time */

/* What was done of a message: the job's multipart state, too. */
struct stream {
	EVP_CIPHER_CTX *evp;
	uint64_t in, made; /* bytes */
};

_Static_assert(sizeof(struct stream) <= OSSL_CTX_SIZE, "see the offers");

static void *fetch(OSSL_LIB_CTX *lib, const char *name)
{
	return EVP_CIPHER_fetch(lib, name, NULL);
}

static void release(void *algo)
{
	EVP_CIPHER_free(algo);
}

static int is_padded(const struct ukcf_job *job)
{
	return ossl_kind_of(job) == &ossl_cbc_pad;
}

static int is_wrap(const struct ukcf_job *job)
{
	return ossl_kind_of(job) == &ossl_kw;
}

static int encrypts(const struct ukcf_job *job)
{
	return job->op == UKCF_OP_ENCRYPT;
}

/* The most that the next len bytes of a message give. */
static uint64_t most_of(const struct stream *s, const struct ukcf_job *job,
			size_t len, int last)
{
	uint64_t total = s->in + len;

	if (ossl_kind_of(job) == &ossl_xts || ossl_kind_of(job) == &ossl_ctr)
		return len;
	if (is_wrap(job))
		return encrypts(job) ? len + 8 : len - 8;
	if (is_padded(job) && encrypts(job) && last)
		total += BLOCK;
	if (is_padded(job) && !encrypts(job) && total) {
		if (last)
			return total - 1 - s->made;
		total--;
	}
	return total / BLOCK * BLOCK - s->made;
}

/* SP 800-38E asks for FIPS 140's rule: two keys, not one twice. */
static int is_twice_the_same(const struct ukcf_job *job)
{
	size_t half = job->key.len / 2;

	return ossl_kind_of(job) == &ossl_xts &&
	       CRYPTO_memcmp(job->key.data, job->key.data + half, half) == 0;
}

static int refuse_key(struct ukcf_instance *self, struct ukcf_job *job)
{
	const EVP_CIPHER *c = ossl_algo(self, job);
	size_t nonce = is_wrap(job) ? 0 : (size_t)EVP_CIPHER_get_iv_length(c);

	job->res = -EINVAL;
	if (job->param.len != nonce) {
		job->detail = UKCF_DETAIL_NONCE_SIZE;
		return 1;
	}
	job->res = -EKEYREJECTED;
	if (job->key.len != (size_t)EVP_CIPHER_get_key_length(c)) {
		job->detail = UKCF_DETAIL_KEY_SIZE;
		return 1;
	}
	if (is_twice_the_same(job)) {
		job->detail = UKCF_DETAIL_KEY_VALUE;
		return 1;
	}
	job->res = 0;
	return 0;
}

/* A message begins; NULL: no memory. */
static EVP_CIPHER_CTX *begin(struct ukcf_instance *self,
			     const struct ukcf_job *job)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && is_wrap(job))
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (ctx &&
	    EVP_CipherInit_ex2(ctx, ossl_algo(self, job), job->key.data,
			       is_wrap(job) ? NULL : job->param.data,
			       encrypts(job), NULL) &&
	    EVP_CIPHER_CTX_set_padding(ctx, is_padded(job)))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* There is room for most_of() it.  Return: 0 if the library would not. */
static int feed(struct stream *s, const struct ukcf_job *job, size_t *made)
{
	const uint8_t *in = job->in.data;
	size_t len = job->in.len, n;
	uint8_t aside[STEP];
	int done, ok = 1, in_place = in == job->out;

	*made = 0;
	for (size_t at = 0; ok && at < len; at += n) {
		const uint8_t *from = in + at;

		n = len - at < PIECE ? len - at : PIECE;
		if (in_place && s->in != s->made) {
			n = n < STEP ? n : STEP;
			memcpy(aside, from, n);
			from = aside;
		}
		ok = EVP_CipherUpdate(s->evp, job->out + *made, &done, from,
				      (int)n);
		if (!ok)
			break;
		*made += (size_t)done;
		s->in += n;
		s->made += (size_t)done;
	}
	if (in_place)
		OPENSSL_cleanse(aside, sizeof(aside));
	return ok;
}

/* What the library refuses, sizes and memory apart, is not authentic: a wrapped
 * key, or padding. */
static enum ukcf_status refuse_data(struct ukcf_job *job)
{
	if (!encrypts(job) && (is_wrap(job) || is_padded(job)))
		return ossl_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return ossl_no_memory(job);
}

static enum ukcf_status go_on(struct stream *s, struct ukcf_job *job)
{
	size_t made;

	if (job->out_size < most_of(s, job, job->in.len, 0))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!feed(s, job, &made))
		return refuse_data(job);
	return ossl_done(job, (int64_t)made);
}

static int is_whole(const struct stream *s, const struct ukcf_job *job)
{
	uint64_t total = s->in + job->in.len;

	if (is_wrap(job))
		return total % 8 == 0 && total >= (encrypts(job) ? 16 : 24);
	if (ossl_kind_of(job) == &ossl_xts)
		return total >= BLOCK;
	if (ossl_kind_of(job) == &ossl_ctr)
		return 1;
	if (is_padded(job))
		return encrypts(job) || (total && total % BLOCK == 0);
	return total % BLOCK == 0;
}

static enum ukcf_status end(struct stream *s, struct ukcf_job *job)
{
	size_t made;
	int rest = 0;

	if (!is_whole(s, job))
		return ossl_refuse(job, -EINVAL, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < most_of(s, job, job->in.len, 1))
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	if (!feed(s, job, &made) ||
	    !EVP_CipherFinal_ex(s->evp, job->out + made, &rest))
		return refuse_data(job);
	return ossl_done(job, (int64_t)(made + (size_t)rest));
}

static enum ukcf_status whole(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct stream s = { 0 };
	enum ukcf_status status;

	if (refuse_key(self, job))
		return UKCF_DONE;
	s.evp = begin(self, job);
	status = s.evp ? end(&s, job) : ossl_no_memory(job);
	EVP_CIPHER_CTX_free(s.evp);
	return status;
}

/* Any bytes of the right length are one, but for XTS. */
static enum ukcf_status check_key(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	(void)self;
	if (is_twice_the_same(job))
		return ossl_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_VALUE);
	return ossl_done(job, 0);
}

/* --------------------------------------------------------------- in parts */

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct stream *s = job->ctx;

	if (refuse_key(self, job))
		return UKCF_DONE;
	*s = (struct stream){ .evp = begin(self, job) };
	return s->evp ? ossl_done(job, 0) : ossl_no_memory(job);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	return go_on(job->ctx, job);
}

static enum ukcf_status drop(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct stream *s = job->ctx;

	(void)self;
	EVP_CIPHER_CTX_free(s->evp);
	s->evp = NULL;
	return UKCF_DONE;
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status = end(job->ctx, job);

	drop(self, job);
	return status;
}

static enum ukcf_status copy(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct stream *to = job->ctx, from;

	(void)self;
	memcpy(&from, job->in.data, sizeof(from));
	*to = from;
	to->evp = EVP_CIPHER_CTX_new();
	if (to->evp && EVP_CIPHER_CTX_copy(to->evp, from.evp))
		return ossl_done(job, 0);
	EVP_CIPHER_CTX_free(to->evp);
	to->evp = NULL;
	return ossl_no_memory(job);
}

#define WHOLE                                                                 \
	.encrypt = whole, .decrypt = whole, .generate = ossl_generate,        \
	.check_key = check_key
#define PARTS                                                                 \
	.init = init, .update = update, .final = final, .drop = drop,         \
	.copy = copy

#define KIND(name, ...)                                                       \
	const struct ossl_kind ossl_##name = { .fetch = fetch,                \
					       .release = release,            \
					       .ops = { __VA_ARGS__ } }

KIND(cbc, WHOLE, PARTS);
KIND(cbc_pad, WHOLE, PARTS);
KIND(ctr, WHOLE, PARTS);
KIND(xts, WHOLE); /* a data unit is one */
KIND(kw, WHOLE);
