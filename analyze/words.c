/* words.c -- one row per event; the first row that fits is used.
 *
 * In a template {key} is a field of the record or one of term, ci, ai, li, role; {key:role} spells out a role letter,
 * {key|word} says word when the field is missing, {key:ms} shows nanoseconds as milliseconds, {key:count} counts the
 * elements of an array of arrays, {key:ids} lists those of an array of strings. What stands in brackets is left out
 * when a field in it is missing or empty. */
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ANY = 0, YES, NO };

static const struct {
    const char *ev, *ty; /* ty: the message's type, NULL = any */
    int ok;              /* of a reply */
    const char *words;
} table[] = {
    {.ev = "trace.open", .words = "trace begins[, {impl}]"},
    {.ev = "trace.close", .words = "trace ends, {records} records"},
    {.ev = "trace.lost", .words = "the writer lost records {first} to {last} ({why})"},
    {.ev = "node.start",
     .words = "starts with term {rterm}, last entry {rlast}[ of term {rlastt}][, vote for {rvote}][, log after {snap}]"
              "[, members {conf}]"},
    {.ev = "node.stop", .words = "stops ({why})[: {msg}]"},
    {.ev = "node.exit", .words = "process {of} ended ({why})[, status {status}][, signal {sig}]"},
    {.ev = "node.out", .words = "{of} prints: {line}"},
    {.ev = "note", .words = "{text}"},

    {.ev = "role.change", .words = "{new:role} in term {term}, was {old:role}[ ({why})]"},
    {.ev = "term.change", .words = "term {old} -> {term}[ ({why})]"},
    {.ev = "leader.change", .words = "believed leader: {new|nobody}[, before {old}]"},
    {.ev = "vote.grant", .words = "votes for {cand} in term {cterm}, whose log ends at {lli} of term {llt}"},
    {.ev = "vote.deny", .words = "refuses {cand} its vote in term {cterm} ({why})[, has voted for {voted}]"},
    {.ev = "vote.count", .words = "counts {have} of {need} votes needed, now with {from}"},
    {.ev = "timer.set", .words = "{tm} timer set for {at:ms} ms ({why})"},
    {.ev = "timer.fire", .words = "{tm} timer fires[, {late:ms} ms late]"},
    {.ev = "log.append",
     .words = "adds entry {idx} of term {eterm} to its log: {op}[ {key}][ = {val}][, members {conf}]"},
    {.ev = "log.reject", .words = "refuses an append: no entry {pi} of term {pt} ({why})"},
    {.ev = "log.truncate", .words = "removes entries {from} to {old_last} ({why})"},
    {.ev = "commit.advance", .words = "commits up to {new}, before {old} ({why})[, acknowledged {acks}]"},
    {.ev = "apply",
     .words = "applies entry {idx} of term {eterm}: {op}[ {key}][ = {val}][, without effect: done before{dup:no}]"},
    {.ev = "snap.save",
     .words = "gives up its log up to {idx}, of term {eterm}, for the state[ after {at}] on stable storage"},
    {.ev = "snap.send", .words = "sends {peer} a snapshot at {idx} of term {eterm}, {size} bytes"},
    {.ev = "snap.install",
     .words = "installs a snapshot at {idx} of term {eterm}[ from {peer}][, {kept} entries after it stay]"},
    {.ev = "disk.sync",
     .words = "on stable storage: {what}[, up to {upto} of term {uptot}][, removed from {cut} on][, term {pterm}]"
              "[, vote for {pvote}][; it failed with error {err}]"},
    {.ev = "peer.state", .words = "{peer}: next {next}, match {match} ({why})"},
    {.ev = "state.hash", .words = "state after entry {at}: {h}"},

    {.ev = "req.reply", .words = "answers {op} of {cli}: {res}[ {key}][ = {val}][ (index {idx})]"},
    {.ev = "req.redirect", .words = "redirects {cli} to {to} ({why})"},
    {.ev = "req.dedup", .words = "request {req} was applied before, at {idx}"},
    {.ev = "req.drop", .words = "drops request {req} ({why})"},
    {.ev = "req.hold", .words = "holds request {req} ({why})"},
    {.ev = "read.local",
     .words = "answers {key}[ = {val}] from local state: {role}, term {term}, applied {at}[, policy {policy}]"},
    {.ev = "read.index", .words = "read index {idx} of term {iterm} for {req}, waits for round {round}"},
    {.ev = "read.confirm", .words = "round {round} confirmed by {have}, {need} needed"},
    {.ev = "read.serve",
     .words = "answers {key}[ = {val}]: {role}, term {term}, read index {idx}, applied {at}[, round {round}]"
              "[, lease until {lease:ms} ms]"},
    {.ev = "lease.grant", .words = "has a lease since {since:ms} until {until:ms} ms, on the word of {by:ids}"},
    {.ev = "lease.expire", .words = "gives up its lease until {until:ms} ms ({why})"},

    {.ev = "msg.send",
     .ty = "app_req",
     .words = "sends {to} app_req of term {mterm}: after {pi} of term {pt}[, {ents:count} entries], commit {lci}"},
    {.ev = "msg.send", .ty = "app_res", .ok = YES, .words = "acknowledges to {to} up to {mi}, term {mterm}"},
    {.ev = "msg.send", .ty = "app_res", .ok = NO, .words = "refuses an append of {to}, term {mterm}"},
    {.ev = "msg.send",
     .ty = "vote_req",
     .words = "asks {to} for its vote in term {mterm}; log ends at {lli} of term {llt}[; its leader asked for this"
              "{xfer:no}]"},
    {.ev = "msg.send",
     .ty = "snap_req",
     .words = "sends {to} bytes {off} and on of {size} of a snapshot at {si} of term {st}, term {mterm}"},
    {.ev = "msg.send",
     .ty = "snap_res",
     .words = "tells {to} that it has {off} bytes of the snapshot at {si}, term {mterm}"},
    {.ev = "msg.send", .ty = "transfer", .words = "asks {to} to stand for election now, term {mterm}"},
    {.ev = "msg.send", .ty = "vote_res", .ok = YES, .words = "gives {to} its vote in term {mterm}"},
    {.ev = "msg.send", .ty = "vote_res", .ok = NO, .words = "refuses {to} its vote in term {mterm}"},
    {.ev = "msg.send", .words = "sends {to} {ty}[ of term {mterm}][ {key}]"},
    {.ev = "msg.recv",
     .ty = "app_req",
     .words =
         "receives app_req of {from}, term {mterm}: after {pi} of term {pt}[, {ents:count} entries], commit {lci}"},
    {.ev = "msg.recv", .ty = "app_res", .ok = YES, .words = "hears that {from} has up to {mi}, term {mterm}"},
    {.ev = "msg.recv", .ty = "app_res", .ok = NO, .words = "hears that {from} refused an append, term {mterm}"},
    {.ev = "msg.recv",
     .ty = "vote_req",
     .words = "is asked by {from} for its vote in term {mterm}; their log ends at {lli} of term {llt}[; the leader "
              "asked for this{xfer:no}]"},
    {.ev = "msg.recv",
     .ty = "snap_req",
     .words = "receives of {from} bytes {off} and on of {size} of a snapshot at {si} of term {st}, term {mterm}"},
    {.ev = "msg.recv",
     .ty = "snap_res",
     .words = "hears that {from} has {off} bytes of the snapshot at {si}, term {mterm}"},
    {.ev = "msg.recv", .ty = "transfer", .words = "is asked by {from} to stand for election now, term {mterm}"},
    {.ev = "msg.recv", .ty = "vote_res", .ok = YES, .words = "has the vote of {from} in term {mterm}"},
    {.ev = "msg.recv", .ty = "vote_res", .ok = NO, .words = "is refused the vote of {from}, term {mterm}"},
    {.ev = "msg.recv", .words = "receives {ty} of {from}[, term {mterm}][ {key}]"},
    {.ev = "msg.bad", .words = "receives what is no message[ from {from}] ({why})"},
    {.ev = "msg.ignore", .words = "ignores a message[ of {from}] ({why})"},

    {.ev = "net.in", .words = "d:{d}[ {ty}] {src} -> {dst}[, term {term}] enters the network"},
    {.ev = "net.bad", .words = "d:{d} is no message ({why})"},
    {.ev = "net.dup", .words = "d:{d} is duplicated"},
    {.ev = "net.out", .words = "d:{d} {src} -> {dst} is delivered"},
    {.ev = "net.drop", .words = "d:{d} {src} -> {dst} is lost ({why})[, F{f}]"},
    {.ev = "fault.begin", .words = "F{f} begins: {kind}[ {node}][ {groups}][ {links}]"},
    {.ev = "fault.end", .words = "F{f} ends: {kind}[ {node}]"},
    {.ev = "op.invoke", .words = "{cli} begins {op}: {f} {key}[ = {val}]"},
    {.ev = "op.try", .words = "{op}, try {att}: asks {to}"},
    {.ev = "op.return", .words = "{op} ends: {res}[ {val}][ by {by}][ ({why})]"},
    {.ev = "op.extra", .words = "{cli}: an answer nobody waited for ({why})"},
};

