/* Whole runs of `simulate` with real processes: this program starts itself as the replicas (support/sim_replica.h). The
 * runs take their time (a scenario lasts at least five seconds), so they all run at once, before the tests look at
 * them. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "support/sim_made.h"
#include "support/sim_replica.h"
#include "support/spawn.h"
#include "trace.h"

#define TESTS                                                                                                          \
    "\"tests\": {\"benchmarks\": {\"total_msgs\": [1, 2, 90000], \"failures\": [1, 2, 3], \"duplicates\": [0, 2, 5], " \
    "\"median_latency\": [1, 2, 3]}}"
#define SHORT "\"lifetime\": 5, \"start_wait\": 0.8, \"end_wait\": 0.3, "

enum { RUNS = 7 };
enum run_name { HOSTILE, EVENTS, SHARED, LYING, DEAF, INTERRUPTED, RETURNING };

static const struct {
    const char *kind, *scenario;
    int status;
} plans[RUNS] = {
    [HOSTILE] = {"hostile", "{" SHORT "\"replicas\": 7, \"requests\": 200, " TESTS "}", 1},
    [EVENTS] = {"echo",
                "{" SHORT "\"replicas\": 5, \"requests\": 400, \"mix\": 0.5, \"drops\": 0.2, " TESTS ", \"events\": ["
                "{\"type\": \"kill_non_leader\", \"time\": 1}, {\"type\": \"part_easy\", \"time\": 2}, {\"type\": "
                "\"part_hard\", \"time\": 2.5}, "
                "{\"type\": \"part_end\", \"time\": 3.5}, {\"type\": \"kill_leader\", \"time\": 4.5}, {\"type\": "
                "\"kill_leader\", \"time\": 4.9}]}",
                0},
    [SHARED] = {"echo",
                "{\"name\": \"shared\", " SHORT
                "\"replicas\": 5, \"clients\": {\"mode\": \"shared\", \"rate\": 100, \"timeout_ms\": 300}, "
                "\"network\": {\"loss\": 0.1, \"duplicate\": 0.3, \"delay_ms\": [1, 30]}, \"faults\": ["
                "{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 0.5, \"end\": 1.5}, "
                "{\"kind\": \"kill\", \"node\": \"non_leader\", \"at\": 1}, {\"kind\": \"pause\", \"node\": "
                "\"leader\", \"begin\": 2, \"end\": 3}, "
                "{\"kind\": \"partition\", \"groups\": [[\"0000\"]], \"begin\": 3.5, \"end\": 4.5}]}",
                0},
    [LYING] = {"lying", "{" SHORT "\"replicas\": 3, \"requests\": 100, \"mix\": 0.5, " TESTS "}", 1},
    [DEAF] = {"deaf", "{" SHORT "\"replicas\": 3, \"clients\": {\"mode\": \"shared\", \"rate\": 20}}", 2},
    [RETURNING] = {"returning",
                   "{" SHORT
                   "\"replicas\": 5, \"clients\": {\"mode\": \"shared\", \"rate\": 200, \"timeout_ms\": 200}, "
                   "\"faults\": [{\"kind\": \"kill\", \"node\": \"0004\", \"at\": 0.2, \"restart_after_ms\": [0, 1]}, "
                   "{\"kind\": \"kill\", \"node\": \"random\", \"begin\": 0.5, \"end\": 4.5, \"every\": 0.5, "
                   "\"all_every\": 3, \"restart_after_ms\": [20, 200]}, "
                   "{\"kind\": \"kill\", \"node\": \"0000\", \"at\": 4.98, \"restart_after_ms\": [9000, 9000]}]}",
                   1},
    [INTERRUPTED] = {"stubborn", "{" SHORT "\"replicas\": 3, \"requests\": 100, " TESTS "}", 130},
};

static struct made runs[RUNS];
static struct rusage used[RUNS]; /* by each run and its replicas */
static char simulate[4200], self[4200], parent[512];

static pid_t start(enum run_name name)
{
    char log[700];
    snprintf(runs[name].dir, sizeof runs[name].dir, "%s/run%d", parent, (int)name);
    snprintf(log, sizeof log, "%s.log", runs[name].dir);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (!freopen(log, "w", stdout) || dup2(1, 2) != 2)
        _exit(99);
    execl(simulate, simulate, "--replica", self, "--replica-arg", "sim-replica", "--replica-arg", plans[name].kind,
          "--seed", "3", "--out", runs[name].dir, plans[name].scenario, (char *)NULL);
    _exit(98);
}

