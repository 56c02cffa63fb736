/* SPDX-License-Identifier: MIT */
/*
 * A consumer that may only sign with a key the daemon holds, and flips bytes
 * of the message while the daemon signs, must not see two signatures with
 * equal R and different S: with them it has the key.
 *
 * Control in the same run: libsodium called directly on such memory, as a
 * provider without private copies would, must lose its key.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"
#include "tests/support/flipper.h"
#include "tests/support/raw.h"

#define MSG_LEN 1024
#define FLIP_AT 1000 /* in the last hash block */
#define DEPTH 64
#define S UINT64_C(1000000000)
#define SEEN 4096 /* distinct R kept; there are as many as messages */

/* -------------------------------------------------------------- detector */

struct seen {
	uint8_t sig[SEEN][64];
	unsigned int n;
	uint64_t count, hits;
	uint8_t first[64], second[64]; /* the pair that was found */
};

static void look(struct seen *s, const uint8_t sig[64])
{
	s->count++;
	for (unsigned int i = 0; i < s->n; i++) {
		if (memcmp(s->sig[i], sig, 32) != 0)
			continue;
		if (memcmp(s->sig[i] + 32, sig + 32, 32) == 0)
			return;
		if (s->hits++ == 0) {
			memcpy(s->first, s->sig[i], 64);
			memcpy(s->second, sig, 64);
		}
		return;
	}
	if (s->n < SEEN)
		memcpy(s->sig[s->n++], sig, 64);
}

static void challenge(uint8_t k[32], const uint8_t r[32], const uint8_t pk[32],
		      const uint8_t *msg)
{
	crypto_hash_sha512_state st;
	uint8_t h[64];

	crypto_hash_sha512_init(&st);
	crypto_hash_sha512_update(&st, r, 32);
	crypto_hash_sha512_update(&st, pk, 32);
	crypto_hash_sha512_update(&st, msg, MSG_LEN);
	crypto_hash_sha512_final(&st, h);
	crypto_core_ed25519_scalar_reduce(k, h);
}

/* S = r + k a: a = (S1 - S2) / (k1 - k2).  True if a belongs to pk. */
static bool key_from(const struct seen *s, const uint8_t pk[32],
		     const uint8_t msg[2][MSG_LEN])
{
	uint8_t k[2][32], ds[32], dk[32], inv[32], a[32], pk2[32];

	challenge(k[0], s->first, pk, msg[0]);
	challenge(k[1], s->first, pk, msg[1]);
	crypto_core_ed25519_scalar_sub(ds, s->first + 32, s->second + 32);
	for (unsigned int i = 0; i < 2; i++) {
		crypto_core_ed25519_scalar_sub(dk, k[i], k[1 - i]);
		if (crypto_core_ed25519_scalar_invert(inv, dk) != 0)
			continue;
		crypto_core_ed25519_scalar_mul(a, ds, inv);
		if (crypto_scalarmult_ed25519_base_noclamp(pk2, a) == 0 &&
		    memcmp(pk, pk2, 32) == 0)
			return true;
	}
	return false;
}

/* --------------------------------------------------------------- control */

static void control(struct seen *s)
{
	uint8_t pk[32], sk[64], sig[64], msg[2][MSG_LEN];
	uint8_t *shared = shared_alloc(MSG_LEN);
	uint64_t end = clock_ns() + 60 * S;
	struct flipper f;

	memset(s, 0, sizeof(*s));
	crypto_sign_keypair(pk, sk);
	memset(msg, 0, sizeof(msg));
	msg[1][FLIP_AT] = 1;
	flipper_start(&f, shared + FLIP_AT, 512);
	while (!s->hits && s->count < 2000000 && clock_ns() < end) {
		crypto_sign_detached(sig, NULL, shared, MSG_LEN, sk);
		look(s, sig);
	}
	flipper_stop(&f);
	check(s->hits > 0,
	      "control: without private copies equal R with different S after "
	      "%llu signatures",
	      (unsigned long long)s->count);
	check(s->hits && key_from(s, pk, (const uint8_t(*)[MSG_LEN])msg),
	      "control: and the private key computed from them");
	munmap(shared, MSG_LEN);
}

/* ---------------------------------------------------------------- attack */

