/* Histories of other programs: what becomes of their lines, that they are judged as their authors judge them, and that
 * bad ones are refused with file and line and leave nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/db.h"
#include "../analyze/history_load.h"
#include "../analyze/import.h"
#include "../analyze/lin.h"
#include "../trace/trace.h"
#include "support/pack.h"
#include "support/spawn.h"

#define DATA "../shared/data/histories"

static char dir[4096], db_path[4200], analyze[4200], out[1 << 16];

static int begin(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    snprintf(db_path, sizeof db_path, "%s/h.db", dir);
    spawn_path("analyze", analyze, sizeof analyze);
    return 0;
}

static int end(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

static const char *file(const char *name, const void *p, size_t n)
{
    static char path[4][4300];
    static int turn;
    char *at = path[turn++ % 4];
    snprintf(at, sizeof path[0], "%s/%s", dir, name);
    FILE *f = fopen(at, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
    return at;
}

static const char *text_file(const char *name, const char *text)
{
    return file(name, text, strlen(text));
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

/* The rows of a query, columns joined by '|', rows by '\n', NULL as "-". */
static void rows(const char *sql, const char *want)
{
    struct db db;
    static char text[1 << 16];
    size_t n = 0;
    assert_true(db_open(&db, db_path, false));
    sqlite3_stmt *q = db_prepare(&db, sql);
    while (db_row(&db, q)) {
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const char *s = (const char *)sqlite3_column_text(q, i);
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                                  i > 0   ? "|"
                                  : n > 0 ? "\n"
                                          : "",
                                  s != NULL ? s : "-");
            assert_true(n < sizeof text);
        }
    }
    text[n] = '\0';
    db_done(&db, q);
    assert_false(db.failed);
    db_close(&db);
    assert_string_equal(text, want);
}

#define OPS "SELECT client, f, key, val, t_invoke/1000000, t_return/1000000, result, why FROM ops ORDER BY op_id"

static const char log_lines[] = "INFO  jepsen.util - 0\t:invoke\t:write\t4\n"
                                "INFO  jepsen.util - 1   :invoke   :read   nil   \n"
                                "INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n"
                                "WARN  something else 3 :invoke :read nil\n"
                                "INFO  jepsen.util - 1\t:ok\t:read\tnil\n"
                                "INFO  jepsen.util - 2\t:invoke\t:cas\t[4 2]\n"
                                "INFO  jepsen.util - 0\t:info\t:write\t:timed-out\n"
                                "INFO  jepsen.util - 2\t:fail\t:cas\t[4 2]\n"
                                "INFO  jepsen.util - 1\t:invoke\t:read\tnil\n"
                                "INFO  jepsen.util - 1\t:fail\t:read\t:timed-out\n"
                                "INFO  jepsen.util - 1\t:invoke\t:cas\t[2 3]\n";

static void lines_of_a_log_are_paired_by_process_and_lines_are_the_clock(void **state)
{
    (void)state;
    RUN(0, "import", text_file("x.log", log_lines), "-o", db_path);
    says("imported 5 operations in 1 run (2 of unknown outcome, 2 failed), 1 faults");
    rows(OPS, "0|put|register|4|1|7|info|:timed-out\n"
              "1|get|register||2|5|ok|-\n"
              "2|cas|register|2|6|8|fail|[4 2]\n"
              "1|get|register|-|9|10|fail|:timed-out\n"
              "1|cas|register|3|11|-|info|-");
    rows("SELECT json_extract(body, '$.old') FROM records WHERE ev = 'op.invoke' AND json_extract(body, '$.f') = 'cas'",
         "4\n2");
    rows("SELECT line FROM records ORDER BY id", "1\n2\n3\n5\n6\n7\n8\n9\n10\n11");
    rows("SELECT kind, t_begin/1000000, t_end FROM faults", "partition|3|-");
    rows("SELECT name, json_extract(config, '$.import.clock'), json_extract(config, '$.import.failed_cas') FROM runs",
         "x|lines|reads");
    rows("SELECT path LIKE '%/x.log', lines, records FROM sources", "1|11|10");
}

