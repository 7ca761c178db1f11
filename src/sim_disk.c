/* sim_disk.c -- the disk as an SQLite VFS (https://www.sqlite.org/vfs.html): operations, their fates and counts. */
#include "sim_disk.h"
#include "sim_disk_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct handle {
    sqlite3_file base;
    struct sim_disk *disk;
    struct disk_file *file;
    uint64_t boot; /* of the disk, when it was opened */
};

/* ---- fates ---- */

static enum sim_disk_fate next_fate(struct sim_disk *d, enum sim_disk_op op)
{
    uint64_t number = ++d->ops[op];
    enum sim_disk_fate fate = d->faults.fate ? d->faults.fate(d->faults.ctx, op, number) : SIM_DISK_DONE;
    if (fate == SIM_DISK_KILLS)
        sim_disk_halt(d);
    return fate;
}

static bool is_done(enum sim_disk_fate fate)
{
    return fate != SIM_DISK_FAILS && fate != SIM_DISK_KILLS;
}

/* Opened before the process was killed: as if it were not there any more. */
static bool is_dead(const struct handle *h)
{
    return h->disk->halted || h->boot != h->disk->boot;
}

/* What still fits from there on, of `n` bytes. */
static size_t room_for(const struct sim_disk *d, const struct disk_file *f, uint64_t at, size_t n)
{
    uint64_t used = 0, end = at + n;
    if (!d->faults.capacity || end <= f->size)
        return n;
    for (const struct disk_file *other = d->files; other; other = other->next)
        used += other->linked || other->handles ? other->size : 0;
    uint64_t left = d->faults.capacity > used ? d->faults.capacity - used : 0, most = f->size + left;
    return end <= most ? n : most > at ? (size_t)(most - at) : 0;
}

/* ---- a file (sqlite3_io_methods) ---- */

