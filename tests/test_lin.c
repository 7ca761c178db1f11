/* test_lin.c -- the linearizability checkers against brute force, on many thousands of small random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/lin.h"
#include "support/history_brute.h"

#define ALL (~0u)

static void print_history(const struct history *h, unsigned round)
{
    static const char *const kinds[] = {"read", "write", "cas", "append"};
    static const char *const outcomes[] = {"ok", "failed", "unknown"};
    fprintf(stderr, "round %u:\n", round);
    for (size_t i = 0; h->n > 0 && i < h->keys[0].n; i++) {
        const struct op *o = &h->keys[0].ops[i];
        fprintf(stderr, "  %zu: [%lld, %lld] %s '%s' expect '%s' %s%s\n", i, (long long)o->call,
                o->ret == HISTORY_OPEN ? -1LL : (long long)o->ret, kinds[o->kind],
                intern_text(&h->values, o->value, NULL), intern_text(&h->values, o->expect, NULL), outcomes[o->outcome],
                o->ghost ? " ghost" : "");
    }
}

/* ---- zones ---- */

struct judged {
    struct lin_sources sources;
    struct zones zones;
};

static void judge(struct judged *j, const struct op *ops, size_t n, const struct intern *values)
{
    uint32_t *writer = calloc((size_t)values->n + 1, sizeof *writer);
    assert_true(lin_sources_find(&j->sources, ops, n, writer));
    for (uint32_t v = 0; v < values->n; v++)
        assert_int_equal(writer[v], 0);
    free(writer);
    assert_true(zones_build(&j->zones, ops, n, j->sources.of));
}

static void judged_free(struct judged *j)
{
    lin_sources_free(&j->sources);
    zones_free(&j->zones);
}

/* The definition, by hand: cluster bounds of one write (or of the initial value), phantom and future reads aside. */
struct cluster {
    int64_t f, s, call;
    bool any;
};

static struct cluster cluster_of(const struct op *ops, size_t n, uint32_t value)
{
    struct cluster c = {INT64_MAX, INT64_MIN, INT64_MIN, value == HISTORY_INITIAL};
    if (value == HISTORY_INITIAL)
        c.f = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind == OP_WRITE && ops[i].outcome != OUTCOME_FAILED && ops[i].value == value) {
            c = (struct cluster){ops[i].ret, ops[i].call, ops[i].call, true};
        }
    }
    for (size_t i = 0; i < n && c.any; i++) {
        if (ops[i].kind == OP_READ && ops[i].value == value && ops[i].ret >= c.call) {
            c.f = ops[i].ret < c.f ? ops[i].ret : c.f;
            c.s = ops[i].call > c.s ? ops[i].call : c.s;
        }
    }
    return c;
}

/* Stale by the definition: which zones are newer and were in place; what is measured about them. */
static size_t newer_than(const struct op *ops, size_t n, const struct op *r, int64_t *first_f, int64_t *last_f)
{
    struct cluster mine = cluster_of(ops, n, r->value);
    size_t count = 0;
    *first_f = INT64_MAX;
    *last_f = INT64_MIN;
    if (!mine.any || r->ret < mine.call)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != OP_WRITE || ops[i].outcome == OUTCOME_FAILED)
            continue;
        struct cluster c = cluster_of(ops, n, ops[i].value);
        if (c.call > mine.f && c.f < r->call) {
            count++;
            *first_f = c.f < *first_f ? c.f : *first_f;
            *last_f = c.f > *last_f ? c.f : *last_f;
        }
    }
    return count;
}

static void compare_stale(const struct judged *j, const struct op *ops, size_t n)
{
    size_t found, expected = 0;
    struct stale_read *stale = zones_stale(&j->zones, ops, n, &found);
    assert_true(found != SIZE_MAX);
    for (size_t i = 0; i < n; i++) {
        int64_t first_f, last_f;
        size_t newer = ops[i].kind == OP_READ ? newer_than(ops, n, &ops[i], &first_f, &last_f) : 0;
        if (newer == 0)
            continue;
        assert_true(expected < found);
        const struct stale_read *s = &stale[expected++];
        assert_int_equal(s->read, i);
        assert_int_equal(s->versions, newer);
        assert_true(s->stale_for == ops[i].call - first_f);
        assert_true(s->behind_newest == ops[i].call - last_f);
        assert_true(j->zones.z[s->oldest].f == first_f);
        assert_true(j->zones.z[s->newest].f == last_f);
    }
    assert_int_equal(found, expected);
    free(stale);
}