static void words_without_a_log_and_new_logs_are_read_too(void **state)
{
    (void)state;
    RUN(0, "import", text_file("history.txt", "0\t:invoke\t:write\t4\n0\t:ok\t:write\t4\n"), "-o", db_path, "--quiet");
    rows(OPS, "0|put|register|4|1|2|ok|-");
    RUN(0, "import", "--from", "jepsen",
        text_file("jepsen.log",
                  "2024-05-04 10:11:12,345{GMT}\tINFO\t[worker 0] jepsen.core: Relax\n"
                  "2024-05-04 10:11:12,345{GMT}\tINFO\t[worker 0] jepsen.util: 0\t:invoke\t:read\tnil\n"
                  "2024-05-04 10:11:12,346{GMT}\tINFO\t[worker 0] jepsen.util: 0\t:ok\t:read\t[1 #{2}]\n"),
        "-o", db_path, "--quiet");
    rows(OPS, "0|get|register|[1 #{2}]|2|3|ok|-");
}

static void maps_have_times_and_the_nemesis_makes_faults(void **state)
{
    (void)state;
    RUN(0, "import",
        text_file("history.edn",
                  "{:type :invoke, :f :write, :value 3, :process 0, :time 5000000, :index 0}\n"
                  "{:type :info, :f :start-partition, :value :majority, :process :nemesis, :time 6000000, :index 1}\n"
                  "{:type :info, :f :start-partition, :value {\"n1\" #{\"n2\"}}, :process :nemesis, :time 7000000, "
                  ":index 2}\n"
                  "{:type :ok, :f :write, :value 3, :process 0, :time 7000000, :index 3, :link nil}\n"
                  "{:type :info, :f :stop-partition, :process :nemesis, :time 8000000, :index 4}\n"
                  "{:type :info, :f :stop-partition, :process :nemesis, :time 9000000, :index 5}\n"
                  "{:type :info, :f :kill, :value :all, :process :nemesis, :time 10000000, :index 6}\n"
                  "{:type :invoke, :f :read, :value nil, :process 1, :time 11000000, :index 7}\n"
                  "{:type :info, :f :read, :value nil, :process 1, :time 12000000, :index 8, :error :net-timeout}\n"
                  "{:type :info, :f :compact, :value 7, :process :nemesis, :time 13000000, :index 9}\n"),
        "-o", db_path);
    rows(OPS, "0|put|register|3|5|7|ok|-\n1|get|register|-|11|12|info|:net-timeout");
    rows("SELECT kind, target, t_begin, t_end FROM faults", "partition|{\"cause\":\":majority\"}|6000000|9000000\n"
                                                            "kill|{\"cause\":\":all\"}|10000000|-");
    /* one time twice: the order of the file decides */
    rows("SELECT t_return FROM ops WHERE op_id = 1", "7000001");
    rows("SELECT ev, body FROM records WHERE ev = 'note'",
         "note|{\"text\":\"start-partition {\\\"n1\\\" #{\\\"n2\\\"}}\"}\n"
         "note|{\"text\":\"stop-partition\"}\nnote|{\"text\":\"compact 7\"}");
    rows("SELECT r.ev FROM faults f JOIN records r ON r.id = f.end_rec", "fault.end");
}

static void a_vector_of_maps_is_a_history_too(void **state)
{
    (void)state;
    RUN(0, "import",
        text_file("h.edn", "; made by hand\n[#jepsen.history.Op{:type :invoke :f :write :value \"a b\" :process 0}\n"
                           " {:type :ok :f :write :value \"a b\" :process 0}]\n"),
        "-o", db_path, "--quiet");
    rows(OPS, "0|put|register|a b|2|3|ok|-");
}

static const char pairs[] = "{:type :invoke, :f :write, :value [1 0], :process 3, :time 1}\n"
                            "{:type :ok, :f :write, :value [1 0], :process 3, :time 2}\n"
                            "{:type :invoke, :f :cas, :value [1 [0 2]], :process 3, :time 3}\n"
                            "{:type :ok, :f :cas, :value [1 [0 2]], :process 3, :time 4}\n"
                            "{:type :invoke, :f :read, :value [7 nil], :process 4, :time 5}\n"
                            "{:type :ok, :f :read, :value [7 nil], :process 4, :time 6}\n"
                            "{:type :invoke, :f :cas, :value [1 [5 6]], :process 4, :time 7}\n"
                            "{:type :fail, :f :cas, :value [1 [5 6]], :process 4, :time 8, :error [22 \"no\"]}\n";

