/* SPDX-License-Identifier: MIT */
/*
 * The provider virtio on a device that does wrong: one row per fault.  Whatever
 * it does, no job ends twice, none ends well with a wrong answer, none is
 * forgotten, and the device comes back after a reset.
 *
 * distrust [ROW...]: those only; `distrust --checks' lists the rows that a
 * provider without its checks has to fail: trusting.sh.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ukcf/provider.h>

#include "lib/shared/secmem.h"
#include "providers/virtio/session.h"
#include "providers/virtio/virtio.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"
#include "tests/virtio/fake-device.h"

#ifdef VIRTIO_TRUSTING /* to fail is what it is for */
#define WAIT_NS UINT64_C(1000000000)
#else
#define WAIT_NS (UINT64_C(10000000000) * slowness())
#endif
#define DEPTH 8u
#define TIMEOUT_MS "60000" /* a job that is late: nothing here is */
#define TIMEOUT_SHORT_MS "600"
#define TIMEOUT_SHORT_NS UINT64_C(600000000)
#define LEN 64u
#define N_OFFERS 15u

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host);

/* --------------------------------------------------------------- as the host */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char said[4096]; /* the log since it was cleared */
static unsigned int failures; /* that were notified */
static const char *timeout_ms = TIMEOUT_MS, *depth = "8";
static const char *buffer_kib, *share_min; /* NULL: the default */

struct errand {
	struct ukcf_job job;
	uint8_t key[32], iv[16], in[LEN], out[LEN], right[LEN];
	unsigned int ended; /* times */
	enum ukcf_status status;
};

__attribute__((format(printf, 3, 4))) static void
host_log(void *host, int level, const char *fmt, ...)
{
	size_t at;
	va_list ap;

	(void)host;
	(void)level;
	pthread_mutex_lock(&lock);
	at = strlen(said);
	va_start(ap, fmt);
	vsnprintf(said + at, sizeof(said) - at, fmt, ap);
	va_end(ap);
	strncat(said, "\n", sizeof(said) - strlen(said) - 1);
	pthread_mutex_unlock(&lock);
}

static void host_complete(void *host, struct ukcf_job *job)
{
	struct errand *e = job->cookie;

	(void)host;
	pthread_mutex_lock(&lock);
	e->ended++;
	e->status = job->status;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct errand *at_news; /* submitted when the host hears of trouble */

static void submit(struct errand *e);

static void host_notify(void *host, int state)
{
	(void)host;
	if (at_news)
		submit(at_news);
	pthread_mutex_lock(&lock);
	failures += state == UKCF_PROVIDER_FAILED ||
		    state == UKCF_PROVIDER_ABSENT;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static const char *host_option(void *host, const char *name)
{
	(void)host;
	if (strcmp(name, "device") == 0)
		return "fake";
	if (strcmp(name, "timeout_ms") == 0)
		return timeout_ms;
	if (strcmp(name, "spin_us") == 0)
		return "0"; /* interrupts matter */
	if (strcmp(name, "share_min") == 0)
		return share_min;
	if (strcmp(name, "buffer_kib") == 0)
		return buffer_kib;
	return strcmp(name, "depth") == 0 ? depth : NULL;
}

static unsigned int counted; /* in shared memory */

static void host_count(void *host, enum ukcf_count what)
{
	(void)host;
	pthread_mutex_lock(&lock);
	counted += what == UKCF_COUNT_SHARED;
	pthread_mutex_unlock(&lock);
}

static const struct ukcf_host host = {
	.struct_size = sizeof(host),
	.spi_version = UKCF_SPI_VERSION,
	.log = host_log,
	.complete = host_complete,
	.notify = host_notify,
	.option = host_option,
	.count = host_count,
};

static const struct ukcf_provider *provider;
static struct ukcf_instance *self;

static void clear(void)
{
	pthread_mutex_lock(&lock);
	said[0] = '\0';
	failures = 0;
	pthread_mutex_unlock(&lock);
}

static bool was_said(const char *what)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = strstr(said, what);
	pthread_mutex_unlock(&lock);
	return is;
}

static void order(const char *command)
{
	if (provider->control(self, command))
		check_bail("no such fault: %s", command);
}

static int begin(void)
{
	int err;

	clear();
	provider = ukcf_provider_init(&host);
	err = provider->start(&host, &self);
	if (err)
		self = NULL;
	return err;
}

static void end(void)
{
	struct fake_counts c;

	if (self)
		provider->stop(self);
	self = NULL;
	c = fake_count();
	check(c.sessions == 0, "it leaves no session: %u", c.sessions);
	check(c.violations == 0, "no access beyond what is mapped: %u",
	      c.violations);
}

/* ------------------------------------------------------------------- errands */

static const struct ukcf_mech_ops *ops_of(uint32_t mech)
{
	for (uint32_t i = 0; i < provider->n_offers; i++)
		if (provider->offers[i].mech == mech)
			return provider->offers[i].ops;
	return NULL;
}

static void encrypt_right(struct errand *e)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx ||
	    !EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, e->key, e->iv) ||
	    !EVP_EncryptUpdate(ctx, e->right, &n, e->in, LEN))
		check_bail("libcrypto");
	EVP_CIPHER_CTX_free(ctx);
}

