/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/shared/clock.h"

#define MS UINT64_C(1000000)

static struct loop *l;

static void setup(void)
{
	cr_assert_eq(loop_new(&l), 0);
}

TestSuite(loop, .init = setup, .timeout = 60);

static struct loop_source *source, *other;
static unsigned int calls, other_calls;
static uint32_t last;

static void count(void *arg, uint32_t revents)
{
	(void)arg;
	calls++;
	last = revents;
}

static void count_other(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	other_calls++;
}

static void bell(int fd)
{
	uint64_t one = 1;

	cr_assert(write(fd, &one, sizeof(one)) == sizeof(one));
}

/* Run until fn was called n times in all. */
static void run_until(unsigned int n)
{
	for (int i = 0; i < 1000 && calls < n; i++)
		cr_assert_geq(loop_run(l, true), 0);
	cr_assert_geq(calls, n);
}

static void drain(void)
{
	while (loop_pending(l))
		cr_assert_geq(loop_run(l, false), 0);
}

Test(loop, every_write_to_a_bell_that_nobody_reads_is_seen)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &source), 0);
	for (unsigned int i = 1; i <= 1000; i++) {
		bell(fd);
		run_until(i);
	}
	cr_assert(last & POLLIN);
}

Test(loop, what_was_there_before_the_watch_is_reported)
{
	int fd = eventfd(5, EFD_NONBLOCK);

	cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &source), 0);
	run_until(1);
}

Test(loop, does_not_wait_when_it_is_told_not_to)
{
	cr_assert_eq(loop_run(l, false), 0);
	cr_assert_not(loop_pending(l));
}

Test(loop, a_closed_peer_is_reported)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(loop_watch(l, pair[0], POLLIN | POLLRDHUP, count, NULL,
				&source), 0);
	close(pair[1]);
	run_until(1);
	cr_assert(last & (POLLRDHUP | POLLHUP));
}

Test(loop, a_timer_fires_once_and_not_early)
{
	uint64_t begin = clock_ns();

	cr_assert_eq(loop_timer_new(l, count, NULL, &source), 0);
	loop_timer_set(source, 5 * MS);
	run_until(1);
	cr_assert_geq(clock_ns() - begin, 5 * MS);
	/* Another one, later: the first has not come again by then. */
	cr_assert_eq(loop_timer_new(l, count_other, NULL, &other), 0);
	loop_timer_set(other, 10 * MS);
	while (!other_calls)
		cr_assert_geq(loop_run(l, true), 0);
	cr_assert_eq(calls, 1);
}

Test(loop, a_timer_set_anew_keeps_the_later_time)
{
	uint64_t begin = clock_ns();

	cr_assert_eq(loop_timer_new(l, count, NULL, &source), 0);
	for (int i = 0; i < 10; i++)
		loop_timer_set(source, 60000 * MS);
	loop_timer_set(source, 20 * MS);
	run_until(1);
	cr_assert_geq(clock_ns() - begin, 20 * MS);
	cr_assert_lt(clock_ns() - begin, 30000 * MS);
	drain();
	cr_assert_eq(calls, 1);
}

Test(loop, a_disarmed_timer_does_not_fire_also_if_it_was_due)
{
	uint64_t end;

	cr_assert_eq(loop_timer_new(l, count, NULL, &source), 0);
	loop_timer_set(source, 1);
	end = clock_ns() + 10000 * MS;
	while (!loop_pending(l)) /* it has expired, nobody was told */
		cr_assert_lt(clock_ns(), end);
	loop_timer_set(source, 0);
	cr_assert_eq(loop_timer_new(l, count_other, NULL, &other), 0);
	loop_timer_set(other, 2 * MS);
	while (!other_calls)
		cr_assert_geq(loop_run(l, true), 0);
	cr_assert_eq(calls, 0);
	loop_timer_set(source, 1);
	run_until(1);
}

Test(loop, a_muted_bell_is_silent_and_then_reports_what_came_meanwhile)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t begin;

	cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &source), 0);
	bell(fd);
	run_until(1);
	begin = clock_ns();
	loop_mute(source, 20 * MS);
	loop_mute(source, 1); /* is muted already */
	drain();
	calls = 0;
	bell(fd);
	run_until(1);
	cr_assert_geq(clock_ns() - begin, 20 * MS);
	calls = 0;
	bell(fd);
	run_until(1);
}

static void free_self(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	calls++;
	loop_source_free(source);
}

Test(loop, a_source_may_free_itself_in_its_callback)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	cr_assert_eq(loop_watch(l, fd, POLLIN, free_self, NULL, &source), 0);
	bell(fd);
	run_until(1);
	bell(fd);
	drain();
	cr_assert_eq(calls, 1);
	cr_assert_eq(loop_timer_new(l, free_self, NULL, &source), 0);
	loop_timer_set(source, 1);
	run_until(2);
	drain();
}

Test(loop, a_freed_source_is_never_called_again)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	for (int i = 0; i < 200; i++) {
		cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &source),
			     0);
		cr_assert_eq(loop_timer_new(l, count, NULL, &other), 0);
		loop_timer_set(other, 1);
		bell(fd);
		loop_source_free(source);
		loop_source_free(other);
	}
	drain();
	cr_assert_eq(calls, 0);
	loop_free(l);
	loop_source_free(NULL);
}

Test(loop, sources_may_outlive_their_loop)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &source), 0);
	cr_assert_eq(loop_timer_new(l, count, NULL, &other), 0);
	loop_timer_set(other, 1000 * MS);
	loop_free(l);
	loop_timer_set(other, 1);
	loop_mute(source, 1);
	loop_source_free(source);
	loop_source_free(other);
	loop_free(NULL);
}

/* More than the submission queue has room for. */
Test(loop, many_sources_are_all_served)
{
	static struct loop_source *s[700];
	int fd = eventfd(0, EFD_NONBLOCK);

	for (int i = 0; i < 700; i++)
		cr_assert_eq(loop_watch(l, fd, POLLIN, count, NULL, &s[i]), 0);
	bell(fd);
	run_until(700);
	for (int i = 0; i < 700; i++)
		loop_source_free(s[i]);
	drain();
	loop_free(l);
}

Test(loop, why_there_is_none_is_said_in_words)
{
	cr_assert(strstr(loop_unavailable_reason(-EPERM),
			 "kernel.io_uring_disabled"));
	cr_assert(strstr(loop_unavailable_reason(-ENOSYS), "kernel"));
	cr_assert(strstr(loop_unavailable_reason(-ENOMEM), "LimitMEMLOCK"));
	cr_assert(strstr(loop_unavailable_reason(-EMFILE), "LimitNOFILE"));
	cr_assert(*loop_unavailable_reason(-EINVAL));
}
