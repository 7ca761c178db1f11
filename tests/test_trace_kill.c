/* Write-ahead: a record is in the kernel before any datagram that depends on it leaves. So after SIGKILL at any
 * instant, what another process can have seen is in the trace. trace/README.md, "Write-ahead". */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../src/rng.h"
#include "support/trace_file.h"

enum { KILLS = 100, MOST_US = 20000 };

/* The process to be killed: handles "inputs" for ever, a flush after each, then a datagram with the number of the last
 * record. The size of its records and of its buffer differ from life to life. */
static void live(const struct trace_file *t, int socket_fd, uint64_t seed)
{
    char err[TRACE_ERR_LEN], text[1000];
    struct rng rng;
    rng_seed(&rng, seed);
    size_t longest = (size_t[]){8, 100, sizeof text}[rng_below(&rng, 3)];
    struct trace_writer *w =
        trace_writer_open(&(struct trace_writer_options){.dir = t->dir,
                                                         .node = "0003",
                                                         .boot = 1,
                                                         .buffer_bytes = rng_below(&rng, 2) == 0 ? 4096 : 0,
                                                         .mapped = rng_below(&rng, 2) == 0},
                          err);
    if (w == NULL)
        _exit(1);
    trace_file_header(w);
    for (int64_t input = 1;; input++) {
        trace_set_time(w, input);
        for (uint64_t records = 1 + rng_below(&rng, 6); records > 0; records--) {
            size_t n = rng_below(&rng, longest);
            memset(text, 'a' + (int)(input % 26), n);
            text[n] = '\0';
            trace_put_note(w, &(struct trace_rec_note){.text = text});
        }
        int64_t s = trace_seq(w);
        if (!trace_flush(w))
            _exit(2);
        if (send(socket_fd, &s, sizeof s, 0) != sizeof s)
            _exit(3);
    }
}

static int64_t now_us(void)
{
    return (int64_t)(trace_mono_ns() / 1000);
}

/* The highest number that came, waiting until the time is up; with wait == 0 only what is there. */
static int64_t receive(int fd, int64_t until_us, bool wait, int64_t highest)
{
    for (;;) {
        int64_t left = until_us - now_us(), s;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct timespec timeout = {.tv_nsec = wait && left > 0 ? left * 1000 : 0};
        if (wait && left <= 0)
            return highest;
        int ready = ppoll(&p, 1, &timeout, NULL);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return highest;
        if (recv(fd, &s, sizeof s, 0) != sizeof s)
            return highest; /* the other end is gone and everything is read */
        assert_true(s > highest);
        highest = s;
    }
}

static void after_a_kill_at_any_instant_everything_visible_is_in_the_trace(void **state)
{
    (void)state;
    struct rng rng;
    int64_t seen_in_all = 0, unseen_in_all = 0;
    rng_seed(&rng, 9);
    for (int i = 0; i < KILLS; i++) {
        struct trace_file t;
        int fds[2], status;
        int64_t lost;
        trace_file_open(&t, 0);
        trace_file_finish(&t);
        unlink(t.path);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        uint64_t seed = rng_next(&rng);
        int64_t life_us = (int64_t)rng_below(&rng, MOST_US);
        fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            live(&t, fds[1], seed);
        }
        close(fds[1]);
        int64_t seen = 0;
        assert_int_equal(recv(fds[0], &seen, sizeof seen, 0), sizeof seen); /* it lives */
        seen = receive(fds[0], now_us() + life_us, true, seen);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        seen = receive(fds[0], 0, false, seen);
        close(fds[0]);
        int64_t last = trace_file_check(t.path, true, &lost); /* gapless from 1 */
        if (last < seen)
            fail_msg("kill %d: record %lld was seen, the trace ends with %lld", i, (long long)seen, (long long)last);
        assert_int_equal(lost, 0);
        seen_in_all += seen;
        unseen_in_all += last - seen;
        trace_file_remove(&t);
    }
    print_message("%d kills: %lld records seen from outside, %lld more in the traces\n", KILLS, (long long)seen_in_all,
                  (long long)unseen_in_all);
    assert_true(seen_in_all > 100 * (int64_t)KILLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_kill_at_any_instant_everything_visible_is_in_the_trace),
    };
    return cmocka_run_group_tests_name("trace kill", tests, NULL, NULL);
}
