/* SPDX-License-Identifier: MIT */
/*
 * Requests that bring their provider: they wait until it is loaded, in their
 * order, with their deadlines, and nobody else waits with them.  Under a daemon
 * that has sodium, manifests of null (which takes START_MS to start) and
 * openssl, and nothing of those loaded (325-manifests.sh).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tests/support/probe.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define START_MS 1000
#define ENTRIES 16
#define BUF 4096
#define CTX 3
#define IDLE 4 /* another context */
#define PATIENCE_US 60000000

static struct ukcf *u;
static struct ukcf_ring *ring, *other;
static struct ukcf_buffer *in, *out;

static void open_all(void)
{
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, ENTRIES, &ring) ||
	    ukcf_ring_open(u, ENTRIES, &other) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, BUF, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, BUF, &out))
		check_bail("no rings");
	memcpy(ukcf_buffer_data(in), "abc", 3);
}

static unsigned int state_of(const char *name)
{
	struct ukcf_page_provider rows[8];
	int n = ukcf_provider_list(u, rows, 8);

	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].state;
	return UINT32_MAX;
}

/* As at the start: not loaded, and a request may bring it. */
static void put_away(const char *name)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;
	int err;

	while (state_of(name) == UKCF_PROVIDER_LOADING && clock_ns() < end)
		probe_pause();
	err = change(MSG_CHANGE_UNLOAD, name, "");
	if (err && err != -ENOENT)
		check_bail("unload %s: %d", name, err);
	if (change(MSG_CHANGE_REFRESH, "", ""))
		check_bail("refresh");
	if (state_of(name) != UKCF_PROVIDER_ABSENT)
		check_bail("%s is there", name);
}

/* ------------------------------------------------------------- submissions */

static struct ukcf_sqe digest(uint64_t user_data, uint32_t mech, size_t len)
{
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_digest(&s, mech, ukcf_buffer_span(in, 0, 3),
			     ukcf_buffer_span(out, user_data * 64, len)))
		check_bail("prep");
	s.user_data = user_data;
	return s;
}

static const uint8_t *made(uint64_t user_data)
{
	return (const uint8_t *)ukcf_buffer_data(out) + user_data * 64;
}

/* One that needs nothing to be loaded. */
static struct ukcf_cqe digest_again(void)
{
	struct ukcf_sqe s = digest(5, UKCF_MECH_SHA2_256, 32);
	struct ukcf_cqe c;

	entry_submit(ring, &s, 1);
	do {
		c = entry_next(ring, WAIT_NS);
	} while (c.user_data != 5);
	return c;
}

/* ------------------------------------------------------------------- cases */

