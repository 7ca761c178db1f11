#include "sim_swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include "sim_swarm_int.h"

/* ---- chance ---- */

bool swarm_chance(struct swarm *s, unsigned percent)
{
    return rng_below(&s->rng, 100) < percent;
}

int64_t swarm_between(struct swarm *s, int64_t lo, int64_t hi)
{
    return lo + (int64_t)rng_below(&s->rng, (uint64_t)(hi - lo) + 1);
}

json_t *swarm_thousandths(struct swarm *s, int64_t lo, int64_t hi)
{
    return json_real((double)swarm_between(s, lo, hi) / 1000);
}

static const char *one_of(struct swarm *s, const char *const *words, size_t n)
{
    return words[rng_below(&s->rng, n)];
}

/* Chance is drawn in statements of its own wherever it is drawn twice: in which order the arguments of a call are
 * evaluated is the compiler's choice (C11 6.5.2.2). */

static json_t *two_numbers(int64_t a, int64_t b)
{
    return json_pack("[I, I]", (json_int_t)a, (json_int_t)b);
}

json_t *swarm_span(struct swarm *s, int64_t lo, int64_t hi)
{
    int64_t a = swarm_between(s, lo, hi), b = swarm_between(s, lo, hi);
    return json_pack("[I, I]", (json_int_t)(a < b ? a : b), (json_int_t)(a < b ? b : a + (a == lo)));
}

const char *swarm_some_node(struct swarm *s)
{
    static const char *const nodes[] = {"leader", "leader", "non_leader", "random"};
    return one_of(s, nodes, sizeof nodes / sizeof *nodes);
}

/* ---- when ---- */

void swarm_add(struct swarm *s, json_t *fault, int64_t longest_ms, bool waits)
{
    static const char *const events[] = {"becomes_leader",    "votes",         "appends_first", "truncates",
                                         "installs_snapshot", "answers_client"};
    int64_t begin = swarm_between(s, 0, SWARM_CALM * 1000 - 1500);
    if (waits && swarm_chance(s, 35)) {
        const char *event = one_of(s, events, sizeof events / sizeof *events);
        json_object_set_new(fault, "when", json_string(event));
        json_object_set_new(fault, "chance", swarm_thousandths(s, 100, 1000));
        json_object_set_new(fault, "within_ms", swarm_span(s, 0, 10));
        json_object_set_new(fault, "for_ms", swarm_span(s, 20, longest_ms < 1500 ? longest_ms : 1500));
        json_object_set_new(fault, "end", json_integer(SWARM_CALM - 2));
        json_object_set_new(fault, "limit", json_integer(swarm_between(s, 1, 8)));
    } else if (swarm_chance(s, 40)) {
        json_object_set_new(fault, "begin", json_real((double)begin / 1000));
        json_object_set_new(fault, "end", json_real((double)(SWARM_CALM * 1000 - 1000) / 1000));
        json_object_set_new(fault, "every", swarm_thousandths(s, 150, 2000));
        json_object_set_new(fault, "for_ms", swarm_span(s, 10, 900));
    } else {
        int64_t end = begin + swarm_between(s, 100, longest_ms);
        json_object_set_new(fault, "begin", json_real((double)begin / 1000));
        json_object_set_new(fault, "end",
                            json_real((double)(end < SWARM_CALM * 1000 ? end : SWARM_CALM * 1000) / 1000));
    }
    json_array_append_new(s->faults, fault);
}

/* ---- faults ---- */

json_t *swarm_fault(const char *kind)
{
    return json_pack("{s:s}", "kind", kind);
}

/* Some links instead of all between replicas. */
static void some_links(struct swarm *s, json_t *fault)
{
    static const char *const pairs[][2] = {{"leader", "*"}, {"*", "leader"}, {"random", "*"},
                                           {"*", "random"}, {"client", "*"}, {"*", "client"}};
    if (swarm_chance(s, 40))
        return;
    const char *const *pair = pairs[rng_below(&s->rng, sizeof pairs / sizeof *pairs)];
    json_object_set_new(fault, "links", json_pack("[[s, s]]", pair[0], pair[1]));
}

