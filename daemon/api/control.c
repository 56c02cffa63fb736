/* SPDX-License-Identifier: MIT */
/*
 * A verb either succeeds, or fails with an error that the consumer is told
 * (it stays connected), or breaks the protocol (-EPROTO: told, logged,
 * disconnected).  Whoever does not read its replies, or makes sending them
 * slow, is disconnected as well: this is the main thread's time.
 *
 * A verb that comes again with the seq of before was carried out by a former
 * process which died before its reply was read: the same object is given once
 * more, and closing what is closed is no error.
 */
#include "daemon/api/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api/arena.h"
#include "daemon/api/burden.h"
#include "daemon/api/consumer.h"
#include "daemon/api/handshake.h"
#include "daemon/api/hurry.h"
#include "daemon/api/listener.h"
#include "daemon/api/memfd.h"
#include "daemon/api/page.h"
#include "daemon/api/quota.h"
#include "daemon/api/reply.h"
#include "daemon/api/ring.h"
#include "daemon/config.h"
#include "daemon/core/keystore.h"
#include "daemon/core/recovery.h"
#include "daemon/core/template.h"
#include "daemon/loop.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define BURST 16 /* messages of one consumer before the others' turn */
#define BREATH_NS UINT64_C(1000000)

/* Main's bookkeeping of a consumer. */
struct control {
	struct loop_source *control, *pid;
	struct ukcf_counts closed; /* by rings that are no more */
	struct burden burden;
	bool again; /* the message at hand has the seq of the one before */
	bool asked; /* for anything: it may be notified from then on */
};

static struct loop *loop;
static const struct config *config;
static struct ukcf_counts gone;

static struct rec_consumer *record(const struct consumer *c)
{
	return &recovery->consumers[c->rec];
}

/* --------------------------------------------------------------- counters */

static void add_counts(struct ukcf_counts *sum, const struct ukcf_counts *n)
{
	const uint64_t *from = (const uint64_t *)n;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

void control_counts(const struct consumer *c, struct ukcf_counts *sum)
{
	const struct control *k = c->control;

	add_counts(sum, &k->closed);
	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX; i++)
		if (c->rings[i])
			ring_counts(c->rings[i], sum);
}

void control_counts_gone(struct ukcf_counts *sum)
{
	add_counts(sum, &gone);
}

/* -------------------------------------------------------------------- end */

static void end(struct consumer *c)
{
	struct control *k = c->control;

	control_counts(c, &gone);
	loop_source_free(k->control);
	loop_source_free(k->pid);
	c->control = NULL;
	free(k);
	consumer_end(c);
}

static void expel(struct consumer *c, const char *why)
{
	log_sparse(LOG_WARNING, "consumer %llu (uid %u, pid %d) is "
		   "disconnected: %s", (unsigned long long)c->serial, c->uid,
		   (int)c->pid, why);
	end(c);
}

static void on_exit_of_peer(void *arg, uint32_t revents)
{
	struct consumer *c = arg;

	(void)revents;
	log_debug("consumer %llu: its process ended",
		  (unsigned long long)c->serial);
	end(c);
}

/* ------------------------------------------------------------------ rings */

static void fill_ring(const struct ring *q, struct reply *r)
{
	r->body.ring = (struct msg_ring){
		.ring = ring_index(q),
		.sq_order = ring_sq_order(q),
		.cq_order = ring_cq_order(q),
		.sq_size = ring_sq_size(q),
		.cq_size = ring_cq_size(q),
	};
	r->len = sizeof(r->body.ring);
}

static struct ring *ring_by_seq(const struct consumer *c, uint32_t seq)
{
	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX; i++)
		if (c->rings[i] && ring_open_seq(c->rings[i]) == seq)
			return c->rings[i];
	return NULL;
}

static struct ring *ring_by_index(const struct consumer *c, unsigned int i)
{
	if (i >= CONSUMER_RINGS_MAX)
		return NULL;
	return c->rings[index_clamp(i, CONSUMER_RINGS_MAX)];
}

/* What ended may be charged until it is reaped, which may be now. */
static void reap_all(void)
{
	arena_reap();
	ring_reap();
	consumer_reap();
}

static int charge_ring(uid_t uid, uint64_t entries)
{
	int err = quota_charge_ring(uid, entries);

	if (err != -EDQUOT)
		return err;
	reap_all();
	return quota_charge_ring(uid, entries);
}

static int charge_buffer(uid_t uid, uint64_t bytes)
{
	int err = quota_charge_buffer(uid, bytes);

	if (err != -EDQUOT)
		return err;
	reap_all();
	return quota_charge_buffer(uid, bytes);
}

static int ring_new(struct consumer *c, unsigned int order, uint32_t seq,
		    struct ring **qp, int fds[2])
{
	uint64_t entries = UINT64_C(1) << (order & 63);
	int err;

