/* store.h -- term, vote, log and snapshot of one replica on stable storage: one SQLite file, DIR/ID.db, that a stopped
 * replica leaves readable with SQL. Its tables:
 *
 *   meta(id, cluster, boot, term, voted, applied, base_idx, base_term, base_conf, digest, sum)      one row
 *   log(idx, term, op, client, mid, key, value, sum)    entries after base_idx; op: noop, put, conf
 *   map(key, value)                  the state machine at `applied`, which lies at or after base_idx
 *   request(client, idx, mid)        requests applied up to there, at idx
 *
 * Ids are four hex digits, '' = nobody. base_conf: the configuration at base_idx (at 0, that of the first start), '' =
 * that of the command line. What is applied later than `applied` has to be read from the log: map and request move on
 * only when the log is compacted. `digest` is kv_digest() of map and request, `sum` of the other columns of its row: a
 * row that was changed by hand or by a failing disk is refused at the next start. The header's application_id is
 * STORE_APPLICATION_ID ("FLTL"), its user_version STORE_FORMAT.
 *
 * To look into it, stop the replica (while it runs the file is locked) and run, for example,
 *   sqlite3 DIR/ID.db '.mode line' 'SELECT * FROM meta'
 *   sqlite3 -box DIR/ID.db 'SELECT idx, term, op, client, mid, key, substr(value, 1, 40) AS value FROM log ORDER BY idx DESC LIMIT 20'
 *   sqlite3 -box DIR/ID.db "SELECT (SELECT count(*) FROM log) AS entries, (SELECT count(*) FROM map) AS keys"
 * After kill -9 there is a file ID.db-wal beside it, which belongs to it; sqlite3 takes it in by itself. Damage in either is
 * refused; but that somebody removed the -wal file, or rows from the end of the log, cannot be told from a log that
 * was never longer: copy and move the two together. Nor can damage to the last save in the -wal file be told from a power
 * failure before it was synced: it takes that save back.
 *
 * Nothing here knows the algorithm. One thread per store; a process opens a file once. */
#ifndef FAULTLINE_STORE_H
#define FAULTLINE_STORE_H

#include "kv.h"
#include "raft.h"

#define STORE_ERR_LEN 1024
/* Raised when an older program could misread the file, or refuse it: entry_hash(), kv_digest() and snapshot_digest() are part
 * of the format. */
#define STORE_FORMAT 1
#define STORE_APPLICATION_ID 0x464C544C

struct store;

struct store_options {
    const char *dir;      /* must exist and be writable; with a VFS of its own, the first part of the names of its files */
    node_id id;
    const char *cluster;  /* a name: a file that belongs to another cluster is refused */
    const char *conf;     /* the configuration that a new file begins with; NULL = "", that of each command line. Quorums must
                           * not change because a command line did */
    const char *vfs;      /* NULL: files. Else the name of the SQLite VFS to use instead */
    int checkpoint_pages; /* in the write-ahead log, after which it is copied into the file; 0: as many as is good for a disk */
};

enum store_opened {
    STORE_OPENED,
    STORE_BAD_DATA,       /* corrupt, of another replica, cluster or newer format: exit status 65 */
    STORE_NO_DIR,         /* the directory or file cannot be opened: 66 */
    STORE_LOCKED,         /* another process uses it: 73 */
    STORE_IO_ERROR        /* 74 */
};

/* What was found. Everything in it belongs to the store until store_restored() is over, but for `kv`. */
struct store_found {
    bool fresh;               /* the file was made now */
    int64_t boot;             /* of this start: 1, and one more each time; durable already */
    struct raft_restored core; /* for raft_config.restored; reads the log row by row */
    struct kv *kv;            /* the caller's: the state at core.applied */
    uint64_t last;            /* index of the last entry, base_index when there is none */
};

/* Opens or makes the file, checks it, and counts the boot. On failure `err` names the file, what is wrong and what to do,
 * nothing is open, and the file is as it was.
 *
 * Checked: that it is ours, the write-ahead log of a killed replica, the structure (SQLite's quick_check), every row of every table: sums and digest, the log
 * without a gap from base_idx on, terms that never decrease and are not beyond ours, `applied` within the log. */
enum store_opened store_open(struct store **out, const struct store_options *o, struct store_found *found,
                             char err[STORE_ERR_LEN]);
/* The core has read what it wanted: the cursor behind found->core is closed. False: it could not be read to the end, or the
 * entries were not sound; the core must not be used. */
bool store_restored(struct store *s, char err[STORE_ERR_LEN]);
/* NULL is allowed. Takes up to the time of a checkpoint: everything goes into the one file. */
void store_close(struct store *s);

/* What must become durable, all of it or nothing. */
struct store_change {
    const struct raft *core;
    const struct kv *kv;
    bool vote;                /* term and vote */
    uint64_t truncated_from;  /* these and all later entries are gone; 0 = none */
    uint64_t appended_from;   /* entries from here to the last are new, and the core has them all; 0 = none */
    /* The state of `kv`, at kv_applied(), becomes what is stored, and the log begins after base_index. */
    bool snapshot;
    uint64_t base_index, base_term;
    const char *base_conf;    /* NULL: that of the command line */
    bool installed;           /* it came from the leader: it replaces map and table whole, and the log becomes what the core's
                               * is now. Else: `kv` is what was stored with all later entries applied, and only what they
                               * changed is written */
    uint64_t took_us;         /* filled in: how long it took */
};

/* Returns after it is on stable storage: one transaction, one fdatasync (and those of a checkpoint, now and then). False:
 * it is not, `store_error()` says why, and the replica must not go on; the file holds the state before (or, when it was
 * the sync that failed, perhaps the one after). */
bool store_save(struct store *s, struct store_change *c);
const char *store_error(const struct store *s);

#endif
