/* SPDX-License-Identifier: MIT */
/*
 * kill -9 of the captive daemon 50 times under load from four consumer
 * processes: no acknowledged request is lost, none is answered twice, results
 * are right, the consumers carry on over the same connection, named keys
 * survive and a state change takes effect exactly once.
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"
#include "tests/support/tally.h"

#define CONSUMERS 4
#define KILLS 50
#define DEPTH 32
#define SLOT 512 /* bytes of input per request */
#define OUT 64
#define IDS (UINT64_C(1) << 25)
#define S UINT64_C(1000000000)

struct shared {
	uint32_t stop;
	uint64_t answered[CONSUMERS];
	uint64_t rounds[CONSUMERS];
};

struct self {
	struct shared *sh;
	unsigned int no;
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
	struct ukcf_key mac, sign;
	uint8_t pk[32];
	struct tally t;
	struct rng rng;
	uint64_t replayed, round;
	uint64_t slot_of[DEPTH]; /* id that a slot is busy with, or IDS */
	uint64_t in_flight;
};

static const uint8_t mac_key[32] = "thirty-two bytes of a MAC key..";

/* Three kinds of requests in turn, by id. */
static int prep(struct self *s, struct ukcf_sqe *sqe, uint64_t id,
		unsigned int slot)
{
	struct ukcf_span in = ukcf_buffer_span(s->in, slot * SLOT, SLOT);
	struct ukcf_span out = ukcf_buffer_span(s->out, slot * OUT, 32);

	switch (id % 4) {
	case 0:
		out.len = 64;
		return ukcf_prep_sign(s->r, sqe, UKCF_MECH_ED25519, s->sign,
				      in, out);
	case 1:
		return ukcf_prep_mac(s->r, sqe, UKCF_MECH_HMAC_SHA2_256,
				     s->mac, in, out);
	default:
		return ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256, in, out);
	}
}

static bool right(struct self *s, uint64_t id, unsigned int slot, int64_t res)
{
	const uint8_t *in = ukcf_buffer_data(s->in);
	const uint8_t *out = ukcf_buffer_data(s->out);
	uint8_t want[32];

	in += slot * SLOT;
	out += slot * OUT;
	switch (id % 4) {
	case 0:
		return res == 64 &&
		       crypto_sign_verify_detached(out, in, SLOT, s->pk) == 0;
	case 1:
		crypto_auth_hmacsha256(want, in, SLOT, mac_key);
		break;
	default:
		crypto_hash_sha256(want, in, SLOT);
		break;
	}
	return res == 32 && memcmp(want, out, 32) == 0;
}

static void fill(struct self *s)
{
	uint8_t *in = ukcf_buffer_data(s->in);
	struct ukcf_sqe *sqe;
	uint64_t id;
	int rc;

	for (unsigned int i = 0; i < DEPTH; i++) {
		id = s->t.sent;
		if (s->slot_of[i] != IDS || id >= IDS)
			continue;
		sqe = ukcf_get_sqe(s->r);
		if (!sqe)
			break;
		memcpy(in + i * SLOT, &id, sizeof(id));
		rc = prep(s, sqe, id, i);
		if (rc)
			check_bail("prep: %s", ukcf_strerror(rc));
		sqe->user_data = id << 8 | i;
		s->slot_of[i] = id;
		tally_sent(&s->t, id);
		s->in_flight++;
	}
	rc = ukcf_submit(s->r);
	if (rc < 0 && rc != -EAGAIN)
		check_bail("ukcf_submit: %s", ukcf_strerror(rc));
}

static void take(struct self *s, const struct ukcf_cqe *cqe)
{
	unsigned int slot = cqe->user_data & 0xff;
	uint64_t id = cqe->user_data >> 8;
	bool ok = false;

	if (slot < DEPTH && s->slot_of[slot] == id) {
		ok = right(s, id, slot, cqe->res);
		if (!ok)
			note("consumer %u: request %llu has res %lld detail %u "
			     "flags %x",
			     s->no, (unsigned long long)id,
			     (long long)cqe->res, cqe->detail, cqe->flags);
		s->slot_of[slot] = IDS;
		s->in_flight--;
	}
	tally_answer(&s->t, id, ok);
	s->replayed += (cqe->flags & UKCF_CQE_F_REPLAYED) != 0;
	ukcf_cqe_seen(s->r);
	store_release_u64(&s->sh->answered[s->no], s->t.answered);
}

