/* SPDX-License-Identifier: MIT */
/*
 * Owns the listening sockets: taken from the service manager or made here,
 * and the accepting of connections with the kernel's word on the peer.
 */
#ifndef DAEMON_API_LISTENER_H
#define DAEMON_API_LISTENER_H

#include <sys/socket.h>
#include <sys/types.h>

struct loop;
struct listener;

/* A connection; the descriptor is the callee's. */
typedef void (*listener_fn)(int fd, const struct ucred *peer);

/*
 * Take the socket of that name from the store, else make one at path.
 * Return: 0 or -errno; the cause is logged.
 */
int listener_open(const char *name, const char *path, mode_t mode,
		  struct listener **lp);
int listener_start(struct listener *l, struct loop *loop, listener_fn fn);
/* Accepts no more.  A socket made here is removed unless it is stored. */
void listener_close(struct listener *l);

#endif
