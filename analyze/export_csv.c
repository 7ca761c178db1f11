/* export_csv.c -- one table or view as CSV (RFC 4180), rows of one run in their order. */
#include "export.h"

#include <string.h>

#include "cli.h"
#include "table.h"

static bool exists(struct export *e, const char *table, bool *has_run)
{
    sqlite3_stmt *q =
        db_prepare(e->db, "SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo(:table) WHERE name = 'run_id') FROM"
                          " sqlite_master WHERE type IN ('table', 'view') AND name = :table");
    db_bind_text(e->db, q, ":table", table);
    bool yes = db_row(e->db, q);
    *has_run = yes && sqlite3_column_int(q, 0) != 0;
    db_done(e->db, q);
    return yes;
}

void export_csv(struct export *e)
{
    const char *name = e->table != NULL ? e->table : "ops";
    bool has_run, times = strcmp(name, "ops") == 0;
    if (!exists(e, name, &has_run)) {
        e->status = EXIT_USAGE;
        snprintf(e->err, sizeof e->err, "--table %.100s: there is no such table or view (analyze sql DB .tables)",
                 name);
        return;
    }
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"%s%s", name, has_run ? " WHERE run_id = :run" : "",
                                times ? " AND t_invoke BETWEEN :from AND :to ORDER BY t_invoke, op_id" : "");
    sqlite3_stmt *q = sql != NULL ? db_prepare(e->db, sql) : NULL;
    sqlite3_free(sql);
    if (q == NULL) {
        e->status = EXIT_INTERNAL;
        snprintf(e->err, sizeof e->err, "%s", e->db->failed ? e->db->err : "no memory");
        return;
    }
    if (has_run)
        db_bind_int(e->db, q, ":run", e->run_id);
    if (times) {
        db_bind_int(e->db, q, ":from", e->from);
        db_bind_int(e->db, q, ":to", e->to);
    }
    struct table *t = table_new(e->out, TABLE_CSV, q);
    while (db_row(e->db, q))
        table_row(t, q);
    table_end(t);
    db_done(e->db, q);
}
