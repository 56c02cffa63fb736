/* SPDX-License-Identifier: MIT */
/*
 * Every operation given to the kernel names its source, so a source lives
 * until all its operations came back: `pending' counts them, and a freed
 * source goes when the count is zero.  The low bits of user_data say which of
 * the source's operations it is.
 *
 * The ring is set up without DEFER_TASKRUN: completions appear while the
 * thread polls in user space, with no system call of its own.
 */
#include "daemon/loop.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#define ENTRIES 256
#define CQ_ENTRIES 4096
#define RETRY_NS UINT64_C(100000000) /* of a watch that the kernel refused */

enum op { OP_POLL = 0, OP_TIMER = 1, OP_IGNORE = 2 };
#define OP_MASK 3u

struct loop {
	struct io_uring ring;
	unsigned int unsubmitted;
	struct loop_source *sources; /* all, also those that await the kernel */
};

struct loop_source {
	struct loop *loop; /* NULL: the loop is gone */
	struct loop_source *next, **prev;
	loop_fn fn;
	void *arg;
	int fd; /* -1: a timer */
	uint32_t events;
	unsigned int pending;
	bool polling;	/* a poll is with the kernel */
	bool timing;	/* a timeout is with the kernel */
	bool muted;	/* the timeout ends a mute */
	bool armed;	/* a timer: its owner waits for it */
	bool dead;
	uint64_t again_ns; /* arm the timer anew when it came back */
	struct __kernel_timespec ts;
};

int loop_new(struct loop **lp)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE,
				     .cq_entries = CQ_ENTRIES };
	struct loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	err = io_uring_queue_init_params(ENTRIES, &l->ring, &p);
	if (err) {
		free(l);
		return err;
	}
	io_uring_ring_dontfork(&l->ring);
	*lp = l;
	return 0;
}

/* Sources that their owners have not freed stay theirs, and do nothing. */
void loop_free(struct loop *l)
{
	struct loop_source *s, *next;

	if (!l)
		return;
	io_uring_queue_exit(&l->ring);
	for (s = l->sources; s; s = next) {
		next = s->next;
		s->loop = NULL;
		if (s->dead)
			free(s);
	}
	free(l);
}

const char *loop_unavailable_reason(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return "io_uring is forbidden here: see sysctl "
		       "kernel.io_uring_disabled (0 allows it), or the "
		       "container's seccomp profile";
	case -ENOSYS:
		return "this kernel has no io_uring, or a seccomp profile "
		       "hides it";
	case -ENOMEM:
		return "no memory for an io_uring: raise LimitMEMLOCK= "
		       "(ulimit -l)";
	case -EMFILE:
	case -ENFILE:
		return "no file descriptor left for an io_uring: raise "
		       "LimitNOFILE= (ulimit -n)";
	default:
		return "io_uring cannot be set up";
	}
}

static struct io_uring_sqe *get_sqe(struct loop *l)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	/* Submitting makes room; completions that found none may have to be
	 * fetched before. */
	for (unsigned int i = 0; !sqe && i < 100; i++) {
		if (io_uring_submit(&l->ring) < 0)
			io_uring_get_events(&l->ring);
		sqe = io_uring_get_sqe(&l->ring);
	}
	if (!sqe)
		abort(); /* the kernel takes nothing any more */
	l->unsubmitted++;
	return sqe;
}

static void submit(struct loop *l)
{
	if (l->unsubmitted && io_uring_submit(&l->ring) >= 0)
		l->unsubmitted = 0;
}

static uint64_t tagged(struct loop_source *s, enum op op)
{
	return (uint64_t)(uintptr_t)s | op;
}

static void poll_start(struct loop_source *s)
{
	struct io_uring_sqe *sqe = get_sqe(s->loop);

	io_uring_prep_poll_multishot(sqe, s->fd, s->events);
	io_uring_sqe_set_data64(sqe, tagged(s, OP_POLL));
	s->polling = true;
	s->pending++;
}

static void poll_stop(struct loop_source *s)
{
	struct io_uring_sqe *sqe;

	if (!s->polling)
		return;
	sqe = get_sqe(s->loop);
	io_uring_prep_poll_remove(sqe, tagged(s, OP_POLL));
	io_uring_sqe_set_data64(sqe, tagged(s, OP_IGNORE));
	s->pending++;
}

static void timer_start(struct loop_source *s, uint64_t ns)
{
	struct io_uring_sqe *sqe = get_sqe(s->loop);

	s->ts.tv_sec = (long long)(ns / 1000000000u);
	s->ts.tv_nsec = (long long)(ns % 1000000000u);
	io_uring_prep_timeout(sqe, &s->ts, 0, 0);
	io_uring_sqe_set_data64(sqe, tagged(s, OP_TIMER));
	s->timing = true;
	s->pending++;
}

static void timer_stop(struct loop_source *s)
{
	struct io_uring_sqe *sqe;

	if (!s->timing)
		return;
	sqe = get_sqe(s->loop);
	io_uring_prep_timeout_remove(sqe, tagged(s, OP_TIMER), 0);
	io_uring_sqe_set_data64(sqe, tagged(s, OP_IGNORE));
	s->pending++;
}

