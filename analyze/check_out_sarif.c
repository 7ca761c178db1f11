/* check_out_sarif.c -- SARIF 2.1.0 (OASIS): a result for each class of violations in a run, with the evidence as a code
 * flow of one thread for each node. Trace lines are its code. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_out.h"
#include "cli.h"
#include "explain_class.h"
#include "report_text.h"

enum { RELATED = 10 }; /* further cases of a class that are pointed at */

/* ---- pieces ---- */

/* Text of unknown origin: what is no UTF-8, and what could act on a terminal or reorder text, becomes '?'. */
static json_t *plain(const char *s)
{
    if (s == NULL)
        return NULL;
    char *safe = strdup(s);
    if (safe == NULL)
        abort();
    const char *end = safe + strlen(safe);
    for (char *p = safe; p < end;) {
        size_t n = cli_printable((const unsigned char *)p, (size_t)(end - p));
        if (n == 0 && *p != '\n')
            *p = '?';
        p += n > 0 ? n : 1;
    }
    json_t *j = json_string(safe);
    free(safe);
    return j;
}

static json_t *message(const char *s)
{
    return json_pack("{s:o}", "text", plain(s));
}

/* A path as a URI reference (RFC 3986). */
static json_t *uri(const char *path)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    char *out = malloc(3 * strlen(path) + 8), *at = out;
    if (out == NULL)
        abort();
    if (*path == '/')
        at += sprintf(at, "file://");
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr(kept, *p) != NULL)
            *at++ = *p;
        else
            at += sprintf(at, "%%%02X", (unsigned)(unsigned char)*p);
    }
    *at = '\0';
    json_t *j = json_string(out);
    free(out);
    return j;
}

static json_t *place(const char *path, int64_t line)
{
    json_t *j = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri(path));
    if (line > 0)
        json_object_set_new(j, "region", json_pack("{s:I}", "startLine", (json_int_t)line));
    return j;
}

static void stamp(int64_t us, char out[40])
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char day[32] = "1970-01-01T00:00:00";
    if (us >= 0 && gmtime_r(&s, &tm) != NULL)
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 40, "%s.%06dZ", day, us >= 0 ? (int)(us % 1000000) : 0);
}

/* ---- the evidence, as threads ---- */

struct step {
    const char *node, *note, *path;
    int64_t line, t;
    bool has_state;
    int64_t term, commit;
    const char *role;
};

static json_t *location(const struct check_result *r, const struct step *s, int64_t order)
{
    char when[40];
    stamp(r->info->started_us + s->t / 1000, when);
    json_t *where = json_object();
    if (s->path != NULL)
        json_object_set_new(where, "physicalLocation", place(s->path, s->line));
    if (s->note != NULL)
        json_object_set_new(where, "message", message(s->note));
    json_t *j = json_pack("{s:o, s:I}", "location", where, "executionOrder", (json_int_t)order);
    if (s->t >= 0)
        json_object_set_new(j, "executionTimeUtc", json_string(when));
    if (s->has_state) {
        char term[24], commit[24];
        snprintf(term, sizeof term, "%" PRId64, s->term);
        snprintf(commit, sizeof commit, "%" PRId64, s->commit);
        json_object_set_new(
            j, "state",
            json_pack("{s:o, s:o, s:o}", "term", message(term), "role", message(s->role), "commit", message(commit)));
    }
    return j;
}

/* The thread of the node; made when it is the first time. */
static json_t *thread_of(json_t *threads, const char *node)
{
    size_t i;
    json_t *t;
    json_array_foreach(threads, i, t)
    {
        if (strcmp(json_string_value(json_object_get(t, "id")), node) == 0)
            return json_object_get(t, "locations");
    }
    t = json_pack("{s:o, s:[]}", "id", plain(node), "locations");
    json_array_append_new(threads, t);
    return json_object_get(t, "locations");
}

