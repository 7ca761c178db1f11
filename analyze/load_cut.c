/* load_cut.c -- was the trace of a killed process cut short? A process that is killed leaves no trace.close, so its
 * file cannot tell; the simulator's can: with write-ahead tracing (trace/README.md) nothing leaves a process that its
 * trace does not tell, and what is handed to a running process is soon received: unless the simulator says how much the
 * process had not read, which may be busy, or stopped. */
#include "load_int.h"

#include <string.h>

#include "derive_int.h"

enum { UNREAD_NS = 100000000 }; /* so long may a datagram wait in the socket of a process that is not stopped */

/* What left the process after the last record that is here, and has no msg.send. */
static const char sent_sql[] =
    "SELECT b.node, b.boot, m.t_in FROM messages m JOIN boots b ON b.run_id = m.run_id AND b.node = m.src"
    " WHERE m.run_id = :run AND m.in_rec IS NOT NULL AND m.send_rec IS NULL AND m.ambiguous = 0 AND m.t_in > b.t_end"
    " AND b.end_kind = 'killed' AND NOT EXISTS (SELECT 1 FROM boots x WHERE x.run_id = b.run_id AND x.node = b.node"
    " AND x.boot > b.boot AND x.t_start <= m.t_in) ORDER BY m.t_in";

/* What was handed to it after that, outside the times at which it was stopped, and has no msg.recv. */
static const char handed_sql[] =
    "SELECT b.node, b.boot, m.t_out FROM messages m JOIN boots b ON b.run_id = m.run_id AND b.node = m.dst"
    " WHERE m.run_id = :run AND m.out_rec IS NOT NULL AND m.recv_rec IS NULL AND m.ambiguous = 0 AND m.t_out > b.t_end"
    " AND b.end_kind = 'killed' AND NOT EXISTS (SELECT 1 FROM boots x WHERE x.run_id = b.run_id AND x.node = b.node"
    " AND x.boot > b.boot AND x.t_start <= m.t_out)"
    " AND NOT EXISTS (SELECT 1 FROM faults f WHERE f.run_id = b.run_id AND f.node = b.node AND f.kind = 'pause'"
    " AND f.t_begin <= m.t_out + 100000000 AND ifnull(f.t_end, 9e18) >= b.t_end) ORDER BY m.t_out";

static void count(struct load *l, const char *sql, bool sent)
{
    sqlite3_stmt *q = db_prepare(&l->db, sql);
    db_bind_int(&l->db, q, ":run", l->run_id);
    while (db_row(&l->db, q)) {
        const char *node = (const char *)sqlite3_column_text(q, 0);
        struct boot *b = load_boot(l, (struct trace_text){node, strlen(node)}, sqlite3_column_int64(q, 1));
        int64_t t = sqlite3_column_int64(q, 2);
        if (sent ? !b->node->sends : !b->node->receives || (b->unread < 0 && t + UNREAD_NS >= b->t_killed))
            continue;
        if (b->cut_sends + b->cut_recvs == 0 || t < b->t_cut)
            b->t_cut = t;
        *(sent ? &b->cut_sends : &b->cut_recvs) += 1;
    }
    db_done(&l->db, q);
}

void load_cut_tails(struct load *l)
{
    struct db *db = &l->db;
    if (!l->has_net)
        return;
    count(l, handed_sql, false);
    for (size_t i = 0; i < l->n_boots; i++) {
        if (l->boot[i]->cut_recvs <= l->boot[i]->unread)
            l->boot[i]->cut_recvs = 0;
    }
    count(l, sent_sql, true);
    sqlite3_stmt *q = db_prepare(db, "UPDATE boots SET end_kind = 'cut', missing = :missing"
                                     " WHERE run_id = :run AND node = :node AND boot = :boot");
    for (size_t i = 0; i < l->n_boots && !db->failed; i++) {
        struct boot *b = l->boot[i];
        int64_t n = b->cut_sends + b->cut_recvs;
        if (n == 0)
            continue;
        b->missing += n;
        load_note(l, SEV_LOSS, "cut_tail", b->node->name->text, b->source, b->line_last, n,
                  "%s.%lld: the trace ends at %.3f ms, but from %.3f ms on the network saw %lld datagrams from it and "
                  "%lld to it that it does not tell of",
                  b->node->name->text, (long long)b->boot, (double)b->t_max / 1e6, (double)b->t_cut / 1e6,
                  (long long)b->cut_sends, (long long)b->cut_recvs);
        db_bind_int(db, q, ":missing", b->missing);
        db_bind_int(db, q, ":run", l->run_id);
        db_bind_text(db, q, ":node", b->node->name->text);
        db_bind_int(db, q, ":boot", b->boot);
        db_run(db, q);
    }
    db_done(db, q);
}
