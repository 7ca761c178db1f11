/* diff.c -- tells of the first divergence: what happened instead of what, which message made the difference, and what
 * followed. */
#include "diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "report_text.h"
#include "story.h"

enum { SHOWN = 6 };

static double ms(int64_t t)
{
    return (double)t / 1e6;
}

/* ---- one side ---- */

/* "  fail  3180.3  0003  votes for 0000 in term 2   0003.1:881  run7/0003.1.jsonl:881" */
static void print_event(const struct diff_run *r, const struct diff_event *e, FILE *out)
{
    fprintf(out, "  %-5s ", r->label);
    if (e == NULL) {
        fputs("           nothing of the kind\n", out);
        return;
    }
    fprintf(out, "%9.1f  ", ms(e->t));
    char *words = e->rec != 0 ? story_words(r->db, e->rec) : NULL;
    sqlite3_stmt *q =
        db_prepare(r->db, "SELECT node, node || '.' || boot || ':' || seq || '  ' || coalesce(path, '?') ||"
                          " ':' || line FROM records LEFT JOIN sources USING (source_id) WHERE id = :rec");
    db_bind_int(r->db, q, ":rec", e->rec);
    if (db_row(r->db, q)) {
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
        fputs("  ", out);
        cli_print(out, words != NULL ? words : "");
        fputs("   ", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 1));
    }
    db_done(r->db, q);
    free(words);
    fputc('\n', out);
}

/* ---- the message that made the difference ---- */

/* A message by its place among those of its link, type and term. */
struct place {
    char src[64], dst[64], type[64];
    int64_t term, nth;
};

/* The message during whose handling the record was made. False: it was no message. */
static bool input_of(const struct diff_run *r, int64_t rec, struct place *p)
{
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT m.src, m.dst, m.type, m.term, (SELECT count(*) FROM messages n WHERE n.run_id = m.run_id"
               " AND n.dst = m.dst AND n.t_in <= m.t_in AND n.src = m.src AND n.type = m.type AND n.term IS"
               " m.term AND n.copy = m.copy) FROM records x JOIN messages m ON m.recv_rec = coalesce(x.cause,"
               " x.id) WHERE x.id = :rec LIMIT 1");
    db_bind_int(r->db, q, ":rec", rec);
    bool found = db_row(r->db, q) && sqlite3_column_type(q, 2) != SQLITE_NULL;
    if (found) {
        snprintf(p->src, sizeof p->src, "%s", (const char *)sqlite3_column_text(q, 0));
        snprintf(p->dst, sizeof p->dst, "%s", (const char *)sqlite3_column_text(q, 1));
        snprintf(p->type, sizeof p->type, "%s", (const char *)sqlite3_column_text(q, 2));
        p->term = sqlite3_column_type(q, 3) != SQLITE_NULL ? sqlite3_column_int64(q, 3) : -1;
        p->nth = sqlite3_column_int64(q, 4);
    }
    db_done(r->db, q);
    return found;
}

/* Prints what became of it. Returns 'd' for delivered, 'l' for lost, 'n' for never sent, 'o' otherwise. */
static char print_message(const struct diff_run *r, const struct place *p, FILE *out)
{
    char fate = 'o';
    sqlite3_stmt *q = db_prepare(
        r->db,
        "SELECT m.d, m.fate = 'dropped', m.why, (SELECT f FROM faults f WHERE f.fault_id = m.fault_id),"
        " coalesce(m.t_recv, m.t_out) - coalesce(m.t_send, m.t_in), coalesce(m.t_send, m.t_in), m.fate FROM messages m"
        " WHERE m.run_id = :run AND m.dst = :dst AND m.src = :src AND m.type = :type AND coalesce(m.term, -1) = :term"
        " AND m.copy = 1 ORDER BY m.t_in, m.msg_id LIMIT 1 OFFSET :n");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":src", p->src);
    db_bind_text(r->db, q, ":dst", p->dst);
    db_bind_text(r->db, q, ":type", p->type);
    db_bind_int(r->db, q, ":term", p->term);
    db_bind_int(r->db, q, ":n", p->nth > 0 ? p->nth - 1 : 0);
    fprintf(out, "  %-5s ", r->label);
    bool found = db_row(r->db, q);
    if (found)
        fprintf(out, "%9.1f  ", ms(sqlite3_column_int64(q, 5)));
    else
        fputs("           ", out);
    if (found && sqlite3_column_type(q, 0) != SQLITE_NULL)
        fprintf(out, "d:%lld ", (long long)sqlite3_column_int64(q, 0));
    cli_print(out, p->type);
    if (p->term >= 0)
        fprintf(out, " term %lld", (long long)p->term);
    fputc(' ', out);
    cli_print(out, p->src);
    fputs(" -> ", out);
    cli_print(out, p->dst);
    if (!found) {
        fputs("   never sent\n", out);
        fate = 'n';
    } else if (sqlite3_column_int(q, 1) != 0) {
        const unsigned char *why = sqlite3_column_text(q, 2);
        fprintf(out, "   lost (%s", why != NULL ? (const char *)why : "unknown");
        if (sqlite3_column_type(q, 3) != SQLITE_NULL)
            fprintf(out, ", F%lld", (long long)sqlite3_column_int64(q, 3));
        fputs(")\n", out);
        fate = 'l';
    } else if (sqlite3_column_type(q, 4) != SQLITE_NULL) {
        fprintf(out, "   delivered after %.1f ms\n", ms(sqlite3_column_int64(q, 4)));
        fate = 'd';
    } else {
        fprintf(out, "   %s\n", (const char *)sqlite3_column_text(q, 6));
    }
    db_done(r->db, q);
    return fate;
}

