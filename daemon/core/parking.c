/* SPDX-License-Identifier: MIT */
#include "daemon/core/parking.h"

#include <stddef.h>

#include "daemon/core/chain.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"

void parking_init(struct parking *p)
{
	p->first = NULL;
	p->last = &p->first;
}

bool parking_is_empty(const struct parking *p)
{
	return !p->first;
}

/* One that is not empty: `last' lies in it. */
static const struct request *newest(const struct parking *p)
{
	return (const struct request *)(const void *)(
		(const char *)p->last - offsetof(struct request, next));
}

bool parking_holds_up(const struct parking *p, const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (parking_is_empty(p))
		return false;
	if (chain_concerns(req) ||
	    (newest(p)->entry->sqe.flags & UKCF_SQE_LINK))
		return true;
	return s->op != UKCF_OP_NOP && s->op != UKCF_OP_CANCEL &&
	       s->op != UKCF_OP_NOTIFY_SPACE && s->op != UKCF_OP_NOTIFY_EVENTS;
}

void parking_add(struct parking *p, struct request *req)
{
	req->next = NULL;
	*p->last = req;
	p->last = &req->next;
}

static void take_out(struct parking *p, struct request **at)
{
	struct request *req = *at;

	*at = req->next;
	if (!*at)
		p->last = at;
	req->next = NULL;
}

struct request *parking_take(struct parking *p)
{
	struct request *req = p->first;

	if (req)
		take_out(p, &p->first);
	return req;
}

/* Does what others become depend on it? */
static bool is_tied(const struct request *req)
{
	switch (req->entry->sqe.op) {
	case UKCF_OP_INIT:
	case UKCF_OP_UPDATE:
	case UKCF_OP_FINAL:
	case UKCF_OP_CTX_COPY:
	case UKCF_OP_CANCEL_CTX:
		return true;
	default:
		return chain_concerns(req);
	}
}

bool parking_remove(struct parking *p, struct request *req)
{
	struct request **at = &p->first;
	bool follows_link = false;

	while (*at && *at != req) {
		follows_link = (*at)->entry->sqe.flags & UKCF_SQE_LINK;
		at = &(*at)->next;
	}
	if (!*at || follows_link || is_tied(req))
		return false;
	take_out(p, at);
	return true;
}

struct request *parking_late(const struct parking *p, uint64_t now_ns)
{
	struct request *req = p->first;

	while (req && req->deadline_ns > now_ns)
		req = req->next;
	return req;
}

uint64_t parking_deadline(const struct parking *p)
{
	uint64_t first = 0;

	for (const struct request *req = p->first; req; req = req->next)
		if (!first || req->deadline_ns < first)
			first = req->deadline_ns;
	return first;
}
