/* SPDX-License-Identifier: MIT */
#include "tests/bench/files.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/cipher.h"
#include "tests/bench/daemon.h"
#include "tests/bench/evp.h"
#include "tests/bench/stat.h"

#define KEY "ukcf-bench-file"
#define CHUNK (256u << 10) /* as ukcf-file(5) cuts a file */
#define ROUNDS_MAX 9u
#define PROVIDERS_MAX 64

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

/* ------------------------------------------------------------------- direct */

static int seal_by_sodium(uint8_t *to, const uint8_t *from, size_t len,
			  const uint8_t *nonce)
{
	cipher_encrypt(to, from, len, nonce);
	return 0;
}

static const char *is_there(void)
{
	return NULL;
}

static const struct library {
	const char *provider; /* that calls it */
	int (*seal)(uint8_t *to, const uint8_t *from, size_t len,
		    const uint8_t *nonce);
	const char *(*missing)(void);
} libraries[FILES_PROVIDERS] = {
	{ "sodium", seal_by_sodium, is_there },
	{ "openssl", evp_seal, evp_missing },
};

static int directly(const struct library *l, uint64_t bytes, double *v)
{
	uint64_t begin = clock_ns();
	int err = 0;

	for (uint64_t n = 0; !err && n < bytes / CHUNK; n++) {
		uint8_t nonce[CIPHER_NONCE] = { 0 };

		memcpy(nonce, &n, sizeof(n));
		err = l->seal(out, in, CHUNK, nonce);
	}
	*v = mb_per_s(bytes, clock_ns() - begin);
	return err;
}

/* ---------------------------------------------------------------- cryptoctl */

/* The program itself: libtool's in a build tree is a script, which takes longer
 * than the file.  0 or -ENOENT. */
static int find_cryptoctl(char *path, size_t size)
{
	const char *at = getenv("PATH");
	struct stat st;

	for (; at; at = strchr(at, ':'), at += at != NULL) {
		int n = (int)strcspn(at, ":");

		snprintf(path, size, "%.*s/.libs/cryptoctl", n, at);
		if (stat(path, &st) == 0)
			return 0;
		snprintf(path, size, "%.*s/cryptoctl", n, at);
		if (stat(path, &st) == 0)
			return 0;
	}
	return -ENOENT;
}

