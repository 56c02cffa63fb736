/* SPDX-License-Identifier: MIT */
/*
 * Owns which memory of consumers is given to which devices: every arena, from
 * when it is registered until no request uses it, to every provider that takes
 * some, from its start to its stop.
 *
 * It blocks for as long as a kernel takes to pin memory.  Any thread, but not in
 * completion context.
 */
#ifndef DAEMON_SPI_SHARE_H
#define DAEMON_SPI_SHARE_H

#include <stdbool.h>
#include <stddef.h>

struct provider;

#define SHARE_ARENAS_MAX 256u
#define SHARE_BYTES_MAX ((size_t)16 << 20) /* of one: pinned in a moment */

/* Whole pages of a consumer.  Those that are too many or too large stay its
 * own, and requests in them are copied. */
void share_arena(void *mem, size_t len, bool writable);
/* No request uses it: no device reaches it any more. */
void share_arena_ends(void *mem);
/* It has started; it is about to be stopped, and has no job. */
void share_provider_came(struct provider *p);
void share_provider_goes(struct provider *p);

#endif