static void nobody_else_waits(void)
{
	struct ukcf_sqe s = digest(1, UKCF_MECH_NULL_DIGEST, 32), nop = { 0 };
	struct ukcf_sqe after = digest(3, UKCF_MECH_SHA2_256, 32);
	struct ukcf_sqe elsewhere = digest(4, UKCF_MECH_SHA2_256, 32);
	struct ukcf_cqe c[4];

	put_away("null");
	ukcf_prep_nop(&nop);
	nop.user_data = 2;
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	entry_submit(ring, &s, 1);
	entry_submit(ring, &after, 1);
	entry_submit(ring, &nop, 1);
	c[0] = entry_next(ring, WAIT_NS);
	c[1] = entry_next(ring, WAIT_NS);
	check((c[0].flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED &&
		      c[0].user_data == 1 && c[0].u.value != 0,
	      "the first request for a mechanism that nobody loaded is "
	      "accepted, with its handle");
	check(c[1].user_data == 2 && c[1].res == 0,
	      "a NOP behind it does not wait for it");
	entry_submit(other, &elsewhere, 1);
	c[2] = entry_next(other, WAIT_NS);
	check(c[2].user_data == 4 && c[2].res == 32 &&
		      state_of("null") != UKCF_PROVIDER_READY,
	      "nor does another ring: it is served while the provider is "
	      "being loaded");
	for (unsigned int i = 0; i < 2; i++) { /* one of them in a lane */
		struct ukcf_cqe r = entry_next(ring, WAIT_NS);

		c[r.user_data == 3 ? 3 : 2] = r;
	}
	check(c[2].user_data == 1 && c[2].res == 32 && made(1)[0] == 0x5a &&
		      c[3].user_data == 3 && c[3].res == 32,
	      "then it is done, and what came after it");
	check(state_of("null") == UKCF_PROVIDER_READY,
	      "the provider is loaded");
	check(c[2].u.t.queue_ns > START_MS * 1000000 / 2,
	      "the time that it waited is its queue time: %u ms",
	      c[2].u.t.queue_ns / 1000000);
	entry_submit(ring, &s, 1);
	entry_next(ring, WAIT_NS);
	c[0] = entry_next(ring, WAIT_NS);
	check(c[0].res == 32 && c[0].u.t.queue_ns < START_MS * 1000000,
	      "the next one does not wait");
}

static void ends_in_time(void)
{
	struct ukcf_sqe s = digest(1, UKCF_MECH_NULL_DIGEST, 32);
	struct ukcf_sqe patient = digest(2, UKCF_MECH_NULL_DIGEST, 32);
	struct ukcf_cqe c;
	uint64_t begin;

	put_away("null");
	s.timeout_us = 100000;
	begin = clock_ns();
	entry_submit(ring, &s, 1);
	entry_submit(ring, &patient, 1);
	c = entry_next(ring, WAIT_NS);
	check(c.user_data == 1 && c.res == -ETIMEDOUT &&
		      clock_ns() - begin >= 100000000,
	      "a deadline comes while it waits: ETIMEDOUT, not before");
	c = entry_next(ring, WAIT_NS);
	check(c.user_data == 2 && c.res == 32, "one with more time is done");
}

static void cancelled(void)
{
	struct ukcf_sqe s = digest(1, UKCF_MECH_NULL_DIGEST, 32);
	struct ukcf_sqe cancel = { 0 };
	int64_t ended = 0, said = 1;

	put_away("null");
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	entry_submit(ring, &s, 1);
	ukcf_prep_cancel(&cancel, entry_next(ring, WAIT_NS).u.value);
	cancel.user_data = 2;
	entry_submit(ring, &cancel, 1);
	for (unsigned int i = 0; i < 2; i++) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		*(c.user_data == 2 ? &said : &ended) = c.res;
	}
	check(said == 0 && ended == -ECANCELED,
	      "it can be cancelled while it waits");
}

/* FIPS 202 examples: SHA3-256 of "abc" */
static const uint8_t sha3_abc[32] = {
	0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2, 0x04, 0x5c, 0x17,
	0x2d, 0x6b, 0xd3, 0x90, 0xbd, 0x85, 0x5f, 0x08, 0x6e, 0x3e, 0x9d,
	0x52, 0x5b, 0x46, 0xbf, 0xe2, 0x45, 0x11, 0x43, 0x15, 0x32
};

static void parts_in_order(void)
{
	static const struct ukcf_key none;
	static const struct ukcf_span nothing;
	struct ukcf_sqe s[4] = { { 0 } };
	struct ukcf_cqe c = { 0 };
	uint32_t sha3;

	put_away("openssl");
	if (ukcf_mech_lookup(u, "sha3-256", &sha3) ||
	    ukcf_prep_init(ring, &s[0], CTX, UKCF_OP_DIGEST, sha3, none, NULL,
			   0, nothing) ||
	    ukcf_prep_update(&s[1], CTX, ukcf_buffer_span(in, 0, 1), nothing) ||
	    ukcf_prep_update(&s[2], CTX, ukcf_buffer_span(in, 1, 1), nothing) ||
	    ukcf_prep_final(&s[3], CTX, ukcf_buffer_span(in, 2, 1),
			    ukcf_buffer_span(out, 0, 32), nothing))
		check_bail("prep");
	s[3].user_data = 9;
	entry_submit(ring, s, 4);
	while (c.user_data != 9)
		c = entry_next(ring, WAIT_NS);
	check(c.res == 32 && memcmp(made(0), sha3_abc, 32) == 0,
	      "the parts of one, sent at once, are done in order (%lld)",
	      (long long)c.res);
}

