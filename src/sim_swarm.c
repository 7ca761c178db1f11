#include "sim_swarm.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "rng.h"

enum { LIFETIME = 12, CALM = 6 }; /* seconds of load; when the last fault has ended */

struct swarm {
    struct rng rng;
    unsigned replicas;
    bool durable, index, quick; /* disks; reads by a round, not by lease; short timeouts */
    bool members;               /* the group may change */
    unsigned killed;            /* replicas that stay away */
    json_t *faults;
};

/* ---- chance ---- */

static bool chance(struct swarm *s, unsigned percent)
{
    return rng_below(&s->rng, 100) < percent;
}

static int64_t between(struct swarm *s, int64_t lo, int64_t hi)
{
    return lo + (int64_t)rng_below(&s->rng, (uint64_t)(hi - lo) + 1);
}

/* A number of thousandths from lo to hi: short in JSON, and the same everywhere. */
static json_t *thousandths(struct swarm *s, int64_t lo, int64_t hi)
{
    return json_real((double)between(s, lo, hi) / 1000);
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

/* [a, b], with lo <= a, b <= hi. */
static json_t *span(struct swarm *s, int64_t lo, int64_t hi)
{
    int64_t a = between(s, lo, hi), b = between(s, lo, hi);
    return json_pack("[I, I]", (json_int_t)(a < b ? a : b), (json_int_t)(a < b ? b : a + (a == lo)));
}

static const char *some_node(struct swarm *s)
{
    static const char *const nodes[] = {"leader", "leader", "non_leader", "random"};
    return one_of(s, nodes, sizeof nodes / sizeof *nodes);
}

/* ---- when ---- */

/* Once, again and again, or whenever something happens: the fault has all other keys already. */
static void add(struct swarm *s, json_t *fault, int64_t longest_ms, bool waits)
{
    static const char *const events[] = {"becomes_leader",    "votes",         "appends_first", "truncates",
                                         "installs_snapshot", "answers_client"};
    int64_t begin = between(s, 0, CALM * 1000 - 1500);
    if (waits && chance(s, 35)) {
        const char *event = one_of(s, events, sizeof events / sizeof *events);
        json_object_set_new(fault, "when", json_string(event));
        json_object_set_new(fault, "chance", thousandths(s, 100, 1000));
        json_object_set_new(fault, "within_ms", span(s, 0, 10));
        json_object_set_new(fault, "for_ms", span(s, 20, longest_ms < 1500 ? longest_ms : 1500));
        json_object_set_new(fault, "end", json_integer(CALM - 2));
        json_object_set_new(fault, "limit", json_integer(between(s, 1, 8)));
    } else if (chance(s, 40)) {
        json_object_set_new(fault, "begin", json_real((double)begin / 1000));
        json_object_set_new(fault, "end", json_real((double)(CALM * 1000 - 1000) / 1000));
        json_object_set_new(fault, "every", thousandths(s, 150, 2000));
        json_object_set_new(fault, "for_ms", span(s, 10, 900));
    } else {
        int64_t end = begin + between(s, 100, longest_ms);
        json_object_set_new(fault, "begin", json_real((double)begin / 1000));
        json_object_set_new(fault, "end", json_real((double)(end < CALM * 1000 ? end : CALM * 1000) / 1000));
    }
    json_array_append_new(s->faults, fault);
}

/* ---- faults ---- */

static json_t *of_kind(const char *kind)
{
    return json_pack("{s:s}", "kind", kind);
}

/* Some links instead of all between replicas. */
static void some_links(struct swarm *s, json_t *fault)
{
    static const char *const pairs[][2] = {{"leader", "*"}, {"*", "leader"}, {"random", "*"},
                                           {"*", "random"}, {"client", "*"}, {"*", "client"}};
    if (chance(s, 40))
        return;
    const char *const *pair = pairs[rng_below(&s->rng, sizeof pairs / sizeof *pairs)];
    json_object_set_new(fault, "links", json_pack("[[s, s]]", pair[0], pair[1]));
}

static void partition(struct swarm *s)
{
    static const char *const directions[] = {"both", "both", "in", "out"};
    json_t *f = of_kind("partition");
    bool alone = false;
    int64_t form = between(s, 0, 5);
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
        const char *to = some_node(s), *from = some_node(s);
        json_object_set_new(f, "links", json_pack("[[s, s]]", from, to));
    } else {
        json_object_set_new(f, "isolate", json_string(some_node(s)));
        json_object_set_new(f, "direction", json_string(one_of(s, directions, 4)));
        alone = true;
    }
    json_t *waiting = json_deep_copy(f);
    if (alone && chance(s, 50)) {
        json_object_set_new(waiting, "isolate", json_string("it"));
        json_object_set_new(waiting, "when", json_string(chance(s, 50) ? "becomes_leader" : "appends_first"));
        json_object_set_new(waiting, "chance", thousandths(s, 200, 1000));
        json_object_set_new(waiting, "within_ms", span(s, 0, 10));
        json_object_set_new(waiting, "for_ms", span(s, 100, 1500));
        json_object_set_new(waiting, "end", json_integer(CALM - 2));
        json_array_append(s->faults, waiting);
        json_decref(f);
    } else
        add(s, f, 4000, false);
    json_decref(waiting);
}

