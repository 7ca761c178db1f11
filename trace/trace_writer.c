/* trace_writer.c -- one file per process incarnation: numbers, clocks, the bounded buffer, and the confession of what
 * was lost. The record's own fields are written by trace_put.c. */
#include "trace_room.h"
#include "trace_writer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUFFER_DEFAULT = 1 << 20,
    BUFFER_MIN = 1024, /* trace.lost and a small record fit, so that a writer can always recover */
    NODE_MAX = 255,
    PREFIX_MAX = NODE_MAX + 48, /* {"n":"...","b":<20 digits>,"s": */
    STATE_MAX = 160,
    SPARE = PREFIX_MAX + STATE_MAX + 256, /* what every record begins with fits into it, copied without asking */
    EXIT_IO = 74                          /* EX_IOERR of sysexits.h */
};

/* Clocks above this are a peer's garbage: they would not survive a JavaScript reader, nor our own addition. */
#define CLOCK_MAX ((int64_t)1 << 53)

struct trace_writer {
    int fd; /* -1: none, there is a sink */
    void (*sink)(void *ctx, const char *bytes, size_t n);
    void *sink_ctx;
    struct trace_room room; /* without a window: what is flushed is written */
    bool strict;
    bool write_failed; /* the last write(2) failed with something else than EAGAIN */
    int64_t seq, lc, time, cause, lost;
    const int64_t *clock; /* what trace_set_time() takes where there is one */
    int64_t lost_first, lost_last; /* dropped and not yet confessed; 0 = none */
    const char *lost_why;
    struct trace_state state;
    size_t prefix_n, state_n; /* parts that stay the same from record to record, ready-made */
    char prefix[PREFIX_MAX];
    char state_text[STATE_MAX];
    struct trace_number seq_text, time_text, lc_text, cause_text, term_text, ci_text, ai_text, li_text; /* last used */
    size_t used, size; /* of `buffer`, which has SPARE bytes more; the first `used` bytes wait for the kernel */
    char path[PATH_MAX];
    char buffer[];
};

static void fail(char err[TRACE_ERR_LEN], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(char err[TRACE_ERR_LEN], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, TRACE_ERR_LEN, fmt, ap);
    va_end(ap);
}

/* ---- opening ---- */

/* A name that becomes part of a path: nothing in it may lead out of the directory. */
static bool node_is_usable(const char *node)
{
    size_t n = node == NULL ? 0 : strspn(node, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= NODE_MAX && node[n] == '\0';
}

static bool make_directories(const char *dir, char err[TRACE_ERR_LEN])
{
    char path[PATH_MAX];
    size_t n = strlen(dir);
    if (n == 0 || n >= sizeof path) {
        fail(err, "trace directory: its name has %zu bytes; 1 to %zu are possible", n, sizeof path - 1);
        return false;
    }
    memcpy(path, dir, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char kept = path[i];
        path[i] = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            fail(err, "mkdir %s: %s; name another trace directory", path, strerror(errno));
            return false;
        }
        path[i] = kept;
    }
    return true;
}

static bool options_are_usable(const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    if (!node_is_usable(o->node)) {
        fail(err, "trace: node \"%.64s\" cannot be part of a file name; use 1 to %d of A-Z a-z 0-9 _ -",
             o->node == NULL ? "" : o->node, NODE_MAX);
        return false;
    }
    if (o->boot < 1) {
        fail(err, "trace of %s: boot %lld; boots are counted from 1", o->node, (long long)o->boot);
        return false;
    }
    return true;
}

static struct trace_writer *writer_new(const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    size_t size = o->buffer_bytes == 0 ? BUFFER_DEFAULT : o->buffer_bytes < BUFFER_MIN ? BUFFER_MIN : o->buffer_bytes;
    struct trace_writer *w = malloc(sizeof *w + size + SPARE);
    if (w == NULL) {
        fail(err, "trace of %s: no memory for a buffer of %zu bytes", o->node, size);
        return NULL;
    }
    *w = (struct trace_writer){.seq_text = TRACE_NUMBER_0,
                               .time_text = TRACE_NUMBER_0,
                               .lc_text = TRACE_NUMBER_0,
                               .cause_text = TRACE_NUMBER_0,
                               .term_text = TRACE_NUMBER_0,
                               .ci_text = TRACE_NUMBER_0,
                               .ai_text = TRACE_NUMBER_0,
                               .li_text = TRACE_NUMBER_0,
                               .fd = -1,
                               .sink = o->sink,
                               .sink_ctx = o->sink_ctx,
                               .strict = o->strict,
                               .size = size,
                               .state.role = 'F'};
    struct trace_cursor c = {w->prefix, w->prefix + sizeof w->prefix, false};
    PUT_LITERAL(&c, "{\"n\":");
    trace_fmt_str(&c, o->node);
    PUT_LITERAL(&c, ",\"b\":");
    trace_fmt_i64(&c, o->boot);
    PUT_LITERAL(&c, ",\"s\":");
    w->prefix_n = (size_t)(c.p - w->prefix);
    trace_set_state(w, &(struct trace_state){.role = 'F'});
    return w;
}

