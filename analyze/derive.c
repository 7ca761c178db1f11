/* derive.c -- which record feeds which derived table. */
#include "derive_int.h"

#include <stdlib.h>
#include <string.h>

static void net_entered(struct context *c)
{
    lead_wire(c);
    net_in(c);
}

static void message_came(struct context *c)
{
    lead_state(c);
    msg_recv(c);
    read_answered(c);
}

static void message_goes(struct context *c)
{
    msg_send(c);
    read_sent(c);
}

static void started(struct context *c)
{
    lead_down(c, c->node, "crashed");
    log_start(c);
}

static const struct handler handlers[] = {
    {"msg.send", message_goes},
    {"msg.recv", message_came},
    {"msg.ignore", msg_ignore},
    {"net.in", net_entered},
    {"net.bad", net_bad},
    {"net.dup", net_dup},
    {"net.out", net_out},
    {"net.drop", net_drop},
    {"op.invoke", op_invoke},
    {"op.try", op_try},
    {"op.return", op_return},
    {"log.append", log_append},
    {"log.truncate", log_truncate},
    {"commit.advance", log_commit},
    {"apply", log_apply},
    {"disk.sync", log_sync},
    {"node.start", started},
    {"snap.install", log_snapshot},
    {"role.change", lead_role},
    {"fault.begin", fault_begin},
    {"fault.end", fault_end},
    {"node.exit", node_exit},
    {"node.stop", node_stop},
    {"timer.fire", lead_state},
    {"read.serve", read_answer},
    {"read.local", read_answer},
    {"read.confirm", read_confirmed},
    {"lease.grant", read_leased},
    {"trace.close", trace_closed},
    {"trace.lost", trace_confessed},
};

struct derive *derive_new(struct load *l)
{
    struct derive *d = mem_new(sizeof *d);
    d->l = l;
    d->handler = mem_new(trace_record_types_n * sizeof *d->handler);
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        const struct trace_record_type *type = trace_record_type_find(handlers[i].ev, strlen(handlers[i].ev));
        d->handler[type - trace_record_types] = handlers[i].fn;
    }
    d->faults = faults_new(l);
    d->leads = leads_new(l);
    d->logs = logs_new(l);
    d->ops = ops_new(l);
    d->reads = reads_new(l);
    d->msgs = msgs_new(l);
    return d;
}

void derive_record(struct derive *d, struct node *node, struct boot *boot, const struct trace_record *r, int64_t id,
                   int64_t source)
{
    struct context c = {.l = d->l, .d = d, .r = r, .node = node, .boot = boot, .id = id, .source = source};
    if (r->cause == 0)
        msgs_input(&c);
    if (r->type == NULL)
        return;
    void (*handle)(struct context *) = d->handler[r->type - trace_record_types];
    if (handle != NULL)
        handle(&c);
}

void derive_end(struct derive *d)
{
    msgs_end(d->msgs);
    ops_end(d->ops);
    logs_end(d->logs);
    leads_end(d->leads);
    faults_end(d->faults);
}

void derive_free(struct derive *d)
{
    if (d == NULL)
        return;
    msgs_free(d->msgs);
    ops_free(d->ops);
    reads_free(d->reads);
    logs_free(d->logs);
    leads_free(d->leads);
    faults_free(d->faults);
    free(d->handler);
    free(d);
}