const char *words_role(char role)
{
    static const char *const roles[] = {
        ['F'] = "follower", ['P'] = "pre-candidate", ['C'] = "candidate", ['L'] = "leader", ['O'] = "learner",
    };
    size_t i = (unsigned char)role;
    return i < sizeof roles / sizeof *roles && roles[i] != NULL ? roles[i] : "unknown role";
}

bool words_template(size_t i, struct words_template *t)
{
    if (i >= sizeof table / sizeof *table)
        return false;
    *t =
        (struct words_template){table[i].ev, table[i].ty, table[i].words, table[i].ok == ANY ? -1 : table[i].ok == YES};
    return true;
}

static bool fits(size_t row, const struct words_context *c, const struct trace_record *body)
{
    int64_t ok;
    if (strcmp(table[row].ev, c->ev) != 0)
        return false;
    if (table[row].ty != NULL && !trace_text_is(trace_find_text(body, "ty"), table[row].ty))
        return false;
    return table[row].ok == ANY || (trace_find_int(body, "ok", &ok) && (ok != 0) == (table[row].ok == YES));
}

/* Elements of "[[..],[..]]". */
static int64_t count_inner(struct trace_text raw)
{
    int64_t n = 0;
    for (size_t i = 1; i < raw.n; i++)
        n += raw.p[i] == '[';
    return n;
}

