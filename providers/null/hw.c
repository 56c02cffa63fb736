/* SPDX-License-Identifier: MIT */
/*
 * Pretend hardware: a provider of kind hardware with a bounded queue and an
 * interrupt thread of its own, whose troubles come on command.  Its answers
 * are right (libsodium's), so that what follows from trouble can be told from
 * what follows from a wrong answer.  Built as several modules, to have several
 * devices.  ukcf-null(7) has the options and commands.
 */
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ukcf/provider.h>

#define DEPTH_DEFAULT 16
#define DEPTH_MAX 256
#define PAUSE_MAX_MS 600000
#define PATTERN 0x5a
#define LOG_ERR 3

/* One job in the device. */
struct slot {
	struct ukcf_job *job;
	uint64_t due_ns;
	bool hung; /* never due, until release */
};

struct ukcf_instance {
	const struct ukcf_host *host;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t more;
	pthread_cond_t handed; /* answering has ended */
	pthread_cond_t told;   /* a command has come */
	struct slot slots[DEPTH_MAX];
	unsigned int n;
	uint64_t depth, delay_us, jitter_us, reset_ms, stop_ms;
	uint64_t busy, fail, broken, hang, wrong; /* so many more times */
	bool vanished, stopping;
	bool answering; /* a job is with the interrupt thread */
	uint64_t random;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* xorshift64 (Marsaglia): chance that needs no quality */
static uint64_t draw(struct ukcf_instance *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

static bool spend(uint64_t *times)
{
	if (*times == 0)
		return false;
	--*times;
	return true;
}

/* ---------------------------------------------------------------- answers */

static const unsigned char *bytes(struct ukcf_bytes b)
{
	static const unsigned char none[1];

	return b.len ? b.data : none;
}

static void produce(struct ukcf_job *job, const uint8_t *from, size_t len)
{
	if (job->out_size < len) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return;
	}
	memcpy(job->out, from, len);
	job->res = (int64_t)len;
}

static void ed25519_sign(struct ukcf_job *job)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	uint8_t sig[crypto_sign_BYTES];

	crypto_sign_seed_keypair(pk, sk, bytes(job->key));
	crypto_sign_detached(sig, NULL, bytes(job->in), job->in.len, sk);
	sodium_memzero(sk, sizeof(sk));
	produce(job, sig, sizeof(sig));
}

static void refuse(struct ukcf_job *job)
{
	job->res = -EBADMSG;
	job->detail = UKCF_DETAIL_AUTH;
}

static void sha2_256(struct ukcf_job *job)
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, bytes(job->in), job->in.len);
	produce(job, digest, sizeof(digest));
}

static void hmac(struct ukcf_job *job, uint8_t tag[32])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, bytes(job->key), job->key.len);
	crypto_auth_hmacsha256_update(&st, bytes(job->in), job->in.len);
	crypto_auth_hmacsha256_final(&st, tag);
	sodium_memzero(&st, sizeof(st));
}

static void hmac_make(struct ukcf_job *job)
{
	uint8_t tag[32];

	hmac(job, tag);
	produce(job, tag, job->tag_len <= 32 ? job->tag_len : 32);
	sodium_memzero(tag, sizeof(tag));
}

static void hmac_verify(struct ukcf_job *job)
{
	uint8_t tag[32];

	hmac(job, tag);
	job->res = 0;
	if (job->tag.len > 32 ||
	    sodium_memcmp(tag, bytes(job->tag), job->tag.len) != 0)
		refuse(job);
	sodium_memzero(tag, sizeof(tag));
}

static void chacha_encrypt(struct ukcf_job *job)
{
	unsigned long long len = 0;

	if (job->out_size < job->in.len + 16) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return;
	}
	crypto_aead_chacha20poly1305_ietf_encrypt(
		job->out, &len, bytes(job->in), job->in.len, bytes(job->aux),
		job->aux.len, NULL, bytes(job->param), bytes(job->key));
	job->res = (int64_t)len;
}

