/* history_db.c -- rows for tests of checks. */
#include "history_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int64_t ns(double ms)
{
    return (int64_t)(ms * 1e6);
}

static void exec(struct hdb *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void exec(struct hdb *h, const char *fmt, ...)
{
    char sql[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    if (!db_exec(&h->db, sql))
        fail_msg("%s", h->db.err);
}

/* A text as an SQL literal, NULL as NULL. Valid until sqlite3_free(). */
static char *quoted(const char *s)
{
    return sqlite3_mprintf("%Q", s);
}

void hdb_open(struct hdb *h)
{
    *h = (struct hdb){0};
    const char *tmp = getenv("TMPDIR");
    snprintf(h->dir, sizeof h->dir, "%.30s/faultline-check-XXXXXX", tmp != NULL && strlen(tmp) <= 30 ? tmp : "/tmp");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->path, sizeof h->path, "%s/run.db", h->dir);
    if (!db_create(&h->db, h->path))
        fail_msg("%s", h->db.err);
    exec(h,
         "INSERT INTO runs(run_id, name, t_end, schema_v) VALUES (1, 't', 0, 1);"
         "INSERT INTO sources(source_id, run_id, path) VALUES (1, 1, 'sim.1.jsonl');"
         "INSERT INTO nodes(run_id, node, kind) VALUES (1,'0000','replica'),(1,'0001','replica'),(1,'0002','replica'),"
         "(1,'0003','replica'),(1,'0004','replica'),(1,'0010','client'),(1,'0011','client'),(1,'0012','client'),(1,'"
         "sim','sim');"
         "INSERT INTO boots(run_id, node, boot, missing) VALUES (1,'sim',1,0)");
    /* Made without a journal, for speed; used with one, as checks use it. */
    db_close(&h->db);
    h->db = (struct db){0};
    if (!db_open(&h->db, h->path, true))
        fail_msg("%s", h->db.err);
}

void hdb_close(struct hdb *h)
{
    db_close(&h->db);
    unlink(h->path);
    rmdir(h->dir);
}

int64_t hdb_rec(struct hdb *h, const char *node, double t, const char *ev, const char *body)
{
    char *n = quoted(node), *e = quoted(ev), *b = quoted(body);
    h->seq++;
    exec(h,
         "INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, source_id, line, body)"
         " VALUES (%lld, 1, %s, 1, %lld, %lld, %lld, %s, 1, %lld, %s)",
         (long long)h->seq, n, (long long)h->seq, (long long)ns(t), (long long)h->seq, e, (long long)h->seq, b);
    sqlite3_free(n);
    sqlite3_free(e);
    sqlite3_free(b);
    return h->seq;
}

int64_t hdb_msg(struct hdb *h, const char *src, const char *dst, const char *type, const char *mid, int64_t term,
                double in, double out, const char *fate, const char *why, int64_t fault)
{
    char body[300];
    snprintf(body, sizeof body, "{\"src\":\"%s\",\"dst\":\"%s\",\"ty\":\"%s\",\"mid\":\"%s\",\"ld\":\"%s\"}", src, dst,
             type, mid, strlen(src) == 4 && src[1] == '0' && src[2] == '0' ? src : "FFFF");
    int64_t rec = hdb_rec(h, "sim", in, "net.in", body);
    char *w = quoted(why), *m = quoted(mid), t_out[32] = "NULL", f[32] = "NULL";
    if (strcmp(fate, "delivered") == 0)
        snprintf(t_out, sizeof t_out, "%lld", (long long)ns(out));
    if (fault != 0)
        snprintf(f, sizeof f, "%lld", (long long)fault);
    exec(h,
         "INSERT INTO messages(run_id, d, mid, src, dst, type, term, t_in, t_out, fate, why, fault_id, in_rec)"
         " VALUES (1, %lld, %s, '%s', '%s', '%s', %lld, %lld, %s, '%s', %s, %s, %lld)",
         (long long)rec, m, src, dst, type, (long long)term, (long long)ns(in), t_out, fate, w, f, (long long)rec);
    sqlite3_free(w);
    sqlite3_free(m);
    return sqlite3_last_insert_rowid(h->db.h);
}

int64_t hdb_op(struct hdb *h, const char *client, const char *f, const char *key, const char *val, double call,
               double ret, const char *result, const char *by)
{
    int64_t id = db_int(&h->db, "SELECT count(*) + 1 FROM ops", 0);
    char op[40], mid[48], t_return[32] = "NULL";
    snprintf(op, sizeof op, "%s:%lld", client, (long long)id);
    snprintf(mid, sizeof mid, "%s#1", op);
    if (ret >= 0)
        snprintf(t_return, sizeof t_return, "%lld", (long long)ns(ret));
    int64_t invoke = hdb_rec(h, "sim", call, "op.invoke", "{}"), try = hdb_rec(h, "sim", call, "op.try", "{}");
    char *k = quoted(key), *v = quoted(val), *b = quoted(by);
    exec(h,
         "INSERT INTO ops(op_id, run_id, op, client, f, key, val, t_invoke, t_return, result, served_by, tries, "
         "invoke_rec)"
         " VALUES (%lld, 1, '%s', '%s', '%s', %s, %s, %lld, %s, '%s', %s, 1, %lld);"
         "INSERT INTO op_tries(run_id, op_id, try, mid, node, t, rec) VALUES (1, %lld, 1, '%s', %s, %lld, %lld)",
         (long long)id, op, client, f, k, v, (long long)ns(call), t_return, result, b, (long long)invoke, (long long)id,
         mid, b, (long long)ns(call), (long long)try);
    sqlite3_free(k);
    sqlite3_free(v);
    sqlite3_free(b);
    if (by != NULL) {
        hdb_msg(h, client, by, f, mid, 0, call, call + 0.5, "delivered", NULL, 0);
        hdb_msg(h, by, client, result, mid, 0, ret - 0.5, ret, "delivered", NULL, 0);
    }
    return id;
}

void hdb_leader(struct hdb *h, const char *node, int64_t term, double from, double to, const char *origin)
{
    char t_end[32] = "NULL";
    if (to >= 0)
        snprintf(t_end, sizeof t_end, "%lld", (long long)ns(to));
    exec(h,
         "INSERT INTO leader_terms(run_id, node, boot, term, t_start, t_end, origin) VALUES (1, '%s', 1, %lld, %lld, "
         "%s, '%s')",
         node, (long long)term, (long long)ns(from), t_end, origin);
}

int64_t hdb_fault(struct hdb *h, const char *kind, const char *node, const char *target, double from, double to)
{
    char *n = quoted(node), *x = quoted(target), t_end[32] = "NULL";
    if (to >= 0)
        snprintf(t_end, sizeof t_end, "%lld", (long long)ns(to));
    exec(h,
         "INSERT INTO faults(run_id, f, kind, node, target, t_begin, t_end) VALUES (1, (SELECT count(*) + 1 FROM "
         "faults), '%s', %s, %s,"
         " %lld, %s)",
         kind, n, x, (long long)ns(from), t_end);
    sqlite3_free(n);
    sqlite3_free(x);
    return sqlite3_last_insert_rowid(h->db.h);
}

const char *hdb_check(struct hdb *h, const char *id, char verdict[16])
{
    enum verdict worst;
    if (!check_all(&h->db, &(struct check_options){.only = id}, &worst))
        fail_msg("%s", h->db.err);
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT verdict FROM checks WHERE \"check\" = '%s'", id);
    return hdb_rows(h, sql, verdict, 16);
}

const char *hdb_rows(struct hdb *h, const char *sql, char *out, size_t n)
{
    size_t at = 0;
    out[0] = '\0';
    sqlite3_stmt *q = db_prepare(&h->db, sql);
    for (int row = 0; db_row(&h->db, q); row++) {
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const char *s = (const char *)sqlite3_column_text(q, i);
            if (at < n)
                at += (size_t)snprintf(out + at, n - at, "%s%s",
                                       i > 0     ? "|"
                                       : row > 0 ? "\n"
                                                 : "",
                                       s != NULL ? s : "-");
        }
    }
    db_done(&h->db, q);
    if (h->db.failed)
        fail_msg("%s", h->db.err);
    assert_true(at < n);
    return out;
}
