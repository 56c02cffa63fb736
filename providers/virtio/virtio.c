/* SPDX-License-Identifier: MIT */
/*
 * The provider's description and entry points.  What it offers is what the
 * device has shown when it started; what that is may differ from device to
 * device, but not from start to start of one daemon.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/provider.h>

#include "providers/virtio/addresses.h"
#include "providers/virtio/der.h"
#include "providers/virtio/engine.h"
#include "providers/virtio/known.h"
#include "providers/virtio/virtio.h"
#include "providers/virtio/work.h"

#define LOG_ERR 3
#define LOG_INFO 6
#define LOG_NOTICE 5

struct ukcf_instance {
	const struct ukcf_host *host;
	struct engine *engine;
};

static struct ukcf_provider provider;

static enum ukcf_status submit(struct ukcf_instance *self, struct ukcf_job *job)
{
	return engine_submit(self->engine, job);
}

/* ------------------------------------------------------------------- offers */

static enum ukcf_status check_xts_key(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	(void)self;
	job->res = 0;
	if (work_is_twice_the_same(job->key)) {
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_VALUE;
	}
	return UKCF_DONE;
}

static const struct ukcf_mech_ops cipher_ops = { .encrypt = submit,
						 .decrypt = submit };
static const struct ukcf_mech_ops xts_ops = { .encrypt = submit,
					      .decrypt = submit,
					      .check_key = check_xts_key };

static enum ukcf_status check_rsa_key(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	bool secret = job->key.len;
	struct der_key k;

	(void)self;
	job->res = 0;
	if (!der_read(secret ? job->key : job->pub, secret, &k)) {
		job->res = -EKEYREJECTED;
		job->detail = UKCF_DETAIL_KEY_VALUE;
	}
	return UKCF_DONE;
}

static enum ukcf_status rsa_public_key(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	uint8_t pub[DER_PUBLIC_MAX];
	struct der_key k;
	size_t len;

	(void)self;
	job->res = -EKEYREJECTED;
	job->detail = UKCF_DETAIL_KEY_VALUE;
	if (!der_read(job->key, true, &k))
		return UKCF_DONE;
	len = der_put_public(pub, &k);
	job->res = -ENOBUFS;
	job->detail = UKCF_DETAIL_OUT_SIZE;
	if (job->out_size < len)
		return UKCF_DONE;
	memcpy(job->out, pub, len);
	job->res = (int64_t)len;
	job->detail = 0;
	return UKCF_DONE;
}

static const struct ukcf_mech_ops rsa_ops = { .sign = submit,
					      .verify = submit,
					      .public_key = rsa_public_key,
					      .check_key = check_rsa_key };

static const struct ukcf_mech_ops rsaes_ops = { .encrypt = submit,
						.decrypt = submit,
						.public_key = rsa_public_key,
						.check_key = check_rsa_key };

/* Of a device that would take off the padding itself. */
static const struct ukcf_mech_ops rsaes_half_ops = {
	.encrypt = submit,
	.public_key = rsa_public_key,
	.check_key = check_rsa_key
};

/* Rough: the daemon replaces them by what it measures. */
#define OFFER(name, its_ops)                                                  \
	{ .mech = UKCF_MECH_##name, .ops = &its_ops, .cost_ns = 30000,        \
	  .cost_ps_per_byte = 1500, .flags = UKCF_OFFER_SHARED }
#define CIPHER(name) OFFER(name, cipher_ops)
#define RSA(name, its_ops)                                                    \
	{ .mech = UKCF_MECH_##name, .flags = UKCF_OFFER_SLOW,                 \
	  .ops = &its_ops, .cost_ns = 1500000, .cost_ps_per_byte = 5000 }

static const struct ukcf_offer all[] = {
	CIPHER(AES_128_CBC),	 CIPHER(AES_192_CBC),
	CIPHER(AES_256_CBC),	 CIPHER(AES_128_CBC_PAD),
	CIPHER(AES_192_CBC_PAD), CIPHER(AES_256_CBC_PAD),
	CIPHER(AES_128_CTR),	 CIPHER(AES_192_CTR),
	CIPHER(AES_256_CTR),	 OFFER(AES_128_XTS, xts_ops),
	OFFER(AES_256_XTS, xts_ops),
	RSA(RSA_PKCS1_SHA2_256, rsa_ops),
	RSA(RSA_PKCS1_SHA2_384, rsa_ops),
	RSA(RSA_PKCS1_SHA2_512, rsa_ops),
	RSA(RSA_PKCS1, rsaes_ops),
};

#define N_ALL (sizeof(all) / sizeof(all[0]))

static struct ukcf_offer offers[N_ALL];