static int file_close(sqlite3_file *file)
{
    struct handle *h = (struct handle *)file;
    if (h->file->owner == h)
        h->file->owner = NULL;
    h->file->handles--;
    if (h->disk->deferred == h->file)
        sim_disk_settle(h->disk);
    disk_sweep(h->disk);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
    struct handle *h = (struct handle *)file;
    if (is_dead(h) || !is_done(next_fate(h->disk, SIM_DISK_READ)))
        return SQLITE_IOERR_READ;
    disk_file_read(h->file, (uint64_t)at, bytes, (size_t)n);
    return (uint64_t)at + (uint64_t)n <= h->file->size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct handle *h = (struct handle *)file;
    struct sim_disk *d = h->disk;
    if (is_dead(h) || !is_done(next_fate(d, SIM_DISK_WRITE)))
        return SQLITE_IOERR_WRITE;
    size_t some = room_for(d, h->file, (uint64_t)at, (size_t)n);
    if (some)
        disk_file_write(h->file, ++d->changes, (uint64_t)at, bytes, some);
    d->bytes += some;
    return some == (size_t)n ? SQLITE_OK : SQLITE_FULL;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *h = (struct handle *)file;
    if (is_dead(h) || !is_done(next_fate(h->disk, SIM_DISK_TRUNCATE)))
        return SQLITE_IOERR_TRUNCATE;
    if ((uint64_t)size < h->file->size)
        disk_file_truncate(h->file, ++h->disk->changes, (uint64_t)size);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    struct handle *h = (struct handle *)file;
    if (is_dead(h))
        return SQLITE_IOERR_FSYNC;
    sim_disk_settle(h->disk);
    switch (next_fate(h->disk, SIM_DISK_SYNC)) {
    case SIM_DISK_DEFERS:
        h->disk->deferred = h->file;
        return SQLITE_OK;
    case SIM_DISK_DONE:
        disk_file_sync(h->file);
        disk_sync_names(h->disk);
        return SQLITE_OK;
    case SIM_DISK_LIES:
        return SQLITE_OK;
    case SIM_DISK_FAILS:
        disk_file_doom(h->file);
        return SQLITE_IOERR_FSYNC;
    case SIM_DISK_KILLS:
        break;
    }
    return SQLITE_IOERR_FSYNC;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct handle *h = (struct handle *)file;
    *size = (sqlite3_int64)h->file->size;
    return is_dead(h) ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* Of one file's handles only one has any lock: stricter than SQLite asks, and what a store with its own file needs. */
static int file_lock(sqlite3_file *file, int level)
{
    (void)level;
    struct handle *h = (struct handle *)file;
    if (is_dead(h))
        return SQLITE_IOERR_LOCK;
    if (h->file->owner && h->file->owner != h)
        return SQLITE_BUSY;
    h->file->owner = h;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct handle *h = (struct handle *)file;
    if (h->file->owner == h && level == SQLITE_LOCK_NONE)
        h->file->owner = NULL;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *reserved)
{
    struct handle *h = (struct handle *)file;
    *reserved = h->file->owner && h->file->owner != h;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

/* As SQLite's own VFS for Unix. */
static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* No shared memory: with PRAGMA locking_mode = EXCLUSIVE none is needed. */
static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_check_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector_size,
                                           .xDeviceCharacteristics = file_characteristics};

/* ---- the disk (sqlite3_vfs) ---- */

/* SQLite has one generator for the process, and seeds it from the system. */
static void seed_sqlite(struct sim_disk *d)
{
    int seed = (int)(rng_next(&d->rng) >> 33);
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed | 1, NULL);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct sim_disk *d = vfs->pAppData;
    struct handle *h = (struct handle *)file;
    struct disk_file *f = name && !d->halted ? disk_find(d, name) : NULL;
    file->pMethods = NULL;
    if (!name || d->halted || (!f && !(flags & SQLITE_OPEN_CREATE)) || (!f && !is_done(next_fate(d, SIM_DISK_CREATE))))
        return SQLITE_CANTOPEN;
    if (!f)
        f = disk_create(d, name);
    if (flags & SQLITE_OPEN_MAIN_DB)
        seed_sqlite(d);
    f->handles++;
    *h = (struct handle){.base.pMethods = &methods, .disk = d, .file = f, .boot = d->boot};
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int disk_remove(sqlite3_vfs *vfs, const char *name, int durable)
{
    struct sim_disk *d = vfs->pAppData;
    struct disk_file *f = d->halted ? NULL : disk_find(d, name);
    if (!f)
        return d->halted ? SQLITE_IOERR_DELETE : SQLITE_IOERR_DELETE_NOENT;
    if (!is_done(next_fate(d, SIM_DISK_DELETE)))
        return SQLITE_IOERR_DELETE;
    disk_delete(d, f);
    if (durable)
        disk_sync_names(d);
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    const struct sim_disk *d = vfs->pAppData;
    const struct disk_file *f = disk_find(d, name);
    *result = f && (flags != SQLITE_ACCESS_EXISTS || f->size > 0); /* so does SQLite's for Unix */
    return d->halted ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int room, char *full)
{
    (void)vfs;
    int n = snprintf(full, (size_t)room, "%s", name);
    return n >= 0 && n < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int disk_randomness(sqlite3_vfs *vfs, int n, char *bytes)
{
    struct sim_disk *d = vfs->pAppData;
    for (int i = 0; i < n; i++)
        bytes[i] = (char)(rng_next(&d->rng) >> 56);
    return n;
}

static int disk_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

/* Nothing in the file depends on it. */
static int disk_time(sqlite3_vfs *vfs, double *days)
{
    (void)vfs;
    *days = 2440587.5; /* 1970-01-01, in Julian days */
    return SQLITE_OK;
}

static int disk_last_error(sqlite3_vfs *vfs, int room, char *words)
{
    (void)vfs;
    (void)room;
    (void)words;
    return 0;
}

/* One thread has all disks, and nobody asks how much memory there is: a fifth of the time of a save. In vain once
 * SQLite is in use, for which nothing is lost but that. */
static void hurry_sqlite(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct sim_disk *sim_disk_new(uint64_t seed)
{
    struct sim_disk *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    hurry_sqlite();
    rng_seed(&d->rng, seed);
    snprintf(d->vfs_name, sizeof d->vfs_name, "sim-disk-%" PRIxPTR, (uintptr_t)d);
    d->vfs = (sqlite3_vfs){.iVersion = 1,
                           .szOsFile = sizeof(struct handle),
                           .mxPathname = 512,
                           .zName = d->vfs_name,
                           .pAppData = d,
                           .xOpen = disk_open,
                           .xDelete = disk_remove,
                           .xAccess = disk_access,
                           .xFullPathname = disk_full_name,
                           .xRandomness = disk_randomness,
                           .xSleep = disk_sleep,
                           .xCurrentTime = disk_time,
                           .xGetLastError = disk_last_error};
    if (sqlite3_vfs_register(&d->vfs, 0) != SQLITE_OK)
        abort();
    return d;
}

void sim_disk_free(struct sim_disk *d)
{
    if (!d)
        return;
    sqlite3_vfs_unregister(&d->vfs);
    for (struct disk_file *f = d->files, *next; f; f = next) {
        next = f->next;
        disk_file_free(f);
    }
    free(d->names);
    free(d);
}

const char *sim_disk_vfs(const struct sim_disk *d)
{
    return d->vfs_name;
}

void sim_disk_set_faults(struct sim_disk *d, const struct sim_disk_faults *f)
{
    d->faults = *f;
}

struct sim_disk_counts sim_disk_counts(const struct sim_disk *d)
{
    return (struct sim_disk_counts){.reads = d->ops[SIM_DISK_READ],
                                    .writes = d->ops[SIM_DISK_WRITE],
                                    .syncs = d->ops[SIM_DISK_SYNC],
                                    .bytes = d->bytes};
}

void sim_disk_settle(struct sim_disk *d)
{
    if (d->deferred) {
        disk_file_sync(d->deferred);
        disk_sync_names(d);
    }
    d->deferred = NULL;
}

void sim_disk_halt(struct sim_disk *d)
{
    d->deferred = NULL;
    d->halted = true;
    d->boot++;
    for (struct disk_file *f = d->files; f; f = f->next)
        f->owner = NULL;
}

void sim_disk_resume(struct sim_disk *d, const struct sim_disk_power *power)
{
    if (power)
        disk_lose_power(d, power);
    d->halted = false;
}

uint64_t sim_disk_size(const struct sim_disk *d, const char *file)
{
    const struct disk_file *f = disk_find(d, file);
    return f ? f->size : 0;
}

bool sim_disk_rot(struct sim_disk *d, const char *file, uint64_t byte, unsigned bit)
{
    struct disk_file *f = disk_find(d, file);
    return f && disk_file_rot(f, byte, bit);
}

bool sim_disk_is_latest(const struct sim_disk *d, const char *file, uint64_t byte)
{
    const struct disk_file *f = disk_find(d, file);
    return f && byte / SIM_DISK_SECTOR >= f->latest && byte / SIM_DISK_SECTOR < f->latest_end;
}
