/* What is handed over is read back: vector clocks against the causal order, arrows against messages, JSON by a parser,
 * and histories by ourselves, with the same verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/check.h"
#include "../analyze/import.h"
#include "../src/sim_config.h"
#include "support/raft_trace.h"
#include "support/spawn.h"

#define DATA "../shared/data/histories"

enum { EVENTS = 1500, HOSTS = 12, REPLICAS = 3 };

static char analyze[4200], out[1 << 16], path[4300];
static struct raft_trace rt; /* a stale read: three replicas, a client, a partition */

static int open_run(void **state)
{
    (void)state;
    spawn_path("analyze", analyze, sizeof analyze);
    rt_open(&rt, REPLICAS);
    rt_stale_read(&rt);
    rt_check(&rt, NULL);
    snprintf(path, sizeof path, "%s/exported", rt.fx.dir);
    return 0;
}

static int close_run(void **state)
{
    (void)state;
    rt_close(&rt);
    return 0;
}

#define RUN(want, ...) run(want, (const char *const[]){analyze, __VA_ARGS__, NULL})

static void run(int want, const char *const *argv)
{
    int got = spawn_run(argv, 30, out, sizeof out);
    if (got != want)
        fail_msg("exit status %d, expected %d; it printed:\n%s", got, want, out);
}

static void says(const char *words)
{
    if (strstr(out, words) == NULL)
        fail_msg("it does not say '%s':\n%s", words, out);
}

static char *read_file(void)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *text = malloc((size_t)n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)n, f), n);
    text[n] = '\0';
    fclose(f);
    return text;
}

/* Whole lines of JSON, one by one; NULL at the end. */
static json_t *next_line(char **at)
{
    if (**at == '\0')
        return NULL;
    char *end = strchr(*at, '\n');
    assert_non_null(end);
    *end = '\0';
    json_error_t e;
    json_t *j = json_loads(*at, JSON_REJECT_DUPLICATES, &e);
    if (j == NULL)
        fail_msg("column %d: %s: %s", e.column, e.text, *at);
    *at = end + 1;
    return j;
}

static int64_t count(const char *sql)
{
    int64_t n = db_int(&rt.fx.db, sql, -1);
    assert_false(rt.fx.db.failed);
    return n;
}

/* ---- ShiViz ---- */

struct shown {
    char host[32];
    int64_t clock[HOSTS];
    int own; /* place of the host in `hosts` */
    int64_t id;
};

static char hosts[HOSTS][32];
static size_t n_hosts;

static int host_at(const char *name)
{
    size_t i = 0;
    while (i < n_hosts && strcmp(hosts[i], name) != 0)
        i++;
    assert_true(i < HOSTS);
    if (i == n_hosts)
        snprintf(hosts[n_hosts++], sizeof hosts[0], "%s", name);
    return (int)i;
}

/* Reads the log by the expression at its top: host, clock in braces, and the event on the next line. */
static size_t read_shiviz(struct shown *e, char *text)
{
    char *at = strchr(text, '\n');
    assert_non_null(at);
    assert_memory_equal(text, "(?<host>\\S+) (?<clock>\\{.*\\})\\n(?<event>.*)\n\n", 45);
    at += 2;
    size_t n = 0;
    while (*at != '\0') {
        char *space = strchr(at, ' '), *end = strchr(at, '\n'), *next = strchr(end + 1, '\n');
        assert_true(space != NULL && space < end && next != NULL && n < EVENTS);
        *space = *end = *next = '\0';
        e[n] = (struct shown){.own = host_at(at)};
        json_t *clock = json_loads(space + 1, 0, NULL), *v;
        const char *key;
        assert_non_null(clock);
        json_object_foreach(clock, key, v)
        {
            e[n].clock[host_at(key)] = json_integer_value(v);
        }
        json_decref(clock);
        n++;
        at = next + 1;
    }
    return n;
}

static bool before(const struct shown *a, const struct shown *b)
{
    bool less = false;
    for (int h = 0; h < HOSTS; h++) {
        if (a->clock[h] > b->clock[h])
            return false;
        less = less || a->clock[h] < b->clock[h];
    }
    return less;
}

