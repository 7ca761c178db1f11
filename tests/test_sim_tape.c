/* Traces in memory: what a writer hands over, until its process is killed; hashes, differences, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_tape.h"
#include "support/spawn.h"

static void put(struct trace_writer *w, const char *text)
{
    trace_put_note(w, &(struct trace_rec_note){.text = text});
    trace_flush(w);
}

/* Two tapes; the second's writer is killed after its first record. */
static void record(struct sim_tapes *t, const char *second)
{
    struct trace_writer *a, *b;
    sim_tapes_init(t);
    sim_tapes_add(t, "sim", 1, &a);
    struct sim_tape *killed = sim_tapes_add(t, "0003", 2, &b);
    put(a, "one");
    put(b, second);
    trace_put_note(b, &(struct trace_rec_note){.text = "not flushed"});
    killed->cut = true;
    trace_writer_close(b);
    trace_writer_close(a);
}

static void a_tape_holds_what_was_flushed_before_the_kill(void **state)
{
    (void)state;
    struct sim_tapes t;
    record(&t, "two");
    const struct sim_tape *sim = t.first, *killed = sim->next;
    assert_null(killed->next);
    assert_true(memmem(sim->bytes, sim->n, "trace.close", 11) != NULL);
    assert_true(memmem(killed->bytes, killed->n, "two", 3) != NULL);
    assert_null(memmem(killed->bytes, killed->n, "not flushed", 11));
    assert_null(memmem(killed->bytes, killed->n, "trace.close", 11));
    assert_int_equal(sim_tapes_bytes(&t), sim->n + killed->n);
    sim_tapes_free(&t);
}

static void equal_traces_have_equal_hashes_and_others_are_told_apart(void **state)
{
    (void)state;
    struct sim_tapes a, b, c;
    record(&a, "two");
    record(&b, "two");
    record(&c, "three");
    assert_true(sim_tapes_hash(&a) == sim_tapes_hash(&b) && sim_tapes_hash(&a) != sim_tapes_hash(&c));
    assert_string_equal(sim_tapes_difference(&a, &b), "they are equal");
    assert_string_equal(sim_tapes_difference(&a, &c), "0003.2.jsonl differs from line 1 on");
    sim_tapes_free(&a);
    sim_tapes_free(&b);
    sim_tapes_free(&c);
}

static void files_are_written_once_and_never_over_others(void **state)
{
    (void)state;
    char dir[512], path[600], err[512];
    struct sim_tapes t;
    record(&t, "two");
    spawn_tempdir(dir, sizeof dir);
    assert_true(sim_tapes_write(&t, dir, err));
    snprintf(path, sizeof path, "%s/0003.2.jsonl", dir);
    assert_int_equal(access(path, R_OK), 0);
    assert_false(sim_tapes_write(&t, dir, err));
    assert_non_null(strstr(err, "sim.1.jsonl"));
    spawn_remove(dir);
    sim_tapes_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tape_holds_what_was_flushed_before_the_kill),
        cmocka_unit_test(equal_traces_have_equal_hashes_and_others_are_told_apart),
        cmocka_unit_test(files_are_written_once_and_never_over_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
