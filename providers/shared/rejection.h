/* SPDX-License-Identifier: MIT */
/*
 * Owns the end of an RSA decryption of PKCS #1 v1.5.  Whoever learns whether a
 * padding was right can decrypt (Bleichenbacher).  So it is not told: a wrong
 * one gives a message that follows from the secret key and the ciphertext, of a
 * length that does too, as in draft-irtf-cfrg-rsa-guidance section 7 ("implicit
 * rejection").  Done of what the bare decryption gives, without a branch or an
 * address that depends on it, and the same for each provider.
 */
#ifndef PROVIDERS_SHARED_REJECTION_H
#define PROVIDERS_SHARED_REJECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#define REJECTION_HASH 32u	    /* bytes, SHA-256 */
#define REJECTION_TRIALS 128u	    /* lengths to choose from; each fits with
				       one half or more, as the mask is less
				       than twice the longest */
#define REJECTION_PS_MIN 8u	    /* bytes of padding string */
#define REJECTION_MODULUS_MAX 512u /* bytes */

/* What the provider's library does; false: it could not. */
struct rejection_hash {
	bool (*hash)(const void *self, struct ukcf_bytes in,
		     uint8_t out[REJECTION_HASH]);
	bool (*hmac)(const void *self, const uint8_t key[REJECTION_HASH],
		     struct ukcf_bytes in, uint8_t out[REJECTION_HASH]);
};

/* What is made in place of a message; secret. */
struct substitute {
	uint8_t seed[REJECTION_HASH];
	uint8_t lengths[2 * REJECTION_TRIALS];
	uint8_t bytes[REJECTION_MODULUS_MAX];
};

/* Of a ciphertext as long as the modulus; d: the secret exponent. */
bool rejection_prepare(const struct rejection_hash *h, const void *self,
		       struct ukcf_bytes d, struct ukcf_bytes ciphertext,
		       struct substitute *s);
/* em, of size bytes: what the bare decryption gave, then the message or the
 * substitute.  Return: where it begins; it goes to the end. */
uint32_t rejection_unpad(uint8_t *em, uint32_t size,
			 const struct substitute *s);

#endif
