/* The copies of datagrams: made, lost, delayed, damaged, delivered, each with its record. */
#include "sim_route_int.h"
#include "sim_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const damages[] = {[SIM_INTACT] = NULL, [SIM_CORRUPT] = "corrupt", [SIM_TRUNCATED] = "truncated"};

/* The id of an end: a replica's, or that of the client in question. */
static const char *id_of(const struct sim_run *run, unsigned end, unsigned client, char room[SIM_ID_LEN])
{
    return end == SIM_CLIENTS_END ? sim_id(run->cfg->replicas + SIM_CLIENT_BASE + client, room) : run->node[end].id;
}

static void drop(struct sim_run *run, const struct sim_route_copy *c, const char *why, int64_t f)
{
    char src[SIM_ID_LEN], dst[SIM_ID_LEN];
    trace_set_cause(run->w, c->in_seq);
    trace_put_net_drop(run->w, &(struct trace_rec_net_drop){.d = c->d,
                                                            .cp = c->cp,
                                                            .src = id_of(run, c->from, c->client, src),
                                                            .dst = id_of(run, c->to, c->client, dst),
                                                            .why = why,
                                                            .f = {.set = f != 0, .v = f}});
}

static void drop_by_fate(struct sim_run *run, const struct sim_route_copy *c, enum sim_fate fate, int64_t f)
{
    static const char *const words[] = {
        [SIM_DELIVER] = NULL, [SIM_LOSS] = "loss", [SIM_PARTITION] = "partition", [SIM_QUEUE_FULL] = "queue"};
    run->stats->total_drops += c->from != SIM_CLIENTS_END && c->to != SIM_CLIENTS_END;
    drop(run, c, words[fate], f);
}

/* The course's simulator takes a replica for dead to which it has something to deliver before its hello. */
static void give_up(struct sim_run *run, unsigned i)
{
    if (!run->living[i])
        return;
    run->living[i] = false;
    run->node[i].given_up = true;
    sim_say(run, "%s had a message coming before it said hello: taken for dead, as the course's simulator does",
            run->node[i].id);
}

static void deliver_to_replica(struct sim_run *run, const struct sim_route_copy *c)
{
    struct sim_node *to = &run->node[c->to];
    char src[SIM_ID_LEN];
    if (to->hung_up || to->down || !run->world->runs(run, c->to)) {
        drop(run, c, "dead", 0);
        return;
    }
    if (!to->said_hello) {
        drop(run, c, "unknown_dst", 0);
        give_up(run, c->to);
        return;
    }
    bool harmed = c->damage != SIM_INTACT;
    trace_set_cause(run->w, c->in_seq);
    trace_put_net_out(run->w, &(struct trace_rec_net_out){.d = c->d,
                                                          .cp = c->cp,
                                                          .src = id_of(run, c->from, c->client, src),
                                                          .dst = to->id,
                                                          .dly = sim_now(run) - c->t_in,
                                                          .why = damages[c->damage],
                                                          .sz = {.set = harmed, .v = (int64_t)c->n},
                                                          .f = {.set = c->damage_f != 0, .v = c->damage_f}});
    if (run->world->deliver(run, c->to, c->bytes, c->n))
        return;
    char text[160];
    snprintf(text, sizeof text, "datagram %" PRId64 " copy %" PRId64 " did not reach %s after all: %s", c->d, c->cp,
             to->id, strerror(errno));
    trace_put_note(run->w, &(struct trace_rec_note){.text = text});
    sim_warn(run, c->to, "%s", text);
}

static void deliver(struct sim_run *run, const struct sim_route_copy *c)
{
    if (c->to != SIM_CLIENTS_END)
        deliver_to_replica(run, c);
    else if (c->damage != SIM_INTACT) /* the simulator is the client: it sees that this is no answer */
        drop(run, c, damages[c->damage], c->damage_f);
    else
        sim_route_answer(run, c);
}

static void fly(struct sim_run *run, const struct sim_route_copy *c, int64_t due)
{
    sim_net_fly(&run->net,
                &(struct sim_flight){.due = due,
                                     .d = c->d,
                                     .cp = c->cp,
                                     .in_seq = c->in_seq,
                                     .t_in = c->t_in,
                                     .from = c->from,
                                     .to = c->to,
                                     .client = c->client,
                                     .lingered = c->lingered,
                                     .surely = c->surely,
                                     .damage = c->damage,
                                     .damage_f = c->damage_f,
                                     .n = c->n},
                c->bytes);
}

/* The copy has come to the end of its link: it waits there as long as the link is clogged, or the receiver busy. */
static void arrive(struct sim_run *run, struct sim_route_copy *c)
{
    if (sim_net_clogged(&run->net, c->from, c->to)) {
        fly(run, c, INT64_MAX);
        return;
    }
    int64_t now = sim_now(run), wait = 0;
    if (!c->lingered && sim_net_slow(&run->net, c->to)) {
        char name[SIM_DECIDE_NAME];
        snprintf(name, sizeof name, "d:%" PRId64 ".%" PRId64, c->d, c->cp);
        wait = sim_net_linger(&run->net, name, c->to, now);
    }
    c->lingered = true;
    if (wait > 0)
        fly(run, c, now + wait);
    else
        deliver(run, c);
}

