/* SPDX-License-Identifier: MIT */
#include "tools/spki.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/abi.h>
#include <ukcf/mech.h>

#define PREFIX_MAX 26
#define KEY_MAX UKCF_KEY_PUBLIC_MAX
#define LINE 48 /* bytes in a line of base64 */

/* What stands before the key: SEQUENCE { SEQUENCE { OID ... }, BIT STRING. */
static const struct {
	uint32_t mech;
	uint8_t key, prefix; /* bytes */
	uint8_t der[PREFIX_MAX];
} forms[] = {
	/* RFC 8410 section 3: id-X25519 1.3.101.110, id-Ed25519 1.3.101.112 */
	{ UKCF_MECH_X25519, 32, 12,
	  { 0x30, 42, 0x30, 5, 6, 3, 43, 101, 110, 3, 33, 0 } },
	{ UKCF_MECH_X25519_SEALED_BOX, 32, 12,
	  { 0x30, 42, 0x30, 5, 6, 3, 43, 101, 110, 3, 33, 0 } },
	{ UKCF_MECH_ED25519, 32, 12,
	  { 0x30, 42, 0x30, 5, 6, 3, 43, 101, 112, 3, 33, 0 } },
	/* RFC 5480 section 2.1.1: id-ecPublicKey, secp256r1 or secp384r1 */
	{ UKCF_MECH_ECDSA_P256, 65, 26,
	  { 0x30, 89, 0x30, 19, 6, 7, 42, 0x86, 0x48, 0xce, 0x3d, 2, 1,
	    6, 8, 42, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 66, 0 } },
	{ UKCF_MECH_ECDH_P256, 65, 26,
	  { 0x30, 89, 0x30, 19, 6, 7, 42, 0x86, 0x48, 0xce, 0x3d, 2, 1,
	    6, 8, 42, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 66, 0 } },
	{ UKCF_MECH_ECDSA_P384, 97, 23,
	  { 0x30, 118, 0x30, 16, 6, 7, 42, 0x86, 0x48, 0xce, 0x3d, 2, 1,
	    6, 5, 43, 0x81, 4, 0, 34, 3, 98, 0 } },
	{ UKCF_MECH_ECDH_P384, 97, 23,
	  { 0x30, 118, 0x30, 16, 6, 7, 42, 0x86, 0x48, 0xce, 0x3d, 2, 1,
	    6, 5, 43, 0x81, 4, 0, 34, 3, 98, 0 } },
};

/* len is a multiple of 3 but for the end */
static void base64(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = '\0';
}

static size_t write_pem(const uint8_t *der, size_t len, char pem[SPKI_PEM_MAX])
{
	char line[LINE / 3 * 4 + 1];
	size_t n = (size_t)snprintf(pem, SPKI_PEM_MAX,
				    "-----BEGIN PUBLIC KEY-----\n");

	for (size_t at = 0; at < len; at += LINE) {
		base64(der + at, len - at < LINE ? len - at : LINE, line);
		n += (size_t)snprintf(pem + n, SPKI_PEM_MAX - n, "%s\n", line);
	}
	return n + (size_t)snprintf(pem + n, SPKI_PEM_MAX - n,
				    "-----END PUBLIC KEY-----\n");
}

/* RFC 3279 section 2.3.1: rsaEncryption around RSAPublicKey, which a key of
 * 2048 bits or more makes longer than 255 bytes. */
static size_t rsa_prefix(size_t len, uint8_t der[PREFIX_MAX])
{
	static const uint8_t form[] = {
		0x30, 0x82, 0, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86,
		0xf7, 0x0d, 1, 1, 1, 5, 0, 3, 0x82, 0, 0, 0
	};
	size_t all = len + sizeof(form) - 4;

	memcpy(der, form, sizeof(form));
	der[2] = (uint8_t)(all >> 8);
	der[3] = (uint8_t)all;
	der[21] = (uint8_t)((len + 1) >> 8);
	der[22] = (uint8_t)(len + 1);
	return sizeof(form);
}

static bool is_rsa(uint32_t mech)
{
	return (mech >= UKCF_MECH_RSA_PKCS1_SHA2_256 &&
		mech <= UKCF_MECH_RSA_PSS_SHA2_512) ||
	       (mech >= UKCF_MECH_RSA_PKCS1 &&
		mech <= UKCF_MECH_RSA_OAEP_SHA2_256);
}

/* What the key was imported as may be the whole of it. */
static bool is_spki(const uint8_t *pub)
{
	return pub[4] == 0x30;
}

static size_t rsa_pem(const uint8_t *pub, size_t len, char pem[SPKI_PEM_MAX])
{
	uint8_t der[PREFIX_MAX + KEY_MAX];
	size_t prefix;

	if (len <= 255 || len > KEY_MAX)
		return 0;
	if (is_spki(pub))
		return write_pem(pub, len, pem);
	prefix = rsa_prefix(len, der);
	memcpy(der + prefix, pub, len);
	return write_pem(der, prefix + len, pem);
}

size_t spki_pem(uint32_t mech, const uint8_t *pub, size_t len,
		char pem[SPKI_PEM_MAX])
{
	uint8_t der[PREFIX_MAX + KEY_MAX];

	if (is_rsa(mech))
		return rsa_pem(pub, len, pem);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].mech != mech || forms[i].key != len)
			continue;
		memcpy(der, forms[i].der, forms[i].prefix);
		memcpy(der + forms[i].prefix, pub, len);
		return write_pem(der, forms[i].prefix + len, pem);
	}
	return 0;
}
