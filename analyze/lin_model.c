/* lin_model.c -- values to states, operations of unknown outcome to classes. */
#include "lin_model.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is looked for ---- */

static int by_value(const void *pa, const void *pb)
{
    const struct observed *a = pa, *b = pb;
    return a->value < b->value ? -1 : a->value > b->value;
}

static int by_text(const void *pa, const void *pb)
{
    const struct observed *a = pa, *b = pb;
    int c = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    if (c != 0)
        return c;
    return a->n < b->n ? -1 : a->n > b->n;
}

/* The value that the operation depends on, if on any. */
static bool looks_for(const struct op *o, bool failed_cas_reads, uint32_t *value)
{
    bool failed = o->outcome == OUTCOME_FAILED;
    *value = o->kind == OP_READ ? o->value : o->expect;
    return o->kind == OP_READ || (o->kind == OP_CAS && (!failed || failed_cas_reads));
}

static bool find_observed(struct lin_model *m, const struct op *ops, size_t n, bool failed_cas_reads)
{
    m->seen = malloc((n + 1) * sizeof *m->seen);
    if (m->seen == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t value;
        if (!looks_for(&ops[i], failed_cas_reads, &value))
            continue;
        struct observed *x = &m->seen[m->n_seen++];
        *x = (struct observed){.value = value, .need = ops[i].ret};
        x->text = intern_text(m->values, value, &x->n);
    }
    qsort(m->seen, m->n_seen, sizeof *m->seen, by_value);
    size_t kept = 0;
    for (size_t i = 0; i < m->n_seen; i++) {
        if (kept > 0 && m->seen[kept - 1].value == m->seen[i].value) {
            if (m->seen[i].need > m->seen[kept - 1].need)
                m->seen[kept - 1].need = m->seen[i].need;
        } else {
            m->seen[kept++] = m->seen[i];
        }
    }
    m->n_seen = kept;
    if (m->appends)
        qsort(m->seen, m->n_seen, sizeof *m->seen, by_text);
    return true;
}

/* ---- states ---- */

static bool add_state(struct lin_model *m, uint32_t state, int64_t need)
{
    if (state >= m->cap_states) {
        uint32_t cap = state * 2 + 16;
        int64_t *p = realloc(m->need, cap * sizeof *p);
        if (p == NULL)
            return false;
        m->need = p;
        m->cap_states = cap;
    }
    m->need[state] = need;
    if (state >= m->n_states)
        m->n_states = state + 1;
    return true;
}