static unsigned occurrences(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; p && (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

/* Sends SIGINT once all three replicas have been heard of: by then they ignore SIGTERM. */
static void interrupt(pid_t pid, const struct made *r)
{
    char path[700];
    snprintf(path, sizeof path, "%s/sim.1.jsonl", r->dir);
    uint64_t limit = trace_mono_ns() + UINT64_C(20000000000);
    bool heard = false;
    while (!heard && trace_mono_ns() < limit) {
        char *text = made_file(path);
        heard = occurrences(text, "\"hello\"") >= 3;
        free(text);
        poll(NULL, 0, 10);
    }
    kill(pid, SIGINT);
}

static int run_all(void **state)
{
    (void)state;
    spawn_path("simulate", simulate, sizeof simulate);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    spawn_tempdir(parent, sizeof parent);
    pid_t pid[RUNS];
    for (int i = 0; i < RUNS; i++)
        pid[i] = start((enum run_name)i);
    interrupt(pid[INTERRUPTED], &runs[INTERRUPTED]);
    for (int i = 0; i < RUNS; i++) {
        int status;
        assert_true(wait4(pid[i], &status, 0, &used[i]) == pid[i]);
        runs[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
        made_read(&runs[i]);
    }
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        made_free(&runs[i]);
    spawn_remove(parent);
    return 0;
}

/* ---- what holds in every run ---- */

static void each_run_ends_with_the_status_of_its_verdict(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        if (runs[i].status != plans[i].status || made_number(runs[i].summary, "status") != plans[i].status)
            fail_msg("run %d: status %d, expected %d\n%s", i, runs[i].status, plans[i].status, runs[i].text);
}

static void each_trace_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        made_is_complete(&runs[i]);
}

static void datagrams_are_conserved(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        made_conserves_datagrams(&runs[i]);
}

static void operations_have_one_outcome_and_a_chain_of_causes(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        made_answers_once(&runs[i]);
}

static void every_process_is_accounted_for(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++) {
        const json_t *peers = json_object_get(json_array_get(runs[i].records, 0), "peers");
        for (size_t p = 0; p < json_array_size(peers); p++) {
            const char *id = json_string_value(json_array_get(peers, p));
            assert_int_equal(made_count(&runs[i], "node.exit", "of", id), 1 + made_faults(&runs[i], "restart", id));
        }
    }
}

static void the_seed_and_the_line_that_repeats_the_run_are_printed_and_kept(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++) {
        made_prints(&runs[i], "seed 3, run directory ");
        made_prints(&runs[i], " --replica-arg sim-replica ");
        assert_non_null(strstr(made_text(runs[i].summary, "rerun"), "--seed 3 '{"));
        assert_int_equal(made_number(runs[i].summary, "seed"), 3);
        assert_int_equal(made_number(json_array_get(runs[i].records, 0), "seed"), 3);
        json_t *scenario = json_loads(plans[i].scenario, 0, NULL);
        assert_true(json_equal(scenario, json_object_get(runs[i].summary, "scenario")));
        json_decref(scenario);
    }
}

/* ---- one by one ---- */

