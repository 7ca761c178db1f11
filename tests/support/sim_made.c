/* sim_made.c -- see sim_made.h. */
#include "sim_made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

char *made_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    size_t n = 0, room = 1 << 16;
    char *text = malloc(room);
    while (text) {
        n += fread(text + n, 1, room - n - 1, f);
        if (n + 1 < room)
            break;
        text = realloc(text, room *= 2);
    }
    assert_non_null(text);
    text[n] = '\0';
    fclose(f);
    return text;
}

void made_read(struct made *r)
{
    char path[700];
    snprintf(path, sizeof path, "%s.log", r->dir);
    r->text = made_file(path); /* NULL when its output went elsewhere */
    snprintf(path, sizeof path, "%s/run.json", r->dir);
    r->summary = json_load_file(path, 0, NULL);
    assert_non_null(r->summary);
    snprintf(path, sizeof path, "%s/sim.1.jsonl", r->dir);
    char *lines = made_file(path);
    assert_non_null(lines);
    r->records = json_array();
    for (char *p = lines, *end; (end = strchr(p, '\n')); p = end + 1) {
        json_error_t je;
        json_t *record = json_loadb(p, (size_t)(end - p), 0, &je);
        if (!record)
            fail_msg("%s: %s in %.*s", path, je.text, (int)(end - p), p);
        json_array_append_new(r->records, record);
    }
    free(lines);
}

void made_free(struct made *r)
{
    free(r->text);
    json_decref(r->records);
    json_decref(r->summary);
}

const char *made_text(const json_t *record, const char *key)
{
    const char *s = json_string_value(json_object_get(record, key));
    return s ? s : "";
}

json_int_t made_number(const json_t *record, const char *key)
{
    return json_integer_value(json_object_get(record, key));
}

bool made_is(const json_t *record, const char *ev)
{
    return strcmp(made_text(record, "ev"), ev) == 0;
}

const json_t *made_record(const struct made *r, json_int_t s)
{
    const json_t *record = json_array_get(r->records, (size_t)s - 1);
    assert_true(record && made_number(record, "s") == s);
    return record;
}

unsigned made_count(const struct made *r, const char *ev, const char *key, const char *value)
{
    unsigned n = 0;
    size_t i;
    json_t *record;
    json_array_foreach(r->records, i, record) n +=
        made_is(record, ev) && (!key || strcmp(made_text(record, key), value) == 0);
    return n;
}

unsigned made_faults(const struct made *r, const char *kind, const char *node)
{
    unsigned n = 0;
    size_t i;
    json_t *record;
    json_array_foreach(r->records, i, record) n += made_is(record, "fault.begin") &&
                                                   strcmp(made_text(record, "kind"), kind) == 0 &&
                                                   strcmp(made_text(record, "node"), node) == 0;
    return n;
}

json_int_t made_statistic(const struct made *r, const char *name)
{
    const json_t *v = json_object_get(json_object_get(r->summary, "statistics"), name);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

void made_prints(const struct made *r, const char *text)
{
    if (!strstr(r->text, text))
        fail_msg("expected \"%s\" in:\n%s", text, r->text);
}

/* ---- what holds in every run ---- */

void made_is_complete(const struct made *r)
{
    size_t n = json_array_size(r->records);
    json_int_t before = 0;
    for (size_t k = 0; k < n; k++) {
        const json_t *record = json_array_get(r->records, k);
        assert_int_equal(made_number(record, "s"), k + 1);
        assert_true(made_number(record, "t") >= before);
        before = made_number(record, "t");
    }
    assert_true(made_is(json_array_get(r->records, 0), "trace.open") &&
                made_is(json_array_get(r->records, n - 1), "trace.close"));
    assert_int_equal(made_number(json_array_get(r->records, n - 1), "records"), n);
}

void made_conserves_datagrams(const struct made *r)
{
    size_t k;
    json_t *record, *in = json_object(), *ended = json_object();
    json_array_foreach(r->records, k, record)
    {
        char d[32], copy[64];
        snprintf(d, sizeof d, "%lld", (long long)made_number(record, "d"));
        snprintf(copy, sizeof copy, "%s/%lld", d, (long long)made_number(record, "cp"));
        if (made_is(record, "net.in") || made_is(record, "net.bad")) {
            assert_null(json_object_get(in, d));
            json_object_set(in, d, record);
        } else if (made_is(record, "net.out") || made_is(record, "net.drop")) {
            assert_non_null(json_object_get(in, d));
            assert_null(json_object_get(ended, copy));
            json_object_set_new(ended, copy, json_true());
            const json_t *cause = made_record(r, made_number(record, "c"));
            assert_true(made_is(cause, "net.in") && made_number(cause, "d") == made_number(record, "d"));
        }
    }
    json_decref(in);
    json_decref(ended);
}

void made_answers_once(const struct made *r)
{
    size_t k;
    json_t *record, *returned = json_object();
    json_array_foreach(r->records, k, record)
    {
        const json_t *cause = json_object_get(record, "c") ? made_record(r, made_number(record, "c")) : NULL;
        if (made_is(record, "op.try"))
            assert_true(made_is(cause, "op.invoke") && strcmp(made_text(cause, "op"), made_text(record, "op")) == 0);
        else if (made_is(record, "net.in") && strlen(made_text(record, "src")) == 4 &&
                 strcmp(made_text(record, "src"), "0010") > 0)
            assert_true(made_is(cause, "op.try") && strcmp(made_text(cause, "mid"), made_text(record, "mid")) == 0);
        else if (made_is(record, "op.return")) {
            assert_null(json_object_get(returned, made_text(record, "op")));
            json_object_set_new(returned, made_text(record, "op"), json_true());
            if (strcmp(made_text(record, "res"), "ok") == 0) {
                assert_true(made_is(cause, "net.out") && strcmp(made_text(cause, "src"), made_text(record, "by")) == 0);
                const json_t *in = made_record(r, made_number(cause, "c"));
                assert_true(made_is(in, "net.in") && strcmp(made_text(in, "ty"), "ok") == 0);
            }
        }
    }
    assert_int_equal(json_object_size(returned), made_count(r, "op.invoke", NULL, NULL));
    json_decref(returned);
}
