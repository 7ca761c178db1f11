/* sim_disk_power.c -- the power fails: what of the changes that were not synced is on the disk.
 *
 * A sector is as it was after any one of the writes to it since the sync, or before the first: the kernel writes it
 * back when it likes, with what is in it then. So the changes are taken back from the last to the first, and each
 * sector stays as it is from the first one on that is said to be there. The changes of a file's size, and the creations
 * and deletions of files, are in the file system's journal: if one is lost, so are those after it. */
#include "sim_disk_int.h"

#include <stdlib.h>
#include <string.h>

enum { WRITE_THERE, WRITE_LOST, WRITE_IN_PART, WRITE_TORN };

struct loss {
    const struct sim_disk_power *power;
    struct disk_file *f;
    unsigned char *settled; /* a byte for each sector: it stays as it is */
    uint64_t limit;         /* all sectors from here on are settled: they were cut off */
};

static uint64_t ask(const struct loss *l, enum sim_disk_matter matter, uint64_t number, uint64_t sector,
                    uint64_t choices)
{
    const struct sim_disk_question q = {
        .matter = matter, .file = l->f->name, .number = number, .sector = sector, .choices = choices};
    return l->power->choose(l->power->ctx, &q);
}

static void take_back_sector(struct loss *l, const struct disk_change *c, uint64_t sector)
{
    static const unsigned char zeros[SIM_DISK_SECTOR];
    disk_file_put(l->f, sector, c->was_zero ? zeros : l->f->undo + c->undo + (sector - c->sector) * SIM_DISK_SECTOR);
}

static void lose_write(struct loss *l, const struct disk_change *c, bool last)
{
    uint64_t fate = ask(l, SIM_DISK_WROTE, c->number, 0, last ? 4 : 3), there = c->sectors;
    if (fate == WRITE_TORN)
        there -= ask(l, SIM_DISK_TORN, c->number, 0, c->sectors + 1);
    for (uint64_t i = 0; i < c->sectors && c->sector + i < l->limit; i++) {
        uint64_t sector = c->sector + i;
        if (l->settled[sector])
            continue;
        bool placed = fate == WRITE_IN_PART ? ask(l, SIM_DISK_PLACED, c->number, sector, 2) == 0
                                            : fate != WRITE_LOST && i < there;
        if (!placed)
            take_back_sector(l, c, sector);
        l->settled[sector] = placed;
    }
}

/* It changed the size, and that is lost. */
static void lose_size(struct loss *l, struct disk_change *c)
{
    if (c->size_after < c->size_before) {
        uint64_t from = c->size_after / SIM_DISK_SECTOR, n = c->size_before / SIM_DISK_SECTOR + 1;
        disk_file_uncut(l->f, c);
        memset(l->settled + from, 0, (size_t)(n - from));
    }
    l->f->size = c->size_before;
}

static uint64_t most_bytes(const struct disk_file *f)
{
    uint64_t most = f->size;
    for (size_t i = 0; i < f->n_changes; i++)
        most = f->changes[i].size_before > most ? f->changes[i].size_before : most;
    return most;
}

static void lose_file(struct disk_file *f, const struct sim_disk_power *power)
{
    struct loss l = {.power = power, .f = f, .limit = UINT64_MAX};
    size_t sizes = 0;
    bool last = true;
    for (size_t i = 0; i < f->n_changes; i++)
        sizes += f->changes[i].size_after != f->changes[i].size_before;
    uint64_t lost = sizes ? ask(&l, SIM_DISK_SIZES, 0, 0, sizes + 1) : 0;
    l.settled = calloc((size_t)(most_bytes(f) / SIM_DISK_SECTOR) + 2, 1);
    if (!l.settled)
        abort();
    for (size_t i = f->n_changes; i-- > 0;) {
        struct disk_change *c = &f->changes[i];
        bool cut = c->size_after < c->size_before;
        if (c->sectors) {
            lose_write(&l, c, last);
            last = false;
        }
        if (c->size_after != c->size_before && lost) {
            lose_size(&l, c);
            lost--;
        } else if (cut && c->size_after / SIM_DISK_SECTOR < l.limit)
            l.limit = c->size_after / SIM_DISK_SECTOR;
    }
    for (size_t i = 0; i < f->n_doomed; i++)
        if (f->doomed[i].sector < l.limit && f->doomed[i].sector * SIM_DISK_SECTOR < f->size &&
            !l.settled[f->doomed[i].sector])
            disk_file_put(f, f->doomed[i].sector, f->doomed[i].old);
    free(l.settled);
    f->n_doomed = 0;
    disk_file_clip(f, f->size);
    disk_file_forget_changes(f);
}

void disk_lose_power(struct sim_disk *d, const struct sim_disk_power *p)
{
    /* The bytes first, of the deleted files too: they may come back. */
    for (struct disk_file *f = d->files; f; f = f->next)
        lose_file(f, p);
    if (d->n_names) {
        const struct sim_disk_question q = {.matter = SIM_DISK_NAMES, .choices = d->n_names + 1};
        disk_lose_names(d, (size_t)p->choose(p->ctx, &q));
    }
    disk_sync_names(d);
}
