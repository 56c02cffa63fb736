/* SPDX-License-Identifier: MIT */
/*
 * BLAKE2b (RFC 7693): a digest of 16 to 64 bytes, the same with a key as a MAC,
 * and key derivation from it.  How long the output is goes into the hash: a
 * shorter one is not the beginning of a longer one.
 */
#include <sodium.h>
#include <string.h>

#include "providers/sodium/sodium.h"

#define LEAST crypto_generichash_blake2b_BYTES_MIN
#define MOST crypto_generichash_blake2b_BYTES_MAX

struct blake2b {
	crypto_generichash_blake2b_state st;
	size_t len; /* of the output */
};

const uint32_t sodium_blake2b_ctx = sizeof(struct blake2b);

static int len_is_valid(size_t n)
{
	return n >= LEAST && n <= MOST;
}

static int key_is_valid(struct ukcf_bytes key)
{
	return key.len <= crypto_generichash_blake2b_KEYBYTES_MAX;
}

static void compute(const struct ukcf_job *job, uint8_t *out, size_t len)
{
	crypto_generichash_blake2b(out, len, sodium_in(job->in), job->in.len,
				   job->key.len ? job->key.data : NULL,
				   job->key.len);
}

static enum ukcf_status hash(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	if (!key_is_valid(job->key))
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (!len_is_valid(job->tag_len))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	if (job->out_size < job->tag_len)
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	compute(job, job->out, job->tag_len);
	return sodium_done(job, (int64_t)job->tag_len);
}

static enum ukcf_status compare(struct ukcf_job *job, uint8_t made[MOST])
{
	int differs = sodium_memcmp(made, job->tag.data, job->tag.len);

	sodium_memzero(made, MOST);
	if (differs)
		return sodium_refuse(job, -EBADMSG, UKCF_DETAIL_AUTH);
	return sodium_done(job, 0);
}

static enum ukcf_status mac_verify(struct ukcf_instance *self,
				   struct ukcf_job *job)
{
	uint8_t made[MOST];

	(void)self;
	if (!key_is_valid(job->key))
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (!len_is_valid(job->tag.len))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	compute(job, made, job->tag.len);
	return compare(job, made);
}

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct blake2b *b = job->ctx;

	(void)self;
	if (!key_is_valid(job->key))
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (!len_is_valid(job->tag_len))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	b->len = job->tag_len;
	crypto_generichash_blake2b_init(&b->st,
					job->key.len ? job->key.data : NULL,
					job->key.len, b->len);
	return sodium_done(job, 0);
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct blake2b *b = job->ctx;

	(void)self;
	crypto_generichash_blake2b_update(&b->st, sodium_in(job->in),
					  job->in.len);
	return sodium_done(job, 0);
}

/* A tag of another length than INIT asked for is not of this hash. */
static int fits(const struct blake2b *b, const struct ukcf_job *job)
{
	return b->len == (job->op == UKCF_OP_MAC_VERIFY ? job->tag.len :
							  job->tag_len);
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct blake2b *b = job->ctx;
	uint8_t made[MOST];
	size_t len = b->len;

	(void)self;
	if (!fits(b, job)) {
		sodium_memzero(b, sizeof(*b));
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_TAG_SIZE);
	}
	crypto_generichash_blake2b_update(&b->st, sodium_in(job->in),
					  job->in.len);
	crypto_generichash_blake2b_final(&b->st, made, len);
	sodium_memzero(b, sizeof(*b));
	if (job->op == UKCF_OP_MAC_VERIFY)
		return compare(job, made);
	if (job->out_size < len) {
		sodium_memzero(made, MOST);
		return sodium_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	}
	memcpy(job->out, made, len);
	sodium_memzero(made, MOST);
	return sodium_done(job, (int64_t)len);
}

/* ---------------------------------------------------------- key derivation */

#define ID_LEN 8u
#define CONTEXT crypto_kdf_blake2b_CONTEXTBYTES

_Static_assert(CONTEXT == 8, "mech.def says so");

/* in = the number of the subkey, little-endian; aux = the context */
static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint64_t id = 0;

	(void)self;
	if (job->key.len != crypto_kdf_blake2b_KEYBYTES)
		return sodium_refuse(job, -EKEYREJECTED, UKCF_DETAIL_KEY_SIZE);
	if (job->in.len != ID_LEN)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_IN_SIZE);
	if (job->aux.len != CONTEXT)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_AUX_SIZE);
	if (!len_is_valid(job->out_size))
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_OUT_SIZE);
	for (unsigned int i = ID_LEN; i-- > 0;)
		id = id << 8 | job->in.data[i];
	crypto_kdf_blake2b_derive_from_key(job->out, job->out_size, id,
					   (const char *)job->aux.data,
					   job->key.data);
	return sodium_done(job, (int64_t)job->out_size);
}

const struct ukcf_mech_ops sodium_blake2b = {
	.digest = hash,
	.init = init,
	.update = update,
	.final = final,
};

const struct ukcf_mech_ops sodium_blake2b_mac = {
	.mac = hash,
	.mac_verify = mac_verify,
	.generate = sodium_generate_32,
	.init = init,
	.update = update,
	.final = final,
};

const struct ukcf_mech_ops sodium_blake2b_kdf = {
	.derive = derive,
	.generate = sodium_generate_32,
};
