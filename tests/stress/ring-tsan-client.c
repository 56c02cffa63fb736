/* SPDX-License-Identifier: MIT */
/*
 * user_data = id | place << 48 | flow << 62.  The main flow's requests have a
 * place in the buffers; the second flow, which stands for a signal handler,
 * sends NOPs.  Only the main flow's thread reaps.
 *
 * Waits end after ten seconds: a wake-up that was lost is an error.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/stress/ring-tsan-client.h"

#define WAIT_NS UINT64_C(10000000000)
#define PLACE 256u /* bytes of each place in both buffers */
#define PLACE_SHIFT 48
#define SECOND (UINT64_C(1) << 62)
#define ID_MASK ((UINT64_C(1) << PLACE_SHIFT) - 1)
#define SECOND_FLIGHT 6 /* of the second flow */

static uint64_t shared_key; /* atomic: named, made and destroyed meanwhile */

bool ring_tsan_is_on(void)
{
#if defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

static bool fail(struct stream *s, const char *what, int64_t err)
{
	if (!s->error[0])
		snprintf(s->error, sizeof(s->error), "%s: %lld", what,
			 (long long)err);
	return false;
}

/* ------------------------------------------------------------------- ring */

/* Any flow.  False: the ring is full. */
static bool submit(struct stream *s, const struct ukcf_sqe *sqe)
{
	struct raw_ring *q = &s->q;
	uint32_t size = 1u << q->sq_order;
	uint64_t i = load_relaxed_u64(&s->tail);
	struct ukcf_sqe *slot;

	do {
		if ((uint32_t)i - load_acquire_u32(&q->cq->sq_head) >= size)
			return false;
	} while (!compare_swap_u64(&s->tail, &i, i + 1));
	slot = &q->sqes[i & (size - 1)];
	memcpy((uint8_t *)slot + 4, (const uint8_t *)sqe + 4,
	       sizeof(*sqe) - 4);
	store_release_u32(&slot->gen, ring_gen_sqe(i, q->sq_order));
	store_fence_u32(&q->sq->tail, (uint32_t)(i + 1));
	if (ring_event_passed(load_relaxed_u32(&q->cq->sq_event),
			      (uint32_t)(i + 1), (uint32_t)i))
		raw_kick(&s->r);
	return true;
}

/* The word of a CQE that the daemon stores last. */
static uint64_t last_word(const struct ukcf_cqe *c)
{
	const uint64_t *w = (const uint64_t *)(const void *)&c->flags;

#ifdef PLANTED_RACE
	return load_relaxed_u64(w);
#else
	return load_acquire_u64(w);
#endif
}

static bool peek(const struct raw_ring *q, struct ukcf_cqe *cqe)
{
	uint64_t i = q->cq_next, word;
	const struct ukcf_cqe *c = &q->cqes[i & ((1u << q->cq_order) - 1)];

	word = last_word(c);
	if ((uint16_t)(word >> 48) != ring_gen_cqe(i, q->cq_order))
		return false;
	cqe->user_data = c->user_data;
	cqe->res = c->res;
	cqe->detail = (uint16_t)(word >> 16);
	cqe->flags = (uint16_t)word;
	return true;
}

static void seen(struct stream *s)
{
	struct raw_ring *q = &s->q;

	store_fence_u32(&q->sq->cq_head, (uint32_t)++q->cq_next);
	if (load_relaxed_u32(&q->cq->flags) & UKCF_RING_STALLED)
		raw_kick(&s->r);
}

/* ---------------------------------------------------------------- requests */

static void make_nop(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in);
static void make_digest(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in);
static void make_mac(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in);
static void make_sign(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		      uint8_t *in);
static void make_bad(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in);
static void make_shared(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in);
static void make_key(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in);
static void make_no_key(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in);

static const struct kind {
	void (*make)(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in);
	uint16_t flags;
	int64_t res;	 /* what it should be; -1: a handle */
	unsigned int out; /* bytes to compare */
	bool may_be_gone; /* the key may be destroyed meanwhile */
} kinds[] = {
	{ make_nop, 0, 0, 0, false },
	{ make_nop, UKCF_SQE_QUEUE, 0, 0, false },
	{ make_digest, 0, 32, 32, false },
	{ make_digest, UKCF_SQE_QUEUE, 32, 32, false },
	{ make_digest, UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE, 32, 32, false },
	{ make_mac, 0, 32, 32, false },
	{ make_mac, UKCF_SQE_QUEUE, 32, 32, false },
	{ make_sign, UKCF_SQE_QUEUE, 64, 0, false },
	{ make_bad, UKCF_SQE_QUEUE, -EOPNOTSUPP, 0, false },
	{ make_shared, 0, 32, 0, true },
	{ make_shared, UKCF_SQE_QUEUE, 32, 0, true },
	{ make_key, 0, -1, 0, false },
	{ make_no_key, 0, 0, 0, true },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define KEYS_MAX CLIENT_SLOTS /* then those in flight are room enough */

static unsigned int choose(struct stream *s)
{
	unsigned int kind = (unsigned int)rng_below(&s->rng, KINDS);

	if (kinds[kind].make == make_key && s->n_made >= KEYS_MAX)
		kind = KINDS - 1; /* destroy one */
	return kind;
}

static void make_nop(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in)
{
	(void)s;
	(void)p;
	(void)in;
	e->op = UKCF_OP_NOP;
	memset(&e->in, 0, sizeof(e->in));
	memset(&e->out, 0, sizeof(e->out));
	memset(e->buf, 0, sizeof(e->buf));
}

static void make_digest(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in)
{
	(void)s;
	e->op = UKCF_OP_DIGEST;
	e->mech[0] = UKCF_MECH_SHA2_256;
	crypto_hash_sha256(p->want, in, e->in.len);
}

static void make_mac(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in)
{
	static const uint8_t key[32] = { 7 };

	e->op = UKCF_OP_MAC;
	e->mech[0] = UKCF_MECH_HMAC_SHA2_256;
	e->obj[0] = s->key;
	crypto_auth_hmacsha256(p->want, in, e->in.len, key);
}

static void make_sign(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		      uint8_t *in)
{
	(void)p;
	(void)in;
	e->op = UKCF_OP_SIGN;
	e->mech[0] = UKCF_MECH_ED25519;
	e->obj[0] = s->public_key;
	e->out.len = 64;
}

static void make_bad(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in)
{
	make_digest(s, e, p, in);
	e->mech[0] = UKCF_MECH_SHA2_256 + 0x7f;
}

static void make_shared(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in)
{
	make_mac(s, e, p, in);
	e->obj[0] = load_acquire_u64(&shared_key);
}

static void make_key(struct stream *s, struct ukcf_sqe *e, struct slot *p,
		     uint8_t *in)
{
	const struct ukcf_key_req req = { .flags = UKCF_KEY_SESSION };

	(void)s;
	(void)p;
	e->op = UKCF_OP_KEY_GENERATE;
	e->mech[0] = UKCF_MECH_HMAC_SHA2_256;
	memcpy(in, &req, sizeof(req));
	e->in.len = sizeof(req);
	memset(&e->out, 0, sizeof(e->out));
	e->buf[UKCF_RANGE_OUT] = 0;
}

static void make_no_key(struct stream *s, struct ukcf_sqe *e, struct slot *p,
			uint8_t *in)
{
	make_nop(s, e, p, in);
	e->op = UKCF_OP_KEY_DESTROY;
	e->obj[0] = s->n_made ? s->made[--s->n_made] : 0;
}

/* Fill an entry that uses place n. */
static void make(struct stream *s, struct ukcf_sqe *e, unsigned int n,
		 uint64_t id, unsigned int kind)
{
	uint32_t off = n * PLACE;
	struct slot *p = &s->slots[n];

	p->busy = true;
	p->kind = (uint8_t)kind;
	*e = (struct ukcf_sqe){
		.flags = kinds[kind].flags,
		.user_data = id | (uint64_t)n << PLACE_SHIFT,
		.in = { off, 1 + (uint32_t)rng_below(&s->rng, 200) },
		.out = { off, 32 },
		.buf = { s->in.index, s->out.index },
	};
	memset(s->in.p + off, (int)(id & 0xff), e->in.len);
	kinds[kind].make(s, e, p, s->in.p + off);
}

/* Who does not ask to be queued is so all the same where his request is
 * predicted to take longer than what runs at once.  A NOP without the flag and
 * work on keys find a place always. */
static bool may_find_it_full(const struct kind *k)
{
	return (k->flags & UKCF_SQE_QUEUE) || k->out || k->make == make_shared;
}

static bool is_right(struct stream *s, const struct slot *p, unsigned int n,
		     const struct ukcf_cqe *c)
{
	const struct kind *k = &kinds[p->kind];
	int64_t res = c->res;

	if (res == -EAGAIN && c->detail == UKCF_DETAIL_QUEUE_FULL &&
	    may_find_it_full(k)) {
		s->full++;
		return true;
	}
	if (s->closed && res == -ECANCELED &&
	    c->detail == UKCF_DETAIL_CANCELED)
		return true;
	if (k->may_be_gone && (res == -ENOKEY || res == -EKEYREVOKED))
		return true;
	if (k->res == -1) {
		if (res > 0)
			s->made[s->n_made++] = (uint64_t)res;
		return res > 0 || res == -EDQUOT;
	}
	return res == k->res &&
	       memcmp(s->out.p + n * PLACE, p->want, k->out) == 0;
}

/* -------------------------------------------------------------- accounting */

static void count_answer(struct stream *s, unsigned int flow, uint64_t id)
{
	if (id >= s->goal[flow] || s->answers[flow][id]) {
		s->twice++;
		return;
	}
	s->answers[flow][id] = 1;
	s->answered[flow]++;
}

static void settle(struct stream *s, const struct ukcf_cqe *c)
{
	unsigned int n = (unsigned int)(c->user_data >> PLACE_SHIFT) & 0x3f;

	if (c->user_data & SECOND) {
		count_answer(s, 1, c->user_data & ID_MASK);
		s->wrong += c->res != 0;
		store_release_u64(&s->reaped_second, s->answered[1]);
		return;
	}
	count_answer(s, 0, c->user_data & ID_MASK);
	store_release_u64(&s->progress, s->answered[0]);
	if (n >= CLIENT_SLOTS || !s->slots[n].busy) {
		s->wrong++;
		return;
	}
	if (!s->leaving && !is_right(s, &s->slots[n], n, c)) {
		s->wrong++;
		fail(s, "wrong result of kind", s->slots[n].kind * 1000000 +
							c->res);
	}
	s->slots[n].busy = false;
	s->busy--;
}

static bool reap(struct stream *s)
{
	struct ukcf_cqe c;

	if (!peek(&s->q, &c))
		return false;
	seen(s);
	if ((c.flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT)
		settle(s, &c);
	return true;
}

bool client_exactly_once(const struct stream *s)
{
	bool ok = s->twice == 0;

	for (unsigned int f = 0; f < 2; f++) {
		ok = ok && s->answered[f] == s->sent[f] &&
		     s->sent[f] == s->goal[f];
		for (uint64_t i = 0; i < s->sent[f]; i++)
			ok = ok && s->answers[f][i] == 1;
	}
	return ok;
}

bool client_account_works(void)
{
	uint8_t lost[2][2] = { { 0 } }, twice[2][2] = { { 0 } };
	struct stream a = { .goal = { 2, 0 }, .sent = { 2, 0 },
			    .answers = { lost[0], lost[1] } };
	struct stream b = { .goal = { 2, 0 }, .sent = { 2, 0 },
			    .answers = { twice[0], twice[1] } };
	bool ok;

	count_answer(&a, 0, 1);
	ok = !client_exactly_once(&a);
	count_answer(&a, 0, 0);
	ok = ok && client_exactly_once(&a);
	count_answer(&b, 0, 1);
	count_answer(&b, 0, 1);
	count_answer(&b, 0, 0);
	return ok && !client_exactly_once(&b);
}

/* ----------------------------------------------------------------- waiting */

static bool wait_polling(struct stream *s)
{
	uint64_t end = clock_ns() + WAIT_NS;

	while (!reap(s)) {
		for (unsigned int i = 0; i < 20; i++)
			cpu_relax();
		sched_yield(); /* there may be fewer cores than threads */
		if (clock_ns() > end)
			return fail(s, "polled in vain", 0);
	}
	return true;
}

static bool wait_futex(struct stream *s)
{
	struct timespec ts = { .tv_sec = WAIT_NS / 1000000000 };
	struct raw_ring *q = &s->q;
	uint64_t end = clock_ns() + WAIT_NS;

	store_release_u32(&q->sq->notify, UKCF_NOTIFY_FUTEX);
	for (;;) {
		uint32_t f = load_acquire_u32(&q->cq->futex);

		store_fence_u32(&q->sq->cq_event, (uint32_t)q->cq_next);
		if (reap(s))
			return true;
		syscall(SYS_futex, &q->cq->futex, FUTEX_WAIT, f, &ts, NULL, 0);
		if (clock_ns() > end)
			return fail(s, "no wake-up by futex", 0);
	}
}

static bool wait_socket(struct stream *s)
{
	struct pollfd p = { .fd = s->r.notify, .events = POLLIN };
	struct raw_ring *q = &s->q;
	char bytes[16];

	store_release_u32(&q->sq->notify, UKCF_NOTIFY_SOCKET);
	for (;;) {
		store_fence_u32(&q->sq->cq_event, (uint32_t)q->cq_next);
		if (reap(s))
			return true;
		if (poll(&p, 1, (int)(WAIT_NS / 1000000)) <= 0)
			return fail(s, "no wake-up by socket", errno);
		while (read(s->r.notify, bytes, sizeof(bytes)) > 0)
			;
	}
}

/* ---------------------------------------------------------------- a stream */

static int64_t do_one(struct stream *s, uint8_t op, uint32_t mech,
		      const void *bytes, uint32_t len, const char *name)
{
	struct ukcf_key_req *req = (void *)s->in.p;
	struct ukcf_sqe e = { .op = op, .mech = { mech },
			      .in = { 0, (uint32_t)sizeof(*req) + len },
			      .buf = { s->in.index } };
	uint64_t end = clock_ns() + WAIT_NS;
	struct ukcf_cqe c;

	memset(req, 0, sizeof(*req));
	req->flags = name ? 0 : UKCF_KEY_SESSION;
	req->key_len = len;
	if (name)
		strncpy(req->name, name, sizeof(req->name) - 1);
	if (len)
		memcpy(req + 1, bytes, len);
	submit(s, &e);
	while (!peek(&s->q, &c)) {
		sched_yield();
		if (clock_ns() > end)
			return -ETIMEDOUT;
	}
	seen(s);
	return c.res;
}

static bool set_up(struct stream *s, unsigned int order)
{
	int err = raw_connect(&s->r);

	if (!err)
		err = raw_ring_new(&s->r, (uint8_t)order, &s->q);
	if (!err)
		err = raw_buf_new(&s->r, UKCF_BUFFER_INPUT,
				  CLIENT_SLOTS * PLACE, &s->in);
	if (!err)
		err = raw_buf_new(&s->r, UKCF_BUFFER_OUTPUT,
				  CLIENT_SLOTS * PLACE, &s->out);
	rng_init(&s->rng, s->index);
	for (unsigned int f = 0; f < 2; f++) {
		s->answers[f] = calloc(s->goal[f] + 1, 1);
		if (!s->answers[f])
			err = -ENOMEM;
	}
	return err ? fail(s, "setting up", err) : true;
}

static bool make_session_keys(struct stream *s)
{
	static const uint8_t key[32] = { 7 };
	int64_t mac = do_one(s, UKCF_OP_KEY_IMPORT, UKCF_MECH_HMAC_SHA2_256,
			     key, sizeof(key), NULL);
	int64_t sign = do_one(s, UKCF_OP_KEY_GENERATE, UKCF_MECH_ED25519, NULL,
			      0, NULL);

	if (mac <= 0 || sign <= 0)
		return fail(s, "session keys", mac <= 0 ? mac : sign);
	s->key = (uint64_t)mac;
	s->public_key = (uint64_t)sign;
	return true;
}

/* Does not see the answers: it only counts how many there are. */
static void *second_main(void *arg)
{
	struct stream *s = arg;
	uint64_t n = 0, end = clock_ns() + 20 * WAIT_NS;

	while (n < s->goal[1] && clock_ns() < end) {
		const struct ukcf_sqe e = { .op = UKCF_OP_NOP,
					    .user_data = n | SECOND };

		if (n - load_acquire_u64(&s->reaped_second) < SECOND_FLIGHT &&
		    submit(s, &e))
			n++;
		else
			sched_yield();
	}
	s->sent[1] = n;
	store_release_u32(&s->second_done, 1);
	return NULL;
}

static unsigned int free_place(const struct stream *s)
{
	unsigned int n = 0;

	while (n < CLIENT_SLOTS && s->slots[n].busy)
		n++;
	return n;
}

/* Up to n more in flight. */
static void send_some(struct stream *s, unsigned int n)
{
	while (n-- && s->sent[0] < s->goal[0] && s->busy < CLIENT_SLOTS) {
		unsigned int place = free_place(s);
		struct ukcf_sqe e;

		make(s, &e, place, s->sent[0], choose(s));
		s->busy++;
		while (!submit(s, &e)) /* the other flow's entries are taken */
			if (!reap(s))
				sched_yield();
		s->sent[0]++;
	}
}

/* Several turns of one kind of waiting, so that the daemon falls asleep in
 * some of them. */
static bool turn(struct stream *s)
{
	static bool (*const waits[])(struct stream *) = {
		wait_polling, wait_futex, wait_socket, wait_futex };
	bool (*wait)(struct stream *) = waits[rng_below(&s->rng, 4)];

	for (unsigned int i = 0; i < 32 && s->sent[0] < s->goal[0]; i++) {
		send_some(s, 1 + (unsigned int)rng_below(&s->rng,
							 CLIENT_SLOTS));
		/* down to a few, or to none: then nobody is busy */
		while (s->busy > rng_below(&s->rng, 4) * 2)
			if (!wait(s))
				return false;
	}
	return true;
}

static bool drain(struct stream *s)
{
	while (s->busy)
		if (!wait_futex(s))
			return false;
	while (!load_acquire_u32(&s->second_done))
		if (!reap(s))
			sched_yield();
	while (s->answered[1] < s->sent[1])
		if (!wait_futex(s))
			return false;
	return true;
}

static void close_ring(struct raw_ring *q)
{
	munmap(q->sq, q->sq_size);
	munmap((void *)(uintptr_t)q->cq, q->cq_size);
	close(q->sq_fd);
	close(q->cq_fd);
}

static void close_buf(struct raw_buf *b)
{
	munmap(b->p, b->size);
	close(b->fd);
}

static void get_counts(struct stream *s)
{
	int err = raw_call(&s->r, MSG_COUNTS, NULL, 0, &s->counts,
			   sizeof(s->counts), NULL, 0);

	if (err)
		fail(s, "counters", err);
	/* set_up() asked for two keys */
	s->counts.accepted -= 2;
	s->counts.completed -= 2;
}

void client_stream(struct stream *s)
{
	pthread_t second;
	bool ok = set_up(s, 4 + s->index % 3) && make_session_keys(s);

	if (!ok)
		return;
	if (pthread_create(&second, NULL, second_main, s)) {
		fail(s, "pthread_create", 0);
		return;
	}
	while (ok && s->sent[0] < s->goal[0])
		ok = turn(s);
	if (ok)
		drain(s);
	pthread_join(second, NULL);
	get_counts(s);
	raw_buf_free(&s->in);
	raw_buf_free(&s->out);
	raw_ring_close(&s->q);
	raw_close(&s->r);
}

void client_load(struct stream *s)
{
	if (!set_up(s, 5) || !make_session_keys(s)) {
		store_release_u64(&s->progress, UINT64_MAX);
		return;
	}
	while (!load_acquire_u32(&s->over) && s->sent[0] < s->goal[0]) {
		unsigned int place = free_place(s);
		struct ukcf_sqe e;

		if (place < CLIENT_SLOTS) {
			make(s, &e, place, s->sent[0], choose(s));
			if (submit(s, &e)) {
				s->sent[0]++;
				s->busy++;
			} else {
				s->slots[place].busy = false;
			}
		}
		if (!reap(s))
			sched_yield();
	}
	while (reap(s))
		;
	/* as the daemon counts */
	s->sent[0] += 2;
	s->answered[0] += 2;
}

/* --------------------------------------------------- consumers that go away */

static void let_go(struct stream *s)
{
	close_buf(&s->in);
	close_buf(&s->out);
	close_ring(&s->q);
	raw_close(&s->r);
}

/* The buffer goes while requests use it: what was taken before is done, what
 * was not is refused, all of it is answered. */
static bool free_buffer_in_use(struct stream *s)
{
	int err = raw_buf_free(&s->in);

	if (err)
		return fail(s, "freeing a buffer in use", err);
	while (s->busy) {
		uint64_t end = clock_ns() + WAIT_NS;
		struct ukcf_cqe c;

		while (!peek(&s->q, &c)) {
			sched_yield();
			if (clock_ns() > end)
				return fail(s, "not answered", s->busy);
		}
		seen(s);
		if ((c.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT)
			continue;
		count_answer(s, 0, c.user_data & ID_MASK);
		s->busy--;
	}
	close_buf(&s->out);
	close_ring(&s->q);
	raw_close(&s->r);
	return s->twice ? fail(s, "answered twice", 0) : true;
}

static bool close_ring_in_use(struct stream *s)
{
	struct msg_ring m = { .ring = s->q.index };
	int err = raw_call(&s->r, MSG_RING_CLOSE, &m, sizeof(m), &m, sizeof(m),
			   NULL, 0);

	s->closed = true;
	while (reap(s)) /* what was answered before, and nothing twice */
		;
	let_go(s);
	if (err)
		return fail(s, "closing a ring in use", err);
	return s->twice || s->wrong ? fail(s, "answered wrongly", 0) : true;
}

static bool vanish(struct stream *s)
{
	s->leaving = true;
	raw_close(&s->r);
	s->r = (struct raw){ .sock = -1, .page_fd = -1, .doorbell = -1,
			     .notify = -1 };
	while (reap(s))
		;
	let_go(s);
	return s->twice || s->wrong ? fail(s, "answered wrongly", 0) : true;
}

bool client_churn(struct churn *c)
{
	static bool (*const ends[])(struct stream *) = {
		free_buffer_in_use, close_ring_in_use, vanish };
	struct stream *s = calloc(1, sizeof(*s));
	bool ok;

	if (!s)
		return false;
	s->index = 1000 + c->index + 2 * (unsigned int)(c->n & 0xffff);
	s->goal[0] = CLIENT_SLOTS;
	ok = set_up(s, 4) && make_session_keys(s);
	if (ok) {
		send_some(s, CLIENT_SLOTS);
		ok = ends[rng_below(&c->rng, 3)](s);
	}
	if (!ok)
		memcpy(c->error, s->error, sizeof(c->error));
	c->n += ok;
	free(s->answers[0]);
	free(s->answers[1]);
	free(s);
	return ok;
}

/* --------------------------------------------------------------------- keys */

static int64_t destroy(struct stream *s, uint64_t key)
{
	const struct ukcf_sqe e = { .op = UKCF_OP_KEY_DESTROY,
				    .obj = { key } };
	struct ukcf_cqe c;
	uint64_t end = clock_ns() + WAIT_NS;

	submit(s, &e);
	while (!peek(&s->q, &c)) {
		sched_yield();
		if (clock_ns() > end)
			return -ETIMEDOUT;
	}
	seen(s);
	return c.res;
}

void client_keys(const uint32_t *left, uint64_t *n)
{
	static const uint8_t bytes[32] = { 9 };
	static struct stream s = { .index = 99 };
	int64_t key;

	if (!set_up(&s, 3)) {
		check(false, "the maker of keys: %s", s.error);
		return;
	}
	while (load_acquire_u32(left)) {
		key = do_one(&s, UKCF_OP_KEY_IMPORT, UKCF_MECH_HMAC_SHA2_256,
			     bytes, sizeof(bytes), "shared");
		if (key <= 0) {
			check(false, "a key is made: %lld", (long long)key);
			break;
		}
		store_release_u64(&shared_key, (uint64_t)key);
		key = destroy(&s, (uint64_t)key);
		if (key) {
			check(false, "a key is destroyed: %lld",
			      (long long)key);
			break;
		}
		(*n)++;
	}
	let_go(&s);
}
