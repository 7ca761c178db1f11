/* db.c -- SQLite behind a helper that stays failed: the first error wins, later calls do nothing. */
#include "db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "embedded.h"

static bool fail(struct db *db, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct db *db, int status, const char *fmt, ...)
{
    if (!db->failed) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(db->err, sizeof db->err, fmt, ap);
        va_end(ap);
        db->failed = true;
        db->status = status;
    }
    return false;
}

static int status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
        return EXIT_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EXIT_DATA;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return EXIT_NOINPUT;
    default:
        return EXIT_INTERNAL;
    }
}

#define COPY_IT "copy it to a directory where you may write, and use the copy"

static bool fail_sqlite(struct db *db, int rc, const char *sql)
{
    const char *path = db->h != NULL ? sqlite3_db_filename(db->h, "main") : NULL;
    int kind = rc & 0xff;
    if (path != NULL && *path != '\0' && (kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN || kind == SQLITE_PERM))
        return fail(db, EXIT_IO, "cannot write %s, or its directory: %s; " COPY_IT, path, sqlite3_errmsg(db->h));
    if (path != NULL && *path != '\0' && (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB))
        return fail(db, EXIT_DATA, "%s is damaged (%s): load the traces again, with analyze load", path,
                    sqlite3_errmsg(db->h));
    return fail(db, status_of(rc), "%s%s%.200s", sqlite3_errmsg(db->h), sql != NULL ? ", in: " : "",
                sql != NULL ? sql : "");
}

const char *db_embedded(const char *name)
{
    for (size_t i = 0; i < embedded_files_n; i++) {
        if (strcmp(embedded_files[i].name, name) == 0)
            return (const char *)embedded_files[i].text;
    }
    return NULL;
}

