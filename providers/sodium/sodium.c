/* SPDX-License-Identifier: MIT */
/*
 * The provider's description and entry point.  Costs are those of one 3.8 GHz
 * core; the daemon adapts them to what it measures.
 */
#include <sodium.h>
#include <stdlib.h>

#include "providers/sodium/sodium.h"

#define SINGLE(op) (1u << UKCF_OP_##op)
#define ALL (UKCF_OFFER_NOSLEEP | UKCF_OFFER_FLAT_CTX | UKCF_OFFER_CALLER)

/* libsodium reads ChaCha20-Poly1305, GCM decrypt and Ed25519 sign input twice:
 * they are not single-pass.  Nor is HKDF: HMAC reads a short salt twice; nor
 * BLAKE2b, which leaves the rest of a block to memcpy(3), whose loads overlap,
 * nor ChaCha20, Poly1305 and SipHash, which go back. */
static struct ukcf_offer offers[] = {
	{ .mech = UKCF_MECH_SHA2_256,
	  .flags = ALL,
	  .ops = &sodium_sha2_256,
	  .single_pass = SINGLE(DIGEST),
	  .cost_ns = 200,
	  .cost_ps_per_byte = 2040 },
	{ .mech = UKCF_MECH_SHA2_512,
	  .flags = ALL,
	  .ops = &sodium_sha2_512,
	  .single_pass = SINGLE(DIGEST),
	  .cost_ns = 150,
	  .cost_ps_per_byte = 1280 },
	{ .mech = UKCF_MECH_HMAC_SHA2_256,
	  .flags = ALL,
	  .ops = &sodium_hmac_sha2_256,
	  .single_pass = SINGLE(MAC) | SINGLE(MAC_VERIFY),
	  .tmpl_size = sizeof(crypto_auth_hmacsha256_state),
	  .cost_ns = 650,
	  .cost_ps_per_byte = 2040 },
	{ .mech = UKCF_MECH_CHACHA20_POLY1305,
	  .flags = ALL,
	  .ops = &sodium_chacha20_poly1305,
	  .cost_ns = 330,
	  .cost_ps_per_byte = 590 },
	{ .mech = UKCF_MECH_ED25519,
	  .flags = ALL | UKCF_OFFER_SLOW,
	  .ops = &sodium_ed25519,
	  .single_pass = SINGLE(VERIFY),
	  .cost_ns = 14000,
	  .cost_ps_per_byte = 2600 },
	{ .mech = UKCF_MECH_X25519,
	  .flags = ALL | UKCF_OFFER_SLOW,
	  .ops = &sodium_x25519,
	  .cost_ns = 26000 },
	{ .mech = UKCF_MECH_X25519_SEALED_BOX,
	  .flags = ALL | UKCF_OFFER_SLOW,
	  .ops = &sodium_x25519_sealed_box,
	  .cost_ns = 54000,
	  .cost_ps_per_byte = 600 },
	{ .mech = UKCF_MECH_HKDF_SHA2_256,
	  .flags = ALL,
	  .ops = &sodium_hkdf_sha2_256,
	  .cost_ns = 2000,
	  .cost_ps_per_byte = 2040 },
	{ .mech = UKCF_MECH_HKDF_SHA2_512,
	  .flags = ALL,
	  .ops = &sodium_hkdf_sha2_512,
	  .cost_ns = 3500,
	  .cost_ps_per_byte = 1280 },
	{ .mech = UKCF_MECH_BLAKE2B,
	  .flags = ALL,
	  .ops = &sodium_blake2b,
	  .cost_ns = 200,
	  .cost_ps_per_byte = 850 },
	{ .mech = UKCF_MECH_HMAC_SHA2_512,
	  .flags = ALL,
	  .ops = &sodium_hmac_sha2_512,
	  .single_pass = SINGLE(MAC) | SINGLE(MAC_VERIFY),
	  .tmpl_size = sizeof(crypto_auth_hmacsha512_state),
	  .cost_ns = 800,
	  .cost_ps_per_byte = 1280 },
	{ .mech = UKCF_MECH_HMAC_SHA2_512_TRUNC_256,
	  .flags = ALL,
	  .ops = &sodium_hmac_sha2_512_trunc_256,
	  .single_pass = SINGLE(MAC) | SINGLE(MAC_VERIFY),
	  .tmpl_size = sizeof(crypto_auth_hmacsha512_state),
	  .cost_ns = 800,
	  .cost_ps_per_byte = 1280 },
	{ .mech = UKCF_MECH_BLAKE2B_MAC,
	  .flags = ALL,
	  .ops = &sodium_blake2b_mac,
	  .cost_ns = 330,
	  .cost_ps_per_byte = 850 },
	{ .mech = UKCF_MECH_POLY1305,
	  .flags = ALL,
	  .ops = &sodium_poly1305,
	  .cost_ns = 60,
	  .cost_ps_per_byte = 190 },
	{ .mech = UKCF_MECH_SIPHASH_2_4,
	  .flags = ALL,
	  .ops = &sodium_siphash_2_4,
	  .cost_ns = 20,
	  .cost_ps_per_byte = 500 },
	{ .mech = UKCF_MECH_XCHACHA20_POLY1305,
	  .flags = ALL,
	  .ops = &sodium_xchacha20_poly1305,
	  .cost_ns = 450,
	  .cost_ps_per_byte = 590 },
	{ .mech = UKCF_MECH_XSALSA20_POLY1305,
	  .flags = ALL,
	  .ops = &sodium_xsalsa20_poly1305,
	  .cost_ns = 600,
	  .cost_ps_per_byte = 600 },
	{ .mech = UKCF_MECH_SECRETSTREAM,
	  .flags = ALL,
	  .ops = &sodium_secretstream,
	  .cost_ns = 700,
	  .cost_ps_per_byte = 590 },
	{ .mech = UKCF_MECH_CHACHA20,
	  .flags = ALL,
	  .ops = &sodium_chacha20,
	  .cost_ns = 150,
	  .cost_ps_per_byte = 400 },
	{ .mech = UKCF_MECH_XCHACHA20,
	  .flags = ALL,
	  .ops = &sodium_xchacha20,
	  .cost_ns = 250,
	  .cost_ps_per_byte = 400 },
	{ .mech = UKCF_MECH_ED25519PH,
	  .flags = ALL | UKCF_OFFER_SLOW,
	  .ops = &sodium_ed25519ph,
	  .single_pass = SINGLE(SIGN) | SINGLE(VERIFY),
	  .cost_ns = 28000,
	  .cost_ps_per_byte = 1300 },
	{ .mech = UKCF_MECH_BLAKE2B_KDF,
	  .flags = ALL,
	  .ops = &sodium_blake2b_kdf,
	  .cost_ns = 250 },
	/* What it costs is what a request says: nobody's measurement may make
	 * it look short, and callers know no caps. */
	{ .mech = UKCF_MECH_ARGON2ID,
	  .flags = UKCF_OFFER_SLOW | UKCF_OFFER_NO_CALIBRATE,
	  .ops = &sodium_argon2id,
	  .cost_ns = 100000000 },
	{ .mech = UKCF_MECH_RANDOM,
	  .flags = ALL & ~UKCF_OFFER_NOSLEEP,
	  .ops = &sodium_random,
	  .cost_ns = 200,
	  .cost_ps_per_byte = 2500 },
	/* last: left out where the CPU lacks AES instructions */
	{ .mech = UKCF_MECH_AES_256_GCM,
	  .flags = ALL,
	  .ops = &sodium_aes_256_gcm,
	  .single_pass = SINGLE(ENCRYPT),
	  .tmpl_size = sizeof(crypto_aead_aes256gcm_state),
	  .cost_ns = 160,
	  .cost_ps_per_byte = 390 },
};

