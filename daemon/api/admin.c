/* SPDX-License-Identifier: MIT */
#include "daemon/api/admin.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api/change.h"
#include "daemon/api/consumer.h"
#include "daemon/api/control.h"
#include "daemon/api/explain.h"
#include "daemon/api/hurry.h"
#include "daemon/api/listener.h"
#include "daemon/api/offers.h"
#include "daemon/api/reply.h"
#include "daemon/api/ring.h"
#include "daemon/api/tracer.h"
#include "daemon/core/backlog.h"
#include "daemon/core/device.h"
#include "daemon/core/keystore.h"
#include "daemon/core/recovery.h"
#include "daemon/core/service.h"
#include "daemon/core/tally.h"
#include "daemon/core/worker.h"
#include "daemon/loop.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define CONNECTIONS_MAX 64
#define IDLE_NS UINT64_C(60000000000)
#define ROWS_MAX(type) ((MSG_SIZE_MAX - sizeof(struct msg_head)) / \
			sizeof(type))

struct admin {
	struct admin *next, **prev;
	int fd;
	bool allowed;
	bool asking;	  /* its messages are being read */
	bool awaits;	  /* the end of the change that it asked for */
	struct msg_head question; /* that */
	bool dry;	  /* it is but a dry run */
	uint64_t serial;
	struct ucred peer;
	struct loop_source *source, *timer;
};

static struct loop *loop;
static struct admin *all;
static unsigned int n_all;
static uint64_t serials;

static void admin_free(struct admin *a)
{
	tracer_leave(a);
	loop_source_free(a->source);
	loop_source_free(a->timer);
	hurry_close(a->fd);
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	n_all--;
	free(a);
}

void admin_stop(void)
{
	while (all)
		admin_free(all);
}

/* ------------------------------------------------------------------ verbs */

static int on_status(struct admin *a, const struct msg_in *m)
{
	struct reply r = { .len = sizeof(struct msg_status) };
	struct msg_status *s = &r.body.status;

	*s = (struct msg_status){
		.boot_gen = recovery->boot_gen,
		.started_s = recovery->started_s,
		.pid = (uint32_t)getpid(),
		.restarts = recovery->restarts,
		.consumers = consumer_count(),
		.closing = consumer_count_closing(),
		.keys = keystore_count(),
		.service_threads = service_threads(),
		.workers = worker_threads(),
		.queue_bulk = worker_depth(LANE_BULK),
		.queue_slow = worker_depth(LANE_SLOW),
	};
	snprintf(s->version, sizeof(s->version), "%s", UKCF_VERSION);
	for (uint32_t i = 0; i < REC_CONSUMERS_MAX; i++) {
		const struct consumer *c = consumer_at(i);

		if (c)
			control_counts(c, &s->total);
	}
	s->rings = ring_count_all();
	s->buffers = arena_count(&s->buffer_bytes);
	control_counts_gone(&s->total);
	return reply_send(a->fd, m, 0, &r);
}

/* The command's name is the consumer's to choose: printable bytes only. */
static void read_comm(pid_t pid, char *comm, size_t size)
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, comm, size - 1);
	close(fd);
	for (ssize_t i = 0; i < n; i++) {
		if (comm[i] == '\n')
			comm[i] = '\0';
		else if (!isprint((unsigned char)comm[i]))
			comm[i] = '?';
	}
}

static void fill_tally(const struct consumer *c, struct msg_tally *to)
{
	struct tally sum = { 0 };

	for (unsigned int i = 0; i < CONSUMER_RINGS_MAX; i++)
		if (c->rings[i])
			ring_tally(c->rings[i], &sum);
	*to = (struct msg_tally){ sum.done, sum.failed, sum.bytes,
				  sum.queue_ns, sum.service_ns };
}

