/* load_scan.c -- the first reading of the files: which nodes and boots they hold, what is damaged, and in which order
 * they have to be read.
 *
 * A file of one boot with s ascending, which is what a writer makes, is later read as it stands. Of any other
 * (concatenated, filtered, shuffled) the places of all records are kept, and put in order here. */
#include "load_int.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "input.h"

enum { COMPLAINTS = 20 }; /* damaged lines named on stderr; all of them are in load_stats */

/* ---- finding the files ---- */

bool load_is_trace(const char *name)
{
    static const char *const endings[] = {".jsonl", ".jsonl.gz", ".jsonl.zst"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t e = strlen(endings[i]);
        if (n > e && name[0] != '.' && strcmp(name + n - e, endings[i]) == 0)
            return strncmp(name, "decisions.jsonl", strlen("decisions.jsonl")) != 0; /* what chance decided: no trace */
    }
    return false;
}

static int is_trace(const struct dirent *e)
{
    return load_is_trace(e->d_name);
}

static bool add_directory(struct load *l, const char *dir, int *status)
{
    struct dirent **found;
    int n = scandir(dir, &found, is_trace, alphasort);
    if (n < 0) {
        *status = cli_fail(EXIT_NOINPUT, "load", "cannot open %s: %s", dir, strerror(errno));
        return false;
    }
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    for (int i = 0; i < n; i++) {
        char path[8192];
        snprintf(path, sizeof path, "%.*s/%s", (int)len, dir, found[i]->d_name);
        source_new(l, path, path);
        free(found[i]);
    }
    free(found);
    if (n == 0)
        *status = cli_fail(EXIT_NOINPUT, "load", "no *.jsonl in %s, nor any that is compressed (.gz, .zst)", dir);
    return n > 0;
}

bool load_find_sources(struct load *l, int *status)
{
    bool has_stdin = false;
    for (size_t i = 0; i < l->o->n_paths; i++) {
        const char *path = l->o->paths[i];
        struct stat st;
        bool ok = true;
        if (strcmp(path, "-") == 0) {
            ok = has_stdin || source_copy_stdin(l, status);
            has_stdin = true;
        } else if (stat(path, &st) != 0) {
            *status = cli_fail(EXIT_NOINPUT, "load", "cannot open %s: %s", path, strerror(errno));
            ok = false;
        } else if (S_ISDIR(st.st_mode)) {
            ok = add_directory(l, path, status);
        } else {
            source_new(l, path, path);
        }
        if (!ok)
            return false;
    }
    return true;
}

void load_sources_free(struct load *l)
{
    for (size_t i = 0; i < l->n_sources; i++) {
        struct source *s = &l->source[i];
        if (s->spooled)
            unlink(s->path);
        free(s->path);
        free(s->shown);
        free(s->ref);
    }
    free(l->source);
}

/* ---- looking at each record ---- */

struct scan {
    struct load *l;
    struct source *s;
    int64_t index; /* of s, + 1 */
    const struct trace_record_type *open, *send, *recv, *net_in, *net_out, *try;
    int64_t complaints, suspects, suspect_line;
    char suspect[TRACE_ERR_LEN];
    bool claimed_twice;
};

static const struct trace_record_type *type_of(const char *ev)
{
    return trace_record_type_find(ev, strlen(ev));
}

static void complain(struct scan *s, int64_t line, const char *words)
{
    if (s->complaints++ >= COMPLAINTS)
        return;
    fputs("analyze load: ", stderr);
    cli_print(stderr, s->s->shown);
    fprintf(stderr, ":%lld: ", (long long)line);
    cli_print(stderr, words);
    fputc('\n', stderr);
}

static struct node *crossed(struct load *l, struct trace_text t)
{
    struct node *n = t.p != NULL && !trace_text_is(t, "FFFF") ? load_node_text(l, t) : NULL;
    if (n != NULL)
        n->crossed_net = true;
    return n;
}

static void claim(struct scan *s, struct boot *b, const struct trace_record *r)
{
    if (b->source == 0) {
        b->source = s->index;
        b->line = r->line;
    } else if (b->scan_source != s->index && !b->claimed_twice) {
        b->claimed_twice = s->claimed_twice = true;
        const struct source *first = &s->l->source[b->source - 1];
        load_note(s->l, SEV_ERROR, "claimed_twice", b->node->name->text, s->index, r->line, 1,
                  "boot %lld is in %s as well", (long long)b->boot, first->shown);
        char words[TRACE_ERR_LEN];
        snprintf(words, sizeof words, "%s boot %lld is in %s:%lld as well%s", b->node->name->text, (long long)b->boot,
                 first->shown, (long long)b->line, s->l->o->force ? "" : "; remove one, or load both with -f");
        complain(s, r->line, words);
    }
    if (b->scan_source != s->index) {
        b->scan_source = s->index;
        b->scan_seq = 0;
    }
}

