/* SPDX-License-Identifier: MIT */
/*
 * The daemon writes the page under a sequence count (a seqlock): odd while it
 * writes.  It may die in the middle, so a reader gives up after a while.
 */
#include "lib/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/abi.h>

#include "lib/connection.h"
#include "lib/shared/ring-ops.h"

#define TRIES 10000 /* each a PAUSE: well under a millisecond */

int view_init(struct view *v)
{
	v->copy = calloc(1, sizeof(*v->copy));
	if (!v->copy)
		return -ENOMEM;
	return -pthread_mutex_init(&v->lock, NULL);
}

void view_deinit(struct view *v)
{
	if (v->copy)
		pthread_mutex_destroy(&v->lock);
	free(v->copy);
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

static void copy_tables(struct ukcf_page *to, const struct ukcf_page *from)
{
	/* The header's words first: they bound what follows. */
	memcpy(to, from, offsetof(struct ukcf_page, providers));
	to->n_providers =
		at_most(to->n_providers, UKCF_PAGE_PROVIDERS_MAX + 1);
	to->n_mechs = at_most(to->n_mechs, UKCF_PAGE_MECHS_MAX);
	memcpy(to->providers, from->providers,
	       to->n_providers * sizeof(to->providers[0]));
	memcpy(to->mechs, from->mechs, to->n_mechs * sizeof(to->mechs[0]));
}

int view_copy(struct ukcf_page *to, const struct ukcf_page *from)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		uint32_t seq = load_acquire_u32(&from->seq);

		if (seq & 1) {
			cpu_relax();
			continue;
		}
		copy_tables(to, from);
		/* Pairs with the daemon's fence after it made seq odd. */
		read_fence();
		if (load_relaxed_u32(&from->seq) == seq)
			return 0;
	}
	return -EAGAIN;
}

static bool renew(struct ukcf *u)
{
	struct view *v = &u->view;
	struct ukcf_page *next;
	bool ok;

	if (load_acquire_u32(&u->page->epoch) == v->copy->epoch)
		return true;
	next = calloc(1, sizeof(*next)); /* the old one stays if this fails */
	ok = next && view_copy(next, u->page) == 0;
	if (ok) {
		free(v->copy);
		v->copy = next;
	} else {
		free(next);
	}
	return ok;
}

const struct ukcf_page *view_lock(struct ukcf *u, bool *fresh)
{
	pthread_mutex_lock(&u->view.lock);
	*fresh = renew(u);
	return u->view.copy;
}

void view_unlock(struct ukcf *u)
{
	pthread_mutex_unlock(&u->view.lock);
}
