/* explain_violation.c -- the story of one violation: its evidence in order of time, what led to it, and where to look.
 */
#include "explain_int.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cli.h"

enum { CHAIN_OF_RULE = 3, LOST_SHOWN = 2 };

int64_t explain_ask(struct db *db, const char *sql, int64_t run_id, const char *name, int64_t id)
{
    sqlite3_stmt *q = db_prepare(db, sql);
    if (run_id != 0)
        db_bind_int(db, q, ":run", run_id);
    db_bind_int(db, q, name, id);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

size_t explain_list(struct db *db, sqlite3_stmt *q, int64_t ids[EXPLAIN_IDS])
{
    size_t n = 0;
    while (n < EXPLAIN_IDS && db_row(db, q))
        ids[n++] = sqlite3_column_int64(q, 0);
    db_done(db, q);
    return n;
}

void explain_black_box(struct story *s, struct db *db, int64_t run_id)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT group_concat(node, ' ') FROM nodes WHERE run_id = :run AND kind = 'replica' AND NOT instrumented");
    db_bind_int(db, q, ":run", run_id);
    if (db_row(db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        story_remark(s, "%s: internal state unknown (no replica trace); to check the log as well,",
                     (const char *)sqlite3_column_text(q, 0));
        story_remark(s, "have it print: role.change commit.advance apply log.append");
    }
    db_done(db, q);
}
void explain_op(struct story *s, struct db *db, int64_t op_id, const char *note)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT coalesce(invoke_rec, 0), coalesce(return_rec, 0) FROM ops WHERE op_id = :op");
    db_bind_int(db, q, ":op", op_id);
    int64_t invoke = 0, returned = 0;
    if (db_row(db, q)) {
        invoke = sqlite3_column_int64(q, 0);
        returned = sqlite3_column_int64(q, 1);
    }
    db_done(db, q);
    story_record(s, invoke, NULL);
    if (note != NULL)
        story_record(s, returned, "%s", note);
    else
        story_record(s, returned, NULL);
}

/* The stored evidence as steps; a note stands for the record (`sentences`: those of checks on histories, C1 to C4) or
 * after what it says; of many lost messages the first few (a remark of the check counts them). */
static void add_evidence(struct story *s, struct db *db, int64_t v, bool sentences)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT part, coalesce(e.rec, m.recv_rec, m.drop_rec, m.out_rec, m.send_rec, m.in_rec, 0), "
                       "coalesce(e.op_id, 0),"
                       " coalesce(e.fault_id, 0), e.note FROM violation_evidence e LEFT JOIN messages m USING (msg_id)"
                       " WHERE violation_id = :v ORDER BY pos");
    db_bind_int(db, q, ":v", v);
    int64_t lost = 0;
    while (db_row(db, q)) {
        int64_t rec = sqlite3_column_int64(q, 1), op = sqlite3_column_int64(q, 2), fault = sqlite3_column_int64(q, 3);
        const char *note = (const char *)sqlite3_column_text(q, 4);
        if (strcmp((const char *)sqlite3_column_text(q, 0), "lost_message") == 0 && ++lost > LOST_SHOWN)
            continue;
        if (fault != 0)
            story_fault(s, fault);
        else if (rec != 0 && note != NULL && sentences)
            story_record(s, rec, "%s", note);
        else if (rec != 0 && note != NULL)
            story_note(s, rec, note);
        else if (rec != 0)
            story_record(s, rec, NULL);
        else if (op != 0)
            explain_op(s, db, op, note);
        else if (note != NULL)
            story_remark(s, "%s", note);
    }
    db_done(db, q);
}

/* "(also V2 V3)": the same class of the same check. */
static void print_also(struct db *db, int64_t v, FILE *out)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT o.violation_id, count(*) OVER () FROM violations v JOIN violations o "
                                     "USING (run_id, \"check\", fingerprint)"
                                     " WHERE v.violation_id = :v AND o.violation_id <> :v ORDER BY 1 LIMIT 6");
    db_bind_int(db, q, ":v", v);
    int64_t n = 0, all = 0;
    while (db_row(db, q)) {
        fprintf(out, "%s V%lld", n++ == 0 ? "   (also" : "", (long long)sqlite3_column_int64(q, 0));
        all = sqlite3_column_int64(q, 1);
    }
    db_done(db, q);
    if (all > n)
        fprintf(out, " and %lld more", (long long)(all - n));
    if (n > 0)
        fputc(')', out);
}

