/* The state machine: the map, the table of requests already applied (Raft paper §8), the digest. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../src/kv.h"
#include "../src/rng.h"

static struct entry put(uint64_t index, node_id client, const char *mid, const char *key, const char *value)
{
    return (struct entry){
        .index = index, .term = 1, .op = ENTRY_PUT, .client = client, .mid = mid, .key = key, .value = value};
}

static bool apply(struct kv *kv, node_id client, const char *mid, const char *key, const char *value)
{
    struct entry e = put(kv_applied(kv) + 1, client, mid, key, value);
    return kv_apply(kv, &e);
}

static void a_missing_key_has_the_empty_value(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    assert_string_equal(kv_get(kv, "k"), "");
    assert_string_equal(kv_get(kv, ""), "");
    assert_int_equal(kv_applied(kv), 0);
    kv_free(kv);
    kv_free(NULL);
}

static void the_last_put_of_a_key_wins(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    assert_true(apply(kv, 1, "A", "k", "v"));
    assert_true(apply(kv, 1, "B", "", "empty key"));
    assert_true(apply(kv, 2, "A", "k", "w"));
    assert_string_equal(kv_get(kv, "k"), "w");
    assert_string_equal(kv_get(kv, ""), "empty key");
    assert_true(apply(kv, 1, "C", "k", ""));
    assert_string_equal(kv_get(kv, "k"), "");
    assert_int_equal(kv_keys(kv), 2);
    assert_int_equal(kv_applied(kv), 4);
    kv_free(kv);
}

/* Zoo: retry-applied-twice. */
static void a_repeated_request_has_no_effect_even_after_others_8(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    assert_true(apply(kv, 1, "A", "k", "old"));
    assert_true(apply(kv, 2, "A", "k", "new"));
    uint64_t digest = kv_digest(kv);
    assert_false(apply(kv, 1, "A", "k", "old"));
    assert_string_equal(kv_get(kv, "k"), "new");
    assert_true(kv_digest(kv) == digest);
    assert_int_equal(kv_request_index(kv, 1, "A"), 1);
    assert_int_equal(kv_request_index(kv, 2, "A"), 2);
    assert_int_equal(kv_request_index(kv, 3, "A"), 0);
    assert_int_equal(kv_request_index(kv, 1, "B"), 0);
    assert_int_equal(kv_applied(kv), 3);
    kv_free(kv);
}

static void each_clients_last_1024_requests_are_remembered(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    char mid[16];
    assert_true(apply(kv, 2, "M0", "other", "client"));
    for (int i = 0; i < 3 * KV_REQUESTS_PER_CLIENT; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        assert_true(apply(kv, 1, mid, "k", mid));
    }
    int oldest = 2 * KV_REQUESTS_PER_CLIENT;
    for (int i = 0; i < 3 * KV_REQUESTS_PER_CLIENT; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        assert_int_equal(kv_request_index(kv, 1, mid), i < oldest ? 0 : i + 2);
    }
    assert_int_equal(kv_request_index(kv, 2, "M0"), 1);
    snprintf(mid, sizeof mid, "M%d", oldest);
    assert_false(apply(kv, 1, mid, "k", "again"));
    snprintf(mid, sizeof mid, "M%d", oldest - 1);
    assert_true(apply(kv, 1, mid, "k", "again")); /* the bound is part of the state: all replicas decide alike */
    kv_free(kv);
}

