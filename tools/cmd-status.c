/* SPDX-License-Identifier: MIT */
/*
 * status: what the admin socket tells root; for others what the socket of
 * consumers and the page show.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/table.h"

static void add_time(struct table *t, uint64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	table_cell(t, "%s", text);
}

static void add_failed(struct table *t)
{
	static struct msg_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	const struct admin_call call = {
		.verb = MSG_ADMIN_PROVIDERS,
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};
	int n = admin_ask(&call);

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(rows[0]); i++) {
		rows[i].name[sizeof(rows[i].name) - 1] = '\0';
		if (rows[i].state == UKCF_PROVIDER_FAILED)
			table_item(t, rows[i].name);
	}
	table_end_list(t);
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
		{ "FAILED_PROVIDERS", COLUMN_LIST },
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
	add_failed(t);
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
	const struct admin_call call = {
		.verb = MSG_ADMIN_STATUS,
		.reply = &s, .reply_max = sizeof(s),
	};
	int err = admin_ask(&call);

	if (err < 0)
		return show_public(in->value['J'], err);
	s.version[sizeof(s.version) - 1] = '\0';
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
