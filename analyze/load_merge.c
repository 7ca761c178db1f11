/* load_merge.c -- the second reading: the records of all files in one order, (t, lc, node, boot, s).
 *
 * Within a boot s decides; where its t goes back, the record is placed as if it had the time of the one before it. */
#include "load_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "input.h"

struct stream {
    struct source *s;
    int64_t index;           /* of s, + 1 */
    struct trace_reader *in; /* a sorted source */
    struct input *unpacked;  /* where it is compressed */
    int fd;                  /* one that is read record by record */
    size_t next_ref;
    char *line;
    size_t room;
    struct trace_scratch *scratch;
    struct trace_record *r;
    struct boot *boot;
    int64_t t, lc; /* where r is placed */
};

struct merge {
    struct load *l;
    struct stream *stream;
    struct stream **heap; /* the first record of each on top of the smallest */
    size_t n_streams, n;
    bool started;
};

int merge_order_boots(const struct boot *a, const struct boot *b)
{
    int nodes = strcmp(a->node->name->text, b->node->name->text);
    return nodes != 0 ? nodes : a->boot < b->boot ? -1 : a->boot > b->boot;
}

static bool before(const struct stream *a, const struct stream *b)
{
    if (a->t != b->t)
        return a->t < b->t;
    if (a->lc != b->lc)
        return a->lc < b->lc;
    int boots = merge_order_boots(a->boot, b->boot);
    if (boots != 0)
        return boots < 0;
    if (a->r->seq != b->r->seq)
        return a->r->seq < b->r->seq;
    return a->index < b->index;
}

/* False at the end of the file, or with *status set. */
static bool next_in_order(struct merge *m, struct stream *x, int *status)
{
    char err[TRACE_ERR_LEN];
    for (;;) {
        size_t bytes;
        enum trace_read got = trace_reader_next(x->in, x->r, &bytes, err);
        if (got == TRACE_READ_END)
            return false;
        if (got == TRACE_READ_ERROR) {
            *status = cli_fail(EXIT_IO, "load", "%s: %s", x->s->shown, err);
            return false;
        }
        if (got == TRACE_READ_RECORD)
            break;
    }
    bool first = x->boot == NULL;
    x->boot = load_boot(m->l, x->r->node, x->r->boot);
    if (first || x->r->t > x->t) {
        x->t = x->r->t;
        x->lc = x->r->lc;
    } else if (x->r->lc > x->lc) {
        x->lc = x->r->lc;
    }
    return true;
}

static bool next_by_ref(struct merge *m, struct stream *x, int *status)
{
    if (x->next_ref == x->s->n_refs)
        return false;
    const struct ref *ref = &x->s->ref[x->next_ref++];
    if (ref->len >= x->room) {
        x->room = (size_t)ref->len * 2;
        x->line = mem_grow(x->line, x->room, 1);
    }
    ssize_t n = pread(x->fd, x->line, ref->len, ref->offset);
    char err[TRACE_ERR_LEN] = "it became shorter while it was read";
    bool suspect;
    if (n != (ssize_t)ref->len || !trace_parse(x->line, ref->len, x->scratch, x->r, &suspect, err)) {
        *status =
            cli_fail(EXIT_IO, "load", "%s:%lld: %s", x->s->shown, (long long)ref->line, n < 0 ? strerror(errno) : err);
        return false;
    }
    x->r->line = ref->line;
    x->boot = m->l->boot[ref->boot];
    x->t = ref->t;
    x->lc = ref->lc;
    return true;
}

static bool advance(struct merge *m, struct stream *x, int *status)
{
    return x->s->sorted ? next_in_order(m, x, status) : next_by_ref(m, x, status);
}

/* ---- heap ---- */

static void sift_down(struct merge *m, size_t i)
{
    for (;;) {
        size_t least = i, child = 2 * i + 1;
        for (size_t k = child; k < child + 2 && k < m->n; k++) {
            if (before(m->heap[k], m->heap[least]))
                least = k;
        }
        if (least == i)
            return;
        struct stream *x = m->heap[i];
        m->heap[i] = m->heap[least];
        m->heap[least] = x;
        i = least;
    }
}

struct merge *merge_open(struct load *l, int *status)
{
    struct merge *m = mem_new(sizeof *m);
    m->l = l;
    m->stream = mem_new((l->n_sources + 1) * sizeof *m->stream);
    m->heap = mem_new((l->n_sources + 1) * sizeof(struct stream *));
    for (size_t i = 0; i < l->n_sources && *status == 0; i++) {
        struct stream *x = &m->stream[m->n_streams++];
        char err[TRACE_ERR_LEN];
        *x = (struct stream){.s = &l->source[i], .index = (int64_t)i + 1, .fd = -1, .r = mem_new(sizeof *x->r)};
        if (x->s->sorted) {
            x->in = source_open(x->s, &x->unpacked, err);
        } else {
            x->scratch = trace_scratch_new();
            x->fd = open(x->s->path, O_RDONLY | O_CLOEXEC);
            snprintf(err, sizeof err, "cannot open %s: %s", x->s->shown, strerror(errno));
        }
        if (x->in == NULL && x->fd < 0)
            *status = cli_fail(EXIT_NOINPUT, "load", "%s", err);
        else if (advance(m, x, status))
            m->heap[m->n++] = x;
    }
    for (size_t i = m->n; i > 0; i--)
        sift_down(m, i - 1);
    return m;
}

const struct trace_record *merge_next(struct merge *m, int64_t *source, int *status)
{
    if (m->started) {
        if (!advance(m, m->heap[0], status))
            m->heap[0] = m->heap[--m->n];
        if (*status != 0)
            return NULL;
        sift_down(m, 0);
    }
    m->started = m->n > 0;
    if (m->n == 0)
        return NULL;
    m->l->last_boot = m->heap[0]->boot;
    *source = m->heap[0]->index;
    return m->heap[0]->r;
}

void merge_close(struct merge *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_streams; i++) {
        struct stream *x = &m->stream[i];
        trace_reader_close(x->in);
        input_close(x->unpacked);
        if (x->fd >= 0)
            close(x->fd);
        trace_scratch_free(x->scratch);
        free(x->line);
        free(x->r);
    }
    free(m->stream);
    free(m->heap);
    free(m);
}
