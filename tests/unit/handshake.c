/* SPDX-License-Identifier: MIT */
/* The consumer is not made here: the test stands in for who makes it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/handshake.h"
#include "daemon/api/quota.h"
#include "daemon/api/reply.h"
#include "daemon/config.h"
#include "daemon/loop.h"
#include "lib/shared/log.h"
#include "lib/shared/msg.h"
#include "tests/unit/fixture.h"

static struct loop *loop;
static struct config config = { .connections = 10, .rings = 1,
				.buffer_bytes = 4096 };
static struct consumer_peer welcomed_peer;
static int welcome_err, made = -1;
static unsigned int n_welcomed;
static struct msg_in in;

static int welcome(const struct consumer_peer *peer, struct consumer **cp,
		   struct reply *r)
{
	welcomed_peer = *peer;
	*cp = NULL;
	if (welcome_err)
		return welcome_err;
	r->body.welcome.rings_max = 64;
	r->len = sizeof(r->body.welcome);
	return 0;
}

static void welcomed(struct consumer *c, int rc)
{
	(void)c;
	cr_assert_eq(rc, 0);
	n_welcomed++;
	made = welcomed_peer.control_fd;
}

static const struct handshake_ops ops = { welcome, welcomed };

static void setup(void)
{
	log_init("unit", LOG_EMERG);
	cr_assert_eq(loop_new(&loop), 0);
	quota_init(&config);
	handshake_init(loop, &ops, false);
}

TestSuite(handshake, .init = setup, .timeout = 60);

/* A connection.  Return: the peer's end, which waits at most 20 s. */
static int begin_as(pid_t pid)
{
	struct timeval patience = { .tv_sec = 20 };
	struct ucred peer = { .pid = pid, .uid = geteuid(),
			      .gid = getegid() };
	int pair[2], one = 1;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				pair), 0);
	cr_assert_eq(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &one,
				sizeof(one)), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	handshake_begin(pair[0], &peer);
	return pair[1];
}

static int begin(void)
{
	return begin_as(getpid());
}

static void say(int fd, uint16_t verb, const void *body, uint32_t len)
{
	struct msg_head h = { .magic = MSG_MAGIC,
			      .version = UKCF_ABI_VERSION,
			      .verb = verb,
			      .seq = verb,
			      .len = len };

	cr_assert_eq(msg_send(fd, &h, body, NULL, 0), 0);
}

static void run_loop(void)
{
	cr_assert_geq(loop_run(loop, true), 0);
}

/* Return: what msg_recv() says; in is the reply. */
static int reply(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int rc;

	while (poll(&p, 1, 0) == 0)
		run_loop();
	rc = msg_recv(fd, &in, 0);
	return rc;
}

static void hello(int fd)
{
	struct msg_hello h = { .abi_version = UKCF_ABI_VERSION };

	say(fd, MSG_HELLO, &h, sizeof(h));
}

static uint64_t challenge(int fd)
{
	const struct msg_challenge *c;

	hello(fd);
	cr_assert_eq(reply(fd), 1);
	cr_assert_eq(in.h.err, 0);
	c = msg_body(&in, sizeof(*c));
	cr_assert_not_null(c);
	return c->nonce;
}

static void answer(int fd, uint64_t nonce)
{
	struct msg_challenge c = { .nonce = nonce };

	say(fd, MSG_ANSWER, &c, sizeof(c));
}

/* It was told why, if there was a way, and the connection is gone. */
static void expect_dropped(int fd, int err)
{
	int rc = reply(fd);

	if (rc == 1) {
		cr_assert_eq(in.h.err, err, "%d", in.h.err);
		rc = reply(fd);
	}
	cr_assert_eq(rc, 0, "%d", rc);
	cr_assert_eq(n_welcomed, 0);
	cr_assert_eq(quota_left(geteuid(), QUOTA_PENDING),
		     quota_left(4711, QUOTA_PENDING));
}

Test(handshake, who_answers_the_challenge_is_welcome)
{
	int fd = begin();
	uint64_t nonce = challenge(fd);

	answer(fd, nonce);
	cr_assert_eq(reply(fd), 1);
	cr_assert_eq(in.h.err, 0);
	cr_assert_eq(in.h.verb, MSG_ANSWER);
	cr_assert_not_null(msg_body(&in, sizeof(struct msg_welcome)));
	cr_assert_eq(n_welcomed, 1);
	cr_assert_eq(welcomed_peer.pid, getpid());
	cr_assert_eq(welcomed_peer.uid, geteuid());
	cr_assert(is_open_fd(welcomed_peer.pidfd));
	cr_assert(is_open_fd(made), "the connection is the consumer's now");
	cr_assert_eq(quota_left(geteuid(), QUOTA_PENDING),
		     quota_left(4711, QUOTA_PENDING));
}

