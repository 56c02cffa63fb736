/* SPDX-License-Identifier: MIT */
#include "tools/table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/complain.h"

#define CELL_MAX 512

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	const struct table_column *columns;
	unsigned int n_columns;
	unsigned int at; /* the column of the next cell */
	bool json;
	bool failed; /* no memory somewhere: nothing is printed */
	char list[CELL_MAX];
};

static const int json_types[] = {
	[COLUMN_TEXT] = SCOLS_JSON_STRING,
	[COLUMN_NUMBER] = SCOLS_JSON_NUMBER,
	[COLUMN_BOOL] = SCOLS_JSON_BOOLEAN,
	[COLUMN_LIST] = SCOLS_JSON_ARRAY_STRING,
};

static int add_column(struct table *t, const struct table_column *c,
		      bool colours)
{
	struct libscols_column *column = scols_table_new_column(
		t->scols, c->name, 0,
		c->kind == COLUMN_NUMBER ? SCOLS_FL_RIGHT : 0);

	if (!column)
		return -1;
	if (colours)
		scols_cell_set_color(scols_column_get_header(column), "bold");
	if (t->json && c->kind == COLUMN_LIST) {
		/* an item per line makes an array */
		scols_column_set_flags(column, SCOLS_FL_WRAP);
		scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
					  scols_wrapnl_nextchunk, NULL);
		scols_column_set_safechars(column, "\n");
	}
	return scols_column_set_json_type(column, json_types[c->kind]);
}

static int set_up(struct table *t, const char *name)
{
	const char *no_color = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO);
	bool colours = terminal && !t->json && !(no_color && *no_color);

	t->scols = scols_new_table();
	if (!t->scols)
		return -1;
	scols_table_set_name(t->scols, name);
	scols_table_enable_json(t->scols, t->json);
	scols_table_enable_colors(t->scols, colours);
	scols_table_set_termforce(t->scols, terminal ? SCOLS_TERMFORCE_AUTO :
						       SCOLS_TERMFORCE_NEVER);
	for (unsigned int i = 0; i < t->n_columns; i++)
		if (add_column(t, &t->columns[i], colours) < 0)
			return -1;
	return 0;
}

static void table_free(struct table *t)
{
	if (!t)
		return;
	scols_unref_table(t->scols);
	free(t);
}

struct table *table_new(const char *name, const struct table_column *columns,
			unsigned int n_columns, bool json)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t) {
		t->columns = columns;
		t->n_columns = n_columns;
		t->json = json;
		if (set_up(t, name) == 0)
			return t;
	}
	complain("no memory for a table");
	table_free(t);
	return NULL;
}

static void add_cell(struct table *t, const char *text)
{
	if (t->at == 0)
		t->line = scols_table_new_line(t->scols, NULL);
	if (!*text)
		text = t->json ? NULL : "-";
	if (!t->line || (text && scols_line_set_data(t->line, t->at, text) < 0))
		t->failed = true;
	t->at = (t->at + 1) % t->n_columns;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_cell(t, text);
}

void table_time(struct table *t, uint64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add_cell(t, text);
}

void table_bool(struct table *t, bool value)
{
	if (t->json)
		add_cell(t, value ? "1" : "0");
	else
		add_cell(t, value ? "yes" : "no");
}

void table_item(struct table *t, const char *item)
{
	size_t len = strlen(t->list);

	snprintf(t->list + len, sizeof(t->list) - len, "%s%s",
		 len == 0 ? "" : t->json ? "\n" : ",", item);
}

void table_end_list(struct table *t)
{
	add_cell(t, t->list);
	t->list[0] = '\0';
}

static int finish(struct table *t, int err)
{
	if (err || t->failed)
		complain("the table cannot be printed: %s",
			 strerror(err < 0 ? -err : ENOMEM));
	err = err || t->failed ? -1 : 0;
	table_free(t);
	return err;
}

/* Ended by a line feed, which not every version of the library writes. */
static int print_json(const struct table *t)
{
	char *text = NULL;
	int err = scols_print_table_to_string(t->scols, &text);
	size_t len = text ? strlen(text) : 0;

	if (!err)
		printf("%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
	free(text);
	return err;
}

int table_print(struct table *t)
{
	if (t->failed)
		return finish(t, 0);
	return finish(t, t->json ? print_json(t) : scols_print_table(t->scols));
}

int table_print_record(struct table *t)
{
	if (t->json)
		return table_print(t);
	for (unsigned int i = 0; i < t->n_columns && !t->failed; i++) {
		const char *name = t->columns[i].name;

		for (size_t k = 0; name[k]; k++)
			putchar(name[k] == '_' ? ' ' :
				name[k] >= 'A' && name[k] <= 'Z' ?
						 name[k] - 'A' + 'a' :
						 name[k]);
		printf("%*s %s\n", (int)(17 - strlen(name)), "",
		       scols_cell_get_data(scols_line_get_cell(t->line, i)));
	}
	return finish(t, 0);
}
