/* explain.c -- `analyze explain`: finds what the user named, builds its story, prints it. */
#include "explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli.h"
#include "commands.h"

enum { CHAIN_OF_RULE = 3, CHAIN_OF_THING = 12, LOST_SHOWN = 2, IDS_MAX = 200 };

/* ---- how bad ---- */

/* Lower is worse: what clients or state machines saw, then Raft's safety properties, then the rest. */
static const struct {
    const char *prefix;
    int rank;
} severities[] = {
    {"LIN", 0}, {"SMS", 0},  {"ES", 1},    {"LC", 1},   {"LM", 1},   {"LAO", 1},
    {"DUR", 1}, {"CONF", 2}, {"TRACE", 3}, {"LIVE", 4}, {"COST", 5},
};

static int rank_of(const char *severity)
{
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        if (strncmp(severity, severities[i].prefix, strlen(severities[i].prefix)) == 0)
            return severities[i].rank;
    }
    return 2;
}

/* Where two rules are broken, the first is the cause and the second what comes of it. */
static const struct {
    const char *cause, *effect;
} causes[] = {
    {"R32", "R31"}, {"R14", "R7"}, {"R1", "R7"},   {"R51", "R7"},  {"R49", "R7"},
    {"R49", "R51"}, {"R1", "R14"}, {"R46", "R45"}, {"R44", "R46"}, {"R58", "R31"},
};

/* The violation of a rule that explains `v`: of the same node, and not later. 0 = none. */
static int64_t cause_of(struct db *db, int64_t v)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT c.violation_id FROM violations v JOIN violations c ON c.run_id = v.run_id AND c.node IS v.node"
            " AND c.t <= v.t WHERE v.violation_id = :v AND v.\"check\" = :effect AND c.\"check\" = :cause"
            " ORDER BY c.violation_id LIMIT 1");
    int64_t found = 0;
    for (size_t i = 0; i < sizeof causes / sizeof *causes && found == 0; i++) {
        db_bind_int(db, q, ":v", v);
        db_bind_text(db, q, ":effect", causes[i].effect);
        db_bind_text(db, q, ":cause", causes[i].cause);
        found = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
    }
    db_done(db, q);
    return found;
}

/* Of all runs, or of the one that is not 0. */
static int64_t worst_of(struct db *db, int64_t run_id)
{
    int64_t worst = 0;
    int rank = 100;
    sqlite3_stmt *q = db_prepare(db, "SELECT violation_id, severity FROM violations WHERE :run IN (0, run_id)"
                                     " ORDER BY violation_id");
    db_bind_int(db, q, ":run", run_id);
    while (db_row(db, q)) {
        int this = rank_of((const char *)sqlite3_column_text(q, 1));
        if (this < rank) {
            rank = this;
            worst = sqlite3_column_int64(q, 0);
        }
    }
    db_done(db, q);
    for (int64_t cause = worst; cause != 0; cause = cause_of(db, worst))
        worst = cause;
    return worst;
}

int64_t explain_worst(struct db *db)
{
    return worst_of(db, 0);
}

/* ---- small questions ---- */

static int64_t ask(struct db *db, const char *sql, int64_t run_id, const char *name, int64_t id)
{
    sqlite3_stmt *q = db_prepare(db, sql);
    if (run_id != 0)
        db_bind_int(db, q, ":run", run_id);
    db_bind_int(db, q, name, id);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

/* The integers of a query's first column. */
static size_t list(struct db *db, sqlite3_stmt *q, int64_t ids[IDS_MAX])
{
    size_t n = 0;
    while (n < IDS_MAX && db_row(db, q))
        ids[n++] = sqlite3_column_int64(q, 0);
    db_done(db, q);
    return n;
}

/* Without records of a replica a story ends at its socket; say so. */
static void remark_black_box(struct story *s, struct db *db, int64_t run_id)
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

/* ---- violations ---- */

static void add_op(struct story *s, struct db *db, int64_t op_id, const char *note)
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

/* The stored evidence as steps; of many lost messages the first few (a remark of the check counts them). */
static void add_evidence(struct story *s, struct db *db, int64_t v)
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
        else if (rec != 0 && note != NULL)
            story_record(s, rec, "%s", note);
        else if (rec != 0)
            story_record(s, rec, NULL);
        else if (op != 0)
            add_op(s, db, op, note);
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
    int64_t op = ask(db,
                     "SELECT op_id FROM violation_evidence JOIN ops USING (op_id) WHERE violation_id = :v AND f = 'get'"
                     " AND result = 'ok' ORDER BY t_invoke DESC LIMIT 1",
                     0, ":v", v);
    if (op == 0)
        op = ask(db,
                 "SELECT t.op_id FROM violation_evidence e JOIN records r ON r.id = e.rec JOIN op_tries t ON t.run_id "
                 "= r.run_id"
                 " AND t.mid = json_extract(r.body, '$.req') WHERE r.run_id = :run AND e.violation_id = :v AND r.ev "
                 "LIKE 'read.%'"
                 " ORDER BY e.pos DESC LIMIT 1",
                 run_id, ":v", v);
    return op;
}

