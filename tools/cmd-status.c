/* SPDX-License-Identifier: MIT */
/*
 * status: what the admin socket tells root; for others what the socket of
 * consumers and the page show.  Then what is wrong, as a consumer sees it; the
 * first thing of that is the exit status.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/table.h"

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
		{ "CLOSING", COLUMN_NUMBER },
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
		s->consumers,	    s->closing,	       s->rings,
		s->buffers,	    s->buffer_bytes,   s->keys,
		s->service_threads, s->workers,	       s->queue_bulk,
		s->queue_slow,	    s->total.accepted, s->total.completed,
		s->total.inlined,   s->total.queued,   s->total.refused,
		s->total.doorbells, s->total.wakes,
	};
	struct table *t = table_new("status", columns,
				    sizeof(columns) / sizeof(columns[0]), json);

	if (!t)
		return -1;
	table_cell(t, "running");
	table_cell(t, "%s", s->version);
	table_cell(t, "%" PRIu32, s->pid);
	table_time(t, s->started_s);
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
static int show_public(struct ukcf *u, bool json, int why)
{
	static const struct table_column columns[] = {
		{ "STATE", COLUMN_TEXT },
		{ "BOOT", COLUMN_TEXT },
		{ "READY_PROVIDERS", COLUMN_NUMBER },
		{ "MECHANISMS", COLUMN_NUMBER },
	};
	struct table *t = table_new("status", columns,
				    sizeof(columns) / sizeof(columns[0]), json);
	int err = -1;

	if (t) {
		table_cell(t, "running");
		table_cell(t, "0x%016" PRIx64, ukcf_boot_gen(u));
		table_cell(t, "%d", ready_providers(u));
		table_cell(t, "%d", ukcf_mech_list(u, NULL, 0));
		err = table_print_record(t);
	}
	complain("%s: %s; root and the daemon's own user see more there",
		 admin_path(), strerror(-why));
	return err;
}

/* ----------------------------------------------------------------- problems */

static enum status check_providers(struct ukcf *u)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX + 1];
	int n = ukcf_provider_list(u, rows, sizeof(rows) / sizeof(rows[0]));
	enum status found = STATUS_DONE;
	int ready = 0;

	for (int i = 0; i < n; i++) {
		ready += rows[i].state == UKCF_PROVIDER_READY ||
			 rows[i].state == UKCF_PROVIDER_BUSY;
		if (rows[i].state != UKCF_PROVIDER_FAILED)
			continue;
		complain("provider %s failed: a known answer was wrong, or its "
			 "device is lost; the log of ukcfd says which, and "
			 "'cryptoctl test provider=%s' tries it again",
			 rows[i].name, rows[i].name);
		found = STATUS_PROVIDER;
	}
	if (n >= 0 && !ready) {
		complain("no provider is ready: nothing can be done; the log "
			 "of ukcfd says why, 'cryptoctl load provider=NAME' "
			 "loads one");
		found = STATUS_PROVIDER;
	}
	return found;
}

/* Why calls do not run in the caller; NULL: that is as it should be. */
static const char *module_problem(unsigned int reason)
{
	switch (reason) {
	case UKCF_REASON_UNTRUSTED:
		return "the socket is neither root's nor this user's, so its "
		       "modules are refused; calls go over a ring, which is "
		       "slower. Is UKCF_SOCKET right?";
	case UKCF_REASON_LOAD:
		return "a module cannot be loaded here; calls go over a ring, "
		       "which is slower. Is the provider's library (libsodium, "
		       "libcrypto) installed here, and may memory files be "
		       "executed?";
	default:
		return NULL;
	}
}

/* Ask for something that runs in the caller wherever anything does. */
static enum status check_module(struct ukcf *u)
{
	uint8_t sum[64];
	int64_t n = ukcf_digest(u, UKCF_MECH_SHA2_256, NULL, 0, sum,
				sizeof(sum));
	const char *problem = n < 0 ? NULL :
				      module_problem(ukcf_last_call()->reason);

	if (!problem)
		return STATUS_DONE;
	complain("%s", problem);
	return STATUS_MODULE;
}

/* Mechanisms that nobody may use, though there are providers for them. */
static enum status check_disabled(struct ukcf *u)
{
	struct ukcf_page_mech *rows = calloc(UKCF_PAGE_MECHS_MAX,
					     sizeof(*rows));
	int n = rows ? ukcf_mech_list(u, rows, UKCF_PAGE_MECHS_MAX) : 0;
	const char *first = NULL;
	unsigned int disabled = 0;

	for (int i = 0; i < n && i < UKCF_PAGE_MECHS_MAX; i++) {
		if (rows[i].flags & UKCF_PAGE_MECH_ENABLED ||
		    !rows[i].providers)
			continue;
		if (!disabled++)
			first = rows[i].name;
	}
	if (disabled)
		complain("%u mechanism%s disabled, by the administrator or a "
			 "policy file: %s%s; 'cryptoctl list -p' shows by whom,"
			 " 'cryptoctl enable mechanism=%s' allows it again",
			 disabled, disabled == 1 ? " is" : "s are", first,
			 disabled == 1 ? "" : " and others", first);
	free(rows);
	return disabled ? STATUS_POLICY : STATUS_DONE;
}

static enum status look_for_problems(struct ukcf *u)
{
	enum status (*const checks[])(struct ukcf *) = {
		check_providers, check_module, check_disabled,
	};
	enum status first = STATUS_DONE;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum status found = checks[i](u);

		if (first == STATUS_DONE)
			first = found;
	}
	return first;
}

static enum status unreachable(int err)
{
	connect_explain(err);
	switch (-err) {
	case EACCES:
		return STATUS_DENIED;
	case ENOENT:
	case ENOTSOCK:
	case ENOTDIR:
	case ECONNREFUSED:
		return STATUS_DOWN;
	default:
		return STATUS_FAILED;
	}
}

static enum status status(struct invocation *in)
{
	struct msg_status s;
	const struct admin_call call = {
		.verb = MSG_ADMIN_STATUS,
		.reply = &s, .reply_max = sizeof(s),
	};
	bool json = in->value['J'];
	int asked = admin_ask(&call), err;
	enum status found;
	struct ukcf *u;

	err = ukcf_connect(&u, NULL, 0);
	if (err && asked < 0)
		return unreachable(err);
	if (asked >= 0) {
		s.version[sizeof(s.version) - 1] = '\0';
		asked = show_all(&s, json);
	} else {
		asked = show_public(u, json, asked);
	}
	/* it runs; that this user is no consumer is a problem of its own */
	found = err ? unreachable(err) : look_for_problems(u);
	if (!err)
		ukcf_disconnect(u);
	return asked < 0 ? STATUS_FAILED : found;
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
