/* What store_open() refuses: with which words and kind, and that it leaves what it refuses as it was. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/rng.h"
#include "../src/store.h"
#include "support/store_model.h"

static enum store_opened try_open(const char *dir, node_id id, const char *cluster, char err[STORE_ERR_LEN])
{
    struct store *s = NULL;
    struct store_found found;
    struct store_options o = {.dir = dir, .id = id, .cluster = cluster};
    err[0] = '\0';
    enum store_opened result = store_open(&s, &o, &found, err);
    if (result == STORE_OPENED) {
        kv_free(found.kv);
        assert_true(store_restored(s, err));
        store_close(s);
    } else {
        assert_null(s);
        assert_null(found.kv);
    }
    return result;
}

/* A store with a state machine and a log after it, 71..100. `killed`: as kill -9 leaves it. */
static void fill(const char *dir, bool killed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char err[STORE_ERR_LEN];
        struct store *s;
        struct store_found found;
        struct model m;
        model_init(&m);
        if (store_open(&s, &(struct store_options){.dir = dir, .id = MODEL_ID, .cluster = "test"}, &found, err) !=
            STORE_OPENED)
            _exit(1);
        store_restored(s, err);
        model_append(&m, 1, 0, 100, 0, 80);
        struct store_change c = model_change(&m);
        bool ok = store_save(s, &c);
        c = (struct store_change){.core = m.core,
                                  .kv = m.kv,
                                  .snapshot = true,
                                  .base_index = 70,
                                  .base_term = 1,
                                  .base_conf = "000A,000B,000C"};
        ok = ok && store_save(s, &c);
        if (!killed)
            store_close(s);
        _exit(!ok);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

struct copy {
    char path[512], wal[520];
    unsigned char *bytes, *wal_bytes;
    size_t n, n_wal;
};

static struct copy copy_of(const char *dir, const char *name)
{
    struct copy c;
    snprintf(c.path, sizeof c.path, "%s/%s", dir, name);
    snprintf(c.wal, sizeof c.wal, "%s-wal", c.path);
    c.bytes = model_bytes(c.path, &c.n);
    c.wal_bytes = model_bytes(c.wal, &c.n_wal);
    return c;
}

static void assert_untouched(struct copy *c)
{
    size_t n, n_wal;
    unsigned char *bytes = model_bytes(c->path, &n), *wal = model_bytes(c->wal, &n_wal);
    assert_int_equal(n, c->n);
    if (n)
        assert_memory_equal(bytes, c->bytes, n);
    assert_int_equal(n_wal, c->n_wal);
    if (n_wal)
        assert_memory_equal(wal, c->wal_bytes, n_wal);
    free(bytes);
    free(wal);
    free(c->bytes);
    free(c->wal_bytes);
}

/* Refused, with the path and all of `words` in the message. */
static void assert_refused(const char *dir, node_id id, const char *cluster, enum store_opened kind, const char *name,
                           const char *const words[3])
{
    char err[STORE_ERR_LEN];
    struct copy copy = copy_of(dir, name);
    assert_int_equal(try_open(dir, id, cluster, err), kind);
    if (!strstr(err, copy.path))
        fail_msg("no path in: %s", err);
    for (size_t i = 0; i < 3 && words[i]; i++)
        if (!strstr(err, words[i]))
            fail_msg("no '%s' in: %s", words[i], err);
    assert_untouched(&copy);
}

static void sql(const char *dir, const char *name, const char *text)
{
    char path[512];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* ---- */

static void directories_that_cannot_be_used(void **state)
{
    (void)state;
    char *dir = model_dir(), path[512], err[STORE_ERR_LEN];
    snprintf(path, sizeof path, "%s/missing", dir);
    assert_refused(path, MODEL_ID, "test", STORE_NO_DIR, "000A.db", (const char *[3]){"No such file", "make it"});
    snprintf(path, sizeof path, "%s/file", dir);
    write_bytes(path, (const unsigned char *)"x", 1);
    assert_refused(path, MODEL_ID, "test", STORE_NO_DIR, "000A.db", (const char *[3]){"not a directory"});
    snprintf(path, sizeof path, "%s/000A.db", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(try_open(dir, MODEL_ID, "test", err), STORE_NO_DIR);
    assert_non_null(strstr(err, path));
    assert_int_equal(rmdir(path), 0);
    model_remove(dir);
}

/* As somebody who may not write there, which root always may. */
static void a_directory_or_file_that_is_read_only(void **state)
{
    (void)state;
    char *dir = model_dir(), path[512];
    fill(dir, false);
    snprintf(path, sizeof path, "%s/000A.db", dir);
    static const char *const words[2] = {"directory cannot be written to", "cannot be opened for writing"};
    for (int file = 0; file < 2; file++) {
        assert_int_equal(chmod(path, file ? 0444 : 0666), 0);
        assert_int_equal(chmod(dir, file ? 0777 : 0555), 0);
        struct copy copy = copy_of(dir, "000A.db");
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char err[STORE_ERR_LEN] = "";
            struct store *s;
            struct store_found found;
            if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
                _exit(3);
            enum store_opened r =
                store_open(&s, &(struct store_options){.dir = dir, .id = MODEL_ID, .cluster = "test"}, &found, err);
            if (r != STORE_NO_DIR || !strstr(err, words[file]) || !strstr(err, path))
                fprintf(stderr, "%d: %s\n", (int)r, err);
            _exit(r != STORE_NO_DIR || !strstr(err, words[file]) || !strstr(err, path));
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_untouched(&copy);
    }
    assert_int_equal(chmod(dir, 0700), 0);
    model_remove(dir);
}

static void what_belongs_to_another(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        char *dir = model_dir(), from[512], to[512];
        fill(dir, killed);
        struct copy original = copy_of(dir, "000A.db");
        assert_true(killed == (original.n_wal > 0));
        assert_refused(dir, MODEL_ID, "prod", STORE_BAD_DATA, "000A.db",
                       (const char *[3]){"cluster \"test\"", "\"prod\"", "left alone"});
        snprintf(from, sizeof from, "%s/000A.db", dir);
        snprintf(to, sizeof to, "%s/0001.db", dir);
        assert_int_equal(rename(from, to), 0);
        if (killed)
            write_bytes(strcat(to, "-wal"), original.wal_bytes, original.n_wal);
        assert_refused(dir, 0x0001, "test", STORE_BAD_DATA, "0001.db",
                       (const char *[3]){"replica 000A", "0001", "left alone"});
        to[strlen(to) - (killed ? 4 : 0)] = '\0';
        assert_int_equal(rename(to, from), 0);
        /* After all that, it is as good as ever. */
        char err[STORE_ERR_LEN];
        assert_int_equal(try_open(dir, MODEL_ID, "test", err), STORE_OPENED);
        free(original.bytes);
        free(original.wal_bytes);
        model_remove(dir);
    }
}

static void a_message_about_a_hostile_file_has_no_control_characters(void **state)
{
    (void)state;
    char *dir = model_dir(), err[STORE_ERR_LEN];
    struct store *s;
    struct store_found found;
    struct store_options o = {.dir = dir, .id = MODEL_ID, .cluster = "a\x1b[2J\x7f\xc2\x85\u00e4\r\nz"};
    assert_int_equal(store_open(&s, &o, &found, err), STORE_OPENED);
    assert_true(store_restored(s, err));
    kv_free(found.kv);
    store_close(s);
    assert_int_equal(try_open(dir, MODEL_ID, "test", err), STORE_BAD_DATA);
    assert_non_null(strstr(err, "cluster \"a?[2J???\u00e4??z\""));
    model_remove(dir);
}

static void what_is_no_store(void **state)
{
    (void)state;
    char *dir = model_dir(), path[512];
    snprintf(path, sizeof path, "%s/000A.db", dir);
    write_bytes(path, (const unsigned char *)"Dear diary,\n", 12);
    assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db", (const char *[3]){"not the data of a replica"});
    unsigned char zeros[8192] = {0};
    write_bytes(path, zeros, sizeof zeros);
    assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db", (const char *[3]){"not the data of a replica"});
    assert_int_equal(unlink(path), 0);
    sql(dir, "000A.db", "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db", (const char *[3]){"not that of a replica"});
    sql(dir, "000A.db", "PRAGMA journal_mode = WAL");
    assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db", (const char *[3]){"not that of a replica"});
    model_remove(dir);
}

static void a_newer_format(void **state)
{
    (void)state;
    char *dir = model_dir();
    fill(dir, false);
    sql(dir, "000A.db", "PRAGMA user_version = 2");
    assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db",
                   (const char *[3]){"format 2", "up to 1", "newer program"});
    model_remove(dir);
}

static void what_a_running_replica_uses(void **state)
{
    (void)state;
    char *dir = model_dir();
    int ready[2], status;
    fill(dir, false);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char err[STORE_ERR_LEN];
        struct store *s;
        struct store_found found;
        struct store_options o = {.dir = dir, .id = MODEL_ID, .cluster = "test"};
        bool ok = store_open(&s, &o, &found, err) == STORE_OPENED && store_restored(s, err);
        if (!ok || write(ready[1], "y", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_refused(dir, MODEL_ID, "test", STORE_LOCKED, "000A.db", (const char *[3]){"in use", "stop that replica"});
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    char err[STORE_ERR_LEN];
    assert_int_equal(try_open(dir, MODEL_ID, "test", err), STORE_OPENED);
    model_remove(dir);
}

/* Each is SQL that somebody could have run, or what a defect could have written. */
static void contents_that_are_not_as_they_were_written(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"UPDATE log SET value = 'x' WHERE idx = (SELECT max(idx) FROM log WHERE op = 'put')", "after idx"},
        {"UPDATE log SET term = 2 WHERE idx = 100", "after idx 99"},
        {"UPDATE log SET op = 'drop' WHERE idx = 90", "after idx 89"},
        {"UPDATE log SET mid = mid || x'00' WHERE idx = 90", "after idx 89"},
        {"DELETE FROM log WHERE idx = 90", "after idx 89"},
        {"DELETE FROM log WHERE idx = 71", "after idx 70"},
        {"DELETE FROM log WHERE idx >= 79", "ends before"},
        {"UPDATE log SET idx = 101 WHERE idx = 100", "after idx 99"},
        {"INSERT INTO log SELECT 70, term, op, client, mid, key, value, sum FROM log WHERE idx = 71", "after idx 70"},
        {"UPDATE meta SET term = 9", "meta"},
        {"UPDATE meta SET voted = '000B'", "meta"},
        {"UPDATE meta SET applied = 81", "meta"},
        {"UPDATE meta SET sum = sum + 1", "meta"},
        {"DELETE FROM meta", "meta"},
        {"INSERT INTO meta SELECT * FROM meta", "meta"},
        {"UPDATE map SET value = 'x' WHERE key = (SELECT min(key) FROM map)", "map and request"},
        {"DELETE FROM map WHERE key = (SELECT min(key) FROM map)", "map and request"},
        {"INSERT INTO map VALUES('new', 'x')", "map and request"},
        {"DELETE FROM request WHERE idx = (SELECT min(idx) FROM request)", "map and request"},
        {"UPDATE request SET client = 'zzzz' WHERE idx = (SELECT min(idx) FROM request)", "map and request"},
        {"UPDATE request SET idx = idx + 1 WHERE idx = (SELECT max(idx) FROM request)", "map and request"},
        {"DROP TABLE request", "tables are not ours"},
        {"CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM log; END", "tables are not ours"},
        {"PRAGMA user_version = 0", "format"},
    };
    char *dir = model_dir();
    fill(dir, false);
    struct copy original = copy_of(dir, "000A.db");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        write_bytes(original.path, original.bytes, original.n);
        sql(dir, "000A.db", changes[i][0]);
        assert_refused(dir, MODEL_ID, "test", STORE_BAD_DATA, "000A.db",
                       (const char *[3]){"damaged", changes[i][1], "do not start 000A without its data"});
    }
    write_bytes(original.path, original.bytes, original.n);
    sql(dir, "000A.db", "ANALYZE"); /* does no harm: neither does looking */
    char err[STORE_ERR_LEN];
    assert_int_equal(try_open(dir, MODEL_ID, "test", err), STORE_OPENED);
    free(original.bytes);
    free(original.wal_bytes);
    model_remove(dir);
}

