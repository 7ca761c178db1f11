/* Processes and what they print: whatever they do, the simulator goes on. */
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_exec.h"
#include "trace.h"

struct seen {
    size_t lines, bytes, cut;
    char first[SIM_LINE_MAX + 1], last[SIM_LINE_MAX + 1];
};

static void see(void *ctx, const char *line, bool truncated)
{
    struct seen *s = ctx;
    if (s->lines == 0)
        snprintf(s->first, sizeof s->first, "%s", line);
    snprintf(s->last, sizeof s->last, "%s", line);
    s->lines++;
    s->bytes += strlen(line);
    s->cut += truncated;
}

static void feed(struct sim_lines *l, struct seen *s, int64_t now, const char *text)
{
    sim_lines_feed(l, now, text, strlen(text), see, s);
}

static void lines_are_put_together_from_pieces(void **state)
{
    (void)state;
    struct sim_lines l;
    struct seen s = {0};
    sim_lines_init(&l, 0);
    feed(&l, &s, 0, "a");
    feed(&l, &s, 0, "b\n\nc");
    assert_int_equal(s.lines, 2);
    assert_string_equal(s.first, "ab");
    sim_lines_feed(&l, 0, "\0d", 2, see, &s);
    sim_lines_end(&l, 0, see, &s);
    assert_int_equal(s.lines, 3);
    assert_string_equal(s.last, "c?d");
}

static void a_long_line_is_cut_at_four_kilobytes_and_says_so(void **state)
{
    (void)state;
    struct sim_lines l;
    struct seen s = {0};
    sim_lines_init(&l, 0);
    for (int i = 0; i < 10000; i++)
        feed(&l, &s, 0, "x");
    feed(&l, &s, 0, "\nshort\n");
    assert_true(s.lines == 2 && s.cut == 1 && strlen(s.first) == SIM_LINE_MAX);
    assert_string_equal(s.last, "short");
}

static void a_flood_is_counted_instead_of_kept_and_what_comes_after_it_is_kept_again(void **state)
{
    (void)state;
    struct sim_lines l;
    struct seen s = {0};
    const int64_t second = INT64_C(1000000000);
    sim_lines_init(&l, 0);
    for (int i = 0; i < 100000; i++)
        feed(&l, &s, 0, "again and again and again\n");
    assert_true(s.bytes < SIM_LINES_BURST && s.bytes > SIM_LINES_BURST / 4);
    size_t kept = s.lines;
    feed(&l, &s, 10 * second, "calm\n");
    assert_int_equal(s.lines, kept + 2); /* the account, then the line */
    assert_string_equal(s.last, "calm");
    for (int t = 0; t < 100; t++) /* a flood without end: bounded by the rate */
        for (int i = 0; i < 10000; i++)
            feed(&l, &s, (20 + t) * second, "0123456789\n");
    sim_lines_end(&l, 120 * second, see, &s);
    assert_true(s.bytes < 2 * SIM_LINES_BURST + 100 * (size_t)SIM_LINES_RATE);
    assert_non_null(strstr(s.last, "too many were not recorded"));
}

static void starts(struct sim_proc *p, const char *script)
{
    char err[256];
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct sim_variable variables[] = {{"FAULTLINE_TEST", "set for it"}, {NULL, NULL}};
    if (!sim_proc_start(p, argv, variables, 0, err))
        fail_msg("%s", err);
}

/* Reads until the process is gone, at most ten seconds. */
static void finish(struct sim_proc *p, struct seen *out)
{
    uint64_t limit = trace_mono_ns() + UINT64_C(10000000000);
    while (!sim_proc_reap(p)) {
        assert_true(trace_mono_ns() < limit);
        struct pollfd fds[2] = {{.fd = p->out[0], .events = POLLIN}, {.fd = p->out[1], .events = POLLIN}};
        poll(fds, 2, 5);
        for (int fd = 1; fd <= 2; fd++)
            sim_proc_read(p, fd, 0, see, &out[fd - 1]);
    }
    for (int fd = 1; fd <= 2; fd++)
        sim_proc_drain(p, fd, 0, see, &out[fd - 1]);
    assert_true(p->out[0] == -1 && p->out[1] == -1);
    assert_false(sim_proc_reap(p));
}

static void what_a_process_prints_is_read_and_its_status_known(void **state)
{
    (void)state;
    struct sim_proc p;
    struct seen s[2] = {{0}};
    starts(&p, "echo \"$FAULTLINE_TEST\"; echo oops >&2; read x; echo \"$x.\"; exit 7");
    finish(&p, s);
    assert_true(WIFEXITED(p.status) && WEXITSTATUS(p.status) == 7);
    assert_string_equal(s[0].first, "set for it");
    assert_string_equal(s[0].last, "."); /* nothing on stdin */
    assert_string_equal(s[1].first, "oops");
}

