/* SPDX-License-Identifier: MIT */
/* See raw.h. */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/raw.h"

#define MS 1000000u /* ns */

int raw_open(struct raw *r, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	*r = (struct raw){ .sock = -1, .page_fd = -1, .doorbell = -1,
			   .notify = -1, .seq = 1 };
	path = path ? path : getenv("UKCF_SOCKET");
	if (!path || strlen(path) >= sizeof(sa.sun_path))
		return -EINVAL;
	strcpy(sa.sun_path, path);
	r->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (r->sock < 0)
		return -errno;
	if (connect(r->sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return 0;
}

void raw_close(struct raw *r)
{
	int *fds[] = { &r->sock, &r->page_fd, &r->doorbell, &r->notify };

	if (r->page)
		munmap((void *)(uintptr_t)r->page, UKCF_PAGE_SIZE);
	r->page = NULL;
	for (unsigned int i = 0; i < 4; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int raw_send(struct raw *r, uint32_t verb, const void *body, uint32_t len)
{
	struct msg_head h = {
		.magic = MSG_MAGIC,
		.version = UKCF_ABI_VERSION,
		.verb = (uint16_t)verb,
		.seq = r->seq++,
		.len = len,
	};

	return msg_send(r->sock, &h, body, NULL, 0);
}

int raw_recv(struct raw *r, struct msg_in *m, int timeout_ms)
{
	struct pollfd p = { .fd = r->sock, .events = POLLIN };
	int rc;

	for (;;) {
		rc = poll(&p, 1, timeout_ms);
		if (rc == 0)
			return -ETIMEDOUT;
		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0)
			return -errno;
		rc = msg_recv(r->sock, m, MSG_FDS_MAX);
		if (rc == -EAGAIN)
			continue;
		if (rc <= 0)
			return rc ? rc : -EPIPE;
		if (m->h.verb != MSG_RESTARTED)
			return 0;
		r->restarts++;
	}
}

int raw_call(struct raw *r, uint32_t verb, const void *body, uint32_t len,
	     void *reply, uint32_t reply_len, int *fds, unsigned int n_fds)
{
	static __thread struct msg_in m;
	const void *got;
	int rc = raw_send(r, verb, body, len);

	if (rc)
		return rc;
	rc = raw_recv(r, &m, RAW_WAIT_MS);
	if (rc)
		return rc;
	rc = m.h.err;
	got = msg_body(&m, reply_len);
	if (!rc && (m.h.seq != r->seq - 1 || !got || m.n_fds != n_fds))
		rc = -EBADE;
	if (!rc && reply_len)
		memcpy(reply, got, reply_len);
	for (unsigned int i = 0; !rc && i < n_fds; i++) {
		fds[i] = m.fds[i];
		m.fds[i] = -1;
	}
	msg_close_fds(&m);
	return rc;
}

int raw_connect(struct raw *r)
{
	struct msg_hello hello = { .abi_version = UKCF_ABI_VERSION };
	struct msg_challenge c;
	int fds[3];
	void *p;
	int rc = raw_open(r, NULL);

	if (!rc)
		rc = raw_call(r, MSG_HELLO, &hello, sizeof(hello), &c,
			      sizeof(c), NULL, 0);
	if (!rc)
		rc = raw_call(r, MSG_ANSWER, &c, sizeof(c), &r->welcome,
			      sizeof(r->welcome), fds, 3);
	if (rc) {
		raw_close(r);
		return rc;
	}
	r->page_fd = fds[0];
	r->doorbell = fds[1];
	r->notify = fds[2];
	p = mmap(NULL, UKCF_PAGE_SIZE, PROT_READ, MAP_SHARED, r->page_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->page = p;
	return 0;
}

/* ------------------------------------------------------------------ ring */

int raw_ring_open(struct raw *r, uint8_t order, struct raw_ring *q)
{
	struct msg_ring m = { .sq_order = order,
			      .cq_order = (uint8_t)(order + 1) };
	void *sq, *cq;
	int fds[2];
	int rc = raw_call(r, MSG_RING_OPEN, &m, sizeof(m), &m, sizeof(m), fds,
			  2);

	if (rc)
		return rc;
	*q = (struct raw_ring){ .r = r, .sq_fd = fds[0], .cq_fd = fds[1],
				.sq_size = m.sq_size, .cq_size = m.cq_size,
				.sq_order = m.sq_order, .cq_order = m.cq_order,
				.index = m.ring };
	sq = mmap(NULL, m.sq_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		  q->sq_fd, 0);
	cq = mmap(NULL, m.cq_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
		  q->cq_fd, 0);
	if (sq == MAP_FAILED || cq == MAP_FAILED)
		return -errno;
	memset(sq, 0, m.sq_size);
	q->sq = sq;
	q->cq = cq;
	q->sqes = (void *)((uint8_t *)sq + UKCF_RING_SLOTS);
	q->cqes = (const void *)((const uint8_t *)cq + UKCF_RING_SLOTS);
	return 0;
}

int raw_ring_ready(struct raw_ring *q)
{
	struct msg_ring m = { .ring = q->index };

	return raw_call(q->r, MSG_RING_READY, &m, sizeof(m), &m, sizeof(m),
			NULL, 0);
}

int raw_ring_new(struct raw *r, uint8_t order, struct raw_ring *q)
{
	int rc = raw_ring_open(r, order, q);

	return rc ? rc : raw_ring_ready(q);
}

int raw_ring_close(struct raw_ring *q)
{
	struct msg_ring m = { .ring = q->index };
	int rc = raw_call(q->r, MSG_RING_CLOSE, &m, sizeof(m), &m, sizeof(m),
			  NULL, 0);

	munmap(q->sq, q->sq_size);
	munmap((void *)(uintptr_t)q->cq, q->cq_size);
	close(q->sq_fd);
	close(q->cq_fd);
	return rc;
}

void raw_kick(struct raw *r)
{
	uint64_t one = 1;
	ssize_t n = write(r->doorbell, &one, sizeof(one));

	(void)n; /* a full doorbell rings as well */
}

int raw_submit(struct raw_ring *q, const struct ukcf_sqe *sqe)
{
	uint32_t size = 1u << q->sq_order;
	uint32_t from = (uint32_t)q->tail;
	struct ukcf_sqe *slot = &q->sqes[q->tail & (size - 1)];

	if (from - load_acquire_u32(&q->cq->sq_head) >= size)
		return -EAGAIN;
	memcpy((uint8_t *)slot + 4, (const uint8_t *)sqe + 4,
	       sizeof(*sqe) - 4);
	store_release_u32(&slot->gen, ring_gen_sqe(q->tail, q->sq_order));
	q->tail++;
	store_fence_u32(&q->sq->tail, (uint32_t)q->tail);
	if (ring_event_passed(load_relaxed_u32(&q->cq->sq_event),
			      (uint32_t)q->tail, from))
		raw_kick(q->r);
	return 0;
}

static bool cqe_ready(struct raw_ring *q, struct ukcf_cqe *cqe)
{
	uint64_t i = q->cq_next;
	const struct ukcf_cqe *c = &q->cqes[i & ((1u << q->cq_order) - 1)];

	if (load_acquire_u16(&c->gen) != ring_gen_cqe(i, q->cq_order))
		return false;
	*cqe = *c;
	q->cq_next++;
	store_fence_u32(&q->sq->cq_head, (uint32_t)q->cq_next);
	if (load_relaxed_u32(&q->cq->flags) & UKCF_RING_STALLED)
		raw_kick(q->r);
	return true;
}

int raw_cqe(struct raw_ring *q, struct ukcf_cqe *cqe, int timeout_ms)
{
	uint64_t end = clock_ns() + (uint64_t)timeout_ms * MS;
	struct timespec ts = { .tv_nsec = 200 * (long)MS };
	uint32_t f;

	for (unsigned int i = 0; i < 1000; i++) {
		if (cqe_ready(q, cqe))
			return 0;
		if (timeout_ms == 0)
			return -ETIMEDOUT;
		cpu_relax();
	}
	for (;;) {
		f = load_acquire_u32(&q->cq->futex);
		store_fence_u32(&q->sq->cq_event, (uint32_t)q->cq_next);
		if (cqe_ready(q, cqe))
			return 0;
		if (clock_ns() >= end)
			return -ETIMEDOUT;
		syscall(SYS_futex, &q->cq->futex, FUTEX_WAIT, f, &ts, NULL, 0);
	}
}

int64_t raw_do(struct raw_ring *q, struct ukcf_sqe *sqe, struct ukcf_cqe *cqe)
{
	struct ukcf_cqe c;
	int rc;

	rc = raw_submit(q, sqe);
	if (rc)
		return rc;
	do {
		rc = raw_cqe(q, &c, RAW_WAIT_MS);
		if (rc)
			return rc;
	} while ((c.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT);
	if (cqe)
		*cqe = c;
	return c.user_data == sqe->user_data ? c.res : -EPROTO;
}

/* --------------------------------------------------------------- buffers */

int raw_buf_alloc(struct raw *r, enum ukcf_buffer_kind kind, uint64_t size,
		  struct raw_buf *b)
{
	struct msg_buffer m = { .kind = (uint16_t)kind, .size = size };
	bool in = kind == UKCF_BUFFER_INPUT;
	int fd;
	void *p;
	int rc = raw_call(r, MSG_BUFFER_ALLOC, &m, sizeof(m), &m, sizeof(m),
			  &fd, 1);

	if (rc)
		return rc;
	p = mmap(NULL, m.size, in ? PROT_READ | PROT_WRITE : PROT_READ,
		 MAP_SHARED | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (in)
		memset(p, 0, m.size);
	*b = (struct raw_buf){ .r = r, .fd = fd, .p = p, .size = m.size,
			       .index = m.buffer, .kind = kind };
	return 0;
}

int raw_buf_ready(struct raw_buf *b)
{
	struct msg_buffer m = { .buffer = b->index };

	return raw_call(b->r, MSG_BUFFER_READY, &m, sizeof(m), &m, sizeof(m),
			NULL, 0);
}

int raw_buf_new(struct raw *r, enum ukcf_buffer_kind kind, uint64_t size,
		struct raw_buf *b)
{
	int rc = raw_buf_alloc(r, kind, size, b);

	return rc ? rc : raw_buf_ready(b);
}

int raw_buf_free(struct raw_buf *b)
{
	struct msg_buffer m = { .buffer = b->index };
	int rc = raw_call(b->r, MSG_BUFFER_FREE, &m, sizeof(m), &m, sizeof(m),
			  NULL, 0);

	munmap(b->p, b->size);
	close(b->fd);
	return rc;
}

/* ------------------------------------------------------------------ keys */

int64_t raw_key(struct raw_ring *q, const struct raw_buf *in, uint8_t op,
		uint32_t mech, const char *name, uint32_t flags,
		const void *bytes, uint32_t len)
{
	struct ukcf_key_req *req = (struct ukcf_key_req *)in->p;
	struct ukcf_sqe sqe = {
		.op = op,
		.user_data = 0x6b6579,
		.mech = { mech },
		.in = { 0, (uint32_t)sizeof(*req) + len },
		.buf = { in->index },
	};
	int64_t res;

	memset(req, 0, sizeof(*req));
	req->flags = flags | (name ? 0 : UKCF_KEY_SESSION);
	req->key_len = len;
	if (name)
		strncpy(req->name, name, sizeof(req->name) - 1);
	if (len)
		memcpy(req + 1, bytes, len);
	res = raw_do(q, &sqe, NULL);
	memset(req, 0, sizeof(*req) + len);
	return res;
}

/* --------------------------------------------------------------- entries */

struct ukcf_sqe raw_nop(uint64_t user_data)
{
	return (struct ukcf_sqe){ .op = UKCF_OP_NOP, .user_data = user_data };
}

struct ukcf_sqe raw_digest(uint64_t user_data, const struct raw_buf *in,
			   uint32_t in_off, uint32_t len,
			   const struct raw_buf *out, uint32_t out_off)
{
	return (struct ukcf_sqe){
		.op = UKCF_OP_DIGEST,
		.user_data = user_data,
		.mech = { UKCF_MECH_SHA2_256 },
		.in = { in_off, len },
		.out = { out_off, 32 },
		.buf = { in->index, out->index },
	};
}

struct ukcf_sqe raw_mac(uint64_t user_data, uint64_t key,
			const struct raw_buf *in, uint32_t in_off,
			uint32_t len, const struct raw_buf *out,
			uint32_t out_off)
{
	return (struct ukcf_sqe){
		.op = UKCF_OP_MAC,
		.user_data = user_data,
		.mech = { UKCF_MECH_HMAC_SHA2_256 },
		.obj = { key },
		.in = { in_off, len },
		.out = { out_off, 32 },
		.buf = { in->index, out->index },
	};
}
