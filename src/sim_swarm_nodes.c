/* What swarm scenarios do to single replicas: slow, stopped, with a wrong clock, killed, with a bad disk, removed. */
#include "sim_swarm_int.h"

void swarm_slow(struct swarm *s)
{
    json_t *f = swarm_fault("slow");
    json_object_set_new(f, "ms", swarm_span(s, 0, 40));
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    swarm_add(s, f, 3000, false);
}

void swarm_pause(struct swarm *s)
{
    json_t *f = swarm_fault("pause");
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    swarm_add(s, f, 3000, false);
}

/* Beyond any bound on drift for replicas that do not rest on one; within the bound, and without jumps, for those whose
 * leases were told of it. */
void swarm_clock(struct swarm *s)
{
    json_t *f = swarm_fault("clock");
    if (!s->index && s->drift == 0) {
        json_decref(f);
        return;
    }
    double fast, slowly;
    if (s->index) {
        fast = (double)swarm_between(s, 1000, 2000) / 1000;
        slowly = (double)swarm_between(s, 500, 1000) / 1000;
    } else {
        fast = 1 + (double)(s->drift / 3) / 1e6;
        slowly = 1 - (double)(s->drift / 3) / 1e6;
    }
    json_object_set_new(f, "rate", json_pack("[f, f]", slowly, fast));
    if (s->index && swarm_chance(s, 40))
        json_object_set_new(f, "jump_ms", swarm_span(s, 0, 4000));
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    swarm_add(s, f, 5000, false);
}

/* Where nothing is on disk, who is killed stays away, and a majority must stay. */
void swarm_kill(struct swarm *s)
{
    json_t *f = swarm_fault("kill");
    if (s->durable) {
        bool all = swarm_chance(s, 25);
        json_object_set_new(f, "node", json_string(all ? "all" : swarm_some_node(s)));
        json_object_set_new(f, "restart_after_ms", swarm_span(s, 10, swarm_chance(s, 50) ? 100 : 1500));
        if (!all && swarm_chance(s, 40)) {
            json_object_set_new(f, "node", json_string("it"));
            json_object_set_new(f, "when",
                                json_string(s->members && swarm_chance(s, 50) ? "changes_members"
                                            : swarm_chance(s, 50)             ? "votes"
                                                                              : "becomes_leader"));
            json_object_set_new(f, "chance", swarm_thousandths(s, 100, 1000));
            json_object_set_new(f, "within_ms", swarm_span(s, 0, 10));
            json_object_set_new(f, "end", json_integer(SWARM_CALM - 2));
            json_object_set_new(f, "limit", json_integer(swarm_between(s, 1, 8)));
        } else if (swarm_chance(s, 50)) {
            json_object_set_new(f, "begin", swarm_thousandths(s, 0, 2000));
            json_object_set_new(f, "end", json_integer(SWARM_CALM - 2));
            json_object_set_new(f, "every", swarm_thousandths(s, 200, 2000));
        } else
            json_object_set_new(f, "at", swarm_thousandths(s, 0, SWARM_CALM * 1000 - 2000));
    } else if (s->killed < (s->replicas - 1) / 2) {
        s->killed++;
        json_object_set_new(f, "node", json_string(swarm_some_node(s)));
        json_object_set_new(f, "signal", json_string(swarm_chance(s, 50) ? "KILL" : "TERM"));
        json_object_set_new(f, "at", swarm_thousandths(s, 0, SWARM_CALM * 1000 - 1000));
    } else {
        json_decref(f);
        return;
    }
    json_array_append_new(s->faults, f);
}

/* What a disk owns up to, what the power takes, and bits that turn: promises that it has given it keeps, and no fsync
 * lies, since on a disk that does no replica can keep its own. Who finds its disk rotten stays away, so not where the
 * group may shrink too. */
void swarm_disk(struct swarm *s)
{
    json_t *f = swarm_fault("disk");
    if (!s->durable) {
        json_decref(f);
        return;
    }
    switch (swarm_between(s, 0, s->members ? 4 : 5)) {
    case 0:
        json_object_set_new(f, "latency_ms", swarm_span(s, 0, 200));
        break;
    case 1:
        json_object_set_new(f, "fsync_fails", swarm_thousandths(s, 1, 300));
        break;
    case 2:
        json_object_set_new(f, "write_errors", swarm_thousandths(s, 1, 200));
        break;
    case 3:
        json_object_set_new(f, "full", json_true());
        break;
    case 4:
        json_object_set_new(f, "read_errors", swarm_thousandths(s, 1, 200));
        break;
    default:
        json_object_set_new(f, "bit_rot", json_integer(swarm_between(s, 1, 100)));
    }
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    swarm_add(s, f, 2000, false);
}

/* Now and then, and above all when it is delicate: right after an election, or during another change. */
void swarm_members(struct swarm *s)
{
    static const char *const changes[] = {"toggle", "toggle", "add", "remove", "transfer"};
    json_t *f = swarm_fault("members");
    json_object_set_new(f, "do", json_string(changes[swarm_between(s, 0, 4)]));
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    if (swarm_chance(s, 40)) {
        json_object_set_new(f, "when", json_string(swarm_chance(s, 70) ? "becomes_leader" : "changes_members"));
        json_object_set_new(f, "within_ms", swarm_span(s, 0, 100));
        json_object_set_new(f, "end", json_integer(SWARM_CALM - 2));
        json_object_set_new(f, "limit", json_integer(swarm_between(s, 1, 8)));
    } else {
        json_object_set_new(f, "begin", swarm_thousandths(s, 0, 2000));
        json_object_set_new(f, "end", json_integer(SWARM_CALM - 2));
        json_object_set_new(f, "every", swarm_thousandths(s, 100, 2000));
    }
    json_array_append_new(s->faults, f);
}

/* A server is exchanged for an empty one. */
void swarm_replace(struct swarm *s)
{
    json_t *f = swarm_fault("replace");
    json_object_set_new(f, "node", json_string(swarm_some_node(s)));
    json_object_set_new(f, "restart_after_ms", swarm_span(s, 0, 1000));
    int64_t latest = SWARM_CALM * 1000, begin = swarm_between(s, 0, latest - 2000);
    int64_t end = begin + swarm_between(s, 500, 6000);
    json_object_set_new(f, "begin", json_real((double)begin / 1000));
    json_object_set_new(f, "end", json_real((double)(end < latest ? end : latest) / 1000));
    json_array_append_new(s->faults, f);
}

/* Clients ask anybody, and who was removed does not know who leads: most are members again before progress is asked
 * for. */
void swarm_members_back(struct swarm *s)
{
    json_array_append_new(s->faults, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f}", "kind", "members", "do", "add", "node",
                                               "random", "begin", SWARM_CALM - 2, "end", SWARM_CALM, "every", 0.1));
}
