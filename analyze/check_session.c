/* check_session.c -- what each client may rely on, whatever others do: read your writes (C3), monotonic reads (C8),
 * monotonic writes (C9), writes follow reads (C10); Terry et al., Session Guarantees for Weakly Consistent Replicated
 * Data, 1994.
 *
 * Key by key. A version is newer than another only where that is certain: its write began after the other was in place
 * (lin_zones.h), or, for C9 and C10, by the session of whoever wrote it. So what is found is a violation whatever the
 * order of concurrent writes was. */
#include "check_history.h"

#include <stdio.h>
#include <stdlib.h>

enum guarantee { OWN_WRITES, OWN_READS, WRITES_IN_ORDER, WRITES_AFTER_READS };

static const char *const fingerprints[] = {"read-your-writes", "monotonic-reads", "monotonic-writes",
                                           "writes-follow-reads"};

/* The newest version that a client has written, or has read, so far: its zone, and the operation that shows it; and its
 * read that was called last. */
struct session {
    uint32_t wrote, wrote_op, read, read_op, last_read;
};

struct sessions {
    struct check_run *c;
    const struct check_history *x;
    size_t key;
    const struct lin_key *k;
    struct session *of;    /* per client */
    struct lin_at *by_ret; /* the operations by return */
    uint32_t *earlier;     /* per read, the one that its client called before it */
    uint32_t *basis;       /* per write, the read on which it may rest: the newest version that its client had read */
    enum guarantee what;
};

static bool is_newer(const struct zones *z, uint32_t zone, uint32_t than)
{
    return zone != ZONE_NONE && (than == ZONE_NONE || z->z[zone].call > z->z[than].call);
}

static void begin(struct sessions *s, const struct violation *v, const uint32_t *ops, size_t n)
{
    int64_t id = check_violation(s->c, v);
    for (size_t i = 0; i < n; i++) {
        if (ops[i] != ZONE_NONE)
            check_op_evidence(s->c, id, &s->k->ops[ops[i]]);
    }
}

/* The write that made the version of a read; ZONE_NONE for the initial value. */
static uint32_t write_of(const struct sessions *s, uint32_t op)
{
    int32_t w = s->k->zones.z[s->k->zones.of[op]].write;
    return w >= 0 ? (uint32_t)w : ZONE_NONE;
}

static void older_than(struct sessions *s, uint32_t read, uint32_t saw)
{
    const struct op *r = &s->k->ops[read], *o = &s->k->ops[saw];
    char name[CHECK_SHORT_LEN], a[CHECK_SHORT_LEN], b[CHECK_SHORT_LEN], title[CHECK_TITLE_LEN];
    snprintf(title, sizeof title, "%.20s read %s = %s, older than what it %s, %s itself " MS " ms before",
             check_client_name(s->x, r), check_short(check_key(s->x, s->key), name), check_value(s->x, r->value, a),
             s->what == OWN_WRITES ? "wrote" : "had read", check_value(s->x, o->value, b), check_ms(r->call - o->ret));
    uint32_t newer = write_of(s, saw);
    begin(s,
          &(struct violation){
              .t = r->ret, .key = check_key(s->x, s->key), .title = title, .fingerprint = fingerprints[s->what]},
          (const uint32_t[]){saw, newer != saw ? newer : ZONE_NONE, read}, 3);
}

