/* The simulated disk by itself: what is there after a crash, and that the same calls give the same bytes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/rng.h"
#include "support/store_walk.h"

/* ---- a file on it, opened as SQLite does ---- */

static sqlite3_file *open_file(struct sim_disk *d, const char *name)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(sim_disk_vfs(d));
    sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);
    assert_int_equal(vfs->xOpen(vfs, name, f, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL, NULL),
                     SQLITE_OK);
    return f;
}

static void close_file(sqlite3_file *f)
{
    f->pMethods->xClose(f);
    free(f);
}

static bool there_is(struct sim_disk *d, const char *name)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(sim_disk_vfs(d));
    int there;
    assert_int_equal(vfs->xAccess(vfs, name, SQLITE_ACCESS_READWRITE, &there), SQLITE_OK);
    return there;
}

static int write_fill(sqlite3_file *f, char c, int n, sqlite3_int64 at)
{
    char *bytes = malloc((size_t)n);
    memset(bytes, c, (size_t)n);
    int code = f->pMethods->xWrite(f, bytes, n, at);
    free(bytes);
    return code;
}

static int sync_file(sqlite3_file *f)
{
    return f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
}

/* The first byte of each of the sectors, "-" beyond the end of the file. */
static const char *sectors(struct sim_disk *d, const char *name)
{
    static char text[64];
    sqlite3_file *f = open_file(d, name);
    uint64_t n = (sim_disk_size(d, name) + SIM_DISK_SECTOR - 1) / SIM_DISK_SECTOR, i;
    assert_true(n + 1 < sizeof text);
    for (i = 0; i < n; i++) {
        char sector[SIM_DISK_SECTOR];
        int code = f->pMethods->xRead(f, sector, sizeof sector, (sqlite3_int64)(i * sizeof sector));
        assert_true(code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ);
        text[i] = sector[0] ? sector[0] : '0';
    }
    text[i] = '\0';
    close_file(f);
    return text;
}

/* Answers in the order of the questions; what it is asked beyond them: nothing is lost. */
struct answers {
    const uint64_t *v;
    size_t n, asked;
    enum sim_disk_matter matters[64];
};

static uint64_t choose(void *ctx, const struct sim_disk_question *q)
{
    struct answers *a = ctx;
    uint64_t answer = a->asked < a->n ? a->v[a->asked] : 0;
    assert_true(answer < q->choices && a->asked < 64);
    assert_true((q->matter == SIM_DISK_NAMES) == (q->file == NULL));
    a->matters[a->asked++] = q->matter;
    return answer;
}

static void power_fails(struct sim_disk *d, const uint64_t *answers, size_t n)
{
    struct answers a = {.v = answers, .n = n};
    sim_disk_halt(d);
    sim_disk_resume(d, &(struct sim_disk_power){.ctx = &a, .choose = choose});
    assert_true(a.asked >= n); /* no answer of the test was to another question */
}