static void a_noop_only_counts(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    uint64_t digest = kv_digest(kv);
    struct entry e = {.index = 1, .term = 1, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    assert_true(kv_apply(kv, &e));
    assert_int_equal(kv_applied(kv), 1);
    assert_int_equal(kv_keys(kv), 0);
    assert_true(kv_digest(kv) == digest);
    kv_free(kv);
}

static void equal_entries_give_equal_digests_and_any_difference_another(void **state)
{
    (void)state;
    struct kv *a = kv_new(), *b = kv_new();
    char mid[16], key[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        snprintf(key, sizeof key, "k%d", i * 7 % 997);
        apply(a, (node_id)(i % 5 * 300), mid, key, mid);
        apply(b, (node_id)(i % 5 * 300), mid, key, mid);
        assert_true(kv_digest(a) == kv_digest(b));
    }
    uint64_t digest = kv_digest(a);
    apply(a, 1, "X", "k1", "v");
    assert_true(kv_digest(a) != digest);
    apply(b, 1, "X", "k1", "w"); /* the value */
    assert_true(kv_digest(a) != kv_digest(b));
    apply(a, 1, "Y", "k1", "u");
    apply(b, 1, "Z", "k1", "u"); /* same map, another request */
    assert_true(kv_digest(a) != kv_digest(b));
    kv_free(a);
    kv_free(b);
}

static void the_digest_of_the_map_does_not_depend_on_overwritten_values(void **state)
{
    (void)state;
    /* Two ways to the same map and table: requests with the same ids at the same indexes, in another order of keys. */
    struct kv *a = kv_new(), *b = kv_new();
    apply(a, 1, "A", "x", "1");
    apply(a, 1, "B", "x", "2");
    apply(a, 1, "C", "y", "3");
    apply(b, 1, "A", "y", "1");
    apply(b, 1, "B", "y", "3");
    apply(b, 1, "C", "x", "2");
    assert_true(kv_digest(a) == kv_digest(b));
    kv_free(a);
    kv_free(b);
}

static void the_map_agrees_with_a_plain_array_over_a_long_random_run(void **state)
{
    (void)state;
    enum { KEYS = 3000 };
    static int last[KEYS];
    memset(last, -1, sizeof last);
    struct kv *kv = kv_new();
    struct rng rng;
    rng_seed(&rng, 7);
    char mid[16], key[16];
    for (int i = 0; i < 40000; i++) {
        int k = (int)rng_below(&rng, KEYS);
        snprintf(mid, sizeof mid, "M%d", i);
        snprintf(key, sizeof key, "k%d", k);
        assert_true(apply(kv, (node_id)rng_below(&rng, 0xFFFF), mid, key, mid));
        last[k] = i;
    }
    size_t keys = 0;
    for (int k = 0; k < KEYS; k++) {
        snprintf(mid, sizeof mid, "M%d", last[k]);
        snprintf(key, sizeof key, "k%d", k);
        assert_string_equal(kv_get(kv, key), last[k] < 0 ? "" : mid);
        keys += last[k] >= 0;
    }
    assert_int_equal(kv_keys(kv), keys);
    kv_free(kv);
}

static void count_pair(void *ctx, const char *key, const char *value)
{
    char *text = ctx;
    snprintf(text + strlen(text), 100 - strlen(text), "%s=%s ", key, value);
}

static void count_request(void *ctx, node_id client, const char *mid, uint64_t index)
{
    char *text = ctx;
    snprintf(text + strlen(text), 100 - strlen(text), "%d/%s@%d ", client, mid, (int)index);
}

static void what_changed_since_an_entry_can_be_had_alone(void **state)
{
    (void)state;
    struct kv *kv = kv_new();
    char text[100];
    kv_put_pair(kv, "loaded", "1");
    kv_put_request(kv, 3, "L", 2);
    kv_set_applied(kv, 9);
    apply(kv, 2, "A", "x", "1"); /* 10 */
    apply(kv, 1, "A", "y", "1");
    apply(kv, 2, "B", "x", "2"); /* 12 */
    apply(kv, 2, "B", "z", "3"); /* had been applied */
    static const struct {
        uint64_t from;
        const char *pairs, *requests;
    } since[] = {{14, "", ""}, {13, "", ""}, {12, "x=2 ", "2/A@10 2/B@12 "}, {3, "", "1/A@11 2/A@10 2/B@12 "}};
    for (size_t i = 0; i < 4; i++) {
        text[0] = '\0';
        kv_each_request_since(kv, since[i].from, count_request, text);
        assert_string_equal(text, since[i].requests);
        text[0] = '\0';
        kv_each_pair_since(kv, since[i].from, count_pair, text);
        if (since[i].from > 3)
            assert_string_equal(text, since[i].pairs);
        else
            assert_true(strlen(text) == 8 && strstr(text, "x=2 ") && strstr(text, "y=1 "));
    }
    text[0] = '\0';
    kv_each_request(kv, count_request, text);
    assert_string_equal(text, "1/A@11 2/A@10 2/B@12 3/L@2 ");
    kv_free(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_key_has_the_empty_value),
        cmocka_unit_test(the_last_put_of_a_key_wins),
        cmocka_unit_test(a_repeated_request_has_no_effect_even_after_others_8),
        cmocka_unit_test(each_clients_last_1024_requests_are_remembered),
        cmocka_unit_test(a_noop_only_counts),
        cmocka_unit_test(equal_entries_give_equal_digests_and_any_difference_another),
        cmocka_unit_test(the_digest_of_the_map_does_not_depend_on_overwritten_values),
        cmocka_unit_test(what_changed_since_an_entry_can_be_had_alone),
        cmocka_unit_test(the_map_agrees_with_a_plain_array_over_a_long_random_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
