/* sim_disk_file.c -- the bytes of one file, in chunks that are missing where all is zero, and the changes since the
 * last sync, each with the older bytes of its sectors. */
#include "sim_disk_int.h"

#include <stdlib.h>
#include <string.h>

static void *grown(void *v, size_t bytes)
{
    v = realloc(v, bytes);
    if (!v)
        abort();
    return v;
}

static size_t least(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static bool all_zero(const unsigned char *bytes, size_t n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

struct disk_file *disk_file_new(const char *name)
{
    struct disk_file *f = calloc(1, sizeof *f);
    if (!f || !(f->name = strdup(name)))
        abort();
    return f;
}

static void free_chunks(unsigned char **chunks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(chunks[i]);
    free(chunks);
}

void disk_file_forget_changes(struct disk_file *f)
{
    for (size_t i = 0; i < f->n_changes; i++)
        free_chunks(f->changes[i].cut, f->changes[i].cut_n);
    f->n_changes = 0;
    f->undo_used = 0;
}

void disk_file_free(struct disk_file *f)
{
    disk_file_forget_changes(f);
    free_chunks(f->chunks, f->n_chunks);
    free(f->changes);
    free(f->undo);
    free(f->doomed);
    free(f->name);
    free(f);
}

/* ---- bytes ---- */

static unsigned char *chunk_for_writing(struct disk_file *f, size_t i)
{
    if (i >= f->n_chunks) {
        size_t n = i + 1 > 2 * f->n_chunks ? i + 1 : 2 * f->n_chunks;
        f->chunks = grown(f->chunks, n * sizeof *f->chunks);
        memset(f->chunks + f->n_chunks, 0, (n - f->n_chunks) * sizeof *f->chunks);
        f->n_chunks = n;
    }
    if (!f->chunks[i] && !(f->chunks[i] = calloc(1, DISK_CHUNK)))
        abort();
    return f->chunks[i];
}

static bool is_hole(const struct disk_file *f, uint64_t at, uint64_t end)
{
    for (size_t i = (size_t)(at / DISK_CHUNK); i < f->n_chunks && (uint64_t)i * DISK_CHUNK < end; i++)
        if (f->chunks[i])
            return false;
    return true;
}

void disk_file_read(const struct disk_file *f, uint64_t at, unsigned char *bytes, size_t n)
{
    while (n) {
        size_t i = (size_t)(at / DISK_CHUNK), from = (size_t)(at % DISK_CHUNK), some = least(n, DISK_CHUNK - from);
        if (i < f->n_chunks && f->chunks[i])
            memcpy(bytes, f->chunks[i] + from, some);
        else
            memset(bytes, 0, some);
        bytes += some;
        at += some;
        n -= some;
    }
}

static void put(struct disk_file *f, uint64_t at, const unsigned char *bytes, size_t n)
{
    while (n) {
        size_t from = (size_t)(at % DISK_CHUNK), some = least(n, DISK_CHUNK - from);
        memcpy(chunk_for_writing(f, (size_t)(at / DISK_CHUNK)) + from, bytes, some);
        bytes += some;
        at += some;
        n -= some;
    }
}

void disk_file_put(struct disk_file *f, uint64_t sector, const unsigned char *bytes)
{
    put(f, sector * SIM_DISK_SECTOR, bytes, SIM_DISK_SECTOR);
}

void disk_file_clip(struct disk_file *f, uint64_t size)
{
    size_t kept = (size_t)(size / DISK_CHUNK), from = (size_t)(size % DISK_CHUNK);
    if (from && kept < f->n_chunks && f->chunks[kept])
        memset(f->chunks[kept] + from, 0, DISK_CHUNK - from);
    for (size_t i = kept + (from != 0); i < f->n_chunks; i++) {
        free(f->chunks[i]);
        f->chunks[i] = NULL;
    }
    f->size = size;
}

/* ---- changes ---- */

static struct disk_change *new_change(struct disk_file *f, uint64_t number)
{
    if (f->n_changes == f->changes_room) {
        f->changes_room = f->changes_room ? 2 * f->changes_room : 16;
        f->changes = grown(f->changes, f->changes_room * sizeof *f->changes);
    }
    struct disk_change *c = &f->changes[f->n_changes++];
    *c = (struct disk_change){.number = number, .size_before = f->size, .size_after = f->size};
    return c;
}

static void keep_for_undo(struct disk_file *f, struct disk_change *c)
{
    size_t n = (size_t)c->sectors * SIM_DISK_SECTOR;
    if (f->undo_used + n > f->undo_room) {
        f->undo_room = 2 * f->undo_room > f->undo_used + n ? 2 * f->undo_room : f->undo_used + n;
        f->undo = grown(f->undo, f->undo_room);
    }
    disk_file_read(f, c->sector * SIM_DISK_SECTOR, f->undo + f->undo_used, n);
    c->undo = f->undo_used;
    f->undo_used += n;
}

void disk_file_write(struct disk_file *f, uint64_t number, uint64_t at, const unsigned char *bytes, size_t n)
{
    struct disk_change *c = new_change(f, number);
    c->sector = at / SIM_DISK_SECTOR;
    c->sectors = (at + n + SIM_DISK_SECTOR - 1) / SIM_DISK_SECTOR - c->sector;
    c->was_zero = is_hole(f, at, at + n);
    if ((c->was_zero || at >= f->size) && all_zero(bytes, n)) {
        c->sectors = 0; /* as it was, but for the size */
    } else {
        if (!c->was_zero)
            keep_for_undo(f, c);
        put(f, at, bytes, n);
    }
    if (at + n > f->size)
        f->size = c->size_after = at + n;
}

void disk_file_truncate(struct disk_file *f, uint64_t number, uint64_t size)
{
    struct disk_change *c = new_change(f, number);
    c->size_after = size;
    c->cut_first = (size_t)(size / DISK_CHUNK);
    c->cut_n = f->n_chunks > c->cut_first ? f->n_chunks - c->cut_first : 0;
    if (c->cut_n) {
        size_t from = (size_t)(size % DISK_CHUNK);
        unsigned char **cut = c->cut = calloc(c->cut_n, sizeof *cut), *end = NULL;
        if (!cut)
            abort();
        memcpy(cut, f->chunks + c->cut_first, c->cut_n * sizeof *cut);
        memset(f->chunks + c->cut_first, 0, c->cut_n * sizeof *cut);
        if (from && cut[0]) {
            end = chunk_for_writing(f, c->cut_first);
            memcpy(end, cut[0], from);
        }
    }
    f->size = size;
}

void disk_file_uncut(struct disk_file *f, struct disk_change *c)
{
    size_t from = (size_t)(c->size_after % DISK_CHUNK);
    disk_file_clip(f, c->size_after);
    for (size_t i = 0; i < c->cut_n; i++) {
        const unsigned char *chunk = c->cut[i];
        size_t skipped = i == 0 ? from : 0; /* before the cut: what later changes made of it */
        if (chunk)
            put(f, (uint64_t)(c->cut_first + i) * DISK_CHUNK + skipped, chunk + skipped, DISK_CHUNK - skipped);
    }
}

/* ---- durable, or not ---- */

static struct disk_doomed *find_doomed(const struct disk_file *f, uint64_t sector)
{
    for (size_t i = 0; i < f->n_doomed; i++)
        if (f->doomed[i].sector == sector)
            return &f->doomed[i];
    return NULL;
}

static void spare(struct disk_file *f, struct disk_doomed *one)
{
    *one = f->doomed[--f->n_doomed];
}

/* What the changes wrote over, or cut off, is as it is now. */
static void spare_changed(struct disk_file *f)
{
    for (const struct disk_change *c = f->changes; c < f->changes + f->n_changes; c++)
        for (size_t i = f->n_doomed; i-- > 0;) {
            uint64_t sector = f->doomed[i].sector;
            if ((sector >= c->sector && sector - c->sector < c->sectors) ||
                (c->size_after < c->size_before && sector * SIM_DISK_SECTOR >= c->size_after))
                spare(f, &f->doomed[i]);
        }
}

void disk_file_sync(struct disk_file *f)
{
    uint64_t from = UINT64_MAX, end = 0;
    for (const struct disk_change *c = f->changes; c < f->changes + f->n_changes; c++)
        if (c->sectors) {
            from = c->sector < from ? c->sector : from;
            end = c->sector + c->sectors > end ? c->sector + c->sectors : end;
        }
    if (end) {
        f->latest = from;
        f->latest_end = end;
    }
    if (f->n_doomed)
        spare_changed(f);
    disk_file_forget_changes(f);
}

static void doom(struct disk_file *f, const struct disk_change *c, uint64_t i)
{
    if (find_doomed(f, c->sector + i))
        return; /* with what was there before that */
    f->doomed = grown(f->doomed, (f->n_doomed + 1) * sizeof *f->doomed);
    struct disk_doomed *one = &f->doomed[f->n_doomed++];
    one->sector = c->sector + i;
    if (c->was_zero)
        memset(one->old, 0, sizeof one->old);
    else
        memcpy(one->old, f->undo + c->undo + i * SIM_DISK_SECTOR, sizeof one->old);
}

void disk_file_doom(struct disk_file *f)
{
    for (const struct disk_change *c = f->changes; c < f->changes + f->n_changes; c++) {
        for (uint64_t i = 0; i < c->sectors; i++)
            doom(f, c, i);
        for (size_t i = f->n_doomed; c->size_after < c->size_before && i-- > 0;)
            if (f->doomed[i].sector * SIM_DISK_SECTOR >= c->size_after)
                spare(f, &f->doomed[i]);
    }
    disk_file_forget_changes(f);
}

bool disk_file_rot(struct disk_file *f, uint64_t byte, unsigned bit)
{
    uint64_t sector = byte / SIM_DISK_SECTOR;
    if (byte >= f->size || find_doomed(f, sector))
        return false;
    for (const struct disk_change *c = f->changes; c < f->changes + f->n_changes; c++)
        if ((sector >= c->sector && sector - c->sector < c->sectors) || byte >= c->size_before)
            return false;
    chunk_for_writing(f, (size_t)(byte / DISK_CHUNK))[byte % DISK_CHUNK] ^= (unsigned char)(1 << bit);
    return true;
}
