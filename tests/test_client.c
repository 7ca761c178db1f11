/* test_client.c -- a client among servers that lose, redirect, refuse and lie. Real time, but nothing depends on how
 * much of it passes: limits are generous where an answer is expected, and small only where none comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/client.h"
#include "support/fake_servers.h"

#define LONG_MS  30000
#define SHORT_MS 400

static struct fake_servers f;
static struct client *c;
static struct message answer;

static struct fake_server *server(unsigned id)
{
    return &f.v[id - 1];
}

/* The client knows the addresses of the first `n` servers. */
static void start(unsigned n)
{
    const char *servers[FAKE_MAX];
    char err[CLIENT_ERR_LEN];
    for (unsigned i = 0; i < n; i++)
        servers[i] = f.v[i].address;
    fake_start(&f);
    c = client_new(&(struct client_options){.servers = servers, .n_servers = n}, err);
    assert_non_null(c);
}

static void stop(void)
{
    client_free(c);
    fake_stop(&f);
}

static enum client_result get(uint64_t ms)
{
    struct message m = {.type = MESSAGE_GET, .key = "k"};
    return client_ask(c, &m, ms, &answer);
}

static enum client_result put(uint64_t ms)
{
    struct message m = {.type = MESSAGE_PUT, .key = "k", .value = "v"};
    return client_ask(c, &m, ms, &answer);
}

static void a_request_goes_to_the_leader_that_a_server_names(void **state)
{
    (void)state;
    fake_open(&f, 3);
    for (unsigned id = 1; id <= 3; id++)
        server(id)->leader = 3;
    server(3)->value = "green";
    start(1); /* the leader's address is learned */
    assert_int_equal(get(LONG_MS), CLIENT_OK);
    assert_string_equal(answer.value, "green");
    assert_int_equal(put(LONG_MS), CLIENT_OK);
    stop();
    assert_int_equal(server(1)->n_seen, 0);
    assert_int_equal(server(2)->n_seen, 0);
    assert_int_equal(server(3)->n_seen, 2);
    assert_int_equal(server(3)->seen[0].dst, 3);
    assert_string_not_equal(server(3)->seen[0].mid, server(3)->seen[1].mid);
    assert_int_equal(server(1)->n_status, 1); /* once known, the leader is not asked for again */
}

static void what_is_lost_is_sent_again_as_the_same_request(void **state)
{
    (void)state;
    fake_open(&f, 1);
    server(1)->leader = 1;
    server(1)->drop = 3;
    start(1);
    assert_int_equal(put(LONG_MS), CLIENT_OK);
    stop();
    assert_int_equal(server(1)->n_seen, 4);
    for (unsigned i = 1; i < 4; i++) {
        assert_string_equal(server(1)->seen[i].mid, server(1)->seen[0].mid);
        assert_int_equal(server(1)->seen[i].src, server(1)->seen[0].src);
    }
}

static void redirects_are_followed(void **state)
{
    (void)state;
    fake_open(&f, 3);
    server(1)->leader = 2; /* each believes something else */
    server(1)->answer = server(2)->answer = MESSAGE_REDIRECT;
    server(2)->leader = 3;
    server(3)->leader = 3;
    server(3)->dead = false;
    server(1)->value = server(2)->value = server(3)->value = "v";
    start(1);
    assert_int_equal(put(LONG_MS), CLIENT_OK);
    stop();
    assert_int_equal(answer.src, 3);
    assert_string_equal(server(2)->seen[0].mid, server(3)->seen[0].mid);
}

static void a_leader_that_falls_silent_is_looked_for_again(void **state)
{
    (void)state;
    fake_open(&f, 2);
    server(1)->leader = 2;
    server(2)->leader = 2;
    server(2)->answer = MESSAGE_HELLO;
    start(2);
    assert_int_equal(put(1500), CLIENT_UNKNOWN); /* its fellow still believes in it, and it may have taken the put */
    stop();
    assert_true(server(1)->n_status > 1);
    assert_true(server(2)->n_seen > 1);
}

static void refusals_say_why(void **state)
{
    (void)state;
    fake_open(&f, 1);
    server(1)->leader = 1;
    server(1)->answer = MESSAGE_FAIL;
    server(1)->why = "busy";
    start(1);
    struct message m = {.type = MESSAGE_CHANGE, .change = CHANGE_REMOVE, .node = 2};
    assert_int_equal(client_ask(c, &m, LONG_MS, &answer), CLIENT_REFUSED);
    assert_string_equal(answer.why, "busy");
    stop();
}

static void what_is_not_our_answer_is_not_believed(void **state)
{
    (void)state;
    fake_open(&f, 1);
    server(1)->leader = 1;
    server(1)->stray = true;
    server(1)->value = "true";
    start(1);
    assert_int_equal(get(LONG_MS), CLIENT_OK);
    assert_string_equal(answer.value, "true");
    stop();
}

