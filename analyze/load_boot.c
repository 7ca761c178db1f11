/* load_boot.c -- the bookkeeping of each incarnation of a process: which records are here, which are missing, where
 * its clocks went back, how it ended. */
#include "load_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- records.id by s ---- */

static int64_t chunk_base(int64_t seq)
{
    return seq - seq % SEQS_PER_CHUNK;
}

static struct seq_chunk **chunk_slot(const struct boot *b, int64_t base)
{
    size_t i = (size_t)((uint64_t)base / SEQS_PER_CHUNK * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (b->chunk_size - 1);
    while (b->chunk[i] != NULL && b->chunk[i]->base != base)
        i = (i + 1) & (b->chunk_size - 1);
    return &b->chunk[i];
}

void boot_remember(struct boot *b, int64_t seq, uint32_t id)
{
    int64_t base = chunk_base(seq);
    if (b->last_chunk == NULL || b->last_chunk->base != base) {
        if (b->chunks * 2 >= b->chunk_size) {
            struct boot bigger = {.chunk_size = b->chunk_size > 0 ? b->chunk_size * 2 : 16};
            bigger.chunk = mem_new(bigger.chunk_size * sizeof(struct seq_chunk *));
            for (size_t i = 0; i < b->chunk_size; i++) {
                if (b->chunk[i] != NULL)
                    *chunk_slot(&bigger, b->chunk[i]->base) = b->chunk[i];
            }
            free(b->chunk);
            b->chunk = bigger.chunk;
            b->chunk_size = bigger.chunk_size;
        }
        struct seq_chunk **slot = chunk_slot(b, base);
        if (*slot == NULL) {
            *slot = mem_new(sizeof **slot);
            (*slot)->base = base;
            b->chunks++;
        }
        b->last_chunk = *slot;
    }
    b->last_chunk->id[seq - base] = id;
}

uint32_t boot_find(const struct boot *b, int64_t seq)
{
    if (b->chunk_size == 0 || seq < 1)
        return 0;
    int64_t base = chunk_base(seq);
    const struct seq_chunk *c =
        b->last_chunk != NULL && b->last_chunk->base == base ? b->last_chunk : *chunk_slot(b, base);
    return c != NULL ? c->id[seq - base] : 0;
}

/* ---- gaps ---- */

static void add_gap(struct boot *b, size_t at, struct gap g)
{
    if (g.first > g.last)
        return;
    if (b->n_gaps == b->gap_room) {
        b->gap_room = b->gap_room > 0 ? b->gap_room * 2 : 8;
        b->gap = mem_grow(b->gap, b->gap_room, sizeof *b->gap);
    }
    memmove(&b->gap[at + 1], &b->gap[at], (b->n_gaps - at) * sizeof *b->gap);
    b->gap[at] = g;
    b->n_gaps++;
}

/* The first gap that ends at or after seq. */
static size_t gap_at(const struct boot *b, int64_t seq)
{
    size_t lo = 0, hi = b->n_gaps;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->gap[mid].last < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* A record that was thought missing came after all. False: it was never missing. */
static bool fill_gap(struct boot *b, int64_t seq)
{
    size_t i = gap_at(b, seq);
    if (i == b->n_gaps || b->gap[i].first > seq)
        return false;
    struct gap g = b->gap[i], tail = g;
    tail.first = seq + 1;
    memmove(&b->gap[i], &b->gap[i + 1], (b->n_gaps - i - 1) * sizeof *b->gap);
    b->n_gaps--;
    g.last = seq - 1;
    add_gap(b, i, tail);
    add_gap(b, i, g);
    return true;
}

/* Only gaps are marked: what was declared lost and is here all the same is not lost. Marking splits gaps. */
void boot_declare_lost(struct boot *b, int64_t first, int64_t last)
{
    for (size_t i = gap_at(b, first); i < b->n_gaps && b->gap[i].first <= last; i++) {
        struct gap g = b->gap[i], before = g, after = g;
        before.last = first - 1;
        after.first = last < INT64_MAX ? last + 1 : last;
        g.first = g.first < first ? first : g.first;
        g.last = g.last > last ? last : g.last;
        g.declared = true;
        b->gap[i] = g;
        add_gap(b, i + 1, after);
        if (before.first <= before.last) {
            add_gap(b, i, before);
            i++;
        }
    }
}

/* ---- records ---- */

bool boot_record(struct load *l, struct boot *b, const struct trace_record *r, int64_t source)
{
    (void)l;
    int64_t seq = r->seq;
    if (seq > b->last_seq) {
        if (seq != b->last_seq + 1)
            add_gap(b, b->n_gaps,
                    (struct gap){.first = b->last_seq + 1,
                                 .last = seq - 1,
                                 .t_from = b->t_last,
                                 .t_to = r->t,
                                 .line = r->line,
                                 .source = source});
        b->last_seq = seq;
    } else if (!fill_gap(b, seq)) {
        b->duplicates++;
        return false;
    }
    if (b->records == 0) {
        b->t_first = b->t_max = r->t;
    } else {
        if (r->t < b->t_last && b->time_back++ == 0)
            b->time_back_line = r->line;
        if (r->lc <= b->lc_last && b->lc_back++ == 0)
            b->lc_back_line = r->line;
    }
    b->t_last = r->t;
    if (source == b->source && r->line > b->line_last)
        b->line_last = r->line;
    if (r->t > b->t_max)
        b->t_max = r->t;
    b->lc_last = r->lc;
    b->records++;
    return true;
}

/* ---- the end ---- */

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void note_gaps(struct load *l, struct boot *b)
{
    const char *node = b->node->name->text;
    for (size_t i = 0; i < b->n_gaps; i++) {
        const struct gap *g = &b->gap[i];
        int64_t n = g->last - g->first + 1;
        b->missing = b->missing > INT64_MAX - n ? INT64_MAX : b->missing + n;
        char of[64] = ""; /* so that one gap's note is not taken for all of them */
        if (b->n_gaps > 1)
            snprintf(of, sizeof of, "gap %zu of %zu: ", i + 1, b->n_gaps);
        if (g->first == 1)
            load_note(l, SEV_LOSS, "missing", node, g->source, g->line, n,
                      "%s.%lld: %sthe first %lld records, before %.3f ms", node, (long long)b->boot, of, (long long)n,
                      ms(g->t_to));
        else
            load_note(l, SEV_LOSS, g->declared ? "declared_lost" : "missing", node, g->source, g->line, n,
                      "%s.%lld: %s%lld after s=%lld between %.3f and %.3f ms%s", node, (long long)b->boot, of,
                      (long long)n, (long long)g->first - 1, ms(g->t_from), ms(g->t_to),
                      g->declared ? ", confessed by the writer (trace.lost)" : "");
    }
}

static void note_clocks(struct load *l, const struct boot *b)
{
    const char *node = b->node->name->text;
    if (b->seq_back > 0)
        load_note(l, SEV_ERROR, "seq_back", node, b->source, b->seq_back_line, b->seq_back,
                  "%s.%lld: s goes back in the file; put in order", node, (long long)b->boot);
    if (b->time_back > 0)
        load_note(l, SEV_ERROR, "time_back", node, b->source, b->time_back_line, b->time_back,
                  "%s.%lld: t goes back from one record to the next", node, (long long)b->boot);
    if (b->lc_back > 0)
        load_note(l, SEV_ERROR, "lc_back", node, b->source, b->lc_back_line, b->lc_back,
                  "%s.%lld: lc does not grow from one record to the next", node, (long long)b->boot);
    if (b->duplicates > 0)
        load_note(l, SEV_ERROR, "duplicate", node, b->source, b->line_last, b->duplicates,
                  "%s.%lld: records whose s was there before; left out", node, (long long)b->boot);
    if (b->lost_causes > 0)
        load_note(l, b->missing > 0 ? SEV_INFO : SEV_ERROR, "lost_cause", node, b->source, b->lost_causes_line,
                  b->lost_causes, "%s.%lld: records whose cause is not here", node, (long long)b->boot);
}

/* Without a simulator nobody tells of a kill. But a process that was started again while its host went on has left all
 * that it had written in the kernel's hands: with write-ahead tracing (trace/README.md) nothing that anyone has seen is
 * missing. Only a host that went down may have lost the end. */
static const struct boot *started_again(const struct load *l, const struct boot *b)
{
    enum { STEP_US = 1000000 }; /* by so much may the wall clock have been set meanwhile */
    const struct boot *next = NULL;
    for (size_t i = 0; i < b->node->n_boots && next == NULL; i++)
        next = b->node->boot[i]->boot > b->boot ? b->node->boot[i] : NULL;
    int64_t by;
    bool same = next != NULL && !l->has_net && b->timed && next->timed && !b->torn && !b->crashed &&
                !__builtin_sub_overflow(next->zero_us, b->zero_us, &by) && by < STEP_US && by > -STEP_US;
    return same ? next : NULL;
}

/* How it ended; says so when nothing explains the end. */
static const char *end_kind(struct load *l, const struct boot *b)
{
    const char *node = b->node->name->text;
    if (b->closed && b->close_records >= 0 && b->missing == 0 && b->close_records != b->records)
        load_note(l, SEV_ERROR, "close_count", node, b->source, b->line_last, b->close_records - b->records,
                  "%s.%lld: trace.close counts %lld records, here are %lld", node, (long long)b->boot,
                  (long long)b->close_records, (long long)b->records);
    if (b->closed)
        return "close";
    const struct boot *again = b->killed || b->told ? NULL : started_again(l, b);
    if (again != NULL) {
        load_note(l, SEV_INFO, "no_close", node, b->source, b->line_last, 1,
                  "%s.%lld: no trace.close; it was killed or crashed, and started again on the same host", node,
                  (long long)b->boot);
        return "killed";
    }
    bool explained = b->killed || b->told;
    load_note(l, explained ? SEV_INFO : SEV_LOSS, "no_close", node, b->source, b->line_last, 1,
              "%s.%lld: no trace.close%s", node, (long long)b->boot,
              b->killed    ? "; it was killed"
              : b->told    ? "; it says itself that it stopped"
              : b->crashed ? "; it died, and the end of the trace may be missing"
                           : ", and nothing tells why: the end of the trace may be missing");
    return b->torn ? "torn" : b->killed ? "killed" : b->crashed ? "crashed" : b->told ? "stopped" : "crashed";
}

/* Under a simulator boots count from 1 in each run, so one that is not here has been lost with all it told, unless the
 * simulator saw a start that came to nothing. (On real addresses a replica's store counts over many runs.) */
static void note_lost_boots(struct load *l)
{
    for (size_t i = 0; l->has_net && i < l->n_nodes; i++) {
        const struct node *n = l->node[i];
        int64_t next = 1, vain = n->vain;
        for (size_t k = 0; !n->is_sim && k < n->n_boots; k++) {
            int64_t boot = n->boot[k]->boot;
            if (boot > next + vain)
                load_note(l, SEV_LOSS, "missing_boot", n->name->text, 0, 0, boot - next,
                          "%s: no records of boot %lld%s, only of %lld", n->name->text, (long long)next,
                          boot - next > 1 ? " and more" : "", (long long)boot);
            next = boot + 1;
            vain = n->boot[k]->vain;
        }
    }
}

void boots_store(struct load *l)
{
    note_lost_boots(l);
    struct db *db = &l->db;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO boots(run_id, node, boot, t_start, t_end, end_kind, records, last_seq, missing)"
                       " VALUES (:run, :node, :boot, :start, :end, :kind, :records, :last, :missing)");
    for (size_t i = 0; i < l->n_boots && !db->failed; i++) {
        struct boot *b = l->boot[i];
        note_gaps(l, b);
        note_clocks(l, b);
        db_bind_int(db, q, ":run", l->run_id);
        db_bind_text(db, q, ":node", b->node->name->text);
        db_bind_int(db, q, ":boot", b->boot);
        db_bind_int(db, q, ":start", b->t_first);
        db_bind_int(db, q, ":end", b->t_max);
        db_bind_text(db, q, ":kind", end_kind(l, b));
        db_bind_int(db, q, ":records", b->records);
        db_bind_int(db, q, ":last", b->last_seq);
        db_bind_int(db, q, ":missing", b->missing);
        db_run(db, q);
    }
    db_done(db, q);
}

void boots_free(struct load *l)
{
    for (size_t i = 0; i < l->n_boots; i++) {
        struct boot *b = l->boot[i];
        for (size_t k = 0; k < b->chunk_size; k++)
            free(b->chunk[k]);
        free(b->chunk);
        free(b->gap);
        free(b);
    }
    free(l->boot);
}
