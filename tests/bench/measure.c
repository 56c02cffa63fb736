/* SPDX-License-Identifier: MIT */
/*
 * A burst is: probe, control and ours in turns, probe.  It counts only if both
 * probes say the same place.  Ratios are taken within a burst, and the result
 * is the median over bursts.
 */
#include "tests/bench/measure.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/cipher.h"
#include "tests/bench/consumer.h"
#include "tests/bench/peer.h"

#define US 1000u
#define MS 1000000u
#define CHUNKS_MAX 512
#define SETTLE_NS (300 * US) /* the service thread stops spinning before */

const char *const raw_names[RAWS] = {
	[RAW_PROBE] = "probe_ns",
	[RAW_NOP_RTT] = "nop_rtt_ns",
	[RAW_NOP_PIPELINED] = "nop_pipelined_ns",
	[RAW_SYNC_64] = "sync_64_ns",
	[RAW_BARE_64] = "bare_64_ns",
	[RAW_ASYNC_16K] = "async_16k_ns",
	[RAW_SODIUM_16K] = "sodium_16k_ns",
	[RAW_AEAD_RTT_64] = "aead_rtt_64_ns",
	[RAW_UNIX_RTT_64] = "unix_rtt_64_ns",
	[RAW_BARE_SEQPACKET_RTT] = "bare_seqpacket_rtt_ns",
	[RAW_UNIX_NOP_PIPELINED] = "unix_nop_pipelined_ns",
	[RAW_MAC_KEY_64] = "mac_key_64_batch_ns",
	[RAW_MAC_TMPL_64] = "mac_template_64_batch_ns",
};

enum group {
	G_RTT,
	G_PIPE,
	G_SYNC,
	G_ASYNC,
	G_UNIX_RTT,
	G_UNIX_PIPE,
	G_TMPL
};

const struct ratio_info ratio_infos[RATIOS] = {
	{ "nop_rtt_over_probe", 2, false, RAW_NOP_RTT, RAW_PROBE, G_RTT },
	{ "pipelined_over_probe", 0.25, false, RAW_NOP_PIPELINED, RAW_PROBE,
	  G_PIPE },
	{ "sync_over_bare_64", 1.10, false, RAW_SYNC_64, RAW_BARE_64, G_SYNC },
	{ "async_over_sodium_16k", 0.9, true, RAW_SODIUM_16K, RAW_ASYNC_16K,
	  G_ASYNC },
	{ "unix_rtt_over_ours_64", 8, true, RAW_UNIX_RTT_64, RAW_AEAD_RTT_64,
	  G_UNIX_RTT },
	{ "unix_rtt_over_bare", 1.25, false, RAW_UNIX_RTT_64,
	  RAW_BARE_SEQPACKET_RTT, G_UNIX_RTT },
	{ "unix_nop_pipelined_over_ours", 8, true, RAW_UNIX_NOP_PIPELINED,
	  RAW_NOP_PIPELINED, G_UNIX_PIPE },
	{ "template_gain_64", 1.2, true, RAW_MAC_KEY_64, RAW_MAC_TMPL_64,
	  G_TMPL },
};

/* The burst being measured. */
struct burst {
	double v[RAWS]; /* 0: not taken in this burst */
};

/* ------------------------------------------------------- timing a thing */

typedef int (*op_fn)(void *arg, unsigned int n); /* n operations */

/* Median ns per operation over chunks of n, for about ns. */
static int time_op(op_fn fn, void *arg, unsigned int n, uint64_t ns, double *v)
{
	uint64_t begin = clock_ticks(), t0, t1;
	double chunk[CHUNKS_MAX];
	unsigned int k = 0;
	int rc;

	do {
		t0 = clock_ticks();
		rc = fn(arg, n);
		t1 = clock_ticks();
		if (rc)
			return rc;
		chunk[k++] = (double)clock_ticks_to_ns(t1 - t0) / n;
	} while (k < CHUNKS_MAX && clock_ticks_to_ns(t1 - begin) < ns);
	*v = median(chunk, k);
	return 0;
}

static int repeat(void *arg, unsigned int n)
{
	int (*fn)(void) = *(int (**)(void))arg;
	int rc = 0;

	while (!rc && n-- > 0)
		rc = fn();
	return rc;
}

