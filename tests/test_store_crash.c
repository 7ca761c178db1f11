/* Stable storage when the process is killed, or the disk is full: what was acknowledged is there, and nothing is torn.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/rng.h"
#include "../src/store.h"
#include "support/store_model.h"

static enum store_opened open_it(const char *dir, struct store **s, struct store_found *found, char err[STORE_ERR_LEN])
{
    return store_open(s, &(struct store_options){.dir = dir, .id = MODEL_ID, .cluster = "test"}, found, err);
}

/* What a child says after each save: everything up to here is on stable storage. */
struct announced {
    uint64_t boot, last, base, term;
    char error[STORE_ERR_LEN]; /* of the save that failed */
};

static uint64_t term_of(const struct store_found *found)
{
    return found->core.term ? found->core.term : 1;
}

/* Whether what is found is a whole prefix of the history: no hole, nothing torn, the state machine that of its index.
 */
static void assert_whole(struct store_found *found)
{
    struct kv *kv = model_kv(found->core.applied);
    struct model_entry expected;
    struct entry e;
    uint64_t index = found->core.base_index;
    assert_true(kv_digest(kv) == kv_digest(found->kv));
    while (found->core.next_entry && found->core.next_entry(found->core.ctx, &e)) {
        model_make(&expected, ++index, 1, 0);
        assert_true(e.index == index && e.hash == expected.e.hash);
    }
    assert_int_equal(index, found->last);
    kv_free(kv);
}

/* Saves and announces until it is killed or a save fails: entries, votes, compactions. Exit status 0: a save failed. */
static int save_on(const char *dir, int announce, uint64_t seed)
{
    struct announced a = {.last = 0};
    struct store *s;
    struct store_found found;
    struct model m;
    struct rng rng;
    rng_seed(&rng, seed);
    if (open_it(dir, &s, &found, a.error) != STORE_OPENED)
        return 1;
    model_restore(&m, &found);
    if (!store_restored(s, a.error))
        return 1;
    a = (struct announced){
        .boot = (uint64_t)found.boot, .last = found.last, .base = found.core.base_index, .term = term_of(&found)};
    model_append(&m, a.term, a.last, 0, 0, a.last);
    struct store_change start = model_change(&m); /* the first term, at the first start */
    bool ok = store_save(s, &start);
    while (ok) {
        if (write(announce, &a, sizeof a) != sizeof a)
            return 1;
        uint64_t what = rng_below(&rng, 40);
        struct announced next = a;
        struct store_change c;
        if (what == 0) {
            model_vote(&m, ++next.term);
            c = model_change(&m);
        } else if (what == 1 && a.last > a.base) {
            next.base += 1 + rng_below(&rng, a.last - a.base);
            c = (struct store_change){.core = m.core,
                                      .kv = m.kv,
                                      .snapshot = true,
                                      .base_index = next.base,
                                      .base_term = model_term_at(&m, next.base)};
        } else {
            uint64_t n = 1 + rng_below(&rng, rng_below(&rng, 4) ? 4 : 64);
            next.last += n;
            model_append(&m, a.term, a.last, n, 0, next.last);
            c = model_change(&m);
        }
        ok = store_save(s, &c);
        if (ok)
            a = next;
    }
    snprintf(a.error, sizeof a.error, "%s", store_error(s));
    struct store_change empty = {.core = m.core, .kv = m.kv};
    if (store_save(s, &empty) || write(announce, &a, sizeof a) != sizeof a)
        return 1; /* after a failure there is none that succeeds */
    store_close(s);
    model_free(&m);
    return 0;
}

/* The last that was announced, all of which is read. */
static struct announced last_word(int from)
{
    struct announced a = {.boot = 0}, one;
    while (read(from, &one, sizeof one) == sizeof one)
        a = one;
    return a;
}

static void what_was_announced_survives_kill_9(void **state)
{
    (void)state;
    enum { KILLS = 25 };
    char *dir = model_dir();
    struct rng rng;
    struct announced before = {.boot = 0};
    rng_seed(&rng, 4711);
    for (int i = 0; i < KILLS; i++) {
        int pipes[2], status;
        uint64_t seed = rng_below(&rng, 1000000), ms = rng_below(&rng, 120);
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(pipes[0]);
            _exit(save_on(dir, pipes[1], seed));
        }
        close(pipes[1]);
        /* Some while it opens the store; the others some time after that. */
        struct pollfd ready = {.fd = pipes[0], .events = POLLIN};
        if (ms > 20)
            assert_int_equal(poll(&ready, 1, 60000), 1);
        usleep((useconds_t)ms * 1000); /* waits for nothing: it chooses the moment of the kill, which may be any */
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct announced a = last_word(pipes[0]);
        close(pipes[0]);
        if (!a.boot)
            a = before;

        struct store *s;
        struct store_found found;
        char err[STORE_ERR_LEN];
        if (open_it(dir, &s, &found, err) != STORE_OPENED)
            fail_msg("seed %llu: %s", (unsigned long long)seed, err);
        assert_true((uint64_t)found.boot > a.boot);
        assert_true(found.last >= a.last);
        assert_true(found.core.base_index >= a.base);
        assert_true(found.core.term >= a.term || found.last == 0);
        assert_whole(&found);
        assert_true(store_restored(s, err));
        before = (struct announced){
            .boot = (uint64_t)found.boot, .last = found.last, .base = found.core.base_index, .term = found.core.term};
        kv_free(found.kv);
        store_close(s);
    }
    print_message("%llu entries, base %llu after %d kills\n", (unsigned long long)before.last,
                  (unsigned long long)before.base, KILLS);
    assert_true(before.last > 100 && before.base > 0);
    model_remove(dir);
}

