/* test_net.c -- the live network of a replica, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/net.h"
#include "support/free_port.h"

static struct address sender; /* who sent what was received last */

/* Members 1 and 2 as the replica's own code, a third as a bare socket. */
static struct net one, two;
static struct udp third, stranger;
static struct options o[2];
static bool no_key;
static char listen_text[3][32], err[NET_ERR_LEN];

static struct address at(const char *text)
{
    struct address a;
    assert_true(address_resolve(text, AF_INET, &a, err));
    return a;
}

static int begin(void **state)
{
    (void)state;
    char conf[CONF_TEXT_MAX + 1];
    for (int i = 0; i < 3; i++)
        snprintf(listen_text[i], sizeof listen_text[i], "127.0.0.1:%u", free_port(AF_INET));
    snprintf(conf, sizeof conf, "0001=%s,0002=%s,0003=%s", listen_text[0], listen_text[1], listen_text[2]);
    for (int i = 0; i < 2; i++) {
        o[i] = (struct options){.core.id = (node_id)(i + 1), .listen = listen_text[i]};
        snprintf(o[i].conf, sizeof o[i].conf, "%s", conf);
    }
    assert_true(net_open(&one, &o[0], &no_key, err) && net_open(&two, &o[1], &no_key, err));
    struct address a = at(listen_text[2]);
    assert_true(udp_open_at(&third, &a, err));
    assert_true(udp_open(&stranger, 1, err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    net_close(&one);
    net_close(&two);
    udp_close(&third);
    udp_close(&stranger);
    return 0;
}

static void send_now(struct net *net, const char *bytes, size_t n, node_id dst, const char *answered)
{
    net_send(net, bytes, n, dst, answered);
    net_flush(net);
}

/* The first call may only tell that there was no more when the kernel was asked last. */
static enum net_got receive(struct net *net, const char **bytes, size_t *n, struct replica_denial *denial)
{
    enum net_got what = net_receive(net, bytes, n, denial);
    return what == NET_NOTHING ? net_receive(net, bytes, n, denial) : what;
}

static bool got(struct net *net, const char *text)
{
    const char *bytes;
    size_t n;
    struct replica_denial denial;
    return receive(net, &bytes, &n, &denial) == NET_DATAGRAM && n == strlen(text) && memcmp(bytes, text, n) == 0;
}

static bool empty(struct net *net)
{
    const char *bytes;
    size_t n;
    struct replica_denial denial;
    return receive(net, &bytes, &n, &denial) == NET_NOTHING;
}

static bool got_plain(const struct udp *u, const char *text)
{
    static char buffer[UDP_BUFFER];
    size_t n;
    return udp_receive_from(u, buffer, &n, &sender) && n == strlen(text) && memcmp(buffer, text, n) == 0;
}

static void messages_go_to_the_addresses_of_members_and_hellos_nowhere(void **state)
{
    (void)state;
    send_now(&one, "to two", 6, 2, NULL);
    send_now(&one, "to three", 8, 3, NULL);
    send_now(&one, "to nobody", 9, 9, NULL);
    send_now(&one, "hello", 5, NODE_NONE, NULL);
    assert_true(got(&two, "to two") && empty(&two));
    assert_true(got_plain(&third, "to three") && !got_plain(&third, ""));
    assert_true(empty(&one));
}

static struct message message_from(node_id src, enum message_type type)
{
    struct message m = {.type = type, .src = src, .dst = 1, .leader = NODE_NONE, .key = "k", .value = "v"};
    snprintf(m.mid, sizeof m.mid, "M");
    return m;
}

/* Sends from `u` to `one`, which takes the datagram; then the message is judged as if it had been in it. */
static bool admitted(const struct udp *u, struct message m, struct replica_denial *denial)
{
    struct address to = at(listen_text[0]);
    assert_true(udp_send_to(u, &to, "x", 1));
    assert_true(got(&one, "x"));
    return net_admit(&one, &m, denial);
}

static void a_member_speaks_from_its_own_address_only(void **state)
{
    (void)state;
    struct replica_denial denial;
    char from[64];
    assert_true(admitted(&third, message_from(3, MESSAGE_APP_REQ), &denial));
    assert_false(admitted(&stranger, message_from(3, MESSAGE_APP_REQ), &denial));
    assert_string_equal(denial.why, "unknown_source");
    snprintf(from, sizeof from, "127.0.0.1:%u", udp_port(&stranger));
    assert_string_equal(denial.addr, from);
    assert_false(admitted(&third, message_from(2, MESSAGE_APP_REQ), &denial));    /* another member's name */
    assert_false(admitted(&third, message_from(1, MESSAGE_APP_REQ), &denial));    /* our own */
    assert_false(admitted(&stranger, message_from(9, MESSAGE_APP_REQ), &denial)); /* nobody's */
    assert_false(admitted(&stranger, message_from(9, MESSAGE_OK), &denial));
    assert_false(admitted(&stranger, message_from(3, MESSAGE_PUT), &denial));
}

static void a_client_is_answered_where_it_asked_from(void **state)
{
    (void)state;
    struct replica_denial denial;
    assert_true(admitted(&stranger, message_from(9, MESSAGE_GET), &denial));
    send_now(&one, "value", 5, 9, "M");
    send_now(&one, "of another request", 18, 9, "N");
    assert_true(got_plain(&stranger, "value"));
    size_t n;
    static char buffer[UDP_BUFFER];
    assert_false(udp_receive_from(&stranger, buffer, &n, &sender));
}

static void one_that_is_to_be_added_is_reached_before_it_is_a_member(void **state)
{
    (void)state;
    struct replica_denial denial;
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", udp_port(&stranger));
    struct message m = message_from(9, MESSAGE_CHANGE);
    m.change = CHANGE_ADD;
    m.node = 4;
    m.address = address;
    assert_true(admitted(&third, m, &denial));
    send_now(&one, "entries", 7, 4, NULL);
    assert_true(got_plain(&stranger, "entries"));
    assert_true(admitted(&stranger, message_from(4, MESSAGE_APP_RES), &denial));
    /* Nobody moves a member that way. */
    m.node = 3;
    assert_true(admitted(&stranger, (m.src = 10, m), &denial));
    send_now(&one, "stays", 5, 3, NULL);
    assert_true(got_plain(&third, "stays"));
}

static void a_new_configuration_moves_members(void **state)
{
    (void)state;
    char conf[256];
    snprintf(conf, sizeof conf, "0001=%s,0003=127.0.0.1:%u", listen_text[0], udp_port(&stranger));
    assert_true(net_learn(&one, conf, err));
    send_now(&one, "moved", 5, 3, NULL);
    assert_true(got_plain(&stranger, "moved"));
}

static void what_cannot_be_bound_or_found_is_an_error_that_names_it(void **state)
{
    (void)state;
    static struct net net;
    static struct options bad;
    bad = (struct options){.core.id = 9, .listen = listen_text[0]};
    assert_false(net_open(&net, &bad, &no_key, err));
    assert_non_null(strstr(err, listen_text[0]));
    char other[32];
    snprintf(other, sizeof other, "127.0.0.1:%u", free_port(AF_INET));
    bad.listen = other;
    snprintf(bad.conf, sizeof bad.conf, "0001=[::1]:1");
    assert_false(net_open(&net, &bad, &no_key, err));
    assert_non_null(strstr(err, "[::1]:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_to_the_addresses_of_members_and_hellos_nowhere, begin, end),
        cmocka_unit_test_setup_teardown(a_member_speaks_from_its_own_address_only, begin, end),
        cmocka_unit_test_setup_teardown(a_client_is_answered_where_it_asked_from, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_to_be_added_is_reached_before_it_is_a_member, begin, end),
        cmocka_unit_test_setup_teardown(a_new_configuration_moves_members, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_bound_or_found_is_an_error_that_names_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
