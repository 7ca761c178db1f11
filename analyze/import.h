/* import.h -- the histories that other programs wrote, into a database of ours.
 *
 * What clients did becomes rows of `ops`, what a nemesis did rows of `faults`, each with a record that names file and
 * line; all checks of clients' histories then work as on a run of our own. */
#ifndef FAULTLINE_IMPORT_H
#define FAULTLINE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum import_family {
    IMPORT_ANY,       /* guessed from the first bytes */
    IMPORT_JEPSEN,    /* history.edn, history.txt, jepsen.log; and the etcd_NNN.log of Porcupine's tests */
    IMPORT_MAELSTROM, /* the same files */
    IMPORT_PORCUPINE, /* maps with :key (its kv tests), etcd_NNN.log, JSON of its Operation type */
    IMPORT_JSONL, /* {"id","client","f","key","value","call","ret"} a line, times in ns, ret null: unknown outcome */
    IMPORT_COURSE /* what the course's simulator prints: "[12.3456  Replica 0001]: ..." */
};

enum import_choice { CHOICE_AUTO, CHOICE_YES, CHOICE_NO };

struct import_options {
    const char *const *paths; /* "-" is standard input; .gz and .zst are read directly */
    size_t n_paths;
    const char *out, *run; /* the database; name of the run, NULL: from the file's name */
    enum import_family from;
    enum import_choice independent;      /* values are pairs [key value] (jepsen.independent) */
    enum import_choice failed_cas_reads; /* a failed cas proves that the value was another (Porcupine's reading) */
    const char *fields[4]; /* Porcupine: names of operation, key, value, old value in Input; NULL: usual */
    bool append, quiet;
};

struct import_result {
    char path[4096];
    int64_t runs, ops, unknown, failed, faults, lines, not_understood;
};

bool import_family_named(const char *word, enum import_family *f);

/* 0 or an exit status of cli.h, having said why on stderr; then no database is left behind. `r` may be NULL. */
int import_run(const struct import_options *o, struct import_result *r);

#endif
