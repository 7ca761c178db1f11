/* The copies that are on their way: a heap by time of arrival. Those that wait for a clogged link are in it too, due
 * never. */
#include "sim_net.h"

#include <stdlib.h>
#include <string.h>

void sim_net_free(struct sim_net *net)
{
    for (size_t i = 0; i < net->n_flights; i++)
        free(net->flights[i].bytes);
    free(net->flights);
    net->flights = NULL;
    net->n_flights = net->room = 0;
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

static void sift_up(struct sim_flight *f, size_t i)
{
    for (; i > 0 && earlier(&f[i], &f[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&f[i], &f[(i - 1) / 2]);
}

/* A copy that was made on the way comes from elsewhere: late ones, seconds later, would else fill the link's queue and
 * cut it. */
static bool takes_a_place(const struct sim_flight *f)
{
    return f->cp <= 1;
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
    net->under_way[f->from][f->to] += takes_a_place(f);
    sift_up(net->flights, i);
}

int64_t sim_net_deadline(const struct sim_net *net)
{
    return net->n_flights ? net->flights[0].due : INT64_MAX;
}

struct sim_flight sim_net_arrive(struct sim_net *net)
{
    struct sim_flight first = net->flights[0], *f = net->flights;
    net->under_way[first.from][first.to] -= takes_a_place(&first);
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

/* What no link holds back any more arrives now, in the order in which it came to wait. */
static void release(struct sim_net *net, int64_t now)
{
    for (size_t i = 0; i < net->n_flights; i++) {
        struct sim_flight *f = &net->flights[i];
        if (f->due == INT64_MAX && !sim_net_clogged(net, f->from, f->to)) {
            f->due = now;
            sift_up(net->flights, i); /* what comes down in its place was looked at already */
        }
    }
}

bool sim_net_heal(struct sim_net *net, int64_t f, int64_t now)
{
    for (size_t i = 0; i < net->n_rules; i++)
        if (net->rules[i].f == f) {
            bool clog = net->rules[i].q.clog;
            memmove(&net->rules[i], &net->rules[i + 1], (net->n_rules - i - 1) * sizeof *net->rules);
            net->n_rules--;
            if (clog)
                release(net, now);
            return true;
        }
    return false;
}
