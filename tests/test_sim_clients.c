/* Both kinds of clients, without sockets: what they send, and what they make of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_clients.h"

enum { SENT_MAX = 4096 };

struct sent {
    unsigned client, to;
    bool put;
    char mid[20], key[40], value[40], leader[8];
};

struct bench {
    struct sim_config cfg;
    struct sim_stats stats;
    struct sim_decider *decider;
    bool living[SIM_REPLICAS_MAX];
    struct sim_clients *clients;
    struct sent sent[SENT_MAX];
    size_t n_sent;
    unsigned warnings;
    int64_t now;
};

static void on_send(void *ctx, const struct sim_request *r)
{
    struct bench *b = ctx;
    json_t *m = json_loadb(r->bytes, r->n, 0, NULL);
    assert_non_null(m);
    const char *src, *dst, *leader, *type, *mid, *key, *value = "";
    assert_int_equal(json_unpack(m, "{s:s, s:s, s:s, s:s, s:s, s:s, s?s}", "src", &src, "dst", &dst, "leader", &leader,
                                 "type", &type, "MID", &mid, "key", &key, "value", &value),
                     0);
    char id[SIM_ID_LEN];
    assert_string_equal(src, sim_id(b->cfg.replicas + 16 + r->client, id));
    assert_string_equal(dst, sim_id(r->to, id));
    assert_string_equal(type, r->type);
    assert_string_equal(mid, r->mid);
    assert_true(b->n_sent < SENT_MAX && b->living[r->to]);
    struct sent *s = &b->sent[b->n_sent++];
    *s = (struct sent){.client = r->client, .to = r->to, .put = strcmp(type, "put") == 0};
    assert_int_equal(json_object_size(m), s->put ? 7 : 6);
    snprintf(s->mid, sizeof s->mid, "%s", mid);
    snprintf(s->key, sizeof s->key, "%s", key);
    snprintf(s->value, sizeof s->value, "%s", value);
    snprintf(s->leader, sizeof s->leader, "%s", leader);
    json_decref(m);
}

static void on_warn(void *ctx, const char *text)
{
    (void)text;
    ((struct bench *)ctx)->warnings++;
}

static struct bench *start(const char *scenario)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    if (sim_config_load(scenario, &b->cfg, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    b->decider = sim_decider_new(12);
    for (unsigned i = 0; i < b->cfg.replicas; i++)
        b->living[i] = true;
    b->clients = sim_clients_new(&(struct sim_clients_env){.cfg = &b->cfg,
                                                           .stats = &b->stats,
                                                           .decider = b->decider,
                                                           .living = b->living,
                                                           .load_start = SIM_SECOND,
                                                           .load_end = SIM_SECOND + b->cfg.lifetime,
                                                           .quiet_at = SIM_SECOND,
                                                           .send = on_send,
                                                           .warn = on_warn,
                                                           .ctx = b});
    return b;
}

static void finish(struct bench *b)
{
    sim_clients_free(b->clients);
    sim_decider_free(b->decider);
    sim_stats_free(&b->stats);
    sim_config_free(&b->cfg);
    free(b);
}

static struct bench *course(const char *mix)
{
    char text[600];
    snprintf(text, sizeof text,
             "{\"lifetime\": 10, \"replicas\": 5, \"requests\": 1000, \"mix\": %s, \"tests\": {\"benchmarks\": "
             "{\"total_msgs\": [1, 2, 3], "
             "\"failures\": [1, 2, 3], \"duplicates\": [1, 2, 3], \"median_latency\": [1, 2, 3]}}}",
             mix);
    return start(text);
}

static struct bench *shared_with(const char *mix, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "{\"lifetime\": 10, \"replicas\": 5, \"mix\": %s, \"clients\": {\"mode\": \"shared\", \"count\": 3, "
             "\"keys\": 2, "
             "\"timeout_ms\": 500, \"rate\": 30}%s}",
             mix, more);
    return start(text);
}

static struct bench *shared(const char *mix)
{
    return shared_with(mix, "");
}

/* Time passes until the next thing to do, which is done. */
static void step(struct bench *b)
{
    b->now = sim_clients_deadline(b->clients);
    assert_true(b->now != INT64_MAX);
    sim_clients_tick(b->clients, b->now);
}