bool db_create(struct db *db, const char *path)
{
    *db = (struct db){.h = NULL};
    if (truncate(path, 0) != 0 && errno != ENOENT)
        return fail(db, EXIT_CANTCREATE, "cannot create %s: %s", path, strerror(errno));
    int rc = sqlite3_open_v2(path, &db->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return fail(db, EXIT_CANTCREATE, "cannot create %s: %s", path, sqlite3_errmsg(db->h));
    /* No journal and no sync: whoever creates a database throws the file away when something goes wrong. */
    db_exec(db, "PRAGMA page_size=8192; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                "PRAGMA cache_size=-65536;");
    db_exec(db, db_embedded("schema.sql"));
    db_exec(db, db_embedded("views.sql"));
    if (db->failed)
        db->status = EXIT_CANTCREATE;
    return !db->failed;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The SQLite file format, section 1.3: page size at offset 16 (1 = 65536), pages at 28, user_version at 60,
 * application_id at 68. */
enum db_kind db_kind(const char *path)
{
    unsigned char head[100];
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? DB_ABSENT : DB_FOREIGN;
    FILE *f = S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (f == NULL)
        return DB_FOREIGN;
    size_t n = fread(head, 1, sizeof head, f);
    bool unreadable = ferror(f);
    fclose(f);
    if (n == 0 && !unreadable)
        return DB_ABSENT;
    if (n < sizeof head || memcmp(head, "SQLite format 3", 16) != 0) {
        bool text = memchr(head, 0, n) == NULL && (n < 15 || memcmp(head, "SQLite format 3", 15) != 0);
        return unreadable || text ? DB_FOREIGN : DB_DAMAGED;
    }
    if (big_endian(head + 68) != DB_APPLICATION_ID)
        return DB_FOREIGN;
    int64_t page = head[16] == 0 && head[17] == 1 ? 65536 : head[16] << 8 | head[17];
    if (st.st_size < page * (int64_t)big_endian(head + 28))
        return DB_DAMAGED;
    return big_endian(head + 60) == DB_SCHEMA_VERSION ? DB_OURS : DB_OURS_OTHER_VERSION;
}

static bool interrupted(const char *path)
{
    char journal[4200];
    struct stat st;
    snprintf(journal, sizeof journal, "%.4180s-journal", path);
    return stat(journal, &st) == 0 && st.st_size > 0 && access(path, W_OK) == 0;
}

bool db_open(struct db *db, const char *path, bool writable)
{
    *db = (struct db){.h = NULL};
    struct stat st;
    if (stat(path, &st) != 0)
        return fail(db, EXIT_NOINPUT, "cannot open %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(db, EXIT_NOINPUT, "%s is not a file", path);
    switch (db_kind(path)) {
    case DB_ABSENT:
    case DB_FOREIGN:
        return fail(db, EXIT_DATA, "%s is not a database that analyze made: move it away, and load the traces", path);
    case DB_DAMAGED:
        return fail(db, EXIT_DATA, "%s is not a database that analyze made, or is damaged: load the traces again",
                    path);
    case DB_OURS_OTHER_VERSION:
        return fail(db, EXIT_DATA, "%s is of another schema version, this analyze reads %d: load the traces again",
                    path, DB_SCHEMA_VERSION);
    case DB_OURS:
        break;
    }
    if (writable && access(path, W_OK) != 0)
        return fail(db, EXIT_IO, "cannot write %s: %s; " COPY_IT, path, strerror(errno));
    /* What was interrupted while it wrote has to be taken back first, and that is writing. */
    bool writes = writable || interrupted(path);
    int rc = sqlite3_open_v2(path, &db->h,
                             (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return fail(db, EXIT_NOINPUT, "cannot open %s: %s", path, sqlite3_errmsg(db->h));
    sqlite3_busy_timeout(db->h, 5000);
    if (writes && !writable)
        db_exec(db, "SELECT count(*) FROM sqlite_master; PRAGMA query_only=ON");
    db_exec(db, "PRAGMA cell_size_check=ON; PRAGMA cache_size=-65536"); /* the file may come from anybody */
    db_exec(db, writable ? "PRAGMA synchronous=OFF" : "PRAGMA query_only=ON");
    return !db->failed;
}

void db_close(struct db *db)
{
    sqlite3_close(db->h);
    db->h = NULL;
}

bool db_exec(struct db *db, const char *sql)
{
    if (db->failed)
        return false;
    int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? true : fail_sqlite(db, rc, sql);
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    if (db->failed)
        return NULL;
    int rc = sqlite3_prepare_v2(db->h, sql, -1, &q, NULL);
    if (rc != SQLITE_OK)
        fail_sqlite(db, rc, sql);
    return q;
}

void db_done(struct db *db, sqlite3_stmt *q)
{
    (void)db;
    sqlite3_finalize(q);
}

/* The number of a named parameter; 0 after an error. */
static int parameter(struct db *db, sqlite3_stmt *q, const char *name)
{
    if (db->failed)
        return 0;
    int i = sqlite3_bind_parameter_index(q, name);
    if (i == 0)
        fail(db, EXIT_INTERNAL, "no parameter %s in: %.200s", name, sqlite3_sql(q));
    return i;
}

static void bound(struct db *db, sqlite3_stmt *q, int rc)
{
    if (rc != SQLITE_OK)
        fail_sqlite(db, rc, sqlite3_sql(q));
}

void db_bind_int(struct db *db, sqlite3_stmt *q, const char *name, int64_t v)
{
    int i = parameter(db, q, name);
    if (i != 0)
        bound(db, q, sqlite3_bind_int64(q, i, v));
}

void db_bind_null(struct db *db, sqlite3_stmt *q, const char *name)
{
    int i = parameter(db, q, name);
    if (i != 0)
        bound(db, q, sqlite3_bind_null(q, i));
}

void db_bind_text(struct db *db, sqlite3_stmt *q, const char *name, const char *s)
{
    int i = parameter(db, q, name);
    if (i != 0)
        bound(db, q, s != NULL ? sqlite3_bind_text(q, i, s, -1, SQLITE_STATIC) : sqlite3_bind_null(q, i));
}

void db_bind_textn(struct db *db, sqlite3_stmt *q, const char *name, const char *p, size_t n)
{
    int i = parameter(db, q, name);
    if (i != 0)
        bound(db, q, p != NULL ? sqlite3_bind_text64(q, i, p, n, SQLITE_STATIC, SQLITE_UTF8) : sqlite3_bind_null(q, i));
}

bool db_run(struct db *db, sqlite3_stmt *q)
{
    while (db_row(db, q)) {
    }
    if (q != NULL)
        sqlite3_clear_bindings(q);
    return !db->failed;
}

bool db_step(struct db *db, sqlite3_stmt *q)
{
    if (db->failed)
        return false;
    int rc = sqlite3_step(q);
    if (rc != SQLITE_DONE)
        fail_sqlite(db, rc, sqlite3_sql(q));
    sqlite3_reset(q);
    return !db->failed;
}

bool db_row(struct db *db, sqlite3_stmt *q)
{
    if (db->failed)
        return false;
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        fail_sqlite(db, rc, sqlite3_sql(q));
    sqlite3_reset(q);
    return false;
}

int64_t db_int(struct db *db, const char *sql, int64_t dflt)
{
    int64_t v = dflt;
    sqlite3_stmt *q = db_prepare(db, sql);
    if (q != NULL && db_row(db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
        v = sqlite3_column_int64(q, 0);
    db_done(db, q);
    return v;
}
