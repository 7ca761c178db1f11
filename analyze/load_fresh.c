/* load_fresh.c -- is a run's database still the one its traces make? */
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "trace.h"
#include "db.h"

static bool later(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* Does the database know a file of that name and size? The directory may have been moved: its name does not count. */
static bool known(struct db *db, sqlite3_stmt *q, const char *name, int64_t size)
{
    db_bind_text(db, q, ":name", name);
    db_bind_int(db, q, ":size", size);
    bool found = db_row(db, q);
    sqlite3_reset(q);
    return found;
}

/* Without the room at its end: a trace that is being written grows without getting longer. */
static int64_t size_of(const char *path)
{
    char err[TRACE_ERR_LEN];
    struct trace_reader *r = trace_reader_open(path, err);
    int64_t size = r != NULL ? (int64_t)trace_reader_size(r) : -1;
    trace_reader_close(r);
    return size;
}

/* Files that another load has appended are no reason: then only the directory's own have to be there. */
static bool same_files(const char *dir, const char *db_path, const struct stat *made)
{
    struct db db;
    int64_t files = 0;
    bool same = db_open(&db, db_path, false);
    sqlite3_stmt *q = db_prepare(&db, "SELECT 1 FROM sources WHERE bytes = :size AND (path = :name"
                                      " OR substr(path, -length(:name) - 1) = '/' || :name)");
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (same && d != NULL && (e = readdir(d)) != NULL) {
        char path[8192];
        struct stat trace;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (!load_is_trace(e->d_name) || stat(path, &trace) != 0)
            continue;
        files++;
        same = !later(&trace, made) && /* a compressed one is known by its whole size */
               (known(&db, q, e->d_name, trace.st_size) || known(&db, q, e->d_name, size_of(path)));
    }
    if (d != NULL)
        closedir(d);
    db_done(&db, q);
    if (same && db_int(&db, "SELECT count(*) FROM runs", 0) == 1)
        same = files == db_int(&db, "SELECT count(*) FROM sources", 0);
    same = same && !db.failed;
    db_close(&db);
    return same;
}

static bool has_traces(const char *dir)
{
    bool any = false;
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (!any && d != NULL && (e = readdir(d)) != NULL)
        any = load_is_trace(e->d_name);
    if (d != NULL)
        closedir(d);
    return any;
}

bool load_needed(const char *dir, const char *db_path)
{
    struct stat made;
    if (stat(db_path, &made) != 0)
        return true;
    enum db_kind kind = db_kind(db_path);
    if (kind == DB_FOREIGN || !has_traces(dir))
        return false; /* opening it says why not */
    return kind != DB_OURS || !same_files(dir, db_path, &made);
}
