/* load.c -- from trace files to a database, whole or not at all. */
#include "load_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "db_file.h"
#include "derive_int.h"

/* ---- nodes and boots by name ---- */

struct node *load_node(struct load *l, const char *p, size_t n)
{
    struct name *name = names_get(&l->names, p, n);
    if (name->user == NULL) {
        struct node *x = mem_new(sizeof *x);
        x->name = name;
        x->is_sim = n == 3 && memcmp(p, "sim", 3) == 0;
        name->user = x;
        if (l->n_nodes == l->node_room) {
            l->node_room = l->node_room > 0 ? l->node_room * 2 : 16;
            l->node = mem_grow(l->node, l->node_room, sizeof(struct node *));
        }
        l->node[l->n_nodes++] = x;
    }
    return name->user;
}

struct node *load_node_text(struct load *l, struct trace_text t)
{
    return load_node(l, t.p, t.n);
}

struct node *load_node_find(const struct load *l, struct trace_text t)
{
    struct name *name = t.p != NULL ? names_find(&l->names, t.p, t.n) : NULL;
    return name != NULL ? name->user : NULL;
}

struct boot *load_boot(struct load *l, struct trace_text node, int64_t number)
{
    struct boot *b = l->last_boot;
    if (b != NULL && b->boot == number && b->node->name->n == node.n &&
        memcmp(b->node->name->text, node.p, node.n) == 0)
        return b;
    struct node *n = load_node_text(l, node);
    size_t i = 0, end = n->n_boots; /* the first boot whose number is >= number */
    while (i < end) {
        size_t mid = i + (end - i) / 2;
        if (n->boot[mid]->boot < number)
            i = mid + 1;
        else
            end = mid;
    }
    if (i < n->n_boots && n->boot[i]->boot == number)
        return l->last_boot = n->boot[i];

    b = mem_new(sizeof *b);
    b->node = n;
    b->boot = number;
    b->index = l->n_boots;
    b->close_records = b->unread = -1;
    if (n->n_boots == n->boot_room) {
        n->boot_room = n->boot_room > 0 ? n->boot_room * 2 : 4;
        n->boot = mem_grow(n->boot, n->boot_room, sizeof(struct boot *));
    }
    memmove(&n->boot[i + 1], &n->boot[i], (n->n_boots - i) * sizeof(struct boot *));
    n->boot[i] = b;
    n->n_boots++;
    if (l->n_boots == l->boot_room) {
        l->boot_room = l->boot_room > 0 ? l->boot_room * 2 : 16;
        l->boot = mem_grow(l->boot, l->boot_room, sizeof(struct boot *));
    }
    l->boot[l->n_boots++] = b;
    return l->last_boot = b;
}

/* ---- interruption and progress ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

bool load_interrupted(void)
{
    return interrupted != 0;
}

static int stop_sqlite(void *unused)
{
    (void)unused;
    return interrupted != 0;
}

/* "loading  42 %  310,000 records/s, 4 s left": what is left is guessed from the rate since this stage began. */
void load_progress(struct load *l, const char *what, int64_t done, int64_t total)
{
    int64_t now = (int64_t)trace_mono_ns();
    if (l->stage != what) {
        l->stage = what;
        l->stage_ns = now;
        l->stage_done = done;
    }
    if (l->o->quiet || !isatty(STDERR_FILENO) || now - l->progress_ns < INT64_C(100000000))
        return;
    l->progress_ns = now;
    double seconds = (double)(now - l->stage_ns) / 1e9;
    double rate = seconds > 0.2 ? (double)(done - l->stage_done) / seconds : 0;
    if (total > 0)
        fprintf(stderr, "\r%s %3lld %%", what, (long long)(done * 100 / total));
    else
        fprintf(stderr, "\r%s %lld", what, (long long)done);
    if (rate >= 1 && l->total > 0 && total == l->total)
        fprintf(stderr, "  %.0f records/s", rate);
    if (rate >= 1 && total > done)
        fprintf(stderr, ", %.0f s left", (double)(total - done) / rate);
    fputs(" \033[K", stderr);
}