static void prepare(struct errand *e, struct rng *r, const uint8_t *key)
{
	memset(e, 0, sizeof(*e));
	rng_fill(r, e->key, sizeof(e->key));
	if (key)
		memcpy(e->key, key, sizeof(e->key));
	rng_fill(r, e->iv, sizeof(e->iv));
	rng_fill(r, e->in, sizeof(e->in));
	encrypt_right(e);
	e->job = (struct ukcf_job){
		.op = UKCF_OP_ENCRYPT,
		.mech = UKCF_MECH_AES_256_CBC,
		.key = { e->key, sizeof(e->key) },
		.param = { e->iv, sizeof(e->iv) },
		.in = { e->in, LEN },
		.out = e->out,
		.out_size = LEN,
		.cookie = e,
	};
}

/* BUSY: again, when there is room. */
static void submit(struct errand *e)
{
	const struct ukcf_mech_ops *ops = ops_of(e->job.mech);
	enum ukcf_status status;

	while ((status = ops->encrypt(self, &e->job)) == UKCF_BUSY)
		probe_pause();
	if (status == UKCF_QUEUED)
		return;
	e->job.status = status;
	host_complete(NULL, &e->job);
}

static bool ended(struct errand *e)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = e->ended > 0;
	pthread_mutex_unlock(&lock);
	return is;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool await(struct errand *e)
{
	uint64_t limit = now_ns() + WAIT_NS;

	while (!ended(e) && now_ns() < limit)
		probe_pause();
	return ended(e);
}

static bool await_failure(void)
{
	uint64_t limit = now_ns() + WAIT_NS;
	unsigned int n = 0;

	while (!n && now_ns() < limit) {
		pthread_mutex_lock(&lock);
		n = failures;
		pthread_mutex_unlock(&lock);
		probe_pause();
	}
	return n;
}

/* Right, or nothing. */
static bool is_honest(const struct errand *e)
{
	return e->ended == 1 &&
	       (e->status != UKCF_DONE ||
		(e->job.res == LEN && memcmp(e->out, e->right, LEN) == 0));
}

static bool is_right(const struct errand *e)
{
	return is_honest(e) && e->status == UKCF_DONE;
}

static bool works(struct rng *r)
{
	struct errand e;

	prepare(&e, r, NULL);
	submit(&e);
	return await(&e) && is_right(&e);
}

/* ---------------------------------------------------------------------- rows */

enum outcome {
	BREAKS, /* it is taken out, and says why; a reset helps */
	TAKEN_OUT, /* the same, but the jobs may have ended before */
	ELSEWHERE, /* one job goes elsewhere */
	FINE,
};