static void loss(struct swarm *s)
{
    json_t *f = of_kind("loss");
    json_object_set_new(f, "p", thousandths(s, 50, 1000));
    some_links(s, f);
    add(s, f, 3000, true);
}

static void delay(struct swarm *s)
{
    json_t *f = of_kind("delay");
    json_object_set_new(f, "p", thousandths(s, 20, 1000));
    int64_t most = between(s, 20, 6000), least = between(s, 1, 20);
    json_object_set_new(f, "ms", two_numbers(least, most));
    some_links(s, f);
    add(s, f, 4000, true);
}

static void duplicate(struct swarm *s)
{
    json_t *f = of_kind("duplicate");
    json_object_set_new(f, "p", thousandths(s, 50, 500));
    int64_t most = between(s, 20, 10000), least = between(s, 0, 20);
    json_object_set_new(f, "after_ms", two_numbers(least, most));
    some_links(s, f);
    add(s, f, 5000, true);
}

static void damage(struct swarm *s)
{
    json_t *f = of_kind(chance(s, 50) ? "corrupt" : "truncate");
    json_object_set_new(f, "p", thousandths(s, 5, 200));
    some_links(s, f);
    add(s, f, 5000, true);
}

static void hold_back(struct swarm *s)
{
    json_t *f = of_kind("clog");
    some_links(s, f);
    add(s, f, 3000, true);
}

static void queue(struct swarm *s)
{
    json_t *f = of_kind("queue");
    json_object_set_new(f, "capacity", json_integer(between(s, 1, 10)));
    some_links(s, f);
    add(s, f, 4000, true);
}

static void slow(struct swarm *s)
{
    json_t *f = of_kind("slow");
    json_object_set_new(f, "ms", span(s, 0, 40));
    json_object_set_new(f, "node", json_string(some_node(s)));
    add(s, f, 3000, false);
}

static void stop_for_a_while(struct swarm *s)
{
    json_t *f = of_kind("pause");
    json_object_set_new(f, "node", json_string(some_node(s)));
    add(s, f, 3000, false);
}

/* Beyond any bound on drift: for replicas that do not rest on one. */
static void clock_runs_wrong(struct swarm *s)
{
    json_t *f = of_kind("clock");
    if (!s->index) {
        json_decref(f);
        return;
    }
    double fast = (double)between(s, 1000, 2000) / 1000, slowly = (double)between(s, 500, 1000) / 1000;
    json_object_set_new(f, "rate", json_pack("[f, f]", slowly, fast));
    if (chance(s, 40))
        json_object_set_new(f, "jump_ms", span(s, 0, 4000));
    json_object_set_new(f, "node", json_string(some_node(s)));
    add(s, f, 5000, false);
}