static void without_an_answer_the_result_says_what_is_certain(void **state)
{
    (void)state;
    fake_open(&f, 2);
    server(1)->leader = server(2)->leader = 1;
    server(1)->answer = MESSAGE_HELLO; /* takes it, and says nothing */
    start(2);
    assert_int_equal(put(SHORT_MS), CLIENT_UNKNOWN);
    assert_int_equal(get(SHORT_MS), CLIENT_NO_LEADER); /* a get changes nothing */
    stop();

    fake_open(&f, 2);
    start(2); /* nobody leads */
    assert_int_equal(put(SHORT_MS), CLIENT_NO_LEADER);
    stop();
    assert_int_equal(server(1)->n_seen + server(2)->n_seen, 0);

    fake_open(&f, 2);
    server(1)->leader = 2;
    server(2)->leader = 1;
    server(1)->answer = server(2)->answer = MESSAGE_REDIRECT;
    start(2); /* in circles, and each says that it did nothing: but perhaps one has not said so of the last copy yet */
    enum client_result in_circles = put(SHORT_MS);
    assert_true(in_circles == CLIENT_NO_LEADER || in_circles == CLIENT_UNKNOWN);
    stop();
    assert_true(server(1)->n_seen + server(2)->n_seen < 100); /* without pauses: thousands */

    fake_open(&f, 1);
    server(1)->dead = true;
    start(1);
    assert_int_equal(put(SHORT_MS), CLIENT_UNAVAILABLE);
    stop();
}

static void what_does_not_fit_into_a_datagram_is_not_sent(void **state)
{
    (void)state;
    static char large[DATAGRAM_MAX + 1];
    memset(large, 'x', sizeof large - 1);
    fake_open(&f, 1);
    server(1)->leader = 1;
    start(1);
    struct message m = {.type = MESSAGE_PUT, .key = "k", .value = large};
    assert_int_equal(client_ask(c, &m, LONG_MS, &answer), CLIENT_TOO_LARGE);
    assert_int_equal(put(LONG_MS), CLIENT_OK);
    stop();
    assert_int_equal(server(1)->n_seen, 1);
}

static void an_id_that_is_a_members_is_given_up_before_a_request_bears_it(void **state)
{
    (void)state;
    fake_open(&f, 1);
    server(1)->leader = 1;
    f.stolen = 0;
    start(1);
    assert_int_equal(put(LONG_MS), CLIENT_OK);
    stop();
    assert_int_equal(server(1)->n_seen, 1);
    assert_int_not_equal(server(1)->seen[0].src, f.stolen);
}

static void status_asks_all_members_and_tells_who_did_not_answer(void **state)
{
    (void)state;
    const struct client_server *servers;
    fake_open(&f, 3);
    for (unsigned id = 1; id <= 3; id++)
        server(id)->leader = 2;
    server(3)->dead = true;
    start(1);
    assert_int_equal(client_status(c, 2000, &servers), 3);
    assert_true(servers[0].answered && servers[0].id == 1);
    assert_string_equal(servers[0].status.role, "follower");
    assert_string_equal(servers[0].text, server(1)->address);
    unsigned leader = servers[1].id == 2 ? 1 : 2;
    assert_true(servers[leader].answered);
    assert_string_equal(servers[leader].status.role, "leader");
    assert_int_equal(servers[leader].term, 7);
    assert_int_equal(servers[leader].status.n_members, 3);
    assert_string_equal(servers[leader].status.members[2].address, server(3)->address);
    assert_int_equal(servers[3 - leader].id, 3);
    assert_false(servers[3 - leader].answered);
    stop();
}

static void servers_that_cannot_be_found_are_named(void **state)
{
    (void)state;
    char err[CLIENT_ERR_LEN];
    const char *bad = "nowhere";
    assert_null(client_new(&(struct client_options){.servers = &bad, .n_servers = 1}, err));
    assert_non_null(strstr(err, "nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_to_the_leader_that_a_server_names),
        cmocka_unit_test(what_is_lost_is_sent_again_as_the_same_request),
        cmocka_unit_test(redirects_are_followed),
        cmocka_unit_test(a_leader_that_falls_silent_is_looked_for_again),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(what_is_not_our_answer_is_not_believed),
        cmocka_unit_test(without_an_answer_the_result_says_what_is_certain),
        cmocka_unit_test(what_does_not_fit_into_a_datagram_is_not_sent),
        cmocka_unit_test(an_id_that_is_a_members_is_given_up_before_a_request_bears_it),
        cmocka_unit_test(status_asks_all_members_and_tells_who_did_not_answer),
        cmocka_unit_test(servers_that_cannot_be_found_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
