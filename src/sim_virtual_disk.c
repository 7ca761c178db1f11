/* The disk of one replica of the virtual world, and the store on it.
 *
 * A save takes time: while it lasts the replica waits, and what it does after that (messages, answers, records) has not
 * happened yet. In truth all of it is done at once; what comes after the save is kept here until the disk would be
 * done. If the replica is killed before that, it never was: the save was under way, so the power may take it or parts
 * of it, and what followed is cut off the trace. */
#include "sim_virtual_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static struct virtual_disk *disk_of(struct virtual_node *node)
{
    return &node->disk;
}

static bool is_durable(const struct virtual_node *node)
{
    return node->run->cfg->disk.durable;
}

/* ---- what the disk does ---- */

/* The disk in names of decisions: one that was exchanged counts from 0 again, and must not share names with the one
 * before. */
static const char *disk_name(const struct virtual_node *node, char name[32])
{
    const char *id = node->run->node[node->i].id;
    if (node->disk.wiped)
        snprintf(name, 32, "%s new disk %u", id, node->disk.wiped);
    else
        snprintf(name, 32, "%s", id);
    return name;
}

static const struct sim_disk_quality *quality(const struct virtual_node *node)
{
    return node->disk.troubled ? &node->disk.trouble : &node->run->cfg->disk.q;
}

static bool happens(struct virtual_node *node, const char *kind, const char *op, uint64_t number, double p)
{
    char name[SIM_DECIDE_NAME], disk[32];
    if (p <= 0)
        return false;
    snprintf(name, sizeof name, "%s %s %llu", disk_name(node, disk), op, (unsigned long long)number);
    return sim_decide_chance(node->run->decider, kind, name, p);
}

static enum sim_disk_fate fate(void *ctx, enum sim_disk_op op, uint64_t number)
{
    struct virtual_node *node = ctx;
    const struct sim_disk_quality *q = quality(node);
    bool fails = false;
    switch (op) {
    case SIM_DISK_SYNC:
        if (happens(node, "disk_fails", "sync", number, q->sync_fails))
            return SIM_DISK_FAILS;
        if (happens(node, "disk_lies", "sync", number, q->sync_lies))
            return SIM_DISK_LIES;
        return node->disk.saving ? SIM_DISK_DEFERS : SIM_DISK_DONE;
    case SIM_DISK_WRITE:
        fails = happens(node, "disk_fails", "write", number, q->write_fails);
        break;
    case SIM_DISK_TRUNCATE:
        fails = happens(node, "disk_fails", "truncate", number, q->write_fails);
        break;
    case SIM_DISK_CREATE:
        fails = happens(node, "disk_fails", "create", number, q->write_fails);
        break;
    case SIM_DISK_DELETE:
        fails = happens(node, "disk_fails", "delete", number, q->write_fails);
        break;
    case SIM_DISK_READ:
        fails = happens(node, "disk_fails", "read", number, q->read_fails);
        break;
    }
    return fails ? SIM_DISK_FAILS : SIM_DISK_DONE;
}

static void database(const struct virtual_node *node, const char *suffix, char name[32])
{
    snprintf(name, 32, "disk/%s.db%s", node->run->node[node->i].id, suffix);
}

static void set_faults(struct virtual_node *node)
{
    char db[32], wal[32];
    database(node, "", db);
    database(node, "-wal", wal);
    const struct sim_disk *d = node->disk.disk;
    sim_disk_set_faults(node->disk.disk,
                        &(struct sim_disk_faults){
                            .ctx = node,
                            .fate = fate,
                            .capacity = quality(node)->full ? 1 + sim_disk_size(d, db) + sim_disk_size(d, wal) : 0});
}

