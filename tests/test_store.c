/* Stable storage: what was saved is found again, whatever it is. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/rng.h"
#include "../src/store.h"
#include "support/store_model.h"

/* In the place of the C library's, for SQLite too. */
static unsigned syncs;
int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}
int fsync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

static struct store *open_ok(const char *dir, struct store_found *found)
{
    char err[STORE_ERR_LEN] = "";
    struct store *s;
    struct store_options o = {.dir = dir, .id = MODEL_ID, .cluster = "test"};
    if (store_open(&s, &o, found, err) != STORE_OPENED)
        fail_msg("%s", err);
    return s;
}

static void restored_ok(struct store *s)
{
    char err[STORE_ERR_LEN] = "";
    if (!store_restored(s, err))
        fail_msg("%s", err);
}

static void save_ok(struct store *s, struct store_change c)
{
    if (!store_save(s, &c))
        fail_msg("%s", store_error(s));
}

static struct store *open_new(const char *dir)
{
    struct store_found found;
    struct store *s = open_ok(dir, &found);
    assert_true(found.fresh);
    restored_ok(s);
    kv_free(found.kv);
    return s;
}

static void assert_entry(const struct entry *a, const struct entry *b)
{
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->term, b->term);
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->client, b->client);
    assert_string_equal(a->mid, b->mid);
    assert_string_equal(a->key, b->key);
    assert_string_equal(a->value, b->value);
    assert_true(a->hash == b->hash);
}

/* The log found is that of the core after base_index; the state machine goes on from what was found to the model's. */
static void assert_found(struct store_found *found, const struct model *m)
{
    struct raft_brief brief = raft_brief(m->core);
    assert_int_equal(found->core.term, brief.term);
    assert_int_equal(found->core.voted, raft_voted_for(m->core));
    assert_int_equal(found->last, brief.last > found->core.base_index ? brief.last : found->core.base_index);
    assert_int_equal(kv_applied(found->kv), found->core.applied);
    uint64_t index = found->core.base_index;
    struct entry e;
    while (found->core.next_entry && found->core.next_entry(found->core.ctx, &e)) {
        assert_entry(&e, raft_entry(m->core, ++index));
        if (index > found->core.applied && index <= kv_applied(m->kv))
            kv_apply(found->kv, &e);
    }
    assert_int_equal(index, found->last);
    assert_int_equal(kv_applied(found->kv), kv_applied(m->kv));
    assert_true(kv_digest(found->kv) == kv_digest(m->kv));
}

/* Opens it again, compares, and leaves it open. */
static struct store *reopen(struct store *s, const char *dir, const struct model *m, struct store_found *found)
{
    store_close(s);
    s = open_ok(dir, found);
    assert_false(found->fresh);
    assert_found(found, m);
    restored_ok(s);
    kv_free(found->kv);
    return s;
}

/* ---- */

static void a_new_store_is_empty_and_counts_its_boots(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store_found found;
    for (int boot = 1; boot <= 3; boot++) {
        struct store *s = open_ok(dir, &found);
        assert_int_equal(found.fresh, boot == 1);
        assert_int_equal(found.boot, boot);
        assert_int_equal(found.core.term, 0);
        assert_int_equal(found.core.voted, NODE_NONE);
        assert_int_equal(found.core.applied, 0);
        assert_int_equal(found.core.base_index, 0);
        assert_null(found.core.base_conf);
        assert_null(found.core.next_entry);
        assert_int_equal(found.last, 0);
        assert_int_equal(kv_applied(found.kv), 0);
        assert_int_equal(kv_keys(found.kv), 0);
        restored_ok(s);
        kv_free(found.kv);
        store_close(s);
    }
    model_remove(dir);
    store_close(NULL);
}

static void term_vote_and_entries_are_found_again(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    model_init(&m);
    model_vote(&m, 3);
    assert_true(m.fx.persist_vote);
    assert_int_equal(raft_voted_for(m.core), MODEL_LEADER);
    save_ok(s, model_change(&m));
    s = reopen(s, dir, &m, &found);
    model_append(&m, 3, 0, 40, 0, 10);
    save_ok(s, model_change(&m));
    model_append(&m, 5, 40, 1, 0, 41); /* no vote in this term */
    save_ok(s, model_change(&m));
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.boot, 3);
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

