/* store_wal.c -- SQLite's write-ahead log: when it is begun anew, and whether what is in it after a kill is whole.
 *
 * SQLite takes a frame whose checksum is wrong, and all that follow it, for a transaction that was under way when the
 * power failed. That is right for the last transaction only: each commit is synced before the next one begins, so what
 * stands before two commits was on stable storage. Damage there would take back what had been acknowledged, a vote
 * perhaps, without a word; it is refused instead. (https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log") */
#include "store_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Pages in it (4 KiB each) after which it is copied into the file and begun anew. Often enough that a start after kill
 * -9 is short; rarely enough that its own syncs do not matter. */
#define CHECKPOINT_PAGES 4096
/* What is left of it on disk after a snapshot was installed, at most. */
#define BYTES_KEPT (64 << 20)

/* Its file is this much longer than what is in it, filled with zeros. Then a commit only writes over what is there, and
 * its sync need not write the file's new length and place as well: half the time, on ext4. */
#define BYTES_AHEAD (1 << 20)
#define PAGE_BYTES  4096 /* SQLite's default */

#define HEADER_BYTES       32
#define FRAME_HEADER_BYTES 24

/* ---- is it whole? ---- */

struct wal {
    const unsigned char *bytes;
    size_t n, page;
    bool big_endian; /* the words that are summed */
    uint32_t sum[2]; /* up to here */
};

static uint32_t word(const unsigned char *p, bool big_endian)
{
    return big_endian ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                      : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add(struct wal *w, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        w->sum[0] += word(p + i, w->big_endian) + w->sum[1];
        w->sum[1] += word(p + i + 4, w->big_endian) + w->sum[0];
    }
}

static bool sum_is(const struct wal *w, const unsigned char *p)
{
    return word(p, true) == w->sum[0] && word(p + 4, true) == w->sum[1];
}

static bool header_is_sound(struct wal *w)
{
    uint32_t magic = word(w->bytes, true);
    w->page = word(w->bytes + 8, true);
    w->big_endian = magic & 1;
    add(w, w->bytes, 24);
    return (magic & ~UINT32_C(1)) == 0x377f0682 && w->page >= 512 && w->page <= 65536 && w->page % 8 == 0 &&
           sum_is(w, w->bytes + 24);
}

/* Not left over from before the log was begun anew. */
static bool is_of_this_log(const struct wal *w, const unsigned char *frame)
{
    return memcmp(frame + 8, w->bytes + 16, 8) == 0;
}

static bool is_commit(const unsigned char *frame)
{
    return word(frame + 4, true) != 0;
}

static bool is_whole(struct wal *w)
{
    if (w->n <= HEADER_BYTES)
        return true; /* nothing was ever in it */
    if (!header_is_sound(w))
        return false; /* it is synced before the first frame */
    unsigned commits_after = 0;
    bool sound = true;
    for (size_t at = HEADER_BYTES; w->n - at >= FRAME_HEADER_BYTES + w->page; at += FRAME_HEADER_BYTES + w->page) {
        const unsigned char *frame = w->bytes + at;
        if (sound) {
            add(w, frame, 8);
            add(w, frame + FRAME_HEADER_BYTES, w->page);
            sound = is_of_this_log(w, frame) && sum_is(w, frame + 16);
        }
        if (!sound && is_of_this_log(w, frame) && is_commit(frame))
            commits_after++;
    }
    return commits_after < 2;
}

static char *wal_path(const struct store *s)
{
    size_t room = strlen(s->path) + 5;
    char *path = malloc(room);
    if (!path)
        abort();
    snprintf(path, room, "%s-wal", s->path);
    return path;
}

uint64_t store_wal_bytes(const struct store *s)
{
    struct stat st;
    char *path = wal_path(s);
    bool there = stat(path, &st) == 0;
    free(path);
    return there ? (uint64_t)st.st_size : 0;
}

bool store_check_wal(struct store *s)
{
    char *path = wal_path(s);
    size_t room = (size_t)store_wal_bytes(s);
    FILE *f = fopen(path, "rb");
    free(path);
    if (!f)
        return true;
    unsigned char *bytes = malloc(room + 1);
    if (!bytes)
        abort();
    struct wal w = {.bytes = bytes, .n = fread(bytes, 1, room, f)};
    bool read = !ferror(f), whole = is_whole(&w);
    fclose(f);
    free(bytes);
    if (!read)
        return store_fail(s, STORE_IO_ERROR, "its write-ahead log cannot be read; see to the disk");
    return whole || store_damaged(s, "its write-ahead log is not as it was written");
}

/* ---- beginning anew ---- */

static void lengthen(sqlite3 *db, int64_t used)
{
    static const char zeros[1 << 16];
    sqlite3_file *f = NULL;
    sqlite3_int64 size;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f) != SQLITE_OK || !f || !f->pMethods ||
        f->pMethods->xFileSize(f, &size) != SQLITE_OK || size - used > BYTES_AHEAD / 2)
        return;
    /* Where there is no room the commit that needs it will say so. */
    for (int64_t end = size + BYTES_AHEAD; size < end; size += (int64_t)sizeof zeros)
        if (f->pMethods->xWrite(f, zeros, sizeof zeros, size) != SQLITE_OK)
            return;
}

/* After each commit; `pages` are in the log then. */
static int committed(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)ctx;
    if (pages >= CHECKPOINT_PAGES)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                        NULL); /* else after the next commit */
    else
        lengthen(db, HEADER_BYTES + (int64_t)pages * (FRAME_HEADER_BYTES + PAGE_BYTES));
    return SQLITE_OK;
}

bool store_start_wal(struct store *s)
{
    sqlite3_stmt *st;
    if (!store_prepare(s, &st, "PRAGMA journal_mode = WAL"))
        return false;
    const char *mode = store_next(s, st) ? store_text(st, 0, SIZE_MAX) : NULL;
    bool ok = mode && strcmp(mode, "wal") == 0 && !store_next(s, st) && !s->failed; /* it is done at its end only */
    sqlite3_finalize(st);
    if (!ok)
        return store_fail(s, STORE_IO_ERROR, "no write-ahead log can be kept there; name a directory on a local disk");
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA journal_size_limit = %d", BYTES_KEPT);
    sqlite3_wal_hook(s->db, committed, NULL); /* in the place of SQLite's own, which checkpoints every 1,000 pages */
    /* The leftovers of a failed power must not be found beside those of the next. */
    return store_exec(s, pragma) &&
           (sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK ||
            store_sql_failed(s));
}