#define POWER_FAILS(d, ...)                                                                                            \
    power_fails(d, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* A file of four sectors a, durable. */
static sqlite3_file *four(struct sim_disk *d)
{
    sqlite3_file *f = open_file(d, "f");
    assert_int_equal(write_fill(f, 'a', 4 * SIM_DISK_SECTOR, 0), SQLITE_OK);
    assert_int_equal(sync_file(f), SQLITE_OK);
    return f;
}

/* ---- */

static void what_is_synced_stays_and_the_rest_is_asked_about(void **state)
{
    (void)state;
    static const struct {
        uint64_t answers[8];
        size_t n;
        const char *left;
    } cases[] = {
        /* Written: b over the second and third sector, then c over the third and fourth. Asked about the last first. */
        {{0, 0}, 2, "abcc"},
        {{0, 1}, 2, "aacc"},       /* c only */
        {{1, 0}, 2, "abba"},       /* b only */
        {{1, 1}, 2, "aaaa"},       /* nothing */
        {{2, 0, 1, 1}, 4, "aaca"}, /* c in part: the third is there */
        {{2, 1, 0, 2, 1, 1}, 6, "aaac"},
        {{2, 1, 0, 2, 1, 0}, 6, "aabc"}, /* the third as it was between the two */
        {{3, 1, 1}, 3, "aaca"},          /* c is torn */
        {{3, 2, 0}, 3, "abba"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_disk *d = sim_disk_new(1);
        sqlite3_file *f = four(d);
        assert_int_equal(write_fill(f, 'b', 2 * SIM_DISK_SECTOR, SIM_DISK_SECTOR), SQLITE_OK);
        assert_int_equal(write_fill(f, 'c', 2 * SIM_DISK_SECTOR, 2 * SIM_DISK_SECTOR), SQLITE_OK);
        assert_string_equal(sectors(d, "f"), "abcc");
        power_fails(d, cases[i].answers, cases[i].n);
        assert_string_equal(sectors(d, "f"), cases[i].left);
        close_file(f);
        /* Twice the same: what the first left is durable. */
        power_fails(d, NULL, 0);
        assert_string_equal(sectors(d, "f"), cases[i].left);
        sim_disk_free(d);
    }
}

static void a_killed_process_loses_nothing_and_reaches_nothing(void **state)
{
    (void)state;
    struct sim_disk *d = sim_disk_new(1);
    sqlite3_file *f = four(d);
    sqlite3_int64 size;
    int there;
    sqlite3_vfs *vfs = sqlite3_vfs_find(sim_disk_vfs(d));
    assert_int_equal(write_fill(f, 'b', 2 * SIM_DISK_SECTOR, SIM_DISK_SECTOR), SQLITE_OK);
    sim_disk_halt(d);
    for (int resumed = 0; resumed < 2; resumed++) {
        char byte;
        assert_int_equal(write_fill(f, 'x', 1, 0), SQLITE_IOERR_WRITE);
        assert_int_equal(f->pMethods->xRead(f, &byte, 1, 0), SQLITE_IOERR_READ);
        assert_int_equal(f->pMethods->xTruncate(f, 0), SQLITE_IOERR_TRUNCATE);
        assert_int_equal(f->pMethods->xLock(f, SQLITE_LOCK_EXCLUSIVE), SQLITE_IOERR_LOCK);
        assert_int_equal(f->pMethods->xFileSize(f, &size), SQLITE_IOERR_FSTAT);
        assert_int_equal(sync_file(f), SQLITE_IOERR_FSYNC);
        if (!resumed) {
            assert_int_equal(vfs->xDelete(vfs, "f", 1), SQLITE_IOERR_DELETE);
            assert_int_equal(vfs->xAccess(vfs, "f", SQLITE_ACCESS_EXISTS, &there), SQLITE_IOERR_ACCESS);
            sim_disk_resume(d, NULL);
        }
    }
    assert_string_equal(sectors(d, "f"), "abba");
    close_file(f);
    sim_disk_free(d);
}

static void sizes_are_lost_from_the_last_on(void **state)
{
    (void)state;
    static const struct {
        uint64_t answers[3];
        size_t n;
        const char *left;
    } cases[] = {
        /* Cut to one sector, then b and c behind that. */
        {{0, 0, 0}, 3, "abc"}, {{0, 1, 0}, 3, "ab0"},  {{1, 0, 0}, 3, "ab"},
        {{2, 0, 0}, 3, "a"},   {{3, 0, 0}, 3, "aaaa"}, /* nothing of what came after the cut is to be seen */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_disk *d = sim_disk_new(1);
        sqlite3_file *f = four(d);
        assert_int_equal(f->pMethods->xTruncate(f, SIM_DISK_SECTOR), SQLITE_OK);
        assert_string_equal(sectors(d, "f"), "a");
        assert_int_equal(write_fill(f, 'b', SIM_DISK_SECTOR, SIM_DISK_SECTOR), SQLITE_OK);
        assert_int_equal(write_fill(f, 'c', SIM_DISK_SECTOR, 2 * SIM_DISK_SECTOR), SQLITE_OK);
        power_fails(d, cases[i].answers, cases[i].n);
        assert_string_equal(sectors(d, "f"), cases[i].left);
        close_file(f);
        sim_disk_free(d);
    }
}

static void names_are_lost_from_the_last_on(void **state)
{
    (void)state;
    for (uint64_t lost = 0; lost <= 2; lost++) {
        struct sim_disk *d = sim_disk_new(1);
        sqlite3_vfs *vfs = sqlite3_vfs_find(sim_disk_vfs(d));
        sqlite3_file *f = four(d), *g;
        close_file(f);
        assert_int_equal(vfs->xDelete(vfs, "f", 0), SQLITE_OK);
        assert_false(there_is(d, "f"));
        g = open_file(d, "g");
        close_file(g);
        POWER_FAILS(d, lost);
        assert_int_equal(there_is(d, "g"), lost < 1);
        assert_int_equal(there_is(d, "f"), lost == 2);
        if (lost == 2)
            assert_string_equal(sectors(d, "f"), "aaaa");
        sim_disk_free(d);
    }
    /* A sync of any file takes them along. */
    struct sim_disk *d = sim_disk_new(1);
    sqlite3_file *f = open_file(d, "f"), *g = open_file(d, "g");
    assert_int_equal(sync_file(g), SQLITE_OK);
    power_fails(d, NULL, 0);
    assert_true(there_is(d, "f") && there_is(d, "g"));
    close_file(f);
    close_file(g);
    sim_disk_free(d);
}

/* ---- faults ---- */

struct faulty {
    enum sim_disk_op op;
    enum sim_disk_fate fate;
    uint64_t number;
};

static enum sim_disk_fate fate(void *ctx, enum sim_disk_op op, uint64_t number)
{
    const struct faulty *f = ctx;
    return op == f->op && (number == f->number || !f->number) ? f->fate : SIM_DISK_DONE;
}

static void set_fault(struct sim_disk *d, struct faulty *f)
{
    sim_disk_set_faults(d, &(struct sim_disk_faults){.ctx = f, .fate = fate});
}

static void what_a_sync_did_not_save_is_lost_though_it_can_be_read(void **state)
{
    (void)state;
    for (int rewritten = 0; rewritten < 2; rewritten++) {
        struct sim_disk *d = sim_disk_new(1);
        struct faulty third = {.op = SIM_DISK_SYNC, .fate = SIM_DISK_FAILS, .number = 2};
        sqlite3_file *f = four(d);
        set_fault(d, &third);
        assert_int_equal(write_fill(f, 'b', 2 * SIM_DISK_SECTOR, SIM_DISK_SECTOR), SQLITE_OK);
        assert_int_equal(sync_file(f), SQLITE_IOERR_FSYNC);
        assert_string_equal(sectors(d, "f"), "abba");
        if (rewritten)
            assert_int_equal(write_fill(f, 'b', SIM_DISK_SECTOR, SIM_DISK_SECTOR), SQLITE_OK);
        assert_int_equal(sync_file(f), SQLITE_OK); /* and yet: */
        power_fails(d, NULL, 0);
        assert_string_equal(sectors(d, "f"), rewritten ? "abaa" : "aaaa");
        close_file(f);
        sim_disk_free(d);
    }
    struct sim_disk *d = sim_disk_new(1);
    struct faulty lie = {.op = SIM_DISK_SYNC, .fate = SIM_DISK_LIES};
    sqlite3_file *f = four(d);
    set_fault(d, &lie);
    assert_int_equal(write_fill(f, 'b', SIM_DISK_SECTOR, 0), SQLITE_OK);
    assert_int_equal(sync_file(f), SQLITE_OK);
    POWER_FAILS(d, 1);
    assert_string_equal(sectors(d, "f"), "aaaa");
    close_file(f);
    sim_disk_free(d);
}

static void operations_fail_and_space_ends(void **state)
{
    (void)state;
    struct sim_disk *d = sim_disk_new(1);
    char sector[SIM_DISK_SECTOR];
    sqlite3_file *f = four(d);
    struct faulty one = {.op = SIM_DISK_WRITE, .fate = SIM_DISK_FAILS};
    set_fault(d, &one);
    assert_int_equal(write_fill(f, 'b', 1, 0), SQLITE_IOERR_WRITE);
    one.op = SIM_DISK_READ;
    assert_int_equal(f->pMethods->xRead(f, sector, sizeof sector, 0), SQLITE_IOERR_READ);
    one.op = SIM_DISK_TRUNCATE;
    assert_int_equal(f->pMethods->xTruncate(f, 0), SQLITE_IOERR_TRUNCATE);
    sim_disk_set_faults(d, &(struct sim_disk_faults){.capacity = 6 * SIM_DISK_SECTOR});
    assert_int_equal(write_fill(f, 'b', SIM_DISK_SECTOR, 0), SQLITE_OK);
    assert_int_equal(write_fill(f, 'c', 4 * SIM_DISK_SECTOR, 3 * SIM_DISK_SECTOR), SQLITE_FULL);
    assert_string_equal(sectors(d, "f"), "baaccc");
    assert_int_equal(write_fill(f, 'd', 1, 6 * SIM_DISK_SECTOR), SQLITE_FULL);
    sim_disk_set_faults(d, &(struct sim_disk_faults){.capacity = 0});
    assert_int_equal(write_fill(f, 'd', 1, 6 * SIM_DISK_SECTOR), SQLITE_OK);
    assert_string_equal(sectors(d, "f"), "baacccd");
    struct sim_disk_counts c = sim_disk_counts(d);
    assert_int_equal(c.writes, 6);
    assert_int_equal(c.syncs, 1);
    assert_int_equal(c.bytes, (4 + 1 + 3) * SIM_DISK_SECTOR + 1);
    one = (struct faulty){.op = SIM_DISK_WRITE, .fate = SIM_DISK_KILLS};
    set_fault(d, &one);
    assert_int_equal(write_fill(f, 'x', 1, 0), SQLITE_IOERR_WRITE);
    set_fault(d, &(struct faulty){.fate = SIM_DISK_DONE});
    assert_int_equal(sync_file(f), SQLITE_IOERR_FSYNC); /* dead */
    close_file(f);
    sim_disk_free(d);
}

static void bits_rot_in_what_is_durable(void **state)
{
    (void)state;
    struct sim_disk *d = sim_disk_new(1);
    sqlite3_file *f = four(d);
    assert_int_equal(write_fill(f, 'b', SIM_DISK_SECTOR, 3 * SIM_DISK_SECTOR), SQLITE_OK);
    assert_true(sim_disk_rot(d, "f", SIM_DISK_SECTOR, 1));
    assert_string_equal(sectors(d, "f"), "acab");
    assert_false(sim_disk_rot(d, "f", 3 * SIM_DISK_SECTOR, 1));
    assert_false(sim_disk_rot(d, "f", 4 * SIM_DISK_SECTOR, 1));
    assert_false(sim_disk_rot(d, "g", 0, 1));
    close_file(f);
    sim_disk_free(d);
}

/* ---- the same calls, the same bytes ---- */

static uint64_t digest(const struct sim_disk *d, const char *name)
{
    size_t n = (size_t)sim_disk_size(d, name);
    unsigned char *bytes = malloc(n + 1);
    sqlite3_vfs *vfs = sqlite3_vfs_find(sim_disk_vfs(d));
    sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);
    assert_int_equal(vfs->xOpen(vfs, name, f, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL), SQLITE_OK);
    assert_int_equal(f->pMethods->xRead(f, bytes, (int)n, 0), SQLITE_OK);
    uint64_t sum = snapshot_digest(bytes, n);
    close_file(f);
    free(bytes);
    return sum;
}

static void the_same_saves_give_the_same_bytes(void **state)
{
    (void)state;
    uint64_t sums[3][2];
    for (int i = 0; i < 3; i++) {
        struct walk w;
        bool sound;
        unsigned char noise[16];
        walk_init(&w, i < 2 ? 7 : 8, 12);
        rng_seed(&w.rng, 7);                                  /* the third differs in what SQLite draws only */
        sqlite3_randomness(i * (int)sizeof noise / 2, noise); /* what others drew before does not matter */
        for (int start = 0; start < 3; start++) {
            assert_int_equal(walk_open(&w, &sound), STORE_OPENED);
            for (int k = 0; k < 40; k++)
                assert_true(walk_save(&w));
            sim_disk_halt(w.disk);
            walk_close(&w);
            sim_disk_resume(w.disk, NULL);
        }
        sums[i][0] = digest(w.disk, WALK_DB);
        sums[i][1] = digest(w.disk, WALK_WAL);
        walk_free(&w);
    }
    assert_true(sums[0][0] == sums[1][0] && sums[0][1] == sums[1][1]);
    assert_true(sums[2][1] != sums[0][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_synced_stays_and_the_rest_is_asked_about),
        cmocka_unit_test(a_killed_process_loses_nothing_and_reaches_nothing),
        cmocka_unit_test(sizes_are_lost_from_the_last_on),
        cmocka_unit_test(names_are_lost_from_the_last_on),
        cmocka_unit_test(what_a_sync_did_not_save_is_lost_though_it_can_be_read),
        cmocka_unit_test(operations_fail_and_space_ends),
        cmocka_unit_test(bits_rot_in_what_is_durable),
        cmocka_unit_test(the_same_saves_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
