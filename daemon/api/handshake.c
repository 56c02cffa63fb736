/* SPDX-License-Identifier: MIT */
/*
 * SO_PEERCRED names the process that connected; the descriptor may have been
 * passed on since, and that process may be gone and its pid another's.  So a
 * pidfd is taken first, and then a nonce must come back with the credentials
 * that the kernel attaches to a message: the process of that pid is alive,
 * holds the socket, and is the one the pidfd watches.
 */
#include "daemon/api/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/hurry.h"
#include "daemon/api/quota.h"
#include "daemon/api/reply.h"
#include "daemon/loop.h"
#include "lib/shared/log.h"

#define DEADLINE_NS UINT64_C(5000000000)
#define PENDING_MAX 512 /* of all users */

struct pending {
	struct pending *next, **prev;
	int fd, pidfd;
	struct ucred peer;
	bool challenged;
	uint64_t nonce;
	struct loop_source *source, *timer;
};

static struct loop *loop;
static const struct handshake_ops *ops;
static bool own_uid_refused;
static struct pending *all;
static unsigned int n_all;

void handshake_init(struct loop *l, const struct handshake_ops *o, bool refused)
{
	loop = l;
	ops = o;
	own_uid_refused = refused;
}

static void pending_free(struct pending *p)
{
	loop_source_free(p->source);
	loop_source_free(p->timer);
	if (p->fd >= 0)
		hurry_close(p->fd);
	if (p->pidfd >= 0)
		close(p->pidfd);
	quota_release(p->peer.uid, QUOTA_PENDING, 1);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	n_all--;
	free(p);
}

void handshake_deinit(void)
{
	while (all)
		pending_free(all);
}

static void drop(struct pending *p, const char *why)
{
	log_sparse(LOG_WARNING, "connection of uid %u, pid %d dropped: %s",
		   p->peer.uid, (int)p->peer.pid, why);
	pending_free(p);
}

static void on_deadline(void *arg, uint32_t revents)
{
	(void)revents;
	drop(arg, "it did not say who it is in time");
}

static int on_hello(struct pending *p, const struct msg_in *m, struct reply *r)
{
	const struct msg_hello *hello = msg_body(m, sizeof(*hello));

	if (!hello || p->challenged || hello->flags)
		return -EPROTO;
	if (hello->abi_version != UKCF_ABI_VERSION)
		return -EPROTO;
	if (own_uid_refused && p->peer.uid == geteuid())
		return -EACCES;
	if (getrandom(&p->nonce, sizeof(p->nonce), 0) !=
	    (ssize_t)sizeof(p->nonce))
		return -EIO;
	p->challenged = true;
	r->body.challenge.nonce = p->nonce;
	r->len = sizeof(r->body.challenge);
	return 0;
}

static bool answers(const struct pending *p, const struct msg_in *m)
{
	const struct msg_challenge *c = msg_body(m, sizeof(*c));

	return c && p->challenged && c->nonce == p->nonce &&
	       m->pid == (uint32_t)p->peer.pid && m->uid == p->peer.uid;
}

/* The descriptors go to the consumer, or stay here if it cannot be made. */
static void on_answer(struct pending *p, const struct msg_in *m)
{
	struct consumer_peer peer = { .uid = p->peer.uid,
				      .gid = p->peer.gid,
				      .pid = p->peer.pid,
				      .pidfd = p->pidfd,
				      .control_fd = p->fd,
				      .seq = m->h.seq };
	struct reply r = { 0 };
	struct consumer *c;
	int err, fd = p->fd;

	if (!answers(p, m)) {
		reply_send(fd, m, -EPROTO, &r);
		drop(p, "the challenge was not answered by the process that "
			"connected");
		return;
	}
	err = ops->welcome(&peer, &c, &r);
	if (err) {
		reply_drop(&r);
		reply_send(fd, m, err, &r);
		drop(p, err == -EDQUOT ? "its user has too many (see "
					 "quota.connections)" :
					 strerror(-err));
		return;
	}
	p->fd = -1;
	p->pidfd = -1;
	pending_free(p);
	ops->welcomed(c, reply_send(fd, m, 0, &r));
}

static void on_message(struct pending *p, const struct msg_in *m)
{
	struct reply r = { 0 };
	int err;

	if (m->h.verb == MSG_ANSWER) {
		on_answer(p, m);
		return;
	}
	err = m->h.verb == MSG_HELLO ? on_hello(p, m, &r) : -EPROTO;
	if (reply_send(p->fd, m, err, &r) < 0 || err)
		drop(p, err == -EACCES ? "no consumer may run under the "
					 "daemon's own uid" :
					 "it broke the protocol");
}

static void on_readable(void *arg, uint32_t revents)
{
	static struct msg_in m; /* 64 KiB; main thread only */
	struct pending *p = arg;
	int rc = hurry_recv(p->fd, &m);

	(void)revents;
	if (rc == 1)
		on_message(p, &m);
	else if (rc == -EPROTO)
		drop(p, "it broke the protocol");
	else if (rc != -EAGAIN)
		pending_free(p); /* it went away */
}

static int watch(struct pending *p)
{
	int err = loop_timer_new(loop, on_deadline, p, &p->timer);

	if (err)
		return err;
	loop_timer_set(p->timer, DEADLINE_NS);
	return loop_watch(loop, p->fd, POLLIN | POLLRDHUP, on_readable, p,
			  &p->source);
}

void handshake_begin(int fd, const struct ucred *peer)
{
	struct pending *p;

	if (n_all >= PENDING_MAX || quota_charge(peer->uid, QUOTA_PENDING, 1)) {
		log_sparse(LOG_WARNING, "uid %u has too many half-open "
			   "connections: another one is refused", peer->uid);
		hurry_close(fd);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		quota_release(peer->uid, QUOTA_PENDING, 1);
		hurry_close(fd);
		return;
	}
	p->fd = fd;
	p->peer = *peer;
	p->next = all;
	p->prev = &all;
	if (all)
		all->prev = &p->next;
	all = p;
	n_all++;
	p->pidfd = consumer_pidfd(fd, peer->pid);
	if (p->pidfd < 0)
		pending_free(p); /* it is gone already */
	else if (watch(p) < 0)
		drop(p, "out of memory");
}
