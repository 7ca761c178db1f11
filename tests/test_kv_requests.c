/* test_kv_requests.c -- the remembered requests of one client, against a plain array, with hashes that collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../src/kv_requests.h"
#include "../src/rng.h"

#define STEPS 20000

static void add(struct kv_requests *r, uint64_t hash, unsigned k)
{
    char mid[MID_MAX + 1];
    snprintf(mid, sizeof mid, "M%u", k);
    assert_null(kv_requests_find(r, hash, mid));
    const struct kv_request *q = kv_requests_add(r, hash, mid, k);
    assert_string_equal(q->mid, mid);
    assert_int_equal(q->index, k);
}

/* All of them and no others are there, in order. */
static void check(const struct kv_requests *r, const uint64_t *hashes, unsigned from, unsigned to)
{
    assert_int_equal(r->n, to - from);
    for (unsigned k = from; k < to; k++) {
        char mid[MID_MAX + 1];
        snprintf(mid, sizeof mid, "M%u", k);
        const struct kv_request *q = kv_requests_find(r, hashes[k], mid);
        assert_ptr_equal(q, kv_requests_at(r, k - from));
        assert_int_equal(q->index, k);
    }
    for (unsigned k = from < 10 ? 0 : from - 10; k < from; k++) {
        char mid[MID_MAX + 1];
        snprintf(mid, sizeof mid, "M%u", k);
        assert_null(kv_requests_find(r, hashes[k], mid));
    }
}

/* `bits`: how many bits of the hashes differ; few make long runs in the table, round its end too. */
static void agree(unsigned bits, uint64_t seed)
{
    static uint64_t hashes[STEPS];
    struct kv_requests r = {0};
    struct rng rng;
    rng_seed(&rng, seed);
    unsigned from = 0, to = 0;
    while (to < STEPS) {
        bool forget = r.n == KV_REQUESTS_PER_CLIENT || (r.n > 0 && rng_below(&rng, 5) < 2);
        if (forget) {
            kv_requests_forget_oldest(&r);
            from++;
        } else {
            hashes[to] = (rng_next(&rng) & ((UINT64_C(1) << bits) - 1)) + 0x7f0;
            add(&r, hashes[to], to);
            to++;
        }
        if (to % 97 == 0 || r.n < 20)
            check(&r, hashes, from, to);
    }
    check(&r, hashes, from, to);
    kv_requests_free(&r);
}

static void it_agrees_with_an_array_whatever_the_hashes(void **state)
{
    (void)state;
    static const unsigned bits[] = {1, 4, 8, 16, 40};
    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++)
        agree(bits[i], i + 1);
}

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    struct kv_requests r = {0};
    assert_null(kv_requests_find(&r, 7, "M"));
    add(&r, 7, 0);
    kv_requests_forget_oldest(&r);
    assert_null(kv_requests_find(&r, 7, "M0"));
    assert_int_equal(r.n, 0);
    kv_requests_free(&r);
}

static void the_longest_mid_fits(void **state)
{
    (void)state;
    struct kv_requests r = {0};
    char mid[MID_MAX + 1];
    memset(mid, 'x', MID_MAX);
    mid[MID_MAX] = '\0';
    assert_string_equal(kv_requests_add(&r, 1, mid, 1)->mid, mid);
    assert_non_null(kv_requests_find(&r, 1, mid));
    kv_requests_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(it_agrees_with_an_array_whatever_the_hashes),
        cmocka_unit_test(the_longest_mid_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