/* One at a time, after as many as wake everybody up. */
static int time_each(int (*fn)(void), unsigned int n, uint64_t ns, double *v)
{
	int rc = repeat(&fn, 2 * n);

	return rc ? rc : time_op(repeat, &fn, n, ns, v);
}

static int pipe_ops(void *arg, unsigned int n)
{
	return consumer_pipe_batches(*(bool *)arg, n / BATCH);
}

static int time_pipe(bool encrypt, unsigned int n, uint64_t ns, double *v)
{
	int rc = consumer_pipe_begin(encrypt), rc2;

	if (!rc)
		rc = pipe_ops(&encrypt, n);
	if (!rc)
		rc = time_op(pipe_ops, &encrypt, n, ns, v);
	rc2 = consumer_pipe_end(encrypt);
	return rc ? rc : rc2;
}

/* ---------------------------------------------------------------- groups */

static int burst_rtt(struct burst *b)
{
	return time_each(consumer_nop, 50, 3 * MS, &b->v[RAW_NOP_RTT]);
}

static int burst_pipe(struct burst *b)
{
	return time_pipe(false, 512, 3 * MS, &b->v[RAW_NOP_PIPELINED]);
}

static int bare_digest(void)
{
	static const uint8_t in[SMALL] = { 1 };
	uint8_t md[32];

	return crypto_hash_sha256(md, in, sizeof(in));
}

static int burst_sync(struct burst *b)
{
	int rc = time_each(bare_digest, 50, 2 * MS, &b->v[RAW_BARE_64]);

	if (!rc)
		rc = time_each(consumer_digest_small, 50, 2 * MS,
			       &b->v[RAW_SYNC_64]);
	if (!rc && !consumer_ran_in_caller())
		rc = -EREMOTE;
	return rc;
}

static int direct_encrypt(void)
{
	static uint8_t in[DEPTH][LARGE], out[DEPTH][LARGE + CIPHER_TAG];
	static uint64_t n;
	uint8_t nonce[CIPHER_NONCE] = { 0 };

	n++;
	memcpy(nonce, &n, sizeof(n));
	cipher_encrypt(out[n % DEPTH], in[n % DEPTH], LARGE, nonce);
	return 0;
}

static int burst_async(struct burst *b)
{
	int rc = time_each(direct_encrypt, DEPTH, 3 * MS,
			   &b->v[RAW_SODIUM_16K]);

	if (!rc)
		rc = time_pipe(true, DEPTH, 4 * MS, &b->v[RAW_ASYNC_16K]);
	if (!rc && !consumer_result_right())
		rc = -EBADMSG;
	return rc;
}

static int unix_encrypt(void)
{
	return peer_round_trip(PEER_ENCRYPT);
}

static int burst_unix_rtt(struct burst *b)
{
	int rc = time_each(peer_bare_round_trip, 20, 3 * MS,
			   &b->v[RAW_BARE_SEQPACKET_RTT]);

	if (!rc)
		rc = time_each(unix_encrypt, 20, 3 * MS,
			       &b->v[RAW_UNIX_RTT_64]);
	if (!rc)
		rc = time_each(consumer_encrypt_small, 50, 3 * MS,
			       &b->v[RAW_AEAD_RTT_64]);
	return rc;
}

static int unix_ops(void *arg, unsigned int n)
{
	int rc = 0;

	(void)arg;
	for (unsigned int i = 0; !rc && i < n / PEER_BATCH; i++) {
		rc = peer_receive();
		if (!rc)
			rc = peer_send(PEER_NOP);
	}
	return rc;
}

static int burst_unix_pipe(struct burst *b)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < DEPTH / PEER_BATCH; i++)
		rc = peer_send(PEER_NOP);
	if (!rc)
		rc = time_op(unix_ops, NULL, 256, 3 * MS,
			     &b->v[RAW_UNIX_NOP_PIPELINED]);
	for (unsigned int i = 0; !rc && i < DEPTH / PEER_BATCH; i++)
		rc = peer_receive();
	return rc ? rc : burst_pipe(b);
}

static int mac_with_key(void)
{
	return consumer_mac_batch(false);
}

static int mac_with_tmpl(void)
{
	return consumer_mac_batch(true);
}

