/* report_data.c -- a span of the run as columns: records, messages, operations, and the state at its start.
 *
 * JSON that is small, and quick to read: times and ids are differences from the row before, texts are numbers of a
 * table of texts, the fields of a record follow its shape (its event and the names of its fields), and a replica's
 * state is a number of a table of states. analyze/report/model.js is the reader. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "names.h"
#include "pairmap.h"
#include "report_int.h"

enum { RAW_SHOWN = 4000 };

/* One column, written while rows are read: what goes into the object when all are known. */
struct column {
    FILE *f;
    char *text;
    size_t size;
    int64_t last;
    bool any;
};

static void column_open(struct column *c)
{
    *c = (struct column){.f = open_memstream(&c->text, &c->size)};
    if (c->f == NULL)
        abort();
}

/* Takes what was written. */
static void column_close(FILE *f, const char *key, struct column *c)
{
    fclose(c->f);
    fprintf(f, "\"%s\":[", key);
    fwrite(c->text, 1, c->size, f);
    fputc(']', f);
    free(c->text);
}

static FILE *next(struct column *c)
{
    if (c->any)
        fputc(',', c->f);
    c->any = true;
    return c->f;
}

static void put(struct column *c, int64_t v)
{
    fprintf(next(c), "%" PRId64, v);
}

/* The difference from the row before. */
static void put_delta(struct column *c, int64_t v)
{
    put(c, v - c->last);
    c->last = v;
}

struct segment {
    struct names texts, shapes, states, boots;
    struct column text, shape, state, boot; /* the tables */
    int64_t texts_n, shapes_n, states_n, boots_n;
};

/* The number of this name in its table; new ones are written by the caller when *fresh. */
static int64_t number(struct names *set, int64_t *n, const char *p, size_t len, bool *fresh)
{
    struct name *name = names_get(set, p, len);
    *fresh = name->user == NULL;
    if (*fresh)
        name->user = (void *)(intptr_t)++ * n;
    return (intptr_t)name->user - 1;
}

static int64_t textn(struct segment *s, const char *p, size_t n)
{
    bool fresh;
    int64_t i = number(&s->texts, &s->texts_n, p != NULL ? p : "", n, &fresh);
    if (fresh)
        json_str(next(&s->text), p != NULL ? p : "", n);
    return i;
}

/* Of a column of text; -1 = NULL. */
static int64_t text(struct segment *s, sqlite3_stmt *q, int i)
{
    const char *p = (const char *)sqlite3_column_text(q, i);
    return p != NULL ? textn(s, p, (size_t)sqlite3_column_bytes(q, i)) : -1;
}

/* ---- records ---- */

/* How a field is written, the letter before its name: "$" a text of the table, "=" JSON. Numbers that JavaScript cannot
 * hold exactly are texts. */
static bool as_text(const struct trace_field *f)
{
    return f->kind == TRACE_STRING || f->raw.n > RAW_SHOWN || (f->kind == TRACE_INT && llabs(f->i) >= INT64_C(1) << 53);
}

static int64_t shape_of(struct segment *s, const char *ev, const struct trace_record *body)
{
    char key[2048];
    size_t n = (size_t)snprintf(key, sizeof key, "%s", ev);
    for (size_t i = 0; i < body->n_fields && n < sizeof key; i++)
        n += (size_t)snprintf(key + n, sizeof key - n, "\n%c%.*s", as_text(&body->field[i]) ? '$' : '=',
                              (int)body->field[i].key.n, body->field[i].key.p);
    if (n >= sizeof key)
        n = sizeof key - 1;
    bool fresh;
    int64_t shape = number(&s->shapes, &s->shapes_n, key, n, &fresh);
    if (fresh) {
        FILE *f = next(&s->shape);
        fputc('[', f);
        json_str(f, ev, strlen(ev));
        for (size_t i = 0; i < body->n_fields; i++) {
            char name[256];
            int len = snprintf(name, sizeof name, "%c%.*s", as_text(&body->field[i]) ? '$' : '=',
                               (int)body->field[i].key.n, body->field[i].key.p);
            fputc(',', f);
            json_str(f, name, len < (int)sizeof name ? (size_t)len : sizeof name - 1);
        }
        fputc(']', f);
    }
    return shape;
}

static void put_fields(struct segment *s, struct column *values, const struct trace_record *body)
{
    for (size_t i = 0; i < body->n_fields; i++) {
        const struct trace_field *f = &body->field[i];
        if (as_text(f))
            put(values, f->kind == TRACE_STRING ? textn(s, f->text.p, f->text.n) : textn(s, f->raw.p, f->raw.n));
        else
            json_raw(next(values), f->raw.p, f->raw.n);
    }
}

