/* SPDX-License-Identifier: MIT */
/*
 * Reads RSA keys in DER: secret ones RSAPrivateKey of two primes (RFC 8017
 * appendix A.1.2) or PKCS #8 around it, public ones RSAPublicKey (A.1.1) or
 * SubjectPublicKeyInfo around it, each in its one encoding.
 */
#ifndef PROVIDERS_VIRTIO_DER_H
#define PROVIDERS_VIRTIO_DER_H

#include <stdbool.h>

#include <ukcf/provider.h>

/* All of it points into the key that was read. */
struct der_key {
	struct ukcf_bytes whole; /* RSAPrivateKey or RSAPublicKey */
	struct ukcf_bytes n, e;	 /* big-endian, without leading zeros */
	struct ukcf_bytes d;	 /* likewise; of a secret key */
};

#define DER_PUBLIC_MAX 544u /* bytes of an RSAPublicKey: mech.def */

/* Return: it is one, of 2048, 3072 or 4096 bits. */
bool der_read(struct ukcf_bytes der, bool secret, struct der_key *k);
/* RSAPublicKey at `to', DER_PUBLIC_MAX bytes.  Return: its bytes. */
size_t der_put_public(uint8_t *to, const struct der_key *k);

#endif
