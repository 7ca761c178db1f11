#include "client_show.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "wire.h"

void kv_show_text(FILE *out, const char *text, bool terminal)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        /* U+0080 to U+009F are control characters too, two bytes in UTF-8. */
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        if (terminal && (*p < 0x20 || *p == 0x7f || c1))
            fprintf(out, "\\x%02x", c1 ? *++p : *p);
        else
            fputc(*p, out);
    }
}

/* ---- who leads, and what it knows of the others ---- */

/* The one that leads in the highest term: a deposed leader may not know it yet. */
static const struct client_server *leading(const struct client_server *servers, unsigned n)
{
    const struct client_server *best = NULL;
    for (unsigned i = 0; i < n; i++)
        if (servers[i].answered && strcmp(servers[i].status.role, "leader") == 0 &&
            (!best || servers[i].term > best->term))
            best = &servers[i];
    return best;
}

static const struct member_status *seen_by(const struct client_server *leader, node_id id)
{
    for (size_t i = 0; leader && i < leader->status.n_members; i++)
        if (leader->status.members[i].id == id && id != leader->id)
            return &leader->status.members[i];
    return NULL;
}

/* It has been removed, or was never added: the leader does not name it. */
static bool no_member(const struct client_server *leader, const struct client_server *s)
{
    return leader && s != leader && s->id != NODE_NONE && !seen_by(leader, s->id);
}

static uint64_t lag_of(const struct client_server *leader, const struct member_status *m)
{
    return leader->status.last > m->match ? leader->status.last - m->match : 0;
}

/* ---- as a table ---- */

#define COLUMNS 12
#define CELL    (ADDRESS_MAX * 4 + 1)

/* Text of others, fit for a terminal. */
static void cell_text(char cell[CELL], const char *text)
{
    size_t n = 0;
    for (; *text && n < CELL - 1; text++)
        cell[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    cell[n] = '\0';
}

static void cell_id(char cell[CELL], node_id id)
{
    if (id == NODE_NONE)
        snprintf(cell, CELL, "-");
    else
        wire_node_text(id, cell);
}

static void cell_n(char cell[CELL], uint64_t n)
{
    snprintf(cell, CELL, "%" PRIu64, n);
}

static void fill_row(char row[COLUMNS][CELL], const struct client_server *s, const struct client_server *leader)
{
    const struct member_status *seen = seen_by(leader, s->id);
    for (unsigned i = 0; i < COLUMNS; i++)
        snprintf(row[i], CELL, "-");
    cell_id(row[0], s->id);
    cell_text(row[1], s->text);
    snprintf(row[2], CELL, "no answer");
    if (s->answered) {
        cell_text(row[2], s->status.role);
        cell_n(row[3], s->term);
        cell_id(row[4], s->leader);
        cell_n(row[5], s->status.commit);
        cell_n(row[6], s->status.applied);
        cell_n(row[7], s->status.last);
        cell_n(row[10], s->status.keys);
        cell_text(row[11], s->status.durable);
    }
    if (seen) {
        snprintf(row[8], CELL, "%" PRIu64 " (%.20s)", lag_of(leader, seen), seen->state);
        snprintf(row[9], CELL, "%" PRIu64 " ms", seen->silent_ms);
    } else if (no_member(leader, s)) {
        snprintf(row[8], CELL, "(no member)");
    }
}

void kv_show_table(const struct client_server *servers, unsigned n)
{
    static char rows[CLIENT_SERVERS_MAX + 1][COLUMNS][CELL];
    static const char *const heads[COLUMNS] = {"ID",      "ADDRESS", "ROLE", "TERM",   "LEADER", "COMMIT",
                                               "APPLIED", "LAST",    "LAG",  "SILENT", "KEYS",   "STORE"};
    const struct client_server *leader = leading(servers, n);
    for (unsigned c = 0; c < COLUMNS; c++)
        snprintf(rows[0][c], CELL, "%s", heads[c]);
    for (unsigned i = 0; i < n; i++)
        fill_row(rows[i + 1], &servers[i], leader);
    for (unsigned i = 0; i <= n; i++) {
        for (unsigned c = 0; c < COLUMNS; c++) {
            int width = 0;
            for (unsigned k = 0; k <= n; k++)
                width = (int)strlen(rows[k][c]) > width ? (int)strlen(rows[k][c]) : width;
            printf(c + 1 < COLUMNS ? "%-*s  " : "%.*s", c + 1 < COLUMNS ? width : CELL, rows[i][c]);
        }
        printf("\n");
    }
}

/* ---- as JSON ---- */

static json_t *id_of(node_id id)
{
    char text[NODE_TEXT];
    wire_node_text(id, text);
    return id == NODE_NONE ? json_null() : json_string(text);
}

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *of_server(const struct client_server *s, const struct client_server *leader)
{
    const struct member_status *seen = seen_by(leader, s->id);
    json_t *o = json_object();
    json_object_set_new(o, "id", id_of(s->id));
    json_object_set_new(o, "address", json_string(s->text));
    json_object_set_new(o, "answered", json_boolean(s->answered));
    if (s->answered) {
        const struct status *t = &s->status;
        json_object_set_new(o, "role", json_string(t->role));
        json_object_set_new(o, "term", number(s->term));
        json_object_set_new(o, "leader", id_of(s->leader));
        json_object_set_new(o, "boot", number(t->boot));
        json_object_set_new(o, "commit", number(t->commit));
        json_object_set_new(o, "applied", number(t->applied));
        json_object_set_new(o, "first", number(t->first));
        json_object_set_new(o, "last", number(t->last));
        json_object_set_new(o, "keys", number(t->keys));
        json_object_set_new(o, "lease_ms", number(t->lease_ms));
        json_object_set_new(o, "durable", json_string(t->durable));
    }
    if (seen) {
        json_object_set_new(o, "state", json_string(seen->state));
        json_object_set_new(o, "match", number(seen->match));
        json_object_set_new(o, "lag", number(lag_of(leader, seen)));
        json_object_set_new(o, "silent_ms", number(seen->silent_ms));
    } else if (no_member(leader, s)) {
        json_object_set_new(o, "state", json_string("no member"));
    }
    return o;
}

void kv_show_json(const struct client_server *servers, unsigned n)
{
    const struct client_server *leader = leading(servers, n);
    json_t *all = json_object(), *list = json_array();
    json_object_set_new(all, "leader", leader ? id_of(leader->id) : json_null());
    json_object_set_new(all, "servers", list);
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(list, of_server(&servers[i], leader));
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}