static void fill_row(const struct consumer *c, struct msg_consumer *row)
{
	*row = (struct msg_consumer){
		.id = (uint32_t)c->serial,
		.uid = c->uid,
		.pid = (uint32_t)c->pid,
		.rings = consumer_rings(c),
		.weight = load_relaxed_u32(&c->weight),
	};
	_Static_assert(sizeof(row->unit) == sizeof(c->unit), "unit");
	memcpy(row->unit, c->unit, sizeof(row->unit));
	row->buffers = consumer_buffers(c, &row->buffer_bytes);
	read_comm(c->pid, row->comm, sizeof(row->comm));
	control_counts(c, &row->counts);
	fill_tally(c, &row->tally);
}

static int send_rows(const struct admin *a, const struct msg_in *m,
		     const void *rows, size_t len)
{
	struct msg_head h = m->h;

	h.err = 0;
	h.detail = 0;
	h.len = (uint32_t)len;
	return msg_send(a->fd, &h, rows, NULL, 0);
}

/* Return: 0, or -EPROTO. */
static int read_from(const struct msg_in *m, uint32_t *from)
{
	const struct msg_from *f = msg_body(m, sizeof(*f));

	*from = f ? f->from : 0;
	return f && f->reserved ? -EPROTO : 0;
}

static int on_consumers(struct admin *a, const struct msg_in *m)
{
	static struct msg_consumer rows[ROWS_MAX(struct msg_consumer)];
	uint32_t n = 0, from, at = 0;

	if (read_from(m, &from) < 0)
		return -EPROTO;
	for (uint32_t i = 0; i < REC_CONSUMERS_MAX; i++)
		if (consumer_at(i) && at++ >= from &&
		    n < ROWS_MAX(struct msg_consumer))
			fill_row(consumer_at(i), &rows[n++]);
	return send_rows(a, m, rows, n * sizeof(*rows));
}

static int on_offers(struct admin *a, const struct msg_in *m)
{
	static struct msg_offer rows[ROWS_MAX(struct msg_offer)];
	uint32_t from, n;

	if (read_from(m, &from) < 0)
		return -EPROTO;
	n = offers_list(from, rows, ROWS_MAX(struct msg_offer));
	return send_rows(a, m, rows, n * sizeof(*rows));
}

/* Who changed what, and what came of it, is in the log. */
static int answer(struct admin *a, const struct msg_head *question,
		  const struct msg_changed *c)
{
	struct msg_head h = *question;

	log_msg(LOG_NOTICE, "uid %u, pid %d: %s%s%s", a->peer.uid,
		(int)a->peer.pid, a->dry ? "dry run: " : "",
		c->err ? "refused: " : "", c->text);
	h.err = 0;
	h.detail = 0;
	h.len = sizeof(*c);
	return msg_send(a->fd, &h, c, NULL, 0);
}

/* It may be answered before change_run() returns, or much later. */
static int on_change(struct admin *a, const struct msg_in *m)
{
	const struct msg_change *c = msg_body(m, sizeof(*c));
	struct msg_changed r;
	int err;

	a->awaits = true;
	a->question = m->h;
	a->dry = c->flags & MSG_CHANGE_DRY_RUN;
	loop_timer_set(a->timer, 0);
	err = change_run(c, &r, a->serial);
	if (err == -EINPROGRESS)
		return 0;
	a->awaits = false;
	r.err = err;
	return answer(a, &m->h, &r);
}

static struct msg_queue queue_row(const struct backlog *b, const char *name)
{
	struct msg_queue row = {
		.id = b->id,
		.servers = (uint16_t)b->servers,
		.slots = b->q.slots,
		.waiting = backlog_depth(b),
		.wait_ns = backlog_wait_ns(b),
		.taken = load_relaxed_u64(&b->counts.taken),
		.rejected = load_relaxed_u64(&b->counts.rejected),
		.cancelled = load_relaxed_u64(&b->counts.cancelled),
		.timed_out = load_relaxed_u64(&b->counts.timed_out),
		.waited_ns = load_relaxed_u64(&b->counts.waited_ns),
		.served_ns = load_relaxed_u64(&b->counts.served_ns),
	};

