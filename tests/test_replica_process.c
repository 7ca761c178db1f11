/* test_replica_process.c -- the replica program itself: real processes, real sockets, signals, files, exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/replica_process.h"
#include "support/replica_trace.h"
#include "support/spawn.h"

static struct processes p;
static char printed[8192], path[4400];

static int end(void **state)
{
    (void)state;
    processes_end(&p);
    return 0;
}

static void start(unsigned n)
{
    processes_init(&p, n);
    for (unsigned i = 0; i < n; i++)
        processes_start(&p, i, NULL);
}

static bool all_known(const struct processes *q)
{
    bool all = true;
    for (unsigned i = 0; i < q->n; i++)
        all = all && q->v[i].known;
    return all;
}

static bool never(const struct processes *q)
{
    (void)q;
    return false;
}

static void stop(unsigned i)
{
    kill(p.v[i].pid, SIGTERM);
    int status = processes_wait(&p, i, printed, sizeof printed);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(printed, "");
}

static struct replica_trace trace_of(unsigned i, unsigned boot)
{
    snprintf(path, sizeof path, "%s/run/%04X.%u.jsonl", p.dir, i + 1, boot);
    return replica_trace_read(path);
}

static void a_replica_says_hello_first_and_is_silent_until_its_timeout(void **state)
{
    (void)state;
    start(3);
    assert_true(processes_run(&p, all_known, 30));
    assert_string_equal(p.v[0].first, "{\"src\":\"0001\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}");
    assert_string_equal(p.v[2].first, "{\"src\":\"0003\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}");
}

static void a_group_of_one_serves_and_ends_at_once_with_a_complete_trace(void **state)
{
    (void)state;
    start(1);
    assert_true(processes_run(&p, all_known, 30));
    assert_string_equal(processes_ask(&p, MESSAGE_GET, "k", NULL).value, "");
    processes_ask(&p, MESSAGE_PUT, "k", "v1");
    assert_string_equal(processes_ask(&p, MESSAGE_GET, "k", NULL).value, "v1");
    double before = processes_now();
    stop(0);
    assert_true(processes_now() - before < 1.0); /* some tenths of a millisecond, when nothing else runs */
    struct replica_trace t = trace_of(0, 1);
    assert_string_equal(replica_trace_text(t.v[0], "ev"), "trace.open");
    assert_string_equal(replica_trace_text(t.v[0], "run"), "run");
    assert_string_equal(replica_trace_text(t.v[t.n - 1], "ev"), "trace.close");
    assert_string_equal(replica_trace_text(t.v[t.n - 2], "why"), "signal");
    assert_int_equal(replica_trace_int(t.v[t.n - 2], "sig"), SIGTERM);
    assert_int_equal(replica_trace_count(&t, "req.reply", "op", "put"), 1);
    replica_trace_free(&t);
}

static void a_group_of_three_survives_the_end_of_its_leader(void **state)
{
    (void)state;
    start(3);
    assert_true(processes_run(&p, all_known, 30));
    char value[24];
    for (int i = 0; i < 50; i++) {
        snprintf(value, sizeof value, "v%d", i);
        processes_ask(&p, MESSAGE_PUT, "k", value);
        assert_string_equal(processes_ask(&p, MESSAGE_GET, "k", NULL).value, value);
    }
    unsigned leader = processes_ask(&p, MESSAGE_GET, "k", NULL).by - 1u;
    stop(leader);
    p.leader = NODE_NONE;
    p.v[leader].known = false;
    assert_string_equal(processes_ask(&p, MESSAGE_GET, "k", NULL).value, value);
    for (unsigned i = 0; i < 3; i++)
        if (i != leader)
            stop(i);
    for (unsigned i = 0; i < 3; i++) {
        struct replica_trace t = trace_of(i, 1);
        assert_string_equal(replica_trace_text(t.v[t.n - 1], "ev"), "trace.close");
        assert_int_equal(replica_trace_count(&t, "msg.bad", NULL, NULL), 0);
        replica_trace_free(&t);
    }
}

/* Write-ahead tracing, against the hardest of ends. */
static void after_kill_9_the_trace_has_every_answer_that_a_client_got(void **state)
{
    (void)state;
    start(1);
    assert_true(processes_run(&p, all_known, 30));
    for (int i = 0; i < 300; i++)
        processes_ask(&p, i % 2 ? MESSAGE_GET : MESSAGE_PUT, "k", "v");
    /* And in the midst of work. */
    for (int i = 0; i < 200; i++) {
        char bytes[256];
        struct message m = {
            .type = MESSAGE_PUT, .src = PROCESS_CLIENT, .dst = 1, .leader = 1, .key = "k", .value = "w"};
        snprintf(m.mid, sizeof m.mid, "B%d", i);
        processes_send(&p, 0, bytes, wire_encode(&m, bytes, sizeof bytes));
    }
    kill(p.v[0].pid, SIGKILL);
    assert_true(WIFSIGNALED(processes_wait(&p, 0, printed, sizeof printed)));
    processes_run(&p, never, 0.05);
    assert_true(p.n_answers >= 300);
    snprintf(path, sizeof path, "%s/run/0001.1.jsonl", p.dir);
    struct replica_trace t = replica_trace_read_killed(path);
    for (size_t i = 0; i < p.n_answers; i++) {
        assert_non_null(replica_trace_find(&t, 0, "msg.send", "mid", p.answers[i].mid, NULL));
        const char *ev = p.answers[i].type == MESSAGE_OK ? "req.reply" : "req.redirect";
        assert_non_null(replica_trace_find(&t, 0, ev, "req", p.answers[i].mid, NULL));
    }
    replica_trace_free(&t);
}

