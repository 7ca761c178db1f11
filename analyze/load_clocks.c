/* load_clocks.c -- runs whose records count time on several clocks: the table `clocks`, and bounds of each operation's
 * times on one of them.
 *
 * Processes of one host share its monotonic clock, whatever moment each counts from; `host` and `epoch_ns` of
 * trace.open tell, and wall time tells when the host was restarted in between. Between hosts, messages tell (clocks.h).
 * Records are not changed: `ops` and `op_tries` get bounds beside their times, which checks use in their place. A run
 * on one clock, counted from one moment, gets no rows. */
#include "load_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "derive_int.h"

#define RESTART_US INT64_C(1000000) /* two readings of wall time against the same clock differ by less */
#define ANY_TIME   (INT64_MAX / 4)  /* where a clock cannot be compared, anything was possible before and after */

/* One process: its clock, and what its `t` counts from on it. */
struct process {
    char *node;
    int64_t boot, first, last; /* of its records, as they stand */
    bool told;                 /* by a trace.open */
    bool shared;               /* on the host that all are on, says its trace.open, but not which that is */
    int64_t epoch, zero_us;    /* zero_us NONE: wall time is not known */
    size_t clock;
};

struct clock {
    char *name;
    int64_t zero_us; /* of its host since the last restart, NONE: not known */
    int64_t first, last, ops;
    int64_t epoch, epoch_ops; /* of the process with most operations, and how many; of its first when none has */
};

struct table {
    struct load *l;
    struct process *process;
    size_t n;
    struct clock *clock;
    size_t clocks;
    size_t reference;
    struct clock_line line[CLOCKS_MAX];
};

static const char *text(sqlite3_stmt *q, int i)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    return s != NULL ? s : "";
}

static sqlite3_stmt *ask(struct table *t, const char *sql)
{
    sqlite3_stmt *q = db_prepare(&t->l->db, sql);
    db_bind_int(&t->l->db, q, ":run", t->l->run_id);
    return q;
}

static int64_t int_or_none(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_INTEGER ? sqlite3_column_int64(q, i) : NONE;
}

/* ---- which clocks there are ---- */

static size_t clock_named(struct table *t, const char *name, int64_t zero_us)
{
    for (size_t i = 0; i < t->clocks; i++) {
        const struct clock *c = &t->clock[i];
        int64_t apart;
        if (strcmp(c->name, name) == 0 &&
            (c->zero_us == NONE || zero_us == NONE ||
             (!__builtin_sub_overflow(c->zero_us, zero_us, &apart) && apart < RESTART_US && apart > -RESTART_US)))
            return i;
    }
    t->clock = mem_grow(t->clock, t->clocks + 1, sizeof *t->clock);
    t->clock[t->clocks] =
        (struct clock){.name = mem_text(name, strlen(name)), .zero_us = zero_us, .first = INT64_MAX, .last = INT64_MIN};
    return t->clocks++;
}

/* A process without a header, or whose header does not say on which host, has a clock of its own as soon as there are
 * several; else it is taken to share the only one. */