static bool column(const struct words_context *c, const char *key, size_t n, int64_t *v)
{
    const struct {
        const char *key;
        int64_t v;
    } columns[] = {{"term", c->term}, {"ci", c->ci}, {"ai", c->ai}, {"li", c->li}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (strlen(columns[i].key) == n && memcmp(columns[i].key, key, n) == 0 && columns[i].v >= 0) {
            *v = columns[i].v;
            return true;
        }
    }
    return false;
}

enum { VALUE_SHOWN = 200 };

/* A value of any size: a long one is cut at a character's border, and the text says how much is left out. */
static void value(FILE *out, struct trace_text v)
{
    size_t n = v.n;
    if (n > VALUE_SHOWN) {
        n = VALUE_SHOWN;
        while (n > VALUE_SHOWN - 4 && ((unsigned char)v.p[n] & 0xc0) == 0x80)
            n--;
    }
    fwrite(v.p, 1, n, out);
    if (n < v.n)
        fprintf(out, "\u2026(+%zu bytes)", v.n - n);
}

/* ["0001","0002"] as "0001 0002". */
static void ids(FILE *out, struct trace_text raw)
{
    if (raw.n <= 2)
        fputs("nobody", out);
    for (size_t i = 1; i + 1 < raw.n; i++) {
        if (raw.p[i] == ',')
            fputc(' ', out);
        else if (raw.p[i] != '"' && raw.p[i] != ' ')
            fputc(raw.p[i], out);
    }
}

