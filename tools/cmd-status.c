/* SPDX-License-Identifier: MIT */
/*
 * status: what the admin socket tells root; for others what the socket of
 * consumers and the page show.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/table.h"

#define ANSWER_NS UINT64_C(5000000000)

static const char *admin_path(void)
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
static int await_answer(int fd, struct msg_in *m)
{
	uint64_t end = clock_ns() + ANSWER_NS;
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

static int ask(int fd, struct msg_in *m, struct msg_status *s)
{
	const struct msg_head h = { .magic = MSG_MAGIC,
				    .version = UKCF_ABI_VERSION,
				    .verb = MSG_ADMIN_STATUS,
				    .seq = 1 };
	const void *body;
	int err = msg_send(fd, &h, NULL, NULL, 0);

	if (!err)
		err = await_answer(fd, m);
	if (err)
		return err;
	if (m->h.err)
		return m->h.err < 0 ? m->h.err : -EPROTO;
	body = msg_body(m, sizeof(*s));
	if (m->h.verb != MSG_ADMIN_STATUS || m->h.seq != h.seq || !body)
		return -EPROTO;
	memcpy(s, body, sizeof(*s));
	s->version[sizeof(s->version) - 1] = '\0';
	return 0;
}

static int ask_admin(struct msg_status *s)
{
	struct msg_in *m = malloc(sizeof(*m));
	int fd, err;

	if (!m)
		return -ENOMEM;
	fd = connect_admin();
	err = fd < 0 ? fd : ask(fd, m, s);
	if (fd >= 0)
		close(fd);
	free(m);
	return err;
}

static void add_time(struct table *t, uint64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	table_cell(t, "%s", text);
}

static int show_all(const struct msg_status *s, bool json)
{
	static const struct table_column columns[] = {
		{ "STATE", COLUMN_TEXT },
		{ "VERSION", COLUMN_TEXT },
		{ "PID", COLUMN_NUMBER },
		{ "STARTED", COLUMN_TEXT },
		{ "RESTARTS", COLUMN_NUMBER },
		{ "CONSUMERS", COLUMN_NUMBER },
		{ "RINGS", COLUMN_NUMBER },
		{ "BUFFERS", COLUMN_NUMBER },
		{ "BUFFER_BYTES", COLUMN_NUMBER },
		{ "KEYS", COLUMN_NUMBER },
		{ "SERVICE_THREADS", COLUMN_NUMBER },
		{ "WORKERS", COLUMN_NUMBER },
		{ "WAITING_BULK", COLUMN_NUMBER },
		{ "WAITING_SLOW", COLUMN_NUMBER },
		{ "ACCEPTED", COLUMN_NUMBER },
		{ "COMPLETED", COLUMN_NUMBER },
		{ "RAN_INLINE", COLUMN_NUMBER },
		{ "RAN_QUEUED", COLUMN_NUMBER },
		{ "REFUSED", COLUMN_NUMBER },
		{ "DOORBELLS", COLUMN_NUMBER },
		{ "WAKE_UPS", COLUMN_NUMBER },
	};
	const uint64_t numbers[] = {
		s->consumers,	    s->rings,	       s->buffers,
		s->buffer_bytes,    s->keys,	       s->service_threads,
		s->workers,	    s->queue_bulk,     s->queue_slow,
		s->total.accepted,  s->total.completed, s->total.inlined,
		s->total.queued,    s->total.refused,  s->total.doorbells,
		s->total.wakes,
	};
	struct table *t = table_new("status", columns,
				    sizeof(columns) / sizeof(columns[0]), json);

	if (!t)
		return -1;
	table_cell(t, "running");
	table_cell(t, "%s", s->version);
	table_cell(t, "%" PRIu32, s->pid);
	add_time(t, s->started_s);
	table_cell(t, "%" PRIu32, s->restarts);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		table_cell(t, "%" PRIu64, numbers[i]);
	return table_print_record(t);
}

static int ready_providers(struct ukcf *u)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX + 1];
	int n = ukcf_provider_list(u, rows, sizeof(rows) / sizeof(rows[0]));
	int ready = 0;

	for (int i = 0; i < n; i++)
		ready += rows[i].state == UKCF_PROVIDER_READY;
	return n < 0 ? n : ready;
}

/* What anybody may see; why is what the admin socket said. */
static enum status show_public(bool json, int why)
{
	static const struct table_column columns[] = {
		{ "STATE", COLUMN_TEXT },
		{ "BOOT", COLUMN_TEXT },
		{ "READY_PROVIDERS", COLUMN_NUMBER },
		{ "MECHANISMS", COLUMN_NUMBER },
	};
	struct ukcf *u = connect_daemon();
	struct table *t;
	int err = -1;

	if (!u)
		return STATUS_FAILED;
	t = table_new("status", columns, sizeof(columns) / sizeof(columns[0]),
		      json);
	if (t) {
		table_cell(t, "running");
		table_cell(t, "0x%016" PRIx64, ukcf_boot_gen(u));
		table_cell(t, "%d", ready_providers(u));
		table_cell(t, "%d", ukcf_mech_list(u, NULL, 0));
		err = table_print_record(t);
	}
	ukcf_disconnect(u);
	complain("%s: %s; root and the daemon's own user see more there",
		 admin_path(), strerror(-why));
	return err ? STATUS_FAILED : STATUS_DONE;
}

static enum status status(struct invocation *in)
{
	struct msg_status s;
	int err = ask_admin(&s);

	if (err)
		return show_public(in->value['J'], err);
	return show_all(&s, in->value['J']) ? STATUS_FAILED : STATUS_DONE;
}

static const struct option_row options[] = {
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command status_commands[] = {
	{ NULL, "status", "[--json]",
	  "is the daemon there, and what does it do", options, 0, 0, status },
	{ 0 },
};