static int reap(struct self *s)
{
	const struct ukcf_cqe *cqe;
	int rc = ukcf_wait_cqe(s->r, &cqe, (int64_t)(20 * S));

	if (rc)
		return rc;
	do
		take(s, cqe);
	while (ukcf_peek_cqe(s->r, &cqe) == 0);
	return 0;
}

/* Control requests and state changes across the crash. */
static int other_things(struct self *s)
{
	char name[UKCF_KEY_NAME_MAX];
	struct ukcf_buffer *b;
	struct ukcf_ring *r;
	struct ukcf_key k, k2;
	int rc;

	rc = ukcf_buffer_alloc(s->u, UKCF_BUFFER_INPUT, 8192, &b);
	if (rc)
		return check(false, "buffer: %s", ukcf_strerror(rc)), rc;
	rc = ukcf_ring_open(s->u, 8, &r);
	if (rc)
		return check(false, "ring: %s", ukcf_strerror(rc)), rc;
	ukcf_ring_close(r);
	ukcf_buffer_free(b);
	snprintf(name, sizeof(name), "crash.%u.%llu", s->no,
		 (unsigned long long)s->round++);
	rc = ukcf_key_generate(s->u, name, UKCF_MECH_ED25519, 0, 0, &k);
	if (rc)
		return check(false, "generate %s: %s", name,
			     ukcf_strerror(rc)), rc;
	rc = ukcf_key_open(s->u, name, &k2);
	if (rc || k2.id != k.id)
		return check(false, "open %s: %s", name,
			     ukcf_strerror(rc)), -EIO;
	rc = ukcf_key_destroy(s->u, k);
	if (rc)
		return check(false, "destroy %s: %s", name,
			     ukcf_strerror(rc)), rc;
	store_release_u64(&s->sh->rounds[s->no], s->round);
	return 0;
}