/* One message in both runs, as text to be freed; `differs`: it met another fate. */
static char *pair(const struct diff_run *a, const struct diff_run *b, const struct place *p, bool *differs)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        abort();
    char of_a = print_message(a, p, out), of_b = print_message(b, p, out);
    *differs = of_a != of_b;
    if (fclose(out) != 0 || text == NULL)
        abort();
    return text;
}

/* What each side handled when it did what the other did not do: the same message in both runs, if it met another fate
 * in the other, or there is nothing better to show. */
static void print_messages(const struct diff_run *a, const struct diff_run *b, const struct diff_parting *p, FILE *out)
{
    char *text[2] = {NULL, NULL};
    bool differs[2] = {false, false};
    struct place of;
    if (p->a != NULL && p->a->rec != 0 && input_of(a, p->a->rec, &of))
        text[0] = pair(a, b, &of, &differs[0]);
    if (p->b != NULL && p->b->rec != 0 && input_of(b, p->b->rec, &of))
        text[1] = pair(a, b, &of, &differs[1]);
    if (text[0] != NULL && text[1] != NULL && strcmp(text[0], text[1]) == 0) {
        free(text[0]);
        text[0] = NULL;
    }
    bool any = differs[0] || differs[1], title = false;
    for (int i = 0; i < 2; i++) {
        if (text[i] != NULL && (differs[i] || !any)) {
            fprintf(out, "%s%s", title ? "" : "\nwhat made it\n", text[i]);
            title = true;
        }
        free(text[i]);
    }
}

/* ---- what followed ---- */