/* Where nothing is on disk, who is killed stays away, and a majority must stay. */
static void kill_some(struct swarm *s)
{
    json_t *f = of_kind("kill");
    if (s->durable) {
        bool all = chance(s, 25);
        json_object_set_new(f, "node", json_string(all ? "all" : some_node(s)));
        json_object_set_new(f, "restart_after_ms", span(s, 10, chance(s, 50) ? 100 : 1500));
        if (!all && chance(s, 40)) {
            json_object_set_new(f, "node", json_string("it"));
            json_object_set_new(f, "when", json_string(chance(s, 50) ? "votes" : "becomes_leader"));
            json_object_set_new(f, "chance", thousandths(s, 100, 1000));
            json_object_set_new(f, "within_ms", span(s, 0, 10));
            json_object_set_new(f, "end", json_integer(CALM - 2));
            json_object_set_new(f, "limit", json_integer(between(s, 1, 8)));
        } else if (chance(s, 50)) {
            json_object_set_new(f, "begin", thousandths(s, 0, 2000));
            json_object_set_new(f, "end", json_integer(CALM - 2));
            json_object_set_new(f, "every", thousandths(s, 200, 2000));
        } else
            json_object_set_new(f, "at", thousandths(s, 0, CALM * 1000 - 2000));
    } else if (s->killed < (s->replicas - 1) / 2) {
        s->killed++;
        json_object_set_new(f, "node", json_string(some_node(s)));
        json_object_set_new(f, "signal", json_string(chance(s, 50) ? "KILL" : "TERM"));
        json_object_set_new(f, "at", thousandths(s, 0, CALM * 1000 - 1000));
    } else {
        json_decref(f);
        return;
    }
    json_array_append_new(s->faults, f);
}

/* What a disk owns up to, and what the power takes: promises that it has given it keeps. */
static void disk_fails(struct swarm *s)
{
    json_t *f = of_kind("disk");
    if (!s->durable) {
        json_decref(f);
        return;
    }
    switch (between(s, 0, 3)) {
    case 0:
        json_object_set_new(f, "latency_ms", span(s, 0, 200));
        break;
    case 1:
        json_object_set_new(f, "fsync_fails", thousandths(s, 1, 300));
        break;
    case 2:
        json_object_set_new(f, "write_errors", thousandths(s, 1, 200));
        break;
    default:
        json_object_set_new(f, "full", json_true());
    }
    json_object_set_new(f, "node", json_string(some_node(s)));
    add(s, f, 2000, false);
}

/* Now and then, and above all when it is delicate: right after an election. */
static void change_members(struct swarm *s)
{
    static const char *const changes[] = {"toggle", "toggle", "add", "remove", "transfer"};
    json_t *f = of_kind("members");
    json_object_set_new(f, "do", json_string(one_of(s, changes, sizeof changes / sizeof *changes)));
    json_object_set_new(f, "node", json_string(some_node(s)));
    if (chance(s, 40)) {
        json_object_set_new(f, "when", json_string("becomes_leader"));
        json_object_set_new(f, "within_ms", span(s, 0, 100));
        json_object_set_new(f, "end", json_integer(CALM - 2));
        json_object_set_new(f, "limit", json_integer(between(s, 1, 8)));
    } else {
        json_object_set_new(f, "begin", thousandths(s, 0, 2000));
        json_object_set_new(f, "end", json_integer(CALM - 2));
        json_object_set_new(f, "every", thousandths(s, 100, 2000));
    }
    json_array_append_new(s->faults, f);
}

/* Clients ask anybody, and who was removed does not know who leads: most are members again before progress is asked
 * for. */
static void bring_members_back(struct swarm *s)
{
    json_array_append_new(s->faults, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f}", "kind", "members", "do", "add", "node",
                                               "random", "begin", CALM - 2, "end", CALM, "every", 0.1));
}

static void make_faults(struct swarm *s)
{
    static void (*const kinds[])(struct swarm *) = {partition,        loss,      delay, duplicate,        damage,
                                                    hold_back,        queue,     slow,  stop_for_a_while, kill_some,
                                                    clock_runs_wrong, disk_fails};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int n = 0; n < 3 && chance(s, i == 0 ? 45 : 25); n++)
            kinds[i](s);
    for (int n = 0; s->members && n < 3; n++)
        change_members(s);
    if (s->members)
        bring_members_back(s);
}

/* ---- the rest ---- */

