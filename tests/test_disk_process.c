/* A durable replica whose disk fails it: full, too small for its file, read-only. It must end with a line that says
 * where and what to do, and nothing that it had acknowledged may be missing once the disk is well again. Real processes
 * and a small file system of our own, which needs the right to mount one: where that is not to be had, those tests are
 * skipped, and say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/replica_process.h"
#include "support/spawn.h"

enum { PUTS_MAX = 4000, VALUE_LEN = 1000 };

static struct processes p;
static char disk[512], data[600], database[700], printed[8192];
static bool mounted;
static unsigned acknowledged; /* puts, of keys k0, k1, ... */

static int prepare(void **state)
{
    (void)state;
    processes_init(&p, 1);
    spawn_tempdir(disk, sizeof disk);
    snprintf(data, sizeof data, "FAULTLINE_DATA=%s", disk);
    snprintf(database, sizeof database, "%s/0001.db", disk);
    acknowledged = 0;
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    processes_end(&p);
    if (mounted)
        umount(disk);
    mounted = false;
    spawn_remove(disk);
    return 0;
}

/* ---- a file system of our own ---- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool well = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return well;
}

/* Mounts of this process that nobody else sees; as another user than root, in a user namespace of its own. */
static bool private_mounts(void)
{
    static int may = -1;
    char users[64], groups[64];
    if (may >= 0)
        return may;
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    may = unshare(CLONE_NEWNS) == 0;
    if (!may && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
        may = write_text("/proc/self/uid_map", users) && write_text("/proc/self/setgroups", "deny") &&
              write_text("/proc/self/gid_map", groups);
    may = may && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return may;
}

static void mount_disk(const char *options)
{
    if (!private_mounts() || mount("tmpfs", disk, "tmpfs", 0, options) != 0) {
        print_message("skipped: no file system can be mounted here (%s)\n", strerror(errno));
        skip();
    }
    mounted = true;
}

static void remount(unsigned long flags, const char *options)
{
    assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT | flags, options), 0);
}

/* ---- the replica ---- */

static bool known(const struct processes *q)
{
    return q->v[0].known;
}

static bool process_ended(const struct processes *q)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)q->v[0].pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static bool known_or_ended(const struct processes *q)
{
    return known(q) || process_ended(q);
}

static char wanted[MID_MAX + 1];

static bool answered(const struct processes *q)
{
    return q->n_answers > 0 && strcmp(q->answers[q->n_answers - 1].mid, wanted) == 0;
}

static bool answered_or_ended(const struct processes *q)
{
    return answered(q) || process_ended(q);
}

static void start(void)
{
    const char *const environment[] = {data, "FAULTLINE_TRACE=off", NULL};
    processes_start(&p, 0, environment);
    assert_true(processes_run(&p, known_or_ended, 30));
}

static void start_well(void)
{
    start();
    if (process_ended(&p)) {
        processes_wait(&p, 0, printed, sizeof printed);
        fail_msg("it ended: %s", printed);
    }
}

static void key_and_value(unsigned i, char key[16], char value[VALUE_LEN + 1])
{
    snprintf(key, 16, "k%u", i);
    memset(value, 'x', VALUE_LEN);
    value[VALUE_LEN] = '\0';
    int n = snprintf(value, VALUE_LEN, "value %u ", i);
    value[n] = 'x';
}

/* One put; false: the process ended instead. Asked again only when it did not know a leader yet. */
static bool put(unsigned i)
{
    char key[16], value[VALUE_LEN + 1], bytes[2048];
    static unsigned asked;
    key_and_value(i, key, value);
    for (int attempt = 0; attempt < 1000; attempt++) {
        struct message m = {
            .type = MESSAGE_PUT, .src = PROCESS_CLIENT, .dst = 1, .leader = 1, .key = key, .value = value};
        snprintf(m.mid, sizeof m.mid, "D%u", ++asked);
        memcpy(wanted, m.mid, sizeof wanted);
        p.n_answers = 0;
        processes_send(&p, 0, bytes, wire_encode(&m, bytes, sizeof bytes));
        assert_true(processes_run(&p, answered_or_ended, 30));
        if (!answered(&p))
            return false;
        if (p.answers[p.n_answers - 1].type == MESSAGE_OK)
            return true;
    }
    fail_msg("put %u is never accepted", i);
    return false;
}

