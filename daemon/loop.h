/* SPDX-License-Identifier: MIT */
/*
 * Owns an event loop on one io_uring instance: descriptors, timers, waiting.
 *
 * One instance per thread; every call from that thread only.  The one module
 * that uses liburing.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_source; /* one watched descriptor or timer */

typedef void (*loop_fn)(void *arg, uint32_t revents);

/* Return: 0, or -errno (-EPERM, -ENOSYS: io_uring is forbidden here; then
 * loop_unavailable_reason() says it in words). */
int loop_new(struct loop **lp);
void loop_free(struct loop *l);
const char *loop_unavailable_reason(int err);

/*
 * Multishot poll, never a read.  fn runs inside loop_run() for each wake-up of
 * the descriptor (edge-like: at least once per new event).
 */
int loop_watch(struct loop *l, int fd, uint32_t events, loop_fn fn, void *arg,
	       struct loop_source **sp);
/* One-shot timer; arm again with loop_timer_set(); ns 0 disarms. */
int loop_timer_new(struct loop *l, loop_fn fn, void *arg,
		   struct loop_source **sp);
void loop_timer_set(struct loop_source *s, uint64_t ns_from_now);
/* Stop a watch for ns, then go on (an event in between is reported then). */
void loop_mute(struct loop_source *s, uint64_t ns);
/* fn will not run any more; the memory is freed when the kernel let go. */
void loop_source_free(struct loop_source *s);

/* Is there something to dispatch?  Reads shared memory, no system call. */
bool loop_pending(struct loop *l);
/*
 * Dispatch what is there; wait for it if there is nothing and wait is true.
 * Return: events dispatched, or -errno (-EINTR is not an error: 0).
 */
int loop_run(struct loop *l, bool wait);

#endif
