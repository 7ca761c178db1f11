/* raft_log.c -- the log (§5.3, Figure 2 "State"): entries in order from base + 1, of terms that never decrease. What
 * was before is in the state machine alone: it is applied, so committed, and a snapshot can tell it (§7).
 *
 * Entries never change; a leader only appends (Leader Append-Only, Figure 3); a follower removes a tail only where it
 * conflicts with its leader's, and never a committed entry. What is removed is freed in the next step: the effects of
 * this one may still name it, and so may the array of pointers that messages borrow. */
#include "raft_int.h"

size_t raft_log_bytes(const struct entry *e)
{
    return ((const struct stored *)(uintptr_t)e)->bytes;
}

static struct stored *store(uint64_t index, uint64_t term, const struct entry *command)
{
    size_t mid = strlen(command->mid) + 1, key = strlen(command->key) + 1, value = strlen(command->value) + 1;
    struct stored *s = raft_alloc(sizeof *s + mid + key + value);
    char *text = (char *)(s + 1);
    memcpy(text, command->mid, mid);
    memcpy(text + mid, command->key, key);
    memcpy(text + mid + key, command->value, value);
    s->e = (struct entry){.index = index,
                          .term = term,
                          .op = command->op,
                          .client = command->client,
                          .mid = text,
                          .key = text + mid,
                          .value = text + mid + key};
    s->e.hash = entry_hash(&s->e);
    s->bytes = raft_entry_bytes(&s->e);
    s->refs = 1;
    return s;
}

void raft_entry_hold(const struct entry *e)
{
    ((struct stored *)(uintptr_t)e)->refs++;
}

void raft_entry_drop(struct raft *r, const struct entry *e)
{
    struct stored *s = (struct stored *)(uintptr_t)e;
    if (--s->refs)
        return;
    s->next_dead = r->log.dead;
    r->log.dead = s;
}

/* ---- the array ---- */

static void clear_shelf(struct log *l)
{
    if (!l->shelf)
        return;
    l->shelf->next_dead = l->dead_shelves;
    l->dead_shelves = l->shelf;
    l->shelf = NULL;
}

/* To another array without the first `gone` entries, with room for twice of what stays. */
static void move_shelf(struct log *l, size_t gone)
{
    size_t room = 16;
    while (room < 2 * (l->n - gone))
        room *= 2;
    struct shelf *to = raft_alloc(sizeof *to + room * sizeof *to->v);
    to->room = room;
    if (l->n > gone)
        memcpy(to->v, l->shelf->v + gone, (l->n - gone) * sizeof *to->v);
    clear_shelf(l);
    l->shelf = to;
    l->n -= gone;
}

static const struct entry *push(struct log *l, uint64_t term, const struct entry *command)
{
    if (!l->shelf || l->n == l->shelf->room)
        move_shelf(l, 0);
    const struct entry *e = &store(l->base_index + l->n + 1, term, command)->e;
    l->shelf->v[l->n++] = e;
    return e;
}

void raft_log_sweep(struct raft *r)
{
    while (r->log.dead) {
        struct stored *s = r->log.dead;
        r->log.dead = s->next_dead;
        free(s);
    }
    while (r->log.dead_shelves) {
        struct shelf *s = r->log.dead_shelves;
        r->log.dead_shelves = s->next_dead;
        free(s);
    }
}

void raft_log_free(struct raft *r)
{
    while (r->log.n)
        raft_entry_drop(r, r->log.shelf->v[--r->log.n]);
    clear_shelf(&r->log);
    raft_log_sweep(r);
}

/* ---- what it tells ---- */

const struct entry *const *raft_log_from(const struct raft *r, uint64_t index)
{
    assert(index > r->log.base_index && index <= raft_last(r));
    return r->log.shelf->v + (index - r->log.base_index - 1);
}

const struct entry *raft_entry(const struct raft *r, uint64_t index)
{
    return index > r->log.base_index && index <= raft_last(r) ? *raft_log_from(r, index) : NULL;
}

