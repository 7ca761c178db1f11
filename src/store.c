/* store.c -- each change is one transaction, appended to SQLite's write-ahead log with one fdatasync. */
#include "store_int.h"

#include <stdlib.h>
#include <time.h>

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool append_from(struct store *s, const struct raft *core, uint64_t from)
{
    uint64_t last = raft_brief(core).last;
    for (uint64_t i = from; i <= last; i++) {
        const struct entry *e = raft_entry(core, i);
        if (!e || i != s->last + 1)
            return store_fail(s, STORE_IO_ERROR, "entry %llu does not follow on %llu (this is a defect of the program)",
                              (unsigned long long)i, (unsigned long long)s->last);
        if (!store_append(s, e))
            return false;
    }
    return true;
}

static bool truncate_from(struct store *s, uint64_t index)
{
    s->last = index - 1;
    return store_run_once(s, "DELETE FROM log WHERE idx >= ?", 1, &index);
}

static bool change_log(struct store *s, const struct store_change *c)
{
    if (c->snapshot && c->installed)
        return store_replace(s, c) && append_from(s, c->core, c->base_index + 1);
    /* Entries before the state machine, which is never beyond the last of them: they may be new and applied already. */
    return (!c->truncated_from || truncate_from(s, c->truncated_from)) &&
           (!c->appended_from || append_from(s, c->core, c->appended_from)) && (!c->snapshot || store_advance(s, c));
}

static bool change_meta(struct store *s, const struct store_change *c)
{
    if (c->vote) {
        s->meta.term = raft_brief(c->core).term;
        s->meta.voted = raft_voted_for(c->core);
    }
    return (!c->vote && !c->snapshot) || store_write_meta(s);
}

bool store_save(struct store *s, struct store_change *c)
{
    uint64_t start = now_us();
    bool ok = !s->failed && store_run(s, s->begin) && change_log(s, c) && change_meta(s, c) && store_run(s, s->commit);
    if (!ok && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL,
                     NULL); /* what failed is noted; nothing can be done if this fails too */
    c->took_us = now_us() - start;
    return ok;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    sqlite3_finalize(s->cursor.row);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_finalize(s->append);
    sqlite3_finalize(s->write_meta);
    sqlite3_close(s->db);
    free(s->meta.base_conf);
    free(s->cluster);
    free(s->path);
    free(s);
}