struct story *explain_story(struct db *db, int64_t v, int depth)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id, substr(\"check\", 1, 1) = 'C', coalesce(first_bad_rec, 0) FROM "
                                     "violations WHERE violation_id = :v");
    db_bind_int(db, q, ":v", v);
    bool found = db_row(db, q);
    int64_t run_id = found ? sqlite3_column_int64(q, 0) : 0, bad = found ? sqlite3_column_int64(q, 2) : 0;
    bool by_client = found && sqlite3_column_int(q, 1) != 0;
    db_done(db, q);
    if (!found)
        return NULL;
    struct story *s = story_new(db, run_id);
    int64_t op = read_of(db, run_id, v);
    if (op != 0)
        explain_read(s, db, run_id, op, !by_client);
    add_evidence(s, db, v);
    if (bad != 0)
        story_wrong(s, bad);
    int steps = depth != EXPLAIN_DEPTH ? depth : by_client || op != 0 ? 0 : CHAIN_OF_RULE;
    if (bad != 0 && steps > 0)
        story_chain(s, bad, steps);
    remark_black_box(s, db, run_id);
    return s;
}

bool explain_violation(struct db *db, int64_t v, int depth, FILE *out)
{
    struct story *s = explain_story(db, v, depth);
    if (s == NULL)
        return false;
    sqlite3_stmt *q = db_prepare(db, "SELECT \"check\", title, fingerprint FROM violations WHERE violation_id = :v");
    db_bind_int(db, q, ":v", v);
    if (db_row(db, q)) {
        const struct check *check = check_find((const char *)sqlite3_column_text(q, 0));
        fprintf(out, "V%lld  ", (long long)v);
        cli_print(out, (const char *)sqlite3_column_text(q, 1));
        fputs("   class ", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 2));
        print_also(db, v, out);
        fputc('\n', out);
        if (check != NULL)
            fprintf(out, "    %s %s: %s\n", check->id, check->title, check->help);
        fputc('\n', out);
    }
    db_done(db, q);
    story_print(s, out);
    story_free(s);
    return !db->failed;
}

/* ---- other things a user may name ---- */

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
    int64_t tries[IDS_MAX];
    size_t n = list(t->db, q, tries);
    for (size_t i = 0; i < n; i++)
        story_record(t->story, tries[i], NULL);
    add_op(t->story, t->db, op, NULL);
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
    int64_t fault = ask(t->db, "SELECT fault_id FROM faults WHERE run_id = :run AND f = :f", t->run_id, ":f", f);
    if (fault == 0)
        return false;
    story_fault(t->story, fault);
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT end_rec FROM faults WHERE fault_id = :f AND end_rec IS NOT NULL UNION ALL"
                          " SELECT r.id FROM faults f JOIN records r ON r.run_id = f.run_id AND r.ev = 'role.change'"
                          " AND r.t BETWEEN f.t_begin AND coalesce(f.t_end, r.t)"
                          " AND (r.role = 'L' OR json_extract(r.body, '$.old') = 'L') WHERE fault_id = :f");
    db_bind_int(t->db, q, ":f", fault);
    int64_t recs[IDS_MAX];
    size_t n = list(t->db, q, recs);
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
    int64_t ends[IDS_MAX];
    size_t n = list(t->db, q, ends);
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

