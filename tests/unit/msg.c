/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/shared/msg.h"
#include "tests/unit/fixture.h"

static int pair[2];
static struct msg_in in;

static void setup(void)
{
	int one = 1;

	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	cr_assert(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one,
			     sizeof(one)) == 0);
}

TestSuite(msg, .init = setup);

static struct msg_head head(uint16_t verb, uint32_t len)
{
	return (struct msg_head){ .magic = MSG_MAGIC,
				  .version = UKCF_ABI_VERSION,
				  .verb = verb,
				  .seq = 42,
				  .len = len };
}

Test(msg, arrives_as_it_was_sent)
{
	struct msg_head h = head(MSG_RING_OPEN, sizeof(struct msg_ring));
	struct msg_ring body = { .ring = 3, .sq_order = 5, .sq_size = 4096 };

	h.err = -EDQUOT;
	h.detail = UKCF_DETAIL_QUOTA;
	cr_assert_eq(msg_send(pair[0], &h, &body, NULL, 0), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 0), 1);
	cr_assert_eq(memcmp(&in.h, &h, sizeof(h)), 0);
	cr_assert_not_null(msg_body(&in, sizeof(body)));
	cr_assert_eq(memcmp(in.body, &body, sizeof(body)), 0);
	cr_assert_eq(in.pid, (uint32_t)getpid());
	cr_assert_eq(in.uid, getuid());
}

Test(msg, body_of_another_size_is_no_body)
{
	struct msg_head h = head(MSG_RING_OPEN, 24);
	uint8_t body[24] = { 0 };

	cr_assert_eq(msg_send(pair[0], &h, body, NULL, 0), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 0), 1);
	cr_assert_null(msg_body(&in, 23));
	cr_assert_null(msg_body(&in, 25));
	cr_assert_null(msg_body(&in, 0));
	cr_assert_not_null(msg_body(&in, 24));
}

Test(msg, nothing_there_is_EAGAIN_and_a_closed_end_is_0)
{
	cr_assert_eq(msg_recv(pair[1], &in, 0), -EAGAIN);
	close(pair[0]);
	cr_assert_eq(msg_recv(pair[1], &in, 0), 0);
}

Test(msg, each_unsound_head_is_EPROTO)
{
	static const struct {
		const char *what;
		uint32_t magic;
		uint16_t version, verb;
		uint32_t len;
		size_t sent; /* bytes after the head */
	} t[] = {
		{ "magic", MSG_MAGIC + 1, UKCF_ABI_VERSION, 1, 0, 0 },
		{ "version", MSG_MAGIC, UKCF_ABI_VERSION + 1, 1, 0, 0 },
		{ "verb 0", MSG_MAGIC, UKCF_ABI_VERSION, 0, 0, 0 },
		{ "verb", MSG_MAGIC, UKCF_ABI_VERSION, MSG_VERB_LAST, 0, 0 },
		{ "long len", MSG_MAGIC, UKCF_ABI_VERSION, 1, 9, 8 },
		{ "short len", MSG_MAGIC, UKCF_ABI_VERSION, 1, 7, 8 },
		{ "huge len", MSG_MAGIC, UKCF_ABI_VERSION, 1, UINT32_MAX, 8 },
	};
	uint8_t m[sizeof(struct msg_head) + 8];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct msg_head h = head(t[i].verb, t[i].len);

		h.magic = t[i].magic;
		h.version = t[i].version;
		memset(m, 0, sizeof(m));
		memcpy(m, &h, sizeof(h));
		cr_assert(send(pair[0], m, sizeof(h) + t[i].sent, 0) > 0);
		cr_assert_eq(msg_recv(pair[1], &in, 0), -EPROTO, "%s",
			     t[i].what);
	}
}

Test(msg, every_length_below_a_head_is_EPROTO)
{
	struct msg_head h = head(MSG_HELLO, 0);

	for (size_t n = 1; n < sizeof(h); n++) {
		cr_assert(send(pair[0], &h, n, 0) == (ssize_t)n);
		cr_assert_eq(msg_recv(pair[1], &in, 0), -EPROTO);
	}
}

