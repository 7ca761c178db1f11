/* input.c -- see input.h. Formats: RFC 1952 (gzip, also several members one after the other), RFC 8878 (zstd frames).
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { CHUNK = 1 << 16, GZIP_WINDOW = 15 + 16 };

struct input {
    int fd;
    enum { PLAIN, GZIP, ZSTD } kind;
    z_stream z;
    ZSTD_DCtx *zstd;
    size_t head, tail; /* bytes[head..tail) is read from the file and not consumed */
    bool eof;          /* of the file */
    bool between;      /* compressed: no member or frame has begun that has not ended */
    bool done;
    const char *torn;
    uint64_t offset, size;
    unsigned char bytes[CHUNK];
};

/* More bytes of the file; false at its end or on an error (then *failed). */
static bool refill(struct input *in, bool *failed)
{
    ssize_t n;
    if (in->eof)
        return false;
    memmove(in->bytes, in->bytes + in->head, in->tail - in->head);
    in->tail -= in->head;
    in->head = 0;
    do
        n = read(in->fd, in->bytes + in->tail, sizeof in->bytes - in->tail);
    while (n < 0 && errno == EINTR);
    *failed = n < 0;
    if (n <= 0) {
        in->eof = n == 0;
        return false;
    }
    in->tail += (size_t)n;
    in->offset += (uint64_t)n;
    return true;
}

static bool begins(const struct input *in, const char *magic, size_t n)
{
    return in->tail - in->head >= n && memcmp(in->bytes + in->head, magic, n) == 0;
}

static bool prepare(struct input *in, const char *path, char err[INPUT_ERR_LEN])
{
    bool failed = false;
    while (in->tail < 4 && refill(in, &failed))
        continue;
    if (failed) {
        snprintf(err, INPUT_ERR_LEN, "read %.400s: %s", path, strerror(errno));
        return false;
    }
    bool ok = true;
    in->between = true;
    if (begins(in, "\x1f\x8b\x08", 3)) {
        in->kind = GZIP;
        ok = inflateInit2(&in->z, GZIP_WINDOW) == Z_OK;
    } else if (begins(in, "\x28\xb5\x2f\xfd", 4)) {
        in->kind = ZSTD;
        in->zstd = ZSTD_createDCtx();
        ok = in->zstd != NULL;
    }
    if (!ok)
        snprintf(err, INPUT_ERR_LEN, "open %.400s: out of memory", path);
    return ok;
}

struct input *input_open(const char *path, char err[INPUT_ERR_LEN])
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        snprintf(err, INPUT_ERR_LEN, "open %.400s: %s", path, strerror(fd < 0 ? errno : EISDIR));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct input *in = calloc(1, sizeof *in);
    if (in == NULL) {
        snprintf(err, INPUT_ERR_LEN, "open %.400s: out of memory", path);
        close(fd);
        return NULL;
    }
    in->fd = fd;
    in->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (!prepare(in, standard ? "standard input" : path, err)) {
        input_close(in);
        return NULL;
    }
    return in;
}

/* One call of the decompressor: bytes made. Ends the input where the data are wrong. */
static size_t inflate_some(struct input *in, void *to, size_t n)
{
    uInt room = n > CHUNK ? CHUNK : (uInt)n;
    in->z.next_in = in->bytes + in->head;
    in->z.avail_in = (uInt)(in->tail - in->head);
    in->z.next_out = to;
    in->z.avail_out = room;
    int rc = inflate(&in->z, Z_NO_FLUSH);
    in->head = in->tail - in->z.avail_in;
    in->between = false;
    if (rc == Z_STREAM_END) {
        in->between = true;
        inflateReset(&in->z);
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
        in->torn = "the gzip data are damaged: what comes after is lost";
        in->done = true;
    }
    return room - in->z.avail_out;
}

static size_t zstd_some(struct input *in, void *to, size_t n)
{
    ZSTD_inBuffer from = {in->bytes + in->head, in->tail - in->head, 0};
    ZSTD_outBuffer out = {to, n, 0};
    size_t rc = ZSTD_decompressStream(in->zstd, &out, &from);
    in->head += from.pos;
    in->between = rc == 0;
    if (ZSTD_isError(rc)) {
        in->torn = "the zstd data are damaged: what comes after is lost";
        in->done = true;
        return 0;
    }
    return out.pos;
}

static ssize_t unpacked(struct input *in, void *to, size_t n)
{
    bool failed = false;
    while (!in->done) {
        if (in->head == in->tail && !refill(in, &failed)) {
            if (failed)
                return -1;
            /* What the decompressor still holds comes before the verdict. */
            size_t rest = in->between ? 0 : in->kind == GZIP ? inflate_some(in, to, n) : zstd_some(in, to, n);
            if (rest > 0)
                return (ssize_t)rest;
            if (!in->between && in->torn == NULL)
                in->torn = in->kind == GZIP ? "the gzip data end too early" : "the zstd data end too early";
            in->done = true;
            break;
        }
        if (in->between && in->kind == GZIP) {
            while (in->tail - in->head < 3 && refill(in, &failed))
                continue;
            if (!begins(in, "\x1f\x8b\x08", 3)) {
                in->torn = in->tail - in->head < 3 && begins(in, "\x1f", 1) ? "the gzip data end too early"
                                                                            : "bytes after the gzip data are not gzip";
                in->done = true;
                break;
            }
        }
        size_t got = in->kind == GZIP ? inflate_some(in, to, n) : zstd_some(in, to, n);
        if (got > 0)
            return (ssize_t)got;
    }
    return 0;
}

ssize_t input_read(struct input *in, void *to, size_t n)
{
    bool failed = false;
    if (n == 0)
        return 0;
    if (in->kind != PLAIN)
        return unpacked(in, to, n);
    if (in->head == in->tail && !refill(in, &failed))
        return failed ? -1 : 0;
    size_t have = in->tail - in->head;
    if (n > have)
        n = have;
    memcpy(to, in->bytes + in->head, n);
    in->head += n;
    return (ssize_t)n;
}

bool input_compressed(const struct input *in)
{
    return in->kind != PLAIN;
}

const char *input_torn(const struct input *in)
{
    return in->torn;
}

uint64_t input_offset(const struct input *in)
{
    return in->offset;
}

uint64_t input_size(const struct input *in)
{
    return in->size;
}

void input_close(struct input *in)
{
    if (in == NULL)
        return;
    if (in->kind == GZIP)
        inflateEnd(&in->z);
    ZSTD_freeDCtx(in->zstd);
    close(in->fd);
    free(in);
}
