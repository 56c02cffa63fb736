/* SPDX-License-Identifier: MIT */
/* daemon-key TEXT: a MAC by a key that was made in the daemon and never leaves
 * it.  The key has a name, so the next program run by this user finds it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_HMAC_SHA2_256
#define NAME "example-mac"

static void must(int64_t res, const char *what)
{
	unsigned int detail = ukcf_last_call()->detail;

	if (res >= 0)
		return;
	fprintf(stderr, "%s: %s", what, ukcf_strerror(res));
	if (detail)
		fprintf(stderr, " (%s)", ukcf_detail_name(detail));
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "some text";
	struct ukcf_key key;
	uint8_t mac[32];
	struct ukcf *u;
	int64_t n;
	int err;

	must(ukcf_connect(&u, NULL, 0), "connect");
	err = ukcf_key_open(u, NAME, &key);
	if (err == -ENOKEY)
		err = ukcf_key_generate(u, NAME, MECH,
					UKCF_USE_MAC | UKCF_USE_MAC_VERIFY, 0,
					&key);
	must(err, "key " NAME);
	n = ukcf_mac(u, MECH, key, text, strlen(text), mac, sizeof(mac));
	must(n, "mac");
	for (int64_t i = 0; i < n; i++)
		printf("%02x", mac[i]);
	putchar('\n');
	must(ukcf_mac_verify(u, MECH, key, text, strlen(text), mac, (size_t)n),
	     "verify");
	mac[0] ^= 1;
	err = (int)ukcf_mac_verify(u, MECH, key, text, strlen(text), mac,
				   (size_t)n);
	printf("one bit turned: %s\n", ukcf_strerror(err));
	n = ukcf_key_export(u, key, mac, sizeof(mac));
	printf("the key's bytes: %s\n", ukcf_strerror(n));
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