	if (order < UKCF_SQ_ORDER_MIN || order > UKCF_SQ_ORDER_MAX)
		return -EINVAL;
	err = charge_ring(c->uid, entries);
	if (err)
		return err;
	err = ring_create(c, order, seq, qp, fds);
	if (err)
		quota_release_ring(c->uid, entries);
	return err;
}

static int on_ring_open(struct consumer *c, const struct msg_in *m,
			struct reply *r)
{
	const struct msg_ring *want = msg_body(m, sizeof(*want));
	struct ring *q = ring_by_seq(c, m->h.seq);
	int fds[2], err;

	if (want->reserved)
		return -EPROTO;
	if (q)
		err = ring_reopen(q, fds);
	else
		err = ring_new(c, want->sq_order, m->h.seq, &q, fds);
	if (err)
		return err;
	reply_fd(r, fds[0]);
	reply_fd(r, fds[1]);
	fill_ring(q, r);
	return 0;
}

static int on_ring_ready(struct consumer *c, const struct msg_in *m,
			 struct reply *r)
{
	const struct msg_ring *want = msg_body(m, sizeof(*want));
	struct ring *q = ring_by_index(c, want->ring);
	int err;

	if (want->reserved)
		return -EPROTO;
	if (!q)
		return -ENOENT;
	err = ring_ready(q);
	if (!err)
		fill_ring(q, r);
	return err;
}

static int on_ring_close(struct consumer *c, const struct msg_in *m,
			 struct reply *r)
{
	const struct msg_ring *want = msg_body(m, sizeof(*want));
	struct ring *q = ring_by_index(c, want->ring);
	struct control *k = c->control;

	if (want->reserved)
		return -EPROTO;
	r->body.ring = (struct msg_ring){ .ring = want->ring };
	r->len = sizeof(r->body.ring);
	if (!q)
		return k->again ? 0 : -ENOENT;
	ring_counts(q, &k->closed);
	ring_close(q);
	return 0;
}

/* ---------------------------------------------------------------- buffers */

static void fill_buffer(const struct arena *a, struct reply *r)
{
	r->body.buffer = (struct msg_buffer){
		.buffer = a->index,
		.kind = a->kind,
		.size = a->size,
	};
	r->len = sizeof(r->body.buffer);
}

static struct arena *buffer_by_seq(const struct consumer *c, uint32_t seq)
{
	for (unsigned int i = 0; i < UKCF_BUFFERS_MAX; i++) {
		struct arena *a = c->buffers[i];

		if (a && recovery->buffers[a->rec].open_seq == seq)
			return a;
	}
	return NULL;
}

static struct arena *buffer_by_index(const struct consumer *c, unsigned int i)
{
	if (i >= UKCF_BUFFERS_MAX)
		return NULL;
	return c->buffers[index_clamp(i, UKCF_BUFFERS_MAX)];
}

static int buffer_create(struct consumer *c, const struct msg_buffer *want,
			 uint32_t seq, struct arena **ap, int *fd)
{
	uint16_t kind = want->kind & (uint16_t)~MSG_BUFFER_HIDDEN;
	uint64_t size = want->size;
	int err;

	if (kind > UKCF_BUFFER_OUTPUT || size == 0 ||
	    size > UKCF_BUFFER_SIZE_MAX)
		return -EINVAL;
	size = memfd_round(size);
	err = charge_buffer(c->uid, size);
	if (err)
		return err;
	err = arena_create(c, (enum ukcf_buffer_kind)kind, size, seq, ap, fd);
	if (err)
		quota_release_buffer(c->uid, size);
	return err;
}

static int on_buffer_alloc(struct consumer *c, const struct msg_in *m,
			   struct reply *r)
{
	const struct msg_buffer *want = msg_body(m, sizeof(*want));
	struct arena *a = buffer_by_seq(c, m->h.seq);
	int fd = -1, err = 0;

	if (want->reserved)
		return -EPROTO;
	if (a)
		fd = arena_reopen(a);
	else
		err = buffer_create(c, want, m->h.seq, &a, &fd);
	if (err || fd < 0)
		return err ? err : fd;
	if (want->kind & MSG_BUFFER_HIDDEN)
		arena_hide(a);
	reply_fd(r, fd);
	fill_buffer(a, r);
	return 0;
}

static int on_buffer_ready(struct consumer *c, const struct msg_in *m,
			   struct reply *r)
{
	const struct msg_buffer *want = msg_body(m, sizeof(*want));
	struct arena *a = buffer_by_index(c, want->buffer);
	int err;

	if (want->reserved)
		return -EPROTO;
	if (!a)
		return -ENOENT;
	err = arena_ready(c, a);
	if (!err)
		fill_buffer(a, r);
	return err;
}