static const struct row {
	const char *fault;
	enum outcome outcome;
	const char *why; /* in the log */
	bool checked;	 /* a provider without checks fails it */
	bool late;	 /* it is told by the time */
} rows[] = {
	{ "id_range", BREAKS, "a request that it does not have", true, false },
	{ "id_odd", BREAKS, "a request that it does not have", true, false },
	{ "id_idle", BREAKS, "a request that it does not have", true, false },
	{ "id_twice", BREAKS, "a request that it does not have", true, false },
	{ "idx_jump", BREAKS, "a request that it does not have", true, false },
	{ "len_long", BREAKS, "more than it may", true, false },
	{ "len_zero", BREAKS, "less than it has to", true, false },
	{ "no_output", BREAKS, "wrote no answer", true, false },
	{ "part_output", BREAKS, "wrote no answer", true, false },
	{ "no_status", BREAKS, "without a status", true, false },
	{ "overrun", BREAKS, "behind an answer", true, false },
	{ "hang", BREAKS, "did not come back in time", false, true },
	{ "ctrl_hang", BREAKS, "did not come back in time", false, true },
	{ "needs_reset", BREAKS, "wants a reset", true, false },
	{ "ones", BREAKS, "it has gone", true, false },
	{ "vanish", BREAKS, "it has gone", false, false },
	{ "go", TAKEN_OUT, "wants the device back", false, false },
	{ "bus_error", TAKEN_OUT, "the bus reports an error", false, false },
	{ "same_session", BREAKS, "two sessions one id", true, false },
	{ "lose_session", BREAKS, "does not know a session", false, false },
	{ "no_session_status", BREAKS, "request without a status", false, false },
	{ "idx_back", BREAKS, "a request that it does not have", true, false },
	{ "idx_far", BREAKS, "a request that it does not have", true, false },
	{ "len_max", BREAKS, "more than it may", true, false },
	{ "len_short", BREAKS, "less than it has to", true, false },
	{ "head_output", BREAKS, "wrote no answer", true, false },
	{ "tail_output", BREAKS, "wrote no answer", true, false },
	{ "overrun_far", BREAKS, "behind an answer", true, false },
	{ "late", BREAKS, "did not come back in time", false, true },
	{ "no_doorbell", BREAKS, "did not come back in time", false, true },
	{ "status_zero", BREAKS, "wants a reset", true, false },
	{ "status_failed", BREAKS, "wants a reset", true, false },
	{ "not_ready_now", TAKEN_OUT, "wants a reset", false, false },
	{ "session_huge", BREAKS, "does not know a session", false, false },
	{ "ctrl_id", BREAKS, "a control request that it does not", false,
	  false },
	{ "ctrl_jump", BREAKS, "a control request that it does not", false,
	  false },
	{ "ctrl_back", BREAKS, "a control request that it does not", false,
	  false },
	{ "ctrl_len", BREAKS, "more than it may", true, false },
	{ "error", ELSEWHERE, NULL, false, false },
	{ "status_odd", ELSEWHERE, NULL, false, false },
	{ "status_notsupp", ELSEWHERE, NULL, false, false },
	{ "status_nospc", ELSEWHERE, NULL, false, false },
	{ "status_badmsg", ELSEWHERE, NULL, false, false },
	{ "create_err", ELSEWHERE, NULL, false, false },
	{ "create_notsupp", ELSEWHERE, NULL, false, false },
	{ "create_nospc", ELSEWHERE, NULL, false, false },
	{ "create_odd", ELSEWHERE, NULL, false, false },
	{ "config", FINE, NULL, false, false },
	{ "used_flags", FINE, NULL, false, false },
	{ "irq_storm", FINE, NULL, false, false },
	{ "config_storm", FINE, NULL, false, false },
	{ "lost_irq", FINE, NULL, false, true },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void judge(const struct row *w, const struct errand e[2], struct rng *r)
{
	unsigned int right = is_right(&e[0]) + is_right(&e[1]);

	check(is_honest(&e[0]) && is_honest(&e[1]),
	      "%s: each job ends once, right or elsewhere", w->fault);
	if (w->outcome == BREAKS || w->outcome == TAKEN_OUT) {
		check(await_failure(), "%s: the device is taken out", w->fault);
		if (!check(was_said(w->why), "%s: since \"%s\"", w->fault,
			   w->why))
			note("it said: %s", said);
		check(right < 2 || w->outcome == TAKEN_OUT,
		      "%s: a job went elsewhere", w->fault);
		order("calm");
		check(provider->reset(self) == 0, "%s: a reset", w->fault);
	} else {
		check(right == (w->outcome == FINE ? 2 : 1),
		      "%s: %u of 2 were right", w->fault, right);
		check(failures == 0, "%s: it stays in", w->fault);
	}
	check(works(r), "%s: and then it works", w->fault);
}

/* A state, which is not counted. */
static bool is_lasting(const struct row *w)
{
	return strcmp(w->fault, "ones") == 0 ||
	       strcmp(w->fault, "vanish") == 0 ||
	       strcmp(w->fault, "no_doorbell") == 0;
}

static bool is_of_sessions(const struct row *w)
{
	return strncmp(w->fault, "create_", 7) == 0;
}

static void row(const struct row *w)
{
	unsigned int spent = fake_count().spent;
	char command[40];
	struct errand e[2];
	struct rng r;

	rng_init(&r, (uint64_t)(w - rows) + 1);
	if (w->late)
		timeout_ms = TIMEOUT_SHORT_MS;
	if (begin())
		check_bail("%s: it does not start: %s", w->fault, said);
	timeout_ms = TIMEOUT_MS;
	clear();
	if (!is_of_sessions(w)) /* then one never comes */
		order("gather=2");
	snprintf(command, sizeof(command), "%s=1", w->fault);
	order(command);
	for (unsigned int i = 0; i < 2; i++)
		prepare(&e[i], &r, NULL);
	for (unsigned int i = 0; i < 2; i++)
		submit(&e[i]);
	for (unsigned int i = 0; i < 2; i++)
		if (!await(&e[i]))
			check_bail("%s: a job is lost", w->fault);
	judge(w, e, &r);
	/* One that is not told by it may happen later. */
	for (uint64_t limit = now_ns() + WAIT_NS;
	     w->outcome == FINE && fake_count().spent == spent &&
	     now_ns() < limit;)
		check(works(&r), "%s: and again", w->fault);
	check(fake_count().spent > spent || is_lasting(w),
	      "%s: it did happen", w->fault);
	end();
}

/* --------------------------------------------------------------------- start */

static void refused(const char *fault, const char *why)
{
	provider = ukcf_provider_init(&host);
	order(fault);
	check(begin() < 0, "%s: it does not start", fault);
	check(was_said(why), "%s: since \"%s\"", fault, why);
	order("calm");
}

static const struct {
	const char *fault, *why;
} no_starts[] = {
	{ "no_version=1", "does not offer VERSION_1" },
	{ "no_platform=1", "VERSION_1 and ACCESS_PLATFORM" },
	{ "no_features=1", "refuses the features" },
	{ "not_ready=1", "not ready" },
	{ "no_reset=1", "its reset" },
	{ "ones=1", "its reset" },
	{ "vanish=1", "its reset" },
	{ "no_queues=1", "its queues" },
	{ "few_queues=1", "its queues" },
	{ "tiny_queue=1", "its queues" },
	{ "odd_size=1", "its queues" },
	{ "no_vector=1", "its queues" },
	{ "no_enable=1", "its queues" },
};

static void starts(void)
{
	for (size_t i = 0; i < sizeof(no_starts) / sizeof(no_starts[0]); i++)
		refused(no_starts[i].fault, no_starts[i].why);
	timeout_ms = TIMEOUT_SHORT_MS;
	refused("ctrl_hang=1", "its sessions");
	timeout_ms = TIMEOUT_MS;
	fake_leave_sessions(256);
	order("slow_reset=5");
	check(begin() == 0, "a slow reset is waited for");
	check(provider->n_offers == N_OFFERS, "it offers all: %u",
	      provider->n_offers);
	check(fake_count().sessions <= 30, "no session of before is left: %u",
	      fake_count().sessions);
	end();
}

/* What it does wrong when it is tried it does not offer. */
static void offers(void)
{
	provider = ukcf_provider_init(&host);
	order("no_ctr=1");
	check(begin() == 0 && !ops_of(UKCF_MECH_AES_128_CTR) &&
		      !ops_of(UKCF_MECH_AES_256_CTR) &&
		      ops_of(UKCF_MECH_AES_256_CBC),
	      "a mechanism that it has not is not offered");
	order("calm");
	end();
	order("no_raw=1");
	check(begin() == 0 && ops_of(UKCF_MECH_RSA_PKCS1) &&
		      ops_of(UKCF_MECH_RSA_PKCS1)->encrypt &&
		      !ops_of(UKCF_MECH_RSA_PKCS1)->decrypt,
	      "RSA that would tell of its padding decrypts nothing");
	order("calm");
	end();
	order("flip=1");
	check(begin() == 0 && !ops_of(UKCF_MECH_AES_128_CBC) &&
		      ops_of(UKCF_MECH_AES_192_CBC),
	      "nor one whose known answer is a bit wrong");
	end();
	check(begin() == 0 && provider->n_offers == N_OFFERS,
	      "the next time it is tried again");
	end();
}

/* ------------------------------------------------------------------ sessions */

static bool await_sessions(unsigned int n)
{
	uint64_t limit = now_ns() + WAIT_NS;

	while (fake_count().sessions != n && now_ns() < limit)
		probe_pause();
	return fake_count().sessions == n;
}

static bool await_sight(const uint8_t *bytes, size_t len)
{
	uint64_t limit = now_ns() + WAIT_NS;

	while (fake_sees(bytes, len) != 1 && now_ns() < limit)
		probe_pause();
	return fake_sees(bytes, len) == 1;
}

static void keys(void)
{
	unsigned int before, created;
	struct errand e, f;
	struct rng r;

	rng_init(&r, 100);
	begin();
	before = fake_count().sessions;
	created = fake_count().created;
	prepare(&e, &r, NULL);
	submit(&e);
	check(await(&e) && is_right(&e), "a job with a new key");
	prepare(&f, &r, e.key);
	submit(&f);
	check(await(&f) && is_right(&f), "another one with that key");
	check(fake_count().created == created + 1, "they share a session");
	check(fake_sees(e.key, sizeof(e.key)) == 0,
	      "the key is in no memory that the device sees");
	check(fake_sees(e.in, LEN) == 0 && fake_sees(e.right, LEN) == 0,
	      "nor is what it was used for");
	provider->forget_key(self, (struct ukcf_bytes){ f.key, 31 });
	provider->forget_key(self, (struct ukcf_bytes){ e.key, 32 });
	check(await_sessions(before), "a key is forgotten: its session goes");
	order("gather=2");
	prepare(&e, &r, NULL);
	prepare(&f, &r, NULL);
	submit(&e);
	check(await_sight(e.in, LEN),
	      "while a job is out the device sees its input");
	submit(&f);
	check(await(&e) && await(&f) && is_right(&e) && is_right(&f),
	      "and then both end");
	clear();
	order("keep_session=1");
	provider->forget_key(self, (struct ukcf_bytes){ e.key, 32 });
	check(await_failure() && was_said("a session that has to go"),
	      "a session that it does not let go of: it is taken out");
	check(provider->reset(self) == 0 && works(&r), "until it is reset");
	end();
}

/* Closed, and in none of what it saw. */
static bool await_wiped(const uint8_t *bytes, size_t len)
{
	uint64_t limit = now_ns() + WAIT_NS;

	while ((fake_count().open || fake_saw(bytes, len)) && now_ns() < limit)
		probe_pause();
	return !fake_count().open && fake_saw(bytes, len) == 0;
}

/* A device that is out, and not reset yet: nothing lies where it looked. */
static void leftovers(void)
{
	struct errand e;
	struct rng r;

	rng_init(&r, 114);
	begin();
	order("ctrl_hang=1");
	prepare(&e, &r, NULL);
	submit(&e);
	check(await_sight(e.key, sizeof(e.key)),
	      "while a session is made the device sees its key");
	order("vanish=1");
	check(await(&e) && is_honest(&e) && await_failure(),
	      "it goes before it has answered");
	check(await_wiped(e.key, sizeof(e.key)),
	      "then the key is nowhere that it saw");
	order("calm");
	check(provider->reset(self) == 0 && works(&r), "it is there again");
	end();

	timeout_ms = TIMEOUT_SHORT_MS;
	begin();
	order("late=1");
	prepare(&e, &r, NULL);
	submit(&e);
	check(await(&e) && e.status == UKCF_RETRY_ELSEWHERE && await_failure(),
	      "an answer that comes when its job has gone elsewhere");
	check(await_wiped(e.right, LEN), "is wiped, too");
	check(provider->reset(self) == 0 && works(&r), "and then it works");
	end();
	timeout_ms = TIMEOUT_MS;
}

/* More keys than mailboxes at once, and than sessions. */
static void many_keys(void)
{
	const unsigned int n = 2 * SESSIONS_MAX;
	static uint8_t used[2 * SESSIONS_MAX][32];
	unsigned int before, right = 0, most = 0;
	struct errand e;
	struct rng r;

	rng_init(&r, 101);
	begin();
	before = fake_count().sessions;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int now;

		prepare(&e, &r, NULL);
		memcpy(used[i], e.key, sizeof(e.key));
		submit(&e);
		right += await(&e) && is_right(&e);
		now = fake_count().sessions;
		most = now > most ? now : most;
	}
	check(right == n, "%u keys one after the other: %u were right", n,
	      right);
	check(most <= SESSIONS_MAX, "at most %u sessions: %u", SESSIONS_MAX,
	      most);
	for (unsigned int i = 0; i < n; i++)
		provider->forget_key(self, (struct ukcf_bytes){ used[i], 32 });
	/* Sessions of known answers may have gone, too. */
	check(before <= 30, "few at the start");
	for (uint64_t limit = now_ns() + WAIT_NS;
	     fake_count().sessions > before && now_ns() < limit;)
		probe_pause();
	check(fake_count().sessions <= before, "all of them are forgotten: %u",
	      fake_count().sessions);
	check(works(&r), "and it works");
	end();
}

