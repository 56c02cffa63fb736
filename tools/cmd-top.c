/* SPDX-License-Identifier: MIT */
/*
 * top: rates of queues, providers, mechanisms and consumers, from two looks at
 * what the daemon counts.  A counter that went back is of another process, or a
 * ring that is gone: its rate is 0 then.
 */
#include "tools/cryptoctl.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tools/complain.h"
#include "tools/operands.h"
#include "tools/output.h"
#include "tools/table.h"
#include "tools/tallies.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define INTERVAL_MAX 3600

/* A row of any of the tables: what is counted, and what is so now. */
struct sample {
	uint32_t id;
	uint32_t now;	   /* queue: requests waiting; else 0 */
	uint32_t extra;	   /* queue: in flight; consumer: weight */
	char name[32];
	uint64_t requests; /* taken from the queue; or that ran */
	uint64_t failed;
	uint64_t bytes;
	uint64_t queue_ns, service_ns;
};

enum kind { QUEUES, PROVIDERS, MECHANISMS, CONSUMERS, KINDS };

/* One look. */
struct look {
	uint64_t at_ns;
	struct sample *rows[KINDS];
	int n[KINDS];
};

static const struct {
	const char *table, *first; /* the array's name, the first column's */
	const char *now, *extra;   /* columns; NULL: there is none */
	bool no_id;		   /* its rows have names only */
} kinds[KINDS] = {
	[QUEUES] = { "queues", "QUEUE", "WAITING", "IN_FLIGHT", false },
	[PROVIDERS] = { "providers", "PROVIDER", NULL, NULL, false },
	[MECHANISMS] = { "mechanisms", "MECHANISM", NULL, NULL, true },
	[CONSUMERS] = { "consumers", "CONSUMER", NULL, "WEIGHT", false },
};

/* ------------------------------------------------------------------- a look */

static void look_free(struct look *l)
{
	for (int k = 0; k < KINDS; k++)
		free(l->rows[k]);
	memset(l, 0, sizeof(*l));
}

static struct sample *make_rows(struct look *l, enum kind k, int n)
{
	l->rows[k] = calloc((size_t)n + 1, sizeof(struct sample));
	l->n[k] = l->rows[k] ? n : 0;
	if (!l->rows[k])
		complain("no memory");
	return l->rows[k];
}

static void copy_name(struct sample *s, const char *name)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
}

static int look_at_queues(struct look *l)
{
	struct msg_queue *rows;
	int n = tallies_queues(&rows);
	struct sample *s = n < 0 ? NULL : make_rows(l, QUEUES, n);

	if (n < 0)
		return -1;
	for (int i = 0; s && i < n; i++, s++) {
		*s = (struct sample){ .id = rows[i].id,
				      .now = rows[i].waiting,
				      .extra = rows[i].in_flight,
				      .requests = rows[i].taken,
				      .failed = rows[i].rejected,
				      .queue_ns = rows[i].waited_ns,
				      .service_ns = rows[i].served_ns };
		copy_name(s, rows[i].name);
	}
	free(rows);
	return s ? 0 : -1;
}

static void add_tally(struct sample *s, const struct msg_tally *t)
{
	s->requests += t->done + t->failed;
	s->failed += t->failed;
	s->bytes += t->bytes;
	s->queue_ns += t->queue_ns;
	s->service_ns += t->service_ns;
}

/* Of mechanisms only those that were used: most are not. */
static int look_at_sums(struct look *l, enum kind k, enum tally_by by)
{
	struct tally_row *rows;
	int n = tallies_sums(by, &rows);
	struct sample *s = n < 0 ? NULL : make_rows(l, k, n);

	if (n < 0)
		return -1;
	if (s)
		l->n[k] = 0;
	for (int i = 0; s && i < n; i++) {
		if (by == TALLY_BY_MECH &&
		    !(rows[i].sum.done | rows[i].sum.failed))
			continue;
		s[l->n[k]].id = rows[i].id;
		copy_name(&s[l->n[k]], rows[i].name);
		add_tally(&s[l->n[k]++], &rows[i].sum);
	}
	free(rows);
	return s ? 0 : -1;
}