static void partition(struct swarm *s)
{
    static const char *const directions[] = {"both", "both", "in", "out"};
    json_t *f = swarm_fault("partition");
    bool alone = false;
    int64_t form = swarm_between(s, 0, 5);
    if (s->replicas < 2) {
        json_decref(f);
        return;
    }
    if (form == 0 && s->replicas >= 4)
        json_object_set_new(f, "shape", json_string("ring"));
    else if (form == 1 && s->replicas >= 3)
        json_object_set_new(f, "shape", json_string("bridge"));
    else if (form == 2)
        json_object_set_new(f, "shape", json_string("halves"));
    else if (form == 3 && s->replicas >= 3)
        json_object_set_new(f, "around", json_string("leader"));
    else if (form == 4) {
        const char *to = swarm_some_node(s), *from = swarm_some_node(s);
        json_object_set_new(f, "links", json_pack("[[s, s]]", from, to));
    } else {
        json_object_set_new(f, "isolate", json_string(swarm_some_node(s)));
        json_object_set_new(f, "direction", json_string(one_of(s, directions, 4)));
        alone = true;
    }
    json_t *waiting = json_deep_copy(f);
    if (alone && swarm_chance(s, 50)) {
        json_object_set_new(waiting, "isolate", json_string("it"));
        json_object_set_new(waiting, "when", json_string(swarm_chance(s, 50) ? "becomes_leader" : "appends_first"));
        json_object_set_new(waiting, "chance", swarm_thousandths(s, 200, 1000));
        json_object_set_new(waiting, "within_ms", swarm_span(s, 0, 10));
        json_object_set_new(waiting, "for_ms", swarm_span(s, 100, 1500));
        json_object_set_new(waiting, "end", json_integer(SWARM_CALM - 2));
        json_array_append(s->faults, waiting);
        json_decref(f);
    } else
        swarm_add(s, f, 4000, false);
    json_decref(waiting);
}

static void loss(struct swarm *s)
{
    json_t *f = swarm_fault("loss");
    json_object_set_new(f, "p", swarm_thousandths(s, 50, 1000));
    some_links(s, f);
    swarm_add(s, f, 3000, true);
}

static void delay(struct swarm *s)
{
    json_t *f = swarm_fault("delay");
    json_object_set_new(f, "p", swarm_thousandths(s, 20, 1000));
    int64_t most = swarm_between(s, 20, 6000), least = swarm_between(s, 1, 20);
    json_object_set_new(f, "ms", two_numbers(least, most));
    some_links(s, f);
    swarm_add(s, f, 4000, true);
}

static void duplicate(struct swarm *s)
{
    json_t *f = swarm_fault("duplicate");
    json_object_set_new(f, "p", swarm_thousandths(s, 50, 500));
    int64_t most = swarm_between(s, 20, 10000), least = swarm_between(s, 0, 20);
    json_object_set_new(f, "after_ms", two_numbers(least, most));
    some_links(s, f);
    swarm_add(s, f, 5000, true);
}

static void damage(struct swarm *s)
{
    json_t *f = swarm_fault(swarm_chance(s, 50) ? "corrupt" : "truncate");
    json_object_set_new(f, "p", swarm_thousandths(s, 5, 200));
    some_links(s, f);
    swarm_add(s, f, 5000, true);
}

static void hold_back(struct swarm *s)
{
    json_t *f = swarm_fault("clog");
    some_links(s, f);
    swarm_add(s, f, 3000, true);
}

static void queue(struct swarm *s)
{
    json_t *f = swarm_fault("queue");
    json_object_set_new(f, "capacity", json_integer(swarm_between(s, 1, 10)));
    some_links(s, f);
    swarm_add(s, f, 4000, true);
}

static void make_faults(struct swarm *s)
{
    static void (*const kinds[])(struct swarm *) = {partition,   loss,       delay,       duplicate,
                                                    damage,      hold_back,  queue,       swarm_slow,
                                                    swarm_pause, swarm_kill, swarm_clock, swarm_disk};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int n = 0; n < 3 && swarm_chance(s, i == 0 ? 45 : 25); n++)
            kinds[i](s);
    for (int n = 0; s->members && n < 3; n++)
        swarm_members(s);
    for (int n = 0; s->members && s->replicas > 1 && n < 2; n++)
        if (swarm_chance(s, 40))
            swarm_replace(s);
    if (s->members)
        swarm_members_back(s);
}

/* ---- the rest ---- */

static json_t *network(struct swarm *s)
{
    json_t *n = json_object();
    if (swarm_chance(s, 50))
        json_object_set_new(n, "loss", swarm_thousandths(s, 0, 150));
    if (swarm_chance(s, 40))
        json_object_set_new(n, "duplicate", swarm_thousandths(s, 0, 300));
    if (swarm_chance(s, 60))
        json_object_set_new(n, "delay_ms", swarm_span(s, 0, s->quick ? 10 : 40));
    if (swarm_chance(s, 35)) {
        int64_t most = swarm_between(s, 50, 8000), least = swarm_between(s, 1, 20);
        json_t *p = swarm_thousandths(s, 1, 60);
        json_object_set_new(n, "tail", json_pack("{s:o, s:o}", "p", p, "ms", two_numbers(least, most)));
    }
    if (swarm_chance(s, 30))
        json_object_set_new(n, "duplicate_after_ms", swarm_span(s, 0, 20000));
    if (swarm_chance(s, 15))
        json_object_set_new(n, "corrupt", swarm_thousandths(s, 1, 30));
    if (swarm_chance(s, 15))
        json_object_set_new(n, "truncate", swarm_thousandths(s, 1, 30));
    if (swarm_chance(s, 10))
        json_object_set_new(n, "queue", json_integer(swarm_between(s, 5, 100)));
    if (swarm_chance(s, 50)) {
        json_t *wait = swarm_span(s, 0, 20), *after = swarm_span(s, 0, 10000), *twice = swarm_thousandths(s, 0, 300),
               *lost = swarm_thousandths(s, 0, 150);
        json_object_set_new(n, "clients",
                            json_pack("{s:o, s:o, s:o, s:o}", "loss", lost, "duplicate", twice, "duplicate_after_ms",
                                      after, "delay_ms", wait));
    }
    return n;
}