static void chacha_decrypt(struct ukcf_job *job)
{
	unsigned long long len = 0;

	if (job->in.len < 16 ||
	    crypto_aead_chacha20poly1305_ietf_decrypt(
		    job->out, &len, NULL, bytes(job->in), job->in.len,
		    bytes(job->aux), job->aux.len, bytes(job->param),
		    bytes(job->key)) != 0)
		refuse(job);
	else
		job->res = (int64_t)len;
}

static void ed25519_verify(struct ukcf_job *job)
{
	if (job->tag.len == crypto_sign_BYTES &&
	    crypto_sign_verify_detached(job->tag.data, bytes(job->in),
					job->in.len, job->key.data) == 0)
		job->res = 0;
	else
		refuse(job);
}

static void pattern(struct ukcf_job *job)
{
	uint8_t p[32];

	memset(p, PATTERN, sizeof(p));
	produce(job, p, sizeof(p));
}

static const struct {
	uint32_t mech, op;
	void (*answer)(struct ukcf_job *job);
} answers[] = {
	{ UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, sha2_256 },
	{ UKCF_MECH_HMAC_SHA2_256, UKCF_OP_MAC, hmac_make },
	{ UKCF_MECH_HMAC_SHA2_256, UKCF_OP_MAC_VERIFY, hmac_verify },
	{ UKCF_MECH_CHACHA20_POLY1305, UKCF_OP_ENCRYPT, chacha_encrypt },
	{ UKCF_MECH_CHACHA20_POLY1305, UKCF_OP_DECRYPT, chacha_decrypt },
	{ UKCF_MECH_ED25519, UKCF_OP_SIGN, ed25519_sign },
	{ UKCF_MECH_ED25519, UKCF_OP_VERIFY, ed25519_verify },
	{ UKCF_MECH_NULL_DIGEST, UKCF_OP_DIGEST, pattern },
};

static void answer(struct ukcf_job *job)
{
	job->res = -EOPNOTSUPP;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].mech == job->mech && answers[i].op == job->op)
			answers[i].answer(job);
}

/* One bit of the output, or the verdict. */
static void falsify(struct ukcf_job *job)
{
	if (job->res > 0)
		job->out[0] ^= 1;
	else
		job->res = job->res == 0 ? -EBADMSG : 0;
}

/* -------------------------------------------------------------- the device */

/* Locked.  The place of the next one that is due, or -1 and when. */
static int next_due(const struct ukcf_instance *d, uint64_t *at)
{
	int best = -1;

	*at = UINT64_MAX;
	for (unsigned int i = 0; i < d->n; i++) {
		if (d->slots[i].hung || d->slots[i].due_ns >= *at)
			continue;
		*at = d->slots[i].due_ns;
		best = (int)i;
	}
	return *at <= now_ns() ? best : -1;
}

static struct ukcf_job *take_out(struct ukcf_instance *d, unsigned int i)
{
	struct ukcf_job *job = d->slots[i].job;

	d->slots[i] = d->slots[--d->n];
	return job;
}

/* Locked; let go while the answer is made and handed over. */
static void interrupt(struct ukcf_instance *d, unsigned int i)
{
	struct ukcf_job *job = take_out(d, i);
	bool wrong = false;

	job->status = UKCF_DONE;
	if (d->vanished || spend(&d->broken))
		job->status = UKCF_FAILED;
	else if (spend(&d->fail))
		job->status = UKCF_RETRY_ELSEWHERE;
	else
		wrong = spend(&d->wrong);
	d->answering = true;
	pthread_mutex_unlock(&d->lock);
	if (job->status == UKCF_DONE)
		answer(job);
	if (wrong)
		falsify(job);
	d->host->complete(d->host->host, job);
	pthread_mutex_lock(&d->lock);
	d->answering = false;
	pthread_cond_broadcast(&d->handed);
}

static void wait_until(pthread_cond_t *cond, struct ukcf_instance *d,
		       uint64_t at)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(at / 1000000000u),
		.tv_nsec = (long)(at % 1000000000u),
	};

	if (at == UINT64_MAX)
		pthread_cond_wait(cond, &d->lock);
	else
		pthread_cond_timedwait(cond, &d->lock, &ts);
}