/* Opened: then everything in it is what was written. */
static bool opens_soundly(const char *dir, char err[STORE_ERR_LEN], enum store_opened *result)
{
    struct store *s;
    struct store_found found;
    *result = store_open(&s, &(struct store_options){.dir = dir, .id = MODEL_ID, .cluster = "test"}, &found, err);
    if (*result != STORE_OPENED)
        return false;
    struct kv *kv = model_kv(80);
    struct model_entry expected;
    struct entry e;
    uint64_t index = 70;
    assert_true(kv_digest(kv) == kv_digest(found.kv));
    assert_int_equal(found.core.term, 1);
    assert_int_equal(found.core.voted, NODE_NONE);
    assert_int_equal(found.core.applied, 80);
    assert_int_equal(found.core.base_index, 70);
    while (found.core.next_entry(found.core.ctx, &e)) {
        model_make(&expected, ++index, 1, 0);
        assert_true(e.index == index && e.term == 1 && e.hash == expected.e.hash);
    }
    assert_int_equal(index, 100);
    assert_true(store_restored(s, err));
    kv_free(kv);
    kv_free(found.kv);
    store_close(s);
    return true;
}

static void damage_is_refused_or_did_no_harm(void **state)
{
    (void)state;
    enum { ROUNDS = 400 };
    char *dir = model_dir(), err[STORE_ERR_LEN];
    unsigned opened = 0;
    struct rng rng;
    fill(dir, false);
    struct copy original = copy_of(dir, "000A.db");
    rng_seed(&rng, 77);
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = original.n;
        unsigned char *hurt = malloc(n);
        memcpy(hurt, original.bytes, n);
        if (round % 8 == 0)
            n = (size_t)rng_below(&rng, n - 1) + 1;
        else
            for (uint64_t k = 1 + rng_below(&rng, 4); k; k--)
                hurt[round % 8 == 1 ? rng_below(&rng, 100) : rng_below(&rng, n)] ^=
                    (unsigned char)(1 << rng_below(&rng, 8));
        write_bytes(original.path, hurt, n);
        enum store_opened result;
        if (opens_soundly(dir, err, &result)) {
            opened++;
        } else {
            size_t left;
            unsigned char *bytes = model_bytes(original.path, &left);
            assert_int_equal(left, n);
            assert_memory_equal(bytes, hurt, n);
            assert_non_null(strstr(err, original.path));
            free(bytes);
        }
        free(hurt);
        unlink(original.wal);
    }
    assert_true(opened > ROUNDS / 100 && opened < ROUNDS / 2); /* there is unused space in the file, but not so much */
    free(original.bytes);
    free(original.wal_bytes);
    model_remove(dir);
}

