/* export_shiviz.c -- a log for ShiViz (bestchai.bitbucket.io/shiviz): two lines an event, the expression that reads
 * them at the top, and vector clocks (Mattern 1989), which our records do not have: they are derived from the causal
 * edges.
 *
 * Hosts are the replicas and the clients. What the simulator records about the network is no host's: its records only
 * hand on the clocks of those whose datagrams pass. */
#include "export_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mem.h"
#include "names.h"

enum { EVENTS_MAX = 2000000, CLOCK_BYTES_MAX = 1 << 29, SHOWN_WELL = 1000 };

struct event {
    int64_t id, t;
    int host; /* -1: of no host */
    char *words;
    uint32_t before; /* place of the one before it on its host, + 1 */
    uint32_t waits;  /* for so many that are not done */
    bool done;
    uint32_t *clock;
};

struct arrow {
    uint32_t from, to; /* places in `event` */
};

struct graph {
    struct event *event;
    size_t n, room;
    struct arrow *arrow; /* sorted by `from` */
    size_t arrows, arrow_room;
    size_t *first; /* of the arrows from event i; first[n] is the end */
    struct names names;
    const struct name **host;
    uint32_t *last; /* of each host: place + 1 */
    size_t hosts, host_room;
    uint32_t *ready; /* a heap: the earliest on top */
    size_t readies;
    size_t contradicted;
};

static int host_of(struct graph *g, const char *p, size_t n)
{
    struct name *name = names_get(&g->names, p, n);
    if (name->user == NULL) {
        if (g->hosts == g->host_room) {
            g->host_room = g->host_room > 0 ? g->host_room * 2 : 16;
            g->host = mem_grow(g->host, g->host_room, sizeof *g->host);
            g->last = mem_grow(g->last, g->host_room, sizeof *g->last);
        }
        g->last[g->hosts] = 0;
        g->host[g->hosts++] = name;
        name->user = (void *)(uintptr_t)g->hosts;
    }
    return (int)(uintptr_t)name->user - 1;
}

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Whose event a record of the simulator is: an operation's is its client's. */
static int host_of_record(struct graph *g, const struct export_record *r, const struct trace_record *fields)
{
    if (begins(r->ev, "net."))
        return -1;
    if (!begins(r->ev, "op."))
        return host_of(g, r->node, strlen(r->node));
    struct trace_text cli = trace_find_text(fields, "cli"), op = trace_find_text(fields, "op");
    if (cli.p == NULL && op.p != NULL) { /* "0012:7": the client's name is in the operation's */
        const char *colon = memrchr(op.p, ':', op.n);
        cli = (struct trace_text){op.p, colon != NULL ? (size_t)(colon - op.p) : op.n};
    }
    return cli.p != NULL ? host_of(g, cli.p, cli.n) : -1;
}

static void add_arrow(struct graph *g, size_t from, size_t to)
{
    if (g->arrows == g->arrow_room) {
        g->arrow_room = g->arrow_room > 0 ? g->arrow_room * 2 : 1024;
        g->arrow = mem_grow(g->arrow, g->arrow_room, sizeof *g->arrow);
    }
    g->arrow[g->arrows++] = (struct arrow){(uint32_t)from, (uint32_t)to};
    g->event[to].waits++;
}