struct trace_writer *trace_writer_open(const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    err[0] = '\0';
    if (!options_are_usable(o, err) || (!o->sink && !make_directories(o->dir, err)))
        return NULL;
    struct trace_writer *w = writer_new(o, err);
    if (w == NULL || o->sink)
        return w;
    int n = snprintf(w->path, sizeof w->path, "%s/%s.%lld.jsonl", o->dir, o->node, (long long)o->boot);
    if (n < 0 || (size_t)n >= sizeof w->path) {
        fail(err, "trace of %s: the path of its file is too long", o->node);
        goto failed;
    }
    int access = o->mapped ? O_RDWR : O_WRONLY;
    w->fd = open(w->path, access | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd < 0) {
        fail(err, "create %s: %s%s", w->path, strerror(errno),
             errno == EEXIST ? "; every start of a process needs its own boot number or run directory" : "");
        goto failed;
    }
    if (o->mapped)
        (void)trace_room_open(&w->room, w->fd); /* else it is written, as if that had not been asked for */
    return w;
failed:
    free(w);
    return NULL;
}

struct trace_writer *trace_writer_open_fd(int fd, const struct trace_writer_options *o, char err[TRACE_ERR_LEN])
{
    err[0] = '\0';
    if (!options_are_usable(o, err))
        return NULL;
    struct trace_writer *w = writer_new(o, err);
    if (w == NULL)
        return NULL;
    snprintf(w->path, sizeof w->path, "file descriptor %d", fd);
    w->fd = fd;
    return w;
}

/* ---- what the records to come have in common ---- */

/* A literal where there is room for it. */
#define PLACE(p, literal) ((char *)memcpy((p), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

void trace_set_time(struct trace_writer *w, int64_t t_ns)
{
    if (w != NULL)
        w->time = w->clock != NULL ? *w->clock : t_ns;
}

void trace_follow_clock(struct trace_writer *w, const int64_t *t_ns)
{
    if (w != NULL)
        w->clock = t_ns;
}

void trace_set_state(struct trace_writer *w, const struct trace_state *st)
{
    if (w == NULL)
        return;
    const struct trace_state *old = &w->state;
    if (w->state_n > 0 && st->term == old->term && st->ci == old->ci && st->ai == old->ai && st->li == old->li &&
        st->role == old->role)
        return;
    w->state = *st;
    char *p = w->state_text;
    p = trace_number_put(PLACE(p, ",\"term\":"), &w->term_text, st->term);
    p = PLACE(p, ",\"role\":\"");
    *p++ = st->role;
    p = trace_number_put(PLACE(p, "\",\"ci\":"), &w->ci_text, st->ci);
    p = trace_number_put(PLACE(p, ",\"ai\":"), &w->ai_text, st->ai);
    p = trace_number_put(PLACE(p, ",\"li\":"), &w->li_text, st->li);
    w->state_n = (size_t)(p - w->state_text);
}

void trace_set_cause(struct trace_writer *w, int64_t s)
{
    if (w != NULL)
        w->cause = s;
}

void trace_observe_lc(struct trace_writer *w, int64_t lc)
{
    if (w != NULL && lc > w->lc && lc <= CLOCK_MAX)
        w->lc = lc;
}

int64_t trace_lc(const struct trace_writer *w)
{
    return w == NULL ? 0 : w->lc;
}

int64_t trace_seq(const struct trace_writer *w)
{
    return w == NULL ? 0 : w->seq;
}

int64_t trace_lost(const struct trace_writer *w)
{
    return w == NULL ? 0 : w->lost;
}

/* ---- records ---- */

/* Copies `n` bytes of an array of at least `few`: always as many when that will do, which is no call. */
static inline char *place_part(char *p, const char *from, size_t n, size_t few)
{
    if (n <= few)
        memcpy(p, from, few);
    else
        memcpy(p, from, n);
    return p + n;
}

