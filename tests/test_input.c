/* Compressed input: read whatever its ending is called, and what is torn or damaged gives all that can be got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "../analyze/input.h"
#include "support/pack.h"
#include "support/spawn.h"

enum { PLAIN_BYTES = 300000 };

static char dir[4096], path[4200], plain[PLAIN_BYTES], got[PLAIN_BYTES * 2];
static unsigned char packed[PLAIN_BYTES];

static void put(const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

/* Reads the file in pieces of odd sizes; what is torn goes to *torn. */
static size_t get(const char **torn)
{
    char err[INPUT_ERR_LEN];
    struct input *in = input_open(path, err);
    if (in == NULL)
        fail_msg("%s", err);
    size_t n = 0;
    ssize_t k;
    while ((k = input_read(in, got + n, 1 + n % 70001 < sizeof got - n ? 1 + n % 70001 : sizeof got - n)) > 0)
        n += (size_t)k;
    assert_int_equal(k, 0);
    assert_int_equal(input_read(in, got, 1), 0);
    *torn = input_torn(in);
    assert_int_equal(input_size(in) > 0, 1);
    input_close(in);
    return n;
}

static int make_plain(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/x", dir);
    uint64_t x = 1;
    for (size_t i = 0; i < sizeof plain; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        plain[i] = (char)('a' + (x >> 60));
    }
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

static void whole_files_come_out_as_they_went_in(void **state)
{
    (void)state;
    const char *torn;
    put(plain, sizeof plain);
    assert_int_equal(get(&torn), sizeof plain);
    assert_null(torn);
    assert_memory_equal(got, plain, sizeof plain);
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t n = pack(plain, sizeof plain, zstd != 0, packed, sizeof packed);
        put(packed, n);
        assert_int_equal(get(&torn), sizeof plain);
        assert_null(torn);
        assert_memory_equal(got, plain, sizeof plain);
    }
}

static void members_and_frames_follow_each_other(void **state)
{
    (void)state;
    const char *torn;
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t n = pack(plain, 1000, zstd != 0, packed, sizeof packed);
        n += pack(plain + 1000, 500, zstd != 0, packed + n, sizeof packed - n);
        put(packed, n);
        assert_int_equal(get(&torn), 1500);
        assert_null(torn);
        assert_memory_equal(got, plain, 1500);
    }
}

static void what_is_torn_says_so_and_gives_what_there_is(void **state)
{
    (void)state;
    const char *torn;
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t n = pack(plain, sizeof plain, zstd != 0, packed, sizeof packed);
        for (size_t cut = 5; cut < n; cut += cut < 40 ? 1 : n / 7) {
            put(packed, cut);
            size_t k = get(&torn);
            assert_non_null(torn);
            assert_non_null(strstr(torn, "too early"));
            assert_true(k <= sizeof plain);
            assert_memory_equal(got, plain, k);
        }
        put(packed, n - 1);
        size_t most = get(&torn);
        assert_true(most >= sizeof plain / 2);
    }
}

static void what_is_damaged_says_so(void **state)
{
    (void)state;
    const char *torn;
    size_t n = pack(plain, sizeof plain, false, packed, sizeof packed);
    packed[n - 6] ^= 1; /* the checksum */
    put(packed, n);
    get(&torn);
    assert_non_null(torn);
    assert_non_null(strstr(torn, "damaged"));
    packed[n - 6] ^= 1;
    memcpy(packed + n, "garbage", 7);
    put(packed, n + 7);
    assert_int_equal(get(&torn), sizeof plain);
    assert_string_equal(torn, "bytes after the gzip data are not gzip");
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    char err[INPUT_ERR_LEN];
    assert_null(input_open("/nonexistent/x.gz", err));
    assert_non_null(strstr(err, "/nonexistent/x.gz: No such file"));
    assert_null(input_open(dir, err));
    assert_non_null(strstr(err, "Is a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files_come_out_as_they_went_in),
        cmocka_unit_test(members_and_frames_follow_each_other),
        cmocka_unit_test(what_is_torn_says_so_and_gives_what_there_is),
        cmocka_unit_test(what_is_damaged_says_so),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, make_plain, remove_dir);
}
