/* SPDX-License-Identifier: MIT */
#include "lib/shared/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CREDENTIALS_SPACE CMSG_SPACE(sizeof(struct ucred))
/* What the kernel passes in one message at most (SCM_MAX_FD): so that all of a
 * hostile message's descriptors are seen, and closed. */
#define FDS_SPACE CMSG_SPACE(253 * sizeof(int))

int msg_send(int sock, const struct msg_head *h, const void *body,
	     const int *fds, unsigned int n_fds)
{
	union {
		char buf[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)h, sizeof(*h) },
		{ (void *)(uintptr_t)body, h->len },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = h->len ? 2 : 1 };

	if (n_fds > MSG_FDS_MAX || h->len > MSG_SIZE_MAX - sizeof(*h))
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	if (sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/* Keep up to allowed descriptors, close the others.  Return: how many came. */
static unsigned int take_fds(struct msg_in *m, const struct cmsghdr *c,
			     unsigned int allowed)
{
	unsigned int n = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) /
					sizeof(int));

	for (unsigned int i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (m->n_fds < allowed)
			m->fds[m->n_fds++] = fd;
		else
			close(fd);
	}
	return n;
}

static unsigned int take_control(struct msg_in *m, struct msghdr *mh,
				 unsigned int allowed)
{
	unsigned int came = 0;
	struct cmsghdr *c;
	struct ucred cred;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			came += take_fds(m, c, allowed);
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			m->pid = (uint32_t)cred.pid;
			m->uid = cred.uid;
		}
	}
	return came;
}

static int head_is_sound(const struct msg_in *m, size_t n)
{
	return n >= sizeof(m->h) && m->h.magic == MSG_MAGIC &&
	       m->h.version == UKCF_ABI_VERSION && m->h.verb != 0 &&
	       m->h.verb < MSG_VERB_LAST && m->h.len == n - sizeof(m->h);
}

int msg_recv(int sock, struct msg_in *m, unsigned int fds_allowed)
{
	union {
		char buf[CREDENTIALS_SPACE + FDS_SPACE];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = { { &m->h, sizeof(m->h) },
				{ m->body, sizeof(m->body) } };
	struct msghdr mh = { .msg_iov = iov,
			     .msg_iovlen = 2,
			     .msg_control = control.buf,
			     .msg_controllen = fds_allowed ?
						       sizeof(control.buf) :
						       CREDENTIALS_SPACE };
	unsigned int came;
	ssize_t n;

	m->n_fds = 0;
	m->pid = 0;
	m->uid = 0;
	/*
	 * Where none is allowed there is room for the credentials alone: the
	 * kernel drops descriptors instead of opening them here.  close()
	 * would flush, and wait for whoever serves the file.
	 */
	n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	came = take_control(m, &mh, fds_allowed);
	if (n == 0 && came == 0 && !(mh.msg_flags & MSG_CTRUNC))
		return 0;
	if (came > fds_allowed || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    !head_is_sound(m, (size_t)n)) {
		msg_close_fds(m);
		return -EPROTO;
	}
	return 1;
}

const void *msg_body(const struct msg_in *m, size_t size)
{
	return m->h.len == size ? m->body : NULL;
}

void msg_close_fds(struct msg_in *m)
{
	for (unsigned int i = 0; i < m->n_fds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->n_fds = 0;
}
