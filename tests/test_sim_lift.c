/* test_sim_lift.c -- records that a foreign replica prints become records of its own, and open the rules that need
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/check.h"
#include "../analyze/load.h"
#include "../src/sim_lift.h"
#include "support/fixture.h"

enum { MS = 1000000 };

struct foreign {
    struct fixture fx;
    struct sim_lift *node[3];
    int64_t t;
};

static void begin(struct foreign *g)
{
    *g = (struct foreign){.t = 0};
    fixture_open(&g->fx);
    for (int i = 0; i < 3; i++) {
        char id[20];
        snprintf(id, sizeof id, "000%d", i);
        g->node[i] = sim_lift_new(g->fx.dir, id, 1, 0, 1);
    }
}

static void say(struct foreign *g, int node, const char *line)
{
    g->t += MS;
    assert_true(sim_lift_line(g->node[node], g->t, g->t / MS, line));
}

/* Elects `leader`; every line is what ten lines of code can print. */
static void elect(struct foreign *g, int leader, int term)
{
    char line[200];
    snprintf(line, sizeof line,
             "{\"ev\":\"role.change\",\"term\":%d,\"new\":\"candidate\",\"why\":\"election_timeout\"}", term);
    say(g, leader, line);
    snprintf(line, sizeof line, "{\"ev\":\"role.change\",\"term\":%d,\"new\":\"leader\",\"why\":\"quorum_votes\"}",
             term);
    say(g, leader, line);
}

static void append(struct foreign *g, int node, int term, int idx, const char *val)
{
    char line[200];
    snprintf(line, sizeof line,
             "{\"ev\":\"log.append\",\"term\":%d,\"idx\":%d,\"eterm\":%d,\"op\":\"put\",\"key\":\"k\",\"val\":\"%s\"}",
             term, idx, term, val);
    say(g, node, line);
}

static void commit(struct foreign *g, int node, int idx, const char *why)
{
    char line[200];
    snprintf(line, sizeof line, "{\"ev\":\"commit.advance\",\"new\":%d,\"old\":%d,\"why\":\"%s\"}", idx, idx - 1, why);
    say(g, node, line);
}

static void finish(struct foreign *g, enum verdict *worst)
{
    for (int i = 0; i < 3; i++)
        sim_lift_free(g->node[i], g->t + MS, true);
    fixture_load(&g->fx);
    assert_true(check_all(&g->fx.db, &(struct check_options){.only = NULL}, worst));
}

static void a_good_group_passes_the_rules_that_its_records_allow(void **state)
{
    (void)state;
    struct foreign g;
    enum verdict worst;
    begin(&g);
    elect(&g, 0, 1);
    append(&g, 0, 1, 1, "a");
    append(&g, 1, 1, 1, "a");
    commit(&g, 0, 1, "quorum");
    append(&g, 0, 1, 2, "b");
    append(&g, 1, 1, 2, "b");
    commit(&g, 1, 1, "leader_commit");
    commit(&g, 0, 2, "quorum");
    finish(&g, &worst);
    assert_rows(&g.fx, "SELECT \"check\", title FROM violations", "");
    assert_int_equal(worst, VERDICT_PASS);
    assert_rows(
        &g.fx,
        "SELECT \"check\" FROM checks WHERE verdict = 'pass' AND \"check\" IN ('R11', 'R13', 'R16', 'R27', 'R28',"
        " 'R29', 'R32', 'R33', 'R34') ORDER BY 1",
        "R11\nR13\nR16\nR27\nR28\nR29\nR32\nR33\nR34");
    assert_rows(&g.fx, "SELECT \"check\" FROM checks WHERE verdict = 'unknown'", "");
    fixture_close(&g.fx);
}

static void two_leaders_and_two_logs_are_found(void **state)
{
    (void)state;
    struct foreign g;
    enum verdict worst;
    begin(&g);
    elect(&g, 0, 1);
    elect(&g, 2, 1);
    append(&g, 0, 1, 1, "a");
    append(&g, 2, 1, 1, "b");
    commit(&g, 0, 1, "quorum");
    commit(&g, 2, 1, "quorum");
    finish(&g, &worst);
    assert_int_equal(worst, VERDICT_FAIL);
    assert_rows(&g.fx, "SELECT \"check\" FROM violations ORDER BY 1", "R13\nR16\nR28\nR33");
    fixture_close(&g.fx);
}

/* What is no record stays a printed line; what only the simulator may say is no record of a replica. */
static void other_lines_are_left_alone(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "listening on 4001",
        "{",
        "{\"ev\":\"role.change\"",
        "{\"ev\":\"no.such\"}",
        "{\"ev\":7}",
        "[\"ev\"]",
        "{\"event\":\"role.change\"}",
        "{\"ev\":\"net.drop\",\"d\":1}",
        "{\"ev\":\"op.return\"}",
        "{\"ev\":\"node.exit\"}",
    };
    struct foreign g;
    begin(&g);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (sim_lift_line(g.node[0], 1, 1, lines[i]))
            fail_msg("taken: %s", lines[i]);
    for (int i = 0; i < 3; i++)
        sim_lift_free(g.node[i], 1, true);
    char path[4200];
    snprintf(path, sizeof path, "%s/0000.1.jsonl", g.fx.dir);
    assert_null(fopen(path, "r"));
    fixture_close(&g.fx);
}

/* A replica that traces in full may write to stderr as well: its own numbers and clocks stay. */
static void whole_records_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char line[] =
        "{\"n\":\"0000\",\"b\":1,\"s\":1,\"t\":5,\"lc\":77,\"ev\":\"note\",\"text\":\"<\\u0000>\"}";
    struct foreign g;
    begin(&g);
    say(&g, 0, line);
    assert_false(sim_lift_line(g.node[0], 2, 2, "{\"ev\":\"note\",\"text\":\"half\"}"));
    for (int i = 0; i < 3; i++)
        sim_lift_free(g.node[i], 1, true);
    char path[4200], text[200] = "";
    snprintf(path, sizeof path, "%s/0000.1.jsonl", g.fx.dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(text, line);
    assert_null(fgets(text, sizeof text, f));
    fclose(f);
    fixture_close(&g.fx);
}

/* A replica that has a trace file of its own keeps it. */
static void a_file_that_is_there_is_not_touched(void **state)
{
    (void)state;
    struct foreign g;
    begin(&g);
    char path[4200];
    snprintf(path, sizeof path, "%s/0000.1.jsonl", g.fx.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_false(sim_lift_line(g.node[0], 1, 1, "{\"ev\":\"note\",\"text\":\"x\"}"));
    for (int i = 0; i < 3; i++)
        sim_lift_free(g.node[i], 1, true);
    f = fopen(path, "r");
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
    fixture_close(&g.fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_group_passes_the_rules_that_its_records_allow),
        cmocka_unit_test(two_leaders_and_two_logs_are_found),
        cmocka_unit_test(other_lines_are_left_alone),
        cmocka_unit_test(whole_records_are_taken_as_they_are),
        cmocka_unit_test(a_file_that_is_there_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
