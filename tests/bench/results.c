#include "results.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *op_name(const struct cell *c)
{
    return c->op == LOAD_PUT ? "put" : "get";
}

static double us_at(const struct cell *c, double share)
{
    return (double)histogram_at(&c->load.latency, share) / 1e3;
}

static double per_op(const struct cell *c, double v)
{
    return c->load.all > 0 ? v / (double)c->load.all : 0;
}

void results_heading(void)
{
    printf("%-10s %7s %-7s %-6s %-10s %7s %9s %9s %9s %8s %9s %9s %9s\n", "server", "members", "storage", "traced",
           "operation", "clients", "ops/s", "p50 us", "p99 us", "msgs/op", "fsyncs/op", "cpu us/op", "load us/op");
}

void results_row(const struct cell *c)
{
    char op[32], messages[16] = "-", syncs[16] = "-";
    snprintf(op, sizeof op, "%s%s%s", op_name(c), *c->reads ? " " : "", c->reads);
    if (c->traced) {
        snprintf(messages, sizeof messages, "%.2f", per_op(c, (double)c->tally.messages));
        snprintf(syncs, sizeof syncs, "%.2f", per_op(c, (double)c->tally.syncs));
    }
    printf("%-10s %7u %-7s %-6s %-10s %7u %9.0f %9.0f %9.0f %8s %9s %9.1f %9.1f\n", c->system, c->members, c->storage,
           c->traced ? "yes" : "no", op, c->clients, cell_rate(c), us_at(c, 0.5), us_at(c, 0.99), messages, syncs,
           per_op(c, c->server_cpu_s * 1e6), per_op(c, c->load.own_cpu_s * 1e6));
    fflush(stdout);
}

static const struct cell *find(const struct results *r, const struct cell *like)
{
    for (unsigned i = 0; i < r->n; i++) {
        const struct cell *c = &r->cell[i];
        if (c->load.ops > 0 && strcmp(c->system, like->system) == 0 && strcmp(c->storage, like->storage) == 0 &&
            c->members == like->members && c->clients == like->clients && c->traced == like->traced &&
            c->op == like->op && strcmp(c->reads, like->reads) == 0)
            return c;
    }
    return NULL;
}

/* The cell that `c` is to be compared with: the same but for these; NULL: not measured. */
static const struct cell *other(const struct results *r, const struct cell *c, const char *system, const char *storage)
{
    struct cell like = {
        .system = system, .storage = storage, .reads = "", .members = c->members, .clients = c->clients, .op = c->op};
    if (strcmp(system, "faultline") == 0)
        like.reads = c->reads;
    return find(r, &like);
}

struct comparison {
    const char *words, *key; /* for people and for JSON */
    double ratio;
};

/* The ratios of one cell of ours; returns how many. */
static unsigned compare(const struct results *r, const struct cell *c, struct comparison out[3])
{
    if (strcmp(c->system, "faultline") != 0 || !c->traced)
        return 0;
    bool durable = strcmp(c->storage, "disk") == 0;
    const struct {
        const char *words, *key, *system, *storage;
    } others[] = {{"ours untraced", "ratio_to_untraced", "faultline", c->storage},
                  {durable ? "etcd on disk" : "etcd on tmpfs", "ratio_to_etcd", "etcd", durable ? "disk" : "ram"},
                  {"redis with WAIT 1", "ratio_to_redis", durable ? "" : "redis", "memory"}};
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        const struct cell *o = other(r, c, others[i].system, others[i].storage);
        if (o)
            out[n++] = (struct comparison){others[i].words, others[i].key, cell_rate(c) / cell_rate(o)};
    }
    return n;
}

void results_ratios(const struct results *r)
{
    printf("\nours, traced, in operations per second:\n");
    for (unsigned i = 0; i < r->n; i++) {
        struct comparison v[3];
        const struct cell *c = &r->cell[i];
        unsigned n = compare(r, c, v);
        for (unsigned k = 0; k < n; k++)
            printf("  %u members, %-6s, %s%s%-6s %2u clients: %6.2f times %s\n", c->members, c->storage, op_name(c),
                   *c->reads ? " " : "", c->reads, c->clients, v[k].ratio, v[k].words);
    }
    if (r->recovery.entries > 0)
        printf("recovery of a log of %llu entries: %.2f s, %.0f entries/s (%.2f s to write it, %.0f MB)\n",
               (unsigned long long)r->recovery.entries, r->recovery.seconds,
               (double)r->recovery.entries / r->recovery.seconds, r->recovery.build_s,
               (double)r->recovery.file_bytes / 1e6);
    if (r->bytes_per_entry > 0)
        printf("memory: %.0f bytes for each entry in the log\n", r->bytes_per_entry);
}

static json_t *cell_json(const struct results *r, const struct cell *c)
{
    json_t *o =
        json_pack("{s:s,s:i,s:s,s:b,s:s,s:s,s:i,s:I,s:f,s:f,s:f,s:f,s:f,s:f}", "server", c->system, "members",
                  (int)c->members, "storage", c->storage, "traced", c->traced, "op", op_name(c), "reads", c->reads,
                  "clients", (int)c->clients, "ops", (json_int_t)c->load.ops, "seconds", c->load.seconds, "ops_per_s",
                  cell_rate(c), "p50_us", us_at(c, 0.5), "p99_us", us_at(c, 0.99), "server_cpu_us_per_op",
                  per_op(c, c->server_cpu_s * 1e6), "load_cpu_us_per_op", per_op(c, c->load.own_cpu_s * 1e6));
    if (c->traced) {
        json_object_set_new(o, "messages_per_op", json_real(per_op(c, (double)c->tally.messages)));
        json_object_set_new(o, "fsyncs_per_op", json_real(per_op(c, (double)c->tally.syncs)));
        json_object_set_new(o, "records_per_op", json_real(per_op(c, (double)c->tally.records)));
        json_object_set_new(o, "trace_bytes_per_op", json_real(per_op(c, (double)c->tally.bytes)));
    }
    struct comparison v[3];
    for (unsigned k = 0, n = compare(r, c, v); k < n; k++)
        json_object_set_new(o, v[k].key, json_real(v[k].ratio));
    return o;
}

bool results_json(const struct results *r, const char *path)
{
    json_t *all = json_object(), *cells = json_array();
    for (unsigned i = 0; i < r->n; i++)
        json_array_append_new(cells, cell_json(r, &r->cell[i]));
    json_object_set_new(all, "cells", cells);
    if (r->recovery.entries > 0)
        json_object_set_new(all, "recovery",
                            json_pack("{s:I,s:f,s:f,s:I}", "entries", (json_int_t)r->recovery.entries, "seconds",
                                      r->recovery.seconds, "build_s", r->recovery.build_s, "file_bytes",
                                      (json_int_t)r->recovery.file_bytes));
    if (r->bytes_per_entry > 0)
        json_object_set_new(all, "memory_bytes_per_entry", json_real(r->bytes_per_entry));
    bool well = json_dump_file(all, path, JSON_INDENT(1)) == 0;
    json_decref(all);
    return well;
}