static void *interrupt_thread(void *arg)
{
	struct ukcf_instance *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		uint64_t at;
		int i = next_due(d, &at);

		if (i >= 0)
			interrupt(d, (unsigned int)i);
		else
			wait_until(&d->more, d, at);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static enum ukcf_status submit(struct ukcf_instance *d, struct ukcf_job *job)
{
	enum ukcf_status status = UKCF_QUEUED;
	uint64_t jitter;

	pthread_mutex_lock(&d->lock);
	if (d->vanished) {
		status = UKCF_FAILED;
	} else if (spend(&d->busy) || d->n >= d->depth) {
		status = UKCF_BUSY;
	} else {
		jitter = d->jitter_us ? draw(d) % (d->jitter_us * 1000) : 0;
		d->slots[d->n++] = (struct slot){
			.job = job,
			.due_ns = now_ns() + d->delay_us * 1000 + jitter,
			.hung = spend(&d->hang),
		};
		pthread_cond_signal(&d->more);
	}
	pthread_mutex_unlock(&d->lock);
	return status;
}

/* ---------------------------------------------------------------- commands */

/* Everything in it is due now. */
static void release(struct ukcf_instance *d)
{
	for (unsigned int i = 0; i < d->n; i++) {
		d->slots[i].hung = false;
		d->slots[i].due_ns = 0;
	}
}

static void vanish(struct ukcf_instance *d)
{
	d->vanished = true;
	release(d); /* and fails */
}

static void come_back(struct ukcf_instance *d)
{
	d->vanished = false;
}

static void forget_troubles(struct ukcf_instance *d)
{
	d->busy = d->fail = d->broken = d->hang = d->wrong = 0;
}

static const struct {
	const char *name;
	void (*run)(struct ukcf_instance *d);
} words[] = {
	{ "release", release },
	{ "vanish", vanish },
	{ "back", come_back },
	{ "calm", forget_troubles },
};

#define AT(m) offsetof(struct ukcf_instance, m)

static const struct {
	const char *name;
	size_t at;
	uint64_t min, max;
} numbers[] = {
	{ "depth", AT(depth), 1, DEPTH_MAX },
	{ "delay_us", AT(delay_us), 0, 10000000 },
	{ "jitter_us", AT(jitter_us), 0, 10000000 },
	{ "busy", AT(busy), 0, UINT64_MAX },
	{ "fail", AT(fail), 0, UINT64_MAX },
	{ "broken", AT(broken), 0, UINT64_MAX },
	{ "hang", AT(hang), 0, UINT64_MAX },
	{ "wrong", AT(wrong), 0, UINT64_MAX },
	{ "reset_ms", AT(reset_ms), 0, PAUSE_MAX_MS },
	{ "stop_ms", AT(stop_ms), 0, PAUSE_MAX_MS },
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int set_number(struct ukcf_instance *d, size_t i, const char *text)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end ||
	    v < numbers[i].min || v > numbers[i].max)
		return -EINVAL;
	*(uint64_t *)(void *)((char *)d + numbers[i].at) = v;
	return 0;
}

/* Locked. */
static int command(struct ukcf_instance *d, const char *text)
{
	const char *value = strchr(text, '=');
	size_t len = value ? (size_t)(value - text) : strlen(text);

	for (size_t i = 0; !value && i < sizeof(words) / sizeof(words[0]);
	     i++) {
		if (strcmp(words[i].name, text) != 0)
			continue;
		words[i].run(d);
		return 0;
	}
	for (size_t i = 0; value && i < N_NUMBERS; i++)
		if (strlen(numbers[i].name) == len &&
		    strncmp(numbers[i].name, text, len) == 0)
			return set_number(d, i, value + 1);
	return -EINVAL;
}

static int control(struct ukcf_instance *d, const char *text)
{
	int err;

	pthread_mutex_lock(&d->lock);
	err = command(d, text);
	pthread_cond_signal(&d->more);
	pthread_cond_broadcast(&d->told);
	pthread_mutex_unlock(&d->lock);
	if (!err && strcmp(text, "vanish") == 0)
		d->host->notify(d->host->host, UKCF_PROVIDER_FAILED);
	return err;
}