/* term, role, commit, applied, last from column `i` on; -1 when the record has none. */
static int64_t state_of(struct segment *s, sqlite3_stmt *q, int i)
{
    if (sqlite3_column_type(q, i + 1) == SQLITE_NULL)
        return -1;
    char key[160];
    int n = snprintf(key, sizeof key, "%lld,\"%c\",%lld,%lld,%lld", (long long)sqlite3_column_int64(q, i),
                     strchr("FPCLO", sqlite3_column_text(q, i + 1)[0]) != NULL ? sqlite3_column_text(q, i + 1)[0] : '?',
                     (long long)sqlite3_column_int64(q, i + 2), (long long)sqlite3_column_int64(q, i + 3),
                     (long long)sqlite3_column_int64(q, i + 4));
    bool fresh;
    int64_t state = number(&s->states, &s->states_n, key, (size_t)n, &fresh);
    if (fresh)
        fprintf(next(&s->state), "[%s]", key);
    return state;
}

struct boot_at {
    int64_t seq, line; /* of its last record */
};

static int64_t boot_of(struct segment *s, sqlite3_stmt *q)
{
    char key[512];
    int n = snprintf(key, sizeof key, "%s.%lld", (const char *)sqlite3_column_text(q, 2),
                     (long long)sqlite3_column_int64(q, 3));
    bool fresh;
    int64_t boot = number(&s->boots, &s->boots_n, key, n < (int)sizeof key ? (size_t)n : sizeof key - 1, &fresh);
    if (fresh) {
        FILE *f = next(&s->boot);
        fputc('[', f);
        json_column_text(f, q, 2);
        fputc(',', f);
        json_column_int(f, q, 3);
        fputc(',', f);
        json_column_int(f, q, 13);
        fputc(']', f);
    }
    return boot;
}

/* Only what does not follow from the row before it: [row, value, row, value, ...]. */
static void put_odd(struct column *c, int64_t row, int64_t v)
{
    if (v != 0) {
        put(c, row);
        put(c, v);
    }
}

