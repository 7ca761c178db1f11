/* story.c -- see story.h. */
#include "story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "cli.h"
#include "mem.h"
#include "pairmap.h"
#include "words.h"

enum { CHAIN_MAX = 60 };

struct step {
    int64_t t, rec;
    char *who, *words, *where; /* where: "0003.1:1462  run7/0003.1.jsonl:1462", NULL = no record */
    bool wrong;
    size_t order; /* as added, for equal times */
};

struct story {
    struct db *db;
    int64_t run_id;
    struct body *body;
    struct step *step;
    size_t n, room;
    char **remark;
    size_t n_remarks, remark_room;
    struct pairmap seen; /* (record + 1, 0) and (fault + 1, 1) -> 1 + step */
    bool sorted;
};

struct story *story_new(struct db *db, int64_t run_id)
{
    struct story *s = mem_new(sizeof *s);
    s->db = db;
    s->run_id = run_id;
    s->body = body_new();
    return s;
}

void story_free(struct story *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->step[i].who);
        free(s->step[i].words);
        free(s->step[i].where);
    }
    for (size_t i = 0; i < s->n_remarks; i++)
        free(s->remark[i]);
    free(s->step);
    free(s->remark);
    pairmap_free(&s->seen);
    body_free(s->body);
    free(s);
}

size_t story_steps(const struct story *s)
{
    return s->n;
}

static char *copy(const char *p, size_t n)
{
    return mem_text(p, strnlen(p, n));
}

static char *format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *format(const char *fmt, va_list ap)
{
    char *text;
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    return text;
}

static struct step *add(struct story *s)
{
    s->step = vector_grow(s->step, &s->room, s->n, sizeof *s->step);
    s->step[s->n] = (struct step){.order = s->n};
    return &s->step[s->n++];
}

void story_step(struct story *s, int64_t t, const char *who, const char *fmt, ...)
{
    struct step *step = add(s);
    va_list ap;
    va_start(ap, fmt);
    step->t = t;
    step->who = copy(who, strlen(who));
    step->words = format(fmt, ap);
    va_end(ap);
}

void story_remark(struct story *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    s->remark = vector_grow(s->remark, &s->remark_room, s->n_remarks, sizeof *s->remark);
    s->remark[s->n_remarks++] = format(fmt, ap);
    va_end(ap);
}

/* ---- records ---- */

static const char select_record[] =
    "SELECT r.node, r.boot, r.seq, r.t, r.ev, r.term, r.role, r.commit_idx, r.applied_idx, r.last_idx,"
    " r.body, s.path, r.line, r.node || '.' || r.boot || ':' || r.seq"
    " FROM records r LEFT JOIN sources s USING (source_id) WHERE r.id = :id";

static int64_t column_or(sqlite3_stmt *q, int i, int64_t dflt)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? dflt : sqlite3_column_int64(q, i);
}

static const char *text_or(sqlite3_stmt *q, int i, const char *dflt)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    return s != NULL ? s : dflt;
}

static char *sentence(struct body *b, sqlite3_stmt *q, const struct trace_record **fields)
{
    const char *body = text_or(q, 10, "{}");
    struct words_context c = {
        .ev = text_or(q, 4, ""),
        .term = column_or(q, 5, -1),
        .role = text_or(q, 6, "")[0],
        .ci = column_or(q, 7, -1),
        .ai = column_or(q, 8, -1),
        .li = column_or(q, 9, -1),
    };
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        abort();
    *fields = body_parse(b, body, strlen(body));
    words_of_record(out, &c, *fields);
    if (fclose(out) != 0 || text == NULL)
        abort();
    return text;
}

char *story_words(struct db *db, int64_t rec)
{
    struct body *b = body_new();
    sqlite3_stmt *q = db_prepare(db, select_record);
    db_bind_int(db, q, ":id", rec);
    const struct trace_record *fields;
    char *words = db_row(db, q) ? sentence(b, q, &fields) : NULL;
    db_done(db, q);
    body_free(b);
    return words;
}

/* Who acted. The simulator writes down what others did: operations are their client's ("0010:24" is the 24th of client
 * 0010), a datagram that comes in is its sender's, one that goes out its receiver's, and a lost one the network's. */
static char *actor(sqlite3_stmt *q, const struct trace_record *fields)
{
    static const struct {
        const char *prefix, *key;
    } others[] = {{"op.", "cli"}, {"op.", "op"}, {"net.in", "src"}, {"net.out", "dst"}};
    const char *ev = text_or(q, 4, ""), *node = text_or(q, 0, "");
    if (strcmp(ev, "net.drop") == 0)
        return copy("net", 3);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct trace_text t = trace_find_text(fields, others[i].key);
        if (strncmp(ev, others[i].prefix, strlen(others[i].prefix)) != 0 || t.n == 0)
            continue;
        const char *colon = memchr(t.p, ':', t.n);
        return copy(t.p, colon != NULL ? (size_t)(colon - t.p) : t.n);
    }
    return copy(node, strlen(node));
}

