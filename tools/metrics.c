/* SPDX-License-Identifier: MIT */
/*
 * A family of metrics is a row of a table: what it is called, what it means and
 * where its value lies in what the daemon told.
 */
#include "tools/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/tallies.h"

enum unit { ONE, ONE_32, NANOSECONDS };

struct metric {
	const char *name; /* counters end in _total */
	const char *help;
	size_t at; /* offset of the value */
	enum unit unit;
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define OF_STATUS(member) offsetof(struct msg_status, member)
static const struct metric of_status[] = {
	{ "start_time_seconds", "When the daemon was started, in seconds since "
	  "the epoch.", OF_STATUS(started_s), ONE },
	{ "restarts_total", "Times that a daemon took over what the one before "
	  "it held.", OF_STATUS(restarts), ONE_32 },
	{ "consumers", "Connected consumers.", OF_STATUS(consumers), ONE_32 },
	{ "consumers_closing", "Consumers that ended, while requests of theirs "
	  "run.", OF_STATUS(closing), ONE_32 },
	{ "rings", "Rings, also those of such consumers.", OF_STATUS(rings), ONE_32 },
	{ "buffers", "Registered buffers, likewise.", OF_STATUS(buffers), ONE_32 },
	{ "buffer_bytes", "Bytes of registered buffers.",
	  OF_STATUS(buffer_bytes), ONE },
	{ "keys", "Keys that the daemon holds.", OF_STATUS(keys), ONE_32 },
	{ "service_threads", "Service threads.", OF_STATUS(service_threads),
	  ONE_32 },
	{ "workers", "Workers of the software queue.", OF_STATUS(workers),
	  ONE_32 },
	{ "requests_accepted_total", "Requests taken from rings.",
	  OF_STATUS(total.accepted), ONE },
	{ "requests_completed_total", "Results posted.",
	  OF_STATUS(total.completed), ONE },
	{ "requests_inline_total", "Requests that ran at once.",
	  OF_STATUS(total.inlined), ONE },
	{ "requests_queued_total", "Requests that ran from a queue.",
	  OF_STATUS(total.queued), ONE },
	{ "requests_refused_total", "Requests that failed a check.",
	  OF_STATUS(total.refused), ONE },
	{ "doorbells_total", "Wake-ups of the daemon by consumers.",
	  OF_STATUS(total.doorbells), ONE },
	{ "wake_ups_total", "Wake-ups of consumers by the daemon.",
	  OF_STATUS(total.wakes), ONE },
};

#define OF_QUEUE(member) offsetof(struct msg_queue, member)
static const struct metric of_queue[] = {
	{ "queue_slots", "Places in a queue.", OF_QUEUE(slots), ONE_32 },
	{ "queue_waiting", "Requests that wait in a queue.", OF_QUEUE(waiting),
	  ONE_32 },
	{ "queue_in_flight", "Requests that a device has.",
	  OF_QUEUE(in_flight), ONE_32 },
	{ "queue_predicted_wait_seconds", "Predicted wait of a request that "
	  "comes now.", OF_QUEUE(wait_ns), NANOSECONDS },
	{ "queue_taken_total", "Requests taken from a queue.", OF_QUEUE(taken),
	  ONE },
	{ "queue_rejected_total", "Requests rejected because a queue was full.",
	  OF_QUEUE(rejected), ONE },
	{ "queue_cancelled_total", "Requests cancelled while they waited.",
	  OF_QUEUE(cancelled), ONE },
	{ "queue_timed_out_total", "Requests that timed out while they waited.",
	  OF_QUEUE(timed_out), ONE },
	{ "queue_lost_total", "Requests lost by a device.", OF_QUEUE(lost),
	  ONE },
	{ "queue_wait_seconds_total", "Time that the requests taken waited.",
	  OF_QUEUE(waited_ns), NANOSECONDS },
	{ "queue_service_seconds_total", "Time that the requests taken were "
	  "served.", OF_QUEUE(served_ns), NANOSECONDS },
};

#define OF_SUM(member) offsetof(struct tally_row, sum.member)
static const struct metric of_sum[] = {
	{ "requests_done_total", "Requests that ran.", OF_SUM(done), ONE },
	{ "requests_failed_total", "Requests that failed while they ran, or "
	  "were given up.", OF_SUM(failed), ONE },
	{ "bytes_total", "Bytes of input.", OF_SUM(bytes), ONE },
	{ "wait_seconds_total", "Time before service.", OF_SUM(queue_ns),
	  NANOSECONDS },
	{ "service_seconds_total", "Time in service.", OF_SUM(service_ns),
	  NANOSECONDS },
};

/* A table of rows that have a name, which becomes the label. */
struct rows {
	const char *prefix;
	const char *label; /* NULL: one row, without a label */
	const void *all;
	size_t n, size, name_at;
};

static void put_label(FILE *to, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", to);
			continue;
		}
		if (*value == '\\' || *value == '"')
			fputc('\\', to);
		fputc(*value, to);
	}
}

