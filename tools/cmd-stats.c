/* SPDX-License-Identifier: MIT */
/* stats: what was counted, of queues, providers and mechanisms. */
#include "tools/cryptoctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/table.h"

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
	static struct msg_queue rows[2 + UKCF_PAGE_PROVIDERS_MAX];
	const struct admin_call call = {
		.verb = MSG_ADMIN_QUEUES,
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};
	int n = admin_ask_or_complain(&call);
	struct table *t;

	if (n < 0)
		return -1;
	t = table_new("queues", columns, N_OF(columns), json);
	for (size_t i = 0; t && i < (size_t)n / sizeof(rows[0]); i++) {
		const struct msg_queue *q = &rows[i];
		const uint64_t numbers[] = {
			q->id,	      q->servers,   q->slots,
			q->waiting,   q->in_flight, q->wait_ns,
			q->taken,     q->rejected,  q->cancelled,
			q->timed_out, q->lost,	    q->waited_ns,
			q->served_ns,
		};

		table_cell(t, "%.*s", (int)sizeof(q->name) - 1, q->name);
		for (size_t k = 0; k < N_OF(numbers); k++)
			table_cell(t, "%" PRIu64, numbers[k]);
	}
	return t ? table_print(t) : -1;
}

static const char *provider_of(const struct msg_offer *o)
{
	return o->provider;
}

static const char *mech_of(const struct msg_offer *o)
{
	return o->mech;
}

static void add(struct msg_tally *sum, const struct msg_tally *t)
{
	sum->done += t->done;
	sum->failed += t->failed;
	sum->bytes += t->bytes;
	sum->queue_ns += t->queue_ns;
	sum->service_ns += t->service_ns;
}

/* Take all rows with the name of the first one out.  Return: their sum. */
static struct msg_tally sum_of(struct msg_offer *rows, int n,
			       const char *(*name_of)(const struct msg_offer *))
{
	const char *name = name_of(&rows[0]);
	struct msg_tally sum = { 0 };

	for (int i = 0; i < n; i++) {
		if (!rows[i].id || strcmp(name_of(&rows[i]), name) != 0)
			continue;
		add(&sum, &rows[i].tally);
		if (i > 0)
			rows[i].id = 0; /* it is counted */
	}
	return sum;
}

/* How the answers of providers were checked; NULL: of nobody. */
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

static void add_checks(struct table *t, const struct checks *c, uint16_t id)
{
	static const struct msg_provider none;
	const struct msg_provider *p = &none;

	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].id == id)
			p = &c->rows[i];
	table_cell(t, "%" PRIu64, p->checked);
	table_cell(t, "%" PRIu64, p->wrong);
	table_cell(t, "%" PRIu64, p->unchecked);
}

#define OWN_COLUMNS 3 /* of providers alone, the last ones */

static int show_offers(bool json, const char *table, const char *heading,
		       const char *(*name_of)(const struct msg_offer *),
		       const struct checks *checks)
{
	const struct table_column columns[] = {
		{ heading, COLUMN_TEXT },     { "DONE", COLUMN_NUMBER },
		{ "FAILED", COLUMN_NUMBER },  { "BYTES", COLUMN_NUMBER },
		{ "QUEUE_NS", COLUMN_NUMBER }, { "SERVICE_NS", COLUMN_NUMBER },
		{ "CHECKED", COLUMN_NUMBER }, { "WRONG", COLUMN_NUMBER },
		{ "UNCHECKED", COLUMN_NUMBER },
	};
	void *all;
	int n = admin_ask_all(MSG_ADMIN_OFFERS, sizeof(struct msg_offer), &all);
	struct msg_offer *rows = all;
	struct table *t;

	if (n < 0)
		return -1;
	t = table_new(table, columns,
		      N_OF(columns) - (checks ? 0 : OWN_COLUMNS), json);
	for (int i = 0; t && i < n; i++) {
		struct msg_tally s;
		uint16_t id;

		rows[i].provider[sizeof(rows[i].provider) - 1] = '\0';
		rows[i].mech[sizeof(rows[i].mech) - 1] = '\0';
		if (!rows[i].id) /* counted, or only a rule */
			continue;
		id = rows[i].id;
		s = sum_of(&rows[i], n - i, name_of);
		table_cell(t, "%s", name_of(&rows[i]));
		table_cell(t, "%" PRIu64, s.done);
		table_cell(t, "%" PRIu64, s.failed);
		table_cell(t, "%" PRIu64, s.bytes);
		table_cell(t, "%" PRIu64, s.queue_ns);
		table_cell(t, "%" PRIu64, s.service_ns);
		if (checks)
			add_checks(t, checks, id);
	}
	free(all);
	return t ? table_print(t) : -1;
}

static int show_providers(bool json)
{
	const struct checks *c = read_checks();

	return c ? show_offers(json, "providers", "PROVIDER", provider_of, c) :
		   -1;
}

static enum status stats(struct invocation *in)
{
	bool json = in->value['J'];
	int err;

	if (in->value['p'] && in->value['m']) {
		complain("one of -p and -m");
		complain("'cryptoctl stats --help' shows how it is used");
		return STATUS_USAGE;
	}
	if (in->value['p'])
		err = show_providers(json);
	else if (in->value['m'])
		err = show_offers(json, "mechanisms", "MECHANISM", mech_of,
				  NULL);
	else
		err = show_queues(json);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static const struct option_row options[] = {
	{ 'p', false, "providers", NULL, "what each provider did" },
	{ 'm', false, "mechanisms", NULL, "what was done of each mechanism" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command stats_commands[] = {
	{ NULL, "stats", "[-p | -m] [--json]",
	  "the queues, the providers or the mechanisms", options, 0, 0, stats },
	{ 0 },
};