static int look_at_consumers(struct look *l)
{
	struct msg_consumer *rows;
	int n = tallies_consumers(&rows);
	struct sample *s = n < 0 ? NULL : make_rows(l, CONSUMERS, n);

	if (n < 0)
		return -1;
	for (int i = 0; s && i < n; i++, s++) {
		s->id = rows[i].id;
		s->extra = rows[i].weight;
		copy_name(s, rows[i].comm);
		add_tally(s, &rows[i].tally);
	}
	free(rows);
	return s ? 0 : -1;
}

static int look(struct look *l)
{
	memset(l, 0, sizeof(*l));
	l->at_ns = clock_ns();
	if (look_at_queues(l) ||
	    look_at_sums(l, PROVIDERS, TALLY_BY_PROVIDER) ||
	    look_at_sums(l, MECHANISMS, TALLY_BY_MECH) ||
	    look_at_consumers(l)) {
		look_free(l);
		return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- two looks */

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* What came since; all of a row that was not there. */
static struct sample since(const struct look *before, enum kind k,
			   const struct sample *now)
{
	struct sample d = *now;

	for (int i = 0; i < before->n[k]; i++) {
		const struct sample *b = &before->rows[k][i];

		if (b->id != now->id || strcmp(b->name, now->name) != 0)
			continue;
		d.requests = grown(now->requests, b->requests);
		d.failed = grown(now->failed, b->failed);
		d.bytes = grown(now->bytes, b->bytes);
		d.queue_ns = grown(now->queue_ns, b->queue_ns);
		d.service_ns = grown(now->service_ns, b->service_ns);
	}
	return d;
}

static double per(uint64_t n, uint64_t of)
{
	return of ? (double)n / (double)of : 0;
}

/* The columns, and names in JSON in lower case, of what a row has. */
struct rates {
	double requests, failed, bytes; /* per second */
	uint64_t queue_ns, service_ns;	/* means of a request */
};

static struct rates rates_of(const struct sample *d, uint64_t ns)
{
	return (struct rates){
		.requests = per(d->requests, ns) * 1e9,
		.failed = per(d->failed, ns) * 1e9,
		.bytes = per(d->bytes, ns) * 1e9,
		.queue_ns = (uint64_t)per(d->queue_ns, d->requests),
		.service_ns = (uint64_t)per(d->service_ns, d->requests),
	};
}

static unsigned int columns_of(enum kind k, struct table_column *c)
{
	unsigned int n = 0;

	c[n++] = (struct table_column){ kinds[k].first, COLUMN_TEXT };
	if (!kinds[k].no_id)
		c[n++] = (struct table_column){ "ID", COLUMN_NUMBER };
	if (kinds[k].now)
		c[n++] = (struct table_column){ kinds[k].now, COLUMN_NUMBER };
	if (kinds[k].extra)
		c[n++] = (struct table_column){ kinds[k].extra,
						COLUMN_NUMBER };
	c[n++] = (struct table_column){ "PER_S", COLUMN_NUMBER };
	c[n++] = (struct table_column){ k == QUEUES ? "REJECTED_PER_S" :
						      "FAILED_PER_S",
					COLUMN_NUMBER };
	if (k != QUEUES)
		c[n++] = (struct table_column){ "BYTES_PER_S", COLUMN_NUMBER };
	c[n++] = (struct table_column){ "QUEUE_NS", COLUMN_NUMBER };
	c[n++] = (struct table_column){ "SERVICE_NS", COLUMN_NUMBER };
	return n;
}

static int print_table(const struct look *before, const struct look *now,
		       enum kind k)
{
	struct table_column columns[10];
	unsigned int n = columns_of(k, columns);
	struct table *t = table_new(kinds[k].table, columns, n, false);

	for (int i = 0; t && i < now->n[k]; i++) {
		const struct sample *s = &now->rows[k][i];
		const struct sample d = since(before, k, s);
		const struct rates r = rates_of(&d, now->at_ns - before->at_ns);

		table_cell(t, "%s", s->name);
		if (!kinds[k].no_id)
			table_cell(t, "%" PRIu32, s->id);
		if (kinds[k].now)
			table_cell(t, "%" PRIu32, s->now);
		if (kinds[k].extra)
			table_cell(t, "%" PRIu32, s->extra);
		table_cell(t, "%.1f", r.requests);
		table_cell(t, "%.1f", r.failed);
		if (k != QUEUES)
			table_cell(t, "%.0f", r.bytes);
		table_cell(t, "%" PRIu64, r.queue_ns);
		table_cell(t, "%" PRIu64, r.service_ns);
	}
	return t ? table_print(t) : -1;
}

/* On a terminal each look takes the place of the one before. */
static int print_plain(const struct look *before, const struct look *now,
		       bool first)
{
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	else if (!first)
		putchar('\n');
	for (enum kind k = 0; k < KINDS; k++) {
		if (k > 0)
			putchar('\n');
		fflush(stdout);
		if (print_table(before, now, k) < 0)
			return -1;
	}
	return 0;
}

/* --------------------------------------------------------------------- JSON */

static void put_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? '?' : *text);
	}
	putchar('"');
}