/* 30 saves of one entry each, all of them in the write-ahead log. */
static void fill_wal(const char *dir)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char err[STORE_ERR_LEN];
        struct store *s;
        struct store_found found;
        struct store_options o = {.dir = dir, .id = MODEL_ID, .cluster = "test"};
        struct model m;
        model_init(&m);
        bool ok = store_open(&s, &o, &found, err) == STORE_OPENED && store_restored(s, err);
        for (uint64_t i = 0; ok && i < 30; i++) {
            model_append(&m, 1, i, 1, 0, 0);
            struct store_change c = model_change(&m);
            ok = store_save(s, &c);
        }
        _exit(!ok);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The last index found, all entries up to it sound; or refused as damaged and left as it is: UINT64_MAX. */
static uint64_t last_found(const char *dir)
{
    char err[STORE_ERR_LEN];
    struct store *s;
    struct store_found found;
    struct entry e;
    struct model_entry expected;
    struct copy copy = copy_of(dir, "000A.db");
    enum store_opened result =
        store_open(&s, &(struct store_options){.dir = dir, .id = MODEL_ID, .cluster = "test"}, &found, err);
    if (result != STORE_OPENED) {
        assert_int_equal(result, STORE_BAD_DATA);
        assert_non_null(strstr(err, "write-ahead log"));
        assert_untouched(&copy);
        return UINT64_MAX;
    }
    uint64_t index = 0;
    while (found.core.next_entry && found.core.next_entry(found.core.ctx, &e)) {
        model_make(&expected, ++index, 1, 0);
        assert_true(e.index == index && e.hash == expected.e.hash);
    }
    assert_int_equal(index, found.last);
    assert_true(store_restored(s, err));
    kv_free(found.kv);
    store_close(s);
    free(copy.bytes);
    free(copy.wal_bytes);
    return index;
}