/* The smallest closed subset that is not linearizable, by trying all subsets. */
static unsigned smallest_by_brute_force(const struct op *ops, size_t n, struct intern *values)
{
    unsigned best = BRUTE_MAX + 1;
    for (unsigned mask = 1; mask < 1u << n; mask++) {
        unsigned size = (unsigned)__builtin_popcount(mask);
        bool closed = size < best;
        for (size_t r = 0; r < n && closed; r++) {
            for (size_t w = 0; w < n && (mask >> r & 1u) != 0 && ops[r].kind == OP_READ; w++) {
                if (ops[w].kind == OP_WRITE && ops[w].outcome != OUTCOME_FAILED && ops[w].value == ops[r].value)
                    closed &= (mask >> w & 1u) != 0;
            }
        }
        if (closed && !brute_linearizable(ops, n, mask, values, false))
            best = size;
    }
    return best;
}

static void compare_witness(const struct judged *j, const struct op *ops, size_t n, struct intern *values, bool bad)
{
    struct lin_witness w;
    assert_true(lin_witness_find(&w, &j->zones, ops, n, j->sources.of));
    assert_int_equal(bad, w.n > 0);
    assert_int_equal(bad, w.what != LIN_CLASS_NONE);
    if (!bad) {
        lin_witness_free(&w);
        return;
    }
    unsigned mask = 0;
    for (size_t i = 0; i < w.n; i++)
        mask |= 1u << w.op[i];
    assert_false(brute_linearizable(ops, n, mask, values, false));
    assert_int_equal(w.n, smallest_by_brute_force(ops, n, values));
    if (w.what == LIN_CLASS_STALE) {
        int64_t first_f, last_f;
        assert_true(newer_than(ops, n, &ops[w.read], &first_f, &last_f) > 0);
        assert_true(ops[w.new_write].call > (w.old_seen == ZONE_NONE ? INT64_MIN : ops[w.old_seen].ret));
        assert_true(ops[w.new_seen].ret < ops[w.read].call);
    } else if (w.what == LIN_CLASS_ORDER) { /* two values, four operations: each was seen before the other was */
        assert_true(ops[w.new_seen].ret < ops[w.read].call);
        assert_true(w.old_seen == ZONE_NONE || ops[w.old_seen].ret < ops[w.new_read].call);
    }
    lin_witness_free(&w);
}

/* The four classes: present if and only if the history is not linearizable. */
static bool some_class(const struct judged *j, const struct op *ops, size_t n)
{
    size_t stale;
    free(zones_stale(&j->zones, ops, n, &stale));
    uint32_t a, b;
    bool order = zones_conflict(&j->zones, &a, &b) && j->zones.z[b].call <= j->zones.z[a].f &&
                 j->zones.z[a].call <= j->zones.z[b].f;
    return j->zones.phantom != ZONE_NONE || j->zones.future != ZONE_NONE || stale > 0 || order;
}

static void zones_agree_with_brute_force_on_unique_values(void **state)
{
    (void)state;
    uint64_t seed = 20210611;
    unsigned bad_ones = 0, unknown_ones = 0;
    for (unsigned round = 0; round < 100000; round++) {
        struct brute_shape shape = {.ops_max = 7, .times = round % 3 == 0 ? 6 : 24, .unknown_pct = 20, .failed_pct = 5};
        struct history h;
        history_init(&h);
        brute_history(&h, &seed, &shape);
        const struct op *ops = h.keys[0].ops;
        size_t n = h.keys[0].n;
        struct judged j;
        judge(&j, ops, n, &h.values);
        bool bad = !brute_linearizable(ops, n, ALL, &h.values, false);
        uint32_t a, b;
        bool found = j.zones.phantom != ZONE_NONE || j.zones.future != ZONE_NONE || zones_conflict(&j.zones, &a, &b);
        if (found != bad)
            print_history(&h, round);
        assert_int_equal(found, bad);
        assert_int_equal(some_class(&j, ops, n), bad);
        assert_int_equal(j.sources.ambiguous, 0);
        compare_stale(&j, ops, n);
        compare_witness(&j, ops, n, &h.values, bad);
        bad_ones += bad;
        for (size_t i = 0; i < n; i++) {
            if (ops[i].outcome == OUTCOME_UNKNOWN) {
                unknown_ones++;
                break;
            }
        }
        judged_free(&j);
        history_free(&h);
    }
    print_message("100000 histories, %u not linearizable, %u with an unknown outcome\n", bad_ones, unknown_ones);
    assert_in_range(bad_ones, 20000, 80000);
    assert_in_range(unknown_ones, 20000, 80000);
}

