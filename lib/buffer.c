/* SPDX-License-Identifier: MIT */
#include "lib/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/shared/msg.h"

static int ask(struct ukcf *u, uint32_t verb, uint64_t deadline_ns,
	       const struct msg_buffer *want, struct msg_buffer *got, int *fd)
{
	return control_ask(u, &(struct control_call){
		.verb = verb,
		.body = want, .body_len = sizeof(*want),
		.reply = got, .reply_len = sizeof(*got),
		.fds = fd, .n_fds = fd ? 1 : 0,
		.deadline_ns = deadline_ns,
	});
}

static void ask_free(struct ukcf *u, uint16_t index, uint64_t deadline_ns)
{
	struct msg_buffer m = { .buffer = index }, got;

	/* If the daemon does not hear it, it sees the connection end. */
	(void)ask(u, MSG_BUFFER_FREE, deadline_ns, &m, &got, NULL);
}

static int map(struct ukcf_buffer *b, int fd, bool write)
{
	void *p = mmap(NULL, b->size,
		       write ? PROT_READ | PROT_WRITE : PROT_READ,
		       MAP_SHARED | MAP_POPULATE, fd, 0);

	close(fd);
	if (p == MAP_FAILED)
		return -ENOMEM;
	b->data = p;
	madvise(p, b->size, MADV_DONTFORK);
	madvise(p, b->size, MADV_DONTDUMP);
	/* No page of ours may be missing when the daemon seals it. */
	if (write)
		memset(p, 0, b->size);
	return 0;
}

static int open_buffer(struct ukcf *u, uint16_t kind, size_t size,
		       uint64_t deadline_ns, struct ukcf_buffer *b)
{
	struct msg_buffer want = { .kind = kind, .size = size };
	struct msg_buffer m, ack;
	int fd, err;

	err = ask(u, MSG_BUFFER_ALLOC, deadline_ns, &want, &m, &fd);
	if (err)
		return err;
	if (m.size < size || m.size > SIZE_MAX / 2) {
		close(fd);
		return -EPROTO;
	}
	b->size = m.size;
	b->index = m.buffer;
	err = map(b, fd, !(kind & UKCF_BUFFER_OUTPUT));
	want = (struct msg_buffer){ .buffer = m.buffer };
	if (!err)
		err = ask(u, MSG_BUFFER_READY, deadline_ns, &want, &ack,
			  NULL);
	if (err)
		ask_free(u, m.buffer, deadline_ns);
	return err;
}

static void free_buffer(struct ukcf_buffer *b, bool ours)
{
	if (ours && b->data)
		munmap(b->data, b->size);
	free(b);
}

static int make(struct ukcf *u, uint16_t kind, size_t size,
		uint64_t deadline_ns, struct ukcf_buffer **bp)
{
	struct ukcf_buffer *b;
	int err = connection_check(u);

	if (err)
		return err;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->u = u;
	err = open_buffer(u, kind, size, deadline_ns, b);
	if (err) {
		free_buffer(b, true);
		return err;
	}
	connection_add(u, &u->buffers, &b->member);
	*bp = b;
	return 0;
}

int buffer_new_hidden(struct ukcf *u, enum ukcf_buffer_kind kind, size_t size,
		      uint64_t deadline_ns, struct ukcf_buffer **bp)
{
	if (size > UKCF_BUFFER_SIZE_MAX)
		return -EINVAL;
	return make(u, (uint16_t)(kind | MSG_BUFFER_HIDDEN), size, deadline_ns,
		    bp);
}

int ukcf_buffer_alloc(struct ukcf *u, enum ukcf_buffer_kind kind, size_t size,
		      struct ukcf_buffer **bp)
{
	if (!u || !bp || size == 0 || size > UKCF_BUFFER_SIZE_MAX ||
	    (kind != UKCF_BUFFER_INPUT && kind != UKCF_BUFFER_OUTPUT))
		return -EINVAL;
	return make(u, (uint16_t)kind, size, control_deadline(u), bp);
}

void buffer_destroy(struct ukcf_buffer *b, bool ours, uint64_t deadline_ns)
{
	connection_remove(b->u, &b->member);
	if (ours)
		ask_free(b->u, b->index, deadline_ns);
	free_buffer(b, ours);
}

void ukcf_buffer_free(struct ukcf_buffer *b)
{
	if (b)
		buffer_destroy(b, connection_is_ours(b->u), 0);
}

void *ukcf_buffer_data(struct ukcf_buffer *b)
{
	return b->data;
}

size_t ukcf_buffer_size(const struct ukcf_buffer *b)
{
	return b->size;
}

uint16_t ukcf_buffer_index(const struct ukcf_buffer *b)
{
	return b->index;
}

/* What does not fit in 32 bits leaves any buffer: the daemon says so. */
static uint32_t clip(size_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

struct ukcf_span ukcf_buffer_span(const struct ukcf_buffer *b, size_t off,
				  size_t len)
{
	return (struct ukcf_span){ .off = clip(off),
				   .len = clip(len),
				   .buf = b->index };
}
