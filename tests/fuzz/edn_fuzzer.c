/* A libFuzzer target: any bytes as EDN: what is read does not depend on where reads end, and what is printed is read
 * again as the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../analyze/edn.h"

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

/* All values, printed, a line each; then how it ended, with the line. Owned. */
static char *read_all(const void *bytes, size_t n, size_t most, size_t *len)
{
    char *text = NULL;
    struct pieces s = {bytes, n, most};
    struct edn_reader *r = edn_open(next_piece, &s, false);
    FILE *out = open_memstream(&text, len);
    const struct edn *v;
    enum edn_read got;
    if (r == NULL || out == NULL)
        abort();
    while ((got = edn_next(r, &v)) == EDN_VALUE) {
        char none[1];
        size_t need = edn_print(v, none, 0);
        char *p = malloc(need + 1);
        if (p == NULL || edn_print(v, p, need) != need)
            abort();
        fwrite(p, 1, need, out);
        fputc('\n', out);
        free(p);
    }
    if (got == EDN_BAD)
        fprintf(out, "%lld: %s", (long long)edn_line(r), edn_error(r));
    fclose(out);
    edn_close(r);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    size_t len, len_pieces, len_again;
    char *whole = read_all(bytes, n, n + 1, &len), *pieces = read_all(bytes, n, 1, &len_pieces);
    if (len != len_pieces || memcmp(whole, pieces, len) != 0) {
        fprintf(stderr, "whole: %s\nin pieces: %s\n", whole, pieces);
        abort();
    }
    if (len == 0 || whole[len - 1] == '\n') { /* all of it was EDN */
        char *again = read_all(whole, len, len + 1, &len_again);
        if (len != len_again || memcmp(whole, again, len) != 0) {
            fprintf(stderr, "once: %s\nagain: %s\n", whole, again);
            abort();
        }
        free(again);
    }
    free(whole);
    free(pieces);
    return 0;
}
