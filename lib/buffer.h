/* SPDX-License-Identifier: MIT */
/* Owns a registered buffer: its mapping and its name in spans. */
#ifndef LIB_BUFFER_H
#define LIB_BUFFER_H

#include <stdbool.h>

#include <ukcf/ukcf.h>

#include "lib/connection.h"

struct ukcf_buffer {
	struct member member; /* first: of u->buffers */
	struct ukcf *u;
	void *data;
	size_t size;
	uint16_t index;
};

/* ukcf_buffer_alloc(), all of it by a deadline, of one that no device is given:
 * keys pass through it. */
int buffer_new_hidden(struct ukcf *u, enum ukcf_buffer_kind kind, size_t size,
		      uint64_t deadline_ns, struct ukcf_buffer **bp);
/* Free; @ours: tell the daemon, by a deadline (0: control_deadline()), and
 * unmap. */
void buffer_destroy(struct ukcf_buffer *b, bool ours, uint64_t deadline_ns);

#endif
