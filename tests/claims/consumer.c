/* SPDX-License-Identifier: MIT */
#include "tests/claims/consumer.h"

#include <sodium.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "tests/claims/admin.h"
#include "tests/claims/harness.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define WAIT_NS (patience_ms() * INT64_C(1000000))
#define SHA_LEN 512
#define NOP_ID UINT64_C(0x6e6f70)
#define PROVIDERS 16

struct ukcf *conn;
struct ukcf_ring *ring;
struct ukcf_buffer *in, *out;
uint8_t *text;

void consumer_open(unsigned int flags)
{
	struct rng rng;
	int err = ukcf_connect(&conn, NULL, flags);

	if (err || ukcf_ring_open(conn, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT, IN_SIZE, &in) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, OUT_SLOT * ENTRIES,
			      &out))
		give_up("no ring: %s", ukcf_strerror(err));
	text = ukcf_buffer_data(in);
	rng_init(&rng, 1);
	rng_fill(&rng, text, IN_SIZE);
}

void consumer_close(void)
{
	ukcf_disconnect(conn);
	conn = NULL;
}

/* -------------------------------------------------------------- the page */

uint16_t provider_id(const char *name)
{
	struct ukcf_page_provider rows[PROVIDERS];
	int n = ukcf_provider_list(conn, rows, PROVIDERS);

	for (int i = 0; i < n && i < PROVIDERS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].id;
	not_here("there is no provider %s", name);
}

struct ukcf_page_provider provider_row(uint16_t id)
{
	struct ukcf_page_provider rows[PROVIDERS];
	int n = ukcf_provider_list(conn, rows, PROVIDERS);

	for (int i = 0; i < n && i < PROVIDERS; i++)
		if (rows[i].id == id)
			return rows[i];
	give_up("the page has no provider %u", id);
}

void await_state(uint16_t id, enum ukcf_provider_state state)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;

	while (provider_row(id).state != state) {
		if (clock_ns() > end)
			give_up("provider %u does not come to state %d", id,
				state);
		probe_pause();
	}
}

struct ukcf_page_mech mech_row(uint32_t mech)
{
	struct ukcf_page_mech m;

	if (ukcf_mech_info(conn, mech, &m))
		give_up("the page has no mechanism 0x%08x", mech);
	return m;
}

/* --------------------------------------------------------------- requests */

struct ukcf_sqe digest_of(uint64_t user_data, uint32_t mech, size_t len)
{
	struct ukcf_sqe s = { .user_data = user_data };
	uint32_t size = mech_row(mech).out_len;

	if (ukcf_prep_digest(&s, mech, ukcf_buffer_span(in, 0, len),
			     ukcf_buffer_span(out, user_data % ENTRIES *
							   OUT_SLOT, size)))
		give_up("prep_digest");
	return s;
}

struct ukcf_sqe sha256(uint64_t user_data)
{
	return digest_of(user_data, UKCF_MECH_SHA2_256, SHA_LEN);
}

struct ukcf_sqe work(uint64_t user_data, uint64_t ns)
{
	struct ukcf_sqe s = digest_of(user_data, UKCF_MECH_NULL_DIGEST, 0);

	s.param_len = sizeof(ns);
	for (unsigned int i = 0; i < sizeof(ns); i++)
		s.param[i] = (uint8_t)(ns >> 8 * i);
	s.provider = provider_id("null");
	return s;
}

void occupy_worker(uint64_t user_data, uint64_t ns)
{
	uint64_t before = queue_row(UKCF_QUEUE_BULK).taken;
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;
	struct ukcf_sqe s = work(user_data, ns);

	s.flags = UKCF_SQE_QUEUE;
	submit(&s);
	next_of(UKCF_CQE_QUEUED);
	while (queue_row(UKCF_QUEUE_BULK).taken == before) {
		if (clock_ns() > end)
			give_up("no worker takes a request");
		probe_pause();
	}
}

void submit(const struct ukcf_sqe *s)
{
	if (ukcf_submit_sqes(ring, s, 1) != 1)
		give_up("the ring is full");
}

struct ukcf_cqe next_cqe(void)
{
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;
	int err = ukcf_wait_cqe(ring, &c, WAIT_NS);

	if (err)
		give_up("no completion: %s", ukcf_strerror(err));
	copy = *c;
	ukcf_cqe_seen(ring);
	return copy;
}

unsigned int kind_of(const struct ukcf_cqe *c)
{
	return c->flags & UKCF_CQE_KIND;
}

struct ukcf_cqe next_of(unsigned int kind)
{
	struct ukcf_cqe c;

	do {
		c = next_cqe();
	} while (kind_of(&c) != kind);
	return c;
}

struct ukcf_cqe result(void)
{
	return next_of(UKCF_CQE_RESULT);
}

struct ukcf_cqe run(const struct ukcf_sqe *s)
{
	submit(s);
	return result();
}

/* Entries are taken in order: what was submitted before has been judged when a
 * NOP is answered. */
bool is_quiet(void)
{
	struct ukcf_sqe s = { .user_data = NOP_ID };
	struct ukcf_cqe c;

	ukcf_prep_nop(&s);
	submit(&s);
	c = next_cqe();
	return c.user_data == NOP_ID;
}

struct ukcf_counts counts(void)
{
	struct ukcf_counts c;

	if (ukcf_counts_get(conn, &c))
		give_up("no counts");
	return c;
}

const uint8_t *output(uint64_t user_data)
{
	return (const uint8_t *)ukcf_buffer_data(out) +
	       user_data % ENTRIES * OUT_SLOT;
}

bool is_sha256(const struct ukcf_cqe *c)
{
	uint8_t want[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(want, text, SHA_LEN);
	return c->res == (int64_t)sizeof(want) &&
	       memcmp(output(c->user_data), want, sizeof(want)) == 0;
}

struct ukcf_key held_key(uint32_t mech)
{
	struct ukcf_key k;

	if (ukcf_key_generate(conn, NULL, mech, UKCF_USE_DEFAULT, 0, &k))
		give_up("no key of 0x%08x: detail %u", mech,
			ukcf_last_call()->detail);
	return k;
}
