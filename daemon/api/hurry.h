/* SPDX-License-Identifier: MIT */
/*
 * Owns the main thread's way out of a close that a consumer made slow.  Before
 * Linux 6.16 a consumer can send descriptors.  They are never opened here, but
 * their last reference may be dropped in recvmsg(2) or in close(2) of the
 * socket, and a TCP socket that lingers waits there for its peer.  A signal
 * ends that wait.  Main thread.
 */
#ifndef DAEMON_API_HURRY_H
#define DAEMON_API_HURRY_H

struct msg_in;

/* The kernel cannot refuse descriptors: be careful from now on. */
void hurry_init(void);
/* msg_recv() that allows no descriptor. */
int hurry_recv(int sock, struct msg_in *m);
/* close() of a socket that a consumer could write to. */
void hurry_close(int sock);

#endif