static void independent_keys_are_told_from_pairs(void **state)
{
    (void)state;
    const char *path = text_file("pairs.edn", pairs);
    RUN(0, "import", path, "-o", db_path, "--quiet");
    rows("SELECT f, key, val, result FROM ops ORDER BY op_id", "put|1|0|ok\ncas|1|2|ok\nget|7||ok\ncas|1|6|fail");
    rows("SELECT json_extract(config, '$.import.failed_cas') FROM runs", "reads");
    RUN(65, "import", path, "-o", db_path, "--independent", "yes", "--from", "jepsen",
        text_file("one.edn", "{:type :invoke, :f :write, :value 1, :process 3}\n"));
    says("one.edn:1: the value is no pair [key value]");
    /* a register whose every operation is a cas has no keys */
    RUN(0, "import", text_file("cas.edn", "{:type :invoke, :f :cas, :value [1 2], :process 3}\n"), "-o", db_path);
    rows("SELECT key, val FROM ops", "register|2");
    /* of a cas that failed because nobody answered, nothing follows */
    RUN(0, "import",
        text_file("refused.edn", "{:type :invoke, :f :cas, :value [1 2], :process 3}\n"
                                 "{:type :fail, :f :cas, :value [1 2], :process 3, :error :connection-refused}\n"),
        "-o", db_path);
    rows("SELECT json_extract(config, '$.import.failed_cas') FROM runs", "nothing");
}

static void what_no_check_understands_is_kept_and_not_judged(void **state)
{
    (void)state;
    RUN(0, "import",
        text_file("txn.edn", "{:type :invoke, :f :txn, :value [[:append 9 11]], :process 0}\n"
                             "{:type :ok, :f :txn, :value [[:append 9 11]], :process 0}\n"),
        "-o", db_path);
    says("1 operations are none of get, put, del, cas and append");
    rows(OPS, "0|txn|register|[[:append 9 11]]|1|2|ok|-");
    RUN(2, "check", db_path, "--only", "C1");
    says("not understood");
}

static void porcupines_operations_are_read_from_json(void **state)
{
    (void)state;
    RUN(0, "import",
        text_file("ops.json",
                  "[{\"ClientId\":0,\"Input\":{\"Op\":1,\"Key\":\"k\",\"Value\":\"a\"},\"Call\":10,\"Output\":{},"
                  "\"Return\":20},\n{\"ClientId\":1,\"Input\":{\"Op\":\"GET\",\"Key\":\"k\"},\"Call\":20,\"Output\":"
                  "{\"Value\":\"a\"},\"Return\":30},{\"ClientId\":2,\"Input\":{\"op\":\"cas\",\"key\":\"k\",\"old\":"
                  "\"a\",\"value\":\"b\"},\"Call\":5,\"Output\":{\"unknown\":true},\"Return\":99}]"),
        "-o", db_path);
    rows("SELECT client, f, key, val, t_invoke, t_return, result FROM ops ORDER BY op_id",
         "0|put|k|a|10|20|ok\n1|get|k|a|20|30|ok\n2|cas|k|b|5|99|info");
    rows("SELECT ev, t FROM records ORDER BY id",
         "op.invoke|5\nop.invoke|10\nop.invoke|20\nop.return|20\nop.return|30\n"
         "op.return|99");
    /* several files of operations are one history */
    static const char line[] =
        "{\"ClientId\":4,\"Input\":{\"what\":\"put\",\"k\":\"x\",\"v\":1},\"Call\":1,\"Return\":2}\n";
    RUN(0, "import", "--field", "op=what", text_file("a.json", line), text_file("b.json", line), "-o", db_path);
    rows("SELECT count(*), count(DISTINCT run_id) FROM ops", "2|1");
    rows("SELECT s.path LIKE '%b.json', r.line FROM records r JOIN sources s USING (source_id) WHERE ev = 'op.invoke'"
         " ORDER BY id",
         "0|1\n1|1");
}