	snprintf(row.name, sizeof(row.name), "%s", name);
	return row;
}

static int on_queues(struct admin *a, const struct msg_in *m)
{
	static struct msg_queue rows[LANES + UKCF_PAGE_PROVIDERS_MAX];
	uint32_t n = 0;

	rows[n++] = queue_row(worker_backlog(LANE_BULK), "bulk");
	rows[n++] = queue_row(worker_backlog(LANE_SLOW), "slow");
	for (unsigned int i = 0; i < provider_count(); i++) {
		const struct provider *p = provider_at(i);

		if (!p->device)
			continue;
		rows[n] = queue_row(device_backlog(p->device), p->name);
		rows[n].in_flight = device_in_flight(p->device);
		rows[n++].lost = device_losses(p->device);
	}
	return send_rows(a, m, rows, n * sizeof(*rows));
}

static int on_providers(struct admin *a, const struct msg_in *m)
{
	static struct msg_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	uint32_t n = 0;

	for (unsigned int i = 0; i < provider_count(); i++) {
		const struct provider *p = provider_at(i);
		const struct trust *t = &p->trust;
		struct msg_provider *row = &rows[n++];

		*row = (struct msg_provider){
			.id = p->id,
			.state = (uint8_t)load_acquire_u32(&p->state),
			.stays_out = recover_stays_out(p),
			.every = load_relaxed_u32(&t->every),
			.checked = load_relaxed_u64(&t->checked),
			.wrong = load_relaxed_u64(&t->wrong),
			.unchecked = load_relaxed_u64(&t->unchecked),
			.shared = load_relaxed_u64(
				&p->counts[UKCF_COUNT_SHARED]),
		};
		snprintf(row->name, sizeof(row->name), "%s", p->name);
		provider_reason(p, row->reason, sizeof(row->reason));
	}
	return send_rows(a, m, rows, n * sizeof(*rows));
}

static int on_explain(struct admin *a, const struct msg_in *m)
{
	const struct msg_explain *e = msg_body(m, sizeof(*e));
	static struct msg_candidate rows[EXPLAIN_ROWS_MAX];
	struct msg_head h = m->h;
	int n = explain_run(e, rows);

	h.err = n < 0 ? n : 0;
	h.detail = 0;
	h.len = n < 0 ? 0 : (uint32_t)((unsigned int)n * sizeof(*rows));
	return msg_send(a->fd, &h, rows, NULL, 0);
}

static int on_trace(struct admin *a, const struct msg_in *m)
{
	const struct msg_trace *t = msg_body(m, sizeof(*t));
	struct reply r = { .len = sizeof(struct msg_changed) };

	r.body.changed = (struct msg_changed){ 0 };
	r.body.changed.err = tracer_start(a, t, &r.body.changed);
	log_msg(LOG_NOTICE, "uid %u, pid %d: trace: %s%s", a->peer.uid,
		(int)a->peer.pid, r.body.changed.err ? "refused: " : "",
		r.body.changed.err ? strerror(-r.body.changed.err) :
				     r.body.changed.text);
	return reply_send(a->fd, m, 0, &r);
}

static int on_events(struct admin *a, const struct msg_in *m)
{
	static struct msg_event rows[ROWS_MAX(struct msg_event)];
	struct reply none = { 0 };
	int n = tracer_read(a, rows, ROWS_MAX(struct msg_event));

	return n < 0 ? reply_send(a->fd, m, n, &none) :
		       send_rows(a, m, rows, (size_t)n * sizeof(*rows));
}

