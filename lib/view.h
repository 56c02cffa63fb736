/* SPDX-License-Identifier: MIT */
/*
 * Owns the library's copy of the page: whole, never torn, renewed when the
 * page's epoch says that something changed.
 */
#ifndef LIB_VIEW_H
#define LIB_VIEW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ukcf;
struct ukcf_page;

struct view {
	pthread_mutex_t lock;	/* the copy */
	struct ukcf_page *copy; /* its epoch says of when it is */
};

int view_init(struct view *v);
void view_deinit(struct view *v);

/**
 * view_lock() - hold the copy, renewed if the page changed
 * @fresh: false if the page was being written all the time; then the copy is
 *	the last whole one
 */
const struct ukcf_page *view_lock(struct ukcf *u, bool *fresh);
void view_unlock(struct ukcf *u);

/* Copy the page, retrying a bounded number of times.  0 or -EAGAIN. */
int view_copy(struct ukcf_page *to, const struct ukcf_page *from);

#endif
