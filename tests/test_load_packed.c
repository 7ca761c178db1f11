/* Compressed traces make the same database as plain ones; torn ones are reported like torn files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/load.h"
#include "support/fixture.h"
#include "support/pack.h"
#include "support/spawn.h"

static const char all_rows[] = "SELECT node, boot, seq, t, ev, body, line FROM records ORDER BY id";

static void some_records(struct fixture *fx, int n)
{
    fixture_open(fx);
    for (int i = 0; i < n; i++) {
        fixture_recf(fx, "a", 1000 * i, "note", "\"text\":\"number %d of a\"", i);
        fixture_recf(fx, "b", 1000 * i + 500, "note", "\"text\":\"number %d of b\"", i);
    }
    fixture_finish(fx);
}

/* Replaces dir/name by its compressed form, cut short by `cut` bytes. */
static void pack_file(struct fixture *fx, const char *name, bool zstd, size_t cut)
{
    static char plain[1 << 20];
    static unsigned char packed[1 << 20];
    char path[8300], to[8300];
    snprintf(path, sizeof path, "%s/%s", fx->dir, name);
    snprintf(to, sizeof to, "%s/%s.%s", fx->dir, name, zstd ? "zst" : "gz");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(plain, 1, sizeof plain, f);
    fclose(f);
    assert_true(n > 1000 && n < sizeof plain);
    n = pack(plain, n, zstd, packed, sizeof packed);
    f = fopen(to, "wb");
    assert_non_null(f);
    assert_true(n > cut);
    assert_int_equal(fwrite(packed, 1, n - cut, f), n - cut);
    fclose(f);
    unlink(path);
}

static void the_database_is_the_same(void **state)
{
    (void)state;
    struct fixture fx;
    some_records(&fx, 300);
    fixture_load(&fx);
    char *plain = strdup(fixture_rows(&fx, all_rows));
    assert_non_null(plain);
    for (int zstd = 0; zstd < 2; zstd++) {
        if (zstd == 0) {
            pack_file(&fx, "a.1.jsonl", false, 0);
        } else {
            pack_file(&fx, "b.1.jsonl", true, 0);
        }
        assert_true(load_needed(fx.dir, fx.path)); /* other files than those that it was made of */
        fixture_load(&fx);
        assert_string_equal(fixture_rows(&fx, all_rows), plain);
        assert_rows(&fx, "SELECT count(*) FROM load_stats", "0");
        assert_rows(&fx, "SELECT sum(lines), sum(records), sum(torn_tail) FROM sources", "604|604|0");
        db_close(&fx.db);
        assert_false(load_needed(fx.dir, fx.path));
    }
    free(plain);
    fixture_close(&fx);
}

static void a_torn_one_is_a_torn_file(void **state)
{
    (void)state;
    for (int zstd = 0; zstd < 2; zstd++) {
        struct fixture fx;
        some_records(&fx, 3000); /* zstd's blocks are of 128 KiB: what is torn costs one */
        pack_file(&fx, "a.1.jsonl", zstd != 0, 40);
        char err[1000];
        fixture_load_expect(&fx, 0, err, sizeof err);
        assert_non_null(strstr(err, "data end too early"));
        assert_rows(&fx, "SELECT node, end_kind FROM boots WHERE node = 'a'", "a|torn");
        assert_rows(&fx,
                    "SELECT count(*) > 0 FROM load_stats WHERE name = 'torn_tail' AND severity = 'data_loss'"
                    " AND note LIKE '%too early%' AND node = 'a'",
                    "1");
        assert_rows(&fx, "SELECT torn_tail > 0 FROM sources WHERE path LIKE '%a.1.jsonl%'", "1");
        assert_rows(&fx, "SELECT loss_free FROM runs", "0");
        assert_rows(&fx, "SELECT count(*) FROM records WHERE node = 'b'", "3002");
        assert_rows(&fx, "SELECT count(*) BETWEEN 1 AND 3001 FROM records WHERE node = 'a'", "1");
        fixture_close(&fx);
    }
}

/* The order of lines does not count: then records are read one by one, from an unpacked copy. */
static void one_out_of_order_is_put_in_order(void **state)
{
    (void)state;
    struct fixture fx;
    some_records(&fx, 300);
    fixture_load(&fx);
    char *plain = strdup(fixture_rows(&fx, "SELECT node, seq, t, body FROM records ORDER BY id"));
    assert_non_null(plain);
    char command[9000], said[1000];
    snprintf(command, sizeof command, "cd '%s' && sort -r a.1.jsonl b.1.jsonl > c.jsonl && rm a.1.jsonl b.1.jsonl",
             fx.dir);
    assert_int_equal(spawn_run((const char *const[]){"/bin/sh", "-c", command, NULL}, 10, said, sizeof said), 0);
    pack_file(&fx, "c.jsonl", true, 0);
    fixture_load(&fx);
    assert_string_equal(fixture_rows(&fx, "SELECT node, seq, t, body FROM records ORDER BY id"), plain);
    assert_rows(&fx, "SELECT path LIKE '%c.jsonl.zst' FROM sources", "1");
    free(plain);
    fixture_close(&fx);
}

static void standard_input_may_be_compressed(void **state)
{
    (void)state;
    struct fixture fx;
    char command[18000], analyze[4200], said[1000];
    some_records(&fx, 300);
    pack_file(&fx, "a.1.jsonl", false, 0);
    spawn_path("analyze", analyze, sizeof analyze);
    snprintf(command, sizeof command, "'%s' load - -o '%s' < '%s/a.1.jsonl.gz'", analyze, fx.path, fx.dir);
    assert_int_equal(spawn_run((const char *const[]){"/bin/sh", "-c", command, NULL}, 10, said, sizeof said), 0);
    assert_true(db_open(&fx.db, fx.path, true));
    assert_rows(&fx, "SELECT count(*) FROM records", "302");
    fixture_close(&fx);
}

static void names_of_traces_are_known(void **state)
{
    (void)state;
    static const char *const yes[] = {"a.jsonl", "sim.1.jsonl.gz", "x.jsonl.zst"};
    static const char *const no[] = {".jsonl",
                                     ".a.jsonl",
                                     "a.gz",
                                     "run.json",
                                     "run.db",
                                     "a.jsonl.bak",
                                     "jsonl",
                                     ".x.jsonl.gz",
                                     "decisions.jsonl",
                                     "decisions.jsonl.gz",
                                     "decisions.jsonl.zst"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(load_is_trace(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(load_is_trace(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_database_is_the_same),         cmocka_unit_test(a_torn_one_is_a_torn_file),
        cmocka_unit_test(one_out_of_order_is_put_in_order), cmocka_unit_test(standard_input_may_be_compressed),
        cmocka_unit_test(names_of_traces_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