static void the_courses_output_becomes_a_timeline(void **state)
{
    (void)state;
    RUN(0, "import",
        text_file("run.log",
                  "[  0.0123  Replica 0001]: hello there\nsome words\n[1.5  Replica 0002]: Traceback [x]: y\n"),
        "-o", db_path, "--from", "course");
    rows("SELECT t, json_extract(body, '$.of'), json_extract(body, '$.line') FROM records ORDER BY id",
         "12300000|0001|hello there\n12300001|sim|some words\n1500000000|0002|Traceback [x]: y");
    rows("SELECT node, kind FROM nodes ORDER BY node", "0001|replica\n0002|replica\nhistory|sim");
}

static void bad_input_is_refused_with_file_and_line_and_leaves_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *says, *from;
    } bad[] = {
        {"a.log", "INFO  jepsen.util - 0 :ok :read 3\n", "a.log:1: process 0 returns without a call", "auto"},
        {"b.log", "INFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :invoke :read nil\n",
         "b.log:2: process 0 calls again before its call of line 1 returned", "auto"},
        {"c.log", "INFO  jepsen.util - 0 :invoke :cas 4\n", "c.log:1: a cas needs the value [old new]", "auto"},
        {"c2.log", "INFO  jepsen.util - 0 :invoke :write [4\n", "c2.log:1: not a line of process, type, f and value",
         "auto"},
        {"d.edn", "\n{:process 0}\n", "d.edn:2: not an operation: a map with :process", "auto"},
        {"e.edn", "{:process 0 :type :invoke :f :read}\n{:process 0 :type :ok", "e.edn:2: what begins with { in line 2",
         "auto"},
        {"f.edn", "{:process 0 :type :done :f :read}\n", "f.edn:1: unknown type done", "auto"},
        {"g.edn", "{:process 0 :type :invoke :f :read :index 4}\n{:process 0 :type :ok :f :read :index 3}\n",
         "g.edn:2: :index 3 comes after 4", "auto"},
        {"h.edn", "{:process 0 :type :invoke :f :read :time -4}\n", "h.edn:1: :time -4 is out of range", "auto"},
        {"i.jsonl", "{\"f\":\"read\"}\n", "i.jsonl:1: needs f and key", "auto"},
        {"j.jsonl", "{\"f\":\"read\",\n", "j.jsonl:1: column", "auto"},
        {"k.jsonl", "{\"f\":\"read\",\"key\":\"k\",\"value\":1,\"call\":5,\"ret\":4}\n",
         "k.jsonl:1: the return is before", "auto"},
        {"l.json", "[{\"ClientId\":1,\"Input\":{\"x\":1},\"Call\":1,\"Return\":2}]", "l.json:1: Input does not name",
         "porcupine"},
        {"m.txt", "once upon a time\n", "m.txt:0: cannot tell what this is", "auto"},
        {"n.txt", "once upon a time\n", "n.txt:1: no operation of a client is in it", "jepsen"},
        {"o.jsonl", "{\"f\":\"read\"}\n", "o.jsonl:0: not in the format that --from names", "jepsen"},
        {"p.edn", "", "p.edn:0: cannot tell what this is", "auto"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char tmp[4300];
        unlink(db_path);
        RUN(65, "import", "--from", bad[i].from, text_file(bad[i].name, bad[i].text), "-o", db_path);
        says(bad[i].says);
        snprintf(tmp, sizeof tmp, "%s.tmp", db_path);
        assert_int_equal(access(db_path, F_OK), -1);
        assert_int_equal(access(tmp, F_OK), -1);
    }
    RUN(66, "import", "/nonexistent/x.log", "-o", db_path);
    says("/nonexistent/x.log: No such file");
    RUN(64, "import", text_file("y.log", log_lines));
    says("-o DB is needed");
    RUN(73, "import", text_file("y.log", log_lines), "-o", text_file("not.db", "hello"));
    says("not overwritten");
    RUN(64, "import", "--from", "knossos", "x", "-o", db_path);
    RUN(64, "import", "--field", "op", "x", "-o", db_path);
    RUN(64, "import", "--independent", "perhaps", "x", "-o", db_path);
    RUN(64, "import", "-o", db_path);
}