static int on_buffer_free(struct consumer *c, const struct msg_in *m,
			  struct reply *r)
{
	const struct msg_buffer *want = msg_body(m, sizeof(*want));
	struct arena *a = buffer_by_index(c, want->buffer);
	const struct control *k = c->control;

	if (want->reserved)
		return -EPROTO;
	r->body.buffer = (struct msg_buffer){ .buffer = want->buffer };
	r->len = sizeof(r->body.buffer);
	if (!a)
		return k->again ? 0 : -ENOENT;
	arena_remove(c, a);
	return 0;
}

/* ------------------------------------------------------------ other verbs */

static int on_module_get(struct consumer *c, const struct msg_in *m,
			 struct reply *r)
{
	const struct msg_module *want = msg_body(m, sizeof(*want));
	const struct provider *p;
	const struct module *module;
	int fd;

	(void)c;
	if (want->reserved)
		return -EPROTO;
	p = provider_by_id(want->provider);
	module = p ? load_module(p) : NULL;
	if (!module || !module->caller_gen)
		return -ENOENT;
	/* As of what only the daemon writes: an O_RDONLY reopen. */
	fd = memfd_for_consumer(module->fd, MEMFD_DAEMON_WRITES);
	if (fd < 0)
		return fd;
	reply_fd(r, fd);
	r->body.module = (struct msg_module){
		.provider = want->provider,
		.module_gen = module->caller_gen,
	};
	r->len = sizeof(r->body.module);
	return 0;
}

static int on_counts(struct consumer *c, const struct msg_in *m,
		     struct reply *r)
{
	(void)m;
	r->body.counts = (struct ukcf_counts){ 0 };
	control_counts(c, &r->body.counts);
	r->len = sizeof(r->body.counts);
	return 0;
}

static int fill_welcome(const struct consumer *c, int notify, struct reply *r)
{
	int page = page_reopen(), bell;

	if (page < 0)
		return page;
	bell = fcntl(c->doorbell_fd, F_DUPFD_CLOEXEC, 3);
	if (bell < 0) {
		bell = -errno;
		close(page);
		return bell;
	}
	reply_fd(r, page);
	reply_fd(r, bell);
	reply_fd(r, notify);
	r->body.welcome = (struct msg_welcome){
		.consumer = (uint32_t)c->serial,
		.rings_max = CONSUMER_RINGS_MAX,
		.buffer_bytes_max = quota_left(c->uid, QUOTA_BUFFER_BYTES),
		.boot_gen = recovery->boot_gen,
	};
	r->len = sizeof(r->body.welcome);
	return 0;
}

/* The welcome was lost with a former process, which had made the consumer.  It
 * has asked for nothing yet, so the notifier does not know the socket that is
 * closed here: it would send to whatever has its number next. */
static int on_answer_again(struct consumer *c, const struct msg_in *m,
			   struct reply *r)
{
	const struct control *k = c->control;
	int notify, err;

	if (!k->again || k->asked || m->pid != (uint32_t)c->pid ||
	    consumer_rings(c))
		return -EPROTO;
	err = consumer_renotify(c, &notify);
	if (err)
		return err;
	err = fill_welcome(c, notify, r);
	if (err)
		close(notify);
	return err;
}

static const struct verb {
	uint32_t size; /* of the body */
	/* 0, -errno to tell, -EPROTO to disconnect */
	int (*run)(struct consumer *c, const struct msg_in *m, struct reply *r);
} verbs[MSG_VERB_LAST] = {
	[MSG_ANSWER] = { sizeof(struct msg_challenge), on_answer_again },
	[MSG_RING_OPEN] = { sizeof(struct msg_ring), on_ring_open },
	[MSG_RING_READY] = { sizeof(struct msg_ring), on_ring_ready },
	[MSG_RING_CLOSE] = { sizeof(struct msg_ring), on_ring_close },
	[MSG_BUFFER_ALLOC] = { sizeof(struct msg_buffer), on_buffer_alloc },
	[MSG_BUFFER_READY] = { sizeof(struct msg_buffer), on_buffer_ready },
	[MSG_BUFFER_FREE] = { sizeof(struct msg_buffer), on_buffer_free },
	[MSG_MODULE_GET] = { sizeof(struct msg_module), on_module_get },
	[MSG_COUNTS] = { 0, on_counts },
};

/* --------------------------------------------------------------- messages */

/* Return: why the consumer cannot stay, or NULL. */
static const char *answer(struct consumer *c, const struct msg_in *m, int err,
			  struct reply *r)
{
	struct control *k = c->control;
	uint64_t begin = burden_begin();
	int rc = reply_send(c->control_fd, m, err, r);

	if (burden_is_too_much(&k->burden, begin))
		return "it makes replies slow";
	if (rc == -EAGAIN)
		return "it does not read its replies";
	if (err == -EPROTO)
		return "it broke the protocol";
	return rc ? "its socket failed" : NULL;
}