static void put_until_it_ends(void)
{
    while (acknowledged < PUTS_MAX && put(acknowledged))
        acknowledged++;
    assert_in_range(acknowledged, 10, PUTS_MAX - 1);
}

static void ends_with(int status, const char *told)
{
    int got = processes_wait(&p, 0, printed, sizeof printed);
    if (!WIFEXITED(got) || WEXITSTATUS(got) != status)
        fail_msg("status %#x instead of exit status %d; it printed: %s", (unsigned)got, status, printed);
    if (!strstr(printed, database) || !strstr(printed, told) || strchr(printed, '\n') != strrchr(printed, '\n'))
        fail_msg("expected one line with %s and \"%s\": %s", database, told, printed);
    p.v[0].known = false;
}

static void has_all_that_was_acknowledged(void)
{
    char key[16], value[VALUE_LEN + 1];
    p.leader = NODE_NONE;
    for (unsigned i = 0; i < acknowledged; i++) {
        key_and_value(i, key, value);
        p.n_answers = 0;
        struct process_answer a = processes_ask(&p, MESSAGE_GET, key, NULL);
        value[sizeof a.value - 1] = '\0';
        assert_string_equal(a.value, value);
    }
}

static void a_full_disk_ends_it_and_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    mount_disk("size=2m");
    start_well();
    put_until_it_ends();
    ends_with(74, "no space left");
    assert_non_null(strstr(printed, "free some, then start the replica again"));
    start(); /* still full: it may serve what it has, or say so again */
    if (process_ended(&p))
        ends_with(74, "no space left");
    else {
        kill(p.v[0].pid, SIGKILL);
        processes_wait(&p, 0, printed, sizeof printed);
    }
    p.v[0].known = false;
    remount(0, "size=64m");
    start_well();
    has_all_that_was_acknowledged();
    assert_true(put(acknowledged++) && put(acknowledged++));
    has_all_that_was_acknowledged();
}

/* The same by a limit of the process: needs no right at all. */
static void a_file_that_may_not_grow_ends_it_and_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 300000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    start();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(process_ended(&p));
    put_until_it_ends();
    ends_with(74, "then start the replica again");
    start_well();
    has_all_that_was_acknowledged();
    assert_true(put(acknowledged));
}

static void a_read_only_disk_is_refused_at_the_start_and_left_as_it_was(void **state)
{
    (void)state;
    mount_disk("size=16m");
    start_well();
    while (acknowledged < 20 && put(acknowledged))
        acknowledged++;
    assert_int_equal(acknowledged, 20);
    kill(p.v[0].pid, SIGKILL);
    processes_wait(&p, 0, printed, sizeof printed);
    p.v[0].known = false;
    remount(MS_RDONLY, "");
    struct stat was, is;
    assert_int_equal(stat(database, &was), 0);
    start();
    assert_true(process_ended(&p));
    ends_with(66, "cannot be written to");
    assert_int_equal(stat(database, &is), 0);
    assert_true(is.st_size == was.st_size && is.st_mtim.tv_sec == was.st_mtim.tv_sec &&
                is.st_mtim.tv_nsec == was.st_mtim.tv_nsec);
    remount(0, "");
    start_well();
    has_all_that_was_acknowledged();
    assert_true(put(acknowledged));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_ends_it_and_nothing_acknowledged_is_lost, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_file_that_may_not_grow_ends_it_and_nothing_acknowledged_is_lost, prepare,
                                        clean_up),
        cmocka_unit_test_setup_teardown(a_read_only_disk_is_refused_at_the_start_and_left_as_it_was, prepare, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
