/* SPDX-License-Identifier: MIT */
#include "tools/tallies.h"

#include <stdlib.h>
#include <string.h>

#include "tools/admin.h"
#include "tools/complain.h"

#define QUEUES_MAX (2 + UKCF_PAGE_PROVIDERS_MAX)

static void *make_rows(size_t n, size_t size)
{
	void *rows = calloc(n + 1, size);

	if (!rows)
		complain("no memory");
	return rows;
}

/* The name that came ends, whatever came. */
static void end_name(char *name, size_t size)
{
	name[size - 1] = '\0';
}

int tallies_queues(struct msg_queue **rows)
{
	struct msg_queue *q = make_rows(QUEUES_MAX, sizeof(*q));
	const struct admin_call call = {
		.verb = MSG_ADMIN_QUEUES,
		.reply = q, .reply_max = QUEUES_MAX * sizeof(*q),
		.row_len = sizeof(*q),
	};
	int n = q ? admin_ask_or_complain(&call) : -1;

	if (n < 0) {
		free(q);
		return -1;
	}
	n /= (int)sizeof(*q);
	for (int i = 0; i < n; i++)
		end_name(q[i].name, sizeof(q[i].name));
	*rows = q;
	return n;
}

int tallies_consumers(struct msg_consumer **rows)
{
	void *all;
	int n = admin_ask_all(MSG_ADMIN_CONSUMERS, sizeof(**rows), &all);

	if (n < 0)
		return -1;
	*rows = all;
	for (int i = 0; i < n; i++) {
		end_name((*rows)[i].comm, sizeof((*rows)[i].comm));
		end_name((*rows)[i].unit, sizeof((*rows)[i].unit));
	}
	return n;
}

static void add(struct msg_tally *sum, const struct msg_tally *t)
{
	sum->done += t->done;
	sum->failed += t->failed;
	sum->bytes += t->bytes;
	sum->queue_ns += t->queue_ns;
	sum->service_ns += t->service_ns;
}

/* The row of that name among n, or the one behind them. */
static struct tally_row *row_of(struct tally_row *rows, int *n,
				const char *name)
{
	int i = 0;

	while (i < *n && strcmp(rows[i].name, name) != 0)
		i++;
	if (i == *n) {
		memcpy(rows[i].name, name, sizeof(rows[i].name));
		++*n;
	}
	return &rows[i];
}

int tallies_sums(enum tally_by by, struct tally_row **rows)
{
	void *all;
	int n_offers = admin_ask_all(MSG_ADMIN_OFFERS, sizeof(struct msg_offer),
				     &all);
	struct msg_offer *o = all;
	int n = 0;

	if (n_offers < 0)
		return -1;
	*rows = make_rows((size_t)n_offers, sizeof(**rows));
	for (int i = 0; *rows && i < n_offers; i++) {
		char *name = by == TALLY_BY_MECH ? o[i].mech : o[i].provider;
		struct tally_row *r;

		end_name(name, sizeof(o[i].mech));
		if (!o[i].id) /* only a rule */
			continue;
		r = row_of(*rows, &n, name);
		r->id = by == TALLY_BY_MECH ? 0 : o[i].id;
		add(&r->sum, &o[i].tally);
	}
	free(all);
	return *rows ? n : -1;
}