/* Until when a text that somebody looks for begins with this one; false when none does. */
static bool need_of(const struct lin_model *m, const char *text, size_t n, int64_t *need)
{
    struct observed x = {.text = text, .n = n};
    size_t lo = 0, hi = m->n_seen;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (by_text(&m->seen[mid], &x) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *need = INT64_MIN;
    bool any = false;
    for (; lo < m->n_seen && m->seen[lo].n >= n && memcmp(m->seen[lo].text, text, n) == 0; lo++) {
        any = true;
        *need = m->seen[lo].need > *need ? m->seen[lo].need : *need;
    }
    return any;
}

static uint32_t state_of_text(struct lin_model *m, const char *text, size_t n)
{
    uint32_t id = intern_find(&m->texts, text, n);
    if (id != INTERN_NONE)
        return id == 0 ? MODEL_INITIAL : id + 1;
    int64_t need;
    if (!need_of(m, text, n, &need))
        return MODEL_DEAD;
    id = intern(&m->texts, text, n);
    return id != INTERN_NONE && add_state(m, id + 1, need) ? id + 1 : MODEL_NONE;
}

static uint32_t state_of(struct lin_model *m, uint32_t value)
{
    if (value == HISTORY_INITIAL)
        return m->need[MODEL_INITIAL] == INT64_MIN ? MODEL_DEAD : MODEL_INITIAL;
    if (m->appends) {
        size_t n;
        const char *text = intern_text(m->values, value, &n);
        return state_of_text(m, text, n);
    }
    struct observed x = {.value = value};
    const struct observed *found = bsearch(&x, m->seen, m->n_seen, sizeof *m->seen, by_value);
    return found == NULL ? MODEL_DEAD : found->state;
}

static bool make_states(struct lin_model *m)
{
    int64_t need = INT64_MIN;
    if (m->appends) {
        need_of(m, "", 0, &need);
        return intern(&m->texts, "", 0) == 0 && add_state(m, MODEL_INITIAL, need) &&
               add_state(m, MODEL_DEAD, HISTORY_OPEN);
    }
    if (!add_state(m, MODEL_INITIAL, need) || !add_state(m, MODEL_DEAD, HISTORY_OPEN))
        return false;
    for (size_t i = 0; i < m->n_seen; i++) {
        m->seen[i].state = m->seen[i].value == HISTORY_INITIAL ? MODEL_INITIAL : m->n_states;
        if (!add_state(m, m->seen[i].state, m->seen[i].need))
            return false;
    }
    return true;
}

uint32_t lin_model_append(struct lin_model *m, uint32_t state, uint32_t piece)
{
    if (state == MODEL_DEAD)
        return MODEL_DEAD;
    size_t n, more;
    const char *head = intern_text(&m->texts, state == MODEL_INITIAL ? 0 : state - 1, &n);
    const char *tail = intern_text(m->values, piece, &more);
    if (n + more >= m->joined_cap) {
        char *p = realloc(m->joined, (n + more + 16) * 2);
        if (p == NULL)
            return MODEL_NONE;
        m->joined = p;
        m->joined_cap = (n + more + 16) * 2;
    }
    memcpy(m->joined, head, n);
    memcpy(m->joined + n, tail, more);
    return state_of_text(m, m->joined, n + more);
}

/* ---- operations ---- */

static enum model_role role_of(const struct op *o, bool failed_cas_reads)
{
    if (o->outcome == OUTCOME_FAILED)
        return o->kind == OP_CAS && failed_cas_reads ? MODEL_DIFFERS : MODEL_OUT;
    switch ((enum op_kind)o->kind) {
    case OP_READ:
        return MODEL_READ;
    case OP_WRITE:
        return MODEL_WRITE;
    case OP_CAS:
        return MODEL_CAS;
    case OP_APPEND:
        break;
    }
    return MODEL_APPEND;
}

static bool make_op(struct lin_model *m, const struct op *o, bool failed_cas_reads)
{
    struct model_op *x = &m->ops[m->n++];
    *x = (struct model_op){
        .call = o->call, .ret = o->ret, .class = MODEL_NONE, .role = (uint8_t)role_of(o, failed_cas_reads)};
    if (x->role == MODEL_OUT)
        return true;
    m->differs |= x->role == MODEL_DIFFERS;
    x->state = x->role == MODEL_APPEND ? o->value : state_of(m, o->value);
    x->expect = o->kind == OP_CAS ? state_of(m, o->expect) : MODEL_NONE;
    return x->state != MODEL_NONE && (x->expect != MODEL_NONE || o->kind != OP_CAS);
}

static int by_class(const void *pa, const void *pb)
{
    const struct model_class *a = pa, *b = pb;
    if (a->role != b->role)
        return a->role < b->role ? -1 : 1;
    if (a->state != b->state)
        return a->state < b->state ? -1 : 1;
    return a->expect < b->expect ? -1 : a->expect > b->expect;
}

/* Operations of unknown outcome that leave a dead state help only where any change does: where a cas failed because the
 * value differed, or where appends hang on what was there. */
static bool make_classes(struct lin_model *m, const struct op *ops)
{
    size_t n = 0;
    m->classes = malloc((m->n + 1) * sizeof *m->classes);
    if (m->classes == NULL)
        return false;
    for (size_t i = 0; i < m->n; i++) {
        struct model_op *x = &m->ops[i];
        if (ops[i].outcome != OUTCOME_UNKNOWN)
            continue;
        if (!m->appends && !m->differs && x->state == MODEL_DEAD)
            x->role = MODEL_OUT;
        else
            m->classes[n++] = (struct model_class){x->state, x->expect, x->role};
    }
    qsort(m->classes, n, sizeof *m->classes, by_class);
    for (size_t i = 0; i < n; i++) {
        if (m->n_classes == 0 || by_class(&m->classes[m->n_classes - 1], &m->classes[i]) != 0)
            m->classes[m->n_classes++] = m->classes[i];
    }
    for (size_t i = 0; i < m->n; i++) {
        struct model_op *x = &m->ops[i];
        struct model_class key = {x->state, x->expect, x->role};
        if (ops[i].outcome != OUTCOME_UNKNOWN || x->role == MODEL_OUT)
            continue;
        const struct model_class *c = bsearch(&key, m->classes, m->n_classes, sizeof key, by_class);
        x->class = (uint32_t)(c - m->classes);
    }
    return true;
}

bool lin_model_make(struct lin_model *m, const struct op *ops, size_t n, const struct intern *values,
                    bool failed_cas_reads)
{
    *m = (struct lin_model){.values = values, .ops = malloc((n + 1) * sizeof *m->ops)};
    bool ok = m->ops != NULL;
    for (size_t i = 0; i < n; i++)
        m->appends |= ops[i].kind == OP_APPEND && ops[i].outcome != OUTCOME_FAILED;
    ok = ok && find_observed(m, ops, n, failed_cas_reads) && make_states(m);
    for (size_t i = 0; ok && i < n; i++)
        ok = make_op(m, &ops[i], failed_cas_reads);
    ok = ok && make_classes(m, ops);
    if (!ok)
        lin_model_free(m);
    return ok;
}

void lin_model_free(struct lin_model *m)
{
    free(m->ops);
    free(m->classes);
    free(m->need);
    free(m->seen);
    free(m->joined);
    intern_free(&m->texts);
    *m = (struct lin_model){0};
}
