/* SPDX-License-Identifier: MIT */
/*
 * bench: what a mechanism does on this machine, in the three ways that a
 * consumer has, and from which size on one is better than another:
 *
 *	caller	a call with a key of its own: the module works in this process
 *	call	a call with a key that the daemon holds: over a ring, and waited
 *		for; data is copied to registered buffers and back
 *	ring	requests on the buffers themselves, several in flight
 *
 * Each gets a share of the time.  The numbers are of the moment: the machine
 * may have other work.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/flow.h"
#include "tools/named-key.h"
#include "tools/operands.h"
#include "tools/table.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECONDS 3
#define SECONDS_MAX 3600
#define OUT_MAX 256 /* bytes that a result is longer than its input, at most */

static const size_t sizes[] = { 64, 256, 1024, 4096, 16384, 65536, 262144 };

#define SIZE_MAX_HERE 262144

enum way { CALLER, CALL, RING, WAYS };

/* What is measured, and with what. */
struct bench {
	struct ukcf *u;
	struct ukcf_page_mech mech;
	struct ukcf_key own, held; /* none for digests */
	struct flow *flow;
	uint8_t nonce[UKCF_PARAM_MAX];
	uint8_t *in, *out;
	bool in_caller; /* calls with own keys really run there */
	double ns[N_OF(sizes)][WAYS]; /* of an operation; 0: cannot be done */
};

/* --------------------------------------------------------------- operations */

/* Never the same nonce twice: the keys are thrown away, the habit is not. */
static void next_nonce(struct bench *b)
{
	for (size_t i = 0; i < b->mech.nonce_len; i++)
		if (++b->nonce[i])
			break;
}

static int64_t call(struct bench *b, struct ukcf_key key, size_t size)
{
	switch (UKCF_MECH_CLASS(b->mech.id)) {
	case UKCF_CLASS_DIGEST:
		return ukcf_digest(b->u, b->mech.id, b->in, size, b->out,
				   OUT_MAX);
	case UKCF_CLASS_MAC:
		return ukcf_mac(b->u, b->mech.id, key, b->in, size, b->out,
				b->mech.tag_max);
	default:
		next_nonce(b);
		return ukcf_encrypt(b->u, b->mech.id, key, b->nonce,
				    b->mech.nonce_len, NULL, 0, b->in, size,
				    b->out, size + OUT_MAX);
	}
}

static int prepare(struct bench *b, struct flow_chunk *c, size_t size,
		   struct ukcf_sqe *sqe)
{
	struct ukcf_ring *r = flow_ring(b->flow);

	c->in.len = (uint32_t)size;
	switch (UKCF_MECH_CLASS(b->mech.id)) {
	case UKCF_CLASS_DIGEST:
		c->out.len = b->mech.out_len;
		return ukcf_prep_digest(sqe, b->mech.id, c->in, c->out);
	case UKCF_CLASS_MAC:
		c->out.len = b->mech.tag_max;
		return ukcf_prep_mac(r, sqe, b->mech.id, b->held, c->in,
				     c->out);
	default:
		next_nonce(b);
		c->out.len = (uint32_t)size + b->mech.tag_max;
		return ukcf_prep_encrypt(r, sqe, b->mech.id, b->held, b->nonce,
					 b->mech.nonce_len, UKCF_SPAN_NONE,
					 c->in, c->out);
	}
}

/* ---------------------------------------------------------------- measuring */

/* Nanoseconds of a call, or a negative errno value. */
static double measure_calls(struct bench *b, struct ukcf_key key, size_t size,
			    uint64_t share_ns)
{
	const uint64_t began = clock_ns();
	uint64_t now = began, n = 0;

	do {
		int64_t res = call(b, key, size);

		if (res < 0)
			return (double)res;
		n++;
		now = clock_ns();
	} while (now - began < share_ns);
	return (double)(now - began) / (double)n;
}

static int send_one(struct bench *b, struct flow_chunk *c, size_t size)
{
	struct ukcf_sqe sqe = { 0 };
	int err = prepare(b, c, size, &sqe);

	return err ? err : flow_send(b->flow, c, &sqe) < 0 ? -EIO : 0;
}

