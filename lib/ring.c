/* SPDX-License-Identifier: MIT */
/*
 * Submission.  A slot belongs to whoever moved `tail' past it by one
 * compare-and-swap, so a signal handler may submit on the ring that it
 * interrupts: it takes the slots behind ours, and the daemon, which looks at
 * the generation of one slot after the other, waits for ours first.  Each
 * publisher compares its own slots with sq_event, so whichever of them fills
 * the slot that the daemon sleeps at rings the doorbell.
 *
 * Reaping.  The daemon stalls when CQ slots are short, and a consumer that
 * frees some must then ring.  That needs a fence after each CQE, but only while
 * so many slots may be promised that the daemon can have stalled: the ring
 * knows a bound of that number, since it published the entries.  After an EVENT
 * the daemon keeps another slot for the next one, and may wait to be rung.
 */
#include "lib/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/retry.h"
#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "lib/shared/ring-ops.h"

#define CREDITS 3u /* CQ slots that the daemon wants free to take an entry */

#define SPIN_MIN_NS 1000
#define SPIN_START_NS 20000
#define SPIN_MAX_NS 50000   /* what a wake-up costs at most, or so */
#define BUSY_SPINS 50	    /* polls before the first PAUSE */
#define SPINS_PER_LOOK 32   /* polls between looks at the clock */
#define CONTENDED_NS 20000000 /* no polling after a preemption */
#define LOOK_NS UINT64_C(1000000000) /* asleep: look up once a second */
#define FOREVER_NS UINT64_C(86400000000000)

/* ------------------------------------------------------------ life cycle */

static int map_half(int fd, uint64_t size, bool write, void **base)
{
	void *p = mmap(NULL, size, write ? PROT_READ | PROT_WRITE : PROT_READ,
		       MAP_SHARED | MAP_POPULATE, fd, 0);

	close(fd);
	if (p == MAP_FAILED)
		return -ENOMEM;
	madvise(p, size, MADV_DONTFORK);
	madvise(p, size, MADV_DONTDUMP);
	*base = p;
	return 0;
}

static uint64_t half_min(uint8_t order, size_t slot)
{
	return UKCF_RING_SLOTS + ((uint64_t)slot << order);
}

static bool is_sound(const struct msg_ring *m, uint8_t order)
{
	return m->sq_order == order && m->cq_order <= UKCF_CQ_ORDER_MAX &&
	       m->cq_order >= order &&
	       m->sq_size >= half_min(m->sq_order, sizeof(struct ukcf_sqe)) &&
	       m->cq_size >= half_min(m->cq_order, sizeof(struct ukcf_cqe));
}

static int map_ring(struct ukcf_ring *r, const struct msg_ring *m,
		    const int fds[2])
{
	void *sq = NULL, *cq = NULL;
	int err = map_half(fds[0], m->sq_size, true, &sq);
	int err2 = map_half(fds[1], m->cq_size, false, &cq);

	r->sq = sq;
	r->cq = cq;
	r->sq_bytes = m->sq_size;
	r->cq_bytes = m->cq_size;
	if (err || err2)
		return err ? err : err2;
	r->sqes = (void *)((char *)sq + UKCF_RING_SLOTS);
	r->cqes = (const void *)((const char *)cq + UKCF_RING_SLOTS);
	r->index = m->ring;
	r->sq_order = m->sq_order;
	r->cq_order = m->cq_order;
	r->sq_mask = (1u << m->sq_order) - 1;
	r->cq_mask = (1u << m->cq_order) - 1;
	/* No page of ours may be missing when the daemon seals it. */
	memset(sq, 0, m->sq_size);
	store_relaxed_u32(&r->sq->cq_event, UINT32_MAX); /* not armed */
	return 0;
}

static int ask_ring(struct ukcf *u, uint32_t verb, uint64_t deadline_ns,
		    const struct msg_ring *want, struct msg_ring *got, int *fds)
{
	return control_ask(u, &(struct control_call){
		.verb = verb,
		.body = want, .body_len = sizeof(*want),
		.reply = got, .reply_len = sizeof(*got),
		.fds = fds, .n_fds = fds ? 2 : 0,
		.deadline_ns = deadline_ns,
	});
}

static void ask_close(struct ukcf *u, uint16_t index, uint64_t deadline_ns)
{
	struct msg_ring m = { .ring = index }, got;

	/* If the daemon does not hear it, it sees the connection end. */
	(void)ask_ring(u, MSG_RING_CLOSE, deadline_ns, &m, &got, NULL);
}

static int open_ring(struct ukcf *u, uint8_t order, uint64_t deadline_ns,
		     struct ukcf_ring *r)
{
	struct msg_ring want = { .sq_order = order }, m, ack;
	int fds[2], err;

