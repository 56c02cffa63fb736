/* SPDX-License-Identifier: MIT */
/*
 * Life of a consumer: made when its handshake ended (record OPENING, then LIVE
 * once its descriptors are stored), ended by main when its process died, its
 * socket closed or it broke the protocol (record CLOSING; rings close, buffers
 * leave the table, session keys die), freed by main when the last ring let go.
 * Its record is free again only then, so its names in the descriptor store and
 * its place with the notifier are never those of two consumers.  Until then it
 * counts against the quota of its user, as its rings and buffers do: who dies
 * with much under way has no more for it.
 */
#include "daemon/api/consumer.h"

#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/api/hurry.h"
#include "daemon/api/quota.h"
#include "daemon/api/ring.h"
#include "daemon/api/unit.h"
#include "daemon/core/keystore.h"
#include "daemon/core/queue.h"
#include "daemon/core/reaper.h"
#include "daemon/core/recovery.h"
#include "daemon/core/template.h"
#include "daemon/fdstore.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

struct member {
	struct reaper_node node; /* first */
	struct consumer c;
};

static struct reaper reaper = { .fd = -1 };
static struct consumer *all[REC_CONSUMERS_MAX]; /* not those ending */
static unsigned int n_all;
static unsigned int n_closing; /* those ending */

int consumer_init(void)
{
	return reaper_init(&reaper);
}

int consumer_reap_fd(void)
{
	return reaper.fd;
}

struct consumer *consumer_ref(struct consumer *c)
{
	fetch_add_u32(&c->refs, 1);
	return c;
}

static struct member *member_of(struct consumer *c)
{
	return (struct member *)(void *)((char *)c - offsetof(struct member, c));
}

void consumer_unref(struct consumer *c)
{
	if (fetch_sub_u32(&c->refs, 1) == 1)
		reaper_push(&reaper, &member_of(c)->node);
}

struct consumer *consumer_at(uint32_t rec)
{
	return rec < REC_CONSUMERS_MAX ? all[rec] : NULL;
}

unsigned int consumer_count(void)
{
	return n_all;
}

unsigned int consumer_count_closing(void)
{
	return n_closing;
}

unsigned int consumer_rings(const struct consumer *c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX; i++)
		n += c->rings[i] != NULL;
	return n;
}

unsigned int consumer_buffers(const struct consumer *c, uint64_t *bytes)
{
	unsigned int n = 0;

	*bytes = 0;
	for (unsigned int i = 0; i < UKCF_BUFFERS_MAX; i++) {
		if (!c->buffers[i])
			continue;
		*bytes += c->buffers[i]->size;
		n++;
	}
	return n;
}

int consumer_pidfd(int sock, pid_t pid)
{
	socklen_t len = sizeof(int);
	int fd;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) == 0)
		return fd;
	if (errno != ENOPROTOOPT && errno != EINVAL)
		return -errno;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

/* -------------------------------------------------------------------- new */

static struct consumer *alloc(uint32_t rec)
{
	struct member *m = calloc(1, sizeof(*m));
	const struct rec_consumer *r = &recovery->consumers[rec];

