/* When records cannot be written: what is dropped is confessed, nothing is torn, nobody waits. trace/README.md, "Lost
 * records". */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../src/rng.h"
#include "support/trace_file.h"

static void note(struct trace_writer *w, const char *text)
{
    trace_put_note(w, &(struct trace_rec_note){.text = text});
}

static struct trace_writer *writer_to(int fd, size_t buffer_bytes, bool strict)
{
    char err[TRACE_ERR_LEN];
    struct trace_writer *w = trace_writer_open_fd(
        fd, &(struct trace_writer_options){.node = "0003", .boot = 1, .buffer_bytes = buffer_bytes, .strict = strict},
        err);
    if (w == NULL)
        fail_msg("%s", err);
    return w;
}

/* Moves up to `max` bytes from a pipe to a file. Returns how many. */
static size_t drain(int from, int to, size_t max)
{
    char bytes[65536];
    size_t moved = 0;
    while (moved < max) {
        ssize_t n = read(from, bytes, max - moved < sizeof bytes ? max - moved : sizeof bytes);
        if (n <= 0)
            break;
        assert_int_equal(write(to, bytes, (size_t)n), n);
        moved += (size_t)n;
    }
    return moved;
}

static int64_t field_of_last_line(const char *path, const char *ev, const char *key)
{
    size_t n;
    char *text = trace_file_text(path, &n), *line = text, mark[64];
    for (char *end = text + n - 1; end > text; end--)
        if (end[-1] == '\n') {
            line = end;
            break;
        }
    assert_non_null(strstr(line, ev));
    snprintf(mark, sizeof mark, "\"%s\":", key);
    char *at = strstr(line, mark);
    assert_non_null(at);
    int64_t v = strtoll(at + strlen(mark), NULL, 10);
    free(text);
    return v;
}

