/* SPDX-License-Identifier: MIT */
#include "tests/claims/hardware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define NAMES 2u
#define MECH UKCF_MECH_AES_128_CBC

/* SP 800-38A F.2.1 */
static const uint8_t key[16] = {
	0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
	0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
};
static const uint8_t iv[16] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
	0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
};
static const uint8_t plain[32] = {
	0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
	0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
	0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c,
	0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
};
static const uint8_t sealed[32] = {
	0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46,
	0xce, 0xe9, 0x8e, 0x9b, 0x12, 0xe9, 0x19, 0x7d,
	0x50, 0x86, 0xcb, 0x9b, 0x50, 0x72, 0x19, 0xee,
	0x95, 0xdb, 0x11, 0x3a, 0x91, 0x76, 0x78, 0xb2,
};

static struct ukcf_key held;

bool hardware_is_real(void)
{
	return getenv("UKCF_CLAIMS_DEVICES");
}

const char *hardware_name(unsigned int i)
{
	static char real[NAMES][UKCF_NAME_MAX];
	const char *s = getenv("UKCF_CLAIMS_DEVICES");

	if (!s)
		return i ? "nullhw2" : "nullhw";
	if (sscanf(s, "%31s %31s", real[0], real[1]) != NAMES)
		give_up("UKCF_CLAIMS_DEVICES: two providers, not \"%s\"", s);
	return real[i % NAMES];
}

void hardware_open(void)
{
	if (!hardware_is_real())
		return;
	memcpy(text + IN_SIZE - sizeof(plain), plain, sizeof(plain));
	if (ukcf_key_import(conn, NULL, MECH, UKCF_USE_DEFAULT, 0, key,
			    sizeof(key), &held))
		give_up("the key is refused");
}

struct ukcf_sqe hardware_job(uint64_t user_data)
{
	struct ukcf_sqe s = { .user_data = user_data };

	if (!hardware_is_real())
		return sha256(user_data);
	if (ukcf_prep_encrypt(ring, &s, MECH, held, iv, sizeof(iv),
			      UKCF_SPAN_NONE,
			      ukcf_buffer_span(in, IN_SIZE - sizeof(plain),
					       sizeof(plain)),
			      ukcf_buffer_span(out,
					       user_data % ENTRIES * OUT_SLOT,
					       sizeof(sealed))))
		give_up("prep_encrypt");
	return s;
}

bool is_hardware_job(const struct ukcf_cqe *c)
{
	if (!hardware_is_real())
		return is_sha256(c);
	return c->res == (int64_t)sizeof(sealed) &&
	       memcmp(output(c->user_data), sealed, sizeof(sealed)) == 0;
}
