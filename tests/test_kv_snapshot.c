/* The state machine as bytes and back: equal states give equal bytes, and no bytes do harm. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/kv.h"
#include "../src/rng.h"

static bool apply(struct kv *kv, node_id client, const char *mid, const char *key, const char *value)
{
    struct entry e = {.index = kv_applied(kv) + 1,
                      .term = 1,
                      .op = ENTRY_PUT,
                      .client = client,
                      .mid = mid,
                      .key = key,
                      .value = value};
    return kv_apply(kv, &e);
}

/* Some clients with more requests than are remembered, some with few; values of any length, "" too. */
static struct kv *a_state(uint64_t seed, int puts, int keys)
{
    struct rng rng;
    rng_seed(&rng, seed);
    struct kv *kv = kv_new();
    char mid[32], key[32], value[64];
    for (int i = 0; i < puts; i++) {
        node_id client = rng_below(&rng, 4) ? (node_id)rng_below(&rng, 3) : (node_id)rng_below(&rng, NODE_NONE);
        snprintf(mid, sizeof mid, "M%d", i);
        snprintf(key, sizeof key, "%s%d", rng_below(&rng, 2) ? "schl\u00fcssel-" : "k",
                 (int)rng_below(&rng, (uint64_t)keys));
        snprintf(value, sizeof value, "%.*s", (int)rng_below(&rng, 40),
                 "0123456789 \u20ac \"quoted\"\n\t\\ 0123456789");
        if (strlen(value) && (unsigned char)value[strlen(value) - 1] >= 0x80)
            value[0] = '\0'; /* cut within a character */
        assert_true(apply(kv, client, mid, key, value));
    }
    return kv;
}

/* What comes out differs neither now nor in what it forgets later. */
static void assert_alike(struct kv *a, struct kv *b)
{
    assert_int_equal(kv_applied(a), kv_applied(b));
    assert_int_equal(kv_keys(a), kv_keys(b));
    assert_int_equal(kv_requests(a), kv_requests(b));
    assert_true(kv_digest(a) == kv_digest(b));
    char mid[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(mid, sizeof mid, i % 3 ? "N%d" : "M%d", i);
        assert_int_equal(apply(a, (node_id)(i % 4), mid, "k1", mid), apply(b, (node_id)(i % 4), mid, "k1", mid));
        assert_true(kv_digest(a) == kv_digest(b));
    }
}

static void a_loaded_state_is_the_saved_one_and_behaves_alike(void **state)
{
    (void)state;
    static const int puts[] = {0, 1, 2, 500, 20000};
    for (size_t i = 0; i < sizeof puts / sizeof *puts; i++) {
        struct kv *a = a_state(i, puts[i], 900);
        size_t n;
        unsigned char *bytes = kv_save(a, &n);
        assert_true(kv_sound(bytes, n, kv_applied(a)));
        assert_false(kv_sound(bytes, n, kv_applied(a) + 1));
        struct kv *b = kv_load(bytes, n);
        assert_non_null(b);
        assert_alike(a, b);
        free(bytes);
        kv_free(a);
        kv_free(b);
    }
}

