/* replay_open.c -- what the header of a trace says: the group, and the times that the rules count with. */
#include "replay_int.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- the group ---- */

static void the_group(struct replay *rp, struct node *n, const struct rec *r)
{
    const struct trace_field *peers = trace_find(r->f, "peers");
    if (peers == NULL || peers->kind != TRACE_ARRAY)
        return;
    char ids[1024];
    size_t len = (size_t)snprintf(ids, sizeof ids, "%s", n->name);
    const char *p = peers->raw.p, *end = peers->raw.p + peers->raw.n;
    while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) { /* ids are plain words: no escapes in them */
        const char *to = memchr(p + 1, '"', (size_t)(end - p - 1));
        size_t k = to != NULL ? (size_t)(to - p - 1) : 0;
        if (to == NULL || len + k + 2 > sizeof ids)
            return; /* too many to follow: no verdict on quorums */
        ids[len++] = ' ';
        memcpy(ids + len, p + 1, k);
        len += k;
        replay_peer_made(n, replay_number(rp, p + 1, k));
        p = to + 1;
    }
    n->first_conf = replay_conf_number(rp, (struct trace_text){ids, len});
    replay_conf_refresh(n);
}

/* ---- times ---- */

static int64_t ns_of_ms(const json_t *j)
{
    int64_t ms = json_is_integer(j) ? json_integer_value(j) : 0;
    return ms > 0 && ms < 1000000000 ? ms * 1000000 : 0;
}

static void the_times(struct node *n, const struct rec *r)
{
    const struct trace_field *cfg = trace_find(r->f, "cfg");
    n->cfg = (struct timing){.epoch_ns = rec_epoch(r)};
    if (cfg == NULL || cfg->kind != TRACE_OBJECT)
        return;
    json_t *j = json_loadb(cfg->raw.p, cfg->raw.n, 0, NULL), *election = json_object_get(j, "election_ms");
    const char *reads = json_string_value(json_object_get(j, "reads"));
    n->cfg.heartbeat_ns = ns_of_ms(json_object_get(j, "heartbeat_ms"));
    n->cfg.election_min_ns = ns_of_ms(json_array_get(election, 0));
    n->cfg.election_max_ns = ns_of_ms(json_array_get(election, 1));
    int64_t ppm = json_integer_value(json_object_get(j, "drift_ppm"));
    n->cfg.drift_ppm = ppm > 0 && ppm < 1000000 ? ppm : 0;
    n->cfg.leases = reads != NULL && strcmp(reads, "lease") == 0;
    json_decref(j);
}

/* Times of two nodes are compared only where both count from the same moment, on the clock of the same host. */
static void the_clock(struct replay *rp, const struct rec *r)
{
    struct trace_text clk = rec_text(r, "clk"), host = rec_text(r, "host");
    if (trace_text_is(clk, "mono"))
        rp->separate_clocks = true;
    if (!trace_text_is(clk, "mono-shared"))
        return;
    char name[sizeof rp->clock_host];
    snprintf(name, sizeof name, "%.*s", (int)host.n, host.n > 0 ? host.p : "");
    if ((rp->clock_known && rec_epoch(r) != rp->clock_epoch) ||
        (*name && *rp->clock_host && strcmp(name, rp->clock_host) != 0))
        rp->separate_clocks = true;
    if (!*rp->clock_host)
        memcpy(rp->clock_host, name, sizeof name);
    rp->clock_epoch = rec_epoch(r);
    rp->clock_known = true;
}

void replay_on_open(struct replay *rp, struct node *n, const struct rec *r)
{
    the_clock(rp, r);
    the_times(n, r);
    the_group(rp, n, r);
}
