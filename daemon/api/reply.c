/* SPDX-License-Identifier: MIT */
#include "daemon/api/reply.h"

#include <unistd.h>

void reply_fd(struct reply *r, int fd)
{
	r->fds[r->n_fds++] = fd;
}

void reply_drop(struct reply *r)
{
	for (unsigned int i = 0; i < r->n_fds; i++)
		close(r->fds[i]);
	r->n_fds = 0;
	r->len = 0;
}

int reply_send(int sock, const struct msg_in *m, int err, struct reply *r)
{
	struct msg_head h = {
		.magic = MSG_MAGIC,
		.version = UKCF_ABI_VERSION,
		.verb = m->h.verb,
		.seq = m->h.seq,
		.err = err,
		.len = err ? 0 : r->len,
	};
	int rc = msg_send(sock, &h, &r->body, r->fds, err ? 0 : r->n_fds);

	reply_drop(r);
	return rc;
}