/* The records of a host in order are its events in order. */
static void find_records(struct shown *e, size_t n)
{
    sqlite3_stmt *q =
        db_prepare(&rt.fx.db, "SELECT id FROM records r WHERE CASE WHEN ev LIKE 'op.%' THEN :host = '0100'"
                              " WHEN ev LIKE 'net.%' THEN 0 ELSE node = :host END ORDER BY id LIMIT 1 OFFSET :k");
    for (size_t i = 0; i < n; i++) {
        db_bind_text(&rt.fx.db, q, ":host", hosts[e[i].own]);
        db_bind_int(&rt.fx.db, q, ":k", e[i].clock[e[i].own] - 1);
        assert_true(db_row(&rt.fx.db, q));
        e[i].id = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
    }
    db_done(&rt.fx.db, q);
}

static void vector_clocks_are_the_causal_order_and_nothing_more(void **state)
{
    (void)state;
    static struct shown e[EVENTS];
    static bool reaches[EVENTS * 2][EVENTS * 2];
    RUN(0, "export", rt.fx.dir, "--to", "shiviz", "-o", path);
    char *text = read_file();
    size_t n = read_shiviz(e, text);
    free(text);
    assert_int_equal(n, count("SELECT count(*) FROM records WHERE ev NOT LIKE 'net.%'"));
    find_records(e, n);
    int64_t last[HOSTS] = {0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(e[i].clock[e[i].own], ++last[e[i].own]);

    /* Lamport's happened-before, worked out another way: closure of the edges, and of the order on each host. */
    size_t records = (size_t)count("SELECT max(id) FROM records");
    assert_true(records < EVENTS * 2);
    memset(reaches, 0, sizeof reaches);
    sqlite3_stmt *q = db_prepare(&rt.fx.db, "SELECT src, dst FROM edges");
    while (db_row(&rt.fx.db, q))
        reaches[sqlite3_column_int64(q, 0)][sqlite3_column_int64(q, 1)] = true;
    db_done(&rt.fx.db, q);
    int64_t at[HOSTS] = {0};
    for (size_t i = 0; i < n; i++) {
        if (at[e[i].own] != 0)
            reaches[at[e[i].own]][e[i].id] = true;
        at[e[i].own] = e[i].id;
    }
    for (size_t k = 1; k <= records; k++) {
        for (size_t i = 1; i <= records; i++) {
            for (size_t j = 1; reaches[i][k] && j <= records; j++)
                reaches[i][j] = reaches[i][j] || reaches[k][j];
        }
    }
    size_t ordered = 0, concurrent = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            if (before(&e[i], &e[j]) != reaches[e[i].id][e[j].id])
                fail_msg("records %lld and %lld: clocks say %d", (long long)e[i].id, (long long)e[j].id,
                         before(&e[i], &e[j]));
            ordered += before(&e[i], &e[j]);
            concurrent += i != j && !before(&e[i], &e[j]) && !before(&e[j], &e[i]);
        }
    }
    assert_true(ordered > 1000 && concurrent > 1000);
}

