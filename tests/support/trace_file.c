#include "trace_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "spawn.h"

void trace_file_open(struct trace_file *t, size_t buffer_bytes)
{
    char err[TRACE_ERR_LEN];
    spawn_tempdir(t->dir, sizeof t->dir);
    snprintf(t->path, sizeof t->path, "%s/0003.1.jsonl", t->dir);
    t->w = trace_writer_open(
        &(struct trace_writer_options){.dir = t->dir, .node = "0003", .boot = 1, .buffer_bytes = buffer_bytes}, err);
    if (t->w == NULL)
        fail_msg("%s", err);
}

void trace_file_finish(struct trace_file *t)
{
    trace_writer_close(t->w);
    t->w = NULL;
}

void trace_file_remove(struct trace_file *t)
{
    trace_file_finish(t);
    spawn_remove(t->dir);
}

int64_t trace_file_header(struct trace_writer *w)
{
    static const char *const peers[] = {"0000", "0001"};
    return trace_put_trace_open(w, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                                  .v = TRACE_VERSION,
                                                                  .run = "test",
                                                                  .clk = "virtual",
                                                                  .impl = "test",
                                                                  .peers = {peers, 2}});
}

char *trace_file_text(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("cannot read %s", path);
    size_t room = 1 << 16;
    char *text = malloc(room);
    *n = 0;
    for (;;) {
        assert_non_null(text);
        *n += fread(text + *n, 1, room - *n - 1, f);
        if (*n < room - 1)
            break;
        room *= 2;
        text = realloc(text, room);
    }
    assert_int_equal(ferror(f), 0);
    fclose(f);
    text[*n] = '\0';
    return text;
}

void trace_file_save(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

int64_t trace_file_check(const char *path, bool torn, int64_t *lost)
{
    char err[TRACE_ERR_LEN];
    struct trace_reader *r = trace_reader_open(path, err);
    struct trace_record *rec = malloc(sizeof *rec);
    size_t bytes;
    int64_t last = 0, clock = 0, first_lost, last_lost;
    enum trace_read kind;
    if (r == NULL)
        fail_msg("%s", err);
    assert_non_null(rec);
    *lost = 0;
    while ((kind = trace_reader_next(r, rec, &bytes, err)) == TRACE_READ_RECORD) {
        if (err[0] != '\0')
            fail_msg("%s:%lld: %s", path, (long long)rec->line, err);
        if (trace_text_is(rec->ev, "trace.lost")) {
            assert_true(trace_find_int(rec, "first", &first_lost) && trace_find_int(rec, "last", &last_lost));
            assert_int_equal(first_lost, last + 1);
            assert_true(last_lost >= first_lost);
            *lost += last_lost - first_lost + 1;
            last = last_lost;
        }
        if (rec->seq != last + 1)
            fail_msg("%s:%lld: record %lld comes after %lld", path, (long long)rec->line, (long long)rec->seq,
                     (long long)last);
        assert_true(rec->lc > clock);
        last = rec->seq;
        clock = rec->lc;
    }
    if (kind == TRACE_READ_TORN && torn)
        kind = trace_reader_next(r, rec, &bytes, err);
    if (kind != TRACE_READ_END)
        fail_msg("%s:%lld: finding %d: %s", path, (long long)rec->line, (int)kind, err);
    trace_reader_close(r);
    free(rec);
    return last;
}
