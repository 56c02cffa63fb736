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
	int notify_fd;	   /* our end of the notification socket pair */
	uint32_t notify_pending; /* atomic; the notifier's */
	uint32_t notify_dead;	 /* atomic: too slow, ended */
	bool dying;	   /* main only */
	struct arena *buffers[UKCF_BUFFERS_MAX]; /* atomic pointers; arena.h */
	struct ring *rings[CONSUMER_RINGS_MAX];	 /* main only */
	/* main thread's own bookkeeping: control.c */
	void *control;
};

/* Any thread.  The last unref hands it to main for freeing. */
struct consumer *consumer_ref(struct consumer *c);
void consumer_unref(struct consumer *c);

#endif
