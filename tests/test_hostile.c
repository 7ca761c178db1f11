/* What a hostile program can write into a trace: whatever it is, it reaches no SQL, no terminal and no other program's
 * syntax. Every command is run on it, and all that they print is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/fixture.h"
#include "support/spawn.h"

enum { BIG = 1000000, OUT = 8 << 20 };

static char analyze[4200], *out;

/* One line of node sim. */
static void line(struct fixture *fx, int s, const char *ev, const char *fields)
{
    char head[200];
    snprintf(head, sizeof head, "{\"n\":\"sim\",\"b\":1,\"s\":%d,\"t\":%d,\"lc\":%d,\"ev\":\"%s\",", s, s * 1000000, s,
             ev);
    fixture_text(fx, "sim.1.jsonl", head);
    fixture_text(fx, "sim.1.jsonl", fields);
    fixture_text(fx, "sim.1.jsonl", "}\n");
}

static const char *const names[] = {
    "'); DROP TABLE ops; --",
    "\\\"; ATTACH 'x' AS y; --",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</script><!--",
    "\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m",
    "\\u202etxt.exe\\u2066\\u200f",
    "a\\r\\nb\\tc\\\\d",
    "$(touch owned) `id` %s%n",
    "../../../../etc/passwd",
    "{:a [\\\"b\\\" #{",
};
enum { NAMES = sizeof names / sizeof *names };

static void hostile_run(struct fixture *fx)
{
    static char big[BIG + 200], fields[BIG * 2];
    int s = 0;
    fixture_open(fx);
    line(fx, ++s, "trace.open",
         "\"schema\":\"faultline\",\"v\":1,\"run\":\"'); DROP TABLE runs; "
         "--\\u001b[2J\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":"
         "\"virtual\",\"pid\":1,\"impl\":\"<b>\\u001b[31m\",\"peers\":[\"0001\",\"\\u001b[2J\"]");
    for (int i = 0; i < NAMES; i++) {
        const char *n = names[i];
        snprintf(fields, sizeof fields, "\"op\":\"%s:1\",\"cli\":\"%s\",\"f\":\"put\",\"key\":\"%s\",\"val\":\"%s\"", n,
                 n, n, n);
        line(fx, ++s, "op.invoke", fields);
        snprintf(fields, sizeof fields, "\"op\":\"%s:1\",\"res\":\"ok\",\"by\":\"%s\"", n, n);
        line(fx, ++s, "op.return", fields);
        snprintf(fields, sizeof fields, "\"op\":\"%s:2\",\"cli\":\"%s\",\"f\":\"get\",\"key\":\"%s\"", n, n, n);
        line(fx, ++s, "op.invoke", fields);
        snprintf(fields, sizeof fields, "\"op\":\"%s:2\",\"res\":\"ok\",\"by\":\"%s\",\"val\":\"%s nobody wrote\"", n,
                 n, n);
        line(fx, ++s, "op.return", fields);
        snprintf(fields, sizeof fields, "\"f\":%d,\"kind\":\"%s\",\"node\":\"%s\",\"cause\":\"%s\"", i + 1, n, n, n);
        line(fx, ++s, "fault.begin", fields);
        snprintf(fields, sizeof fields,
                 "\"d\":%d,\"src\":\"%s\",\"dst\":\"0001\",\"sz\":1,\"ty\":\"%s\",\"mid\":\"%s\"", i + 1, n, n, n);
        line(fx, ++s, "net.in", fields);
        snprintf(fields, sizeof fields, "\"of\":\"%s\",\"fd\":2,\"line\":\"%s\"", n, n);
        line(fx, ++s, "node.out", fields);
        snprintf(fields, sizeof fields, "\"%s\":{\"%s\":[\"%s\"]}", n, n, n);
        line(fx, ++s, "note", fields);
    }
    for (int i = 0; i < 2; i++) { /* two keys, although they begin alike */
        snprintf(fields, sizeof fields,
                 "\"op\":\"nul:%d\",\"cli\":\"nul\",\"f\":\"put\",\"key\":\"k\\u0000%c\",\"val\":\"v\"", i, 'a' + i);
        line(fx, ++s, "op.invoke", fields);
    }
    memset(big, 'k', BIG);
    big[BIG] = '\0';
    snprintf(fields, sizeof fields, "\"op\":\"big:1\",\"cli\":\"big\",\"f\":\"put\",\"key\":\"%s\",\"val\":\"v\"", big);
    line(fx, ++s, "op.invoke", fields);
    char *p = fields + sprintf(fields, "\"text\":\"deep\",\"deep\":");
    memset(p, '[', 1500);
    memset(p + 1500, ']', 1500);
    p[3000] = '\0';
    line(fx, ++s, "note", fields);
    line(fx, ++s, "note", "\"text\":\"a NUL \\u0000 in a string\"");
    /* A replica's line: what is missing there makes nothing of what clients saw doubtful. */
    fixture_text(fx, "0001.1.jsonl",
                 "{\"n\":\"0001\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"note\",\"text\":\"x\"}\n"
                 "{\"n\":\"0001\",\"b\":1,\"s\":2,\"t\":2,\"lc\":2,\"ev\":\"note\",\"text\":\"\xff\xfe \xc0\x80\"}\n");
    snprintf(fields, sizeof fields, "\"records\":%d,\"lost\":0", s + 1);
    line(fx, s + 1, "trace.close", fields);
    fixture_load_expect(fx, 0, NULL, 0);
}

