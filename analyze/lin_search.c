/* lin_search.c -- the search; lin_memo.c remembers where it has been. */
#include "lin_search.h"

#include <stdlib.h>
#include <string.h>

#include "lin_memo.h"
#include "trace.h"

/* One step down: the operation tried, and the reads that went along at once. */
struct frame {
    int64_t ret; /* the candidate tried last: candidates go by return, then index */
    uint32_t tried;
    uint32_t value; /* of the configuration, before the step */
    uint32_t lead;
    size_t trail;  /* length of the trail before the step */
    bool optional; /* the definite candidates are through: now those of unknown outcome */
};

struct search {
    const struct op **def; /* operations that did happen, by call */
    const struct op **opt; /* those that may have happened, by call */
    uint32_t n_def, n_opt;
    uint8_t *done_def, *done_opt;
    uint32_t *twin; /* per optional write, the one before it that writes the same: its number + 1, 0 = none */
    uint32_t lead;  /* def[0..lead) are done */
    uint32_t value;
    uint32_t *trail; /* what was done, in order: index, or OPTIONAL | index */
    size_t n_trail;
    struct frame *frames;
    size_t n_frames;
    struct intern *values;
    struct lin_memo memo;
    char *joined; /* room for a value with a piece appended */
    size_t joined_cap;
    uint64_t *mask; /* room for the configuration's words */
    bool no_memory;
};

#define OPTIONAL UINT32_C(0x80000000)

/* ---- what an operation does to a value ---- */

static bool legal(const struct op *o, uint32_t value)
{
    switch ((enum op_kind)o->kind) {
    case OP_READ:
        return o->value == value;
    case OP_CAS:
        return (o->expect == value) == (o->outcome != OUTCOME_FAILED);
    case OP_WRITE:
    case OP_APPEND:
        break;
    }
    return true;
}

/* Operations that change nothing go at once when they are legal. */
static bool silent(const struct op *o)
{
    return o->kind == OP_READ || o->outcome == OUTCOME_FAILED;
}

static uint32_t effect(struct search *s, const struct op *o, uint32_t value)
{
    if (o->kind != OP_APPEND)
        return o->value;
    size_t n, m;
    const char *head = intern_text(s->values, value, &n), *tail = intern_text(s->values, o->value, &m);
    if (n + m >= s->joined_cap) {
        char *p = realloc(s->joined, (n + m + 16) * 2);
        if (p == NULL) {
            s->no_memory = true;
            return value;
        }
        s->joined = p;
        s->joined_cap = (n + m + 16) * 2;
    }
    memcpy(s->joined, head, n);
    memcpy(s->joined + n, tail, m);
    uint32_t id = intern(s->values, s->joined, n + m);
    s->no_memory |= id == INTERN_NONE;
    return id == INTERN_NONE ? value : id;
}

/* ---- which operations may go next ---- */

/* An operation may go next when no other one that is still to come returned before it was called. Walks def[lead..]:
 * `horizon` is the earliest return met so far; what is called after it has to wait. (Sorted by call, so an earlier
 * candidate cannot be ruled out by a later one.) */
static bool may_go(const struct search *s, uint32_t i, int64_t *horizon)
{
    if (i >= s->n_def || s->def[i]->call > *horizon)
        return false;
    if (!s->done_def[i] && s->def[i]->ret < *horizon)
        *horizon = s->def[i]->ret;
    return true;
}

static int64_t horizon_of(const struct search *s)
{
    int64_t horizon = HISTORY_OPEN;
    for (uint32_t i = s->lead; may_go(s, i, &horizon);)
        i++;
    return horizon;
}

static void mark(struct search *s, uint32_t what, bool done)
{
    if ((what & OPTIONAL) != 0)
        s->done_opt[what & ~OPTIONAL] = done;
    else
        s->done_def[what] = done;
}

static void advance(struct search *s, uint32_t what)
{
    mark(s, what, true);
    s->trail[s->n_trail++] = what;
    while (s->lead < s->n_def && s->done_def[s->lead])
        s->lead++;
}

/* Lets all legal silent operations go, until none is left that may. */
static void drain(struct search *s)
{
    bool again = true;
    while (again) {
        again = false;
        int64_t horizon = HISTORY_OPEN;
        for (uint32_t i = s->lead; may_go(s, i, &horizon); i++) {
            if (!s->done_def[i] && silent(s->def[i]) && legal(s->def[i], s->value)) {
                advance(s, i);
                again = true;
            }
        }
    }
}

