/* import_int.h -- what the files of import*.c share: a history as read, before it is stored. */
#ifndef FAULTLINE_IMPORT_INT_H
#define FAULTLINE_IMPORT_INT_H

#include "import.h"
#include "input.h"
#include "mem.h"
#include "names.h"

struct edn;
struct db;

#define IMPORT_OPEN INT64_MAX /* time of a return that is in no line */

/* A value as a history gives it. What it means depends on the operation, and on whether keys are independent, which
 * only the whole history tells: so all readings are kept. NULL: nil. */
struct import_value {
    const struct name *whole;
    bool pair, second_pair; /* it is [first second]; second is [old new] */
    const struct name *first, *second, *old, *new;
};

enum import_outcome { IMPORT_OK, IMPORT_FAIL, IMPORT_INFO };

struct import_op {
    const struct name *client, *f, *why;
    const struct name *key; /* set by the format or by import_settle(), never NULL after it */
    const struct name *val, *expect;
    struct import_value called, returned;
    int64_t call, ret; /* ns, or places in the file; ret IMPORT_OPEN */
    int64_t call_line, ret_line;
    enum import_outcome outcome;
    bool has_key; /* by itself: not a pair */
    bool plain;   /* val and expect are set already */
};

/* One line of a nemesis or of a program's output. */
struct import_event {
    enum { EVENT_NEMESIS, EVENT_OUTPUT } kind;
    int64_t t, line;
    const struct name *who;  /* output: node that printed it */
    const struct name *what; /* nemesis: f */
    const struct name *text; /* nemesis: value; output: the line */
};

/* The history of one run: one file, or several of one format whose operations carry times. */
struct import {
    const struct import_options *o;
    struct names names;
    struct import_op *op;
    size_t n_ops, op_room;
    struct import_event *event;
    size_t n_events, event_room;
    bool json;             /* operations with times of their own: several files make one history */
    bool timed;            /* the source has times; else places in the file are the clock */
    bool cas_fails_differ; /* some cas failed for another reason than its comparison */
    int64_t last_t;
    int64_t line; /* of the file being read, from 1 */
    const char *shown;
    char err[512]; /* the first error: file, line, what, remedy */
    int status;    /* its exit status; 0 = none */
    char run[256];
    struct import_file {
        const char *shown;
        int64_t bytes, lines;
        size_t first_op, first_event;
    } * file;
    size_t n_files;
};

/* ---- import_build.c ---- */

/* Notes the first error, with file and line; returns false. */
bool import_fail(struct import *m, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const struct name *import_name(struct import *m, const char *p, size_t n);
struct import_op *import_op_new(struct import *m);
/* Order of lines is the clock; `ns`, when the source has times (else INT64_MIN), only places what is shown. */
int64_t import_clock(struct import *m, int64_t ns);
/* A call of a process; NULL after an error. The process has at most one open call. */
struct import_op *import_call(struct import *m, const struct name *process, int64_t ns);
/* Its return; NULL after an error. */
struct import_op *import_return(struct import *m, const struct name *process, int64_t ns, enum import_outcome outcome);
struct import_event *import_event(struct import *m, int64_t ns);
/* When all lines are read: what is open has an unknown outcome; keys and values get their meaning. */
bool import_settle(struct import *m);
void import_forget(struct import *m);

/* ---- the formats: each reads all of `in`, and returns false after import_fail() ---- */

bool import_edn(struct import *m, struct input *in, const char *seen, size_t n);    /* import_jepsen.c */
bool import_log(struct import *m, struct input *in, const char *seen, size_t n);    /* likewise */
bool import_json(struct import *m, struct input *in, const char *seen, size_t n);   /* import_json.c */
bool import_course(struct import *m, struct input *in, const char *seen, size_t n); /* import_course.c */

/* Bytes of an input of which the first have been read already. */
struct import_bytes {
    struct import *m;
    struct input *in;
    const char *seen; /* read and not used yet */
    size_t n;
    char buffer[1 << 16];
};
ssize_t import_read(void *bytes, void *to, size_t n); /* as read(2) */
/* The next line without its end, in *line (grown as needed, NUL-terminated); -1 at the end or after an error. */
ssize_t import_line(struct import_bytes *b, char **line, size_t *room);

/* ---- import_read.c: files to histories ---- */

/* Reads one file into `m`, in whatever format of the family it is. */
bool import_file(struct import *m, const char *path);

/* ---- import_fault.c: what a nemesis did, as bands in time ---- */

struct import_fault {
    const char *kind;
    const struct name *text; /* what its first line says, NULL = nothing */
    int64_t t_begin, t_end;  /* t_end IMPORT_OPEN: until the end */
    size_t begin, end;       /* places in m->event; end SIZE_MAX: none */
    bool ending;             /* a line that ends it has been seen */
};
/* Returns how many; *out is the caller's to free. */
size_t import_faults(const struct import *m, struct import_fault **out);

/* ---- import_store.c ---- */

void import_store(struct import *m, struct db *db, struct import_result *r);

#endif
