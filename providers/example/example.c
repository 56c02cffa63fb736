/* SPDX-License-Identifier: MIT */
/*
 * The smallest complete provider; ukcf-provider(3) quotes it.  It offers
 * null-digest: the XOR of all 32-byte blocks, which protects nothing.
 */
#include <errno.h>
#include <string.h>

#include <ukcf/provider.h>

static enum ukcf_status digest(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t sum[32] = { 0 };

	(void)self;
	if (job->out_size < sizeof(sum)) {
		job->res = -ENOBUFS;
		job->detail = UKCF_DETAIL_OUT_SIZE;
		return UKCF_DONE;
	}
	for (size_t i = 0; i < job->in.len; i++)
		sum[i % sizeof(sum)] ^= job->in.data[i];
	memcpy(job->out, sum, sizeof(sum));
	job->res = sizeof(sum);
	return UKCF_DONE;
}

static const struct ukcf_mech_ops ops = { .digest = digest };

static const struct ukcf_offer offers[] = {
	{ .mech = UKCF_MECH_NULL_DIGEST,
	  .flags = UKCF_OFFER_NOSLEEP | UKCF_OFFER_CALLER,
	  .ops = &ops,
	  .single_pass = 1u << UKCF_OP_DIGEST,
	  .cost_ns = 50,
	  .cost_ps_per_byte = 300 },
};

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	(void)host;
	*self = NULL; /* no state */
	return 0;
}

static const struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = "example",
	.description = "the example of ukcf-provider(3)",
	.version = "1",
	.kind = UKCF_PROVIDER_SOFTWARE,
	.n_offers = sizeof(offers) / sizeof(offers[0]),
	.offers = offers,
	.start = start,
};

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	(void)host;
	return &provider;
}