Test(handshake, challenges_differ)
{
	uint64_t a = challenge(begin()), b = challenge(begin());

	cr_assert_neq(a, b);
}

Test(handshake, a_wrong_answer_ends_it)
{
	int fd = begin();

	answer(fd, challenge(fd) ^ 1);
	expect_dropped(fd, -EPROTO);
}

Test(handshake, an_answer_before_the_question_ends_it)
{
	int fd = begin();

	answer(fd, 0);
	expect_dropped(fd, -EPROTO);
}

/* The descriptor was passed on: it is not who connected that answers. */
Test(handshake, another_process_cannot_answer_for_it)
{
	int fd = begin(), status;
	uint64_t nonce = challenge(fd);
	pid_t pid = fork();

	if (pid == 0) {
		answer(fd, nonce);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	expect_dropped(fd, -EPROTO);
}

Test(handshake, each_malformed_hello_ends_it)
{
	static const struct msg_hello bad[] = {
		{ .abi_version = UKCF_ABI_VERSION + 1 },
		{ .abi_version = UKCF_ABI_VERSION, .flags = 1 },
	};
	int fd;

	for (size_t i = 0; i < 2; i++) {
		fd = begin();
		say(fd, MSG_HELLO, &bad[i], sizeof(bad[i]));
		expect_dropped(fd, -EPROTO);
	}
	fd = begin();
	say(fd, MSG_HELLO, &bad[1], 4);
	expect_dropped(fd, -EPROTO);
	fd = begin();
	challenge(fd);
	hello(fd); /* a second one */
	expect_dropped(fd, -EPROTO);
}

Test(handshake, no_other_verb_is_answered_before_it)
{
	for (uint16_t verb = MSG_RING_OPEN; verb < MSG_VERB_LAST; verb++) {
		int fd = begin();

		say(fd, verb, NULL, 0);
		expect_dropped(fd, -EPROTO);
	}
}

Test(handshake, bytes_that_are_no_message_end_it)
{
	int fd = begin();

	cr_assert(send(fd, "GET /", 5, 0) == 5);
	expect_dropped(fd, 0);
}

Test(handshake, who_goes_away_is_forgotten)
{
	int before = next_fd();

	for (int i = 0; i < 20; i++)
		close(begin());
	for (int i = 0; i < 100 && next_fd() != before; i++)
		run_loop();
	cr_assert_eq(next_fd(), before);
	cr_assert_eq(quota_left(geteuid(), QUOTA_PENDING),
		     quota_left(4711, QUOTA_PENDING));
}

Test(handshake, half_open_connections_are_bounded_per_user_and_closed)
{
	uint64_t room = quota_left(geteuid(), QUOTA_PENDING);
	int fd = -1;
	char c;

	for (uint64_t i = 0; i < room; i++)
		fd = begin();
	cr_assert_eq(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	fd = begin();
	cr_assert_eq(recv(fd, &c, 1, MSG_DONTWAIT), 0, "one too many");
	handshake_deinit();
	cr_assert_eq(quota_left(geteuid(), QUOTA_PENDING), room);
}

Test(handshake, a_consumer_that_cannot_be_made_is_told_why)
{
	int fd = begin();

	welcome_err = -EDQUOT;
	answer(fd, challenge(fd));
	expect_dropped(fd, -EDQUOT);
}

Test(handshake, the_daemons_own_user_is_refused_where_that_is_the_rule)
{
	int fd;

	handshake_init(loop, &ops, true);
	fd = begin();
	hello(fd);
	expect_dropped(fd, -EACCES);
}

/* Its pid may be another's by now: there is nobody to watch. */
Test(handshake, a_peer_whose_process_is_gone_is_dropped_at_once)
{
	int status, fd;
	pid_t pid = fork();
	char c;

	if (pid == 0)
		_exit(0);
	cr_assert(waitpid(pid, &status, 0) == pid);
	fd = begin_as(pid);
	/* SO_PEERPIDFD (6.5) asks the socket, which is this process's. */
	if (recv(fd, &c, 1, MSG_DONTWAIT) < 0) {
		answer(fd, challenge(fd));
		expect_dropped(fd, -EPROTO);
	}
}

Test(handshake, who_says_nothing_is_dropped_at_its_deadline)
{
	int fd = begin();

	expect_dropped(fd, 0);
}
