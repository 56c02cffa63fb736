/* SPDX-License-Identifier: MIT */
/*
 * Owns tables: columns on a terminal, the same without colours in a pipe, and
 * JSON.  Cells are given from left to right, row after row.
 */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BOOL, /* table_bool() */
	COLUMN_LIST, /* table_item(), then table_end_list() */
};

struct table_column {
	const char *name; /* upper case; lower case in JSON */
	enum column_kind kind;
};

struct table;

/* NULL after a complaint; name is that of the array in JSON. */
struct table *table_new(const char *name, const struct table_column *columns,
			unsigned int n_columns, bool json);
/* An empty cell is "-", and null in JSON. */
void table_cell(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Seconds since 1970, in UTC as RFC 3339 writes it. */
void table_time(struct table *t, uint64_t seconds);
void table_bool(struct table *t, bool value);
void table_item(struct table *t, const char *item);
void table_end_list(struct table *t);
/* Print it, and free it.  0, or -1 after a complaint. */
int table_print(struct table *t);
/* For a table of one row: one line per column unless it is JSON. */
int table_print_record(struct table *t);

#endif
