/* diff_streams.c -- see diff_streams.h. */
#include "diff_streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "pairmap.h"

/* An entry is committed once for each index; one record may commit this many (a damaged trace may claim more). */
enum { RANGE_MOST = 100000, NAME_LEN = 200 };

struct reader {
    struct diff_streams *out;
    struct pairmap of; /* hash of a name -> 1 + stream */
};

/* ---- hashing: FNV-1a, with an end mark after each part ---- */

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *u = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ u[i]) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* A column of any type; NULL is not "". */
static uint64_t hash_column(uint64_t h, sqlite3_stmt *q, int i)
{
    int type = sqlite3_column_type(q, i);
    h = hash_bytes(h, &type, sizeof type);
    const void *p = sqlite3_column_text(q, i);
    return hash_bytes(h, p != NULL ? p : "", (size_t)sqlite3_column_bytes(q, i));
}

/* ---- streams ---- */

static void push(struct reader *r, const char *name, uint64_t h, int64_t rec, int64_t t)
{
    struct diff_streams *all = r->out;
    uint64_t *at = pairmap_at(&r->of, hash_bytes(HASH_BEGIN, name, strlen(name)) | 1, 0);
    if (*at == 0) {
        all->s = vector_grow(all->s, &all->room, all->n, sizeof *all->s);
        all->s[all->n] = (struct diff_stream){.name = mem_text(name, strlen(name))};
        *at = ++all->n;
    }
    struct diff_stream *s = &all->s[*at - 1];
    s->v = vector_grow(s->v, &s->room, s->n, sizeof *s->v);
    s->v[s->n++] = (struct diff_event){h, rec, t};
}

void diff_streams_free(struct diff_streams *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->s[i].name);
        free(s->s[i].v);
    }
    free(s->s);
    *s = (struct diff_streams){.n = 0};
}

/* ---- reading ---- */

/* id, t, node, ev, then what counts; of elections also what was handled: the same step for another reason is another
 * course of things. */
static const char raft[] =
    "SELECT r.id, r.t, r.node, r.ev, r.term, json_extract(r.body, '$.new'), json_extract(r.body, '$.cand'),"
    " json_extract(r.body, '$.cterm'), json_extract(r.body, '$.idx'), json_extract(r.body, '$.eterm'),"
    " json_extract(r.body, '$.op'), json_extract(r.body, '$.key'), json_extract(r.body, '$.val'),"
    " json_extract(r.body, '$.old'), json_extract(r.body, '$.from'), json_extract(r.body, '$.rlast'), r.node || ' ' ||"
    " CASE WHEN r.ev IN ('log.append', 'log.truncate', 'snap.install') THEN 'entries' WHEN r.ev = 'commit.advance'"
    " THEN 'commits' WHEN r.ev = 'apply' THEN 'applications' ELSE 'elections' END, CASE WHEN r.ev IN ('role.change',"
    " 'term.change', 'vote.grant') THEN (SELECT i.ev || ' ' || coalesce(json_extract(i.body, '$.ty'), '') || ' ' ||"
    " coalesce(json_extract(i.body, '$.from'), '') FROM records i WHERE i.id = r.cause) END FROM records r"
    " WHERE r.run_id = :run AND r.ev IN ('role.change', 'term.change', 'vote.grant', 'log.append', 'log.truncate',"
    " 'snap.install', 'commit.advance', 'apply', 'node.start') AND NOT (r.ev = 'vote.grant'"
    " AND coalesce(json_extract(r.body, '$.pre'), 0) = 1) ORDER BY r.t, r.id";
static const char client[] =
    "SELECT id, t, ev, json_extract(body, '$.f'), json_extract(body, '$.key'), json_extract(body, '$.val'),"
    " json_extract(body, '$.res'), 'client ' || CASE WHEN instr(op, ':') > 0 THEN substr(op, 1, instr(op, ':') - 1)"
    " ELSE op END FROM (SELECT *, coalesce(json_extract(body, '$.op'), '') AS op FROM records WHERE run_id = :run"
    " AND ev IN ('op.invoke', 'op.return')) ORDER BY t, id";
static const char net[] = "SELECT coalesce(drop_rec, recv_rec, out_rec, in_rec, send_rec, 0), coalesce(t_send, t_in, "
                          "t_out, t_recv), type, term,"
                          " copy, fate = 'dropped', src || ' -> ' || dst FROM messages WHERE run_id = :run"
                          " ORDER BY coalesce(t_send, t_in, t_out, t_recv), msg_id";