	if (!m)
		return NULL;
	m->c.magic = CONSUMER_MAGIC;
	m->c.weight = QUEUE_WEIGHT_USUAL;
	m->c.refs = 1;
	m->c.rec = rec;
	m->c.serial = r->serial;
	m->c.uid = r->uid;
	m->c.gid = r->gid;
	m->c.pid = (pid_t)r->pid;
	m->c.pidfd = -1;
	m->c.control_fd = -1;
	m->c.doorbell_fd = -1;
	m->c.notify_fd = -1;
	return &m->c;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void free_consumer(struct consumer *c)
{
	/* Again: a request in flight may have made one since. */
	template_end_session(c->serial);
	keystore_end_session(c->serial);
	close_fd(c->pidfd);
	if (c->control_fd >= 0)
		hurry_close(c->control_fd);
	close_fd(c->doorbell_fd);
	close_fd(c->notify_fd);
	recovery->consumers[c->rec].state = REC_FREE;
	if (c->charged)
		quota_release(c->uid, QUOTA_CONNECTIONS, 1);
	n_closing -= c->dying;
	c->magic = 0;
	free(member_of(c));
}

void consumer_reap(void)
{
	struct reaper_node *n = reaper_take(&reaper);

	while (n) {
		struct reaper_node *next = n->next;

		free_consumer(&((struct member *)(void *)n)->c);
		n = next;
	}
}

/*
 * A filter on the peer's end would run inside our send(): an accept-all one is
 * attached and locked before the peer gets it.
 */
static int lock_filter(int fd)
{
	struct sock_filter accept_all[] = {
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = { 1, accept_all };
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static int make_notify(struct consumer *c, int *peer)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       pair) < 0)
		return -errno;
	err = lock_filter(pair[1]);
	if (err) {
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	/* Nothing is read here, so nothing may come: descriptors in a message
	 * would be closed with this end, which their owner can make slow. */
	shutdown(pair[0], SHUT_RD);
	c->notify_fd = pair[0];
	*peer = pair[1];
	return 0;
}

int consumer_renotify(struct consumer *c, int *notify)
{
	int err;

	fdstore_removef("c%u.notify", c->rec);
	close_fd(c->notify_fd);
	c->notify_fd = -1;
	err = make_notify(c, notify);
	if (err)
		return err;
	store_release_u32(&c->notify_dead, 0);
	fdstore_putf(c->notify_fd, "c%u.notify", c->rec);
	return 0;
}

static void store(const struct consumer *c)
{
	fdstore_putf(c->control_fd, "c%u.control", c->rec);
	fdstore_putf(c->doorbell_fd, "c%u.doorbell", c->rec);
	fdstore_putf(c->notify_fd, "c%u.notify", c->rec);
}

static void unstore(const struct consumer *c)
{
	fdstore_removef("c%u.control", c->rec);
	fdstore_removef("c%u.doorbell", c->rec);
	fdstore_removef("c%u.notify", c->rec);
}

static int new_record(const struct consumer_peer *peer)
{
	int n = recovery_consumer_new();

	if (n < 0)
		return -ENFILE;
	recovery->consumers[n].uid = peer->uid;
	recovery->consumers[n].gid = peer->gid;
	recovery->consumers[n].pid = (uint32_t)peer->pid;
	recovery->consumers[n].last_seq = peer->seq;
	return n;
}

static int make_descriptors(struct consumer *c, int *notify)
{
	c->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->doorbell_fd < 0)
		return -errno;
	return make_notify(c, notify);
}

static void weigh(struct consumer *c)
{
	const struct policy_identity who = { c->uid, c->gid, c->unit };

	store_relaxed_u32(&c->weight, policy_weight(&who));
}

void consumer_weigh(void)
{
	for (uint32_t i = 0; i < REC_CONSUMERS_MAX; i++)
		if (all[i])
			weigh(all[i]);
}

/* Its pidfd is there: the process is, or main is about to hear of its end. */
static void adopt(struct consumer *c)
{
	unit_of(c->pid, c->unit, sizeof(c->unit));
	weigh(c);
	c->charged = true;
	all[c->rec] = c;
	n_all++;
}

int consumer_new(const struct consumer_peer *peer, struct consumer **cp,
		 int *notify)
{
	int err = quota_charge(peer->uid, QUOTA_CONNECTIONS, 1);
	struct consumer *c;
	int rec;

	if (err)
		return err;
	rec = new_record(peer);
	if (rec < 0) {
		quota_release(peer->uid, QUOTA_CONNECTIONS, 1);
		return rec;
	}
	c = alloc((uint32_t)rec);
	err = c ? make_descriptors(c, notify) : -ENOMEM;
	if (err) {
		quota_release(peer->uid, QUOTA_CONNECTIONS, 1);
		if (c)
			free_consumer(c);
		else
			recovery->consumers[rec].state = REC_FREE;
		return err;
	}
	c->pidfd = peer->pidfd;
	c->control_fd = peer->control_fd;
	store(c);
	adopt(c);
	recovery->consumers[rec].state = REC_LIVE;
	*cp = c;
	return 0;
}

/* -------------------------------------------------------------------- end */

void consumer_end(struct consumer *c)
{
	if (c->dying)
		return;
	c->dying = true;
	recovery->consumers[c->rec].state = REC_CLOSING;
	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX; i++)
		if (c->rings[i])
			ring_close(c->rings[i]);
	for (unsigned int i = 0; i < UKCF_BUFFERS_MAX; i++)
		if (c->buffers[i])
			arena_remove(c, c->buffers[i]);
	template_end_session(c->serial);
	keystore_end_session(c->serial);
	unstore(c);
	/* At once, also if a ring lives on: the peer sees the end. */
	shutdown(c->control_fd, SHUT_RDWR);
	all[c->rec] = NULL;
	n_all--;
	n_closing++;
	consumer_unref(c);
}

/* ---------------------------------------------------------------- restart */

