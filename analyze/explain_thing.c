/* explain_thing.c -- what else a user may name: an operation, a value, a record, a leader, a fault, a datagram, lost
 * messages. */
#include "explain_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { CHAIN_OF_THING = 12 };

/* What a kind of target looks like and who finds it. Finders add to the story and return false when there is no such
 * thing. */
struct target {
    struct db *db;
    struct story *story;
    int64_t run_id;
    int depth;
    const char *text; /* as given, without the prefix */
};

static int depth_of(const struct target *t)
{
    return t->depth == EXPLAIN_DEPTH ? CHAIN_OF_THING : t->depth;
}

static void chain_to(struct target *t, int64_t rec)
{
    story_record(t->story, rec, NULL);
    story_chain(t->story, rec, depth_of(t));
}

static bool find_op(struct target *t)
{
    sqlite3_stmt *q = db_prepare(
        t->db, "SELECT op_id, coalesce(return_rec, invoke_rec, 0) FROM ops WHERE run_id = :run AND op = :op");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_text(t->db, q, ":op", t->text);
    int64_t op = 0, rec = 0;
    if (db_row(t->db, q)) {
        op = sqlite3_column_int64(q, 0);
        rec = sqlite3_column_int64(q, 1);
    }
    db_done(t->db, q);
    if (op == 0)
        return false;
    q = db_prepare(t->db,
                   "SELECT rec FROM op_tries WHERE run_id = :run AND op_id = :op AND rec IS NOT NULL ORDER BY try");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_int(t->db, q, ":op", op);
    int64_t tries[EXPLAIN_IDS];
    size_t n = explain_list(t->db, q, tries);
    for (size_t i = 0; i < n; i++)
        story_record(t->story, tries[i], NULL);
    explain_op(t->story, t->db, op, NULL);
    chain_to(t, rec);
    explain_read(t->story, t->db, t->run_id, op, true);
    return true;
}

static bool find_leader(struct target *t)
{
    const char *at = strrchr(t->text, '@');
    if (at == NULL)
        return false;
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT coalesce(start_rec, 0), t_start, node, term, coalesce(end_rec, 0) FROM leader_terms"
                          " WHERE run_id = :run AND node = :node AND term = :term ORDER BY t_start LIMIT 1");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_textn(t->db, q, ":node", t->text, (size_t)(at - t->text));
    db_bind_int(t->db, q, ":term", strtoll(at + 1, NULL, 10));
    bool found = db_row(t->db, q);
    int64_t start = 0, end = 0;
    if (found) {
        start = sqlite3_column_int64(q, 0);
        end = sqlite3_column_int64(q, 4);
        if (start == 0)
            story_step(t->story, sqlite3_column_int64(q, 1), (const char *)sqlite3_column_text(q, 2),
                       "claims to lead term %lld on the wire", (long long)sqlite3_column_int64(q, 3));
    }
    db_done(t->db, q);
    if (start != 0)
        chain_to(t, start);
    if (end != 0)
        story_record(t->story, end, NULL);
    return found;
}

static bool find_fault(struct target *t)
{
    int64_t f = strtoll(t->text, NULL, 10);
    int64_t fault =
        explain_ask(t->db, "SELECT fault_id FROM faults WHERE run_id = :run AND f = :f", t->run_id, ":f", f);
    if (fault == 0)
        return false;
    story_fault(t->story, fault);
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT end_rec FROM faults WHERE fault_id = :f AND end_rec IS NOT NULL UNION ALL"
                          " SELECT r.id FROM faults f JOIN records r ON r.run_id = f.run_id AND r.ev = 'role.change'"
                          " AND r.t BETWEEN f.t_begin AND coalesce(f.t_end, r.t)"
                          " AND (r.role = 'L' OR json_extract(r.body, '$.old') = 'L') WHERE fault_id = :f");
    db_bind_int(t->db, q, ":f", fault);
    int64_t recs[EXPLAIN_IDS];
    size_t n = explain_list(t->db, q, recs);
    for (size_t i = 0; i < n; i++)
        story_record(t->story, recs[i], NULL);
    q = db_prepare(t->db, "SELECT src, dst, count(*) FROM messages WHERE run_id = :run AND fault_id = :f GROUP BY 1, 2 "
                          "ORDER BY 3 DESC, 1, 2");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_int(t->db, q, ":f", fault);
    while (db_row(t->db, q))
        story_remark(t->story, "lost %s -> %s: %lld messages", (const char *)sqlite3_column_text(q, 0),
                     (const char *)sqlite3_column_text(q, 1), (long long)sqlite3_column_int64(q, 2));
    db_done(t->db, q);
    q = db_prepare(
        t->db,
        "SELECT count(*), sum(o.result = 'ok'), sum(o.result = 'info'), max(o.t_return - o.t_invoke) FROM faults f"
        " JOIN ops o ON o.run_id = f.run_id AND o.t_invoke < coalesce(f.t_end, 9223372036854775807)"
        " AND coalesce(o.t_return, 9223372036854775807) > f.t_begin WHERE fault_id = :f");
    db_bind_int(t->db, q, ":f", fault);
    if (db_row(t->db, q))
        story_remark(t->story, "operations meanwhile: %lld, %lld ok, %lld with unknown outcome, slowest %.0f ms",
                     (long long)sqlite3_column_int64(q, 0), (long long)sqlite3_column_int64(q, 1),
                     (long long)sqlite3_column_int64(q, 2), (double)sqlite3_column_int64(q, 3) / 1e6);
    db_done(t->db, q);
    return true;
}

