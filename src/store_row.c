/* store_row.c -- rows to values and back. Each row of log and meta carries a sum of its other columns: SQLite does not
 * notice a bit that flips within a value, and an entry that differs from the other replicas' must never be applied. */
#include "store_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids and sums ---- */

void store_id_text(node_id id, char text[5])
{
    static const char digits[] = "0123456789ABCDEF";
    char *p = text;
    for (int shift = 12; id != NODE_NONE && shift >= 0; shift -= 4)
        *p++ = digits[id >> shift & 0xf];
    *p = '\0';
}

bool store_id_value(const char *text, node_id *id)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned v = 0;
    *id = NODE_NONE;
    if (!text || (*text && strlen(text) != 4))
        return false;
    if (!*text)
        return true;
    for (; *text; text++) {
        const char *digit = strchr(digits, *text);
        if (!digit)
            return false;
        v = v << 4 | (unsigned)(digit - digits);
    }
    *id = (node_id)v;
    return v != NODE_NONE;
}

/* The finish of MurmurHash3 (Appleby). */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

static uint64_t sum_number(uint64_t sum, uint64_t v)
{
    return mix((sum + UINT64_C(0x9e3779b97f4a7c15)) ^ v);
}

static uint64_t sum_text(uint64_t sum, const char *s)
{
    return sum_number(sum, snapshot_digest((const unsigned char *)s, strlen(s)));
}

static uint64_t sum_entry(const struct entry *e)
{
    return sum_number(sum_number(e->hash, e->index), e->term);
}

static uint64_t sum_meta(const struct meta *m, const char *id, const char *cluster)
{
    uint64_t sum = sum_text(sum_text(sum_text(1, id), cluster), m->base_conf);
    const uint64_t numbers[] = {m->boot, m->term, m->voted, m->applied, m->base_index, m->base_term, m->digest};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sum = sum_number(sum, numbers[i]);
    return sum;
}

/* ---- the log ---- */

static const char *const ops[] = {[ENTRY_NOOP] = "noop", [ENTRY_PUT] = "put", [ENTRY_CONF] = "conf"};

bool store_append(struct store *s, const struct entry *e)
{
    char client[5];
    store_id_text(e->client, client);
    sqlite3_stmt *st = s->append;
    store_bind_number(st, 1, e->index);
    store_bind_number(st, 2, e->term);
    store_bind_text(st, 3, ops[e->op]);
    store_bind_text(st, 4, client);
    store_bind_text(st, 5, e->mid);
    store_bind_text(st, 6, e->key);
    store_bind_text(st, 7, e->value);
    store_bind_number(st, 8, sum_entry(e));
    s->last = e->index;
    return store_run(s, st);
}

bool store_entry(sqlite3_stmt *row, struct entry *e)
{
    const char *op = store_text(row, 2, 4);
    *e = (struct entry){.mid = store_text(row, 4, MID_MAX),
                        .key = store_text(row, 5, DATAGRAM_MAX),
                        .value = store_text(row, 6, DATAGRAM_MAX)};
    bool known = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (op && strcmp(op, ops[i]) == 0) {
            e->op = (enum entry_op)i;
            known = true;
        }
    if (!known || !e->mid || !e->key || !e->value || !store_number(row, 0, &e->index) ||
        !store_number(row, 1, &e->term) || !store_id_value(store_text(row, 3, 4), &e->client))
        return false;
    e->hash = entry_hash(e);
    return (uint64_t)sqlite3_column_int64(row, 7) == sum_entry(e);
}

/* ---- meta ---- */

bool store_write_meta(struct store *s)
{
    const struct meta *m = &s->meta;
    char voted[5];
    store_id_text(m->voted, voted);
    sqlite3_stmt *st = s->write_meta;
    store_bind_text(st, 1, s->id);
    store_bind_text(st, 2, s->cluster);
    store_bind_number(st, 3, m->boot);
    store_bind_number(st, 4, m->term);
    store_bind_text(st, 5, voted);
    store_bind_number(st, 6, m->applied);
    store_bind_number(st, 7, m->base_index);
    store_bind_number(st, 8, m->base_term);
    store_bind_text(st, 9, m->base_conf);
    store_bind_number(st, 10, m->digest);
    store_bind_number(st, 11, sum_meta(m, s->id, s->cluster));
    return store_run(s, st);
}

static bool read_row(sqlite3_stmt *row, struct meta *m, const char **id, const char **cluster)
{
    *id = store_text(row, 0, 4);
    *cluster = store_text(row, 1, SIZE_MAX);
    const char *conf = store_text(row, 8, CONF_TEXT_MAX);
    if (!*id || !*cluster || !conf || !store_number(row, 2, &m->boot) || !store_number(row, 3, &m->term) ||
        !store_id_value(store_text(row, 4, 4), &m->voted) || !store_number(row, 5, &m->applied) ||
        !store_number(row, 6, &m->base_index) || !store_number(row, 7, &m->base_term))
        return false;
    m->digest = (uint64_t)sqlite3_column_int64(row, 9);
    free(m->base_conf);
    m->base_conf = strdup(conf);
    return m->base_conf && (uint64_t)sqlite3_column_int64(row, 10) == sum_meta(m, *id, *cluster) &&
           m->base_index <= m->applied && m->base_term <= m->term && (m->base_index == 0) == (m->base_term == 0);
}

bool store_read_meta(struct store *s, char **id, char **cluster)
{
    sqlite3_stmt *st;
    const char *found_id, *found_cluster;
    *id = *cluster = NULL;
    if (!store_prepare(s, &st,
                       "SELECT id, cluster, boot, term, voted, applied, base_idx, base_term, base_conf, digest, sum"
                       " FROM meta"))
        return false;
    bool ok = store_next(s, st) && read_row(st, &s->meta, &found_id, &found_cluster);
    if (ok) {
        *id = strdup(found_id);
        *cluster = strdup(found_cluster);
        ok = *id && *cluster && !store_next(s, st);
    }
    sqlite3_finalize(st);
    return (ok && !s->failed) || store_damaged(s, "table meta is not as it was written");
}