static void print_leaders(const struct diff_run *r, int64_t t, FILE *out)
{
    sqlite3_stmt *q =
        db_prepare(r->db, "SELECT node, term, t_start, t_end, count(*) OVER () FROM leader_terms WHERE run_id = :run"
                          " AND coalesce(t_end, 9223372036854775807) >= :t ORDER BY t_start LIMIT 6");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_int(r->db, q, ":t", t);
    fprintf(out, "  %-5s ", r->label);
    int64_t n = 0, all = 0;
    while (db_row(r->db, q)) {
        fputs(n++ > 0 ? "; " : "", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
        fprintf(out, " leads term %lld from %.1f", (long long)sqlite3_column_int64(q, 1),
                ms(sqlite3_column_int64(q, 2)));
        if (sqlite3_column_type(q, 3) != SQLITE_NULL)
            fprintf(out, " to %.1f", ms(sqlite3_column_int64(q, 3)));
        all = sqlite3_column_int64(q, 4);
    }
    db_done(r->db, q);
    fputs(n == 0 ? "nobody leads" : "", out);
    if (all > n)
        fprintf(out, "; and %lld more", (long long)(all - n));
    fputc('\n', out);
}

static void print_violations(const struct diff_run *r, FILE *out)
{
    sqlite3_stmt *q =
        db_prepare(r->db, "SELECT fingerprint, count(*), min(violation_id), max(violation_id) FROM violations"
                          " WHERE run_id = :run GROUP BY fingerprint ORDER BY 3 LIMIT 6");
    db_bind_int(r->db, q, ":run", r->run_id);
    fprintf(out, "  %-5s ", r->label);
    int n = 0;
    while (db_row(r->db, q)) {
        fputs(n++ > 0 ? "; " : "", out);
        fprintf(out, "%lld x ", (long long)sqlite3_column_int64(q, 1));
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
        fprintf(out, " (V%lld", (long long)sqlite3_column_int64(q, 2));
        if (sqlite3_column_int64(q, 1) > 1)
            fprintf(out, " ...");
        fputc(')', out);
    }
    db_done(r->db, q);
    fputs(n == 0 ? "no violation\n" : "\n", out);
}

/* Kinds of events, with their reason, that only one of the runs has from the divergence on. */
static const char kinds[] =
    "SELECT ev || coalesce(' (' || json_extract(body, '$.why') || ')', '') AS kind, count(*) AS n FROM records"
    " WHERE run_id = :run AND t >= :t AND ev IN ('role.change', 'vote.deny', 'log.reject', 'log.truncate', "
    "'req.redirect',"
    " 'req.drop', 'req.dedup', 'req.hold', 'read.local', 'read.serve', 'lease.expire', 'snap.save', 'snap.send',"
    " 'snap.install', 'node.start', 'node.stop', 'node.exit', 'fault.begin', 'op.return', 'op.extra', 'msg.bad')"
    " GROUP BY kind ORDER BY n DESC, kind";

static void print_only(const struct diff_run *r, const struct diff_run *other, int64_t t, FILE *out)
{
    sqlite3_stmt *q = db_prepare(r->db, kinds), *o = db_prepare(other->db, kinds);
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_int(r->db, q, ":t", t);
    int n = 0;
    while (n < SHOWN && db_row(r->db, q)) {
        const char *kind = (const char *)sqlite3_column_text(q, 0);
        bool both = false;
        db_bind_int(other->db, o, ":run", other->run_id);
        db_bind_int(other->db, o, ":t", t);
        while (db_row(other->db, o))
            both = both || strcmp((const char *)sqlite3_column_text(o, 0), kind) == 0;
        if (both)
            continue;
        if (n++ == 0)
            fprintf(out, "  only in %s: ", r->label);
        fprintf(out, "%s%lld x ", n > 1 ? ", " : "", (long long)sqlite3_column_int64(q, 1));
        cli_print(out, kind);
    }
    db_done(r->db, q);
    db_done(other->db, o);
    fputs(n > 0 ? "\n" : "", out);
}

static void print_consequences(const struct diff_run *a, const struct diff_run *b, int64_t t, FILE *out)
{
    fputs("\nwhat followed\n", out);
    print_leaders(a, t, out);
    print_leaders(b, t, out);
    print_violations(a, out);
    print_violations(b, out);
    print_only(a, b, t, out);
    print_only(b, a, t, out);
}

/* ---- the whole ---- */

static const char *const levels[DIFF_LEVELS] = {[DIFF_RAFT] = "by term, index and operation",
                                                [DIFF_CLIENT] = "by the clients' operations",
                                                [DIFF_NET] = "by the messages of each link"};

/* "0003.1:881" */
static void print_reference(const struct diff_run *r, int64_t rec, FILE *out)
{
    sqlite3_stmt *q = db_prepare(r->db, "SELECT node || '.' || boot || ':' || seq FROM records WHERE id = :rec");
    db_bind_int(r->db, q, ":rec", rec);
    if (db_row(r->db, q))
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
    db_done(r->db, q);
}

static void print_parting(const struct diff_run *a, const struct diff_run *b, const struct diff_parting *p, FILE *out)
{
    fputs("first divergence   ", out);
    cli_print(out, p->stream);
    if (p->a_last != NULL) {
        fputs(", after ", out);
        print_reference(a, p->a_last->rec, out);
        fprintf(out, " (%.1f ms | %.1f ms)", ms(p->a_last->t), ms(p->b_last->t));
    }
    fputc('\n', out);
    print_event(a, p->a, out);
    print_event(b, p->b, out);
    print_messages(a, b, p, out);
    print_consequences(a, b, p->t, out);
}

/* True when the runs part on this level. */
static bool tell(const struct diff_run *a, const struct diff_run *b, enum diff_level level, FILE *out)
{
    struct diff_streams sa, sb;
    char number[REPORT_NUMBER];
    diff_streams_read(&sa, a->db, a->run_id, level);
    diff_streams_read(&sb, b->db, b->run_id, level);
    struct diff_parting p = diff_part(&sa, &sb);
    if (sa.n > 0 || sb.n > 0)
        fprintf(out, "aligned %s: %s in common%s\n", levels[level], report_number((int64_t)p.aligned, number),
                p.stream != NULL ? " before the first divergence" : ", no divergence");
    bool parts = p.stream != NULL;
    if (parts)
        print_parting(a, b, &p, out);
    diff_streams_free(&sa);
    diff_streams_free(&sb);
    return parts;
}

bool diff_print(const struct diff_run *a, const struct diff_run *b, enum diff_level level, FILE *out)
{
    if (level != DIFF_LEVELS)
        tell(a, b, level, out);
    for (int i = 0; level == DIFF_LEVELS && i < DIFF_LEVELS && !a->db->failed && !b->db->failed; i++) {
        if (tell(a, b, (enum diff_level)i, out))
            break;
    }
    return !a->db->failed && !b->db->failed;
}
