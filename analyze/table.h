/* table.h -- the rows of a query, printed in one of several formats. */
#ifndef FAULTLINE_TABLE_H
#define FAULTLINE_TABLE_H

#include <stdbool.h>
#include <stdio.h>
#include <sqlite3.h>

/* table: aligned columns, control characters escaped, long values cut (which they say), NULL written as NULL. csv (RFC
 * 4180), tsv (backslash escapes) and value (columns joined by '|', no header) give NULL as nothing. json: an array of
 * objects; jsonl: one object a line; both give NULL as null and blobs as hex. md: a Markdown table. */
enum table_format { TABLE_TABLE, TABLE_CSV, TABLE_TSV, TABLE_JSON, TABLE_JSONL, TABLE_MD, TABLE_VALUE };
#define TABLE_FORMATS "table, csv, tsv, json, jsonl, md, value"

bool table_format_named(const char *word, enum table_format *f);

struct table;
/* Column names come from the statement. */
struct table *table_new(FILE *out, enum table_format f, sqlite3_stmt *q);
/* Prints the row that the statement stands on. */
void table_row(struct table *t, sqlite3_stmt *q);
/* What is still to be printed (a table without rows has a header all the same); `t` is gone. Returns the row count. */
long long table_end(struct table *t);

#endif
