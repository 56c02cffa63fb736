/* SPDX-License-Identifier: MIT */
/*
 * Owns the control socket: one request and its reply at a time, from any
 * thread, with a deadline, also across a restart of the daemon.
 */
#ifndef LIB_CONTROL_H
#define LIB_CONTROL_H

#include <stdint.h>

#include "lib/turn.h"

struct ukcf;
struct msg_in;

struct control {
	struct turn turn;     /* for the members below */
	int sock;
	uint32_t seq;	      /* of the last request */
	struct msg_in *in;    /* 64 KiB, made once */
};

/* One request: what is sent, and what must come back. */
struct control_call {
	uint32_t verb;
	const void *body;
	uint32_t body_len;
	void *reply;	     /* reply_len bytes, exactly */
	uint32_t reply_len;
	int *fds;	     /* the reply's descriptors, now the caller's */
	unsigned int n_fds;  /* exactly */
	uint64_t deadline_ns; /* of control_ask(); 0: control_deadline() */
};

/* Takes the socket. */
int control_init(struct control *c, int sock);
/* @ours: false in a child of fork(2): a thread of the parent may have waited. */
void control_deinit(struct control *c, bool ours);

/* How long the daemon may take to answer, a restart included; less if
 * ukcf_set_timeout() says so. */
#define CONTROL_NS UINT64_C(10000000000)

/**
 * control_call() - ask the daemon
 * @deadline_ns: on the monotonic clock
 * Return: 0; the daemon's -errno; -ETIMEDOUT; -EPROTO (a malformed answer);
 * -ESTALE (it is gone: @lost is set).
 */
int control_call(struct control *c, const struct control_call *call,
		 uint64_t deadline_ns, uint32_t *lost);

/* That, from now. */
uint64_t control_deadline(const struct ukcf *u);

/* The same on an open connection. */
int control_ask(struct ukcf *u, const struct control_call *call);

/* Did the daemon hang up?  One poll(2). */
int control_is_gone(const struct control *c);

#endif
