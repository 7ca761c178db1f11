/* history_db.h -- for tests of checks: a database whose tables are filled row by row, as load would from a trace.
 *
 * Times are in milliseconds, which is what people count in; the tables get nanoseconds. Anything that fails here fails
 * the test. */
#ifndef FAULTLINE_TESTS_HISTORY_DB_H
#define FAULTLINE_TESTS_HISTORY_DB_H

#include "../../analyze/check.h"

#define HDB_MS   INT64_C(1000000)
#define HDB_OPEN (-1) /* an operation that never returned */

struct hdb {
    struct db db;
    char dir[64], path[96];
    int64_t seq; /* of the records made so far */
};

/* A run named "t" with replicas 0000 to 0004 and clients 0010 to 0012. */
void hdb_open(struct hdb *h);
void hdb_close(struct hdb *h);

/* One client operation with one try, MID "<op>#1"; ops are numbered from 1 and named "<client>:<number>". `by` NULL:
 * nobody answered. Adds the request's and the answer's datagrams too. Returns its op_id. */
int64_t hdb_op(struct hdb *h, const char *client, const char *f, const char *key, const char *val, double call,
               double ret, const char *result, const char *by);
/* A record of node `node`; body is a JSON object. Returns its id. */
int64_t hdb_rec(struct hdb *h, const char *node, double t, const char *ev, const char *body);
/* A datagram that was delivered (fate "delivered"), or lost on its way (fate "dropped", why). Returns its msg_id. */
int64_t hdb_msg(struct hdb *h, const char *src, const char *dst, const char *type, const char *mid, int64_t term,
                double in, double out, const char *fate, const char *why, int64_t fault);
void hdb_leader(struct hdb *h, const char *node, int64_t term, double from, double to, const char *origin);
/* target: JSON or NULL. Returns its fault_id. */
int64_t hdb_fault(struct hdb *h, const char *kind, const char *node, const char *target, double from, double to);

/* Runs one check and returns its verdict as stored. */
const char *hdb_check(struct hdb *h, const char *id, char verdict[16]);
/* The rows of a query as text, columns joined by '|', rows by '\n', NULL as "-". In a buffer of the caller's. */
const char *hdb_rows(struct hdb *h, const char *sql, char *out, size_t n);

#endif
