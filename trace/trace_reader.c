/* trace_reader.c -- a file of records, line by line, whatever state it is in (README.md, "Damaged files"). */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, LINE_MAX_BYTES = 1 << 20 };

struct trace_reader {
    int fd;
    char *buf;
    size_t head, tail, room; /* buf[head..tail) is read and not consumed */
    bool eof;
    int64_t line;            /* of the line that begins at head, from 1 */
    uint64_t offset, size;
    struct trace_scratch *scratch;
    char path[1024];
};

struct trace_reader *trace_reader_open(const char *path, char err[TRACE_ERR_LEN])
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(err, TRACE_ERR_LEN, "cannot open %.400s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        snprintf(err, TRACE_ERR_LEN, "%.400s is a directory, not a trace file", path);
        close(fd);
        return NULL;
    }
    struct trace_reader *r = calloc(1, sizeof *r);
    if (r) {
        r->room = CHUNK + LINE_MAX_BYTES;
        r->buf = malloc(r->room);
        r->scratch = trace_scratch_new();
    }
    if (!r || !r->buf || !r->scratch) {
        snprintf(err, TRACE_ERR_LEN, "reading %.400s: out of memory", path);
        close(fd);
        if (r) {
            free(r->buf);
            trace_scratch_free(r->scratch);
        }
        free(r);
        return NULL;
    }
    r->fd = fd;
    r->line = 1;
    r->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    snprintf(r->path, sizeof r->path, "%s", standard ? "standard input" : path);
    return r;
}

void trace_reader_close(struct trace_reader *r)
{
    if (!r)
        return;
    close(r->fd);
    free(r->buf);
    trace_scratch_free(r->scratch);
    free(r);
}

uint64_t trace_reader_offset(const struct trace_reader *r)
{
    return r->offset;
}

uint64_t trace_reader_size(const struct trace_reader *r)
{
    return r->size;
}

static void consume(struct trace_reader *r, size_t n)
{
    r->head += n;
    r->offset += n;
}

/* More bytes behind what is there. False: end of file, or an error (then `err` has words). */
static bool fill(struct trace_reader *r, char err[TRACE_ERR_LEN])
{
    if (r->eof)
        return false;
    if (r->room - r->tail < CHUNK) {
        memmove(r->buf, r->buf + r->head, r->tail - r->head);
        r->tail -= r->head;
        r->head = 0;
    }
    ssize_t n;
    do
        n = read(r->fd, r->buf + r->tail, r->room - r->tail);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        snprintf(err, TRACE_ERR_LEN, "reading %.400s: %s", r->path, strerror(errno));
    if (n <= 0) {
        r->eof = true;
        return false;
    }
    r->tail += (size_t)n;
    return true;
}

/* Skips bytes up to the next '\n' (kept) or the end, or, with `nuls`, as long as they are NUL. Returns how many. */
static size_t skip(struct trace_reader *r, bool nuls, char err[TRACE_ERR_LEN])
{
    size_t skipped = 0;
    for (;;) {
        size_t n = r->tail - r->head, i = 0;
        const char *p = r->buf + r->head;
        if (nuls) {
            while (i < n && p[i] == '\0')
                i++;
        } else {
            const char *end = memchr(p, '\n', n);
            i = end ? (size_t)(end - p) : n;
        }
        consume(r, i);
        skipped += i;
        if (i < n || !fill(r, err))
            return skipped;
    }
}

static bool blank(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
            return false;
    return true;
}

enum trace_read trace_reader_next(struct trace_reader *r, struct trace_record *out, size_t *bytes, char err[TRACE_ERR_LEN])
{
    err[0] = '\0';
    *bytes = 0;
    size_t seen = 0; /* bytes after head that hold no '\n' */
    for (;;) {
        out->line = r->line;
        char *p = r->buf + r->head;
        size_t n = r->tail - r->head;
        if (n > 0 && *p == '\0') {
            *bytes = skip(r, true, err);
            return err[0] ? TRACE_READ_ERROR : TRACE_READ_NULS;
        }
        char *end = n > seen ? memchr(p + seen, '\n', n - seen) : NULL;
        if (!end && n > LINE_MAX_BYTES) {
            *bytes = skip(r, false, err);
            if (err[0])
                return TRACE_READ_ERROR;
            snprintf(err, TRACE_ERR_LEN, "a line of %zu bytes; the longest allowed has %d", *bytes, LINE_MAX_BYTES);
            if (r->head < r->tail) {
                consume(r, 1);
                r->line++;
            }
            return TRACE_READ_BAD;
        }
        if (!end) {
            seen = n;
            if (fill(r, err))
                continue;
            if (err[0])
                return TRACE_READ_ERROR;
            if (n == 0)
                return TRACE_READ_END;
            *bytes = n;
            consume(r, n);
            return TRACE_READ_TORN;
        }
        size_t len = (size_t)(end - p);
        consume(r, len + 1);
        r->line++;
        seen = 0;
        if (blank(p, len))
            continue;
        bool suspect;
        return trace_parse(p, len, r->scratch, out, &suspect, err) ? TRACE_READ_RECORD : TRACE_READ_BAD;
    }
}
