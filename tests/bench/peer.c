/* SPDX-License-Identifier: MIT */
/* See peer.h. */
#include "tests/bench/peer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/cipher.h"

/* A request, and its reply, in one message. */
struct message {
	uint64_t user_data;
	uint32_t op; /* enum peer_op */
	uint32_t len;
	uint8_t nonce[CIPHER_NONCE];
	uint8_t pad[4];
	uint8_t data[PEER_DATA + CIPHER_TAG];
};

#define MESSAGE_HEAD offsetof(struct message, data)

struct batch {
	struct message m[PEER_BATCH];
	struct iovec iov[PEER_BATCH];
	struct mmsghdr h[PEER_BATCH];
};

static struct batch client;
static int work_fd = -1, bare_fd = -1;
static pid_t work_pid, bare_pid;
static uint64_t serial;

static void batch_init(struct batch *b)
{
	memset(b, 0, sizeof(*b));
	for (unsigned int i = 0; i < PEER_BATCH; i++) {
		b->iov[i] = (struct iovec){ &b->m[i], sizeof(b->m[i]) };
		b->h[i].msg_hdr.msg_iov = &b->iov[i];
		b->h[i].msg_hdr.msg_iovlen = 1;
	}
}

static void room(struct batch *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		b->iov[i].iov_len = sizeof(b->m[i]);
}

static void work(struct message *m, size_t *size)
{
	uint8_t out[sizeof(m->data)];

	if (m->op != PEER_ENCRYPT || m->len > PEER_DATA)
		return;
	cipher_encrypt(out, m->data, m->len, m->nonce);
	memcpy(m->data, out, m->len + CIPHER_TAG);
	m->len += CIPHER_TAG;
	*size = MESSAGE_HEAD + m->len;
}

static void serve(int fd)
{
	static struct batch b;

	batch_init(&b);
	for (;;) {
		int n;

		room(&b, PEER_BATCH);
		n = recvmmsg(fd, b.h, PEER_BATCH, MSG_WAITFORONE, NULL);
		if (n <= 0 || b.h[0].msg_len == 0)
			return;
		for (int i = 0; i < n; i++) {
			b.iov[i].iov_len = b.h[i].msg_len;
			work(&b.m[i], &b.iov[i].iov_len);
		}
		if (sendmmsg(fd, b.h, (unsigned int)n, MSG_NOSIGNAL) != n)
			return;
	}
}

static void echo(int fd)
{
	uint8_t data[PEER_DATA];
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		if (send(fd, data, (size_t)n, MSG_NOSIGNAL) != n)
			return;
}

static int start(void (*fn)(int), int cpu, int *fd, pid_t *pid)
{
	cpu_set_t set;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		close(sv[0]);
		fn(sv[1]);
		_exit(0);
	}
	close(sv[1]);
	*fd = sv[0];
	return 0;
}

int peer_start(int cpu)
{
	int err = start(serve, cpu, &work_fd, &work_pid);

	batch_init(&client);
	return err ? err : start(echo, cpu, &bare_fd, &bare_pid);
}

void peer_stop(void)
{
	close(work_fd);
	close(bare_fd);
	if (work_pid > 0)
		waitpid(work_pid, NULL, 0);
	if (bare_pid > 0)
		waitpid(bare_pid, NULL, 0);
}

static void fill(struct message *m, enum peer_op op)
{
	m->user_data = ++serial;
	m->op = op;
	m->len = op == PEER_ENCRYPT ? PEER_DATA : 0;
	memcpy(m->nonce, &serial, sizeof(serial));
}

/* A NOP is 64 bytes as well. */
static size_t request_size(enum peer_op op)
{
	return op == PEER_ENCRYPT ? MESSAGE_HEAD + PEER_DATA : PEER_DATA;
}

int peer_round_trip(enum peer_op op)
{
	struct message *m = &client.m[0];
	ssize_t n;

	fill(m, op);
	if (send(work_fd, m, request_size(op), MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(work_fd, m, sizeof(*m), 0);
	if (n < 0)
		return -errno;
	return m->user_data == serial ? 0 : -EPROTO;
}

int peer_bare_round_trip(void)
{
	uint8_t data[PEER_DATA] = { 0 };

	if (send(bare_fd, data, sizeof(data), MSG_NOSIGNAL) < 0)
		return -errno;
	return recv(bare_fd, data, sizeof(data), 0) == sizeof(data) ? 0 : -EIO;
}

int peer_send(enum peer_op op)
{
	for (unsigned int i = 0; i < PEER_BATCH; i++) {
		fill(&client.m[i], op);
		client.iov[i].iov_len = request_size(op);
	}
	return sendmmsg(work_fd, client.h, PEER_BATCH, MSG_NOSIGNAL) ==
			       PEER_BATCH ?
		       0 :
		       -EIO;
}

int peer_receive(void)
{
	room(&client, PEER_BATCH);
	return recvmmsg(work_fd, client.h, PEER_BATCH, 0, NULL) == PEER_BATCH ?
		       0 :
		       -EIO;
}