static void chain_in_order(void)
{
	struct ukcf_sqe s[2] = { { 0 } };
	struct ukcf_cqe c = { 0 };
	uint8_t want[32];
	uint32_t sha3;

	put_away("openssl");
	if (ukcf_mech_lookup(u, "sha3-256", &sha3) ||
	    ukcf_digest(u, UKCF_MECH_SHA2_256, sha3_abc, 32, want, 32) != 32 ||
	    ukcf_prep_digest(&s[0], sha3, ukcf_buffer_span(in, 0, 3),
			     UKCF_SPAN_NONE) ||
	    ukcf_prep_digest(&s[1], UKCF_MECH_SHA2_256, UKCF_SPAN_NONE,
			     ukcf_buffer_span(out, 64, 32)))
		check_bail("prep");
	ukcf_prep_keep(&s[0], 32);
	ukcf_prep_take_input(&s[1]);
	s[1].user_data = 9;
	entry_submit(ring, s, 2);
	while (c.user_data != 9)
		c = entry_next(ring, WAIT_NS);
	check(c.res == 32 && memcmp(made(1), want, 32) == 0,
	      "a chain whose first member brings its provider goes on with "
	      "one that has it (%lld, %u)", (long long)c.res, c.detail);
}

static void a_chain_ends_as_one(void)
{
	struct ukcf_sqe s[3] = { digest(1, UKCF_MECH_NULL_DIGEST, 32),
				 digest(2, UKCF_MECH_SHA2_256, 32),
				 digest(3, UKCF_MECH_SHA2_256, 32) };
	struct ukcf_cqe c[3];

	put_away("null");
	ukcf_prep_link(&s[0]);
	s[0].timeout_us = 100000;
	entry_submit(ring, s, 3);
	for (unsigned int i = 0; i < 3; i++)
		c[i] = entry_next(ring, WAIT_NS);
	check(c[0].user_data == 1 && c[0].res == -ETIMEDOUT &&
		      c[1].user_data == 2 && c[1].res < 0,
	      "a chain whose first member is too late ends (%lld, %lld)",
	      (long long)c[0].res, (long long)c[1].res);
	c[0] = digest_again();
	check(c[0].res == 32, "and the ring goes on");
}

/* ------------------------------------------------- they end before their turn */

static struct ukcf_cqe of[ENTRIES]; /* what became of each, by user_data */

/* Collect the results of n: each once. */
static void collect(unsigned int n)
{
	memset(of, 0, sizeof(of));
	while (n > 0) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		if (c.user_data >= ENTRIES || of[c.user_data].user_data)
			check_bail("an answer of %llu, again",
				   (unsigned long long)c.user_data);
		of[c.user_data] = c;
		n--;
	}
}

static bool ended(uint64_t i, int64_t res, unsigned int detail)
{
	if (of[i].res == res && of[i].detail == detail)
		return true;
	note("%llu ended with %lld, %s", (unsigned long long)i,
		   (long long)of[i].res, ukcf_detail_name(of[i].detail));
	return false;
}

/* What was seen before is proof only if the load is not over. */
static bool still_loading(void)
{
	return state_of("null") != UKCF_PROVIDER_READY;
}

/* The handle of one of them. */
static uint64_t submit_for_handle(struct ukcf_sqe *s, unsigned int n,
				  unsigned int which)
{
	struct ukcf_cqe c;

	s[which].flags |= UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	entry_submit(ring, s, n);
	c = entry_next(ring, WAIT_NS);
	if ((c.flags & UKCF_CQE_KIND) != UKCF_CQE_QUEUED)
		check_bail("%llu is not parked",
			   (unsigned long long)c.user_data);
	return c.u.value;
}