static void read_processes(struct table *t)
{
    sqlite3_stmt *q =
        ask(t, "SELECT b.node, b.boot, b.t_start, b.t_end, json_extract(r.body, '$.clk'),"
               " json_extract(r.body, '$.host'), json_extract(r.body, '$.epoch_ns'),"
               " json_extract(r.body, '$.wall_us'), r.t FROM boots b LEFT JOIN records r ON r.run_id = b.run_id"
               " AND r.ev = 'trace.open' AND +r.node = b.node AND +r.boot = b.boot WHERE b.run_id = :run"
               " AND b.t_start IS NOT NULL GROUP BY b.node, b.boot ORDER BY b.node, b.boot");
    while (db_row(&t->l->db, q)) {
        t->process = mem_grow(t->process, t->n + 1, sizeof *t->process);
        struct process *p = &t->process[t->n++];
        const char *clk = text(q, 4), *host = text(q, 5), *node = text(q, 0);
        int64_t epoch = int_or_none(q, 6), wall = int_or_none(q, 7), since, zero = NONE;
        bool mono = strcmp(clk, "mono") == 0 || strcmp(clk, "mono-shared") == 0;
        *p = (struct process){.node = mem_text(node, strlen(node)),
                              .boot = sqlite3_column_int64(q, 1),
                              .first = sqlite3_column_int64(q, 2),
                              .last = sqlite3_column_int64(q, 3),
                              .told = *clk != '\0',
                              .epoch = mono && epoch != NONE ? epoch : 0};
        char name[400];
        if (mono && wall != NONE && !__builtin_add_overflow(p->epoch, sqlite3_column_int64(q, 8), &since) &&
            !__builtin_sub_overflow(wall, since / 1000, &zero))
            p->zero_us = zero;
        else
            p->zero_us = NONE;
        if (mono && *host != '\0')
            snprintf(name, sizeof name, "host %.300s", host);
        else if (strcmp(clk, "mono") == 0)
            snprintf(name, sizeof name, "of %.300s", node);
        else
            snprintf(name, sizeof name, "%s", clk);
        p->shared = mono && *host == '\0' && strcmp(clk, "mono-shared") == 0;
        if (p->told && !p->shared)
            p->clock = clock_named(t, name, mono && *host != '\0' ? p->zero_us : NONE);
    }
    db_done(&t->l->db, q);
    bool one_host = t->clocks == 1 && strncmp(t->clock[0].name, "host ", 5) == 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->process[i].shared)
            t->process[i].clock = one_host ? 0 : clock_named(t, "of the host that all are on", NONE);
    }
    for (size_t i = 0; i < t->n; i++) {
        char name[400];
        if (t->process[i].told)
            continue;
        snprintf(name, sizeof name, "of %.300s.%lld", t->process[i].node, (long long)t->process[i].boot);
        if (t->clocks != 1)
            t->process[i].clock = clock_named(t, name, NONE);
        else
            t->process[i].epoch = t->clock[0].epoch;
    }
}

/* Time on the clock of a process; false where a trace says what cannot be. */
static bool on_clock(const struct process *p, int64_t t, int64_t *out)
{
    return !__builtin_add_overflow(p->epoch, t, out) && *out > -ANY_TIME && *out < ANY_TIME;
}

static struct process *process_of(struct table *t, const char *node, int64_t boot)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(t->process[mid].node, node);
        if (order < 0 || (order == 0 && t->process[mid].boot < boot))
            lo = mid + 1;
        else
            hi = mid;
    }
    bool found = lo < t->n && strcmp(t->process[lo].node, node) == 0 && t->process[lo].boot == boot;
    return found ? &t->process[lo] : NULL;
}

/* Do all count from one moment on one clock? */
static bool one_clock(const struct table *t)
{
    for (size_t i = 1; i < t->n; i++) {
        if (t->process[i].clock != t->process[0].clock || t->process[i].epoch != t->process[0].epoch)
            return false;
    }
    return true;
}

/* The clock on which most operations were recorded is the reference: their order is exact then. */
static void choose_reference(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct clock *c = &t->clock[t->process[i].clock];
        int64_t first, last;
        if (c->first == INT64_MAX)
            c->epoch = t->process[i].epoch;
        if (!on_clock(&t->process[i], t->process[i].first, &first) ||
            !on_clock(&t->process[i], t->process[i].last, &last))
            continue;
        c->first = first < c->first ? first : c->first;
        c->last = last > c->last ? last : c->last;
    }
    sqlite3_stmt *q = ask(t, "SELECT r.node, r.boot, count(*) FROM ops o JOIN records r ON r.id = o.invoke_rec"
                             " WHERE o.run_id = :run GROUP BY r.node, r.boot");
    while (db_row(&t->l->db, q)) {
        const struct process *p = process_of(t, text(q, 0), sqlite3_column_int64(q, 1));
        if (p == NULL)
            continue;
        struct clock *c = &t->clock[p->clock];
        c->ops += sqlite3_column_int64(q, 2);
        if (sqlite3_column_int64(q, 2) > c->epoch_ops) {
            c->epoch_ops = sqlite3_column_int64(q, 2);
            c->epoch = p->epoch;
        }
    }
    db_done(&t->l->db, q);
    for (size_t i = 1; i < t->clocks && i < CLOCKS_MAX; i++) {
        if (t->clock[i].ops > t->clock[t->reference].ops)
            t->reference = i;
    }
}