static struct step *record(struct story *s, int64_t rec, char *words)
{
    uint64_t *at = rec > 0 ? pairmap_at(&s->seen, (uint64_t)rec + 1, 0) : NULL;
    if (at == NULL || *at != 0) {
        free(words);
        return at != NULL ? &s->step[*at - 1] : NULL;
    }
    sqlite3_stmt *q = db_prepare(s->db, select_record);
    db_bind_int(s->db, q, ":id", rec);
    struct step *step = NULL;
    if (db_row(s->db, q)) {
        const struct trace_record *fields;
        char *own = sentence(s->body, q, &fields);
        step = add(s);
        step->rec = rec;
        step->t = sqlite3_column_int64(q, 3);
        step->who = actor(q, fields);
        step->words = words != NULL ? words : own;
        free(words != NULL ? own : NULL);
        words = NULL;
        if (asprintf(&step->where, "%s  %s:%" PRId64, text_or(q, 13, ""), text_or(q, 11, "?"),
                     (int64_t)sqlite3_column_int64(q, 12)) < 0)
            abort();
        *at = s->n;
    }
    free(words);
    db_done(s->db, q);
    return step;
}

void story_record(struct story *s, int64_t rec, const char *words, ...)
{
    char *text = NULL;
    if (words != NULL) {
        va_list ap;
        va_start(ap, words);
        text = format(words, ap);
        va_end(ap);
    }
    record(s, rec, text);
}

void story_note(struct story *s, int64_t rec, const char *note)
{
    char *own = story_words(s->db, rec);
    story_record(s, rec, "%s: %s", own != NULL ? own : "", note);
    free(own);
}

void story_wrong(struct story *s, int64_t rec)
{
    struct step *step = record(s, rec, NULL);
    if (step != NULL)
        step->wrong = true;
}

/* ---- faults ---- */

/* [["0001","0003"],["0000"]] as {0001 0003} | {0000}. */
static void print_groups(FILE *out, struct trace_text json)
{
    int depth = 0;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (c == '[' && ++depth == 2)
            fputc('{', out);
        else if (c == ']' && depth-- == 2)
            fputc('}', out);
        else if (c == ',')
            fputs(depth == 1 ? " | " : " ", out);
        else if (strchr("\"[] ", c) == NULL)
            fputc(c, out);
    }
}

/* What the fault hits and how: {"groups": .., "links": .., "sig": .., "p": ..}. */
static void print_target(FILE *out, struct body *b, const char *json)
{
    static const struct {
        const char *key, *before, *after;
    } numbers[] = {{"sig", " with signal ", ""}, {"skew_us", " by ", " us"}, {"p", " of ", " per mille"}};
    const struct trace_record *fields = body_parse(b, json, strlen(json));
    for (size_t i = 0; i < fields->n_fields; i++) {
        if (fields->field[i].kind != TRACE_ARRAY)
            continue;
        fputc(' ', out);
        print_groups(out, fields->field[i].raw);
    }
    int64_t v;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (trace_find_int(fields, numbers[i].key, &v))
            fprintf(out, "%s%" PRId64 "%s", numbers[i].before, v, numbers[i].after);
    }
    struct trace_text cause = trace_find_text(fields, "cause");
    if (cause.n > 0)
        fprintf(out, " (%.*s)", (int)cause.n, cause.p);
}

void story_fault(struct story *s, int64_t fault_id)
{
    uint64_t *at = pairmap_at(&s->seen, (uint64_t)fault_id + 1, 1);
    if (*at != 0)
        return;
    sqlite3_stmt *q =
        db_prepare(s->db, "SELECT 'F' || coalesce(f, fault_id), kind, node, target, t_begin, t_end FROM faults"
                          " WHERE fault_id = :id");
    db_bind_int(s->db, q, ":id", fault_id);
    if (db_row(s->db, q)) {
        struct step *step = add(s);
        size_t n;
        FILE *out = open_memstream(&step->words, &n);
        if (out == NULL)
            abort();
        fprintf(out, "%s", text_or(q, 1, "fault"));
        if (sqlite3_column_type(q, 2) != SQLITE_NULL)
            fprintf(out, " of %s", text_or(q, 2, ""));
        print_target(out, s->body, text_or(q, 3, ""));
        if (sqlite3_column_type(q, 5) != SQLITE_NULL)
            fprintf(out, " until %.1f", (double)sqlite3_column_int64(q, 5) / 1e6);
        if (fclose(out) != 0 || step->words == NULL)
            abort();
        step->who = copy(text_or(q, 0, "fault"), 16);
        step->t = sqlite3_column_int64(q, 4);
        *at = s->n;
    }
    db_done(s->db, q);
}

