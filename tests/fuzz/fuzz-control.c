/* SPDX-License-Identifier: MIT */
/*
 * The decoder of control messages: any datagram gives a message whose length
 * and verb hold, or an error; descriptors never come out of the daemon's side.
 *
 * Input: byte 0: how many descriptors to attach (low bits), then the datagram.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/shared/msg.h"
#include "tests/fuzz/replay.h"

static int pair[2] = { -1, -1 };

static void open_pair(void)
{
	int one = 1;

	if (pair[0] >= 0)
		return;
	FUZZ_RULE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair) == 0);
	FUZZ_RULE(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one,
			     sizeof(one)) == 0);
}

static int feed(const uint8_t *data, size_t size, unsigned int n_fds)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct iovec v = { (void *)(uintptr_t)data, size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n_fds) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (unsigned int i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0],
			       sizeof(int));
	}
	return sendmsg(pair[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno
								     : 0;
}

static int free_fd(void)
{
	int fd = fcntl(pair[0], F_DUPFD_CLOEXEC, 3);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msg_in m;
	unsigned int fds;
	int rc, before;

	open_pair();
	if (size < 2 || size > MSG_SIZE_MAX)
		return 0;
	fds = data[0] & 7;
	before = free_fd();
	if (feed(data + 1, size - 1, fds))
		return 0;
	rc = msg_recv(pair[1], &m, 0);
	FUZZ_RULE(rc == 1 || rc < 0);
	if (fds)
		FUZZ_RULE(rc < 0);
	if (rc == 1) {
		FUZZ_RULE(m.h.magic == MSG_MAGIC);
		FUZZ_RULE(m.h.len == size - 1 - sizeof(m.h));
		FUZZ_RULE(m.n_fds == 0);
		FUZZ_RULE(m.pid == (uint32_t)getpid());
		FUZZ_RULE(msg_body(&m, m.h.len) != NULL);
		FUZZ_RULE(msg_body(&m, m.h.len + 1) == NULL);
		FUZZ_RULE(memcmp(msg_body(&m, m.h.len),
				 data + 1 + sizeof(m.h), m.h.len) == 0);
		msg_close_fds(&m);
	}
	FUZZ_RULE(free_fd() == before); /* none leaked */
	return 0;
}
