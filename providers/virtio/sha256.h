/* SPDX-License-Identifier: MIT */
/*
 * Owns SHA-256 (FIPS 180-4): what a device signs is a digest, and what tells
 * sessions apart is one of the key.  There is no library here to make it.
 */
#ifndef PROVIDERS_VIRTIO_SHA256_H
#define PROVIDERS_VIRTIO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

struct sha256 {
	uint32_t h[8];
	uint64_t len; /* bytes so far */
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES]); /* wipes s */

#endif
