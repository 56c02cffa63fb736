/* SPDX-License-Identifier: MIT */
/*
 * Who dies with much under way, or closes its ring, leaves nothing behind: what
 * waits is cancelled, quotas come back when what they are for is gone and not
 * before, and nobody else is kept out meanwhile.  More consumers die here than
 * the daemon has places for.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"
#include "tests/support/raw.h"
#include "tools/admin.h"

#define MIB (1u << 20)
#define ENTRIES 64u /* of each ring: all are taken, and wait */
#define ORDER 6
#define HOG (32 * MIB) /* 64 of these take long */
#define WAIT_NS (UINT64_C(30000000000) * slowness())

struct conn {
	struct raw r;
	struct raw_ring q;
	struct raw_buf in, out;
};

static struct conn own;
static uint8_t right[32]; /* what its digest is */

/* ------------------------------------------------------- the daemon's view */

static struct msg_status status(void)
{
	struct msg_status s;
	const struct admin_call call = {
		.verb = MSG_ADMIN_STATUS,
		.reply = &s, .reply_max = sizeof(s), .row_len = sizeof(s),
	};
	int n = admin_ask(&call);

	if (n != sizeof(s))
		check_bail("no status: %d", n);
	return s;
}

/* How many were cancelled in the lane since the start. */
static uint64_t cancelled(void)
{
	struct msg_queue rows[8];
	const struct admin_call call = {
		.verb = MSG_ADMIN_QUEUES,
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};
	int n = admin_ask(&call);

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(rows[0]); i++)
		if (rows[i].id == UKCF_QUEUE_BULK)
			return rows[i].cancelled;
	check_bail("no bulk queue: %d", n);
}

/* Nothing is left but what there was. */
static bool comes_back_to(const struct msg_status *was)
{
	uint64_t end = clock_ns() + WAIT_NS;
	struct msg_status s;

	do {
		s = status();
		if (s.consumers == was->consumers && !s.closing &&
		    s.rings == was->rings && s.buffers == was->buffers &&
		    s.buffer_bytes == was->buffer_bytes && !s.queue_bulk)
			return true;
		probe_pause();
	} while (clock_ns() < end);
	note("%u consumers, %u closing, %u rings, %u buffers, %u waiting",
	     s.consumers, s.closing, s.rings, s.buffers, s.queue_bulk);
	return false;
}

/* -------------------------------------------------------------- consumers */

static int ring_new(struct conn *c, uint32_t size)
{
	int err = raw_ring_new(&c->r, ORDER, &c->q);

	if (!err)
		err = raw_buf_new(&c->r, UKCF_BUFFER_INPUT, size, &c->in);
	if (!err)
		err = raw_buf_new(&c->r, UKCF_BUFFER_OUTPUT, 4096, &c->out);
	return err;
}

static int conn_new(struct conn *c, uint32_t size)
{
	int err = raw_connect(&c->r);

	return err ? err : ring_new(c, size);
}

static void must(int err, const char *what)
{
	if (err)
		check_bail("%s: %s", what, strerror(-err));
}

/* They wait as long as they may: nothing but their turn ends them. */
static int put(struct conn *c, struct ukcf_sqe s)
{
	s.mode = UKCF_MODE_SYNC;
	s.timeout_us = 4000000000u;
	return raw_submit(&c->q, &s);
}

/* The daemon has taken all; it is not long about that. */
static int taken(struct conn *c)
{
	uint64_t end = clock_ns() + WAIT_NS;
	const uint32_t *head = &c->q.cq->sq_head;

	while (load_acquire_u32(head) != (uint32_t)c->q.tail) {
		if (clock_ns() > end)
			return -ETIMEDOUT;
		probe_pause();
	}
	return 0;
}

static int fill(struct conn *c, uint32_t size)
{
	int err = 0;

	for (unsigned int i = 0; i < ENTRIES && !err; i++)
		err = put(c, raw_digest(i, &c->in, 0, size, &c->out, 0));
	return err ? err : taken(c);
}

/* Parts of one message, of which one runs, and members of a chain. */
static int fill_with_order(struct conn *c)
{
	int err = 0;

	for (unsigned int i = 0; i < ENTRIES && !err; i++) {
		struct ukcf_sqe s = raw_digest(i, &c->in, 0, MIB, &c->out, 0);

		if (i == 0) {
			s.op = UKCF_OP_INIT;
			s.part_op = UKCF_OP_DIGEST;
			s.in = s.out = (struct ukcf_range){ 0 };
		} else if (i < 40) {
			s.op = UKCF_OP_UPDATE;
			s.mech[0] = 0;
			s.out = (struct ukcf_range){ 0 };
		} else if (i % 8 != 7) {
			s.flags |= UKCF_SQE_LINK;
		}
		if (i < 40)
			s.ctx = 1;
		err = put(c, s);
	}
	return err ? err : taken(c);
}

static bool own_is_right(void)
{
	struct ukcf_sqe s = raw_digest(1, &own.in, 0, MIB, &own.out, 0);
	struct ukcf_cqe cqe;

	return raw_do(&own.q, &s, &cqe) == 32 &&
	       memcmp(own.out.p, right, 32) == 0;
}

