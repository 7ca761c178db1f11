/* store_open.c -- finds out whether the file may be used, and makes it when there is none. Until all is checked,
 * nothing is written: a file that is refused stays as it was, byte by byte. */
#include "store_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the tables ---- */

static const char *const tables[][2] = {
    {"meta", "CREATE TABLE meta(id TEXT NOT NULL, cluster TEXT NOT NULL, boot INTEGER NOT NULL, term INTEGER NOT NULL,"
             " voted TEXT NOT NULL, applied INTEGER NOT NULL, base_idx INTEGER NOT NULL, base_term INTEGER NOT NULL,"
             " base_conf TEXT NOT NULL, digest INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT"},
    {"log", "CREATE TABLE log(idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, op TEXT NOT NULL, client TEXT NOT NULL,"
            " mid TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, sum INTEGER NOT NULL) STRICT"},
    {"map", "CREATE TABLE map(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"},
    {"request", "CREATE TABLE request(client TEXT NOT NULL, idx INTEGER NOT NULL, mid TEXT NOT NULL,"
                " PRIMARY KEY(client, idx)) STRICT, WITHOUT ROWID"},
};
#define N_TABLES (sizeof tables / sizeof *tables)

static bool prepare_all(struct store *s)
{
    return store_prepare(s, &s->begin, "BEGIN IMMEDIATE") && store_prepare(s, &s->commit, "COMMIT") &&
           store_prepare(
               s, &s->append,
               "INSERT INTO log(idx, term, op, client, mid, key, value, sum) VALUES(?, ?, ?, ?, ?, ?, ?, ?)") &&
           store_prepare(
               s, &s->write_meta,
               "INSERT OR REPLACE INTO meta(rowid, id, cluster, boot, term, voted, applied, base_idx, base_term,"
               " base_conf, digest, sum) VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
}

/* One transaction, so that a file without tables is one that was never used. */
static bool make_tables(struct store *s, const char *conf)
{
    char pragmas[128];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
             STORE_FORMAT);
    if (!store_exec(s, "BEGIN EXCLUSIVE") || !store_exec(s, pragmas))
        return false;
    for (size_t i = 0; i < N_TABLES; i++)
        if (!store_exec(s, tables[i][1]))
            return false;
    struct kv *empty = kv_new();
    if (!empty)
        abort();
    s->meta = (struct meta){.voted = NODE_NONE, .digest = kv_digest(empty), .base_conf = strdup(conf ? conf : "")};
    kv_free(empty);
    if (!s->meta.base_conf)
        abort();
    return prepare_all(s) && store_write_meta(s) && store_run(s, s->commit);
}

/* ---- is it ours, and sound? ---- */

static bool ask_number(struct store *s, const char *sql, int64_t *v)
{
    sqlite3_stmt *st;
    if (!store_prepare(s, &st, sql))
        return false;
    bool ok = store_next(s, st);
    *v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return ok;
}

static bool check_header(struct store *s)
{
    int64_t application, format;
    if (!ask_number(s, "PRAGMA application_id", &application) || !ask_number(s, "PRAGMA user_version", &format))
        return false;
    if (application != STORE_APPLICATION_ID)
        return store_fail(s, STORE_BAD_DATA,
                          "a database, but not that of a replica; it was left alone: name another directory");
    if (format > STORE_FORMAT)
        return store_fail(s, STORE_BAD_DATA,
                          "has format %lld, and this program knows formats up to %d; it was left alone: start the newer"
                          " program that wrote it",
                          (long long)format, STORE_FORMAT);
    return format == STORE_FORMAT || store_damaged(s, "there never was such a format");
}

