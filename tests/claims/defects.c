/* SPDX-License-Identifier: MIT */
/*
 * Defects that were found in KCF by reading it, in the order of ukcf_claims(7),
 * each looked for here: what goes wrong there does not.  The daemon has one
 * worker, and SLOTS places in each queue.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define SLOTS 4u /* daemon.queue_slots, see tests/claims/under-daemon */
#define CANCEL UINT64_C(0x1000) /* in user_data: the cancel of that request */

static struct ukcf_sqe to_be_queued(uint64_t user_data, uint64_t ns)
{
	struct ukcf_sqe s = work(user_data, ns);

	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	return s;
}

static void send_cancel(uint64_t user_data, uint64_t handle)
{
	struct ukcf_sqe s = { .user_data = user_data | CANCEL };

	ukcf_prep_cancel(&s, handle);
	submit(&s);
}

static void must(int err, const char *what)
{
	if (err)
		give_up("%s: %s", what, ukcf_strerror(err));
}

/* ------------------------------------------- 1: cancel of what runs already */

/* One request and its cancel, which races with the worker.
 * Return: whether both ended, and as the other one says. */
static bool race(uint64_t ns, int64_t *cancel_res)
{
	int64_t res = 1, ends = 0, cancelled = 1;
	struct ukcf_sqe s = to_be_queued(1, ns);

	submit(&s);
	while (ends < 2) {
		struct ukcf_cqe c = next_cqe();

		if (kind_of(&c) == UKCF_CQE_QUEUED) {
			send_cancel(1, c.u.value);
			continue;
		}
		ends++;
		*(c.user_data & CANCEL ? &cancelled : &res) = c.res;
	}
	*cancel_res = cancelled;
	return cancelled == 0 ? res == -ECANCELED :
				res == 32 && (cancelled == -EALREADY ||
					      cancelled == -ENOENT);
}

static void cancel_of_what_runs(void)
{
	unsigned int rounds = 2000 / slowness(), good = 0, ran = 0;
	struct rng rng;
	int64_t res;

	consumer_open(0);
	rng_init(&rng, 1);
	for (unsigned int i = 0; i < rounds; i++) {
		good += race(rng_below(&rng, 40000), &res);
		ran += res != 0;
	}
	expect(good == rounds && is_quiet(),
	       "%u cancels, %u of them too late: each request ended once, as "
	       "its cancel said", rounds, ran);
	expect(ran > 0, "some met a request that ran");
	occupy_worker(9, 200 * MS);
	expect(race(0, &res) && res == 0, "and one that waits is cancelled");
	consumer_close();
}

/* ------------------------------------------------- 2: capacity after cancels */

/* Return: how many found a place. */
static unsigned int fill(unsigned int n, uint64_t *handles)
{
	unsigned int queued = 0, rejected = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct ukcf_sqe s = to_be_queued(10 + i, 0);

		submit(&s);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct ukcf_cqe c = next_cqe();

		if (kind_of(&c) == UKCF_CQE_QUEUED)
			handles[queued++] = c.u.value;
		else
			rejected += c.res == -EAGAIN;
	}
	if (queued + rejected != n)
		give_up("neither queued nor rejected");
	return queued;
}

static void capacity_after_cancels(void)
{
	uint64_t handles[SLOTS + 1];
	unsigned int always = 0;

	consumer_open(0);
	occupy_worker(9, 900 * MS);
	for (unsigned int round = 0; round < 3 * SLOTS; round++) {
		unsigned int n = fill(SLOTS + 1, handles), ended = 0;

		always += n == SLOTS;
		for (unsigned int i = 0; i < n; i++)
			send_cancel(10 + i, handles[i]);
		while (ended < 2 * n) {
			struct ukcf_cqe c = next_cqe();

			ended++;
			if (c.user_data == 9)
				give_up("the worker was free too early");
		}
	}
	expect(always == 3 * SLOTS,
	       "%u times the queue was filled and all of it cancelled: it had "
	       "its %u places each time", always, SLOTS);
	expect(queue_row(UKCF_QUEUE_BULK).waiting == 0, "and is empty");
	consumer_close();
}

/* ---------------------------------------------------- contexts: 3, 4, and 6 */

static struct ukcf_sqe begin(uint64_t user_data)
{
	struct ukcf_sqe s = { .user_data = user_data };

	must(ukcf_prep_init(ring, &s, 1, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
			    UKCF_KEY_NONE, NULL, 0, UKCF_SPAN_NONE), "init");
	s.flags = UKCF_SQE_NOTIFY_OPDONE;
	return s;
}

static struct ukcf_sqe part(uint64_t user_data, size_t from, size_t len)
{
	struct ukcf_sqe s = { .user_data = user_data };

