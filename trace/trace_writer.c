/* trace_writer.c -- one file of records: buffer, numbers, clock, and the confession of what was dropped.
 *
 * The rules are in README.md ("What a writer promises"): numbers never repeat, nothing is reordered, a record is either
 * whole in the file or named by a trace.lost, and nobody waits for a disk or a pipe. */
#include "trace.h"
#include "trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_DEFAULT = 1 << 20,
    BUFFER_MIN = 4096,
    NODE_MAX = 64,
    STATE_MAX = 160,    /* the rendered state: four numbers, a letter and their keys */
    ENVELOPE_MAX = 512, /* everything before the event's own fields */
    CONFESSION_MAX = 1024 /* a trace.lost, whole */
};

enum loss { LOSS_OVERFLOW, LOSS_IO_ERROR };
static const char *const loss_words[] = {[LOSS_OVERFLOW] = "overflow", [LOSS_IO_ERROR] = "io_error"};

struct trace_writer {
    struct trace_out out;       /* out.p[head..out.n) waits for the kernel */
    size_t head;                /* a short write leaves the rest of a line here: it must go out next */
    size_t mark;                /* where the record being written begins */
    int fd;
    bool strict, retrying, broken; /* broken: the last write failed with something else than "not now" */
    int64_t seq, t, lc, cause;
    int64_t dropped;            /* in all */
    int64_t lost_first, lost_last; /* dropped and not yet confessed; 0 = none */
    enum loss lost_why;
    char prefix[NODE_MAX + 64]; /* {"n":"0003","b":1,"s": */
    size_t prefix_n;
    struct trace_state state;
    char state_text[STATE_MAX];
    size_t state_n;
    char path[1024];
};

/* ---- open ---- */

static bool make_directories(const char *dir, char err[TRACE_ERR_LEN])
{
    char path[1024];
    size_t n = strlen(dir);
    if (n == 0 || n >= sizeof path) {
        snprintf(err, TRACE_ERR_LEN, "trace directory: name of %zu bytes", n);
        return false;
    }
    memcpy(path, dir, n + 1);
    for (char *p = path + 1;; p++) {
        char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            snprintf(err, TRACE_ERR_LEN, "cannot make the trace directory %.300s: %s", path, strerror(errno));
            return false;
        }
        *p = c;
        if (c == '\0')
            return true;
    }
}

static bool good_name(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= NODE_MAX && s[n] == '\0';
}

static void render_state(struct trace_writer *w)
{
    struct trace_out o = {.p = w->state_text, .room = sizeof w->state_text};
    TRACE_PUT_LITERAL(&o, ",\"term\":");
    trace_put_number(&o, w->state.term);
    TRACE_PUT_LITERAL(&o, ",\"role\":\"");
    trace_put_bytes(&o, &w->state.role, 1);
    TRACE_PUT_LITERAL(&o, "\",\"ci\":");
    trace_put_number(&o, w->state.ci);
    TRACE_PUT_LITERAL(&o, ",\"ai\":");
    trace_put_number(&o, w->state.ai);
    TRACE_PUT_LITERAL(&o, ",\"li\":");
    trace_put_number(&o, w->state.li);
    w->state_n = o.n;
}

static struct trace_writer *new_writer(int fd, const struct trace_writer_options *o, const char *path, char err[TRACE_ERR_LEN])
{
    size_t room = o->buffer_bytes == 0 ? BUFFER_DEFAULT : o->buffer_bytes < BUFFER_MIN ? BUFFER_MIN : o->buffer_bytes;
    struct trace_writer *w = calloc(1, sizeof *w);
    char *buffer = malloc(room);
    if (!w || !buffer) {
        snprintf(err, TRACE_ERR_LEN, "trace %s: out of memory", path);
        free(w);
        free(buffer);
        return NULL;
    }
    memset(buffer, 0, room); /* so that the first records do not pay for its pages */
    w->out = (struct trace_out){.p = buffer, .room = room};
    w->fd = fd;
    w->strict = o->strict;
    snprintf(w->path, sizeof w->path, "%s", path);
    w->prefix_n = (size_t)snprintf(w->prefix, sizeof w->prefix, "{\"n\":\"%s\",\"b\":%lld,\"s\":", o->node, (long long)o->boot);
    w->state = (struct trace_state){.role = 'F'};
    render_state(w);
    return w;
}

static bool good_options(const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    if (!o->node || !good_name(o->node)) {
        snprintf(err, TRACE_ERR_LEN, "trace: a node's name is 1 to %d of A-Z a-z 0-9 _ -", NODE_MAX);
        return false;
    }
    if (o->boot < 1) {
        snprintf(err, TRACE_ERR_LEN, "trace: boot numbers begin at 1");
        return false;
    }
    return true;
}

