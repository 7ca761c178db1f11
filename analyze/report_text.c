/* report_text.c -- see report_text.h. */
#include "report_text.h"

#include <inttypes.h>
#include <string.h>

#include "check.h"
#include "cli.h"

enum { COLUMN = 36, COLUMNS = 3, WIDTH = 100, IDS_SHOWN = 12 };

static sqlite3_stmt *ask(struct db *db, int64_t run_id, const char *sql)
{
    sqlite3_stmt *q = db_prepare(db, sql);
    db_bind_int(db, q, ":run", run_id);
    return q;
}

static int64_t ask_int(struct db *db, int64_t run_id, const char *sql)
{
    sqlite3_stmt *q = ask(db, run_id, sql);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

/* The first column of all rows, `between` them. Returns the number of rows. */
static int64_t print_list(FILE *out, struct db *db, int64_t run_id, const char *sql, const char *between)
{
    sqlite3_stmt *q = ask(db, run_id, sql);
    int64_t n = 0;
    while (db_row(db, q)) {
        fputs(n++ > 0 ? between : "", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
    }
    db_done(db, q);
    return n;
}

const char *report_number(int64_t n, char buf[REPORT_NUMBER])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n), at = 0;
    for (int i = 0; i < len; i++) {
        buf[at++] = digits[i];
        if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
            buf[at++] = ',';
    }
    buf[at] = '\0';
    return buf;
}

/* ---- the run ---- */

/* Records that are missing or damaged: what depends on them cannot be decided. */
int64_t report_lost(struct db *db, int64_t run_id)
{
    return ask_int(db, run_id,
                   "SELECT (SELECT count(*) FROM load_stats WHERE run_id = :run AND severity = 'data_loss') +"
                   " (SELECT coalesce(sum(missing), 0) FROM boots WHERE run_id = :run)");
}

/* Findings about records that are all there: something is wrong with them, but nothing is lost. */
static int64_t errors(struct db *db, int64_t run_id)
{
    return ask_int(db, run_id, "SELECT count(*) FROM load_stats WHERE run_id = :run AND severity = 'error'");
}

static void print_loaded(FILE *out, struct db *db, int64_t run_id)
{
    char a[REPORT_NUMBER];
    sqlite3_stmt *q =
        ask(db, run_id,
            "SELECT coalesce(sum(records), 0), count(*), coalesce(sum(bytes), 0),"
            " (SELECT coalesce(t_end, 0) FROM runs WHERE run_id = :run) -"
            " (SELECT coalesce(min(t_start), 0) FROM boots WHERE run_id = :run) FROM sources WHERE run_id = :run");
    if (db_row(db, q))
        fprintf(out, "loaded   %s records from %lld file%s, %.1f MB, %.1f s of trace   %s\n",
                report_number(sqlite3_column_int64(q, 0), a), (long long)sqlite3_column_int64(q, 1),
                sqlite3_column_int64(q, 1) == 1 ? "" : "s", (double)sqlite3_column_int64(q, 2) / 1e6,
                (double)sqlite3_column_int64(q, 3) / 1e9,
                report_lost(db, run_id) > 0 ? "NOT complete (see LOSSY)"
                : errors(db, run_id) > 0    ? "complete: no gaps, but with errors (see ERROR)"
                                            : "complete: no gaps, no torn lines");
    db_done(db, q);
}

