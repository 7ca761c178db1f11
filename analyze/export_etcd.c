/* export_etcd.c -- the trace that etcd-raft's TLA+ specification validates (go.etcd.io/raft, state_trace.go and
 * tla/Traceetcdraft.tla): one JSON object a line, {"tag":"trace","event":{...}}.
 *
 * PreVote, leases and transfers are not in that specification: their records are left out, and candidates of a pre-vote
 * are the followers that they still are. */
#include "export_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "mem.h"
#include "names.h"

/* What records do not carry: for whom a node has voted, and in which term; who the voters are. */
struct node {
    int64_t vote_term;
    char *vote;
    char *conf; /* ids with blanks between */
    bool begun;
};

struct etcd {
    struct export *e;
    struct names names;
    const struct name **all;
    size_t n, room;
};

static struct node *node_of(struct etcd *x, const char *name)
{
    struct name *s = names_get(&x->names, name, strlen(name));
    if (s->user == NULL) {
        s->user = mem_new(sizeof(struct node));
        if (x->n == x->room) {
            x->room = x->room > 0 ? x->room * 2 : 16;
            x->all = mem_grow(x->all, x->room, sizeof *x->all);
        }
        x->all[x->n++] = s;
    }
    return s->user;
}

static void keep(char **to, struct trace_text t)
{
    free(*to);
    *to = mem_text(t.p, t.n);
}

static void print_conf(FILE *out, const char *conf)
{
    fputs("[[", out);
    for (const char *p = conf; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, " ");
        json_out(out, p, n);
        p += n + (p[n] == ' ');
        if (*p != '\0')
            fputc(',', out);
    }
    fputs("],[]]", out);
}

static const char *role_word(char role)
{
    switch (role) {
    case 'L':
        return "StateLeader";
    case 'C':
        return "StateCandidate";
    default:
        return "StateFollower";
    }
}

static void begin(struct etcd *x, const struct export_record *r, struct node *n, const char *name)
{
    FILE *out = x->e->out;
    fprintf(out, "{\"tag\":\"trace\",\"event\":{\"name\":\"%s\",\"nid\":", name);
    json_out_text(out, r->node);
    fprintf(out, ",\"state\":{\"term\":%" PRId64 ",\"vote\":", r->term);
    json_out_text(out, n->vote != NULL && n->vote_term == r->term ? n->vote : "0");
    fprintf(out, ",\"commit\":%" PRId64 "},\"role\":\"%s\",\"log\":%" PRId64 ",\"conf\":", r->ci, role_word(r->role),
            r->li);
    print_conf(out, n->conf);
}

static void end(struct etcd *x)
{
    fputs("}}\n", x->e->out);
}

static int64_t integer(const struct trace_record *f, const char *key)
{
    int64_t v = 0;
    return trace_find_int(f, key, &v) ? v : 0;
}

static int entries(const struct trace_record *f)
{
    const struct trace_field *ents = trace_find(f, "ents");
    int n = 0;
    for (size_t i = 1; ents != NULL && ents->kind == TRACE_ARRAY && i < ents->raw.n; i++)
        n += ents->raw.p[i] == '[';
    return n;
}

/* The messages of the specification; ours has others, which are left out. */
static const struct {
    const char *ty, *type, *event;
} messages[] = {
    {"app_req", "MsgApp", "AppendEntriesRequest"}, {"app_res", "MsgAppResp", "AppendEntriesResponse"},
    {"vote_req", "MsgVote", "RequestVoteRequest"}, {"vote_res", "MsgVoteResp", "RequestVoteResponse"},
    {"snap_req", "MsgSnap", "Snapshot"},
};

static void message(struct etcd *x, const struct export_record *r, const struct trace_record *f, struct node *n,
                    bool sent)
{
    struct trace_text ty = trace_find_text(f, "ty"), peer = trace_find_text(f, sent ? "to" : "from");
    size_t m = 0;
    while (m < sizeof messages / sizeof *messages && !trace_text_is(ty, messages[m].ty))
        m++;
    if (m == sizeof messages / sizeof *messages || peer.p == NULL)
        return;
    char name[64];
    bool vote = m == 2, response = m == 1 || m == 3;
    const struct trace_field *ok = trace_find(f, "ok");
    bool reject = response && (ok == NULL || ok->kind != TRACE_TRUE);
    snprintf(name, sizeof name, "%s%s", sent ? "Send" : "Receive", messages[m].event);
    begin(x, r, n, name);
    FILE *out = x->e->out;
    fprintf(out, ",\"msg\":{\"type\":\"%s\",\"term\":%" PRId64 ",\"from\":", messages[m].type, integer(f, "mterm"));
    if (sent)
        json_out_text(out, r->node);
    else
        json_out(out, peer.p, peer.n);
    fputs(",\"to\":", out);
    if (sent)
        json_out(out, peer.p, peer.n);
    else
        json_out_text(out, r->node);
    fprintf(out,
            ",\"entries\":%d,\"logTerm\":%" PRId64 ",\"index\":%" PRId64 ",\"commit\":%" PRId64
            ",\"vote\":\"0\",\"reject\":%s,\"rejectHint\":%" PRId64 "}",
            entries(f),
            integer(f, vote     ? "llt"
                       : m == 4 ? "st"
                                : "pt"),
            integer(f, vote     ? "lli"
                       : m == 1 ? "mi"
                       : m == 4 ? "si"
                                : "pi"),
            integer(f, "lci"), reject ? "true" : "false", integer(f, "hint"));
    end(x);
}