	must(ukcf_prep_update(&s, 1, ukcf_buffer_span(in, from, len),
			      UKCF_SPAN_NONE), "update");
	s.flags = UKCF_SQE_NOTIFY_OPDONE | UKCF_SQE_QUEUE;
	return s;
}

static struct ukcf_sqe end(uint64_t user_data)
{
	struct ukcf_sqe s = { .user_data = user_data };

	must(ukcf_prep_final(&s, 1, UKCF_SPAN_NONE,
			     ukcf_buffer_span(out, user_data * OUT_SLOT, 32),
			     UKCF_SPAN_NONE), "final");
	return s;
}

static void whole_operation_works(void)
{
	struct ukcf_sqe s = begin(20);
	struct ukcf_cqe c = run(&s);
	uint8_t want[32];

	expect(c.res == 0, "the context can be begun again");
	s = part(21, 0, 100);
	run(&s);
	s = end(22);
	c = run(&s);
	expect(c.res == 32 && ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 100,
					  want, 32) == 32 &&
		       memcmp(want, output(22), 32) == 0,
	       "and gives the right result");
}

static void cancelled_head(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	s = begin(0);
	run(&s);
	occupy_worker(9, 200 * MS);
	s = part(1, 0, 100);
	s.flags |= UKCF_SQE_WANT_HANDLE;
	submit(&s);
	c = next_of(UKCF_CQE_QUEUED);
	s = part(2, 100, 100);
	submit(&s);
	next_of(UKCF_CQE_QUEUED);
	s = end(3);
	submit(&s);
	send_cancel(1, c.u.value);
	for (unsigned int n = 0; n < 5; n++) {
		c = result();
		if (c.user_data == 9)
			continue; /* the worker is free */
		if (c.user_data & CANCEL)
			expect(c.res == 0, "the first part is cancelled");
		else
			expect(c.res == -ECANCELED,
			       "part %u ends: the message lacks one",
			       (unsigned int)c.user_data);
	}
	whole_operation_works();
	consumer_close();
}

static void rejected_part(void)
{
	uint64_t handles[SLOTS];
	uint8_t want[32];
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	if (ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 200, want, 32) != 32)
		give_up("digest");
	s = begin(0);
	run(&s);
	occupy_worker(9, 200 * MS);
	fill(SLOTS, handles);
	s = part(1, 0, 200);
	submit(&s);
	c = next_cqe();
	expect(c.user_data == 1 && c.res == -EAGAIN,
	       "no place for a part of an operation: rejected");
	for (unsigned int i = 0; i < SLOTS + 1; i++)
		result();
	c = run(&s);
	expect(c.user_data == 1 && c.res == 0, "it comes again, and is done");
	s = end(2);
	c = run(&s);
	expect(c.res == 32 && memcmp(output(2), want, 32) == 0,
	       "so is the next, and the result is right: it counted once");
	consumer_close();
}

static void context_without_handles(void)
{
	unsigned int cancelled = 0, n = 0;
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	int64_t res = -1;

	consumer_open(0);
	s = begin(0);
	run(&s);
	occupy_worker(9, 200 * MS);
	for (unsigned int i = 1; i < 4; i++) {
		s = part(i, 0, 10);
		submit(&s);
		next_of(UKCF_CQE_QUEUED);
	}
	s = (struct ukcf_sqe){ .user_data = CANCEL };
	ukcf_prep_cancel_ctx(&s, 1);
	submit(&s);
	while (n < 4) {
		c = result();
		n++;
		if (c.user_data == CANCEL)
			res = c.res;
		else
			cancelled += c.res == -ECANCELED;
	}
	expect(res == 3 && cancelled == 3,
	       "a context whose parts have no handle is cancelled: %d parts, "
	       "each ended", (int)res);
	expect(result().user_data == 9, "before the worker was free");
	whole_operation_works();
	consumer_close();
}

/* ------------------------------------------------------- 5: nobody was told */

static void told_of_cancel(void)
{
	struct pollfd p = { .events = POLLIN };
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint64_t handle;

	consumer_open(0);
	occupy_worker(9, 300 * MS);
	s = to_be_queued(1, 0);
	submit(&s);
	handle = next_of(UKCF_CQE_QUEUED).u.value;
	p.fd = ukcf_fd(conn);
	if (ukcf_ring_arm(ring))
		give_up("not armed");
	send_cancel(1, handle);
	expect(poll(&p, 1, (int)patience_ms()) == 1, "the event loop wakes up");
	for (unsigned int i = 0; i < 2; i++) {
		c = next_cqe();
		if (c.user_data == 1)
			expect(c.res == -ECANCELED &&
				       c.detail == UKCF_DETAIL_CANCELED,
			       "the cancelled request has its completion");
	}
	expect(result().user_data == 9, "no other one");
	consumer_close();
}