static const char *on_message(struct consumer *c, const struct msg_in *m)
{
	const struct verb *v = &verbs[index_clamp(m->h.verb, MSG_VERB_LAST)];
	struct control *k = c->control;
	struct reply r = { 0 };
	int err = -EPROTO;

	/* Before the verb: if we die in it, it comes again, and finds what it
	 * closes or finds that it was closed. */
	k->again = m->h.seq == record(c)->last_seq;
	record(c)->last_seq = m->h.seq;
	k->asked |= m->h.verb != MSG_ANSWER;
	if (v->run && m->h.len == v->size)
		err = v->run(c, m, &r);
	return answer(c, m, err, &r);
}

static void on_readable(void *arg, uint32_t revents)
{
	static struct msg_in m; /* 64 KiB; main thread only */
	struct consumer *c = arg;
	struct control *k = c->control;

	(void)revents;
	for (unsigned int i = 0; i < BURST; i++) {
		int rc = hurry_recv(c->control_fd, &m);
		const char *why = NULL;

		if (rc == -EAGAIN)
			return;
		if (rc == 1)
			why = on_message(c, &m);
		else if (rc == -EPROTO)
			why = "it broke the protocol";
		else
			return end(c); /* it closed its end, or failed */
		if (why)
			return expel(c, why);
	}
	/* What is left is reported when the pause ends. */
	loop_mute(k->control, BREATH_NS);
}

/* ------------------------------------------------------------ life cycle */

static int begin(struct consumer *c)
{
	struct control *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	c->control = k;
	err = loop_watch(loop, c->pidfd, POLLIN, on_exit_of_peer, c, &k->pid);
	if (!err)
		err = loop_watch(loop, c->control_fd, POLLIN | POLLRDHUP,
				 on_readable, c, &k->control);
	return err;
}

static int welcome(const struct consumer_peer *peer, struct consumer **cp,
		   struct reply *r)
{
	int notify, err = consumer_new(peer, cp, &notify);

	if (err == -EDQUOT || err == -ENFILE) {
		reap_all();
		err = consumer_new(peer, cp, &notify);
	}
	if (err)
		return err;
	err = fill_welcome(*cp, notify, r);
	if (!err)
		return 0;
	close(notify);
	/* The descriptors are the caller's again. */
	(*cp)->pidfd = -1;
	(*cp)->control_fd = -1;
	consumer_end(*cp);
	return err;
}

static void welcomed(struct consumer *c, int rc)
{
	if (!rc)
		rc = begin(c);
	if (!rc) {
		log_debug("consumer %llu: uid %u, pid %d",
			  (unsigned long long)c->serial, c->uid, (int)c->pid);
		return;
	}
	if (c->control)
		end(c);
	else
		consumer_end(c);
}

static const struct handshake_ops handshake_ops = { welcome, welcomed };

int control_init(struct loop *l, const struct config *c)
{
	loop = l;
	config = c;
	quota_init(c);
	handshake_init(l, &handshake_ops, !c->captive && geteuid() != 0);
	return 0;
}

int control_start(struct listener *l)
{
	return listener_start(l, loop, handshake_begin);
}

void control_stop(void)
{
	handshake_deinit();
}

/* ---------------------------------------------------------------- restart */

static int say_restarted(const struct consumer *c)
{
	struct msg_head h = { .magic = MSG_MAGIC,
			      .version = UKCF_ABI_VERSION,
			      .verb = MSG_RESTARTED };
	int rc = msg_send(c->control_fd, &h, NULL, NULL, 0);

	/* Who has a full socket has other messages to read. */
	return rc == -EAGAIN ? 0 : rc;
}

static int serve_again(struct consumer *c)
{
	int err = begin(c);

	if (!err)
		err = say_restarted(c);
	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX && !err; i++) {
		struct ring *q = c->rings[i];

		if (q && ring_is_live(q))
			err = ring_ready(q);
	}
	if (err && c->control)
		end(c);
	else if (err)
		consumer_end(c);
	return err;
}

unsigned int control_restore(void)
{
	unsigned int lost = 0;

	consumer_sweep(true);
	for (uint32_t i = 0; i < REC_CONSUMERS_MAX; i++) {
		struct rec_consumer *r = &recovery->consumers[i];
		uint64_t serial = r->serial;
		uint32_t state = r->state;
		struct consumer *c;
		int err;

		if (state == REC_FREE)
			continue;
		if (state != REC_LIVE) {
			template_end_session(serial);
			keystore_end_session(serial);
			r->state = REC_FREE;
			continue;
		}
		err = consumer_restore(i, &c);
		if (!err)
			err = serve_again(c);
		lost += err != 0;
		if (err)
			log_info("consumer %llu is gone: %s",
				 (unsigned long long)serial, strerror(-err));
	}
	consumer_sweep(false);
	return lost;
}