/* Locked.  Until *ms is over, or is set to 0. */
static void take_time(struct ukcf_instance *d, const uint64_t *ms)
{
	uint64_t end = now_ns() + *ms * 1000000;

	while (*ms && now_ns() < end)
		wait_until(&d->told, d, end);
}

/* What is in it is forgotten; the device itself may still be gone. */
static int reset(struct ukcf_instance *d)
{
	int err;

	pthread_mutex_lock(&d->lock);
	d->n = 0;
	while (d->answering)
		pthread_cond_wait(&d->handed, &d->lock);
	err = d->vanished ? -ENODEV : 0;
	take_time(d, &d->reset_ms);
	pthread_mutex_unlock(&d->lock);
	return err;
}

/* -------------------------------------------------------------- life cycle */

static int read_options(struct ukcf_instance *d)
{
	for (size_t i = 0; i < N_NUMBERS; i++) {
		const char *text = d->host->option(d->host->host,
						   numbers[i].name);

		if (!text || set_number(d, i, text) == 0)
			continue;
		d->host->log(d->host->host, LOG_ERR, "option %s: %llu to %llu",
			     numbers[i].name,
			     (unsigned long long)numbers[i].min,
			     (unsigned long long)numbers[i].max);
		return -EINVAL;
	}
	return 0;
}

static struct ukcf_provider provider;

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	struct ukcf_instance *d = calloc(1, sizeof(*d));
	pthread_condattr_t attr;
	int err;

	if (!d)
		return -ENOMEM;
	d->host = host;
	d->depth = DEPTH_DEFAULT;
	d->delay_us = 20;
	d->random = 88172645463325252u; /* any but 0 */
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->more, &attr);
	pthread_cond_init(&d->told, &attr);
	pthread_cond_init(&d->handed, NULL);
	pthread_condattr_destroy(&attr);
	err = read_options(d);
	provider.depth = (uint32_t)d->depth;
	if (!err)
		err = -pthread_create(&d->thread, NULL, interrupt_thread, d);
	if (err) {
		free(d);
		return err;
	}
	*self = d;
	return 0;
}

static void stop(struct ukcf_instance *d)
{
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_mutex_lock(&d->lock);
	take_time(d, &d->stop_ms);
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&d->told);
	pthread_cond_destroy(&d->handed);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static const struct ukcf_mech_ops sign_ops = { .sign = submit,
					       .verify = submit };
static const struct ukcf_mech_ops digest_ops = { .digest = submit };
static const struct ukcf_mech_ops mac_ops = { .mac = submit,
					      .mac_verify = submit };
static const struct ukcf_mech_ops aead_ops = { .encrypt = submit,
					       .decrypt = submit };

/* What it declares keeps software in front: it is chosen when software is
 * busy, slow or out, or when hardware is asked for. */
#define COST .cost_ns = 30000, .cost_ps_per_byte = 100

static const struct ukcf_offer offers[] = {
	{ .mech = UKCF_MECH_SHA2_256, .ops = &digest_ops, COST },
	{ .mech = UKCF_MECH_HMAC_SHA2_256, .ops = &mac_ops, COST },
	{ .mech = UKCF_MECH_CHACHA20_POLY1305, .ops = &aead_ops, COST },
	{ .mech = UKCF_MECH_ED25519,
	  .flags = UKCF_OFFER_SLOW,
	  .ops = &sign_ops,
	  .cost_ns = 200000 },
	{ .mech = UKCF_MECH_NULL_DIGEST, .ops = &digest_ops, COST },
};

static struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = NULLHW_NAME,
	.description = "pretend hardware: tests of queues and failover",
	.version = "1",
	.kind = UKCF_PROVIDER_HARDWARE,
	.n_offers = sizeof(offers) / sizeof(offers[0]),
	.offers = offers,
	.start = start,
	.stop = stop,
	.control = control,
	.reset = reset,
};

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	if (sodium_init() < 0) {
		host->log(host->host, LOG_ERR, "libsodium cannot start");
		return NULL;
	}
	return &provider;
}
