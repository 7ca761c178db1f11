/* fixture.c -- see fixture.h. */
#include "fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../analyze/load.h"
#include "spawn.h"

void fixture_open(struct fixture *fx)
{
    *fx = (struct fixture){.n_nodes = 0};
    spawn_tempdir(fx->dir, sizeof fx->dir);
    snprintf(fx->path, sizeof fx->path, "%s/run.db", fx->dir);
}

void fixture_close(struct fixture *fx)
{
    db_close(&fx->db);
    spawn_remove(fx->dir);
}

void fixture_bytes(struct fixture *fx, const char *file, const void *p, size_t n)
{
    char path[8300];
    snprintf(path, sizeof path, "%s/%s", fx->dir, file);
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

void fixture_text(struct fixture *fx, const char *file, const char *text)
{
    fixture_bytes(fx, file, text, strlen(text));
}

static int node_of(struct fixture *fx, const char *node)
{
    for (int i = 0; i < fx->n_nodes; i++) {
        if (strcmp(fx->node[i].name, node) == 0)
            return i;
    }
    assert_true(fx->n_nodes < FIXTURE_NODES);
    snprintf(fx->node[fx->n_nodes].name, sizeof fx->node[0].name, "%s", node);
    fx->node[fx->n_nodes].boot = 1;
    return fx->n_nodes++;
}

static bool stateless(const char *ev)
{
    static const char *const families[] = {"trace.", "note",      "net.",     "fault.",
                                           "op.",    "node.stop", "node.out", "node.exit"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strncmp(ev, families[i], strlen(families[i])) == 0)
            return true;
    }
    return false;
}

static void put(struct fixture *fx, int node, int64_t t, const char *ev, const char *fields)
{
    char file[64], line[16384], cause[40] = "", state[160] = "";
    snprintf(file, sizeof file, "%s.%" PRId64 ".jsonl", fx->node[node].name, fx->node[node].boot);
    if (fx->cause != 0 && strcmp(ev, "trace.open") != 0)
        snprintf(cause, sizeof cause, ",\"c\":%" PRId64, fx->cause);
    if (fx->state.role != 0 && !stateless(ev))
        snprintf(state, sizeof state,
                 ",\"term\":%" PRId64 ",\"role\":\"%c\",\"ci\":%" PRId64 ",\"ai\":%" PRId64 ",\"li\":%" PRId64,
                 fx->state.term, fx->state.role, fx->state.ci, fx->state.ai, fx->state.li);
    int n = snprintf(line, sizeof line,
                     "{\"n\":\"%s\",\"b\":%" PRId64 ",\"s\":%" PRId64 ",\"t\":%" PRId64 ",\"lc\":%" PRId64
                     ",\"ev\":\"%s\"%s%s%s%s}\n",
                     fx->node[node].name, fx->node[node].boot, ++fx->node[node].seq, t, ++fx->node[node].lc, ev, cause,
                     state, *fields != '\0' ? "," : "", fields);
    assert_true(n > 0 && (size_t)n < sizeof line);
    fx->node[node].last_t = t;
    fixture_text(fx, file, line);
}

int64_t fixture_rec(struct fixture *fx, const char *node, int64_t t, const char *ev, const char *fields)
{
    int i = node_of(fx, node);
    if (fx->node[i].seq == 0 && strcmp(ev, "trace.open") != 0)
        put(fx, i, t, "trace.open",
            "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\",\"pid\":1,"
            "\"impl\":\"test\",\"peers\":[]");
    put(fx, i, t, ev, fields);
    return fx->node[i].seq;
}

int64_t fixture_recf(struct fixture *fx, const char *node, int64_t t, const char *ev, const char *fmt, ...)
{
    char fields[12288];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof fields);
    return fixture_rec(fx, node, t, ev, fields);
}

void fixture_finish(struct fixture *fx)
{
    int64_t cause = fx->cause;
    fx->cause = 0;
    for (int i = 0; i < fx->n_nodes; i++) {
        char fields[64];
        snprintf(fields, sizeof fields, "\"records\":%" PRId64 ",\"lost\":0", fx->node[i].seq + 1);
        if (fx->node[i].seq > 0)
            put(fx, i, fx->node[i].last_t, "trace.close", fields);
    }
    fx->cause = cause;
}

void fixture_reboot(struct fixture *fx, const char *node)
{
    int i = node_of(fx, node);
    fx->node[i].boot++;
    fx->node[i].seq = 0;
}

void fixture_load(struct fixture *fx)
{
    fixture_load_expect(fx, 0, NULL, 0);
}

void fixture_load_expect(struct fixture *fx, int status, char *err, size_t n)
{
    const char *const paths[] = {fx->dir};
    struct load_options o = {.paths = paths, .n_paths = 1, .quiet = true};
    db_close(&fx->db);

    /* What load says goes to a file for the time of the call. */
    FILE *said = tmpfile();
    assert_non_null(said);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(said), STDERR_FILENO);
    int got = load_run(&o, NULL);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);

    char words[8192];
    rewind(said);
    size_t len = fread(words, 1, sizeof words - 1, said);
    words[len] = '\0';
    fclose(said);
    if (err != NULL)
        snprintf(err, n, "%s", words);
    if (got != status)
        fail_msg("load returned %d, expected %d; it said:\n%s", got, status, words);
    if (status == 0 && !db_open(&fx->db, fx->path, true))
        fail_msg("%s", fx->db.err);
}

const char *fixture_rows(struct fixture *fx, const char *sql)
{
    static char rows[65536];
    size_t at = 0;
    rows[0] = '\0';
    sqlite3_stmt *q = db_prepare(&fx->db, sql);
    for (int row = 0; db_row(&fx->db, q); row++) {
        for (int i = 0; i < sqlite3_column_count(q) && at < sizeof rows; i++) {
            const char *text = (const char *)sqlite3_column_text(q, i);
            int n = snprintf(rows + at, sizeof rows - at, "%s%s", i > 0 ? "|" : row > 0 ? "\n" : "", text ? text : "-");
            at += n > 0 ? (size_t)n : 0;
        }
        assert_true(at < sizeof rows);
    }
    db_done(&fx->db, q);
    if (fx->db.failed)
        fail_msg("%s", fx->db.err);
    return rows;
}
