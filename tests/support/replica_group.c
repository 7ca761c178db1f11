#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replica_group.h"
#include "spawn.h"

/* Is there a msg.send of it in the file, now? */
static bool stands_in_file(const char *path, const struct message *m)
{
    char wanted[MID_MAX + 16];
    snprintf(wanted, sizeof wanted, "\"mid\":\"%s\"", m->mid);
    if (m->type == MESSAGE_HELLO) /* it has none on the wire */
        snprintf(wanted, sizeof wanted, "\"ty\":\"hello\"");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)size, f), size);
    fclose(f);
    text[size] = '\0';
    bool found = false;
    for (char *line = text; line && !found; line = strchr(line + 1, '\n')) {
        char *end = strchr(line + 1, '\n'), *at = strstr(line, wanted);
        found =
            end && at && at < end && strstr(line, "\"ev\":\"msg.send\"") && strstr(line, "\"ev\":\"msg.send\"") < end;
    }
    free(text);
    return found;
}

static void on_send(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered)
{
    struct group_replica *r = ctx;
    r->sent = realloc(r->sent, (r->n_sent + 1) * sizeof *r->sent);
    assert_non_null(r->sent);
    struct group_sent *s = &r->sent[r->n_sent++];
    *s = (struct group_sent){.bytes = malloc(n), .n = n, .dst = dst};
    assert_non_null(s->bytes);
    memcpy(s->bytes, bytes, n);
    struct message m;
    struct wire_refusal refusal;
    if (!wire_decode(r->group->decoder, bytes, n, &m, &refusal)) {
        print_message("sent what is refused, %s %s: %.*s\n", refusal.why, refusal.what, (int)n, bytes);
        fail();
    }
    assert_int_equal(m.dst, dst);
    s->to_replica = wire_between_replicas(m.type);
    if (answered)
        assert_string_equal(answered, m.mid);
    if (r->trace && r->n_sent <= GROUP_LOOKED_UP)
        s->in_trace = stands_in_file(r->path, &m);
}

static bool on_persist(void *ctx, struct store_change *change)
{
    struct group_replica *r = ctx;
    assert_non_null(change->core);
    assert_true(change->vote || change->truncated_from || change->appended_from || change->snapshot);
    if (change->snapshot) {
        uint64_t term;
        assert_int_equal(raft_base(change->core, &term), change->base_index);
        assert_int_equal(term, change->base_term);
        assert_true(kv_applied(change->kv) >= change->base_index);
        assert_true(change->installed ? kv_applied(change->kv) == change->base_index : true);
        assert_true(strlen(change->base_conf) >= 4);
        r->installed += change->installed;
        r->compacted += !change->installed;
    }
    r->persists++;
    r->sent_at_persist = (unsigned)r->n_sent;
    return !r->persist_fails;
}

void group_prepare(struct group *g, unsigned n)
{
    *g = (struct group){.n = n,
                        .now_ns = 1000000000,
                        .traced = true,
                        .core = {.election_min_us = 1500000,
                                 .election_max_us = 2500000,
                                 .heartbeat_us = 500000,
                                 .retry_us = 50000,
                                 .hold_us = 10000000,
                                 .hold_max = 16,
                                 .append_bytes = RAFT_ENTRY_BYTES_MAX,
                                 .seed = 1}};
    rng_seed(&g->rng, 7);
}

static void start_one(struct group *g, struct group_replica *r, node_id id)
{
    node_id peers[GROUP_MAX];
    unsigned n_peers = 0;
    for (unsigned i = 1; i <= g->n; i++)
        if (i != id)
            peers[n_peers++] = (node_id)i;
    r->group = g;
    r->id = id;
    char name[NODE_TEXT], err[TRACE_ERR_LEN];
    wire_node_text(id, name);
    snprintf(r->path, sizeof r->path, "%s/%s.1.jsonl", g->dir, name);
    if (g->traced) {
        r->trace = trace_writer_open(&(struct trace_writer_options){.dir = g->dir, .node = name, .boot = 1}, err);
        assert_non_null(r->trace);
    }
    struct replica_options o = {.core = g->core,
                                .trace = r->trace,
                                .header = {.run = "test", .clock = "virtual", .impl = "test"},
                                .boot = 1,
                                .epoch_ns = 1000000000,
                                .hash_every = 2};
    o.core.id = id;
    o.core.peers = peers;
    o.core.n_peers = n_peers;
    o.core.seed = g->core.seed + id;
    r->rep = replica_new(&o, (struct replica_io){.ctx = r, .send = on_send, .persist = on_persist}, g->now_ns);
    assert_non_null(r->rep);
}

void group_start(struct group *g)
{
    g->decoder = wire_decoder_new();
    assert_non_null(g->decoder);
    spawn_tempdir(g->dir, sizeof g->dir);
    for (unsigned i = 0; i < g->n; i++)
        start_one(g, &g->v[i], (node_id)(i + 1));
}

