/* explain_nearest.c -- for a name that stands for nothing: those of its kind that do, and are near. */
#include "explain_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kind: its prefix, and a query whose rows are names, the nearest first. :name is what follows the prefix, :n the
 * number in it (the last one). */
static const struct {
    const char *prefix, *sql;
} kinds[] = {
    {"V", "SELECT 'V' || min(violation_id) || CASE WHEN count(*) > 1 THEN ' to V' || max(violation_id) ELSE '' END"
          " FROM violations WHERE :run IN (0, run_id) AND :n = :n HAVING count(*) > 0"},
    {"op:",
     "SELECT 'op:' || op FROM (SELECT op, t_invoke, client, CAST(replace(op, client || ':', '') AS INTEGER) AS i"
     " FROM ops WHERE :run IN (0, run_id)) ORDER BY :name NOT LIKE client || ':%', abs(i - :n), t_invoke LIMIT 3"},
    {"leader:", "SELECT 'leader:' || node || '@' || term FROM leader_terms WHERE :run IN (0, run_id)"
                " ORDER BY :name NOT LIKE node || '@%', abs(term - :n), t_start LIMIT 3"},
    {"d:", "SELECT 'd:' || min(d) || ' to d:' || max(d) FROM messages WHERE :run IN (0, run_id) AND :n = :n"
           " HAVING count(d) > 0"},
    {"F", "SELECT 'F' || min(f) || CASE WHEN count(*) > 1 THEN ' to F' || max(f) ELSE '' END FROM faults"
          " WHERE :run IN (0, run_id) AND :n = :n HAVING count(f) > 0"},
};

/* "0003.1:99999" */
static const char records[] =
    "SELECT node || '.' || boot || ':1 to ' || node || '.' || boot || ':' || last_seq FROM boots"
    " WHERE :run IN (0, run_id) AND :n = :n AND last_seq > 0 ORDER BY :name NOT LIKE node || '.' || boot || ':%',"
    " :name NOT LIKE node || '.%', node, boot LIMIT 2";
/* "k3=0012.99": values of the same key, those by the same hand first; else other keys. */
static const char values[] =
    "SELECT key || '=' || val FROM (SELECT key, val, min(t_invoke) AS t FROM ops WHERE :run IN (0, run_id)"
    " AND f <> 'get' AND val IS NOT NULL AND length(key) <= 100 AND length(val) <= 100 GROUP BY key, val)"
    " ORDER BY substr(:name, 1, length(key) + 1) <> key || '=', abs(length(val) - length(:name) + length(key) + 1),"
    " abs(CAST(substr(val, instr(val, '.') + 1) AS INTEGER) - :n), t LIMIT 3";

static int64_t last_number(const char *s)
{
    const char *at = s + strlen(s);
    while (at > s && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return strtoll(at, NULL, 10);
}

/* Of a long name the tail is left out: it is compared, and no more. */
enum { NAME_COMPARED = 200 };

static void ask(struct db *db, const char *sql, int64_t only, const char *name, char *out, size_t size)
{
    sqlite3_stmt *q = db_prepare(db, sql);
    db_bind_int(db, q, ":run", only);
    db_bind_int(db, q, ":n", last_number(name));
    if (q != NULL && sqlite3_bind_parameter_index(q, ":name") > 0)
        db_bind_textn(db, q, ":name", name, strnlen(name, NAME_COMPARED));
    size_t n = 0;
    while (db_row(db, q)) {
        const char *text = (const char *)sqlite3_column_text(q, 0);
        if (text != NULL && n + strlen(text) + 2 < size)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", text);
    }
    db_done(db, q);
}

void explain_nearest(struct db *db, int64_t only, const char *name, char *out, size_t n)
{
    out[0] = '\0';
    if (strncmp(name, "lost:", 5) == 0)
        name += 5;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (strncmp(name, kinds[i].prefix, prefix) != 0 ||
            (prefix == 1 && strspn(name + 1, "0123456789") != strlen(name + 1)))
            continue;
        ask(db, kinds[i].sql, only, name + prefix, out, n);
        return;
    }
    const char *colon = strrchr(name, ':'), *dot = colon;
    while (dot != NULL && dot > name && *dot != '.')
        dot--;
    if (strchr(name, '=') != NULL)
        ask(db, values, only, name, out, n);
    else if (dot != NULL && *dot == '.')
        ask(db, records, only, name, out, n);
}