void sim_route_arrivals(struct sim_run *run)
{
    while (sim_net_deadline(&run->net) <= sim_now(run)) {
        struct sim_flight f = sim_net_arrive(&run->net);
        struct sim_route_copy c = {.from = f.from,
                                   .to = f.to,
                                   .client = f.client,
                                   .d = f.d,
                                   .cp = f.cp,
                                   .in_seq = f.in_seq,
                                   .t_in = f.t_in,
                                   .lingered = f.lingered,
                                   .surely = f.surely,
                                   .damage = f.damage,
                                   .damage_f = f.damage_f,
                                   .bytes = f.bytes,
                                   .n = f.n};
        int64_t cut = f.surely ? 0 : sim_net_cut(&run->net, f.from, f.to);
        if (cut)
            drop_by_fate(run, &c, SIM_PARTITION, cut);
        else
            arrive(run, &c);
        free(f.bytes);
    }
}

static void made_copy(struct sim_run *run, const struct sim_route_copy *c, const char *mid)
{
    run->stats->duplicated++;
    trace_set_cause(run->w, c->in_seq);
    trace_put_net_dup(run->w, &(struct trace_rec_net_dup){.d = c->d, .cp = c->cp});
    if ((c->from == SIM_CLIENTS_END || c->to == SIM_CLIENTS_END) && mid)
        sim_clients_doubled(run->clients, mid);
}

/* One copy that is not lost. */
static void go(struct sim_run *run, const struct sim_route_copy *c, const struct sim_copy *fate, const char *name)
{
    struct sim_route_copy one = *c;
    char *damaged = NULL;
    if (fate->damage != SIM_INTACT) {
        char about[SIM_DECIDE_NAME];
        snprintf(about, sizeof about, "%.140s/%" PRId64, name, c->cp);
        struct rng rng;
        rng_seed(&rng, (uint64_t)sim_decide_between(run->decider, "damage", about, 0, INT64_MAX - 1));
        damaged = malloc(c->n + 1);
        if (!damaged)
            abort();
        one.n = sim_net_damage(&rng, fate->damage, c->bytes, c->n, damaged);
        one.bytes = damaged;
        one.m = NULL;
        one.damage = fate->damage;
        one.damage_f = fate->f;
    }
    if (fate->delay > 0)
        fly(run, &one, c->t_in + fate->delay);
    else
        arrive(run, &one);
    free(damaged);
}

/* "0000>0003 MID", with a number where the same was sent before. */
static void name_of(struct sim_run *run, const struct sim_route_copy *c, const char *mid, char name[SIM_DECIDE_NAME])
{
    enum { ROOM = 100 }; /* of an ordinary MID: what is said behind it must fit too */
    char src[SIM_ID_LEN], dst[SIM_ID_LEN];
    struct sim_text t = sim_text_in(name, ROOM);
    sim_text_add(&t, id_of(run, c->from, c->client, src));
    sim_text_add(&t, ">");
    sim_text_add(&t, id_of(run, c->to, c->client, dst));
    sim_text_add(&t, " ");
    sim_text_add(&t, mid ? mid : "-");
    unsigned again = sim_decide_again(run->decider, name);
    if (again) {
        sim_text_add(&t, "+");
        sim_text_number(&t, again);
    }
}

/* Whatever was to become of this copy, it arrives, and as it was sent. */
static void save(const struct sim_net *net, struct sim_copy *copy)
{
    if (copy->fate != SIM_DELIVER)
        copy->delay += net->hop_min;
    copy->fate = SIM_DELIVER;
    copy->damage = SIM_INTACT;
    copy->f = 0;
}

void sim_copy_send(struct sim_run *run, struct sim_route_copy *c, const char *mid)
{
    struct sim_copy copies[SIM_COPIES_MAX];
    char name[SIM_DECIDE_NAME] = "";
    if (sim_net_chancy(&run->net, c->from, c->to))
        name_of(run, c, mid, name);
    if (run->named)
        fprintf(run->named, "%" PRId64 " %s\n", c->d, name);
    c->surely = sim_decide_chance(run->decider, "deliver", name, 0); /* only when that is given */
    unsigned n = sim_net_decide(&run->net, name, c->from, c->to, copies);
    for (unsigned i = 0; i < n; i++) {
        c->cp++;
        if (c->surely)
            save(&run->net, &copies[i]);
        if (i > 0)
            made_copy(run, c, mid);
        if (copies[i].fate != SIM_DELIVER)
            drop_by_fate(run, c, copies[i].fate, copies[i].f);
        else
            go(run, c, &copies[i], name);
    }
}
