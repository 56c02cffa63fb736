/* SPDX-License-Identifier: MIT */
/* Claims on where a request runs: in the caller, from a queue, or at once. */
#include <signal.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"
#include "tests/support/probe.h"

static const uint8_t key_bytes[32] = "thirty-two bytes, known to us al";

/* The daemon takes nothing from our rings, and the call says where it ran. */
static void runs_in_the_caller(void)
{
	uint64_t before = counts().accepted;
	uint8_t digest[32], tag[32];
	struct ukcf_key own;

	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 100, digest, 32) ==
			       32 &&
		       ukcf_last_call()->where == UKCF_WHERE_CALLER &&
		       ukcf_last_call()->provider,
	       "synchronous, no key: in the calling thread, by provider %u",
	       ukcf_last_call()->provider);
	if (ukcf_key_local(conn, UKCF_MECH_HMAC_SHA2_256, 0, key_bytes, 32,
			   &own))
		give_up("no local key");
	expect(ukcf_mac(conn, UKCF_MECH_HMAC_SHA2_256, own, text, 100, tag,
			32) == 32 &&
		       ukcf_last_call()->where == UKCF_WHERE_CALLER,
	       "synchronous, own key: in the calling thread");
	expect(counts().accepted == before, "the daemon took no request");
}

static void runs_from_the_queue(void)
{
	struct ukcf_sqe s = sha256(1);
	uint64_t taken = queue_row(UKCF_QUEUE_BULK).taken;
	struct ukcf_cqe c;

	s.flags = UKCF_SQE_QUEUE;
	s.provider = provider_id("sodium");
	submit(&s);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_QUEUED && c.user_data == 1,
	       "asynchronous, to be queued: first the news that it is queued");
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_RESULT && is_sha256(&c) &&
		       !(c.flags & UKCF_CQE_F_INLINE) && c.u.t.queue_ns > 0,
	       "later the result, %u ns in the queue", c.u.t.queue_ns);
	expect(queue_row(UKCF_QUEUE_BULK).taken == taken + 1,
	       "a worker took one request from the software queue");
}

static void runs_at_once(void)
{
	struct ukcf_sqe s = digest_of(2, UKCF_MECH_SHA2_256, 512);
	uint64_t taken = queue_row(UKCF_QUEUE_BULK).taken;
	struct ukcf_cqe c;

	disable("nullhw", "sha2-256");
	disable("nullhw2", "sha2-256");
	submit(&s);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_RESULT && is_sha256(&c) &&
		       (c.flags & UKCF_CQE_F_INLINE),
	       "asynchronous, not to be queued: one completion, the result of "
	       "what ran at once");
	expect(is_quiet() && queue_row(UKCF_QUEUE_BULK).taken == taken,
	       "nothing was queued");
}

static void three_ways(void)
{
	consumer_open(0);
	runs_in_the_caller();
	runs_from_the_queue();
	runs_at_once();
	consumer_close();
}

/* Nobody but the caller can have done it: the daemon stands still. */
static void in_consumer_context(void)
{
	uint8_t digest[32], again[32];
	int64_t res;
	pid_t pid;

	consumer_open(0);
	pid = probe_pid();
	if (ukcf_set_timeout(conn, 500 * MS))
		give_up("no deadline");
	kill(pid, SIGSTOP);
	res = ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 100, digest, 32);
	kill(pid, SIGCONT);
	expect(res == 32 && ukcf_last_call()->where == UKCF_WHERE_CALLER,
	       "synchronous, and the daemon is stopped: done all the same");
	consumer_close();
	consumer_open(UKCF_CONNECT_NO_CALLER);
	res = ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 100, again, 32);
	expect(res == 32 && memcmp(digest, again, 32) == 0 &&
		       ukcf_last_call()->where != UKCF_WHERE_CALLER,
	       "control: over the ring it is the same, and says that");
	consumer_close();
}

static void queued_when_asked(void)
{
	struct ukcf_sqe s;
	uint64_t taken;
	struct ukcf_cqe c;

	consumer_open(0);
	s = sha256(1);
	occupy_worker(9, 50 * MS);
	taken = queue_row(UKCF_QUEUE_BULK).taken;
	s.flags = UKCF_SQE_QUEUE;
	s.provider = provider_id("sodium");
	submit(&s);
	c = next_of(UKCF_CQE_QUEUED);
	expect(c.user_data == 1 && queue_row(UKCF_QUEUE_BULK).waiting == 1,
	       "to be queued: it waits in the queue, behind another");
	s.user_data = 2;
	s.flags = 0;
	submit(&s);
	c = next_cqe();
	expect(c.user_data == 2 && (c.flags & UKCF_CQE_F_INLINE),
	       "not to be queued: it passes by");
	c = result();
	expect(c.user_data == 9, "then the one before it in the queue");
	c = result();
	expect(c.user_data == 1 && c.res == 32 &&
		       !(c.flags & UKCF_CQE_F_INLINE) &&
		       queue_row(UKCF_QUEUE_BULK).taken == taken + 1,
	       "then it, from the queue");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("2 9", REAL, "in the caller, from the queue, or at once",
	      three_ways),
	CLAIM("30", REAL, "a synchronous request runs in the caller",
	      in_consumer_context),
	CLAIM("31", REAL, "an asynchronous request is queued if that is asked",
	      queued_when_asked),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
