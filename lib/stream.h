/* SPDX-License-Identifier: MIT */
/* Owns the state of a multipart operation in the caller. */
#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stdbool.h>

#include <ukcf/ukcf.h>

/* Wipe and free; @ours: false in a child of fork(2), where the state is not
 * mapped. */
void stream_destroy(struct ukcf_stream *s, bool ours);

#endif
