/* test_udp.c -- the replica's socket, over the loopback interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/udp.h"

static struct address sender; /* who sent what was received last */

#define UDP_PAYLOAD 65507

static struct udp net, replica;
static char sent[UDP_BUFFER], got[UDP_BUFFER];

/* Two sockets of ours, each sending to the other. */
static int open_pair(void **state)
{
    (void)state;
    char err[UDP_ERR_LEN];
    if (!udp_open(&net, 1, err) || !udp_open(&replica, udp_port(&net), err))
        return -1;
    net.to_port = udp_port(&replica);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    udp_close(&net);
    udp_close(&replica);
    return 0;
}

static void datagrams_arrive_whole_from_none_to_65507_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1500, 65506, UDP_PAYLOAD};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = 77777;
        memset(sent, (int)('a' + i), sizes[i]);
        assert_true(udp_send(&replica, sent, sizes[i]));
        assert_true(udp_receive_from(&net, got, &n, &sender));
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(got, sent, n);
        assert_true(udp_send(&net, sent, sizes[i]));
        assert_true(udp_receive_from(&replica, got, &n, &sender));
        assert_int_equal(n, sizes[i]);
    }
}

static void more_than_a_datagram_holds_is_not_sent(void **state)
{
    (void)state;
    size_t n;
    assert_false(udp_send(&replica, sent, UDP_PAYLOAD + 1));
    assert_false(udp_receive_from(&net, got, &n, &sender));
}

static void receiving_does_not_wait(void **state)
{
    (void)state;
    size_t n;
    assert_false(udp_receive_from(&replica, got, &n, &sender));
}

static void a_network_that_is_gone_does_no_harm(void **state)
{
    (void)state;
    size_t n;
    udp_close(&net);
    for (int i = 0; i < 10; i++) {
        udp_send(&replica, "x", 1); /* nobody there: lost, or refused, as the kernel likes */
        assert_false(udp_receive_from(&replica, got, &n, &sender));
    }
}

static void a_sender_is_never_held_up_by_a_receiver_that_does_not_read(void **state)
{
    (void)state;
    unsigned taken = 0;
    size_t n;
    for (int i = 0; i < 2000; i++)
        taken += udp_send(&replica, sent, UDP_PAYLOAD); /* 131 MB: no socket holds that */
    assert_true(taken > 0);
    assert_true(udp_receive_from(&net, got, &n, &sender));
    assert_int_equal(n, UDP_PAYLOAD);
}

static void a_burst_of_small_datagrams_is_kept(void **state)
{
    (void)state;
    unsigned kept = 0;
    size_t n;
    for (int i = 0; i < 200; i++) /* what SO_RCVBUF keeps without privileges, at the least */
        assert_true(udp_send(&net, sent, 200));
    while (udp_receive_from(&replica, got, &n, &sender))
        kept++;
    assert_int_equal(kept, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams_arrive_whole_from_none_to_65507_bytes, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(more_than_a_datagram_holds_is_not_sent, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(receiving_does_not_wait, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_network_that_is_gone_does_no_harm, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_sender_is_never_held_up_by_a_receiver_that_does_not_read, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_burst_of_small_datagrams_is_kept, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