static void a_failed_assertion_leaves_the_records_that_led_to_it_and_status_70(void **state)
{
    (void)state;
    start(1);
    assert_true(processes_run(&p, all_known, 30));
    processes_ask(&p, MESSAGE_PUT, "k", "v");
    kill(p.v[0].pid, SIGABRT); /* as abort() would */
    int status = processes_wait(&p, 0, printed, sizeof printed);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    assert_non_null(strstr(printed, "internal error"));
    struct replica_trace t = trace_of(0, 1);
    assert_string_equal(replica_trace_text(t.v[t.n - 1], "ev"), "node.stop");
    assert_string_equal(replica_trace_text(t.v[t.n - 1], "why"), "assert");
    replica_trace_free(&t);
}

static void a_flood_of_garbage_starves_neither_timers_nor_clients_nor_the_end(void **state)
{
    (void)state;
    start(1);
    assert_true(processes_run(&p, all_known, 30));
    struct message m = {
        .type = MESSAGE_GET, .src = PROCESS_CLIENT, .dst = 1, .leader = NODE_NONE, .mid = "G", .key = "k"};
    char request[256], junk[64];
    memset(junk, '{', sizeof junk);
    size_t n = wire_encode(&m, request, sizeof request);
    processes_send(&p, 0, request, n); /* held until the election, whose timer must fire in the flood */
    double until = processes_now() + 30;
    while (p.n_answers == 0 && processes_now() < until) {
        for (int i = 0; i < 500; i++)
            processes_send(&p, 0, junk, sizeof junk);
        processes_run(&p, never, 0.001);
    }
    assert_int_equal(p.n_answers, 1);
    for (int i = 0; i < 5000; i++)
        processes_send(&p, 0, junk, sizeof junk);
    stop(0);
}

static void a_start_without_a_number_takes_the_next_free_one(void **state)
{
    (void)state;
    start(1);
    assert_true(processes_run(&p, all_known, 30));
    stop(0);
    processes_start(&p, 0, NULL);
    assert_true(processes_run(&p, all_known, 30));
    stop(0);
    struct replica_trace t = trace_of(0, 2);
    assert_true(t.n > 3);
    replica_trace_free(&t);
    /* A number that is given must be free. */
    const char *const boot[] = {"FAULTLINE_BOOT=2", NULL};
    processes_start(&p, 0, boot);
    int status = processes_wait(&p, 0, printed, sizeof printed);
    assert_int_equal(WEXITSTATUS(status), 73);
    assert_non_null(strstr(printed, "FAULTLINE_BOOT"));
}

static void replicas_of_one_parent_find_the_same_run_and_epoch(void **state)
{
    (void)state;
    processes_init(&p, 2);
    const char *const no_run[] = {"FAULTLINE_RUN=", NULL};
    for (unsigned i = 0; i < 2; i++)
        processes_start(&p, i, no_run);
    assert_true(processes_run(&p, all_known, 30));
    stop(0);
    stop(1);
    DIR *d = opendir(p.dir);
    assert_non_null(d);
    char run[256] = "";
    unsigned runs = 0;
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            runs++;
            snprintf(run, sizeof run, "%s", e->d_name);
        }
    closedir(d);
    assert_int_equal(runs, 1);
    assert_int_equal(strtol(run, NULL, 10), getpid());
    int64_t epoch[2];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s/%04X.1.jsonl", p.dir, run, i + 1);
        struct replica_trace t = replica_trace_read(path);
        epoch[i] = replica_trace_int(t.v[0], "epoch_ns");
        assert_true(replica_trace_int(t.v[0], "t") >= 0);
        replica_trace_free(&t);
    }
    assert_int_equal(epoch[0], epoch[1]);
}

