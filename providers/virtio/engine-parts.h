/* SPDX-License-Identifier: MIT */
/*
 * Owns struct engine, for the modules that are one: engine.c (the thread and
 * those who come to it), engine-data.c (requests are posted and come back),
 * engine-ctrl.c (sessions) and engine-up.c (life, reset).  Nobody else includes
 * this.
 *
 * Jobs come through `arrivals' under the lock; all else is the thread's, and
 * before and after it engine-up.c's.  A job has a slot, and goes
 *
 *	NEEDS -> WAITS -> READY -> OUT -> (READY again, or its end)
 *
 * needs a session, waits until that is created, is ready to be posted, is out
 * in the device.  The device sees pools of this module: data is copied in and
 * out, so when it is in trouble jobs can go elsewhere at once, whatever it still
 * writes; nobody uses its buffers again before it was closed, and opened anew.
 * Where it works on shared memory (share.h) the job waits until it is closed.
 *
 * Whatever a device says that cannot be is trouble: it is closed, the daemon is
 * told, and what it had is done by others.  The daemon asks for a reset, and
 * for known answers, before it gives it anything again.
 */
#ifndef PROVIDERS_VIRTIO_ENGINE_PARTS_H
#define PROVIDERS_VIRTIO_ENGINE_PARTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "providers/virtio/device.h"
#include "providers/virtio/engine.h"
#include "providers/virtio/pool.h"
#include "providers/virtio/session.h"
#include "providers/virtio/share.h"
#include "providers/virtio/work.h"

#define ENGINE_PAGE 4096u
#define ENGINE_CANARY 16u /* bytes behind what the device may write */
#define ENGINE_MAILBOXES 64u

enum slot_state { SLOT_FREE, SLOT_NEEDS, SLOT_WAITS, SLOT_READY, SLOT_OUT };

struct slot {
	enum slot_state state;
	struct work work;
	struct session *session;
	struct piece ask, answer;
	bool waits_for_close; /* in trouble: it was shared */
	bool shared; /* its data is where the job has it, at these: */
	uint64_t in_iova, out_iova;
	uint8_t *data, *status; /* of the answer */
	uint32_t len; /* of the answer that is wanted, without its status */
	size_t ask_max, answer_max; /* bytes used, over all steps */
	uint64_t poison;
	uint64_t deadline_ns;
};

enum mailbox_state { MAIL_EMPTY, MAIL_WRITTEN, MAIL_SENT };

struct mailbox {
	uint32_t state; /* atomic, enum mailbox_state */
	uint8_t digest[SHA256_BYTES];
};

enum ctrl_state { CTRL_IDLE, CTRL_CREATES, CTRL_DESTROYS };

struct engine {
	const struct ukcf_host *host;
	struct engine_settings settings;
	char address[256];

	/* The device, and what it sees. */
	struct device device;
	struct pool read, write, key;
	struct share_table shares;
	struct slot slots[ENGINE_DEPTH_MAX];
	unsigned int out, busy; /* slots: in the device; not free */
	struct session_table sessions;
	struct piece ctrl_ask, ctrl_answer;
	enum ctrl_state ctrl;
	struct session *ctrl_session;
	size_t ctrl_room; /* bytes that it may write */
	uint64_t ctrl_deadline_ns;
	uint64_t looked_ns; /* when the thread last began a turn */
	uint64_t random; /* for poison; not 0 */
	const char *trouble;
	bool unplugged; /* that is the trouble */

	struct mailbox mail[ENGINE_MAILBOXES];
	uint32_t mail_overflow; /* atomic: forget all */
	uint32_t has_mail;	/* atomic */
	uint32_t resetting;	/* atomic: end, whatever is in flight */

	pthread_t thread;
	bool has_thread;
	int wake; /* eventfd */
	uint32_t asleep;  /* atomic */
	uint32_t waiting; /* atomic: arrivals; written under the lock */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t ran;   /* an engine_run() has ended */
	struct ukcf_job *arrivals[ENGINE_DEPTH_MAX];
	unsigned int held; /* jobs here, not ended */
	const struct ukcf_job *own; /* engine_run()'s, until it has ended */
	bool works, stopping;
};

/* engine.c */
void *engine_main(void *arg);
/* The first trouble stands. */
void engine_fail(struct engine *e, const char *what);
uint64_t engine_deadline(const struct engine *e); /* of a request made now */
void engine_wake(struct engine *e);		  /* any thread */
/* ms: -1, until something comes */
void engine_sleep_ms(struct engine *e, int ms);

/* engine-up.c: it reaches nothing any more. */
void engine_close(struct engine *e);

/* engine-data.c */
void engine_give_back(struct engine *e, struct ukcf_job *job,
		      enum ukcf_status status);
void engine_end_slot(struct engine *e, struct slot *s, enum ukcf_status status);
/* Return: how many. */
unsigned int engine_post_ready(struct engine *e);
unsigned int engine_collect(struct engine *e);

/* engine-ctrl.c */
/* Requests of n bytes, answered by so many.  Return: it was told. */
bool engine_ctrl_post(struct engine *e, size_t n, size_t answer);
unsigned int engine_collect_ctrl(struct engine *e);
unsigned int engine_next_ctrl(struct engine *e);
void engine_find_sessions(struct engine *e);
void engine_read_mail(struct engine *e);

#endif