static void put_name(const char *name)
{
	for (; *name; name++)
		putchar(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' :
						       *name);
}

static void put_member(const char *name, int decimals, double value)
{
	fputs(",\"", stdout);
	put_name(name);
	printf("\":%.*f", decimals, value);
}

static void print_row(const struct look *before, const struct look *now,
		      enum kind k, const struct sample *s)
{
	const struct sample d = since(before, k, s);
	const struct rates r = rates_of(&d, now->at_ns - before->at_ns);

	printf("{\"");
	put_name(kinds[k].first);
	printf("\":");
	put_text(s->name);
	if (!kinds[k].no_id)
		put_member("id", 0, s->id);
	if (kinds[k].now)
		put_member(kinds[k].now, 0, s->now);
	if (kinds[k].extra)
		put_member(kinds[k].extra, 0, s->extra);
	put_member("PER_S", 1, r.requests);
	put_member(k == QUEUES ? "REJECTED_PER_S" : "FAILED_PER_S", 1,
		   r.failed);
	if (k != QUEUES)
		put_member("BYTES_PER_S", 0, r.bytes);
	put_member("QUEUE_NS", 0, (double)r.queue_ns);
	put_member("SERVICE_NS", 0, (double)r.service_ns);
	putchar('}');
}

/* An object, on a line. */
static void print_json(const struct look *before, const struct look *now)
{
	printf("{\"interval_ns\":%" PRIu64, now->at_ns - before->at_ns);
	for (enum kind k = 0; k < KINDS; k++) {
		printf(",\"%s\":[", kinds[k].table);
		for (int i = 0; i < now->n[k]; i++) {
			if (i > 0)
				putchar(',');
			print_row(before, now, k, &now->rows[k][i]);
		}
		putchar(']');
	}
	puts("}");
}

/* ------------------------------------------------------------------ command */

static enum status follow(uint64_t seconds, uint64_t count, bool json)
{
	struct look before, now;
	int err = 0;

	if (look(&before) < 0)
		return STATUS_FAILED;
	for (uint64_t i = 0; !err && i < count; i++) {
		poll(NULL, 0, (int)(seconds * 1000));
		err = look(&now);
		if (err)
			break;
		if (json)
			print_json(&before, &now);
		else
			err = print_plain(&before, &now, i == 0);
		if (output_flush() < 0)
			err = -1;
		look_free(&before);
		before = now;
	}
	look_free(&before);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static enum status top(struct invocation *in)
{
	uint64_t seconds = 1, count = UINT64_MAX;

	if (operands_number("--interval", in->value['I'], 1, INTERVAL_MAX, &seconds) ||
	    operands_number("-n", in->value['n'], 1, UINT64_MAX - 1, &count))
		return STATUS_USAGE;
	return follow(seconds, count, in->value['J']);
}

static const struct option_row options[] = {
	{ 'I', false, "interval", "S", "seconds between two looks (1)" },
	{ 'n', false, "count", "N", "until it was printed so often" },
	{ 'J', false, "json", NULL, "an object a line" },
	{ 0 },
};

const struct command top_commands[] = {
	{ NULL, "top", "[--interval=S] [-n N] [--json]",
	  "what queues, providers, mechanisms and consumers do, again and again",
	  options, 0, 0, top },
	{ 0 },
};
