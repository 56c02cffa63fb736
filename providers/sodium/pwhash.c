/* SPDX-License-Identifier: MIT */
/*
 * Argon2id (RFC 9106) with one lane, as libsodium has it: key = the password,
 * in = salt, aux = struct ukcf_argon2_cost.
 *
 * It costs what is asked for, so what may be asked for is capped: the memory
 * that runs at once is the cap times the workers of the slow lane, since nothing
 * else runs it.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "providers/sodium/sodium.h"

#define SALT crypto_pwhash_argon2id_SALTBYTES
#define LEAST_KIB (crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024u)

/* Of one request, by default and at most. */
#define PASSES 16u
#define PASSES_MAX 1024u
#define MEMORY_KIB 65536u /* crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE */
#define MEMORY_KIB_MAX 4194304u

static uint32_t max_passes, max_memory_kib;

static int set_cap(const struct ukcf_host *host, const char *name,
		   uint32_t min, uint32_t max, uint32_t *cap)
{
	const char *text = host->option(host->host, name);
	unsigned long n;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < min ||
	    n > max) {
		host->log(host->host, LOG_ERR,
			  "%s: \"%s\" is not a number from %u to %u", name,
			  text, min, max);
		return -EINVAL;
	}
	*cap = (uint32_t)n;
	return 0;
}

int sodium_argon2id_start(const struct ukcf_host *host)
{
	int err;

	max_passes = PASSES;
	max_memory_kib = MEMORY_KIB;
	err = set_cap(host, "argon2id_passes", 1, PASSES_MAX, &max_passes);
	if (err)
		return err;
	return set_cap(host, "argon2id_memory_kib", LEAST_KIB, MEMORY_KIB_MAX,
		       &max_memory_kib);
}

static uint32_t little_endian(const uint8_t b[4])
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

static int refuse_cost(struct ukcf_job *job, struct ukcf_argon2_cost *cost)
{
	if (job->aux.len != sizeof(*cost)) {
		job->res = -EINVAL;
		job->detail = UKCF_DETAIL_AUX_SIZE;
		return 1;
	}
	cost->passes = little_endian(job->aux.data);
	cost->memory_kib = little_endian(job->aux.data + 4);
	if (cost->passes >= 1 && cost->passes <= max_passes &&
	    cost->memory_kib >= LEAST_KIB &&
	    cost->memory_kib <= max_memory_kib)
		return 0;
	job->res = -EINVAL;
	job->detail = UKCF_DETAIL_COST;
	return 1;
}

static enum ukcf_status derive(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct ukcf_argon2_cost cost;

	(void)self;
	if (job->in.len != SALT)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_IN_SIZE);
	if (job->out_size < crypto_pwhash_argon2id_BYTES_MIN)
		return sodium_refuse(job, -EINVAL, UKCF_DETAIL_OUT_SIZE);
	if (refuse_cost(job, &cost))
		return UKCF_DONE;
	/* Sizes are right: what is left to fail is memory. */
	if (crypto_pwhash_argon2id(job->out, job->out_size,
				   (const char *)sodium_in(job->key),
				   job->key.len, job->in.data, cost.passes,
				   (size_t)cost.memory_kib * 1024,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13))
		return sodium_refuse(job, -ENOMEM, UKCF_DETAIL_QUOTA);
	return sodium_done(job, (int64_t)job->out_size);
}

const struct ukcf_mech_ops sodium_argon2id = {
	.derive = derive,
	.generate = sodium_generate_32,
};