/* ------------------------------------------------ 7: the handle of two halves */

static const uint8_t nonce[12] = "0123456789a";

static void handle_of_dual(void)
{
	struct ukcf_dual d = { .cipher = UKCF_MECH_CHACHA20_POLY1305,
			       .mac = UKCF_MECH_HMAC_SHA2_256,
			       .nonce = nonce,
			       .nonce_len = sizeof(nonce) };
	struct ukcf_counts before, after;
	struct ukcf_sqe s = { .user_data = 1 };
	struct ukcf_cqe c;
	uint64_t handle;

	consumer_open(0);
	d.cipher_key = held_key(d.cipher);
	d.mac_key = held_key(d.mac);
	must(ukcf_prep_mac_decrypt(ring, &s, &d, UKCF_SPAN_NONE,
				   ukcf_buffer_span(in, 0, 116),
				   ukcf_buffer_span(out, OUT_SLOT, 132)),
	     "mac_decrypt");
	s.provider = provider_id("sodium"); /* not a device that is free */
	occupy_worker(9, 300 * MS);
	before = counts();
	s.flags = UKCF_SQE_QUEUE;
	submit(&s);
	expect(next_of(UKCF_CQE_QUEUED).u.value == 0,
	       "MAC and decryption in two halves, no handle wanted: none");
	s.user_data = 2;
	s.flags |= UKCF_SQE_WANT_HANDLE;
	submit(&s);
	handle = next_of(UKCF_CQE_QUEUED).u.value;
	expect(handle != 0, "wanted: there is one");
	send_cancel(2, handle);
	for (unsigned int i = 0; i < 2; i++) {
		c = result();
		expect(c.user_data == 2 ? c.res == -ECANCELED : c.res == 0,
		       "which cancels it");
	}
	while (result().user_data != 1)
		; /* of random bytes: -EBADMSG */
	after = counts();
	expect(after.accepted == before.accepted + 3 &&
		       after.completed == before.completed + 4,
	       "two halves are counted as one request (%llu, %llu)",
	       (unsigned long long)(after.accepted - before.accepted),
	       (unsigned long long)(after.completed - before.completed));
	consumer_close();
}

/* ----------------------------------------------------- 8: past a table's end */

static void past_the_table(void)
{
	static const uint32_t indexes[] = { 31, 32, 33, 115, 116, 0xeff,
					    0xf01, 0x7fff, 0x8000, 0xffff };
	unsigned int refused = 0, n = 0;
	pid_t pid;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	pid = probe_pid();
	for (uint32_t class_ = 0; class_ < 300; class_ += class_ < 12 ? 1 : 61)
		for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]);
		     i++) {
			struct ukcf_sqe s = sha256(1);
			struct ukcf_cqe c;

			s.mech[0] = UKCF_MECH_ID(class_, indexes[i]);
			c = run(&s);
			n++;
			refused += c.res == -EOPNOTSUPP &&
				   c.detail == UKCF_DETAIL_MECH;
		}
	expect(refused == n, "%u mechanism ids near and past the ends of a "
			     "table: each is unknown", n);
	expect(probe_pid() == pid && is_quiet(), "the daemon stands");
	consumer_close();
}

/* ------------------------------------------------------------ 9: all are woken */

static int one_who_waits(uint16_t id)
{
	unsigned int good = 0;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (unsigned int i = 0; i < 4; i++) {
		struct ukcf_sqe s = sha256(i);

		s.provider = id;
		s.mode = UKCF_MODE_SYNC;
		submit(&s);
	}
	for (unsigned int i = 0; i < 4; i++) {
		struct ukcf_cqe c = result();

		good += is_sha256(&c) && c.provider == id;
	}
	consumer_close();
	return good == 4 ? 0 : 1;
}

static void all_are_woken(void)
{
	unsigned int content = 0;
	uint16_t hw;
	int status;

	consumer_open(0);
	hw = provider_id("nullhw");
	await_state(hw, UKCF_PROVIDER_READY);
	consumer_close();
	tell("nullhw", "hang=1");
	for (unsigned int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(one_who_waits(hw));
		if (pid < 0)
			give_up("fork: %m");
	}
	await_queue(hw, 11, 1);
	tell("nullhw", "busy=20"); /* what follows finds no room at first */
	tell("nullhw", "release");
	for (unsigned int i = 0; i < 3; i++)
		content += wait(&status) > 0 && WIFEXITED(status) &&
			   WEXITSTATUS(status) == 0;
	expect(content == 3, "a device was busy, and is ready: %u of 3 "
			     "consumers that waited got all of their results",
	       content);
}

/* ---------------------------------------------- 10: out of a list of providers */