/* Replica `by` answers a request 1 ms after it was sent, or last acted on. */
static void answer(struct bench *b, const struct sent *s, unsigned by, const char *type, const char *leader,
                   const char *value)
{
    char bytes[400], what[96];
    struct sim_message m;
    int n =
        snprintf(bytes, sizeof bytes,
                 "{\"src\": \"0000\", \"dst\": \"0015\", \"leader\": \"%s\", \"type\": \"%s\", \"MID\": \"%s\"%s%s%s}",
                 leader, type, s->mid, value ? ", \"value\": \"" : "", value ? value : "", value ? "\"" : "");
    assert_null(sim_message_parse(bytes, (size_t)n, &m, what));
    b->now += 1000000;
    sim_clients_answer(b->clients, b->now, &(struct sim_answer){.client = s->client, .by = by, .m = &m});
    sim_message_free(&m);
}

static struct sent last(const struct bench *b)
{
    assert_true(b->n_sent > 0);
    return b->sent[b->n_sent - 1];
}

/* ---- the course's clients ---- */

static void requests_come_at_fixed_spacing_from_eight_clients(void **state)
{
    (void)state;
    struct bench *b = course("0.8");
    unsigned by_client[8] = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(llabs(sim_clients_deadline(b->clients) - SIM_SECOND - i * (SIM_SECOND / 100)) <
                    10); /* ns: rounding */
        step(b);
        by_client[last(b).client]++;
    }
    assert_true(sim_clients_deadline(b->clients) == INT64_MAX);
    assert_int_equal(b->n_sent, 1000); /* open loop: no answer, no retry, and the next one comes all the same */
    for (int i = 0; i < 8; i++)
        assert_in_range(by_client[i], 70, 180);
    assert_false(sim_clients_done(b->clients));
    sim_clients_end(b->clients, b->now, false);
    assert_int_equal(b->stats.unanswered_puts, 1000); /* never an acknowledged key: all gets became puts */
    assert_int_equal(b->stats.gets, 0);
    assert_in_range(b->stats.failed_to_generate_get, 740, 860);
    /* Each client's first request: with P(get) = 0.8 that is a get in its place, nothing answered or not. */
    assert_in_range(b->stats.get_before_any_put, 1, 8);
    finish(b);
}