/* Would some operation that may go next profit from the effect of o? Everything else that could follow o would
 * overwrite it unseen, and then o need not have happened. */
static bool needed_now(const struct search *s, uint32_t o, int64_t limit)
{
    const struct op *u = s->opt[o];
    if (u->kind == OP_APPEND)
        return true;
    int64_t horizon = HISTORY_OPEN;
    for (uint32_t i = s->lead; may_go(s, i, &horizon); i++) {
        const struct op *x = s->def[i];
        if (!s->done_def[i] &&
            (x->kind == OP_APPEND || (x->kind != OP_WRITE && !legal(x, s->value) && legal(x, u->value))))
            return true;
    }
    for (uint32_t i = 0; i < s->n_opt && s->opt[i]->call <= limit; i++) {
        const struct op *x = s->opt[i];
        if (!s->done_opt[i] && i != o && (x->kind == OP_APPEND || (x->kind == OP_CAS && legal(x, u->value))))
            return true;
    }
    return false;
}

/* The next candidate of the frame after the ones already tried: NULL when there is none. */
static const struct op *next_candidate(struct search *s, struct frame *f, uint32_t *what)
{
    if (!f->optional) {
        const struct op *best = NULL;
        int64_t horizon = HISTORY_OPEN;
        for (uint32_t i = s->lead; may_go(s, i, &horizon); i++) {
            const struct op *o = s->def[i];
            if (s->done_def[i] || silent(o) || !legal(o, s->value))
                continue;
            bool later = o->ret > f->ret || (o->ret == f->ret && i + 1 > f->tried);
            if (later && (best == NULL || o->ret < best->ret)) {
                best = o;
                *what = i;
            }
        }
        if (best != NULL) {
            f->ret = best->ret;
            f->tried = *what + 1;
            return best;
        }
        f->optional = true;
        f->tried = 0;
    }
    int64_t limit = horizon_of(s);
    for (uint32_t i = f->tried; i < s->n_opt && s->opt[i]->call <= limit; i++) {
        const struct op *o = s->opt[i];
        bool twin = s->twin[i] != 0 && !s->done_opt[s->twin[i] - 1]; /* of equal ones the first stands for all */
        if (s->done_opt[i] || twin || !legal(o, s->value) || !needed_now(s, i, limit))
            continue;
        f->tried = i + 1;
        *what = OPTIONAL | i;
        return o;
    }
    return NULL;
}

/* ---- the configuration in words ---- */

static void put_bits(uint64_t *words, const uint8_t *done, uint32_t from, uint32_t to, size_t at)
{
    for (uint32_t i = from; i < to; i++) {
        if (done[i])
            words[(at + i - from) / 64] |= UINT64_C(1) << ((at + i - from) % 64);
    }
}

/* Remembers the present configuration. False when it is known, or on no memory (then s->no_memory). */
static bool is_new(struct search *s)
{
    int64_t horizon = HISTORY_OPEN;
    uint32_t last = s->lead, i = s->lead;
    for (; may_go(s, i, &horizon); i++) {
        if (s->done_def[i])
            last = i + 1;
    }
    size_t n_opt = s->n_opt;
    while (n_opt > 0 && !s->done_opt[n_opt - 1])
        n_opt--;
    size_t bits = (last - s->lead) + n_opt, words = 2 + (bits + 63) / 64;
    memset(s->mask, 0, words * sizeof *s->mask);
    s->mask[0] = (uint64_t)s->lead << 32 | s->value;
    s->mask[1] = last - s->lead;
    put_bits(s->mask + 2, s->done_def, s->lead, last, 0);
    put_bits(s->mask + 2, s->done_opt, 0, (uint32_t)n_opt, last - s->lead);
    enum lin_memo_answer m = lin_memo_add(&s->memo, s->mask, words);
    s->no_memory |= m == LIN_MEMO_FULL;
    return m == LIN_MEMO_NEW;
}

/* ---- depth first ---- */

static void push(struct search *s)
{
    s->frames[s->n_frames++] =
        (struct frame){.ret = INT64_MIN, .value = s->value, .lead = s->lead, .trail = s->n_trail};
}

static void back_to(struct search *s, const struct frame *f)
{
    while (s->n_trail > f->trail)
        mark(s, s->trail[--s->n_trail], false);
    s->value = f->value;
    s->lead = f->lead;
}

