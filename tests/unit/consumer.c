/* SPDX-License-Identifier: MIT */
/* Rings are handed to no service thread: the linker takes those calls. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/api/arena.h"
#include "daemon/api/consumer.h"
#include "daemon/api/quota.h"
#include "daemon/api/ring.h"
#include "daemon/config.h"
#include "daemon/core/keystore.h"
#include "daemon/core/recovery.h"
#include "daemon/core/service.h"
#include "tests/unit/fixture.h"

static struct config config = { .connections = 3, .rings = 4,
				.buffer_bytes = 1 << 20 };

void __wrap_service_attach(struct ring *r);
void __wrap_service_detach(struct ring *r);

void __wrap_service_attach(struct ring *r)
{
	(void)r;
}

void __wrap_service_detach(struct ring *r)
{
	ring_detached(r);
}

static void setup(void)
{
	bool taken_over;

	unsetenv("NOTIFY_SOCKET");
	quota_init(&config);
	cr_assert_eq(recovery_open(-1, &taken_over), 0);
	cr_assert_eq(keystore_open(-1, 100), 0);
	cr_assert(arena_init() == 0 && ring_init() == 0 &&
		  consumer_init() == 0);
}

TestSuite(consumer, .init = setup);

static int notify, control;

static int connect_one(struct consumer **cp)
{
	struct consumer_peer peer = { .uid = UID, .gid = UID,
				      .pid = getpid(), .seq = 3 };
	int pair[2], err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				pair), 0);
	peer.control_fd = pair[0];
	control = pair[1];
	peer.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	err = consumer_new(&peer, cp, &notify);
	if (!err)
		return 0;
	close(pair[0]);
	close(pair[1]);
	close(peer.pidfd);
	return err;
}

static void reap(void)
{
	arena_reap();
	ring_reap();
	consumer_reap();
}

Test(consumer, what_it_had_is_given_back_when_it_ends_round_after_round)
{
	int before = next_fd();

	for (int round = 0; round < 50; round++) {
		struct key_spec spec = { .uid = UID, .mech = 1, .usage = 1,
					 .secret = { (uint8_t[]){ 1 }, 1 } };
		struct consumer *c;
		struct arena *a;
		struct ring *r;
		uint64_t h;
		int fds[3];

		cr_assert_eq(connect_one(&c), 0);
		cr_assert_eq(consumer_at(c->rec), c);
		cr_assert_eq(recovery->consumers[c->rec].state, REC_LIVE);
		cr_assert_eq(quota_charge(UID, QUOTA_RINGS, 1), 0);
		cr_assert_eq(ring_create(c, 3, 4, &r, fds), 0);
		cr_assert_eq(quota_charge(UID, QUOTA_BUFFER_BYTES, 8192), 0);
		cr_assert_eq(arena_create(c, UKCF_BUFFER_OUTPUT, 8192, 5, &a,
					  &fds[2]), 0);
		cr_assert_eq(arena_ready(c, a), 0);
		spec.consumer_serial = c->serial;
		cr_assert_eq(keystore_create(&spec, &h), 0);
		cr_assert_eq(consumer_rings(c), 1);
		for (int i = 0; i < 3; i++)
			close(fds[i]);
		close(notify);
		close(control);
		consumer_end(c);
		reap();
		cr_assert_eq(next_fd(), before, "round %d", round);
		cr_assert_eq(consumer_count(), 0);
		cr_assert_eq(keystore_count(), 0);
		cr_assert_eq(quota_left(UID, QUOTA_CONNECTIONS), 3);
		cr_assert_eq(quota_left(UID, QUOTA_RINGS), 4);
		cr_assert_eq(quota_left(UID, QUOTA_BUFFER_BYTES), 1 << 20);
		cr_assert_eq(recovery->consumers[0].state, REC_FREE);
		cr_assert_eq(recovery->rings[0].state, REC_FREE);
		cr_assert_eq(recovery->buffers[0].state, REC_FREE);
	}
}

Test(consumer, what_it_had_is_charged_until_its_last_use_ends)
{
	struct consumer *c;
	struct arena *a;
	uint64_t bytes;
	int fd;

	cr_assert_eq(connect_one(&c), 0);
	cr_assert_eq(quota_charge(UID, QUOTA_BUFFER_BYTES, 8192), 0);
	cr_assert_eq(arena_create(c, UKCF_BUFFER_OUTPUT, 8192, 5, &a, &fd), 0);
	cr_assert_eq(arena_ready(c, a), 0);
	cr_assert_eq(arena_hold(c, a->index), a); /* as requests do */
	consumer_ref(c);
	consumer_end(c);
	reap();
	cr_assert_eq(consumer_count(), 0);
	cr_assert_eq(consumer_count_closing(), 1);
	cr_assert_eq(quota_left(UID, QUOTA_CONNECTIONS), 2);
	cr_assert_eq(quota_left(UID, QUOTA_BUFFER_BYTES), (1 << 20) - 8192);
	cr_assert(arena_count(&bytes) == 1 && bytes == 8192);
	arena_release(a);
	reap();
	cr_assert_eq(quota_left(UID, QUOTA_BUFFER_BYTES), 1 << 20);
	cr_assert(arena_count(&bytes) == 0 && bytes == 0);
	cr_assert_eq(quota_left(UID, QUOTA_CONNECTIONS), 2);
	consumer_unref(c);
	reap();
	cr_assert_eq(consumer_count_closing(), 0);
	cr_assert_eq(quota_left(UID, QUOTA_CONNECTIONS), 3);
	close(fd);
}