/* ---- what messages tell ---- */

/* Each row: when a record was made that another record had to wait for. The answer that ended an operation is known
 * where only one was sent for it. */
static const char *const waits[] = {
    "SELECT s.node, s.boot, s.t, d.node, d.boot, d.t FROM edges e JOIN records s ON s.id = e.src JOIN records d ON"
    " d.id = e.dst WHERE e.kind = 'wire' AND d.run_id = :run",
    "SELECT s.node, s.boot, s.t, d.node, d.boot, d.t FROM op_tries y JOIN records s ON s.id = y.rec JOIN messages m ON"
    " m.run_id = y.run_id AND m.mid = y.mid AND m.dst = y.node AND m.send_rec IS NULL AND m.in_rec IS NULL"
    " JOIN records d ON d.id = m.recv_rec WHERE y.run_id = :run",
    "SELECT s.node, s.boot, s.t, d.node, d.boot, d.t FROM ops o JOIN records d ON d.id = o.return_rec JOIN ("
    "  SELECT y.op_id, min(m.send_rec) AS rec FROM op_tries y JOIN messages m ON m.run_id = y.run_id AND m.mid = y.mid"
    "  AND m.src = y.node AND m.send_rec IS NOT NULL AND m.in_rec IS NULL JOIN ops p ON p.op_id = y.op_id AND m.dst = "
    "p.client"
    "  WHERE y.run_id = :run GROUP BY y.op_id HAVING count(*) = 1) a ON a.op_id = o.op_id"
    " JOIN records s ON s.id = a.rec WHERE o.run_id = :run AND o.result = 'ok' AND o.served_by = s.node",
};

static void solve(struct table *t)
{
    int64_t first[CLOCKS_MAX], last[CLOCKS_MAX];
    size_t n = t->clocks < CLOCKS_MAX ? t->clocks : CLOCKS_MAX;
    for (size_t i = 0; i < n; i++) {
        first[i] = t->clock[i].first;
        last[i] = t->clock[i].last;
    }
    struct clocks *c = clocks_new(n, first, last);
    for (size_t w = 0; w < sizeof waits / sizeof *waits && !t->l->db.failed; w++) {
        sqlite3_stmt *q = ask(t, waits[w]);
        while (db_row(&t->l->db, q)) {
            const struct process *s = process_of(t, text(q, 0), sqlite3_column_int64(q, 1));
            const struct process *d = process_of(t, text(q, 3), sqlite3_column_int64(q, 4));
            int64_t sent, received;
            if (s != NULL && d != NULL && on_clock(s, sqlite3_column_int64(q, 2), &sent) &&
                on_clock(d, sqlite3_column_int64(q, 5), &received))
                clocks_message(c, s->clock, sent, d->clock, received);
        }
        db_done(&t->l->db, q);
    }
    clocks_solve(c, t->reference, t->line);
    clocks_free(c);
}

/* ---- rows ---- */

/* From `t` of a process to the time that the reference counts; as far as the line goes. */
static struct clock_line line_of(const struct table *t, const struct process *p)
{
    static const struct clock_line unknown = {.known = false};
    if (p->clock >= CLOCKS_MAX || !t->line[p->clock].known)
        return unknown;
    struct clock_line l = t->line[p->clock];
    int64_t epochs;
    if (__builtin_sub_overflow(l.at, p->epoch, &l.at) ||
        __builtin_sub_overflow(p->epoch, t->clock[t->reference].epoch, &epochs) ||
        __builtin_add_overflow(l.offset, epochs, &l.offset))
        return unknown;
    return l;
}

