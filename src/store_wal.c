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
#define FRAMES_AT_ONCE     16 /* read */

/* ---- is it whole? ---- */

struct wal {
    sqlite3_file *file;
    sqlite3_int64 n;
    unsigned char header[HEADER_BYTES];
    size_t page;
    bool big_endian; /* the words that are summed */
    uint32_t sum[2]; /* up to here */
    bool sound;      /* so far */
    sqlite3_int64 sound_bytes;
    unsigned commits_after; /* what is not */
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
    uint32_t magic = word(w->header, true);
    w->page = word(w->header + 8, true);
    w->big_endian = magic & 1;
    add(w, w->header, 24);
    return (magic & ~UINT32_C(1)) == 0x377f0682 && w->page >= 512 && w->page <= 65536 && w->page % 8 == 0 &&
           sum_is(w, w->header + 24);
}

/* Not left over from before the log was begun anew. */
static bool is_of_this_log(const struct wal *w, const unsigned char *frame)
{
    return memcmp(frame + 8, w->header + 16, 8) == 0;
}

static bool is_commit(const unsigned char *frame)
{
    return word(frame + 4, true) != 0;
}

static void look_at(struct wal *w, const unsigned char *frame)
{
    if (w->sound) {
        add(w, frame, 8);
        add(w, frame + FRAME_HEADER_BYTES, w->page);
        w->sound = is_of_this_log(w, frame) && sum_is(w, frame + 16);
        w->sound_bytes += w->sound ? FRAME_HEADER_BYTES + (sqlite3_int64)w->page : 0;
    }
    if (!w->sound && is_of_this_log(w, frame) && is_commit(frame))
        w->commits_after++;
}

static bool read_at(const struct wal *w, void *bytes, size_t n, sqlite3_int64 at)
{
    return w->file->pMethods->xRead(w->file, bytes, (int)n, at) == SQLITE_OK;
}

/* False: they cannot be read. */
static bool look_at_frames(struct wal *w)
{
    size_t frame = FRAME_HEADER_BYTES + w->page;
    sqlite3_int64 frames = (w->n - HEADER_BYTES) / (sqlite3_int64)frame;
    unsigned char *some = malloc(FRAMES_AT_ONCE * frame);
    bool read = true;
    if (!some)
        abort();
    for (sqlite3_int64 i = 0; read && i < frames; i += FRAMES_AT_ONCE) {
        size_t n = (size_t)(frames - i < FRAMES_AT_ONCE ? frames - i : FRAMES_AT_ONCE);
        read = read_at(w, some, n * frame, HEADER_BYTES + i * (sqlite3_int64)frame);
        for (size_t k = 0; read && k < n; k++)
            look_at(w, some + k * frame);
    }
    free(some);
    return read;
}

/* Sets `whole`. False: it cannot be read. */
static bool look_at_wal(struct wal *w, bool *whole)
{
    *whole = true;
    if (w->n <= HEADER_BYTES)
        return true; /* nothing was ever in it */
    if (!read_at(w, w->header, HEADER_BYTES, 0))
        return false;
    *whole = w->sound = header_is_sound(w); /* it is synced before the first frame */
    if (!w->sound)
        return true;
    w->sound_bytes = HEADER_BYTES;
    bool read = look_at_frames(w);
    *whole = w->commits_after < 2;
    return read;
}

/* NULL: there is none, or it cannot be opened; then SQLite will say so. */
static sqlite3_file *open_wal(const struct store *s)
{
    size_t room = strlen(s->path) + 5;
    sqlite3_file *f = calloc(1, (size_t)s->vfs->szOsFile + room); /* its name lives as long as it is open */
    if (!f)
        abort();
    char *path = (char *)f + s->vfs->szOsFile;
    int there = 0;
    snprintf(path, room, "%s-wal", s->path);
    if (s->vfs->xAccess(s->vfs, path, SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there &&
        s->vfs->xOpen(s->vfs, path, f, SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, NULL) == SQLITE_OK)
        return f;
    free(f);
    return NULL;
}

static void close_wal(sqlite3_file *f)
{
    f->pMethods->xClose(f);
    free(f);
}

uint64_t store_wal_bytes(const struct store *s)
{
    sqlite3_file *f = open_wal(s);
    sqlite3_int64 size = 0;
    if (!f)
        return 0;
    if (f->pMethods->xFileSize(f, &size) != SQLITE_OK)
        size = 0;
    close_wal(f);
    return (uint64_t)size;
}

bool store_check_wal(struct store *s)
{
    struct wal w = {.file = open_wal(s)};
    bool whole = true;
    if (!w.file)
        return true;
    bool read = w.file->pMethods->xFileSize(w.file, &w.n) == SQLITE_OK && look_at_wal(&w, &whole);
    close_wal(w.file);
    s->wal_sound = w.sound_bytes;
    if (!read)
        return store_fail(s, STORE_IO_ERROR, "its write-ahead log cannot be read; see to the disk");
    return whole || store_damaged(s, "its write-ahead log is not as it was written");
}

/* ---- beginning anew ---- */

/* NULL: none is open. */
static sqlite3_file *wal_of(sqlite3 *db)
{
    sqlite3_file *f = NULL;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f) == SQLITE_OK && f && f->pMethods ? f
                                                                                                               : NULL;
}

