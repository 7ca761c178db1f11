/* store_sql.c -- statements, and what their failures mean for whoever runs a replica. */
#include "store_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- failures ---- */

/* A file's contents and its name may be in the message, and that on a terminal: no control characters (the two bytes
 * of U+0080 to U+009F among them). */
static void make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            *p = '?';
        else if (*p >= 0x80 && *p < 0xa0 && p != (unsigned char *)text && p[-1] == '?')
            *p = '?';
    }
}

bool store_fail(struct store *s, enum store_opened kind, const char *format, ...)
{
    if (s->failed)
        return false;
    s->failed = true;
    s->kind = kind;
    size_t n =
        (size_t)snprintf(s->error, sizeof s->error / 2, "%s", s->path); /* the words matter more than the whole path */
    n = n < sizeof s->error / 2 ? n : sizeof s->error / 2 - 1;
    n += (size_t)snprintf(s->error + n, sizeof s->error - n, ": ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->error + n, sizeof s->error - n, format, arguments);
    va_end(arguments);
    make_printable(s->error);
    return false;
}

/* A replica that forgot its vote or log and goes on under the same id may break what the others rely on (§5.1: "votes
 * and log ... before responding"): never advise to start it empty. */
bool store_damaged(struct store *s, const char *what)
{
    return store_fail(
        s, STORE_BAD_DATA,
        "damaged (%s); keep the file, remove replica %s from the group and add a new one with another id; "
        "do not start %s without its data: it would have forgotten its vote",
        what, s->id, s->id);
}

static bool no_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

bool store_sql_failed(struct store *s)
{
    int error = errno,
        code = sqlite3_errcode(s->db) & 0xff; /* SQLite keeps errno in some cases only, commits not among them */
    if (sqlite3_system_errno(s->db))
        error = sqlite3_system_errno(s->db);
    const char *words = sqlite3_errmsg(s->db), *cause = error ? strerror(error) : words;
    switch (code) {
    case SQLITE_CORRUPT:
        return store_damaged(s, words);
    case SQLITE_NOTADB:
        return store_fail(s, STORE_BAD_DATA,
                          "not the data of a replica (%s); it was left alone: name another directory", words);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return store_fail(s, STORE_LOCKED, "in use by another process; stop that replica first");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return store_fail(s, STORE_NO_DIR,
                          "cannot be opened for writing (%s); file and directory must be writable for this user",
                          cause);
    default:
        if (code == SQLITE_FULL || no_space(error))
            return store_fail(
                s, STORE_IO_ERROR,
                "no space left (%s); free some, then start the replica again: nothing acknowledged is lost", cause);
        return store_fail(s, STORE_IO_ERROR, "%s (%s); see to the disk, then start the replica again", words, cause);
    }
}

const char *store_error(const struct store *s)
{
    return s->error;
}

/* ---- statements ---- */

bool store_exec(struct store *s, const char *sql)
{
    errno = 0;
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_sql_failed(s);
}

bool store_prepare(struct store *s, sqlite3_stmt **st, const char *sql)
{
    errno = 0;
    return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL) == SQLITE_OK || store_sql_failed(s);
}

bool store_run(struct store *s, sqlite3_stmt *st)
{
    errno = 0;
    int code = sqlite3_step(st);
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        return store_sql_failed(s); /* before the reset, which a COMMIT that failed would have fail once more */
    sqlite3_reset(st);
    return true;
}

bool store_next(struct store *s, sqlite3_stmt *st)
{
    errno = 0;
    int code = sqlite3_step(st);
    return code == SQLITE_ROW || (code != SQLITE_DONE && store_sql_failed(s));
}

bool store_run_once(struct store *s, const char *sql, size_t n, const uint64_t *numbers)
{
    sqlite3_stmt *st;
    if (!store_prepare(s, &st, sql))
        return false;
    for (size_t i = 0; i < n; i++)
        store_bind_number(st, (int)i + 1, numbers[i]);
    bool ok = store_run(s, st);
    sqlite3_finalize(st);
    return ok;
}

void store_bind_text(sqlite3_stmt *st, int column, const char *text)
{
    sqlite3_bind_text(st, column, text, (int)strlen(text), SQLITE_STATIC);
}

void store_bind_number(sqlite3_stmt *st, int column, uint64_t v)
{
    sqlite3_bind_int64(st, column, (int64_t)v);
}

const char *store_text(sqlite3_stmt *st, int column, size_t max)
{
    if (sqlite3_column_type(st, column) != SQLITE_TEXT)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(st, column);
    size_t n = (size_t)sqlite3_column_bytes(st, column);
    return text && n <= max && strlen(text) == n ? text : NULL;
}

bool store_number(sqlite3_stmt *st, int column, uint64_t *v)
{
    int64_t found = sqlite3_column_int64(st, column);
    *v = (uint64_t)found;
    return sqlite3_column_type(st, column) == SQLITE_INTEGER && found >= 0 && found <= STORE_COUNT_MAX;
}
