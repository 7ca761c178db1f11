/* load_header.c -- what the headers (trace.open) of a run's files say, and the row of `runs`. */
#include "load_int.h"

#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "derive_int.h"

struct header {
    char *run, *run_file;     /* the first name of the run, and the file that says it */
    char *other, *other_file; /* a different name of the run */
    int64_t seed, started_us, version;
    bool started_by_sim;
    int64_t newer;  /* a schema version this program cannot read; 0 = none */
    json_t *config; /* {"NODE": cfg, ...} */
};

static struct header *header(struct load *l)
{
    if (l->header == NULL) {
        l->header = mem_new(sizeof *l->header);
        l->header->seed = l->header->started_us = NONE;
        l->header->version = TRACE_VERSION;
        l->header->config = json_object();
    }
    return l->header;
}

static void name_peers(struct load *l, const struct trace_field *peers)
{
    json_t *list = peers != NULL ? json_loadb(peers->raw.p, peers->raw.n, 0, NULL) : NULL;
    size_t i;
    json_t *peer;
    json_array_foreach(list, i, peer)
    {
        if (json_is_string(peer))
            load_node(l, json_string_value(peer), json_string_length(peer))->is_replica = true;
    }
    json_decref(list);
}

/* When was the zero of the clock of this boot? */
static void zero_of_clock(struct load *l, const struct trace_record *r)
{
    int64_t wall = field_int(r, "wall_us"), epoch = field_int(r, "epoch_ns"), since;
    struct trace_text clk = trace_find_text(r, "clk");
    if ((!trace_text_is(clk, "mono-shared") && !trace_text_is(clk, "mono")) || wall == NONE || epoch == NONE ||
        __builtin_add_overflow(epoch, r->t, &since))
        return;
    struct boot *b = load_boot(l, r->node, r->boot);
    b->timed = !__builtin_sub_overflow(wall, since / 1000, &b->zero_us);
}

void header_open(struct load *l, struct node *n, const struct trace_record *r, int64_t source)
{
    struct header *h = header(l);
    const char *file = l->source[source - 1].shown;
    int64_t v = field_int(r, "v"), wall = field_int(r, "wall_us"), seed = field_int(r, "seed");
    char *run = field_copy(r, "run");
    bool simulator = trace_text_is(r->node, "sim");

    if (v != NONE && v > TRACE_VERSION)
        h->newer = v;
    if (run != NULL && h->run == NULL) {
        h->run = run;
        h->run_file = mem_text(file, strlen(file));
        run = NULL;
    } else if (run != NULL && h->other == NULL && strcmp(run, h->run) != 0) {
        h->other = run;
        h->other_file = mem_text(file, strlen(file));
        run = NULL;
    }
    free(run);
    if (seed != NONE && (h->seed == NONE || simulator))
        h->seed = seed;
    if (wall != NONE && (h->started_us == NONE || (simulator && !h->started_by_sim))) {
        if (__builtin_sub_overflow(wall, r->t / 1000, &h->started_us))
            h->started_us = wall;
        h->started_by_sim = simulator;
    }
    if (n->impl == NULL)
        n->impl = field_copy(r, "impl");
    name_peers(l, trace_find(r, "peers"));
    zero_of_clock(l, r);

    const struct trace_field *cfg = trace_find(r, "cfg");
    if (cfg != NULL && cfg->kind == TRACE_OBJECT && json_object_get(h->config, n->name->text) == NULL)
        json_object_set_new(h->config, n->name->text, json_loadb(cfg->raw.p, cfg->raw.n, 0, NULL));
}

/* The name of the directory or file, for traces that do not name their run. */
static void name_from_path(struct load *l)
{
    const char *path = l->o->paths[0];
    if (strcmp(path, "-") == 0) {
        snprintf(l->run_name, sizeof l->run_name, "stdin");
        return;
    }
    char full[PATH_MAX];
    if (realpath(path, full) == NULL)
        snprintf(full, sizeof full, "%s", path);
    char *base = basename(full);
    char *ending = strstr(base, ".jsonl");
    if (ending != NULL && ending > base && load_is_trace(base))
        *ending = '\0';
    snprintf(l->run_name, sizeof l->run_name, "%s", base);
}

bool header_check(struct load *l, int *status)
{
    struct header *h = header(l);
    if (h->newer != 0) {
        *status = cli_fail(EXIT_DATA, "load", "%s: trace schema version %lld; this analyze reads up to %d", h->run_file,
                           (long long)h->newer, TRACE_VERSION);
        return false;
    }
    if (h->other != NULL && l->o->run == NULL && !l->o->force) {
        *status = cli_fail(EXIT_DATA, "load",
                           "%s is of run %s, but %s of run %s: load them one by one, or name the run with --run",
                           h->run_file, h->run, h->other_file, h->other);
        return false;
    }
    if (l->o->run != NULL)
        snprintf(l->run_name, sizeof l->run_name, "%s", l->o->run);
    else if (h->run != NULL)
        snprintf(l->run_name, sizeof l->run_name, "%s", h->run);
    else
        name_from_path(l);
    return true;
}

void header_store(struct load *l)
{
    struct header *h = header(l);
    struct db *db = &l->db;
    bool loss = load_noted(l, NULL, NULL, SEV_LOSS);
    char *config = json_object_size(h->config) > 0 ? json_dumps(h->config, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO runs(run_id, name, seed, started_us, t_end, schema_v, config, loss_free)"
                       " VALUES (:run, :name, :seed, :started, :end, :v, :config, :loss_free)");
    db_bind_int(db, q, ":run", l->run_id);
    db_bind_text(db, q, ":name", l->run_name);
    if (h->seed != NONE)
        db_bind_int(db, q, ":seed", h->seed);
    if (h->started_us != NONE)
        db_bind_int(db, q, ":started", h->started_us);
    db_bind_int(db, q, ":end", l->t_end);
    db_bind_int(db, q, ":v", h->version);
    db_bind_text(db, q, ":config", config);
    db_bind_int(db, q, ":loss_free", !loss);
    db_run(db, q);
    db_done(db, q);
    free(config);
}

void header_free(struct load *l)
{
    struct header *h = l->header;
    if (h == NULL)
        return;
    free(h->run);
    free(h->run_file);
    free(h->other);
    free(h->other_file);
    json_decref(h->config);
    free(h);
}