static void mids_keys_and_values_look_as_in_the_course(void **state)
{
    (void)state;
    struct bench *b = course("0.5");
    for (int i = 0; i < 300; i++) {
        step(b);
        struct sent s = last(b);
        assert_int_equal(strspn(s.mid, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 16);
        assert_int_equal(strlen(s.mid), 16);
        assert_int_equal(strspn(s.key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 32);
        assert_int_equal(strlen(s.key), 32);
        if (s.put)
            assert_true(strlen(s.value) == 32 && strspn(s.value, "0123456789abcdef") == 32);
        answer(b, &s, 1, "ok", "0001", s.put ? NULL : "?");
        for (size_t k = 0; k + 1 < b->n_sent; k++)
            assert_string_not_equal(b->sent[k].mid, s.mid);
    }
    finish(b);
}

/* Keys are private; a client reads its own acknowledged keys only, and writes the next value of the key's chain. */
static void a_client_uses_its_own_keys_and_each_value_follows_from_the_last_acknowledged_one(void **state)
{
    (void)state;
    struct bench *b = course("0.5");
    struct {
        char key[40], value[40];
        unsigned client;
    } known[1000];
    size_t n = 0, updates = 0, fresh = 0;
    for (int i = 0; i < 1000; i++) {
        step(b);
        struct sent s = last(b);
        size_t k = 0;
        while (k < n && strcmp(known[k].key, s.key) != 0)
            k++;
        if (!s.put) {
            assert_true(k < n && known[k].client == s.client);
            answer(b, &s, 0, "ok", "0000", known[k].value);
            continue;
        }
        if (k < n) {
            assert_int_equal(known[k].client, s.client);
            assert_string_not_equal(known[k].value, s.value);
            updates++;
        } else {
            strcpy(known[k].key, s.key);
            known[k].client = s.client;
            fresh++;
            n++;
        }
        strcpy(known[k].value, s.value);
        answer(b, &s, 0, "ok", "0000", NULL);
    }
    assert_int_equal(b->stats.incorrect, 0);
    assert_true(fresh > 150 && updates > 150 && b->stats.acked_gets > 400);
    finish(b);
}

static void two_puts_of_one_key_in_flight_carry_the_same_value(void **state)
{
    (void)state;
    struct bench *b = course("0");
    size_t twins = 0;
    for (int i = 0; i < 40; i++) { /* everybody gets keys */
        step(b);
        struct sent s = last(b);
        answer(b, &s, 0, "ok", "0000", NULL);
    }
    size_t from = b->n_sent;
    for (int i = 0; i < 400; i++) {
        step(b);
        for (size_t k = from; k + 1 < b->n_sent; k++)
            if (strcmp(b->sent[k].key, last(b).key) == 0) {
                assert_string_equal(b->sent[k].value, last(b).value);
                twins++;
            }
    }
    assert_true(twins > 20);
    finish(b);
}

static void redirect_is_followed_at_once_with_a_new_mid_and_without_limit(void **state)
{
    (void)state;
    struct bench *b = course("0");
    step(b);
    struct sent first = last(b);
    for (unsigned i = 1; i <= 100; i++) {
        char leader[SIM_ID_LEN];
        struct sent before = last(b);
        answer(b, &before, before.to, "redirect", sim_id(i % 5, leader), NULL);
        assert_int_equal(b->n_sent, i + 1);
        assert_int_equal(last(b).to, i % 5);
        assert_string_equal(last(b).leader, leader);
        assert_string_equal(last(b).key, first.key);
        assert_string_equal(last(b).value, first.value);
        assert_string_not_equal(last(b).mid, before.mid);
    }
    assert_true(b->stats.redirects == 100 && b->stats.failed_puts == 0 && b->stats.puts == 1);
    assert_int_equal(b->stats.n_latency, 100); /* redirects are latency samples, too */
    finish(b);
}

static void fail_counts_a_failure_and_is_tried_again(void **state)
{
    (void)state;
    struct bench *b = course("0");
    step(b);
    struct sent s = last(b);
    answer(b, &s, 2, "fail", "FFFF", NULL);
    assert_true(b->n_sent == 2 && b->stats.failed_puts == 1 && b->stats.redirects == 1 && b->stats.puts == 1);
    assert_string_equal(last(b).value, s.value);
    struct sent again = last(b);
    answer(b, &again, 2, "ok", "0002", NULL);
    assert_true(b->stats.acked_puts == 1 && b->stats.n_latency == 2);
    sim_clients_end(b->clients, b->now, false);
    assert_int_equal(b->stats.unanswered_puts, 0);
    assert_int_equal(sim_stats_failures(&b->stats), 1);
    finish(b);
}

static void a_second_answer_after_ok_is_a_duplicate_whatever_it_says(void **state)
{
    (void)state;
    struct bench *b = course("0");
    step(b);
    struct sent s = last(b);
    answer(b, &s, 0, "ok", "0000", NULL);
    answer(b, &s, 0, "ok", "0000", NULL);
    answer(b, &s, 1, "fail", "0000", NULL);
    s.client = (s.client + 1) % 8; /* completed MIDs are known to all */
    answer(b, &s, 0, "ok", "0000", NULL);
    assert_true(b->stats.duplicates == 3 && b->stats.incorrect == 0 && b->stats.n_latency == 1 && b->n_sent == 1);
    finish(b);
}

static void a_second_answer_after_redirect_is_incorrect(void **state)
{
    (void)state;
    struct bench *b = course("0");
    step(b);
    struct sent s = last(b);
    answer(b, &s, 0, "redirect", "0001", NULL);
    answer(b, &s, 0, "ok", "0001", NULL);
    assert_true(b->stats.incorrect == 1 && b->warnings == 1 && b->stats.duplicates == 0 && b->stats.acked_puts == 0);
    finish(b);
}

static void an_unknown_mid_and_one_of_another_client_are_incorrect(void **state)
{
    (void)state;
    struct bench *b = course("0");
    step(b);
    struct sent s = last(b), other = s;
    strcpy(other.mid, "AAAAAA0123456789");
    answer(b, &other, 0, "ok", "0000", NULL);
    strcpy(other.mid, "x");
    answer(b, &other, 0, "ok", "0000", NULL);
    other = s;
    other.client = (s.client + 1) % 8;
    answer(b, &other, 0, "ok", "0000", NULL);
    assert_true(b->stats.incorrect == 3 && b->stats.n_latency == 0);
    answer(b, &s, 0, "ok", "0000", NULL);
    assert_true(b->stats.acked_puts == 1 && b->stats.incorrect == 3);
    finish(b);
}

/* The value must equal the last value acknowledged to this client when the answer arrives. */
static void a_get_that_does_not_return_the_acknowledged_value_is_incorrect(void **state)
{
    (void)state;
    struct bench *b = course("0.5");
    struct sent put = {.client = 99}, get = {.client = 99};
    while (get.client == 99) {
        step(b);
        if (last(b).put) {
            put = last(b);
            answer(b, &put, 0, "ok", "0000", NULL);
        } else
            get = last(b);
    }
    answer(b, &get, 0, "ok", "0000", "0123");
    assert_true(b->stats.wrong_values == 1 && b->stats.incorrect == 1 && b->stats.acked_gets == 1);
    while (last(b).put || strcmp(last(b).mid, get.mid) == 0)
        step(b);
    struct sent none = last(b);
    answer(b, &none, 0, "ok", "0000", NULL); /* no value at all */
    assert_true(b->stats.incorrect == 2 && b->stats.acked_gets == 1);
    finish(b);
}

static void clients_follow_the_leader_named_until_they_are_told_to_forget(void **state)
{
    (void)state;
    struct bench *b = course("0");
    int strays = 0;
    for (int i = 0; i < 200; i++) { /* all clients learn of 0003 */
        step(b);
        struct sent s = last(b);
        answer(b, &s, s.to, "ok", "0003", NULL);
    }
    for (int i = 0; i < 100; i++) {
        step(b);
        assert_int_equal(last(b).to, 3);
    }
    b->living[3] = false; /* killed: a random living one instead (checked when it is sent) */
    for (int i = 0; i < 100; i++)
        step(b);
    b->living[3] = true;
    sim_clients_forget(b->clients);
    for (int i = 0; i < 100; i++) {
        step(b);
        assert_string_equal(last(b).leader, "FFFF");
        strays += last(b).to != 3;
    }
    assert_in_range(strays, 60, 95);
    finish(b);
}

static void without_a_living_replica_requests_stay_unanswered(void **state)
{
    (void)state;
    struct bench *b = course("0");
    memset(b->living, 0, sizeof b->living);
    step(b);
    assert_int_equal(b->n_sent, 0);
    sim_clients_end(b->clients, b->now, true);
    assert_int_equal(b->stats.unanswered_puts, 1);
    finish(b);
}

/* ---- clients that share keys ---- */

static const struct sent *open_of(const struct bench *b, unsigned client)
{
    for (size_t i = b->n_sent; i-- > 0;)
        if (b->sent[i].client == client)
            return &b->sent[i];
    fail_msg("client %u sent nothing", client);
    return NULL;
}

static void a_client_has_one_operation_under_way_on_common_keys_with_values_of_its_own(void **state)
{
    (void)state;
    struct bench *b = shared("0.3");
    char values[300][40];
    size_t n = 0;
    for (int i = 0; i < 300 && b->now < 10 * SIM_SECOND; i++) {
        size_t before = b->n_sent;
        step(b);
        if (b->n_sent == before)
            continue;
        struct sent s = last(b);
        assert_true(strcmp(s.key, "k1") == 0 || strcmp(s.key, "k2") == 0);
        if (s.put) {
            char prefix[8];
            snprintf(prefix, sizeof prefix, "%04X.", 5 + 16 + s.client);
            assert_int_equal(strncmp(s.value, prefix, 5), 0);
            for (size_t k = 0; k < n; k++)
                assert_string_not_equal(values[k], s.value);
            strcpy(values[n++], s.value);
        }
        answer(b, &s, 0, "ok", "0000", s.put ? NULL : "");
    }
    assert_true(n > 100);
    assert_in_range(b->n_sent, 240, 300); /* 30 a second */
    finish(b);
}

static void an_operation_without_an_answer_is_given_up_and_a_late_answer_changes_nothing(void **state)
{
    (void)state;
    struct bench *b = shared("0");
    step(b);
    struct sent s = *open_of(b, 0);
    int64_t sent_at = b->now;
    while (strcmp(open_of(b, 0)->mid, s.mid) == 0)
        step(b);
    assert_true(b->now >= sent_at + SIM_SECOND / 2);
    assert_string_not_equal(open_of(b, 0)->value, s.value); /* never the same value again */
    assert_true(b->stats.unanswered_puts >= 1);
    int64_t unanswered = b->stats.unanswered_puts;
    answer(b, &s, 4, "ok", "0004", NULL);
    assert_true(b->stats.late == 1 && b->stats.acked_puts == 0 && b->stats.incorrect == 0 &&
                b->stats.unanswered_puts == unanswered);
    answer(b, &s, 4, "ok", "0004", NULL);
    assert_true(b->stats.duplicates == 1 && b->stats.late == 1);
    finish(b);
}

static void a_failed_put_is_not_tried_again(void **state)
{
    (void)state;
    struct bench *b = shared("0");
    step(b);
    struct sent s = *open_of(b, 0);
    answer(b, &s, 1, "fail", "FFFF", NULL);
    assert_string_equal(open_of(b, 0)->mid, s.mid);
    while (strcmp(open_of(b, 0)->mid, s.mid) == 0)
        step(b);
    assert_string_not_equal(open_of(b, 0)->value, s.value);
    assert_int_equal(b->stats.failed_puts, 1);
    finish(b);
}

static void a_redirect_is_followed_at_once_and_the_leader_remembered(void **state)
{
    (void)state;
    struct bench *b = shared("0");
    step(b);
    struct sent s = *open_of(b, 0);
    unsigned leader = (s.to + 1) % 5;
    char id[SIM_ID_LEN];
    answer(b, &s, s.to, "redirect", sim_id(leader, id), NULL);
    struct sent again = *open_of(b, 0);
    assert_true(again.to == leader && strcmp(again.mid, s.mid) != 0 && strcmp(again.value, s.value) == 0);
    answer(b, &again, leader, "ok", id, NULL);
    while (strcmp(open_of(b, 0)->mid, again.mid) == 0)
        step(b);
    assert_int_equal(open_of(b, 0)->to, leader);
    finish(b);
}

static void redirects_to_nobody_are_retried_with_pauses_and_not_for_ever(void **state)
{
    (void)state;
    struct bench *b = shared("1");
    step(b);
    int64_t begun = b->now;
    unsigned tries = 0;
    char key[40];
    strcpy(key, open_of(b, 0)->key);
    while (b->stats.unanswered_gets == 0) {
        struct sent s = last(b);
        if (s.client == 0)
            tries++;
        size_t before = b->n_sent;
        answer(b, &s, s.to, "redirect", "FFFF", NULL);
        assert_int_equal(b->n_sent, before); /* not at once */
        while (b->n_sent == before && b->stats.unanswered_gets == 0)
            step(b);
    }
    assert_true(tries >= 3 && tries <= 20);
    assert_true(b->now - begun >= SIM_SECOND / 2 - SIM_SECOND / 100);
    finish(b);
}

static void two_replicas_that_redirect_to_each_other_are_given_up_after_twenty_tries(void **state)
{
    (void)state;
    struct bench *b = shared("1");
    step(b);
    unsigned client = last(b).client;
    while (b->stats.unanswered_gets == 0) {
        struct sent s = *open_of(b, client);
        answer(b, &s, s.to, "redirect", s.to == 1 ? "0002" : "0001", NULL);
    }
    assert_int_equal(b->stats.redirects, 20);
    finish(b);
}

static void at_the_end_each_client_reads_every_key_once(void **state)
{
    (void)state;
    struct bench *b = shared("0");
    size_t load = 0;
    while (!sim_clients_done(b->clients)) {
        size_t before = b->n_sent;
        step(b);
        for (size_t i = before; i < b->n_sent; i++) {
            struct sent s = b->sent[i];
            load += s.put;
            answer(b, &s, 0, "ok", "0000", s.put ? NULL : "");
        }
    }
    assert_true(b->now >= SIM_SECOND + b->cfg.lifetime);
    unsigned reads[3][2] = {{0}};
    for (size_t i = load; i < b->n_sent; i++) {
        assert_false(b->sent[i].put);
        reads[b->sent[i].client][b->sent[i].key[1] - '1']++;
    }
    for (int c = 0; c < 3; c++)
        assert_true(reads[c][0] == 1 && reads[c][1] == 1);
    assert_true(b->stats.ok_after_faults == (int64_t)b->n_sent);
    finish(b);
}

#define FAULTY ", \"network\": {\"clients\": {\"loss\": 0.1}}"

/* A copy of an older try that comes late must be the same request. */
static void where_messages_are_lost_or_doubled_all_tries_of_an_operation_have_one_mid(void **state)
{
    (void)state;
    struct bench *b = shared_with("0", FAULTY);
    step(b);
    struct sent first = last(b);
    answer(b, &first, first.to, "redirect", first.to == 2 ? "0001" : "0002", NULL);
    assert_int_equal(b->n_sent, 2);
    assert_string_equal(last(b).mid, first.mid);
    assert_int_equal(last(b).to, first.to == 2 ? 1 : 2);
    struct sent second = last(b);
    answer(b, &second, second.to, "ok", "0002", NULL);
    assert_true(b->stats.acked_puts == 1 && b->stats.incorrect == 0);
    answer(b, &first, first.to, "ok", "0002", NULL); /* it was sent twice: two answers are no fault */
    assert_true(b->stats.duplicates == 0 && b->stats.incorrect == 0 && b->stats.acked_puts == 1);
    answer(b, &first, first.to, "ok", "0002", NULL); /* but a third one is */
    assert_int_equal(b->stats.duplicates, 1);
    finish(b);
}

/* The copy that was sent is still under way when its operation is given up: what it did is unknown, and its answer is
 * late.
 */
static void an_answer_to_what_was_given_up_while_nobody_lived_is_late(void **state)
{
    (void)state;
    struct bench *b = shared_with("0", FAULTY);
    step(b);
    struct sent first = last(b);
    for (unsigned i = 0; i < b->cfg.replicas; i++)
        b->living[i] = false;
    while (b->stats.unanswered_puts == 0)
        step(b);
    answer(b, &first, first.to, "redirect", first.to == 2 ? "0001" : "0002", NULL);
    assert_true(b->stats.late == 1 && b->stats.incorrect == 0 && b->stats.redirects == 0);
    finish(b);
}

static void where_messages_are_lost_a_request_without_an_answer_is_sent_again_until_it_is_given_up(void **state)
{
    (void)state;
    struct bench *b = shared_with("0", FAULTY);
    step(b);
    struct sent first = last(b);
    unsigned again = 0;
    while (b->stats.unanswered_puts == 0) {
        size_t before = b->n_sent;
        step(b);
        for (size_t i = before; i < b->n_sent; i++)
            again += strcmp(b->sent[i].mid, first.mid) == 0;
    }
    assert_in_range(again, 1, 2); /* every 250 ms within 500 */
    answer(b, &first, first.to, "ok", "0000", NULL);
    assert_true(b->stats.late == 1 && b->stats.incorrect == 0);
    finish(b);
}

static void what_the_network_doubled_may_be_answered_twice(void **state)
{
    (void)state;
    struct bench *b = shared("0");
    step(b);
    struct sent s = last(b);
    sim_clients_doubled(b->clients, s.mid);
    sim_clients_doubled(b->clients, "NOBODYS");
    answer(b, &s, s.to, "redirect", "FFFF", NULL);
    answer(b, &s, s.to, "redirect", "FFFF", NULL);
    assert_true(b->stats.incorrect == 0 && b->warnings == 0);
    answer(b, &s, s.to, "redirect", "FFFF", NULL);
    assert_int_equal(b->stats.incorrect, 1);
    finish(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_at_fixed_spacing_from_eight_clients),
        cmocka_unit_test(mids_keys_and_values_look_as_in_the_course),
        cmocka_unit_test(a_client_uses_its_own_keys_and_each_value_follows_from_the_last_acknowledged_one),
        cmocka_unit_test(two_puts_of_one_key_in_flight_carry_the_same_value),
        cmocka_unit_test(redirect_is_followed_at_once_with_a_new_mid_and_without_limit),
        cmocka_unit_test(fail_counts_a_failure_and_is_tried_again),
        cmocka_unit_test(a_second_answer_after_ok_is_a_duplicate_whatever_it_says),
        cmocka_unit_test(a_second_answer_after_redirect_is_incorrect),
        cmocka_unit_test(an_unknown_mid_and_one_of_another_client_are_incorrect),
        cmocka_unit_test(a_get_that_does_not_return_the_acknowledged_value_is_incorrect),
        cmocka_unit_test(clients_follow_the_leader_named_until_they_are_told_to_forget),
        cmocka_unit_test(without_a_living_replica_requests_stay_unanswered),
        cmocka_unit_test(a_client_has_one_operation_under_way_on_common_keys_with_values_of_its_own),
        cmocka_unit_test(an_operation_without_an_answer_is_given_up_and_a_late_answer_changes_nothing),
        cmocka_unit_test(a_failed_put_is_not_tried_again),
        cmocka_unit_test(a_redirect_is_followed_at_once_and_the_leader_remembered),
        cmocka_unit_test(redirects_to_nobody_are_retried_with_pauses_and_not_for_ever),
        cmocka_unit_test(two_replicas_that_redirect_to_each_other_are_given_up_after_twenty_tries),
        cmocka_unit_test(at_the_end_each_client_reads_every_key_once),
        cmocka_unit_test(an_answer_to_what_was_given_up_while_nobody_lived_is_late),
        cmocka_unit_test(where_messages_are_lost_or_doubled_all_tries_of_an_operation_have_one_mid),
        cmocka_unit_test(where_messages_are_lost_a_request_without_an_answer_is_sent_again_until_it_is_given_up),
        cmocka_unit_test(what_the_network_doubled_may_be_answered_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
