/* explain_int.h -- what the files of `analyze explain` share; for explain*.c only. All of it only reads. */
#ifndef FAULTLINE_EXPLAIN_INT_H
#define FAULTLINE_EXPLAIN_INT_H

#include "explain.h"
#include "explain_class.h"

enum { EXPLAIN_IDS = 200 };

/* The first column of the first row, 0 when there is none; :run is bound unless run_id is 0. */
int64_t explain_ask(struct db *db, const char *sql, int64_t run_id, const char *name, int64_t id);
/* The integers of a query's first column, and its end. */
size_t explain_list(struct db *db, sqlite3_stmt *q, int64_t ids[EXPLAIN_IDS]);
/* Says which replicas left no trace, and what to print to change that. */
void explain_black_box(struct story *s, struct db *db, int64_t run_id);
/* Begin and end of an operation; `note` tells the end, NULL = as its record does. */
void explain_op(struct story *s, struct db *db, int64_t op_id, const char *note);

/* A violation as it is stored. */
struct explain_facts {
    int64_t v, run_id, t, bad; /* bad: the first wrong record, 0 = none */
    char check[16], class[96], title[400], node[64];
    const struct violation_class *is; /* NULL: no class of ours */
};
bool explain_facts(struct db *db, int64_t v, struct explain_facts *f);

/* explain_defect.c: the defect that the records around a violation show; false: they show no more than the class. `id`
 * is the name of a known defect and as stable as a class. */
struct explain_defect {
    const char *id; /* static */
    char words[240];
};
bool explain_defect(struct db *db, const struct explain_facts *f, struct explain_defect *d);

/* explain_point.c: from when on the violation was inevitable, as a remark; and for what was acknowledged and lost, the
 * lost messages that would have prevented it. */
void explain_point(struct story *s, struct db *db, const struct explain_facts *f);

/* explain_layers.c: the first wrong step of each layer, up to the violation; nothing when there is only one. */
void explain_layers(struct db *db, const struct explain_facts *f, FILE *out);

/* Rows of log_entries with the value :val of key :key in run :run: by the requests that wrote it, which is quick; where
 * no client's record tells of those, by reading them all (BY_SCAN). */
#define EXPLAIN_ENTRIES_BY_SCAN "log_entries e WHERE e.run_id = :run AND e.key = :key AND e.val = :val"
#define EXPLAIN_ENTRIES                                                                                                \
    EXPLAIN_ENTRIES_BY_SCAN                                                                                            \
        " AND e.req IN (SELECT t.mid FROM ops o JOIN op_tries t ON t.run_id = o.run_id AND"                            \
        " t.op_id = o.op_id WHERE o.run_id = :run AND o.key = :key AND o.val = :val AND o.f <> 'get')"
bool explain_value_asked(struct db *db, int64_t run_id, const char *key, size_t key_n, const char *val);

/* explain_lost.c: the lost messages that carried a value, or word of it, as steps; of at most `most` of them. How many
 * there are. key and val need not end with NUL. */
size_t explain_lost_value(struct story *s, struct db *db, int64_t run_id, const char *key, size_t key_n,
                          const char *val, size_t most);

/* explain_thing.c: the story of what the user named. In the run `only`, or (0) in the first run that has such a thing;
 * then says which others have one, too. */
bool explain_thing(struct db *db, const char *name, int64_t only, int depth, FILE *out);
/* When something that can be named was, in ns: V1, a record, op:0010:24 (its middle), leader:0000@3, F1 (its begin) or
 * d:1316. In run *run_id if `only`, else in the first that has it, which *run_id becomes. */
bool explain_when(struct db *db, int64_t *run_id, bool only, const char *name, int64_t *t);
/* "a violation (V1), an operation (op:0010:24), ..." */
void explain_kinds(FILE *out);

/* explain_nearest.c: names that are there and near to one that is not, "op:0010:24 op:0010:23"; "" when there is
 * nothing of its kind. */
void explain_nearest(struct db *db, int64_t only, const char *name, char *out, size_t n);

#endif
