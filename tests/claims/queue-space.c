/* SPDX-License-Identifier: MIT */
/* Claims on room in a queue: who finds a place, who does not, who is told.
 * The daemon has one worker, and SLOTS places in each queue. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define SLOTS 4u /* daemon.queue_slots, see tests/claims/under-daemon */
#define LONG (400 * MS)

static struct ukcf_sqe queued(uint64_t user_data)
{
	struct ukcf_sqe s = work(user_data, 0);

	s.flags = UKCF_SQE_QUEUE;
	return s;
}

static void fill(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ukcf_sqe s = queued(10 + i);

		submit(&s);
	}
}

/* Results of all that were accepted, each right. */
static void drain(unsigned int n)
{
	unsigned int right = 0;

	for (unsigned int i = 0; i < n; i++)
		right += result().res == 32;
	expect(right == n, "%u of %u accepted requests are done", right, n);
}

static void told_either_way(void)
{
	unsigned int told = 0, failed = 0;
	struct msg_queue before, after;
	struct ukcf_sqe s;

	consumer_open(0);
	before = queue_row(UKCF_QUEUE_BULK);
	occupy_worker(1, LONG);
	fill(SLOTS + 2);
	while (told + failed < SLOTS + 2) {
		struct ukcf_cqe c = next_cqe();

		if (kind_of(&c) == UKCF_CQE_QUEUED)
			told++;
		else
			failed += c.res == -EAGAIN &&
				  c.detail == UKCF_DETAIL_QUEUE_FULL &&
				  c.provider == UKCF_QUEUE_BULK;
	}
	after = queue_row(UKCF_QUEUE_BULK);
	expect(told == SLOTS, "%u places: %u are told that they are queued",
	       SLOTS, told);
	expect(failed == 2 && after.rejected == before.rejected + 2,
	       "%u are told that it failed, and the daemon counts them",
	       failed);
	s = sha256(3);
	s.mode = UKCF_MODE_SYNC;
	s.provider = provider_id("sodium");
	s.in.len = IN_SIZE; /* too long to run at once */
	submit(&s);
	drain(SLOTS + 2);
	expect(queue_row(UKCF_QUEUE_BULK).rejected == after.rejected,
	       "a synchronous one finds a place in the full queue");
	consumer_close();
}

/* Between the rejection and the event the consumer does nothing. */
static void resubmits(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	occupy_worker(1, LONG);
	fill(SLOTS);
	for (unsigned int i = 0; i < SLOTS; i++)
		next_of(UKCF_CQE_QUEUED);
	s = queued(2);
	s.flags |= UKCF_SQE_NOTIFY_SPACE;
	submit(&s);
	c = next_cqe();
	expect(c.user_data == 2 && c.res == -EAGAIN,
	       "asynchronous, and no place: it failed");
	expect(is_quiet(), "and nothing is said while there is none");
	c = next_of(UKCF_CQE_SPACE);
	expect(c.user_data == 2 && c.provider == UKCF_QUEUE_BULK && c.res > 0,
	       "the consumer is told of %d places in that queue", (int)c.res);
	submit(&s);
	do {
		c = next_cqe();
	} while (c.user_data != 2);
	expect(kind_of(&c) == UKCF_CQE_QUEUED, "it submits again: queued");
	do {
		c = result();
	} while (c.user_data != 2);
	expect(c.res == 32, "and done");
	consumer_close();
}

static void told_of_failure(void)
{
	unsigned int got = 0;
	struct ukcf_cqe c;

	consumer_open(0);
	occupy_worker(1, LONG);
	fill(SLOTS);
	for (unsigned int i = 0; i < SLOTS; i++)
		next_of(UKCF_CQE_QUEUED);
	fill(1);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_RESULT && c.res == -EAGAIN &&
		       c.provider == UKCF_QUEUE_BULK,
	       "a full queue: the consumer is told, and which one");
	drain(SLOTS + 1);
	while (ukcf_get_sqe(ring))
		got++;
	expect(got == ENTRIES, "a full ring is another thing: the library "
			       "says so after %u entries", got);
	consumer_close();
}

/* A second consumer, which registers after the first one. */
static int second(int ready, int go)
{
	struct ukcf_sqe s = { .user_data = 7 };
	char byte;

	consumer_open(0);
	if (read(go, &byte, 1) != 1)
		return 1;
	ukcf_prep_notify_space(&s, UKCF_QUEUE_BULK, SLOTS);
	submit(&s);
	if (result().res != 0 || write(ready, "x", 1) != 1)
		return 1;
	next_of(UKCF_CQE_SPACE);
	return write(ready, "x", 1) != 1;
}

/* What was in the queue may still end. */
static bool is_told_again(void)
{
	struct ukcf_sqe s = { .user_data = 6 };
	bool again = false;
	struct ukcf_cqe c;

	ukcf_prep_nop(&s);
	submit(&s);
	do {
		c = next_cqe();
		again |= kind_of(&c) == UKCF_CQE_SPACE;
	} while (c.user_data != 6);
	return again;
}

static void registered(void)
{
	struct ukcf_sqe s = { .user_data = 5 };
	int ready[2], go[2], status = 0;
	struct ukcf_cqe c;
	char byte;
	pid_t pid;

	if (pipe(ready) || pipe(go))
		give_up("pipe: %m");
	pid = fork();
	if (pid == 0)
		_exit(second(ready[1], go[0]));
	consumer_open(0);
	occupy_worker(1, LONG);
	fill(SLOTS);
	ukcf_prep_notify_space(&s, UKCF_QUEUE_BULK, SLOTS);
	submit(&s);
	do {
		c = next_cqe();
	} while (c.user_data != 5);
	expect(kind_of(&c) == UKCF_CQE_RESULT && c.res == 0,
	       "the consumer is registered for room");
	expect(write(go[1], "x", 1) == 1 && read(ready[0], &byte, 1) == 1,
	       "and another one, after it");
	expect(is_quiet(), "there is none: nothing is said");
	c = next_of(UKCF_CQE_SPACE);
	expect(c.user_data == 5 && c.res >= (int64_t)SLOTS &&
		       c.provider == UKCF_QUEUE_BULK,
	       "room: the first one is told, without asking");
	expect(read(ready[0], &byte, 1) == 1, "and the second one");
	expect(!is_told_again(), "once");
	waitpid(pid, &status, 0);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	       "the second consumer is content");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("3 14", REAL, "told that it is queued, or that this failed",
	      told_either_way),
	CLAIM("4 15", REAL, "rejected, told of room, submitted again: done",
	      resubmits),
	CLAIM("34", REAL, "a full queue is told, by its name",
	      told_of_failure),
	CLAIM("35", REAL, "registered for room, and told of it once",
	      registered),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
