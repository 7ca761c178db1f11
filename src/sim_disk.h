/* sim_disk.h -- the disk of one simulated node, in memory: what store.c writes through SQLite goes here instead of to
 * files.
 *
 * It knows what a real one does: what was written and not synced may be lost by a power failure, whole or in part,
 * sector by sector; a sync may fail (then what it was to save is lost, as on Linux, though it can still be read until
 * the power fails: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020), or say that it is
 * done when nothing was; space ends; bits rot. Which of it happens is asked of the caller, operation by operation, so
 * that a run can be repeated and changed. A sync also makes durable which files there are, as a journaling file system
 * does. A sector is written whole or not at all, as disks promise, and SQLite's write-ahead log needs for its header.
 *
 * No file, no clock, no chance of its own: the same calls give the same bytes. SQLite draws the salts of its
 * write-ahead log from a generator that is the process's own; each open of a database seeds it from the disk's. A
 * program that uses SQLite for something else in between gets the same behaviour, but other bytes.
 *
 * One thread for all disks of a process, and for all that it does with SQLite: SQLite is told so by the first of them.
 */
#ifndef FAULTLINE_SIM_DISK_H
#define FAULTLINE_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_DISK_SECTOR 512

struct sim_disk;

/* An empty one. `seed` decides nothing but bytes that are random to SQLite. */
struct sim_disk *sim_disk_new(uint64_t seed);
/* Nothing on it may be open. NULL is allowed. */
void sim_disk_free(struct sim_disk *d);
/* For store_options.vfs; valid until the disk is freed. */
const char *sim_disk_vfs(const struct sim_disk *d);

/* ---- what becomes of an operation ---- */

enum sim_disk_op { SIM_DISK_READ, SIM_DISK_WRITE, SIM_DISK_TRUNCATE, SIM_DISK_SYNC, SIM_DISK_CREATE, SIM_DISK_DELETE };
enum sim_disk_fate {
    SIM_DISK_DONE,
    SIM_DISK_FAILS,  /* EIO, and nothing is done. A write or truncation that fails may be tried again; what a failing
                        sync was to save is lost */
    SIM_DISK_DEFERS, /* a sync only: success is said, and it will be true after sim_disk_settle(), or when the next sync
                        begins */
    SIM_DISK_LIES, /* a sync only: success is said, and nothing is durable. What is for syncs only is SIM_DISK_DONE for
                      others */
    SIM_DISK_KILLS /* the process is killed before the operation: sim_disk_halt() */
};
struct sim_disk_faults {
    void *ctx;
    /* `number`: from 1, of this operation among all of its kind on this disk. NULL: all are done. */
    enum sim_disk_fate (*fate)(void *ctx, enum sim_disk_op op, uint64_t number);
    uint64_t capacity; /* bytes of all files together; what goes beyond fails with "no space left". 0 = no end */
};
/* The deferred sync is done. A caller that lets time pass between the two has a node that waits for its disk. */
void sim_disk_settle(struct sim_disk *d);
/* From now on; copied. */
void sim_disk_set_faults(struct sim_disk *d, const struct sim_disk_faults *f);

/* So far. A caller that knows how long a sync takes charges for those of a save. */
struct sim_disk_counts {
    uint64_t reads, writes, syncs, bytes; /* bytes: written */
};
struct sim_disk_counts sim_disk_counts(const struct sim_disk *d);

/* ---- the end of a process, and of the power ---- */

/* kill -9: what is open reaches the disk no more; all its operations fail and change nothing. Then whoever has a store
 * open closes it, which only gives its memory back. */
void sim_disk_halt(struct sim_disk *d);

/* One thing that a power failure decides. */
enum sim_disk_matter {
    SIM_DISK_NAMES,  /* how many of the last creations and deletions of files did not reach the disk: 0 = all did */
    SIM_DISK_SIZES,  /* the same of the changes of one file's size */
    SIM_DISK_WROTE,  /* one write: 0 = it is there, 1 = it is not, 2 = sector by sector; of a file's last also 3 = torn
                      */
    SIM_DISK_PLACED, /* one sector of it: 0 = there, 1 = as it was before */
    SIM_DISK_TORN    /* how many of the write's last sectors are not there */
};
struct sim_disk_question {
    enum sim_disk_matter matter;
    const char *file; /* NULL for SIM_DISK_NAMES */
    uint64_t number;  /* of the write, since the disk is there; 0 for SIM_DISK_NAMES and SIM_DISK_SIZES */
    uint64_t sector;  /* of the file, for SIM_DISK_PLACED */
    uint64_t choices; /* the answer is below; 0 is always that nothing is lost */
};
struct sim_disk_power {
    void *ctx;
    uint64_t (*choose)(void *ctx, const struct sim_disk_question *q);
};
/* After sim_disk_halt(), all stores closed: the disk can be used again. `power` NULL: only the process had ended, all
 * that was written is there. Else the power had failed: what was not synced is there as `choose` says. */
void sim_disk_resume(struct sim_disk *d, const struct sim_disk_power *power);

/* ---- decay ---- */

/* Bytes of a file; 0: there is none. */
uint64_t sim_disk_size(const struct sim_disk *d, const char *file);
/* Turns one bit of what is durable. False: nothing durable is there. */
bool sim_disk_rot(struct sim_disk *d, const char *file, uint64_t byte, unsigned bit);
/* Did the file's last sync save something in this sector, or before and after it? Damage there cannot be told from a
 * power failure during that sync, after which nobody was told that it is saved. */
bool sim_disk_is_latest(const struct sim_disk *d, const char *file, uint64_t byte);

#endif
