/* import_read.c -- a file: its bytes, its lines, and which format it is in. */
#include "import_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { SAMPLE = 1 << 16, LINE_MAX_BYTES = 8 << 20 };

ssize_t import_read(void *bytes, void *to, size_t n)
{
    struct import_bytes *b = bytes;
    if (b->n > 0) {
        if (n > b->n)
            n = b->n;
        memcpy(to, b->seen, n);
        b->seen += n;
        b->n -= n;
        return (ssize_t)n;
    }
    ssize_t got = input_read(b->in, to, n);
    if (got < 0)
        import_fail(b->m, EXIT_IO, "%s", strerror(errno));
    return got;
}

/* One byte; -1 at the end. Bytes come from a buffer that is refilled in place of `seen`. */
static int byte(struct import_bytes *b)
{
    if (b->n == 0) {
        ssize_t got = input_read(b->in, b->buffer, sizeof b->buffer);
        if (got < 0)
            import_fail(b->m, EXIT_IO, "%s", strerror(errno));
        if (got <= 0)
            return -1;
        b->seen = b->buffer;
        b->n = (size_t)got;
    }
    b->n--;
    return (unsigned char)*b->seen++;
}

ssize_t import_line(struct import_bytes *b, char **line, size_t *room)
{
    size_t n = 0;
    int c = byte(b);
    if (c < 0)
        return -1;
    b->m->line++;
    for (; c >= 0 && c != '\n'; c = byte(b)) {
        if (n + 2 > *room) {
            *room = *room > 0 ? *room * 2 : 512;
            *line = mem_grow(*line, *room, 1);
        }
        (*line)[n++] = (char)c;
        if (n > LINE_MAX_BYTES) {
            import_fail(b->m, EXIT_DATA, "a line of over %d bytes", LINE_MAX_BYTES);
            return -1;
        }
    }
    if (n + 1 > *room) {
        *room = 512;
        *line = mem_grow(*line, *room, 1);
    }
    if (n > 0 && (*line)[n - 1] == '\r')
        n--;
    (*line)[n] = '\0';
    return b->m->status == 0 ? (ssize_t)n : -1;
}

/* ---- which format ---- */

typedef bool reader(struct import *m, struct input *in, const char *seen, size_t n);

static size_t blanks(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n'))
        i++;
    return i;
}

static bool contains(const char *p, size_t n, const char *word)
{
    return memmem(p, n, word, strlen(word)) != NULL;
}

/* "3\t:invoke", ":nemesis :info" at the start of a line. */
static bool words_first(const char *p, size_t n)
{
    char head[64];
    size_t len = n < sizeof head - 1 ? n : sizeof head - 1;
    memcpy(head, p, len);
    head[len] = '\0';
    size_t process = head[0] == ':' ? 1 + strcspn(head + 1, " \t\n") : strspn(head, "-0123456789");
    const char *type = head + process + strspn(head + process, " \t");
    return process > 0 && type > head + process && *type == ':';
}

/* Told by the first bytes that are no blanks: NULL, it cannot be told. */
static reader *format_of(const char *p, size_t n, enum import_family from)
{
    size_t at = blanks(p, n);
    char first[3] = "";
    for (int i = 0; i < 3 && at < n; i++, at += 1 + blanks(p + at + 1, n - at - 1))
        first[i] = p[at];
    if (first[0] == '\0')
        return from == IMPORT_ANY ? NULL : import_log; /* empty: no operations */
    if (contains(p, n, "jepsen.util"))
        return import_log;
    if (first[0] == '{')
        return first[1] == '"' ? import_json : import_edn;
    if (first[0] == '[' && first[1] == '{')
        return first[2] == '"' ? import_json : import_edn;
    if (first[0] == '[' && first[1] >= '0' && first[1] <= '9')
        return import_course;
    if (first[0] == '[' && first[1] == ']')
        return from == IMPORT_PORCUPINE || from == IMPORT_JSONL ? import_json : import_edn;
    if (strchr("[(;#", first[0]) != NULL)
        return import_edn;
    if (words_first(p + blanks(p, n), n - blanks(p, n)))
        return import_log;
    if (from == IMPORT_COURSE)
        return import_course;
    return from == IMPORT_JEPSEN || from == IMPORT_MAELSTROM ? import_log : NULL; /* a log may begin with anything */
}

static bool fits(reader *f, enum import_family from)
{
    switch (from) {
    case IMPORT_ANY:
        return true;
    case IMPORT_JEPSEN:
    case IMPORT_MAELSTROM:
        return f == import_edn || f == import_log;
    case IMPORT_PORCUPINE:
        return f == import_edn || f == import_log || f == import_json;
    case IMPORT_JSONL:
        return f == import_json;
    case IMPORT_COURSE:
        return f == import_course;
    }
    return false;
}

static void note_file(struct import *m, const struct input *in, size_t first_op, size_t first_event)
{
    m->file = mem_grow(m->file, m->n_files + 1, sizeof *m->file);
    m->file[m->n_files++] = (struct import_file){.shown = m->shown,
                                                 .bytes = (int64_t)input_offset(in),
                                                 .lines = m->line,
                                                 .first_op = first_op,
                                                 .first_event = first_event};
}

static void import_torn(struct import *m, const struct input *in)
{
    import_fail(m, EXIT_DATA, "%s; unpack what is left of it and import that", input_torn(in));
}

bool import_file(struct import *m, const char *path)
{
    char err[INPUT_ERR_LEN], *sample = mem_new(SAMPLE);
    struct input *in = input_open(path, err);
    m->shown = path;
    m->line = 0;
    if (in == NULL) {
        m->status = EXIT_NOINPUT;
        snprintf(m->err, sizeof m->err, "cannot %.400s", err);
        free(sample);
        return false;
    }
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<SAMPLE; n += got> 0 ? (size_t)got : 0) {
        got = input_read(in, sample + n, SAMPLE - n);
        if (got < 0)
            import_fail(m, EXIT_IO, "%s", strerror(errno));
    }
    if (input_torn(in) != NULL)
        import_torn(m, in);
    reader *read = format_of(sample, n, m->o->from);
    size_t ops = m->n_ops, events = m->n_events;
    if (m->status == 0 && read == NULL)
        import_fail(m, EXIT_DATA,
                    "cannot tell what this is: histories of Jepsen, Porcupine and Maelstrom, JSON lines and "
                    "the course's output are understood (see --from)");
    else if (m->status == 0 && !fits(read, m->o->from))
        import_fail(m, EXIT_DATA, "not in the format that --from names: leave --from out to have it guessed");
    else if (m->status == 0 && read(m, in, sample, n) && input_torn(in) != NULL)
        import_torn(m, in);
    if (m->status == 0 && n > 0 && m->n_ops == ops && m->n_events == events && n != blanks(sample, n))
        import_fail(m, EXIT_DATA, "no operation of a client is in it");
    if (m->status == 0 && m->n_files > 0 && (read == import_json) != m->json)
        import_fail(m, EXIT_DATA,
                    "JSON operations and other histories: import them one after the other, with --append");
    m->json = read == import_json;
    if (m->status == 0)
        note_file(m, in, ops, events);
    input_close(in);
    free(sample);
    return m->status == 0;
}
