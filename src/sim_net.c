#include "sim_net.h"

#include <stdlib.h>
#include <string.h>

void sim_net_init(struct sim_net *net, const struct sim_network_config *cfg, uint64_t seed)
{
    *net = (struct sim_net){.cfg = *cfg};
    rng_seed(&net->rng, seed);
}

void sim_net_free(struct sim_net *net)
{
    for (size_t i = 0; i < net->n_flights; i++)
        free(net->flights[i].bytes);
    free(net->flights);
    net->flights = NULL;
    net->n_flights = net->room = 0;
}

int64_t sim_net_cut(const struct sim_net *net, unsigned from, unsigned to)
{
    for (size_t i = 0; i < net->n_cuts; i++)
        if (net->cuts[i].group[from] != net->cuts[i].group[to])
            return net->cuts[i].f;
    return 0;
}

bool sim_net_heard(const struct sim_net *net, unsigned node)
{
    for (size_t i = 0; i < net->n_cuts; i++)
        if (net->cuts[i].group[node] != net->cuts[i].main)
            return false;
    return true;
}

unsigned sim_net_decide(struct sim_net *net, unsigned from, unsigned to, struct sim_copy copies[2])
{
    const struct sim_network_config *c = &net->cfg;
    int64_t f = sim_net_cut(net, from, to);
    if (f != 0) {
        copies[0] = (struct sim_copy){.fate = SIM_PARTITION, .f = f};
        return 1;
    }
    unsigned n = c->duplicate > 0 && rng_unit(&net->rng) < c->duplicate ? 2 : 1;
    for (unsigned i = 0; i < n; i++) {
        copies[i] = (struct sim_copy){.fate = SIM_DELIVER};
        if (c->loss > 0 && rng_unit(&net->rng) < c->loss)
            copies[i].fate = SIM_LOSS;
        else if (c->delay_max > 0)
            copies[i].delay = c->delay_min + (int64_t)rng_below(&net->rng, (uint64_t)(c->delay_max - c->delay_min) + 1);
    }
    return n;
}

bool sim_net_part(struct sim_net *net, int64_t f, const unsigned char *group, unsigned main)
{
    if (net->n_cuts == SIM_CUTS_MAX)
        return false;
    struct sim_cut *cut = &net->cuts[net->n_cuts++];
    *cut = (struct sim_cut){.f = f, .main = main};
    memcpy(cut->group, group, sizeof cut->group);
    return true;
}

bool sim_net_heal(struct sim_net *net, int64_t f)
{
    for (size_t i = 0; i < net->n_cuts; i++)
        if (net->cuts[i].f == f) {
            memmove(&net->cuts[i], &net->cuts[i + 1], (net->n_cuts - i - 1) * sizeof *net->cuts);
            net->n_cuts--;
            return true;
        }
    return false;
}

static bool earlier(const struct sim_flight *a, const struct sim_flight *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void swap(struct sim_flight *a, struct sim_flight *b)
{
    struct sim_flight t = *a;
    *a = *b;
    *b = t;
}

void sim_net_fly(struct sim_net *net, const struct sim_flight *flight, const char *bytes)
{
    if (net->n_flights == net->room) {
        net->room = net->room ? 2 * net->room : 64;
        net->flights = realloc(net->flights, net->room * sizeof *net->flights);
        if (!net->flights)
            abort();
    }
    size_t i = net->n_flights++;
    struct sim_flight *f = &net->flights[i];
    *f = *flight;
    f->order = net->order++;
    f->bytes = malloc(flight->n ? flight->n : 1);
    if (!f->bytes)
        abort();
    memcpy(f->bytes, bytes, flight->n);
    for (; i > 0 && earlier(&net->flights[i], &net->flights[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&net->flights[i], &net->flights[(i - 1) / 2]);
}

int64_t sim_net_deadline(const struct sim_net *net)
{
    return net->n_flights ? net->flights[0].due : INT64_MAX;
}

struct sim_flight sim_net_arrive(struct sim_net *net)
{
    struct sim_flight first = net->flights[0], *f = net->flights;
    f[0] = f[--net->n_flights];
    for (size_t i = 0, least = 0;; i = least) {
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < net->n_flights; child++)
            if (earlier(&f[child], &f[least]))
                least = child;
        if (least == i)
            return first;
        swap(&f[i], &f[least]);
    }
}
