/* test_lin_sequential.c -- sequential consistency against brute force: all interleavings of small random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/lin_sequential.h"
#include "support/history_brute.h"

enum { OPS = 7, CLIENTS = 3, KEYS = 2 };

struct step {
    unsigned key;
    struct op op;
};

/* Every order that keeps each client's: one of unknown outcome may come any time after what its client did before it,
 * or never. */
static bool order_exists(const struct step *s, unsigned n, unsigned left, const uint32_t now[KEYS])
{
    bool over = true;
    for (unsigned i = 0; i < n; i++)
        over &= (left >> i & 1u) == 0 || s[i].op.outcome == OUTCOME_UNKNOWN;
    if (over)
        return true;
    for (unsigned i = 0; i < n; i++) {
        bool first = (left >> i & 1u) != 0;
        for (unsigned k = 0; k < i && first; k++)
            first = (left >> k & 1u) == 0 || s[k].op.client != s[i].op.client || s[k].op.outcome == OUTCOME_UNKNOWN;
        if (!first || (s[i].op.kind == OP_READ && s[i].op.value != now[s[i].key]))
            continue;
        uint32_t then[KEYS];
        memcpy(then, now, sizeof then);
        if (s[i].op.kind == OP_WRITE)
            then[s[i].key] = s[i].op.value;
        if (order_exists(s, n, left & ~(1u << i), then))
            return true;
    }
    return false;
}

static unsigned random_history(struct step *s, struct history *h, uint64_t *seed)
{
    unsigned n = 1 + brute_random(seed, OPS), written = 0;
    uint32_t values[OPS + 1] = {HISTORY_INITIAL}, of[OPS + 1] = {0}; /* and the key that each was written to */
    for (unsigned i = 0; i < n; i++) {
        char who[2] = {(char)('a' + (char)brute_random(seed, CLIENTS)), '\0'};
        s[i] = (struct step){.key = brute_random(seed, KEYS),
                             .op = {.id = i, .call = i * 10, .ret = i * 10 + 5, .client = history_client(h, who, 1)}};
        s[i].op.kind = brute_random(seed, 2) == 0 ? OP_WRITE : OP_READ;
        if (s[i].op.kind == OP_WRITE) {
            char text[8];
            int len = snprintf(text, sizeof text, "%u", ++written);
            of[written] = s[i].key;
            values[written] = s[i].op.value = history_value(h, text, (size_t)len);
            if (brute_random(seed, 5) == 0) {
                s[i].op.outcome = OUTCOME_UNKNOWN;
                s[i].op.ret = HISTORY_OPEN;
            }
        }
    }
    for (unsigned i = 0; i < n; i++) { /* reads of what was written to their key at any time, or of nothing */
        unsigned v = brute_random(seed, written + 1);
        while (v > 0 && of[v] != s[i].key)
            v--;
        if (s[i].op.kind == OP_READ)
            s[i].op.value = values[v];
        history_add(h, s[i].key == 0 ? "x" : "y", 1, &s[i].op);
    }
    history_sort(h);
    return n;
}

static void it_agrees_with_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 1979;
    unsigned bad_ones = 0, alone = 0;
    for (unsigned round = 0; round < 30000; round++) {
        struct history h;
        struct step s[OPS];
        struct sequential found;
        history_init(&h);
        unsigned n = random_history(s, &h, &seed);
        bool bad = !order_exists(s, n, (1u << n) - 1, (const uint32_t[KEYS]){HISTORY_INITIAL, HISTORY_INITIAL});
        assert_true(lin_sequential(&found, &h, &(struct lin_limits){0}));
        for (unsigned i = 0; i < n && (found.answer == LIN_BAD) != bad; i++)
            fprintf(stderr, "round %u: client %u %s key %u value '%s'%s\n", round, s[i].op.client,
                    s[i].op.kind == OP_READ ? "reads" : "writes", s[i].key, intern_text(&h.values, s[i].op.value, NULL),
                    s[i].op.outcome == OUTCOME_UNKNOWN ? " perhaps" : "");
        assert_int_equal(found.answer, bad ? LIN_BAD : LIN_OK);
        assert_int_equal(found.left_out, 0);
        bad_ones += bad;
        alone += bad && found.key < h.n;
        lin_sequential_free(&found);
        history_free(&h);
    }
    print_message("30000 histories, %u not sequentially consistent, %u of them because of one key alone\n", bad_ones,
                  alone);
    assert_in_range(bad_ones, 3000, 27000);
    assert_in_range(alone, bad_ones / 2, bad_ones - 50);
}

static void a_budget_that_runs_out_is_no_answer(void **state)
{
    (void)state;
    struct history h;
    struct sequential found;
    history_init(&h);
    for (unsigned i = 0; i < 20; i++) {
        char who[2] = {(char)('a' + (char)i), '\0'}, text[8];
        int len = snprintf(text, sizeof text, "%u", i + 1);
        struct op op = {.call = i, .ret = i, .kind = OP_WRITE, .client = history_client(&h, who, 1)};
        op.value = history_value(&h, text, (size_t)len);
        history_add(&h, "k", 1, &op);
    }
    history_sort(&h);
    assert_true(lin_sequential(&found, &h, &(struct lin_limits){.steps = 10}));
    assert_int_equal(found.answer, LIN_UNDECIDED);
    lin_sequential_free(&found);
    assert_true(lin_sequential(&found, &h, &(struct lin_limits){.steps = 30}));
    assert_int_equal(found.answer, LIN_OK);
    lin_sequential_free(&found);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_brute_force),
        cmocka_unit_test(a_budget_that_runs_out_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