static void a_conflicting_tail_is_replaced(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    model_init(&m);
    model_append(&m, 1, 0, 30, 0, 5);
    save_ok(s, model_change(&m));
    model_append(&m, 2, 12, 3, 1, 5);
    assert_int_equal(m.fx.truncated_from, 13);
    assert_int_equal(m.fx.appended_from, 13);
    save_ok(s, model_change(&m));
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.last, 15);
    model_append(&m, 2, 15, 3, 1, 18);
    save_ok(s, model_change(&m));
    s = reopen(s, dir, &m, &found);
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

static void any_text_survives(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    char *large = malloc(60001), mid[MID_MAX + 1];
    memset(large, 'x', 60000);
    large[60000] = '\0';
    memset(mid, 'm', MID_MAX);
    mid[MID_MAX] = '\0';
    const char *const texts[] = {"",
                                 "'); DROP TABLE log; --",
                                 "%s%n\"\\",
                                 "\x01\x1b[2J\x7f\r\n",
                                 "\u00e4\U0001F600",
                                 "\xef\xbf\xbf",
                                 "NULL",
                                 "0x12",
                                 "12",
                                 large};
    model_init(&m);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct entry value = {.op = ENTRY_PUT, .client = 0, .mid = mid, .key = "key", .value = texts[i]},
                     key = {.op = ENTRY_PUT, .client = 0xFFFE, .mid = "1", .key = texts[i], .value = "value"};
        const struct entry *const both[] = {&value, &key};
        mid[0] = (char)('a' + i);
        value.index = raft_brief(m.core).last + 1;
        key.index = value.index + 1;
        value.term = key.term = 1;
        model_append_these(&m, 1, value.index - 1, both, 1, value.index);
        save_ok(s, model_change(&m));
        model_append_these(&m, 1, value.index, both + 1, 1, key.index);
        save_ok(s, model_change(&m));
    }
    s = reopen(s, dir, &m, &found);
    save_ok(s, (struct store_change){.core = m.core,
                                     .kv = m.kv,
                                     .snapshot = true,
                                     .base_index = kv_applied(m.kv),
                                     .base_term = 1,
                                     .base_conf = "000A=h\u00f6st:1,000B='\"=--"});
    s = reopen(s, dir, &m, &found);
    assert_string_equal(found.core.base_conf, "000A=h\u00f6st:1,000B='\"=--");
    store_close(s);
    free(large);
    model_free(&m);
    model_remove(dir);
}

static struct store_change compaction(const struct model *m, uint64_t base)
{
    return (struct store_change){.core = m->core,
                                 .kv = m->kv,
                                 .snapshot = true,
                                 .base_index = base,
                                 .base_term = raft_entry(m->core, base)->term,
                                 .base_conf = "000A,000B,000C"};
}

static void a_compacted_log_begins_after_its_base_and_the_state_is_there(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    model_init(&m);
    model_append(&m, 1, 0, 400, 0, 300);
    save_ok(s, model_change(&m));
    save_ok(s, compaction(&m, 250));
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.core.applied, 300);
    assert_int_equal(found.core.base_index, 250);
    assert_int_equal(found.core.base_term, 1);
    assert_string_equal(found.core.base_conf, "000A,000B,000C");
    /* Entries and compaction in one: all that is applied may be new. */
    model_append(&m, 2, 400, 100, 0, 500);
    struct store_change c = compaction(&m, 500);
    c.vote = true;
    c.appended_from = 401;
    save_ok(s, c);
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.core.base_index, 500);
    assert_null(found.core.next_entry);
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

