/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/notifier.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

static struct consumer c[2];
static int theirs[2];

static void setup(void)
{
	log_init("unit", LOG_EMERG);
	for (uint32_t i = 0; i < 2; i++) {
		int pair[2];

		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK,
					0, pair), 0);
		c[i] = (struct consumer){ .magic = CONSUMER_MAGIC, .refs = 1,
					  .rec = 100 * i, .serial = 1 + i,
					  .notify_fd = pair[0] };
		theirs[i] = pair[1];
	}
	cr_assert_eq(notifier_start(), 0);
}

TestSuite(notifier, .init = setup, .fini = notifier_stop, .timeout = 60);

/* Wait for bytes at a consumer's end.  Return: how many. */
static ssize_t bytes(int i)
{
	struct pollfd p = { .fd = theirs[i], .events = POLLIN };
	char buf[256];

	cr_assert_eq(poll(&p, 1, 20000), 1, "no byte came");
	return read(theirs[i], buf, sizeof(buf));
}

static void wait_refs(const struct consumer *who, uint32_t n)
{
	uint64_t end = clock_ns() + UINT64_C(20000000000);

	while (load_acquire_u32(&who->refs) != n)
		cr_assert_lt(clock_ns(), end, "%u references", who->refs);
}

Test(notifier, every_post_is_followed_by_a_byte_to_that_consumer_only)
{
	for (int i = 0; i < 2000; i++) {
		notifier_post(&c[i % 2]);
		cr_assert_geq(bytes(i % 2), 1);
	}
	wait_refs(&c[0], 1);
	wait_refs(&c[1], 1);
}

Test(notifier, posts_that_come_together_may_share_a_byte_and_leak_no_reference)
{
	for (int i = 0; i < 10000; i++)
		notifier_post(&c[0]);
	cr_assert_geq(bytes(0), 1);
	wait_refs(&c[0], 1);
}

Test(notifier, a_full_socket_blocks_nobody)
{
	while (send(c[0].notify_fd, "", 1, MSG_DONTWAIT) == 1)
		;
	cr_assert_eq(errno, EAGAIN);
	notifier_post(&c[0]);
	notifier_post(&c[1]);
	cr_assert_eq(bytes(1), 1);
	wait_refs(&c[0], 1);
	cr_assert_not(c[0].notify_dead, "it has a byte to read already");
}

Test(notifier, who_closed_its_end_is_not_notified_again)
{
	close(theirs[0]);
	notifier_post(&c[0]);
	wait_refs(&c[0], 1);
	cr_assert_eq(load_acquire_u32(&c[0].notify_dead), 1);
	notifier_post(&c[0]);
	cr_assert_eq(c[0].refs, 1, "nothing is due");
}

/* Each send has to wake them all.  Return: how many. */
static unsigned int poll_by_many(int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct rlimit of_files;
	unsigned int n = 0;
	int of;

	getrlimit(RLIMIT_NOFILE, &of_files);
	of_files.rlim_cur = of_files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &of_files);
	while (n < 20000 && (of = epoll_create1(0)) >= 0) {
		cr_assert_eq(epoll_ctl(of, EPOLL_CTL_ADD, fd, &e), 0);
		n++;
	}
	return n;
}

Test(notifier, who_makes_sends_slow_loses_them_and_only_that)
{
	unsigned int posts = 0;

	if (poll_by_many(theirs[0]) < 5000)
		cr_skip_test("not so many descriptors are allowed");
	while (!load_acquire_u32(&c[0].notify_dead)) {
		notifier_post(&c[0]);
		wait_refs(&c[0], 1);
		cr_assert_lt(posts++, 10000u);
	}
	notifier_post(&c[1]);
	cr_assert_eq(bytes(1), 1);
}

Test(notifier, what_was_posted_is_sent_before_it_stops)
{
	for (int i = 0; i < 100; i++) {
		notifier_post(&c[0]);
		notifier_stop();
		cr_assert_eq(bytes(0), 1);
		cr_assert_eq(c[0].refs, 1);
		cr_assert_eq(notifier_start(), 0);
	}
}