static void a_part_of_a_run_has_clocks_of_its_own(void **state)
{
    (void)state;
    static struct shown e[EVENTS];
    RUN(0, "export", rt.fx.dir, "--to", "shiviz", "-o", path, "--around", "V1", "--window", "3ms");
    char *text = read_file();
    size_t n = read_shiviz(e, text);
    free(text);
    int64_t last[HOSTS] = {0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(e[i].clock[e[i].own], ++last[e[i].own]);
    assert_in_range(n, 5, 100);
}

/* ---- Chrome ---- */

static double number(const json_t *event, const char *key)
{
    const json_t *v = json_object_get(event, key);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

static bool is(const json_t *event, const char *key, const char *value)
{
    const char *v = json_string_value(json_object_get(event, key));
    return v != NULL && strcmp(v, value) == 0;
}

/* The slice of that process that the moment lies in. */
static const json_t *slice_at(const json_t *events, double pid, double ts)
{
    size_t i;
    json_t *x;
    json_array_foreach((json_t *)events, i, x)
    {
        if (is(x, "ph", "X") && number(x, "pid") == pid && number(x, "ts") <= ts &&
            ts < number(x, "ts") + number(x, "dur"))
            return x;
    }
    return NULL;
}

static void bars_and_arrows_are_in_pairs_and_slices_do_not_overlap(void **state)
{
    (void)state;
    RUN(0, "export", rt.fx.dir, "--to", "chrome", "-o", path);
    json_error_t err;
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &err), *events = json_object_get(j, "traceEvents"), *x, *y;
    if (j == NULL)
        fail_msg("line %d: %s", err.line, err.text);
    size_t i, k, arrows = 0, bars = 0, slices = 0;
    double ends[64] = {0};
    json_array_foreach(events, i, x)
    {
        assert_non_null(json_object_get(x, "name"));
        if (is(x, "ph", "X")) {
            size_t pid = (size_t)number(x, "pid");
            assert_true(pid < 64 && number(x, "ts") > ends[pid] - 0.0005);
            ends[pid] = number(x, "ts") + number(x, "dur");
            slices++;
        } else if (is(x, "ph", "s") || is(x, "ph", "b")) {
            bool arrow = is(x, "ph", "s");
            size_t found = 0;
            json_array_foreach(events, k, y)
            {
                if (!is(y, "ph", arrow ? "f" : "e") ||
                    !json_equal(json_object_get(x, "id"), json_object_get(y, "id")) ||
                    !json_equal(json_object_get(x, "cat"), json_object_get(y, "cat")))
                    continue;
                found++;
                assert_true(number(y, "ts") >= number(x, "ts"));
                if (arrow) {
                    assert_non_null(slice_at(events, number(x, "pid"), number(x, "ts")));
                    assert_non_null(slice_at(events, number(y, "pid"), number(y, "ts")));
                } else {
                    assert_true(json_equal(json_object_get(x, "name"), json_object_get(y, "name")));
                }
            }
            assert_int_equal(found, 1);
            arrows += arrow;
            bars += !arrow;
        }
    }
    assert_int_equal(arrows, count("SELECT count(*) FROM messages WHERE coalesce(t_send, t_in) IS NOT NULL AND"
                                   " coalesce(t_recv, t_out) IS NOT NULL"));
    assert_int_equal(bars, count("SELECT (SELECT count(*) FROM ops) + (SELECT count(*) FROM leader_terms) +"
                                 " (SELECT count(*) FROM faults)"));
    assert_true(slices > arrows);
    json_decref(j);
}

/* ---- OpenTelemetry, etcd, CSV ---- */

static void every_record_is_a_log_record_of_opentelemetry(void **state)
{
    (void)state;
    RUN(0, "export", rt.fx.dir, "--to", "otlp", "-o", path);
    char *text = read_file(), *at = text;
    int64_t n = 0;
    for (json_t *j; (j = next_line(&at)) != NULL; n++) {
        const json_t *logs = json_array_get(json_object_get(j, "resourceLogs"), 0), *v;
        const json_t *record =
            json_array_get(json_object_get(json_array_get(json_object_get(logs, "scopeLogs"), 0), "logRecords"), 0);
        size_t i;
        json_t *a;
        assert_true(json_is_string(json_object_get(record, "timeUnixNano"))); /* 64-bit integers are strings */
        assert_true(json_is_string(json_object_get(record, "eventName")));
        assert_true(json_is_string(json_object_get(json_object_get(record, "body"), "stringValue")));
        json_array_foreach(json_object_get(record, "attributes"), i, a)
        {
            assert_true(json_is_string(json_object_get(a, "key")));
            v = json_object_get(a, "value");
            assert_int_equal(json_object_size(v), 1);
            assert_true(json_is_string(json_object_get(v, "stringValue")) ||
                        json_is_string(json_object_get(v, "intValue")) ||
                        json_is_boolean(json_object_get(v, "boolValue")));
        }
        json_decref(j);
    }
    assert_int_equal(n, count("SELECT count(*) FROM records"));
    free(text);
}

static void the_trace_for_tlc_has_the_fields_of_etcds_and_receives_only_what_was_sent(void **state)
{
    (void)state;
    RUN(0, "export", rt.fx.dir, "--to", "etcd-tla", "-o", path);
    char *text = read_file(), *at = text;
    json_t *sent = json_array();
    size_t leaders = 0, received = 0, begun = 0;
    for (json_t *j; (j = next_line(&at)) != NULL;) {
        json_t *e = json_object_get(j, "event"), *state_of = json_object_get(e, "state"),
               *m = json_object_get(e, "msg");
        const char *name = json_string_value(json_object_get(e, "name"));
        assert_string_equal(json_string_value(json_object_get(j, "tag")), "trace");
        assert_true(name != NULL && json_is_string(json_object_get(e, "nid")) &&
                    json_is_integer(json_object_get(e, "log")));
        assert_true(json_is_integer(json_object_get(state_of, "term")) &&
                    json_is_integer(json_object_get(state_of, "commit")));
        assert_int_equal(json_array_size(json_array_get(json_object_get(e, "conf"), 0)), REPLICAS);
        leaders += strcmp(name, "BecomeLeader") == 0;
        begun += strcmp(name, "InitState") == 0;
        if (m != NULL) {
            assert_int_equal(strncmp(name, "Send", 4) == 0 || strncmp(name, "Receive", 7) == 0, 1);
            bool receipt = name[0] == 'R', found = false;
            size_t i;
            json_t *x;
            json_array_foreach(sent, i, x)
            {
                found = found || json_equal(x, m);
            }
            assert_true(!receipt || found);
            received += receipt;
            if (!receipt)
                json_array_append(sent, m);
        }
        json_decref(j);
    }
    json_decref(sent);
    free(text);
    assert_int_equal(begun, REPLICAS);
    assert_int_equal(leaders, 2);
    assert_true(received > 10);
}

static void tables_come_out_as_csv(void **state)
{
    (void)state;
    RUN(0, "export", rt.fx.dir, "--to", "csv");
    says("op_id,run_id,op,client,f,key,val,t_invoke");
    RUN(0, "export", rt.fx.dir, "--to", "csv", "--table", "leader_terms");
    says("\n1,0001,1,2,");
    RUN(64, "export", rt.fx.dir, "--to", "csv", "--table", "ops\"; DROP TABLE ops; --");
    says("there is no such table");
}

/* ---- histories ---- */

/* The verdict of C1, and how many operations it judged. */
static const char *judge(const char *db_path, char *note, size_t n)
{
    static char verdict[16];
    struct db db;
    enum verdict worst;
    assert_true(db_open(&db, db_path, true));
    assert_true(check_all(&db, &(struct check_options){.only = "C1"}, &worst));
    sqlite3_stmt *q = db_prepare(&db, "SELECT verdict, note FROM checks");
    assert_true(db_row(&db, q));
    snprintf(verdict, sizeof verdict, "%s", (const char *)sqlite3_column_text(q, 0));
    snprintf(note, n, "%s", sqlite3_column_text(q, 1) != NULL ? (const char *)sqlite3_column_text(q, 1) : "");
    db_done(&db, q);
    db_close(&db);
    return verdict;
}

static void there_and_back(const char *db_path, const char *want)
{
    char back[4400], note[300], again[300];
    static const char *const formats[] = {"jepsen", "porcupine"};
    snprintf(back, sizeof back, "%s/back.db", rt.fx.dir);
    assert_string_equal(judge(db_path, note, sizeof note), want);
    for (size_t i = 0; i < 2; i++) {
        RUN(0, "export", db_path, "--to", formats[i], "-o", path);
        RUN(0, "import", path, "--from", formats[i], "-o", back, "--quiet");
        if (strcmp(judge(back, again, sizeof again), want) != 0)
            fail_msg("%s by way of %s: %s", db_path, formats[i], again);
        if (strcmp(note, again) != 0)
            fail_msg("%s by way of %s: '%s' became '%s'", db_path, formats[i], note, again);
    }
}

static void our_own_run_keeps_its_verdict(void **state)
{
    (void)state;
    char copy[4400];
    snprintf(copy, sizeof copy, "%s/copy.db", rt.fx.dir);
    RUN(0, "load", rt.fx.dir, "-o", copy, "--quiet");
    there_and_back(copy, "fail");
    RUN(0, "export", rt.fx.dir, "--to", "jepsen");
    says(":process :nemesis, :type :info, :f :start-partition");
}

static void collected_histories_keep_their_verdicts(void **state)
{
    (void)state;
    FILE *in = fopen(DATA "/verdicts.tsv", "r");
    if (in == NULL) {
        print_message("[ SKIPPED  ] " DATA " is not there\n");
        skip();
    }
    char line[512], name[256], model[32], expected[8], db_path[4400];
    snprintf(db_path, sizeof db_path, "%s/there.db", rt.fx.dir);
    assert_non_null(fgets(line, sizeof line, in));
    for (int i = 0; fgets(line, sizeof line, in) != NULL; i++) {
        assert_int_equal(sscanf(line, "%255s %31s %7s", name, model, expected), 3);
        if (strncmp(name, "etcd", 4) == 0 && i % 8 != 0)
            continue; /* an eighth of those: they are alike */
        char from[600];
        snprintf(from, sizeof from, DATA "/%s", name);
        RUN(0, "import", from, "-o", db_path, "--quiet");
        there_and_back(db_path, strcmp(expected, "ok") == 0 ? "pass" : "fail");
    }
    fclose(in);
}

/* A client that gave a write up and tried it again: both may take effect, which the other program must know too. */
static void attempts_that_were_given_up_are_operations_of_unknown_outcome(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_open(&fx);
    fixture_rec(&fx, "sim", 1000, "op.invoke",
                "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"k\",\"val\":\"v\"");
    fixture_rec(&fx, "sim", 1001, "op.try", "\"op\":\"c:1\",\"att\":1,\"mid\":\"m1\",\"to\":\"0001\"");
    fixture_rec(&fx, "sim", 5000, "op.try", "\"op\":\"c:1\",\"att\":2,\"mid\":\"m2\",\"to\":\"0001\"");
    fixture_rec(&fx, "sim", 6000, "op.return", "\"op\":\"c:1\",\"res\":\"ok\",\"by\":\"0001\"");
    fixture_rec(&fx, "sim", 7000, "op.invoke",
                "\"op\":\"c:2\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"k\",\"val\":\"w\"");
    fixture_rec(&fx, "sim", 8000, "op.return", "\"op\":\"c:2\",\"res\":\"info\",\"why\":\"unanswered\"");
    fixture_rec(&fx, "sim", 9000, "op.invoke", "\"op\":\"c:3\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"k\"");
    fixture_rec(&fx, "sim", 9500, "op.return", "\"op\":\"c:3\",\"res\":\"ok\",\"val\":\"12\",\"by\":\"0001\"");
    fixture_finish(&fx);
    fixture_load(&fx);
    RUN(0, "export", fx.dir, "--to", "jepsen");
    assert_string_equal(out, "{:process 0, :type :invoke, :f :write, :value [\"k\" \"v\"], :time 1000, :index 0}\n"
                             "{:process 1, :type :invoke, :f :write, :value [\"k\" \"v\"], :time 1001, :index 1}\n"
                             "{:process 0, :type :ok, :f :write, :value [\"k\" \"v\"], :time 6000, :index 2}\n"
                             "{:process 0, :type :invoke, :f :write, :value [\"k\" \"w\"], :time 7000, :index 3}\n"
                             "{:process 2, :type :invoke, :f :read, :value [\"k\" nil], :time 9000, :index 4}\n"
                             "{:process 2, :type :ok, :f :read, :value [\"k\" 12], :time 9500, :index 5}\n"
                             "{:process 1, :type :info, :f :write, :value [\"k\" \"v\"], :time 9500, :index 6}\n"
                             "{:process 0, :type :info, :f :write, :value [\"k\" \"w\"], :time 9500, :index 7}\n");
    RUN(0, "export", fx.dir, "--to", "porcupine");
    says("{\"ClientId\":1,\"Input\":{\"op\":\"put\",\"key\":\"k\",\"value\":\"v\"},\"Call\":1001,\"Output\":{"
         "\"unknown\":true},"
         "\"Return\":9501}");
    fixture_close(&fx);
}

/* ---- a scenario ---- */

static void the_faults_of_a_run_become_a_scenario_that_the_simulator_reads(void **state)
{
    (void)state;
    RUN(0, "export", rt.fx.dir, "--to", "scenario", "-o", path);
    struct sim_config c;
    char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    json_error_t e;
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &e), *f = json_array_get(json_object_get(j, "faults"), 0);
    assert_non_null(j);
    assert_int_equal(json_integer_value(json_object_get(j, "replicas")), REPLICAS);
    assert_int_equal(json_array_size(json_object_get(j, "faults")), 1);
    assert_string_equal(json_string_value(json_object_get(f, "kind")), "partition");
    json_t *groups = json_loads("[[\"0000\"],[\"0001\",\"0002\"]]", 0, NULL);
    assert_true(json_equal(json_object_get(f, "groups"), groups));
    json_decref(groups);
    json_decref(j);
    enum sim_config_result got = sim_config_load(path, &c, err, warnings);
    if (got != SIM_CONFIG_OK)
        fail_msg("%s", err);
    assert_int_equal(c.replicas, REPLICAS);
    sim_config_free(&c);
}

