/* load_int.h -- what the files of the loader share: load*.c and derive*.c, nobody else. */
#ifndef FAULTLINE_LOAD_INT_H
#define FAULTLINE_LOAD_INT_H

#include "db.h"
#include "load.h"
#include "mem.h"
#include "names.h"
#include "trace.h"

enum { LOAD_INTERRUPTED = 130 };

/* ---- what was found wrong: rows of load_stats ---- */

enum severity { SEV_INFO, SEV_LOSS, SEV_ERROR };

struct finding_row {
    enum severity severity;
    const char *name;    /* static text */
    char *node;          /* owned, NULL = none */
    int64_t source;      /* index into load.source + 1, 0 = none */
    int64_t value, line; /* line 0 = none */
    char *note;          /* owned */
    bool rest;           /* stands for all that came after NOTES_PER_NAME of this kind */
};

enum { NOTES_PER_NAME = 100 }; /* rows of one name and source; later ones are added up in one more row */

struct notes {
    struct finding_row *row;
    size_t n, room;
};

struct load;
/* `node` and `note` are copied. */
void load_note(struct load *l, enum severity sev, const char *name, const char *node, int64_t source, int64_t line,
               int64_t value, const char *fmt, ...) __attribute__((format(printf, 8, 9)));
bool load_noted(const struct load *l, const char *name, const char *node, enum severity sev);
void load_notes_store(struct load *l);
void load_notes_free(struct load *l);

/* ---- nodes and their boots ---- */

/* Missing records first..last of a boot. */
struct gap {
    int64_t first, last, t_from, t_to, line, source;
    bool declared;
};

enum { SEQS_PER_CHUNK = 64 }; /* records.id by s, for causes */
struct seq_chunk {
    int64_t base;
    uint32_t id[SEQS_PER_CHUNK];
};

struct boot {
    struct node *node;
    int64_t boot;
    size_t index;                  /* into load.boot */
    int64_t source, line;          /* where it was first seen (index + 1) */
    int64_t scan_source, scan_seq; /* of the scan: the last file, and the highest s in it so far */
    bool claimed_twice;
    int64_t seq_back, seq_back_line;

    int64_t records, last_seq, t_first, t_last, t_max, lc_last, missing, duplicates;
    int64_t time_back, time_back_line, lc_back, lc_back_line, lost_causes, lost_causes_line;
    struct gap *gap; /* sorted by first */
    size_t n_gaps, gap_room;
    struct seq_chunk **chunk; /* open addressing by base */
    size_t chunks, chunk_size;
    struct seq_chunk *last_chunk;
    int64_t line_last; /* of the record with the highest line of the file it was first seen in */
    bool opened, closed, torn, crashed;
    bool timed;        /* zero_us is known: */
    int64_t zero_us;   /* wall time at the zero of the host's monotonic clock, which a restart of the host moves */
    bool killed, told; /* what explains a trace without an end: SIGKILL, or a node.stop */
    int64_t t_killed;  /* of a killed one */
    int64_t cut_sends, cut_recvs, t_cut; /* load_cut.c: datagrams that its last records ought to tell of */
    int64_t vain;   /* starts after it that ended before they recorded or sent anything */
    int64_t unread; /* of a killed one: datagrams that it had not read, as the simulator says; -1 = not said */
    int64_t close_records;               /* what trace.close claims; -1 = no trace.close */
    struct recv *handling;               /* the msg.recv whose handling goes on */
};

struct node {
    const struct name *name;
    struct boot **boot; /* sorted by number */
    size_t n_boots, boot_room;
    struct boot *current; /* of the newest record */
    /* Found by the scan before anything is derived: */
    bool emits, emits_raft, sends, receives, roles;
    /* Found on the way, for nodes.kind: */
    bool is_sim, is_client, is_replica, crossed_net;
    struct boot *ended; /* the one that was current at its last end; NULL: none has ended */
    bool spoke;         /* it has sent something since */
    int64_t vain;       /* as in boot: before the first */
    char *impl;
    struct node_log *log;     /* derive_log.c */
    struct node_lead *lead;   /* derive_lead.c */
    struct node_reads *reads; /* derive_read.c */
};

/* ---- input files ---- */

/* A record of a file that has to be put in order first. */
struct ref {
    int64_t t, lc, seq, offset, line;
    uint32_t len, boot;
};

struct source {
    char *path;        /* as opened */
    char *shown;       /* as named in messages and in `sources` */
    bool spooled;      /* path is a temporary copy: of standard input, or unpacked */
    bool packed;       /* compressed */
    bool sorted;       /* one boot, s ascending: can be read as it is */
    struct boot *only; /* when it holds records of one boot only */
    bool mixed;
    int64_t bytes, lines, records, bad, torn;
    struct ref *ref; /* !sorted: all records, in merged order */
    size_t n_refs;
};

