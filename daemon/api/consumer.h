/* SPDX-License-Identifier: MIT */
/*
 * Owns a consumer: its credentials, descriptors, rings and buffers.
 *
 * Made, changed and freed by the main thread.  Service threads and workers
 * read uid, buffers[] (through arena_hold()) and post notifications; they
 * reach it only through a ring, and a ring holds a reference.
 */
#ifndef DAEMON_API_CONSUMER_H
#define DAEMON_API_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ukcf/abi.h>
#include <ukcf/ukcf.h>

#include "daemon/api/arena.h"
#include "daemon/core/policy.h"

#define CONSUMER_MAGIC 0x636f6e73u
#define CONSUMER_RINGS_MAX 64

struct ring;
struct loop_source;

struct consumer {
	uint32_t magic;
	uint32_t refs;	   /* atomic: main's one, one per ring */
	uint32_t rec;	   /* index of its record in the recovery memfd */
	uint64_t serial;   /* for people: "consumer 17" */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	int pidfd;
	int control_fd;
	int doorbell_fd;   /* eventfd; polled, never read */
	uint32_t weight;   /* of its share in the queues; atomic */
	char unit[POLICY_UNIT_MAX]; /* of systemd, when it connected; main */
	int notify_fd;	   /* our end of the notification socket pair */
	uint32_t duals;	   /* atomic: its dual operations in flight */
	uint64_t withheld; /* atomic: bytes that its pieces keep back */
	uint32_t notify_pending; /* atomic; the notifier's */
	uint32_t notify_dead;	 /* atomic: too slow, ended */
	bool dying;	   /* main only */
	bool charged;	   /* likewise: to the quota, until it is freed */
	struct arena *buffers[UKCF_BUFFERS_MAX]; /* atomic pointers; arena.h */
	struct ring *rings[CONSUMER_RINGS_MAX];	 /* main only */
	/* main thread's own bookkeeping: control.c */
	void *control;
};

/* Any thread.  The last unref hands it to main for freeing. */
struct consumer *consumer_ref(struct consumer *c);
void consumer_unref(struct consumer *c);

/* Main thread. */

/* Who connected, by the kernel's word. */
struct consumer_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	int pidfd;
	int control_fd;
	uint32_t seq; /* of its last message */
};

/*
 * A consumer for an authenticated connection, recorded and stored.
 * @notify: receives its end of the notification socket; the caller sends and
 *	closes it
 * Return: 0 or -errno: -EDQUOT, -ENFILE (no record left).  On success the
 * peer's descriptors are the consumer's.
 */
int consumer_new(const struct consumer_peer *peer, struct consumer **cp,
		 int *notify);
/* Its end of another notification socket: the first one was lost on the way,
 * nothing uses it yet. */
int consumer_renotify(struct consumer *c, int *notify);
/* After a restart: from record rec and the stored descriptors, with buffers
 * and rings (not yet served).  -errno: it could not be, and nothing is left. */
int consumer_restore(uint32_t rec, struct consumer **cp);
/*
 * After a restart, the records of rings and buffers that belong to nobody.
 * before: those that were closing, before anything is restored; else those
 * whose consumer was not restored.
 */
void consumer_sweep(bool before);
/* It died or broke the protocol: everything of it ends.  Drops main's
 * reference. */
void consumer_end(struct consumer *c);
/* By record index, NULL if there is none (or it is ending). */
struct consumer *consumer_at(uint32_t rec);
unsigned int consumer_count(void);
/* Those that ended, and whose requests have not. */
unsigned int consumer_count_closing(void);
unsigned int consumer_rings(const struct consumer *c);
unsigned int consumer_buffers(const struct consumer *c, uint64_t *bytes);
/* The policy changed: the share of each, from what is queued next on. */
void consumer_weigh(void);
/* Free those whose last reference went; called when woken. */
void consumer_reap(void);
int consumer_init(void);
int consumer_reap_fd(void);
/* Liveness of a peer: SO_PEERPIDFD where the kernel has it, else of pid. */
int consumer_pidfd(int sock, pid_t pid);

#endif