static bool find_datagram(struct target *t)
{
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT coalesce(recv_rec, out_rec, drop_rec, in_rec, send_rec, 0) FROM messages"
                          " WHERE run_id = :run AND d = :d ORDER BY copy");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_int(t->db, q, ":d", strtoll(t->text, NULL, 10));
    int64_t ends[EXPLAIN_IDS];
    size_t n = explain_list(t->db, q, ends);
    for (size_t i = 0; i < n; i++)
        chain_to(t, ends[i]);
    return n > 0;
}

/* "0003.1:1462" */
static bool find_record(struct target *t)
{
    const char *colon = strrchr(t->text, ':'), *dot = colon;
    while (dot != NULL && dot > t->text && *dot != '.')
        dot--;
    if (dot == NULL || *dot != '.')
        return false;
    sqlite3_stmt *q = db_prepare(
        t->db, "SELECT id FROM records WHERE run_id = :run AND node = :node AND boot = :boot AND seq = :seq");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_textn(t->db, q, ":node", t->text, (size_t)(dot - t->text));
    db_bind_int(t->db, q, ":boot", strtoll(dot + 1, NULL, 10));
    db_bind_int(t->db, q, ":seq", strtoll(colon + 1, NULL, 10));
    int64_t rec = db_row(t->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(t->db, q);
    if (rec == 0)
        return false;
    chain_to(t, rec);
    return true;
}

#define RECORDS_OF_VALUE(rows)                                                                                         \
    "SELECT invoke_rec FROM ops WHERE run_id = :run AND key = :key AND val = :val UNION"                               \
    " SELECT return_rec FROM ops WHERE run_id = :run AND key = :key AND val = :val UNION"                              \
    " SELECT append_rec FROM " rows " UNION SELECT apply_rec FROM " rows " UNION SELECT gone_rec FROM " rows           \
    " ORDER BY 1"

static size_t value_records(struct target *t, const char *equals)
{
    size_t key_n = (size_t)(equals - t->text);
    sqlite3_stmt *q = db_prepare(t->db, explain_value_asked(t->db, t->run_id, t->text, key_n, equals + 1)
                                            ? RECORDS_OF_VALUE(EXPLAIN_ENTRIES)
                                            : RECORDS_OF_VALUE(EXPLAIN_ENTRIES_BY_SCAN));
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_textn(t->db, q, ":key", t->text, (size_t)(equals - t->text));
    db_bind_text(t->db, q, ":val", equals + 1);
    int64_t recs[EXPLAIN_IDS];
    size_t n = explain_list(t->db, q, recs);
    for (size_t i = 0; i < n; i++)
        story_record(t->story, recs[i], NULL);
    if (n == EXPLAIN_IDS)
        story_remark(t->story, "only the first %d records are shown", EXPLAIN_IDS);
    return n;
}

/* "k3=0012.22": the life of one value. Keys and values may contain '=' themselves: each one is tried. */
static bool find_value(struct target *t)
{
    size_t n = 0;
    for (const char *equals = strchr(t->text, '='); equals != NULL && n == 0; equals = strchr(equals + 1, '='))
        n = value_records(t, equals);
    return n > 0;
}

enum { LOST_SHOWN = 100 };

/* The lost messages that the evidence of a violation names. */
static bool lost_of_violation(struct target *t, int64_t v)
{
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT coalesce(m.drop_rec, m.in_rec, m.send_rec, 0), e.note FROM violations x"
                          " JOIN violation_evidence e USING (violation_id) JOIN messages m USING (msg_id)"
                          " WHERE violation_id = :v AND x.run_id = :run AND e.part = 'lost_message' ORDER BY e.pos");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_int(t->db, q, ":v", v);
    bool any = false;
    while (db_row(t->db, q)) {
        const unsigned char *note = sqlite3_column_text(q, 1);
        story_record(t->story, sqlite3_column_int64(q, 0), "%s", note != NULL ? (const char *)note : "is lost");
        any = true;
    }
    db_done(t->db, q);
    return any;
}

