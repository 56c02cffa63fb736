/* SPDX-License-Identifier: MIT */
/*
 * A daemon that was started again says MSG_RESTARTED and may have died before
 * it answered: the request is sent once more with the same seq, by which the
 * daemon recognises what its predecessor carried out.
 */
#include "lib/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/connection.h"
#include "lib/shared/clock.h"
#include "lib/shared/msg.h"

int control_init(struct control *c, int sock)
{
	*c = (struct control){ .sock = sock };
	c->in = malloc(sizeof(*c->in));
	if (!c->in)
		return -ENOMEM;
	return turn_init(&c->turn);
}

void control_deinit(struct control *c, bool ours)
{
	if (c->sock >= 0)
		close(c->sock);
	if (c->in && ours)
		turn_deinit(&c->turn);
	free(c->in);
}

/* poll(2) until the deadline; 0, -ETIMEDOUT. */
static int await(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = clock_ns();
		struct timespec ts;
		int rc;

		if (now >= deadline_ns)
			return -ETIMEDOUT;
		ts.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
		ts.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
		rc = ppoll(&p, 1, &ts, NULL);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
}

static int gone(uint32_t *lost)
{
	store_release_u32(lost, 1);
	return -ESTALE;
}

static int send_request(struct control *c, const struct control_call *call,
			uint64_t deadline_ns, uint32_t *lost)
{
	const struct msg_head h = {
		.magic = MSG_MAGIC,
		.version = UKCF_ABI_VERSION,
		.verb = (uint16_t)call->verb,
		.seq = c->seq,
		.len = call->body_len,
	};
	int rc;

	while ((rc = msg_send(c->sock, &h, call->body, NULL, 0)) == -EAGAIN) {
		rc = await(c->sock, POLLOUT, deadline_ns);
		if (rc)
			return rc;
	}
	if (rc == -EPIPE || rc == -ECONNRESET || rc == -ENOTCONN)
		return gone(lost);
	return rc;
}

/* The next message; 0 or -errno. */
static int receive(struct control *c, uint64_t deadline_ns, uint32_t *lost)
{
	int rc;

	while ((rc = msg_recv(c->sock, c->in, MSG_FDS_MAX)) == -EAGAIN) {
		rc = await(c->sock, POLLIN, deadline_ns);
		if (rc)
			return rc;
	}
	if (rc == 1)
		return 0;
	if (rc == 0 || rc == -ECONNRESET || rc == -EPIPE)
		return gone(lost);
	return rc;
}

/* The answer to our seq.  What is older was given up by its caller. */
static int receive_answer(struct control *c, const struct control_call *call,
			  uint64_t deadline_ns, uint32_t *lost)
{
	int rc;

	for (;;) {
		rc = receive(c, deadline_ns, lost);
		if (rc)
			return rc;
		if (c->in->h.verb == MSG_RESTARTED)
			rc = send_request(c, call, deadline_ns, lost);
		else if (c->in->h.seq == c->seq)
			return 0;
		msg_close_fds(c->in);
		if (rc)
			return rc;
	}
}

static int take_answer(struct control *c, const struct control_call *call)
{
	const void *body;

	if (c->in->h.err)
		return c->in->h.err < 0 ? c->in->h.err : -EPROTO;
	body = msg_body(c->in, call->reply_len);
	if (!body || c->in->n_fds != call->n_fds)
		return -EPROTO;
	if (call->reply_len)
		memcpy(call->reply, body, call->reply_len);
	for (unsigned int i = 0; i < call->n_fds; i++) {
		call->fds[i] = c->in->fds[i];
		c->in->fds[i] = -1;
	}
	return 0;
}

int control_call(struct control *c, const struct control_call *call,
		 uint64_t deadline_ns, uint32_t *lost)
{
	int rc = turn_take(&c->turn, deadline_ns);

	if (rc)
		return rc;
	c->seq++;
	rc = send_request(c, call, deadline_ns, lost);
	if (!rc)
		rc = receive_answer(c, call, deadline_ns, lost);
	if (!rc) {
		rc = take_answer(c, call);
		msg_close_fds(c->in);
	}
	turn_give(&c->turn);
	return rc;
}

uint64_t control_deadline(const struct ukcf *u)
{
	uint64_t ns = load_relaxed_u64(&u->timeout_ns);

	return clock_ns() + (ns < CONTROL_NS ? ns : CONTROL_NS);
}

int control_ask(struct ukcf *u, const struct control_call *call)
{
	uint64_t deadline = call->deadline_ns;
	int err = connection_check(u);

	if (err)
		return err;
	if (!deadline)
		deadline = control_deadline(u);
	return control_call(&u->control, call, deadline, &u->lost);
}

int control_is_gone(const struct control *c)
{
	struct pollfd p = { .fd = c->sock, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}
