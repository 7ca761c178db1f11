/* explain_when.c -- the moment of what a user may name. */
#include "explain_int.h"

#include <stdlib.h>
#include <string.h>

/* :text is what follows the prefix, :a its part before the last ':' or '@', :n the number at the end, :b the number
 * after the last '.' of :a (a record's boot), :node what is before that. */
static const struct {
    const char *prefix, *sql;
} kinds[] = {
    {"op:",
     "SELECT run_id, (t_invoke + coalesce(t_return, t_invoke)) / 2 FROM ops WHERE op = :text AND :run IN (0, run_id)"
     " ORDER BY run_id LIMIT 1"},
    {"leader:", "SELECT run_id, t_start FROM leader_terms WHERE node = :a AND term = :n AND :run IN (0, run_id)"
                " ORDER BY run_id, t_start LIMIT 1"},
    {"d:", "SELECT run_id, coalesce(t_in, t_send, t_out) FROM messages WHERE d = :n AND :run IN (0, run_id)"
           " ORDER BY run_id, copy LIMIT 1"},
    {"F", "SELECT run_id, t_begin FROM faults WHERE f = :n AND :text = CAST(:n AS TEXT) AND :run IN (0, run_id)"
          " ORDER BY run_id LIMIT 1"},
    {"V", "SELECT run_id, coalesce((SELECT r.t FROM records r WHERE r.id = v.first_bad_rec), v.t) FROM violations v"
          " WHERE violation_id = :n AND :text = CAST(:n AS TEXT) AND :run IN (0, run_id)"},
    {"", "SELECT run_id, t FROM records WHERE run_id IN (SELECT run_id FROM runs WHERE :run IN (0, run_id))"
         " AND node = :node AND boot = :b AND seq = :n ORDER BY run_id LIMIT 1"},
};

/* The text ends before `c` where it occurs last; the whole text where it does not. */
static size_t until_last(const char *s, size_t n, char c)
{
    for (size_t i = n; i-- > 0;) {
        if (s[i] == c)
            return i;
    }
    return n;
}

static int64_t number_after(const char *s, size_t at)
{
    return s[at] != '\0' ? strtoll(s + at + 1, NULL, 10) : strtoll(s, NULL, 10);
}

static bool ask(struct db *db, const char *sql, int64_t run, const char *text, int64_t *run_id, int64_t *t)
{
    size_t n = strlen(text), colon = until_last(text, n, ':'), at = until_last(text, n, '@');
    size_t a = at < n ? at : colon, dot = until_last(text, a, '.');
    sqlite3_stmt *q = db_prepare(db, sql);
    if (q == NULL)
        return false;
    db_bind_int(db, q, ":run", run);
    if (sqlite3_bind_parameter_index(q, ":text") > 0)
        db_bind_text(db, q, ":text", text);
    if (sqlite3_bind_parameter_index(q, ":n") > 0)
        db_bind_int(db, q, ":n", number_after(text, a));
    if (sqlite3_bind_parameter_index(q, ":a") > 0)
        db_bind_textn(db, q, ":a", text, a);
    if (sqlite3_bind_parameter_index(q, ":node") > 0)
        db_bind_textn(db, q, ":node", text, dot);
    if (sqlite3_bind_parameter_index(q, ":b") > 0)
        db_bind_int(db, q, ":b", dot < a ? strtoll(text + dot + 1, NULL, 10) : -1);
    bool found = db_row(db, q) && sqlite3_column_type(q, 1) != SQLITE_NULL;
    if (found) {
        *run_id = sqlite3_column_int64(q, 0);
        *t = sqlite3_column_int64(q, 1);
    }
    db_done(db, q);
    return found;
}

bool explain_when(struct db *db, int64_t *run_id, bool only, const char *name, int64_t *t)
{
    int64_t run = only ? *run_id : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (strncmp(name, kinds[i].prefix, prefix) == 0 && ask(db, kinds[i].sql, run, name + prefix, run_id, t))
            return true;
    }
    return false;
}
