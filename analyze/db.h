/* db.h -- SQLite behind a helper that stays failed.
 *
 * Every call after the first error does nothing and returns false or a null value; the first error's words stay in
 * db->err, so a sequence of calls needs one check at its end. Users' data goes in as bound parameters only. */
#ifndef FAULTLINE_DB_H
#define FAULTLINE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#define DB_ERR_LEN        512
#define DB_SCHEMA_VERSION 3          /* PRAGMA user_version; schema.sql says the same */
#define DB_APPLICATION_ID 1181512820 /* PRAGMA application_id, "Fltt": tells our databases from foreign ones */

struct db {
    sqlite3 *h;
    bool failed;
    int status; /* exit status that fits the first error: EX_* of cli.h */
    char err[DB_ERR_LEN];
};

/* What a file is, from its size and first bytes: absent (or empty), a database of ours of this schema version or of
 * another one, one that was cut short or overwritten, or anything else: databases of others, texts, directories,
 * devices, pipes (which are never opened). */
enum db_kind { DB_ABSENT, DB_OURS, DB_OURS_OTHER_VERSION, DB_DAMAGED, DB_FOREIGN };
enum db_kind db_kind(const char *path);

/* Creates (truncates) the file and puts schema.sql in it, ready for bulk inserts (no journal, no sync). */
bool db_create(struct db *db, const char *path);
/* Opens an existing database of ours; refuses foreign files and other schema versions with words that say so. */
bool db_open(struct db *db, const char *path, bool writable);
void db_close(struct db *db);

bool db_exec(struct db *db, const char *sql); /* one or more statements, no parameters */
/* Prepares one statement; NULL on error. Finalize with db_done(). */
sqlite3_stmt *db_prepare(struct db *db, const char *sql);
void db_done(struct db *db, sqlite3_stmt *q); /* NULL allowed */

/* Bind by name (":node"); an unknown name is an error that names itself. Text is borrowed until db_run() or db_row()
 * has returned; p == NULL binds NULL. */
void db_bind_int(struct db *db, sqlite3_stmt *q, const char *name, int64_t v);
void db_bind_null(struct db *db, sqlite3_stmt *q, const char *name);
void db_bind_text(struct db *db, sqlite3_stmt *q, const char *name, const char *s);
void db_bind_textn(struct db *db, sqlite3_stmt *q, const char *name, const char *p, size_t n);
/* Runs a statement to its end and resets it; bindings are cleared. */
bool db_run(struct db *db, sqlite3_stmt *q);
/* The same for hot paths: one step of a statement that returns no rows, then reset; bindings stay. */
bool db_step(struct db *db, sqlite3_stmt *q);
/* Steps to the next row: false at the end (the statement is then reset) or on error. */
bool db_row(struct db *db, sqlite3_stmt *q);

/* The text of "schema.sql", "indexes.sql" and so on, as compiled in (embedded.h); NULL for an unknown name. */
const char *db_embedded(const char *name);

/* The first column of the first row; `dflt` when there is none. For statements without parameters. */
int64_t db_int(struct db *db, const char *sql, int64_t dflt);

#endif