static void taken_out(void)
{
	static const char *const names[] = { "nullhw", "nullhw2" };
	unsigned int others = 0, refused = 0, back = 0, rounds = 0;
	uint16_t ids[2];

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (size_t i = 0; i < 2; i++) {
		ids[i] = provider_id(names[i]);
		await_state(ids[i], UKCF_PROVIDER_READY);
	}
	for (; rounds < 6; rounds++) {
		size_t gone = rounds % 2;
		struct ukcf_sqe s = sha256(1);
		struct ukcf_cqe c;

		tell(names[gone], "vanish");
		s.provider = ids[gone];
		c = run(&s);
		refused += c.res == -ENODEV;
		s.provider = 0;
		s.subflags = UKCF_SUB_REQUIRE_HW;
		c = run(&s);
		others += is_sha256(&c) && c.provider == ids[!gone];
		tell(names[gone], "back");
		await_state(ids[gone], UKCF_PROVIDER_READY);
		s.provider = ids[gone];
		c = run(&s);
		back += is_sha256(&c) && c.provider == ids[gone];
	}
	expect(refused == rounds && others == rounds && back == rounds,
	       "the first and the last of a mechanism's devices go, %u times: "
	       "the other one does it, and who comes back is used", rounds);
	consumer_close();
}

/* ------------------------------------------------------ 11: an endless wait */

static void on_signal(int sig)
{
	(void)sig;
}

static void hardware_only(void)
{
	static const char *const others[] = { "sodium", "openssl", "nullhw2" };

	for (size_t i = 0; i < 3; i++)
		disable(others[i], "sha2-256");
}

/* Once a request is in the device; again, for the signal may come before the
 * caller sleeps.  Return: who sends them. */
static pid_t signalled(uint16_t id)
{
	pid_t self = getpid(), pid = fork();
	uint64_t end;

	if (pid < 0)
		give_up("fork: %m");
	if (pid > 0)
		return pid;
	await_queue(id, 0, 1);
	end = clock_ns() + patience_ms() * MS;
	while (getppid() == self && clock_ns() < end) {
		kill(self, SIGUSR1);
		probe_pause();
	}
	_exit(0);
}

static void waits_end(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint8_t digest[32];
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	pid_t pid;
	uint16_t hw;

	sigaction(SIGUSR1, &sa, NULL);
	consumer_open(UKCF_CONNECT_NO_CALLER);
	hw = provider_id("nullhw");
	await_state(hw, UKCF_PROVIDER_READY);
	hardware_only();
	tell("nullhw", "hang=1");
	pid = signalled(hw);
	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 9, digest, 32) ==
		       -EINTR,
	       "a synchronous call waits for a device that does not answer: a "
	       "signal ends it");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	must(ukcf_set_timeout(conn, 100 * MS), "set_timeout");
	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 9, digest, 32) ==
			       -ETIMEDOUT &&
		       ukcf_last_call()->detail == UKCF_DETAIL_TIMEOUT,
	       "another, behind it: so does its deadline");
	s = sha256(1);
	s.provider = hw;
	s.timeout_us = 100000;
	c = run(&s);
	expect(c.res == -ETIMEDOUT && c.detail == UKCF_DETAIL_TIMEOUT,
	       "one over a ring, too, by the daemon");
	tell("nullhw", "release");
	must(ukcf_set_timeout(conn, 20000 * MS), "set_timeout");
	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 9, digest, 32) ==
			       32 &&
		       ukcf_last_call()->provider == hw,
	       "and when the device answers, the next one is done");
	consumer_close();
}

static const struct claim_case cases[] = {
	DEFECT("1", REAL, "a request that runs is not cancelled under its worker",
	       cancel_of_what_runs),
	DEFECT("2", REAL, "a cancel gives its place in the queue back",
	       capacity_after_cancels),
	DEFECT("3", REAL, "a cancelled part does not strand its successors",
	       cancelled_head),
	DEFECT("4", REAL, "a rejected part is not left behind in its context",
	       rejected_part),
	DEFECT("5", REAL, "a cancelled request has a completion",
	       told_of_cancel),
	DEFECT("6", REAL, "a context is cancelled whose parts have no handle",
	       context_without_handles),
	DEFECT("7", REAL, "a dual operation has a handle, and counts once",
	       handle_of_dual),
	DEFECT("8", REAL, "a mechanism past the end of a table is unknown",
	       past_the_table),
	DEFECT("9", PRETEND, "all who wait for a busy device are woken",
	       all_are_woken),
	DEFECT("10", PRETEND, "a provider that goes is out, and no other",
	       taken_out),
	DEFECT("11", PRETEND, "a wait for hardware ends by signal and deadline",
	       waits_end),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
