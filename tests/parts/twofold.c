/* SPDX-License-Identifier: MIT */
/*
 * A provider that does ChaCha20-Poly1305 and HMAC-SHA-256 in one job, and one by
 * one at a price.  For tests: it fails on command, and is wrong if it is
 * configured to be.
 *
 *	order = plain	the MAC is of the plaintext
 *	order = early	decrypted before the MAC was compared
 *	cost_ns		of a native job
 *	each_ns		of one of a single mechanism
 *	offer = old	built before there were dual offers
 *	offer = absent, empty, flags, class, alone, hardware
 *			a description that is to be refused
 *	retry=N, fail=N, long=N	so many native ones are for another provider,
 *			break it, or claim more bytes than there was room for
 *	pass=N, break=N	so many single ones are for another provider, or break
 *			it
 *	hold, release	native ones wait
 *	holds		refused unless one does
 */
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/provider.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards: */
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static unsigned long retry, fail, too_long, pass, breaks;
static bool held;
static unsigned int waiting;

static bool plain_order, early;

static const unsigned char *bytes(struct ukcf_bytes b)
{
	static const unsigned char none[1];

	return b.len ? b.data : none;
}

static bool spend(unsigned long *times)
{
	bool some = *times;

	*times -= some;
	return some;
}

/* What was asked for of the next single one. */
static enum ukcf_status trouble_of_one(void)
{
	enum ukcf_status status = UKCF_DONE;

	pthread_mutex_lock(&lock);
	if (spend(&pass))
		status = UKCF_RETRY_ELSEWHERE;
	else if (spend(&breaks))
		status = UKCF_FAILED;
	pthread_mutex_unlock(&lock);
	return status;
}

static enum ukcf_status done(struct ukcf_job *job, int64_t res)
{
	job->res = res;
	job->detail = res == -EBADMSG ? UKCF_DETAIL_AUTH : UKCF_DETAIL_NONE;
	return UKCF_DONE;
}

static enum ukcf_status seal(struct ukcf_instance *self, struct ukcf_job *job)
{
	unsigned long long len;

	(void)self;
	if (job->out_size < job->in.len + 16)
		return done(job, -ENOBUFS);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		job->out, &len, bytes(job->in), job->in.len, bytes(job->aux),
		job->aux.len, NULL, bytes(job->param), bytes(job->key));
	return done(job, (int64_t)len);
}

static enum ukcf_status open_(struct ukcf_instance *self, struct ukcf_job *job)
{
	unsigned long long len;

	(void)self;
	if (job->in.len < 16 || job->out_size < job->in.len - 16)
		return done(job, -EBADMSG);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		    job->out, &len, NULL, bytes(job->in), job->in.len,
		    bytes(job->aux), job->aux.len, bytes(job->param),
		    bytes(job->key)))
		return done(job, -EBADMSG);
	return done(job, (int64_t)len);
}

/* Of in, and what is behind it. */
static void hmac(const struct ukcf_job *job, struct ukcf_bytes more,
		 uint8_t tag[32])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, bytes(job->key), job->key.len);
	crypto_auth_hmacsha256_update(&st, bytes(job->in), job->in.len);
	crypto_auth_hmacsha256_update(&st, bytes(more), more.len);
	crypto_auth_hmacsha256_final(&st, tag);
	sodium_memzero(&st, sizeof(st));
}

static enum ukcf_status mac_of(struct ukcf_job *job, struct ukcf_bytes more)
{
	uint8_t tag[32];

	hmac(job, more, tag);
	if (job->op == UKCF_OP_MAC_VERIFY)
		return done(job, sodium_memcmp(tag, bytes(job->tag),
					       job->tag.len) ? -EBADMSG : 0);
	memcpy(job->out, tag, job->tag_len);
	return done(job, (int64_t)job->tag_len);
}

static enum ukcf_status one_mac(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status = trouble_of_one();

	(void)self;
	return status != UKCF_DONE ?
		       status :
		       mac_of(job, (struct ukcf_bytes){ NULL, 0 });
}

static enum ukcf_status one_seal(struct ukcf_instance *self,
				 struct ukcf_job *job)
{
	enum ukcf_status status = trouble_of_one();

	return status != UKCF_DONE ? status : seal(self, job);
}

/* ----------------------------------------------------------------- in one job */

/* What was asked for of the next one. */
static enum ukcf_status trouble(bool *claims)
{
	enum ukcf_status status = UKCF_DONE;

	pthread_mutex_lock(&lock);
	waiting++;
	while (held)
		pthread_cond_wait(&released, &lock);
	waiting--;
	if (spend(&retry))
		status = UKCF_RETRY_ELSEWHERE;
	else if (spend(&fail))
		status = UKCF_FAILED;
	*claims = spend(&too_long);
	pthread_mutex_unlock(&lock);
	return status;
}

