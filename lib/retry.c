/* SPDX-License-Identifier: MIT */
#include "lib/retry.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/ring.h"

enum state {
	SENT = 0,
	WAITS = 1, /* rejected; there will be news of room */
	DUE = 2	   /* there was; the ring had no slot */
};

struct entry {
	struct ukcf_sqe sqe;
	enum state state;
};

struct retry {
	unsigned int n, room;
	struct entry *entries;
};

void retry_free(struct retry *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t);
}

static struct entry *find(struct retry *t, uint64_t user_data)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (t->entries[i].sqe.user_data == user_data)
			return &t->entries[i];
	return NULL;
}

static void forget(struct ukcf_ring *r, struct entry *e)
{
	struct retry *t = r->retry;

	*e = t->entries[--t->n];
}

/* Room for one more. */
static int reserve(struct ukcf_ring *r)
{
	struct retry *t = r->retry ? r->retry : calloc(1, sizeof(*t));
	struct entry *p;

	if (!t)
		return -ENOMEM;
	r->retry = t;
	if (t->n < t->room)
		return 0;
	p = reallocarray(t->entries, t->room + 16, sizeof(*p));
	if (!p)
		return -ENOMEM;
	t->entries = p;
	t->room += 16;
	return 0;
}

int ukcf_submit_retry(struct ukcf_ring *r, const struct ukcf_sqe *sqe)
{
	struct ukcf_sqe s = *sqe;
	struct retry *t;
	int rc = reserve(r);

	if (rc)
		return rc;
	t = r->retry;
	if (find(t, s.user_data))
		return -EEXIST;
	s.flags |= UKCF_SQE_NOTIFY_SPACE;
	rc = ukcf_submit_sqes(r, &s, 1);
	if (rc <= 0)
		return rc ? rc : -EAGAIN;
	t->entries[t->n++] = (struct entry){ .sqe = s };
	return 0;
}

static void send_again(struct ukcf_ring *r, struct entry *e)
{
	e->state = ukcf_submit_sqes(r, &e->sqe, 1) == 1 ? SENT : DUE;
}

static bool is_rejection(const struct ukcf_cqe *cqe)
{
	return (cqe->flags & UKCF_CQE_KIND) == UKCF_CQE_RESULT &&
	       cqe->res == -EAGAIN && cqe->detail == UKCF_DETAIL_QUEUE_FULL;
}

bool retry_takes(struct ukcf_ring *r, const struct ukcf_cqe *cqe)
{
	struct entry *e = find(r->retry, cqe->user_data);

	if (!e)
		return false;
	if (is_rejection(cqe)) {
		e->state = WAITS;
		return true;
	}
	if ((cqe->flags & UKCF_CQE_KIND) == UKCF_CQE_SPACE) {
		if (e->state == WAITS)
			send_again(r, e);
		return true;
	}
	forget(r, e); /* accepted, or it has its result */
	return false;
}

void retry_look(struct ukcf_ring *r)
{
	struct retry *t = r->retry;

	for (unsigned int i = 0; i < t->n; i++)
		if (t->entries[i].state == DUE)
			send_again(r, &t->entries[i]);
}
