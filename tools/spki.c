/* SPDX-License-Identifier: MIT */
#include "tools/spki.h"

#include <stdio.h>
#include <string.h>

#include <ukcf/mech.h>

#define PREFIX 12 /* bytes before the key */
#define BODY 60	  /* base64 of 44 bytes */

/* RFC 8410 section 3: id-X25519 is 1.3.101.110, id-Ed25519 1.3.101.112 */
static const struct {
	uint32_t mech;
	uint8_t last_arc;
} forms[] = {
	{ UKCF_MECH_X25519, 110 },
	{ UKCF_MECH_ED25519, 112 },
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

size_t spki_pem(uint32_t mech, const uint8_t pub[SPKI_KEY],
		char pem[SPKI_PEM_MAX])
{
	/* SEQUENCE { SEQUENCE { OID }, BIT STRING } */
	uint8_t der[PREFIX + SPKI_KEY] = { 0x30, 42,   0x30, 5, 0x06, 3,
					   43,	 101,  0,    0x03, 33, 0 };
	char body[BODY + 1];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].mech != mech)
			continue;
		der[8] = forms[i].last_arc;
		memcpy(der + PREFIX, pub, SPKI_KEY);
		base64(der, sizeof(der), body);
		return (size_t)snprintf(pem, SPKI_PEM_MAX,
					"-----BEGIN PUBLIC KEY-----\n%s\n"
					"-----END PUBLIC KEY-----\n", body);
	}
	return 0;
}