static void store_process(struct table *t, sqlite3_stmt *q, const struct process *p)
{
    struct db *db = &t->l->db;
    struct clock_line l = line_of(t, p);
    db_bind_int(db, q, ":run", t->l->run_id);
    db_bind_text(db, q, ":node", p->node);
    db_bind_int(db, q, ":boot", p->boot);
    db_bind_text(db, q, ":clock", t->clock[p->clock].name);
    db_bind_int(db, q, ":messages", l.messages);
    if (l.known) {
        db_bind_int(db, q, ":offset", -l.offset);
        db_bind_int(db, q, ":drift", -l.drift_ppb);
        db_bind_int(db, q, ":at", l.at);
        db_bind_int(db, q, ":error", l.error);
    }
    db_run(db, q);
}

static void store(struct table *t)
{
    struct db *db = &t->l->db;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO clocks(run_id, node, boot, clock, offset_ns, drift_ppb, at_ns, error_ns,"
                       " messages) VALUES (:run, :node, :boot, :clock, :offset, :drift, :at, :error, :messages)");
    for (size_t i = 0; i < t->n && !db->failed; i++)
        store_process(t, q, &t->process[i]);
    db_done(db, q);
}

struct bounds {
    int64_t from, by;
};

/* A moment on the reference clock, as far as it is known. */
static struct bounds bounds_of(const struct table *t, const struct process *p, int64_t at)
{
    static const struct bounds any = {-ANY_TIME, ANY_TIME};
    struct clock_line l = p != NULL ? line_of(t, p) : (struct clock_line){.known = false};
    struct bounds b;
    if (!l.known)
        return any;
    int64_t moved = clocks_convert(&l, at);
    if (__builtin_sub_overflow(moved, l.error, &b.from) || __builtin_add_overflow(moved, l.error, &b.by) ||
        b.from < -ANY_TIME || b.by > ANY_TIME)
        return any;
    return b;
}

static void widen_ops(struct table *t)
{
    struct db *db = &t->l->db;
    sqlite3_stmt *q = ask(t, "SELECT o.op_id, o.t_invoke, o.t_return, r.node, r.boot FROM ops o LEFT JOIN records r ON"
                             " r.id = o.invoke_rec WHERE o.run_id = :run");
    sqlite3_stmt *u = db_prepare(db, "UPDATE ops SET call_from = :from, return_by = :by WHERE op_id = :op");
    while (db_row(db, q)) {
        const struct process *p = process_of(t, text(q, 3), sqlite3_column_int64(q, 4));
        db_bind_int(db, u, ":op", sqlite3_column_int64(q, 0));
        db_bind_int(db, u, ":from", bounds_of(t, p, sqlite3_column_int64(q, 1)).from);
        if (sqlite3_column_type(q, 2) != SQLITE_NULL)
            db_bind_int(db, u, ":by", bounds_of(t, p, sqlite3_column_int64(q, 2)).by);
        db_run(db, u);
    }
    db_done(db, u);
    db_done(db, q);
    q = ask(t, "SELECT y.op_id, y.try, y.t, r.node, r.boot FROM op_tries y LEFT JOIN records r ON r.id = y.rec WHERE"
               " y.run_id = :run AND y.t IS NOT NULL");
    u = ask(t, "UPDATE op_tries SET t_from = :from WHERE run_id = :run AND op_id = :op AND try = :try");
    while (db_row(db, q)) {
        const struct process *p = process_of(t, text(q, 3), sqlite3_column_int64(q, 4));
        db_bind_int(db, u, ":run", t->l->run_id);
        db_bind_int(db, u, ":op", sqlite3_column_int64(q, 0));
        db_bind_int(db, u, ":try", sqlite3_column_int64(q, 1));
        db_bind_int(db, u, ":from", bounds_of(t, p, sqlite3_column_int64(q, 2)).from);
        db_run(db, u);
    }
    db_done(db, u);
    db_done(db, q);
}

void load_clocks(struct load *l)
{
    struct table t = {.l = l};
    read_processes(&t);
    if (!l->db.failed && !one_clock(&t)) {
        choose_reference(&t);
        solve(&t);
        db_exec(&l->db, "BEGIN");
        store(&t);
        widen_ops(&t);
        db_exec(&l->db, "COMMIT");
    }
    for (size_t i = 0; i < t.n; i++)
        free(t.process[i].node);
    for (size_t i = 0; i < t.clocks; i++)
        free(t.clock[i].name);
    free(t.process);
    free(t.clock);
}