static void without_a_place_for_traces_it_says_so_once_and_runs(void **state)
{
    (void)state;
    processes_init(&p, 1);
    snprintf(path, sizeof path, "FAULTLINE_TRACE=%s/file", p.dir);
    FILE *f = fopen(path + strlen("FAULTLINE_TRACE="), "we");
    assert_non_null(f);
    fclose(f);
    const char *const nowhere[] = {path, NULL}, *const strict[] = {path, "FAULTLINE_TRACE_STRICT=1", NULL};
    processes_start(&p, 0, nowhere);
    assert_true(processes_run(&p, all_known, 30));
    processes_ask(&p, MESSAGE_PUT, "k", "v");
    kill(p.v[0].pid, SIGTERM);
    assert_int_equal(processes_wait(&p, 0, printed, sizeof printed), 0);
    assert_non_null(strstr(printed, "no trace"));
    assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1);
    processes_start(&p, 0, strict);
    int status = processes_wait(&p, 0, printed, sizeof printed);
    assert_int_equal(WEXITSTATUS(status), 73);
}

static void tracing_can_be_turned_off(void **state)
{
    (void)state;
    processes_init(&p, 1);
    const char *const off[] = {"FAULTLINE_TRACE=off", NULL};
    processes_start(&p, 0, off);
    assert_true(processes_run(&p, all_known, 30));
    processes_ask(&p, MESSAGE_PUT, "k", "v");
    stop(0);
    snprintf(path, sizeof path, "%s/run", p.dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_bad_environment_is_a_usage_error(void **state)
{
    (void)state;
    processes_init(&p, 1);
    static const char *const bad[] = {"FAULTLINE_RUN=../x", "FAULTLINE_EPOCH_NS=9223372036854775807",
                                      "FAULTLINE_BOOT=0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const environment[] = {bad[i], NULL};
        processes_start(&p, 0, environment);
        int status = processes_wait(&p, 0, printed, sizeof printed);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 64);
        assert_memory_equal(printed, "replica: ", 9);
    }
}

static void a_trace_that_may_not_grow_does_not_end_it(void **state)
{
    (void)state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    processes_init(&p, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    processes_start(&p, 0, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(processes_run(&p, all_known, 30));
    for (int i = 0; i < 30; i++) /* several records each */
        processes_ask(&p, MESSAGE_PUT, "k", "v");
    kill(p.v[0].pid, SIGTERM);
    int status = processes_wait(&p, 0, printed, sizeof printed);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_non_null(strstr(printed, "the end of the trace could not be written: File too large"));
    snprintf(path, sizeof path, "%s/run/0001.1.jsonl", p.dir);
    struct stat st;
    assert_true(stat(path, &st) == 0 && st.st_size <= 4096);
}

static void an_error_that_nobody_can_read_any_more_does_not_change_how_it_ends(void **state)
{
    (void)state;
    static char program[4200];
    spawn_path("replica", program, sizeof program);
    processes_init(&p, 0);
    int closed[2], status;
    assert_int_equal(pipe2(closed, O_CLOEXEC), 0);
    close(closed[0]);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        if (dup2(closed[1], 2) == 2)
            execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(closed[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 64);
}

static void help_goes_to_stdout_and_usage_errors_are_64(void **state)
{
    (void)state;
    processes_init(&p, 0);
    static char program[4200];
    spawn_path("replica", program, sizeof program);
    const char *help[] = {program, "--help", NULL}, *version[] = {program, "--version", NULL},
               *none[] = {program, NULL};
    assert_int_equal(spawn_run(help, 30, printed, sizeof printed), 0);
    assert_non_null(strstr(printed, "usage: replica"));
    assert_int_equal(spawn_run(version, 30, printed, sizeof printed), 0);
    assert_memory_equal(printed, "faultline-replica ", 18);
    assert_int_equal(spawn_run(none, 30, printed, sizeof printed), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_replica_says_hello_first_and_is_silent_until_its_timeout, end),
        cmocka_unit_test_teardown(a_group_of_one_serves_and_ends_at_once_with_a_complete_trace, end),
        cmocka_unit_test_teardown(a_group_of_three_survives_the_end_of_its_leader, end),
        cmocka_unit_test_teardown(after_kill_9_the_trace_has_every_answer_that_a_client_got, end),
        cmocka_unit_test_teardown(a_failed_assertion_leaves_the_records_that_led_to_it_and_status_70, end),
        cmocka_unit_test_teardown(a_flood_of_garbage_starves_neither_timers_nor_clients_nor_the_end, end),
        cmocka_unit_test_teardown(a_start_without_a_number_takes_the_next_free_one, end),
        cmocka_unit_test_teardown(replicas_of_one_parent_find_the_same_run_and_epoch, end),
        cmocka_unit_test_teardown(without_a_place_for_traces_it_says_so_once_and_runs, end),
        cmocka_unit_test_teardown(tracing_can_be_turned_off, end),
        cmocka_unit_test_teardown(a_bad_environment_is_a_usage_error, end),
        cmocka_unit_test_teardown(a_trace_that_may_not_grow_does_not_end_it, end),
        cmocka_unit_test_teardown(an_error_that_nobody_can_read_any_more_does_not_change_how_it_ends, end),
        cmocka_unit_test_teardown(help_goes_to_stdout_and_usage_errors_are_64, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