static void hostile_replicas_are_survived_recorded_and_reported(void **state)
{
    (void)state;
    const struct made *r = &runs[HOSTILE];
    static const struct {
        const char *of, *why;
    } ends[] = {{"0000", "stopped"}, {"0001", "died"},    {"0002", "hung"},   {"0003", "stopped"},
                {"0004", "stopped"}, {"0005", "stopped"}, {"0006", "stopped"}};
    size_t k;
    json_t *record;
    json_array_foreach(r->records, k, record) for (size_t e = 0; made_is(record, "node.exit") && e < 7;
                                                   e++) if (strcmp(made_text(record, "of"), ends[e].of) == 0)
        assert_string_equal(made_text(record, "why"), ends[e].why);
    static const char *const whys[] = {"not_json",  "not_object",  "missing_field", "bad_type",
                                       "bad_value", "unknown_dst", "empty"};
    for (size_t w = 0; w < sizeof whys / sizeof *whys; w++)
        assert_true(made_count(r, "net.bad", "why", whys[w]) >= 1);
    assert_int_equal(made_statistic(r, "died"), 2); /* the one that crashed, and the one that never said hello */
    assert_int_equal(made_statistic(r, "incorrect"), 13);
    assert_int_equal(made_statistic(r, "forged"), 1);
    assert_true(made_statistic(r, "acked_gets") + made_statistic(r, "acked_puts") > 100); /* and the good one goes on */
    assert_int_equal(made_count(r, "op.extra", "why", "unknown_mid"), 1);
    assert_true(made_count(r, "node.out", "of", "0003") > 100);
    made_prints(r, "0001 died of signal 6");
    made_prints(r, "0002 did not end on SIGTERM within 2 s: SIGKILL");
    made_prints(r, "0005 had a message coming before it said hello");
    made_prints(r, "FAIL  no incorrect messages");
    made_prints(r, "FAIL  no replica died              2 of 7 replicas died");
    made_prints(r, "not scored");
    struct stat st;
    char path[700];
    snprintf(path, sizeof path, "%s/sim.1.jsonl", r->dir);
    assert_true(stat(path, &st) == 0 && st.st_size < 8 << 20);
}

static void the_course_s_events_happen_and_are_recorded_as_bands(void **state)
{
    (void)state;
    const struct made *r = &runs[EVENTS];
    assert_int_equal(made_count(r, "fault.begin", "kind", "partition"), 2);
    assert_int_equal(made_count(r, "fault.end", "kind", "partition"), 2); /* a new partition replaces the old one */
    assert_int_equal(made_count(r, "fault.begin", "kind", "kill"), 2);    /* the second kill_leader finds no leader */
    assert_int_equal(made_count(r, "fault.begin", "cause", "kill_leader"), 1);
    assert_int_equal(made_statistic(r, "killed"), 2);
    assert_int_equal(made_statistic(r, "died"), 0);
    assert_true(made_count(r, "net.drop", "why", "loss") > 0 && made_count(r, "net.drop", "why", "partition") > 0 &&
                made_count(r, "net.drop", "why", "dead") > 0);
    assert_int_equal(made_statistic(r, "total_drops"),
                     made_count(r, "net.drop", "why", "loss") + made_count(r, "net.drop", "why", "partition"));
    size_t k;
    json_t *record;
    json_int_t killed_at = 0;
    json_array_foreach(r->records, k, record)
    {
        if (made_is(record, "fault.begin") && strcmp(made_text(record, "cause"), "part_easy") == 0) {
            const json_t *groups = json_object_get(record, "groups");
            bool in_majority = false;
            size_t g;
            json_t *id;
            assert_int_equal(json_array_size(json_array_get(groups, 0)), 3);
            assert_int_equal(json_array_size(json_array_get(groups, 1)), 2);
            json_array_foreach(json_array_get(groups, 0), g, id) in_majority |=
                strcmp(json_string_value(id), "0000") == 0;
            assert_true(in_majority);
        }
        if (made_is(record, "fault.begin") && strcmp(made_text(record, "cause"), "kill_leader") == 0) {
            assert_string_equal(made_text(record, "node"), "0000");
            killed_at = made_number(record, "t");
        }
        if (killed_at && made_is(record, "net.out"))
            assert_string_not_equal(made_text(record, "dst"), "0000");
    }
    made_prints(r, "Replicas that died/were killed: 0/2");
}

static void the_statistics_are_those_of_the_records(void **state)
{
    (void)state;
    const struct made *r = &runs[EVENTS];
    assert_int_equal(made_statistic(r, "gets") + made_statistic(r, "puts"), 400);
    assert_int_equal(made_count(r, "op.invoke", NULL, NULL), 400);
    assert_int_equal(made_count(r, "op.return", "res", "ok"),
                     made_statistic(r, "acked_gets") + made_statistic(r, "acked_puts"));
    assert_int_equal(made_count(r, "op.return", "why", "unanswered"),
                     made_statistic(r, "unanswered_gets") + made_statistic(r, "unanswered_puts"));
    assert_int_equal(made_count(r, "net.in", "ty", "redirect"), made_statistic(r, "redirects"));
    assert_int_equal(made_count(r, "net.in", "ty", "copy"), made_statistic(r, "total_msgs"));
    assert_int_equal(made_statistic(r, "incorrect"), 0);
}