static void print_replicas(FILE *out, struct db *db, int64_t run_id)
{
    fputs("replicas ", out);
    int64_t n = print_list(out, db, run_id,
                           "SELECT node FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node", " ");
    int64_t traced =
        ask_int(db, run_id, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica' AND instrumented");
    if (n == 0)
        fputs("none seen", out);
    else if (traced == n)
        fputs(" (all instrumented)", out);
    else
        fprintf(out, " (%lld of %lld instrumented)", (long long)traced, (long long)n);
    if (ask_int(db, run_id, "SELECT EXISTS (SELECT 1 FROM nodes WHERE run_id = :run AND kind = 'sim')") == 0 &&
        ask_int(db, run_id, "SELECT EXISTS (SELECT 1 FROM ops WHERE run_id = :run)") == 0) {
        fputs("   clients and faults not known: no simulator's records\n", out);
        return;
    }
    fprintf(out, "   clients %lld   faults ",
            (long long)ask_int(db, run_id, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'client'"));
    if (print_list(out, db, run_id,
                   "SELECT count(*) || ' ' || kind FROM faults WHERE run_id = :run GROUP BY kind ORDER BY kind",
                   ", ") == 0)
        fputs("none", out);
    fputc('\n', out);
}

static void print_network(FILE *out, struct db *db, int64_t run_id)
{
    char a[REPORT_NUMBER], b[REPORT_NUMBER];
    int64_t all = ask_int(db, run_id, "SELECT count(*) FROM messages WHERE run_id = :run");
    int64_t dropped = ask_int(db, run_id, "SELECT count(*) FROM messages WHERE run_id = :run AND fate = 'dropped'");
    bool seen = ask_int(db, run_id, "SELECT EXISTS (SELECT 1 FROM records WHERE run_id = :run AND ev = 'net.in')") != 0;
    if (!seen && dropped == 0) { /* nobody stood between the replicas: a send without a receive is all there is */
        int64_t pending = ask_int(db, run_id, "SELECT count(*) FROM messages WHERE run_id = :run AND recv_rec IS NULL");
        fprintf(out, "network  %s datagrams, loss unknown (no trace of the network), %s not seen to arrive\n",
                report_number(all, a), report_number(pending, b));
        return;
    }
    fprintf(out, "network  %s datagrams, %s lost (%.1f %%)", report_number(all, a), report_number(dropped, b),
            all > 0 ? 100.0 * (double)dropped / (double)all : 0.0);
    if (dropped > 0) {
        fputs(": ", out);
        print_list(out, db, run_id,
                   "SELECT count(*) || ' ' || coalesce(why, 'unknown') FROM messages WHERE run_id = :run"
                   " AND fate = 'dropped' GROUP BY why ORDER BY count(*) DESC, why",
                   ", ");
    }
    int64_t copies = ask_int(db, run_id, "SELECT count(*) FROM records WHERE run_id = :run AND ev = 'net.dup'");
    if (copies > 0)
        fprintf(out, "; %s duplicated", report_number(copies, a));
    fputc('\n', out);
}

void report_run(FILE *out, struct db *db, int64_t run_id)
{
    print_loaded(out, db, run_id);
    print_replicas(out, db, run_id);
    print_network(out, db, run_id);
}

void report_losses(FILE *out, struct db *db, int64_t run_id)
{
    sqlite3_stmt *q =
        ask(db, run_id,
            "SELECT coalesce(l.node, ''), l.name, sum(l.value), coalesce(min(nullif(l.line, 0)), 0),"
            " coalesce(s.path, ''), coalesce(max(l.note), ''), l.severity = 'data_loss'"
            " FROM load_stats l LEFT JOIN sources s USING (source_id) WHERE l.run_id = :run AND l.severity <> 'info'"
            " GROUP BY 7, 1, 2, 5 ORDER BY 7 DESC, 1, 2, 5 LIMIT 20");
    while (db_row(db, q)) {
        fputs(sqlite3_column_int(q, 6) != 0 ? "LOSSY " : "ERROR ", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
        fprintf(out, "%s%s %lld", sqlite3_column_bytes(q, 0) > 0 ? ": " : "", (const char *)sqlite3_column_text(q, 1),
                (long long)sqlite3_column_int64(q, 2));
        if (sqlite3_column_bytes(q, 4) > 0) {
            fputs(", ", out);
            cli_print(out, (const char *)sqlite3_column_text(q, 4));
            if (sqlite3_column_int64(q, 3) > 0)
                fprintf(out, ":%lld", (long long)sqlite3_column_int64(q, 3));
        }
        if (sqlite3_column_bytes(q, 5) > 0) {
            fputs(" (", out);
            cli_print(out, (const char *)sqlite3_column_text(q, 5));
            fputc(')', out);
        }
        fputc('\n', out);
    }
    db_done(db, q);
    if (report_lost(db, run_id) > 0)
        fputs("      what depends on missing records is unknown, not passed\n", out);
}

/* ---- the checks ---- */

void report_ids(const struct check_options *ran, char ids[REPORT_IDS])
{
    size_t n = (size_t)snprintf(ids, REPORT_IDS, ",");
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL && n < REPORT_IDS; i++) {
        if (check_chosen(ran, c->id))
            n += (size_t)snprintf(ids + n, REPORT_IDS - n, "%s,", c->id);
    }
}

struct report_counts report_count(struct db *db, int64_t run_id, const struct check_options *ran)
{
    struct report_counts c = {0, 0, 0, 0};
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    sqlite3_stmt *q = ask(db, run_id,
                          "SELECT coalesce(sum(verdict = 'pass'), 0), coalesce(sum(verdict = 'fail'), 0),"
                          " coalesce(sum(verdict = 'unknown'), 0), coalesce(sum(verdict = 'skipped'), 0)"
                          " FROM checks WHERE run_id = :run AND " REPORT_RAN);
    db_bind_text(db, q, ":ids", ids);
    if (db_row(db, q))
        c = (struct report_counts){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2),
                                   sqlite3_column_int64(q, 3)};
    db_done(db, q);
    return c;
}

/* The stored verdict's letter: p f u s; 0 = the check did not run. */
static char verdict_of(struct db *db, sqlite3_stmt *q, int64_t run_id, const char *id)
{
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":check", id);
    char v = db_row(db, q) ? (char)sqlite3_column_text(q, 0)[0] : '\0';
    sqlite3_reset(q);
    return v;
}

/* The lowest violation, of another check, whose first wrong record is one of this check's. */
static int64_t same_cause(struct db *db, int64_t run_id, const char *id)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT min(o.violation_id) FROM violations v LEFT JOIN violation_evidence e USING (violation_id)"
            " JOIN violations o ON o.run_id = v.run_id AND o.violation_id < v.violation_id"
            " AND o.\"check\" <> v.\"check\" AND o.first_bad_rec IN (v.first_bad_rec, e.rec)"
            " WHERE v.run_id = :run AND v.\"check\" = :check");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":check", id);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

