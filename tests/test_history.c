/* test_history.c -- other programs' histories: read right, refused with the line, and judged as their authors judge
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/history_import.h"
#include "../analyze/lin.h"
#include "../trace/trace.h"

#define DATA "../shared/data/histories"

/* Writes `text` to a file of its own and imports it. */
static bool import_text(struct history *h, const char *text, enum history_format f, char *err, size_t err_n)
{
    char path[] = "/tmp/faultline-history-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    history_init(h);
    bool ok = history_import(h, path, f, err, err_n);
    unlink(path);
    return ok;
}

static const char *text_of(const struct history *h, uint32_t value)
{
    return intern_text(&h->values, value, NULL);
}

static void jepsen_calls_are_paired_by_process_and_open_ones_are_unknown(void **state)
{
    (void)state;
    struct history h;
    char err[256];
    assert_true(import_text(&h,
                            "INFO  jepsen.util - 0\t:invoke\t:write\t4\n"
                            "INFO  jepsen.util - 1   :invoke   :read   nil   \n"
                            "INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n"
                            "INFO  jepsen.util - 1\t:ok\t:read\tnil\n"
                            "INFO  jepsen.util - 2\t:invoke\t:cas\t[4 2]\n"
                            "INFO  jepsen.util - 0\t:info\t:write\t:timed-out\n"
                            "INFO  jepsen.util - 2\t:fail\t:cas\t[4 2]\n"
                            "INFO  jepsen.util - 1\t:invoke\t:read\tnil\n"
                            "INFO  jepsen.util - 1\t:fail\t:read\t:timed-out\n"
                            "INFO  jepsen.util - 1\t:invoke\t:cas\t[2 3]\n",
                            HISTORY_JEPSEN_LOG, err, sizeof err));
    assert_int_equal(h.n, 1);
    assert_int_equal(h.keys[0].n, 4);
    const struct op *o = h.keys[0].ops;
    assert_int_equal(o[0].kind, OP_WRITE);
    assert_int_equal(o[0].outcome, OUTCOME_UNKNOWN);
    assert_true(o[0].ret == HISTORY_OPEN);
    assert_string_equal(text_of(&h, o[0].value), "4");
    assert_int_equal(o[1].kind, OP_READ);
    assert_int_equal(o[1].value, HISTORY_INITIAL);
    assert_int_equal(o[1].call, 2);
    assert_int_equal(o[1].ret, 4);
    assert_int_equal(o[2].outcome, OUTCOME_FAILED);
    assert_string_equal(text_of(&h, o[2].expect), "4");
    assert_int_equal(o[3].outcome, OUTCOME_UNKNOWN);
    assert_true(h.failed_cas_reads);
    history_free(&h);
}

static void porcupine_maps_are_read_key_by_key(void **state)
{
    (void)state;
    struct history h;
    char err[256];
    assert_true(import_text(&h,
                            "{:process 0, :type :invoke, :f :put, :key \"a\", :value \"\"}\n"
                            "{:process 1, :type :invoke, :f :append, :key \"b\", :value \"x 1 0 y\"}\n"
                            "{:process 0, :type :ok, :f :put, :key \"a\", :value \"\"}\n"
                            "{:process 0, :type :invoke, :f :get, :key \"b\", :value nil}\n"
                            "{:process 0, :type :ok, :f :get, :key \"b\", :value \"x 1 0 y\"}\n",
                            HISTORY_PORCUPINE_KV, err, sizeof err));
    assert_int_equal(h.n, 2);
    assert_int_equal(h.keys[0].n, 1);
    assert_int_equal(h.keys[0].ops[0].kind, OP_WRITE);
    assert_int_equal(h.keys[1].n, 2);
    assert_int_equal(h.keys[1].ops[0].outcome, OUTCOME_UNKNOWN);
    assert_int_equal(h.keys[1].ops[1].value, h.keys[1].ops[0].value);
    history_free(&h);
}

