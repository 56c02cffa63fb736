/* SPDX-License-Identifier: MIT */
/*
 * Owns connections until it is clear who they are: HELLO, challenge, ANSWER
 * with the kernel's credentials, all within a deadline and a quota per uid.
 */
#ifndef DAEMON_API_HANDSHAKE_H
#define DAEMON_API_HANDSHAKE_H

#include <stdbool.h>
#include <sys/socket.h>

struct consumer;
struct consumer_peer;
struct loop;
struct reply;

struct handshake_ops {
	/* Make the consumer and fill in the welcome.  0 or -errno. */
	int (*welcome)(const struct consumer_peer *peer, struct consumer **cp,
		       struct reply *r);
	/* It was told so (rc 0), or could not be. */
	void (*welcomed)(struct consumer *c, int rc);
};

/* own_uid_refused: no consumer may run under the daemon's uid. */
void handshake_init(struct loop *loop, const struct handshake_ops *ops,
		    bool own_uid_refused);
/* A fresh connection; fd becomes ours. */
void handshake_begin(int fd, const struct ucred *peer);
/* Drop all. */
void handshake_deinit(void);

#endif
