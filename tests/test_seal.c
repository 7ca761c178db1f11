/* test_seal.c -- forged, altered, replayed, reordered datagrams; receivers and senders that start again; keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/seal.h"
#include "support/spawn.h"

static const unsigned char key[SEAL_KEY_BYTES] = "of the group, thirty-two bytes.";
static const unsigned char other_key[SEAL_KEY_BYTES] = "of somebody else, 32 bytes too.";

struct datagram {
    unsigned char bytes[256];
    size_t n;
};

static struct seal *alice, *bob;

static int begin(void **state)
{
    (void)state;
    alice = seal_new(key, SEAL_REPLICA);
    bob = seal_new(key, SEAL_REPLICA);
    return 0;
}

static int end(void **state)
{
    (void)state;
    seal_free(alice);
    seal_free(bob);
    return 0;
}

static struct datagram sealed(struct seal *from, const char *text)
{
    struct datagram d;
    d.n = seal_wrap(from, text, strlen(text), d.bytes);
    assert_int_equal(d.n, strlen(text) + SEAL_OVERHEAD);
    return d;
}

/* What comes of it; what is to be sent back goes to `back`. */
static enum seal_opened opened(struct seal *to, const struct datagram *d, const char *text, struct datagram *back)
{
    const char *payload = NULL;
    size_t n = 0, back_n = 0;
    unsigned char reply[SEAL_REPLY_MAX];
    enum seal_opened what = seal_open(to, d->bytes, d->n, &payload, &n, reply, &back_n);
    if (what == SEAL_PAYLOAD) {
        assert_non_null(text);
        assert_int_equal(n, strlen(text));
        assert_memory_equal(payload, text, n);
    }
    if (what == SEAL_REPLY && back) {
        memcpy(back->bytes, reply, back_n);
        back->n = back_n;
    }
    return what;
}

/* The first datagram of `from` to `to`, and what it leads to; returns the proof. */
static struct datagram meet(struct seal *from, struct seal *to)
{
    struct datagram first = sealed(from, "first"), challenge, proof;
    assert_int_equal(opened(to, &first, NULL, &challenge), SEAL_REPLY);
    assert_int_equal(opened(from, &challenge, NULL, &proof), SEAL_REPLY);
    assert_int_equal(opened(to, &proof, NULL, NULL), SEAL_NOTHING);
    /* What was dropped before the proof is not taken later either: it may be a recording. */
    assert_int_equal(opened(to, &first, NULL, NULL), SEAL_NOTHING);
    assert_int_equal(opened(to, &first, NULL, NULL), SEAL_REPLAYED);
    return proof;
}

static void after_challenge_and_proof_datagrams_come_through_both_ways(void **state)
{
    (void)state;
    meet(alice, bob);
    meet(bob, alice);
    for (int i = 0; i < 100; i++) {
        char text[24];
        snprintf(text, sizeof text, "text %d", i);
        struct datagram d = sealed(alice, text), back = sealed(bob, text);
        assert_int_equal(opened(bob, &d, text, NULL), SEAL_PAYLOAD);
        assert_int_equal(opened(alice, &back, text, NULL), SEAL_PAYLOAD);
    }
    struct datagram empty = sealed(alice, "");
    assert_int_equal(opened(bob, &empty, "", NULL), SEAL_PAYLOAD);
}

static void a_datagram_with_any_bit_altered_or_cut_or_grown_is_bad(void **state)
{
    (void)state;
    meet(alice, bob);
    struct datagram good = sealed(alice, "{\"type\":\"put\"}");
    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        struct datagram d = good;
        d.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_BAD);
    }
    for (size_t n = 0; n < good.n; n++) {
        struct datagram d = good;
        d.n = n;
        assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_BAD);
    }
    struct datagram longer = good;
    longer.bytes[longer.n++] = 0;
    assert_int_equal(opened(bob, &longer, NULL, NULL), SEAL_BAD);
    assert_int_equal(opened(bob, &good, "{\"type\":\"put\"}", NULL),
                     SEAL_PAYLOAD); /* none of them has spent its counter */
}

static void without_the_key_nothing_can_be_made(void **state)
{
    (void)state;
    struct seal *mallory = seal_new(other_key, SEAL_REPLICA);
    struct datagram d = sealed(mallory, "x"), plain = {.n = 80};
    assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_BAD);
    memset(plain.bytes, '{', plain.n);
    assert_int_equal(opened(bob, &plain, NULL, NULL), SEAL_BAD);
    /* Nor understood: a challenge of ours is answered by nobody else. */
    struct datagram first = sealed(alice, "first"), challenge;
    assert_int_equal(opened(bob, &first, NULL, &challenge), SEAL_REPLY);
    assert_int_equal(opened(mallory, &challenge, NULL, NULL), SEAL_BAD);
    seal_free(mallory);
}

static void a_datagram_counts_once(void **state)
{
    (void)state;
    meet(alice, bob);
    struct datagram d = sealed(alice, "once");
    assert_int_equal(opened(bob, &d, "once", NULL), SEAL_PAYLOAD);
    for (int i = 0; i < 3; i++)
        assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_REPLAYED);
    assert_int_equal(opened(alice, &d, NULL, NULL), SEAL_REPLAYED); /* nor is it ours to hear */
}

