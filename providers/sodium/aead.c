/* SPDX-License-Identifier: MIT */
/* AES-256-GCM (SP 800-38D), ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305
 * (draft-irtf-cfrg-xchacha-03), the same with a longer nonce. */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define TAG 16u
#define NONCE 12u
#define XNONCE 24u
#define KEY 32u

_Static_assert(crypto_aead_aes256gcm_ABYTES == TAG &&
		       crypto_aead_chacha20poly1305_ietf_ABYTES == TAG &&
		       crypto_aead_xchacha20poly1305_ietf_ABYTES == TAG &&
		       crypto_aead_xchacha20poly1305_ietf_NPUBBYTES ==
			       XNONCE &&
		       crypto_aead_aes256gcm_NPUBBYTES == NONCE &&
		       crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE,
	       "both have the sizes of RFC 5116");

/* libsodium aborts the process on what it thinks is misuse. */
static int refuse_sizes_of(struct ukcf_job *job, size_t nonce,
			   uint64_t data_max, size_t need)
{
	if (job->key.len != KEY)
		job->detail = UKCF_DETAIL_KEY_SIZE;
	else if (job->param.len != nonce)
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

static int refuse_sizes(struct ukcf_job *job, uint64_t data_max, size_t need)
{
	return refuse_sizes_of(job, NONCE, data_max, need);
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

/* ChaCha20-Poly1305 with nonces of either length: libsodium's functions have one
 * type. */
struct ietf {
	size_t nonce;
	int (*encrypt)(unsigned char *c, unsigned long long *len,
		       const unsigned char *m, unsigned long long text_len,
		       const unsigned char *ad, unsigned long long adlen,
		       const unsigned char *nsec, const unsigned char *npub,
		       const unsigned char *k);
	int (*decrypt)(unsigned char *m, unsigned long long *text_len,
		       unsigned char *nsec, const unsigned char *c,
		       unsigned long long len, const unsigned char *ad,
		       unsigned long long adlen, const unsigned char *npub,
		       const unsigned char *k);
};

static const struct ietf short_nonce = {
	NONCE, crypto_aead_chacha20poly1305_ietf_encrypt,
	crypto_aead_chacha20poly1305_ietf_decrypt
};
static const struct ietf long_nonce = {
	XNONCE, crypto_aead_xchacha20poly1305_ietf_encrypt,
	crypto_aead_xchacha20poly1305_ietf_decrypt
};

/* The counter of blocks has 32 bits with both. */
#define DATA_MAX crypto_aead_chacha20poly1305_ietf_MESSAGEBYTES_MAX

static enum ukcf_status ietf_encrypt(const struct ietf *f, struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	if (refuse_sizes_of(job, f->nonce, DATA_MAX, job->in.len + TAG))
		return UKCF_DONE;
	rc = f->encrypt(job->out, &len, sodium_in(job->in), job->in.len,
			sodium_in(job->aux), job->aux.len, NULL,
			job->param.data, job->key.data);
	return ended(job, rc, len);
}

static enum ukcf_status ietf_decrypt(const struct ietf *f, struct ukcf_job *job)
{
	unsigned long long len = 0;
	int rc;

	if (job->in.len < TAG)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	if (refuse_sizes_of(job, f->nonce, DATA_MAX + TAG, job->in.len - TAG))
		return UKCF_DONE;
	rc = f->decrypt(job->out, &len, NULL, job->in.data, job->in.len,
			sodium_in(job->aux), job->aux.len, job->param.data,
			job->key.data);
	return ended(job, rc, len);
}

static enum ukcf_status chacha_encrypt(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	(void)self;
	return ietf_encrypt(&short_nonce, job);
}

static enum ukcf_status chacha_decrypt(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	(void)self;
	return ietf_decrypt(&short_nonce, job);
}

static enum ukcf_status xchacha_encrypt(struct ukcf_instance *self,
					struct ukcf_job *job)
{
	(void)self;
	return ietf_encrypt(&long_nonce, job);
}

static enum ukcf_status xchacha_decrypt(struct ukcf_instance *self,
					struct ukcf_job *job)
{
	(void)self;
	return ietf_decrypt(&long_nonce, job);
}

/* ---------------------------------------------------------- both in parts */

#define BLOCK 64u /* bytes of keystream per counter */

/* RFC 8439 2.8: the Poly1305 key is block 0 of the keystream, the data uses
 * block 1 onwards; the MAC is over aad || pad16 || ciphertext || pad16 ||
 * lengths. */
struct chacha {
	crypto_onetimeauth_poly1305_state poly;
	uint8_t key[KEY];
	uint8_t nonce[NONCE];
	uint32_t counter; /* of the next block */
	uint8_t stream[BLOCK]; /* of the last block, from `used' on */
	uint32_t used;
	uint64_t aad_len, data_len;
};

const uint32_t sodium_chacha20_poly1305_ctx = sizeof(struct chacha);

static void pad16(struct chacha *c, uint64_t len)
{
	static const uint8_t zero[16];

	crypto_onetimeauth_poly1305_update(&c->poly, zero, (16 - len % 16) % 16);
}

/* Its key and nonce are set. */
static enum ukcf_status begin(struct chacha *c, struct ukcf_job *job)
{
	uint8_t block[BLOCK];

	crypto_stream_chacha20_ietf(block, sizeof(block), c->nonce, c->key);
	crypto_onetimeauth_poly1305_init(&c->poly, block);
	sodium_memzero(block, sizeof(block));
	crypto_onetimeauth_poly1305_update(&c->poly, sodium_in(job->aux),
					   job->aux.len);
	pad16(c, job->aux.len);
	c->aad_len = job->aux.len;
	c->data_len = 0;
	c->counter = 1;
	c->used = BLOCK;
	return sodium_done(job, 0);
}

static enum ukcf_status chacha_init(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	struct chacha *c = job->ctx;

	(void)self;
	if (refuse_sizes(job, 0, 0))
		return UKCF_DONE;
	memcpy(c->key, job->key.data, KEY);
	memcpy(c->nonce, job->param.data, NONCE);
	return begin(c, job);
}

/* Section 2.3: the first 16 bytes of the nonce make a key, the others are the
 * nonce behind four zeros. */
static enum ukcf_status xchacha_init(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	const size_t first = crypto_core_hchacha20_INPUTBYTES;
	struct chacha *c = job->ctx;

	(void)self;
	if (refuse_sizes_of(job, XNONCE, 0, 0))
		return UKCF_DONE;
	crypto_core_hchacha20(c->key, job->param.data, job->key.data, NULL);
	memset(c->nonce, 0, NONCE);
	memcpy(c->nonce + NONCE - (XNONCE - first), job->param.data + first,
	       XNONCE - first);
	return begin(c, job);
}

/* What is left of the last block.  Return: bytes done. */
static size_t use_rest(struct chacha *c, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	size_t n = BLOCK - c->used < len ? BLOCK - c->used : len;

	for (size_t i = 0; i < n; i++)
		out[i] = in[i] ^ c->stream[c->used + i];
	c->used += (uint32_t)n;
	return n;
}

static void chacha_xor(struct chacha *c, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	size_t n = use_rest(c, out, in, len);
	size_t whole = (len - n) / BLOCK * BLOCK;

	crypto_stream_chacha20_ietf_xor_ic(out + n, in + n, whole, c->nonce,
					   c->counter, c->key);
	c->counter += (uint32_t)(whole / BLOCK);
	n += whole;
	if (n == len)
		return;
	memset(c->stream, 0, BLOCK);
	crypto_stream_chacha20_ietf_xor_ic(c->stream, c->stream, BLOCK,
					   c->nonce, c->counter++, c->key);
	c->used = 0;
	use_rest(c, out + n, in + n, len - n);
}

/* in and out are disjoint or equal: the ciphertext is hashed before it is
 * overwritten, or after it was made. */
static void chacha_data(struct chacha *c, uint32_t op, uint8_t *out,
			struct ukcf_bytes in)
{
	if (in.len == 0)
		return;
	if (op == UKCF_OP_DECRYPT)
		crypto_onetimeauth_poly1305_update(&c->poly, in.data, in.len);
	chacha_xor(c, out, in.data, in.len);
	if (op == UKCF_OP_ENCRYPT)
		crypto_onetimeauth_poly1305_update(&c->poly, out, in.len);
	c->data_len += in.len;
}

static enum ukcf_status chacha_update(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	struct chacha *c = job->ctx;

	(void)self;
	if (job->out_size < job->in.len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	chacha_data(c, job->op, job->out, job->in);
	return sodium_done(job, (int64_t)job->in.len);
}

static void little_endian(uint8_t out[8], uint64_t v)
{
	for (unsigned int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> 8 * i);
}

static void chacha_tag(struct chacha *c, uint8_t tag[TAG])
{
	uint8_t lengths[16];

	pad16(c, c->data_len);
	little_endian(lengths, c->aad_len);
	little_endian(lengths + 8, c->data_len);
	crypto_onetimeauth_poly1305_update(&c->poly, lengths, sizeof(lengths));
	crypto_onetimeauth_poly1305_final(&c->poly, tag);
}

/* encrypt: out = the rest || tag; decrypt: in = the rest || tag */
static enum ukcf_status chacha_final(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	struct ukcf_bytes in = job->in;
	struct chacha *c = job->ctx;
	uint8_t tag[TAG];
	int wrong = 0;

	(void)self;
	if (job->op == UKCF_OP_DECRYPT) {
		if (in.len < TAG)
			return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
		in.len -= TAG;
	} else if (job->out_size < in.len + TAG) {
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	}
	chacha_data(c, job->op, job->out, in);
	chacha_tag(c, tag);
	if (job->op == UKCF_OP_DECRYPT)
		wrong = sodium_memcmp(tag, in.data + in.len, TAG);
	else
		memcpy(job->out + in.len, tag, TAG);
	sodium_memzero(c, sizeof(*c));
	return ended(job, wrong,
		     job->op == UKCF_OP_DECRYPT ? in.len : in.len + TAG);
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
	.init = chacha_init,
	.update = chacha_update,
	.final = chacha_final,
};

const struct ukcf_mech_ops sodium_xchacha20_poly1305 = {
	.encrypt = xchacha_encrypt,
	.decrypt = xchacha_decrypt,
	.generate = sodium_generate_32,
	.init = xchacha_init,
	.update = chacha_update,
	.final = chacha_final,
};
