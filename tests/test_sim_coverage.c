/* What runs reach: of records from the lines of traces, of states by their hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_coverage.h"

struct trace {
    struct sim_tapes tapes;
    struct trace_writer *w;
};

static void open_trace(struct trace *t)
{
    sim_tapes_init(&t->tapes);
    sim_tapes_add(&t->tapes, "0000", 1, &t->w);
}

static void close_trace(struct trace *t, struct sim_coverage *c, uint64_t seed)
{
    trace_writer_close(t->w);
    sim_coverage_tapes(c, seed, &t->tapes);
    sim_tapes_free(&t->tapes);
}

/* Receives, and refuses for that reason what it received. */
static void write_refusal(struct trace_writer *w, const char *why)
{
    trace_set_cause(w, 0);
    int64_t s = trace_put_msg_recv(w, &(struct trace_rec_msg_recv){.from = "0001", .ty = "app_req", .mid = "1-1-1"});
    trace_set_cause(w, s);
    trace_put_log_reject(w, &(struct trace_rec_log_reject){.pi = 3, .pt = 1, .why = why});
}

/* NULL: it is not in the list. */
static const json_t *find(const json_t *list, const char *key, const char *text)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (strcmp(json_string_value(json_object_get(one, key)), text) == 0) return one;
    return NULL;
}

static int64_t seed_of(const json_t *one)
{
    assert_non_null(one);
    return json_integer_value(json_object_get(one, "seed"));
}

static void kinds_and_edges_know_the_lowest_seed_that_reached_them(void **state)
{
    (void)state;
    struct sim_coverage *c = sim_coverage_new();
    struct trace t;
    open_trace(&t);
    write_refusal(t.w, "no_prev");
    write_refusal(t.w, "prev_term");
    close_trace(&t, c, 9);
    open_trace(&t);
    write_refusal(t.w, "no_prev");
    close_trace(&t, c, 4);
    json_t *o = sim_coverage_json(c, UINT64_MAX);
    const json_t *reached = json_object_get(o, "reached"), *missing = json_object_get(o, "not_reached");
    const json_t *edges = json_object_get(o, "edges");
    assert_int_equal(seed_of(find(reached, "kind", "log.reject no_prev")), 4);
    assert_int_equal(seed_of(find(reached, "kind", "log.reject prev_term")), 9);
    assert_int_equal(seed_of(find(reached, "kind", "msg.recv")), 4);
    assert_null(find(reached, "kind", "log.reject stale_term"));
    assert_non_null(find(missing, "kind", "log.reject stale_term"));
    assert_null(find(missing, "kind", "log.reject no_prev"));
    assert_int_equal(json_array_size(edges), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(edges, 0), "from")), "msg.recv");
    assert_int_equal(seed_of(find(edges, "to", "log.reject no_prev")), 4);
    assert_int_equal(seed_of(find(edges, "to", "log.reject prev_term")), 9);
    json_decref(o);
    o = sim_coverage_json(c, 8); /* as if 9 had not been run */
    assert_null(find(json_object_get(o, "reached"), "kind", "log.reject prev_term"));
    json_decref(o);
    sim_coverage_free(c);
}

static void what_users_write_is_no_reason(void **state)
{
    (void)state;
    struct sim_coverage *c = sim_coverage_new();
    struct trace t;
    open_trace(&t);
    trace_put_op_return(t.w, &(struct trace_rec_op_return){.op = "1", .res = "ok", .val = "\",\"why\":\"late\",\""});
    close_trace(&t, c, 1);
    json_t *o = sim_coverage_json(c, UINT64_MAX);
    assert_non_null(find(json_object_get(o, "reached"), "kind", "op.return"));
    assert_null(find(json_object_get(o, "reached"), "kind", "op.return late"));
    json_decref(o);
    sim_coverage_free(c);
}

static void a_record_cut_in_the_middle_does_not_count(void **state)
{
    (void)state;
    struct sim_coverage *c = sim_coverage_new();
    struct trace t;
    open_trace(&t);
    write_refusal(t.w, "no_prev");
    trace_flush(t.w);
    t.tapes.first->n -= 5;
    t.tapes.first->cut = true;
    close_trace(&t, c, 1);
    json_t *o = sim_coverage_json(c, UINT64_MAX);
    assert_non_null(find(json_object_get(o, "reached"), "kind", "msg.recv"));
    assert_null(find(json_object_get(o, "reached"), "kind", "log.reject no_prev"));
    json_decref(o);
    sim_coverage_free(c);
}

static void a_seed_gains_what_no_lower_one_has_reached(void **state)
{
    (void)state;
    struct sim_coverage *c = sim_coverage_new();
    size_t n;
    for (uint64_t s = 0; s < 100; s++)
        sim_coverage_state(c, 7, s << 40);
    for (uint64_t s = 90; s < 110; s++)
        sim_coverage_state(c, 8, s << 40);
    sim_coverage_state(c, 6, 5);
    sim_coverage_state(c, 9, 5); /* nothing new */
    struct sim_gain *g = sim_coverage_gains(c, 0, 100, &n);
    assert_int_equal(n, 3);
    assert_true(g[0].seed == 6 && g[0].states == 1 && g[0].kinds == 0 && g[0].edges == 0);
    assert_true(g[1].seed == 7 && g[1].states == 100);
    assert_true(g[2].seed == 8 && g[2].states == 10);
    free(g);
    g = sim_coverage_gains(c, 8, 8, &n);
    assert_true(n == 1 && g[0].seed == 8);
    free(g);
    sim_coverage_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_edges_know_the_lowest_seed_that_reached_them),
        cmocka_unit_test(what_users_write_is_no_reason),
        cmocka_unit_test(a_record_cut_in_the_middle_does_not_count),
        cmocka_unit_test(a_seed_gains_what_no_lower_one_has_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
