/* store_int.h -- the parts of the store, for each other. Nobody else includes it. */
#ifndef FAULTLINE_STORE_INT_H
#define FAULTLINE_STORE_INT_H

#include <sqlite3.h>

#include "store.h"

/* Indexes, terms and boots beyond this are nonsense; JSON numbers stay exact below. */
#define STORE_COUNT_MAX (INT64_C(1) << 53)

/* The one row of the table meta, but for id and cluster, which never change. */
struct meta {
    uint64_t boot, term, applied, base_index, base_term, digest;
    node_id voted;
    char *base_conf; /* ours; "" = that of the command line */
};

/* Where the log is being read. */
struct cursor {
    sqlite3_stmt *row; /* NULL: closed */
    uint64_t index, term; /* of the entry before; base_index and base_term at the beginning */
};

struct store {
    sqlite3 *db;
    sqlite3_vfs *vfs;
    char *path, *cluster;
    char id[5];
    int checkpoint_pages;
    sqlite3_int64 wal_sound; /* bytes of the write-ahead log that was found which are whole */
    sqlite3_int64 wal_bytes; /* of its file, at least, unless it was cut since; 0: not known */
    int wal_pages;           /* in it after the last commit */
    struct meta meta;
    uint64_t last; /* index of the last stored entry */
    sqlite3_stmt *begin, *commit, *append, *write_meta;
    struct cursor cursor;
    bool failed; /* for good: nothing is saved any more */
    enum store_opened kind; /* of the failure */
    char error[STORE_ERR_LEN];
};

/* ---- store_sql.c: statements and errors. What returns bool has noted the failure when it returns false ---- */

/* Notes the first failure, "PATH: " and the words; later ones are its consequences. Returns false. */
bool store_fail(struct store *s, enum store_opened kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What SQLite's last failure means, and what to do. Returns false. */
bool store_sql_failed(struct store *s);
/* The contents are not what we wrote: `what` is wrong. Returns false. */
bool store_damaged(struct store *s, const char *what);
bool store_exec(struct store *s, const char *sql);
bool store_prepare(struct store *s, sqlite3_stmt **st, const char *sql);
/* Runs it to the end and makes it ready for the next time. */
bool store_run(struct store *s, sqlite3_stmt *st);
/* A row is there: true. The end or a failure: false. */
bool store_next(struct store *s, sqlite3_stmt *st);
/* For one use. `n` numbers are bound in order. */
bool store_run_once(struct store *s, const char *sql, size_t n, const uint64_t *numbers);
void store_bind_text(sqlite3_stmt *st, int column, const char *text); /* borrowed until it has run */
void store_bind_number(sqlite3_stmt *st, int column, uint64_t v);
/* The text, without NUL inside and of at most `max` bytes; NULL: it is none. Valid until the statement moves on. */
const char *store_text(sqlite3_stmt *st, int column, size_t max);
/* False: not an integer from 0 to STORE_COUNT_MAX. */
bool store_number(sqlite3_stmt *st, int column, uint64_t *v);

/* ---- store_row.c: rows to values and back ---- */

/* Four hex digits, "" for NODE_NONE. */
void store_id_text(node_id id, char text[5]);
bool store_id_value(const char *text, node_id *id); /* NULL is allowed: false */
bool store_append(struct store *s, const struct entry *e);
/* The entry of a row of "SELECT idx, term, op, client, mid, key, value, sum FROM log"; strings until the row is left.
 * False: not as it was written (not noted yet). */
bool store_entry(sqlite3_stmt *row, struct entry *e);
bool store_write_meta(struct store *s);
/* The row, checked by itself. `id` and `cluster` are compared by the caller: they are set in the store. */
bool store_read_meta(struct store *s, char **id, char **cluster);

/* ---- store_load.c: what a start needs ---- */

/* Goes back to the first entry. */
bool store_rewind(struct store *s);
/* raft_restored.next_entry of the store `ctx`: false after the last, and after a failure, which is noted. */
bool store_next_entry(void *ctx, struct entry *e);
/* Reads all of the log. Fills in `last`. */
bool store_check_log(struct store *s);
/* The state machine at meta.applied; NULL: failed. */
struct kv *store_load_kv(struct store *s);

/* ---- store_wal.c: SQLite's write-ahead log, ID.db-wal ---- */

uint64_t store_wal_bytes(const struct store *s);
/* Is what a killed replica left in it whole, as far as can be seen? */
bool store_check_wal(struct store *s);
/* Takes what is there into the file, and begins a new one. Changes the file. */
bool store_start_wal(struct store *s);

/* ---- store_snapshot.c, within a transaction ---- */

/* Map and table go on from meta.applied to where `kv` is; the log loses what is not after base_index. */
bool store_advance(struct store *s, const struct store_change *c);
/* Map, table and log become those of `kv` and the core. */
bool store_replace(struct store *s, const struct store_change *c);

#endif