static void damage_to_what_a_killed_replica_left_takes_nothing_back_without_a_word(void **state)
{
    (void)state;
    enum { FRAME = 24 + 4096, HEADER = 32 };
    char *dir = model_dir();
    fill_wal(dir);
    struct copy original = copy_of(dir, "000A.db");
    static const unsigned char nothing[FRAME];
    size_t frames = (original.n_wal - HEADER) / FRAME;
    while (frames > 0 && memcmp(original.wal_bytes + HEADER + (frames - 1) * FRAME, nothing, FRAME) == 0)
        frames--; /* room for those to come */
    assert_true(frames > 30 && HEADER + frames * FRAME < original.n_wal);
    struct rng rng;
    rng_seed(&rng, 5);
    for (size_t frame = 0; frame <= frames; frame++) {
        /* Somewhere in the frame, but for what says that it belongs to this log; the header last. */
        static const size_t places[] = {0, 4, 16, 20, 24, 2000, 4100};
        size_t at = frame == frames ? (size_t)rng_below(&rng, HEADER)
                                    : HEADER + frame * FRAME + places[rng_below(&rng, sizeof places / sizeof *places)];
        write_bytes(original.path, original.bytes, original.n);
        original.wal_bytes[at] ^= 0x10;
        write_bytes(original.wal, original.wal_bytes, original.n_wal);
        original.wal_bytes[at] ^= 0x10;
        uint64_t last = last_found(dir);
        /* Of the last two commits it may be that the power failed. */
        if (frame == frames || frame + 4 < frames)
            assert_true(last == UINT64_MAX);
        else
            assert_true(last == UINT64_MAX || (last >= 25 && last < 30));
    }
    /* The power failed in the last one, or in the first: what was never synced may be missing. */
    for (size_t n = 0; n <= HEADER + frames * FRAME; n += n < HEADER ? 8 : FRAME / 2) {
        write_bytes(original.path, original.bytes, original.n);
        write_bytes(original.wal, original.wal_bytes, n);
        assert_true(last_found(dir) <= 30);
    }
    write_bytes(original.path, original.bytes, original.n);
    write_bytes(original.wal, original.wal_bytes, original.n_wal);
    assert_int_equal(last_found(dir), 30);
    free(original.bytes);
    free(original.wal_bytes);
    model_remove(dir);
}