static int burst_tmpl(struct burst *b)
{
	int rc = time_each(mac_with_key, 5, 3 * MS, &b->v[RAW_MAC_KEY_64]);

	return rc ? rc : time_each(mac_with_tmpl, 5, 3 * MS,
				   &b->v[RAW_MAC_TMPL_64]);
}

static const struct {
	const char *name;
	int (*burst)(struct burst *b);
} groups[] = {
	[G_RTT] = { "round trip of a NOP", burst_rtt },
	[G_PIPE] = { "NOPs at depth 64, batch 16", burst_pipe },
	[G_SYNC] = { "sha2-256 in the caller", burst_sync },
	[G_ASYNC] = { "AEAD of 16 KiB at depth 64", burst_async },
	[G_UNIX_RTT] = { "round trip of 64 bytes, Unix socket",
			 burst_unix_rtt },
	[G_UNIX_PIPE] = { "NOPs at depth 64, Unix socket", burst_unix_pipe },
	[G_TMPL] = { "HMACs of 64 bytes, key and template", burst_tmpl },
};

/* ---------------------------------------------------------------- bursts */

__attribute__((format(printf, 3, 4))) static void
complain(struct results *r, unsigned int group, const char *fmt, ...)
{
	va_list ap;

	for (unsigned int i = 0; i < RATIOS; i++)
		if (ratio_infos[i].group == group)
			r->invalid[i] = true;
	if (r->n_errors == sizeof(r->errors) / sizeof(r->errors[0]))
		return;
	va_start(ap, fmt);
	vsnprintf(r->errors[r->n_errors], sizeof(r->errors[0]), fmt, ap);
	va_end(ap);
	fprintf(stderr, "ukcf-bench: %s\n", r->errors[r->n_errors++]);
}

/* The probe's partner and the service thread share a CPU: if it spun, it would
 * take a preemption for contention and stop spinning for a while. */
static void settle(void)
{
	uint64_t begin = clock_ns();

	while (clock_ns() - begin < SETTLE_NS)
		;
}

static void keep(struct results *r, unsigned int group, const struct burst *b,
		 enum place place)
{
	r->bursts[place]++;
	if (place == PLACE_MIXED)
		return;
	for (unsigned int i = 0; i < RAWS; i++)
		if (b->v[i] > 0)
			series_add(&r->raw[place][i], b->v[i]);
	for (unsigned int i = 0; i < RATIOS; i++) {
		const struct ratio_info *ri = &ratio_infos[i];

		if (ri->group != group)
			continue;
		series_add(&r->ratio[place][i],
			   b->v[ri->over] / b->v[ri->under]);
	}
}

static int one_burst(struct results *r, unsigned int group, enum place *place)
{
	struct burst b = { 0 };
	double before, after;
	int rc;

	settle();
	before = bench_probe();
	rc = groups[group].burst(&b);
	settle();
	after = bench_probe();
	if (rc)
		return rc;
	*place = bench_place(before, after);
	b.v[RAW_PROBE] = (before + after) / 2;
	keep(r, group, &b, *place);
	return 0;
}

static void run_group(struct results *r, unsigned int group, bool quick)
{
	unsigned int enough = quick ? 10 : 25, n[PLACES] = { 0 };
	uint64_t end = clock_ns() + (quick ? 4000 : 25000) * (uint64_t)MS;
	enum place place = PLACE_MIXED;
	int rc = 0;

	while (!rc && n[PLACE_NEAR] < enough && clock_ns() < end) {
		rc = one_burst(r, group, &place);
		if (!rc)
			n[place]++;
	}
	fprintf(stderr, "%-36s %u near, %u far, %u mixed bursts\n",
		groups[group].name, n[PLACE_NEAR], n[PLACE_FAR],
		n[PLACE_MIXED]);
	if (rc == -EREMOTE)
		complain(r, group, "%s: it did not run there",
			 groups[group].name);
	else if (rc)
		complain(r, group, "%s: %s", groups[group].name,
			 ukcf_strerror(rc));
	rc = consumer_counts_agree();
	if (rc)
		complain(r, group,
			 "%s: the daemon counted other requests than were "
			 "submitted (%s)",
			 groups[group].name, ukcf_strerror(rc));
}

void measure_all(struct results *r, bool quick)
{
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		run_group(r, i, quick);
}