static void submit_cancel(uint64_t handle, uint64_t user_data)
{
	struct ukcf_sqe s = { 0 };

	ukcf_prep_cancel(&s, handle);
	s.user_data = user_data;
	entry_submit(ring, &s, 1);
}

static void submit_cancel_ctx(uint32_t ctx, uint64_t user_data)
{
	struct ukcf_sqe s = { 0 };

	ukcf_prep_cancel_ctx(&s, ctx);
	s.user_data = user_data;
	entry_submit(ring, &s, 1);
}

/* user_data 1 to 3; the first one brings null, which all need that come after
 * them. */
static void chain_of_three(struct ukcf_sqe *s)
{
	for (unsigned int i = 0; i < 3; i++) {
		s[i] = digest(i + 1, i ? UKCF_MECH_SHA2_256 :
					 UKCF_MECH_NULL_DIGEST, 32);
		if (i < 2)
			ukcf_prep_link(&s[i]);
	}
}

static void chain_head_cancelled(void)
{
	struct ukcf_sqe s[4];
	uint64_t handle;

	put_away("null");
	chain_of_three(s);
	s[3] = digest(4, UKCF_MECH_NULL_DIGEST, 32);
	handle = submit_for_handle(s, 4, 0);
	submit_cancel(handle, 5);
	collect(4);
	check(still_loading() && ended(5, 0, UKCF_DETAIL_NONE) &&
		      ended(1, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_LINK),
	      "the head of a chain is cancelled while it waits, and its chain "
	      "ends with it");
	collect(1);
	check(ended(4, 32, UKCF_DETAIL_NONE), "what came after it is done");
}

static void chain_middle_cancelled(void)
{
	struct ukcf_sqe s[4];
	uint64_t handle;

	put_away("null");
	chain_of_three(s);
	s[3] = digest(4, UKCF_MECH_SHA2_256, 32);
	handle = submit_for_handle(s, 3, 1);
	submit_cancel(handle, 5);
	collect(3);
	check(still_loading() && ended(5, 0, UKCF_DETAIL_NONE) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_LINK),
	      "a member in the middle of one is cancelled, and what is linked "
	      "to it ends");
	entry_submit(ring, s + 3, 1);
	collect(2);
	check(ended(1, 32, UKCF_DETAIL_NONE) && ended(4, 32, UKCF_DETAIL_NONE),
	      "the one before it is done, and what comes after the chain");
}

/* The chain has begun: its last member alone is parked. */
static void chain_tail_cancelled(void)
{
	struct ukcf_sqe s[2] = { digest(1, UKCF_MECH_SHA2_256, 32),
				 digest(2, UKCF_MECH_NULL_DIGEST, 32) };
	uint64_t handle;

	put_away("null");
	ukcf_prep_link(&s[0]);
	entry_submit(ring, s, 1);
	collect(1);
	handle = submit_for_handle(s + 1, 1, 0);
	submit_cancel(handle, 5);
	collect(2);
	check(still_loading() && ended(5, 0, UKCF_DETAIL_NONE) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      digest_again().res == 32,
	      "the last member of a chain that has begun is cancelled");
}

