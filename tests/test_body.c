/* test_body.c -- the fields of a stored record, with and without its event known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../analyze/body.h"

static const struct trace_field *field(const struct trace_record *r, const char *key)
{
    const struct trace_field *f = trace_find(r, key);
    assert_non_null(f);
    return f;
}

static const struct trace_record *of(struct body *b, const char *ev, const char *text)
{
    return body_parse_event(b, (struct trace_text){ev, strlen(ev)}, text, strlen(text));
}

/* One after the other with one parser: what one event has must not stay for the next. */
static void test_fields_of_events(void **state)
{
    (void)state;
    struct body *b = body_new();
    for (int i = 0; i < 2; i++) {
        const struct trace_record *r = of(b, "net.in", "{\"d\":7,\"src\":\"0000\",\"term\":3,\"body\":{\"a\":[1]}}");
        assert_int_equal(r->n_fields, 4);
        assert_int_equal(field(r, "term")->i, 3);
        assert_int_equal(field(r, "body")->kind, TRACE_OBJECT);

        r = of(b, "msg.send", "{\"to\":\"0001\",\"ents\":[[1,1,\"00\"]],\"ok\":true,\"own\":5}");
        assert_int_equal(r->n_fields, 4);
        assert_true(trace_text_is(field(r, "to")->text, "0001"));
        assert_int_equal(field(r, "ents")->kind, TRACE_ARRAY);
        assert_int_equal(field(r, "ok")->kind, TRACE_TRUE);
        assert_int_equal(field(r, "own")->i, 5);

        r = of(b, "not.known", "{\"x\":\"y\\n\",\"term\":4}");
        assert_true(trace_text_is(field(r, "x")->text, "y\n"));
        assert_int_equal(field(r, "term")->i, 4);
    }
    body_free(b);
}

/* Fields out of order, of the wrong type, or that only jansson reads: the same with the event as without it. */
static void test_same_without_event(void **state)
{
    (void)state;
    static const char *const text[] = {"{\"src\":\"b\",\"d\":1}", "{\"d\":\"one\",\"src\":2}", "{\"d\":1.5,\"z\":null}",
                                       "{ \"d\" : 1 , \"src\" : \"a\" }"};
    struct body *with = body_new(), *without = body_new();
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        const struct trace_record *x = of(with, "net.in", text[i]);
        const struct trace_record *y = body_parse(without, text[i], strlen(text[i]));
        assert_int_equal(x->n_fields, 2);
        assert_int_equal(x->n_fields, y->n_fields);
        for (size_t k = 0; k < y->n_fields; k++) {
            const struct trace_field *f = trace_find(x, k == 0 ? "d" : i == 2 ? "z" : "src");
            const struct trace_field *g = trace_find(y, k == 0 ? "d" : i == 2 ? "z" : "src");
            assert_true(f != NULL && g != NULL && f->kind == g->kind && f->i == g->i && f->text.n == g->text.n);
        }
    }
    body_free(with);
    body_free(without);
}

static void test_no_object(void **state)
{
    (void)state;
    struct body *b = body_new();
    static const char *const text[] = {"", "{}", "[1,2]", "{\"d\":", "{\"d\":1}}"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        assert_int_equal(of(b, "net.in", text[i])->n_fields, 0);
    body_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_events),
        cmocka_unit_test(test_same_without_event),
        cmocka_unit_test(test_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
