/* SPDX-License-Identifier: MIT */
/* Owns what the files of this provider share: one table per mechanism. */
#ifndef PROVIDERS_SODIUM_SODIUM_H
#define PROVIDERS_SODIUM_SODIUM_H

#include <errno.h>

#include <ukcf/provider.h>

extern const struct ukcf_mech_ops sodium_sha2_256;
extern const struct ukcf_mech_ops sodium_sha2_512;
extern const struct ukcf_mech_ops sodium_blake2b;
extern const struct ukcf_mech_ops sodium_hmac_sha2_256;
extern const struct ukcf_mech_ops sodium_hmac_sha2_512;
extern const struct ukcf_mech_ops sodium_hmac_sha2_512_trunc_256;
extern const struct ukcf_mech_ops sodium_blake2b_mac;
extern const struct ukcf_mech_ops sodium_poly1305;
extern const struct ukcf_mech_ops sodium_siphash_2_4;
extern const struct ukcf_mech_ops sodium_aes_256_gcm;
extern const struct ukcf_mech_ops sodium_chacha20_poly1305;
extern const struct ukcf_mech_ops sodium_xchacha20_poly1305;
extern const struct ukcf_mech_ops sodium_xsalsa20_poly1305;
extern const struct ukcf_mech_ops sodium_secretstream;
extern const struct ukcf_mech_ops sodium_chacha20;
extern const struct ukcf_mech_ops sodium_xchacha20;
extern const struct ukcf_mech_ops sodium_ed25519;
extern const struct ukcf_mech_ops sodium_ed25519ph;
extern const struct ukcf_mech_ops sodium_x25519;
extern const struct ukcf_mech_ops sodium_x25519_sealed_box;
extern const struct ukcf_mech_ops sodium_hkdf_sha2_256;
extern const struct ukcf_mech_ops sodium_hkdf_sha2_512;
extern const struct ukcf_mech_ops sodium_blake2b_kdf;
extern const struct ukcf_mech_ops sodium_argon2id;
extern const struct ukcf_mech_ops sodium_random;

/* Bytes of multipart state. */
extern const uint32_t sodium_sha2_256_ctx;
extern const uint32_t sodium_sha2_512_ctx;
extern const uint32_t sodium_blake2b_ctx;
extern const uint32_t sodium_hmac_sha2_256_ctx;
extern const uint32_t sodium_hmac_sha2_512_ctx;
extern const uint32_t sodium_poly1305_ctx;
extern const uint32_t sodium_chacha20_poly1305_ctx;
extern const uint32_t sodium_secretstream_ctx;
extern const uint32_t sodium_chacha20_ctx;
extern const uint32_t sodium_ed25519ph_ctx;

/* What the null-safe libsodium calls want for an absent range. */
static inline const unsigned char *sodium_in(struct ukcf_bytes b)
{
	static const unsigned char none[1];

	return b.len ? b.data : none;
}

static inline enum ukcf_status sodium_done(struct ukcf_job *job, int64_t res)
{
	job->res = res;
	return UKCF_DONE;
}

static inline enum ukcf_status sodium_refuse(struct ukcf_job *job, int err,
					     enum ukcf_detail detail)
{
	job->res = err;
	job->detail = detail;
	return UKCF_DONE;
}

/* generate for symmetric keys and seeds: so many random bytes */
enum ukcf_status sodium_generate_16(struct ukcf_instance *self,
				    struct ukcf_job *job);
enum ukcf_status sodium_generate_32(struct ukcf_instance *self,
				    struct ukcf_job *job);
enum ukcf_status sodium_generate_64(struct ukcf_instance *self,
				    struct ukcf_job *job);

/* What argon2id may cost, from the options of this provider.  -EINVAL: one of
 * them is none; the host's log says which. */
int sodium_argon2id_start(const struct ukcf_host *host);

#endif
