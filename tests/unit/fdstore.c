/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/fdstore.h"
#include "lib/shared/log.h"
#include "tests/unit/fixture.h"

Test(fdstore, without_a_manager_nothing_is_kept_and_nothing_fails)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	unsetenv("NOTIFY_SOCKET");
	cr_assert_not(fdstore_active());
	cr_assert_eq(fdstore_init(), 0);
	cr_assert_eq(fdstore_put("x", fd), 0);
	cr_assert_eq(fdstore_take("x"), -1);
	fdstore_removef("x");
	fdstore_drop_rest();
	cr_assert(is_open_fd(fd));
}

Test(fdstore, a_manager_that_cannot_be_reached_is_told_with_the_name)
{
	const char *text;

	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	cr_assert(fdstore_active());
	log_init("unit", LOG_INFO);
	catch_stderr();
	cr_assert_lt(fdstore_putf(0, "c%d.control", 7), 0);
	text = caught_stderr();
	cr_assert(strstr(text, "c7.control") && strstr(text, "restart"), "%s",
		  text);
}

/* In a child: descriptors from 3 on are what a manager passes. */
static int taken_over(const char *path)
{
	char pid[16];

	/* Criterion's own descriptors are no matter here. */
	for (int i = 0; i < 3; i++)
		if (dup2(eventfd((unsigned int)i + 1, 0), 3 + i) < 0)
			return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "a:b:c0.b1", 1);
	setenv("NOTIFY_SOCKET", path, 1);
	if (fdstore_init() || getenv("LISTEN_FDS"))
		return 2;
	for (int i = 0; i < 3; i++)
		if (fcntl(3 + i, F_GETFD) != FD_CLOEXEC)
			return 3;
	if (fdstore_take("b") != 4 || fdstore_take("b") != -1 ||
	    fdstore_takef("c%d.b%d", 0, 1) != 5 || fdstore_take("c0.b") != -1)
		return 4;
	fdstore_drop_rest(); /* a: nobody took it */
	if (is_open_fd(3) || !is_open_fd(4) || !is_open_fd(5))
		return 5;
	return 0;
}

Test(fdstore, what_is_passed_is_taken_once_by_name_and_the_rest_is_dropped)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
	char said[256] = "";
	pid_t pid;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", temp_dir());
	cr_assert_eq(bind(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	pid = fork();
	if (pid == 0)
		_exit(taken_over(sa.sun_path));
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert_eq(status, 0, "%d", WEXITSTATUS(status));
	cr_assert(recv(sock, said, sizeof(said) - 1, MSG_DONTWAIT) > 0);
	cr_assert(strstr(said, "FDSTOREREMOVE=1") &&
		  strstr(said, "FDNAME=a"), "%s", said);
	cr_assert_lt(recv(sock, said, sizeof(said) - 1, MSG_DONTWAIT), 0);
}