struct load {
    const struct load_options *o;
    struct db db;
    int64_t run_id, base_id, next_id; /* records.id of this run start after base_id */
    char run_name[256];
    int64_t t_begin, t_end;

    struct source *source;
    size_t n_sources;
    struct names names; /* nodes (user = struct node *), message types and the like */
    struct node **node;
    size_t n_nodes, node_room;
    struct boot **boot;
    size_t n_boots, boot_room;
    struct boot *last_boot; /* of the last lookup */
    bool has_net;           /* a simulator recorded the network */
    struct notes notes;
    struct derive *derive;
    struct header *header; /* what trace.open said: load_header.c */

    /* causes that name a record not seen yet */
    struct late_cause {
        int64_t id, seq, line;
        struct boot *boot;
    } * late;
    size_t n_late, late_room;

    sqlite3_stmt *insert;
    int64_t total, progress_ns; /* records expected; time of the last line of progress */
    const char *stage;          /* of the progress shown, since when, and how much of it was done then */
    int64_t stage_ns, stage_done;
};

struct node *load_node(struct load *l, const char *p, size_t n);
struct node *load_node_text(struct load *l, struct trace_text t);
/* NULL when it was never named. */
struct node *load_node_find(const struct load *l, struct trace_text t);
struct boot *load_boot(struct load *l, struct trace_text node, int64_t number);

/* load_boot.c: one more record of a boot, in the order of s as far as the files allow. False: it was there before. */
bool boot_record(struct load *l, struct boot *b, const struct trace_record *r, int64_t source);
void boot_remember(struct boot *b, int64_t seq, uint32_t id);
/* Number (from 1, within this run) of the record with that s; 0 when it is not here. */
uint32_t boot_find(const struct boot *b, int64_t seq);
void boot_declare_lost(struct boot *b, int64_t first, int64_t last);
/* Findings and rows of `boots`. */
void boots_store(struct load *l);
void boots_free(struct load *l);

/* load_cut.c: killed processes whose trace ends before they did. After derive_end(), before header_store(). */
void load_cut_tails(struct load *l);

/* load_scan.c: the first reading. Fills sources, nodes, boots and the findings that only the files' bytes can give. */
bool load_find_sources(struct load *l, int *status);
bool load_scan(struct load *l, int *status);
void load_sources_free(struct load *l);

/* load_source.c: a file as it is opened, compressed or not. `*unpacked` is what it is read from when it is compressed,
 * to be closed after the reader; else NULL. NULL with words in `err`. */
struct input;
struct trace_reader *source_open(struct source *s, struct input **unpacked, char err[TRACE_ERR_LEN]);
/* A source of standard input, or NULL with *status set. */
bool source_copy_stdin(struct load *l, int *status);
/* Makes a compressed source a plain file, so that its records can be read in any order. */
bool source_unpack(struct load *l, struct source *s, int *status);
/* A new source at the end of the list. */
struct source *source_new(struct load *l, const char *path, const char *shown);

/* load_merge.c: the second reading, merged. */
struct merge;
/* Order of records of the same instant: by node, then boot. */
int merge_order_boots(const struct boot *a, const struct boot *b);
struct merge *merge_open(struct load *l, int *status);
/* The next record, valid until the next call; NULL at the end or on an error (then *status is not 0). */
const struct trace_record *merge_next(struct merge *m, int64_t *source, int *status);
void merge_close(struct merge *m);

/* load_clocks.c: the table `clocks`, and bounds of operations' times, where a run has several. After the indexes. */
void load_clocks(struct load *l);

/* load_header.c: what trace.open says. */
void header_open(struct load *l, struct node *n, const struct trace_record *r, int64_t source);
/* Decides the name of the run, and refuses what this program cannot read. */
bool header_check(struct load *l, int *status);
void header_store(struct load *l); /* the row of `runs` */
void header_free(struct load *l);

/* Has the user pressed Ctrl-C? */
bool load_interrupted(void);
/* One line on stderr when it is a terminal, now and then. */
void load_progress(struct load *l, const char *what, int64_t done, int64_t total);

/* ---- derived tables ---- */

struct context { /* the record being derived from */
    struct load *l;
    struct derive *d;
    const struct trace_record *r;
    struct node *node;
    struct boot *boot;
    int64_t id, source; /* records.id; index of the file + 1 */
};

struct derive *derive_new(struct load *l);
void derive_record(struct derive *d, struct node *node, struct boot *boot, const struct trace_record *r, int64_t id,
                   int64_t source);
/* What was still open. */
void derive_end(struct derive *d);
void derive_free(struct derive *d);

#endif