/* "lost:V1", "lost:k3=0012.22": the lost messages that mattered. */
static bool find_lost(struct target *t)
{
    char *end;
    int64_t v = t->text[0] == 'V' ? strtoll(t->text + 1, &end, 10) : 0;
    if (v > 0 && *end == '\0')
        return lost_of_violation(t, v);
    for (const char *equals = strchr(t->text, '='); equals != NULL; equals = strchr(equals + 1, '=')) {
        size_t n =
            explain_lost_value(t->story, t->db, t->run_id, t->text, (size_t)(equals - t->text), equals + 1, LOST_SHOWN);
        if (n > 0 || value_records(t, equals) > 0) {
            story_remark(t->story,
                         n == 0 ? "no message with this value, or word of it, was lost"
                         : n > LOST_SHOWN
                             ? "%zu lost messages carried this value, or word of it; the first 100 are shown"
                             : "%zu lost messages carried this value, or word of it",
                         n);
            return true;
        }
    }
    return false;
}

static const struct {
    const char *prefix, *what;
    bool (*find)(struct target *t);
} kinds[] = {
    {"lost:", "lost messages that mattered (lost:k3=0012.22, lost:V1)", find_lost},
    {"op:", "an operation (op:0010:24)", find_op},
    {"leader:", "a leader's term (leader:0000@3)", find_leader},
    {"d:", "a datagram (d:1316)", find_datagram},
    {"F", "a fault (F1)", find_fault},
    {"", "a record (0003.1:1462)", find_record},
    {"", "a value (k3=0012.22)", find_value},
};

/* Tells of the thing in this run, if it is there. `out` NULL: is it there? */
static bool thing_in_run(struct db *db, int64_t run_id, const char *name, int depth, FILE *out)
{
    bool found = false;
    for (size_t i = 0; !found && i < sizeof kinds / sizeof *kinds; i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (strncmp(name, kinds[i].prefix, prefix) != 0)
            continue;
        struct story *s = story_new(db, run_id);
        struct target t = {.db = db, .story = s, .run_id = run_id, .depth = depth, .text = name + prefix};
        found = kinds[i].find(&t);
        if (found && out != NULL) {
            explain_black_box(s, db, run_id);
            cli_print(out, name);
            fputs("\n\n", out);
            story_print(s, out);
        }
        story_free(s);
    }
    return found;
}

static void print_run(struct db *db, int64_t run_id, FILE *out)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT name FROM runs WHERE run_id = :run");
    db_bind_int(db, q, ":run", run_id);
    if (db_row(db, q))
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
    db_done(db, q);
}

bool explain_thing(struct db *db, const char *name, int64_t only, int depth, FILE *out)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs ORDER BY run_id");
    int64_t runs[EXPLAIN_IDS];
    size_t n = explain_list(db, q, runs), others = 0;
    bool told = false;
    for (size_t r = 0; r < n; r++) {
        if (only != 0 && runs[r] != only)
            continue;
        if (!told) {
            told = thing_in_run(db, runs[r], name, depth, out);
            if (told && n > 1) {
                fputs("\nthis is of run ", out);
                print_run(db, runs[r], out);
            }
        } else if (thing_in_run(db, runs[r], name, 0, NULL)) {
            fputs(others++ == 0 ? "; the same name stands for something in run " : ", ", out);
            print_run(db, runs[r], out);
        }
    }
    if (told && n > 1)
        fputs(others > 0 ? " (choose with --run NAME)\n" : "\n", out);
    return told;
}

void explain_kinds(FILE *out)
{
    fputs("a violation (V1)", out);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fprintf(out, ", %s", kinds[i].what);
}
