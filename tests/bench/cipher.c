/* SPDX-License-Identifier: MIT */
/* See cipher.h. */
#include "tests/bench/cipher.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>

static crypto_aead_aes256gcm_state state; /* the expanded key */
static const uint8_t key[32] = "ukcf-bench: a key of no secrecy";
static bool have_aes;

int cipher_init(void)
{
	if (sodium_init() < 0)
		return -EIO;
	have_aes = crypto_aead_aes256gcm_is_available();
	if (have_aes)
		crypto_aead_aes256gcm_beforenm(&state, key);
	return 0;
}

const char *cipher_name(void)
{
	return have_aes ? "aes-256-gcm" : "chacha20-poly1305";
}

const uint8_t *cipher_key(void)
{
	return key;
}

void cipher_encrypt(uint8_t *out, const uint8_t *in, size_t len,
		    const uint8_t *nonce)
{
	if (have_aes)
		crypto_aead_aes256gcm_encrypt_afternm(out, NULL, in, len, NULL,
						      0, NULL, nonce, &state);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len,
							  NULL, 0, NULL, nonce,
							  key);
}