static size_t value_records(struct target *t, const char *equals)
{
    sqlite3_stmt *q =
        db_prepare(t->db, "SELECT invoke_rec FROM ops WHERE run_id = :run AND key = :key AND val = :val UNION"
                          " SELECT return_rec FROM ops WHERE run_id = :run AND key = :key AND val = :val UNION"
                          " SELECT append_rec FROM log_entries WHERE run_id = :run AND key = :key AND val = :val UNION"
                          " SELECT apply_rec FROM log_entries WHERE run_id = :run AND key = :key AND val = :val UNION"
                          " SELECT gone_rec FROM log_entries WHERE run_id = :run AND key = :key AND val = :val"
                          " ORDER BY 1");
    db_bind_int(t->db, q, ":run", t->run_id);
    db_bind_textn(t->db, q, ":key", t->text, (size_t)(equals - t->text));
    db_bind_text(t->db, q, ":val", equals + 1);
    int64_t recs[IDS_MAX];
    size_t n = list(t->db, q, recs);
    for (size_t i = 0; i < n; i++)
        story_record(t->story, recs[i], NULL);
    if (n == IDS_MAX)
        story_remark(t->story, "only the first %d records are shown", IDS_MAX);
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

static const struct {
    const char *prefix, *what;
    bool (*find)(struct target *t);
} kinds[] = {
    {"op:", "an operation (op:0010:24)", find_op}, {"leader:", "a leader's term (leader:0000@3)", find_leader},
    {"d:", "a datagram (d:1316)", find_datagram},  {"F", "a fault (F1)", find_fault},
    {"", "a record (0003.1:1462)", find_record},   {"", "a value (k3=0012.22)", find_value},
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
            remark_black_box(s, db, run_id);
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

/* In the run `only`, or (0) in the first run that has such a thing; then says which others have one, too. */
static bool explain_thing(struct db *db, const char *name, int64_t only, int depth, FILE *out)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs ORDER BY run_id");
    int64_t runs[IDS_MAX];
    size_t n = list(db, q, runs), others = 0;
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

/* ---- the command ---- */

static const char help[] = "usage: analyze explain RUN|DB [WHAT] [--run NAME] [--depth N]\n"
                           "Tells the story of WHAT, in order of time, with the records that prove it.\n"
                           "\n"
                           "  analyze explain runs/latest              the worst violation\n"
                           "  analyze explain runs/latest V2           violation 2\n"
                           "  analyze explain runs/latest op:0010:24   an operation of a client\n"
                           "\n"
                           "WHAT is V1, a check R45 (its first violation), op:0010:24, a record 0003.1:1462 "
                           "(node.boot:number), a value k3=0012.22,\n"
                           "an election leader:0000@3, a fault F1 or a datagram d:1316.\n"
                           "  --run NAME  look in this run only, when the database has several\n"
                           "  --depth N   go N causal steps back\n"
                           "Exit status: 0 told, 65 there is no such thing, 66 cannot open.\n";

static int not_found(const char *what)
{
    char kinds_words[512] = "";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds_words);
        snprintf(kinds_words + n, sizeof kinds_words - n, ", %s", kinds[i].what);
    }
    fputs("analyze explain: nothing here is called \"", stderr);
    cli_print(stderr, what);
    fprintf(stderr, "\"; name a violation (V1)%s\n", kinds_words);
    return EXIT_DATA;
}

/* The first stored answer of a check, "" when it did not run. Static. */
static const char *verdict_of(struct db *db, const char *check, int64_t only)
{
    const char *words = "";
    sqlite3_stmt *q = db_prepare(db, "SELECT verdict FROM checks WHERE \"check\" = :check AND :run IN (0, run_id)");
    db_bind_text(db, q, ":check", check);
    db_bind_int(db, q, ":run", only);
    if (db_row(db, q)) {
        for (enum verdict v = VERDICT_PASS; v <= VERDICT_SKIPPED; v++) {
            if (strcmp((const char *)sqlite3_column_text(q, 0), verdict_word(v)) == 0)
                words = verdict_word(v);
        }
    }
    db_done(db, q);
    return words;
}

