/* test_check_out.c -- what `analyze check` writes for other tools: JUnit, SARIF, GitHub, TAP, many runs, and the
 * baseline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "support/raft_trace.h"

static char out[400000];

/* Runs `analyze check` with these arguments; what it writes to standard output is in `out`. */
static int check(const char *const *args)
{
    char *argv[24] = {(char *)(uintptr_t) "check"};
    int argc = 1;
    while (*args != NULL)
        argv[argc++] = (char *)(uintptr_t)*args++;
    fflush(stdout);
    int keep = dup(STDOUT_FILENO);
    FILE *tmp = tmpfile();
    assert_non_null(tmp);
    dup2(fileno(tmp), STDOUT_FILENO);
    int status = cmd_check(argc, argv);
    fflush(stdout);
    dup2(keep, STDOUT_FILENO);
    close(keep);
    rewind(tmp);
    size_t n = fread(out, 1, sizeof out - 1, tmp);
    out[n] = '\0';
    fclose(tmp);
    return status;
}

#define CHECK(...) check((const char *const[]){__VA_ARGS__, NULL})

/* A run with a stale read, a rule broken, and words that no format must take for its own. */
static void bad_run(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_stale_read(rt);
    rt_sim(rt, "op.invoke",
           "\"op\":\"0200:1\",\"cli\":\"0200\",\"f\":\"put\",\"key\":\"]]><b>:,%%\\n#|\\u001b\",\"val\":\"x\"");
    rt_sim(rt, "op.return", "\"op\":\"0200:1\",\"res\":\"ok\",\"by\":\"0001\"");
    rt_sim(rt, "op.invoke", "\"op\":\"0201:1\",\"cli\":\"0201\",\"f\":\"get\",\"key\":\"]]><b>:,%%\\n#|\\u001b\"");
    rt_sim(rt, "op.return", "\"op\":\"0201:1\",\"res\":\"ok\",\"val\":\"\",\"by\":\"0001\"");
    rt->fx.state.role = 0;
    fixture_finish(&rt->fx);
    fixture_text(&rt->fx, "run.json",
                 "{\"rerun\":\"simulate --seed 7 a:b,c%.json\",\"command\":[\"simulate\",\"a:b,c%.json\"]}");
    fixture_load(&rt->fx);
    db_close(&rt->fx.db);
}

static void done(struct raft_trace *rt)
{
    assert_true(db_open(&rt->fx.db, rt->fx.path, true)); /* fixture_close() closes it */
    rt_close(rt);
}

static void annotations_are_escaped_as_workflow_commands_are(void **state)
{
    (void)state;
    struct raft_trace rt;
    bad_run(&rt);
    unsetenv("GITHUB_STEP_SUMMARY");
    assert_int_equal(CHECK(rt.fx.dir, "--format", "github"), EXIT_VIOLATION);
    assert_non_null(strstr(out, "::error file=a%3Ab%2Cc%25.json,title=C2 deposed-leader-local-read::stale read of "));
    assert_non_null(strstr(out, "%0Aagain: simulate --seed 7 a:b,c%25.json"));
    size_t lines = 0;
    for (char *line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        lines++;
        assert_true(strncmp(line, "::error ", 8) == 0 || strncmp(line, "::warning ", 10) == 0);
        assert_null(strchr(line, '\x1b'));
        assert_null(strchr(line, '\r'));
    }
    assert_in_range(lines, 2, 10);
    done(&rt);
}

static void the_summary_goes_where_the_runner_wants_it(void **state)
{
    (void)state;
    struct raft_trace rt;
    char path[4300], text[20000] = "";
    bad_run(&rt);
    snprintf(path, sizeof path, "%s/summary.md", rt.fx.dir);
    setenv("GITHUB_STEP_SUMMARY", path, 1);
    CHECK(rt.fx.dir, "--format", "github");
    unsetenv("GITHUB_STEP_SUMMARY");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "| check | class | runs | what | since | again |"));
    assert_non_null(strstr(text, "deposed\\-leader\\-local\\-read"));
    assert_null(strstr(text, "<b>"));
    done(&rt);
}

static void tap_has_a_plan_and_a_point_for_each_check(void **state)
{
    (void)state;
    struct raft_trace rt;
    bad_run(&rt);
    assert_int_equal(CHECK(rt.fx.dir, "--only", "C", "--format", "tap"), EXIT_VIOLATION);
    assert_memory_equal(out, "TAP version 14\n", 15);
    int points = 0, plan = 0;
    bool yaml = false;
    for (char *line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strcmp(line, "  ---") == 0)
            yaml = true;
        else if (strcmp(line, "  ...") == 0)
            yaml = false;
        else if (yaml)
            assert_memory_equal(line, "  ", 2);
        else if (strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0)
            points++;
        else if (strncmp(line, "1..", 3) == 0)
            plan = atoi(line + 3);
        assert_null(strchr(line, '\x1b'));
    }
    assert_true(points >= 7);
    assert_int_equal(plan, points);
    done(&rt);
}

static const json_t *at(const json_t *j, const char *key)
{
    const json_t *v = json_object_get(j, key);
    if (v == NULL)
        fail_msg("no %s", key);
    return v;
}

