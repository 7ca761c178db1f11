/* Bytes to the end of a file through a mapping: after any end of the process the file has what was appended, and zeros
 * at most. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../src/rng.h"
#include "../trace/trace_room.h"
#include "support/spawn.h"
#include "support/trace_file.h"

struct file {
    char dir[4096], path[4200];
    int fd;
    struct trace_room room;
};

static int open_file(void **state)
{
    struct file *f = calloc(1, sizeof *f);
    assert_non_null(f);
    spawn_tempdir(f->dir, sizeof f->dir);
    snprintf(f->path, sizeof f->path, "%s/0003.1.jsonl", f->dir);
    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int close_file(void **state)
{
    struct file *f = *state;
    close(f->fd);
    spawn_remove(f->dir);
    free(f);
    return 0;
}

/* The file is `n` bytes of `want`, and nothing but zeros after them. */
static void expect(const struct file *f, const char *want, size_t n, bool zeros)
{
    size_t got;
    char *text = trace_file_text(f->path, &got);
    assert_true(zeros ? got > n : got == n);
    assert_memory_equal(text, want, n);
    for (size_t i = n; i < got; i++)
        assert_int_equal(text[i], 0);
    free(text);
}

static void pieces_of_any_size_follow_each_other_and_the_rest_is_cut_off(void **state)
{
    struct file *f = *state;
    struct rng rng;
    size_t total = ((size_t)11 << 20) + 999, used = 0; /* several windows */
    char *bytes = malloc(total);
    assert_non_null(bytes);
    rng_seed(&rng, 4);
    for (size_t i = 0; i < total; i++)
        bytes[i] = (char)('a' + i % 23);
    assert_true(trace_room_open(&f->room, f->fd));
    while (used < total) {
        size_t n = rng_below(&rng, (uint64_t[]){20, 3000, 300000}[rng_below(&rng, 3)]) + 1;
        n = n < total - used ? n : total - used;
        assert_int_equal(trace_room_append(&f->room, bytes + used, n), n);
        used += n;
        if (used < 100000)
            expect(f, bytes, used, true); /* visible at once */
    }
    expect(f, bytes, used, true);
    trace_room_close(&f->room);
    expect(f, bytes, used, false);
    trace_room_close(&f->room);
    free(bytes);
}

static void what_is_no_empty_file_is_not_mapped(void **state)
{
    struct file *f = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_false(trace_room_open(&f->room, fds[1]));
    assert_int_equal(trace_room_append(&f->room, "x", 1), 0);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(write(f->fd, "before", 6), 6);
    assert_false(trace_room_open(&f->room, f->fd));
    expect(f, "before", 6, false);
    int wo = open(f->path, O_WRONLY | O_APPEND | O_TRUNC | O_CLOEXEC); /* cannot be mapped */
    assert_true(wo >= 0);
    assert_false(trace_room_open(&f->room, wo));
    close(wo);
    expect(f, "", 0, false);
}

static int status_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* As with a full disk: no room can be made, and what there was is cut off, for write(2) to go on. */
static void a_file_that_may_not_grow_gives_its_room_back(void **state)
{
    struct file *f = *state;
    enum { LIMIT = 200000 };
    static char bytes[LIMIT];
    memset(bytes, 'x', sizeof bytes);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){LIMIT, LIMIT});
        if (!trace_room_open(&f->room, f->fd))
            _exit(1);
        size_t used = 0, took;
        while ((took = trace_room_append(&f->room, bytes, 7000)) == 7000)
            used += took;
        trace_room_close(&f->room);
        _exit(took == 0 && f->room.used == (int64_t)used && used > LIMIT - 7000 ? 0 : 2);
    }
    assert_int_equal(status_of(pid), 0);
    struct stat st;
    assert_int_equal(fstat(f->fd, &st), 0);
    expect(f, bytes, (size_t)st.st_size, false);
    assert_true(st.st_size > LIMIT - 7000 && st.st_size % 7000 == 0);
}

static struct trace_writer *faulty; /* a signal handler takes no context */

static void fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (!trace_writer_fault(faulty, info->si_addr))
        signal(sig, SIG_DFL);
}

static void note(struct trace_writer *w, int64_t i)
{
    char text[600];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    trace_set_time(w, i);
    trace_put_note(w, &(struct trace_rec_note){.text = text});
}

/* Somebody cuts the file while it is mapped. The process lives, and all later records are written. */
static void a_file_that_is_cut_costs_what_was_cut_and_not_the_process(void **state)
{
    struct file *f = *state;
    char err[TRACE_ERR_LEN];
    unlink(f->path);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = fault, .sa_flags = SA_SIGINFO}, NULL);
        faulty = trace_writer_open(
            &(struct trace_writer_options){.dir = f->dir, .node = "0003", .boot = 1, .mapped = true}, err);
        if (faulty == NULL)
            _exit(1);
        for (int64_t i = 0; i < 100; i++) {
            if (i == 50 && truncate(f->path, 0) != 0)
                _exit(2);
            note(faulty, i);
            if (!trace_flush(faulty))
                _exit(3);
        }
        trace_writer_close(faulty);
        /* Any other fault is not taken. */
        _exit(trace_writer_fault(NULL, f) ? 4 : 0);
    }
    assert_int_equal(status_of(pid), 0);
    struct trace_reader *r = trace_reader_open(f->path, err);
    struct trace_record *rec = malloc(sizeof *rec);
    size_t bytes;
    assert_non_null(r);
    assert_non_null(rec);
    for (int64_t seq = 51; seq <= 101; seq++) {
        assert_int_equal(trace_reader_next(r, rec, &bytes, err), TRACE_READ_RECORD);
        assert_int_equal(rec->seq, seq);
    }
    assert_int_equal(trace_reader_next(r, rec, &bytes, err), TRACE_READ_END);
    trace_reader_close(r);
    free(rec);
}

#define ROOM(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM(pieces_of_any_size_follow_each_other_and_the_rest_is_cut_off),
        ROOM(what_is_no_empty_file_is_not_mapped),
        ROOM(a_file_that_may_not_grow_gives_its_room_back),
        ROOM(a_file_that_is_cut_costs_what_was_cut_and_not_the_process),
    };
    return cmocka_run_group_tests_name("trace room", tests, NULL, NULL);
}
