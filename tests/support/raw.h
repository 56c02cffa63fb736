/* SPDX-License-Identifier: MIT */
/*
 * Owns a consumer made by hand: the control protocol, rings and buffers
 * without libukcf, so that a test can break every rule that it keeps.
 */
#ifndef TESTS_SUPPORT_RAW_H
#define TESTS_SUPPORT_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>

#include "lib/shared/msg.h"

struct raw {
	int sock;
	uint32_t seq;
	int page_fd;
	int doorbell;
	int notify;
	const struct ukcf_page *page;
	struct msg_welcome welcome;
	unsigned int restarts; /* MSG_RESTARTED seen */
};

struct raw_ring {
	struct raw *r;
	int sq_fd;
	int cq_fd;
	struct ukcf_sq_head *sq;
	const struct ukcf_cq_head *cq;
	struct ukcf_sqe *sqes;
	const struct ukcf_cqe *cqes;
	uint64_t sq_size, cq_size;
	uint8_t sq_order, cq_order;
	uint16_t index;
	uint64_t tail;	  /* next SQE index */
	uint64_t cq_next; /* next CQE index */
};

struct raw_buf {
	struct raw *r;
	int fd;
	uint8_t *p;
	uint64_t size;
	uint16_t index;
	enum ukcf_buffer_kind kind;
};

/* All: 0 or -errno.  Waits end after RAW_WAIT_MS: -ETIMEDOUT. */
#define RAW_WAIT_MS 10000

/* Only the socket: $UKCF_SOCKET, or path. */
int raw_open(struct raw *r, const char *path);
/* Socket, HELLO, ANSWER, page. */
int raw_connect(struct raw *r);
void raw_close(struct raw *r);
int raw_send(struct raw *r, uint32_t verb, const void *body, uint32_t len);
int raw_recv(struct raw *r, struct msg_in *m, int timeout_ms);
/* One request and its reply of reply_len bytes with n_fds descriptors. */
int raw_call(struct raw *r, uint32_t verb, const void *body, uint32_t len,
	     void *reply, uint32_t reply_len, int *fds, unsigned int n_fds);

int raw_ring_open(struct raw *r, uint8_t order, struct raw_ring *q);
int raw_ring_ready(struct raw_ring *q);
/* Both. */
int raw_ring_new(struct raw *r, uint8_t order, struct raw_ring *q);
int raw_ring_close(struct raw_ring *q);
/* Publish an entry; -EAGAIN: full.  Rings the doorbell when asked to. */
int raw_submit(struct raw_ring *q, const struct ukcf_sqe *sqe);
void raw_kick(struct raw *r);
/* The next completion, copied and consumed. */
int raw_cqe(struct raw_ring *q, struct ukcf_cqe *cqe, int timeout_ms);
/* Submit and wait for that one answer.  Return: cqe.res, or -EPROTO if the
 * answer was another one's. */
int64_t raw_do(struct raw_ring *q, struct ukcf_sqe *sqe, struct ukcf_cqe *cqe);

int raw_buf_alloc(struct raw *r, enum ukcf_buffer_kind kind, uint64_t size,
		  struct raw_buf *b);
int raw_buf_ready(struct raw_buf *b);
int raw_buf_new(struct raw *r, enum ukcf_buffer_kind kind, uint64_t size,
		struct raw_buf *b);
int raw_buf_free(struct raw_buf *b);

/*
 * KEY_GENERATE or KEY_IMPORT; name NULL: a session key.  The request and the
 * bytes are laid at the start of in.  Return: the handle, or -errno.
 */
int64_t raw_key(struct raw_ring *q, const struct raw_buf *in, uint8_t op,
		uint32_t mech, const char *name, uint32_t flags,
		const void *bytes, uint32_t len);

/* Entries ready to submit. */
struct ukcf_sqe raw_nop(uint64_t user_data);
struct ukcf_sqe raw_digest(uint64_t user_data, const struct raw_buf *in,
			   uint32_t in_off, uint32_t len,
			   const struct raw_buf *out, uint32_t out_off);

struct ukcf_sqe raw_mac(uint64_t user_data, uint64_t key,
			const struct raw_buf *in, uint32_t in_off,
			uint32_t len, const struct raw_buf *out,
			uint32_t out_off);

#endif