static void bad_lines_are_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        enum history_format f;
    } bad[] = {
        {"INFO  jepsen.util - 0 :ok :read 3\n", ":1: process 0 returns without a call", HISTORY_JEPSEN_LOG},
        {"INFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :invoke :read nil\n",
         ":2: process 0 calls again before its call of line 1 returned", HISTORY_JEPSEN_LOG},
        {"INFO  jepsen.util - 0 :invoke :lock nil\n", ":1: unknown operation :lock", HISTORY_JEPSEN_LOG},
        {"INFO  jepsen.util - 0 :invoke :cas 4\n", ":1: :cas needs [old new]", HISTORY_JEPSEN_LOG},
        {"\n{:process 0}\n", ":2: not a map with", HISTORY_PORCUPINE_KV},
        {"{\"f\":\"read\"}\n", ":1: needs f and key", HISTORY_JSONL},
        {"{\"f\":\"read\",\n", ":1: column", HISTORY_JSONL},
        {"{\"f\":\"read\",\"key\":\"k\",\"value\":1,\"call\":5,\"ret\":4}\n", ":1: ret is before call", HISTORY_JSONL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct history h;
        char err[256] = "";
        assert_false(import_text(&h, bad[i].text, bad[i].f, err, sizeof err));
        if (strstr(err, bad[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", err, bad[i].says);
        history_free(&h);
    }
    struct history h;
    char err[256];
    history_init(&h);
    assert_false(history_import(&h, "/nonexistent/x.log", HISTORY_JEPSEN_LOG, err, sizeof err));
    assert_non_null(strstr(err, "/nonexistent/x.log: No such file"));
    history_free(&h);
}

/* ---- the collected histories ---- */

/* The read that the generator falsified is found stale, against the write that it names. */
static void check_planted(const struct history *h, const struct lin_report *r, const char *path)
{
    char meta[600];
    snprintf(meta, sizeof meta, "%s.meta.json", path);
    json_t *j = json_load_file(meta, 0, NULL), *planted = json_object_get(j, "planted");
    if (!json_is_object(planted)) {
        json_decref(j);
        return;
    }
    int64_t read = json_integer_value(json_object_get(planted, "read"));
    int64_t newer = json_integer_value(json_object_get(planted, "w_new"));
    bool found = false;
    for (size_t i = 0; i < h->n; i++) {
        size_t n;
        struct stale_read *s = zones_stale(&r->keys[i].zones, r->keys[i].ops, r->keys[i].n, &n);
        assert_true(n != SIZE_MAX);
        for (size_t k = 0; k < n; k++) {
            const struct op *ops = r->keys[i].ops;
            if (ops[s[k].read].id == read)
                found = ops[r->keys[i].zones.z[s[k].oldest].write].id == newer ||
                        ops[r->keys[i].zones.z[s[k].newest].write].id == newer;
        }
        free(s);
    }
    if (!found)
        fail_msg("%s: the planted stale read %" PRId64 " was not found", path, read);
    json_decref(j);
}

static void check_file(const char *path, bool ok, int64_t ops, int64_t unknown)
{
    enum history_format f;
    struct history h;
    char err[256];
    history_init(&h);
    assert_true(history_format_of(path, &f));
    if (!history_import(&h, path, f, err, sizeof err))
        fail_msg("%s", err);
    int64_t n = 0, n_unknown = 0;
    for (size_t i = 0; i < h.n; i++) {
        n += (int64_t)h.keys[i].n;
        for (size_t k = 0; k < h.keys[i].n; k++)
            n_unknown += h.keys[i].ops[k].outcome == OUTCOME_UNKNOWN;
    }
    if (f == HISTORY_JSONL) {
        assert_int_equal(n, ops);
        assert_int_equal(n_unknown, unknown);
    }
    struct lin_report r;
    struct lin_options o = {.deadline_ns = (int64_t)trace_mono_ns() + INT64_C(20000000000), .first_bad_ends = true};
    assert_true(lin_judge(&r, &h, &o));
    if (ok ? r.bad + r.undecided > 0 : r.bad == 0)
        fail_msg("%s: expected %s, got %zu bad and %zu undecided keys", path, ok ? "ok" : "bad", r.bad, r.undecided);
    if (f == HISTORY_JSONL && !ok)
        check_planted(&h, &r, path);
    lin_report_free(&r);
    history_free(&h);
}

static void collected_histories_get_the_verdicts_of_their_authors(void **state)
{
    (void)state;
    FILE *in = fopen(DATA "/verdicts.tsv", "r");
    if (in == NULL) {
        print_message("[ SKIPPED  ] " DATA " is not there\n");
        skip();
    }
    char line[512], name[256], model[32], expected[8];
    long long ops, unknown;
    unsigned files = 0;
    uint64_t start = trace_mono_ns();
    assert_non_null(fgets(line, sizeof line, in));
    while (fgets(line, sizeof line, in) != NULL) {
        assert_int_equal(sscanf(line, "%255s %31s %7s %lld %lld", name, model, expected, &ops, &unknown), 5);
        char path[512];
        snprintf(path, sizeof path, DATA "/%s", name);
        check_file(path, strcmp(expected, "ok") == 0, ops, unknown);
        files++;
    }
    fclose(in);
    print_message("%u files in %.2f s\n", files, (double)(trace_mono_ns() - start) / 1e9);
    assert_in_range(files, 1, 10000);
}

/* Printed, not asserted: machines differ. */
static void the_speed_of_a_long_history_is_printed(void **state)
{
    (void)state;
    enum { OPS = 100000 };
    struct history h;
    history_init(&h);
    int64_t t = 0;
    unsigned stale_at = OPS * 3 / 4;
    for (unsigned i = 0; i < OPS; i++) {
        char text[16];
        bool read = i % 2 == 1;
        unsigned v = i / 2 + 1 - (i > stale_at && i % 50 == 1 ? 20 : 0);
        int n = snprintf(text, sizeof text, "%u", v);
        history_add(&h, "k", 1,
                    &(struct op){.call = t,
                                 .ret = t + 25,
                                 .id = i,
                                 .kind = read ? OP_READ : OP_WRITE,
                                 .value = history_value(&h, text, (size_t)n)});
        t += 10;
    }
    uint64_t start = trace_mono_ns();
    history_sort(&h);
    struct lin_report r;
    assert_true(lin_judge(&r, &h, &(struct lin_options){0}));
    uint64_t judged = trace_mono_ns();
    assert_int_equal(r.bad, 1);
    size_t n;
    free(zones_stale(&r.keys[0].zones, r.keys[0].ops, r.keys[0].n, &n));
    assert_int_equal(n, OPS / 4 / 50);
    print_message("%d operations on one key: judged in %.1f ms, stale reads measured in %.1f ms\n", OPS,
                  (double)(judged - start) / 1e6, (double)(trace_mono_ns() - judged) / 1e6);
    lin_report_free(&r);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jepsen_calls_are_paired_by_process_and_open_ones_are_unknown),
        cmocka_unit_test(porcupine_maps_are_read_key_by_key),
        cmocka_unit_test(bad_lines_are_refused_with_file_and_line),
        cmocka_unit_test(collected_histories_get_the_verdicts_of_their_authors),
        cmocka_unit_test(the_speed_of_a_long_history_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
