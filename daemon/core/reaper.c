/* SPDX-License-Identifier: MIT */
#include "daemon/core/reaper.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/shared/ring-ops.h"

int reaper_init(struct reaper *r)
{
	r->list = NULL;
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r->fd < 0 ? -errno : 0;
}

void reaper_deinit(struct reaper *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void reaper_push(struct reaper *r, struct reaper_node *n)
{
	void *head = load_acquire_ptr(&r->list);
	uint64_t one = 1;

	do {
		n->next = head;
	} while (!compare_swap_ptr(&r->list, &head, n));
	/* Full only after 2^64 pushes. */
	if (write(r->fd, &one, sizeof(one)) < 0)
		return;
}

struct reaper_node *reaper_take(struct reaper *r)
{
	uint64_t n;

	if (read(r->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return NULL;
	return exchange_ptr(&r->list, NULL);
}