static void shared_clients_see_partitions_pauses_kills_duplicates_and_delays(void **state)
{
    (void)state;
    const struct made *r = &runs[SHARED];
    assert_int_equal(made_count(r, "fault.begin", "kind", "partition"), 2);
    assert_int_equal(made_count(r, "fault.end", "kind", "partition"), 2);
    assert_int_equal(made_count(r, "fault.begin", "kind", "pause"), 1);
    assert_int_equal(made_count(r, "fault.end", "kind", "pause"), 1);
    assert_int_equal(made_count(r, "node.exit", "why", "killed"), 1);
    assert_int_equal(made_count(r, "net.dup", NULL, NULL), made_statistic(r, "network_duplicates"));
    assert_true(made_statistic(r, "network_duplicates") > 0);
    assert_true(made_statistic(r, "late_answers") > 0); /* those of the paused leader */
    assert_int_equal(made_count(r, "op.extra", "why", "late"), made_statistic(r, "late_answers"));
    assert_int_equal(made_statistic(r, "incorrect"), 0);
    size_t k, overtaken = 0;
    json_t *record;
    json_int_t latest = 0;
    json_array_foreach(r->records, k, record) if (made_is(record, "net.out") && made_number(record, "dly") >= 1000000)
    {
        overtaken += made_number(record, "d") < latest;
        latest = made_number(record, "d") > latest ? made_number(record, "d") : latest;
    }
    assert_true(overtaken > 10);
    /* the reading back: the last eight clients' five keys, after every put */
    unsigned reads = 0;
    for (size_t i = json_array_size(r->records); i-- > 0;) {
        record = json_array_get(r->records, i);
        if (made_is(record, "op.invoke") && strcmp(made_text(record, "f"), "put") == 0)
            break;
        reads += made_is(record, "op.invoke");
    }
    assert_true(reads >= 40);
}

/* The kill at 4.98 s would keep 0000 away for nine seconds more, but the end of the load heals. 0004 ended by itself.
 */
static void killed_replicas_are_started_again_and_the_clients_go_on(void **state)
{
    (void)state;
    const struct made *r = &runs[RETURNING];
    assert_int_equal(made_statistic(r, "killed"), made_count(r, "node.exit", "why", "killed"));
    assert_int_equal(made_statistic(r, "killed"), made_count(r, "fault.end", "kind", "kill"));
    assert_int_equal(made_statistic(r, "killed"), made_count(r, "fault.begin", "kind", "restart"));
    assert_int_equal(made_statistic(r, "restarted"), made_statistic(r, "killed") - 1);
    assert_int_equal(made_statistic(r, "restarted"), made_count(r, "fault.end", "kind", "restart"));
    /* each time without 0004, and on a busy machine perhaps without one that is not back yet */
    assert_in_range(made_count(r, "fault.begin", "cause", "kill all"), 3 * 3, 3 * 4);
    assert_int_equal(made_statistic(r, "died"), 1);
    assert_int_equal(made_count(r, "node.exit", "why", "died"), 1);
    made_prints(r, "FAIL  no replica died              1 of 5 replicas died");
    assert_int_equal(made_faults(r, "kill", "0004"), 1);
    /* what they were before, they are again */
    const char *first = NULL;
    unsigned starts = 0;
    size_t k;
    json_t *record;
    json_array_foreach(r->records, k, record)
    {
        if (!made_is(record, "node.out") || strcmp(made_text(record, "of"), "0000") != 0)
            continue;
        char boot[32];
        const char *arguments = strstr(made_text(record, "line"), " of ");
        snprintf(boot, sizeof boot, "boot %u of ", ++starts);
        assert_memory_equal(made_text(record, "line"), boot, strlen(boot));
        assert_non_null(arguments);
        if (first)
            assert_string_equal(arguments, first);
        first = arguments;
    }
    assert_int_equal(starts, 1 + made_faults(r, "restart", "0000"));
    assert_true(starts >= 3);
}