/* The read that a violation is about: named by its evidence, or by the record that served it. */
static int64_t read_of(struct db *db, int64_t run_id, int64_t v)
{
    int64_t op =
        explain_ask(db,
                    "SELECT op_id FROM violation_evidence JOIN ops USING (op_id) WHERE violation_id = :v AND f = 'get'"
                    " AND result = 'ok' ORDER BY t_invoke DESC LIMIT 1",
                    0, ":v", v);
    if (op == 0)
        op = explain_ask(
            db,
            "SELECT t.op_id FROM violation_evidence e JOIN records r ON r.id = e.rec JOIN op_tries t ON t.run_id "
            "= r.run_id"
            " AND t.mid = json_extract(r.body, '$.req') WHERE r.run_id = :run AND e.violation_id = :v AND r.ev "
            "LIKE 'read.%'"
            " ORDER BY e.pos DESC LIMIT 1",
            run_id, ":v", v);
    return op;
}

static void print_class(const struct explain_facts *f, const struct check *check, struct db *db, FILE *out)
{
    fprintf(out, "V%lld  ", (long long)f->v);
    cli_print(out, f->title);
    fputs("   class ", out);
    cli_print(out, f->class);
    print_also(db, f->v, out);
    fputc('\n', out);
    if (f->is != NULL)
        fprintf(out, "    %s\n", f->is->says);
    if (check != NULL)
        fprintf(out, "    %s %s: %s\n", check->id, check->title, check->help);
    fputc('\n', out);
}

/* What led to it, link by link; the defect that the first link's records show, and where in a program it would be. */
static void print_causes(struct db *db, const struct explain_facts *f, FILE *out)
{
    int64_t chain[EXPLAIN_CAUSES];
    size_t n = explain_causes(db, f->v, chain);
    struct explain_facts c, root = *f;
    if (n > 0)
        fputc('\n', out);
    for (size_t i = 0; i < n && explain_facts(db, chain[i], &c); i++) {
        fprintf(out, "    because    V%lld %s ", (long long)c.v, c.check);
        cli_print(out, c.title);
        fputs("   class ", out);
        cli_print(out, c.class);
        fputc('\n', out);
        if (c.is != NULL)
            fprintf(out, "               %s\n", c.is->says);
        root = c;
    }
    struct explain_defect d;
    bool shown = explain_defect(db, &root, &d);
    const char *look = root.is != NULL && root.is->look != NULL ? root.is->look : f->is != NULL ? f->is->look : NULL;
    if (shown || look != NULL)
        fputc('\n', out);
    if (shown) {
        fprintf(out, "    defect     %s: ", d.id);
        cli_print(out, d.words);
        fputc('\n', out);
    }
    if (look != NULL)
        fprintf(out, "    look at    %s\n", look);
}

static struct story *story_of(struct db *db, const struct explain_facts *f, int depth)
{
    bool by_client = f->check[0] == 'C';
    struct story *s = story_new(db, f->run_id);
    int64_t op = read_of(db, f->run_id, f->v);
    if (op != 0)
        explain_read(s, db, f->run_id, op, !by_client);
    const struct check *check = check_find(f->check);
    /* The operations of a history are told by what they did, not by their records. */
    add_evidence(s, db, f->v, by_client && check != NULL && strncmp(check->severity, "LIN", 3) == 0);
    if (f->bad != 0)
        story_wrong(s, f->bad);
    int steps = depth != EXPLAIN_DEPTH ? depth : by_client || op != 0 ? 0 : CHAIN_OF_RULE;
    if (f->bad != 0 && steps > 0)
        story_chain(s, f->bad, steps);
    explain_point(s, db, f);
    explain_black_box(s, db, f->run_id);
    return s;
}

struct story *explain_story(struct db *db, int64_t v, int depth)
{
    struct explain_facts f;
    return explain_facts(db, v, &f) ? story_of(db, &f, depth) : NULL;
}

bool explain_violation(struct db *db, int64_t v, int depth, FILE *out)
{
    struct explain_facts f;
    if (!explain_facts(db, v, &f))
        return false;
    print_class(&f, check_find(f.check), db, out);
    struct story *s = story_of(db, &f, depth);
    story_print(s, out);
    story_free(s);
    explain_layers(db, &f, out);
    print_causes(db, &f, out);
    return !db->failed;
}
