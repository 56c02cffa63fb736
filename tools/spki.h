/* SPDX-License-Identifier: MIT */
/*
 * Owns the form in which others take public keys: SubjectPublicKeyInfo in PEM
 * (RFC 8410, RFC 5480).
 */
#ifndef TOOLS_SPKI_H
#define TOOLS_SPKI_H

#include <stddef.h>
#include <stdint.h>

#define SPKI_PEM_MAX 1024

/* The PEM text, ended by a NUL; its length, or 0 if a key of mech with so many
 * bytes has no such form. */
size_t spki_pem(uint32_t mech, const uint8_t *pub, size_t len,
		char pem[SPKI_PEM_MAX]);

#endif
