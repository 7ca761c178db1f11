/* import_jepsen.c -- the two shapes of Jepsen's histories: maps (history.edn; also Maelstrom's, and the key-value files
 * of Porcupine's tests), and lines of words (history.txt, jepsen.log, etcd_NNN.log of Porcupine's tests). */
#include "import_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "edn.h"

/* ---- values ---- */

/* The text of a value: strings as they are, nil is nothing, the rest as EDN writes it. */
static const struct name *text_of(struct import *m, const struct edn *v)
{
    if (v == NULL || v->kind == EDN_NIL)
        return NULL;
    if (v->kind == EDN_STRING)
        return import_name(m, v->text, v->n);
    char none[1];
    size_t n = edn_print(v, none, 0);
    char *p = mem_new(n + 1);
    edn_print(v, p, n);
    const struct name *s = import_name(m, p, n);
    free(p);
    return s;
}

static bool is_pair(const struct edn *v)
{
    return v != NULL && v->kind == EDN_VECTOR && v->items == 2;
}

static struct import_value value_of(struct import *m, const struct edn *v)
{
    struct import_value out = {.whole = text_of(m, v)};
    if (is_pair(v)) {
        out.pair = true;
        out.first = text_of(m, &v->item[0]);
        out.second = text_of(m, &v->item[1]);
        if (out.first == NULL)
            out.first = import_name(m, "nil", 3);
        if (is_pair(&v->item[1])) {
            out.second_pair = true;
            out.old = text_of(m, &v->item[1].item[0]);
            out.new = text_of(m, &v->item[1].item[1]);
        }
    }
    return out;
}

/* ---- one operation's line or map ---- */

struct line {
    const struct edn *process, *type, *f, *key, *value, *error;
    int64_t ns;
};

/* Says the reason of a failed cas that its comparison failed? Maelstrom's errors 20 and 22; words of other clients. */
static bool compared(const struct import_op *op, const struct edn *error)
{
    char text[200] = "";
    if (error == NULL)
        return op->returned.whole == NULL || op->returned.pair;
    edn_print(error, text, sizeof text - 1);
    const struct edn *code = error->items > 0 && error->kind == EDN_VECTOR ? &error->item[0] : error;
    return (code->kind == EDN_INT && (code->i == 20 || code->i == 22)) || strstr(text, "precondition") != NULL ||
           strstr(text, "compar") != NULL || strstr(text, "mismatch") != NULL || strstr(text, "cas-fail") != NULL;
}

static bool one_call(struct import *m, const struct name *process, const struct line *x)
{
    struct import_op *op = import_call(m, process, x->ns);
    if (op == NULL)
        return false;
    op->f = x->f != NULL ? import_name(m, x->f->text, x->f->n) : import_name(m, "", 0);
    op->called = value_of(m, x->value);
    op->has_key = x->key != NULL;
    op->key = text_of(m, x->key);
    return true;
}

static bool one_return(struct import *m, const struct name *process, const struct line *x, enum import_outcome outcome)
{
    struct import_op *op = import_return(m, process, x->ns, outcome);
    if (op == NULL)
        return false;
    op->returned = value_of(m, x->value);
    if (outcome != IMPORT_OK)
        op->why = text_of(m, x->error != NULL ? x->error : x->value);
    if (outcome == IMPORT_FAIL && strcmp(op->f->text, "cas") == 0 && !compared(op, x->error))
        m->cas_fails_differ = true;
    return true;
}

static bool one(struct import *m, const struct line *x)
{
    if (x->process->kind != EDN_INT) { /* a nemesis: :info when it begins, and :info when it has done */
        struct import_event *e = import_event(m, x->ns);
        e->kind = EVENT_NEMESIS;
        e->what = x->f != NULL ? import_name(m, x->f->text, x->f->n) : import_name(m, "", 0);
        e->text = text_of(m, x->value);
        return true;
    }
    const struct name *process = text_of(m, x->process);
    if (edn_is(x->type, "invoke"))
        return one_call(m, process, x);
    if (edn_is(x->type, "ok"))
        return one_return(m, process, x, IMPORT_OK);
    if (edn_is(x->type, "fail"))
        return one_return(m, process, x, IMPORT_FAIL);
    if (edn_is(x->type, "info"))
        return one_return(m, process, x, IMPORT_INFO);
    return import_fail(m, EXIT_DATA, "unknown type %.40s: there are :invoke, :ok, :fail and :info", x->type->text);
}

/* ---- maps ---- */

