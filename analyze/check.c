/* check.c -- the catalogue, the runner, and the only code that writes checks, violations and violation_evidence. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

static const struct {
    const struct check *checks;
    const size_t *n;
} families[] = {
    {check_client, &check_client_n},
    {check_wire, &check_wire_n},
    {check_session, &check_session_n},
    {check_raft, &check_raft_n},
    {check_live, &check_live_n},
    {check_trace, &check_trace_n},
};
enum { FAMILIES = sizeof families / sizeof *families };

static const char *const verdict_words[] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_FAIL] = "fail",
    [VERDICT_UNKNOWN] = "unknown",
    [VERDICT_SKIPPED] = "skipped",
};

/* Violations are numbered in the order in which a person wants to read them: first what a client saw go wrong (one
 * read at a time before whole keys), then the rules of the catalogue. */
static const char *const read_first[] = {"C2", "C3", "C8", "C9", "C10", "C4", "C1", "C11"};

const char *verdict_word(enum verdict v)
{
    return verdict_words[v];
}

const struct check *check_at(size_t i)
{
    for (size_t f = 0; f < FAMILIES; f++) {
        if (i < *families[f].n)
            return &families[f].checks[i];
        i -= *families[f].n;
    }
    return check_sql_at(i);
}

const struct check *check_find(const char *id)
{
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (strcmp(c->id, id) == 0)
            return c;
    }
    return NULL;
}

/* ---- lists of ids: "C1,R" ---- */

/* One item of a list names a check by its id, or a whole family by its letter. */
static bool item_names(const char *item, size_t n, const char *id)
{
    return strncmp(item, id, n) == 0 && (id[n] == '\0' || (n == 1 && id[0] >= 'A' && id[0] <= 'Z'));
}

static bool list_names(const char *list, const char *id)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        if (n > 0 && item_names(list, n, id))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

bool check_list_ok(const char *list, char *bad, size_t size)
{
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ",");
        bool known = n == 0;
        const struct check *c;
        for (size_t i = 0; !known && (c = check_at(i)) != NULL; i++)
            known = item_names(list, n, c->id);
        if (!known) {
            snprintf(bad, size, "%.*s", (int)n, list);
            return false;
        }
        list += n + (list[n] == ',');
    }
    return true;
}

bool check_chosen(const struct check_options *o, const char *id)
{
    if (o == NULL)
        return true;
    return (o->only == NULL || list_names(o->only, id)) && (o->skip == NULL || !list_names(o->skip, id));
}

/* ---- what a check may call ---- */

int64_t check_violation(struct check_run *c, const struct violation *v)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "INSERT INTO violations(run_id, \"check\", severity, t, node, key, title, fingerprint,"
                          " first_bad_rec) VALUES (:run, :check, :severity, :t, :node, :key, :title, :print, :rec)");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":check", c->check->id);
    db_bind_text(c->db, q, ":severity", c->check->severity);
    db_bind_int(c->db, q, ":t", v->t);
    db_bind_text(c->db, q, ":node", v->node);
    db_bind_text(c->db, q, ":key", v->key);
    db_bind_text(c->db, q, ":title", v->title);
    db_bind_text(c->db, q, ":print", v->fingerprint);
    if (v->first_bad_rec != 0)
        db_bind_int(c->db, q, ":rec", v->first_bad_rec);
    else
        db_bind_null(c->db, q, ":rec");
    db_run(c->db, q);
    db_done(c->db, q);
    c->violations++;
    return c->db->failed ? 0 : sqlite3_last_insert_rowid(c->db->h);
}

static void bind_id(struct db *db, sqlite3_stmt *q, const char *name, int64_t id)
{
    if (id != 0)
        db_bind_int(db, q, name, id);
    else
        db_bind_null(db, q, name);
}

void check_evidence(struct check_run *c, int64_t violation_id, const char *part, int64_t rec, int64_t op_id,
                    int64_t msg_id, int64_t fault_id, const char *note)
{
    sqlite3_stmt *q = db_prepare(
        c->db, "INSERT INTO violation_evidence(violation_id, pos, part, rec, op_id, msg_id, fault_id, note)"
               " SELECT :v, coalesce(max(pos), 0) + 1, :part, :rec, :op, :msg, :fault, :note FROM violation_evidence"
               " WHERE violation_id = :v");
    db_bind_int(c->db, q, ":v", violation_id);
    db_bind_text(c->db, q, ":part", part);
    bind_id(c->db, q, ":rec", rec);
    bind_id(c->db, q, ":op", op_id);
    bind_id(c->db, q, ":msg", msg_id);
    bind_id(c->db, q, ":fault", fault_id);
    db_bind_text(c->db, q, ":note", note);
    db_run(c->db, q);
    db_done(c->db, q);
}