/* ---- search, and everything together ---- */

/* Could operation w, which is not in the set, have made what operation r found? By the definition in lin_shrink.h. */
static bool possible_source(const struct op *ops, size_t n, unsigned set, size_t w, size_t r, bool appends,
                            bool differs)
{
    const struct op *x = &ops[w], *o = &ops[r];
    if (x->kind == OP_READ || x->outcome == OUTCOME_FAILED || x->call > o->ret)
        return false;
    if (!appends && !differs && x->value != (o->kind == OP_READ ? o->value : o->expect))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct op *y = &ops[i];
        bool overwrites = y->outcome == OUTCOME_OK && (y->kind == OP_WRITE || (y->kind == OP_CAS && !appends));
        if ((set >> i & 1u) != 0 && overwrites && x->ret < y->call && y->ret < o->call)
            return false;
    }
    return true;
}

/* The set without the operations that found what may come from outside. */
static unsigned closed(const struct op *ops, size_t n, unsigned set, bool failed_cas_reads)
{
    bool appends = false, again = true;
    for (size_t i = 0; i < n; i++)
        appends |= ops[i].kind == OP_APPEND && ops[i].outcome != OUTCOME_FAILED;
    while (again) {
        again = false;
        for (size_t r = 0; r < n; r++) {
            bool differs = ops[r].kind == OP_CAS && ops[r].outcome == OUTCOME_FAILED;
            if ((set >> r & 1u) == 0 || (ops[r].kind != OP_READ && ops[r].kind != OP_CAS) ||
                (differs && !failed_cas_reads))
                continue;
            for (size_t w = 0; w < n && (set >> r & 1u) != 0; w++) {
                if ((set >> w & 1u) == 0 && possible_source(ops, n, set, w, r, appends, differs)) {
                    set &= ~(1u << r);
                    again = true;
                }
            }
        }
    }
    return set;
}

/* The short proof of a search is not linearizable by itself, is closed, and none of its operations may go. */
static void compare_short_proof(struct history *h, const struct lin_key *k)
{
    unsigned set = 0;
    assert_int_equal(k->witness.what, LIN_CLASS_SEARCH);
    assert_true(k->witness.n > 0);
    assert_true(k->witness.minimal);
    for (size_t i = 0; i < k->witness.n; i++)
        set |= 1u << k->witness.op[i];
    assert_false(brute_linearizable(k->ops, k->n, set, &h->values, h->failed_cas_reads));
    assert_int_equal(closed(k->ops, k->n, set, h->failed_cas_reads), set);
    for (size_t i = 0; i < k->n; i++) {
        unsigned rest = closed(k->ops, k->n, set & ~(1u << i), h->failed_cas_reads);
        if ((set >> i & 1u) != 0)
            assert_true(brute_linearizable(k->ops, k->n, rest, &h->values, h->failed_cas_reads));
    }
}

/* One random history: the search alone, a search too narrow to be sure, and everything together, against brute force.
 */
