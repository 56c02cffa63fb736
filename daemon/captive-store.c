/* SPDX-License-Identifier: MIT */
#include "daemon/captive-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_PER_MESSAGE 8
#define NAMES_MAX (128u << 10) /* MAX_ARG_STRLEN of Linux */

struct held {
	char name[64];
	int fd;
};

static struct held *held;
static unsigned int n_held, room;
static int epoll_fd = -1;

int captive_store_poll_fd(void)
{
	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd;
}

unsigned int captive_store_count(void)
{
	return n_held;
}

/* Only sockets have an end that somebody else can close. */
static void watch(int fd)
{
	struct epoll_event e = { .events = 0, .data.fd = fd };
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		epoll_ctl(captive_store_poll_fd(), EPOLL_CTL_ADD, fd, &e);
}

int captive_store_add(const char *name, int fd)
{
	if (n_held == room) {
		unsigned int more = room ? 2 * room : 64;
		struct held *p = realloc(held, more * sizeof(*held));

		if (!p) {
			close(fd);
			return -ENOMEM;
		}
		held = p;
		room = more;
	}
	snprintf(held[n_held].name, sizeof(held[n_held].name), "%s", name);
	held[n_held++].fd = fd;
	watch(fd);
	return 0;
}

/* Their order says nothing. */
static void drop(unsigned int i)
{
	/* The daemon has a duplicate, so closing does not end the watch. */
	if (epoll_fd >= 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, held[i].fd, NULL);
	close(held[i].fd);
	held[i] = held[--n_held];
}

static void remove_name(const char *name)
{
	for (unsigned int i = n_held; i-- > 0;)
		if (strcmp(held[i].name, name) == 0)
			drop(i);
}

void captive_store_sweep(void)
{
	struct epoll_event e[64];
	int n = epoll_wait(captive_store_poll_fd(), e, 64, 0);

	for (int k = 0; k < n; k++)
		for (unsigned int i = n_held; i-- > 0;)
			if (held[i].fd == e[k].data.fd)
				drop(i);
}

void captive_store_clear(void)
{
	while (n_held)
		drop(n_held - 1);
	free(held);
	held = NULL;
	room = 0;
	if (epoll_fd >= 0)
		close(epoll_fd);
	epoll_fd = -1;
}

/* --------------------------------------------------------------- messages */

struct message {
	char text[1024];
	int fds[FDS_PER_MESSAGE];
	unsigned int n_fds;
	pid_t pid;
};

static void take_fds(struct message *m, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (m->n_fds < FDS_PER_MESSAGE)
			m->fds[m->n_fds++] = fd;
		else
			close(fd);
	}
}

static bool receive(int sock, struct message *m)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred)) +
			 CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = { m->text, sizeof(m->text) - 1 };
	struct msghdr mh = { .msg_iov = &v,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf) };
	ssize_t n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0)
		return false;
	m->text[n] = '\0';
	m->n_fds = 0;
	m->pid = 0;
	for (c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		struct ucred cred;

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			take_fds(m, c);
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			m->pid = cred.pid;
		}
	}
	return true;
}

static unsigned int obey(struct message *m)
{
	bool store = false, remove = false;
	const char *name = NULL;
	unsigned int said = 0;
	char *line, *rest;

	for (line = strtok_r(m->text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strcmp(line, "FDSTORE=1") == 0)
			store = true;
		else if (strcmp(line, "FDSTOREREMOVE=1") == 0)
			remove = true;
		else if (strncmp(line, "FDNAME=", 7) == 0)
			name = line + 7;
		else if (strcmp(line, "READY=1") == 0)
			said |= CAPTIVE_SAID_READY;
		else if (strcmp(line, "STOPPING=1") == 0)
			said |= CAPTIVE_SAID_STOPPING;
	}
	if (remove && name)
		remove_name(name);
	for (unsigned int i = 0; store && name && i < m->n_fds; i++) {
		captive_store_add(name, m->fds[i]);
		m->fds[i] = -1;
	}
	return said;
}

unsigned int captive_store_receive(int sock, pid_t from)
{
	unsigned int said = 0;
	struct message m;

	while (receive(sock, &m)) {
		if (m.pid == from)
			said |= obey(&m);
		for (unsigned int i = 0; i < m.n_fds; i++)
			if (m.fds[i] >= 0)
				close(m.fds[i]);
	}
	return said;
}

/* --------------------------------------------------------------- handover */

static int set_names(void)
{
	char *names = malloc(NAMES_MAX), number[16];
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	names[0] = '\0';
	for (unsigned int i = 0; i < n_held; i++) {
		n += (size_t)snprintf(names + n, NAMES_MAX - n, "%s%s",
				      i ? ":" : "", held[i].name);
		if (n + sizeof("LISTEN_FDNAMES=") >= NAMES_MAX) {
			free(names);
			return -E2BIG;
		}
	}
	setenv("LISTEN_FDNAMES", names, 1);
	free(names);
	snprintf(number, sizeof(number), "%u", n_held);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	return 0;
}

/* First out of the way of the numbers they shall have. */
int captive_store_hand_over(void)
{
	int above = FIRST_FD + (int)n_held;

	for (unsigned int i = 0; i < n_held; i++) {
		if (held[i].fd >= above)
			continue;
		held[i].fd = fcntl(held[i].fd, F_DUPFD_CLOEXEC, above);
		if (held[i].fd < 0)
			return -errno;
	}
	for (unsigned int i = 0; i < n_held; i++)
		if (dup2(held[i].fd, FIRST_FD + (int)i) < 0)
			return -errno;
	return set_names();
}
