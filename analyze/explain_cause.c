/* explain_cause.c -- which violation to look at first, and which others led to it. */
#include "explain_int.h"

#include <stdio.h>
#include <string.h>

/* ---- how bad ---- */

/* Lower is worse: what clients or state machines saw, then Raft's safety properties and what clients might have seen,
 * then the rest. */
static const struct {
    const char *prefix;
    int rank;
} severities[] = {
    {"LIN", 0}, {"SMS", 0},  {"ES", 1},    {"LC", 1},   {"LM", 1},   {"LAO", 1},
    {"DUR", 1}, {"CONF", 2}, {"TRACE", 3}, {"LIVE", 4}, {"COST", 5},
};

static int rank_of(const char *severity, const char *check)
{
    if (strncmp(severity, "LIN", 3) == 0 && check[0] != 'C')
        return 1; /* a rule that guards clients: whether one of them saw it, checks on histories say */
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        if (strncmp(severity, severities[i].prefix, strlen(severities[i].prefix)) == 0)
            return severities[i].rank;
    }
    return 2;
}

/* Where two rules are broken by one deed, the first says more precisely what it was. */
static const struct {
    const char *precise, *other;
} pairs[] = {
    {"R32", "R31"}, {"R14", "R7"},  {"R1", "R7"},   {"R51", "R7"},  {"R49", "R7"},  {"R49", "R51"},
    {"R1", "R14"},  {"R46", "R45"}, {"R44", "R46"}, {"R58", "R31"}, {"R21", "R22"}, {"R22", "R23"},
    {"R24", "R25"}, {"R12", "R13"}, {"R44", "R45"}, {"R44", "R47"}, {"R46", "R47"}, {"R45", "R47"},
};
enum {
    PAIRS_OF_WORST = 10
}; /* those that replace the worst violation: the others are effects with names of their own */

/* The violation of a more precise rule: of the same node, and not later. 0 = none. */
static int64_t more_precise(struct db *db, int64_t v)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT c.violation_id FROM violations v JOIN violations c ON c.run_id = v.run_id AND c.node IS v.node"
            " AND c.t <= v.t WHERE v.violation_id = :v AND v.\"check\" = :other AND c.\"check\" = :precise"
            " ORDER BY c.violation_id LIMIT 1");
    int64_t found = 0;
    for (size_t i = 0; i < PAIRS_OF_WORST && found == 0; i++) {
        db_bind_int(db, q, ":v", v);
        db_bind_text(db, q, ":other", pairs[i].other);
        db_bind_text(db, q, ":precise", pairs[i].precise);
        found = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
    }
    db_done(db, q);
    return found;
}

int64_t explain_worst_of(struct db *db, int64_t run_id)
{
    int64_t worst = 0;
    int rank = 100;
    sqlite3_stmt *q =
        db_prepare(db, "SELECT violation_id, severity, \"check\" FROM violations WHERE :run IN (0, run_id)"
                       " ORDER BY violation_id");
    db_bind_int(db, q, ":run", run_id);
    while (db_row(db, q)) {
        int this = rank_of((const char *)sqlite3_column_text(q, 1), (const char *)sqlite3_column_text(q, 2));
        if (this < rank) {
            rank = this;
            worst = sqlite3_column_int64(q, 0);
        }
    }
    db_done(db, q);
    for (int64_t precise = worst; precise != 0; precise = more_precise(db, worst))
        worst = precise;
    return worst;
}

int64_t explain_worst(struct db *db)
{
    return explain_worst_of(db, 0);
}

bool explain_facts(struct db *db, int64_t v, struct explain_facts *f)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT run_id, \"check\", title, fingerprint, coalesce(first_bad_rec, 0), t, coalesce(node, '')"
                       " FROM violations WHERE violation_id = :v");
    db_bind_int(db, q, ":v", v);
    *f = (struct explain_facts){.v = v};
    bool found = db_row(db, q);
    if (found) {
        f->run_id = sqlite3_column_int64(q, 0);
        snprintf(f->check, sizeof f->check, "%s", (const char *)sqlite3_column_text(q, 1));
        snprintf(f->title, sizeof f->title, "%s", (const char *)sqlite3_column_text(q, 2));
        snprintf(f->class, sizeof f->class, "%s", (const char *)sqlite3_column_text(q, 3));
        f->bad = sqlite3_column_int64(q, 4);
        f->t = sqlite3_column_int64(q, 5);
        snprintf(f->node, sizeof f->node, "%s", (const char *)sqlite3_column_text(q, 6));
        f->is = class_find(f->class);
    }
    db_done(db, q);
    return found;
}

/* ---- what led to it ---- */

/* Can `c` have led to `f`? On a layer below, or a mere step on the same layer before its effect. */
static bool may_lead_to(const struct explain_facts *c, const struct explain_facts *f)
{
    if (c->is == NULL || f->is == NULL || c->v == f->v || (c->is->leads & f->is->is) == 0)
        return false;
    return c->is->layer < f->is->layer || (c->is->layer == f->is->layer && c->is->is == HARM_NONE);
}

static bool says_more(const char *a, const char *b)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(pairs[i].precise, a) == 0 && strcmp(pairs[i].other, b) == 0)
            return true;
    }
    return false;
}

/* The deed itself, seen by another check, before anything else; then whatever was first. */
static bool nearer(const struct explain_facts *a, bool a_same, const struct explain_facts *b, bool b_same)
{
    if (a_same != b_same)
        return a_same;
    if (says_more(a->check, b->check) || says_more(b->check, a->check))
        return says_more(a->check, b->check);
    if (a->t != b->t)
        return a->t < b->t;
    return a->is->layer != b->is->layer ? a->is->layer < b->is->layer : a->v < b->v;
}

/* One row for each class of each check is enough: its first. */
static const char candidates[] =
    "SELECT min(o.violation_id), max(v.first_bad_rec IS NOT NULL AND (o.first_bad_rec = v.first_bad_rec OR EXISTS"
    "   (SELECT 1 FROM violation_evidence e WHERE e.violation_id = o.violation_id AND e.rec = v.first_bad_rec)))"
    " FROM violations v JOIN violations o ON o.run_id = v.run_id AND o.\"check\" <> v.\"check\" AND o.t <= v.t"
    " WHERE v.violation_id = :v AND o.\"check\" NOT GLOB 'C*' GROUP BY o.\"check\", o.fingerprint";

static int64_t cause_of(struct db *db, const struct explain_facts *f)
{
    sqlite3_stmt *q = db_prepare(db, candidates);
    db_bind_int(db, q, ":v", f->v);
    struct explain_facts best = {.v = 0}, c;
    bool best_same = false;
    while (db_row(db, q)) {
        bool same = sqlite3_column_int(q, 1) != 0;
        if (!explain_facts(db, sqlite3_column_int64(q, 0), &c) || !may_lead_to(&c, f))
            continue;
        if (best.v == 0 || nearer(&c, same, &best, best_same)) {
            best = c;
            best_same = same;
        }
    }
    db_done(db, q);
    return best.v;
}

size_t explain_causes(struct db *db, int64_t v, int64_t chain[EXPLAIN_CAUSES])
{
    size_t n = 0;
    struct explain_facts f;
    while (n < EXPLAIN_CAUSES && explain_facts(db, v, &f) && (v = cause_of(db, &f)) != 0)
        chain[n++] = v;
    return n;
}
