/* SPDX-License-Identifier: MIT */
/*
 * Owns SHA-512 and SHA-384 (FIPS 180-4): what a device signs is a digest, and
 * there is no library here to make it.
 */
#ifndef PROVIDERS_VIRTIO_SHA512_H
#define PROVIDERS_VIRTIO_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA384_BYTES 48u
#define SHA512_BYTES 64u

/* The digest of data. */
void sha512(const void *data, size_t len, uint8_t digest[SHA512_BYTES]);
void sha384(const void *data, size_t len, uint8_t digest[SHA384_BYTES]);

#endif