static int self_open(struct self *s)
{
	char name[UKCF_KEY_NAME_MAX];
	int rc = ukcf_connect(&s->u, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_ring_open(s->u, 2 * DEPTH, &s->r);
	if (!rc)
		rc = ukcf_buffer_alloc(s->u, UKCF_BUFFER_INPUT, DEPTH * SLOT,
				       &s->in);
	if (!rc)
		rc = ukcf_buffer_alloc(s->u, UKCF_BUFFER_OUTPUT, DEPTH * OUT,
				       &s->out);
	if (!rc)
		rc = ukcf_key_import(s->u, NULL, UKCF_MECH_HMAC_SHA2_256, 0, 0,
				     mac_key, sizeof(mac_key), &s->mac);
	snprintf(name, sizeof(name), "crash.sign.%u", s->no);
	if (!rc)
		rc = ukcf_key_generate(s->u, name, UKCF_MECH_ED25519, 0, 0,
				       &s->sign);
	if (!rc && ukcf_key_public(s->u, s->sign, s->pk, 32) != 32)
		rc = -EIO;
	return rc;
}

static int consumer(struct shared *sh, unsigned int no)
{
	struct self s = { .sh = sh, .no = no };
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rng_init(&s.rng, no);
	tally_init(&s.t, IDS);
	for (unsigned int i = 0; i < DEPTH; i++)
		s.slot_of[i] = IDS;
	rc = self_open(&s);
	if (rc)
		check_bail("consumer %u: %s", no, ukcf_strerror(rc));
	rng_fill(&s.rng, ukcf_buffer_data(s.in), DEPTH * SLOT);
	while (!rc && !load_acquire_u32(&sh->stop)) {
		fill(&s);
		rc = reap(&s);
		if (!rc && rng_below(&s.rng, 16) == 0)
			rc = other_things(&s);
	}
	while (!rc && s.in_flight) {
		fill(&s);
		rc = s.in_flight ? reap(&s) : 0;
		if (s.t.sent == s.t.answered)
			break;
	}
	check(rc == 0, "consumer %u: carried on to the end: %s", no,
	      ukcf_strerror(rc));
	check(tally_clean(&s.t),
	      "consumer %u: %llu sent, %llu answered (%llu run again), %llu "
	      "lost, %llu twice, %llu unknown, %llu wrong; %llu keys made",
	      no, (unsigned long long)s.t.sent,
	      (unsigned long long)s.t.answered, (unsigned long long)s.replayed,
	      (unsigned long long)tally_lost(&s.t),
	      (unsigned long long)s.t.twice, (unsigned long long)s.t.unknown,
	      (unsigned long long)s.t.wrong, (unsigned long long)s.round);
	ukcf_disconnect(s.u);
	return check_done();
}

/* Every consumer goes on. */
static bool progress(struct shared *sh, uint64_t n)
{
	uint64_t end = clock_ns() + 20 * S;
	uint64_t to[CONSUMERS];

	for (unsigned int i = 0; i < CONSUMERS; i++)
		to[i] = load_acquire_u64(&sh->answered[i]) + n;
	for (unsigned int i = 0; i < CONSUMERS; i++)
		while (load_acquire_u64(&sh->answered[i]) < to[i]) {
			if (clock_ns() > end)
				return check(false, "consumer %u stands still",
					     i);
			probe_pause();
		}
	return true;
}

static void kill_often(struct shared *sh)
{
	uint64_t t0, worst = 0;
	struct rng rng;
	unsigned int kills = 0;
	pid_t pid;

	rng_init(&rng, 99);
	while (kills < scaled(KILLS, 4 * KILLS)) {
		/* At no particular moment of the daemon's work. */
		if (!progress(sh, 1 + rng_below(&rng, 200)))
			break;
		pid = probe_pid();
		t0 = clock_ns();
		if (kill(pid, SIGKILL) < 0)
			check_bail("kill %d: %s", pid, strerror(errno));
		kills++;
		if (probe_restarted(pid, 10000) < 0) {
			check(false, "the daemon came back after kill %u",
			      kills);
			break;
		}
		if (!progress(sh, 1))
			break;
		if (clock_ns() - t0 > worst)
			worst = clock_ns() - t0;
	}
	check(kills >= KILLS / 4,
	      "%u kills; the longest from kill to every consumer's next "
	      "answer: %.1f ms",
	      kills, (double)worst / 1e6);
}

static void named_key_survived(struct ukcf *u, struct ukcf_key key,
			       const uint8_t pk[32])
{
	static const uint8_t msg[] = "after the crashes";
	uint8_t pk2[32], sig[64];
	struct ukcf_key k2;
	int rc = ukcf_key_open(u, "crash.survivor", &k2);

	check(rc == 0 && k2.id == key.id, "the named key has its handle: %s",
	      ukcf_strerror(rc));
	check(ukcf_key_public(u, k2, pk2, 32) == 32 &&
		      memcmp(pk, pk2, 32) == 0,
	      "and its public part");
	check(ukcf_sign(u, UKCF_MECH_ED25519, k2, msg, sizeof(msg), sig, 64) ==
			      64 &&
		      !crypto_sign_verify_detached(sig, msg, sizeof(msg), pk),
	      "and signs as before");
}

static void accounting_control(void)
{
	struct tally t;

	tally_init(&t, 4);
	for (unsigned int i = 0; i < 4; i++)
		tally_sent(&t, i);
	tally_answer(&t, 0, true);
	tally_answer(&t, 1, true);
	tally_answer(&t, 1, true);
	tally_answer(&t, 3, true);
	check(tally_lost(&t) == 1 && t.twice == 1 && !tally_clean(&t),
	      "control: the accounting finds a planted loss and a planted "
	      "second answer");
	tally_free(&t);
}

int main(void)
{
	struct shared *sh = shared_alloc(sizeof(*sh));
	pid_t pids[CONSUMERS];
	struct ukcf *u, *u2;
	struct ukcf_key key;
	uint8_t pk[32];
	int rc, status;

	accounting_control();
	if (sodium_init() < 0)
		check_bail("libsodium does not start");
	for (unsigned int i = 0; i < CONSUMERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			exit(consumer(sh, i));
	}
	rc = ukcf_connect(&u, NULL, 0);
	if (!rc)
		rc = ukcf_key_generate(u, "crash.survivor", UKCF_MECH_ED25519,
				       0, 0, &key);
	if (rc || ukcf_key_public(u, key, pk, 32) != 32)
		check_bail("no key: %s", ukcf_strerror(rc));
	kill_often(sh);
	store_release_u32(&sh->stop, 1);
	for (unsigned int i = 0; i < CONSUMERS; i++) {
		waitpid(pids[i], &status, 0);
		check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		      "consumer %u ended in order (%x)", i, status);
	}
	named_key_survived(u, key, pk);
	rc = ukcf_connect(&u2, NULL, 0);
	check(rc == 0, "a new connection works: %s", ukcf_strerror(rc));
	if (!rc)
		ukcf_disconnect(u2);
	ukcf_disconnect(u);
	return check_done();
}