/* --------------------------------------------------------------------- queue */

static void depths(void)
{
	struct errand e[DEPTH + 1];
	unsigned int right = 0, told;
	struct rng r;

	rng_init(&r, 102);
	begin();
	check(provider->depth == DEPTH, "it says its depth: %u",
	      provider->depth);
	order("gather=100");
	for (unsigned int i = 0; i <= DEPTH; i++)
		prepare(&e[i], &r, i ? e[0].key : NULL);
	for (unsigned int i = 0; i < DEPTH; i++)
		submit(&e[i]);
	check(ops_of(e[DEPTH].job.mech)->encrypt(self, &e[DEPTH].job) ==
		      UKCF_BUSY,
	      "one more than that finds no room");
	told = fake_count().notified;
	order("gather=0");
	for (unsigned int i = 0; i < DEPTH; i++)
		right += await(&e[i]) && is_right(&e[i]);
	check(right == DEPTH, "the others end: %u", right);
	check(fake_count().notified <= told + DEPTH,
	      "no more doorbells than jobs");
	submit(&e[DEPTH]);
	check(await(&e[DEPTH]) && is_right(&e[DEPTH]), "and then it fits");
	end();
}

/* A device whose queue holds fewer jobs than it could be given. */
static void small_queue(void)
{
	struct errand e[DEPTH];
	unsigned int n = 0, right = 0;
	struct rng r;

	rng_init(&r, 108);
	provider = ukcf_provider_init(&host);
	order("small_queue=1");
	if (begin())
		check_bail("it does not start: %s", said);
	order("gather=100");
	for (unsigned int i = 0; i < DEPTH; i++)
		prepare(&e[i], &r, i ? e[0].key : NULL);
	while (n < DEPTH && ops_of(e[n].job.mech)->encrypt(self, &e[n].job) ==
				    UKCF_QUEUED)
		n++;
	check(n == 4, "16 descriptors are room for 4 jobs: %u", n);
	order("gather=0");
	for (unsigned int i = 0; i < n; i++)
		right += await(&e[i]) && is_right(&e[i]);
	check(right == n, "which end: %u", right);
	check(failures == 0, "and it is told nothing that is not there");
	order("calm");
	end();
}

