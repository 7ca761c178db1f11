/* load.h -- from trace files to a database.
 *
 * The files' records are merged by (t, lc, node, boot, seq), kept as they are in `records`, and worked into messages,
 * ops, log_entries, leader_terms, faults, nodes and boots on the way. Whatever is missing, damaged or contradictory in
 * the traces becomes a row of load_stats, never an early end. */
#ifndef FAULTLINE_LOAD_H
#define FAULTLINE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_options {
    const char *const *paths; /* run directories (all traces in them), files, "-" */
    size_t n_paths;
    const char *out; /* the database; NULL: run.db in the one run directory */
    const char *run; /* name of the run; NULL: from trace.open, else from the directory or file */
    bool append;     /* keep the runs that the database has */
    bool strict;     /* data loss is exit status 65, and no database is left */
    bool force;      /* go on where two files claim the same boot of a node, or are of different runs */
    bool quiet;      /* no progress, no summary; complaints about the traces stay */
};

struct load_result {
    char path[4096]; /* of the database */
    char run[256];
    int64_t records, sources, bytes;
    double lasts_s;                        /* from the first record to the last */
    int64_t findings_loss, findings_error; /* rows of load_stats of that severity */
};

/* Writes OUT.tmp and renames it, so that OUT is whole or as it was. Returns 0 or an exit status of cli.h, having said
 * why on stderr; 130 when interrupted. `r` may be NULL. */
int load_run(const struct load_options *o, struct load_result *r);

/* Is DIR/run.db missing, damaged, older than one of DIR's traces, of another schema version, or made of files of other
 * names or sizes than DIR's traces have? False when the directory has no traces at all but a database. */
bool load_needed(const char *dir, const char *db_path);

/* Is a file of this name in a run's directory a trace: X.jsonl, or that compressed, X.jsonl.gz, X.jsonl.zst? */
bool load_is_trace(const char *name);

#endif
