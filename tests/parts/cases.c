/* SPDX-License-Identifier: MIT */
/*
 * The seven cases of a request (ukcf(7)): what its consumer sees, by the
 * completion or ukcf_last_call(), and what the daemon counts.  Case n has 100+n
 * bytes, by which 345-cases.sh finds it in the trace.  Under a daemon with
 * sodium, and nullhw with one job and two places.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tests/support/provider.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define ENTRIES 64u

static struct ukcf *conn;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint16_t sodium, nullhw;

static void open_all(void)
{
	if (ukcf_connect(&conn, NULL, 0) ||
	    ukcf_ring_open(conn, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT, 4096, &in) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, 4096, &out))
		check_bail("no ring");
	sodium = provider_named(conn, "sodium");
	nullhw = provider_named(conn, "nullhw");
}

/* ------------------------------------------------------- what was counted */

static struct ukcf_counts before;

static void begin(void)
{
	if (ukcf_counts_get(conn, &before))
		check_bail("no counters");
}

/* Requests since begin(): taken, and how they went. */
static bool counted(uint64_t accepted, uint64_t inlined, uint64_t queued,
		    uint64_t refused)
{
	struct ukcf_counts now;

	if (ukcf_counts_get(conn, &now))
		check_bail("no counters");
	note("counted: %d accepted, %d at once, %d from a queue, %d refused",
	     (int)(now.accepted - before.accepted),
	     (int)(now.inlined - before.inlined),
	     (int)(now.queued - before.queued),
	     (int)(now.refused - before.refused));
	return now.accepted - before.accepted == accepted &&
	       now.inlined - before.inlined == inlined &&
	       now.queued - before.queued == queued &&
	       now.refused - before.refused == refused;
}

/* ---------------------------------------------------------------- requests */

static struct ukcf_sqe digest(unsigned int len, uint16_t provider)
{
	struct ukcf_sqe s = { .user_data = len };

	if (ukcf_prep_digest(&s, UKCF_MECH_SHA2_256,
			     ukcf_buffer_span(in, 0, len),
			     ukcf_buffer_span(out, 0, 32)))
		check_bail("prep");
	s.provider = provider;
	return s;
}

static unsigned int kind_of(const struct ukcf_cqe *c)
{
	return c->flags & UKCF_CQE_KIND;
}

/* Its completion, and whether a QUEUED one came before. */
static struct ukcf_cqe run(const struct ukcf_sqe *s, bool *was_queued)
{
	struct ukcf_cqe c;

	*was_queued = false;
	entry_submit(ring, s, 1);
	while (c = entry_next(ring, WAIT_NS), kind_of(&c) == UKCF_CQE_QUEUED)
		*was_queued = true;
	return c;
}

static bool is(const struct ukcf_cqe *c, bool at_once, uint16_t provider)
{
	return kind_of(c) == UKCF_CQE_RESULT && c->res == 32 &&
	       !(c->flags & UKCF_CQE_F_INLINE) == !at_once &&
	       c->provider == provider;
}

/* ------------------------------------------------------------------- cases */

static void in_the_caller(void)
{
	uint8_t text[101] = { 0 }, made[32];

	begin();
	check(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, sizeof(text), made,
			  32) == 32 &&
		      ukcf_last_call()->where == UKCF_WHERE_CALLER &&
		      ukcf_last_call()->provider == sodium,
	      "1: synchronous, no key: in the calling thread");
	check(counted(0, 0, 0, 0), "1: and no request at all");
}

static void sync_software(void)
{
	uint8_t text[102] = { 0 }, made[32];
	struct ukcf_key key;

	if (ukcf_key_generate(conn, NULL, UKCF_MECH_HMAC_SHA2_256, 0, 0,
			      &key))
		check_bail("no key");
	begin();
	check(ukcf_mac(conn, UKCF_MECH_HMAC_SHA2_256, key, text, sizeof(text),
		       made, 32) == 32 &&
		      ukcf_last_call()->where == UKCF_WHERE_INLINE &&
		      ukcf_last_call()->reason == UKCF_REASON_KEY &&
		      ukcf_last_call()->flags & UKCF_CQE_F_INLINE,
	      "2: synchronous, the daemon's key: on its service thread");
	check(counted(1, 1, 0, 0), "2: and counted so");
}