Test(consumer, one_too_many_of_a_user_is_EDQUOT_and_leaves_nothing)
{
	struct consumer *c[4];
	int before;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(connect_one(&c[i]), 0);
	before = next_fd();
	cr_assert_eq(connect_one(&c[3]), -EDQUOT);
	cr_assert_eq(next_fd(), before);
	cr_assert_eq(consumer_count(), 3);
	consumer_end(c[1]);
	consumer_end(c[1]); /* ends once */
	reap();
	cr_assert_eq(connect_one(&c[3]), 0);
}

Test(consumer, a_request_in_flight_keeps_its_record_and_name)
{
	struct consumer *c, *other;
	uint32_t rec;

	cr_assert_eq(connect_one(&c), 0);
	rec = c->rec;
	consumer_ref(c);
	consumer_end(c);
	reap();
	cr_assert_eq(recovery->consumers[rec].state, REC_CLOSING);
	cr_assert_null(consumer_at(rec));
	cr_assert_eq(connect_one(&other), 0);
	cr_assert_neq(other->rec, rec, "not two of one name");
	consumer_unref(c);
	reap();
	cr_assert_eq(recovery->consumers[rec].state, REC_FREE);
}

Test(consumer, its_socket_says_that_it_ended_although_a_request_runs)
{
	struct consumer *c;
	char b;

	cr_assert_eq(connect_one(&c), 0);
	consumer_ref(c);
	cr_assert_eq(recv(control, &b, 1, MSG_DONTWAIT), -1);
	consumer_end(c);
	cr_assert_eq(recv(control, &b, 1, MSG_DONTWAIT), 0);
	consumer_unref(c);
	reap();
}

/* A filter would run inside the daemon's send(). */
Test(consumer, no_filter_can_be_put_on_the_notification_socket)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 1, f };
	struct consumer *c;
	int pair[2];
	char b;

	cr_assert_eq(connect_one(&c), 0);
	cr_assert_eq(setsockopt(notify, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(setsockopt(notify, SOL_SOCKET, SO_DETACH_FILTER, &prog,
				sizeof(prog)), -1);
	cr_assert_eq(send(c->notify_fd, "", 1, MSG_DONTWAIT), 1);
	cr_assert_eq(recv(notify, &b, 1, MSG_DONTWAIT), 1);
	/* the control: a socket that is not locked */
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)), 0);
}

Test(consumer, its_pidfd_becomes_readable_when_the_process_ends)
{
	struct pollfd p = { .events = POLLIN };
	int pair[2];
	pid_t pid;
	char b;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (recv(pair[1], &b, 1, 0) < 0)
			_exit(1);
		_exit(0);
	}
	/* A socket pair's peer is who made it; the pid decides here. */
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert_eq(poll(&p, 1, 0), 0);
	cr_assert_eq(send(pair[0], "", 1, 0), 1);
	cr_assert_eq(poll(&p, 1, 20000), 1);
	waitpid(pid, NULL, 0);
	cr_assert(consumer_pidfd(pair[0], getpid()) >= 0);
}

/* Records without an owner after a restart, of every state. */
Test(consumer, records_that_belong_to_nobody_are_swept)
{
	static const uint32_t states[] = { REC_OPENING, REC_LIVE,
					   REC_CLOSING };

	for (int i = 0; i < 3; i++) {
		int r = recovery_ring_new(), b = recovery_buffer_new();

		recovery->rings[r].consumer = 400;
		recovery->buffers[b].consumer = 400;
		recovery->rings[r].state = states[i];
		recovery->buffers[b].state = states[i];
		recovery_entries((uint32_t)r)[0].state = REC_ENTRY_ACCEPTED;
	}
	consumer_sweep(true);
	cr_assert_eq(recovery->rings[1].state, REC_LIVE);
	cr_assert_eq(recovery->rings[2].state, REC_FREE);
	cr_assert_eq(recovery->buffers[2].state, REC_FREE);
	consumer_sweep(false);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(recovery->rings[i].state, REC_FREE);
		cr_assert_eq(recovery->buffers[i].state, REC_FREE);
		cr_assert_eq(recovery_entries((uint32_t)i)[0].state, 0);
	}
}

Test(consumer, one_whose_descriptors_were_lost_is_not_restored)
{
	struct consumer *c;
	int rec = recovery_consumer_new(), before = next_fd();

	recovery->consumers[rec].state = REC_LIVE;
	recovery->consumers[rec].uid = UID;
	cr_assert_eq(consumer_restore((uint32_t)rec, &c), -ENODEV);
	cr_assert_eq(recovery->consumers[rec].state, REC_FREE);
	cr_assert_eq(next_fd(), before);
	cr_assert_eq(quota_left(UID, QUOTA_CONNECTIONS), 3);
	cr_assert_eq(consumer_count(), 0);
}