static json_t *clients(struct swarm *s)
{
    json_int_t timeout = swarm_between(s, 400, 2500), rate = swarm_between(s, 10, 150), keys = swarm_between(s, 1, 6),
               count = swarm_between(s, 1, 10);
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "mode", "shared", "count", count, "keys", keys, "rate", rate,
                     "timeout_ms", timeout);
}

static json_t *replica(struct swarm *s)
{
    json_t *args = json_array();
    if (s->quick) {
        json_array_append_new(args, json_string("--election-ms"));
        json_array_append_new(args, json_string("300-600"));
        json_array_append_new(args, json_string("--heartbeat-ms"));
        json_array_append_new(args, json_string("100"));
    }
    if (swarm_chance(s, 60)) {
        static const char *const entries[] = {"4", "10", "30", "100"};
        json_array_append_new(args, json_string("--compact-entries"));
        json_array_append_new(args, json_string(one_of(s, entries, 4)));
    }
    if (s->drift > 0) {
        char ppm[24];
        snprintf(ppm, sizeof ppm, "%lld", (long long)s->drift);
        json_array_append_new(args, json_string("--drift-ppm"));
        json_array_append_new(args, json_string(ppm));
    }
    return json_pack("{s:s, s:o}", "reads", s->index ? "index" : "lease", "args", args);
}

static json_t *disk(struct swarm *s)
{
    json_t *o = json_pack("{s:o}", "power_loss", swarm_thousandths(s, 0, 1000));
    if (swarm_chance(s, 50))
        json_object_set_new(o, "latency_ms", swarm_span(s, 0, s->quick ? 10 : 30));
    if (swarm_chance(s, 30))
        json_object_set_new(o, "checkpoint_pages", json_integer(swarm_between(s, 4, 200)));
    json_object_set_new(o, "restart_after_ms", swarm_span(s, 50, 1000));
    return o;
}

char *sim_swarm(uint64_t seed)
{
    static const unsigned sizes[] = {1, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 7};
    struct swarm s = {.faults = json_array()};
    char name[40];
    rng_seed(&s.rng, seed ^ UINT64_C(0x5a4a3a2a));
    s.replicas = sizes[rng_below(&s.rng, sizeof sizes / sizeof *sizes)];
    s.durable = swarm_chance(&s, 60);
    s.index = swarm_chance(&s, 50);
    s.quick = swarm_chance(&s, 60);
    s.members = s.durable && swarm_chance(&s, 35); /* a group that shrinks may need whoever was killed */
    s.drift = !s.index && swarm_chance(&s, 40) ? swarm_between(&s, 1000, 200000) : 0;
    snprintf(name, sizeof name, "swarm-%llu", (unsigned long long)seed);
    json_t *of_replicas = replica(&s), *of_network = network(&s), *of_clients = clients(&s);
    double mix = (double)swarm_between(&s, 200, 800) / 1000, start_wait = (double)swarm_between(&s, 0, 3000) / 1000;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o}", "name", name, "replicas", (json_int_t)s.replicas,
                  "lifetime", (json_int_t)SWARM_LIFETIME, "start_wait", start_wait, "end_wait", 12.0, "mix", mix,
                  "clients", of_clients, "network", of_network, "replica", of_replicas);
    /* How many requests go without an answer is up to the faults. */
    json_object_set_new(o, "tests",
                        json_pack("{s:i, s:i}", "maximum_get_fail_fraction", 1, "maximum_put_fail_fraction", 1));
    if (s.members)
        json_object_set_new(o, "members", json_true());
    if (s.durable) {
        json_object_set_new(o, "durable", json_true());
        json_object_set_new(o, "disk", disk(&s));
    }
    if (swarm_chance(&s, 25))
        json_object_set_new(o, "schedule", json_pack("{s:I}", "pct", (json_int_t)swarm_between(&s, 2, 5)));
    make_faults(&s);
    json_object_set_new(o, "faults", s.faults);
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text)
        abort();
    return text;
}