void group_end(struct group *g)
{
    for (unsigned i = 0; i < g->n; i++) {
        struct group_replica *r = &g->v[i];
        replica_free(r->rep);
        trace_writer_close(r->trace);
        for (size_t k = 0; k < r->n_sent; k++)
            free(r->sent[k].bytes);
        free(r->sent);
    }
    wire_decoder_free(g->decoder);
    spawn_remove(g->dir);
}

void group_deliver(struct group *g, struct group_replica *to, const void *bytes, size_t n)
{
    /* A step takes its time, as it does live. */
    g->now_ns += 1000;
    size_t before = to->n_sent;
    assert_true(replica_on_datagram(to->rep, g->now_ns, bytes, n));
    /* Answers to clients first. */
    bool to_replicas = false, to_clients = false;
    for (size_t i = before; i < to->n_sent; i++) {
        to_replicas = to_replicas || to->sent[i].to_replica;
        to_clients = to_clients || !to->sent[i].to_replica;
        assert_true(to->sent[i].to_replica || !to_replicas);
    }
    g->steps_with_both += to_replicas && to_clients;
}

void group_deliver_message(struct group *g, struct group_replica *to, const struct message *m)
{
    static char bytes[DATAGRAM_MAX];
    size_t n = wire_encode(m, bytes, sizeof bytes);
    assert_true(n > 0);
    group_deliver(g, to, bytes, n);
}

/* One datagram, if one waits anywhere. */
static bool route_one(struct group *g)
{
    for (unsigned i = 0; i < g->n; i++) {
        struct group_replica *from = &g->v[i];
        if (from->n_routed == from->n_sent)
            continue;
        const struct group_sent s = from->sent[from->n_routed++];
        for (unsigned k = 0; k < g->n; k++) {
            struct group_replica *to = &g->v[k];
            bool meant = to != from && to->id == s.dst && !from->cut && !to->cut;
            if (meant && rng_below(&g->rng, 100) >= g->drop_percent)
                group_deliver(g, to, s.bytes, s.n);
        }
        return true;
    }
    return false;
}

void group_run(struct group *g, uint64_t ns)
{
    uint64_t end = g->now_ns + ns;
    for (;;) {
        while (route_one(g))
            ;
        struct group_replica *next = &g->v[0];
        for (unsigned i = 1; i < g->n; i++)
            if (replica_deadline(g->v[i].rep) < replica_deadline(next->rep))
                next = &g->v[i];
        uint64_t due = replica_deadline(next->rep);
        if (due > end)
            break;
        g->now_ns = due > g->now_ns ? due : g->now_ns;
        assert_true(replica_on_tick(next->rep, g->now_ns));
    }
    g->now_ns = end > g->now_ns ? end : g->now_ns;
}

struct group_replica *group_elect(struct group *g)
{
    for (unsigned tries = 0; tries < 200; tries++) {
        group_run(g, 100000000);
        for (unsigned i = 0; i < g->n; i++) {
            struct raft_brief b = raft_brief(replica_core(g->v[i].rep));
            if (!g->v[i].cut && b.role == RAFT_LEADER && b.commit > 0 &&
                raft_entry(replica_core(g->v[i].rep), b.commit)->term == b.term)
                return &g->v[i];
        }
    }
    fail_msg("nobody leads");
    return NULL;
}

static void request(struct group *g, struct group_replica *to, enum message_type type, const char *mid, const char *key,
                    const char *value)
{
    struct message m = {
        .type = type, .src = GROUP_CLIENT, .dst = to->id, .leader = NODE_NONE, .key = key, .value = value};
    snprintf(m.mid, sizeof m.mid, "%s", mid);
    group_deliver_message(g, to, &m);
}

void group_get(struct group *g, struct group_replica *to, const char *mid, const char *key)
{
    request(g, to, MESSAGE_GET, mid, key, NULL);
}

void group_put(struct group *g, struct group_replica *to, const char *mid, const char *key, const char *value)
{
    request(g, to, MESSAGE_PUT, mid, key, value);
}

bool group_same_state(const struct raft_brief *a, const struct raft_brief *b)
{
    return a->term == b->term && a->commit == b->commit && a->applied == b->applied && a->last == b->last &&
           a->role == b->role && a->leader == b->leader;
}

unsigned group_answers(struct group *g, const struct group_replica *from, const char *mid, struct message *m)
{
    unsigned n = 0;
    size_t last = 0;
    struct message one;
    struct wire_refusal refusal;
    for (size_t i = 0; i < from->n_sent; i++) {
        assert_true(wire_decode(g->decoder, from->sent[i].bytes, from->sent[i].n, &one, &refusal));
        if (one.dst == GROUP_CLIENT && strcmp(one.mid, mid) == 0) {
            n++;
            last = i;
        }
    }
    if (m && n)
        assert_true(wire_decode(g->decoder, from->sent[last].bytes, from->sent[last].n, m, &refusal));
    return n;
}

struct replica_trace group_trace(struct group_replica *r)
{
    trace_flush(r->trace);
    return replica_trace_read(r->path);
}
