/* SPDX-License-Identifier: MIT */
/*
 * Owns the work on one device: the thread that alone touches its queues, the
 * jobs on their way, and what becomes of them when the device is in trouble.
 */
#ifndef PROVIDERS_VIRTIO_ENGINE_H
#define PROVIDERS_VIRTIO_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "providers/virtio/transport.h"

#define ENGINE_DEPTH_MAX 64u /* jobs */

struct engine;

struct engine_settings {
	const char *address; /* kind->open()'s; a copy is made */
	const struct transport_kind *kind;
	uint32_t depth;	    /* jobs at once, 1 to ENGINE_DEPTH_MAX */
	uint32_t buffer;    /* bytes of data of a request, whole blocks */
	uint32_t spin_us;   /* looks so long before it sleeps */
	uint32_t share;	    /* bytes of a message that is not copied, and of
			       longer ones; 0: all are */
	uint32_t timeout_ms; /* a request takes longer: the device is broken */
};

/* The device is up, its sessions are gone, the thread runs.  0 or -errno. */
int engine_new(const struct ukcf_host *host, const struct engine_settings *s,
	       struct engine **ep);
/* No job is in flight. */
void engine_free(struct engine *e);
/* Any thread.  UKCF_QUEUED; UKCF_DONE; UKCF_BUSY; UKCF_FAILED: it is broken. */
enum ukcf_status engine_submit(struct engine *e, struct ukcf_job *job);
/* And wait, for jobs of one's own; res is 0 if status says otherwise. */
enum ukcf_status engine_run(struct engine *e, struct ukcf_job *job);
/* The device is closed, opened and brought up again. */
int engine_reset(struct engine *e);
/* ukcf_provider's share() and unshare(). */
int engine_share(struct engine *e, void *mem, size_t len, bool writable);
void engine_unshare(struct engine *e, void *mem);
/* Its sessions go.  Any thread; neither blocks nor locks. */
void engine_forget(struct engine *e, struct ukcf_bytes key);
#endif