static void read_events(struct export *e, struct graph *g)
{
    sqlite3_stmt *q = export_records(e);
    struct body *body = body_new();
    while (e->status == 0 && db_row(e->db, q)) {
        struct export_record r;
        export_record_row(q, &r);
        const struct trace_record *fields = body_parse(body, r.body.p, r.body.n);
        if (g->n == EVENTS_MAX)
            export_fail(e, EXIT_USAGE,
                        "more than %d records: take a part of the run, with --since and --until or --around",
                        EVENTS_MAX);
        if (g->n == g->room) {
            g->room = g->room > 0 ? g->room * 2 : 1024;
            g->event = mem_grow(g->event, g->room, sizeof *g->event);
        }
        struct event *x = &g->event[g->n];
        *x = (struct event){.id = r.id, .t = r.t, .host = host_of_record(g, &r, fields)};
        if (x->host >= 0) {
            char *words = export_words(&r, fields);
            size_t n = strlen(words) + strlen(r.ev) + 48;
            x->words = mem_new(n);
            snprintf(x->words, n, "%.3f ms %s: %s", (double)r.t / 1e6, r.ev, words);
            free(words);
        }
        g->n++;
        if (x->host >= 0) {
            x->before = g->last[x->host];
            g->last[x->host] = (uint32_t)g->n;
            if (x->before != 0)
                add_arrow(g, x->before - 1, g->n - 1);
        }
    }
    body_free(body);
    db_done(e->db, q);
}