static void sync_hardware(void)
{
	struct ukcf_sqe s = digest(103, nullhw);
	bool was_queued;
	struct ukcf_cqe c;

	s.mode = UKCF_MODE_SYNC;
	begin();
	c = run(&s, &was_queued);
	check(is(&c, false, nullhw) && !was_queued,
	      "3: synchronous, hardware: from its queue, with one completion");
	check(counted(1, 0, 1, 0), "3: and counted so");
}

static void async_at_once(void)
{
	struct ukcf_sqe s = digest(104, sodium);
	bool was_queued;
	struct ukcf_cqe c;

	begin();
	c = run(&s, &was_queued);
	check(is(&c, true, sodium) && !was_queued,
	      "4: asynchronous, software: at once, with one completion");
	check(counted(1, 1, 0, 0), "4: and counted so");
}

static void async_queue(void)
{
	struct ukcf_sqe s = digest(105, sodium);
	bool was_queued;
	struct ukcf_cqe c;

	s.flags = UKCF_SQE_QUEUE;
	begin();
	c = run(&s, &was_queued);
	check(is(&c, false, sodium) && was_queued,
	      "5: asynchronous, to be queued: it says so, and runs later");
	check(counted(1, 0, 1, 0), "5: and counted so");
}

static void async_hardware(void)
{
	struct ukcf_sqe s = digest(106, nullhw);
	bool was_queued;
	struct ukcf_cqe c;

	begin();
	c = run(&s, &was_queued);
	check(is(&c, false, nullhw) && !was_queued,
	      "6: asynchronous, hardware: from its queue");
	s.flags = UKCF_SQE_QUEUE;
	c = run(&s, &was_queued);
	check(is(&c, false, nullhw) && was_queued,
	      "6: which it says first, if that was asked for");
	check(counted(2, 0, 2, 0), "6: and counted so");
}

/* The queue is full: what is in the device hangs, and the others wait. */
static void queue_full(void)
{
	struct ukcf_sqe s = digest(107, nullhw);
	unsigned int done = 0, sent = 0;
	struct ukcf_cqe c;

	if (tell_provider("nullhw", "hang=1"))
		check_bail("it does not hang");
	begin();
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_NOTIFY_SPACE;
	do {
		entry_submit(ring, &s, 1);
		sent++;
		c = entry_next(ring, WAIT_NS);
	} while (kind_of(&c) == UKCF_CQE_QUEUED);
	check(kind_of(&c) == UKCF_CQE_RESULT && c.res == -EAGAIN &&
		      c.detail == UKCF_DETAIL_QUEUE_FULL &&
		      c.provider == nullhw,
	      "7: its queue is full: EAGAIN, and which queue it is");
	check(counted(sent, 0, 0, 1), "7: and counted so");
	if (tell_provider("nullhw", "release"))
		check_bail("it hangs on");
	for (bool told = false; !told || done + 1 < sent;) {
		c = entry_next(ring, WAIT_NS);
		told = told || kind_of(&c) == UKCF_CQE_SPACE;
		done += kind_of(&c) == UKCF_CQE_RESULT;
		if (kind_of(&c) == UKCF_CQE_SPACE)
			check(c.provider == nullhw && c.res > 0,
			      "7: and there is news of room in it");
	}
	check(counted(sent, 0, sent - 1, 1), "7: and the others are done");
}

int main(void)
{
	open_all();
	in_the_caller();
	sync_software();
	sync_hardware();
	async_at_once();
	async_queue();
	async_hardware();
	queue_full();
	ukcf_disconnect(conn);
	return check_done();
}
