/* SPDX-License-Identifier: MIT */
#include "tests/bench/session.h"

#define WAIT_NS INT64_C(5000000000)

int session_open(struct session *s, unsigned int depth, size_t in, size_t out)
{
	int err = ukcf_connect(&s->u, NULL, UKCF_CONNECT_NO_CALLER);

	if (!err)
		err = ukcf_ring_open(s->u, 4 * depth, &s->ring);
	if (!err)
		err = ukcf_buffer_alloc(s->u, UKCF_BUFFER_INPUT, in, &s->in);
	if (!err)
		err = ukcf_buffer_alloc(s->u, UKCF_BUFFER_OUTPUT, out, &s->out);
	return err;
}

void session_close(struct session *s)
{
	ukcf_disconnect(s->u);
}

int session_answer(struct session *s, struct ukcf_cqe *to)
{
	const struct ukcf_cqe *c;
	int rc;

	do {
		rc = ukcf_wait_cqe(s->ring, &c, WAIT_NS);
		if (rc)
			return rc;
		*to = *c;
		ukcf_cqe_seen(s->ring);
	} while ((to->flags & UKCF_CQE_KIND) == UKCF_CQE_QUEUED);
	return to->res < 0 ? (int)to->res : 0;
}