/* --------------------------------------------- messages longer than a buffer */

#define LONG 20001u

static uint8_t message[LONG], sealed[LONG + 16], right[LONG + 16],
	opened[LONG + 16];

static enum ukcf_status run(struct errand *e)
{
	const struct ukcf_mech_ops *ops = ops_of(e->job.mech);

	e->ended = 0;
	if ((e->job.op == UKCF_OP_ENCRYPT ? ops->encrypt : ops->decrypt)(
		    self, &e->job) != UKCF_QUEUED)
		check_bail("it was not queued");
	if (!await(e))
		check_bail("a job is lost");
	return e->status;
}

/* As libcrypto does it, and back, into another place and in place. */
static void piecewise(uint32_t mech, const EVP_CIPHER *cipher, int padded,
		      size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct errand e;
	struct rng r;
	int n, rest;

	rng_init(&r, 110);
	prepare(&e, &r, NULL);
	rng_fill(&r, message, len);
	memset(e.iv, 0xff, sizeof(e.iv)); /* counters carry */
	if (!EVP_EncryptInit_ex(ctx, cipher, NULL, e.key, e.iv) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, padded) ||
	    !EVP_EncryptUpdate(ctx, right, &n, message, (int)len) ||
	    !EVP_EncryptFinal_ex(ctx, right + n, &rest))
		check_bail("libcrypto");
	EVP_CIPHER_CTX_free(ctx);
	e.job.mech = mech;
	e.job.in = (struct ukcf_bytes){ message, len };
	e.job.out = sealed;
	e.job.out_size = sizeof(sealed);
	check(run(&e) == UKCF_DONE && e.job.res == n + rest &&
		      memcmp(sealed, right, (size_t)(n + rest)) == 0,
	      "%s: %zu bytes through buffers of 4096",
	      EVP_CIPHER_get0_name(cipher), len);
	memcpy(opened, sealed, sizeof(opened));
	e.job.op = UKCF_OP_DECRYPT;
	e.job.in = (struct ukcf_bytes){ opened, (size_t)(n + rest) };
	e.job.out = opened;
	check(run(&e) == UKCF_DONE && e.job.res == (int64_t)len &&
		      memcmp(opened, message, len) == 0,
	      "%s: and back, in place", EVP_CIPHER_get0_name(cipher));
}

