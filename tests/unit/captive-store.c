/* SPDX-License-Identifier: MIT */
/* The other side is sd_notify(3) itself, as the daemon uses it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/captive-store.h"
#include "daemon/fdstore.h"
#include "tests/unit/fixture.h"

static int sock;

static void setup(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int one = 1;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", temp_dir());
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &one,
				sizeof(one)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
}

TestSuite(captive_store, .init = setup, .fini = captive_store_clear,
	  .timeout = 60);

static unsigned int receive(void)
{
	return captive_store_receive(sock, getpid());
}

Test(captive_store, what_is_put_is_kept_and_what_is_removed_is_closed)
{
	int fd = eventfd(0, EFD_CLOEXEC), before;

	cr_assert_eq(fdstore_put("a", fd), 0);
	cr_assert_eq(fdstore_putf(fd, "c%u.b%u", 1, 2), 0);
	before = next_fd();
	receive();
	cr_assert_eq(captive_store_count(), 2);
	cr_assert_neq(next_fd(), before);
	fdstore_removef("a");
	fdstore_removef("c%u.b%u", 1, 2);
	fdstore_removef("never there");
	receive();
	cr_assert_eq(captive_store_count(), 0);
	cr_assert_eq(next_fd(), before);
}

Test(captive_store, removing_a_name_removes_all_of_that_name_and_no_other)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	for (int i = 0; i < 3; i++)
		fdstore_put("same", fd);
	fdstore_put("same2", fd);
	fdstore_put("sam", fd);
	receive();
	cr_assert_eq(captive_store_count(), 5);
	fdstore_removef("same");
	receive();
	cr_assert_eq(captive_store_count(), 2);
}

Test(captive_store, readiness_and_stopping_are_told)
{
	cr_assert_eq(receive(), 0);
	sd_notify(0, "READY=1");
	cr_assert_eq(receive(), CAPTIVE_SAID_READY);
	sd_notify(0, "STOPPING=1");
	sd_notify(0, "STATUS=x");
	cr_assert_eq(receive(), CAPTIVE_SAID_STOPPING);
}

Test(captive_store, nobody_but_the_daemon_is_obeyed)
{
	int fd = eventfd(0, EFD_CLOEXEC), before = next_fd(), status;
	pid_t pid = fork();

	if (pid == 0) {
		sd_notify(0, "READY=1");
		fdstore_put("a", fd);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert_eq(receive(), 0);
	cr_assert_eq(captive_store_count(), 0);
	cr_assert_eq(next_fd(), before, "what it sent is closed");
}

Test(captive_store, descriptors_without_name_or_order_are_closed)
{
	int fds[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
	int before = next_fd();

	sd_pid_notify_with_fds(0, 0, "FDSTORE=1", fds, 2);
	sd_pid_notify_with_fds(0, 0, "FDNAME=x", fds, 2);
	sd_pid_notify_with_fds(0, 0, "", fds, 1);
	receive();
	cr_assert_eq(captive_store_count(), 0);
	cr_assert_eq(next_fd(), before);
}

/* The systemd store does that too: the other end was closed. */
Test(captive_store, a_socket_whose_other_end_closed_is_dropped_and_only_it)
{
	struct pollfd p = { .fd = captive_store_poll_fd(), .events = POLLIN };
	int pair[2], bell = eventfd(1, EFD_CLOEXEC);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				pair), 0);
	fdstore_put("sock", pair[0]);
	fdstore_put("bell", bell);
	receive();
	close(pair[0]);
	captive_store_sweep();
	cr_assert_eq(captive_store_count(), 2);
	cr_assert_eq(poll(&p, 1, 0), 0);
	close(pair[1]);
	cr_assert_eq(poll(&p, 1, 20000), 1);
	captive_store_sweep();
	cr_assert_eq(captive_store_count(), 1);
	cr_assert_eq(poll(&p, 1, 0), 0);
}

/* Each value tells which eventfd it was: in a process of its own. */
static int check_handed_over(unsigned int n)
{
	unsigned int found = 0;

	if (captive_store_hand_over())
		return 1;
	if (fdstore_init())
		return 2;
	for (unsigned int i = 0; i < n; i++) {
		int fd = fdstore_takef("n%u", i);
		uint64_t v = 0;

		if (fd < 3 || fd >= 3 + (int)n ||
		    read(fd, &v, sizeof(v)) < 0 || v != i + 1)
			return 3;
		if (fdstore_takef("n%u", i) != -1)
			return 4; /* given once */
		found++;
	}
	return found == n ? 0 : 5;
}

Test(captive_store, the_next_daemon_finds_each_descriptor_under_its_name)
{
	static const unsigned int sizes[] = { 1, 2, 50, 200 };

	for (size_t k = 0; k < 4; k++) {
		int status;
		pid_t pid;

		for (unsigned int i = 0; i < sizes[k]; i++) {
			char name[16];

			snprintf(name, sizeof(name), "n%u", i);
			captive_store_add(name, eventfd(i + 1, EFD_CLOEXEC));
		}
		pid = fork();
		if (pid == 0)
			_exit(check_handed_over(sizes[k]));
		cr_assert(waitpid(pid, &status, 0) == pid);
		cr_assert_eq(status, 0, "%u: %d", sizes[k],
			     WEXITSTATUS(status));
		captive_store_clear();
	}
}

Test(captive_store, names_beyond_what_an_environment_holds_are_E2BIG)
{
	char name[64];
	int status;
	pid_t pid;

	memset(name, 'x', 63);
	name[63] = '\0';
	/* the same descriptor under each name: numbers are not the matter */
	for (int i = 0; i < 2100; i++)
		captive_store_add(name, fcntl(sock, F_DUPFD_CLOEXEC, 3));
	pid = fork();
	if (pid == 0)
		_exit(captive_store_hand_over() == -E2BIG ? 0 : 1);
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert_eq(status, 0);
}