/* What is linked to one that was too late comes only then. */
static void chain_is_broken(bool begun)
{
	struct ukcf_sqe s[4];

	put_away("null");
	s[0] = digest(1, begun ? UKCF_MECH_SHA2_256 : UKCF_MECH_NULL_DIGEST,
		      32);
	s[1] = digest(2, UKCF_MECH_NULL_DIGEST, 32);
	s[2] = digest(3, UKCF_MECH_SHA2_256, 32);
	s[3] = digest(4, UKCF_MECH_SHA2_256, 32);
	s[0].timeout_us = PATIENCE_US;
	s[1].timeout_us = 100000;
	if (begun)
		ukcf_prep_link(&s[0]);
	ukcf_prep_link(&s[1]);
	ukcf_prep_link(&s[2]);
	entry_submit(ring, s, 2);
	collect(begun ? 2 : 1);
	check(ended(2, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT),
	      "a member is too late to which nothing is linked yet");
	entry_submit(ring, s + 2, 1);
	collect(1);
	check(still_loading() && ended(3, -ECANCELED, UKCF_DETAIL_LINK),
	      "what comes to be linked to it ends");
	s[2].flags &= (uint16_t)~UKCF_SQE_LINK;
	entry_submit(ring, s + 2, 1);
	collect(1);
	check(still_loading() && ended(3, -ECANCELED, UKCF_DETAIL_LINK),
	      "and so does the end of the chain");
	entry_submit(ring, s + 3, 1);
	collect(begun ? 1 : 2);
	check((begun || ended(1, 32, UKCF_DETAIL_NONE)) &&
		      ended(4, 32, UKCF_DETAIL_NONE),
	      "what is not of it is done");
}

/* One that brings null, and holds up what comes after it; user_data 8. */
static void submit_blocker(void)
{
	struct ukcf_sqe s = digest(8, UKCF_MECH_NULL_DIGEST, 32);

	put_away("null");
	entry_submit(ring, &s, 1);
}

static struct ukcf_sqe init(uint32_t ctx, uint64_t user_data)
{
	static const struct ukcf_key none;
	static const struct ukcf_span nothing;
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_init(ring, &s, ctx, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
			   none, NULL, 0, nothing))
		check_bail("prep");
	s.flags |= UKCF_SQE_NOTIFY_OPDONE;
	s.user_data = user_data;
	return s;
}

static struct ukcf_sqe update(uint32_t ctx, uint64_t user_data)
{
	static const struct ukcf_span nothing;
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_update(&s, ctx, ukcf_buffer_span(in, 0, 1), nothing))
		check_bail("prep");
	s.flags |= UKCF_SQE_NOTIFY_OPDONE;
	s.user_data = user_data;
	return s;
}

static struct ukcf_sqe final(uint32_t ctx, uint64_t user_data)
{
	static const struct ukcf_span nothing;
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_final(&s, ctx, ukcf_buffer_span(in, 2, 1),
			    ukcf_buffer_span(out, user_data * 64, 32),
			    nothing))
		check_bail("prep");
	s.user_data = user_data;
	return s;
}

/* user_data 1 to 4 */
static void parts_of_four(struct ukcf_sqe *s)
{
	s[0] = init(CTX, 1);
	s[1] = update(CTX, 2);
	s[2] = update(CTX, 3);
	s[3] = final(CTX, 4);
}

/* Its context is free again, and works. */
static bool context_works(void)
{
	struct ukcf_sqe s[4];

	parts_of_four(s);
	entry_submit(ring, s, 4);
	collect(4);
	return ended(1, 0, UKCF_DETAIL_NONE) && ended(4, 32, UKCF_DETAIL_NONE);
}

static void part_cancelled(void)
{
	struct ukcf_sqe s[4];
	uint64_t handle;

	submit_blocker();
	parts_of_four(s);
	handle = submit_for_handle(s, 2, 1);
	entry_submit(ring, s + 2, 2);
	submit_cancel(handle, 5);
	collect(4);
	check(still_loading() && ended(5, 0, UKCF_DETAIL_NONE) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_PART_FAILED) &&
		      ended(4, -ECANCELED, UKCF_DETAIL_PART_FAILED),
	      "a part is cancelled while it waits, and those after it end");
	collect(2);
	check(ended(1, 0, UKCF_DETAIL_NONE) && ended(8, 32, UKCF_DETAIL_NONE),
	      "the one before it is done");
	check(context_works(), "and the context has ended with them");
}