static bool one_map(struct import *m, const struct edn *v, int64_t *index)
{
    const struct edn *time = edn_get(v, "time"), *at = edn_get(v, "index");
    struct line x = {.process = edn_get(v, "process"),
                     .type = edn_get(v, "type"),
                     .f = edn_get(v, "f"),
                     .key = edn_get(v, "key"),
                     .value = edn_get(v, "value"),
                     .error = edn_get(v, "error"),
                     .ns = time != NULL && time->kind == EDN_INT ? time->i : INT64_MIN};
    if (x.process == NULL || x.type == NULL || x.type->kind != EDN_KEYWORD)
        return import_fail(m, EXIT_DATA, "not an operation: a map with :process, :type, :f and :value is expected");
    if (x.ns != INT64_MIN && (x.ns < 0 || x.ns > INT64_MAX / 4))
        return import_fail(m, EXIT_DATA, ":time %lld is out of range: nanoseconds since the start of the test",
                           (long long)x.ns);
    if (at != NULL && at->kind == EDN_INT) {
        if (at->i <= *index)
            return import_fail(m, EXIT_DATA,
                               ":index %lld comes after %lld: put the operations in order of :index first",
                               (long long)at->i, (long long)*index);
        *index = at->i;
    }
    return one(m, &x);
}

bool import_edn(struct import *m, struct input *in, const char *seen, size_t n)
{
    struct import_bytes bytes = {.m = m, .in = in, .seen = seen, .n = n};
    struct edn_reader *r = edn_open(import_read, &bytes, true);
    const struct edn *v;
    int64_t index = INT64_MIN;
    if (r == NULL)
        return import_fail(m, EXIT_INTERNAL, "no memory");
    enum edn_read got;
    while ((got = edn_next(r, &v)) == EDN_VALUE) {
        m->line = v->line;
        if (!one_map(m, v, &index))
            break;
    }
    m->line = got == EDN_VALUE ? m->line : edn_line(r);
    if (got == EDN_BAD || got == EDN_IO)
        import_fail(m, got == EDN_BAD ? EXIT_DATA : EXIT_IO, "%s", edn_error(r));
    edn_close(r);
    return m->status == 0;
}

/* ---- lines ---- */

/* "0 :invoke ...", ":nemesis :info ...": an operation's line, as opposed to other output of the same program? */
static bool is_operation(const char *p)
{
    static const char *const types[] = {"invoke", "ok", "fail", "info"};
    p += strspn(p, " \t");
    size_t n = *p == ':' ? 1 + strcspn(p + 1, " \t") : strspn(p, "-0123456789");
    const char *type = p + n + strspn(p + n, " \t");
    if (n == 0 || type == p + n || *type++ != ':')
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i]);
        if (strncmp(type, types[i], len) == 0 && (type[len] == ' ' || type[len] == '\t' || type[len] == '\0'))
            return true;
    }
    return false;
}

/* process type f value [error], as the items of one vector. */
static bool one_line(struct import *m, struct edn_reader *r, const char *p)
{
    size_t n = strlen(p);
    char *text = mem_new(n + 3);
    snprintf(text, n + 3, "[%s]", p);
    const struct edn *v;
    edn_text(r, text, n + 2, m->line);
    bool ok;
    if (edn_next(r, &v) != EDN_VALUE || v->kind != EDN_VECTOR || v->items < 2) {
        ok = import_fail(m, EXIT_DATA, "not a line of process, type, f and value: %s", edn_error(r));
    } else {
        struct line x = {.process = &v->item[0],
                         .type = &v->item[1],
                         .f = v->items > 2 ? &v->item[2] : NULL,
                         .value = v->items > 3 ? &v->item[3] : NULL,
                         .error = v->items > 4 ? &v->item[4] : NULL,
                         .ns = INT64_MIN};
        ok = one(m, &x);
    }
    free(text);
    return ok;
}

/* In a log, what comes after "jepsen.util - " (until 0.1) or "jepsen.util: " (since); all else is no business of ours.
 */
static const char *after_prefix(const char *line)
{
    static const char *const heads[] = {"jepsen.util - ", "jepsen.util: "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const char *p = strstr(line, heads[i]);
        if (p != NULL)
            return p + strlen(heads[i]);
    }
    return NULL;
}

bool import_log(struct import *m, struct input *in, const char *seen, size_t n)
{
    struct import_bytes bytes = {.m = m, .in = in, .seen = seen, .n = n};
    struct edn_reader *r = edn_open(NULL, NULL, false);
    char *line = NULL;
    size_t room = 0;
    if (r == NULL)
        return import_fail(m, EXIT_INTERNAL, "no memory");
    bool is_log = false;
    for (ssize_t len; m->status == 0 && (len = import_line(&bytes, &line, &room)) >= 0;) {
        const char *p = after_prefix(line);
        is_log = is_log || p != NULL;
        if (p == NULL)
            p = is_log ? NULL : line;
        if (p != NULL && is_operation(p))
            one_line(m, r, p);
    }
    free(line);
    edn_close(r);
    return m->status == 0;
}
