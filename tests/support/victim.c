/* SPDX-License-Identifier: MIT */
/* See victim.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"
#include "tests/support/victim.h"

#define DEPTH 8
#define SLOT 256 /* bytes of input per request */
#define MS UINT64_C(1000000)

struct self {
	struct victim *v;
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
	struct ukcf_key key;
	struct rng rng;
};

static const uint8_t key_bytes[32] = "the victim's own secret, 32 byte";

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int log = 63 - (unsigned int)__builtin_clzll(ns | 1);
	unsigned int half = log ? (unsigned int)(ns >> (log - 1)) & 1 : 0;
	unsigned int b = 2 * log + half;

	return b < VICTIM_BUCKETS ? b : VICTIM_BUCKETS - 1;
}

static void record(struct victim_times *t, uint64_t ns)
{
	t->bucket[bucket_of(ns)]++;
	if (ns > t->max_ns)
		t->max_ns = ns;
}

uint64_t victim_percentile_ns(const struct victim_times *t, unsigned int pct)
{
	uint64_t sum = 0, seen = 0;

	for (unsigned int i = 0; i < VICTIM_BUCKETS; i++)
		sum += t->bucket[i];
	for (unsigned int i = 0; i < VICTIM_BUCKETS; i++) {
		seen += t->bucket[i];
		if (sum && seen * 100 >= sum * pct)
			return (UINT64_C(2) + (i & 1)) << (i / 2) >> 1;
	}
	return 0;
}

static void fail(struct victim *v, int64_t err)
{
	v->errors++;
	v->last_error = err;
}

static void expected_mac(const uint8_t *in, size_t len, uint8_t *mac)
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key_bytes, sizeof(key_bytes));
	crypto_auth_hmacsha256_update(&st, in, len);
	crypto_auth_hmacsha256_final(&st, mac);
}

/* One round trip with the key that the daemon holds. */
static void one_mac(struct self *s)
{
	uint8_t in[SLOT], mac[32], want[32];
	size_t len = rng_below(&s->rng, sizeof(in)) + 1;
	uint64_t t0;
	int64_t n;

	rng_fill(&s->rng, in, len);
	t0 = clock_ns();
	n = ukcf_mac(s->u, UKCF_MECH_HMAC_SHA2_256, s->key, in, len, mac,
		     sizeof(mac));
	record(&s->v->ring, clock_ns() - t0);
	if (n != sizeof(mac)) {
		fail(s->v, n);
		return;
	}
	expected_mac(in, len, want);
	s->v->wrong += memcmp(mac, want, sizeof(mac)) != 0;
	s->v->requests++;
}

static int submit_batch(struct self *s, uint8_t *in)
{
	struct ukcf_sqe *sqe;
	unsigned int i;
	int rc;

	rng_fill(&s->rng, in, DEPTH * SLOT);
	for (i = 0; i < DEPTH; i++) {
		sqe = ukcf_get_sqe(s->r);
		if (!sqe)
			return -ENOSPC;
		rc = ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
				      ukcf_buffer_span(s->in, i * SLOT, SLOT),
				      ukcf_buffer_span(s->out, i * 32, 32));
		if (rc)
			return rc;
		sqe->user_data = i;
	}
	rc = ukcf_submit(s->r);
	return rc == DEPTH ? 0 : rc < 0 ? rc : -ENOSPC;
}

/* A batch of digests over the ring, each compared. */
static void one_batch(struct self *s)
{
	uint8_t *in = ukcf_buffer_data(s->in);
	const uint8_t *out = ukcf_buffer_data(s->out);
	const struct ukcf_cqe *cqe;
	uint8_t want[32];
	uint64_t i;
	int rc = submit_batch(s, in);

	if (rc) {
		fail(s->v, rc);
		return;
	}
	for (unsigned int n = 0; n < DEPTH; n++) {
		rc = ukcf_wait_cqe(s->r, &cqe, (int64_t)(20000 * MS));
		if (rc) {
			fail(s->v, rc);
			return;
		}
		i = cqe->user_data;
		if (i >= DEPTH || cqe->res != 32)
			fail(s->v, cqe->res);
		ukcf_cqe_seen(s->r);
		if (i >= DEPTH)
			continue;
		crypto_hash_sha256(want, in + i * SLOT, SLOT);
		s->v->wrong += memcmp(want, out + i * 32, 32) != 0;
		s->v->requests++;
	}
}

