/* SPDX-License-Identifier: MIT */
/* Claims on handles, and on cancelling with them. */
#include <errno.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define LONG (300 * MS)

static uint64_t handle_of(uint64_t user_data, uint16_t flags)
{
	struct ukcf_sqe s = work(user_data, 0);
	struct ukcf_cqe c;

	s.flags = flags;
	submit(&s);
	do {
		c = next_cqe();
	} while (c.user_data != user_data);
	if (kind_of(&c) != UKCF_CQE_QUEUED)
		give_up("request %u was not queued: %d",
			(unsigned int)user_data, (int)c.res);
	return c.u.value;
}

static struct ukcf_cqe cancel(uint64_t handle)
{
	struct ukcf_sqe s = { .user_data = 99 };
	struct ukcf_cqe c;

	ukcf_prep_cancel(&s, handle);
	submit(&s);
	do { /* the target's own end comes before or after it */
		c = next_cqe();
		if (c.user_data != 99)
			expect(c.res == -ECANCELED, "request %u ends with "
			       "%d", (unsigned int)c.user_data, (int)c.res);
	} while (c.user_data != 99);
	return c;
}

static void handle_if_asked(void)
{
	uint64_t a, b, none;

	consumer_open(0);
	occupy_worker(1, LONG);
	a = handle_of(2, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE);
	b = handle_of(3, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE);
	none = handle_of(4, UKCF_SQE_QUEUE);
	expect(a && b && a != b, "queued, and a handle wanted: one each");
	expect(!(a >> 63) && a != 2 && b != 3,
	       "which is the daemon's word, not the consumer's");
	expect(none == 0, "queued, and none wanted: there is none");
	for (unsigned int i = 0; i < 4; i++)
		expect(result().res == 32, "done");
	consumer_close();
}

static void cancelled_by_handle(void)
{
	uint64_t before, target, other, running;
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	s = work(1, LONG);
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	before = queue_row(UKCF_QUEUE_BULK).taken;
	submit(&s);
	running = next_of(UKCF_CQE_QUEUED).u.value;
	while (queue_row(UKCF_QUEUE_BULK).taken == before)
		;
	before = queue_row(UKCF_QUEUE_BULK).cancelled;
	target = handle_of(2, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE);
	other = handle_of(3, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE);
	s = (struct ukcf_sqe){ .user_data = 99 };
	ukcf_prep_cancel(&s, target);
	submit(&s);
	for (unsigned int n = 0; n < 2; n++) {
		c = next_cqe();
		if (c.user_data == 99)
			expect(c.res == 0, "the cancel was in time");
		else
			expect(c.user_data == 2 && c.res == -ECANCELED &&
				       c.detail == UKCF_DETAIL_CANCELED,
			       "its target has ended, and says how");
	}
	expect(queue_row(UKCF_QUEUE_BULK).cancelled == before + 1,
	       "the daemon counts one");
	c = cancel(target);
	expect(c.res == -ENOENT && c.detail == UKCF_DETAIL_HANDLE,
	       "again: there is no such request any more");
	expect(cancel(running).res == -EALREADY, "what runs: too late");
	c = result();
	expect(c.user_data == 1 && c.res == 32, "and it is done");
	c = result();
	expect(c.user_data == 3 && c.res == 32,
	       "the other one, with handle %llx, too",
	       (unsigned long long)other);
	expect(is_quiet(), "each ended once");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("16 32", REAL, "queued: a handle, if one is wanted",
	      handle_if_asked),
	CLAIM("17 33", REAL, "cancelled by its handle", cancelled_by_handle),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
