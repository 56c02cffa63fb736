/* SPDX-License-Identifier: MIT */
#include "tools/admin.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "tools/complain.h"

#define ANSWER_S 5u

const char *admin_path(void)
{
	const char *path = secure_getenv("UKCF_ADMIN_SOCKET");

	return path && *path ? path : UKCF_DEFAULT_ADMIN_SOCKET;
}

static int connect_admin(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", admin_path()) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/* One message, within the deadline; 0 or -errno. */
static int await_answer(int fd, struct msg_in *m, unsigned int limit_s)
{
	uint64_t end = clock_ns() + limit_s * UINT64_C(1000000000);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int rc;

	while ((rc = msg_recv(fd, m, 0)) == -EAGAIN || rc == -EINTR) {
		uint64_t now = clock_ns();

		if (now >= end)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((end - now) / 1000000) + 1) < 0 &&
		    errno != EINTR)
			return -errno;
	}
	if (rc == 0)
		return -ECONNRESET;
	return rc < 0 ? rc : 0;
}

static int take_answer(const struct admin_call *c, const struct msg_in *m,
		       const struct msg_head *h)
{
	bool sized = c->row_len ? m->h.len % c->row_len == 0 &&
					  m->h.len <= c->reply_max :
				  m->h.len == c->reply_max;

	if (m->h.verb != h->verb || m->h.seq != h->seq || m->h.err > 0)
		return -EPROTO;
	if (m->h.err)
		return m->h.err;
	if (!sized)
		return -EPROTO;
	memcpy(c->reply, m->body, m->h.len);
	return (int)m->h.len;
}

static int ask(int fd, struct msg_in *m, const struct admin_call *c)
{
	const struct msg_head h = { .magic = MSG_MAGIC,
				    .version = UKCF_ABI_VERSION,
				    .verb = c->verb,
				    .seq = 1,
				    .len = c->body_len };
	int err = msg_send(fd, &h, c->body, NULL, 0);

	if (!err)
		err = await_answer(fd, m, c->limit_s ? c->limit_s : ANSWER_S);
	return err ? err : take_answer(c, m, &h);
}

int admin_ask(const struct admin_call *c)
{
	struct msg_in *m = malloc(sizeof(*m));
	int fd, rc;

	if (!m)
		return -ENOMEM;
	fd = connect_admin();
	rc = fd < 0 ? fd : ask(fd, m, c);
	if (fd >= 0)
		close(fd);
	free(m);
	return rc;
}

static const char *way_out(int err)
{
	switch (-err) {
	case EACCES:
		return "only root and the daemon's own user may administer";
	case ENOENT:
	case ECONNREFUSED:
		return "start the daemon (systemctl start ukcfd), or run this "
		       "under a private one: ukcfd --run -- CMD";
	case EPROTO:
		return "is it a ukcfd of this version?";
	default:
		return "does UKCF_ADMIN_SOCKET name its admin socket?";
	}
}

void admin_complain(int err)
{
	complain("%s: %s", admin_path(), strerror(-err));
	complain("%s", way_out(err));
}

int admin_ask_or_complain(const struct admin_call *c)
{
	int rc = admin_ask(c);

	if (rc < 0)
		admin_complain(rc);
	return rc;
}

int admin_connect(void)
{
	int fd = connect_admin();

	if (fd < 0)
		admin_complain(fd);
	return fd;
}

int admin_ask_on(int fd, const struct admin_call *c)
{
	struct msg_in *m = malloc(sizeof(*m));
	int rc = m ? ask(fd, m, c) : -ENOMEM;

	free(m);
	return rc;
}

#define ROWS_MAX 65536

int admin_ask_all(uint16_t verb, size_t row_len, void **rows)
{
	struct msg_from from = { 0 };
	char *all = NULL;

	*rows = NULL;
	for (;;) {
		struct admin_call call = { .verb = verb,
					   .body = &from,
					   .body_len = sizeof(from),
					   .reply_max = MSG_SIZE_MAX,
					   .row_len = row_len };
		char *more = realloc(all, from.from * row_len + MSG_SIZE_MAX);
		int n;

		if (!more) {
			free(all);
			complain("no memory");
			return -ENOMEM;
		}
		all = more;
		call.reply = all + from.from * row_len;
		n = admin_ask_or_complain(&call);
		if (n < 0) {
			free(all);
			return n;
		}
		from.from += (uint32_t)((size_t)n / row_len);
		if (n == 0 || from.from > ROWS_MAX)
			break;
	}
	*rows = all;
	return (int)from.from;
}