static void a_failed_import_leaves_the_database_as_it_was(void **state)
{
    (void)state;
    RUN(0, "import", text_file("x.log", log_lines), "-o", db_path);
    RUN(65, "import", text_file("y.log", "INFO  jepsen.util - 0 :ok :read 3\n"), "-o", db_path, "--append");
    rows("SELECT name FROM runs", "x");
    RUN(0, "import", text_file("y.log", log_lines), text_file("x.log", log_lines), "-o", db_path, "--append");
    rows("SELECT name FROM runs ORDER BY run_id", "x\ny\nx-2");
    rows("SELECT count(*), count(DISTINCT id), count(DISTINCT run_id) FROM records", "30|30|3");
    RUN(65, "import", text_file("z.log", log_lines), "-o", db_path, "--append", "--run", "y");
    says("run y is in the database already");
}

static void compressed_histories_are_read_and_torn_ones_refused(void **state)
{
    (void)state;
    static unsigned char packed[4096];
    for (int zstd = 0; zstd < 2; zstd++) {
        size_t n = pack(log_lines, sizeof log_lines - 1, zstd != 0, packed, sizeof packed);
        RUN(0, "import", file("x.log.gz", packed, n), "-o", db_path);
        rows("SELECT count(*) FROM ops", "5");
        rows("SELECT name FROM runs", "x");
        RUN(65, "import", file("x.log.gz", packed, n - 3), "-o", db_path);
        says("data end too early; unpack what is left of it");
    }
}

