/* Runs made from others: which, and what is changed in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "../src/sim_corpus.h"
#include "support/spawn.h"

enum { DECISIONS = 200, BLOCK = SIM_CORPUS_BLOCK };

static char dir[512];

static int setup(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

/* A run of the corpus: half of its decisions are yes or no. */
static void add(struct sim_corpus *c, uint64_t seed)
{
    char path[SIM_PATH_MAX + 64], file[SIM_PATH_MAX + 96];
    assert_true(sim_corpus_add(c, seed, path));
    snprintf(file, sizeof file, "%s/corpus", dir);
    (void)mkdir(file, 0777);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(file, sizeof file, "%s/decisions.jsonl", path);
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    for (int i = 0; i < DECISIONS; i++)
        fprintf(f, "{\"kind\":\"%s\",\"name\":\"%d\",\"value\":%d}\n", i % 2 ? "loss" : "delay", i,
                i % 2 ? i % 4 / 2 : 1000 + i);
    assert_int_equal(fclose(f), 0);
}

static void give(const struct sim_corpus *c, uint64_t seed, struct sim_case *into)
{
    *into = (struct sim_case){.n_given = 0};
    assert_true(sim_corpus_give(c, seed, into));
}

static void every_other_block_is_made_from_earlier_ones(void **state)
{
    (void)state;
    static struct sim_corpus c = {.from = 100, .mutate = true};
    struct sim_case given;
    snprintf(c.dir, sizeof c.dir, "%s", dir);
    assert_int_equal(sim_corpus_root(&c, 100 + BLOCK), 100 + BLOCK); /* there is nothing to make it from */
    add(&c, 101);
    add(&c, 105);
    bool first = false, second = false;
    unsigned shorter = 0, changed = 0;
    for (uint64_t s = 100 + BLOCK; s < 100 + 2 * BLOCK; s++) {
        uint64_t root = sim_corpus_root(&c, s);
        first |= root == 101;
        second |= root == 105;
        give(&c, s, &given);
        shorter += given.n_given < DECISIONS;
        for (size_t i = 0; i < given.n_given; i++) {
            int n = atoi(given.given[i].name);
            if (given.given[i].value == (n % 2 ? n % 4 / 2 : 1000 + n))
                continue;
            changed++;
            if (n % 2) /* still yes or no */
                assert_true(given.given[i].value == 0 || given.given[i].value == 1);
            else /* what another delay was */
                assert_true(given.given[i].value >= 1000 && given.given[i].value < 1000 + DECISIONS);
        }
        sim_case_free(&given);
    }
    assert_true(first && second && shorter > BLOCK / 4 && changed > 0);
    give(&c, 100 + 2 * BLOCK, &given); /* a fresh one */
    assert_int_equal(given.n_given, 0);
    sim_case_free(&given);
}

static void a_mutant_stays_the_same_when_the_corpus_grows(void **state)
{
    (void)state;
    static struct sim_corpus c = {.from = 0, .mutate = true};
    struct sim_case a[BLOCK], b;
    snprintf(c.dir, sizeof c.dir, "%s", dir);
    add(&c, 1);
    add(&c, 2);
    for (uint64_t s = 0; s < BLOCK; s++)
        give(&c, BLOCK + s, &a[s]);
    add(&c, BLOCK + 3); /* a mutant itself */
    assert_true(c.run[2].root == 1 || c.run[2].root == 2);
    for (uint64_t s = 0; s < BLOCK; s++) {
        give(&c, BLOCK + s, &b);
        assert_int_equal(a[s].n_given, b.n_given);
        for (size_t i = 0; i < b.n_given; i++) {
            assert_string_equal(a[s].given[i].name, b.given[i].name);
            assert_int_equal(a[s].given[i].value, b.given[i].value);
        }
        sim_case_free(&a[s]);
        sim_case_free(&b);
    }
}

static void a_lost_directory_is_said(void **state)
{
    (void)state;
    static struct sim_corpus c = {.from = 0, .mutate = true, .n = 1};
    struct sim_case into = {.n_given = 0};
    c.run[0].seed = c.run[0].root = 7;
    snprintf(c.dir, sizeof c.dir, "%s/nowhere", dir);
    assert_false(sim_corpus_give(&c, BLOCK + 1, &into));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_other_block_is_made_from_earlier_ones),
        cmocka_unit_test(a_mutant_stays_the_same_when_the_corpus_grows),
        cmocka_unit_test(a_lost_directory_is_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