/* One "{key}" or "{key:form}". False when the record has nothing to put there. */
static bool placeholder(FILE *out, const struct words_context *c, const struct trace_record *body, const char *p,
                        size_t n)
{
    const char *bar = memchr(p, '|', n), *dflt_end = p + n;
    if (bar != NULL)
        n = (size_t)(bar - p);
    const char *colon = memchr(p, ':', n);
    size_t key_n = colon != NULL ? (size_t)(colon - p) : n;
    size_t form_n = colon != NULL ? n - key_n - 1 : 0;
    const char *form = colon != NULL ? colon + 1 : "";
    char key[32];
    if (key_n >= sizeof key)
        return false;
    memcpy(key, p, key_n);
    key[key_n] = '\0';

    const struct trace_field *f = trace_find(body, key);
    int64_t v;
    if (f == NULL && strcmp(key, "role") == 0 && c->role != 0)
        fputs(words_role(c->role), out);
    else if (f == NULL && column(c, key, key_n, &v))
        fprintf(out, "%" PRId64, v);
    else if ((f == NULL || (f->kind == TRACE_STRING && f->text.n == 0)) && bar != NULL)
        fwrite(bar + 1, 1, (size_t)(dflt_end - bar - 1), out);
    else if (f == NULL || (f->kind == TRACE_STRING && f->text.n == 0))
        return false;
    else if (form_n == 4 && memcmp(form, "role", 4) == 0 && f->kind == TRACE_STRING)
        fputs(f->text.n == 1 ? words_role(f->text.p[0]) : "unknown role", out);
    else if (form_n == 2 && memcmp(form, "ms", 2) == 0 && f->kind == TRACE_INT)
        fprintf(out, "%.1f", (double)f->i / 1e6);
    else if (form_n == 5 && memcmp(form, "count", 5) == 0)
        fprintf(out, "%" PRId64, count_inner(f->raw));
    else if (form_n == 3 && memcmp(form, "ids", 3) == 0 && f->kind == TRACE_ARRAY)
        ids(out, f->raw);
    else if (form_n == 2 && memcmp(form, "no", 2) == 0)
        return f->kind == TRACE_TRUE; /* shows nothing: only a condition */
    else if (f->kind == TRACE_STRING)
        value(out, f->text);
    else
        value(out, f->raw);
    return true;
}

/* Expands until `end`; false when a field was missing. */
static bool expand(FILE *out, const struct words_context *c, const struct trace_record *body, const char *p,
                   const char *end)
{
    bool all = true;
    while (p < end) {
        if (*p == '{') {
            const char *close = memchr(p, '}', (size_t)(end - p));
            all = placeholder(out, c, body, p + 1, (size_t)(close - p - 1)) && all;
            p = close + 1;
        } else if (*p == '[') {
            const char *close = memchr(p, ']', (size_t)(end - p));
            char *text = NULL;
            size_t n = 0;
            FILE *part = open_memstream(&text, &n);
            if (part == NULL)
                abort();
            bool whole = expand(part, c, body, p + 1, close);
            fclose(part);
            if (whole)
                fwrite(text, 1, n, out);
            free(text);
            p = close + 1;
        } else {
            fputc(*p++, out);
        }
    }
    return all;
}

void words_expand(FILE *out, const struct words_context *c, const struct trace_record *body, const char *words)
{
    expand(out, c, body, words, words + strlen(words));
}

void words_of_record(FILE *out, const struct words_context *c, const struct trace_record *body)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (fits(i, c, body)) {
            words_expand(out, c, body, table[i].words);
            return;
        }
    }
    fputs(c->ev, out); /* an event of somebody else's */
    for (size_t i = 0; i < body->n_fields; i++) {
        fputc(' ', out);
        value(out, body->field[i].key);
        fputc('=', out);
        value(out, body->field[i].raw);
    }
}