static void pieces(void)
{
	struct errand e;
	struct rng r;

	buffer_kib = "4";
	begin();
	buffer_kib = NULL;
	piecewise(UKCF_MECH_AES_256_CBC, EVP_aes_256_cbc(), 0, 20000);
	piecewise(UKCF_MECH_AES_256_CBC_PAD, EVP_aes_256_cbc(), 1, 20000);
	piecewise(UKCF_MECH_AES_256_CBC_PAD, EVP_aes_256_cbc(), 1, 4096);
	piecewise(UKCF_MECH_AES_256_CBC_PAD, EVP_aes_256_cbc(), 1, LONG);
	piecewise(UKCF_MECH_AES_256_CTR, EVP_aes_256_ctr(), 0, LONG);
	rng_init(&r, 111);
	prepare(&e, &r, NULL);
	e.job.mech = UKCF_MECH_AES_128_XTS;
	e.job.in = (struct ukcf_bytes){ message, 4097 };
	e.job.out = sealed;
	e.job.out_size = sizeof(sealed);
	check(run(&e) == UKCF_RETRY_ELSEWHERE,
	      "a data unit of XTS that does not fit goes elsewhere");
	end();
}

/* ------------------------------------------------------------------- numbers */

#define MODULUS 256u
#define NUMBERS_MAX 20000u /* one in 256 begins with a zero */

static bool opens(EVP_PKEY *key, const uint8_t *in, const struct errand *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = sizeof(opened);
	bool right_one = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
			 EVP_PKEY_decrypt(ctx, opened, &len, in, MODULUS) > 0 &&
			 len == LEN && memcmp(opened, e->in, LEN) == 0;

	EVP_PKEY_CTX_free(ctx);
	return right_one;
}

/* What is not written are zeros; the device is not to blame. */
static void numbers(void)
{
	EVP_PKEY *key = EVP_RSA_gen(8 * MODULUS);
	uint8_t der[512], *end_of = der;
	bool all_right = true;
	struct errand e;
	unsigned int n = 0, before;
	struct rng r;
	int len = key ? i2d_PublicKey(key, &end_of) : -1;

	if (len < 0)
		check_bail("libcrypto makes no key");
	if (begin())
		check_bail("it does not start: %s", said);
	rng_init(&r, 120);
	prepare(&e, &r, NULL);
	e.job.mech = UKCF_MECH_RSA_PKCS1;
	e.job.key = (struct ukcf_bytes){ der, (size_t)len };
	e.job.param = (struct ukcf_bytes){ NULL, 0 };
	e.job.out = sealed;
	e.job.out_size = MODULUS;
	before = fake_count().trimmed;
	for (; all_right && n < NUMBERS_MAX && fake_count().trimmed == before;
	     n++)
		all_right = run(&e) == UKCF_DONE && e.job.res == MODULUS &&
			    (sealed[0] || opens(key, sealed, &e));
	check(all_right && n < NUMBERS_MAX && sealed[0] == 0,
	      "a number that begins with zeros, after %u: it is whole, and "
	      "the device works", n);
	EVP_PKEY_free(key);
	end();
}

/* ------------------------------------------------------------- shared memory */

#define SHARED_LEN 65536u

static uint8_t *pages(size_t len)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		check_bail("no memory");
	return p;
}

/* A consumer's two buffers, and a job in them. */
struct shared {
	uint8_t *in, *out;
	struct errand e;
};

static void share(struct shared *s)
{
	s->in = pages(SHARED_LEN);
	s->out = pages(SHARED_LEN);
	if (provider->share(self, s->in, SHARED_LEN, 0) ||
	    provider->share(self, s->out, SHARED_LEN, 1))
		check_bail("the buffers are not shared");
}

static void end_sharing(struct shared *s)
{
	provider->unshare(self, s->in);
	provider->unshare(self, s->out);
	munmap(s->in, SHARED_LEN);
	munmap(s->out, SHARED_LEN);
}

static void prepare_shared(struct shared *s, struct rng *r)
{
	prepare(&s->e, r, NULL);
	memcpy(s->in, s->e.in, LEN);
	memset(s->out, 0, LEN);
	s->e.job.in.data = s->in;
	s->e.job.out = s->out;
}

