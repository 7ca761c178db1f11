/* trace_reader.c -- a file of records, line by line, whatever state it is in (README.md, "Damaged files"). */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, LINE_BYTES_MAX = 1 << 20 };

struct trace_reader {
    int fd; /* -1: `source` gives the bytes */
    trace_source *source;
    void *ctx;
    size_t head, tail; /* buf[head..tail) is read and not consumed */
    bool eof;
    int64_t line; /* of the byte at head, from 1 */
    uint64_t offset, size;
    struct trace_scratch *scratch;
    char path[PATH_MAX];
    char buf[LINE_BYTES_MAX + CHUNK];
};

static struct trace_reader *reader_new(void)
{
    struct trace_reader *r = malloc(sizeof *r);
    if (r == NULL)
        return NULL;
    r->scratch = trace_scratch_new();
    if (r->scratch == NULL) {
        free(r);
        return NULL;
    }
    r->head = r->tail = 0;
    r->eof = false;
    r->line = 1;
    r->offset = 0;
    return r;
}

/* The file's size without the NUL bytes at its end: room that its writer had made and not used when it was killed, or
 * that it will yet use. */
static uint64_t size_of_text(int fd, uint64_t size)
{
    char block[1 << 14];
    while (size > 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        if (pread(fd, block, n, (off_t)(size - n)) != (ssize_t)n)
            break; /* reading will say why */
        size_t kept = n;
        while (kept > 0 && block[kept - 1] == '\0')
            kept--;
        size -= n - kept;
        if (kept > 0)
            break;
    }
    return size;
}

struct trace_reader *trace_reader_open(const char *path, char err[TRACE_ERR_LEN])
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    struct trace_reader *r = NULL;
    err[0] = '\0';
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(err, TRACE_ERR_LEN, "open %.400s: %s", path, strerror(errno));
        goto failed;
    }
    if (S_ISDIR(st.st_mode)) {
        snprintf(err, TRACE_ERR_LEN, "open %.400s: a directory; name the .jsonl files in it", path);
        goto failed;
    }
    r = reader_new();
    if (r == NULL) {
        snprintf(err, TRACE_ERR_LEN, "open %.400s: out of memory", path);
        goto failed;
    }
    r->fd = fd;
    r->source = NULL;
    r->size = S_ISREG(st.st_mode) ? size_of_text(fd, (uint64_t)st.st_size) : 0;
    snprintf(r->path, sizeof r->path, "%s", standard_input ? "standard input" : path);
    return r;
failed:
    if (fd >= 0)
        close(fd);
    return NULL;
}

struct trace_reader *trace_reader_open_source(trace_source *source, void *ctx, const char *name,
                                              char err[TRACE_ERR_LEN])
{
    struct trace_reader *r = reader_new();
    err[0] = '\0';
    if (r == NULL) {
        snprintf(err, TRACE_ERR_LEN, "open %.400s: out of memory", name);
        return NULL;
    }
    r->fd = -1;
    r->source = source;
    r->ctx = ctx;
    r->size = 0;
    snprintf(r->path, sizeof r->path, "%s", name);
    return r;
}

