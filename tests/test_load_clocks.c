/* Runs on several hosts: clocks that differ by seconds make no violation, and hide none that is larger than what is not
 * known about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/check.h"
#include "support/fixture.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

enum { HOSTS = 4 };

/* A run in true time: two clients and two replicas, each on a host of its own. */
struct world {
    struct fixture fx;
    int64_t skew[HOSTS], epoch[HOSTS]; /* ns: of the host's clock; of the process on it */
    double ppm[HOSTS];
    const char *host[HOSTS]; /* NULL: its name is not told */
    bool shared[HOSTS];      /* its header says that all are on one host */
    int64_t now;             /* true time */
    int64_t mid, op;
};

static const char *const names[HOSTS] = {"c1", "c2", "0001", "0002"};

/* What a process writes as `t` now. */
static int64_t shown(const struct world *w, int who)
{
    return w->now + w->skew[who] - w->epoch[who] + (int64_t)((double)w->now * w->ppm[who] / 1e6);
}

static void rec(struct world *w, int who, const char *ev, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void rec(struct world *w, int who, const char *ev, const char *fmt, ...)
{
    char fields[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    fixture_rec(&w->fx, names[who], shown(w, who), ev, fields);
}

static void begin(struct world *w)
{
    fixture_open(&w->fx);
    for (int i = 0; i < HOSTS; i++) {
        char host[64] = "";
        if (w->host[i] != NULL)
            snprintf(host, sizeof host, ",\"host\":\"%s\"", w->host[i]);
        rec(w, i, "trace.open",
            "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":%lld,\"epoch_ns\":%lld,\"clk\":\"%s\","
            "\"pid\":1,"
            "\"impl\":\"x\",\"peers\":[\"0001\",\"0002\"]%s",
            (long long)(1000000000 + (w->now / 1000)), (long long)w->epoch[i], w->shared[i] ? "mono-shared" : "mono",
            host);
    }
}

/* One operation of a client at a replica; 1 ms there, 1 ms back. `silent`: nobody records the messages. */
static void operate(struct world *w, int client, int replica, const char *f, const char *val, bool silent)
{
    w->op++;
    w->mid++;
    rec(w, client, "op.invoke", "\"op\":\"%s:%lld\",\"cli\":\"%s\",\"f\":\"%s\",\"key\":\"k\"%s%s%s", names[client],
        (long long)w->op, names[client], f, *f == 'p' ? ",\"val\":\"" : "", *f == 'p' ? val : "",
        *f == 'p' ? "\"" : "");
    rec(w, client, "op.try", "\"op\":\"%s:%lld\",\"att\":1,\"mid\":\"m%lld\",\"to\":\"%s\"", names[client],
        (long long)w->op, (long long)w->mid, names[replica]);
    w->now += MS;
    if (!silent)
        rec(w, replica, "msg.recv", "\"from\":\"%s\",\"ty\":\"%s\",\"mid\":\"m%lld\"", names[client], f,
            (long long)w->mid);
    if (!silent)
        rec(w, replica, "msg.send", "\"to\":\"%s\",\"ty\":\"ok\",\"mid\":\"m%lld\"", names[client], (long long)w->mid);
    w->now += MS;
    rec(w, client, "op.return", "\"op\":\"%s:%lld\",\"res\":\"ok\",\"by\":\"%s\"%s%s%s", names[client],
        (long long)w->op, names[replica], *f == 'g' ? ",\"val\":\"" : "", *f == 'g' ? val : "", *f == 'g' ? "\"" : "");
}

/* Replicas talk to each other, so that their clocks can be compared. */
static void chatter(struct world *w)
{
    for (int from = 2; from < 4; from++) {
        int to = 5 - from;
        w->mid++;
        rec(w, from, "msg.send", "\"to\":\"%s\",\"ty\":\"app_req\",\"mid\":\"r%lld\"", names[to], (long long)w->mid);
        w->now += MS / 2;
        rec(w, to, "msg.recv", "\"from\":\"%s\",\"ty\":\"app_req\",\"mid\":\"r%lld\"", names[from], (long long)w->mid);
    }
}

/* Both clients write and read in turn, `rounds` times: linearizable. Then, maybe, one reads what was replaced so long
 * ago. */
static void play(struct world *w, int rounds, bool silent, int64_t stale_by)
{
    char val[32];
    begin(w);
    for (int i = 0; i < rounds; i++) {
        int writer = i % 2;
        snprintf(val, sizeof val, "v%d", i);
        operate(w, writer, 2 + writer, "put", val, silent);
        w->now += 5 * MS;
        operate(w, 1 - writer, 3 - writer, "get", val, silent);
        chatter(w);
        w->now += 20 * MS;
    }
    if (stale_by > 0) {
        char old[32];
        snprintf(old, sizeof old, "v%d", rounds - 1);
        operate(w, 0, 2, "put", "last", silent);
        w->now += stale_by;
        operate(w, 1, 3, "get", old, silent);
    }
    fixture_finish(&w->fx);
    fixture_load(&w->fx);
}

static void expect(struct world *w, const char *checks, enum verdict want)
{
    enum verdict got;
    assert_true(check_all(&w->fx.db, &(struct check_options){.only = checks}, &got));
    if (got != want)
        fail_msg("%s: %s, expected %s: %s", checks, verdict_word(got), verdict_word(want),
                 fixture_rows(&w->fx, "SELECT title FROM violations UNION ALL SELECT note FROM checks"));
}

static struct world apart(void)
{
    return (struct world){.now = 100 * S,
                          .skew = {0, 7 * S, -3 * S, 40 * S},
                          .ppm = {0, 30, -60, 90},
                          .epoch = {100 * S, 107 * S - 300 * MS, 90 * S, 139 * S},
                          .host = {"h1", "h2", "h3", "h4"}};
}

static void clocks_that_differ_by_seconds_make_no_violation(void **state)
{
    (void)state;
    struct world w = apart();
    play(&w, 60, false, 0);
    expect(&w, "C", VERDICT_PASS);
    assert_rows(&w.fx, "SELECT count(*), sum(error_ns IS NULL), sum(error_ns = 0) FROM clocks", "4|0|1");
    assert_rows(&w.fx, "SELECT count(*) FROM not_linearizable", "0");
    assert_rows(&w.fx, "SELECT count(*) FROM stale_reads", "0");
    /* the truth is within the error, which is small: c2 counts from 300 ms before c1 does, its clock fast by 30 ppm */
    assert_rows(&w.fx,
                "SELECT abs(offset_ns - 300000000 - 3000000) <= error_ns, error_ns < 6000000, drift_ppb / 40000"
                " FROM clocks WHERE node = 'c2'",
                "1|1|0");
    assert_rows(&w.fx,
                "SELECT count(*) FROM ops o JOIN records r ON r.id = o.invoke_rec WHERE r.node = 'c1' AND call_from ="
                " t_invoke AND return_by = t_return",
                "60");
    assert_rows(&w.fx, "SELECT count(*) FROM op_tries WHERE t_from IS NULL", "0");
    fixture_close(&w.fx);
}

static void without_the_correction_the_same_run_would_fail(void **state)
{
    (void)state;
    struct world w = apart();
    play(&w, 60, false, 0);
    assert_rows(&w.fx, "UPDATE ops SET call_from = NULL, return_by = NULL", "");
    assert_rows(&w.fx, "DELETE FROM clocks", "");
    expect(&w, "C1", VERDICT_FAIL);
    fixture_close(&w.fx);
}

static void a_violation_larger_than_the_error_is_found(void **state)
{
    (void)state;
    struct world w = apart();
    play(&w, 60, false, 50 * MS);
    expect(&w, "C1", VERDICT_FAIL);
    expect(&w, "C2", VERDICT_FAIL);
    /* by at least as much as is certain, and no more than it was */
    assert_rows(&w.fx, "SELECT count(*), min(stale_ns) > 30000000, max(stale_ns) <= 50000000 FROM stale_reads",
                "1|1|1");
    assert_rows(&w.fx,
                "SELECT fingerprint, title LIKE 'stale read of k, % ms old' FROM violations WHERE \"check\" = 'C2'",
                "stale-read|1");
    fixture_close(&w.fx);
}

static void one_smaller_than_the_error_is_not_claimed(void **state)
{
    (void)state;
    struct world w = apart();
    play(&w, 60, false, MS / 10);
    expect(&w, "C1", VERDICT_PASS);
    fixture_close(&w.fx);
}

static void where_messages_do_not_tell_nothing_is_decided(void **state)
{
    (void)state;
    for (int stale = 0; stale < 2; stale++) {
        struct world w = apart();
        play(&w, 60, true, stale * 50 * MS);
        expect(&w, "C1", VERDICT_UNKNOWN);
        assert_rows(&w.fx, "SELECT note LIKE '%no messages tell how the clock of c2%' FROM checks", "1");
        assert_rows(&w.fx, "SELECT node FROM clocks WHERE error_ns IS NULL", "0001\n0002\nc2");
        fixture_close(&w.fx);
    }
}

static void a_phantom_needs_no_clock(void **state)
{
    (void)state;
    struct world w = apart();
    begin(&w);
    operate(&w, 0, 2, "put", "a", true);
    operate(&w, 1, 3, "get", "never", true);
    fixture_finish(&w.fx);
    fixture_load(&w.fx);
    expect(&w, "C4", VERDICT_FAIL);
    fixture_close(&w.fx);
}

static void processes_of_one_host_are_compared_exactly(void **state)
{
    (void)state;
    struct world w = apart();
    for (int i = 0; i < HOSTS; i++) {
        w.host[i] = "one";
        w.skew[i] = 0;
        w.ppm[i] = 0;
        w.epoch[i] = i * 13 * S + (i == 1 ? 777 : 0);
    }
    play(&w, 20, true, MS / 10); /* nobody records messages; a tenth of a millisecond is enough */
    expect(&w, "C1", VERDICT_FAIL);
    assert_rows(
        &w.fx, "SELECT node, offset_ns, error_ns, clock FROM clocks ORDER BY node",
        "0001|-26000000000|0|host one\n0002|-39000000000|0|host one\nc1|0|0|host one\nc2|-13000000777|0|host one");
    fixture_close(&w.fx);
}

static void a_host_that_was_restarted_has_another_clock(void **state)
{
    (void)state;
    struct world w = apart();
    for (int i = 0; i < HOSTS; i++) {
        w.host[i] = "one";
        w.ppm[i] = 0;
        w.skew[i] = i == 3 ? -60 * S : 0; /* since then */
        w.epoch[i] = 0;
    }
    play(&w, 20, false, 0);
    expect(&w, "C1", VERDICT_PASS);
    assert_rows(&w.fx, "SELECT node, error_ns > 0, abs(offset_ns + 60000000000) <= error_ns FROM clocks ORDER BY node",
                "0001|0|0\n0002|1|1\nc1|0|0\nc2|0|0");
    fixture_close(&w.fx);
}

/* A header may say that all are on one host without naming it. */
static void a_shared_clock_is_the_one_host_s(void **state)
{
    (void)state;
    struct world w = apart();
    for (int i = 0; i < HOSTS; i++) {
        w.host[i] = i < 2 ? "one" : NULL;
        w.shared[i] = true;
        w.skew[i] = w.epoch[i] = 0;
        w.ppm[i] = 0;
    }
    play(&w, 5, true, MS / 10);
    expect(&w, "C1", VERDICT_FAIL);
    assert_rows(&w.fx, "SELECT count(*) FROM clocks", "0");
    fixture_close(&w.fx);
}

static void one_clock_needs_no_rows(void **state)
{
    (void)state;
    struct world w = apart();
    for (int i = 0; i < HOSTS; i++) {
        w.host[i] = "one";
        w.skew[i] = w.epoch[i] = 0;
        w.ppm[i] = 0;
    }
    play(&w, 5, false, 0);
    assert_rows(&w.fx, "SELECT count(*) FROM clocks", "0");
    assert_rows(&w.fx, "SELECT count(call_from), count(return_by) FROM ops", "0|0");
    fixture_close(&w.fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_differ_by_seconds_make_no_violation),
        cmocka_unit_test(without_the_correction_the_same_run_would_fail),
        cmocka_unit_test(a_violation_larger_than_the_error_is_found),
        cmocka_unit_test(one_smaller_than_the_error_is_not_claimed),
        cmocka_unit_test(where_messages_do_not_tell_nothing_is_decided),
        cmocka_unit_test(a_phantom_needs_no_clock),
        cmocka_unit_test(processes_of_one_host_are_compared_exactly),
        cmocka_unit_test(a_host_that_was_restarted_has_another_clock),
        cmocka_unit_test(a_shared_clock_is_the_one_host_s),
        cmocka_unit_test(one_clock_needs_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