static unsigned int shared_jobs(void)
{
	unsigned int n;

	pthread_mutex_lock(&lock);
	n = counted;
	pthread_mutex_unlock(&lock);
	return n;
}

static bool is_shared_right(struct shared *s)
{
	memcpy(s->e.out, s->out, LEN);
	return is_right(&s->e);
}

/* It works where the bytes are, and nowhere else. */
static void in_place(struct shared *s, struct rng *r)
{
	unsigned int before = shared_jobs();
	struct errand other;

	order("gather=2");
	prepare_shared(s, r);
	submit(&s->e);
	check(await_sight(s->e.in, LEN),
	      "the device sees the message in one place: there is no copy");
	prepare(&other, r, NULL);
	submit(&other);
	check(await(&s->e) && await(&other) && is_shared_right(s) &&
		      is_right(&other),
	      "and makes the answer there, beside one that is copied");
	check(shared_jobs() == before + 1, "the one of the two is counted");
	prepare_shared(s, r);
	s->e.job.out = s->in; /* which it may not write */
	submit(&s->e);
	check(await(&s->e) && s->e.status == UKCF_DONE &&
		      memcmp(s->in, s->e.right, LEN) == 0,
	      "in place, and read-only: through a copy");
	check(shared_jobs() == before + 1, "which is not counted");
}

/* What becomes of a job that the device has not ended. */
static void late_in_place(struct shared *s, struct rng *r, const char *fault)
{
	uint8_t then[LEN];

	clear();
	prepare_shared(s, r);
	order(fault);
	submit(&s->e);
	check(await(&s->e) && is_honest(&s->e) && s->e.status != UKCF_DONE,
	      "%s: it ends elsewhere", fault);
	check(!fake_reaches(s->out, SHARED_LEN),
	      "%s: when the device reaches the buffer no more", fault);
	memcpy(then, s->out, LEN);
	order("calm");
	check(provider->reset(self) == 0 && works(r), "%s: a reset", fault);
	check(memcmp(then, s->out, LEN) == 0,
	      "%s: nothing was written there since", fault);
	check(fake_reaches(s->in, SHARED_LEN) &&
		      fake_reaches(s->out, SHARED_LEN),
	      "%s: and the buffers are its again", fault);
	prepare_shared(s, r);
	submit(&s->e);
	check(await(&s->e) && is_shared_right(s), "%s: and work", fault);
}

/* Poison in shared memory: the consumer may have written it there. */
static void scribbled(struct shared *s, struct rng *r)
{
	unsigned int before = shared_jobs();

	clear();
	prepare_shared(s, r);
	order("no_output=1");
	submit(&s->e);
	check(await(&s->e) && is_shared_right(s),
	      "no answer where a consumer writes, too: it is done in a copy");
	check(shared_jobs() == before, "which is not counted");
	check(failures == 0 && works(r), "and the device is not to blame");
}

/* Nothing that the device reaches is a page of a key; if one were it would be
 * seen. */
static void key_pages(struct shared *s, struct rng *r)
{
	uint8_t *secret = secmem_alloc(4096);

	if (!secret)
		check_bail("no secure memory");
	prepare_shared(s, r);
	memcpy(secret, s->e.key, sizeof(s->e.key));
	s->e.job.key.data = secret;
	submit(&s->e);
	check(await(&s->e) && is_shared_right(s), "with a key in secure memory");
	check(!fake_reaches(secret, 4096), "which the device does not reach");
	if (provider->share(self, secret, 4096, 0))
		check_bail("it is not shared");
	check(fake_reaches(secret, 4096), "one that is mapped is found");
	provider->unshare(self, secret);
	secmem_free(secret, 4096);
}

static void in_shared_memory(void)
{
	struct shared s, more;
	struct rng r;

	rng_init(&r, 120);
	check(begin() == 0 && provider->share(self, &r, 4096, 0) ==
				      -EOPNOTSUPP,
	      "unless it is configured nothing is shared");
	end();
	share_min = "64";
	timeout_ms = TIMEOUT_SHORT_MS;
	begin();
	share(&s);
	in_place(&s, &r);
	key_pages(&s, &r);
	late_in_place(&s, &r, "hang=1");
	late_in_place(&s, &r, "late=1");
	late_in_place(&s, &r, "no_output=2"); /* not where nobody else writes */
	scribbled(&s, &r);
	share(&more);
	check(fake_reaches(more.in, SHARED_LEN), "more is shared");
	end_sharing(&more);
	check(!fake_reaches(more.in, SHARED_LEN), "and is its no more");
	end_sharing(&s);
	check(works(&r), "without them it works");
	end();
	share_min = NULL;
	timeout_ms = TIMEOUT_MS;
}

/* --------------------------------------------------------- resets under load */

struct load {
	pthread_t thread;
	uint64_t stream;
	uint32_t *stop; /* atomic */
	unsigned int right, elsewhere, dishonest;
};