static void print_failed(FILE *out, struct db *db, int64_t run_id, const struct check *c)
{
    fprintf(out, "FAIL  %-3s %-30s ", c->id, c->title);
    sqlite3_stmt *q = db_prepare(db, "SELECT title, count(*) OVER (), violation_id FROM violations"
                                     " WHERE run_id = :run AND \"check\" = :check ORDER BY violation_id LIMIT 6");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":check", c->id);
    int64_t n = 0, all = 0;
    char refs[160] = "";
    while (db_row(db, q)) {
        if (n++ == 0)
            cli_print(out, (const char *)sqlite3_column_text(q, 0));
        all = sqlite3_column_int64(q, 1);
        size_t len = strlen(refs);
        snprintf(refs + len, sizeof refs - len, " V%lld", (long long)sqlite3_column_int64(q, 2));
    }
    db_done(db, q);
    if (all > 1)
        fprintf(out, ", and %lld more", (long long)(all - 1));
    fprintf(out, "  %s%s", refs, all > n ? " ..." : "");
    int64_t cause = same_cause(db, run_id, c->id);
    if (cause != 0)
        fprintf(out, "  same cause as V%lld", (long long)cause);
    fputc('\n', out);
}

/* Passed checks that people look for by name; the others are only counted off. */
static bool headline(const char *id)
{
    static const char *const ids[] = {"C1",  "C2",  "C3",  "C4",  "R7",  "R13", "R28", "R29",
                                      "R31", "R33", "R34", "R39", "R40", "R45", "T3"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return false;
}

static void print_passed(FILE *out, struct db *db, sqlite3_stmt *q, int64_t run_id, const struct check_options *ran)
{
    const struct check *c;
    int column = 0, at = 0;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (!check_chosen(ran, c->id) || verdict_of(db, q, run_id, c->id) != 'p' || !headline(c->id))
            continue;
        if (column == COLUMNS) {
            fputc('\n', out);
            column = at = 0;
        }
        int due = column * COLUMN;
        at += fprintf(out, "%*s%s %-3s %s", at < due ? due - at : 0, "", column == 0 ? "ok   " : "ok", c->id, c->title);
        column++;
    }
    if (column > 0)
        fputc('\n', out);
    int width = 0;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (!check_chosen(ran, c->id) || verdict_of(db, q, run_id, c->id) != 'p' || headline(c->id))
            continue;
        if (width == 0 || width > WIDTH - 5) {
            fputs(width == 0 ? "ok   " : "\n     ", out);
            width = 5;
        }
        width += fprintf(out, " %s", c->id);
    }
    if (width > 0)
        fputc('\n', out);
}

