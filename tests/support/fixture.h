/* fixture.h -- for tests: traces written line by line into a temporary run directory, and the database made of them.
 *
 *     struct fixture fx;
 *     fixture_open(&fx);
 *     fixture_rec(&fx, "sim", 1000, "op.invoke",
 * "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"k\",\"val\":\"v\""); fixture_load(&fx); // fx.db is open,
 * writable; the run is run 1 assert_int_equal(db_int(&fx.db, "SELECT count(*) FROM ops", 0), 1); fixture_close(&fx);
 *
 * Anything that fails here fails the test. */
#ifndef FAULTLINE_TEST_FIXTURE_H
#define FAULTLINE_TEST_FIXTURE_H

#include <stdint.h>
#include "../../analyze/db.h"

enum { FIXTURE_NODES = 32 };

struct fixture {
    char dir[4096];  /* the run directory */
    char path[4200]; /* dir/run.db */
    struct db db;    /* open after fixture_load() */
    struct {         /* what fixture_rec() counts for each node */
        char name[32];
        int64_t boot, seq, lc, last_t;
    } node[FIXTURE_NODES];
    int n_nodes;
    /* What RAFT records get, when `role` is not 0: set it before fixture_rec(). */
    struct {
        char role;
        int64_t term, ci, ai, li;
    } state;
    int64_t cause; /* "c" of the records to come, 0 = none */
};

void fixture_open(struct fixture *fx);
void fixture_close(struct fixture *fx);

/* Appends text as it is to a file of the run directory ("sim.1.jsonl"). */
void fixture_text(struct fixture *fx, const char *file, const char *text);
void fixture_bytes(struct fixture *fx, const char *file, const void *p, size_t n);
/* Appends one record to NODE.BOOT.jsonl with the next s and lc of that node. `fields` is the inside of a JSON object,
 * "" for none. Returns its s. A first record that is not trace.open is preceded by one (run "t", implementation "test",
 * no peers). State is added to everything but trace.*, note, net.*, fault.*, op.*, node.stop, node.out, node.exit when
 * fx->state.role is set. */
int64_t fixture_rec(struct fixture *fx, const char *node, int64_t t, const char *ev, const char *fields);
/* The same, with a format for the fields. */
int64_t fixture_recf(struct fixture *fx, const char *node, int64_t t, const char *ev, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Ends every node's file with trace.close, so that the run is complete. */
void fixture_finish(struct fixture *fx);
/* The next records of `node` are of its next boot (a new file). */
void fixture_reboot(struct fixture *fx, const char *node);

/* Loads the directory and opens the database for writing. */
void fixture_load(struct fixture *fx);
/* Loads with an expected exit status; the database is opened when it is 0. What went to stderr is in `err` (NULL: not
 * wanted; cut at n). */
void fixture_load_expect(struct fixture *fx, int status, char *err, size_t n);

/* The rows of a query as text, columns joined by '|', rows by '\n', NULL as "-". Valid until the next call. */
const char *fixture_rows(struct fixture *fx, const char *sql);
#define assert_rows(fx, sql, expected) assert_string_equal(fixture_rows(fx, sql), expected)

#endif
