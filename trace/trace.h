/* trace.h -- structured traces: writing them from any C program, and reading them back.
 *
 * The format (one JSON object a line) is described in trace/README.md; records.def is the list of its records.
 *
 * Writing: trace_writer_open(), then for each input handled: trace_set_time(), trace_set_state(), the record of the
 * input (whose number becomes the cause: trace_set_cause()), the records that follow from it, and trace_flush()
 * BEFORE any datagram that depends on them leaves (write-ahead). A writer never blocks for long, never allocates
 * after it is open, and never fails its caller: what it cannot write it drops, counts and confesses (trace.lost). The
 * kernel raises SIGXFSZ and SIGPIPE at whoever writes: ignore them where a file size limit or a pipe is possible.
 *
 * Reading: trace_reader_open(), trace_reader_next() until TRACE_READ_END; damaged input is reported and skipped.
 *
 * Not thread-safe: one thread per writer and per reader. No global state. */
#ifndef FAULTLINE_TRACE_H
#define FAULTLINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define TRACE_SCHEMA "faultline"
#define TRACE_VERSION 1
#define TRACE_ERR_LEN 512   /* bytes of every `err` buffer below, terminating NUL included */
#define TRACE_VALUE_MAX 64  /* bytes; longer users' values are written as hash and length */
#define TRACE_RAW_MAX 120   /* bytes of a refused datagram that are kept */

/* ---- field types of records.def ---- */

struct trace_opt { bool set; int64_t v; };                       /* an optional integer or boolean */
#define TRACE_OPT(x) ((struct trace_opt){ true, (int64_t)(x) })
struct trace_strs { const char *const *v; size_t n; };
struct trace_groups { const struct trace_strs *v; size_t n; };
struct trace_entry { int64_t idx, term; uint64_t h; };           /* a log entry, named but not quoted */
struct trace_ents { const struct trace_entry *v; size_t n; };
struct trace_count { const char *name; int64_t n; };
struct trace_counts { const struct trace_count *v; size_t n; };

/* One struct per record: `struct trace_rec_role_change { const char *old, *new, *why; }` and so on.
 * All pointers are borrowed for the call of the writer. Strings are NUL-terminated UTF-8; bytes that are not
 * valid UTF-8 are written as U+FFFD, so that every line is valid JSON whatever a hostile peer sent. */
#define STR(k) const char *k;
#define OSTR(k) const char *k;
#define OVAL(k) const char *k;
#define INT(k) int64_t k;
#define OINT(k) struct trace_opt k;
#define BOOL(k) bool k;
#define OBOOL(k) struct trace_opt k;
#define FLAG(k) bool k;
#define STRS(k) struct trace_strs k;
#define GROUPS(k) struct trace_groups k;
#define ENTS(k) struct trace_ents k;
#define COUNTS(k) struct trace_counts k;
#define OJSON(k) const char *k;
#define WHY(words) const char *why;
#define OWHY(words) const char *why;
#define PLAIN(c_name, ev, fields) struct trace_rec_##c_name { fields };
#define RAFT(c_name, ev, fields) struct trace_rec_##c_name { fields };
#include "records.def"
#undef STR
#undef OSTR
#undef OVAL
#undef INT
#undef OINT
#undef BOOL
#undef OBOOL
#undef FLAG
#undef STRS
#undef GROUPS
#undef ENTS
#undef COUNTS
#undef OJSON
#undef WHY
#undef OWHY
#undef PLAIN
#undef RAFT

/* ---- writer ---- */

struct trace_writer;

struct trace_writer_options {
    const char *dir;       /* directory of the run, made (with its parents) when missing */
    const char *node;      /* "n": replica id, "sim", a client's name; must be usable as a file name: [A-Za-z0-9_-]+ */
    int64_t boot;          /* "b", >= 1; the file is DIR/NODE.BOOT.jsonl and must not exist yet */
    size_t buffer_bytes;   /* 0 = 1 MiB, at least 1 KiB; the most that can wait unwritten. Full before a flush was asked
                            * for: it is flushed early */
    bool strict;           /* stop the process (_exit status 74, words on stderr) instead of dropping a record or going
                            * on after a failed write */
    bool mapped;           /* the file is written through a mapping: no system call for a flush, a fifth of the time. Zeros
                            * then stand at its end until it is closed, and after kill -9; they are no finding. Where it
                            * cannot be mapped, it is written as else. SIGBUS must be handled: trace_writer_fault() */
    /* Where each flush hands over the `n` bytes that wait, borrowed for the call, instead of to a file: for a process that
     * keeps traces in memory. No file is made then, and `dir` is not looked at. NULL: the file. */
    void (*sink)(void *ctx, const char *bytes, size_t n);
    void *sink_ctx;
};

