/* SPDX-License-Identifier: MIT */
/*
 * A backlog that nobody serves: it has deadlines and cancel.
 */
#include "daemon/core/stranded.h"

#include <stddef.h>

#include "daemon/core/backlog.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/request.h"
#include "lib/shared/ring-ops.h"

static struct backlog waiting;
static uint32_t n_looks; /* atomic */

int stranded_init(void)
{
	return backlog_init(&waiting, 0, 1, 1, true);
}

struct backlog *stranded_backlog(void)
{
	return &waiting;
}

uint32_t stranded_looks(void)
{
	return load_acquire_u32(&n_looks);
}

/* One that still has to wait comes back, and is not taken twice. */
static void look(void)
{
	struct request *req, *all = NULL;

	while ((req = backlog_take(&waiting))) {
		backlog_ended(&waiting, req->node.cost_ns);
		req->next = all;
		all = req;
	}
	while ((req = all)) {
		all = req->next;
		req->next = NULL;
		dispatch_again(req);
	}
}

void stranded_add(struct request *req, uint32_t looks)
{
	backlog_put(&waiting, req, true, false, NULL);
	full_fence(); /* pairs with the addition in stranded_look() */
	if (stranded_looks() != looks)
		look(); /* it may have come in between */
}

void stranded_look(void)
{
	fetch_add_u32(&n_looks, 1);
	full_fence();
	if (backlog_depth(&waiting))
		look();
}
