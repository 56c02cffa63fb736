/* SPDX-License-Identifier: MIT */
/* stats: what was counted, of queues, providers and mechanisms. */
#include "tools/cryptoctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/metrics.h"
#include "tools/output.h"
#include "tools/table.h"
#include "tools/tallies.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static int show_queues(bool json)
{
	static const struct table_column columns[] = {
		{ "QUEUE", COLUMN_TEXT },	{ "ID", COLUMN_NUMBER },
		{ "SERVERS", COLUMN_NUMBER },	{ "SLOTS", COLUMN_NUMBER },
		{ "WAITING", COLUMN_NUMBER },	{ "IN_FLIGHT", COLUMN_NUMBER },
		{ "WAIT_NS", COLUMN_NUMBER },	{ "TAKEN", COLUMN_NUMBER },
		{ "REJECTED", COLUMN_NUMBER },	{ "CANCELLED", COLUMN_NUMBER },
		{ "TIMED_OUT", COLUMN_NUMBER }, { "LOST", COLUMN_NUMBER },
		{ "QUEUE_NS", COLUMN_NUMBER },	{ "SERVICE_NS", COLUMN_NUMBER },
	};
	struct msg_queue *rows;
	int n = tallies_queues(&rows);
	struct table *t;

	if (n < 0)
		return -1;
	t = table_new("queues", columns, N_OF(columns), json);
	for (int i = 0; t && i < n; i++) {
		const struct msg_queue *q = &rows[i];
		const uint64_t numbers[] = {
			q->id,	      q->servers,   q->slots,
			q->waiting,   q->in_flight, q->wait_ns,
			q->taken,     q->rejected,  q->cancelled,
			q->timed_out, q->lost,	    q->waited_ns,
			q->served_ns,
		};

		table_cell(t, "%s", q->name);
		for (size_t k = 0; k < N_OF(numbers); k++)
			table_cell(t, "%" PRIu64, numbers[k]);
	}
	free(rows);
	return t ? table_print(t) : -1;
}

/* What is counted of providers alone; NULL: of nobody. */
struct checks {
	struct msg_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	size_t n;
};

static struct checks *read_checks(void)
{
	static struct checks c;
	const struct admin_call call = {
		.verb = MSG_ADMIN_PROVIDERS,
		.reply = c.rows, .reply_max = sizeof(c.rows),
		.row_len = sizeof(c.rows[0]),
	};
	int n = admin_ask_or_complain(&call);

	c.n = n < 0 ? 0 : (size_t)n / sizeof(c.rows[0]);
	return n < 0 ? NULL : &c;
}

static void add_checks(struct table *t, const struct checks *c, uint32_t id)
{
	static const struct msg_provider none;
	const struct msg_provider *p = &none;

	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].id == id)
			p = &c->rows[i];
	table_cell(t, "%" PRIu64, p->checked);
	table_cell(t, "%" PRIu64, p->wrong);
	table_cell(t, "%" PRIu64, p->unchecked);
	table_cell(t, "%" PRIu64, p->shared);
}

#define OWN_COLUMNS 4 /* of providers alone, the last ones */

static int show_sums(bool json, const char *table, const char *heading,
		     enum tally_by by, const struct checks *checks)
{
	const struct table_column columns[] = {
		{ heading, COLUMN_TEXT },     { "DONE", COLUMN_NUMBER },
		{ "FAILED", COLUMN_NUMBER },  { "BYTES", COLUMN_NUMBER },
		{ "QUEUE_NS", COLUMN_NUMBER }, { "SERVICE_NS", COLUMN_NUMBER },
		{ "CHECKED", COLUMN_NUMBER }, { "WRONG", COLUMN_NUMBER },
		{ "UNCHECKED", COLUMN_NUMBER }, { "SHARED", COLUMN_NUMBER },
	};
	struct tally_row *rows;
	int n = tallies_sums(by, &rows);
	struct table *t;

	if (n < 0)
		return -1;
	t = table_new(table, columns,
		      N_OF(columns) - (checks ? 0 : OWN_COLUMNS), json);
	for (int i = 0; t && i < n; i++) {
		const struct msg_tally *s = &rows[i].sum;

		table_cell(t, "%s", rows[i].name);
		table_cell(t, "%" PRIu64, s->done);
		table_cell(t, "%" PRIu64, s->failed);
		table_cell(t, "%" PRIu64, s->bytes);
		table_cell(t, "%" PRIu64, s->queue_ns);
		table_cell(t, "%" PRIu64, s->service_ns);
		if (checks)
			add_checks(t, checks, rows[i].id);
	}
	free(rows);
	return t ? table_print(t) : -1;
}

static int show_providers(bool json)
{
	const struct checks *c = read_checks();

	return c ? show_sums(json, "providers", "PROVIDER", TALLY_BY_PROVIDER,
			     c) :
		   -1;
}

static int write_metrics(const struct invocation *in)
{
	const char *path = in->value['o'];
	size_t len;
	char *text = metrics_text(&len);
	int err;

	if (!text)
		return -1;
	err = outfile_is_stdout(path) ? output_stream(text, len) :
					output_write(path, text, len,
						     out_flags(in));
	free(text);
	return err;
}

/* One thing at a time. */
static int check(const struct invocation *in)
{
	if (!!in->value['p'] + !!in->value['m'] + !!in->value['P'] > 1)
		complain("one of -p and -m and --prometheus");
	else if (in->value['P'] && in->value['J'])
		complain("one of --prometheus and --json");
	else if (in->value['o'] && !in->value['P'])
		complain("-o: only with --prometheus");
	else if (in->value['f'] && !in->value['o'])
		complain("-f: only with -o");
	else
		return 0;
	complain("'cryptoctl stats --help' shows how it is used");
	return -1;
}

static enum status stats(struct invocation *in)
{
	bool json = in->value['J'];
	int err;

	if (check(in) < 0)
		return STATUS_USAGE;
	if (in->value['P'])
		err = write_metrics(in);
	else if (in->value['p'])
		err = show_providers(json);
	else if (in->value['m'])
		err = show_sums(json, "mechanisms", "MECHANISM",
				TALLY_BY_MECH, NULL);
	else
		err = show_queues(json);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static const struct option_row options[] = {
	{ 'p', false, "providers", NULL, "what each provider did" },
	{ 'm', false, "mechanisms", NULL, "what was done of each mechanism" },
	{ 'P', false, "prometheus", NULL, "all of it as metrics" },
	{ 'o', false, "output", "OUT", "--prometheus: write there" },
	{ 'f', false, "force", NULL, "replace a file that is there" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command stats_commands[] = {
	{ NULL, "stats", "[-p | -m | --prometheus [-o OUT [-f]]] [--json]",
	  "the queues, the providers or the mechanisms", options, 0, 0, stats },
	{ 0 },
};
