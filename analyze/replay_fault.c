/* replay_fault.c -- faults after which a replica is judged by other measures. */
#include "replay_int.h"

/* Its disk was exchanged for an empty one, as the simulator declares: it starts as a new server does, and owes nothing
 * to what it was before. (That nobody else relies on that any more is for the other rules to find.) */
static void wiped(struct node *n)
{
    struct node_log *const logs[] = {&n->log, &n->disk.log, &n->disk.was};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        log_reset(logs[i], 0, 0);
        logs[i]->base_conf = 0;
    }
    n->disk = (struct disk){.used = n->disk.used, .vote = -1, .log = n->disk.log, .was = n->disk.was};
    n->max_sent_term = n->max_commit = 0;
    n->boots = 0;
    n->lives++;
}

void replay_on_fault(struct replay *rp, struct node *n, const struct rec *r)
{
    struct trace_text name = rec_text(r, "node"), kind = rec_text(r, "kind");
    (void)n;
    if (name.p == NULL)
        return;
    struct node *hit = replay_node(rp, replay_number(rp, name.p, name.n));
    if (trace_text_is(kind, "skew"))
        hit->wrong_clock = true;
    else if (trace_text_is(kind, "wipe"))
        wiped(hit);
}