/* Those after it come only later: they learn what became of it. */
static void part_before_others_cancelled(void)
{
	struct ukcf_sqe s[4], begin = init(IDLE, 6), next = update(IDLE, 7);
	uint64_t handle;

	submit_blocker();
	parts_of_four(s);
	handle = submit_for_handle(s, 2, 1);
	submit_cancel(handle, 5);
	collect(2);
	handle = submit_for_handle(&begin, 1, 0);
	submit_cancel(handle, 5);
	collect(2);
	check(still_loading() && ended(6, -ECANCELED, UKCF_DETAIL_CANCELED),
	      "a beginning is cancelled while it waits");
	entry_submit(ring, s + 2, 1);
	entry_submit(ring, &next, 1);
	collect(4);
	check(ended(1, 0, UKCF_DETAIL_NONE) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_PART_FAILED),
	      "a part that comes after one that was cancelled fails");
	check(ended(7, -ECANCELED, UKCF_DETAIL_PART_FAILED),
	      "and one that comes after such a beginning");
	entry_submit(ring, s + 3, 1);
	collect(1);
	check(ended(4, -ECANCELED, UKCF_DETAIL_PART_FAILED) && context_works(),
	      "so does the last one, which ends the context");
	submit_cancel_ctx(IDLE, 5);
	entry_submit(ring, &next, 1);
	collect(2);
	check(ended(5, 0, UKCF_DETAIL_NONE) &&
		      ended(7, -EINVAL, UKCF_DETAIL_CTX),
	      "cancelling the context ends it, too");
}

/* A context that has begun, and no part of which waits; user_data 1. */
static void begin_idle(void)
{
	struct ukcf_sqe s = init(IDLE, 1);

	entry_submit(ring, &s, 1);
	collect(1);
	if (of[1].res)
		check_bail("no context: %lld", (long long)of[1].res);
}

static void contexts_cancelled(void)
{
	struct ukcf_sqe s[4], next = update(IDLE, 6);

	begin_idle();
	submit_blocker();
	parts_of_four(s);
	entry_submit(ring, s, 3);
	submit_cancel_ctx(IDLE, 5);
	collect(1);
	check(still_loading() && ended(5, 0, UKCF_DETAIL_NONE),
	      "an idle context is cancelled, whoever waits");
	submit_cancel_ctx(IDLE, 5);
	collect(1);
	check(ended(5, -ENOENT, UKCF_DETAIL_CTX), "it is not there any more");
	submit_cancel_ctx(CTX, 5);
	collect(4);
	check(still_loading() && ended(5, 3, UKCF_DETAIL_NONE) &&
		      ended(1, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_CANCELED),
	      "one whose parts all wait: all of them end");
	submit_cancel_ctx(CTX, 5);
	collect(1);
	check(still_loading() && ended(5, -ENOENT, UKCF_DETAIL_CTX),
	      "and it is not there");
	collect(1);
	check(ended(8, 32, UKCF_DETAIL_NONE) && context_works(),
	      "until it is begun anew");
	begin_idle();
	submit_blocker();
	entry_submit(ring, &next, 1);
	submit_cancel_ctx(IDLE, 5);
	collect(2);
	check(still_loading() && ended(5, 1, UKCF_DETAIL_NONE) &&
		      ended(6, -ECANCELED, UKCF_DETAIL_CANCELED),
	      "one that has begun, and has a part that waits behind another");
	collect(1);
	check(ended(8, 32, UKCF_DETAIL_NONE), "which is done");
}

