/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/api/listener.h"
#include "daemon/loop.h"
#include "lib/shared/log.h"
#include "tests/support/check.h"
#include "tests/unit/fixture.h"

static char path[100];
static const char *dir;
static struct listener *l;

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	log_init("unit", LOG_INFO);
	dir = temp_dir();
	snprintf(path, sizeof(path), "%s/sock", dir);
}

TestSuite(listener, .init = setup, .timeout = 60);

static int open_at(const char *where, const char **text)
{
	int err;

	catch_stderr();
	err = listener_open("unit.sock", where, 0600, &l);
	*text = caught_stderr();
	return err;
}

static int dial(int type)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -errno;
}

Test(listener, has_its_mode_and_is_gone_when_closed)
{
	struct stat st;
	const char *text;

	cr_assert_eq(open_at(path, &text), 0, "%s", text);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
	listener_close(l);
	cr_assert_eq(stat(path, &st), -1);
	listener_close(NULL);
}

Test(listener, what_a_crash_left_is_replaced)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	const char *text;

	strcpy(sa.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	cr_assert_eq(open_at(path, &text), 0, "%s", text);
	cr_assert(dial(SOCK_SEQPACKET) >= 0);
}

Test(listener, a_socket_that_is_served_is_left_alone_and_its_server_named)
{
	struct listener *first;
	const char *text;
	char pid[32];

	cr_assert_eq(open_at(path, &text), 0);
	first = l;
	cr_assert_eq(open_at(path, &text), -EADDRINUSE);
	snprintf(pid, sizeof(pid), "process %d ", (int)getpid());
	cr_assert(strstr(text, path) && strstr(text, pid), "%s", text);
	cr_assert(dial(SOCK_SEQPACKET) >= 0, "it still works");
	listener_close(first);
}

Test(listener, what_is_no_socket_is_never_removed)
{
	struct stat st;
	const char *text;

	temp_file(dir, "sock", "precious");
	cr_assert_eq(open_at(path, &text), -EEXIST);
	cr_assert(strstr(text, "not a socket"), "%s", text);
	cr_assert(stat(path, &st) == 0 && st.st_size == 8);
	unlink(path);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert_eq(open_at(path, &text), -EEXIST);
	cr_assert_eq(lstat(path, &st), 0);
}

Test(listener, messages_name_the_folder_that_is_missing_or_not_writable)
{
	char where[200];
	const char *text;

	snprintf(where, sizeof(where), "%s/none/sock", dir);
	cr_assert_eq(open_at(where, &text), -ENOENT);
	snprintf(where, sizeof(where), "%s/none:", dir);
	cr_assert(strstr(text, where) && strstr(text, "daemon.socket"), "%s",
		  text);
	if (geteuid() == 0)
		cr_assert_eq(become(other_uid()), 0);
	else
		cr_assert_eq(chmod(dir, 0500), 0);
	cr_assert_eq(open_at(path, &text), -EACCES);
	cr_assert(strstr(text, "not writable for uid"), "%s", text);
	if (getuid() != other_uid())
		chmod(dir, 0700);
}

Test(listener, a_path_longer_than_an_address_is_an_error)
{
	char where[300];
	const char *text;

	memset(where, 'x', sizeof(where));
	memcpy(where, dir, strlen(dir));
	where[strlen(dir)] = '/';
	where[107] = 'x';
	where[108] = '\0';
	cr_assert_eq(open_at(where, &text), -ENAMETOOLONG);
	cr_assert(strstr(text, "107 bytes"), "%s", text);
	where[107] = '\0';
	cr_assert_eq(open_at(where, &text), 0, "%s", text);
	listener_close(l);
}

static unsigned int accepted;
static struct ucred peers[200];
static int fds[200];

static void on_connection(int fd, const struct ucred *peer)
{
	fds[accepted] = fd;
	peers[accepted++] = *peer;
}

/* Bursts are bounded, and what is left is not forgotten. */
Test(listener, every_connection_arrives_with_the_kernels_word_on_its_peer)
{
	struct loop *loop;
	const char *text;
	int one = 0;
	socklen_t len = sizeof(one);

	cr_assert_eq(loop_new(&loop), 0);
	cr_assert_eq(open_at(path, &text), 0);
	cr_assert_eq(listener_start(l, loop, on_connection), 0);
	for (int i = 0; i < 100; i++)
		cr_assert(dial(SOCK_SEQPACKET) >= 0);
	while (accepted < 100)
		cr_assert_geq(loop_run(loop, true), 0);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(peers[i].pid, getpid());
		cr_assert_eq(peers[i].uid, geteuid());
		cr_assert_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		cr_assert(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	cr_assert_eq(getsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &one, &len),
		     0);
	cr_assert_eq(one, 1);
	cr_assert_eq(dial(SOCK_STREAM), -EPROTOTYPE);
	listener_close(l);
	loop_free(loop);
}
