/* SPDX-License-Identifier: MIT */
/* sign TEXT: an Ed25519 signature by a key that was made in the daemon and never
 * leaves it.  Who verifies needs the public key only, which is printed too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#define MECH UKCF_MECH_ED25519
#define NAME "example-sign"
#define PUBLIC 32u /* RFC 8032 section 5.1.5 */
#define SIGNATURE 64u

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

static void print(const char *what, const uint8_t *p, size_t len)
{
	printf("%s ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "some text";
	uint8_t public[PUBLIC], sig[SIGNATURE], secret[PUBLIC];
	struct ukcf_key key, theirs;
	struct ukcf *u;
	int64_t res;
	int err;

	must(ukcf_connect(&u, NULL, 0), "connect");
	err = ukcf_key_open(u, NAME, &key);
	if (err == -ENOKEY)
		err = ukcf_key_generate(u, NAME, MECH,
					UKCF_USE_SIGN | UKCF_USE_VERIFY, 0,
					&key);
	must(err, "key " NAME);
	must(ukcf_key_public(u, key, public, sizeof(public)), "public key");
	must(ukcf_sign(u, MECH, key, text, strlen(text), sig, sizeof(sig)),
	     "sign");
	print("public", public, sizeof(public));
	print("signature", sig, sizeof(sig));

	/* What somebody does who has the public key and the signature. */
	must(ukcf_key_import(u, NULL, MECH, UKCF_USE_VERIFY,
			     UKCF_KEY_PUBLIC_ONLY, public, sizeof(public),
			     &theirs), "import");
	must(ukcf_verify(u, MECH, theirs, text, strlen(text), sig,
			 sizeof(sig)), "verify");
	sig[0] ^= 1;
	res = ukcf_verify(u, MECH, theirs, text, strlen(text), sig,
			  sizeof(sig));
	printf("one bit turned: %s\n", ukcf_strerror(res));
	res = ukcf_key_export(u, key, secret, sizeof(secret));
	printf("the key's bytes: %s\n", ukcf_strerror(res));
	ukcf_disconnect(u);
	return EXIT_SUCCESS;
}
