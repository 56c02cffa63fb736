/* SPDX-License-Identifier: MIT */
#include "tests/bench/files.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/cipher.h"
#include "tests/bench/stat.h"

#define KEY "ukcf-bench-file"
#define CHUNK (256u << 10) /* as ukcf-file(5) cuts a file */
#define ROUNDS_MAX 9u

extern char **environ;

static uint8_t in[CHUNK], out[CHUNK + CIPHER_TAG];

struct place {
	char dir[64]; /* in memory, if there is such a place */
	char plain[96], sealed[96], again[96];
};

static int place_make(struct place *p)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(p->dir, sizeof(p->dir), "%s/ukcf-bench-XXXXXX", base);
	if (!mkdtemp(p->dir))
		return -errno;
	snprintf(p->plain, sizeof(p->plain), "%s/plain", p->dir);
	snprintf(p->sealed, sizeof(p->sealed), "%s/sealed", p->dir);
	snprintf(p->again, sizeof(p->again), "%s/again", p->dir);
	return 0;
}

static void place_remove(const struct place *p)
{
	unlink(p->plain);
	unlink(p->sealed);
	unlink(p->again);
	rmdir(p->dir);
}

static int fill(const char *path, uint64_t bytes)
{
	FILE *f = fopen(path, "wxe");
	int err = 0;

	if (!f)
		return -errno;
	for (uint64_t n = 0; !err && n < bytes; n += CHUNK)
		if (fwrite(in, CHUNK, 1, f) != 1)
			err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

static double mb_per_s(uint64_t bytes, uint64_t ns)
{
	return (double)bytes * 1000 / (double)(ns ? ns : 1);
}

static double directly(uint64_t bytes)
{
	uint64_t begin = clock_ns();

	for (uint64_t n = 0; n < bytes / CHUNK; n++) {
		uint8_t nonce[CIPHER_NONCE] = { 0 };

		memcpy(nonce, &n, sizeof(n));
		cipher_encrypt(out, in, CHUNK, nonce);
	}
	return mb_per_s(bytes, clock_ns() - begin);
}

/* -ENOENT: there is no cryptoctl. */
static int by_cryptoctl(const char *word, const char *to, const char *from,
			uint64_t bytes, double *v)
{
	const char *const argv[] = { "cryptoctl", word, "-f", "-k", KEY,
				     "-o", to, from, NULL };
	uint64_t begin = clock_ns();
	int status = 0, err;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL,
			   (char *const *)(void *)argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*v = mb_per_s(bytes, clock_ns() - begin);
	return status ? -EIO : 0;
}

static int measure(struct files *f, const struct place *p, unsigned int rounds)
{
	double direct[ROUNDS_MAX], encrypt[ROUNDS_MAX], decrypt[ROUNDS_MAX];
	int err = fill(p->plain, f->bytes);

	for (unsigned int i = 0; !err && i < rounds; i++) {
		direct[i] = directly(f->bytes);
		err = by_cryptoctl("encrypt", p->sealed, p->plain, f->bytes,
				   &encrypt[i]);
		if (!err)
			err = by_cryptoctl("decrypt", p->again, p->sealed,
					   f->bytes, &decrypt[i]);
	}
	if (err)
		return err;
	f->direct = median(direct, rounds);
	f->encrypt = median(encrypt, rounds);
	f->decrypt = median(decrypt, rounds);
	return 0;
}

static int with_key(struct files *f, struct ukcf *u, unsigned int rounds)
{
	struct ukcf_key key;
	struct place p;
	uint32_t mech;
	int rc, err = ukcf_mech_lookup(u, cipher_name(), &mech);

	if (!err)
		err = ukcf_key_import(u, KEY, mech, UKCF_USE_DEFAULT, 0,
				      cipher_key(), 32, &key);
	if (err)
		return err;
	err = place_make(&p);
	if (!err) {
		err = measure(f, &p, rounds);
		place_remove(&p);
	}
	rc = ukcf_key_destroy(u, key);
	return err ? err : rc;
}

int files_measure(struct files *f, bool quick)
{
	struct ukcf *u = NULL;
	int err = ukcf_connect(&u, NULL, 0);

	f->bytes = (quick ? 16u : 256u) << 20;
	if (!err)
		err = with_key(f, u, quick ? 3 : ROUNDS_MAX);
	ukcf_disconnect(u);
	if (err == -ENOENT) {
		f->missing = "no cryptoctl on PATH";
		return 0;
	}
	if (err)
		fprintf(stderr, "ukcf-bench: files: %s\n", ukcf_strerror(err));
	return err;
}