/* "R1 R2 R3 ... R65 (45 checks)" */
static void print_ids(FILE *out, const char *ids)
{
    int n = 1, at = 0;
    for (const char *p = ids; *p != '\0'; p++)
        n += *p == ' ';
    if (n <= IDS_SHOWN) {
        fputs(ids, out);
        return;
    }
    for (const char *p = ids; at < IDS_SHOWN - 2; p++) {
        at += *p == ' ';
        fputc(*p, out);
    }
    fprintf(out, "... %s (%d checks)", strrchr(ids, ' ') + 1, n);
}

/* Skipped and undecided checks, those of the same reason on one line. */
static void print_undecided(FILE *out, struct db *db, int64_t run_id, const struct check_options *ran,
                            const char *verdict, const char *label)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    sqlite3_stmt *q =
        db_prepare(db, "SELECT coalesce(note, '') AS why, group_concat(\"check\", ' ') FROM (SELECT \"check\", note"
                       " FROM checks WHERE run_id = :run AND verdict = :verdict AND " REPORT_RAN
                       " ORDER BY substr(\"check\", 1, 1),"
                       " CAST(substr(\"check\", 2) AS INTEGER)) GROUP BY why ORDER BY min(substr(\"check\", 1, 1)),"
                       " min(CAST(substr(\"check\", 2) AS INTEGER))");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":verdict", verdict);
    db_bind_text(db, q, ":ids", ids);
    while (db_row(db, q)) {
        fprintf(out, "%s ", label);
        print_ids(out, (const char *)sqlite3_column_text(q, 1));
        if (sqlite3_column_bytes(q, 0) > 0) {
            fputs("  ", out);
            cli_print(out, (const char *)sqlite3_column_text(q, 0));
        }
        fputc('\n', out);
    }
    db_done(db, q);
}

void report_checks(FILE *out, struct db *db, int64_t run_id, const struct check_options *ran)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT verdict FROM checks WHERE run_id = :run AND \"check\" = :check");
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (check_chosen(ran, c->id) && verdict_of(db, q, run_id, c->id) == 'f')
            print_failed(out, db, run_id, c);
    }
    print_undecided(out, db, run_id, ran, "unknown", "UNKNOWN");
    print_passed(out, db, q, run_id, ran);
    print_undecided(out, db, run_id, ran, "skipped", "skip ");
    db_done(db, q);
}

void report_totals(FILE *out, struct db *db, int64_t run_id, const struct check_options *ran)
{
    struct report_counts c = report_count(db, run_id, ran);
    char a[REPORT_NUMBER];
    fputs(c.fail > 0 ? "FAIL  " : c.unknown > 0 || c.pass == 0 ? "UNKNOWN  " : "ok    ", out);
    if (c.fail > 0)
        fprintf(out, "%lld failed, ", (long long)c.fail);
    if (c.unknown > 0)
        fprintf(out, "%lld unknown, ", (long long)c.unknown);
    fprintf(out, "%lld checks passed, %lld skipped    %s records, %s\n", (long long)c.pass, (long long)c.skipped,
            report_number(ask_int(db, run_id, "SELECT count(*) FROM records WHERE run_id = :run"), a),
            report_lost(db, run_id) == 0 ? "complete" : "not complete");
}