static int take_descriptors(struct consumer *c)
{
	c->control_fd = fdstore_takef("c%u.control", c->rec);
	c->doorbell_fd = fdstore_takef("c%u.doorbell", c->rec);
	c->notify_fd = fdstore_takef("c%u.notify", c->rec);
	/* The store drops a socket whose other end was closed. */
	c->notify_dead = c->notify_fd < 0;
	if (c->control_fd < 0 || c->doorbell_fd < 0)
		return -ENODEV;
	c->pidfd = consumer_pidfd(c->control_fd, c->pid);
	return c->pidfd < 0 ? c->pidfd : 0;
}

static int restore_buffer(struct consumer *c, uint32_t rec)
{
	struct rec_buffer *b = &recovery->buffers[rec];
	int err, fd = fdstore_takef("c%u.b%u", c->rec, b->index);

	if (fd < 0) { /* made, but its consumer never heard of it */
		err = b->state == REC_LIVE ? -ENODEV : 0;
		b->state = REC_FREE;
		return err;
	}
	err = quota_adopt_buffer(c->uid, b->size);
	if (!err)
		err = arena_restore(c, rec, fd);
	if (err && !c->buffers[b->index]) {
		quota_release_buffer(c->uid, b->size);
		fdstore_removef("c%u.b%u", c->rec, b->index);
	}
	return err;
}

static void forget_ring(const struct consumer *c, const struct rec_ring *r)
{
	fdstore_removef("c%u.r%u.sq", c->rec, r->index);
	fdstore_removef("c%u.r%u.cq", c->rec, r->index);
}

static int restore_ring(struct consumer *c, uint32_t rec)
{
	struct rec_ring *r = &recovery->rings[rec];
	int sq = fdstore_takef("c%u.r%u.sq", c->rec, r->index);
	int cq = fdstore_takef("c%u.r%u.cq", c->rec, r->index);
	int err;

	if (sq < 0 || cq < 0) {
		close_fd(sq);
		close_fd(cq);
		forget_ring(c, r);
		err = r->state == REC_LIVE ? -ENODEV : 0;
		recovery_entries_drop(rec);
		r->state = REC_FREE;
		return err;
	}
	err = quota_adopt_ring(c->uid, UINT64_C(1) << r->sq_order);
	if (!err)
		err = ring_restore(c, rec, sq, cq);
	if (err && !c->rings[r->index]) {
		quota_release_ring(c->uid, UINT64_C(1) << r->sq_order);
		forget_ring(c, r);
	}
	return err;
}

static bool is_open(uint32_t state)
{
	return state == REC_LIVE || state == REC_OPENING;
}

/* Buffers first: a ring's replays use them. */
static int restore_objects(struct consumer *c)
{
	int err = 0;

	for (uint32_t i = 0; i < REC_BUFFERS_MAX && !err; i++)
		if (is_open(recovery->buffers[i].state) &&
		    recovery->buffers[i].consumer == c->rec)
			err = restore_buffer(c, i);
	for (uint32_t i = 0; i < REC_RINGS_MAX && !err; i++)
		if (is_open(recovery->rings[i].state) &&
		    recovery->rings[i].consumer == c->rec)
			err = restore_ring(c, i);
	return err;
}

int consumer_restore(uint32_t rec, struct consumer **cp)
{
	struct consumer *c = alloc(rec);
	int err = c ? take_descriptors(c) : -ENOMEM;

	if (err) {
		if (c) {
			unstore(c);
			free_consumer(c);
		}
		return err;
	}
	err = quota_adopt(c->uid, QUOTA_CONNECTIONS, 1);
	adopt(c);
	if (!err)
		err = restore_objects(c);
	if (err) {
		consumer_end(c);
		return err;
	}
	*cp = c;
	return 0;
}

void consumer_sweep(bool before)
{
	for (uint32_t i = 0; i < REC_RINGS_MAX; i++) {
		struct rec_ring *r = &recovery->rings[i];
		const struct consumer *c = consumer_at(r->consumer);

		if (r->state == REC_FREE || (r->state == REC_CLOSING) != before)
			continue;
		if (!before && c && c->rings[r->index])
			continue;
		recovery_entries_drop(i);
		r->state = REC_FREE;
	}
	for (uint32_t i = 0; i < REC_BUFFERS_MAX; i++) {
		struct rec_buffer *b = &recovery->buffers[i];
		const struct consumer *c = consumer_at(b->consumer);

		if (b->state == REC_FREE || (b->state == REC_CLOSING) != before)
			continue;
		if (before || !c || !c->buffers[b->index])
			b->state = REC_FREE;
	}
}
