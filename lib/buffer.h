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

/* Free; @ours: tell the daemon and unmap. */
void buffer_destroy(struct ukcf_buffer *b, bool ours);

#endif