static enum lin_answer run(struct search *s, const struct lin_limits *limits, int64_t *steps)
{
    drain(s);
    if (s->lead == s->n_def)
        return LIN_OK;
    push(s);
    while (s->n_frames > 0) {
        struct frame *f = &s->frames[s->n_frames - 1];
        uint32_t what;
        const struct op *o = next_candidate(s, f, &what);
        if (o == NULL) {
            s->n_frames--;
            if (s->n_frames > 0)
                back_to(s, &s->frames[s->n_frames - 1]);
            continue;
        }
        s->value = effect(s, o, s->value);
        advance(s, what);
        drain(s);
        if (s->no_memory)
            return LIN_UNDECIDED;
        if (s->lead == s->n_def)
            return LIN_OK;
        if (!is_new(s)) {
            if (s->no_memory)
                return LIN_UNDECIDED;
            back_to(s, f);
            continue;
        }
        ++*steps;
        if (limits->steps > 0 && *steps >= limits->steps)
            return LIN_UNDECIDED;
        if (limits->deadline_ns > 0 && *steps % 1024 == 0 && (int64_t)trace_mono_ns() > limits->deadline_ns)
            return LIN_UNDECIDED;
        push(s);
    }
    return LIN_BAD;
}

/* ---- what takes part ---- */

/* Could the effect of this optional operation have been noticed at all? `seen[v]`: some read, cas or append depends
 * on the value v. */
static bool noticeable(const struct op *o, const uint8_t *seen, size_t n_seen, bool all)
{
    return all || o->kind == OP_APPEND || (o->value < n_seen && seen[o->value]);
}

static bool choose(struct search *s, const struct op *ops, size_t n, bool failed_cas_reads)
{
    size_t n_seen = s->values->n;
    uint8_t *seen = calloc(n_seen + 1, 1);
    uint32_t *writer = calloc(n_seen + 1, sizeof *writer); /* per value, its last optional write + 1 */
    bool all = false; /* an append, or a cas that failed, depends on whatever was there */
    bool ok = seen != NULL && writer != NULL;
    if (!ok)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct op *o = &ops[i];
        if (o->kind == OP_READ)
            seen[o->value] = 1;
        else if (o->kind == OP_CAS && o->outcome != OUTCOME_FAILED)
            seen[o->expect] = 1;
        all |= (o->kind == OP_APPEND && o->outcome != OUTCOME_FAILED) ||
               (o->kind == OP_CAS && o->outcome == OUTCOME_FAILED && failed_cas_reads);
    }
    for (size_t i = 0; i < n; i++) {
        const struct op *o = &ops[i];
        if (o->outcome == OUTCOME_FAILED && !(o->kind == OP_CAS && failed_cas_reads))
            continue;
        if (o->outcome != OUTCOME_UNKNOWN) {
            s->def[s->n_def++] = o;
        } else if (noticeable(o, seen, n_seen, all)) {
            if (o->kind == OP_WRITE) {
                s->twin[s->n_opt] = writer[o->value];
                writer[o->value] = s->n_opt + 1;
            }
            s->opt[s->n_opt++] = o;
        }
    }
    free(seen);
    free(writer);
    return ok;
}

enum lin_answer lin_search(const struct op *ops, size_t n, struct intern *values, bool failed_cas_reads,
                           const struct lin_limits *limits, int64_t *steps)
{
    int64_t own_steps = 0;
    struct search s = {
        .def = malloc((n + 1) * sizeof *s.def),
        .opt = malloc((n + 1) * sizeof *s.opt),
        .done_def = calloc(n + 1, 1),
        .done_opt = calloc(n + 1, 1),
        .twin = calloc(n + 1, sizeof *s.twin),
        .trail = malloc((n + 1) * sizeof *s.trail),
        .frames = malloc((n + 2) * sizeof *s.frames),
        .mask = malloc((n / 64 + 4) * sizeof *s.mask),
        .values = values,
        .value = HISTORY_INITIAL,
    };
    enum lin_answer answer = LIN_UNDECIDED;
    if (s.def != NULL && s.opt != NULL && s.done_def != NULL && s.done_opt != NULL && s.twin != NULL &&
        s.trail != NULL && s.frames != NULL && s.mask != NULL && choose(&s, ops, n, failed_cas_reads)) {
        lin_memo_init(&s.memo, limits->memory > 0 ? limits->memory : LIN_MEMORY);
        answer = run(&s, limits, &own_steps);
        lin_memo_free(&s.memo);
    }
    if (steps != NULL)
        *steps = own_steps;
    free(s.def);
    free(s.opt);
    free(s.done_def);
    free(s.done_opt);
    free(s.twin);
    free(s.trail);
    free(s.frames);
    free(s.mask);
    free(s.joined);
    return answer;
}