/* A sync may have failed before we were started. Then Linux keeps what it did not save, and lets us read it, but takes
 * it for saved: no later sync writes it, and the next power failure takes it away, under a file that goes on from it
 * (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). What is written once more is
 * saved, or refused. */
static bool write_again(struct store *s)
{
    unsigned char some[1 << 14];
    sqlite3_file *f = s->wal_sound ? wal_of(s->db) : NULL;
    if (!f)
        return true;
    int code = SQLITE_OK, n;
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < s->wal_sound; at += n) {
        n = s->wal_sound - at < (sqlite3_int64)sizeof some ? (int)(s->wal_sound - at) : (int)sizeof some;
        code = f->pMethods->xRead(f, some, n, at);
        if (code == SQLITE_OK)
            code = f->pMethods->xWrite(f, some, n, at);
    }
    if (code == SQLITE_OK)
        code = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
    return code == SQLITE_OK ||
           store_fail(s, STORE_IO_ERROR, "its write-ahead log cannot be written (%s); see to the disk",
                      sqlite3_errstr(code));
}

/* What is remembered of the size only tells that there is enough; before anything is written the file is asked. Not
 * after each commit: a file whose time of change was looked at gets a new one with the next write (Linux, "multigrain
 * timestamps"), else every few milliseconds; and ext4 without a journal writes a changed inode in each sync, and waits
 * for it, a third of the time of a commit. */
static void lengthen(struct store *s, int64_t used)
{
    static const char zeros[1 << 16];
    sqlite3_file *f = wal_of(s->db);
    sqlite3_int64 size;
    if (s->wal_bytes - used > BYTES_AHEAD / 2 || !f || f->pMethods->xFileSize(f, &size) != SQLITE_OK)
        return;
    /* Where there is no room the commit that needs it will say so. */
    sqlite3_int64 end = size - used > BYTES_AHEAD / 2 ? size : size + BYTES_AHEAD;
    for (; size < end; size += (int64_t)sizeof zeros)
        if (f->pMethods->xWrite(f, zeros, sizeof zeros, size) != SQLITE_OK)
            break;
    s->wal_bytes = size;
}

/* After each commit; `pages` are in the log then. */
static int committed(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *s = ctx;
    if (pages <= s->wal_pages)
        s->wal_bytes = 0; /* begun anew: SQLite may have cut it to BYTES_KEPT */
    s->wal_pages = pages;
    if (pages >= s->checkpoint_pages)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                        NULL); /* else after the next commit */
    else
        lengthen(s, HEADER_BYTES + (int64_t)pages * (FRAME_HEADER_BYTES + PAGE_BYTES));
    return SQLITE_OK;
}

bool store_start_wal(struct store *s)
{
    if (s->checkpoint_pages <= 0)
        s->checkpoint_pages = CHECKPOINT_PAGES;
    sqlite3_stmt *st;
    if (!write_again(s) || !store_prepare(s, &st, "PRAGMA journal_mode = WAL"))
        return false;
    const char *mode = store_next(s, st) ? store_text(st, 0, SIZE_MAX) : NULL;
    bool ok = mode && strcmp(mode, "wal") == 0 && !store_next(s, st) && !s->failed; /* it is done at its end only */
    sqlite3_finalize(st);
    if (!ok)
        return store_fail(s, STORE_IO_ERROR, "no write-ahead log can be kept there; name a directory on a local disk");
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA journal_size_limit = %d", BYTES_KEPT);
    sqlite3_wal_hook(s->db, committed, s); /* in the place of SQLite's own, which checkpoints every 1,000 pages */
    /* The leftovers of a failed power must not be found beside those of the next. */
    return store_exec(s, pragma) &&
           (sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK ||
            store_sql_failed(s));
}