/* `read` returned to the version of write `older`, or of none, after its client had read (`saw`) that of `newer`. */
static void out_of_order(struct sessions *s, uint32_t saw, uint32_t newer, uint32_t read)
{
    const struct op *ops = s->k->ops, *r = &ops[read], *w = &ops[newer];
    uint32_t older = write_of(s, read), rests = s->basis[newer];
    char name[CHECK_SHORT_LEN], a[CHECK_SHORT_LEN], b[CHECK_SHORT_LEN], c[CHECK_SHORT_LEN], why[160];
    char title[CHECK_TITLE_LEN];
    if (s->what == WRITES_IN_ORDER)
        snprintf(why, sizeof why, "which %.20s had written in the other order", check_client_name(s->x, w));
    else
        snprintf(why, sizeof why, "although %.20s had read %s before it wrote %s", check_client_name(s->x, w),
                 check_value(s->x, ops[rests].value, c), check_value(s->x, w->value, b));
    snprintf(title, sizeof title, "%.20s read %s = %s and then %s, %s", check_client_name(s->x, r),
             check_short(check_key(s->x, s->key), name), check_value(s->x, w->value, b), check_value(s->x, r->value, a),
             why);
    begin(s,
          &(struct violation){
              .t = r->ret, .key = check_key(s->x, s->key), .title = title, .fingerprint = fingerprints[s->what]},
          (const uint32_t[]){older, s->what == WRITES_IN_ORDER ? ZONE_NONE : rests, newer, saw, read}, 5);
}

/* Was the version of write `newer` made by the same client as that of zone `than`, later? */
static bool written_later(const struct sessions *s, uint32_t newer, uint32_t than)
{
    int32_t older = s->k->zones.z[than].write;
    const struct op *w = &s->k->ops[newer];
    return older >= 0 && s->k->ops[older].client == w->client && s->k->ops[older].ret < w->call;
}

/* Had the client of write `newer` read the version of zone `than`, or a newer one, before it wrote? */
static bool written_on_top(const struct sessions *s, uint32_t newer, uint32_t than)
{
    const struct zones *z = &s->k->zones;
    uint32_t rests = s->basis[newer];
    if (rests == ZONE_NONE)
        return false;
    uint32_t zone = z->of[rests];
    return zone == than || z->z[zone].call > z->z[than].f;
}

/* Looks through what the client of `read` had read before it. */
static void look_back(struct sessions *s, uint32_t read)
{
    const struct op *ops = s->k->ops;
    uint32_t mine = s->k->zones.of[read];
    for (uint32_t i = s->earlier[read]; i != ZONE_NONE; i = s->earlier[i]) {
        if (ops[i].ret >= ops[read].call || s->k->zones.of[i] == mine)
            continue;
        uint32_t newer = write_of(s, i);
        if (newer != ZONE_NONE &&
            (s->what == WRITES_IN_ORDER ? written_later(s, newer, mine) : written_on_top(s, newer, mine))) {
            out_of_order(s, i, newer, read);
            return;
        }
    }
}

/* A read of zone i goes back when its client wrote, or read, a version whose write began after i was in place, and had
 * its answer before the read began. The other two guarantees can only break where a client's reads go back. */
static void judge_read(struct sessions *s, uint32_t read)
{
    const struct zones *z = &s->k->zones;
    const struct session *of = &s->of[s->k->ops[read].client];
    int64_t f = z->z[z->of[read]].f;
    bool back = of->read != ZONE_NONE && z->z[of->read].call > f;
    s->c->examined++;
    if (s->what == OWN_WRITES && of->wrote != ZONE_NONE && z->z[of->wrote].call > f)
        older_than(s, read, of->wrote_op);
    else if (s->what == OWN_READS && back)
        older_than(s, read, of->read_op);
    else if (s->what > OWN_READS && back)
        look_back(s, read);
}

/* An operation that is over counts for its client's session. */
static void remember(struct sessions *s, uint32_t i)
{
    const struct op *o = &s->k->ops[i];
    const struct zones *z = &s->k->zones;
    struct session *of = &s->of[o->client];
    if (o->kind == OP_WRITE && is_newer(z, z->of[i], of->wrote)) {
        of->wrote = z->of[i];
        of->wrote_op = i;
    } else if (o->kind == OP_READ && is_newer(z, z->of[i], of->read)) {
        of->read = z->of[i];
        of->read_op = i;
    }
}