/* The state that every RAFT record carries, as it is after the event. `role` is one of "FPCLO". */
struct trace_state { int64_t term, ci, ai, li; char role; };

/* Opens DIR/NODE.BOOT.jsonl. The caller's first record must be trace.open. NULL on failure, with the reason and the
 * path in `err`. */
struct trace_writer *trace_writer_open(const struct trace_writer_options *o, char err[TRACE_ERR_LEN]);
/* The same for a file descriptor that is open already (stderr, a pipe, a socket); `o->dir` is not looked at. The writer
 * owns `fd` from then on and closes it, also when trace_writer_close() cannot write everything. Make it O_NONBLOCK
 * when its reader may be slow: a full pipe then costs records (confessed), never time. */
struct trace_writer *trace_writer_open_fd(int fd, const struct trace_writer_options *o, char err[TRACE_ERR_LEN]);
/* Writes trace.close, flushes and closes; `w` is gone afterwards. NULL is allowed. */
void trace_writer_close(struct trace_writer *w);
/* For a handler of SIGBUS (SA_SIGINFO, `at` = si_addr) in a program with a `mapped` writer: true when somebody cut the
 * file under it, or the disk failed. The handler returns then, and the writer goes on with write(2). False: the fault is
 * not the trace's. */
bool trace_writer_fault(struct trace_writer *w, const void *at);

/* Time of the records to come, ns since the epoch of the run. */
void trace_set_time(struct trace_writer *w, int64_t t_ns);
/* From now on trace_set_time() takes the time *t_ns, whatever it is told: for a tracer whose own clock is made to run
 * wrong. Borrowed for the writer's life; NULL: no more. */
void trace_follow_clock(struct trace_writer *w, const int64_t *t_ns);
void trace_set_state(struct trace_writer *w, const struct trace_state *st);
/* `s` of the input that the records to come are caused by; 0 = they start a chain (no "c"). */
void trace_set_cause(struct trace_writer *w, int64_t s);
/* A message with Lamport clock `lc` was received: the next record's clock will be greater. Values over 2^53 are a
 * hostile peer's, and are ignored. */
void trace_observe_lc(struct trace_writer *w, int64_t lc);
/* Lamport clock of the last record: what a message sent now must carry. */
int64_t trace_lc(const struct trace_writer *w);
/* Number of the last record. */
int64_t trace_seq(const struct trace_writer *w);
/* Records dropped so far. */
int64_t trace_lost(const struct trace_writer *w);
/* Hands everything buffered to the kernel: one write(2), none when `mapped`. False when something could not be written now (it
 * stays buffered as far as it fits; what does not is confessed later). Cheap when nothing is buffered. */
bool trace_flush(struct trace_writer *w);

/* One writer per record: int64_t trace_put_role_change(w, &(struct trace_rec_role_change){ ... }).
 * Returns the record's s (also when it was dropped: numbers never repeat). w == NULL does nothing and returns 0. */
#define PLAIN(c_name, ev, fields) \
    int64_t trace_put_##c_name(struct trace_writer *w, const struct trace_rec_##c_name *r);
#define RAFT(c_name, ev, fields) PLAIN(c_name, ev, fields)
#include "records.def"
#undef PLAIN
#undef RAFT

/* 64-bit FNV-1a of n bytes: the hash of "h" and "vh" wherever the format asks for a hash of bytes. */
uint64_t trace_hash(const void *p, size_t n);
/* A hash in the form that the format asks for: 16 hexadecimal digits, and a NUL. */
#define TRACE_HASH_TEXT 17
void trace_hash_text(uint64_t h, char text[TRACE_HASH_TEXT]);
/* CLOCK_MONOTONIC in ns. */
uint64_t trace_mono_ns(void);

/* ---- catalogue: records.def as data, for readers and for tests ---- */

struct trace_field_type { const char *key; char type; bool optional; const char *words; };
    /* type: 's' string, 'v' value, 'i' integer, 'b' boolean, 'S' strings, 'G' groups, 'E' entries, 'C' counts,
     * 'j' JSON; words: the reasons allowed in "why", separated by spaces, else NULL */
struct trace_record_type { const char *ev; bool raft; const struct trace_field_type *fields; size_t n_fields; };
extern const struct trace_record_type trace_record_types[];
extern const size_t trace_record_types_n;
/* NULL for an event that is not in the catalogue (legal: kept, not checked). */
const struct trace_record_type *trace_record_type_find(const char *ev, size_t len);

