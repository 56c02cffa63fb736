/* SPDX-License-Identifier: MIT */
/*
 * One context on the flow's ring.  Its parts have mode SYNC: they always find a
 * place in a queue, for if one were rejected the next would be worked on
 * without it.
 */
#include "tools/parts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/complain.h"
#include "tools/flow.h"
#include "tools/input.h"
#include "tools/progress.h"

#define UNIT (256u << 10)
#define CONTEXT 1
#define TRIES 3 /* a daemon that is started again may have lost the state */

static const struct ukcf_span none = UKCF_SPAN_NONE;

/* A run; job is its first member. */
struct run {
	struct flow_job job;
	struct parts *p;
	struct ukcf_span tag;
	uint8_t *result;
	int64_t res; /* of the last part, or of the first that failed */
};

/* ---------------------------------------------------------- single requests */

/* Send one that has no data, and wait. */
static int64_t ask(struct parts *p, struct ukcf_sqe *sqe)
{
	struct flow_chunk *c = flow_next(p->flow);
	int64_t res;

	sqe->mode = UKCF_MODE_SYNC;
	sqe->flags |= UKCF_SQE_NOTIFY_OPDONE;
	if (flow_send(p->flow, c, sqe) < 0) {
		flow_unget(p->flow);
		return PARTS_SAID;
	}
	c = flow_wait(p->flow);
	if (!c)
		return PARTS_SAID;
	res = c->res;
	p->detail = c->detail;
	flow_take(p->flow);
	return res;
}

static int64_t begin(struct parts *p)
{
	struct ukcf_sqe sqe = { 0 };
	int err = ukcf_prep_init(flow_ring(p->flow), &sqe, CONTEXT, p->op,
				 p->mech, p->key, NULL, 0, none);

	return err ? err : ask(p, &sqe);
}

/* If there is still one; what it says is of no interest. */
static void end_context(struct parts *p)
{
	struct ukcf_sqe sqe = { 0 };
	unsigned int detail = p->detail;

	ukcf_prep_cancel_ctx(&sqe, CONTEXT);
	ask(p, &sqe);
	p->detail = detail;
}

/* -------------------------------------------------------------------- parts */

static int send_part(struct flow *f, struct flow_job *j, struct flow_chunk *c)
{
	struct run *r = (struct run *)j;
	struct ukcf_sqe sqe = { 0 };
	int err;

	c->in.len = (uint32_t)c->len;
	c->out.len = r->result ? PARTS_RESULT_MAX : 0;
	if (c->last)
		err = ukcf_prep_final(&sqe, CONTEXT, c->in,
				      r->result ? c->out : none, r->tag);
	else
		err = ukcf_prep_update(&sqe, CONTEXT, c->in, none);
	if (err) {
		complain_call(input_name(j->path), err);
		return -1;
	}
	sqe.mode = UKCF_MODE_SYNC;
	sqe.flags |= c->last ? 0 : UKCF_SQE_NOTIFY_OPDONE;
	return flow_send(f, c, &sqe);
}

static int take_part(struct flow *f, struct flow_job *j,
		     const struct flow_chunk *c)
{
	struct run *r = (struct run *)j;

	(void)f;
	r->res = c->res;
	r->p->detail = c->detail;
	if (c->res < 0)
		return -1;
	if (c->last && r->result)
		memcpy(r->result, c->result, (size_t)c->res);
	return 0;
}

static int64_t run_once(struct parts *p, struct run *r)
{
	int err;

	r->res = begin(p);
	if (r->res < 0)
		return r->res;
	r->tag = p->tag ? flow_common(p->flow, p->tag, p->tag_len) : none;
	err = flow_run(p->flow, &r->job);
	if (err && r->res >= 0)
		r->res = PARTS_SAID;
	if (err)
		end_context(p);
	return r->res;
}

int64_t parts_run(struct parts *p, int fd, const char *path, uint8_t *result)
{
	struct run r = {
		.job = { .fd = fd, .path = path, .unit = UNIT,
			 .send = send_part, .take = take_part },
		.p = p,
		.result = result,
	};
	off_t start = lseek(fd, 0, SEEK_CUR);

	if (!p->flow)
		p->flow = flow_open(p->u, UNIT, PARTS_RESULT_MAX);
	if (!p->flow)
		return PARTS_SAID;
	for (int i = 0; i < TRIES; i++) {
		progress_begin(input_name(path), input_size(fd));
		r.res = run_once(p, &r);
		progress_end();
		if (r.res != -ESTALE || start < 0 ||
		    lseek(fd, start, SEEK_SET) < 0)
			break;
	}
	return r.res;
}

void parts_close(struct parts *p)
{
	flow_close(p->flow);
	p->flow = NULL;
}