/* What fails was the other one's. */
static void copies_cancelled(void)
{
	struct ukcf_sqe s[4], copy = { 0 }, tail = final(IDLE, 7);

	ukcf_prep_ctx_copy(&copy, IDLE, CTX);
	copy.user_data = 6;
	submit_blocker();
	parts_of_four(s);
	entry_submit(ring, s, 1);
	entry_submit(ring, &copy, 1);
	entry_submit(ring, s + 1, 1);
	entry_submit(ring, &tail, 1);
	submit_cancel_ctx(CTX, 5);
	collect(5);
	check(still_loading() && ended(5, 3, UKCF_DETAIL_NONE) &&
		      ended(6, -ECANCELED, UKCF_DETAIL_CANCELED) &&
		      ended(7, -ECANCELED, UKCF_DETAIL_PART_FAILED),
	      "a copy that waits is cancelled with what it copies, and its "
	      "parts fail");
	entry_submit(ring, s, 1);
	entry_submit(ring, &copy, 1);
	submit_cancel(submit_for_handle(s + 1, 1, 0), 5);
	collect(2);
	check(still_loading() && ended(2, -ECANCELED, UKCF_DETAIL_CANCELED),
	      "a part is cancelled behind a copy");
	entry_submit(ring, &tail, 1);
	entry_submit(ring, s + 3, 1);
	collect(5);
	check(ended(1, 0, UKCF_DETAIL_NONE) && ended(6, 0, UKCF_DETAIL_NONE) &&
		      ended(7, 32, UKCF_DETAIL_NONE),
	      "the copy is as it was before that");
	check(ended(4, -ECANCELED, UKCF_DETAIL_PART_FAILED) && context_works(),
	      "what was copied is not");
}

static void deadlines_of_others(void)
{
	struct ukcf_sqe s[9];

	chain_of_three(s);
	parts_of_four(s + 3);
	for (unsigned int i = 0; i < 7; i++) {
		s[i].user_data = i + 1;
		s[i].timeout_us = i == 0 || i == 4 ? 100000 : PATIENCE_US;
	}
	put_away("null");
	entry_submit(ring, s, 7);
	s[0] = digest(8, UKCF_MECH_NULL_DIGEST, 32);
	s[0].timeout_us = PATIENCE_US;
	entry_submit(ring, s, 1);
	collect(6);
	check(still_loading() &&
		      ended(1, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT) &&
		      ended(2, -ECANCELED, UKCF_DETAIL_LINK) &&
		      ended(3, -ECANCELED, UKCF_DETAIL_LINK),
	      "a chain ends whose first member is too late");
	check(ended(5, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT) &&
		      ended(6, -ETIMEDOUT, UKCF_DETAIL_PART_FAILED) &&
		      ended(7, -ETIMEDOUT, UKCF_DETAIL_PART_FAILED),
	      "and parts behind one that is too late");
	collect(2);
	check(ended(4, 0, UKCF_DETAIL_NONE) && ended(8, 32, UKCF_DETAIL_NONE),
	      "the part before them is done, and what is of neither");
}

/* Places in the CQ are given back: else the ring stops some time.  Null is being
 * loaded. */
static void places_are_given_back(void)
{
	struct ukcf_sqe s;
	uint64_t handle;

	for (unsigned int i = 0; i < 8 * ENTRIES; i++) {
		s = digest(1, UKCF_MECH_NULL_DIGEST, 32);
		s.flags |= UKCF_SQE_NOTIFY_SPACE;
		handle = submit_for_handle(&s, 1, 0);
		submit_cancel(handle, 2);
		collect(2);
		if (!ended(1, -ECANCELED, UKCF_DETAIL_CANCELED))
			break; /* it had to wait until null was loaded */
	}
	check(of[1].res == -ECANCELED && digest_again().res == 32,
	      "a ring goes on, however often one is cancelled that waits");
}

static void calls_and_keys(void)
{
	struct ukcf_key key;
	uint8_t tag[32];

	put_away("null");
	check(ukcf_digest(u, UKCF_MECH_NULL_DIGEST, "abc", 3, tag, 32) == 32,
	      "a call brings it, too");
	put_away("null");
	check(ukcf_key_generate(u, NULL, UKCF_MECH_NULL_MAC, 0, 0, &key) == 0,
	      "and a key");
	check(ukcf_mac(u, UKCF_MECH_NULL_MAC, key, "abc", 3, tag, 32) == 32,
	      "which works");
}