static void datagrams_may_overtake_each_other_within_the_window(void **state)
{
    (void)state;
    static struct datagram d[SEAL_WINDOW + 1];
    meet(alice, bob);
    for (unsigned i = 0; i <= SEAL_WINDOW; i++)
        d[i] = sealed(alice, "x");
    /* The last but one first: all the others but one are in its window, whatever their order. */
    assert_int_equal(opened(bob, &d[SEAL_WINDOW], "x", NULL), SEAL_PAYLOAD);
    for (unsigned i = SEAL_WINDOW - 1; i >= 1; i--)
        assert_int_equal(opened(bob, &d[i], "x", NULL), SEAL_PAYLOAD);
    assert_int_equal(opened(bob, &d[0], NULL, NULL), SEAL_REPLAYED); /* too old to tell */
    for (unsigned i = 0; i <= SEAL_WINDOW; i++)
        assert_int_equal(opened(bob, &d[i], NULL, NULL), SEAL_REPLAYED);
    /* A gap wider than the window forgets it whole. */
    for (unsigned i = 0; i < 3 * SEAL_WINDOW; i++)
        (void)sealed(alice, "lost");
    struct datagram before = sealed(alice, "before"), after = sealed(alice, "after");
    assert_int_equal(opened(bob, &after, "after", NULL), SEAL_PAYLOAD);
    assert_int_equal(opened(bob, &before, "before", NULL), SEAL_PAYLOAD);
    assert_int_equal(opened(bob, &d[SEAL_WINDOW], NULL, NULL), SEAL_REPLAYED);
}

static void recordings_are_worth_nothing_to_a_receiver_that_started_again(void **state)
{
    (void)state;
    struct datagram proof = meet(alice, bob), d = sealed(alice, "recorded"), challenge;
    assert_int_equal(opened(bob, &d, "recorded", NULL), SEAL_PAYLOAD);
    seal_free(bob);
    bob = seal_new(key, SEAL_REPLICA);
    assert_int_equal(opened(bob, &d, NULL, &challenge), SEAL_REPLY); /* not taken */
    assert_int_equal(opened(bob, &proof, NULL, NULL), SEAL_NOTHING); /* of another nonce */
    assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_REPLY);
    /* Alice lives and proves it: what she sends from now on is taken, the recording still is not. */
    struct datagram fresh_proof, fresh;
    assert_int_equal(opened(alice, &challenge, NULL, &fresh_proof), SEAL_REPLY);
    assert_int_equal(opened(bob, &fresh_proof, NULL, NULL), SEAL_NOTHING);
    assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_NOTHING); /* as if the proof had overtaken it */
    assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_REPLAYED);
    fresh = sealed(alice, "fresh");
    assert_int_equal(opened(bob, &fresh, "fresh", NULL), SEAL_PAYLOAD);
    assert_int_equal(opened(bob, &fresh_proof, NULL, NULL), SEAL_NOTHING); /* a nonce is good for one */
    assert_int_equal(opened(bob, &fresh, NULL, NULL), SEAL_REPLAYED);
    assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_REPLAYED);
}

static void a_sender_that_started_again_proves_itself_anew_and_its_old_self_is_not_taken_for_it(void **state)
{
    (void)state;
    struct seal *young = seal_new(key, SEAL_REPLICA);
    struct datagram late = (meet(alice, bob), sealed(alice, "late")), challenge;
    meet(young, bob);
    struct datagram d = sealed(young, "young");
    assert_int_equal(opened(bob, &d, "young", NULL), SEAL_PAYLOAD);
    assert_int_equal(opened(bob, &late, "late", NULL),
                     SEAL_PAYLOAD); /* under way when she stopped: never heard before */
    assert_int_equal(opened(bob, &late, NULL, NULL), SEAL_REPLAYED);
    /* The challenge of a session is no business of another. */
    seal_free(bob);
    bob = seal_new(key, SEAL_REPLICA);
    assert_int_equal(opened(bob, &late, NULL, &challenge), SEAL_REPLY);
    assert_int_equal(opened(young, &challenge, NULL, NULL), SEAL_NOTHING);
    seal_free(young);
}

static void recordings_of_any_number_of_sessions_do_not_drive_out_those_that_live(void **state)
{
    (void)state;
    meet(alice, bob);
    for (int i = 0; i < 5000; i++) {
        struct seal *dead = seal_new(key, SEAL_REPLICA);
        struct datagram d = sealed(dead, "dead");
        assert_int_equal(opened(bob, &d, NULL, NULL), SEAL_REPLY);
        seal_free(dead);
    }
    struct datagram d = sealed(alice, "lives");
    assert_int_equal(opened(bob, &d, "lives", NULL), SEAL_PAYLOAD);
}

