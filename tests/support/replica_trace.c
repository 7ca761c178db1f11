#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replica_trace.h"
#include "../../trace/trace.h"

int64_t replica_trace_int(const json_t *record, const char *key)
{
    const json_t *v = json_object_get(record, key);
    if (!json_is_integer(v)) {
        print_message("no integer %s in %s\n", key, replica_trace_text(record, "ev"));
        fail();
    }
    return json_integer_value(v);
}

const char *replica_trace_text(const json_t *record, const char *key)
{
    const char *s = json_string_value(json_object_get(record, key));
    assert_non_null(s);
    return s;
}

static void demand_order(const struct replica_trace *t, size_t i)
{
    const json_t *r = t->v[i], *cause = json_object_get(r, "c");
    assert_int_equal(replica_trace_int(r, "s"), i + 1);
    if (i > 0) {
        assert_true(replica_trace_int(r, "t") >= replica_trace_int(t->v[i - 1], "t"));
        assert_true(replica_trace_int(r, "lc") > replica_trace_int(t->v[i - 1], "lc"));
    }
    if (cause) {
        json_int_t c = json_integer_value(cause);
        assert_in_range(c, 1, i);
        const char *ev = replica_trace_text(t->v[c - 1], "ev");
        assert_true(strcmp(ev, "msg.recv") == 0 || strcmp(ev, "timer.fire") == 0);
    }
}

static json_t *whole_line(const struct trace_record *r)
{
    json_t *o = json_loadb(r->body.p, r->body.n, 0, NULL);
    assert_non_null(o);
    json_object_set_new(o, "n", json_stringn(r->node.p, r->node.n));
    json_object_set_new(o, "ev", json_stringn(r->ev.p, r->ev.n));
    json_object_set_new(o, "s", json_integer(r->seq));
    json_object_set_new(o, "t", json_integer(r->t));
    json_object_set_new(o, "lc", json_integer(r->lc));
    if (r->cause)
        json_object_set_new(o, "c", json_integer(r->cause));
    if (r->has_state) {
        json_object_set_new(o, "term", json_integer(r->term));
        json_object_set_new(o, "ci", json_integer(r->commit));
        json_object_set_new(o, "ai", json_integer(r->applied));
        json_object_set_new(o, "li", json_integer(r->last));
        json_object_set_new(o, "role", json_stringn(&r->role, 1));
    }
    return o;
}

static struct replica_trace read_until(const char *path, bool torn_allowed)
{
    struct replica_trace t = {0};
    char err[TRACE_ERR_LEN];
    size_t bytes;
    static struct trace_record r;
    struct trace_reader *reader = trace_reader_open(path, err);
    if (!reader) {
        print_message("%s\n", err);
        fail();
    }
    enum trace_read got;
    while ((got = trace_reader_next(reader, &r, &bytes, err)) == TRACE_READ_RECORD) {
        if (*err || !r.type) {
            print_message("%s:%lld: %s\n", path, (long long)r.line, err);
            fail();
        }
        t.v = realloc(t.v, (t.n + 1) * sizeof *t.v);
        assert_non_null(t.v);
        t.v[t.n] = whole_line(&r);
        t.n++;
        demand_order(&t, t.n - 1);
    }
    if (torn_allowed && got == TRACE_READ_TORN)
        got = TRACE_READ_END;
    if (got != TRACE_READ_END)
        print_message("%s: %s\n", path, err);
    assert_int_equal(got, TRACE_READ_END);
    trace_reader_close(reader);
    return t;
}

struct replica_trace replica_trace_read(const char *path)
{
    return read_until(path, false);
}

struct replica_trace replica_trace_read_killed(const char *path)
{
    return read_until(path, true);
}

void replica_trace_free(struct replica_trace *t)
{
    for (size_t i = 0; i < t->n; i++)
        json_decref(t->v[i]);
    free(t->v);
    *t = (struct replica_trace){0};
}

static bool matches(const json_t *record, const char *ev, const char *key, const char *value)
{
    if (strcmp(replica_trace_text(record, "ev"), ev) != 0)
        return false;
    const char *is = key ? json_string_value(json_object_get(record, key)) : NULL;
    return !key || (is && strcmp(is, value) == 0);
}

const json_t *replica_trace_find(const struct replica_trace *t, size_t from, const char *ev, const char *key,
                                 const char *value, size_t *at)
{
    for (size_t i = from; i < t->n; i++)
        if (matches(t->v[i], ev, key, value)) {
            if (at)
                *at = i;
            return t->v[i];
        }
    return NULL;
}

size_t replica_trace_count(const struct replica_trace *t, const char *ev, const char *key, const char *value)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += matches(t->v[i], ev, key, value);
    return n;
}
