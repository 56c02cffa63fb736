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
	p->broken = false;
}

bool parking_is_empty(const struct parking *p)
{
	return !p->first;
}

bool parking_has(const struct parking *p, const struct request *req)
{
	const struct request *at = p->first;

	while (at && at != req)
		at = at->next;
	return at;
}

/* `last' lies in it. */
const struct request *parking_newest(const struct parking *p)
{
	return (const struct request *)(const void *)(
		(const char *)p->last - offsetof(struct request, next));
}

bool parking_holds_up(const struct parking *p, const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	if (parking_is_empty(p))
		return false;
	if (chain_concerns(req) || chain_goes_on(parking_newest(p)))
		return true;
	return s->op != UKCF_OP_NOP && s->op != UKCF_OP_CANCEL &&
	       s->op != UKCF_OP_CANCEL_CTX && s->op != UKCF_OP_NOTIFY_SPACE && s->op != UKCF_OP_NOTIFY_EVENTS;
}

void parking_add(struct parking *p, struct request *req)
{
	req->next = NULL;
	*p->last = req;
	p->last = &req->next;
}

struct request *parking_take_at(struct parking *p, struct request **at)
{
	struct request *req = *at;

	*at = req->next;
	if (!*at)
		p->last = at;
	req->next = NULL;
	return req;
}

struct request *parking_take(struct parking *p)
{
	return p->first ? parking_take_at(p, &p->first) : NULL;
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
