/* SPDX-License-Identifier: MIT */
/*
 * No cryptography: a fixed answer after a delay, for tests and for measuring
 * what everything around a provider costs.  The parameter, if given, is the
 * delay in nanoseconds (8 bytes, little-endian), spent busy; the option
 * max_delay_ms bounds it.  start_delay_ms is how long it takes to start.
 *
 * A template of null-mac is visible: it holds the time at which it was
 * computed, and a MAC made with it begins with that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ukcf/provider.h>

#define PATTERN 0x5a
#define DEFAULT_MAX_DELAY_MS 1000

static uint64_t max_delay_ns;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void delay(const struct ukcf_job *job)
{
	uint64_t ns = 0, begin;

	if (job->param.len != sizeof(ns))
		return;
	for (int i = 7; i >= 0; i--)
		ns = ns << 8 | job->param.data[i];
	if (ns > max_delay_ns)
		ns = max_delay_ns;
	begin = now_ns();
	while (now_ns() - begin < ns)
		;
}

static enum ukcf_status give(struct ukcf_job *job, size_t len)
{
	delay(job);
	if (job->out_size < len) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return UKCF_DONE;
	}
	memset(job->out, PATTERN, len);
	job->res = (int64_t)len;
	return UKCF_DONE;
}

static enum ukcf_status digest(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	return give(job, 32);
}

struct template {
	uint64_t computed_ns;
};

static enum ukcf_status init_tmpl(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	const struct template t = { now_ns() };

	(void)self;
	memcpy(job->out, &t, sizeof(t));
	job->res = sizeof(t);
	return UKCF_DONE;
}

/* The shortest tag is longer than a template. */
static enum ukcf_status mac(struct ukcf_instance *self, struct ukcf_job *job)
{
	enum ukcf_status status = give(job, job->tag_len);

	(void)self;
	if (job->tmpl && job->res >= (int64_t)sizeof(struct template))
		memcpy(job->out, job->tmpl, sizeof(struct template));
	return status;
}

static enum ukcf_status sign(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	return give(job, 64);
}

static uint8_t expected(const struct ukcf_job *job, size_t i)
{
	const uint8_t *t = job->tmpl;

	return t && i < sizeof(struct template) ? t[i] : PATTERN;
}

/* Accepts what the null provider made, nothing else. */
static enum ukcf_status verify(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	delay(job);
	job->res = 0;
	for (size_t i = 0; i < job->tag.len; i++) {
		if (job->tag.data[i] == expected(job, i))
			continue;
		job->res = -EBADMSG;
		job->detail = UKCF_DETAIL_AUTH;
	}
	return UKCF_DONE;
}

static enum ukcf_status key(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	return give(job, 32);
}

static const struct ukcf_mech_ops null_digest = { .digest = digest };
static const struct ukcf_mech_ops null_mac = { .mac = mac,
					       .mac_verify = verify,
					       .init_tmpl = init_tmpl,
					       .generate = key };
static const struct ukcf_mech_ops null_sign = { .sign = sign,
						.verify = verify,
						.generate = key,
						.public_key = key };

#define SINGLE(op) (1u << UKCF_OP_##op)

/* One that no built-in table knows. */
static const struct ukcf_mech_ops x_null_mac = { .mac = mac,
						 .mac_verify = verify,
						 .generate = key };

static const struct ukcf_mech_desc mechs[] = {
	{ .name = "x-null-mac",
	  .source = "ukcf-null(7)",
	  .class_ = UKCF_CLASS_MAC,
	  .key_min = 32,
	  .key_max = 32,
	  .tag_min = 4,
	  .tag_max = 32,
	  .data_max = 1u << 20 },
};

static const struct ukcf_offer offers[] = {
	{ .mech = UKCF_MECH_NULL_DIGEST,
	  .flags = UKCF_OFFER_NOSLEEP | UKCF_OFFER_CALLER,
	  .ops = &null_digest,
	  .single_pass = SINGLE(DIGEST),
	  .cost_ns = 50 },
	{ .mech = UKCF_MECH_NULL_MAC,
	  .flags = UKCF_OFFER_NOSLEEP | UKCF_OFFER_CALLER,
	  .ops = &null_mac,
	  .single_pass = SINGLE(MAC) | SINGLE(MAC_VERIFY),
	  .tmpl_size = sizeof(struct template),
	  .cost_ns = 50 },
	{ .mech = UKCF_MECH_ID(UKCF_CLASS_MAC, UKCF_MECH_DYNAMIC),
	  .flags = UKCF_OFFER_NOSLEEP,
	  .ops = &x_null_mac,
	  .single_pass = SINGLE(MAC) | SINGLE(MAC_VERIFY),
	  .cost_ns = 50 },
	{ .mech = UKCF_MECH_NULL_SIGN,
	  .flags = UKCF_OFFER_NOSLEEP | UKCF_OFFER_CALLER | UKCF_OFFER_SLOW,
	  .ops = &null_sign,
	  .cost_ns = 50 },
};

/* A number of milliseconds, or what there is without it. */
static int read_ms(const struct ukcf_host *host, const char *name,
		   unsigned long *ms)
{
	const char *text = host->option(host->host, name);
	unsigned long n;
	char *end;

	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || n > 600000) {
		host->log(host->host, 3, "option %s: 0 to 600000", name);
		return -EINVAL;
	}
	*ms = n;
	return 0;
}

static void pause_ms(unsigned long ms)
{
	const struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
				     .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	unsigned long max_delay = DEFAULT_MAX_DELAY_MS, pause = 0;

	*self = NULL;
	if (read_ms(host, "max_delay_ms", &max_delay) ||
	    read_ms(host, "start_delay_ms", &pause))
		return -EINVAL;
	max_delay_ns = (uint64_t)max_delay * 1000000u;
	pause_ms(pause);
	return 0;
}

static const struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = "null",
	.description = "no cryptography: tests and overhead",
	.version = "1",
	.kind = UKCF_PROVIDER_SOFTWARE,
	.n_offers = sizeof(offers) / sizeof(offers[0]),
	.offers = offers,
	.start = start,
	.mechs = mechs,
	.n_mechs = sizeof(mechs) / sizeof(mechs[0]),
};

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	(void)host;
	return &provider;
}
