/* check_sequential.c -- C11: what is left where linearizability fails. */
#include "check_history.h"

#include <stdio.h>
#include <string.h>

#include "lin_sequential.h"
#include "trace.h"

/* Looking for one order of everything is worth this much; then the answer is "unknown". */
#define SEQUENTIAL_NS INT64_C(5000000000)

static void told(char *out, size_t n, const struct check_history *x, const struct op *o)
{
    char value[CHECK_SHORT_LEN];
    snprintf(out, n, "%s %s", o->kind == OP_READ ? "read" : "wrote", check_value(x, o->value, value));
}

/* The proof is pairs: what one client did, and did next. */
static void report(struct check_run *c, const struct check_history *x, const struct sequential *s)
{
    char title[CHECK_TITLE_LEN], name[CHECK_SHORT_LEN];
    const char *key = s->key < x->h.n ? check_key(x, s->key) : NULL;
    int64_t t = 0;
    size_t at;
    if (key == NULL) {
        snprintf(title, sizeof title, "no order of all keys' operations keeps that of each client: all were tried");
    } else {
        at = (size_t)snprintf(title, sizeof title, "%s is not sequentially consistent: ", check_short(key, name));
        for (size_t i = 0; i < s->n_proof && i < 4 && at < sizeof title; i++) {
            char words[CHECK_SHORT_LEN + 8];
            told(words, sizeof words, x, &s->proof[i]);
            if (i % 2 == 0)
                at += (size_t)snprintf(title + at, sizeof title - at, "%s%.20s %s", i > 0 ? ", but " : "",
                                       check_client_name(x, &s->proof[i]), words);
            else
                at += (size_t)snprintf(title + at, sizeof title - at, " and then %s", words);
        }
        if (s->n_proof == 1 && at < sizeof title)
            snprintf(title + at, sizeof title - at, ", which nobody wrote");
    }
    for (size_t i = 0; i < s->n_proof; i++)
        t = s->proof[i].ret != HISTORY_OPEN && s->proof[i].ret > t ? s->proof[i].ret : t;
    int64_t id = check_violation(
        c, &(struct violation){.t = t, .key = key, .title = title, .fingerprint = "not-sequentially-consistent"});
    for (size_t i = 0; i < s->n_proof; i++)
        check_op_evidence(c, id, &s->proof[i]);
}

enum verdict check_sequential(struct check_run *c)
{
    enum verdict v;
    struct check_history *x = check_history_open(c, false, &v);
    if (x == NULL)
        return v;
    c->examined = (int64_t)x->h.n;
    if (x->r.bad + x->r.undecided == 0) {
        snprintf(c->note, sizeof c->note, "linearizable, which is more");
        return check_history_answer(c, x);
    }
    int64_t start = (int64_t)trace_mono_ns(), deadline = start + SEQUENTIAL_NS;
    struct lin_limits limits = {.deadline_ns = c->deadline_ns < deadline ? c->deadline_ns : deadline};
    struct sequential s;
    bool ok = lin_sequential(&s, &x->h, &limits);
    c->searched_ns += (int64_t)trace_mono_ns() - start;
    bool phantom = ok && s.answer == LIN_BAD && s.n_proof == 1 && x->lossy;
    if (!ok)
        snprintf(c->note, sizeof c->note, "not enough memory");
    else if (s.answer == LIN_BAD && !phantom)
        report(c, x, &s);
    else if (s.answer == LIN_OK && x->r.bad > 0)
        snprintf(c->note, sizeof c->note, "not linearizable, but sequentially consistent");
    else if (s.answer == LIN_UNDECIDED && s.left_out > 0)
        snprintf(c->note, sizeof c->note,
                 "%zu of %zu keys left out: other operations than reads and writes, or values written more than once",
                 s.left_out, x->h.n);
    else if (s.answer == LIN_UNDECIDED)
        snprintf(c->note, sizeof c->note, "each key is sequentially consistent; no order of all was found in time");
    c->incomplete = !ok || phantom || s.answer == LIN_UNDECIDED;
    lin_sequential_free(&s);
    return check_history_answer(c, x);
}
