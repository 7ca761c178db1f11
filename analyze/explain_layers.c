/* explain_layers.c -- one line for each layer on which something went wrong before a violation, from below to above. */
#include "explain_int.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

struct wrong {
    int64_t v, t, rec;
    char words[440];
};

/* Of each class of each check its first violation; `same`: it was the very deed that `v` is about. Keys are
 * independent: what is of another key is left out. */
static const char firsts[] =
    "SELECT min(o.violation_id), max(v.first_bad_rec IS NOT NULL AND (o.first_bad_rec = v.first_bad_rec OR EXISTS"
    "   (SELECT 1 FROM violation_evidence e WHERE e.violation_id = o.violation_id AND e.rec = v.first_bad_rec)))"
    " FROM violations v JOIN violations o ON o.run_id = v.run_id AND o.t <= v.t AND coalesce(o.key = v.key, 1)"
    " WHERE v.violation_id = :v GROUP BY o.\"check\", o.fingerprint ORDER BY 1";

static int64_t time_of(struct db *db, int64_t rec)
{
    return explain_ask(db, "SELECT t FROM records WHERE id = :rec", 0, ":rec", rec);
}

static void put(struct wrong *at, const struct explain_facts *c)
{
    *at = (struct wrong){.v = c->v, .t = c->t, .rec = c->bad};
    snprintf(at->words, sizeof at->words, "%s  %s", c->check, c->title);
}

static void first_of_layers(struct db *db, const struct explain_facts *f, struct wrong w[LAYERS])
{
    unsigned is = f->is->is != HARM_NONE ? f->is->is : f->is->leads;
    sqlite3_stmt *q = db_prepare(db, firsts);
    db_bind_int(db, q, ":v", f->v);
    struct explain_facts c;
    while (db_row(db, q)) {
        if (!explain_facts(db, sqlite3_column_int64(q, 0), &c) || c.is == NULL || c.is->layer >= f->is->layer ||
            ((c.is->leads | c.is->is) & is) == 0)
            continue;
        if (sqlite3_column_int(q, 1) != 0) {
            c.bad = f->bad;
            c.t = time_of(db, c.bad);
        }
        if (w[c.is->layer].v == 0 || c.t < w[c.is->layer].t)
            put(&w[c.is->layer], &c);
    }
    db_done(db, q);
    put(&w[f->is->layer], f);
}

/* The network's part: the first of the lost messages that the evidence names. */
static void first_lost(struct db *db, const struct explain_facts *f, struct wrong *w)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT m.msg_id, m.t_in, coalesce(m.drop_rec, m.in_rec, m.send_rec, 0), m.type, m.src, m.dst, m.term,"
            " coalesce(m.why, 'unknown') FROM violation_evidence e JOIN messages m USING (msg_id)"
            " WHERE violation_id = :v AND e.part = 'lost_message' ORDER BY m.t_in LIMIT 1");
    db_bind_int(db, q, ":v", f->v);
    if (db_row(db, q)) {
        const unsigned char *type = sqlite3_column_text(q, 3);
        w->v = -1;
        w->t = sqlite3_column_int64(q, 1);
        w->rec = sqlite3_column_int64(q, 2);
        snprintf(w->words, sizeof w->words, "%.40s of term %lld from %.40s to %.40s is lost (%.40s)",
                 type != NULL ? (const char *)type : "message", (long long)sqlite3_column_int64(q, 6),
                 (const char *)sqlite3_column_text(q, 4), (const char *)sqlite3_column_text(q, 5),
                 (const char *)sqlite3_column_text(q, 7));
    }
    db_done(db, q);
}

static void print_place(struct db *db, int64_t rec, FILE *out)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT path || ':' || line FROM records JOIN sources USING (source_id)"
                                     " WHERE id = :rec");
    db_bind_int(db, q, ":rec", rec);
    if (db_row(db, q)) {
        fputs("  ", out);
        cli_print(out, (const char *)sqlite3_column_text(q, 0));
    }
    db_done(db, q);
}

void explain_layers(struct db *db, const struct explain_facts *f, FILE *out)
{
    struct wrong w[LAYERS] = {{.v = 0}};
    if (f->is == NULL)
        return;
    first_lost(db, f, &w[LAYER_NETWORK]);
    first_of_layers(db, f, w);
    int n = 0;
    for (int i = 0; i < LAYERS; i++)
        n += w[i].v != 0;
    if (n < 2)
        return;
    fputs("\n    first wrong step of each layer\n", out);
    for (int i = 0; i < LAYERS; i++) {
        if (w[i].v == 0)
            continue;
        fprintf(out, "      %-10s %9.1f  ", layer_name((enum layer)i), (double)w[i].t / 1e6);
        cli_print(out, w[i].words);
        if (w[i].v > 0)
            fprintf(out, "   V%lld", (long long)w[i].v);
        print_place(db, w[i].rec, out);
        fputc('\n', out);
    }
}
