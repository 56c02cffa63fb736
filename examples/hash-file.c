/* SPDX-License-Identifier: MIT */
/* hash-file FILE...: SHA-256 of files, read in parts.  A digest needs no key,
 * so it is made in this thread: no system call but read(2). */
#include <stdio.h>
#include <stdlib.h>

#include <ukcf/ukcf.h>

static int64_t hash(struct ukcf *u, FILE *f, uint8_t digest[32])
{
	static uint8_t part[65536];
	struct ukcf_stream *s;
	int64_t res;
	size_t n;

	res = ukcf_stream_open(u, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
			       UKCF_KEY_NONE, &s);
	if (res < 0)
		return res;
	while (res == 0 && (n = fread(part, 1, sizeof(part), f)) > 0)
		res = ukcf_stream_update(s, part, n);
	if (res == 0)
		res = ukcf_stream_final(s, digest, 32);
	ukcf_stream_close(s);
	return res;
}

static int hash_file(struct ukcf *u, const char *name)
{
	FILE *f = fopen(name, "rb");
	uint8_t digest[32];
	int64_t res;

	if (!f) {
		perror(name);
		return -1;
	}
	res = hash(u, f, digest);
	if (ferror(f)) {
		perror(name);
		res = -1;
	} else if (res < 0) {
		fprintf(stderr, "%s: %s\n", name, ukcf_strerror(res));
	}
	fclose(f);
	for (int64_t i = 0; i < res; i++)
		printf("%02x", digest[i]);
	if (res > 0)
		printf("  %s\n", name);
	return res > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;
	struct ukcf *u;
	int err = ukcf_connect(&u, NULL, 0);

	if (err) {
		fprintf(stderr, "ukcfd: %s\n", ukcf_strerror(err));
		return EXIT_FAILURE;
	}
	for (int i = 1; i < argc; i++)
		if (hash_file(u, argv[i]))
			status = EXIT_FAILURE;
	ukcf_disconnect(u);
	return status;
}