/* Its ring goes while it waits. */
static void a_consumer_goes(void)
{
	struct ukcf_sqe s = digest(1, UKCF_MECH_NULL_DIGEST, 32);

	put_away("null");
	entry_submit(other, &s, 1);
	ukcf_ring_close(other);
	check(digest_again().res == 32, "a ring that is closed while one "
					"waits holds nobody up");
}

/* ------------------------------------------------------------- kill -9 */

static struct ukcf_ring *ring_with_events(void)
{
	struct ukcf_sqe s = { .user_data = 9 };
	struct ukcf_ring *r;

	if (ukcf_ring_open(u, ENTRIES, &r))
		check_bail("no ring");
	ukcf_prep_notify_events(&s, UKCF_EVENTS_ALL);
	entry_submit(r, &s, 1);
	if (entry_next(r, WAIT_NS).res)
		check_bail("no events");
	return r;
}

/* What waits for a provider is accepted: the next daemon loads it.  And it tells
 * whoever wants events that some may have been missed, and goes on telling. */
static void killed(void)
{
	struct ukcf_sqe s = digest(1, UKCF_MECH_NULL_DIGEST, 32), nop = { 0 };
	pid_t pid = probe_pid();
	struct ukcf_ring *events;
	struct ukcf_cqe c;

	put_away("null");
	events = ring_with_events();
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	entry_submit(ring, &s, 1);
	c = entry_next(ring, WAIT_NS);
	if ((c.flags & UKCF_CQE_KIND) != UKCF_CQE_QUEUED)
		check_bail("it was not accepted");
	kill(pid, SIGKILL);
	c = entry_next(ring, WAIT_NS);
	check(c.user_data == 1 && c.res == 32 && made(1)[0] == 0x5a &&
		      (c.flags & UKCF_CQE_F_REPLAYED),
	      "killed while a request waits for its provider: it is done");
	check(probe_restarted(pid, 20000 * slowness()) > 0 &&
		      state_of("null") == UKCF_PROVIDER_READY,
	      "by the next daemon, which loaded it");
	do {
		c = entry_next(events, WAIT_NS); /* the first is of the former daemon */
	} while (c.res != UKCF_EVENT_MANY);
	check((c.flags & UKCF_CQE_KIND) == UKCF_CQE_EVENT,
	      "who wants events is told that there may have been some");
	if (change(MSG_CHANGE_DISABLE, "", "sha2-512"))
		check_bail("disable");
	do {
		c = entry_next(events, WAIT_NS); /* perhaps of the one that was loaded */
	} while (c.res != UKCF_EVENT_MANY && c.u.value != UKCF_MECH_SHA2_512);
	check((c.flags & UKCF_CQE_KIND) == UKCF_CQE_EVENT && c.user_data == 9,
	      "and of what happens from then on");
	change(MSG_CHANGE_ENABLE, "", "sha2-512");
	ukcf_prep_nop(&nop);
	nop.user_data = 7;
	entry_submit(ring, &nop, 1);
	check(entry_next(ring, WAIT_NS).user_data == 7, "nothing is answered twice");
	ukcf_ring_close(events);
}

int main(void)
{
	open_all();
	nobody_else_waits();
	ends_in_time();
	cancelled();
	parts_in_order();
	chain_in_order();
	a_chain_ends_as_one();
	chain_head_cancelled();
	chain_middle_cancelled();
	chain_tail_cancelled();
	places_are_given_back();
	chain_is_broken(true);
	chain_is_broken(false);
	part_cancelled();
	part_before_others_cancelled();
	contexts_cancelled();
	copies_cancelled();
	deadlines_of_others();
	calls_and_keys();
	a_consumer_goes();
	killed();
	ukcf_disconnect(u);
	return check_done();
}
