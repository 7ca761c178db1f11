/* sim_disk_names.c -- which files there are, and which of them would be there if the power failed now. */
#include "sim_disk_int.h"

#include <stdlib.h>
#include <string.h>

struct disk_file *disk_find(const struct sim_disk *d, const char *name)
{
    for (struct disk_file *f = d->files; f; f = f->next)
        if (f->linked && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static void note(struct sim_disk *d, struct disk_file *f, bool created)
{
    if (d->n_names == d->names_room) {
        d->names_room = d->names_room ? 2 * d->names_room : 8;
        d->names = realloc(d->names, d->names_room * sizeof *d->names);
        if (!d->names)
            abort();
    }
    d->names[d->n_names++] = (struct disk_name){.file = f, .created = created};
    f->linked = created;
}

struct disk_file *disk_create(struct sim_disk *d, const char *name)
{
    struct disk_file *f = disk_file_new(name), **end = &d->files;
    while (*end)
        end = &(*end)->next;
    *end = f;
    note(d, f, true);
    return f;
}

void disk_delete(struct sim_disk *d, struct disk_file *f)
{
    note(d, f, false);
}

void disk_lose_names(struct sim_disk *d, size_t lost)
{
    for (; lost && d->n_names; lost--) {
        const struct disk_name *n = &d->names[--d->n_names];
        n->file->linked = !n->created;
    }
}

static bool may_come_back(const struct sim_disk *d, const struct disk_file *f)
{
    for (size_t i = 0; i < d->n_names; i++)
        if (d->names[i].file == f)
            return true;
    return false;
}

void disk_sweep(struct sim_disk *d)
{
    for (struct disk_file **at = &d->files; *at;) {
        struct disk_file *f = *at;
        if (f->linked || f->handles || may_come_back(d, f)) {
            at = &f->next;
        } else {
            *at = f->next;
            disk_file_free(f);
        }
    }
}

void disk_sync_names(struct sim_disk *d)
{
    d->n_names = 0;
    disk_sweep(d);
}
