#include "advice.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* What happens in every run: if it is in no trace, nobody recorded it. The rest may just not have happened. */
static const char *const usual[] = {
    "role.change", "log.append", "commit.advance", "apply",     "term.change", "vote.grant",
    "msg.send",    "msg.recv",   "req.reply",      "timer.set", "node.start",
};
enum { USUAL = sizeof usual / sizeof *usual, ADVISED = 4 };
typedef uint32_t event_set; /* bit i: usual[i] */

struct need {
    const char *id;
    event_set of;
};

/* The usual records that nobody has written. */
static event_set missing(struct db *db)
{
    event_set set = 0;
    sqlite3_stmt *q =
        db_prepare(db, "SELECT 1 FROM records WHERE run_id IN (SELECT run_id FROM runs) AND ev = :ev LIMIT 1");
    for (int i = 0; i < USUAL && !db->failed; i++) {
        db_bind_text(db, q, ":ev", usual[i]);
        if (!db_row(db, q))
            set |= UINT32_C(1) << i;
        sqlite3_reset(q);
    }
    db_done(db, q);
    return set;
}

static event_set named_in(const char *needs)
{
    event_set set = 0;
    char group[CHECK_EVENT], ev[CHECK_EVENT];
    for (const char *p = needs; p != NULL && (p = check_next_word(p, " ", group)) != NULL;) {
        if (check_next_word(group, "|", ev) == NULL)
            continue;
        for (int i = 0; i < USUAL; i++) {
            if (strcmp(ev, usual[i]) == 0)
                set |= UINT32_C(1) << i;
        }
    }
    return set;
}

static unsigned switched_on(const struct need *v, size_t n, event_set have)
{
    unsigned on = 0;
    for (size_t i = 0; i < n; i++)
        on += (v[i].of & ~have) == 0;
    return on;
}

static unsigned bits(event_set set)
{
    unsigned n = 0;
    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* Few enough to try them all. */
static event_set best_of(const struct need *v, size_t n, event_set among)
{
    event_set best = 0;
    unsigned most = 0;
    for (event_set set = 1; set < UINT32_C(1) << USUAL; set++) {
        if ((set & ~among) != 0 || bits(set) > ADVISED)
            continue;
        unsigned on = switched_on(v, n, set);
        if (on > most || (on == most && bits(set) < bits(best))) {
            best = set;
            most = on;
        }
    }
    return best;
}

/* The checks that `next` switches on, with those that are there. */
static json_t *row(const struct need *v, size_t n, event_set have, int next)
{
    char ids[400] = "";
    size_t used = 0;
    int on = 0;
    event_set with = have | UINT32_C(1) << next;
    for (size_t i = 0; i < n; i++) {
        if ((v[i].of & ~have) == 0 || (v[i].of & ~with) != 0)
            continue;
        on++;
        int w = snprintf(ids + used, sizeof ids - used, "%s%s", used > 0 ? " " : "", v[i].id);
        used += w > 0 && used + (size_t)w < sizeof ids ? (size_t)w : 0;
    }
    return json_pack("{s:s, s:i, s:s}", "record", usual[next], "checks", on, "switches_on", ids);
}

char *advice_json(struct db *db)
{
    enum { CHECKS = 200 };
    struct need v[CHECKS];
    size_t n = 0;
    event_set lacks = missing(db), have = 0;
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL && n < CHECKS; i++) {
        event_set of = named_in(c->needs) & lacks;
        if (of != 0)
            v[n++] = (struct need){.id = c->id, .of = of};
    }
    json_t *rows = json_array();
    for (event_set left = best_of(v, n, lacks); left != 0;) {
        int next = -1;
        unsigned most = 0;
        for (int i = 0; i < USUAL; i++) {
            if ((left >> i & 1U) == 0)
                continue;
            unsigned on = switched_on(v, n, have | UINT32_C(1) << i) - switched_on(v, n, have);
            if (next < 0 || on > most) {
                next = i;
                most = on;
            }
        }
        json_array_append_new(rows, row(v, n, have, next));
        have |= UINT32_C(1) << next;
        left &= ~(UINT32_C(1) << next);
    }
    char *text = db->failed ? NULL : json_dumps(rows, JSON_COMPACT);
    json_decref(rows);
    return text;
}
