/* SPDX-License-Identifier: MIT */
/*
 * Owns the form in which others take public keys: SubjectPublicKeyInfo of
 * RFC 8410 in PEM.
 */
#ifndef TOOLS_SPKI_H
#define TOOLS_SPKI_H

#include <stddef.h>
#include <stdint.h>

#define SPKI_KEY 32    /* bytes of an Ed25519 or X25519 public key */
#define SPKI_PEM_MAX 128

/* The PEM text, ended by a NUL; its length, or 0 if mech has no such form. */
size_t spki_pem(uint32_t mech, const uint8_t pub[SPKI_KEY],
		char pem[SPKI_PEM_MAX]);

#endif