/* ---- reader ---- */

/* Text inside the reader's buffer; valid until the next call of trace_reader_next(). Not NUL-terminated. */
struct trace_text { const char *p; size_t n; };

enum trace_kind { TRACE_STRING, TRACE_INT, TRACE_REAL, TRACE_TRUE, TRACE_FALSE, TRACE_NULL, TRACE_ARRAY, TRACE_OBJECT };

struct trace_field {
    struct trace_text key;      /* decoded */
    struct trace_text raw;      /* the value: JSON text, as it stands in the line or (jansson) written anew */
    struct trace_text text;     /* TRACE_STRING: the decoded string */
    int64_t i;                  /* TRACE_INT: the value */
    enum trace_kind kind;
};

#define TRACE_FIELDS_MAX 64

struct trace_record {
    struct trace_text node, ev; /* decoded */
    int64_t boot, seq, t, lc;
    int64_t cause;              /* 0 = none */
    bool has_state;             /* term..role are valid: all five keys are there and sound; else they are own fields */
    int64_t term, commit, applied, last;
    char role;
    struct trace_text body;     /* JSON object text holding exactly the event's own fields, "{}" when there are none */
    struct trace_field field[TRACE_FIELDS_MAX];  /* the event's own fields */
    size_t n_fields;
    int64_t line;               /* from 1 */
    const struct trace_record_type *type;        /* NULL: unknown event */
};

/* Parses one line without its '\n'. Returns true, or false with words (what, and the column) in `err`. The fast
 * scanner takes the shape that the writer produces; anything else goes through jansson, which is the reference. Texts
 * point into `line` or into `s`, and are valid until either changes: one scratch holds one record. Checks: the envelope
 * (types, s >= 1, b >= 1), no duplicate keys, UTF-8; and, only as `*suspect` with words in `err` because new writers
 * may know more than old readers, that a known event has its required fields and state, of the right types, and a known
 * word in `why`. Of more than TRACE_FIELDS_MAX fields the rest stands in the body only (suspect). `out->line` is not
 * touched. */
struct trace_scratch;
struct trace_scratch *trace_scratch_new(void);
void trace_scratch_free(struct trace_scratch *s);
bool trace_parse(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                 char err[TRACE_ERR_LEN]);

const struct trace_field *trace_find(const struct trace_record *r, const char *key);
/* The field's text; n == 0 and p == NULL when it is missing or no string. */
struct trace_text trace_find_text(const struct trace_record *r, const char *key);
/* True, and the value in *v, when the field is there and an integer (booleans count as 0 and 1). */
bool trace_find_int(const struct trace_record *r, const char *key, int64_t *v);
/* Here, so that the length of a literal costs nothing: readers ask this many times for each record. */
static inline bool trace_text_is(struct trace_text t, const char *s)
{
    return strlen(s) == t.n && memcmp(t.p, s, t.n) == 0;
}

struct trace_reader;

enum trace_read {
    TRACE_READ_RECORD,   /* `out` is filled; `err` is "" or says what is suspect about it */
    TRACE_READ_BAD,      /* a bad line of *bytes was skipped; `err` says why; out->line names it */
    TRACE_READ_TORN,     /* the last line has no '\n'; out->line names it, *bytes is its length; END follows */
    TRACE_READ_NULS,     /* a run of *bytes NUL bytes was skipped at out->line */
    TRACE_READ_END,
    TRACE_READ_ERROR     /* the file cannot be read further; `err` says why */
};

/* path "-" is standard input. NULL with words in `err`. */
struct trace_reader *trace_reader_open(const char *path, char err[TRACE_ERR_LEN]);
/* Bytes from elsewhere (out of a decompressor, say): `read` is called with `ctx` as read(2) would be, until it returns 0
 * or -1 with errno set. The caller keeps `ctx`; `name` is for words. */
typedef ssize_t trace_source(void *ctx, void *to, size_t n);
struct trace_reader *trace_reader_open_source(trace_source *read, void *ctx, const char *name, char err[TRACE_ERR_LEN]);
void trace_reader_close(struct trace_reader *r);
enum trace_read trace_reader_next(struct trace_reader *r, struct trace_record *out, size_t *bytes,
                                  char err[TRACE_ERR_LEN]);
/* Bytes consumed so far, and the file's size without the NUL bytes at its end, which are never read (0 when unknown). */
uint64_t trace_reader_offset(const struct trace_reader *r);
uint64_t trace_reader_size(const struct trace_reader *r);

#endif