/* Puts one line after those that wait. False, and nothing changed, when it does not fit. */
static bool append(struct trace_writer *w, const struct trace_event *ev, const void *rec)
{
    char *p = w->buffer + w->used;
    p = place_part(p, w->prefix, w->prefix_n, 32);
    p = trace_number_put(p, &w->seq_text, w->seq + 1);
    p = trace_number_put(PLACE(p, ",\"t\":"), &w->time_text, w->time);
    p = trace_number_put(PLACE(p, ",\"lc\":"), &w->lc_text, w->lc + 1);
    memcpy(p, ev->text, sizeof ev->text);
    p += ev->n;
    if (w->cause != 0)
        p = trace_number_put(PLACE(p, ",\"c\":"), &w->cause_text, w->cause);
    if (ev->raft)
        p = place_part(p, w->state_text, w->state_n, 96);
    struct trace_cursor c = {p, w->buffer + w->size, false};
    if (c.p > c.end)
        return false;
    ev->fields(&c, rec);
    PUT_LITERAL(&c, "}\n");
    if (c.full)
        return false;
    w->used = (size_t)(c.p - w->buffer);
    w->seq++;
    w->lc++;
    return true;
}

/* Appends the confession of what was dropped, if there is anything to confess. It has no cause: nothing the replica
 * handled made it happen. */
static bool confess(struct trace_writer *w)
{
    if (w->lost_first == 0)
        return true;
    struct trace_rec_trace_lost lost = {.first = w->lost_first, .last = w->lost_last, .why = w->lost_why};
    int64_t cause = w->cause;
    w->cause = 0;
    bool done = append(w, &trace_event_trace_lost, &lost);
    w->cause = cause;
    return done;
}

/* The confession and the record, or neither: a confession whose record is dropped at once would only fill the buffer
 * that is full already. */
static bool append_both(struct trace_writer *w, const struct trace_event *ev, const void *rec)
{
    size_t used = w->used;
    int64_t seq = w->seq, lc = w->lc;
    if (confess(w) && append(w, ev, rec)) {
        w->lost_first = 0;
        return true;
    }
    w->used = used;
    w->seq = seq;
    w->lc = lc;
    return false;
}

static void stop(struct trace_writer *w, const char *what)
{
    trace_room_close(&w->room);
    dprintf(STDERR_FILENO, "trace %s: %s at record %lld; stopped because the trace is strict\n", w->path, what,
            (long long)w->seq + 1);
    _exit(EXIT_IO);
}

static void drop(struct trace_writer *w)
{
    if (w->strict)
        stop(w, "no room for a record");
    w->seq++;
    w->lc++;
    w->lost++;
    if (w->lost_first == 0) {
        w->lost_first = w->seq;
        w->lost_why = w->write_failed ? "io_error" : "overflow";
    }
    w->lost_last = w->seq;
}

int64_t trace_writer_put(struct trace_writer *w, const struct trace_event *ev, const void *rec)
{
    if (w == NULL)
        return 0;
    if (!append_both(w, ev, rec)) {
        size_t used = w->used;
        trace_flush(w); /* earlier than asked is always allowed; later is not */
        if (w->used == used || !append_both(w, ev, rec))
            drop(w);
    }
    return w->seq;
}

bool trace_flush(struct trace_writer *w)
{
    if (w == NULL || w->used == 0)
        return true;
    if (w->sink) {
        w->sink(w->sink_ctx, w->buffer, w->used);
        w->used = 0;
        return true;
    }
    size_t done = 0;
    bool failed = false;
    if (w->room.window != NULL) {
        done = trace_room_append(&w->room, w->buffer, w->used);
        if (done < w->used)
            trace_room_close(&w->room); /* write(2) says why */
    }
    while (done < w->used && !failed) {
        ssize_t n = write(w->fd, w->buffer + done, w->used - done);
        if (n >= 0) {
            done += (size_t)n;
            failed = n == 0;
        } else if (errno != EINTR) {
            failed = true;
            w->write_failed = errno != EAGAIN && errno != EWOULDBLOCK;
            if (w->strict && w->write_failed)
                stop(w, strerror(errno));
        }
    }
    /* What the kernel did not take stays first, so that a line cut by a short write is completed by the next flush. */
    if (done > 0 && done < w->used)
        memmove(w->buffer, w->buffer + done, w->used - done);
    w->used -= done;
    if (!failed)
        w->write_failed = false;
    return !failed;
}

void trace_writer_close(struct trace_writer *w)
{
    if (w == NULL)
        return;
    trace_flush(w);
    w->cause = 0;
    int64_t confession = w->lost_first != 0; /* comes before the close, and counts */
    struct trace_rec_trace_close end = {.records = w->seq + confession + 1 - w->lost, .lost = w->lost};
    trace_put_trace_close(w, &end);
    trace_flush(w);
    trace_room_close(&w->room);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

bool trace_writer_fault(struct trace_writer *w, const void *at)
{
    return w != NULL && trace_room_fault(&w->room, at);
}
