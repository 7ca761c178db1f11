/* export_ops.c -- what clients did, as histories of Jepsen and of Porcupine.
 *
 * Both are made of the history that our own checks judge (history_load.h), so that the other program judges the same:
 * an earlier attempt of a write that its client tried again is an operation of unknown outcome of its own. */
#include "export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "history_load.h"
#include "json_out.h"
#include "mem.h"

struct item {
    const struct op *op;
    size_t key;
    int64_t process;
};

struct moment {
    int64_t t;
    bool returns;
    size_t item;
};

struct list {
    struct history h;
    struct item *item;
    size_t n, unread;
    struct moment *moment;
    size_t moments;
};

static int by_call(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;
    if (a->op->call != b->op->call)
        return a->op->call < b->op->call ? -1 : 1;
    return a->op->id < b->op->id ? -1 : a->op->id > b->op->id;
}

/* Calls come first: intervals that touch overlap. */
static int by_time(const void *pa, const void *pb)
{
    const struct moment *a = pa, *b = pb;
    if (a->t != b->t)
        return a->t < b->t ? -1 : 1;
    if (a->returns != b->returns)
        return a->returns ? 1 : -1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* A process has one operation open at a time, and is not heard of again after one of unknown outcome: a client that
 * goes on goes on as another. */
static void number_processes(struct list *l)
{
    int64_t next = 0;
    struct current {
        int64_t process, busy_until;
    } *of = mem_new((l->h.clients.n + 1) * sizeof *of);
    for (size_t i = 0; i < l->h.clients.n; i++)
        of[i] = (struct current){-1, INT64_MIN};
    for (size_t i = 0; i < l->n; i++) {
        const struct op *op = l->item[i].op;
        struct current *c = &of[op->client];
        if (op->ghost) {
            l->item[i].process = next++;
            continue;
        }
        if (c->process < 0 || c->busy_until >= op->call)
            c->process = next++;
        c->busy_until = op->ret;
        l->item[i].process = c->process;
    }
    free(of);
}

static bool open_list(struct export *e, struct list *l)
{
    *l = (struct list){.n = 0};
    history_init(&l->h);
    if (!history_load(&l->h, e->db, e->run_id)) {
        e->status = e->db->failed ? e->db->status : EXIT_INTERNAL;
        snprintf(e->err, sizeof e->err, "%s", e->db->failed ? e->db->err : "no memory");
        return false;
    }
    size_t all = 0;
    for (size_t k = 0; k < l->h.n; k++)
        all += l->h.keys[k].n;
    l->item = mem_new((all + 1) * sizeof *l->item);
    l->moment = mem_new((all * 2 + 1) * sizeof *l->moment);
    for (size_t k = 0; k < l->h.n; k++) {
        l->unread += l->h.keys[k].unread;
        for (size_t i = 0; i < l->h.keys[k].n; i++) {
            const struct op *op = &l->h.keys[k].ops[i];
            if (op->call >= e->from && op->call <= e->to)
                l->item[l->n++] = (struct item){op, k, 0};
        }
    }
    qsort(l->item, l->n, sizeof *l->item, by_call);
    number_processes(l);
    for (size_t i = 0; i < l->n; i++) {
        l->moment[l->moments++] = (struct moment){l->item[i].op->call, false, i};
        if (l->item[i].op->ret != HISTORY_OPEN)
            l->moment[l->moments++] = (struct moment){l->item[i].op->ret, true, i};
    }
    qsort(l->moment, l->moments, sizeof *l->moment, by_time);
    if (l->unread > 0)
        snprintf(e->remark, sizeof e->remark,
                 "operations of %zu keys are left out where what they do is not in the trace", l->unread);
    return true;
}

static void close_list(struct list *l)
{
    free(l->item);
    free(l->moment);
    history_free(&l->h);
}

/* ---- Jepsen ---- */

/* Is the text the one spelling of a 64-bit integer? */
static bool is_integer(const char *s, size_t n)
{
    char again[24];
    if (n == 0 || n >= sizeof again)
        return false;
    int len = snprintf(again, sizeof again, "%lld", strtoll(s, NULL, 10));
    return (size_t)len == n && memcmp(again, s, n) == 0;
}

static void edn_text(FILE *out, const char *p, size_t n)
{
    if (is_integer(p, n)) {
        fwrite(p, 1, n, out);
        return;
    }
    json_out(out, p, n); /* escapes are the same */
}

static void edn_value(FILE *out, const struct history *h, uint32_t value)
{
    size_t n;
    const char *p = intern_text(&h->values, value, &n);
    if (value == HISTORY_INITIAL)
        fputs("nil", out);
    else
        edn_text(out, p, n);
}

static const char *const jepsen_f[] = {
    [OP_READ] = "read", [OP_WRITE] = "write", [OP_CAS] = "cas", [OP_APPEND] = "append"};

/* One line: keys are independent, [key value]. */
static void jepsen_line(FILE *out, const struct list *l, const struct item *x, const char *type, int64_t t,
                        int64_t index)
{
    const struct op *op = x->op;
    size_t n;
    const char *key = intern_text(&l->h.names, l->h.keys[x->key].name, &n);
    fprintf(out, "{:process %" PRId64 ", :type :%s, :f :%s, :value [", x->process, type, jepsen_f[op->kind]);
    edn_text(out, key, n);
    fputc(' ', out);
    if (op->kind == OP_CAS) {
        fputc('[', out);
        edn_value(out, &l->h, op->expect);
        fputc(' ', out);
        edn_value(out, &l->h, op->value);
        fputc(']', out);
    } else if (op->kind == OP_READ && strcmp(type, "ok") != 0) {
        fputs("nil", out);
    } else {
        edn_value(out, &l->h, op->value);
    }
    fprintf(out, "], :time %" PRId64 ", :index %" PRId64, t, index);
    if (strcmp(type, "fail") == 0 && op->kind == OP_CAS && !l->h.failed_cas_reads)
        fputs(", :error :failed", out); /* for whatever reason */
    fputs("}\n", out);
}

/* The faults up to a time, as a nemesis would log them: begin and end, twice each. */
struct nemesis {
    sqlite3_stmt *q;
    bool more;
};

static void nemesis_until(struct export *e, struct nemesis *m, int64_t t, int64_t *index)
{
    while (m->more && sqlite3_column_int64(m->q, 0) <= t) {
        int64_t at = sqlite3_column_int64(m->q, 0);
        const char *kind = (const char *)sqlite3_column_text(m->q, 2),
                   *target = (const char *)sqlite3_column_text(m->q, 3);
        for (int twice = 0; twice < 2; twice++) {
            fprintf(e->out, "{:process :nemesis, :type :info, :f :%s-", (const char *)sqlite3_column_text(m->q, 1));
            for (const char *p = kind; *p != '\0'; p++) /* a keyword holds no blanks */
                fputc((*p >= 'a' && *p <= 'z') || *p == '_' ? *p : '_', e->out);
            fputs(", :value ", e->out);
            if (target != NULL)
                edn_text(e->out, target, strlen(target));
            else
                fputs("nil", e->out);
            fprintf(e->out, ", :time %" PRId64 ", :index %" PRId64 "}\n", at < 0 ? 0 : at, (*index)++);
        }
        m->more = db_row(e->db, m->q);
    }
}

static void nemesis_open(struct export *e, struct nemesis *m)
{
    m->q =
        db_prepare(e->db, "SELECT t_begin AS t, 'start', kind, target, node FROM faults WHERE run_id = :run"
                          " UNION ALL SELECT t_end, 'stop', kind, NULL, node FROM faults WHERE run_id = :run AND t_end"
                          " IS NOT NULL ORDER BY 1");
    db_bind_int(e->db, m->q, ":run", e->run_id);
    m->more = db_row(e->db, m->q);
}

/* Times count from the start of the test, and are never negative. */
static int64_t shown(const struct list *l, int64_t t)
{
    int64_t least = l->moments > 0 && l->moment[0].t < 0 ? l->moment[0].t : 0;
    return t - least;
}

void export_jepsen(struct export *e)
{
    struct list l;
    struct nemesis m;
    int64_t index = 0, last = 0;
    if (!open_list(e, &l)) {
        history_free(&l.h);
        return;
    }
    nemesis_open(e, &m);
    for (size_t i = 0; i < l.moments; i++) {
        const struct item *x = &l.item[l.moment[i].item];
        const char *type = !l.moment[i].returns ? "invoke" : x->op->outcome == OUTCOME_OK ? "ok" : "fail";
        nemesis_until(e, &m, l.moment[i].t, &index);
        last = shown(&l, l.moment[i].t);
        jepsen_line(e->out, &l, x, type, last, index++);
    }
    nemesis_until(e, &m, INT64_MAX, &index);
    for (size_t i = 0; i < l.n; i++) {
        if (l.item[i].op->ret == HISTORY_OPEN)
            jepsen_line(e->out, &l, &l.item[i], "info", last, index++);
    }
    db_done(e->db, m.q);
    close_list(&l);
}

/* ---- Porcupine ---- */

static void json_value(FILE *out, const char *name, const struct history *h, uint32_t value)
{
    size_t n;
    const char *p = intern_text(&h->values, value, &n);
    fprintf(out, "\"%s\":", name);
    if (value == HISTORY_INITIAL)
        fputs("null", out);
    else
        json_out(out, p, n);
}

static void porcupine_op(FILE *out, const struct list *l, const struct item *x, int64_t last)
{
    static const char *const words[] = {
        [OP_READ] = "get", [OP_WRITE] = "put", [OP_CAS] = "cas", [OP_APPEND] = "append"};
    const struct op *op = x->op;
    size_t n;
    const char *key = intern_text(&l->h.names, l->h.keys[x->key].name, &n);
    fprintf(out, "{\"ClientId\":%" PRId64 ",\"Input\":{\"op\":\"%s\",\"key\":", x->process, words[op->kind]);
    json_out(out, key, n);
    if (op->kind != OP_READ) {
        fputc(',', out);
        json_value(out, "value", &l->h, op->value);
    }
    if (op->kind == OP_CAS) {
        fputc(',', out);
        json_value(out, "old", &l->h, op->expect);
    }
    fprintf(out, "},\"Call\":%" PRId64 ",\"Output\":{", op->call);
    if (op->outcome == OUTCOME_UNKNOWN)
        fputs("\"unknown\":true", out);
    else if (op->outcome == OUTCOME_FAILED)
        fputs("\"ok\":false", out);
    else if (op->kind == OP_READ)
        json_value(out, "value", &l->h, op->value);
    fprintf(out, "},\"Return\":%" PRId64 "}", op->ret == HISTORY_OPEN ? last : op->ret);
}

/* An array of its type Operation; an unknown outcome returns after all others, as its authors advise. */
void export_porcupine(struct export *e)
{
    struct list l;
    if (!open_list(e, &l)) {
        history_free(&l.h);
        return;
    }
    int64_t last = l.moments > 0 ? l.moment[l.moments - 1].t + 1 : 0;
    fputc('[', e->out);
    for (size_t i = 0; i < l.n; i++) {
        fputs(i > 0 ? ",\n" : "\n", e->out);
        porcupine_op(e->out, &l, &l.item[i], last);
    }
    fputs("\n]\n", e->out);
    close_list(&l);
}
