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
 * they are not single-pass.  Nor is HKDF: HMAC reads a short salt twice. */
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
	(void)host;
	*self = NULL; /* libsodium keeps no state per user */
	return 0;
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
	set_ctx_size(UKCF_MECH_SHA2_256, sodium_sha2_256_ctx);
	set_ctx_size(UKCF_MECH_SHA2_512, sodium_sha2_512_ctx);
	set_ctx_size(UKCF_MECH_HMAC_SHA2_256, sodium_hmac_sha2_256_ctx);
	set_ctx_size(UKCF_MECH_CHACHA20_POLY1305, sodium_chacha20_poly1305_ctx);
	provider.version = sodium_version_string();
	if (!crypto_aead_aes256gcm_is_available())
		provider.n_offers = N_OFFERS - 1;
	return &provider;
}