static void nothing_reaches_a_killed_replica_before_its_next_hello(void **state)
{
    (void)state;
    const struct made *r = &runs[RETURNING];
    bool down[5] = {false};
    unsigned dead = 0;
    size_t k;
    json_t *record;
    json_array_foreach(r->records, k, record)
    {
        const char *node =
            made_text(record, made_is(record, "net.out") || made_is(record, "net.drop") ? "dst" : "node");
        bool replica = strlen(node) == 4 && strncmp(node, "000", 3) == 0 && node[3] < '5';
        if (!replica)
            continue;
        unsigned i = (unsigned)(node[3] - '0');
        if (made_is(record, "fault.begin"))
            down[i] = true;
        else if (made_is(record, "fault.end") && strcmp(made_text(record, "kind"), "restart") == 0)
            down[i] = false;
        else if (made_is(record, "net.out"))
            assert_false(down[i]);
        else if (made_is(record, "net.drop")) {
            assert_true(down[i] && strcmp(made_text(record, "why"), "dead") == 0);
            dead++;
        }
    }
    assert_true(dead > 0);
    /* and no request was lost but those that were under way */
    assert_true(made_statistic(r, "acked_gets") + made_statistic(r, "acked_puts") > 200);
    assert_int_equal(made_count(r, "op.return", "res", "info") + made_count(r, "op.return", "res", "fail"),
                     made_statistic(r, "unanswered_gets") + made_statistic(r, "unanswered_puts"));
}

static void wrong_values_fail_the_first_check(void **state)
{
    (void)state;
    const struct made *r = &runs[LYING];
    assert_int_equal(made_statistic(r, "wrong_values"), made_statistic(r, "acked_gets"));
    assert_true(made_statistic(r, "wrong_values") > 10);
    assert_int_equal(made_statistic(r, "incorrect"), made_statistic(r, "wrong_values"));
    made_prints(r, "FAIL  no incorrect messages");
    made_prints(r, "ok    no replica died");
}

static void no_progress_after_the_last_fault_is_a_verdict_of_its_own(void **state)
{
    (void)state;
    made_prints(&runs[DEAF], "NO PROGRESS");
    assert_string_equal(made_text(runs[DEAF].summary, "verdict"), "undecided");
    assert_true(json_is_false(json_object_get(runs[DEAF].summary, "progress")));
    assert_int_equal(made_count(&runs[DEAF], "op.return", "res", "ok"), 0);
}

static void an_interrupted_run_stops_its_replicas_and_closes_its_trace(void **state)
{
    (void)state;
    made_prints(&runs[INTERRUPTED], "interrupted");
    assert_int_equal(made_count(&runs[INTERRUPTED], "node.exit", "why", "hung"), 3); /* they ignore SIGTERM */
}

static void waiting_for_replicas_to_end_takes_no_processor_time(void **state)
{
    (void)state;
    const struct rusage *u = &used[INTERRUPTED]; /* it waited for two seconds */
    double seconds =
        (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
    assert_true(seconds < 0.7);
}

/* JSON numbers are exact up to 2^53. */
static void an_absurd_clock_of_a_replica_is_not_taken_over(void **state)
{
    (void)state;
    size_t k;
    json_t *record;
    json_array_foreach(runs[LYING].records, k, record) assert_in_range(made_number(record, "lc"), 1, INT64_C(1) << 32);
}

int main(int argc, char **argv)
{
    sim_replica_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_run_ends_with_the_status_of_its_verdict),
        cmocka_unit_test(each_trace_is_complete),
        cmocka_unit_test(datagrams_are_conserved),
        cmocka_unit_test(operations_have_one_outcome_and_a_chain_of_causes),
        cmocka_unit_test(every_process_is_accounted_for),
        cmocka_unit_test(the_seed_and_the_line_that_repeats_the_run_are_printed_and_kept),
        cmocka_unit_test(hostile_replicas_are_survived_recorded_and_reported),
        cmocka_unit_test(the_course_s_events_happen_and_are_recorded_as_bands),
        cmocka_unit_test(the_statistics_are_those_of_the_records),
        cmocka_unit_test(shared_clients_see_partitions_pauses_kills_duplicates_and_delays),
        cmocka_unit_test(killed_replicas_are_started_again_and_the_clients_go_on),
        cmocka_unit_test(nothing_reaches_a_killed_replica_before_its_next_hello),
        cmocka_unit_test(wrong_values_fail_the_first_check),
        cmocka_unit_test(no_progress_after_the_last_fault_is_a_verdict_of_its_own),
        cmocka_unit_test(an_interrupted_run_stops_its_replicas_and_closes_its_trace),
        cmocka_unit_test(waiting_for_replicas_to_end_takes_no_processor_time),
        cmocka_unit_test(an_absurd_clock_of_a_replica_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, run_all, clean_up);
}