static void hostile_names_and_values_come_out_harmless(void **state)
{
    (void)state;
    static char text[3 << 20];
    char *p = text;
    static const char *const values[] = {
        "'); DROP TABLE ops; --", "<script>alert(1)</script>", "\x1b[2J\x1b]0;owned\x07", "\\u0000\\u0007",
        "\xff\xfe\xc0\x80 bytes", "\xe2\x80\xae override",     "..\\\\..\\\\etc",         "%s%n%s%n"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        p += sprintf(p,
                     "{:type :invoke :f :write :value [\"%s\" \"%s\"] :process 0 :time %zu}\n"
                     "{:type :ok :f :write :value [\"%s\" \"%s\"] :process 0 :time %zu}\n"
                     "{:type :invoke :f :read :value [\"%s\" nil] :process 1 :time %zu}\n"
                     "{:type :ok :f :read :value [\"%s\" \"never written\"] :process 1 :time %zu}\n",
                     values[i], values[i], 4 * i, values[i], values[i], 4 * i + 1, values[i], 4 * i + 2, values[i],
                     4 * i + 3);
    p += sprintf(p, "{:type :invoke :f :write :value [\"");
    memset(p, 'k', 1 << 20);
    p += 1 << 20;
    p += sprintf(p, "\" \"v\"] :process 0 :time 1000}\n");
    RUN(0, "import", file("hostile.edn", text, (size_t)(p - text)), "-o", db_path);
    rows("SELECT count(*), max(length(key)) FROM ops", "17|1048576");
    rows("SELECT count(*) FROM ops WHERE key = '''); DROP TABLE ops; --'", "2");
    rows("SELECT count(*) FROM ops WHERE key LIKE '\\x00%'", "2");
    const char *const commands[][6] = {{"check", db_path},         {"explain", db_path},
                                       {"explain", db_path, "V3"}, {"sql", db_path, "SELECT * FROM ops"},
                                       {"stat", db_path},          {db_path}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *argv[8] = {analyze};
        for (size_t k = 0; k < 6 && commands[i][k] != NULL; k++)
            argv[k + 1] = commands[i][k];
        int got = spawn_run(argv, 60, out, sizeof out);
        assert_true(got >= 0 && got <= 2);
        for (const char *c = out; *c != '\0'; c++)
            assert_true((unsigned char)*c >= 0x20 || *c == '\n');
        assert_null(strstr(out, "\xe2\x80\xae"));
        assert_null(strstr(out, "\xff"));
    }
}

/* ---- the collected histories ---- */

/* The read that the generator falsified is found stale, against the write that it names. */
static void check_planted(const struct history *h, const struct lin_report *r, const char *path)
{
    char meta[600];
    snprintf(meta, sizeof meta, "%s.meta.json", path);
    json_t *j = json_load_file(meta, 0, NULL), *planted = json_object_get(j, "planted");
    if (!json_is_object(planted)) {
        json_decref(j);
        return;
    }
    /* ids count from 0, ops.op_id from 1 */
    int64_t read = json_integer_value(json_object_get(planted, "read")) + 1;
    int64_t newer = json_integer_value(json_object_get(planted, "w_new")) + 1;
    bool found = false;
    for (size_t i = 0; i < h->n; i++) {
        size_t n;
        struct stale_read *s = zones_stale(&r->keys[i].zones, r->keys[i].ops, r->keys[i].n, &n);
        assert_true(n != SIZE_MAX);
        for (size_t k = 0; k < n; k++) {
            const struct op *ops = r->keys[i].ops;
            if (ops[s[k].read].id == read)
                found = ops[r->keys[i].zones.z[s[k].oldest].write].id == newer ||
                        ops[r->keys[i].zones.z[s[k].newest].write].id == newer;
        }
        free(s);
    }
    if (!found)
        fail_msg("%s: the planted stale read %" PRId64 " was not found", path, read);
    json_decref(j);
}

static void check_file(const char *path, bool ok, int64_t ops, int64_t unknown)
{
    struct import_options o = {.paths = &path, .n_paths = 1, .out = db_path, .quiet = true};
    struct import_result made;
    struct history h;
    struct db db;
    if (import_run(&o, &made) != 0)
        fail_msg("%s was not imported", path);
    assert_int_equal(made.ops, ops);
    assert_int_equal(made.unknown, unknown);
    assert_true(db_open(&db, db_path, false));
    history_init(&h);
    assert_true(history_load(&h, &db, 1));
    db_close(&db);
    struct lin_report r;
    struct lin_options lin = {.deadline_ns = (int64_t)trace_mono_ns() + INT64_C(20000000000), .first_bad_ends = true};
    assert_true(lin_judge(&r, &h, &lin));
    if (ok ? r.bad + r.undecided > 0 : r.bad == 0)
        fail_msg("%s: expected %s, got %zu bad and %zu undecided keys", path, ok ? "ok" : "bad", r.bad, r.undecided);
    if (strstr(path, ".jsonl") != NULL && !ok)
        check_planted(&h, &r, path);
    lin_report_free(&r);
    history_free(&h);
}

static void collected_histories_get_the_verdicts_of_their_authors(void **state)
{
    (void)state;
    FILE *in = fopen(DATA "/verdicts.tsv", "r");
    if (in == NULL) {
        print_message("[ SKIPPED  ] " DATA " is not there\n");
        skip();
    }
    char line[512], name[256], model[32], expected[8];
    long long ops, unknown;
    unsigned files = 0;
    assert_non_null(fgets(line, sizeof line, in));
    while (fgets(line, sizeof line, in) != NULL) {
        assert_int_equal(sscanf(line, "%255s %31s %7s %lld %lld", name, model, expected, &ops, &unknown), 5);
        char path[512];
        snprintf(path, sizeof path, DATA "/%s", name);
        check_file(path, strcmp(expected, "ok") == 0, ops, unknown);
        files++;
    }
    fclose(in);
    assert_in_range(files, 1, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_log_are_paired_by_process_and_lines_are_the_clock),
        cmocka_unit_test(words_without_a_log_and_new_logs_are_read_too),
        cmocka_unit_test(maps_have_times_and_the_nemesis_makes_faults),
        cmocka_unit_test(a_vector_of_maps_is_a_history_too),
        cmocka_unit_test(independent_keys_are_told_from_pairs),
        cmocka_unit_test(what_no_check_understands_is_kept_and_not_judged),
        cmocka_unit_test(porcupines_operations_are_read_from_json),
        cmocka_unit_test(the_courses_output_becomes_a_timeline),
        cmocka_unit_test(bad_input_is_refused_with_file_and_line_and_leaves_nothing),
        cmocka_unit_test(a_failed_import_leaves_the_database_as_it_was),
        cmocka_unit_test(compressed_histories_are_read_and_torn_ones_refused),
        cmocka_unit_test(hostile_names_and_values_come_out_harmless),
        cmocka_unit_test(collected_histories_get_the_verdicts_of_their_authors),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
