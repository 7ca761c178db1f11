/* A libFuzzer target: any bytes as a trace file, read as the analyzer reads it: every byte is in a record, a bad line,
 * a run of NUL bytes or a torn tail, and reading in small pieces finds the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct pieces {
    const uint8_t *p;
    size_t n, most;
};

static ssize_t next_piece(void *ctx, void *to, size_t n)
{
    struct pieces *s = ctx;
    size_t k = n < s->n ? n : s->n;
    k = k < s->most ? k : s->most;
    if (k > 0)
        memcpy(to, s->p, k);
    s->p += k;
    s->n -= k;
    return (ssize_t)k;
}

/* A digest of what was found. */
static uint64_t read_all(const uint8_t *bytes, size_t n, size_t most)
{
    char err[TRACE_ERR_LEN];
    struct pieces s = {bytes, n, most};
    struct trace_reader *in = trace_reader_open_source(next_piece, &s, "bytes", err);
    static struct trace_record r;
    uint64_t digest = 0;
    if (in == NULL)
        abort();
    for (;;) {
        size_t length = 0;
        enum trace_read got = trace_reader_next(in, &r, &length, err);
        if (got == TRACE_READ_ERROR || (got == TRACE_READ_BAD && err[0] == '\0'))
            abort();
        digest = (digest ^ (uint64_t)got ^ (uint64_t)r.line << 8 ^ length << 40) * 1099511628211u;
        if (got == TRACE_READ_END)
            break;
        if (got == TRACE_READ_RECORD) {
            digest ^= trace_hash(r.body.p, r.body.n) ^ trace_hash(r.ev.p, r.ev.n) ^ (uint64_t)r.seq;
            for (size_t i = 0; i < r.n_fields; i++)
                digest +=
                    trace_hash(r.field[i].key.p, r.field[i].key.n) ^ trace_hash(r.field[i].raw.p, r.field[i].raw.n);
        }
    }
    size_t text = n; /* NUL bytes at the end are room that nobody has used */
    while (text > 0 && bytes[text - 1] == '\0')
        text--;
    if (trace_reader_offset(in) != text)
        abort();
    trace_reader_close(in);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (read_all(bytes, n, n + 1) != read_all(bytes, n, 7)) {
        fputs("what is found depends on where reads end\n", stderr);
        abort();
    }
    return 0;
}