static bool judge_key(struct sessions *s)
{
    const struct lin_key *k = s->k;
    size_t clients = s->x->h.clients.n, over = 0;
    s->of = malloc((clients + 1) * sizeof *s->of);
    s->by_ret = malloc((k->n + 1) * sizeof *s->by_ret);
    s->basis = malloc((k->n + 1) * sizeof *s->basis);
    s->earlier = malloc((k->n + 1) * sizeof *s->earlier);
    bool ok = s->of != NULL && s->by_ret != NULL && s->basis != NULL && s->earlier != NULL;
    for (size_t i = 0; ok && i < clients; i++)
        s->of[i] = (struct session){ZONE_NONE, ZONE_NONE, ZONE_NONE, ZONE_NONE, ZONE_NONE};
    for (size_t i = 0; ok && i < k->n; i++)
        s->by_ret[i] = (struct lin_at){k->ops[i].ret, (uint32_t)i};
    if (ok)
        lin_at_sort(s->by_ret, k->n);
    for (uint32_t i = 0; ok && i < k->n; i++) { /* by call */
        for (; over < k->n && s->by_ret[over].at < k->ops[i].call; over++)
            remember(s, s->by_ret[over].i);
        struct session *of = &s->of[k->ops[i].client];
        s->basis[i] = of->read != ZONE_NONE ? of->read_op : ZONE_NONE;
        if (k->ops[i].kind != OP_READ || k->zones.of[i] == ZONE_NONE)
            continue;
        s->earlier[i] = of->last_read;
        of->last_read = i;
        judge_read(s, i);
    }
    free(s->of);
    free(s->by_ret);
    free(s->basis);
    free(s->earlier);
    return ok;
}

static enum verdict judge(struct check_run *c, enum guarantee what)
{
    enum verdict v;
    struct check_history *x = check_history_open(c, false, &v);
    if (x == NULL)
        return v;
    size_t left_out = 0;
    for (size_t i = 0; i < x->h.n; i++) {
        struct sessions s = {.c = c, .x = x, .key = i, .k = &x->r.keys[i], .what = what};
        if (check_key_left_out(x, i) || (s.k->zoned && !judge_key(&s)))
            left_out++;
        else
            c->examined += !s.k->zoned;
    }
    c->incomplete = left_out > 0;
    if (left_out > 0)
        snprintf(c->note, sizeof c->note, "%zu keys with operations other than reads and writes left out", left_out);
    return check_history_answer(c, x);
}

enum verdict check_read_your_writes(struct check_run *c)
{
    return judge(c, OWN_WRITES);
}

static enum verdict monotonic_reads(struct check_run *c)
{
    return judge(c, OWN_READS);
}

static enum verdict monotonic_writes(struct check_run *c)
{
    return judge(c, WRITES_IN_ORDER);
}

static enum verdict writes_follow_reads(struct check_run *c)
{
    return judge(c, WRITES_AFTER_READS);
}

const struct check check_session[] = {
    {.id = "C8",
     .title = "monotonic reads",
     .severity = "LIN-SESSION",
     .run = monotonic_reads,
     .help = "A client never reads a value of a key older than one that it had read before (Terry et al. 1994)."},
    {.id = "C9",
     .title = "monotonic writes",
     .severity = "LIN-SESSION",
     .run = monotonic_writes,
     .help = "Nobody reads two values of a key that one client wrote one after the other in the wrong order (Terry et"
             " al. 1994)."},
    {.id = "C10",
     .title = "writes follow reads",
     .severity = "LIN-SESSION",
     .run = writes_follow_reads,
     .help = "Who has read a value never reads one that its writer had read before writing it, or an older one (Terry"
             " et al. 1994)."},
    {.id = "C11",
     .title = "sequential consistency",
     .severity = "LIN-SEQ",
     .run = check_sequential,
     .help = "There is one order of all operations, of all keys, that keeps that of each client and in which each read"
             " returns the latest write (Lamport 1979). It is asked where a key is not linearizable; whatever is"
             " linearizable is sequentially consistent."},
};
const size_t check_session_n = sizeof check_session / sizeof *check_session;