static void more_sessions_than_are_remembered_cost_a_new_proof_and_no_more(void **state)
{
    (void)state;
    enum { MANY = 4000 };
    static struct seal *many[MANY];
    unsigned asked_again = 0;
    for (int i = 0; i < MANY; i++) {
        many[i] = seal_new(key, SEAL_CLIENT);
        meet(many[i], bob);
    }
    for (int i = 0; i < MANY; i++) {
        struct datagram d = sealed(many[i], "x"), challenge, proof;
        if (opened(bob, &d, "x", &challenge) == SEAL_PAYLOAD)
            continue;
        asked_again++;
        assert_int_equal(opened(many[i], &challenge, NULL, &proof), SEAL_REPLY);
        assert_int_equal(opened(bob, &proof, NULL, NULL), SEAL_NOTHING);
        d = sealed(many[i], "y");
        assert_int_equal(opened(bob, &d, "y", NULL), SEAL_PAYLOAD);
    }
    assert_true(asked_again > 0);
    for (int i = 0; i < MANY; i++)
        seal_free(many[i]);
}

static void a_client_takes_answers_without_asking_for_a_proof(void **state)
{
    (void)state;
    struct seal *client = seal_new(key, SEAL_CLIENT);
    struct datagram d = sealed(alice, "answer");
    assert_int_equal(opened(client, &d, "answer", NULL), SEAL_PAYLOAD);
    seal_free(client);
}

/* ---- keys ---- */

static char dir[4096], path[4200], err[SEAL_ERR_LEN];

static bool read_key(const char *content, size_t n, unsigned mode, const char *cluster,
                     unsigned char out[SEAL_KEY_BYTES])
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return seal_read_key(path, cluster, out, err);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void keys_differ_by_secret_and_by_cluster_and_not_by_white_space_around_hex(void **state)
{
    (void)state;
    unsigned char a[SEAL_KEY_BYTES], b[SEAL_KEY_BYTES];
    static const char raw[] = "\0any thirty-two bytes, and more\n";
    assert_true(read_key(HEX, 64, 0600, "c", a));
    assert_true(read_key(" " HEX "\r\n", 67, 0400, "c", b));
    assert_memory_equal(a, b, sizeof a);
    assert_true(read_key(HEX, 64, 0600, "d", b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(read_key(HEX HEX, 128, 0600, "c", b)); /* not 64 digits: bytes like any others */
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(read_key(raw, 32, 0600, "c", a));
    assert_true(read_key(raw, 31 + 1, 0600, "c", b));
    assert_memory_equal(a, b, sizeof a);
    struct seal *one = seal_new(a, SEAL_REPLICA), *two;
    assert_true(read_key(raw, 32, 0600, "another group", b));
    two = seal_new(b, SEAL_REPLICA);
    struct datagram d = sealed(one, "x");
    assert_int_equal(opened(two, &d, NULL, NULL), SEAL_BAD);
    seal_free(one);
    seal_free(two);
}

static void files_that_are_no_secret_are_refused_with_a_remedy(void **state)
{
    (void)state;
    unsigned char out[SEAL_KEY_BYTES];
    assert_false(read_key("short", 5, 0600, "c", out));
    assert_non_null(strstr(err, "too short"));
    assert_false(read_key("", 0, 0600, "c", out));
    static const unsigned open_to_others[] = {0640, 0604, 0620, 0602, 0610, 0644};
    for (size_t i = 0; i < sizeof open_to_others / sizeof *open_to_others; i++) {
        assert_false(read_key(HEX, 64, open_to_others[i], "c", out));
        assert_non_null(strstr(err, "chmod 600"));
        assert_non_null(strstr(err, path));
    }
    assert_false(seal_read_key(dir, "c", out, err));
    assert_non_null(strstr(err, "is no file"));
    assert_int_equal(unlink(path), 0);
    assert_false(seal_read_key(path, "c", out, err));
    assert_non_null(strstr(err, "No such file"));
}

static int begin_files(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/key", dir);
    return 0;
}

static int end_files(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_challenge_and_proof_datagrams_come_through_both_ways, begin, end),
        cmocka_unit_test_setup_teardown(a_datagram_with_any_bit_altered_or_cut_or_grown_is_bad, begin, end),
        cmocka_unit_test_setup_teardown(without_the_key_nothing_can_be_made, begin, end),
        cmocka_unit_test_setup_teardown(a_datagram_counts_once, begin, end),
        cmocka_unit_test_setup_teardown(datagrams_may_overtake_each_other_within_the_window, begin, end),
        cmocka_unit_test_setup_teardown(recordings_are_worth_nothing_to_a_receiver_that_started_again, begin, end),
        cmocka_unit_test_setup_teardown(
            a_sender_that_started_again_proves_itself_anew_and_its_old_self_is_not_taken_for_it, begin, end),
        cmocka_unit_test_setup_teardown(recordings_of_any_number_of_sessions_do_not_drive_out_those_that_live, begin,
                                        end),
        cmocka_unit_test_setup_teardown(more_sessions_than_are_remembered_cost_a_new_proof_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_client_takes_answers_without_asking_for_a_proof, begin, end),
        cmocka_unit_test_setup_teardown(keys_differ_by_secret_and_by_cluster_and_not_by_white_space_around_hex,
                                        begin_files, end_files),
        cmocka_unit_test_setup_teardown(files_that_are_no_secret_are_refused_with_a_remedy, begin_files, end_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