static void *heartbeat(void *arg)
{
	struct self *s = arg;
	struct victim *v = s->v;
	struct timespec pace = { .tv_nsec = 5 * (long)MS };
	struct ukcf_counts c;
	uint64_t t0;
	int rc;

	while (!load_relaxed_u32(&v->stop)) {
		t0 = clock_ns();
		rc = ukcf_counts_get(s->u, &c);
		record(&v->beat, clock_ns() - t0);
		if (rc)
			fail(v, rc);
		v->beats++;
		nanosleep(&pace, NULL);
	}
	return NULL;
}

static int victim_open(struct self *s)
{
	int rc = ukcf_connect(&s->u, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_ring_open(s->u, 2 * DEPTH, &s->r);
	if (!rc)
		rc = ukcf_buffer_alloc(s->u, UKCF_BUFFER_INPUT, DEPTH * SLOT,
				       &s->in);
	if (!rc)
		rc = ukcf_buffer_alloc(s->u, UKCF_BUFFER_OUTPUT, DEPTH * 32,
				       &s->out);
	if (!rc)
		rc = ukcf_key_import(s->u, NULL, UKCF_MECH_HMAC_SHA2_256,
				     UKCF_USE_DEFAULT, 0, key_bytes,
				     sizeof(key_bytes), &s->key);
	return rc;
}

static int victim_main(struct victim *v, uid_t uid)
{
	struct timespec pace = { .tv_nsec = 500 * 1000 };
	struct self s = { .v = v };
	pthread_t th;
	int rc = become(uid);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rng_init(&s.rng, 0x76696374);
	if (!rc)
		rc = sodium_init() < 0 ? -EIO : victim_open(&s);
	if (rc) {
		fail(v, rc);
		return 1;
	}
	if (pthread_create(&th, NULL, heartbeat, &s))
		return 1;
	while (!load_acquire_u32(&v->stop)) {
		if (load_acquire_u32(&v->epoch) != v->epoch_seen) {
			memset(&v->ring, 0, sizeof(v->ring));
			memset(&v->beat, 0, sizeof(v->beat));
			store_release_u32(&v->epoch_seen, v->epoch);
		}
		one_mac(&s);
		one_batch(&s);
		store_release_u32(&v->ready, 1);
		nanosleep(&pace, NULL);
	}
	pthread_join(th, NULL);
	ukcf_disconnect(s.u);
	return 0;
}

struct victim *victim_start(uid_t uid)
{
	struct victim *v = shared_alloc(sizeof(*v));
	uint64_t end = clock_ns() + 20000 * MS;
	pid_t pid = fork();

	if (pid < 0)
		check_bail("fork: %s", strerror(errno));
	if (pid == 0)
		_exit(victim_main(v, uid));
	v->pid = pid; /* here only: the memory is shared */
	while (!load_acquire_u32(&v->ready)) {
		if (v->errors || clock_ns() > end)
			check_bail("the victim could not start: %s",
				   ukcf_strerror(v->last_error));
		probe_pause();
	}
	return v;
}

void victim_reset(struct victim *v)
{
	uint32_t e = v->epoch + 1;
	uint64_t end = clock_ns() + 10000 * MS;

	store_release_u32(&v->epoch, e);
	while (load_acquire_u32(&v->epoch_seen) != e && clock_ns() < end)
		probe_pause();
}

bool victim_progress(struct victim *v, uint64_t n, unsigned int timeout_ms)
{
	uint64_t to = load_relaxed_u64(&v->requests) + n;
	uint64_t end = clock_ns() + timeout_ms * MS;

	while (load_relaxed_u64(&v->requests) < to) {
		if (clock_ns() > end)
			return false;
		probe_pause();
	}
	return true;
}

bool victim_stop(struct victim *v)
{
	uint64_t end = clock_ns() + 40000 * MS;
	int status;
	pid_t pid;

	store_release_u32(&v->stop, 1);
	for (;;) {
		pid = waitpid(v->pid, &status, WNOHANG);
		if (pid == v->pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (clock_ns() > end)
			break;
		probe_pause();
	}
	kill(v->pid, SIGKILL);
	waitpid(v->pid, &status, 0);
	return false;
}