static bool compare_one(uint64_t *seed, const struct brute_shape *shape, unsigned round, bool *searched)
{
    struct history h;
    history_init(&h);
    h.failed_cas_reads = round % 2 == 0;
    brute_history(&h, seed, shape);
    const struct op *ops = h.keys[0].ops;
    size_t n = h.keys[0].n;
    bool bad = !brute_linearizable(ops, n, ALL, &h.values, h.failed_cas_reads);
    enum lin_answer due = bad ? LIN_BAD : LIN_OK;
    struct lin_found how;
    enum lin_answer found = lin_search(ops, n, &h.values, h.failed_cas_reads, &(struct lin_limits){0}, &how);
    enum lin_answer narrow = lin_search(ops, n, &h.values, h.failed_cas_reads, &(struct lin_limits){.width = 1}, &how);
    struct lin_report r;
    assert_true(lin_judge(&r, &h, &(struct lin_options){0}));
    if (found != due || r.keys[0].answer != due || (narrow != due && narrow != LIN_UNDECIDED))
        print_history(&h, round);
    assert_int_equal(found, due);
    assert_int_equal(r.keys[0].answer, due);
    assert_true(narrow == due || narrow == LIN_UNDECIDED);
    assert_int_equal(r.bad, bad);
    assert_int_equal(r.undecided, 0);
    *searched = r.keys[0].searched;
    if (bad && *searched)
        compare_short_proof(&h, &r.keys[0]);
    lin_report_free(&r);
    history_free(&h);
    return bad;
}

static void compare_judge(uint64_t *seed, const struct brute_shape *shape, unsigned rounds, const char *name)
{
    unsigned bad_ones = 0, by_time = 0;
    for (unsigned round = 0; round < rounds; round++) {
        bool searched;
        bad_ones += compare_one(seed, shape, round, &searched);
        by_time += !searched;
    }
    print_message("%s: %u histories, %u not linearizable, %u decided without a search\n", name, rounds, bad_ones,
                  by_time);
    assert_in_range(bad_ones, rounds / 10, rounds * 95 / 100);
}

/* FAULTLINE_LIN_HISTORIES=1000000 build/tests/test_lin compares that many (a few minutes). */
static void everything_agrees_with_brute_force_on_all_kinds_of_operations(void **state)
{
    (void)state;
    const char *wish = getenv("FAULTLINE_LIN_HISTORIES");
    unsigned rounds = wish != NULL ? (unsigned)strtoul(wish, NULL, 10) : 20000, bad_ones = 0;
    uint64_t seed = 20261125;
    for (unsigned round = 0; round < rounds; round++) {
        struct brute_shape shape = {
            .ops_max = 3 + brute_random(&seed, 6),
            .times = 4 + brute_random(&seed, 30),
            .values = brute_random(&seed, 4),
            .cas = brute_random(&seed, 2) == 0,
            .append = brute_random(&seed, 3) == 0,
            .ghosts = brute_random(&seed, 4) == 0,
            .unknown_pct = brute_random(&seed, 50),
            .failed_pct = brute_random(&seed, 25),
        };
        bool searched;
        bad_ones += compare_one(&seed, &shape, round, &searched);
    }
    print_message("%u histories of all kinds, %u not linearizable\n", rounds, bad_ones);
    assert_in_range(bad_ones, rounds / 10, rounds * 95 / 100);
}

static void search_agrees_with_brute_force_on_repeated_values(void **state)
{
    (void)state;
    uint64_t seed = 7;
    compare_judge(&seed, &(struct brute_shape){.ops_max = 7, .times = 20, .values = 3, .unknown_pct = 20}, 10000,
                  "repeated");
}

static void search_agrees_with_brute_force_on_unique_values(void **state)
{
    (void)state;
    uint64_t seed = 8;
    compare_judge(&seed, &(struct brute_shape){.ops_max = 7, .times = 8, .unknown_pct = 30, .failed_pct = 10}, 10000,
                  "unique");
}

static void search_agrees_with_brute_force_on_cas(void **state)
{
    (void)state;
    uint64_t seed = 9;
    compare_judge(
        &seed,
        &(struct brute_shape){.ops_max = 7, .times = 16, .values = 2, .cas = true, .unknown_pct = 30, .failed_pct = 25},
        20000, "cas");
}

static void search_agrees_with_brute_force_on_append(void **state)
{
    (void)state;
    uint64_t seed = 10;
    compare_judge(&seed,
                  &(struct brute_shape){.ops_max = 6, .times = 30, .values = 2, .append = true, .unknown_pct = 15},
                  10000, "append");
}