static void look_at(struct scan *s, const struct trace_record *r)
{
    struct load *l = s->l;
    struct boot *b = load_boot(l, r->node, r->boot);
    struct node *n = b->node;
    claim(s, b, r);
    if (s->s->only == NULL && !s->s->mixed)
        s->s->only = b;
    if (s->s->only != b) {
        s->s->mixed = true;
        s->s->only = NULL;
        s->s->sorted = false;
    }
    if (r->seq <= b->scan_seq) {
        s->s->sorted = false;
        if (b->seq_back++ == 0)
            b->seq_back_line = r->line;
    } else {
        b->scan_seq = r->seq;
    }

    n->emits = true;
    n->roles = n->roles || r->has_state;
    if (r->type == NULL)
        return;
    n->emits_raft = n->emits_raft || r->type->raft;
    if (r->type == s->send) {
        n->sends = true;
    } else if (r->type == s->recv) {
        n->receives = true;
    } else if (r->type == s->net_in) {
        n->is_sim = l->has_net = true;
        crossed(l, trace_find_text(r, "src"));
    } else if (r->type == s->net_out) {
        n->is_sim = true;
        crossed(l, trace_find_text(r, "dst"));
    } else if (r->type == s->try) {
        struct node *to = crossed(l, trace_find_text(r, "to"));
        if (to != NULL)
            to->is_replica = true;
    } else if (r->type == s->open) {
        header_open(l, n, r, s->index);
    }
}

/* Compressed data that end too early, or are damaged: what they held behind that is as lost as a torn line. */
static void torn_data(struct scan *s, const char *words)
{
    if (s->s->torn == 0)
        s->s->torn = 1;
    if (s->s->only != NULL)
        s->s->only->torn = true;
    load_note(s->l, SEV_LOSS, "torn_tail", s->s->only != NULL ? s->s->only->node->name->text : NULL, s->index,
              s->s->lines, 1, "%s", words);
    complain(s, s->s->lines, words);
}

static bool scan_source(struct scan *s, int *status)
{
    struct load *l = s->l;
    char err[TRACE_ERR_LEN];
    struct input *unpacked;
    struct trace_reader *in = source_open(s->s, &unpacked, err);
    if (in == NULL) {
        *status = cli_fail(EXIT_NOINPUT, "load", "%s", err);
        return false;
    }
    struct trace_record *r = mem_new(sizeof *r);
    bool more = true;
    int64_t seen = 0;
    while (more && *status == 0) {
        size_t bytes = 0;
        const char *node = s->s->only != NULL ? s->s->only->node->name->text : NULL;
        switch (trace_reader_next(in, r, &bytes, err)) {
        case TRACE_READ_RECORD:
            if (err[0] != '\0' && s->suspects++ == 0) {
                s->suspect_line = r->line;
                memcpy(s->suspect, err, sizeof err);
            }
            look_at(s, r);
            s->s->records++;
            l->total++;
            break;
        case TRACE_READ_BAD:
            s->s->bad++;
            load_note(l, SEV_LOSS, "bad_line", node, s->index, r->line, 1, "%s", err);
            complain(s, r->line, err);
            break;
        case TRACE_READ_TORN:
            s->s->torn = (int64_t)bytes;
            if (s->s->only != NULL)
                s->s->only->torn = true;
            load_note(l, SEV_LOSS, "torn_tail", node, s->index, r->line, (int64_t)bytes,
                      "%zu bytes at line %lld: the last line has no end", bytes, (long long)r->line);
            snprintf(err, sizeof err, "torn last line, %zu bytes discarded", bytes);
            complain(s, r->line, err);
            break;
        case TRACE_READ_NULS:
            load_note(l, SEV_LOSS, "nul_run", node, s->index, r->line, (int64_t)bytes, "%zu NUL bytes at line %lld",
                      bytes, (long long)r->line);
            snprintf(err, sizeof err, "%zu NUL bytes skipped (lost to a power failure or a sparse tail)", bytes);
            complain(s, r->line, err);
            break;
        case TRACE_READ_ERROR:
            *status = cli_fail(EXIT_IO, "load", "%s: %s", s->s->shown, err);
            break;
        case TRACE_READ_END:
            more = false;
            break;
        }
        if (more && r->line > s->s->lines)
            s->s->lines = r->line;
        if ((++seen & 4095) == 0) {
            load_progress(l, "reading", (int64_t)trace_reader_offset(in), (int64_t)trace_reader_size(in));
            if (load_interrupted())
                *status = LOAD_INTERRUPTED;
        }
    }
    s->s->bytes = (int64_t)(unpacked != NULL ? input_size(unpacked) : trace_reader_offset(in));
    trace_reader_close(in);
    if (unpacked != NULL && input_torn(unpacked) != NULL)
        torn_data(s, input_torn(unpacked));
    input_close(unpacked);
    free(r);
    if (s->suspects > 0)
        load_note(l, SEV_INFO, "suspect", s->s->only != NULL ? s->s->only->node->name->text : NULL, s->index,
                  s->suspect_line, s->suspects, "records that the catalogue does not describe so; the first: %s",
                  s->suspect);
    s->suspects = 0;
    return *status == 0;
}

