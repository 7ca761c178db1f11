#include "cell.h"

struct marks {
    struct cell *cell;
    const struct members *members;
};

static void mark(void *ctx, bool end)
{
    const struct marks *k = ctx;
    double cpu = members_cpu_s(k->members);
    k->cell->server_cpu_s += end ? cpu : -cpu;
    if (k->cell->traced && !end)
        trace_tally_skip(&k->cell->tally, k->members);
    else if (k->cell->traced)
        trace_tally_add(&k->cell->tally, k->members);
}

bool cell_round(struct cell *c, struct members *m, const struct load_server *server, double warm_s, double measure_s,
                char err[LOAD_ERR_LEN])
{
    static struct load_result r;
    struct marks k = {c, m};
    const struct load load = {
        .op = c->op, .clients = c->clients, .warm_s = warm_s, .measure_s = measure_s, .mark = mark, .mark_ctx = &k};
    if (!closed_loop(server, &load, &r, err))
        return false;
    c->load.ops += r.ops;
    c->load.all += r.all;
    c->load.seconds += r.seconds;
    c->load.own_cpu_s += r.own_cpu_s;
    c->load.latency.n += r.latency.n;
    c->load.latency.sum += r.latency.sum;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
        c->load.latency.bucket[b] += r.latency.bucket[b];
    return true;
}

double cell_rate(const struct cell *c)
{
    return c->load.seconds > 0 ? (double)c->load.ops / c->load.seconds : 0;
}