/* Exit status of one that dies with all waiting: 0, or why it could not. */
static int die_busy(void)
{
	int err, how;
	pid_t pid = fork();

	if (pid == 0) {
		struct conn c;

		err = conn_new(&c, MIB);
		_exit(err ? -err : -fill(&c, MIB));
	}
	if (pid < 0 || waitpid(pid, &how, 0) != pid || !WIFEXITED(how))
		check_bail("no child");
	return WEXITSTATUS(how);
}

/* Who is over its own quota until its last ones are gone may try again. */
static int die_in_turn(void)
{
	uint64_t end = clock_ns() + WAIT_NS;
	int err;

	while ((err = die_busy()) == EDQUOT && clock_ns() < end)
		probe_pause();
	return err;
}

/* ------------------------------------------------------------------- cases */

static void deaths(void)
{
	unsigned int n = slowness() > 1 ? 60 : 540, i, wrong = 0;
	struct msg_status was = status();
	uint64_t before = cancelled();
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		err = die_in_turn();
		if (i % 16 == 0)
			wrong += !own_is_right();
	}
	check(!err, "%u consumers die with %u requests each: %s", i, ENTRIES,
	      strerror(err));
	check(!wrong, "another one is served meanwhile");
	check(comes_back_to(&was), "nothing of them is left");
	check(cancelled() - before > n, "what waited was cancelled");
}

static void closings(void)
{
	struct msg_status was = status();
	uint64_t before = cancelled();
	struct conn c = { .r = own.r };
	const unsigned int n = 20;

	for (unsigned int i = 0; i < n; i++) {
		must(ring_new(&c, MIB), "a ring");
		must(i % 2 ? fill(&c, MIB) : fill_with_order(&c), "requests");
		must(raw_buf_free(&c.in), "BUFFER_FREE");
		must(raw_buf_free(&c.out), "BUFFER_FREE");
		must(raw_ring_close(&c.q), "RING_CLOSE");
	}
	own.r = c.r;
	check(comes_back_to(&was), "%u rings are closed, and are gone", n);
	check(cancelled() - before > n, "what waited was cancelled");
	check(own_is_right(), "the connection serves");
}

/* It is the daemon's memory as long as a request uses it. */
static void charged(void)
{
	struct msg_status was = status(), s;
	struct conn c = { 0 };

	must(conn_new(&c, HOG), "a connection");
	must(fill(&c, HOG), "requests");
	must(raw_buf_free(&c.in), "BUFFER_FREE");
	s = status();
	if (!s.queue_bulk)
		check_bail("all were done at once");
	check(s.buffer_bytes == was.buffer_bytes + HOG + 4096,
	      "a buffer that was freed counts while requests use it");
	must(raw_ring_close(&c.q), "RING_CLOSE");
	raw_close(&c.r);
	check(comes_back_to(&was), "and no longer");
}

/* Seen with others still waiting in the queue: it is not they who ended it. */
static bool goes_before_queue(uint32_t rings)
{
	struct msg_status s;

	do {
		s = status();
		if (s.rings == rings)
			return s.queue_bulk > 0;
		probe_pause();
	} while (s.queue_bulk);
	return false;
}

static void waiting_for_room(void)
{
	struct ukcf_sqe s = { .op = UKCF_OP_NOTIFY_SPACE,
			      .provider = UKCF_QUEUE_BULK,
			      .ctx = UINT32_MAX };
	struct msg_status was = status();
	struct conn hog, c = { 0 };
	struct ukcf_cqe cqe;
	uint32_t rings;

	must(conn_new(&c, 4096), "a connection");
	must(conn_new(&hog, HOG), "a connection");
	must(fill(&hog, HOG), "requests");
	rings = status().rings;
	check(raw_do(&c.q, &s, &cqe) == 0, "one waits for an empty queue");
	must(raw_ring_close(&c.q), "RING_CLOSE");
	check(goes_before_queue(rings - 1), "its ring does not wait with it");
	raw_close(&c.r);
	raw_close(&hog.r);
	check(comes_back_to(&was), "nothing is left");
}

/* The daemon dies while it buries: the next one has nothing of it. */
static void crashes(void)
{
	struct msg_status was = status();
	bool back = true;
	int err = 0;

	raw_close(&own.r);
	was.consumers--;
	was.rings--;
	was.buffers -= 2;
	was.buffer_bytes -= MIB + 4096;
	for (unsigned int i = 0; i < 3 && !err; i++) {
		pid_t daemon = probe_pid();

		for (unsigned int k = 0; k < 4 && !err; k++)
			err = die_in_turn();
		kill(daemon, SIGKILL);
		back &= probe_restarted(daemon, 30000 * slowness()) > 0;
	}
	check(!err && back, "the daemon is killed with dead ones: %s",
	      strerror(err));
	check(comes_back_to(&was), "nothing of them is left");
}

int main(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe cqe;

	must(conn_new(&own, MIB), "a connection");
	s = raw_digest(1, &own.in, 0, MIB, &own.out, 0);
	if (raw_do(&own.q, &s, &cqe) != 32)
		check_bail("no digest");
	memcpy(right, own.out.p, sizeof(right));
	deaths();
	closings();
	charged();
	waiting_for_room();
	crashes();
	return check_done();
}
