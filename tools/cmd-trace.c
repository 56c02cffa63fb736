/* SPDX-License-Identifier: MIT */
/*
 * trace: what happens to requests, as it happens.  The daemon gives a lease
 * that ends with this connection, so a trace that is killed is over.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/mech-table.h"
#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/operands.h"
#include "tools/output.h"

#define LOOK_MS 20 /* between two looks, if there is nothing */
#define SECONDS 60

static const char *const kinds[MSG_EVENT_LAST] = {
	[MSG_EVENT_LOST] = "lost",
	[MSG_EVENT_ACCEPTED] = "accepted",
	[MSG_EVENT_QUEUED] = "queued",
	[MSG_EVENT_STARTED] = "started",
	[MSG_EVENT_FAILED_OVER] = "failed-over",
	[MSG_EVENT_DONE] = "done",
	[MSG_EVENT_REJECTED] = "rejected",
	[MSG_EVENT_CANCELLED] = "cancelled",
	[MSG_EVENT_TIMED_OUT] = "timed-out",
	[MSG_EVENT_WRONG] = "wrong",
};

struct trace {
	int fd;
	bool json;
	uint64_t left; /* events to be printed */
	uint64_t lost;
};

static const char *kind_of(const struct msg_event *e)
{
	return e->kind < MSG_EVENT_LAST ? kinds[e->kind] : "unknown";
}

/* What a consumer wrote there may be anything. */
static const char *op_of(const struct msg_event *e, char *room, size_t size)
{
	const char *name = mech_op_name(e->op);

	if (name)
		return name;
	snprintf(room, size, "op-%u", e->op);
	return room;
}

static const char *mech_of(uint32_t id, char *room, size_t size)
{
	const struct mech_row *row = mech_row_by_id(id);

	if (row || !id)
		return row ? row->name : "-";
	snprintf(room, size, "0x%08" PRIx32, id);
	return room;
}

static bool is_end(const struct msg_event *e)
{
	return e->kind >= MSG_EVENT_DONE;
}

static const char *result_of(const struct msg_event *e, char *room, size_t size)
{
	const char *name = NULL;

	if (!is_end(e))
		return "-";
	if (e->res < 0 && e->res > -4096)
		name = strerrorname_np((int)-e->res);
	if (name)
		return name;
	snprintf(room, size, "%" PRId64, e->res);
	return room;
}

/* On which thread, or, of a dual operation, that it was one job. */
static const char *how_of(const struct msg_event *e)
{
	if (e->native)
		return "native";
	return e->at_once ? "at-once" : "-";
}

/* What its consumer asked for. */
static const char *asked_of(const struct msg_event *e)
{
	if (e->sync)
		return "sync";
	return e->queue ? "queue" : "async";
}

static void print_heading(void)
{
	printf("%12s %-11s %8s %4s %8s %-5s %-12s %-17s %10s %-12s %10s %10s "
	       "%-7s %s\n", "TIME_S", "EVENT", "CONSUMER", "RING", "REQUEST",
	       "ASKED", "OP", "MECHANISM", "BYTES", "PROVIDER", "QUEUE_NS", "SERVICE_NS",
	       "HOW", "RESULT");
}

static void print_line(const struct msg_event *e)
{
	char op[16], mech[16], result[24];

	if (e->kind == MSG_EVENT_LOST) {
		printf("%12s %-11s %" PRIu64 " events\n", "-", kind_of(e),
		       e->bytes);
		return;
	}
	printf("%5" PRIu64 ".%06" PRIu64 " %-11s %8" PRIu32 " %4u %8" PRIu64
	       " %-5s %-12s %-17s %10" PRIu64 " %-12.*s ",
	       e->time_ns / 1000000000u, e->time_ns % 1000000000u / 1000,
	       kind_of(e), e->consumer, e->ring, e->seq, asked_of(e), op_of(e, op, sizeof(op)),
	       mech_of(e->mech, mech, sizeof(mech)), e->bytes,
	       (int)sizeof(e->provider) - 1, *e->provider ? e->provider : "-");
	if (is_end(e))
		printf("%10" PRIu32 " %10" PRIu32, e->queue_ns, e->service_ns);
	else
		printf("%10s %10s", "-", "-");
	printf(" %-7s %s\n", how_of(e), result_of(e, result, sizeof(result)));
}