	err = ask_ring(u, MSG_RING_OPEN, deadline_ns, &want, &m, fds);
	if (err)
		return err;
	if (!is_sound(&m, order)) {
		close(fds[0]);
		close(fds[1]);
		return -EPROTO;
	}
	err = map_ring(r, &m, fds);
	want = (struct msg_ring){ .ring = m.ring };
	if (!err)
		err = ask_ring(u, MSG_RING_READY, deadline_ns, &want, &ack,
			       NULL);
	if (err)
		ask_close(u, m.ring, deadline_ns);
	return err;
}

static void free_ring(struct ukcf_ring *r, bool ours)
{
	if (ours && r->sq)
		munmap(r->sq, r->sq_bytes);
	if (ours && r->cq)
		munmap((void *)(uintptr_t)r->cq, r->cq_bytes);
	free(r->staging);
	retry_free(r->retry);
	free(r);
}

static int order_of(unsigned int entries, uint8_t *order)
{
	if (entries < 1u << UKCF_SQ_ORDER_MIN ||
	    entries > 1u << UKCF_SQ_ORDER_MAX)
		return -EINVAL;
	*order = UKCF_SQ_ORDER_MIN;
	while (1u << *order < entries)
		++*order;
	return 0;
}

int ring_new(struct ukcf *u, unsigned int entries, uint64_t deadline_ns,
	     struct ukcf_ring **rp)
{
	struct ukcf_ring *r;
	uint8_t order;
	int err;

	if (!u || !rp || order_of(entries, &order))
		return -EINVAL;
	err = connection_check(u);
	if (err)
		return err;
	r = aligned_alloc(64, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct ukcf_ring){ .u = u, .spin_ns = SPIN_START_NS };
	r->staging = calloc(1u << order, sizeof(*r->staging));
	err = r->staging ? open_ring(u, order, deadline_ns, r) : -ENOMEM;
	if (err) {
		free_ring(r, true);
		return err;
	}
	connection_add(u, &u->rings, &r->member);
	*rp = r;
	return 0;
}

int ukcf_ring_open(struct ukcf *u, unsigned int entries, struct ukcf_ring **rp)
{
	return ring_new(u, entries, control_deadline(u), rp);
}

void ring_destroy(struct ukcf_ring *r, bool ours)
{
	connection_remove(r->u, &r->member);
	if (ours)
		ask_close(r->u, r->index, 0);
	free_ring(r, ours);
}

void ukcf_ring_close(struct ukcf_ring *r)
{
	if (r)
		ring_destroy(r, connection_is_ours(r->u));
}

/* ---------------------------------------------------------------- submit */