static void put_value(FILE *to, const struct metric *m, const char *row)
{
	uint64_t n;
	uint32_t n32;

	if (m->unit == ONE_32) {
		memcpy(&n32, row + m->at, sizeof(n32));
		n = n32;
	} else {
		memcpy(&n, row + m->at, sizeof(n));
	}
	if (m->unit == NANOSECONDS)
		fprintf(to, " %" PRIu64 ".%09" PRIu64 "\n", n / 1000000000,
			n % 1000000000);
	else
		fprintf(to, " %" PRIu64 "\n", n);
}

static bool is_counter(const char *name)
{
	const size_t len = strlen(name), end = strlen("_total");

	return len > end && strcmp(name + len - end, "_total") == 0;
}

static void put_family(FILE *to, const struct metric *m, const struct rows *r)
{
	fprintf(to, "# HELP ukcf_%s%s %s\n# TYPE ukcf_%s%s %s\n", r->prefix,
		m->name, m->help, r->prefix, m->name,
		is_counter(m->name) ? "counter" : "gauge");
	for (size_t i = 0; i < r->n; i++) {
		const char *row = (const char *)r->all + i * r->size;

		fprintf(to, "ukcf_%s%s", r->prefix, m->name);
		if (r->label) {
			fprintf(to, "{%s=\"", r->label);
			put_label(to, row + r->name_at);
			fputs("\"}", to);
		}
		put_value(to, m, row);
	}
}

static void put_families(FILE *to, const struct metric *m, size_t n,
			 const struct rows *r)
{
	for (size_t i = 0; i < n; i++)
		put_family(to, &m[i], r);
}

static int put_status(FILE *to)
{
	struct msg_status s;
	const struct admin_call call = {
		.verb = MSG_ADMIN_STATUS,
		.reply = &s, .reply_max = sizeof(s),
	};

	if (admin_ask_or_complain(&call) < 0)
		return -1;
	put_families(to, of_status, N_OF(of_status), &(struct rows){
		.prefix = "", .all = &s, .n = 1, .size = sizeof(s) });
	return 0;
}

static int put_queues(FILE *to)
{
	struct msg_queue *rows;
	int n = tallies_queues(&rows);

	if (n < 0)
		return -1;
	put_families(to, of_queue, N_OF(of_queue), &(struct rows){
		.prefix = "", .label = "queue", .all = rows, .n = (size_t)n,
		.size = sizeof(*rows), .name_at = OF_QUEUE(name) });
	free(rows);
	return 0;
}

static int put_sums(FILE *to, enum tally_by by, const char *prefix,
		    const char *label)
{
	struct tally_row *rows;
	int n = tallies_sums(by, &rows);

	if (n < 0)
		return -1;
	put_families(to, of_sum, N_OF(of_sum), &(struct rows){
		.prefix = prefix, .label = label, .all = rows, .n = (size_t)n,
		.size = sizeof(*rows),
		.name_at = offsetof(struct tally_row, name) });
	free(rows);
	return 0;
}

char *metrics_text(size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);
	int err;

	if (!to) {
		complain("no memory");
		return NULL;
	}
	err = put_status(to) || put_queues(to) ||
	      put_sums(to, TALLY_BY_PROVIDER, "provider_", "provider") ||
	      put_sums(to, TALLY_BY_MECH, "mechanism_", "mechanism");
	if (fclose(to) != 0 && !err) {
		complain("no memory");
		err = -1;
	}
	if (!err)
		return text;
	free(text);
	return NULL;
}