Test(msg, longest_message_passes_and_a_longer_one_is_not_sent)
{
	static uint8_t body[MSG_SIZE_MAX];
	struct msg_head h = head(MSG_HELLO, MSG_SIZE_MAX - sizeof(h));

	cr_assert_eq(msg_send(pair[0], &h, body, NULL, 0), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 0), 1);
	h.len++;
	cr_assert_eq(msg_send(pair[0], &h, body, NULL, 0), -EINVAL);
}

Test(msg, truncated_message_is_EPROTO)
{
	static uint8_t m[MSG_SIZE_MAX + 64];
	struct msg_head h = head(MSG_HELLO, sizeof(m) - sizeof(h));

	memcpy(m, &h, sizeof(h));
	cr_assert(send(pair[0], m, sizeof(m), 0) == sizeof(m));
	cr_assert_eq(msg_recv(pair[1], &in, 0), -EPROTO);
}

/* n descriptors of one file, beside any msg_send() limit. */
static void send_fds(unsigned int n)
{
	union {
		char buf[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msg_head h = head(MSG_HELLO, 0);
	struct iovec v = { &h, sizeof(h) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned int i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
	cr_assert(sendmsg(pair[0], &m, 0) == sizeof(h));
}

Test(msg, unwelcome_descriptors_are_EPROTO_and_closed)
{
	static const unsigned int counts[] = { 1, 2, 3, 4, 16, 253 };
	int before = next_fd();

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		send_fds(counts[i]);
		cr_assert_eq(msg_recv(pair[1], &in, 0), -EPROTO, "%u fds",
			     counts[i]);
		cr_assert_eq(in.n_fds, 0);
		cr_assert_eq(next_fd(), before, "%u fds: one is left",
			     counts[i]);
	}
}

Test(msg, one_descriptor_more_than_allowed_is_EPROTO_and_all_are_closed)
{
	int before = next_fd();

	send_fds(3);
	cr_assert_eq(msg_recv(pair[1], &in, 2), -EPROTO);
	cr_assert_eq(next_fd(), before);
}

Test(msg, descriptors_arrive_close_on_exec_and_are_closed_if_not_taken)
{
	struct msg_head h = head(MSG_ANSWER, 0);
	int fds[3] = { pair[0], pair[1], pair[0] }, before = next_fd();

	cr_assert_eq(msg_send(pair[0], &h, NULL, fds, 3), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 3), 1);
	cr_assert_eq(in.n_fds, 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(fcntl(in.fds[i], F_GETFD), FD_CLOEXEC);
	msg_close_fds(&in);
	cr_assert_eq(next_fd(), before);
}

Test(msg, a_taken_descriptor_stays_open)
{
	struct msg_head h = head(MSG_ANSWER, 0);
	int fds[2] = { pair[0], pair[1] }, taken;

	cr_assert_eq(msg_send(pair[0], &h, NULL, fds, 2), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 2), 1);
	taken = in.fds[0];
	in.fds[0] = -1;
	msg_close_fds(&in);
	cr_assert(is_open_fd(taken));
	cr_assert(!is_open_fd(in.fds[1]));
}

Test(msg, more_descriptors_than_a_message_may_carry_are_not_sent)
{
	struct msg_head h = head(MSG_ANSWER, 0);
	int fds[MSG_FDS_MAX + 1] = { 0 };

	cr_assert_eq(msg_send(pair[0], &h, NULL, fds, MSG_FDS_MAX + 1),
		     -EINVAL);
}

Test(msg, a_full_socket_is_EAGAIN)
{
	struct msg_head h = head(MSG_HELLO, 0);
	int rc = 0;

	for (int i = 0; i < 100000 && rc == 0; i++)
		rc = msg_send(pair[0], &h, NULL, NULL, 0);
	cr_assert_eq(rc, -EAGAIN);
}

Test(msg, a_closed_socket_is_EPIPE_without_a_signal)
{
	struct msg_head h = head(MSG_HELLO, 0);

	close(pair[1]);
	cr_assert_eq(msg_send(pair[0], &h, NULL, NULL, 0), -EPIPE);
}

Test(msg, descriptors_without_bytes_are_not_the_end_of_file)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int before = next_fd();

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
	cr_assert(sendmsg(pair[0], &m, 0) == 0);
	cr_assert_eq(msg_recv(pair[1], &in, 0), -EPROTO);
	cr_assert_eq(next_fd(), before);
}