static json_t *network(struct swarm *s)
{
    json_t *n = json_object();
    if (chance(s, 50))
        json_object_set_new(n, "loss", thousandths(s, 0, 150));
    if (chance(s, 40))
        json_object_set_new(n, "duplicate", thousandths(s, 0, 300));
    if (chance(s, 60))
        json_object_set_new(n, "delay_ms", span(s, 0, s->quick ? 10 : 40));
    if (chance(s, 35)) {
        int64_t most = between(s, 50, 8000), least = between(s, 1, 20);
        json_t *p = thousandths(s, 1, 60);
        json_object_set_new(n, "tail", json_pack("{s:o, s:o}", "p", p, "ms", two_numbers(least, most)));
    }
    if (chance(s, 30))
        json_object_set_new(n, "duplicate_after_ms", span(s, 0, 20000));
    if (chance(s, 15))
        json_object_set_new(n, "corrupt", thousandths(s, 1, 30));
    if (chance(s, 15))
        json_object_set_new(n, "truncate", thousandths(s, 1, 30));
    if (chance(s, 10))
        json_object_set_new(n, "queue", json_integer(between(s, 5, 100)));
    if (chance(s, 50)) {
        json_t *wait = span(s, 0, 20), *after = span(s, 0, 10000), *twice = thousandths(s, 0, 300),
               *lost = thousandths(s, 0, 150);
        json_object_set_new(n, "clients",
                            json_pack("{s:o, s:o, s:o, s:o}", "loss", lost, "duplicate", twice, "duplicate_after_ms",
                                      after, "delay_ms", wait));
    }
    return n;
}

static json_t *clients(struct swarm *s)
{
    json_int_t timeout = between(s, 400, 2500), rate = between(s, 10, 150), keys = between(s, 1, 6),
               count = between(s, 1, 10);
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
    if (chance(s, 60)) {
        static const char *const entries[] = {"4", "10", "30", "100"};
        json_array_append_new(args, json_string("--compact-entries"));
        json_array_append_new(args, json_string(one_of(s, entries, 4)));
    }
    return json_pack("{s:s, s:o}", "reads", s->index ? "index" : "lease", "args", args);
}

static json_t *disk(struct swarm *s)
{
    json_t *o = json_pack("{s:o}", "power_loss", thousandths(s, 0, 1000));
    if (chance(s, 50))
        json_object_set_new(o, "latency_ms", span(s, 0, s->quick ? 10 : 30));
    if (chance(s, 30))
        json_object_set_new(o, "checkpoint_pages", json_integer(between(s, 4, 200)));
    json_object_set_new(o, "restart_after_ms", span(s, 50, 1000));
    return o;
}

char *sim_swarm(uint64_t seed)
{
    static const unsigned sizes[] = {1, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 7};
    struct swarm s = {.faults = json_array()};
    char name[40];
    rng_seed(&s.rng, seed ^ UINT64_C(0x5a4a3a2a));
    s.replicas = sizes[rng_below(&s.rng, sizeof sizes / sizeof *sizes)];
    s.durable = chance(&s, 60);
    s.index = chance(&s, 50);
    s.quick = chance(&s, 60);
    s.members = s.durable && chance(&s, 35); /* a group that shrinks may need whoever was killed */
    snprintf(name, sizeof name, "swarm-%llu", (unsigned long long)seed);
    json_t *of_replicas = replica(&s), *of_network = network(&s), *of_clients = clients(&s);
    double mix = (double)between(&s, 200, 800) / 1000, start_wait = (double)between(&s, 0, 3000) / 1000;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o}", "name", name, "replicas", (json_int_t)s.replicas,
                  "lifetime", (json_int_t)LIFETIME, "start_wait", start_wait, "end_wait", 12.0, "mix", mix, "clients",
                  of_clients, "network", of_network, "replica", of_replicas);
    /* How many requests go without an answer is up to the faults. */
    json_object_set_new(o, "tests",
                        json_pack("{s:i, s:i}", "maximum_get_fail_fraction", 1, "maximum_put_fail_fraction", 1));
    if (s.durable) {
        json_object_set_new(o, "durable", json_true());
        json_object_set_new(o, "disk", disk(&s));
    }
    if (chance(&s, 25))
        json_object_set_new(o, "schedule", json_pack("{s:I}", "pct", (json_int_t)between(&s, 2, 5)));
    if (s.members)
        json_object_set_new(o, "members", json_true());
    make_faults(&s);
    json_object_set_new(o, "faults", s.faults);
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text)
        abort();
    return text;
}
