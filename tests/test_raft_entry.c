/* test_raft_entry.c -- the hash of a command: equal for equal commands, different for all others; and its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/raft.h"

static const struct entry base = {.op = ENTRY_PUT, .client = 0x17, .mid = "M", .key = "k", .value = "v"};

static void only_the_command_counts_and_all_of_it(void **state)
{
    (void)state;
    struct entry e = base;
    e.index = 7;
    e.term = 3;
    e.hash = 1;
    assert_true(entry_hash(&e) == entry_hash(&base));
    e.op = ENTRY_CONF;
    assert_true(entry_hash(&e) != entry_hash(&base));
    e = base;
    e.client = 0x18;
    assert_true(entry_hash(&e) != entry_hash(&base));
    const char **strings[] = {&e.mid, &e.key, &e.value};
    for (size_t i = 0; i < 3; i++) {
        e = base;
        *strings[i] = "w";
        assert_true(entry_hash(&e) != entry_hash(&base));
    }
}

static void where_one_string_ends_and_the_next_begins_counts(void **state)
{
    (void)state;
    static const char text[] = "abcdefghijklmnopqrst";
    for (size_t i = 0; i < sizeof text; i++)
        for (size_t j = i + 1; j < sizeof text; j++) {
            char key[2][sizeof text] = {{0}};
            memcpy(key[0], text, i);
            memcpy(key[1], text, j);
            struct entry a = base, b = base;
            a.key = key[0];
            a.value = text + i;
            b.key = key[1];
            b.value = text + j;
            assert_true(entry_hash(&a) != entry_hash(&b));
        }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A good hash of 64 bits has one chance in 70,000,000 to give two of them the same number. */
static void similar_commands_have_different_hashes(void **state)
{
    (void)state;
    enum { N = 720000 };
    uint64_t *h = malloc(N * sizeof *h);
    assert_non_null(h);
    for (unsigned i = 0; i < N; i++) {
        char value[40], key[16];
        snprintf(key, sizeof key, "k%u", i % 8);
        snprintf(value, sizeof value, "%*u", (int)(i % 24), i / 24);
        struct entry e = base;
        e.key = key;
        e.value = value;
        e.client = (node_id)(i % 24);
        h[i] = entry_hash(&e);
    }
    qsort(h, N, sizeof *h, by_number);
    for (unsigned i = 1; i < N; i++)
        assert_true(h[i] != h[i - 1]);
    free(h);
}

/* Traces of replicas on different machines are compared: this was worked out apart from the code. */
static void the_hash_is_the_same_on_every_machine(void **state)
{
    (void)state;
    struct entry e = base;
    e.key = "a key of more than eight bytes";
    e.value = "\xc3\xa9 and a value";
    assert_true(entry_hash(&e) == UINT64_C(0xe411010e0fd249e9));
}

/* What the widest JSON may need for each byte, wherever it stands and whatever its neighbours. */
static void every_byte_is_counted_as_what_it_may_take_on_the_wire(void **state)
{
    (void)state;
    enum { LEN = 19 };
    static const char around[] = {'a', 0x7e, ' ', '0'};
    for (unsigned c = 1; c < 256; c++) {
        size_t each = c < 0x20 ? 6 : c >= 0x7f ? 3 : strchr("\"\\/", (int)c) ? 2 : 1;
        for (size_t i = 0; i < LEN * sizeof around; i++) {
            char value[LEN + 1];
            memset(value, around[i / LEN], LEN);
            value[LEN] = '\0';
            value[i % LEN] = (char)c;
            struct entry e = base;
            e.value = value;
            assert_int_equal(raft_entry_bytes(&e), RAFT_ENTRY_BYTES_FIXED + 2 + LEN - 1 + each);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_command_counts_and_all_of_it),
        cmocka_unit_test(where_one_string_ends_and_the_next_begins_counts),
        cmocka_unit_test(similar_commands_have_different_hashes),
        cmocka_unit_test(the_hash_is_the_same_on_every_machine),
        cmocka_unit_test(every_byte_is_counted_as_what_it_may_take_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