static double measure_ring(struct bench *b, size_t size, uint64_t share_ns)
{
	const uint64_t began = clock_ns();
	uint64_t now = began, n = 0;
	const struct flow_chunk *done;
	struct flow_chunk *c;
	int64_t err = 0;

	while (!err && now - began < share_ns) {
		while (!err && (c = flow_next(b->flow))) {
			err = send_one(b, c, size);
			if (err)
				flow_unget(b->flow);
		}
		done = flow_wait(b->flow);
		if (!done)
			return -EIO;
		if (done->res < 0)
			err = done->res;
		flow_take(b->flow);
		n++;
		now = clock_ns();
	}
	while ((done = flow_wait(b->flow))) {
		flow_take(b->flow);
		n++;
	}
	now = clock_ns();
	return err ? (double)err : (double)(now - began) / (double)n;
}

static int measure(struct bench *b, uint64_t seconds)
{
	const uint64_t share = seconds * UINT64_C(1000000000) /
			       (N_OF(sizes) * WAYS);

	for (size_t i = 0; i < N_OF(sizes); i++) {
		double *ns = b->ns[i];

		if (b->in_caller)
			ns[CALLER] = measure_calls(b, b->own, sizes[i], share);
		/* a digest has no key, so its calls run in the caller */
		if (b->held.id || !b->in_caller)
			ns[CALL] = measure_calls(b, b->held, sizes[i], share);
		ns[RING] = measure_ring(b, sizes[i], share);
		for (enum way w = 0; w < WAYS; w++) {
			if (ns[w] >= 0)
				continue;
			complain_result(b->mech.name, (int64_t)ns[w], 0);
			return -1;
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ results */

static void put(struct table *t, const char *fmt, double n)
{
	if (n > 0)
		table_cell(t, fmt, n);
	else
		table_cell(t, "%s", "");
}

static int print_table(const struct bench *b, bool json)
{
	static const struct table_column columns[] = {
		{ "SIZE", COLUMN_NUMBER },
		{ "CALLER_NS", COLUMN_NUMBER },
		{ "CALL_NS", COLUMN_NUMBER },
		{ "RING_NS", COLUMN_NUMBER },
		{ "CALLER_MB_S", COLUMN_NUMBER },
		{ "CALL_MB_S", COLUMN_NUMBER },
		{ "RING_MB_S", COLUMN_NUMBER },
	};
	struct table *t = table_new("bench", columns, N_OF(columns), json);

	for (size_t i = 0; t && i < N_OF(sizes); i++) {
		table_cell(t, "%zu", sizes[i]);
		for (enum way w = 0; w < WAYS; w++)
			put(t, "%.0f", b->ns[i][w]);
		for (enum way w = 0; w < WAYS; w++)
			put(t, "%.1f", b->ns[i][w] > 0 ?
				    (double)sizes[i] * 1e3 / b->ns[i][w] : 0);
	}
	return t ? table_print(t) : -1;
}

/* The smallest size from which on way a is never slower than way b. */
static size_t crossover(const struct bench *b, enum way a, enum way c)
{
	size_t at = 0;

	for (size_t i = N_OF(sizes); i-- > 0;) {
		const double *ns = b->ns[i];

		if (ns[a] <= 0 || ns[c] <= 0 || ns[a] > ns[c])
			break;
		at = sizes[i];
	}
	return at;
}

static void print_crossover(const struct bench *b, enum way a, enum way c,
			    const char *a_name, const char *c_name)
{
	size_t at = crossover(b, a, c);

	if (b->ns[0][a] <= 0 || b->ns[0][c] <= 0)
		return;
	if (at == sizes[0])
		printf("%s: at all sizes no slower than %s\n", a_name, c_name);
	else if (at)
		printf("%s: from %zu bytes on no slower than %s\n", a_name, at,
		       c_name);
	else
		printf("%s: slower than %s, at %zu bytes, too\n", a_name,
		       c_name, sizes[N_OF(sizes) - 1]);
}

static int print(const struct bench *b, bool json)
{
	if (!json)
		printf("%s, %u in flight on the ring\n", b->mech.name,
		       FLOW_DEPTH);
	if (print_table(b, json) < 0)
		return -1;
	if (json)
		return 0;
	print_crossover(b, RING, CALLER, "ring", "in the caller");
	print_crossover(b, RING, CALL, "ring", "a call with the daemon's key");
	print_crossover(b, CALL, CALLER, "a call with the daemon's key",
			"in the caller");
	if (!b->in_caller)
		printf("nothing runs in the caller: 'cryptoctl status' may say "
		       "why\n");
	return 0;
}

/* ------------------------------------------------------------------ command */

/* Two keys of the same bytes, which end with this connection. */
static int make_keys(struct bench *b)
{
	const size_t len = b->mech.key_max < 32 ? b->mech.key_max : 32;
	uint8_t key[32];
	int64_t n;
	int err;

	if (UKCF_MECH_CLASS(b->mech.id) == UKCF_CLASS_DIGEST)
		return 0;
	n = ukcf_random(b->u, key, len);
	err = n < 0 ? (int)n : ukcf_key_local(b->u, b->mech.id,
					      UKCF_USE_DEFAULT, key, len,
					      &b->own);
	if (!err)
		err = ukcf_key_import(b->u, NULL, b->mech.id, UKCF_USE_DEFAULT,
				      0, key, len, &b->held);
	secmem_wipe(key, sizeof(key));
	if (!err)
		return 0;
	complain_call(b->mech.name, err);
	return -1;
}

static int find_mech(struct bench *b, const char *name)
{
	uint32_t class_, id;

	if (!name)
		name = ukcf_mech_lookup(b->u, "aes-256-gcm", &id) == 0 ?
			       "aes-256-gcm" : "chacha20-poly1305";
	if (mech_find(b->u, name, &b->mech) < 0)
		return -1;
	class_ = UKCF_MECH_CLASS(b->mech.id);
	if (class_ == UKCF_CLASS_DIGEST || class_ == UKCF_CLASS_MAC ||
	    class_ == UKCF_CLASS_AEAD)
		return 0;
	complain("%s: only digests, MACs and mechanisms of class aead are "
		 "measured here", b->mech.name);
	return -1;
}

static int set_up(struct bench *b, const char *mech)
{
	b->u = connect_daemon();
	if (!b->u || find_mech(b, mech) < 0 || make_keys(b) < 0)
		return -1;
	b->in = calloc(1, SIZE_MAX_HERE);
	b->out = calloc(1, SIZE_MAX_HERE + OUT_MAX);
	b->flow = flow_open(b->u, SIZE_MAX_HERE, SIZE_MAX_HERE + OUT_MAX);
	if (!b->in || !b->out) {
		complain("no memory");
		return -1;
	}
	if (!b->flow)
		return -1;
	b->in_caller = call(b, b->own, sizes[0]) >= 0 &&
		       ukcf_last_call()->where == UKCF_WHERE_CALLER;
	return 0;
}

static enum status bench(struct invocation *in)
{
	struct bench b = { 0 };
	uint64_t seconds = SECONDS;
	int err;

	if (operands_number("--seconds", in->value['S'], 1, SECONDS_MAX,
			    &seconds) < 0)
		return STATUS_USAGE;
	err = set_up(&b, in->value['m']);
	if (!err)
		err = measure(&b, seconds);
	if (!err)
		err = print(&b, in->value['J']);
	flow_close(b.flow);
	free(b.in);
	free(b.out);
	ukcf_disconnect(b.u);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static const struct option_row options[] = {
	{ 'm', false, "mech", "MECH", "of class digest, mac or aead" },
	{ 'S', false, "seconds", "N", "that it takes (3)" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command bench_commands[] = {
	{ NULL, "bench", "[-m MECH] [--seconds=N] [--json]",
	  "how fast is this machine, in the caller and over rings", options, 0,
	  0, bench },
	{ 0 },
};