/* Its exit status, or -errno. */
static int run(const char *const argv[], bool quiet)
{
	posix_spawn_file_actions_t io;
	int status = 0, err;
	pid_t pid;

	posix_spawn_file_actions_init(&io);
	if (quiet) {
		posix_spawn_file_actions_addopen(&io, 1, "/dev/null", O_WRONLY,
						 0);
		posix_spawn_file_actions_adddup2(&io, 1, 2);
	}
	err = posix_spawn(&pid, argv[0], &io, NULL,
			  (char *const *)(void *)argv, environ);
	posix_spawn_file_actions_destroy(&io);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* It makes a new file: an old one would have to be freed. */
static int by_cryptoctl(const char *cryptoctl, const char *word, const char *to,
			const char *from, uint64_t bytes, double *v)
{
	const char *const argv[] = { cryptoctl, word, "-k", KEY, "-o", to,
				     from, NULL };
	uint64_t begin;
	int status;

	unlink(to);
	begin = clock_ns();
	status = run(argv, false);
	*v = mb_per_s(bytes, clock_ns() - begin);
	return status > 0 ? -EIO : status;
}

/* ------------------------------------------------------------------ measuring */

struct bench {
	struct ukcf *u;
	struct ukcf_key key;
	uint32_t mech;
	struct place place;
	char cryptoctl[512];
	unsigned int rounds;
	struct ukcf_page_provider providers[PROVIDERS_MAX];
	int n_providers;
};

/* Let it alone offer the cipher, or all again.  Who does not offer it is
 * refused, which is of no interest. */
static void leave_alone(const struct bench *b, const char *provider,
			const char *word)
{
	char who[64], what[64];
	const char *const argv[] = { b->cryptoctl, word, who, what, NULL };

	snprintf(what, sizeof(what), "mechanism=%s", cipher_name());
	for (int i = 0; i < b->n_providers; i++) {
		snprintf(who, sizeof(who), "provider=%.31s",
			 b->providers[i].name);
		if (strcmp(b->providers[i].name, provider) != 0)
			run(argv, true);
	}
}

static bool is_loaded(const struct bench *b, const char *provider)
{
	for (int i = 0; i < b->n_providers; i++)
		if (b->providers[i].state == UKCF_PROVIDER_READY &&
		    strcmp(b->providers[i].name, provider) == 0)
			return true;
	return false;
}

/* Who did one that the daemon did: 0, or -EIO if it was another. */
static int check_provider(const struct bench *b, const char *provider)
{
	const uint8_t nonce[CIPHER_NONCE] = { 1 };
	int64_t n = ukcf_encrypt(b->u, b->mech, b->key, nonce, sizeof(nonce),
				 NULL, 0, in, CHUNK, out, sizeof(out));

	if (n < 0)
		return (int)n;
	for (int i = 0; i < b->n_providers; i++)
		if (b->providers[i].id == ukcf_last_call()->provider)
			return strcmp(b->providers[i].name, provider) ? -EIO
								      : 0;
	return -EIO;
}

static int rounds_of(const struct bench *b, const struct library *l,
		     uint64_t bytes, struct files_row *row)
{
	const struct place *p = &b->place;
	double direct[ROUNDS_MAX], encrypt[ROUNDS_MAX], decrypt[ROUNDS_MAX];
	double encrypt_x[ROUNDS_MAX], decrypt_x[ROUNDS_MAX];
	int err = check_provider(b, l->provider);

	for (unsigned int i = 0; !err && i < b->rounds; i++) {
		err = directly(l, bytes, &direct[i]);
		if (!err)
			err = by_cryptoctl(b->cryptoctl, "encrypt", p->sealed,
					   p->plain, bytes, &encrypt[i]);
		if (!err)
			err = by_cryptoctl(b->cryptoctl, "decrypt", p->again,
					   p->sealed, bytes, &decrypt[i]);
		if (err)
			break;
		encrypt_x[i] = encrypt[i] / direct[i];
		decrypt_x[i] = decrypt[i] / direct[i];
	}
	if (err)
		return err;
	*row = (struct files_row){ l->provider,
				   median(direct, b->rounds),
				   median(encrypt, b->rounds),
				   median(decrypt, b->rounds),
				   median(encrypt_x, b->rounds),
				   median(decrypt_x, b->rounds) };
	return 0;
}

static int each_library(struct files *f, struct bench *b)
{
	int err = fill(b->place.plain, f->bytes);

	for (unsigned int i = 0; !err && i < FILES_PROVIDERS; i++) {
		const struct library *l = &libraries[i];

		if (l->missing() || !is_loaded(b, l->provider))
			continue;
		leave_alone(b, l->provider, "disable");
		err = rounds_of(b, l, f->bytes, &f->rows[f->n_rows]);
		leave_alone(b, l->provider, "enable");
		f->n_rows += !err;
	}
	if (!err && !f->n_rows)
		f->missing = "neither sodium nor openssl is loaded";
	return err;
}

static int with_key(struct files *f, struct bench *b)
{
	int rc, err = ukcf_mech_lookup(b->u, cipher_name(), &b->mech);

	if (!err)
		err = ukcf_key_import(b->u, KEY, b->mech, UKCF_USE_DEFAULT, 0,
				      cipher_key(), 32, &b->key);
	if (err)
		return err;
	err = place_make(&b->place);
	if (!err) {
		err = each_library(f, b);
		place_remove(&b->place);
	}
	rc = ukcf_key_destroy(b->u, b->key);
	return err ? err : rc;
}

static int with_daemon(struct files *f, struct bench *b)
{
	int err = ukcf_connect(&b->u, NULL, 0);

	if (!err) {
		b->n_providers = ukcf_provider_list(b->u, b->providers,
						    PROVIDERS_MAX);
		if (b->n_providers < 0)
			err = b->n_providers;
		else if (b->n_providers > PROVIDERS_MAX)
			b->n_providers = PROVIDERS_MAX;
	}
	if (!err)
		err = with_key(f, b);
	ukcf_disconnect(b->u);
	return err;
}

int files_measure(struct files *f, bool quick)
{
	static struct bench b;
	int err;

	b.rounds = quick ? 3 : ROUNDS_MAX;
	f->bytes = (quick ? 16u : 256u) << 20;
	if (!daemon_is_captive())
		f->missing = "only with a daemon that has no other user: the "
			     "other providers are disabled meanwhile";
	else if (find_cryptoctl(b.cryptoctl, sizeof(b.cryptoctl)) < 0)
		f->missing = "no cryptoctl on PATH";
	if (f->missing)
		return 0;
	daemon_unpin();
	err = with_daemon(f, &b);
	daemon_pin_again();
	if (err)
		fprintf(stderr, "ukcf-bench: files: %s\n", ukcf_strerror(err));
	return err;
}