/* Bits turn, but not those of the last save in the write-ahead log: that it was lost could not be noticed. */
static void rot(struct virtual_node *node, unsigned bits)
{
    for (unsigned k = 0; k < bits; k++) {
        char about[SIM_DECIDE_NAME], file[32];
        struct virtual_disk *d = disk_of(node);
        snprintf(about, sizeof about, "%s %u", node->run->node[node->i].id, d->rotten++);
        struct rng rng = sim_decide_rng(node->run->decider, "rot", about);
        database(node, rng_below(&rng, 3) ? "-wal" : "", file);
        uint64_t size = sim_disk_size(d->disk, file);
        if (size == 0)
            continue;
        int64_t at = sim_decide(node->run->decider, "rot", about, (int64_t)rng_below(&rng, size * 8));
        if (at >= 0 && !sim_disk_is_latest(d->disk, file, (uint64_t)at / 8))
            (void)sim_disk_rot(d->disk, file, (uint64_t)at / 8, (unsigned)(at % 8));
    }
}

void virtual_disk_trouble(struct virtual_node *node, const struct sim_disk_quality *q, bool begins)
{
    struct virtual_disk *d = disk_of(node);
    if (!d->disk)
        return;
    d->troubled = q != NULL;
    if (q)
        d->trouble = *q;
    set_faults(node);
    if (q && begins)
        rot(node, q->rot);
}

/* ---- the store ---- */

int virtual_disk_start(struct virtual_node *node)
{
    static const int statuses[] = {[STORE_OPENED] = EX_OK,
                                   [STORE_BAD_DATA] = EX_DATAERR,
                                   [STORE_NO_DIR] = EX_NOINPUT,
                                   [STORE_LOCKED] = EX_CANTCREAT,
                                   [STORE_IO_ERROR] = EX_IOERR};
    struct virtual_disk *d = disk_of(node);
    struct sim_run *run = node->run;
    char err[STORE_ERR_LEN];
    if (!is_durable(node))
        return EX_OK;
    if (!d->disk) {
        char name[32];
        d->disk =
            sim_disk_new((uint64_t)sim_decide_between(run->decider, "seed", disk_name(node, name), 0, INT64_MAX - 1));
        set_faults(node);
    }
    const struct store_options o = {.dir = "disk",
                                    .id = node->options.core.id,
                                    .cluster = node->options.cluster,
                                    .conf = node->options.core.conf,
                                    .vfs = sim_disk_vfs(d->disk),
                                    .checkpoint_pages = (int)run->cfg->disk.checkpoint_pages};
    enum store_opened opened = store_open(&d->store, &o, &d->found, err);
    if (opened != STORE_OPENED)
        sim_say(run, "%s: %s", run->node[node->i].id, err);
    return statuses[opened];
}

bool virtual_disk_is_read(struct virtual_node *node)
{
    char err[STORE_ERR_LEN];
    return !node->disk.store || store_restored(node->disk.store, err);
}

static int64_t time_of(struct virtual_node *node, uint64_t syncs)
{
    char name[SIM_DECIDE_NAME];
    const struct sim_disk_quality *q = quality(node);
    struct sim_run *run = node->run;
    snprintf(name, sizeof name, "%s.%u %llu", run->node[node->i].id, run->node[node->i].boot,
             (unsigned long long)++node->disk.saves);
    return (int64_t)syncs * sim_decide_between(run->decider, "sync", name, q->latency_min, q->latency_max);
}

bool virtual_disk_persist(void *ctx, struct store_change *change)
{
    struct virtual_node *node = ctx;
    struct virtual_disk *d = disk_of(node);
    uint64_t before = sim_disk_counts(d->disk).syncs;
    int64_t now = virtual_of(node->run)->now;
    if (node->trace)
        trace_flush(node->trace);
    size_t recorded = node->tape ? node->tape->n : 0;
    if (d->done_at != 0) { /* the one before is done by the time this one begins: a crash from now on is one in this */
        sim_disk_settle(d->disk);
        d->recorded = recorded;
        d->taken = node->inbox.taken;
    }
    d->saving = quality(node)->latency_max > 0;
    bool saved = store_save(d->store, change);
    int64_t took = d->saving ? time_of(node, sim_disk_counts(d->disk).syncs - before) : 0;
    d->saving = false;
    change->took_us = (uint64_t)took / 1000;
    if (!saved)
        sim_say(node->run, "%s: %s", node->run->node[node->i].id, store_error(d->store));
    if (!saved || took <= 0)
        return saved;
    /* Of two saves in one step the first is over when the second begins; what was sent between them waits as well. */
    d->recorded = recorded;
    d->taken = node->inbox.taken;
    d->done_at = (d->done_at ? d->done_at : now) + took;
    return true;
}

