/* Bits of a store's files turn: that is noticed at the next start, or did no harm. What cannot be noticed is what
 * store.h says: the last commit may be one that the power cut short. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/store_walk.h"

enum { ROUNDS = 200 };

struct tally {
    unsigned harmless, refused, taken_back;
};

/* A replica that has started, and was killed: most of what it saved is in the write-ahead log. Or it was stopped after
 * that: then all is in the database. */
static void fill(struct walk *w, uint64_t seed, bool stopped)
{
    bool sound;
    walk_init(w, seed, 40);
    for (int start = 0; start < 2; start++) {
        assert_int_equal(walk_open(w, &sound), STORE_OPENED);
        for (int i = 0; i < 15; i++)
            assert_true(walk_save(w));
        if (!stopped)
            sim_disk_halt(w->disk);
        walk_close(w);
        sim_disk_resume(w->disk, NULL);
    }
}

/* One to three bits of the file; not those of the write-ahead log's last commit. */
static void damage(struct walk *w, const char *file, struct rng *rng)
{
    uint64_t n = 1 + rng_below(rng, 3), size = sim_disk_size(w->disk, file);
    while (n) {
        uint64_t byte = rng_below(rng, 8) ? rng_below(rng, size) : rng_below(rng, size < 4096 ? size : 4096);
        if (strcmp(file, WALK_WAL) != 0 || !sim_disk_is_latest(w->disk, file, byte))
            n -= sim_disk_rot(w->disk, file, byte, (unsigned)rng_below(rng, 8));
    }
}

static void start(struct walk *w, uint64_t seed, struct tally *t)
{
    bool sound;
    enum store_opened result = walk_open(w, &sound);
    if (result != STORE_OPENED && result != STORE_BAD_DATA)
        fail_msg("seed %llu: %s", (unsigned long long)seed, w->error);
    if (result == STORE_OPENED && !sound)
        fail_msg("seed %llu: not what was saved", (unsigned long long)seed);
    t->harmless += result == STORE_OPENED;
    t->refused += result == STORE_BAD_DATA;
}

static void what_rots_in_a_stopped_replicas_database_is_noticed_or_does_no_harm(void **state)
{
    (void)state;
    struct tally t = {.harmless = 0};
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct walk w;
        struct rng rng;
        rng_seed(&rng, seed);
        fill(&w, seed % 20, true);
        damage(&w, WALK_DB, &rng);
        start(&w, seed, &t);
        walk_free(&w);
    }
    print_message("refused %u, harmless %u\n", t.refused, t.harmless);
    assert_true(t.refused > ROUNDS / 4 && t.harmless > 0);
}

static void what_rots_in_a_killed_replicas_files_is_noticed_or_does_no_harm(void **state)
{
    (void)state;
    struct tally t = {.harmless = 0};
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct walk w;
        struct rng rng;
        rng_seed(&rng, seed);
        fill(&w, seed % 20, false);
        damage(&w, rng_below(&rng, 3) ? WALK_WAL : WALK_DB, &rng);
        start(&w, seed, &t);
        walk_free(&w);
    }
    print_message("refused %u, harmless %u\n", t.refused, t.harmless);
    assert_true(t.refused > ROUNDS / 20 && t.harmless > 0);
}

/* What store.h says that it cannot notice: at worst the last save is taken back, and nothing else changes. */
static void what_rots_in_the_last_commit_takes_back_no_more_than_that(void **state)
{
    (void)state;
    struct tally t = {.harmless = 0};
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct walk w;
        struct rng rng;
        rng_seed(&rng, seed);
        fill(&w, seed % 20, false);
        bool sound, rotten = false;
        assert_int_equal(walk_open(&w, &sound), STORE_OPENED);
        struct walk_state before;
        do {
            before = w.known;
            assert_true(walk_save(&w));
        } while (memcmp(&before, &w.known, sizeof before) == 0); /* a save of nothing commits nothing */
        sim_disk_halt(w.disk);
        walk_close(&w);
        sim_disk_resume(w.disk, NULL);
        while (!rotten) {
            uint64_t byte = rng_below(&rng, sim_disk_size(w.disk, WALK_WAL));
            rotten = sim_disk_is_latest(w.disk, WALK_WAL, byte) && sim_disk_rot(w.disk, WALK_WAL, byte, seed % 8);
        }
        w.next = before;
        struct walk_state saved = w.known;
        start(&w, seed, &t);
        t.taken_back += w.store && memcmp(&saved, &w.known, sizeof saved) != 0;
        walk_free(&w);
    }
    print_message("refused %u, accepted %u, of them taken back %u\n", t.refused, t.harmless, t.taken_back);
    assert_true(t.taken_back > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rots_in_a_stopped_replicas_database_is_noticed_or_does_no_harm),
        cmocka_unit_test(what_rots_in_a_killed_replicas_files_is_noticed_or_does_no_harm),
        cmocka_unit_test(what_rots_in_the_last_commit_takes_back_no_more_than_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