void trace_reader_close(struct trace_reader *r)
{
    if (r == NULL)
        return;
    if (r->fd >= 0)
        close(r->fd);
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

/* Gets more bytes behind those that wait. False: end of file, or an error (then `err` has words). */
static bool fill(struct trace_reader *r, char err[TRACE_ERR_LEN])
{
    if (r->eof)
        return false;
    if (sizeof r->buf - r->tail < CHUNK) {
        memmove(r->buf, r->buf + r->head, r->tail - r->head);
        r->tail -= r->head;
        r->head = 0;
    }
    ssize_t n;
    do
        n = r->source != NULL ? r->source(r->ctx, r->buf + r->tail, CHUNK) : read(r->fd, r->buf + r->tail, CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        snprintf(err, TRACE_ERR_LEN, "read %.400s at byte %llu: %s", r->path,
                 (unsigned long long)(r->offset + (r->tail - r->head)), strerror(errno));
    if (n <= 0) {
        r->eof = true;
        return false;
    }
    r->tail += (size_t)n;
    return true;
}

/* Skips the NUL bytes at head, however many. Those at the end are room that nobody used, and do not count. */
static enum trace_read skip_nuls(struct trace_reader *r, size_t *bytes, char err[TRACE_ERR_LEN])
{
    do {
        while (r->head < r->tail && r->buf[r->head] == '\0') {
            consume(r, 1);
            ++*bytes;
        }
    } while (r->head == r->tail && fill(r, err));
    if (err[0] != '\0')
        return TRACE_READ_ERROR;
    if (r->head < r->tail)
        return TRACE_READ_NULS;
    r->offset -= *bytes;
    *bytes = 0;
    return TRACE_READ_END;
}

/* Skips the rest of a line that is too long to be kept. */
static enum trace_read skip_long_line(struct trace_reader *r, size_t *bytes, char err[TRACE_ERR_LEN])
{
    do {
        const char *from = r->buf + r->head;
        const char *end = memchr(from, '\n', r->tail - r->head);
        size_t n = end != NULL ? (size_t)(end - from) : r->tail - r->head;
        consume(r, n);
        *bytes += n;
        if (end != NULL) {
            consume(r, 1);
            r->line++;
            snprintf(err, TRACE_ERR_LEN, "a line of %zu bytes; the longest that is read has %d", *bytes,
                     LINE_BYTES_MAX);
            return TRACE_READ_BAD;
        }
    } while (fill(r, err));
    return err[0] != '\0' ? TRACE_READ_ERROR : TRACE_READ_TORN;
}

static bool is_blank(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
            return false;
    return true;
}

/* The line of n bytes at head, its '\n' not counted. A line that does not parse may hold a run of NUL bytes, where a
 * crash left a hole between two writes: what stands before the hole is judged by itself, and so is what comes after. */
static enum trace_read one_line(struct trace_reader *r, size_t n, struct trace_record *out, size_t *bytes,
                                char err[TRACE_ERR_LEN])
{
    const char *p = r->buf + r->head;
    bool suspect;
    bool parsed = trace_parse(p, n, r->scratch, out, &suspect, err);
    const char *nul = parsed ? NULL : memchr(p, '\0', n);
    if (nul != NULL) {
        n = (size_t)(nul - p);
        consume(r, n);
        parsed = trace_parse(p, n, r->scratch, out, &suspect, err);
    } else {
        consume(r, n + 1);
        r->line++;
    }
    *bytes = n;
    return parsed ? TRACE_READ_RECORD : TRACE_READ_BAD;
}

enum trace_read trace_reader_next(struct trace_reader *r, struct trace_record *out, size_t *bytes,
                                  char err[TRACE_ERR_LEN])
{
    size_t searched = 0; /* bytes after head that hold no '\n' */
    err[0] = '\0';
    *bytes = 0;
    for (;;) {
        const char *p = r->buf + r->head;
        size_t n = r->tail - r->head;
        out->line = r->line;
        if (n > 0 && *p == '\0')
            return skip_nuls(r, bytes, err);
        const char *end = n > searched ? memchr(p + searched, '\n', n - searched) : NULL;
        if ((end != NULL ? (size_t)(end - p) : n) > LINE_BYTES_MAX)
            return skip_long_line(r, bytes, err);
        if (end != NULL) {
            size_t length = (size_t)(end - p);
            searched = 0;
            if (!is_blank(p, length))
                return one_line(r, length, out, bytes, err);
            consume(r, length + 1);
            r->line++;
            continue;
        }
        searched = n;
        if (fill(r, err))
            continue;
        if (err[0] != '\0')
            return TRACE_READ_ERROR;
        if (n == 0)
            return TRACE_READ_END;
        size_t written = n;
        while (written > 0 && p[written - 1] == '\0')
            written--;
        *bytes = written;
        consume(r, n);
        r->offset -= n - written;
        return TRACE_READ_TORN;
    }
}