static const struct verb {
	uint16_t verb;
	uint32_t len; /* of the body */
	int (*run)(struct admin *a, const struct msg_in *m);
} verbs[] = {
	{ MSG_ADMIN_STATUS, 0, on_status },
	{ MSG_ADMIN_CONSUMERS, 0, on_consumers },
	{ MSG_ADMIN_CONSUMERS, sizeof(struct msg_from), on_consumers },
	{ MSG_ADMIN_OFFERS, sizeof(struct msg_from), on_offers },
	{ MSG_ADMIN_CHANGE, sizeof(struct msg_change), on_change },
	{ MSG_ADMIN_QUEUES, 0, on_queues },
	{ MSG_ADMIN_TRACE, sizeof(struct msg_trace), on_trace },
	{ MSG_ADMIN_EVENTS, 0, on_events },
	{ MSG_ADMIN_PROVIDERS, 0, on_providers },
	{ MSG_ADMIN_EXPLAIN, sizeof(struct msg_explain), on_explain },
};

static int run_verb(struct admin *a, const struct msg_in *m)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].verb == m->h.verb && m->h.len == verbs[i].len)
			return verbs[i].run(a, m);
	return -EPROTO;
}

/* ------------------------------------------------------------ connections */

static void refuse(struct admin *a, const struct msg_in *m, int err)
{
	struct reply r = { 0 };

	reply_send(a->fd, m, err, &r);
	log_sparse(LOG_WARNING, "administration refused to uid %u, pid %d: %s",
		   a->peer.uid, (int)a->peer.pid,
		   err == -EACCES ? "only root and the daemon's own user may" :
				    "it broke the protocol");
	admin_free(a);
}

/* What it asks next waits until it has its answer. */
static void on_readable(void *arg, uint32_t revents)
{
	static struct msg_in m; /* 64 KiB; main thread only */
	struct admin *a = arg;
	int rc = -EAGAIN;

	if (revents & (POLLHUP | POLLRDHUP | POLLERR) && a->awaits) {
		admin_free(a);
		return;
	}
	/* An administrator may take this thread's time. */
	a->asking = true;
	while (!a->awaits && (rc = hurry_recv(a->fd, &m)) == 1) {
		if (!a->allowed)
			return refuse(a, &m, -EACCES);
		rc = run_verb(a, &m);
		if (rc == -EPROTO)
			return refuse(a, &m, -EPROTO);
		if (rc < 0)
			break;
		rc = -EAGAIN;
		if (!a->awaits)
			loop_timer_set(a->timer, IDLE_NS);
	}
	a->asking = false;
	if (rc != -EAGAIN)
		admin_free(a);
}

static struct admin *find(uint64_t serial)
{
	struct admin *a = all;

	while (a && a->serial != serial)
		a = a->next;
	return a;
}

void admin_answer(uint64_t ticket, const struct msg_changed *r)
{
	struct admin *a = find(ticket);

	if (!a) {
		log_msg(LOG_NOTICE, "an administrator who has gone: %s%s",
			r->err ? "refused: " : "", r->text);
		return;
	}
	a->awaits = false;
	loop_timer_set(a->timer, IDLE_NS);
	/* One that does not read has gone, or will when it is idle for long. */
	answer(a, &a->question, r);
	if (!a->asking)
		on_readable(a, 0);
}

static void on_idle(void *arg, uint32_t revents)
{
	(void)revents;
	admin_free(arg);
}

static void on_connection(int fd, const struct ucred *peer)
{
	struct admin *a = n_all < CONNECTIONS_MAX ? calloc(1, sizeof(*a)) : NULL;

	if (!a) {
		hurry_close(fd);
		return;
	}
	a->fd = fd;
	a->serial = ++serials;
	a->peer = *peer;
	a->allowed = peer->uid == 0 || peer->uid == geteuid();
	a->next = all;
	a->prev = &all;
	if (all)
		all->prev = &a->next;
	all = a;
	n_all++;
	if (loop_timer_new(loop, on_idle, a, &a->timer) < 0 ||
	    loop_watch(loop, fd, POLLIN | POLLRDHUP, on_readable, a,
		       &a->source) < 0)
		admin_free(a);
	else
		loop_timer_set(a->timer, IDLE_NS);
}

int admin_start(struct loop *lp, struct listener *l)
{
	int err = tracer_init(lp);

	loop = lp;
	if (err)
		return err;
	return listener_start(l, lp, on_connection);
}