static void ring_bell(const struct ukcf_ring *r)
{
	uint64_t one = 1;
	int saved = errno;

	/* The daemon never reads it, so it could be full: it rings as well. */
	if (write(r->u->doorbell_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

static bool is_dead(const struct ukcf_ring *r)
{
	return (load_relaxed_u32(&r->cq->flags) & UKCF_RING_DEAD) ||
	       load_relaxed_u32(&r->u->lost);
}

static uint32_t room_at(const struct ukcf_ring *r, uint64_t tail)
{
	return r->sq_mask + 1 - ((uint32_t)tail - load_relaxed_u32(&r->sq_head));
}

/* Up to n slots from *from on.  Return: how many. */
static uint32_t reserve(struct ukcf_ring *r, uint32_t n, uint64_t *from)
{
	for (;;) {
		uint64_t t = load_acquire_u64(&r->tail);
		uint32_t room = room_at(r, t);

		if (room < n) {
			/* Acquire: the daemon has copied what it freed. */
			store_relaxed_u32(&r->sq_head,
					  load_acquire_u32(&r->cq->sq_head));
			room = room_at(r, t);
		}
		if (room > r->sq_mask + 1) { /* the head passed an old t */
			if (load_acquire_u64(&r->tail) == t)
				return 0;
			continue;
		}
		if (room > n)
			room = n;
		*from = t;
		if (room == 0 || compare_swap_u64(&r->tail, &t, t + room))
			return room;
	}
}

static void put_slot(struct ukcf_ring *r, uint64_t i, const struct ukcf_sqe *s)
{
	ring_put_sqe(&r->sqes[i & r->sq_mask], s, ring_gen_sqe(i, r->sq_order));
}

/* What comes beyond one CQE per entry: QUEUED, and an event. */
static void count_extra(struct ukcf_ring *r, const struct ukcf_sqe *s,
			uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bool event = (s[i].flags & UKCF_SQE_NOTIFY_SPACE) ||
			     s[i].op == UKCF_OP_NOTIFY_SPACE ||
			     s[i].op == UKCF_OP_NOTIFY_EVENTS;
		bool queued = s[i].flags & UKCF_SQE_QUEUE;

		if (event || queued)
			fetch_add_u64(&r->extra, 0u + event + queued);
	}
}

static void announce(struct ukcf_ring *r, uint64_t from, uint64_t to)
{
	/* The fence pairs with the daemon's between arming and looking. */
	store_fence_u32(&r->sq->tail, (uint32_t)to);
	if (ring_event_passed(load_relaxed_u32(&r->cq->sq_event), (uint32_t)to,
			      (uint32_t)from))
		ring_bell(r);
}

int ukcf_submit_sqes(struct ukcf_ring *r, const struct ukcf_sqe *sqe,
		     unsigned int n)
{
	uint64_t from;
	uint32_t k;

	if (!load_relaxed_u32(r->u->alive) || is_dead(r))
		return -ESTALE;
	if (n == 0)
		return 0;
	k = reserve(r, n, &from);
	if (k == 0)
		return 0;
	count_extra(r, sqe, k);
	for (uint32_t i = 0; i < k; i++)
		put_slot(r, from + i, &sqe[i]);
	announce(r, from, from + k);
	return (int)k;
}

struct ukcf_sqe *ukcf_get_sqe(struct ukcf_ring *r)
{
	uint32_t staged = r->staged_tail - r->staged_head;
	struct ukcf_sqe *s;
	uint32_t room;

	if (!load_relaxed_u32(r->u->alive))
		return NULL;
	room = room_at(r, load_relaxed_u64(&r->tail));
	if (room <= staged || room > r->sq_mask + 1) {
		store_relaxed_u32(&r->sq_head,
				  load_acquire_u32(&r->cq->sq_head));
		room = room_at(r, load_relaxed_u64(&r->tail));
	}
	if (room <= staged || room > r->sq_mask + 1)
		return NULL;
	s = &r->staging[r->staged_tail++ & r->sq_mask];
	memset(s, 0, sizeof(*s));
	return s;
}

int ukcf_submit(struct ukcf_ring *r)
{
	uint32_t size = r->sq_mask + 1, staged, at, n;
	int sent = 0, rc;

	for (;;) {
		staged = r->staged_tail - r->staged_head;
		at = r->staged_head & r->sq_mask;
		n = staged < size - at ? staged : size - at; /* up to the end */
		rc = ukcf_submit_sqes(r, &r->staging[at], n);
		if (rc < 0)
			return rc;
		r->staged_head += (uint32_t)rc;
		sent += rc;
		if (rc == 0 || (uint32_t)rc == staged)
			break;
	}
	return sent == 0 && staged ? -EAGAIN : sent;
}

/* ------------------------------------------------------------------ reap */

static const struct ukcf_cqe *ready_cqe(const struct ukcf_ring *r)
{
	const struct ukcf_cqe *c = &r->cqes[r->cq_head & r->cq_mask];

	/* Pairs with the daemon's store of gen, its last. */
	if (load_acquire_u16(&c->gen) == ring_gen_cqe(r->cq_head, r->cq_order))
		return c;
	return NULL;
}

int ukcf_peek_cqe(struct ukcf_ring *r, const struct ukcf_cqe **cqe)
{
	if (!load_relaxed_u32(r->u->alive))
		return -ESTALE;
	while ((*cqe = ready_cqe(r))) {
		if (!r->retry || !retry_takes(r, *cqe))
			return 0;
		ukcf_cqe_seen(r);
	}
	if (is_dead(r))
		return -ESTALE;
	if (r->retry)
		retry_look(r);
	return -EAGAIN;
}

/* May the daemon have stalled for want of CQ slots? */
static bool is_tight(const struct ukcf_ring *r)
{
	uint64_t promised = load_relaxed_u64(&r->tail) +
			    load_relaxed_u64(&r->extra);

	return promised - r->cq_head > r->cq_mask + 1 - CREDITS;
}

static bool is_event(const struct ukcf_cqe *c)
{
	return (c->flags & UKCF_CQE_KIND) == UKCF_CQE_EVENT;
}

void ukcf_cqe_seen(struct ukcf_ring *r)
{
	bool tight;

	if (!load_relaxed_u32(r->u->alive))
		return;
	tight = is_tight(r);
	if (is_event(&r->cqes[r->cq_head & r->cq_mask])) {
		fetch_add_u64(&r->extra, 1);
		tight = true;
	}
	r->cq_head++;
	if (!tight) {
		store_release_u32(&r->sq->cq_head, (uint32_t)r->cq_head);
		return;
	}
	/* The fence pairs with the daemon's between STALLED and its last look
	 * at cq_head before it sleeps. */
	store_fence_u32(&r->sq->cq_head, (uint32_t)r->cq_head);
	if (load_relaxed_u32(&r->cq->flags) & UKCF_RING_STALLED)
		ring_bell(r);
}

/* ------------------------------------------------------------------ wait */

/* Ask for a wake-up with the next CQE; true if it is there already. */
static bool arm(struct ukcf_ring *r, uint32_t how)
{
	store_relaxed_u32(&r->sq->notify, how);
	/* The fence pairs with the daemon's between posting and looking. */
	store_fence_u32(&r->sq->cq_event, (uint32_t)r->cq_head);
	return ready_cqe(r) != NULL;
}

/* Behind the head: passed only after 2^32 more CQEs. */
static void disarm(struct ukcf_ring *r)
{
	store_relaxed_u32(&r->sq->cq_event, (uint32_t)r->cq_head - 1);
}

int ukcf_ring_arm(struct ukcf_ring *r)
{
	if (!load_relaxed_u32(r->u->alive))
		return -ESTALE;
	if (!arm(r, UKCF_NOTIFY_SOCKET))
		return is_dead(r) ? -ESTALE : 0;
	disarm(r);
	return 1;
}

/* Did others want this core since the last look? */
static bool was_preempted(struct ukcf_ring *r)
{
	struct rusage ru;
	bool more;

	if (getrusage(RUSAGE_THREAD, &ru) < 0)
		return false;
	more = ru.ru_nivcsw > r->switches;
	r->switches = ru.ru_nivcsw;
	return more;
}

/* The window grows when polling paid off and shrinks when it did not. */
static void learn(struct ukcf_ring *r, bool hit)
{
	if (hit) {
		if (r->spin_ns < SPIN_MAX_NS)
			r->spin_ns *= 2;
		return;
	}
	if (r->spin_ns > SPIN_MIN_NS)
		r->spin_ns /= 2;
	if (was_preempted(r)) /* a system call, but we are about to sleep */
		r->no_spin_until_ns = clock_ns() + CONTENDED_NS;
}

static bool poll_cqe(struct ukcf_ring *r, uint64_t deadline_ns)
{
	uint64_t now, end;

	for (unsigned int i = 0; i < BUSY_SPINS; i++)
		if (ready_cqe(r))
			return true;
	now = clock_ns();
	if (now < r->no_spin_until_ns)
		return false;
	end = now + r->spin_ns;
	if (end > deadline_ns)
		end = deadline_ns;
	do {
		for (unsigned int i = 0; i < SPINS_PER_LOOK; i++) {
			if (ready_cqe(r)) {
				learn(r, true);
				return true;
			}
			cpu_relax();
		}
	} while (clock_ns() < end);
	learn(r, false);
	return false;
}

/* Sleep until woken, a second at most; 0 or -EINTR. */
static int doze(struct ukcf_ring *r, uint32_t seen, uint64_t ns)
{
	struct timespec ts;

	if (ns > LOOK_NS)
		ns = LOOK_NS;
	ts.tv_sec = (time_t)(ns / 1000000000u);
	ts.tv_nsec = (long)(ns % 1000000000u);
	/* Not private: the daemon wakes it; read-only will do to wait. */
	if (syscall(SYS_futex, &r->cq->futex, FUTEX_WAIT, seen, &ts, NULL,
		    0) == 0 || errno == EAGAIN)
		return 0;
	if (errno == EINTR)
		return -EINTR;
	if (control_is_gone(&r->u->control))
		store_release_u32(&r->u->lost, 1);
	return 0;
}

static int sleep_for_cqe(struct ukcf_ring *r, uint64_t deadline_ns)
{
	int rc = 0;

	while (!rc) {
		uint32_t seen = load_acquire_u32(&r->cq->futex);
		uint64_t now;

		if (arm(r, UKCF_NOTIFY_FUTEX))
			break;
		if (is_dead(r))
			rc = -ESTALE;
		now = clock_ns();
		if (!rc && now >= deadline_ns)
			rc = -ETIMEDOUT;
		if (!rc)
			rc = doze(r, seen, deadline_ns - now);
		if (!rc && r->retry) /* a restart forgets who waits */
			rc = -EAGAIN;
	}
	disarm(r);
	return ready_cqe(r) ? 0 : rc;
}

int ukcf_wait_cqe(struct ukcf_ring *r, const struct ukcf_cqe **cqe,
		  int64_t timeout_ns)
{
	uint64_t deadline;
	int rc = ukcf_peek_cqe(r, cqe);

	if (rc != -EAGAIN)
		return rc;
	if (timeout_ns == 0)
		return -ETIMEDOUT;
	deadline = clock_ns() + (timeout_ns < 0 ? FOREVER_NS :
						  (uint64_t)timeout_ns);
	do {
		if (!poll_cqe(r, deadline))
			rc = sleep_for_cqe(r, deadline);
		else
			rc = 0;
		if (!rc || rc == -EAGAIN) /* it may be the library's affair */
			rc = ukcf_peek_cqe(r, cqe);
	} while (rc == -EAGAIN);
	return rc;
}