static void signals_that_are_ignored_here_are_not_ignored_there(void **state)
{
    (void)state;
    struct sim_proc p;
    struct seen s[2] = {{0}};
    static const int ignored[] = {SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < 2; i++)
        assert_true(signal(ignored[i], SIG_IGN) != SIG_ERR);
    starts(&p, "grep SigIgn: /proc/self/status");
    finish(&p, s);
    for (size_t i = 0; i < 2; i++)
        signal(ignored[i], SIG_DFL);
    assert_memory_equal(s[0].first, "SigIgn:", 7);
    unsigned long long mask = strtoull(s[0].first + 7, NULL, 16);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mask >> (ignored[i] - 1) & 1, 0);
}

static void a_program_that_does_not_exist_is_reported_and_leaves_no_process(void **state)
{
    (void)state;
    struct sim_proc p;
    char err[256];
    const char *const argv[] = {"/nonexistent/program", NULL};
    assert_false(sim_proc_start(&p, argv, &(struct sim_variable){NULL, NULL}, 0, err));
    assert_string_equal(err, "cannot start /nonexistent/program: No such file or directory");
    assert_true(waitpid(-1, NULL, WNOHANG) == -1);
}

static void a_process_has_a_group_of_its_own_and_all_of_it_ends(void **state)
{
    (void)state;
    struct sim_proc p;
    struct seen s[2] = {{0}};
    starts(&p, "sleep 300 & echo $!; wait");
    uint64_t limit = trace_mono_ns() + UINT64_C(10000000000);
    while (s[0].lines == 0 && trace_mono_ns() < limit) {
        struct pollfd fd = {.fd = p.out[0], .events = POLLIN};
        poll(&fd, 1, 100);
        sim_proc_read(&p, 1, 0, see, &s[0]);
    }
    pid_t grandchild = (pid_t)atoi(s[0].first);
    assert_true(grandchild > 0 && getpgid(grandchild) == p.pid && getpgid(0) != p.pid);
    sim_proc_signal(&p, SIGTERM);
    finish(&p, s);
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGTERM);
}

static void a_process_that_ignores_sigterm_ends_on_sigkill(void **state)
{
    (void)state;
    struct sim_proc p;
    struct seen s[2] = {{0}};
    starts(&p, "trap '' TERM; echo ready; while :; do read x </dev/zero; done");
    uint64_t limit = trace_mono_ns() + UINT64_C(10000000000);
    while (s[0].lines == 0 && trace_mono_ns() < limit) {
        struct pollfd fd = {.fd = p.out[0], .events = POLLIN};
        poll(&fd, 1, 100);
        sim_proc_read(&p, 1, 0, see, &s[0]);
    }
    sim_proc_signal(&p, SIGTERM);
    assert_false(sim_proc_reap(&p));
    sim_proc_signal(&p, SIGKILL);
    finish(&p, s);
    assert_true(WIFSIGNALED(p.status) && WTERMSIG(p.status) == SIGKILL);
}

static void a_process_that_prints_without_end_neither_blocks_nor_fills_anything(void **state)
{
    (void)state;
    struct sim_proc p;
    struct seen s[2] = {{0}};
    starts(&p, "exec yes 'a line that is printed for ever'");
    for (int i = 0; i < 200; i++) {
        struct pollfd fd = {.fd = p.out[0], .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 10000), 1);
        sim_proc_read(&p, 1, 0, see, &s[0]);
    }
    assert_true(s[0].bytes < SIM_LINES_BURST);
    sim_proc_signal(&p, SIGKILL);
    finish(&p, s);
    assert_non_null(strstr(s[0].last, "too many were not recorded"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_put_together_from_pieces),
        cmocka_unit_test(a_long_line_is_cut_at_four_kilobytes_and_says_so),
        cmocka_unit_test(a_flood_is_counted_instead_of_kept_and_what_comes_after_it_is_kept_again),
        cmocka_unit_test(what_a_process_prints_is_read_and_its_status_known),
        cmocka_unit_test(signals_that_are_ignored_here_are_not_ignored_there),
        cmocka_unit_test(a_program_that_does_not_exist_is_reported_and_leaves_no_process),
        cmocka_unit_test(a_process_has_a_group_of_its_own_and_all_of_it_ends),
        cmocka_unit_test(a_process_that_ignores_sigterm_ends_on_sigkill),
        cmocka_unit_test(a_process_that_prints_without_end_neither_blocks_nor_fills_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