bool check_has_event(struct check_run *c, const char *ev)
{
    sqlite3_stmt *q = db_prepare(c->db, "SELECT 1 FROM records WHERE run_id = :run AND ev = :ev LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":ev", ev);
    bool found = db_row(c->db, q);
    db_done(c->db, q);
    return found;
}

const char *check_next_word(const char *list, const char *stops, char word[CHECK_EVENT])
{
    list += strspn(list, stops);
    size_t n = strcspn(list, stops);
    snprintf(word, CHECK_EVENT, "%.*s", (int)(n < CHECK_EVENT - 1 ? n : CHECK_EVENT - 1), list);
    return n > 0 ? list + n : NULL;
}

bool check_has_needs(struct check_run *c, char lacks[CHECK_EVENT])
{
    for (const char *p = c->check->needs; p != NULL && (p = check_next_word(p, " ", lacks)) != NULL;) {
        char ev[CHECK_EVENT];
        bool any = false;
        for (const char *e = lacks; !any && (e = check_next_word(e, "|", ev)) != NULL;)
            any = check_has_event(c, ev);
        if (!any)
            return false;
    }
    return true;
}

enum verdict check_answer(struct check_run *c)
{
    return c->violations > 0 ? VERDICT_FAIL : c->incomplete ? VERDICT_UNKNOWN : VERDICT_PASS;
}

/* ---- the runner ---- */

#define INTERRUPTED "analyze was ended before it came to this check"

bool check_due(struct db *db)
{
    int64_t known = 0;
    while (check_at((size_t)known) != NULL)
        known++;
    return db_int(db, "SELECT count(*) FROM checks WHERE note IS NOT '" INTERRUPTED "'", 0) <
           known * db_int(db, "SELECT count(*) FROM runs", 0);
}

/* The earlier results of the chosen checks go first, all at once: then the same checks on the same data store the
 * same rows. What is ended before it has run them all (Ctrl-C, kill) has not looked: until a check has an answer of its
 * own, it is unknown. */
static void forget(struct db *db, int64_t run_id, const struct check_options *o)
{
    db_exec(db, "BEGIN IMMEDIATE");
    static const char *const deletes[] = {
        ("DELETE FROM violation_evidence WHERE violation_id IN"
         " (SELECT violation_id FROM violations WHERE run_id = :run AND \"check\" = :check)"),
        "DELETE FROM violations WHERE run_id = :run AND \"check\" = :check",
        ("INSERT OR REPLACE INTO checks(run_id, \"check\", verdict, examined, elapsed_us, note)"
         " VALUES (:run, :check, 'unknown', 0, 0, '" INTERRUPTED "')"),
    };
    for (size_t i = 0; i < sizeof deletes / sizeof *deletes; i++) {
        sqlite3_stmt *q = db_prepare(db, deletes[i]);
        const struct check *c;
        for (size_t k = 0; (c = check_at(k)) != NULL; k++) {
            if (!check_chosen(o, c->id))
                continue;
            db_bind_int(db, q, ":run", run_id);
            db_bind_text(db, q, ":check", c->id);
            db_run(db, q);
        }
        db_done(db, q);
    }
    db_exec(db, "COMMIT");
}

static void store(struct check_run *c, enum verdict v, int64_t elapsed_us)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "INSERT OR REPLACE INTO checks(run_id, \"check\", verdict, examined, elapsed_us, note)"
                          " VALUES (:run, :check, :verdict, :examined, :elapsed, :note)");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":check", c->check->id);
    db_bind_text(c->db, q, ":verdict", verdict_words[v]);
    db_bind_int(c->db, q, ":examined", c->examined);
    db_bind_int(c->db, q, ":elapsed", elapsed_us);
    db_bind_text(c->db, q, ":note", c->note[0] != '\0' ? c->note : NULL);
    db_run(c->db, q);
    db_done(c->db, q);
}

