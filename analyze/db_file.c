/* db_file.c -- see db_file.h. */
#include "db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "mem.h"

/* A database takes the place of a file, or of nothing: never of a device, a pipe or a directory. A symbolic link keeps
 * being one: what it names is replaced. */
static bool replaceable(const char *command, char *path, size_t n, int *status)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true; /* absent; or else creating it fails */
    if (S_ISLNK(st.st_mode)) {
        char *real = realpath(path, NULL);
        if (real == NULL || strlen(real) >= n || stat(real, &st) != 0) {
            *status = cli_fail(EXIT_CANTCREATE, command, "%s is a link to nothing: not followed", path);
            free(real);
            return false;
        }
        snprintf(path, n, "%s", real);
        free(real);
    }
    if (!S_ISREG(st.st_mode))
        *status = cli_fail(EXIT_CANTCREATE, command, "%s exists and is not a file: not overwritten", path);
    return *status == 0;
}

bool db_file_target(const char *command, char *path, size_t n, bool own, int *status)
{
    if (!replaceable(command, path, n, status))
        return false;
    enum db_kind kind = db_kind(path);
    if (kind == DB_FOREIGN || (kind == DB_DAMAGED && !own))
        *status = cli_fail(EXIT_CANTCREATE, command,
                           "%s exists and is not a database of analyze: not overwritten; move it away, or name another"
                           " with -o",
                           path);
    return *status == 0;
}

/* Takes the name X.tmp for this process: two loads at once must not write one file. Returns the locked descriptor. */
static int take_tmp(const char *command, const char *tmp, int *status)
{
    for (;;) {
        struct stat mine, named;
        if (lstat(tmp, &named) == 0 && !S_ISREG(named.st_mode)) {
            *status = cli_fail(EXIT_CANTCREATE, command, "%s exists and is not a file: move it away", tmp);
            return -1;
        }
        int fd = open(tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) {
            *status = cli_fail(EXIT_CANTCREATE, command, "cannot create %s: %s; the database can be elsewhere: -o DB",
                               tmp, strerror(errno));
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            *status = cli_fail(EXIT_CANTCREATE, command, "another analyze is writing %s", tmp);
            close(fd);
            return -1;
        }
        if (fstat(fd, &mine) == 0 && stat(tmp, &named) == 0 && mine.st_ino == named.st_ino &&
            mine.st_dev == named.st_dev)
            return fd;
        close(fd); /* it was renamed while we waited */
    }
}

static bool copy_file(const char *command, const char *from, int to, int *status)
{
    char chunk[65536];
    size_t n;
    FILE *f = fopen(from, "rb");
    bool ok = f != NULL && ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0;
    while (ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        ok = write(to, chunk, n) == (ssize_t)n;
    ok = ok && !ferror(f);
    if (!ok)
        *status = cli_fail(EXIT_IO, command, "cannot copy %s: %s", from, strerror(errno));
    if (f != NULL)
        fclose(f);
    return ok;
}

/* The indexes of the runs that are there are made anew with the new run's: faster than keeping them up to date. */
static void drop_indexes(struct db *db)
{
    char *all = NULL;
    sqlite3_stmt *q = db_prepare(db, "SELECT group_concat('DROP INDEX ' || name, ';') FROM sqlite_master"
                                     " WHERE type = 'index' AND sql IS NOT NULL");
    if (db_row(db, q) && sqlite3_column_type(q, 0) == SQLITE_TEXT)
        all = mem_text((const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
    db_done(db, q);
    if (all != NULL)
        db_exec(db, all);
    free(all);
}

bool db_file_begin(struct db_file *f, struct db *db, const char *command, const char *path, bool append, int *status)
{
    snprintf(f->path, sizeof f->path, "%s", path);
    snprintf(f->tmp, sizeof f->tmp, "%s.tmp", f->path);
    f->fd = take_tmp(command, f->tmp, status);
    if (f->fd < 0)
        return false;
    if (append && !copy_file(command, f->path, f->fd, status)) {
        unlink(f->tmp);
        close(f->fd);
        return false;
    }
    if (!append) {
        db_create(db, f->tmp);
    } else if (db_open(db, f->tmp, true)) {
        db_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
        drop_indexes(db);
    }
    return true;
}

void db_file_end(struct db_file *f, struct db *db, const char *command, int *status)
{
    db_close(db);
    if (*status == 0 && rename(f->tmp, f->path) != 0)
        *status = cli_fail(EXIT_CANTCREATE, command, "cannot rename %s to %s: %s", f->tmp, f->path, strerror(errno));
    if (*status != 0)
        unlink(f->tmp);
    close(f->fd);
}