static int64_t put_records(FILE *out, struct segment *s, const struct report *r, int64_t from, int64_t to)
{
    static const char *const keys[] = {"t", "boot", "shape", "state", "cause", "v", "id", "seq", "line"};
    enum { T, BOOT, SHAPE, STATE, CAUSE, VALUES, ID, SEQ, LINE, COLUMNS };
    struct column c[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        column_open(&c[i]);
    struct body *parser = body_new();
    struct boot_at *at = NULL;
    size_t room = 0;
    int64_t n = 0, known = 0, id = 0;
    sqlite3_stmt *q = report_query(r, "records");
    db_bind_int(r->db, q, ":from", from);
    db_bind_int(r->db, q, ":to", to);
    for (; db_row(r->db, q); n++) {
        int64_t boot = boot_of(s, q), this = sqlite3_column_int64(q, 0);
        for (; known <= boot; known++) {
            at = vector_grow(at, &room, (size_t)known, sizeof *at);
            at[known] = (struct boot_at){0, 0};
        }
        const char *body = (const char *)sqlite3_column_text(q, 14);
        const struct trace_record *fields =
            body_parse(parser, body != NULL ? body : "", (size_t)sqlite3_column_bytes(q, 14));
        int64_t seq = sqlite3_column_int64(q, 4), line = sqlite3_column_int64(q, 12);
        put_odd(&c[ID], n, this - id - 1);
        put_odd(&c[SEQ], n, seq - at[boot].seq - 1);
        put_odd(&c[LINE], n, line - at[boot].line - 1);
        id = this;
        at[boot] = (struct boot_at){seq, line};
        put_delta(&c[T], sqlite3_column_int64(q, 1));
        put(&c[BOOT], boot);
        put(&c[SHAPE], shape_of(s, (const char *)sqlite3_column_text(q, 5), fields));
        put_fields(s, &c[VALUES], fields);
        put(&c[CAUSE], sqlite3_column_type(q, 6) != SQLITE_NULL ? this - sqlite3_column_int64(q, 6) : 0);
        put(&c[STATE], state_of(s, q, 7));
    }
    db_done(r->db, q);
    body_free(parser);
    free(at);
    for (size_t i = 0; i < COLUMNS; i++) {
        fputs(i == 0 ? "\"rec\":{" : ",", out);
        column_close(out, keys[i], &c[i]);
    }
    fputs("}", out);
    return n;
}

/* ---- messages and operations ---- */

static void put_messages(FILE *out, struct segment *s, const struct report *r, int64_t from, int64_t to)
{
    static const char *const keys[] = {"id",   "d",   "copy",  "src",  "dst",  "type", "term", "t",    "dt",
                                       "fate", "why", "fault", "base", "send", "in",   "out",  "drop", "recv"};
    enum { ID, D, COPY, SRC, DST, TYPE, TERM, T, DT, FATE, WHY, FAULT, BASE, SEND, COLUMNS = SEND + 5 };
    struct column c[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        column_open(&c[i]);
    sqlite3_stmt *q = report_query(r, "messages");
    db_bind_int(r->db, q, ":from", from);
    db_bind_int(r->db, q, ":to", to);
    while (db_row(r->db, q)) {
        put_delta(&c[ID], sqlite3_column_int64(q, 0));
        put_delta(&c[D], sqlite3_column_int64(q, 1));
        put(&c[COPY], sqlite3_column_int64(q, 2));
        put(&c[SRC], text(s, q, 3));
        put(&c[DST], text(s, q, 4));
        put(&c[TYPE], text(s, q, 5));
        put(&c[TERM], sqlite3_column_type(q, 6) != SQLITE_NULL ? sqlite3_column_int64(q, 6) : -1);
        int64_t t = sqlite3_column_int64(q, 7);
        put_delta(&c[T], t);
        put(&c[DT], sqlite3_column_type(q, 8) != SQLITE_NULL ? sqlite3_column_int64(q, 8) - t : -1);
        put(&c[FATE], text(s, q, 9));
        put(&c[WHY], text(s, q, 10));
        put(&c[FAULT], sqlite3_column_int64(q, 11));
        int64_t base = 0;
        for (int i = 12; i <= 16 && base == 0; i++)
            base = sqlite3_column_int64(q, i);
        put_delta(&c[BASE], base);
        for (int i = 0; i < 5; i++) /* 0 = none, else 1 + the distance from the first of them */
            put(&c[SEND + i],
                sqlite3_column_type(q, 12 + i) != SQLITE_NULL ? sqlite3_column_int64(q, 12 + i) - base + 1 : 0);
    }
    db_done(r->db, q);
    for (size_t i = 0; i < COLUMNS; i++) {
        fputs(i == 0 ? ",\"msg\":{" : ",", out);
        column_close(out, keys[i], &c[i]);
    }
    fputs("}", out);
}

static void put_operations(FILE *out, const struct report *r, int64_t from, int64_t to)
{
    sqlite3_stmt *q = report_query(r, "operations");
    db_bind_int(r->db, q, ":from", from);
    db_bind_int(r->db, q, ":to", to);
    fputs(",\"ops\":[", out);
    for (int n = 0; db_row(r->db, q); n++) {
        fputs(n > 0 ? ",[" : "[", out);
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            if (i > 0)
                fputc(',', out);
            if (sqlite3_column_type(q, i) == SQLITE_TEXT)
                json_column_text(out, q, i);
            else
                json_column_int(out, q, i);
        }
        fputc(']', out);
    }
    db_done(r->db, q);
    fputs("]", out);
}

/* ---- the state at the start ---- */

static void put_start(FILE *out, const struct report *r, int64_t from, int64_t to)
{
    sqlite3_stmt *q = report_query(r, "state");
    db_bind_int(r->db, q, ":from", from);
    fputs(",\"start\":[", out);
    for (int n = 0; db_row(r->db, q); n++) {
        fputs(n > 0 ? ",[" : "[", out);
        json_column_text(out, q, 0);
        fprintf(out, ",%lld,%lld,%lld,", (long long)sqlite3_column_int64(q, 1), (long long)sqlite3_column_int64(q, 2),
                (long long)sqlite3_column_int64(q, 3));
        json_column_text(out, q, 4);
        for (int i = 5; i <= 8; i++)
            fprintf(out, ",%lld", (long long)sqlite3_column_int64(q, i));
        fputc(']', out);
    }
    db_done(r->db, q);
    fputs("],\"values\":[", out);
    q = report_query(r, "values");
    db_bind_int(r->db, q, ":from", from);
    db_bind_int(r->db, q, ":to", to);
    for (int n = 0; db_row(r->db, q); n++) {
        fputs(n > 0 ? ",[" : "[", out);
        for (int i = 0; i < 3; i++) {
            json_column_text(out, q, i);
            fputc(',', out);
        }
        json_column_int(out, q, 3);
        fputc(']', out);
    }
    db_done(r->db, q);
    fputs("]", out);
}

int64_t report_segment(FILE *f, const struct report *r, int64_t from, int64_t to)
{
    struct segment s = {0};
    column_open(&s.text);
    column_open(&s.shape);
    column_open(&s.state);
    column_open(&s.boot);
    fprintf(f, "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",", from, to);
    int64_t n = put_records(f, &s, r, from, to);
    put_messages(f, &s, r, from, to);
    put_operations(f, r, from, to);
    put_start(f, r, from, to);
    fputc(',', f);
    column_close(f, "shapes", &s.shape);
    fputc(',', f);
    column_close(f, "states", &s.state);
    fputc(',', f);
    column_close(f, "boots", &s.boot);
    fputc(',', f);
    column_close(f, "texts", &s.text);
    fputc('}', f);
    names_free(&s.texts);
    names_free(&s.shapes);
    names_free(&s.states);
    names_free(&s.boots);
    return n;
}
