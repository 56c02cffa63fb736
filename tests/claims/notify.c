/* SPDX-License-Identifier: MIT */
/* Claims on the news that a provider has done it. */
#include <errno.h>
#include <poll.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

static bool readable(int timeout_ms)
{
	struct pollfd p = { .fd = ukcf_fd(conn), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && (p.revents & POLLIN);
}

/* Nothing while it runs, news when it is done: 100 ms later. */
static void when_done(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	occupy_worker(1, 100 * MS);
	expect(ukcf_ring_arm(ring) == 0 && !readable(0),
	       "it runs: the consumer's descriptor says nothing");
	expect(readable((int)patience_ms()),
	       "it is done: the descriptor becomes readable");
	ukcf_fd_clear(conn);
	c = next_cqe();
	expect(c.user_data == 1 && c.res == 32 && is_quiet(),
	       "and the completion is there, once");
	s = digest_of(2, UKCF_MECH_NULL_DIGEST, 0);
	s.provider = provider_id("sodium");
	if (ukcf_ring_arm(ring))
		give_up("not armed");
	submit(&s);
	expect(readable((int)patience_ms()), "of a failure, too");
	c = next_cqe();
	expect(c.res == -EOPNOTSUPP, "which says what it was");
	consumer_close();
}

static void by_which(void)
{
	static const char *const names[] = { "sodium", "openssl" };
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (unsigned int i = 0; i < 2; i++) {
		s = sha256(i);
		s.provider = provider_id(names[i]);
		s.flags = UKCF_SQE_QUEUE;
		if (ukcf_ring_arm(ring))
			give_up("not armed");
		submit(&s);
		expect(readable((int)patience_ms()), "news of %s",
		       names[i]);
		c = result();
		expect(is_sha256(&c) && c.provider == s.provider,
		       "which has done it, and is named");
		ukcf_fd_clear(conn);
	}
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("38", REAL, "the consumer is told when it is done", when_done),
	CLAIM("51", REAL, "and which of several providers has done it",
	      by_which),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
