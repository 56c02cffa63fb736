/* SPDX-License-Identifier: MIT */
#include "tools/demo-tally.h"

#include <inttypes.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tools/table.h"

static const char *const places[] = {
	[UKCF_WHERE_NONE] = "nowhere",
	[UKCF_WHERE_CALLER] = "in the caller",
	[UKCF_WHERE_INLINE] = "inline on the service thread",
	[UKCF_WHERE_QUEUED] = "queued, by a worker",
};

const char *tally_where(unsigned int where)
{
	return where < sizeof(places) / sizeof(places[0]) ? places[where] :
							    "unknown";
}

static struct tally_row *row_for(struct tally *t, const char *what,
				 const char *mech, unsigned int where)
{
	unsigned int i;

	for (i = 0; i < t->n; i++)
		if (t->rows[i].where == where &&
		    strcmp(t->rows[i].what, what) == 0 &&
		    strcmp(t->rows[i].mech, mech) == 0)
			return &t->rows[i];
	if (i == TALLY_ROWS)
		return NULL;
	t->rows[i] = (struct tally_row){ what, mech, where, 0, 0, 0 };
	t->n++;
	return &t->rows[i];
}

void tally_add(struct tally *t, const char *what, const char *mech,
	       unsigned int where, uint64_t count, uint64_t ns, uint64_t bytes)
{
	struct tally_row *row = row_for(t, what, mech, where);

	if (!row)
		return;
	row->count += count;
	row->ns += ns;
	row->bytes += bytes;
}

int tally_print(const struct tally *t)
{
	static const struct table_column columns[] = {
		{ "WHAT", COLUMN_TEXT },   { "MECHANISM", COLUMN_TEXT },
		{ "TIMES", COLUMN_NUMBER }, { "US_EACH", COLUMN_NUMBER },
		{ "MB_PER_S", COLUMN_NUMBER }, { "WHERE", COLUMN_TEXT },
	};
	struct table *table = table_new("demo", columns, 6, false);

	for (unsigned int i = 0; table && i < t->n; i++) {
		const struct tally_row *r = &t->rows[i];

		table_cell(table, "%s", r->what);
		table_cell(table, "%s", r->mech);
		table_cell(table, "%" PRIu64, r->count);
		table_cell(table, "%.2f",
			   (double)r->ns / (double)r->count / 1000);
		table_cell(table, "%.1f",
			   r->ns ? (double)r->bytes * 1000 / (double)r->ns : 0);
		table_cell(table, "%s", tally_where(r->where));
	}
	return table ? table_print(table) : -1;
}