static void faults_keep_their_moments_and_those_that_cannot_be_said_are_counted(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_open(&fx);
    fixture_rec(
        &fx, "sim", 1, "trace.open",
        "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\",\"pid\":1,"
        "\"impl\":\"x\",\"peers\":[],\"cfg\":{\"replicas\":5,\"lifetime_ms\":20000,\"start_wait_ms\":2000,"
        "\"loss_ppm\":50000}");
    fixture_rec(&fx, "sim", 3000000000, "fault.begin", "\"f\":1,\"kind\":\"kill\",\"node\":\"0003\"");
    fixture_rec(&fx, "sim", 3500000000, "fault.end", "\"f\":1,\"kind\":\"kill\",\"node\":\"0003\"");
    fixture_rec(&fx, "sim", 4000000000, "fault.begin", "\"f\":2,\"kind\":\"partition\",\"groups\":[[\"n1\"],[\"n2\"]]");
    fixture_rec(&fx, "sim", 5000000000, "fault.end", "\"f\":2,\"kind\":\"partition\"");
    fixture_rec(&fx, "sim", 6000000000, "fault.begin", "\"f\":3,\"kind\":\"pause\",\"node\":\"0001\"");
    fixture_rec(&fx, "sim", 7250000000, "fault.end", "\"f\":3,\"kind\":\"pause\",\"node\":\"0001\"");
    fixture_rec(&fx, "sim", 9000000000, "fault.begin", "\"f\":4,\"kind\":\"pause\",\"node\":\"0002\"");
    fixture_finish(&fx);
    fixture_load(&fx);
    RUN(0, "export", fx.dir, "--to", "scenario", "--until", "8s", "-o", path);
    says("1 faults are left out");
    json_t *j = json_load_file(path, 0, NULL);
    json_t *want = json_loads("[{\"kind\":\"kill\",\"node\":\"0003\",\"at\":1.0,\"restart_after_ms\":[500,500]},"
                              "{\"kind\":\"pause\",\"node\":\"0001\",\"begin\":4.0,\"end\":5.25}]",
                              0, NULL);
    assert_true(json_equal(json_object_get(j, "faults"), want));
    assert_int_equal(json_integer_value(json_object_get(j, "lifetime")), 7);
    json_decref(j);
    json_decref(want);
    struct sim_config c;
    char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    if (sim_config_load(path, &c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    sim_config_free(&c);
    fixture_close(&fx);
}

/* ---- hostile names, and what cannot be done ---- */

static void hostile_names_come_out_harmless(void **state)
{
    (void)state;
    static const char hostile[] = "\\u001b[2J\\u202e\\\"'); DROP TABLE ops; --<script>\\r\\n{:a [";
    static const char *const formats[] = {"jepsen", "porcupine", "shiviz", "chrome",
                                          "otlp",   "etcd-tla",  "csv",    "scenario"};
    struct fixture fx;
    fixture_open(&fx);
    fixture_recf(&fx, "sim", 1000, "op.invoke",
                 "\"op\":\"%s:1\",\"cli\":\"%s\",\"f\":\"put\",\"key\":\"%s\",\"val\":\"%s\"", hostile, hostile,
                 hostile, hostile);
    fixture_recf(&fx, "sim", 1500, "fault.begin", "\"f\":1,\"kind\":\"%s\",\"cause\":\"%s\"", hostile, hostile);
    fixture_recf(&fx, "sim", 1600, "net.in",
                 "\"d\":1,\"src\":\"%s\",\"dst\":\"0001\",\"sz\":4,\"ty\":\"%s\",\"mid\":\"%s\"", hostile, hostile,
                 hostile);
    fixture_recf(&fx, "sim", 1700, "net.out", "\"d\":1,\"cp\":1,\"src\":\"%s\",\"dst\":\"0001\",\"dly\":100", hostile);
    fixture_recf(&fx, "sim", 2000, "op.return", "\"op\":\"%s:1\",\"res\":\"ok\",\"by\":\"%s\"", hostile, hostile);
    fixture_recf(&fx, "sim", 2100, "strange", "\"%s\":{\"%s\":[\"%s\"]}", hostile, hostile, hostile);
    fx.state.role = 'F';
    fixture_recf(&fx, "0001", 2500, "msg.recv", "\"from\":\"%s\",\"ty\":\"app_req\",\"mid\":\"%s\"", hostile, hostile);
    fixture_finish(&fx);
    fixture_load(&fx);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        RUN(0, "export", fx.dir, "--to", formats[f], "-o", path);
        char *text = read_file();
        for (const char *p = text; *p != '\0'; p++) {
            bool quoted = strcmp(formats[f], "csv") == 0; /* the values themselves are what CSV holds */
            assert_true((unsigned char)*p >= 0x20 || *p == '\n' || quoted);
        }
        if (strcmp(formats[f], "chrome") == 0 || strcmp(formats[f], "porcupine") == 0) {
            json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(j);
            json_decref(j);
        } else if (strcmp(formats[f], "otlp") == 0 || strcmp(formats[f], "etcd-tla") == 0) {
            char *at = text;
            for (json_t *j; (j = next_line(&at)) != NULL;)
                json_decref(j);
        } else if (strcmp(formats[f], "shiviz") == 0) {
            static struct shown e[EVENTS];
            n_hosts = 0;
            assert_true(read_shiviz(e, text) >= 6);
            n_hosts = 0;
        }
        free(text);
    }
    char back[4400];
    snprintf(back, sizeof back, "%s/back.db", fx.dir);
    RUN(0, "export", fx.dir, "--to", "jepsen", "-o", path);
    RUN(0, "import", path, "-o", back);
    struct db db;
    assert_true(db_open(&db, back, false));
    assert_int_equal(
        db_int(&db, "SELECT count(*) FROM ops WHERE instr(key, '''); DROP TABLE ops; --<script>' || char(13, 10))", 0),
        1);
    db_close(&db);
    fixture_close(&fx);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    RUN(64, "export", rt.fx.dir);
    RUN(64, "export", rt.fx.dir, "--to", "visio");
    says("the formats are jepsen, porcupine, shiviz");
    RUN(64, "export", "--to", "jepsen");
    RUN(64, "export", rt.fx.dir, "--to", "jepsen", "--run", "nobody");
    says("there is no run nobody");
    RUN(64, "export", rt.fx.dir, "--to", "jepsen", "--around", "V9999");
    says("no such violation");
    RUN(64, "export", rt.fx.dir, "--to", "jepsen", "--since", "noon");
    RUN(66, "export", "/nonexistent/run.db", "--to", "jepsen");
    RUN(73, "export", rt.fx.dir, "--to", "jepsen", "-o", "/nonexistent/x.edn");
    says("/nonexistent/x.edn.tmp: No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_clocks_are_the_causal_order_and_nothing_more),
        cmocka_unit_test(a_part_of_a_run_has_clocks_of_its_own),
        cmocka_unit_test(bars_and_arrows_are_in_pairs_and_slices_do_not_overlap),
        cmocka_unit_test(every_record_is_a_log_record_of_opentelemetry),
        cmocka_unit_test(the_trace_for_tlc_has_the_fields_of_etcds_and_receives_only_what_was_sent),
        cmocka_unit_test(tables_come_out_as_csv),
        cmocka_unit_test(our_own_run_keeps_its_verdict),
        cmocka_unit_test(collected_histories_keep_their_verdicts),
        cmocka_unit_test(attempts_that_were_given_up_are_operations_of_unknown_outcome),
        cmocka_unit_test(the_faults_of_a_run_become_a_scenario_that_the_simulator_reads),
        cmocka_unit_test(faults_keep_their_moments_and_those_that_cannot_be_said_are_counted),
        cmocka_unit_test(hostile_names_come_out_harmless),
        cmocka_unit_test(what_cannot_be_done_is_said),
    };
    return cmocka_run_group_tests(tests, open_run, close_run);
}
