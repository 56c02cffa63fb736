/* SPDX-License-Identifier: MIT */
/* Owns direct calls of OpenSSL, with contexts that are kept: an AEAD and
 * HMAC-SHA-256.  Without libcrypto it says so. */
#ifndef TESTS_BENCH_EVP_H
#define TESTS_BENCH_EVP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @key: 32 bytes, for both; @gcm: aes-256-gcm, else chacha20-poly1305 */
void evp_open(const uint8_t *key, bool gcm);
void evp_close(void);
/* Why it cannot be measured, or NULL. */
const char *evp_missing(void);
/* out: len + 16 bytes; nonce: 12.  0 or -EIO. */
int evp_seal(uint8_t *out, const uint8_t *in, size_t len,
	     const uint8_t *nonce);
/* out: 32 bytes.  0 or -EIO. */
int evp_mac(uint8_t *out, const uint8_t *in, size_t len);

#endif