/* "V12": 12; "R45": the first violation of that check; 0 = neither. In run `only`, if that is not 0. */
static int64_t violation_named(struct db *db, const char *what, int64_t only)
{
    char *end;
    if (what[0] == 'V') {
        int64_t v = strtoll(what + 1, &end, 10);
        return *end == '\0' && v > 0 ? v : 0;
    }
    sqlite3_stmt *q = db_prepare(db, "SELECT coalesce(min(violation_id), 0) FROM violations WHERE \"check\" = :check"
                                     " AND :run IN (0, run_id)");
    db_bind_text(db, q, ":check", what);
    db_bind_int(db, q, ":run", only);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

static int explain_named(struct db *db, const char *what, int64_t run_id, int depth)
{
    int64_t v = what == NULL ? worst_of(db, run_id) : violation_named(db, what, run_id);
    if (db->failed)
        return cli_fail(db->status, "explain", "%s", db->err);
    if (v == 0 && (what == NULL || check_find(what) != NULL)) {
        const char *verdict = what == NULL ? "" : verdict_of(db, what, run_id);
        if (db_int(db, "SELECT count(*) FROM checks", 0) == 0)
            puts("not checked yet: analyze check");
        else
            printf("no violation to explain%s%s%s%s\n", what != NULL ? " of " : "", what != NULL ? what : "",
                   verdict[0] != '\0' ? ": it answered " : "", verdict);
        return EXIT_PASSED;
    }
    bool told = v > 0 ? explain_violation(db, v, depth, stdout) : explain_thing(db, what, run_id, depth, stdout);
    if (db->failed)
        return cli_fail(db->status, "explain", "%s", db->err);
    return told ? EXIT_PASSED : not_found(what);
}

/* The number of the run of this name; 0 = there is none. */
static int64_t run_named(struct db *db, const char *name)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs WHERE name = :name");
    db_bind_text(db, q, ":name", name);
    int64_t id = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return id;
}

int cmd_explain(int argc, char **argv)
{
    const char *where = NULL, *what = NULL, *run = NULL;
    int depth = EXPLAIN_DEPTH;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_PASSED;
        }
        if (strcmp(argv[i], "--run") == 0) {
            run = i + 1 < argc ? argv[++i] : NULL;
            if (run == NULL)
                return cli_fail(EXIT_USAGE, "explain", "--run needs the name of a run");
        } else if (strcmp(argv[i], "--depth") == 0) {
            char *end = NULL;
            long n = i + 1 < argc ? strtol(argv[++i], &end, 10) : -1;
            if (end == NULL || *end != '\0' || n < 0 || n > 10000)
                return cli_fail(EXIT_USAGE, "explain", "--depth needs a number from 0 to 10000");
            depth = (int)n;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            return cli_fail(EXIT_USAGE, "explain", "unknown option %s (see analyze explain --help)", argv[i]);
        } else if (where == NULL) {
            where = argv[i];
        } else if (what == NULL) {
            what = argv[i];
        } else {
            return cli_fail(EXIT_USAGE, "explain", "one thing at a time: %s is too much", argv[i]);
        }
    }
    if (where == NULL)
        return cli_fail(EXIT_USAGE, "explain", "which run? (see analyze explain --help)");
    struct db db = {0};
    int status = cli_open(&db, "explain", where, true, NULL, 0);
    if (status != 0)
        return status;
    /* Violations exist only after the checks have run; a person who asks for one wants them now. */
    enum verdict worst;
    if (db_int(&db, "SELECT count(*) FROM checks", 0) == 0 && !check_all(&db, &(struct check_options){0}, &worst))
        status = cli_fail(db.status, "explain", "%s", db.err);
    else if (run != NULL && run_named(&db, run) == 0)
        status = cli_fail(EXIT_DATA, "explain", "there is no run %s here; analyze sql DB 'SELECT name FROM runs'", run);
    else
        status = explain_named(&db, what, run != NULL ? run_named(&db, run) : 0, depth);
    db_close(&db);
    return status;
}