static bool check_tables(struct store *s)
{
    int64_t triggers;
    sqlite3_stmt *st;
    if (!ask_number(s, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", &triggers) ||
        !store_prepare(s, &st, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"))
        return false;
    bool ok = triggers == 0;
    for (size_t i = 0; ok && i < N_TABLES; i++) {
        store_bind_text(st, 1, tables[i][0]);
        const char *sql = store_next(s, st) ? store_text(st, 0, SIZE_MAX) : NULL;
        ok = sql && strcmp(sql, tables[i][1]) == 0;
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    return ok || store_damaged(s, "its tables are not ours");
}

/* quick_check has words for a page that it could not read too, which need not be there the next time. */
static bool is_unread(const char *words)
{
    static const char before[] = "error code=";
    const char *code = words ? strstr(words, before) : NULL;
    return (code && (strtol(code + strlen(before), NULL, 10) & 0xff) == SQLITE_IOERR) ||
           (words && strstr(words, "failed to get page"));
}

static bool check_structure(struct store *s)
{
    sqlite3_stmt *st;
    if (!store_prepare(s, &st, "PRAGMA quick_check(1)"))
        return false;
    const char *words = store_next(s, st) ? store_text(st, 0, SIZE_MAX) : NULL;
    bool ok = words && strcmp(words, "ok") == 0;
    if (!ok && is_unread(words))
        store_fail(s, STORE_IO_ERROR, "cannot be read (%s); see to the disk, then start the replica again", words);
    else if (!ok)
        store_damaged(s, words ? words : "quick_check does not answer");
    sqlite3_finalize(st);
    return ok;
}

static bool check_owner(struct store *s)
{
    char *id, *cluster;
    bool ok = store_read_meta(s, &id, &cluster);
    if (ok && strcmp(id, s->id) != 0)
        ok = store_fail(s, STORE_BAD_DATA,
                        "the data of replica %s, not of %s; it was left alone: give it back its name", id, s->id);
    if (ok && strcmp(cluster, s->cluster) != 0)
        ok = store_fail(s, STORE_BAD_DATA,
                        "the data of a replica in cluster \"%s\", not \"%s\"; it was left alone: name that cluster, or"
                        " another directory",
                        cluster, s->cluster);
    free(id);
    free(cluster);
    return ok;
}

static bool check_all(struct store *s, struct store_found *found)
{
    if (!check_header(s) || !store_check_wal(s) || !check_tables(s) || !check_structure(s) || !check_owner(s) ||
        !store_check_log(s))
        return false;
    found->kv = store_load_kv(s);
    return found->kv && store_rewind(s);
}

/* ---- opening ---- */

static bool check_dir(struct store *s, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        return store_fail(s, STORE_NO_DIR, "the directory cannot be opened (%s); make it first, or name another",
                          strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return store_fail(s, STORE_NO_DIR, "%s is not a directory; name one", dir);
    return access(dir, R_OK | W_OK | X_OK) == 0 ||
           store_fail(s, STORE_NO_DIR, "the directory cannot be written to (%s); change that, or name another",
                      strerror(errno));
}

/* When the file is refused, SQLite must not tidy up behind us: what a killed replica left in the write-ahead log stays
 * there. */
static bool keep_wal(struct store *s, bool keep)
{
    return sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, NULL) == SQLITE_OK || store_sql_failed(s);
}

static bool open_file(struct store *s)
{
    bool keep = store_wal_bytes(s) > 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(s->path, &s->db, flags, s->vfs->zName) != SQLITE_OK)
        return store_sql_failed(s);
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return store_fail(s, STORE_NO_DIR, "cannot be opened for writing; the file must be writable for this user");
    /* Exclusive: nobody else may write, and SQLite needs no shared memory file. Full: a commit is synced. */
    return keep_wal(s, keep) &&
           store_exec(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
                         "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384");
}

static bool open_all(struct store *s, const struct store_options *o, struct store_found *found)
{
    int64_t pages;
    if ((!o->vfs && !check_dir(s, o->dir)) || !open_file(s) || !ask_number(s, "PRAGMA page_count", &pages))
        return false;
    found->fresh = pages == 0;
    if ((found->fresh && !make_tables(s, o->conf)) || !check_all(s, found) || !store_start_wal(s))
        return false;
    if (!s->begin && !prepare_all(s))
        return false;
    s->meta.boot++;
    return store_write_meta(s) && keep_wal(s, false);
}

static void fill_in(struct store *s, struct store_found *found)
{
    const struct meta *m = &s->meta;
    found->boot = (int64_t)m->boot;
    found->last = s->last;
    found->core = (struct raft_restored){.term = m->term,
                                         .voted = m->voted,
                                         .applied = m->applied,
                                         .base_index = m->base_index,
                                         .base_term = m->base_term,
                                         .base_conf = *m->base_conf ? m->base_conf : NULL,
                                         .next_entry = s->last > m->base_index ? store_next_entry : NULL,
                                         .ctx = s};
}

enum store_opened store_open(struct store **out, const struct store_options *o, struct store_found *found,
                             char err[STORE_ERR_LEN])
{
    struct store *s = calloc(1, sizeof *s);
    size_t room = strlen(o->dir) + 16;
    *out = NULL;
    *found = (struct store_found){.fresh = false};
    if (!s || !(s->path = malloc(room)) || !(s->cluster = strdup(o->cluster)))
        abort();
    s->vfs = sqlite3_vfs_find(o->vfs);
    s->checkpoint_pages = o->checkpoint_pages;
    if (!s->vfs)
        abort(); /* of a name that the caller invented */
    store_id_text(o->id, s->id);
    snprintf(s->path, room, "%s/%s.db", o->dir, s->id);
    if (open_all(s, o, found)) {
        fill_in(s, found);
        *out = s;
        return STORE_OPENED;
    }
    enum store_opened kind = s->kind;
    snprintf(err, STORE_ERR_LEN, "%s", s->error);
    kv_free(found->kv);
    found->kv = NULL;
    store_close(s);
    return kind;
}