/* A first start, of another replica, when there is no space at all; and again when there is. */
static bool first_start_needs_space(const char *dir)
{
    struct store *s;
    struct store_found found;
    struct store_options o = {.dir = dir, .id = 0x0001, .cluster = "test"};
    char err[STORE_ERR_LEN], path[512];
    snprintf(path, sizeof path, "%s/filler", dir);
    FILE *filler = fopen(path, "wb");
    while (filler && fputc(0, filler) != EOF && fflush(filler) == 0) {
    }
    bool refused = store_open(&s, &o, &found, err) == STORE_IO_ERROR && strstr(err, "0001.db: no space left (");
    if (!filler || unlink(path) != 0 || mount("none", dir, "tmpfs", MS_REMOUNT, "size=4m") != 0)
        return false;
    fclose(filler);
    if (!refused || store_open(&s, &o, &found, err) != STORE_OPENED || !found.fresh)
        return false;
    kv_free(found.kv);
    store_close(s);
    return true;
}

/* In a child: rlimits and mounts are of the process. 77: not permitted here. */
static int fill_up(const char *dir, int announce, bool tmpfs)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit some = {.rlim_cur = 400000, .rlim_max = RLIM_INFINITY};
    if (tmpfs) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", dir, "tmpfs", 0, "size=400k") != 0)
            return 77;
    } else if (setrlimit(RLIMIT_FSIZE, &some) != 0)
        return 77;
    int failed = save_on(dir, announce, 9);
    if (failed || !tmpfs)
        return failed;
    /* The files are gone with the mount: look now. A start needs space too, as the words say. */
    struct store *s;
    struct store_found found;
    struct announced a = {.last = 0};
    if (mount("none", dir, "tmpfs", MS_REMOUNT, "size=1m") != 0 || open_it(dir, &s, &found, a.error) != STORE_OPENED)
        return 2;
    a = (struct announced){.last = found.last, .base = found.core.base_index, .term = found.core.term};
    assert_whole(&found);
    kv_free(found.kv);
    store_close(s);
    return write(announce, &a, sizeof a) != sizeof a || !first_start_needs_space(dir);
}

static void a_full_disk(bool tmpfs)
{
    char *dir = model_dir();
    int pipes[2], status;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        _exit(fill_up(dir, pipes[1], tmpfs));
    }
    close(pipes[1]);
    struct announced a = {.boot = 0}, one, failed = {.boot = 0};
    while (read(pipes[0], &one, sizeof one) == sizeof one) {
        failed = strncmp(one.error, dir, strlen(dir)) == 0 ? one : failed;
        a = one;
    }
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("not permitted here: skipped\n");
        model_remove(dir);
        skip();
    }
    assert_int_equal(status, 0);
    print_message("%s\n", failed.error);
    assert_non_null(strstr(failed.error, "000A.db: no space left ("));
    assert_non_null(strstr(failed.error, "then start the replica again"));
    if (!tmpfs) {
        struct store *s;
        struct store_found found;
        char err[STORE_ERR_LEN];
        assert_int_equal(open_it(dir, &s, &found, err), STORE_OPENED);
        a = (struct announced){.last = found.last, .base = found.core.base_index, .term = found.core.term};
        assert_whole(&found);
        assert_true(store_restored(s, err));
        kv_free(found.kv);
        store_close(s);
    }
    assert_true(failed.last > 100);
    assert_int_equal(a.last, failed.last);
    assert_int_equal(a.base, failed.base);
    assert_int_equal(a.term, failed.term);
    model_remove(dir);
}

static void a_file_that_may_not_grow_fails_the_save_and_leaves_the_state_before(void **state)
{
    (void)state;
    a_full_disk(false);
}

static void a_full_file_system_does_the_same(void **state)
{
    (void)state;
    a_full_disk(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_announced_survives_kill_9),
        cmocka_unit_test(a_file_that_may_not_grow_fails_the_save_and_leaves_the_state_before),
        cmocka_unit_test(a_full_file_system_does_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