/* Return: how many, or -errno. */
static int find_offers(struct ukcf_instance *self)
{
	unsigned int n = 0;

	for (size_t i = 0; i < N_ALL; i++) {
		int has = known_mech(self->engine, all[i].mech);

		if (has < 0)
			return has;
		if (!has)
			continue;
		offers[n] = all[i];
		if (has == KNOWN_ENCRYPTS)
			offers[n].ops = &rsaes_half_ops;
		n++;
	}
	return (int)n;
}

/* ------------------------------------------------------------------ options */

static const struct option {
	const char *name;
	size_t at;
	uint32_t min, max, step;
	uint32_t unit; /* of what is kept, in that of the option */
} options[] = {
	{ "depth", offsetof(struct engine_settings, depth), 1,
	  ENGINE_DEPTH_MAX, 1, 1 },
	{ "buffer_kib", offsetof(struct engine_settings, buffer), 4, 1024, 4,
	  1024 },
	{ "spin_us", offsetof(struct engine_settings, spin_us), 0, 1000, 1, 1 },
	{ "share_min", offsetof(struct engine_settings, share), 0, 1u << 20, 1,
	  1 },
	{ "timeout_ms", offsetof(struct engine_settings, timeout_ms), 10,
	  60000, 1, 1 },
};

static bool read_number(const struct option *o, const char *text, uint32_t *to)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || v < o->min ||
	    v > o->max || v % o->step)
		return false;
	*to = (uint32_t)v * o->unit;
	return true;
}

static int read_options(const struct ukcf_host *host, struct engine_settings *s)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *o = &options[i];
		const char *text = host->option(host->host, o->name);

		if (!text ||
		    read_number(o, text, (void *)((char *)s + o->at)))
			continue;
		host->log(host->host, LOG_ERR,
			  "option %s: %u to %u, a multiple of %u", o->name,
			  o->min, o->max, o->step);
		return -EINVAL;
	}
	return 0;
}

/* --------------------------------------------------------------- life cycle */

static void stop(struct ukcf_instance *self)
{
	engine_free(self->engine);
	free(self);
}

static int start(const struct ukcf_host *host, struct ukcf_instance **selfp)
{
	struct engine_settings s = {
		.kind = virtio_transport,
		.depth = 32,
		.buffer = 65536,
		/* With one processor the device waits for whoever looks. */
		.spin_us = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 20 : 0,
		.timeout_ms = 2000,
	};
	struct addresses its;
	struct ukcf_instance *self;
	int n = read_options(host, &s);

	if (n == 0)
		n = addresses_read(host, virtio_transport, &its);
	if (n < 0)
		return n;
	if (host->instance >= its.n) {
		host->log(host->host, LOG_ERR,
			  "option device: %u of them are there, and this is "
			  "number %u", its.n, host->instance + 1);
		return -ENODEV;
	}
	s.address = its.all[host->instance];
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->host = host;
	n = engine_new(host, &s, &self->engine);
	if (n < 0) {
		free(self);
		return n;
	}
	n = find_offers(self);
	if (n <= 0) {
		host->log(host->host, LOG_ERR, "device %s: %s", s.address,
			  n ? "it broke when it was tried" :
			      "it does none of the mechanisms right");
		stop(self);
		return n ? n : -ENODEV;
	}
	provider.n_offers = (uint32_t)n;
	provider.depth = s.depth;
	*selfp = self;
	return 0;
}

/* What is wrong with them start() says. */
static uint32_t instances(const struct ukcf_host *host)
{
	struct addresses its;

	return addresses_read(host, virtio_transport, &its) == 0 ? its.n : 1;
}

static int reset(struct ukcf_instance *self)
{
	return engine_reset(self->engine);
}

static int control(struct ukcf_instance *self, const char *command)
{
	(void)self;
	return virtio_transport->control ? virtio_transport->control(command) :
					   -EINVAL;
}

static int share(struct ukcf_instance *self, void *mem, size_t len,
		 int writable)
{
	return engine_share(self->engine, mem, len, writable);
}

static void end_sharing(struct ukcf_instance *self, void *mem)
{
	engine_unshare(self->engine, mem);
}

static void forget_key(struct ukcf_instance *self, struct ukcf_bytes key)
{
	engine_forget(self->engine, key);
}

static struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = VIRTIO_NAME,
	.description = "virtio-crypto devices, through VFIO",
	.version = "1",
	.kind = UKCF_PROVIDER_HARDWARE,
	.n_offers = N_ALL,
	.offers = offers,
	.start = start,
	.stop = stop,
	.control = control,
	.reset = reset,
	.forget_key = forget_key,
	.instances = instances,
	.share = share,
	.unshare = end_sharing,
};

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	(void)host;
	memcpy(offers, all, sizeof(offers)); /* until a device is known */
	provider.n_offers = N_ALL;
	return &provider;
}
