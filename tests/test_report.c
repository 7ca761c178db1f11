/* test_report.c -- the HTML report holds the verdict, its explanation and the records around it, within its size; what
 * a trace says is text there and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "../analyze/report_int.h"
#include "support/raft_trace.h"

static char *page; /* of the last report() that wrote one */
static char said[65536];

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (f == NULL || fstat(fileno(f), &st) != 0)
        return NULL;
    char *text = malloc((size_t)st.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)st.st_size, f), st.st_size);
    text[st.st_size] = '\0';
    fclose(f);
    return text;
}

/* Runs `analyze report ARGS`; what it writes to stdout and stderr goes to `said`. NULL ends the arguments. */
static int report(const char *arg, ...)
{
    char *argv[12] = {(char *)(uintptr_t) "report"};
    int argc = 1;
    va_list ap;
    va_start(ap, arg);
    for (const char *a = arg; a != NULL; a = va_arg(ap, const char *))
        argv[argc++] = (char *)(uintptr_t)a;
    va_end(ap);
    FILE *words = tmpfile();
    assert_non_null(words);
    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    dup2(fileno(words), STDOUT_FILENO);
    dup2(fileno(words), STDERR_FILENO);
    int status = cmd_report(argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(words);
    said[fread(said, 1, sizeof said - 1, words)] = '\0';
    fclose(words);
    return status;
}

static void read_page(const char *dir, const char *name)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    free(page);
    page = read_whole(path);
    if (page == NULL)
        fail_msg("no page at %s", path);
}

static void assert_page_says(const char *words)
{
    if (strstr(page, words) == NULL)
        fail_msg("\"%s\" is not in the page", words);
}

static void assert_page_lacks(const char *words)
{
    if (strstr(page, words) != NULL)
        fail_msg("\"%s\" is in the page", words);
}

/* The i-th JSON of the page whose <script> has this attribute; NULL past the last. */
static json_t *page_json(const char *attribute, int i)
{
    char tag[128];
    snprintf(tag, sizeof tag, "<script type=\"application/json\" %s>", attribute);
    const char *at = page;
    for (int k = 0; k <= i; k++) {
        at = strstr(at, tag);
        if (at == NULL)
            return NULL;
        at += strlen(tag);
    }
    const char *end = strstr(at, "</script>");
    assert_non_null(end);
    assert_null(memchr(at, '<', (size_t)(end - at)));
    assert_null(memchr(at, '&', (size_t)(end - at)));
    json_error_t error;
    json_t *j = json_loadb(at, (size_t)(end - at), JSON_ALLOW_NUL, &error);
    if (j == NULL)
        fail_msg("%s: %s at %d", attribute, error.text, error.position);
    return j;
}

static int64_t sum(const json_t *array)
{
    int64_t n = 0;
    for (size_t i = 0; i < json_array_size(array); i++)
        n += json_integer_value(json_array_get(array, i));
    return n;
}

static void load(struct raft_trace *rt)
{
    rt->fx.state.role = 0;
    fixture_finish(&rt->fx);
    fixture_load(&rt->fx);
}

static void stale(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_stale_read(rt);
    load(rt);
}