/* ---- putting the records of a file in order ---- */

static int by_boot(const void *a, const void *b)
{
    const struct ref *x = a, *y = b;
    if (x->boot != y->boot)
        return x->boot < y->boot ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int by_time(const void *a, const void *b, void *load)
{
    const struct ref *x = a, *y = b;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    if (x->lc != y->lc)
        return x->lc < y->lc ? -1 : 1;
    if (x->boot != y->boot)
        return merge_order_boots(((const struct load *)load)->boot[x->boot],
                                 ((const struct load *)load)->boot[y->boot]);
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Within a boot, s is the order whatever the clocks say: they only place it among the records of others. */
static void put_in_order(struct load *l, struct source *s)
{
    qsort(s->ref, s->n_refs, sizeof *s->ref, by_boot);
    for (size_t i = 1; i < s->n_refs; i++) {
        struct ref *x = &s->ref[i], *before = &s->ref[i - 1];
        if (x->boot != before->boot)
            continue;
        if (x->t < before->t)
            x->t = before->t;
        if (x->t == before->t && x->lc < before->lc)
            x->lc = before->lc;
    }
    qsort_r(s->ref, s->n_refs, sizeof *s->ref, by_time, l);
}

static bool index_source(struct load *l, struct source *s, int *status)
{
    FILE *f = fopen(s->path, "rb");
    if (f == NULL) {
        *status = cli_fail(EXIT_NOINPUT, "load", "cannot open %s: %s", s->shown, strerror(errno));
        return false;
    }
    s->ref = mem_new(((size_t)s->records + 1) * sizeof *s->ref);
    struct trace_scratch *scratch = trace_scratch_new();
    struct trace_record *r = mem_new(sizeof *r);
    char *line = NULL, err[TRACE_ERR_LEN];
    size_t room = 0;
    ssize_t n;
    bool suspect;
    int64_t offset = 0, number = 0;
    while ((n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n') {
        size_t nuls = 0;
        while (nuls < (size_t)n && line[nuls] == '\0')
            nuls++;
        size_t len = (size_t)n - 1 - nuls;
        number++;
        if (nuls < (size_t)n && s->n_refs < (size_t)s->records &&
            trace_parse(line + nuls, len, scratch, r, &suspect, err)) {
            s->ref[s->n_refs++] = (struct ref){.t = r->t,
                                               .lc = r->lc,
                                               .seq = r->seq,
                                               .offset = offset + (int64_t)nuls,
                                               .line = number,
                                               .len = (uint32_t)len,
                                               .boot = (uint32_t)load_boot(l, r->node, r->boot)->index};
        }
        offset += n;
    }
    free(line);
    free(r);
    trace_scratch_free(scratch);
    fclose(f);
    put_in_order(l, s);
    return true;
}

/* ---- all ---- */

bool load_scan(struct load *l, int *status)
{
    struct scan s = {.l = l,
                     .open = type_of("trace.open"),
                     .send = type_of("msg.send"),
                     .recv = type_of("msg.recv"),
                     .net_in = type_of("net.in"),
                     .net_out = type_of("net.out"),
                     .try = type_of("op.try")};
    for (size_t i = 0; i < l->n_sources && *status == 0; i++) {
        s.s = &l->source[i];
        s.index = (int64_t)i + 1;
        scan_source(&s, status);
    }
    if (s.complaints > COMPLAINTS)
        fprintf(stderr, "analyze load: %lld more; all of them: analyze sql DB -n findings\n",
                (long long)s.complaints - COMPLAINTS);
    if (*status == 0 && s.claimed_twice && !l->o->force)
        *status = EXIT_DATA;
    if (*status == 0 && l->total == 0)
        *status = cli_fail(EXIT_DATA, "load", "no records: %s holds no trace (JSON lines with n, b, s, t, lc and ev)",
                           l->source[0].shown);
    if (*status == 0 && l->total >= UINT32_MAX)
        *status = cli_fail(EXIT_DATA, "load", "more than 4294967294 records; load them in parts");
    for (size_t i = 0; i < l->n_sources && *status == 0; i++) {
        if (!l->source[i].sorted && source_unpack(l, &l->source[i], status))
            index_source(l, &l->source[i], status);
    }
    return *status == 0;
}