/* No text here holds what JSON would escape: names of the daemon's. */
static void print_json(const struct msg_event *e)
{
	char op[16], mech[16], result[24];

	if (e->kind == MSG_EVENT_LOST) {
		printf("{\"event\":\"lost\",\"events\":%" PRIu64 "}\n",
		       e->bytes);
		return;
	}
	printf("{\"time_ns\":%" PRIu64 ",\"event\":\"%s\",\"consumer\":%" PRIu32
	       ",\"ring\":%u,\"request\":%" PRIu64
	       ",\"asked\":\"%s\",\"op\":\"%s\"",
	       e->time_ns, kind_of(e), e->consumer, e->ring, e->seq,
	       asked_of(e), op_of(e, op, sizeof(op)));
	if (e->mech)
		printf(",\"mechanism\":\"%s\"",
		       mech_of(e->mech, mech, sizeof(mech)));
	else
		printf(",\"mechanism\":null");
	if (e->mac)
		printf(",\"mac\":\"%s\"", mech_of(e->mac, mech, sizeof(mech)));
	printf(",\"bytes\":%" PRIu64, e->bytes);
	if (*e->provider)
		printf(",\"provider\":\"%.*s\"", (int)sizeof(e->provider) - 1,
		       e->provider);
	else
		printf(",\"provider\":null");
	if (is_end(e))
		printf(",\"queue_ns\":%" PRIu32 ",\"service_ns\":%" PRIu32
		       ",\"at_once\":%s,\"result\":\"%s\"", e->queue_ns,
		       e->service_ns, e->at_once ? "true" : "false",
		       result_of(e, result, sizeof(result)));
	if (is_end(e) && e->mac)
		printf(",\"native\":%s", e->native ? "true" : "false");
	printf("}\n");
}

static void print(struct trace *t, const struct msg_event *e)
{
	if (e->kind == MSG_EVENT_LOST)
		t->lost += e->bytes;
	else
		t->left--;
	if (t->json)
		print_json(e);
	else
		print_line(e);
}

/* Until the lease ends, or enough was seen. */
static enum status follow(struct trace *t)
{
	static struct msg_event rows[MSG_SIZE_MAX / sizeof(struct msg_event)];
	const struct admin_call call = {
		.verb = MSG_ADMIN_EVENTS,
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};

	while (t->left) {
		int n = admin_ask_on(t->fd, &call);

		if (n == -ENODATA)
			break;
		if (n < 0) {
			admin_complain(n);
			return STATUS_FAILED;
		}
		for (size_t i = 0; i < (size_t)n / sizeof(rows[0]) && t->left;
		     i++)
			print(t, &rows[i]);
		if (n && output_flush() < 0)
			return STATUS_FAILED;
		if (n == 0)
			poll(NULL, 0, LOOK_MS);
	}
	if (t->lost)
		complain("%" PRIu64 " events were lost: they came faster than "
			 "they were read; filter by --consumer, provider=NAME "
			 "or mechanism=NAME", t->lost);
	return STATUS_DONE;
}

static int put(char *to, size_t size, const char *text)
{
	if (!text || snprintf(to, size, "%s", text) < (int)size)
		return 0;
	complain("%s: no such name: it is too long", text);
	return -1;
}

static enum status begin(struct trace *t, const struct msg_trace *want)
{
	struct msg_changed r;
	const struct admin_call call = {
		.verb = MSG_ADMIN_TRACE,
		.body = want, .body_len = sizeof(*want),
		.reply = &r, .reply_max = sizeof(r),
	};
	int err = admin_ask_on(t->fd, &call);

	if (err < 0) {
		admin_complain(err);
		return STATUS_FAILED;
	}
	r.text[sizeof(r.text) - 1] = '\0';
	if (r.err) {
		complain("%s", r.text);
		return STATUS_FAILED;
	}
	if (!t->json)
		print_heading();
	return output_flush() < 0 ? STATUS_FAILED : STATUS_DONE;
}

static enum status trace(struct invocation *in)
{
	struct trace t = { .json = in->value['J'], .left = UINT64_MAX };
	struct msg_trace want = { 0 };
	uint64_t seconds = SECONDS, consumer = 0;
	enum status status;
	struct operands o;

	if (operands_parse(&o, in) < 0 ||
	    operands_number("--seconds", in->value['S'], 1, MSG_TRACE_SECONDS_MAX,
			&seconds) ||
	    operands_number("--consumer", in->value['C'], 1, UINT32_MAX, &consumer) ||
	    operands_number("-n", in->value['n'], 1, UINT64_MAX - 1, &t.left))
		return STATUS_USAGE;
	if (o.word || (o.mechanisms && strchr(o.mechanisms, ','))) {
		complain("%s: one provider=NAME and one mechanism=NAME",
			 o.word ? o.word : o.mechanisms);
		return STATUS_USAGE;
	}
	want.seconds = (uint32_t)seconds;
	want.consumer = (uint32_t)consumer;
	if (put(want.provider, sizeof(want.provider), o.provider) ||
	    put(want.mech, sizeof(want.mech), o.mechanisms))
		return STATUS_FAILED;
	t.fd = admin_connect();
	if (t.fd < 0)
		return STATUS_FAILED;
	status = begin(&t, &want);
	if (status == STATUS_DONE)
		status = follow(&t);
	close(t.fd);
	return status;
}

static const struct option_row options[] = {
	{ 'S', false, "seconds", "N", "for so long (60), at most 3600" },
	{ 'n', false, "count", "N", "until so many events were printed" },
	{ 'C', false, "consumer", "ID", "of this one: see consumer list" },
	{ 'J', false, "json", NULL, "an object a line" },
	{ 0 },
};

const struct command trace_commands[] = {
	{ NULL, "trace",
	  "[--seconds=N] [-n N] [--consumer=ID] [--json] [provider=NAME] "
	  "[mechanism=NAME]",
	  "what happens to requests, as it happens", options, 0, 2, trace },
	{ 0 },
};