static struct loop_source *source_new(struct loop *l, int fd, uint32_t events,
				      loop_fn fn, void *arg)
{
	struct loop_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = l;
	s->fd = fd;
	s->events = events;
	s->fn = fn;
	s->arg = arg;
	s->next = l->sources;
	s->prev = &l->sources;
	if (s->next)
		s->next->prev = &s->next;
	l->sources = s;
	return s;
}

int loop_watch(struct loop *l, int fd, uint32_t events, loop_fn fn, void *arg,
	       struct loop_source **sp)
{
	struct loop_source *s = source_new(l, fd, events, fn, arg);

	if (!s)
		return -ENOMEM;
	poll_start(s);
	submit(l);
	*sp = s;
	return 0;
}

int loop_timer_new(struct loop *l, loop_fn fn, void *arg,
		   struct loop_source **sp)
{
	*sp = source_new(l, -1, 0, fn, arg);
	return *sp ? 0 : -ENOMEM;
}

void loop_timer_set(struct loop_source *s, uint64_t ns_from_now)
{
	if (!s->loop)
		return;
	s->again_ns = 0;
	s->armed = ns_from_now != 0;
	if (s->timing) {
		timer_stop(s);
		s->again_ns = ns_from_now;
	} else if (ns_from_now) {
		timer_start(s, ns_from_now);
	}
	submit(s->loop);
}

void loop_mute(struct loop_source *s, uint64_t ns)
{
	if (s->muted || s->fd < 0 || !s->loop)
		return;
	s->muted = true;
	poll_stop(s);
	timer_start(s, ns);
	submit(s->loop);
}

static void source_settle(struct loop_source *s)
{
	if (!s->dead || s->pending > 0)
		return;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	free(s);
}

void loop_source_free(struct loop_source *s)
{
	struct loop *l;

	if (!s)
		return;
	l = s->loop;
	if (!l) {
		free(s);
		return;
	}
	s->dead = true;
	poll_stop(s);
	timer_stop(s);
	submit(l);
	source_settle(s);
}

bool loop_pending(struct loop *l)
{
	return io_uring_cq_ready(&l->ring) > 0 ||
	       io_uring_cq_has_overflow(&l->ring);
}

/* A cancelled poll is one that a mute ended late.  Any other error (no memory,
 * mostly) would come back at once: it is tried again after a pause. */
static void poll_again(struct loop_source *s, int res)
{
	if (s->dead || s->muted)
		return;
	if (res >= 0 || res == -ECANCELED) {
		poll_start(s);
		return;
	}
	s->muted = true;
	timer_start(s, RETRY_NS);
}

static void poll_came(struct loop_source *s, int res, uint32_t flags)
{
	if (!(flags & IORING_CQE_F_MORE)) {
		s->pending--;
		s->polling = false;
		poll_again(s, res);
	}
	if (!s->dead && res > 0)
		s->fn(s->arg, (uint32_t)res);
}

static void timer_came(struct loop_source *s, int res)
{
	uint64_t again = s->again_ns;

	s->pending--;
	s->timing = false;
	if (s->dead)
		return;
	if (s->fd >= 0) { /* the end of a mute */
		s->muted = false;
		if (!s->polling)
			poll_start(s);
		return;
	}
	s->again_ns = 0;
	if (again) {
		timer_start(s, again);
	} else if (res == -ETIME && s->armed) {
		/* Disarming comes too late for one that has expired. */
		s->armed = false;
		s->fn(s->arg, 0);
	}
}

static void dispatch(uint64_t data, int res, uint32_t flags)
{
	struct loop_source *s =
		(struct loop_source *)(uintptr_t)(data & ~(uint64_t)OP_MASK);

	/* A callback may free its own source: hold it meanwhile. */
	s->pending++;
	switch (data & OP_MASK) {
	case OP_POLL:
		poll_came(s, res, flags);
		break;
	case OP_TIMER:
		timer_came(s, res);
		break;
	default:
		s->pending--;
		break;
	}
	s->pending--;
	source_settle(s);
}

int loop_run(struct loop *l, bool wait)
{
	struct io_uring_cqe *cqe;
	int n = 0, err = 0;

	if (wait && !loop_pending(l))
		err = io_uring_submit_and_wait(&l->ring, 1);
	else if (io_uring_cq_has_overflow(&l->ring))
		err = io_uring_get_events(&l->ring);
	if (err < 0 && err != -EINTR && err != -EAGAIN && err != -EBUSY)
		return err;
	/* At most one CQ full, so that a storm cannot hold the thread here. */
	while (n < CQ_ENTRIES && io_uring_peek_cqe(&l->ring, &cqe) == 0) {
		uint64_t data = cqe->user_data;
		uint32_t flags = cqe->flags;
		int res = cqe->res;

		io_uring_cqe_seen(&l->ring, cqe);
		dispatch(data, res, flags);
		n++;
	}
	submit(l);
	return n;
}
