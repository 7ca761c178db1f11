/* Campaigns of `simulate --seeds`: whole programs, analyzer included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "support/spawn.h"

/* A leader is cut off, and answers reads from its own state: with --reads local many seeds have a stale read. */
static const char scenario[] =
    "{\"name\": \"stale\", \"lifetime\": 7, \"start_wait\": 3, \"end_wait\": 3, \"replicas\": 3, \"mix\": 0.7,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 6, \"keys\": 1, \"timeout_ms\": 300, \"rate\": 60},"
    " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 5}]}";

static char dir[512], simulate[4200], out[1 << 16];

static int setup(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    spawn_path("simulate", simulate, sizeof simulate);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

static const char *below(const char *name, char path[700])
{
    snprintf(path, 700, "%s/%s", dir, name);
    return path;
}

#define RUN(...) spawn_run((const char *const[]){simulate, __VA_ARGS__, NULL}, 120, out, sizeof out)

static json_t *summary(const char *name)
{
    char path[700], file[800];
    snprintf(file, sizeof file, "%s/campaign.json", below(name, path));
    json_t *o = json_load_file(file, 0, NULL);
    assert_non_null(o);
    return o;
}

static int64_t figure(const json_t *o, const char *key)
{
    assert_true(json_is_integer(json_object_get(o, key)));
    return json_integer_value(json_object_get(o, key));
}

static void a_campaign_without_a_defect_passes_and_keeps_nothing(void **state)
{
    (void)state;
    char path[700];
    assert_int_equal(RUN("--seeds", "1..3", "--out", below("good", path), scenario), 0);
    assert_non_null(strstr(out, "3 seeds, 0 failed, 0 undecided, 0 not judged, 0 classes"));
    json_t *o = summary("good");
    assert_true(figure(o, "runs") == 3 && figure(o, "failed") == 0 && figure(o, "status") == 0);
    assert_int_equal(json_array_size(json_object_get(o, "classes")), 0);
    json_decref(o);
    assert_int_equal(RUN("--seeds", "1..3", "--out", below("good", path), scenario), 73);
    assert_non_null(strstr(out, "not empty"));
}

static void failures_are_sorted_into_classes_and_kept_so_that_they_can_be_had_again(void **state)
{
    (void)state;
    char path[700], file[800];
    assert_int_equal(RUN("--seeds", "1..6", "--jobs", "2", "--reads", "local", "--out", below("bad", path), scenario),
                     1);
    assert_non_null(strstr(out, "FAIL  R4"));
    json_t *o = summary("bad");
    const json_t *class = json_array_get(json_object_get(o, "classes"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(class, "class")), "read"));
    assert_true(figure(o, "runs") == 6 && figure(o, "failed") > 0 && figure(o, "status") == 1);
    static const char *const files[] = {"run.json", "scenario.json", "decisions.jsonl", "report.txt", "sim.1.jsonl"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(file, sizeof file, "%s/%d/%s", path, (int)figure(class, "first"), files[i]);
        assert_int_equal(access(file, R_OK), 0);
    }
    snprintf(file, sizeof file, "%s/%d", path, (int)figure(class, "first"));
    assert_int_equal(RUN("--replay", file, "--verify", "--check", "--quiet", "--out", below("again", path)), 1);
    assert_non_null(strstr(out, "verified: twice the same traces"));
    json_decref(o);
}

/* What made the run what it was is kept with it. */
static void a_run_that_went_on_after_a_violation_is_had_again_as_it_was(void **state)
{
    (void)state;
    char path[700], again[700], file[800];
    int status = RUN("--seed", "1", "--go-on", "--quiet", "--out", below("on", path), scenario);
    assert_int_equal(RUN("--replay", path, "--quiet", "--out", below("on_again", again)), status);
    snprintf(file, sizeof file, "%s/run.json", again);
    json_t *run = json_load_file(file, 0, NULL);
    assert_true(json_is_true(json_object_get(run, "go_on")));
    json_decref(run);
}

