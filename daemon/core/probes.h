/* SPDX-License-Identifier: MIT */
/*
 * Owns the static probes (USDT) that bpftrace, perf and SystemTap find in the
 * daemon; ukcf-probes(7) says what each means.  PROBES is the list of them.
 *
 * Each is one instruction that does nothing, behind a word that the kernel
 * counts up while somebody looks: if nobody does, no argument is computed.
 * Without <sys/sdt.h>, or with --disable-probes, there is nothing at all.
 *
 * All have the same arguments, so that one script serves all of them.  Like the
 * trace they say which request it is and how long it took, never what is in it:
 * no byte of a message or a key, and no handle.
 */
#ifndef DAEMON_CORE_PROBES_H
#define DAEMON_CORE_PROBES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/ring-ops.h"

struct request;

/* X(name, ended): provider ukcfd in the notes of the program; has the request
 * its result? */
#define PROBES(X)                                                        \
	X(submit, false)  /* taken from its ring and accepted */         \
	X(queue, false)	  /* waits in a queue */                         \
	X(start, false)	  /* begins to run, at once or from a queue */   \
	X(complete, true) /* ended well */                               \
	X(fail, true)	  /* ended with an error, or was refused */

/*
 * probe_NAME(request, provider): the caller has the request.
 * provider: whose it is, or the id of the queue (UKCF_QUEUE_*, or that of a
 * device); 0: the provider that was chosen, if one was
 */
#ifdef ENABLE_PROBES

/* The word is atomic, and the kernel's.  <sys/sdt.h> wants it to have this
 * name. */
#define PROBE_DECLARE(name, ended)                                            \
	extern unsigned short ukcfd_##name##_semaphore;                       \
	void probe_fire_##name(const struct request *req, uint16_t provider); \
	static inline void probe_##name(const struct request *req,            \
					uint16_t provider)                    \
	{                                                                     \
		if (__builtin_expect(                                         \
			    load_relaxed_u16(&ukcfd_##name##_semaphore), 0))  \
			probe_fire_##name(req, provider);                     \
	}
PROBES(PROBE_DECLARE)

#else

#define PROBE_DECLARE(name, ended)                                 \
	static inline void probe_##name(const struct request *req, \
					uint16_t provider)         \
	{                                                          \
		(void)req;                                         \
		(void)provider;                                    \
	}
PROBES(PROBE_DECLARE)

#endif
#endif