static void equal_states_give_equal_bytes_whatever_way_they_came_about(void **state)
{
    (void)state;
    struct kv *a = kv_new(), *b = kv_new();
    char mid[16], key[16];
    /* a grows in one order of keys and overwrites; b in the other, at once; the requests are the same. */
    for (int i = 0; i < 2000; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        snprintf(key, sizeof key, "k%d", i % 1000);
        apply(a, 7, mid, key, key);
        snprintf(key, sizeof key, "k%d", 999 - i % 1000);
        apply(b, 7, mid, key, key);
    }
    size_t n_a, n_b;
    unsigned char *x = kv_save(a, &n_a), *y = kv_save(b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(x, y, n_a);
    assert_true(snapshot_digest(x, n_a) == snapshot_digest(y, n_b));
    apply(b, 7, "X", "k1", "k1"); /* as before, but for the request */
    unsigned char *z = kv_save(b, &n_b);
    assert_true(n_a != n_b || memcmp(x, z, n_a) != 0);
    struct kv *c = kv_load(x, n_a);
    size_t n_c;
    unsigned char *again = kv_save(c, &n_c);
    assert_int_equal(n_a, n_c);
    assert_memory_equal(x, again, n_a);
    free(x);
    free(y);
    free(z);
    free(again);
    kv_free(a);
    kv_free(b);
    kv_free(c);
}

static void rebuild_pair(void *ctx, const char *key, const char *value)
{
    kv_put_pair(ctx, key, value);
}

static void rebuild_request(void *ctx, node_id client, const char *mid, uint64_t index)
{
    kv_put_request(ctx, client, mid, index);
}

static void a_state_put_together_from_its_parts_is_the_same(void **state)
{
    (void)state;
    struct kv *a = a_state(11, 8000, 300), *b = kv_new();
    kv_each_pair(a, rebuild_pair, b);
    kv_each_request(a, rebuild_request, b);
    kv_set_applied(b, kv_applied(a));
    assert_alike(a, b);
    kv_free(a);
    kv_free(b);
}

static void the_longest_keys_values_and_mids_survive(void **state)
{
    (void)state;
    struct kv *a = kv_new();
    char mid[MID_MAX + 1] = {0}, *value = malloc(60001), *key = malloc(60001);
    memset(mid, 'm', MID_MAX);
    memset(value, 'v', 60000);
    memset(key, 'k', 60000);
    value[60000] = key[60000] = '\0';
    apply(a, 0xFFFE, mid, key, "");
    apply(a, 0, mid, "", value);
    size_t n;
    unsigned char *bytes = kv_save(a, &n);
    struct kv *b = kv_load(bytes, n);
    assert_non_null(b);
    assert_string_equal(kv_get(b, ""), value);
    assert_int_equal(kv_request_index(b, 0xFFFE, mid), 1);
    assert_alike(a, b);
    free(bytes);
    free(key);
    free(value);
    kv_free(a);
    kv_free(b);
}

static void keys_come_in_order_of_their_bytes_however_much_they_share(void **state)
{
    (void)state;
    static const char *const ending[] = {"",          "a",    "aa",     "aaaaaaaa",  "aaaaaaaab",
                                         "aaaaaaaaa", "\x7f", "\u00e4", "\U0001F600"};
    struct kv *kv = kv_new();
    for (size_t i = sizeof ending / sizeof *ending; i--;) {
        char mid[32], key[64];
        snprintf(mid, sizeof mid, "M%zu", i);
        snprintf(key, sizeof key, "a common beginning/%s", ending[i]);
        apply(kv, 1, mid, key, "v");
    }
    size_t n;
    unsigned char *bytes = kv_save(kv, &n);
    assert_true(kv_sound(bytes, n, kv_applied(kv)));
    free(bytes);
    kv_free(kv);
}

static void assert_unsound(const unsigned char *bytes, size_t n, uint64_t index)
{
    assert_false(kv_sound(bytes, n, index));
    assert_null(kv_load(bytes, n));
}

/* A state of one pair and two requests, with `change` of its bytes at `at`. Each string stands once in it. */
static void assert_unsound_with(const char *from, const char *to, size_t size)
{
    struct kv *kv = kv_new();
    apply(kv, 0x1234, "mid-1", "key-1", "value-1");
    apply(kv, 0x1234, "mid-2", "key-2", "value-2");
    apply(kv, 0x1235, "mid-3", "key-3", "");
    size_t n, found = 0;
    unsigned char *bytes = kv_save(kv, &n);
    assert_true(kv_sound(bytes, n, 3));
    for (size_t i = 0; i + size <= n; i++)
        if (memcmp(bytes + i, from, size) == 0) {
            memcpy(bytes + i, to, size);
            found++;
        }
    assert_int_equal(found, 1);
    assert_unsound(bytes, n, 3);
    free(bytes);
    kv_free(kv);
}

static void each_rule_of_soundness_is_checked(void **state)
{
    (void)state;
    assert_unsound((const unsigned char *)"", 0, 0);
    assert_unsound_with("FLkv0001", "FLkv0002", 8);                            /* another format */
    assert_unsound_with("key-1", "key-2", 5);                                  /* a key twice */
    assert_unsound_with("key-1", "key-9", 5);                                  /* not in order */
    assert_unsound_with("mid-2", "mid-1", 5);                                  /* a request twice */
    assert_unsound_with("\x34\x12\x02", "\x35\x12\x02", 3);                    /* a client twice */
    assert_unsound_with("\x35\x12\x01", "\xff\xff\x01", 3);                    /* nobody as a client */
    assert_unsound_with("\x35\x12\x01\0", "\x35\x12\0\0", 4);                  /* a client without requests */
    assert_unsound_with("\x35\x12\x01\0", "\x35\x12\x01\x7f", 4);              /* with too many */
    assert_unsound_with("\2\0\0\0\0\0\0\0mid-2", "\1\0\0\0\0\0\0\0mid-2", 13); /* not oldest first */
    assert_unsound_with("\1\0\0\0\0\0\0\0mid-1", "\0\0\0\0\0\0\0\0mid-1", 13); /* at no index */
    assert_unsound_with("\3\0\0\0\0\0\0\0mid-3", "\4\0\0\0\0\0\0\0mid-3", 13); /* beyond the state */
    assert_unsound_with("value-1", "val\xc3-1\0", 7);                          /* not UTF-8 */
    assert_unsound_with("value-2", "\xed\xa0\x80ue-2", 7);                     /* a surrogate */
    assert_unsound_with("mid-3", "mid\xc0\x80", 5);                            /* an overlong form */
}

static void a_mid_longer_than_any_message_has_is_not_sound(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    char mid[MID_MAX + 1] = {0};
    memset(mid, 'm', MID_MAX);
    apply(kv, 1, mid, "k", "v");
    size_t n;
    unsigned char *bytes = kv_save(kv, &n);
    assert_true(kv_sound(bytes, n, 1));
    bytes = realloc(bytes, n + 1); /* one character more, before the NUL at the end */
    assert_non_null(bytes);
    bytes[n - 1] = 'm';
    bytes[n] = '\0';
    assert_unsound(bytes, n + 1, 1);
    free(bytes);
    kv_free(kv);
}

/* Allocated to the byte, so that the sanitizer sees any read beyond. */
static unsigned char *copy_of(const unsigned char *bytes, size_t n)
{
    unsigned char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    return copy;
}

static void a_snapshot_cut_anywhere_or_with_bytes_to_spare_is_not_sound(void **state)
{
    (void)state;
    struct kv *kv = a_state(3, 300, 50);
    size_t n;
    unsigned char *bytes = kv_save(kv, &n);
    for (size_t i = 0; i < n; i++) {
        unsigned char *cut = copy_of(bytes, i);
        assert_unsound(cut, i, kv_applied(kv));
        free(cut);
    }
    bytes = realloc(bytes, n + 1);
    bytes[n] = 0;
    assert_unsound(bytes, n + 1, kv_applied(kv));
    free(bytes);
    kv_free(kv);
}

static void hostile_bytes_are_refused_or_are_a_state_with_exactly_these_bytes(void **state)
{
    (void)state;
    struct kv *kv = a_state(5, 400, 60);
    size_t n;
    unsigned char *bytes = kv_save(kv, &n);
    struct rng rng;
    rng_seed(&rng, 20261);
    int loaded = 0;
    for (int round = 0; round < 20000; round++) {
        unsigned char *hurt = copy_of(bytes, n);
        for (uint64_t k = 1 + rng_below(&rng, 3); k; k--)
            hurt[rng_below(&rng, rng_below(&rng, 2) ? n : 40)] ^= (unsigned char)(1 << rng_below(&rng, 8));
        struct kv *other = kv_load(hurt, n);
        if (other) {
            size_t n_other;
            unsigned char *saved = kv_save(other, &n_other);
            assert_int_equal(n_other, n);
            assert_memory_equal(saved, hurt, n);
            assert_true(kv_sound(hurt, n, kv_applied(other)));
            free(saved);
            kv_free(other);
            loaded++;
        } else
            assert_false(kv_sound(hurt, n, kv_applied(kv)));
        free(hurt);
    }
    assert_true(loaded > 100); /* a bit of a value, for example */
    free(bytes);
    kv_free(kv);
}

static void the_digest_sees_every_bit_and_the_length(void **state)
{
    (void)state;
    unsigned char bytes[67] = {0};
    uint64_t digests[68 + 67 * 8];
    size_t n = 0;
    for (size_t i = 0; i <= sizeof bytes; i++)
        digests[n++] = snapshot_digest(bytes, i);
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        digests[n++] = snapshot_digest(bytes, sizeof bytes);
        bytes[i / 8] = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(digests[i] != digests[j]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_state_is_the_saved_one_and_behaves_alike),
        cmocka_unit_test(equal_states_give_equal_bytes_whatever_way_they_came_about),
        cmocka_unit_test(a_state_put_together_from_its_parts_is_the_same),
        cmocka_unit_test(the_longest_keys_values_and_mids_survive),
        cmocka_unit_test(keys_come_in_order_of_their_bytes_however_much_they_share),
        cmocka_unit_test(each_rule_of_soundness_is_checked),
        cmocka_unit_test(a_mid_longer_than_any_message_has_is_not_sound),
        cmocka_unit_test(a_snapshot_cut_anywhere_or_with_bytes_to_spare_is_not_sound),
        cmocka_unit_test(hostile_bytes_are_refused_or_are_a_state_with_exactly_these_bytes),
        cmocka_unit_test(the_digest_sees_every_bit_and_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