static void a_violation_is_told_in_plain_html_before_any_script(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale(&rt);
    assert_int_equal(report(rt.fx.dir, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    assert_non_null(strstr(said, "report.html"));
    const char *first = strstr(page, "first wrong step"), *script = strstr(page, "<script");
    assert_non_null(first);
    assert_non_null(script);
    assert_true(first < script);
    assert_page_says("<h1 id=\"says\"");
    assert_page_says("id=\"V1\"");
    assert_page_says("\u2715 Failed");
    assert_page_says("Content-Security-Policy");
    assert_page_says("default-src 'none'");
    assert_page_says("reads confirmed");
    assert_page_lacks("innerHTML");
    assert_page_lacks("http://");
    assert_page_lacks("https://");
    rt_close(&rt);
}

static void the_columns_are_the_records(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale(&rt);
    int64_t records = db_int(&rt.fx.db, "SELECT count(*) FROM records", 0);
    int64_t last_t = db_int(&rt.fx.db, "SELECT max(t) FROM records", 0);
    int64_t messages = db_int(&rt.fx.db, "SELECT count(*) FROM messages", 0);
    int64_t ops = db_int(&rt.fx.db, "SELECT count(*) FROM ops", 0);
    assert_int_equal(report(rt.fx.dir, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    json_t *w = page_json("class=\"window\"", 0);
    assert_non_null(w);
    const json_t *rec = json_object_get(w, "rec");
    assert_int_equal(json_array_size(json_object_get(rec, "t")), records); /* a small run is held whole */
    assert_int_equal(sum(json_object_get(rec, "t")), last_t);
    assert_int_equal(json_array_size(json_object_get(rec, "shape")), records);
    assert_int_equal(json_array_size(json_object_get(json_object_get(w, "msg"), "id")), messages);
    assert_int_equal(json_array_size(json_object_get(w, "ops")), ops);
    /* Each record has as many values as its shape has fields. */
    int64_t values = 0;
    for (int64_t i = 0; i < records; i++) {
        int64_t shape = json_integer_value(json_array_get(json_object_get(rec, "shape"), (size_t)i));
        values += (int64_t)json_array_size(json_array_get(json_object_get(w, "shapes"), (size_t)shape)) - 1;
    }
    assert_int_equal(json_array_size(json_object_get(rec, "v")), values);
    json_decref(w);
    json_t *s = page_json("id=\"summary\"", 0);
    assert_int_equal(json_array_size(json_object_get(s, "violations")),
                     db_int(&rt.fx.db, "SELECT count(*) FROM violations", 0));
    assert_int_equal(json_array_size(json_object_get(s, "faults")), 1);
    assert_int_equal(json_array_size(json_object_get(s, "left")), 0);
    json_decref(s);
    rt_close(&rt);
}

#define EVIL "</script><script>x()</script><!--\u2028\u2029\u202e&amp;'\\\"<img src=x onerror=x()>"

static void hostile_texts_stay_text(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    json_t *evil = json_string(EVIL "\x01\x1b[2J");
    char *text = json_dumps(evil, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    fixture_recf(&rt.fx, "0000", 900000000, "note", "\"text\":%s", text);
    fixture_recf(&rt.fx, "0000", 900000001, "x.y", "\"text\":%s,\"deep\":[[%s]]", text, text);
    fixture_recf(&rt.fx, "sim", 900000002, "op.invoke", "\"op\":\"c:9\",\"cli\":%s,\"f\":\"put\",\"key\":%s,\"val\":%s",
                 text, text, text);
    load(&rt);
    db_exec(&rt.fx.db, "UPDATE runs SET name = '"
                       "<img src=x onerror=x()>"
                       "'");
    enum verdict worst;
    check_all(&rt.fx.db, &(struct check_options){0}, &worst);
    sqlite3_stmt *q = db_prepare(&rt.fx.db, "UPDATE violations SET title = :evil, fingerprint = :evil, key = :evil");
    db_bind_text(&rt.fx.db, q, ":evil", EVIL);
    db_run(&rt.fx.db, q);
    db_done(&rt.fx.db, q);
    assert_int_equal(report(rt.fx.path, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    assert_page_lacks("<script>x()");
    assert_page_lacks("<img");
    assert_page_lacks("\u2028");
    assert_page_lacks("\u202e");
    assert_page_lacks("\x1b");
    assert_page_says("&lt;img src=x onerror=x()&gt;");
    /* In the data the text is what it was. */
    json_t *w = page_json("class=\"window\"", 0);
    const json_t *texts = json_object_get(w, "texts");
    bool found = false;
    for (size_t i = 0; i < json_array_size(texts); i++)
        found |= json_equal(json_array_get(texts, i), evil);
    assert_true(found);
    json_decref(w);
    json_t *s = page_json("id=\"summary\"", 0);
    assert_non_null(s);
    json_decref(s);
    json_decref(evil);
    free(text);
    rt_close(&rt);
}

/* A run too large to be held whole: a violation, and long before it things that nobody asks about. */
static void large(struct raft_trace *rt, int64_t quiet)
{
    rt_open(rt, 3);
    rt_stale_read(rt);
    for (int64_t i = 0; i < quiet; i++)
        fixture_recf(&rt->fx, "sim", INT64_C(20000000000) + i * 100000, "node.out",
                     "\"of\":\"0000\",\"fd\":1,\"line\":\"%d\"", (int)i);
    load(rt);
}

static void only_what_matters_is_held_and_the_rest_is_said(void **state)
{
    (void)state;
    struct raft_trace rt;
    large(&rt, 21000);
    assert_int_equal(report(rt.fx.dir, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    json_t *s = page_json("id=\"summary\"", 0);
    const json_t *windows = json_object_get(s, "windows");
    int64_t held = 0, last = 0;
    for (size_t i = 0; i < json_array_size(windows); i++) {
        const json_t *w = json_array_get(windows, i);
        assert_true(json_integer_value(json_array_get(w, 0)) >= last); /* in order, none over another */
        last = json_integer_value(json_array_get(w, 1));
        held += json_integer_value(json_array_get(w, 4));
    }
    assert_true(held > 20);
    assert_true(held < 5000);
    assert_true(last < INT64_C(20000000000));
    json_decref(s);
    assert_page_says("Everything else is left out");
    assert_page_says(" --all</code>");
    rt_close(&rt);
}

static void the_page_keeps_to_its_size(void **state)
{
    (void)state;
    struct raft_trace rt;
    large(&rt, 21000);
    char out[4200];
    snprintf(out, sizeof out, "%s/x.html", rt.fx.dir);
    assert_int_equal(report(rt.fx.dir, "-o", out, "--from", "20s", "--to", "30s", "--max-size", "600k", NULL), 0);
    read_page(rt.fx.dir, "x.html");
    assert_true(strlen(page) <= 600000);
    assert_true(strlen(page) > 400000); /* and fills it */
    assert_page_says("Too large for this page");
    assert_page_says(" --from 2"); /* the command for the rest */
    assert_int_equal(report(rt.fx.dir, "-o", out, "--from", "20s", "--to", "30s", NULL), 0);
    read_page(rt.fx.dir, "x.html");
    assert_page_lacks("Too large for this page");
    assert_int_equal(report(rt.fx.dir, "-o", out, "--max-size", "10k", NULL), EXIT_USAGE);
    assert_non_null(strstr(said, "too small"));
    rt_close(&rt);
}

static void the_window_of_a_violation_begins_before_its_evidence(void **state)
{
    (void)state;
    struct raft_trace rt;
    large(&rt, 30);
    assert_int_equal(report(rt.fx.dir, "--around", "V1", NULL), 0);
    int64_t from = db_int(&rt.fx.db,
                          "SELECT min(min(coalesce(r.t, 9e18), coalesce(o.t_invoke, 9e18))) FROM violation_evidence e"
                          " LEFT JOIN records r ON r.id = e.rec LEFT JOIN ops o USING (op_id) WHERE violation_id = 1",
                          0);
    read_page(rt.fx.dir, "report.html");
    json_t *s = page_json("id=\"summary\"", 0);
    const json_t *w = json_array_get(json_object_get(s, "windows"), 0);
    assert_int_equal(json_array_size(json_object_get(s, "windows")), 1);
    int64_t begins = json_integer_value(json_array_get(w, 0));
    int64_t t0 = db_int(&rt.fx.db, "SELECT min(t_start) FROM boots", 0);
    assert_int_equal(begins, from - 200000000 > t0 ? from - 200000000 : t0);
    assert_true(json_integer_value(json_array_get(w, 1)) < INT64_C(20000000000));
    json_decref(s);
    assert_int_equal(report(rt.fx.dir, "--around", "V99", NULL), EXIT_DATA);
    rt_close(&rt);
}

static void missing_records_are_shown_where_they_miss(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt.fx.node[1].seq += 3;
    rt_timer(&rt, 1, "election");
    load(&rt);
    assert_int_equal(report(rt.fx.dir, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    json_t *s = page_json("id=\"summary\"", 0);
    const json_t *gap = json_array_get(json_object_get(s, "gaps"), 0);
    assert_int_equal(json_array_size(json_object_get(s, "gaps")), 1);
    assert_string_equal(json_string_value(json_array_get(gap, 0)), "0001");
    assert_int_equal(json_integer_value(json_array_get(gap, 3)), 3);
    json_decref(s);
    assert_page_says("undecided, not");
    assert_page_says("records are missing");
    rt_close(&rt);
}

static void a_good_run_says_so(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    rt_get(&rt, 0, RT_ALL);
    load(&rt);
    assert_int_equal(report(rt.fx.dir, NULL), 0);
    read_page(rt.fx.dir, "report.html");
    assert_page_says("checks passed</h1>");
    assert_page_says("leads term 1");
    assert_page_lacks("<h3 class=\"fail\">");
    rt_close(&rt);
}

static void a_trace_in_which_nothing_can_be_checked_is_no_pass(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_open(&fx);
    fixture_rec(&fx, "0001", 1000, "note", "\"text\":\"hello\"");
    fixture_finish(&fx);
    fixture_load(&fx);
    assert_int_equal(report(fx.dir, NULL), 0);
    read_page(fx.dir, "report.html");
    assert_page_says("<section class=\"verdict unknown\"");
    assert_page_lacks("checks passed</h1>");
    assert_page_lacks("Every key is linearizable");
    fixture_close(&fx);
}

static void what_is_no_report_is_not_replaced(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale(&rt);
    char path[4200];
    snprintf(path, sizeof path, "%s/mine.html", rt.fx.dir);
    fixture_text(&rt.fx, "mine.html", "my own notes");
    assert_int_equal(report(rt.fx.dir, "-o", path, NULL), EXIT_CANTCREATE);
    read_page(rt.fx.dir, "mine.html");
    assert_string_equal(page, "my own notes");
    assert_int_equal(report(rt.fx.dir, "-o", path, "--force", NULL), 0);
    assert_int_equal(report(rt.fx.dir, "-o", path, NULL), 0); /* a report is */
    assert_int_equal(report(rt.fx.dir, "-o", "/nonexistent/x.html", NULL), EXIT_CANTCREATE);
    rt_close(&rt);
}

static void everything_comes_as_chunks_beside_the_page(void **state)
{
    (void)state;
    struct raft_trace rt;
    large(&rt, 21000);
    assert_int_equal(report(rt.fx.dir, "--all", NULL), 0);
    read_page(rt.fx.dir, "report/report.html");
    json_t *s = page_json("id=\"summary\"", 0);
    const json_t *windows = json_object_get(s, "windows");
    assert_true(json_is_true(json_object_get(s, "chunks")));
    assert_int_equal(json_array_size(windows), 2);
    int64_t held = 0;
    for (size_t i = 0; i < json_array_size(windows); i++)
        held += json_integer_value(json_array_get(json_array_get(windows, i), 4));
    assert_int_equal(held, db_int(&rt.fx.db, "SELECT count(*) FROM records", 0));
    json_decref(s);
    assert_null(page_json("class=\"window\"", 0));
    read_page(rt.fx.dir, "report/chunk-001.js");
    assert_page_says("faultline(1,{");
    rt_close(&rt);
}

static void an_index_links_the_page_of_each_run(void **state)
{
    (void)state;
    struct raft_trace bad, good;
    char root[] = "/tmp/test-report-XXXXXX", path[4300];
    assert_non_null(mkdtemp(root));
    stale(&bad);
    rt_open(&good, 3);
    rt_elect(&good, 0, 1, RT_ALL);
    rt_replicate(&good, 0, RT_ALL);
    rt_put(&good, 0, RT_ALL);
    load(&good);
    snprintf(path, sizeof path, "%s/a #1", root);
    assert_int_equal(rename(bad.fx.dir, path), 0);
    snprintf(path, sizeof path, "%s/b", root);
    assert_int_equal(rename(good.fx.dir, path), 0);
    assert_int_equal(report(root, NULL), 0);
    assert_non_null(strstr(said, "2 runs"));
    read_page(root, "report.html");
    assert_page_says("1 of 2 runs failed");
    assert_page_says("href=\"a%20%231/report.html\"");
    assert_page_says("href=\"b/report.html\"");
    assert_page_says("smallest");
    read_page(root, "a #1/report.html");
    assert_int_equal(report(root, "--around", "V1", NULL), EXIT_USAGE);
    snprintf(path, sizeof path, "%s/a #1", root);
    assert_int_equal(rename(path, bad.fx.dir), 0);
    snprintf(path, sizeof path, "%s/b", root);
    assert_int_equal(rename(path, good.fx.dir), 0);
    snprintf(path, sizeof path, "%s/report.html", root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(root), 0);
    rt_close(&bad);
    rt_close(&good);
}

static void wrong_options_are_said(void **state)
{
    (void)state;
    assert_int_equal(report(NULL), EXIT_USAGE);
    assert_int_equal(report("x", "--max-size", "lots", NULL), EXIT_USAGE);
    assert_int_equal(report("x", "--from", "soon", NULL), EXIT_USAGE);
    assert_int_equal(report("x", "--from", "5s", "--to", "4s", NULL), EXIT_USAGE);
    assert_int_equal(report("x", "--all", "--around", "V1", NULL), EXIT_USAGE);
    assert_int_equal(report("/nonexistent/run", NULL), EXIT_NOINPUT);
    assert_int_equal(report("--help", NULL), 0);
    assert_non_null(strstr(said, "--max-size"));
}

static int forget(void **state)
{
    (void)state;
    free(page);
    page = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_violation_is_told_in_plain_html_before_any_script),
        cmocka_unit_test(the_columns_are_the_records),
        cmocka_unit_test(hostile_texts_stay_text),
        cmocka_unit_test(only_what_matters_is_held_and_the_rest_is_said),
        cmocka_unit_test(the_page_keeps_to_its_size),
        cmocka_unit_test(the_window_of_a_violation_begins_before_its_evidence),
        cmocka_unit_test(missing_records_are_shown_where_they_miss),
        cmocka_unit_test(a_good_run_says_so),
        cmocka_unit_test(a_trace_in_which_nothing_can_be_checked_is_no_pass),
        cmocka_unit_test(what_is_no_report_is_not_replaced),
        cmocka_unit_test(everything_comes_as_chunks_beside_the_page),
        cmocka_unit_test(an_index_links_the_page_of_each_run),
        cmocka_unit_test(wrong_options_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
