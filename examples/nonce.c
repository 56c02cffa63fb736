/* SPDX-License-Identifier: MIT */
/*
 * Seal a message under a key of the daemon, which also counts the nonces: no
 * two messages ever have the same one, also if this program or the daemon dies
 * in between.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_CHACHA20_POLY1305

static int fail(const char *what, int64_t err)
{
	fprintf(stderr, "%s: %s (%s)\n", what, ukcf_strerror(err),
		ukcf_detail_name(ukcf_last_call()->detail));
	return 1;
}

int main(void)
{
	static const char text[] = "meet me at noon";
	uint8_t sealed[sizeof(text) + 16], opened[sizeof(text)], nonce[12];
	struct ukcf_key key;
	struct ukcf *u;
	int64_t n, m;
	int err = ukcf_connect(&u, NULL, 0);

	if (err)
		return fail("connect", err);
	err = ukcf_key_generate(u, NULL, MECH, UKCF_USE_DEFAULT,
				UKCF_KEY_DAEMON_NONCE, &key);
	if (err)
		return fail("key", err);
	for (int i = 0; i < 3; i++) {
		n = ukcf_encrypt_nonce(u, MECH, key, nonce, sizeof(nonce),
				       NULL, 0, text, sizeof(text), sealed,
				       sizeof(sealed));
		if (n < 0)
			return fail("seal", n);
		m = ukcf_decrypt(u, MECH, key, nonce, sizeof(nonce), NULL, 0,
				 sealed, (size_t)n, opened, sizeof(opened));
		if (m < 0)
			return fail("open", m);
		printf("message %d of %lld bytes, nonce ends in %02x: %s\n", i,
		       (long long)n, nonce[11], opened);
	}
	ukcf_disconnect(u);
	return 0;
}
