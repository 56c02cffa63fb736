/* SPDX-License-Identifier: MIT */
/* Owns the answer to a control message while it is made, and its sending. */
#ifndef DAEMON_API_REPLY_H
#define DAEMON_API_REPLY_H

#include <stdint.h>

#include "lib/shared/msg.h"

struct reply {
	uint32_t len; /* bytes of body */
	unsigned int n_fds;
	int fds[MSG_FDS_MAX]; /* closed when it was sent */
	union {
		struct msg_challenge challenge;
		struct msg_welcome welcome;
		struct msg_ring ring;
		struct msg_buffer buffer;
		struct msg_module module;
		struct msg_status status;
		struct msg_changed changed;
		struct ukcf_counts counts;
	} body;
};

/* Add a descriptor. */
void reply_fd(struct reply *r, int fd);
/* Close what was not sent. */
void reply_drop(struct reply *r);
/*
 * Answer m: with err alone if it is not 0, else with what r holds.  r is empty
 * afterwards.  Return: 0, or -errno: -EAGAIN: the peer does not read.
 */
int reply_send(int sock, const struct msg_in *m, int err, struct reply *r);

#endif