uint64_t raft_base(const struct raft *r, uint64_t *term)
{
    if (term)
        *term = r->log.base_term;
    return r->log.base_index;
}

uint64_t raft_term_at(const struct raft *r, uint64_t index)
{
    return index == r->log.base_index ? r->log.base_term : (*raft_log_from(r, index))->term;
}

uint64_t raft_last_at_most(const struct raft *r, uint64_t limit, uint64_t term)
{
    uint64_t base = r->log.base_index;
    if (limit < base || r->log.base_term > term)
        return base ? raft_min(limit, base - 1) : 0;
    uint64_t low = base, high = raft_min(limit, raft_last(r)); /* the answer is in low..high */
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (raft_term_at(r, middle) <= term)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* ---- changes ---- */

const struct entry *raft_log_append(struct raft *r, uint64_t term, const struct entry *command)
{
    assert(term >= raft_term_at(r, raft_last(r)) && term <= r->term);
    const struct entry *e = push(&r->log, term, command);
    if (!r->fx->appended_from)
        r->fx->appended_from = e->index;
    raft_emit(r, RAFT_NOTE_APPEND)->entry = e;
    if (e->op == ENTRY_CONF)
        raft_conf_appended(r, e);
    return e;
}

void raft_log_truncate(struct raft *r, uint64_t from)
{
    uint64_t last = raft_last(r);
    assert(from > r->commit && from <= last && r->role == RAFT_FOLLOWER);
    while (raft_last(r) >= from)
        raft_entry_drop(r, r->log.shelf->v[--r->log.n]);
    struct raft_effects *fx = r->fx;
    if (!fx->truncated_from || from < fx->truncated_from)
        fx->truncated_from = from;
    if (from <= fx->appended_from)
        fx->appended_from = 0; /* they came in this step, and went */
    r->durable = raft_min(r->durable, from - 1);
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TRUNCATE);
    e->index = from;
    e->old = last;
    e->why = WHY_CONFLICT;
    raft_conf_truncated(r, from);
}

void raft_log_give_up(struct raft *r, uint64_t index, uint64_t term, const char *conf)
{
    struct log *l = &r->log;
    assert(index > l->base_index);
    bool known = index <= raft_last(r) && raft_term_at(r, index) == term;
    size_t gone = known ? index - l->base_index : l->n;
    for (size_t i = 0; i < gone; i++) {
        const struct entry *e = l->shelf->v[i];
        if (e->index <= r->applied)
            l->applied_bytes -= raft_log_bytes(e);
        raft_entry_drop(r, e);
    }
    if (gone)
        move_shelf(l, gone);
    if (!known)
        raft_conf_truncated(r, l->base_index + 1);
    l->base_index = index;
    l->base_term = term;
    raft_conf_reset(r, index, conf);
}

/* ---- what stable storage held ---- */

/* A leader could have made it, after an entry of term `after`; and it can be sent on. */
static bool entry_is_sound(const struct raft *r, const struct entry *e, uint64_t after)
{
    return raft_op_is_sound(e) && e->index == raft_last(r) + 1 && e->term && e->term >= after && e->term <= r->term &&
           raft_entry_bytes(e) <= RAFT_ENTRY_BYTES_MAX;
}

bool raft_log_restore(struct raft *r, const struct raft_restored *from)
{
    struct log *l = &r->log;
    l->base_index = from->base_index;
    l->base_term = from->base_term;
    if ((l->base_index == 0) != (l->base_term == 0) || l->base_term > r->term || l->base_index > COUNT_MAX)
        return false;
    struct entry e;
    while (from->next_entry && from->next_entry(from->ctx, &e)) {
        if (!entry_is_sound(r, &e, raft_term_at(r, raft_last(r))))
            return false;
        const struct entry *own = push(l, e.term, &e);
        if (own->index <= from->applied)
            l->applied_bytes += raft_log_bytes(own);
        if (own->op == ENTRY_CONF)
            raft_conf_appended(r, own);
    }
    return from->applied >= l->base_index && from->applied <= raft_last(r);
}
