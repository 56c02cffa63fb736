/* SPDX-License-Identifier: MIT */
/* seal-messages TEXT...: each message encrypted and authenticated under a key
 * that only the daemon has, with its number as the nonce and as what is
 * authenticated beside it; then opened, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_CHACHA20_POLY1305
#define NONCE 12u /* RFC 8439 section 2.8 */
#define TAG 16u
#define LONGEST 1000u

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

/* A nonce must never come twice under one key: the key is made for this run and
 * ends with the connection, so a counter from 0 will do. */
static void nonce_of(uint32_t number, uint8_t nonce[NONCE])
{
	memset(nonce, 0, NONCE);
	memcpy(nonce, &number, sizeof(number));
}

static int64_t open_message(struct ukcf *u, struct ukcf_key key,
			    uint32_t number, const uint8_t *sealed, size_t len,
			    char text[LONGEST + 1])
{
	uint8_t nonce[NONCE];
	int64_t n;

	nonce_of(number, nonce);
	n = ukcf_decrypt(u, MECH, key, nonce, NONCE, &number, sizeof(number),
			 sealed, len, text, LONGEST);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

int main(int argc, char **argv)
{
	uint8_t nonce[NONCE], sealed[LONGEST + TAG];
	char text[LONGEST + 1];
	struct ukcf_key key;
	struct ukcf *u;

	must(ukcf_connect(&u, NULL, 0), "connect");
	must(ukcf_key_generate(u, NULL, MECH, UKCF_USE_DEFAULT, 0, &key),
	     "key");
	for (uint32_t i = 0; i + 1 < (uint32_t)argc; i++) {
		size_t len = strlen(argv[i + 1]);
		int64_t n;

		nonce_of(i, nonce);
		n = ukcf_encrypt(u, MECH, key, nonce, NONCE, &i, sizeof(i),
				 argv[i + 1], len, sealed,
				 len < LONGEST ? len + TAG : LONGEST);
		must(n, "seal");
		must(open_message(u, key, i, sealed, (size_t)n, text), "open");
		printf("message %u: %zu bytes sealed are %u, opened: %s\n", i,
		       len, (unsigned int)n, text);
		n = open_message(u, key, i + 1, sealed, (size_t)n, text);
		printf("as message %u: %s\n", i + 1, ukcf_strerror(n));
	}
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
