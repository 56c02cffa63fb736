/* SPDX-License-Identifier: MIT */
/*
 * Owns the descriptors' way through a restart: the descriptor store of the
 * service manager, or of the captive daemon's parent, which speaks the same
 * protocol (sd_notify(3) FDSTORE=1, LISTEN_FDS and LISTEN_FDNAMES).
 *
 * Names: "consumer.sock" and "admin.sock" (listening), "page", "recovery",
 * "keys", "cN.control", "cN.doorbell", "cN.notify", "cN.rM.sq",
 * "cN.rM.cq", "cN.bM".  Without a store (no NOTIFY_SOCKET) put and remove do
 * nothing.  Any thread; main in practice.
 */
#ifndef DAEMON_FDSTORE_H
#define DAEMON_FDSTORE_H

#include <stdbool.h>

/* Take over what the manager passed; closes on exec; once, at start. */
int fdstore_init(void);
/* Does anybody keep what is put? */
bool fdstore_active(void);
/* A descriptor by name, or -1.  It now belongs to the caller. */
int fdstore_take(const char *name);
/* Close what nobody took and have it removed from the store. */
void fdstore_drop_rest(void);
int fdstore_put(const char *name, int fd);
int fdstore_putf(int fd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fdstore_takef(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fdstore_removef(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#endif
