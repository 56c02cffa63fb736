/* SPDX-License-Identifier: MIT */
/*
 * Owns registered buffers: memfds with one writer each, and the only way in
 * which the daemon touches their bytes.
 *
 * An INPUT arena is written by the consumer: mapped read-only here, sealed
 * late (FUTURE_WRITE | SEAL after the consumer has mapped and prefaulted it),
 * without holes.  An OUTPUT arena is written here and handed out as an
 * O_RDONLY reopen.
 */
#ifndef DAEMON_API_ARENA_H
#define DAEMON_API_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ukcf/abi.h>

struct consumer;

struct arena {
	uint32_t refs; /* atomic; the table's one, one per request using it */
	uint32_t rec;  /* record in the recovery memfd */
	uint16_t index;
	uint16_t kind; /* enum ukcf_buffer_kind */
	bool hidden;   /* from devices */
	uint8_t *base; /* INPUT: PROT_READ; NULL until ready */
	uint64_t size;
	int fd; /* the daemon's own descriptor */
	uid_t uid;    /* whose quota it is charged to ... */
	bool charged; /* ... from when the table names it until it is freed */
};

/* main thread: life cycle.  Return: 0 or -errno. */

/* Make the memfd.  *fd_out: for the consumer; the caller closes it. */
int arena_create(struct consumer *c, enum ukcf_buffer_kind kind, uint64_t size,
		 uint32_t seq, struct arena **ap, int *fd_out);
/* No device is to be given it; before it is ready. */
void arena_hide(struct arena *a);
/* The consumer acknowledged: map, seal, check for holes, publish in
 * c->buffers[].  -EPROTO: it has holes or cannot be sealed. */
int arena_ready(struct consumer *c, struct arena *a);
/* A descriptor for the consumer once more (a repeated request). */
int arena_reopen(struct arena *a);
/* Take it out of c->buffers[]; memory, and what it is charged with, goes with
 * the last request. */
void arena_remove(struct consumer *c, struct arena *a);
/* After a restart: from its record and the stored descriptor. */
int arena_restore(struct consumer *c, uint32_t rec, int fd);
/* Those that there are, also those that are only kept by requests. */
unsigned int arena_count(uint64_t *bytes);
/* Unmap what the last request gave back; called when woken (arena_reap_fd). */
void arena_reap(void);
int arena_init(void);
/* An eventfd, readable when there is something to reap. */
int arena_reap_fd(void);

/* any thread */

/* The arena of that index with a reference, or NULL. */
struct arena *arena_hold(struct consumer *c, uint32_t index);
void arena_hold_more(struct arena *a); /* one that is held */
void arena_release(struct arena *a);
/*
 * The bytes of a range, bounds-checked in 64 bits and clamped.
 * Return: address, or NULL if the range leaves the arena.
 */
uint8_t *arena_bytes(const struct arena *a, struct ukcf_range r);

#endif