static void both(struct ukcf_instance *self, struct ukcf_dual_job *job)
{
	struct ukcf_job *c = &job->cipher, *m = &job->mac;
	struct ukcf_bytes sealed = c->in;

	if (job->op == UKCF_OP_ENCRYPT_MAC) {
		seal(self, c);
		sealed = (struct ukcf_bytes){ c->out,
					      c->res > 0 ? (size_t)c->res : 0 };
	}
	if (early && job->op != UKCF_OP_ENCRYPT_MAC)
		open_(self, c);
	mac_of(m, plain_order ? c->in : sealed);
	if (job->op != UKCF_OP_ENCRYPT_MAC && m->res >= 0 && !early)
		open_(self, c);
}

static enum ukcf_status run(struct ukcf_instance *self,
			    struct ukcf_dual_job *job)
{
	bool claims;
	enum ukcf_status status = trouble(&claims);

	if (status != UKCF_DONE)
		return status;
	both(self, job);
	if (claims)
		job->cipher.res = (int64_t)job->cipher.out_size + 1;
	return UKCF_DONE;
}

/* ------------------------------------------------------------------- what it is */

static const struct ukcf_mech_ops cipher_ops = { .encrypt = one_seal,
						 .decrypt = open_ };
static const struct ukcf_mech_ops mac_ops = { .mac = one_mac,
					      .mac_verify = one_mac };

static struct ukcf_offer offers[] = {
	{ .mech = UKCF_MECH_CHACHA20_POLY1305,
	  .flags = UKCF_OFFER_NO_CALIBRATE,
	  .ops = &cipher_ops,
	  .cost_ns = 100000000 },
	{ .mech = UKCF_MECH_HMAC_SHA2_256,
	  .flags = UKCF_OFFER_NO_CALIBRATE,
	  .ops = &mac_ops,
	  .cost_ns = 100000000 },
};

static struct ukcf_dual_offer dual = {
	.cipher = UKCF_MECH_CHACHA20_POLY1305,
	.mac = UKCF_MECH_HMAC_SHA2_256,
	.ops = UKCF_DUAL_ALL,
	.flags = UKCF_OFFER_NO_CALIBRATE,
	.run = run,
	.cost_ns = 1,
};

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	(void)host;
	*self = NULL;
	return sodium_init() < 0 ? -EIO : 0;
}

static unsigned long count(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) == 0 ? strtoul(word + n, NULL, 10) : 0;
}

static int control(struct ukcf_instance *self, const char *word)
{
	bool known = strchr(word, '=');

	(void)self;
	pthread_mutex_lock(&lock);
	retry += count(word, "retry=");
	fail += count(word, "fail=");
	too_long += count(word, "long=");
	pass += count(word, "pass=");
	breaks += count(word, "break=");
	if (strcmp(word, "hold") == 0)
		held = known = true;
	if (strcmp(word, "release") == 0) {
		held = false;
		known = true;
		pthread_cond_broadcast(&released);
	}
	if (strcmp(word, "holds") == 0)
		known = waiting;
	pthread_mutex_unlock(&lock);
	return known ? 0 : -EINVAL;
}

static struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = "twofold",
	.description = "two mechanisms in one job, for tests",
	.version = "1",
	.kind = UKCF_PROVIDER_SOFTWARE,
	.n_offers = sizeof(offers) / sizeof(offers[0]),
	.offers = offers,
	.start = start,
	.control = control,
	.duals = &dual,
	.n_duals = 1,
};

static void describe(const char *how)
{
	if (strcmp(how, "old") == 0)
		provider.struct_size = UKCF_PROVIDER_SIZE_1;
	else if (strcmp(how, "absent") == 0)
		provider.duals = NULL;
	else if (strcmp(how, "empty") == 0)
		dual.ops = 0;
	else if (strcmp(how, "flags") == 0)
		dual.flags = UKCF_OFFER_NOSLEEP;
	else if (strcmp(how, "class") == 0)
		dual.mac = UKCF_MECH_CHACHA20_POLY1305;
	else if (strcmp(how, "alone") == 0)
		dual.cipher = UKCF_MECH_AES_256_CTR;
	else if (strcmp(how, "hardware") == 0)
		provider.kind = UKCF_PROVIDER_HARDWARE;
}

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	const char *order = host->option(host->host, "order");
	const char *cost = host->option(host->host, "cost_ns");
	const char *each = host->option(host->host, "each_ns");
	const char *offer = host->option(host->host, "offer");

	plain_order = order && strcmp(order, "plain") == 0;
	early = order && strcmp(order, "early") == 0;
	describe(offer ? offer : "");
	if (cost)
		dual.cost_ns = (uint32_t)strtoul(cost, NULL, 10);
	for (unsigned int i = 0; each && i < provider.n_offers; i++)
		offers[i].cost_ns = (uint32_t)strtoul(each, NULL, 10);
	return &provider;
}