/* etcd issue 22214: a log that blocks stops the replica. A pipe that nobody reads must cost records, never time. */
static void a_full_pipe_costs_records_and_every_one_is_confessed(void **state)
{
    (void)state;
    struct trace_file t;
    int fds[2], copy;
    struct rng rng;
    int64_t lost;
    rng_seed(&rng, 1);
    trace_file_open(&t, 0);
    trace_file_finish(&t);
    copy = open(t.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(copy >= 0);
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
    struct trace_writer *w = writer_to(fds[1], 4096, false);
    trace_file_header(w);
    int refused = 0;
    char text[300];
    for (int i = 0; i < 20000; i++) {
        size_t n = rng_below(&rng, sizeof text - 1);
        memset(text, 'x', n);
        text[n] = '\0';
        note(w, text);
        assert_int_equal(trace_seq(w), trace_lc(w));
        if (rng_below(&rng, 3) == 0)
            refused += !trace_flush(w);
        if (rng_below(&rng, 40) == 0) /* any number of bytes: the pipe then takes a part of what waits */
            drain(fds[0], copy, rng_below(&rng, 6000));
    }
    assert_true(refused > 100);
    int64_t dropped = trace_lost(w);
    assert_true(dropped > 1000);
    /* As soon as somebody reads, everything that waits and the confession get through. */
    do
        drain(fds[0], copy, SIZE_MAX);
    while (!trace_flush(w));
    drain(fds[0], copy, SIZE_MAX);
    assert_int_equal(trace_lost(w), dropped);
    int64_t last = trace_seq(w);
    trace_writer_close(w);
    drain(fds[0], copy, SIZE_MAX);
    close(fds[0]);
    close(copy);
    int64_t end = trace_file_check(t.path, false, &lost);
    assert_true(end == last + 1 || end == last + 2); /* trace.close, and a confession if one was due */
    assert_int_equal(lost, dropped);
    assert_int_equal(field_of_last_line(t.path, "trace.close", "lost"), dropped);
    assert_int_equal(field_of_last_line(t.path, "trace.close", "records"), end - dropped);
    size_t n;
    char *bytes = trace_file_text(t.path, &n);
    assert_non_null(strstr(bytes, "\"why\":\"overflow\""));
    assert_null(strstr(bytes, "\"why\":\"io_error\""));
    free(bytes);
    trace_file_remove(&t);
}

static void a_record_larger_than_the_buffer_is_dropped_and_confessed(void **state)
{
    (void)state;
    struct trace_file t;
    char big[4000];
    size_t n;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    trace_file_open(&t, 2048);
    note(t.w, "before");
    note(t.w, big);
    note(t.w, big);
    assert_int_equal(trace_lost(t.w), 2);
    note(t.w, "after");
    assert_int_equal(trace_seq(t.w), 5);
    assert_true(trace_flush(t.w));
    char *text = trace_file_text(t.path, &n);
    assert_string_equal(text,
                        "{\"n\":\"0003\",\"b\":1,\"s\":1,\"t\":0,\"lc\":1,\"ev\":\"note\",\"text\":\"before\"}\n"
                        "{\"n\":\"0003\",\"b\":1,\"s\":4,\"t\":0,\"lc\":4,\"ev\":\"trace.lost\",\"first\":2,\"last\":3,"
                        "\"why\":\"overflow\"}\n"
                        "{\"n\":\"0003\",\"b\":1,\"s\":5,\"t\":0,\"lc\":5,\"ev\":\"note\",\"text\":\"after\"}\n");
    free(text);
    trace_file_remove(&t);
}

/* What was dropped last is confessed by the close itself. */
static void a_loss_at_the_end_is_confessed_before_the_close(void **state)
{
    (void)state;
    struct trace_file t;
    char big[4000];
    int64_t lost;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    trace_file_open(&t, 2048);
    trace_file_header(t.w);
    note(t.w, big);
    trace_file_finish(&t);
    assert_int_equal(trace_file_check(t.path, false, &lost), 4);
    assert_int_equal(lost, 1);
    assert_int_equal(field_of_last_line(t.path, "trace.close", "records"), 3);
    trace_file_remove(&t);
}

/* A caller who never flushes loses nothing: a full buffer is written early. */
static void a_full_buffer_is_written_before_anything_is_dropped(void **state)
{
    (void)state;
    struct trace_file t;
    int64_t lost;
    trace_file_open(&t, 1024);
    trace_file_header(t.w);
    for (int i = 0; i < 5000; i++)
        note(t.w, "sixty bytes or so of a text that somebody else has to read");
    assert_int_equal(trace_lost(t.w), 0);
    trace_file_finish(&t);
    assert_int_equal(trace_file_check(t.path, false, &lost), 5002);
    assert_int_equal(lost, 0);
    trace_file_remove(&t);
}

/* Runs `body` in a child process, its stderr in `words`, and returns its exit status. */
static int in_child(void (*body)(const char *path), const char *path, char *words, size_t n)
{
    int fds[2], status;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        body(path);
        _exit(0);
    }
    close(fds[1]);
    size_t used = 0;
    for (ssize_t got; used < n - 1 && (got = read(fds[0], words + used, n - 1 - used)) > 0;)
        used += (size_t)got;
    words[used] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct trace_writer *child_writer(const char *path, bool strict)
{
    char dir[4200], err[TRACE_ERR_LEN];
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    return trace_writer_open(
        &(struct trace_writer_options){.dir = dir, .node = "0003", .boot = 1, .buffer_bytes = 4096, .strict = strict},
        err);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN); /* else the kernel ends the process; EFBIG then stands for a full disk */
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* The file cannot grow past 10,000 bytes, in the middle of a line; later it can. */
static void fill_the_disk_and_free_it(const char *path)
{
    struct trace_writer *w = child_writer(path, false);
    if (w == NULL)
        _exit(1);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    trace_file_header(w);
    limit_file_size(10000);
    bool refused = false;
    for (int i = 0; i < 1000; i++) {
        note(w, "the disk fills");
        refused = !trace_flush(w) || refused;
    }
    if (!refused || trace_lost(w) == 0)
        _exit(2);
    limit_file_size(before.rlim_cur);
    if (!trace_flush(w))
        _exit(3);
    note(w, "there is room again");
    trace_writer_close(w);
}

static void a_full_disk_costs_records_tears_no_line_and_is_confessed(void **state)
{
    (void)state;
    struct trace_file t;
    char words[1024];
    int64_t lost;
    size_t n;
    trace_file_open(&t, 0);
    trace_file_finish(&t);
    unlink(t.path);
    assert_int_equal(in_child(fill_the_disk_and_free_it, t.path, words, sizeof words), 0);
    assert_int_equal(trace_file_check(t.path, false, &lost),
                     1 + 1000 + 1 + 1 + 1); /* header, notes, lost, note, close */
    assert_true(lost > 100);
    char *text = trace_file_text(t.path, &n);
    assert_non_null(strstr(text, "\"why\":\"io_error\""));
    assert_non_null(strstr(text, "there is room again"));
    free(text);
    trace_file_remove(&t);
}

static void fill_the_disk_strictly(const char *path)
{
    struct trace_writer *w = child_writer(path, true);
    limit_file_size(5000);
    for (int i = 0; w != NULL && i < 1000; i++) {
        note(w, "the disk fills");
        trace_flush(w);
    }
}

static void overflow_strictly(const char *path)
{
    struct trace_writer *w = child_writer(path, true);
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    note(w, "x");
    note(w, big);
}

/* trace/README.md, "Lost records": FAULTLINE_TRACE_STRICT=1 stops instead, with EX_IOERR of sysexits.h. */
static void a_strict_writer_stops_the_process_instead_of_losing_a_record(void **state)
{
    (void)state;
    struct trace_file t;
    char words[1024];
    trace_file_open(&t, 0);
    trace_file_finish(&t);
    unlink(t.path);
    assert_int_equal(in_child(fill_the_disk_strictly, t.path, words, sizeof words), 74);
    assert_non_null(strstr(words, t.path));
    assert_non_null(strstr(words, strerror(EFBIG)));
    assert_non_null(strstr(words, "strict"));
    unlink(t.path);
    assert_int_equal(in_child(overflow_strictly, t.path, words, sizeof words), 74);
    assert_non_null(strstr(words, "record 2"));
    trace_file_remove(&t);
}

/* A flush that does nothing must cost nothing: it is called before every datagram. */
static void an_empty_flush_makes_no_system_call(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct trace_writer *w = writer_to(fds[1], 0, false);
    note(w, "x");
    assert_true(trace_flush(w));
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_true(trace_flush(w)); /* a write would fail now */
    note(w, "y");
    assert_false(trace_flush(w));
    trace_writer_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_costs_records_and_every_one_is_confessed),
        cmocka_unit_test(a_record_larger_than_the_buffer_is_dropped_and_confessed),
        cmocka_unit_test(a_loss_at_the_end_is_confessed_before_the_close),
        cmocka_unit_test(a_full_buffer_is_written_before_anything_is_dropped),
        cmocka_unit_test(a_full_disk_costs_records_tears_no_line_and_is_confessed),
        cmocka_unit_test(a_strict_writer_stops_the_process_instead_of_losing_a_record),
        cmocka_unit_test(an_empty_flush_makes_no_system_call),
    };
    return cmocka_run_group_tests_name("trace loss", tests, NULL, NULL);
}
