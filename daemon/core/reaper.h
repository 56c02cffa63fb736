/* SPDX-License-Identifier: MIT */
/*
 * Owns the way back to the main thread for objects whose last user was
 * another one: a lock-free list and an eventfd that wakes main, so that
 * unmapping and closing hold up no service thread.
 */
#ifndef DAEMON_CORE_REAPER_H
#define DAEMON_CORE_REAPER_H

/* Embedded in what is to be reaped. */
struct reaper_node {
	struct reaper_node *next;
};

struct reaper {
	void *list; /* atomic; newest first */
	int fd;	    /* eventfd of this process alone */
};

/* Return: 0 or -errno. */
int reaper_init(struct reaper *r);
void reaper_deinit(struct reaper *r);
/* Any thread; does not block. */
void reaper_push(struct reaper *r, struct reaper_node *n);
/* main: everything pushed so far; clears the eventfd. */
struct reaper_node *reaper_take(struct reaper *r);

#endif