static json_t *code_flows(const struct check_result *r, int64_t violation)
{
    json_t *threads = json_array();
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT coalesce(x.node, o.client, 'network'), coalesce(e.note, x.ev), (SELECT path FROM sources s WHERE"
               " s.source_id = coalesce(x.source_id, y.source_id)), coalesce(x.line, y.line),"
               " coalesce(x.t, y.t, m.t_in, f.t_begin, -1), x.term, x.role, x.commit_idx FROM violation_evidence e"
               " LEFT JOIN records x ON x.id = e.rec LEFT JOIN ops o ON o.op_id = e.op_id"
               " LEFT JOIN messages m ON m.msg_id = e.msg_id LEFT JOIN faults f ON f.fault_id = e.fault_id"
               " LEFT JOIN records y ON y.id = coalesce(m.in_rec, m.send_rec, f.begin_rec)"
               " WHERE e.violation_id = :v ORDER BY 5, e.pos");
    db_bind_int(r->db, q, ":v", violation);
    for (int64_t order = 1; db_row(r->db, q); order++) {
        struct step s = {.node = (const char *)sqlite3_column_text(q, 0),
                         .note = (const char *)sqlite3_column_text(q, 1),
                         .path = (const char *)sqlite3_column_text(q, 2),
                         .line = sqlite3_column_int64(q, 3),
                         .t = sqlite3_column_int64(q, 4),
                         .has_state = sqlite3_column_type(q, 5) != SQLITE_NULL,
                         .term = sqlite3_column_int64(q, 5),
                         .role = (const char *)sqlite3_column_text(q, 6),
                         .commit = sqlite3_column_int64(q, 7)};
        s.has_state = s.has_state && s.role != NULL;
        json_array_append_new(thread_of(threads, s.node), location(r, &s, order));
    }
    db_done(r->db, q);
    if (json_array_size(threads) == 0) {
        json_decref(threads);
        return NULL;
    }
    return json_pack("[{s:o}]", "threadFlows", threads);
}

/* ---- results ---- */

static json_t *related(const struct check_result *r, const char *check, const char *class)
{
    json_t *all = json_array();
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT v.title, (SELECT path FROM sources s WHERE s.source_id = x.source_id), x.line FROM violations v"
               " JOIN records x ON x.id = v.first_bad_rec WHERE v.run_id = :run AND v.\"check\" = :check AND"
               " v.fingerprint = :class ORDER BY v.violation_id LIMIT 10 OFFSET 1");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":check", check);
    db_bind_text(r->db, q, ":class", class);
    for (int64_t id = 1; db_row(r->db, q) && id <= RELATED; id++)
        json_array_append_new(all,
                              json_pack("{s:I, s:o, s:o}", "id", (json_int_t)id, "message",
                                        message((const char *)sqlite3_column_text(q, 0)), "physicalLocation",
                                        place((const char *)sqlite3_column_text(q, 1), sqlite3_column_int64(q, 2))));
    db_done(r->db, q);
    return all;
}

static const char *level_of(const char *severity)
{
    return strcmp(severity, "COST") == 0 || strcmp(severity, "LIVE") == 0 ? "warning" : "error";
}

static json_t *where(const struct check_result *r, const char *trace, int64_t line)
{
    if (r->info->scenario != NULL)
        return json_pack("[{s:o}]", "physicalLocation", place(r->info->scenario, 1));
    return trace != NULL ? json_pack("[{s:o}]", "physicalLocation", place(trace, line)) : json_array();
}

static json_t *result(struct check_out *out, const struct check_result *r, sqlite3_stmt *q)
{
    const char *check = (const char *)sqlite3_column_text(q, 0), *class = (const char *)sqlite3_column_text(q, 1),
               *severity = (const char *)sqlite3_column_text(q, 2), *title = (const char *)sqlite3_column_text(q, 3);
    const struct violation_class *about = class_find(class);
    char text[1200];
    snprintf(text, sizeof text, "%.700s%s%.400s", title, about != NULL ? ". " : "", about != NULL ? about->says : "");
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:{s:s+++}}", "ruleId", check, "kind", "fail", "level",
                  level_of(severity), "message", message(text), "locations",
                  where(r, (const char *)sqlite3_column_text(q, 5), sqlite3_column_int64(q, 6)), "relatedLocations",
                  related(r, check, class), "occurrenceCount", (json_int_t)sqlite3_column_int64(q, 4),
                  "partialFingerprints", "faultlineClass/v1", check, "/", class, "");
    json_t *flows = code_flows(r, sqlite3_column_int64(q, 7));
    if (flows != NULL)
        json_object_set_new(j, "codeFlows", flows);
    if (out->baseline != NULL)
        json_object_set_new(j, "baselineState",
                            json_string(baseline_knows(out->baseline, check, class) ? "unchanged" : "new"));
    return j;
}

