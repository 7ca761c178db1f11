/* load_floor.c -- see load_floor.h. */
#include "load_floor.h"

#include <stdio.h>

#include "../../analyze/db.h"

/* The tables that grow with the run; `edges` is filled by indexes.sql. Columns are named because of generated ones. */
static const char *const copy_sql =
    "BEGIN;"
    "INSERT INTO main.records SELECT id, run_id, node, boot, seq, t, lc, ev, cause, term, role, commit_idx, "
    "applied_idx,"
    " last_idx, source_id, line, body FROM loaded.records;"
    "INSERT INTO main.messages(msg_id, run_id, d, copy, mid, src, dst, type, term, size, t_send, t_in, t_out, t_recv,"
    " fate, why, fault_id, send_rec, in_rec, out_rec, drop_rec, recv_rec, ambiguous) SELECT msg_id, run_id, d, copy, "
    "mid,"
    " src, dst, type, term, size, t_send, t_in, t_out, t_recv, fate, why, fault_id, send_rec, in_rec, out_rec, "
    "drop_rec,"
    " recv_rec, ambiguous FROM loaded.messages;"
    "INSERT INTO main.ops SELECT * FROM loaded.ops;"
    "INSERT INTO main.op_tries SELECT * FROM loaded.op_tries;"
    "INSERT INTO main.log_entries SELECT * FROM loaded.log_entries;"
    "COMMIT;";

int load_floor(const char *dir)
{
    char path[4200], attach[4400];
    struct db db;
    snprintf(path, sizeof path, "%s/floor.db", dir);
    snprintf(attach, sizeof attach, "ATTACH '%s/run.db' AS loaded", dir);
    bool ok = db_create(&db, path) && db_exec(&db, attach) && db_exec(&db, copy_sql) && db_exec(&db, "DETACH loaded") &&
              db_exec(&db, db_embedded("indexes.sql"));
    if (!ok)
        fprintf(stderr, "%s\n", db.err);
    db_close(&db);
    return ok ? 0 : 1;
}
