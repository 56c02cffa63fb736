/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/api/reply.h"
#include "tests/unit/fixture.h"

static int pair[2];
static struct msg_in asked = { .h = { .verb = MSG_RING_OPEN, .seq = 77 } }, in;

static void setup(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
}

TestSuite(reply, .init = setup);

static struct reply with_fds(unsigned int n)
{
	struct reply r = { .len = sizeof(r.body.ring) };

	r.body.ring.ring = 9;
	for (unsigned int i = 0; i < n; i++)
		reply_fd(&r, fcntl(pair[0], F_DUPFD_CLOEXEC, 3));
	return r;
}

Test(reply, carries_verb_and_number_of_the_question_and_its_body)
{
	struct reply r = with_fds(2);
	const struct msg_ring *body;

	cr_assert_eq(reply_send(pair[0], &asked, 0, &r), 0);
	cr_assert_eq(msg_recv(pair[1], &in, 3), 1);
	cr_assert_eq(in.h.verb, MSG_RING_OPEN);
	cr_assert_eq(in.h.seq, 77);
	cr_assert_eq(in.h.err, 0);
	cr_assert_eq(in.n_fds, 2);
	body = msg_body(&in, sizeof(*body));
	cr_assert(body && body->ring == 9);
}

Test(reply, an_error_carries_nothing_else)
{
	int before = next_fd();
	struct reply r = with_fds(3);

	cr_assert_eq(reply_send(pair[0], &asked, -EDQUOT, &r), 0);
	cr_assert_eq(next_fd(), before);
	cr_assert_eq(msg_recv(pair[1], &in, 3), 1);
	cr_assert_eq(in.h.err, -EDQUOT);
	cr_assert_eq(in.h.len, 0);
	cr_assert_eq(in.n_fds, 0);
}

Test(reply, descriptors_are_closed_whether_it_was_sent_or_not)
{
	int before = next_fd();
	struct reply r = with_fds(3);

	reply_drop(&r);
	reply_drop(&r);
	cr_assert_eq(next_fd(), before);
	close(pair[1]);
	before = next_fd();
	r = with_fds(3);
	cr_assert_eq(reply_send(pair[0], &asked, 0, &r), -EPIPE);
	cr_assert_eq(next_fd(), before);
}

Test(reply, a_peer_that_does_not_read_is_EAGAIN)
{
	int rc = 0;

	for (int i = 0; i < 100000 && !rc; i++) {
		struct reply r = with_fds(0);

		rc = reply_send(pair[0], &asked, 0, &r);
	}
	cr_assert_eq(rc, -EAGAIN);
}