/* ---- the chain ---- */

struct link {
    int64_t rec;
    int depth;
    bool net, hidden; /* net: written by the network */
};

static bool by_network(struct db *db, int64_t rec)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT ev IN ('net.in', 'net.out') FROM records WHERE id = :id");
    db_bind_int(db, q, ":id", rec);
    bool net = db_row(db, q) && sqlite3_column_int(q, 0) != 0;
    db_done(db, q);
    return net;
}

void story_chain(struct story *s, int64_t rec, int depth)
{
    struct link *link = NULL;
    size_t n = 0, room = 0;
    struct pairmap known = {0};
    link = vector_grow(link, &room, n, sizeof *link);
    link[n++] = (struct link){.rec = rec, .net = by_network(s->db, rec)};
    *pairmap_at(&known, (uint64_t)rec + 1, 0) = 1;
    bool more = false;
    sqlite3_stmt *q = db_prepare(s->db, "SELECT src FROM edges WHERE dst = :id ORDER BY src");
    for (size_t i = 0; i < n; i++) {
        if (link[i].depth >= depth || n >= CHAIN_MAX) {
            more = true;
            continue;
        }
        db_bind_int(s->db, q, ":id", link[i].rec);
        while (db_row(s->db, q)) {
            int64_t src = sqlite3_column_int64(q, 0);
            uint64_t *at = pairmap_at(&known, (uint64_t)src + 1, 0);
            if (*at == 0) {
                link = vector_grow(link, &room, n, sizeof *link);
                bool net = by_network(s->db, src);
                link[n++] = (struct link){.rec = src, .depth = link[i].depth + !net, .net = net};
                *at = n;
            }
            /* What an end tells need not be told by the network in between. */
            struct link *from = &link[*at - 1];
            if (from->net && !link[i].net)
                from->hidden = true;
            if (link[i].net && !from->net)
                link[i].hidden = true;
        }
        sqlite3_reset(q);
    }
    db_done(s->db, q);
    for (size_t i = n; i-- > 0;) {
        if (!link[i].hidden)
            record(s, link[i].rec, NULL);
    }
    if (more && n > 1)
        story_remark(s, "the chain goes further back: --depth %d shows more", depth * 2);
    free(link);
    pairmap_free(&known);
}

/* ---- printing ---- */

static int by_time(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    if (x->rec != 0 && y->rec != 0)
        return x->rec < y->rec ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

bool story_line(struct story *s, size_t i, struct story_line *line)
{
    if (!s->sorted && s->n > 0)
        qsort(s->step, s->n, sizeof *s->step, by_time);
    s->sorted = true;
    pairmap_free(&s->seen); /* steps have moved: nothing is added from here on */
    if (i >= s->n)
        return false;
    const struct step *step = &s->step[i];
    /* "0000  0000 leads" says it twice. */
    size_t who = strlen(step->who), skip = 0;
    if (who > 0 && strncmp(step->words, step->who, who) == 0 && step->words[who] == ' ')
        skip = who + 1;
    *line = (struct story_line){step->t, step->rec, step->who, step->words + skip, step->where, step->wrong};
    return true;
}

const char *story_remark_at(const struct story *s, size_t i)
{
    return i < s->n_remarks ? s->remark[i] : NULL;
}

void story_print(struct story *s, FILE *out)
{
    struct story_line line;
    for (size_t i = 0; story_line(s, i, &line); i++) {
        fprintf(out, "  %c %9.1f  ", line.wrong ? '>' : ' ', (double)line.t / 1e6);
        cli_print(out, line.who);
        fprintf(out, "%*s", (int)(strlen(line.who) < 6 ? 6 - strlen(line.who) : 1), "");
        cli_print(out, line.words);
        if (line.where != NULL) {
            size_t width = strlen(line.words);
            fprintf(out, "%*s", (int)(width < 62 ? 62 - width : 2), "");
            cli_print(out, line.where);
        }
        fputs(line.wrong ? "   first wrong step\n" : "\n", out);
    }
    const char *remark;
    for (size_t i = 0; (remark = story_remark_at(s, i)) != NULL; i++) {
        fputs(i == 0 && s->n > 0 ? "\n    " : "    ", out);
        cli_print(out, remark);
        fputc('\n', out);
    }
}