static void commits(struct reader *r, sqlite3_stmt *q, const char *name)
{
    int64_t from = sqlite3_column_int64(q, 13), to = sqlite3_column_int64(q, 5);
    uint64_t n = (uint64_t)to - (uint64_t)from;
    if (to <= from || n > RANGE_MOST)
        n = 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t idx = (uint64_t)to - n + 1 + i;
        push(r, name, hash_bytes(HASH_BEGIN, &idx, sizeof idx), sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
    }
}

static void read_raft(struct reader *r, sqlite3_stmt *q)
{
    static const int of_entry[] = {3, 8, 9, 10, 11, 12}, of_election[] = {3, 4, 5, 6, 7, 15, 17}, of_cut[] = {3, 8, 14};
    const char *ev = (const char *)sqlite3_column_text(q, 3), *name = (const char *)sqlite3_column_text(q, 16);
    if (strcmp(ev, "commit.advance") == 0) {
        commits(r, q, name);
        return;
    }
    bool entry = strcmp(ev, "log.append") == 0 || strcmp(ev, "apply") == 0;
    bool cut = strcmp(ev, "log.truncate") == 0 || strcmp(ev, "snap.install") == 0;
    const int *of = entry ? of_entry : cut ? of_cut : of_election;
    uint64_t h = HASH_BEGIN;
    for (int i = 0; i < (cut ? 3 : entry ? 6 : 7); i++)
        h = hash_column(h, q, of[i]);
    push(r, name, h, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
}

/* From column `from` to before `to`, then the name. */
static void read_columns(struct reader *r, sqlite3_stmt *q, int from, int to)
{
    uint64_t h = HASH_BEGIN;
    for (int i = from; i < to; i++)
        h = hash_column(h, q, i);
    push(r, (const char *)sqlite3_column_text(q, to), h, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
}

void diff_streams_read(struct diff_streams *out, struct db *db, int64_t run_id, enum diff_level level)
{
    static const char *const queries[DIFF_LEVELS] = {raft, client, net};
    *out = (struct diff_streams){.n = 0};
    struct reader r = {.out = out};
    sqlite3_stmt *q = db_prepare(db, queries[level]);
    db_bind_int(db, q, ":run", run_id);
    while (db_row(db, q)) {
        if (level == DIFF_RAFT)
            read_raft(&r, q);
        else
            read_columns(&r, q, 2, level == DIFF_CLIENT ? 7 : 6);
    }
    db_done(db, q);
    q = db_prepare(db, "SELECT coalesce(max(t), 0) FROM records WHERE run_id = :run");
    db_bind_int(db, q, ":run", run_id);
    out->t_end = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    pairmap_free(&r.of);
}

/* ---- comparing ---- */

static const struct diff_stream *stream_named(const struct diff_streams *all, const char *name)
{
    static const struct diff_stream none = {.n = 0};
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->s[i].name, name) == 0)
            return &all->s[i];
    }
    return &none;
}

static size_t common(const struct diff_stream *a, const struct diff_stream *b)
{
    size_t i = 0;
    while (i < a->n && i < b->n && a->v[i].h == b->v[i].h)
        i++;
    return i;
}

/* One stream of both: earlier than what was found so far? */
static void compare(struct diff_parting *p, const char *name, const struct diff_streams *all_a,
                    const struct diff_streams *all_b)
{
    const struct diff_stream *a = stream_named(all_a, name), *b = stream_named(all_b, name);
    size_t i = common(a, b);
    const struct diff_event *x = i < a->n ? &a->v[i] : NULL, *y = i < b->n ? &b->v[i] : NULL;
    if (x == NULL && y == NULL)
        return;
    if ((x == NULL && y->t > all_a->t_end) || (y == NULL && x->t > all_b->t_end))
        return; /* the other run was over by then */
    int64_t t = x == NULL ? y->t : y == NULL ? x->t : x->t < y->t ? x->t : y->t;
    if (p->stream != NULL && p->t <= t)
        return;
    *p = (struct diff_parting){.stream = name,
                               .a = x,
                               .b = y,
                               .a_last = i > 0 ? &a->v[i - 1] : NULL,
                               .b_last = i > 0 ? &b->v[i - 1] : NULL,
                               .t = t};
}

struct diff_parting diff_part(const struct diff_streams *a, const struct diff_streams *b)
{
    struct diff_parting p = {.stream = NULL};
    for (size_t i = 0; i < a->n; i++)
        compare(&p, a->s[i].name, a, b);
    for (size_t i = 0; i < b->n; i++) {
        if (stream_named(a, b->s[i].name)->n == 0)
            compare(&p, b->s[i].name, a, b);
    }
    for (size_t i = 0; i < a->n; i++) {
        const struct diff_stream *s = &a->s[i];
        size_t same = common(s, stream_named(b, s->name));
        for (size_t k = 0; k < same; k++)
            p.aligned += p.stream == NULL || s->v[k].t <= p.t;
    }
    return p;
}