struct trace_writer *trace_writer_open(const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    char path[1024];
    if (!good_options(o, err) || !make_directories(o->dir ? o->dir : "", err))
        return NULL;
    int n = snprintf(path, sizeof path, "%s/%s.%lld.jsonl", o->dir, o->node, (long long)o->boot);
    if (n < 0 || (size_t)n >= sizeof path) {
        snprintf(err, TRACE_ERR_LEN, "trace file: the name below %.200s... is too long", o->dir);
        return NULL;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        snprintf(err, TRACE_ERR_LEN, "cannot create the trace %.400s: %s", path, strerror(errno));
        return NULL;
    }
    struct trace_writer *w = new_writer(fd, o, path, err);
    if (!w)
        close(fd);
    return w;
}

struct trace_writer *trace_writer_open_fd(int fd, const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    if (!good_options(o, err))
        return NULL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        snprintf(err, TRACE_ERR_LEN, "trace: file descriptor %d: %s", fd, strerror(errno));
        return NULL;
    }
    char name[32];
    snprintf(name, sizeof name, "fd %d", fd);
    return new_writer(fd, o, name, err);
}

/* ---- to the kernel ---- */

bool trace_flush(struct trace_writer *w)
{
    if (!w || w->head == w->out.n)
        return true;
    ssize_t n;
    do
        n = write(w->fd, w->out.p + w->head, w->out.n - w->head);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        w->broken = errno != EAGAIN && errno != EWOULDBLOCK;
        if (w->strict && w->broken) {
            fprintf(stderr, "trace %s: %s; stopped, as strict tracing asks\n", w->path, strerror(errno));
            _exit(74);
        }
        return false;
    }
    w->broken = false;
    w->head += (size_t)n;
    if (w->head < w->out.n)
        return false;
    w->head = w->out.n = w->mark = 0;
    return true;
}

/* Makes room in front of what waits; only between records. */
static void compact(struct trace_writer *w)
{
    if (w->head == 0)
        return;
    memmove(w->out.p, w->out.p + w->head, w->out.n - w->head);
    w->out.n -= w->head;
    w->head = 0;
}

static size_t free_room(const struct trace_writer *w)
{
    return w->out.room - w->out.n;
}

/* ---- records ---- */

static void drop(struct trace_writer *w)
{
    if (w->strict) {
        fprintf(stderr, "trace %s: record %lld does not fit; stopped, as strict tracing asks\n", w->path, (long long)w->seq);
        _exit(74);
    }
    if (w->lost_first == 0) {
        w->lost_first = w->seq;
        w->lost_why = w->broken ? LOSS_IO_ERROR : LOSS_OVERFLOW;
    }
    w->lost_last = w->seq;
    w->dropped++;
}

static void put_envelope(struct trace_writer *w, const char *ev, size_t ev_n, bool raft)
{
    struct trace_out *o = &w->out;
    trace_put_bytes(o, w->prefix, w->prefix_n);
    trace_put_number(o, w->seq);
    TRACE_PUT_LITERAL(o, ",\"t\":");
    trace_put_number(o, w->t);
    TRACE_PUT_LITERAL(o, ",\"lc\":");
    trace_put_number(o, w->lc);
    TRACE_PUT_LITERAL(o, ",\"ev\":\"");
    trace_put_bytes(o, ev, ev_n);
    TRACE_PUT_LITERAL(o, "\"");
    if (w->cause > 0) {
        TRACE_PUT_LITERAL(o, ",\"c\":");
        trace_put_number(o, w->cause);
    }
    if (raft)
        trace_put_bytes(o, w->state_text, w->state_n);
}

static void confess(struct trace_writer *w);

/* Begins a record, or begins it again after end_record() has made room. */
static void begin_record(struct trace_writer *w, const char *ev, size_t ev_n, bool raft)
{
    if (!w->retrying) {
        if (free_room(w) < ENVELOPE_MAX) {
            trace_flush(w);
            compact(w);
        }
        if (w->lost_first != 0)
            confess(w);
        w->seq++;
        w->lc++;
    }
    w->mark = w->out.n;
    w->out.full = false;
    put_envelope(w, ev, ev_n, raft);
}

/* Ends a record. False: there was no room, there is more now, write it again. */
static bool end_record(struct trace_writer *w)
{
    TRACE_PUT_LITERAL(&w->out, "}\n");
    if (!w->out.full && w->lost_first == 0) {
        w->retrying = false;
        return true;
    }
    w->out.n = w->mark; /* what did not fit; or what may not stand before the confession of what came earlier */
    if (!w->retrying && w->lost_first == 0) {
        size_t before = free_room(w);
        trace_flush(w);
        compact(w);
        w->retrying = free_room(w) > before;
        if (w->retrying)
            return false;
    }
    w->retrying = false;
    drop(w);
    return true;
}

