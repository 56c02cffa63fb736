/* SPDX-License-Identifier: MIT */
/*
 * Owns a stream of requests over one ring: chunks are read into an input
 * buffer, worked on by the daemon, and taken from an output buffer in the order
 * in which they came, several of them in flight, in constant memory.
 */
#ifndef TOOLS_FLOW_H
#define TOOLS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ukcf/ukcf.h>

#define FLOW_DEPTH 8u	    /* chunks in flight */
#define FLOW_COMMON_MAX 4096u /* bytes that all requests may read */

struct flow;

#define FLOW_BUSY 4u	      /* chunks that keep the daemon at work for a while */

/**
 * struct flow_chunk - a chunk on its way
 * @at: its number, from 0
 * @in, @out: its places in the buffers, as spans without a length
 * @data: where its input is read to; room for in_room bytes
 * @len: bytes of input
 * @own: memory of this process, out_room bytes, for a result that is made here
 * @result: what came out; valid when it was waited for
 * @res, @detail: of its completion
 * @last: it is the end of its file
 * @sent, @done: flow_send(), and its result came
 * @here: own was written once
 */
struct flow_chunk {
	uint64_t at;
	struct ukcf_span in, out;
	uint8_t *data, *own;
	size_t len;
	const uint8_t *result;
	int64_t res;
	unsigned int detail;
	bool last, sent, done, here;
};

/**
 * flow_open() - a ring and its buffers
 * @in_room, @out_room: bytes of a chunk's input and output
 * Return: it, or NULL after a complaint.
 */
struct flow *flow_open(struct ukcf *u, size_t in_room, size_t out_room);
/* Wipes the input.  NULL is allowed. */
void flow_close(struct flow *f);

struct ukcf_ring *flow_ring(struct flow *f);
/* Put bytes where all requests can read them; their span. */
struct ukcf_span flow_common(struct flow *f, const void *data, size_t len);

/* The next chunk to fill, or NULL: all are on their way, take one first. */
struct flow_chunk *flow_next(struct flow *f);
/* Give up the chunk that flow_next() gave: there is nothing for it. */
void flow_unget(struct flow *f);
/* Nothing is sent: this is what came of it, at own if it is not negative. */
void flow_settle(struct flow_chunk *c, int64_t res);
/* Has the daemon FLOW_BUSY chunks or more to work on?  Does not wait. */
bool flow_is_busy(struct flow *f);
/* Send its request.  0, or -1 after a complaint. */
int flow_send(struct flow *f, struct flow_chunk *c, struct ukcf_sqe *sqe);
/* Has the oldest chunk's result come?  Does not wait. */
bool flow_is_ready(struct flow *f);
/* Wait for the oldest chunk.  NULL: there is none, or after a complaint. */
struct flow_chunk *flow_wait(struct flow *f);
/* It was used, and its place is free. */
void flow_take(struct flow *f);

/**
 * struct flow_job - a file that goes through
 * @fd, @path: where it is read
 * @unit: bytes of each chunk but the last, which may have less; it is empty
 *	only if the file is
 * @send: make and send the request of a chunk: flow_send() or flow_settle()
 * @take: use its result; in the order of the file
 *
 * Both return 0, or -1 after a complaint, which ends the job.
 */
struct flow_job {
	int fd;
	const char *path;
	size_t unit;
	int (*send)(struct flow *f, struct flow_job *j, struct flow_chunk *c);
	int (*take)(struct flow *f, struct flow_job *j,
		    const struct flow_chunk *c);
};

/* All of it; nothing is in flight afterwards.  0, or -1 after a complaint. */
int flow_run(struct flow *f, struct flow_job *j);
/* Until all of it is there, or the end.  Bytes, or -1 after a complaint. */
ssize_t flow_read(int fd, const char *path, void *buf, size_t size);

#endif