static void vote(struct node *n, const struct export_record *r, struct trace_text who)
{
    keep(&n->vote, who);
    n->vote_term = r->term;
}

static void role(struct etcd *x, const struct export_record *r, const struct trace_record *f, struct node *n)
{
    struct trace_text why = trace_find_text(f, "why"), new = trace_find_text(f, "new");
    if (trace_text_is(why, "startup") || new.p == NULL)
        return;
    if (r->role == 'C')
        vote(n, r, (struct trace_text){r->node, strlen(r->node)});
    if (r->role != 'P') {
        begin(x, r, n, r->role == 'L' ? "BecomeLeader" : r->role == 'C' ? "BecomeCandidate" : "BecomeFollower");
        end(x);
    }
}

static void simple(struct etcd *x, const struct export_record *r, struct node *n, const char *name)
{
    begin(x, r, n, name);
    end(x);
}

/* The voters that a header or a start names: the peers, and the node itself. */
static void peers(struct node *n, const struct export_record *r, const struct trace_record *f)
{
    const struct trace_field *list = trace_find(f, "peers");
    if (list == NULL || list->kind != TRACE_ARRAY || n->conf != NULL)
        return;
    size_t at = strlen(r->node);
    char *conf = mem_new(at + list->raw.n + 2);
    memcpy(conf, r->node, at);
    const char *p = list->raw.p, *stop = p + list->raw.n;
    while ((p = memchr(p, '"', (size_t)(stop - p))) != NULL) {
        const char *to = memchr(p + 1, '"', (size_t)(stop - p - 1));
        if (to == NULL)
            break;
        conf[at++] = ' ';
        memcpy(conf + at, p + 1, (size_t)(to - p - 1));
        at += (size_t)(to - p - 1);
        p = to + 1;
    }
    n->conf = conf;
}

static void started(struct etcd *x, const struct export_record *r, const struct trace_record *f, struct node *n)
{
    struct trace_text conf = trace_find_text(f, "conf"), who = trace_find_text(f, "rvote");
    if (conf.p != NULL)
        keep(&n->conf, conf);
    if (who.p != NULL)
        vote(n, r, who);
    simple(x, r, n, n->begun ? "BecomeFollower" : "InitState"); /* a restart is no event of its own there */
    n->begun = true;
}

static void one(struct etcd *x, const struct export_record *r, const struct trace_record *f)
{
    struct node *n = node_of(x, r->node);
    if (strcmp(r->ev, "trace.open") == 0)
        peers(n, r, f);
    else if (!r->has_state)
        return;
    else if (strcmp(r->ev, "node.start") == 0)
        started(x, r, f, n);
    else if (strcmp(r->ev, "role.change") == 0)
        role(x, r, f, n);
    else if (strcmp(r->ev, "vote.grant") == 0 && integer(f, "pre") == 0)
        vote(n, r, trace_find_text(f, "cand"));
    else if (strcmp(r->ev, "log.append") == 0 && r->role == 'L')
        simple(x, r, n, trace_text_is(trace_find_text(f, "op"), "conf") ? "ChangeConf" : "Replicate");
    else if (strcmp(r->ev, "commit.advance") == 0)
        simple(x, r, n, "Commit");
    else if (strcmp(r->ev, "msg.send") == 0)
        message(x, r, f, n, true);
    else if (strcmp(r->ev, "msg.recv") == 0)
        message(x, r, f, n, false);
}

void export_etcd_tla(struct export *e)
{
    struct etcd x = {.e = e};
    struct body *body = body_new();
    sqlite3_stmt *q = export_records(e);
    while (db_row(e->db, q)) {
        struct export_record r;
        export_record_row(q, &r);
        one(&x, &r, body_parse(body, r.body.p, r.body.n));
    }
    db_done(e->db, q);
    body_free(body);
    for (size_t i = 0; i < x.n; i++) {
        struct node *n = x.all[i]->user;
        free(n->vote);
        free(n->conf);
        free(n);
    }
    free(x.all);
    names_free(&x.names);
}