/* No byte that a terminal would act upon, and nothing that a reader's eye would be fooled by. */
static void looks_harmless(const char *what)
{
    for (const char *p = out; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 && *p != '\n')
            fail_msg("%s prints byte 0x%02x: ...%.60s", what, (unsigned)*p, p > out + 30 ? p - 30 : out);
    }
    static const char *const marks[] = {"\x7f", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\x8f"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *p = strstr(out, marks[i]);
        if (p != NULL)
            fail_msg("%s prints mark %zu: ...%.90s", what, i, p > out + 60 ? p - 60 : out);
    }
}

static void run(const char *what, const char *const *args)
{
    const char *argv[12] = {analyze};
    for (size_t i = 0; i < 10 && args[i] != NULL; i++)
        argv[i + 1] = args[i];
    int got = spawn_run(argv, 60, out, OUT);
    if (got != 0 && got != 1 && got != 2)
        fail_msg("%s: exit status %d: %.2000s", what, got, out);
}

static void every_command_prints_it_harmlessly(void **state)
{
    (void)state;
    struct fixture fx;
    hostile_run(&fx);
    const char *d = fx.dir;
    const char *const commands[][6] = {{"check", d},
                                       {d},
                                       {"explain", d},
                                       {"explain", d, "V2"},
                                       {"explain", d, "op:big:1"},
                                       {"explain", d, "F1"},
                                       {"explain", d, "d:1"},
                                       {"stat", d},
                                       {"timeline", d},
                                       {"sql", d, "SELECT * FROM ops"},
                                       {"sql", d, "SELECT * FROM records"},
                                       {"sql", d, "SELECT * FROM violations", "--format", "json"},
                                       {"sql", d, "SELECT * FROM faults", "--format", "md"},
                                       {"sql", d, "-n", "findings"},
                                       {"check", d, "--format", "json"},
                                       {"check", d, "--format", "junit"},
                                       {"export", d, "--to", "jepsen"},
                                       {"export", d, "--to", "porcupine"},
                                       {"export", d, "--to", "shiviz"},
                                       {"export", d, "--to", "chrome"},
                                       {"export", d, "--to", "otlp"},
                                       {"export", d, "--to", "etcd-tla"}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        run(commands[i][0], commands[i]);
        looks_harmless(commands[i][0]);
    }
    fixture_close(&fx);
}

static void values_stay_what_they_were(void **state)
{
    (void)state;
    struct fixture fx;
    hostile_run(&fx);
    assert_rows(&fx, "SELECT count(*), max(length(key)) FROM ops", "23|1000000");
    assert_rows(&fx, "SELECT count(*) FROM ops WHERE key = '''); DROP TABLE ops; --'", "2");
    assert_rows(&fx, "SELECT count(*) FROM ops WHERE key = 'a' || char(13, 10) || 'b' || char(9) || 'c\\d'", "2");
    assert_rows(&fx, "SELECT key FROM ops WHERE client = 'nul' ORDER BY op_id", "k\\x00a\nk\\x00b");
    assert_rows(&fx, "SELECT count(*) FROM runs", "1");
    assert_rows(&fx, "SELECT name, count(*) FROM load_stats WHERE name = 'bad_line' GROUP BY name", "bad_line|1");
    fixture_close(&fx);
}

static void json_of_it_is_json(void **state)
{
    (void)state;
    struct fixture fx;
    hostile_run(&fx);
    const char *const commands[][6] = {{"check", fx.dir, "--format", "json"},
                                       {"sql", fx.dir, "SELECT * FROM ops", "--format", "json"},
                                       {"export", fx.dir, "--to", "porcupine"},
                                       {"export", fx.dir, "--to", "chrome"},
                                       {"stat", fx.dir, "--format", "json"}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        json_error_t e;
        run(commands[i][0], commands[i]);
        json_t *j = json_loads(out, JSON_REJECT_DUPLICATES, &e);
        if (j == NULL)
            fail_msg("%s: line %d: %s", commands[i][0], e.line, e.text);
        json_decref(j);
    }
    fixture_close(&fx);
}

static int begin(void **state)
{
    (void)state;
    spawn_path("analyze", analyze, sizeof analyze);
    out = malloc(OUT);
    return out == NULL;
}

static int end(void **state)
{
    (void)state;
    free(out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_prints_it_harmlessly),
        cmocka_unit_test(values_stay_what_they_were),
        cmocka_unit_test(json_of_it_is_json),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