static void undecided(const struct check_result *r, const struct check_options *ran, json_t *results)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    sqlite3_stmt *q =
        db_prepare(r->db, "SELECT \"check\", note FROM checks WHERE run_id = :run AND verdict = 'unknown' AND"
                          " " REPORT_RAN " ORDER BY 1");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":ids", ids);
    while (db_row(r->db, q)) {
        const char *note = (const char *)sqlite3_column_text(q, 1);
        json_array_append_new(results,
                              json_pack("{s:s, s:s, s:s, s:o, s:o}", "ruleId", (const char *)sqlite3_column_text(q, 0),
                                        "kind", "open", "level", "none", "message",
                                        message(note != NULL ? note : "not decided"), "locations", where(r, NULL, 0)));
    }
    db_done(r->db, q);
}

/* Known classes that this run does not show. */
static void absent(struct check_out *out, json_t *results)
{
    const char *check, *class;
    for (size_t i = 0; baseline_at(out->baseline, i, &check, &class); i++) {
        size_t k;
        json_t *one;
        bool there = false;
        char print[400];
        snprintf(print, sizeof print, "%.100s/%.290s", check, class);
        json_array_foreach(results, k, one)
        {
            const char *p =
                json_string_value(json_object_get(json_object_get(one, "partialFingerprints"), "faultlineClass/v1"));
            there = there || (p != NULL && strcmp(p, print) == 0);
        }
        if (!there)
            json_array_append_new(results, json_pack("{s:o, s:s, s:s, s:o, s:s, s:{s:o}}", "ruleId", plain(check),
                                                     "kind", "pass", "level", "none", "message",
                                                     message("not seen any more"), "baselineState", "absent",
                                                     "partialFingerprints", "faultlineClass/v1", plain(print)));
    }
}

static json_t *rules(const struct check_options *ran)
{
    json_t *all = json_array();
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (check_chosen(ran, c->id))
            json_array_append_new(all, json_pack("{s:s, s:s, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}", "id", c->id, "name",
                                                 c->title, "shortDescription", "text", c->title, "fullDescription",
                                                 "text", c->help, "help", "text", c->help, "defaultConfiguration",
                                                 "level", level_of(c->severity)));
    }
    return all;
}

static void sarif_run(struct check_out *out, const struct check_result *r)
{
    char ids[REPORT_IDS];
    report_ids(out->ran, ids);
    json_t *results = json_array();
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT v.\"check\", v.fingerprint, v.severity, v.title, count(*),"
               " (SELECT path FROM sources s WHERE s.source_id = x.source_id), x.line, min(v.violation_id)"
               " FROM violations v LEFT JOIN records x ON x.id = v.first_bad_rec WHERE v.run_id = :run AND " REPORT_RAN
               " GROUP BY v.\"check\", v.fingerprint ORDER BY 8");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":ids", ids);
    while (db_row(r->db, q))
        json_array_append_new(results, result(out, r, q));
    db_done(r->db, q);
    undecided(r, out->ran, results);
    absent(out, results);
    json_t *run = json_pack("{s:{s:{s:s, s:s, s:o}}, s:{s:o}, s:s, s:o, s:{s:o}}", "tool", "driver", "name",
                            "faultline-analyze", "version", out->version, "rules", rules(out->ran), "automationDetails",
                            "id", json_sprintf("faultline/%s", r->run), "columnKind", "utf16CodeUnits", "results",
                            results, "properties", "input", plain(r->name));
    json_t *properties = json_object_get(run, "properties");
    if (r->info->has_seed)
        json_object_set_new(properties, "seed", json_integer(r->info->seed));
    if (r->info->rerun != NULL)
        json_object_set_new(properties, "rerun", plain(r->info->rerun));
    if (r->info->report != NULL)
        json_object_set_new(properties, "report", plain(r->info->report));
    if (out->doc == NULL)
        out->doc = json_array();
    json_array_append_new(out->doc, run);
}

static void sarif_end(struct check_out *out)
{
    json_t *j = json_pack("{s:s, s:s, s:o}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json", "version",
                          "2.1.0", "runs", out->doc != NULL ? out->doc : json_array());
    json_dumpf(j, out->f, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', out->f);
    json_decref(j);
}

const struct check_format check_sarif = {"sarif", sarif_run, sarif_end};