static void refused(bool yes, const char *what)
{
	int err = errno; /* not after other arguments were evaluated */

	check(yes, "%s is refused: %s", what, yes ? strerror(err) : "no");
}

/* Ways to write what only the daemon may write. */
static void try_to_write(const struct raw_buf *out)
{
	char path[64];
	int fd;

	refused(mprotect(out->p, out->size, PROT_READ | PROT_WRITE) < 0,
		"mprotect(PROT_WRITE) of the output");
	refused(mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     out->fd, 0) == MAP_FAILED, "a writable mapping of it");
	refused(pwrite(out->fd, "x", 1, 0) < 0, "write(2)");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (geteuid() == 0)
		note("root may reopen it: not an attacker");
	else if (other_uid() == geteuid() && fd >= 0)
		note("the daemon has this very uid: reopening is allowed");
	check(fd < 0 || geteuid() == 0, "reopening it for writing is refused");
	if (fd >= 0)
		close(fd);
}

struct attack {
	struct raw r;
	struct raw_ring q;
	struct raw_buf in, out;
	uint64_t key;
	struct seen *seen;
	uint64_t refused;
};

static void attack_open(struct attack *a)
{
	int64_t key;
	int rc = raw_connect(&a->r);

	if (!rc)
		rc = raw_ring_new(&a->r, 7, &a->q);
	if (!rc)
		rc = raw_buf_new(&a->r, UKCF_BUFFER_INPUT, 4096, &a->in);
	if (!rc)
		rc = raw_buf_new(&a->r, UKCF_BUFFER_OUTPUT, DEPTH * 64,
				 &a->out);
	if (!rc) {
		key = raw_key(&a->q, &a->in, UKCF_OP_KEY_GENERATE,
			      UKCF_MECH_ED25519, NULL, 0, NULL, 0);
		a->key = (uint64_t)key;
		rc = key < 0 ? (int)key : 0;
	}
	if (rc)
		check_bail("cannot start: %s", strerror(-rc));
}

static void sign_in_slot(struct attack *a, unsigned int slot)
{
	struct ukcf_sqe sqe = {
		.op = UKCF_OP_SIGN,
		.user_data = slot,
		.mech = { UKCF_MECH_ED25519 },
		.obj = { a->key },
		.in = { 0, MSG_LEN },
		.out = { slot * 64, 64 },
		.buf = { a->in.index, a->out.index },
	};

	if (raw_submit(&a->q, &sqe))
		check_bail("the ring is full");
}

static void attack(uint64_t goal)
{
	struct attack a = { .seen = calloc(1, sizeof(*a.seen)) };
	struct ukcf_cqe cqe;
	struct flipper f;

	attack_open(&a);
	try_to_write(&a.out);
	flipper_start(&f, a.in.p + FLIP_AT, 512);
	for (unsigned int i = 0; i < DEPTH; i++)
		sign_in_slot(&a, i);
	while (a.seen->count + a.refused < goal) {
		if (raw_cqe(&a.q, &cqe, 20000)) {
			check(false, "the daemon answers");
			break;
		}
		if ((cqe.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT)
			continue;
		if (cqe.res == 64)
			look(a.seen, a.out.p + cqe.user_data * 64);
		else
			a.refused++;
		sign_in_slot(&a, (unsigned int)cqe.user_data);
	}
	flipper_stop(&f);
	check(a.refused == 0, "every signature was made (%llu were not)",
	      (unsigned long long)a.refused);
	check(f.flips > goal / 100 && a.seen->n >= 2,
	      "the message changed under way: %llu flips, %u values of R",
	      (unsigned long long)f.flips, a.seen->n);
	check(a.seen->hits == 0,
	      "%llu raced signatures by a daemon-held key: %llu with equal R "
	      "and different S",
	      (unsigned long long)a.seen->count,
	      (unsigned long long)a.seen->hits);
	raw_close(&a.r);
	free(a.seen);
}

int main(void)
{
	struct seen *s = malloc(sizeof(*s));
	int rc;

	if (!s || sodium_init() < 0)
		check_bail("libsodium does not start");
	control(s);
	free(s);
	rc = become(other_uid());
	if (rc)
		check_bail("cannot become another user: %s", strerror(-rc));
	if (geteuid() != 0)
		note("consumer runs as uid %u", (unsigned int)geteuid());
	attack(scaled(100000, 1000000));
	return check_done();
}
