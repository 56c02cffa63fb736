/* SPDX-License-Identifier: MIT */
/* dual: encrypt and MAC in one request; verify the MAC and decrypt in one.
 * Nothing is decrypted under a wrong MAC. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define TAG 16u
#define MAC 32u

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

int main(void)
{
	static const char header[] = "header", text[] = "a secret text";
	uint8_t nonce[12], sealed[sizeof(text) + TAG + MAC];
	size_t n = sizeof(text) + TAG; /* of ciphertext; then its MAC */
	struct ukcf_dual d = { .cipher = UKCF_MECH_CHACHA20_POLY1305,
			       .mac = UKCF_MECH_HMAC_SHA2_256,
			       .nonce = nonce,
			       .nonce_len = sizeof(nonce) };
	char opened[sizeof(text)];
	struct ukcf *u;
	int64_t res;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_key_generate(u, NULL, d.cipher, UKCF_USE_DEFAULT, 0,
			       &d.cipher_key), "key of the cipher");
	must(ukcf_key_generate(u, NULL, d.mac, UKCF_USE_DEFAULT, 0,
			       &d.mac_key), "key of the MAC");
	/* one message under a fresh key; else: never the same one twice */
	must(ukcf_random(u, nonce, sizeof(nonce)), "nonce");

	must(ukcf_encrypt_mac(u, &d, header, sizeof(header), text,
			      sizeof(text), sealed, sizeof(sealed)),
	     "encrypt, MAC");
	must(ukcf_mac_verify_decrypt(u, &d, header, sizeof(header), sealed, n,
				     sealed + n, MAC, opened, sizeof(opened)),
	     "verify, decrypt");
	printf("opened: %s\n", opened);

	sealed[0] ^= 1;
	memset(opened, 0, sizeof(opened));
	res = ukcf_mac_verify_decrypt(u, &d, header, sizeof(header), sealed, n,
				      sealed + n, MAC, opened, sizeof(opened));
	printf("one bit turned: %s, and nothing was decrypted: \"%s\"\n",
	       ukcf_strerror(res), opened);
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