/* Each client's requests are forgotten as kv forgets them, over many compactions and within one. */
static void requests_are_forgotten_as_the_state_machine_forgets_them(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    model_init(&m);
    static const uint64_t lasts[] = {500, 2500, 2600, 6000, 12000, 12001, 13000};
    for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++) {
        uint64_t from = raft_brief(m.core).last;
        model_append(&m, 1, from, lasts[i] - from, 0, lasts[i]);
        save_ok(s, model_change(&m));
        save_ok(s, compaction(&m, lasts[i] - 100));
        s = reopen(s, dir, &m, &found);
        assert_int_equal(found.core.applied, lasts[i]);
    }
    assert_int_equal(kv_requests(m.kv), 3 * KV_REQUESTS_PER_CLIENT);
    /* A MID that was forgotten, and comes again. */
    struct entry again = {.index = 13001, .term = 1, .op = ENTRY_PUT, .client = 0x100, .key = "k", .value = "again"};
    struct model_entry old;
    for (uint64_t i = 1; again.mid == NULL; i++) {
        model_make(&old, i, 1, 0);
        if (old.e.op == ENTRY_PUT && old.e.client == 0x100)
            again.mid = old.mid;
    }
    assert_int_equal(kv_request_index(m.kv, 0x100, again.mid), 0);
    const struct entry *const one[] = {&again};
    model_append_these(&m, 1, 13000, one, 1, 13001);
    save_ok(s, model_change(&m));
    save_ok(s, compaction(&m, 13001));
    s = reopen(s, dir, &m, &found);
    assert_int_equal(kv_request_index(m.kv, 0x100, again.mid), 13001);
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

static void an_installed_snapshot_replaces_everything(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct store_found found;
    struct model m;
    model_init(&m);
    /* Another history first, of which nothing may be left. */
    model_append(&m, 1, 0, 200, 7, 150);
    save_ok(s, model_change(&m));
    save_ok(s, compaction(&m, 100));
    model_free(&m);
    model_init(&m);
    model_append(&m, 4, 0, 90, 0, 60);
    struct store_change c = compaction(&m, 60);
    c.installed = c.vote = true;
    save_ok(s, c);
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.core.base_index, 60);
    assert_int_equal(found.core.applied, 60);
    assert_int_equal(found.last, 90);
    /* Beyond the log that the core has: nothing of it is left. */
    kv_free(m.kv);
    m.kv = model_kv(5000);
    c = (struct store_change){
        .core = m.core, .kv = m.kv, .snapshot = true, .installed = true, .base_index = 5000, .base_term = 4};
    save_ok(s, c);
    s = reopen(s, dir, &m, &found);
    assert_int_equal(found.last, 5000);
    assert_null(found.core.base_conf);
    /* And on from there. */
    model_free(&m);
    store_close(s);
    s = open_ok(dir, &found);
    model_restore(&m, &found);
    restored_ok(s);
    for (uint64_t last = 5000; last < 5600; last += 200) {
        model_append(&m, 4, last, 200, 0, last + 150);
        save_ok(s, model_change(&m));
        save_ok(s, compaction(&m, last + 100));
        s = reopen(s, dir, &m, &found);
        assert_int_equal(found.core.applied, last + 150);
    }
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

static void long_random_histories_are_found_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        char *dir = model_dir();
        struct store *s = open_new(dir);
        struct store_found found;
        struct model m;
        struct rng rng;
        rng_seed(&rng, seed);
        model_init(&m);
        uint64_t base = 0, term = 1;
        for (int i = 0; i < 150; i++) {
            struct raft_brief b = raft_brief(m.core);
            uint64_t what = rng_below(&rng, 10);
            if (what < 6) {
                /* Now and then from another leader, over what was not committed. */
                uint64_t prev = rng_below(&rng, 4) ? b.last : b.commit + rng_below(&rng, b.last - b.commit + 1);
                term += prev < b.last || !rng_below(&rng, 9);
                size_t n = (size_t)rng_below(&rng, rng_below(&rng, 9) ? 8 : 60) + (prev < b.last);
                model_append(&m, term, prev, n, (unsigned)rng_below(&rng, 2),
                             b.commit + rng_below(&rng, prev + n - b.commit + 1));
                save_ok(s, model_change(&m));
            } else if (what < 7) {
                model_vote(&m, ++term);
                save_ok(s, model_change(&m));
            } else if (what < 9) {
                if (kv_applied(m.kv) > base) {
                    base += 1 + rng_below(&rng, kv_applied(m.kv) - base);
                    save_ok(s, compaction(&m, base));
                }
            } else {
                s = reopen(s, dir, &m, &found);
                assert_int_equal(found.core.base_index, base);
            }
        }
        s = reopen(s, dir, &m, &found);
        store_close(s);
        model_free(&m);
        model_remove(dir);
    }
}