static void sarif_has_a_result_for_each_class_with_its_threads(void **state)
{
    (void)state;
    struct raft_trace rt;
    bad_run(&rt);
    assert_int_equal(CHECK(rt.fx.dir, "--format", "sarif"), EXIT_VIOLATION);
    json_t *j = json_loads(out, 0, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(at(j, "version")), "2.1.0");
    const json_t *run = json_array_get(at(j, "runs"), 0), *results = at(run, "results");
    const json_t *rules = at(at(at(run, "tool"), "driver"), "rules");
    assert_true(json_array_size(rules) > 70);
    size_t i, k;
    json_t *r, *rule;
    bool stale = false;
    json_array_foreach(results, i, r)
    {
        bool known = false;
        json_array_foreach(rules, k, rule)
        {
            known = known || strcmp(json_string_value(at(rule, "id")), json_string_value(at(r, "ruleId"))) == 0;
        }
        assert_true(known);
        assert_non_null(json_string_value(at(at(r, "message"), "text")));
        if (strcmp(json_string_value(at(at(r, "partialFingerprints"), "faultlineClass/v1")),
                   "C2/deposed-leader-local-read") != 0)
            continue;
        stale = true;
        const json_t *where = at(json_array_get(at(r, "locations"), 0), "physicalLocation");
        assert_string_equal(json_string_value(at(at(where, "artifactLocation"), "uri")), "a%3Ab%2Cc%25.json");
        const json_t *threads = at(json_array_get(at(r, "codeFlows"), 0), "threadFlows");
        assert_true(json_array_size(threads) >= 2);
        int64_t last = 0;
        json_t *step;
        json_array_foreach(at(json_array_get(threads, 0), "locations"), k, step)
        {
            assert_true(json_integer_value(at(step, "executionOrder")) > last);
            last = json_integer_value(at(step, "executionOrder"));
        }
    }
    assert_true(stale);
    json_decref(j);
    done(&rt);
}

static void several_formats_are_written_at_once(void **state)
{
    (void)state;
    struct raft_trace rt;
    char a[4300], b[4300];
    struct stat st;
    bad_run(&rt);
    snprintf(a, sizeof a, "%s/j.xml", rt.fx.dir);
    snprintf(b, sizeof b, "%s/s.sarif", rt.fx.dir);
    assert_int_equal(CHECK(rt.fx.dir, "--format", "tap", "--junit", a, "--sarif", b), EXIT_VIOLATION);
    assert_memory_equal(out, "TAP", 3);
    assert_int_equal(stat(a, &st), 0);
    assert_true(st.st_size > 1000);
    assert_int_equal(stat(b, &st), 0);
    assert_true(st.st_size > 1000);
    assert_int_equal(CHECK(rt.fx.dir, "--junit", a, "--junit", b), EXIT_USAGE);
    assert_int_equal(CHECK(rt.fx.dir, "--junit", "/nowhere/j.xml"), EXIT_CANTCREATE);
    done(&rt);
}

/* The same failure fails once; another one fails still. */
static void what_the_baseline_knows_fails_nothing(void **state)
{
    (void)state;
    struct raft_trace rt;
    char base[4300], other[4300];
    bad_run(&rt);
    snprintf(base, sizeof base, "%s/base.json", rt.fx.dir);
    snprintf(other, sizeof other, "%s/other.json", rt.fx.dir);
    assert_int_equal(CHECK(rt.fx.dir, "--json", base), EXIT_VIOLATION);
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", base), EXIT_PASSED);
    assert_non_null(strstr(out, ": nothing new, so this fails nothing\n"));
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", base, "--format", "github"), EXIT_PASSED);
    assert_null(strstr(out, "::error"));
    assert_non_null(strstr(out, "::notice title=known::"));
    assert_non_null(strstr(out, " C2 deposed-leader-local-read"));
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", base, "--format", "junit"), EXIT_PASSED);
    assert_non_null(strstr(out, "failures=\"0\""));
    assert_int_equal(CHECK(rt.fx.dir, "--only", "C1", "--json", other), EXIT_VIOLATION);
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", other), EXIT_VIOLATION);
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", "/nowhere/b.json"), EXIT_NOINPUT);
    fixture_text(&rt.fx, "wrong.json", "{\"runs\":[]}");
    snprintf(other, sizeof other, "%s/wrong.json", rt.fx.dir);
    assert_int_equal(CHECK(rt.fx.dir, "--baseline", other), EXIT_DATA);
    done(&rt);
}

/* A directory of runs: one line for each class, with the first run and the smallest. */
static void many_runs_are_told_by_class(void **state)
{
    (void)state;
    struct raft_trace rt;
    char dir[] = "/tmp/faultline-test-XXXXXX", command[20000];
    bad_run(&rt);
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "mkdir %s/1 %s/2 && cp %s/*.jsonl %s/run.json %s/1 && cp %s/*.jsonl %s/2", dir,
             dir, rt.fx.dir, rt.fx.dir, dir, rt.fx.dir, dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(CHECK(dir), EXIT_VIOLATION);
    assert_non_null(strstr(out, "FAIL  C2   deposed-leader-local-read   2 of 2 runs, first "));
    assert_non_null(strstr(out, "FAIL    2 runs, 0 passed"));
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    done(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annotations_are_escaped_as_workflow_commands_are),
        cmocka_unit_test(the_summary_goes_where_the_runner_wants_it),
        cmocka_unit_test(tap_has_a_plan_and_a_point_for_each_check),
        cmocka_unit_test(sarif_has_a_result_for_each_class_with_its_threads),
        cmocka_unit_test(several_formats_are_written_at_once),
        cmocka_unit_test(what_the_baseline_knows_fails_nothing),
        cmocka_unit_test(many_runs_are_told_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