static void progress_end(const struct load *l)
{
    if (!l->o->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* ---- one record ---- */

/* The id stays NULL: SQLite then takes the next one, l->next_id as well, without looking whether it is free. */
static void insert_record(struct load *l, const struct boot *b, const struct trace_record *r, int64_t source,
                          int64_t cause)
{
    sqlite3_stmt *q = l->insert;
    bind_name(q, 3, b->node->name);
    sqlite3_bind_int64(q, 4, r->boot);
    sqlite3_bind_int64(q, 5, r->seq);
    sqlite3_bind_int64(q, 6, r->t);
    sqlite3_bind_int64(q, 7, r->lc);
    bind_text(q, 8, r->ev.p, r->ev.n);
    bind_int(q, 9, cause);
    if (r->has_state) {
        sqlite3_bind_int64(q, 10, r->term);
        sqlite3_bind_text(q, 11, &r->role, 1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 12, r->commit);
        sqlite3_bind_int64(q, 13, r->applied);
        sqlite3_bind_int64(q, 14, r->last);
    } else {
        for (int i = 10; i <= 14; i++)
            sqlite3_bind_null(q, i);
    }
    sqlite3_bind_int64(q, 15, source);
    sqlite3_bind_int64(q, 16, r->line);
    bind_text(q, 17, r->body.p, r->body.n);
    db_step(&l->db, q);
}

static void add_record(struct load *l, const struct trace_record *r, int64_t source, int64_t first_source)
{
    struct boot *b = load_boot(l, r->node, r->boot);
    if (!boot_record(l, b, r, source))
        return;
    int64_t id = l->next_id++, cause = NONE;
    boot_remember(b, r->seq, (uint32_t)(id - l->base_id));
    if (r->cause != 0) {
        uint32_t of = boot_find(b, r->cause);
        if (of != 0) {
            cause = l->base_id + of;
        } else {
            if (l->n_late == l->late_room) {
                l->late_room = l->late_room > 0 ? l->late_room * 2 : 64;
                l->late = mem_grow(l->late, l->late_room, sizeof *l->late);
            }
            l->late[l->n_late++] = (struct late_cause){.id = id, .seq = r->cause, .line = r->line, .boot = b};
        }
    }
    if (r->t > l->t_end)
        l->t_end = r->t;
    if (r->t < l->t_begin)
        l->t_begin = r->t;
    insert_record(l, b, r, first_source + source, cause);
    b->node->current = b;
    derive_record(l->derive, b->node, b, r, id, source);
}

/* Causes that came after what they caused: possible only where a file is out of order or the trace is wrong. */
static void late_causes(struct load *l)
{
    sqlite3_stmt *q = db_prepare(&l->db, "UPDATE records SET cause = ? WHERE id = ?");
    for (size_t i = 0; i < l->n_late && !l->db.failed; i++) {
        const struct late_cause *x = &l->late[i];
        uint32_t of = boot_find(x->boot, x->seq);
        if (of == 0) {
            if (x->boot->lost_causes++ == 0)
                x->boot->lost_causes_line = x->line;
            continue;
        }
        sqlite3_bind_int64(q, 1, l->base_id + of);
        sqlite3_bind_int64(q, 2, x->id);
        db_step(&l->db, q);
    }
    db_done(&l->db, q);
}

/* ---- filling it ---- */

static void store_sources(struct load *l, int64_t first)
{
    struct db *db = &l->db;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO sources(source_id, run_id, path, bytes, lines, records, bad_lines, torn_tail)"
                       " VALUES (:id, :run, :path, :bytes, :lines, :records, :bad, :torn)");
    for (size_t i = 0; i < l->n_sources && !db->failed; i++) {
        const struct source *s = &l->source[i];
        db_bind_int(db, q, ":id", first + (int64_t)i + 1);
        db_bind_int(db, q, ":run", l->run_id);
        db_bind_text(db, q, ":path", s->shown);
        db_bind_int(db, q, ":bytes", s->bytes);
        db_bind_int(db, q, ":lines", s->lines);
        db_bind_int(db, q, ":records", s->records);
        db_bind_int(db, q, ":bad", s->bad);
        db_bind_int(db, q, ":torn", s->torn);
        db_run(db, q);
    }
    db_done(db, q);
}

static bool run_is_new(struct load *l, int *status)
{
    sqlite3_stmt *q = db_prepare(&l->db, "SELECT 1 FROM runs WHERE name = :name");
    db_bind_text(&l->db, q, ":name", l->run_name);
    bool there = db_row(&l->db, q);
    db_done(&l->db, q);
    if (there)
        *status = cli_fail(EXIT_DATA, "load", "run %s is in the database already: give it another name with --run",
                           l->run_name);
    return !there;
}

static bool all_records(struct load *l, int64_t first_source, int *status)
{
    struct merge *m = merge_open(l, status);
    const struct trace_record *r;
    int64_t source = 0, done = 0;
    while (*status == 0 && !l->db.failed && (r = merge_next(m, &source, status)) != NULL) {
        add_record(l, r, source, first_source);
        if ((++done & 4095) == 0) {
            load_progress(l, "loading", done, l->total);
            if (load_interrupted())
                *status = LOAD_INTERRUPTED;
        }
    }
    merge_close(m);
    return *status == 0;
}

static void fill(struct load *l, int *status)
{
    struct db *db = &l->db;
    l->run_id = db_int(db, "SELECT max(run_id) FROM runs", 0) + 1;
    l->base_id = db_int(db, "SELECT max(id) FROM records", 0);
    l->next_id = l->base_id + 1;
    int64_t first_source = db_int(db, "SELECT max(source_id) FROM sources", 0);
    if (db->failed || !run_is_new(l, status))
        return;
    db_exec(db, "BEGIN");
    store_sources(l, first_source);
    l->insert =
        db_prepare(db, "INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, cause, term, role, commit_idx,"
                       " applied_idx, last_idx, source_id, line, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    sqlite3_bind_int64(l->insert, 2, l->run_id);
    l->derive = derive_new(l);
    l->t_end = INT64_MIN;
    l->t_begin = INT64_MAX;
    if (!db->failed && all_records(l, first_source, status)) {
        late_causes(l);
        boots_store(l); /* what is missing explains what cannot be matched */
        derive_end(l->derive);
        load_cut_tails(l);
        nodes_store(l);
        header_store(l);
        load_notes_store(l);
    }
    derive_free(l->derive);
    db_done(db, l->insert);
    if (*status != 0 || db->failed)
        return;
    db_exec(db, "COMMIT");
    if (!l->o->quiet)
        load_progress(l, "indexing", 1, 1);
    db_exec(db, db_embedded("indexes.sql"));
    db_exec(db, "PRAGMA analysis_limit=1000; ANALYZE");
    load_clocks(l);
}

/* ---- all of it ---- */

static bool target(const struct load_options *o, char *path, size_t n, int *status)
{
    struct stat st;
    if (o->out != NULL && *o->out == '\0') {
        *status = cli_fail(EXIT_USAGE, "load", "-o: the database's name is empty");
    } else if (o->out != NULL) {
        snprintf(path, n, "%s", o->out);
    } else if (o->n_paths == 1 && stat(o->paths[0], &st) == 0 && S_ISDIR(st.st_mode)) {
        size_t len = strlen(o->paths[0]);
        while (len > 1 && o->paths[0][len - 1] == '/')
            len--;
        snprintf(path, n, "%.*s/run.db", (int)len, o->paths[0]);
    } else if (o->n_paths == 1 && strcmp(o->paths[0], "-") != 0 && stat(o->paths[0], &st) != 0) {
        *status = cli_fail(EXIT_NOINPUT, "load", "cannot open %s: %s", o->paths[0], strerror(errno));
    } else {
        *status = cli_fail(EXIT_USAGE, "load",
                           "-o DB is needed: only one run directory has a database of its own (RUN/run.db)");
    }
    /* What a run directory has under the name run.db, and is no database, was one once. */
    return *status == 0 && db_file_target("load", path, n, o->out == NULL, status);
}

static void report(struct load *l, struct load_result *r)
{
    snprintf(r->run, sizeof r->run, "%s", l->run_name);
    r->records = l->next_id - l->base_id - 1;
    r->sources = (int64_t)l->n_sources;
    r->lasts_s = l->t_end > l->t_begin ? ((double)l->t_end - (double)l->t_begin) / 1e9 : 0;
    for (size_t i = 0; i < l->n_sources; i++)
        r->bytes += l->source[i].bytes;
    for (size_t i = 0; i < l->notes.n; i++) {
        r->findings_loss += l->notes.row[i].severity == SEV_LOSS;
        r->findings_error += l->notes.row[i].severity == SEV_ERROR;
    }
}

static void make_database(struct load *l, struct load_result *r, int *status)
{
    struct db_file f;
    bool append = l->o->append && db_kind(r->path) != DB_ABSENT;
    if (!db_file_begin(&f, &l->db, "load", r->path, append, status))
        return;
    if (!l->db.failed) {
        sqlite3_progress_handler(l->db.h, 20000, stop_sqlite, NULL);
        fill(l, status);
    }
    progress_end(l);
    if (load_interrupted())
        *status = LOAD_INTERRUPTED;
    else if (*status == 0 && l->db.failed)
        *status = cli_fail(l->db.status, "load", "%s", l->db.err);
    report(l, r);
    if (*status == 0 && l->o->strict && r->findings_loss > 0)
        *status = cli_fail(EXIT_DATA, "load", "records are missing (%lld findings), and --strict refuses that",
                           (long long)r->findings_loss);
    db_file_end(&f, &l->db, "load", status);
}

static void free_load(struct load *l)
{
    load_sources_free(l);
    header_free(l);
    load_notes_free(l);
    for (size_t i = 0; i < l->n_nodes; i++) {
        free(l->node[i]->boot);
        free(l->node[i]->impl);
        free(l->node[i]);
    }
    free(l->node);
    boots_free(l);
    names_free(&l->names);
    free(l->late);
}

int load_run(const struct load_options *o, struct load_result *r)
{
    struct load_result own;
    struct load l = {.o = o};
    int status = 0;
    struct sigaction act = {.sa_handler = on_signal}, was_int, was_term;
    if (r == NULL)
        r = &own;
    *r = (struct load_result){.records = 0};
    if (!target(o, r->path, sizeof r->path, &status))
        return status;

    interrupted = 0;
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, &was_int);
    sigaction(SIGTERM, &act, &was_term);
    l.progress_ns = (int64_t)trace_mono_ns() + INT64_C(400000000); /* quick loads show no progress */
    if (load_find_sources(&l, &status) && load_scan(&l, &status) && header_check(&l, &status))
        make_database(&l, r, &status);
    sigaction(SIGINT, &was_int, NULL);
    sigaction(SIGTERM, &was_term, NULL);
    free_load(&l);
    return status;
}