static void a_save_is_one_sync(void **state)
{
    (void)state;
    char *dir = model_dir();
    struct store *s = open_new(dir);
    struct model m;
    model_init(&m);
    model_append(&m, 1, 0, 1, 0, 0);
    save_ok(s, model_change(&m)); /* the first one syncs the head of SQLite's log too */
    for (int i = 0; i < 200; i++) {
        if (i % 10)
            model_append(&m, raft_brief(m.core).term, raft_brief(m.core).last, 1 + (size_t)i % 64, 0, 0);
        else
            model_vote(&m, raft_brief(m.core).term + 1);
        struct store_change c = model_change(&m);
        syncs = 0;
        assert_true(store_save(s, &c));
        assert_true(c.vote || c.appended_from);
        assert_int_equal(syncs, 1);
        assert_true(c.took_us > 0 && c.took_us < UINT64_C(600000000));
    }
    store_close(s);
    model_free(&m);
    model_remove(dir);
}

/* ---- with SQL ---- */

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return v;
}

static void a_stopped_replicas_file_is_one_and_is_readable_with_sql(void **state)
{
    (void)state;
    char *dir = model_dir(), path[512], wal[520];
    struct store *s = open_new(dir);
    struct model m;
    model_init(&m);
    model_vote(&m, 2);
    save_ok(s, model_change(&m));
    model_append(&m, 2, 0, 100, 0, 80);
    save_ok(s, model_change(&m));
    save_ok(s, compaction(&m, 70));
    store_close(s);
    snprintf(path, sizeof path, "%s/000A.db", dir);
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(access(wal, F_OK), -1);
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(ask(db, "PRAGMA application_id"), STORE_APPLICATION_ID);
    assert_int_equal(ask(db, "PRAGMA user_version"), STORE_FORMAT);
    assert_int_equal(
        ask(db, "SELECT count(*) FROM meta WHERE id = '000A' AND cluster = 'test' AND boot = 1 AND term = 2 AND"
                " voted = '000B' AND applied = 80 AND base_idx = 70 AND base_term = 2 AND"
                " base_conf = '000A,000B,000C'"),
        1);
    assert_int_equal(
        ask(db, "SELECT count(*) FROM log WHERE idx BETWEEN 71 AND 100 AND term = 2 AND op IN ('put', 'noop')"), 30);
    assert_int_equal(ask(db, "SELECT count(*) FROM map"), (int64_t)kv_keys(m.kv));
    assert_int_equal(ask(db, "SELECT count(*) FROM request WHERE client IN ('0100', '0101', '0102')"),
                     (int64_t)kv_requests(m.kv));
    sqlite3_close(db);
    model_free(&m);
    model_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_is_empty_and_counts_its_boots),
        cmocka_unit_test(term_vote_and_entries_are_found_again),
        cmocka_unit_test(a_conflicting_tail_is_replaced),
        cmocka_unit_test(any_text_survives),
        cmocka_unit_test(a_compacted_log_begins_after_its_base_and_the_state_is_there),
        cmocka_unit_test(requests_are_forgotten_as_the_state_machine_forgets_them),
        cmocka_unit_test(an_installed_snapshot_replaces_everything),
        cmocka_unit_test(long_random_histories_are_found_again),
        cmocka_unit_test(a_save_is_one_sync),
        cmocka_unit_test(a_stopped_replicas_file_is_one_and_is_readable_with_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
