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
	calls_and_keys();
	a_consumer_goes();
	killed();
	ukcf_disconnect(u);
	return check_done();
}