#define N_OFFERS (sizeof(offers) / sizeof(offers[0]))

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	*self = NULL; /* libsodium keeps no state per user */
	return sodium_argon2id_start(host);
}

static struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = "sodium",
	.description = "libsodium in software",
	.kind = UKCF_PROVIDER_SOFTWARE,
	.n_offers = N_OFFERS,
	.offers = offers,
	.start = start,
};

static const struct {
	uint32_t mech;
	const uint32_t *ctx;
} sizes[] = {
	{ UKCF_MECH_SHA2_256, &sodium_sha2_256_ctx },
	{ UKCF_MECH_SHA2_512, &sodium_sha2_512_ctx },
	{ UKCF_MECH_BLAKE2B, &sodium_blake2b_ctx },
	{ UKCF_MECH_HMAC_SHA2_256, &sodium_hmac_sha2_256_ctx },
	{ UKCF_MECH_HMAC_SHA2_512, &sodium_hmac_sha2_512_ctx },
	{ UKCF_MECH_HMAC_SHA2_512_TRUNC_256, &sodium_hmac_sha2_512_ctx },
	{ UKCF_MECH_BLAKE2B_MAC, &sodium_blake2b_ctx },
	{ UKCF_MECH_POLY1305, &sodium_poly1305_ctx },
	{ UKCF_MECH_CHACHA20_POLY1305, &sodium_chacha20_poly1305_ctx },
	{ UKCF_MECH_XCHACHA20_POLY1305, &sodium_chacha20_poly1305_ctx },
	{ UKCF_MECH_SECRETSTREAM, &sodium_secretstream_ctx },
	{ UKCF_MECH_CHACHA20, &sodium_chacha20_ctx },
	{ UKCF_MECH_XCHACHA20, &sodium_chacha20_ctx },
	{ UKCF_MECH_ED25519PH, &sodium_ed25519ph_ctx },
};

static void set_ctx_size(uint32_t mech, uint32_t size)
{
	for (size_t i = 0; i < N_OFFERS; i++)
		if (offers[i].mech == mech)
			offers[i].ctx_size = size;
}

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	if (sodium_init() < 0) {
		host->log(host->host, 3, "libsodium cannot start");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		set_ctx_size(sizes[i].mech, *sizes[i].ctx);
	provider.version = sodium_version_string();
	if (!crypto_aead_aes256gcm_is_available())
		provider.n_offers = N_OFFERS - 1;
	return &provider;
}