/* Writes the trace.lost that is due, if there is room for it and for a record behind it. */
static void confess(struct trace_writer *w)
{
    if (free_room(w) < 2 * CONFESSION_MAX) {
        trace_flush(w);
        compact(w);
        if (free_room(w) < 2 * CONFESSION_MAX)
            return;
    }
    struct trace_rec_trace_lost r = {.first = w->lost_first, .last = w->lost_last, .why = loss_words[w->lost_why]};
    int64_t cause = w->cause;
    w->cause = 0;
    w->lost_first = w->lost_last = 0;
    trace_put_trace_lost(w, &r);
    w->cause = cause;
}

#define FIELD(k, call, ...) call(&w->out, ",\"" #k "\":", sizeof(",\"" #k "\":") - 1, __VA_ARGS__);
#define STR(k) FIELD(k, trace_field_str, r->k ? r->k : "")
#define OSTR(k)                                                                                                        \
    if (r->k)                                                                                                          \
        FIELD(k, trace_field_str, r->k)
#define OVAL(k)                                                                                                        \
    if (r->k)                                                                                                          \
        trace_field_value(&w->out, r->k);
#define INT(k) FIELD(k, trace_field_int, r->k)
#define OINT(k)                                                                                                        \
    if (r->k.set)                                                                                                      \
        FIELD(k, trace_field_int, r->k.v)
#define BOOL(k) FIELD(k, trace_field_bool, r->k)
#define OBOOL(k)                                                                                                       \
    if (r->k.set)                                                                                                      \
        FIELD(k, trace_field_bool, r->k.v != 0)
#define FLAG(k)                                                                                                        \
    if (r->k)                                                                                                          \
        FIELD(k, trace_field_bool, true)
#define STRS(k) FIELD(k, trace_field_strs, &r->k)
#define GROUPS(k)                                                                                                      \
    if (r->k.n > 0)                                                                                                    \
        FIELD(k, trace_field_groups, &r->k)
#define ENTS(k)                                                                                                        \
    if (r->k.n > 0)                                                                                                    \
        FIELD(k, trace_field_ents, &r->k)
#define COUNTS(k)                                                                                                      \
    if (r->k.n > 0)                                                                                                    \
        FIELD(k, trace_field_counts, &r->k)
#define OJSON(k)                                                                                                       \
    if (r->k)                                                                                                          \
        FIELD(k, trace_field_json, r->k)
#define WHY(words) FIELD(why, trace_field_str, r->why ? r->why : "")
#define OWHY(words)                                                                                                    \
    if (r->why)                                                                                                        \
        FIELD(why, trace_field_str, r->why)
#define DEFINE(c_name, ev, raft, fields)                                                                               \
    int64_t trace_put_##c_name(struct trace_writer *w, const struct trace_rec_##c_name *r)                             \
    {                                                                                                                  \
        if (!w)                                                                                                        \
            return 0;                                                                                                  \
        do {                                                                                                           \
            begin_record(w, ev, sizeof ev - 1, raft);                                                                  \
            fields                                                                                                     \
        } while (!end_record(w));                                                                                      \
        return w->seq;                                                                                                 \
    }
#define PLAIN(c_name, ev, fields) DEFINE(c_name, ev, false, fields)
#define RAFT(c_name, ev, fields) DEFINE(c_name, ev, true, fields)
#include "records.def"

/* ---- what the records to come carry ---- */

void trace_set_time(struct trace_writer *w, int64_t t_ns)
{
    if (w)
        w->t = t_ns;
}

void trace_set_state(struct trace_writer *w, const struct trace_state *st)
{
    if (!w)
        return;
    const struct trace_state *o = &w->state;
    if (o->term == st->term && o->ci == st->ci && o->ai == st->ai && o->li == st->li && o->role == st->role)
        return;
    w->state = *st;
    render_state(w);
}

void trace_set_cause(struct trace_writer *w, int64_t s)
{
    if (w)
        w->cause = s;
}

void trace_observe_lc(struct trace_writer *w, int64_t lc)
{
    if (w && lc > w->lc)
        w->lc = lc;
}

int64_t trace_lc(const struct trace_writer *w)
{
    return w ? w->lc : 0;
}

int64_t trace_seq(const struct trace_writer *w)
{
    return w ? w->seq : 0;
}

int64_t trace_lost(const struct trace_writer *w)
{
    return w ? w->dropped : 0;
}

void trace_writer_close(struct trace_writer *w)
{
    if (!w)
        return;
    trace_flush(w);
    compact(w);
    if (w->lost_first != 0)
        confess(w);
    w->cause = 0;
    trace_put_trace_close(w, &(struct trace_rec_trace_close){.records = w->seq + 1 - w->dropped, .lost = w->dropped});
    trace_flush(w);
    close(w->fd);
    free(w->out.p);
    free(w);
}

uint64_t trace_mono_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
