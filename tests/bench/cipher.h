/* SPDX-License-Identifier: MIT */
/*
 * Owns the AEAD that the comparison is made with, as direct libsodium calls:
 * aes-256-gcm, or chacha20-poly1305 where the CPU has no AES instructions.
 */
#ifndef TESTS_BENCH_CIPHER_H
#define TESTS_BENCH_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#define CIPHER_NONCE 12
#define CIPHER_TAG 16

/* libsodium too.  0 or -errno. */
int cipher_init(void);
const char *cipher_name(void);
const uint8_t *cipher_key(void); /* 32 bytes */
void cipher_encrypt(uint8_t *out, const uint8_t *in, size_t len,
		    const uint8_t *nonce);

#endif