/* Who counts for a quorum must not change because a command line did. */
static void the_configuration_of_the_first_start_stays(void **state)
{
    (void)state;
    char *dir = model_dir(), err[STORE_ERR_LEN];
    static const char *const said[] = {"000A,000B,000C", "000A"};
    for (int start = 0; start < 2; start++) {
        struct store *s;
        struct store_found found;
        const struct store_options o = {.dir = dir, .id = MODEL_ID, .cluster = "test", .conf = said[start]};
        assert_int_equal(store_open(&s, &o, &found, err), STORE_OPENED);
        assert_string_equal(found.core.base_conf, "000A,000B,000C");
        assert_true(store_restored(s, err));
        kv_free(found.kv);
        store_close(s);
    }
    model_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_of_the_first_start_stays),
        cmocka_unit_test(directories_that_cannot_be_used),
        cmocka_unit_test(a_directory_or_file_that_is_read_only),
        cmocka_unit_test(what_belongs_to_another),
        cmocka_unit_test(a_message_about_a_hostile_file_has_no_control_characters),
        cmocka_unit_test(what_is_no_store),
        cmocka_unit_test(a_newer_format),
        cmocka_unit_test(what_a_running_replica_uses),
        cmocka_unit_test(contents_that_are_not_as_they_were_written),
        cmocka_unit_test(damage_is_refused_or_did_no_harm),
        cmocka_unit_test(damage_to_what_a_killed_replica_left_takes_nothing_back_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