static enum verdict run_one(struct db *db, int64_t run_id, const struct check *check, struct check_shared *shared,
                            int64_t *budget_ns)
{
    int64_t start = (int64_t)trace_mono_ns();
    struct check_run c = {
        .db = db, .run_id = run_id, .check = check, .deadline_ns = start + *budget_ns, .shared = shared};

    db_exec(db, "BEGIN IMMEDIATE");
    enum verdict v = db->failed ? VERDICT_UNKNOWN : check->run(&c);
    store(&c, v, ((int64_t)trace_mono_ns() - start) / 1000);
    db_exec(db, "COMMIT");
    *budget_ns = c.searched_ns < *budget_ns ? *budget_ns - c.searched_ns : 0;
    if (db->failed) {
        char words[DB_ERR_LEN];
        snprintf(words, sizeof words, "%s", db->err);
        snprintf(db->err, sizeof db->err, "check %s: %.400s", check->id, words);
    }
    return v;
}

/* Numbers the violations of all runs 1, 2, 3 ... whatever was run in whatever order. */
static void renumber(struct db *db)
{
    db_exec(db, "BEGIN IMMEDIATE;"
                "CREATE TEMP TABLE IF NOT EXISTS check_rank(id TEXT PRIMARY KEY, rank INTEGER NOT NULL);"
                "DELETE FROM temp.check_rank;");
    sqlite3_stmt *q = db_prepare(db, "INSERT OR IGNORE INTO temp.check_rank VALUES (:id, :rank)");
    int64_t rank = 0;
    for (size_t i = 0; i < sizeof read_first / sizeof *read_first; i++) {
        db_bind_text(db, q, ":id", read_first[i]);
        db_bind_int(db, q, ":rank", ++rank);
        db_run(db, q);
    }
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        db_bind_text(db, q, ":id", c->id);
        db_bind_int(db, q, ":rank", ++rank);
        db_run(db, q);
    }
    db_done(db, q);
    db_exec(db, "CREATE TEMP TABLE renumber AS SELECT violation_id AS was, row_number() OVER"
                " (ORDER BY run_id, coalesce(rank, 1000000), violation_id) AS now"
                " FROM violations LEFT JOIN temp.check_rank ON id = \"check\";"
                "CREATE UNIQUE INDEX temp.renumber_was ON renumber(was);"
                "UPDATE violations SET violation_id = -(SELECT now FROM renumber WHERE was = violation_id);"
                "UPDATE violation_evidence SET violation_id = -(SELECT now FROM renumber WHERE was = violation_id);"
                "UPDATE violations SET violation_id = -violation_id;"
                "UPDATE violation_evidence SET violation_id = -violation_id;"
                "DROP TABLE renumber; DROP TABLE temp.check_rank;"
                "COMMIT");
}

static size_t run_ids(struct db *db, int64_t **ids)
{
    size_t n = 0, room = (size_t)db_int(db, "SELECT count(*) FROM runs", 0);
    *ids = calloc(room + 1, sizeof **ids);
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs ORDER BY run_id");
    while (*ids != NULL && n < room && db_row(db, q))
        (*ids)[n++] = sqlite3_column_int64(q, 0);
    db_done(db, q);
    return n;
}

/* Of two verdicts the one that decides: fail, then unknown, then pass; skipped says nothing. */
static enum verdict worse(enum verdict a, enum verdict b)
{
    static const int weight[] = {[VERDICT_SKIPPED] = 0, [VERDICT_PASS] = 1, [VERDICT_UNKNOWN] = 2, [VERDICT_FAIL] = 3};
    return weight[b] > weight[a] ? b : a;
}

bool check_all(struct db *db, const struct check_options *o, enum verdict *worst)
{
    int64_t budget = o->budget_ns > 0 ? o->budget_ns : CHECK_BUDGET_NS;
    int64_t *ids;
    size_t n = run_ids(db, &ids);

    *worst = VERDICT_SKIPPED;
    for (size_t r = 0; r < n && !db->failed; r++)
        forget(db, ids[r], o);
    for (size_t r = 0; r < n && !db->failed; r++) {
        struct check_shared shared = {0};
        const struct check *c;
        for (size_t i = 0; !db->failed && (c = check_at(i)) != NULL; i++) {
            if (check_chosen(o, c->id))
                *worst = worse(*worst, run_one(db, ids[r], c, &shared, &budget));
        }
        if (shared.release != NULL)
            shared.release(shared.data);
        if (shared.release_history != NULL)
            shared.release_history(shared.history);
    }
    free(ids);
    if (!db->failed)
        renumber(db);
    if (db->failed && db->h != NULL && !sqlite3_get_autocommit(db->h))
        sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
    return !db->failed;
}
