/* load_source.c -- opening the files that are loaded: plain, compressed, or standard input. */
#include "load_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "input.h"

struct source *source_new(struct load *l, const char *path, const char *shown)
{
    l->source = mem_grow(l->source, l->n_sources + 1, sizeof *l->source);
    struct source *s = &l->source[l->n_sources++];
    *s = (struct source){.path = mem_text(path, strlen(path)), .shown = mem_text(shown, strlen(shown)), .sorted = true};
    return s;
}

static ssize_t from_input(void *ctx, void *to, size_t n)
{
    return input_read(ctx, to, n);
}

struct trace_reader *source_open(struct source *s, struct input **unpacked, char err[TRACE_ERR_LEN])
{
    char words[INPUT_ERR_LEN];
    struct input *in = input_open(s->path, words);
    *unpacked = NULL;
    s->packed = in != NULL && input_compressed(in);
    if (!s->packed) {
        input_close(in);
        return trace_reader_open(s->path, err);
    }
    struct trace_reader *r = trace_reader_open_source(from_input, in, s->shown, err);
    if (r == NULL)
        input_close(in);
    else
        *unpacked = in;
    return r;
}

/* A temporary file, open for writing; its name in `path`. */
static FILE *new_file(char *path, size_t n, int *status)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, n, "%s/analyze-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (f == NULL)
        *status = cli_fail(EXIT_CANTCREATE, "load", "cannot create %s: %s", path, strerror(errno));
    if (f == NULL && fd >= 0)
        close(fd);
    return f;
}

static bool copy(trace_source *read, void *ctx, FILE *to, const char *shown, int *status)
{
    static const char cannot[] = "cannot copy %s: %s";
    char chunk[65536];
    ssize_t n = 1;
    while (!load_interrupted() && (n = read(ctx, chunk, sizeof chunk)) > 0)
        fwrite(chunk, 1, (size_t)n, to);
    bool written = !ferror(to) && fflush(to) == 0;
    if (n < 0 || !written)
        *status = cli_fail(EXIT_IO, "load", cannot, shown, strerror(errno));
    return n >= 0 && written;
}

static ssize_t from_stdin(void *ctx, void *to, size_t n)
{
    ssize_t got;
    (void)ctx;
    do
        got = read(STDIN_FILENO, to, n);
    while (got < 0 && errno == EINTR && !load_interrupted());
    return got;
}

/* Standard input can be read only once: a copy can be read twice. */
bool source_copy_stdin(struct load *l, int *status)
{
    char path[4096];
    FILE *f = new_file(path, sizeof path, status);
    if (f == NULL)
        return false;
    source_new(l, path, "-")->spooled = true;
    bool ok = copy(from_stdin, NULL, f, "standard input", status);
    return (fclose(f) == 0 || *status != 0) && ok;
}

bool source_unpack(struct load *l, struct source *s, int *status)
{
    char path[4096], words[INPUT_ERR_LEN];
    (void)l;
    if (!s->packed)
        return true;
    struct input *in = input_open(s->path, words);
    if (in == NULL) {
        *status = cli_fail(EXIT_NOINPUT, "load", "cannot %s", words);
        return false;
    }
    FILE *f = new_file(path, sizeof path, status);
    bool ok = f != NULL && copy(from_input, in, f, s->shown, status);
    input_close(in);
    if (f == NULL)
        return false;
    fclose(f);
    if (s->spooled)
        unlink(s->path);
    free(s->path);
    s->path = mem_text(path, strlen(path));
    s->spooled = true;
    s->packed = false;
    return ok;
}