/* ---- while it waits ---- */

static void add_letter(struct virtual_disk *d, const char *bytes, size_t n)
{
    if (d->n_withheld == d->withheld_room) {
        d->withheld_room = d->withheld_room ? 2 * d->withheld_room : 16;
        d->withheld = realloc(d->withheld, d->withheld_room * sizeof *d->withheld);
        if (!d->withheld)
            abort();
    }
    struct virtual_letter letter = {.n = n, .bytes = malloc(n ? n : 1)};
    if (!letter.bytes)
        abort();
    memcpy(letter.bytes, bytes, n);
    d->withheld[d->n_withheld++] = letter;
}

bool virtual_disk_withholds(struct virtual_node *node, const char *bytes, size_t n)
{
    if (!node->disk.done_at)
        return false;
    add_letter(disk_of(node), bytes, n);
    return true;
}

static void forget_withheld(struct virtual_disk *d)
{
    for (size_t i = 0; i < d->n_withheld; i++)
        free(d->withheld[i].bytes);
    d->n_withheld = 0;
    d->done_at = 0;
}

void virtual_disk_done(struct virtual_node *node)
{
    struct virtual_disk *d = disk_of(node);
    if (!d->done_at)
        return;
    sim_disk_settle(d->disk);
    d->done_at = 0; /* what is sent now goes out */
    for (size_t i = 0; i < d->n_withheld; i++)
        sim_route_datagram(node->run, node->i, d->withheld[i].bytes, d->withheld[i].n);
    forget_withheld(d);
}

/* ---- the end ---- */

struct outage {
    struct virtual_node *node;
    unsigned boot;
};

static uint64_t choose(void *ctx, const struct sim_disk_question *q)
{
    static const char *const matters[] = {[SIM_DISK_NAMES] = "names",
                                          [SIM_DISK_SIZES] = "sizes",
                                          [SIM_DISK_WROTE] = "write",
                                          [SIM_DISK_PLACED] = "sector",
                                          [SIM_DISK_TORN] = "torn"};
    const struct outage *o = ctx;
    char name[SIM_DECIDE_NAME];
    snprintf(name, sizeof name, "%s.%u %s %s %llu %llu", o->node->run->node[o->node->i].id, o->boot,
             q->file ? q->file : "disk", matters[q->matter], (unsigned long long)q->number,
             (unsigned long long)q->sector);
    return (uint64_t)sim_decide_between(o->node->run->decider, "lost", name, 0, (int64_t)q->choices - 1);
}

void virtual_disk_end(struct virtual_node *node, bool killed, bool power)
{
    struct virtual_disk *d = disk_of(node);
    struct sim_run *run = node->run;
    char name[32];
    if (!d->disk)
        return;
    struct outage o = {.node = node, .boot = run->node[node->i].boot};
    snprintf(name, sizeof name, "%s.%u", run->node[node->i].id, o.boot);
    if (killed && d->done_at && node->tape)
        node->tape->n = d->recorded;
    if (!killed)
        virtual_disk_done(node);
    forget_withheld(d);
    if (killed)
        sim_disk_halt(d->disk);
    store_close(d->store);
    d->store = NULL;
    if (power && sim_decide_chance(run->decider, "power", name, run->cfg->disk.power_loss))
        sim_disk_resume(d->disk, &(struct sim_disk_power){.ctx = &o, .choose = choose});
    else if (killed)
        sim_disk_resume(d->disk, NULL);
}

void virtual_disk_wipe(struct virtual_node *node)
{
    struct virtual_disk *d = disk_of(node);
    sim_disk_free(d->disk);
    d->disk = NULL;
    d->wiped++;
}

void virtual_disk_close(struct virtual_node *node)
{
    struct virtual_disk *d = disk_of(node);
    forget_withheld(d);
    if (d->disk)
        sim_disk_halt(d->disk);
    store_close(d->store);
    sim_disk_free(d->disk);
    free(d->withheld);
}
