/* import_build.c -- calls and returns paired by process, and what keys and values mean once all lines are known. */
#include "import_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace_text.h"

#define LINE_NS INT64_C(1000000) /* where lines are the clock, one is shown as a millisecond */

bool import_fail(struct import *m, int status, const char *fmt, ...)
{
    char words[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    if (m->status != 0)
        return false;
    m->status = status;
    snprintf(m->err, sizeof m->err, "%.100s:%" PRId64 ": %s", m->shown, m->line, words);
    return false;
}

/* Where a column can hold the text as it is: UTF-8 without NUL bytes. */
static bool plain_text(const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end && *p != '\0') {
        size_t len = (unsigned char)*p < 0x80 ? 1 : trace_utf8_length(p, end);
        if (len == 0)
            return false;
        p += len;
    }
    return p == end;
}

/* Bytes that are no text are written as \xNN, so that different values stay different. */
const struct name *import_name(struct import *m, const char *p, size_t n)
{
    if (plain_text(p, n))
        return names_get(&m->names, p, n);
    char *out = mem_new(n * 4 + 1), *to = out;
    for (const char *end = p + n; p < end;) {
        size_t len = *p == '\0' ? 0 : (unsigned char)*p < 0x80 ? 1 : trace_utf8_length(p, end);
        if (len == 0)
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*p++);
        memcpy(to, p, len);
        to += len;
        p += len;
    }
    const struct name *s = names_get(&m->names, out, (size_t)(to - out));
    free(out);
    return s;
}

static void *room(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap > 0 ? *cap * 2 : 64;
    return mem_grow(p, *cap, size);
}

struct import_op *import_op_new(struct import *m)
{
    m->op = room(m->op, m->n_ops, &m->op_room, sizeof *m->op);
    struct import_op *op = &m->op[m->n_ops++];
    *op = (struct import_op){.ret = IMPORT_OPEN, .call_line = m->line, .outcome = IMPORT_INFO};
    return op;
}

int64_t import_clock(struct import *m, int64_t ns)
{
    int64_t t = ns != INT64_MIN ? ns : m->timed ? m->last_t + 1 : m->line * LINE_NS;
    m->timed |= ns != INT64_MIN;
    if (t <= m->last_t)
        t = m->last_t + 1;
    m->last_t = t;
    return t;
}

/* The open call of a process is found by its name: `user` is its place in m->op + 1. */
static struct import_op *open_call(struct import *m, const struct name *process)
{
    uintptr_t at = (uintptr_t)process->user;
    return at != 0 ? &m->op[at - 1] : NULL;
}

struct import_op *import_call(struct import *m, const struct name *process, int64_t ns)
{
    const struct import_op *open = open_call(m, process);
    if (open != NULL) {
        import_fail(m, EXIT_DATA, "process %.40s calls again before its call of line %" PRId64 " returned",
                    process->text, open->call_line);
        return NULL;
    }
    struct import_op *op = import_op_new(m);
    op->client = process;
    op->call = import_clock(m, ns);
    names_get(&m->names, process->text, process->n)->user = (void *)(uintptr_t)m->n_ops;
    return op;
}

struct import_op *import_return(struct import *m, const struct name *process, int64_t ns, enum import_outcome outcome)
{
    struct import_op *op = open_call(m, process);
    if (op == NULL) {
        import_fail(m, EXIT_DATA, "process %.40s returns without a call", process->text);
        return NULL;
    }
    op->ret = import_clock(m, ns);
    op->ret_line = m->line;
    op->outcome = outcome;
    names_get(&m->names, process->text, process->n)->user = NULL;
    return op;
}

struct import_event *import_event(struct import *m, int64_t ns)
{
    m->event = room(m->event, m->n_events, &m->event_room, sizeof *m->event);
    struct import_event *e = &m->event[m->n_events++];
    *e = (struct import_event){.t = import_clock(m, ns), .line = m->line};
    return e;
}

/* ---- what values mean ---- */

static bool is(const struct name *s, const char *word)
{
    return s != NULL && strcmp(s->text, word) == 0;
}

/* Other programs' names of what we know. */
static const struct name *own_name(struct import *m, const struct name *f)
{
    static const char *const names[][2] = {{"read", "get"},
                                           {"write", "put"},
                                           {"set", "put"},
                                           {"delete", "del"},
                                           {"range", "get"},
                                           {"compare-and-set", "cas"},
                                           {"compare-and-swap", "cas"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (is(f, names[i][0]))
            return import_name(m, names[i][1], strlen(names[i][1]));
    }
    return f;
}

/* jepsen.independent: every value, also of reads, is [key value]; a cas has [key [old new]]. */
static bool keys_are_independent(const struct import *m)
{
    if (m->o->independent != CHOICE_AUTO)
        return m->o->independent == CHOICE_YES;
    size_t pairs = 0;
    for (size_t i = 0; i < m->n_ops; i++) {
        const struct import_op *op = &m->op[i];
        if (op->has_key)
            continue;
        bool cas = is(op->f, "cas");
        if (!op->called.pair || (cas && !op->called.second_pair))
            return false;
        if (op->outcome == IMPORT_OK && !op->returned.pair)
            return false;
        pairs++;
    }
    return pairs > 0;
}

static bool settle_op(struct import *m, struct import_op *op, bool independent)
{
    const struct import_value *v = is(op->f, "get") ? &op->returned : &op->called;
    bool split = independent && !op->has_key;
    m->line = op->call_line;
    if (split && !op->called.pair)
        return import_fail(m, EXIT_DATA,
                           "the value is no pair [key value], which --independent yes asks for; try --independent no");
    if (split)
        op->key = op->called.first;
    if (op->key == NULL)
        op->key = import_name(m, "register", strlen("register"));
    if (is(op->f, "cas")) {
        if (!(split ? v->second_pair : v->pair))
            return import_fail(m, EXIT_DATA, "a cas needs the value [old new]");
        op->expect = split ? v->old : v->first;
        op->val = split ? v->new : v->second;
    } else {
        op->val = split ? v->second : v->whole;
    }
    return true;
}

bool import_settle(struct import *m)
{
    for (size_t i = 0; i < m->n_ops; i++)
        m->op[i].f = own_name(m, m->op[i].f);
    bool independent = keys_are_independent(m);
    for (size_t i = 0; i < m->n_ops && m->status == 0; i++) {
        struct import_op *op = &m->op[i];
        if (op->key == NULL && op->has_key)
            op->key = import_name(m, "", 0);
        if (!op->plain)
            settle_op(m, op, independent);
        if (is(op->f, "get") && op->outcome != IMPORT_OK)
            op->val = NULL;
    }
    return m->status == 0;
}

void import_forget(struct import *m)
{
    free(m->op);
    free(m->event);
    free(m->file);
    names_free(&m->names);
    *m = (struct import){.o = m->o};
}
