/* SPDX-License-Identifier: MIT */
/*
 * Owns the descriptors that the parent of a captive daemon keeps for it: what
 * the service manager's descriptor store is to an installed one, and the same
 * protocol (sd_notify(3)).
 */
#ifndef DAEMON_CAPTIVE_STORE_H
#define DAEMON_CAPTIVE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What else a message says. */
enum captive_said {
	CAPTIVE_SAID_READY = 1,
	CAPTIVE_SAID_STOPPING = 2
};

/* Keep a descriptor; it is the store's from here on.  0 or -errno. */
int captive_store_add(const char *name, int fd);
/*
 * Take in the messages that wait at a notification socket (SO_PASSCRED is
 * set), from that process only.
 * Return: bits of enum captive_said.
 */
unsigned int captive_store_receive(int sock, pid_t from);
unsigned int captive_store_count(void);
/* A descriptor, readable when the other end of a stored socket was closed;
 * captive_store_sweep() then drops those. */
int captive_store_poll_fd(void);
void captive_store_sweep(void);
/*
 * In the child, before exec: the descriptors from 3 on, and LISTEN_FDS,
 * LISTEN_PID, LISTEN_FDNAMES.  0 or -errno; -E2BIG: their names do not fit
 * into the environment.
 */
int captive_store_hand_over(void);
void captive_store_clear(void);

#endif