static void ghosts_are_judged_as_writes_that_may_have_happened(void **state)
{
    (void)state;
    uint64_t seed = 11;
    compare_judge(&seed,
                  &(struct brute_shape){.ops_max = 7, .times = 16, .values = 3, .ghosts = true, .unknown_pct = 40},
                  10000, "ghosts");
}

/* A read whose value is ruled out by time is a violation whatever the other reads do. */
static void reads_are_resolved_by_time_only_when_one_write_is_left(void **state)
{
    (void)state;
    struct op ops[] = {
        {.call = 0, .ret = 1, .kind = OP_WRITE, .value = 1},  {.call = 2, .ret = 3, .kind = OP_WRITE, .value = 2},
        {.call = 4, .ret = 5, .kind = OP_WRITE, .value = 1},  {.call = 6, .ret = 7, .kind = OP_READ, .value = 1},
        {.call = 8, .ret = 20, .kind = OP_WRITE, .value = 1}, {.call = 9, .ret = 10, .kind = OP_READ, .value = 1},
        {.call = 11, .ret = 12, .kind = OP_READ, .value = 2},
    };
    struct lin_sources s;
    uint32_t writer[3] = {0};
    assert_true(lin_sources_find(&s, ops, sizeof ops / sizeof *ops, writer));
    assert_int_equal(s.of[3], 2);                /* the first was overwritten, the third had not begun */
    assert_int_equal(s.of[5], SOURCE_AMBIGUOUS); /* the second or the third */
    assert_int_equal(s.of[6], 1);                /* impossible; the closest is given */
    assert_int_equal(s.ambiguous, 1);
    assert_int_equal(s.repeated, 3);
    lin_sources_free(&s);
}

static void a_search_that_runs_out_of_steps_or_memory_says_undecided(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    /* 20 concurrent writes of two values, then reads that alternate too often to be possible. */
    for (unsigned i = 0; i < 20; i++) {
        char v = (char)('a' + i % 2);
        history_add(&h, "k", 1,
                    &(struct op){.call = i, .ret = 1000, .kind = OP_WRITE, .value = history_value(&h, &v, 1)});
    }
    for (unsigned i = 0; i < 40; i++) {
        char v = (char)('a' + i % 2);
        history_add(
            &h, "k", 1,
            &(struct op){.call = 100 + 2 * i, .ret = 101 + 2 * i, .kind = OP_READ, .value = history_value(&h, &v, 1)});
    }
    history_sort(&h);
    struct lin_found found;
    struct lin_limits few = {.steps = 5};
    assert_int_equal(lin_search(h.keys[0].ops, h.keys[0].n, &h.values, false, &few, &found), LIN_UNDECIDED);
    assert_true(found.steps >= 5);
    struct lin_limits small = {.memory = 1};
    assert_int_equal(lin_search(h.keys[0].ops, h.keys[0].n, &h.values, false, &small, &found), LIN_UNDECIDED);
    struct lin_limits late = {.deadline_ns = 1};
    assert_int_equal(lin_search(h.keys[0].ops, h.keys[0].n, &h.values, false, &late, &found), LIN_UNDECIDED);
    struct lin_report r;
    assert_true(lin_judge(&r, &h, &(struct lin_options){.steps = 5}));
    assert_int_equal(r.undecided, 1);
    lin_report_free(&r);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_agree_with_brute_force_on_unique_values),
        cmocka_unit_test(search_agrees_with_brute_force_on_repeated_values),
        cmocka_unit_test(search_agrees_with_brute_force_on_unique_values),
        cmocka_unit_test(search_agrees_with_brute_force_on_cas),
        cmocka_unit_test(search_agrees_with_brute_force_on_append),
        cmocka_unit_test(everything_agrees_with_brute_force_on_all_kinds_of_operations),
        cmocka_unit_test(ghosts_are_judged_as_writes_that_may_have_happened),
        cmocka_unit_test(reads_are_resolved_by_time_only_when_one_write_is_left),
        cmocka_unit_test(a_search_that_runs_out_of_steps_or_memory_says_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