static void what_comes_out_does_not_depend_on_the_number_of_processes(void **state)
{
    (void)state;
    char path[700];
    assert_int_equal(RUN("--seeds", "1..6", "--jobs", "1", "--reads", "local", "--out", below("one", path), scenario),
                     1);
    json_t *a = summary("bad"), *b = summary("one");
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

static void coverage_does_not_depend_on_the_number_of_processes(void **state)
{
    (void)state;
    char path[700], file[2][800];
    json_t *o[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(RUN("--seeds", "1..6", "--jobs", i ? "3" : "1", "--no-check", "--coverage", "--out",
                             below(i ? "covered3" : "covered1", path), scenario),
                         0);
        assert_non_null(strstr(out, "coverage: "));
        assert_non_null(strstr(out, "never reached  snap.install"));
        snprintf(file[i], sizeof file[i], "%s/coverage.json", path);
        o[i] = json_load_file(file[i], 0, NULL);
        assert_non_null(o[i]);
    }
    assert_true(json_equal(o[0], o[1]));
    assert_true(figure(o[0], "states") > 20 && json_array_size(json_object_get(o[0], "edges")) > 20);
    assert_int_equal(figure(json_array_get(json_object_get(o[0], "seeds"), 0), "seed"), 1);
    json_decref(o[0]);
    json_decref(o[1]);
}

static void mutants_can_be_had_again(void **state)
{
    (void)state;
    char path[700], file[900], again[700];
    json_t *o[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(RUN("--seeds", "1..48", "--jobs", i ? "3" : "1", "--no-check", "--mutate", "--out",
                             below(i ? "mutants3" : "mutants1", path), scenario),
                         0);
        snprintf(file, sizeof file, "%s/coverage.json", path);
        o[i] = json_load_file(file, 0, NULL);
        assert_non_null(o[i]);
    }
    assert_true(json_equal(o[0], o[1]));
    const json_t *seeds = json_object_get(o[0], "seeds");
    int64_t mutant = figure(json_array_get(seeds, json_array_size(seeds) - 1), "seed");
    assert_true(mutant > 32); /* the second block */
    snprintf(file, sizeof file, "%s/corpus/%d", path, (int)mutant);
    assert_int_equal(RUN("--replay", file, "--quiet", "--verify", "--out", below("mutant", again)), 0);
    assert_int_equal(
        spawn_run((const char *const[]){"/bin/sh", "-c", "cmp \"$0\"/decisions.jsonl \"$1\"/decisions.jsonl", file,
                                        again, NULL},
                  30, out, sizeof out),
        0);
    json_decref(o[0]);
    json_decref(o[1]);
}

static void stop_ends_with_the_lowest_seed_that_fails(void **state)
{
    (void)state;
    char path[700];
    json_t *all = summary("bad");
    int64_t first = figure(json_array_get(json_object_get(all, "classes"), 0), "first");
    assert_int_equal(
        RUN("--seeds", "1..6", "--jobs", "3", "--reads", "local", "--stop", "--out", below("stop", path), scenario), 1);
    json_t *o = summary("stop");
    assert_true(figure(o, "runs") == first && figure(o, "failed") == 1);
    json_decref(all);
    json_decref(o);
}

static void a_black_box_is_judged_by_what_clients_saw(void **state)
{
    (void)state;
    char path[700];
    assert_int_equal(
        RUN("--seeds", "1..4", "--replicas-black-box", "--reads", "local", "--out", below("black", path), scenario), 1);
    json_t *o = summary("black");
    const json_t *class = json_array_get(json_object_get(o, "classes"), 0);
    assert_true(json_string_value(json_object_get(class, "rule"))[0] == 'C');
    json_decref(o);
}

static void traces_are_written_when_they_are_wanted(void **state)
{
    (void)state;
    static const struct {
        const char *when, *arg;
        int status;
        bool written;
    } cases[] = {{"always", "2000-2500", 0, true},
                 {"fail", "2000-2500", 0, false},
                 {"off", "2000-2500", 0, false},
                 {"off", "600000-700000", 1, false},
                 {"fail", "600000-700000", 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[700], name[32], file[800];
        snprintf(name, sizeof name, "trace%zu", i);
        assert_int_equal(RUN("--trace", cases[i].when, "--replica-arg", "--election-ms", "--replica-arg", cases[i].arg,
                             "--seed", "1", "--quiet", "--out", below(name, path), scenario),
                         cases[i].status);
        snprintf(file, sizeof file, "%s/0000.1.jsonl", path);
        assert_int_equal(access(file, R_OK) == 0, cases[i].written);
        snprintf(file, sizeof file, "%s/rerun.sh", path);
        assert_int_equal(access(file, X_OK), 0);
    }
}

static void bad_usage_is_refused(void **state)
{
    (void)state;
    assert_int_equal(RUN("--seeds", "5..3", scenario), 64);
    assert_int_equal(RUN("--seeds", "5", scenario), 64);
    assert_int_equal(RUN("--stop", scenario), 64);
    assert_int_equal(RUN("--seeds", "1..2", "--seed", "3", scenario), 64);
    assert_int_equal(RUN("--seeds", "1..2", "--jobs", "0", scenario), 64);
    assert_int_equal(RUN("--trace", "never", scenario), 64);
    assert_int_equal(RUN("--trace", "off", "--check", scenario), 64);
    assert_int_equal(RUN("--seeds", "1..2", "{\"lifetime\": 3}"), 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_campaign_without_a_defect_passes_and_keeps_nothing),
        cmocka_unit_test(failures_are_sorted_into_classes_and_kept_so_that_they_can_be_had_again),
        cmocka_unit_test(a_run_that_went_on_after_a_violation_is_had_again_as_it_was),
        cmocka_unit_test(what_comes_out_does_not_depend_on_the_number_of_processes),
        cmocka_unit_test(coverage_does_not_depend_on_the_number_of_processes),
        cmocka_unit_test(mutants_can_be_had_again),
        cmocka_unit_test(stop_ends_with_the_lowest_seed_that_fails),
        cmocka_unit_test(a_black_box_is_judged_by_what_clients_saw),
        cmocka_unit_test(traces_are_written_when_they_are_wanted),
        cmocka_unit_test(bad_usage_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
