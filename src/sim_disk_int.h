/* sim_disk_int.h -- the parts of the simulated disk, for each other. Nobody else includes it. */
#ifndef FAULTLINE_SIM_DISK_INT_H
#define FAULTLINE_SIM_DISK_INT_H

#include <sqlite3.h>

#include "rng.h"
#include "sim_disk.h"

#define DISK_CHUNK 4096

/* A change of a file that is not durable, with what is needed to take it back. */
struct disk_change {
    uint64_t number;          /* of the disk's writes and truncations */
    uint64_t sector, sectors; /* written; 0 sectors: only the size changed */
    uint64_t size_before, size_after;
    bool was_zero; /* zeros were there, else the sectors' older bytes are in the file's `undo` */
    size_t undo;   /* where */
    /* Of a truncation: what was cut off, from the chunk of the new end on. */
    unsigned char **cut;
    size_t cut_first, cut_n;
};

/* A sector whose newer contents a failed sync gave up: they are read, but will not outlive the power. */
struct disk_doomed {
    uint64_t sector;
    unsigned char old[SIM_DISK_SECTOR];
};

struct disk_file {
    struct disk_file *next;
    char *name;
    bool linked; /* the name leads to it */
    unsigned handles;
    const void *owner;      /* of the lock; NULL: nobody */
    unsigned char **chunks; /* as it is read; NULL: zeros. Beyond the size all are zeros */
    size_t n_chunks;
    uint64_t size;
    struct disk_change *changes; /* oldest first */
    size_t n_changes, changes_room;
    unsigned char *undo;
    size_t undo_used, undo_room;
    uint64_t latest, latest_end; /* sectors: what the last sync that saved anything saved lies there */
    struct disk_doomed *doomed;
    size_t n_doomed;
};

/* A creation or deletion that is not durable. */
struct disk_name {
    struct disk_file *file;
    bool created;
};

struct sim_disk {
    sqlite3_vfs vfs;
    char vfs_name[40];
    struct rng rng;
    struct disk_file *files;
    struct disk_name *names; /* oldest first */
    size_t n_names, names_room;
    uint64_t changes;                  /* so far */
    uint64_t ops[SIM_DISK_DELETE + 1]; /* so far, of each kind */
    uint64_t bytes;
    uint64_t boot; /* what was opened in an earlier one is dead */
    bool halted;
    struct disk_file *deferred; /* its sync was said to be done; NULL: of none */
    struct sim_disk_faults faults;
};

/* ---- sim_disk_file.c: the bytes of a file, and what of them is durable ---- */

struct disk_file *disk_file_new(const char *name);
void disk_file_free(struct disk_file *f);
/* Zeros beyond the end. */
void disk_file_read(const struct disk_file *f, uint64_t at, unsigned char *bytes, size_t n);
void disk_file_write(struct disk_file *f, uint64_t number, uint64_t at, const unsigned char *bytes, size_t n);
/* To a size that is not greater. */
void disk_file_truncate(struct disk_file *f, uint64_t number, uint64_t size);
void disk_file_sync(struct disk_file *f);
/* A sync that failed: what it was to save is lost, but for sizes. */
void disk_file_doom(struct disk_file *f);
bool disk_file_rot(struct disk_file *f, uint64_t byte, unsigned bit);
/* Overwrites one sector, and nothing else: no change is noted. */
void disk_file_put(struct disk_file *f, uint64_t sector, const unsigned char *bytes);
/* Takes a truncation back. */
void disk_file_uncut(struct disk_file *f, struct disk_change *c);
/* The size is set; what was beyond it is gone. */
void disk_file_clip(struct disk_file *f, uint64_t size);
void disk_file_forget_changes(struct disk_file *f);

/* ---- sim_disk_names.c: which files there are ---- */

struct disk_file *disk_find(const struct sim_disk *d, const char *name);
struct disk_file *disk_create(struct sim_disk *d, const char *name);
void disk_delete(struct sim_disk *d, struct disk_file *f);
/* What was created is durable, what was deleted is gone. */
void disk_sync_names(struct sim_disk *d);
/* The last `lost` did not happen. */
void disk_lose_names(struct sim_disk *d, size_t lost);
/* Frees what has neither name nor handle, and is not to come back. */
void disk_sweep(struct sim_disk *d);

/* ---- sim_disk_power.c ---- */

void disk_lose_power(struct sim_disk *d, const struct sim_disk_power *p);

#endif
