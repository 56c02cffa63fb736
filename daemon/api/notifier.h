/* SPDX-License-Identifier: MIT */
/*
 * Owns the notifier thread, which sends the bytes on notification sockets: a
 * consumer can make such a send slow (28 ms was seen), and it holds up nobody
 * else.  Several sends over 100 us end that consumer's notifications.
 */
#ifndef DAEMON_API_NOTIFIER_H
#define DAEMON_API_NOTIFIER_H

struct consumer;

int notifier_start(void);
void notifier_stop(void);
/* Any thread; does not block; at most one send per consumer is pending.
 * Holds a reference to the consumer until it is sent. */
void notifier_post(struct consumer *c);

#endif