/* Place of a record's event + 1; 0: it is not exported. */
static size_t place(const struct graph *g, int64_t id)
{
    size_t lo = 0, hi = g->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->event[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < g->n && g->event[lo].id == id ? lo + 1 : 0;
}

static void read_arrows(struct export *e, struct graph *g)
{
    sqlite3_stmt *q = db_prepare(
        e->db, "SELECT src, dst FROM edges WHERE dst BETWEEN :first AND :last"
               /* without a simulator, a client's attempt and the receipt meet in no row of messages */
               " UNION SELECT t.rec, r.id FROM op_tries t JOIN messages m ON m.run_id = t.run_id AND m.mid = t.mid"
               " AND m.dst = t.node AND m.send_rec IS NULL AND m.in_rec IS NULL JOIN records r ON r.id = m.recv_rec"
               " WHERE t.run_id = :run AND r.id BETWEEN :first AND :last");
    db_bind_int(e->db, q, ":run", e->run_id);
    db_bind_int(e->db, q, ":first", g->n > 0 ? g->event[0].id : 0);
    db_bind_int(e->db, q, ":last", g->n > 0 ? g->event[g->n - 1].id : -1);
    while (db_row(e->db, q)) {
        size_t from = place(g, sqlite3_column_int64(q, 0)), to = place(g, sqlite3_column_int64(q, 1));
        if (from != 0 && to != 0 && from != to && g->event[to - 1].before != from)
            add_arrow(g, from - 1, to - 1);
    }
    db_done(e->db, q);
}

static int by_from(const void *pa, const void *pb)
{
    const struct arrow *a = pa, *b = pb;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->to < b->to ? -1 : a->to > b->to;
}

static void index_arrows(struct graph *g)
{
    if (g->arrows > 0)
        qsort(g->arrow, g->arrows, sizeof *g->arrow, by_from);
    g->first = mem_new((g->n + 1) * sizeof *g->first);
    size_t a = 0;
    for (size_t i = 0; i <= g->n; i++) {
        while (a < g->arrows && g->arrow[a].from < i)
            a++;
        g->first[i] = a;
    }
}

/* ---- the order: what came before comes first, and of what could come next the earliest ---- */

static void push(struct graph *g, uint32_t i)
{
    size_t at = g->readies++;
    while (at > 0 && g->ready[(at - 1) / 2] > i) {
        g->ready[at] = g->ready[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    g->ready[at] = i;
}

static uint32_t pop(struct graph *g)
{
    uint32_t top = g->ready[0], x = g->ready[--g->readies];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < g->readies && g->ready[child + 1] < g->ready[child])
            child++;
        if (child >= g->readies || g->ready[child] >= x)
            break;
        g->ready[at] = g->ready[child];
        at = child;
    }
    g->ready[at] = x;
    return top;
}

static void merge(struct graph *g, uint32_t *into, const uint32_t *clock)
{
    for (size_t h = 0; h < g->hosts; h++)
        into[h] = into[h] > clock[h] ? into[h] : clock[h];
}

static void print_event(struct export *e, const struct graph *g, const struct event *x)
{
    for (const char *p = g->host[x->host]->text; *p != '\0'; p++) { /* a host is a word */
        bool plain =
            (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '-' || *p == '.';
        fputc(plain ? *p : '_', e->out);
    }
    fputs(" {", e->out);
    bool first = true;
    for (size_t h = 0; h < g->hosts; h++) {
        if (x->clock[h] == 0)
            continue;
        fputs(first ? "\"" : ", \"", e->out);
        first = false;
        for (const char *p = g->host[h]->text; *p != '\0'; p++) {
            bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
                         *p == '-' || *p == '.';
            fputc(plain ? *p : '_', e->out);
        }
        fprintf(e->out, "\":%" PRIu32, x->clock[h]);
    }
    fputs("}\n", e->out);
    cli_print(e->out, x->words);
    fputc('\n', e->out);
}

/* Its clock is complete: the event happens. */
static void happen(struct export *e, struct graph *g, uint32_t i)
{
    struct event *x = &g->event[i];
    x->done = true;
    if (x->clock == NULL)
        x->clock = mem_new((g->hosts + 1) * sizeof *x->clock);
    if (x->host >= 0) {
        x->clock[x->host]++;
        print_event(e, g, x);
    }
    for (size_t a = g->first[i]; a < g->first[i + 1]; a++) {
        struct event *to = &g->event[g->arrow[a].to];
        if (to->done) {
            g->contradicted++;
            continue;
        }
        if (to->clock == NULL)
            to->clock = mem_new((g->hosts + 1) * sizeof *to->clock);
        merge(g, to->clock, x->clock);
        if (--to->waits == 0)
            push(g, g->arrow[a].to);
    }
    free(x->clock);
    x->clock = NULL;
}

static void in_causal_order(struct export *e, struct graph *g)
{
    g->ready = mem_new((g->n + 1) * sizeof *g->ready);
    for (size_t i = 0; i < g->n; i++) {
        if (g->event[i].waits == 0)
            push(g, (uint32_t)i);
    }
    for (size_t next = 0;;) {
        while (g->readies > 0)
            happen(e, g, pop(g));
        /* A trace may claim that causes go in a circle: then the earliest whose host has come so far goes first. */
        while (next < g->n && g->event[next].done)
            next++;
        size_t i = next;
        while (i < g->n && (g->event[i].done || (g->event[i].before != 0 && !g->event[g->event[i].before - 1].done)))
            i++;
        if (i == g->n)
            return;
        g->event[i].waits = 0;
        happen(e, g, (uint32_t)i);
    }
}

static void free_graph(struct graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free(g->event[i].words);
        free(g->event[i].clock);
    }
    free(g->event);
    free(g->arrow);
    free(g->first);
    free(g->host);
    free(g->last);
    free(g->ready);
    names_free(&g->names);
}

void export_shiviz(struct export *e)
{
    struct graph g = {.n = 0};
    read_events(e, &g);
    read_arrows(e, &g);
    if (e->status == 0 && g.n > 0 && g.hosts > CLOCK_BYTES_MAX / sizeof(uint32_t) / g.n)
        export_fail(
            e, EXIT_USAGE,
            "%zu events of %zu hosts, each with a clock of all hosts, are too many: take a part of the run, with"
            " --since and --until or --around",
            g.n, g.hosts);
    if (e->status == 0 && !e->db->failed) {
        size_t shown = 0;
        for (size_t i = 0; i < g.n; i++)
            shown += g.event[i].host >= 0;
        index_arrows(&g);
        fputs("(?<host>\\S+) (?<clock>\\{.*\\})\\n(?<event>.*)\n\n", e->out);
        in_causal_order(e, &g);
        if (g.contradicted > 0)
            snprintf(e->remark, sizeof e->remark, "%zu causes that would go in a circle are left out", g.contradicted);
        else if (shown > SHOWN_WELL)
            snprintf(e->remark, sizeof e->remark,
                     "%zu events; ShiViz draws hundreds well: take a part of the run, as with --around V1", shown);
    }
    free_graph(&g);
}