static void *load_main(void *arg)
{
	struct load *l = arg;
	struct errand e;
	struct rng r;

	rng_init(&r, l->stream);
	while (!__atomic_load_n(l->stop, __ATOMIC_ACQUIRE)) {
		prepare(&e, &r, NULL);
		submit(&e);
		if (!await(&e) || !is_honest(&e))
			l->dishonest++;
		else if (is_right(&e))
			l->right++;
		else
			l->elsewhere++;
		if (e.status == UKCF_FAILED)
			probe_pause();
	}
	return NULL;
}

static void resets(void)
{
	static const char *const troubles[] = { "hang=1", "idx_jump=1",
						"no_status=1", "ones=1",
						"needs_reset=1", "config=1" };
	const uint64_t n = scaled(60, 1000);
	struct load loads[2];
	uint32_t stop = 0;
	uint64_t back = 0;
	struct rng r;

	rng_init(&r, 103);
	begin();
	for (unsigned int i = 0; i < 2; i++) {
		loads[i] = (struct load){ .stream = 104 + i, .stop = &stop };
		pthread_create(&loads[i].thread, NULL, load_main, &loads[i]);
	}
	for (uint64_t i = 0; i < n; i++) {
		if (rng_below(&r, 2))
			order(troubles[rng_below(&r, 6)]);
		for (uint64_t k = rng_below(&r, 3); k--;)
			probe_pause();
		order("calm");
		back += provider->reset(self) == 0;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(loads[i].thread, NULL);
	check(back == n, "%llu of %llu resets under load",
	      (unsigned long long)back, (unsigned long long)n);
	check(loads[0].dishonest + loads[1].dishonest == 0,
	      "none lost, none wrong: %u right, %u elsewhere",
	      loads[0].right + loads[1].right,
	      loads[0].elsewhere + loads[1].elsewhere);
	check(loads[0].right + loads[1].right > 0, "and some were right");
	order("calm");
	check(provider->reset(self) == 0 && works(&r), "then it works");
	end();
}

/* A machine that stands still for longer than a request may take. */
static void stands_still(void)
{
	uint64_t end;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getppid();

		if (kill(parent, SIGSTOP))
			_exit(1);
		end = now_ns() + 3 * TIMEOUT_SHORT_NS;
		while (now_ns() < end)
			probe_pause();
		_exit(kill(parent, SIGCONT) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		check_bail("this process cannot be stopped");
}

static void standstill(void)
{
	struct errand e[2];
	unsigned int told;
	struct rng r;

	rng_init(&r, 112);
	timeout_ms = TIMEOUT_SHORT_MS;
	begin();
	order("gather=2"); /* it waits for the second one */
	told = fake_count().notified;
	prepare(&e[0], &r, NULL);
	submit(&e[0]);
	while (fake_count().notified == told)
		probe_pause();
	stands_still();
	prepare(&e[1], &r, NULL);
	submit(&e[1]);
	check(await(&e[0]) && await(&e[1]) && is_right(&e[0]) &&
		      is_right(&e[1]),
	      "a machine stands still: the device is not to blame");
	check(!was_said("in time"), "nor is it said to be");
	end();
	timeout_ms = TIMEOUT_MS;
}

/* A job that is refused says that the provider is broken, so none is before the
 * host has heard what happened. */
static void hears_first(void)
{
	struct errand e, at_once;
	struct rng r;

	rng_init(&r, 107);
	begin();
	order("needs_reset=1");
	prepare(&at_once, &r, NULL);
	at_news = &at_once;
	prepare(&e, &r, NULL);
	submit(&e);
	check(await(&e) && await_failure(), "the device is in trouble");
	at_news = NULL;
	check(await(&at_once) && at_once.status == UKCF_RETRY_ELSEWHERE,
	      "a job of when the host hears of it goes elsewhere");
	order("calm");
	check(provider->reset(self) == 0 && works(&r), "and then it works");
	end();
}

/* It does not come back before it is there again. */
static void leaves(void)
{
	struct errand e;
	struct rng r;

	rng_init(&r, 106);
	begin();
	order("go=1");
	prepare(&e, &r, NULL);
	submit(&e);
	await(&e);
	check(is_honest(&e) && await_failure(), "the device is wanted back");
	check(provider->reset(self) == -ENODEV, "no reset while it is away");
	prepare(&e, &r, NULL);
	submit(&e);
	check(await(&e) && e.status == UKCF_FAILED, "nor a job");
	order("calm");
	check(provider->reset(self) == 0 && works(&r), "it is there again");
	end();
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "starts", starts }, { "offers", offers }, { "keys", keys },
	{ "leftovers", leftovers },
	{ "many_keys", many_keys }, { "depths", depths }, { "small_queue", small_queue },
	{ "pieces", pieces },
	{ "numbers", numbers },
	{ "in_shared_memory", in_shared_memory },
	{ "resets", resets }, { "standstill", standstill },
	{ "hears_first", hears_first }, { "leaves", leaves },
};

static bool is_asked(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--checks") == 0) {
		for (size_t i = 0; i < N_ROWS; i++)
			if (rows[i].checked)
				puts(rows[i].fault);
		return 0;
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (is_asked(rows[i].fault, argc, argv))
			row(&rows[i]);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (is_asked(tests[i].name, argc, argv))
			tests[i].run();
	return check_done();
}
