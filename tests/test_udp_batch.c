/* test_udp_batch.c -- many datagrams for one system call, over the loopback interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/udp_batch.h"

static struct udp a, b;
static struct udp_inbox in;
static struct udp_outbox out;
static struct address to_b;

static int open_pair(void **state)
{
    (void)state;
    char err[ADDRESS_ERR_LEN], text[32];
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    if (!udp_open(&a, 1, err) || !udp_open(&b, 1, err))
        return -1;
    snprintf(text, sizeof text, "127.0.0.1:%u", udp_port(&b));
    return address_resolve(text, AF_INET, &to_b, err) ? 0 : -1;
}

static int close_pair(void **state)
{
    (void)state;
    udp_close(&a);
    udp_close(&b);
    return 0;
}

static void put(unsigned i)
{
    char text[16];
    udp_outbox_add(&out, &a, &to_b, text, (size_t)snprintf(text, sizeof text, "%u", i));
}

/* The numbers from..to come in order, from `a`, and nothing after them. */
static void expect(unsigned from, unsigned to)
{
    const char *bytes;
    const struct address *sender;
    size_t n;
    for (unsigned i = from; i <= to; i++) {
        char text[16];
        size_t length = (size_t)snprintf(text, sizeof text, "%u", i);
        /* Once more after a false: it may only tell that there was no more when it asked last. */
        assert_true(udp_inbox_next(&in, &b, &bytes, &n, &sender) || udp_inbox_next(&in, &b, &bytes, &n, &sender));
        assert_int_equal(n, length);
        assert_memory_equal(bytes, text, length);
        assert_int_equal(ntohs(sender->at.v4.sin_port), udp_port(&a));
    }
    assert_false(udp_inbox_next(&in, &b, &bytes, &n, &sender));
    assert_false(udp_inbox_next(&in, &b, &bytes, &n, &sender));
}

static void batches_of_any_size_arrive_in_order(void **state)
{
    (void)state;
    for (unsigned size = 0; size <= 3 * UDP_BATCH + 1; size++) {
        for (unsigned i = 1; i <= size; i++)
            put(i);
        udp_outbox_send(&out, &a);
        expect(1, size);
    }
}

static void nothing_leaves_before_it_is_told_to(void **state)
{
    (void)state;
    put(1);
    expect(1, 0);
    udp_outbox_send(&out, &a);
    expect(1, 1);
    udp_outbox_send(&out, &a);
    expect(1, 0);
}

static void great_datagrams_share_the_room_and_too_great_ones_are_lost_alone(void **state)
{
    (void)state;
    static char great[UDP_BUFFER + 1];
    const char *bytes;
    const struct address *from;
    size_t n;
    memset(great, 'x', sizeof great);
    udp_outbox_add(&out, &a, &to_b, great, UDP_BUFFER + 1); /* no datagram */
    udp_outbox_add(&out, &a, &to_b, great, UDP_BUFFER);     /* none that IPv4 can carry */
    for (unsigned i = 0; i < 8; i++)
        udp_outbox_add(&out, &a, &to_b, great, 65507);
    put(7);
    udp_outbox_send(&out, &a);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(udp_inbox_next(&in, &b, &bytes, &n, &from));
        assert_int_equal(n, 65507);
        assert_memory_equal(bytes, great, n);
    }
    expect(7, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_of_any_size_arrive_in_order, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(nothing_leaves_before_it_is_told_to, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(great_datagrams_share_the_room_and_too_great_ones_are_lost_alone, open_pair,
                                        close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
