/* SPDX-License-Identifier: MIT */
/*
 * The operations on other requests of the ring: cancel, and being told of room
 * in a queue, or of events.  They take no time and are done at once.
 *
 * A request and its cancel come over the same ring, so that both are its
 * service thread's: an entry cannot change hands meanwhile.
 */
#include <errno.h>

#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/execute.h"
#include "daemon/core/parking.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/tied.h"
#include "lib/shared/ring-ops.h"

/* A result: 0 or -errno; *detail says why. */
typedef int64_t (*ringop_fn)(struct request *req, unsigned int *detail);

static int64_t cancel(struct request *req, unsigned int *detail)
{
	struct request *target = ring_find(req->ring, req->entry->sqe.ctx);

	if (!target) {
		*detail = UKCF_DETAIL_HANDLE;
		return -ENOENT;
	}
	if (parking_has(ring_parking(req->ring), target)) {
		tied_end(target, -ECANCELED, UKCF_DETAIL_CANCELED);
		return 0;
	}
	if (request_cancel(target))
		return 0;
	store_release_u32(&target->cancel, 1); /* if it looks */
	return -EALREADY;
}

/* Its parts that do not run yet end, and the context with the one that does. */
static int64_t cancel_ctx(struct request *req, unsigned int *detail)
{
	int64_t n = tied_cancel_ctx(req->ring, req->entry->sqe.ctx);

	if (n < 0)
		*detail = UKCF_DETAIL_CTX;
	return n;
}

static int64_t notify_space(struct request *req, unsigned int *detail)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	struct backlog *b = dispatch_queue_by_id(s->provider);
	const struct want_space want = {
		.req = req,
		.slots = s->ctx > UINT32_MAX ? UINT32_MAX :
			 s->ctx		     ? (unsigned int)s->ctx :
					       1,
	};
	bool kept = ring_keep_event(req);
	int err = -ENOENT;

	if (b)
		err = backlog_want_space(b, &want);
	else
		*detail = UKCF_DETAIL_QUEUE;
	if (err && kept)
		ring_drop_event(req->ring);
	return err;
}

static int64_t notify_events(struct request *req, unsigned int *detail)
{
	(void)detail;
	ring_want_events(req, (uint32_t)req->entry->sqe.ctx);
	return 0;
}

static const ringop_fn ops[UKCF_OP_LAST] = {
	[UKCF_OP_CANCEL] = cancel,
	[UKCF_OP_CANCEL_CTX] = cancel_ctx,
	[UKCF_OP_NOTIFY_SPACE] = notify_space,
	[UKCF_OP_NOTIFY_EVENTS] = notify_events,
};

void ringops_run(struct request *req)
{
	unsigned int detail = UKCF_DETAIL_NONE;
	int64_t res = ops[req->entry->sqe.op](req, &detail);

	request_result(req, res, detail);
}
