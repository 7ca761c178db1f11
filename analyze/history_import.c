/* history_import.c -- reading other programs' histories: a line at a time, calls paired with returns by process. */
#include "history_import.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* A call that has not returned yet. */
struct pending {
    int64_t process;
    bool open;
    struct op op;
    char *key;
    size_t key_n;
};

struct import {
    struct history *h;
    const char *path;
    int64_t line;
    struct pending *calls;
    size_t n, cap;
    char *err;
    size_t err_n;
};

static bool fail(struct import *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct import *m, const char *fmt, ...)
{
    char words[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    snprintf(m->err, m->err_n, "%s:%" PRId64 ": %s", m->path, m->line, words);
    return false;
}

bool history_format_of(const char *path, enum history_format *f)
{
    static const struct {
        const char *end;
        enum history_format f;
    } ends[] = {{".log", HISTORY_JEPSEN_LOG}, {".txt", HISTORY_PORCUPINE_KV}, {".jsonl", HISTORY_JSONL}};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t e = strlen(ends[i].end);
        if (n > e && strcmp(path + n - e, ends[i].end) == 0) {
            *f = ends[i].f;
            return true;
        }
    }
    return false;
}

/* ---- calls and returns ---- */

static struct pending *slot_of(struct import *m, int64_t process)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->calls[i].process == process)
            return &m->calls[i];
    }
    if (m->n == m->cap) {
        size_t cap = m->cap == 0 ? 16 : m->cap * 2;
        struct pending *p = realloc(m->calls, cap * sizeof *p);
        if (p == NULL)
            return NULL;
        m->calls = p;
        m->cap = cap;
    }
    m->calls[m->n] = (struct pending){.process = process};
    return &m->calls[m->n++];
}

static void finish(struct import *m, struct pending *p, int64_t ret, enum op_outcome outcome)
{
    p->op.ret = outcome == OUTCOME_UNKNOWN ? HISTORY_OPEN : ret;
    p->op.outcome = (uint8_t)outcome;
    history_add(m->h, p->key, p->key_n, &p->op);
    free(p->key);
    p->key = NULL;
    p->open = false;
}

static bool begin(struct import *m, int64_t process, const struct op *op, const char *key, size_t key_n)
{
    struct pending *p = slot_of(m, process);
    char name[24];
    int n = snprintf(name, sizeof name, "%" PRId64, process);
    if (p == NULL || n < 0)
        return fail(m, "no memory");
    if (p->open)
        return fail(m, "process %" PRId64 " calls again before its call of line %" PRId64 " returned", process,
                    p->op.id);
    p->op = *op;
    p->op.id = p->op.call = m->line;
    p->op.client = history_client(m->h, name, (size_t)n);
    p->key = malloc(key_n + 1);
    p->key_n = key_n;
    if (p->key == NULL)
        return fail(m, "no memory");
    memcpy(p->key, key, key_n);
    p->open = true;
    return true;
}

static bool end(struct import *m, int64_t process, struct pending **p)
{
    *p = slot_of(m, process);
    if (*p == NULL || !(*p)->open)
        return fail(m, "process %" PRId64 " returns without a call", process);
    return true;
}

/* ---- words of a line ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word: up to a blank, or a bracketed vector as a whole. */
static size_t word(const char **p, const char **start)
{
    while (is_blank(**p))
        ++*p;
    *start = *p;
    char close = **p == '[' ? ']' : '\0';
    while (**p != '\0' && (close != '\0' || !is_blank(**p))) {
        if (*(*p)++ == close && close != '\0')
            break;
    }
    return (size_t)(*p - *start);
}

static bool word_is(const char *w, size_t n, const char *text)
{
    return strlen(text) == n && strncmp(w, text, n) == 0;
}

/* "nil" is the value of a key that nobody wrote. */
static uint32_t atom(struct import *m, const char *w, size_t n)
{
    return word_is(w, n, "nil") ? HISTORY_INITIAL : history_value(m->h, w, n);
}

/* ---- Jepsen's log lines ---- */

static bool cas_values(struct import *m, const char *w, size_t n, struct op *op)
{
    char text[128];
    if (n < 2 || n >= sizeof text || w[0] != '[')
        return fail(m, ":cas needs [old new]");
    memcpy(text, w + 1, n - 2);
    text[n - 2] = '\0';
    const char *p = text, *a, *b;
    size_t an = word(&p, &a), bn = word(&p, &b);
    if (an == 0 || bn == 0)
        return fail(m, ":cas needs [old new]");
    op->expect = atom(m, a, an);
    op->value = atom(m, b, bn);
    return true;
}

static bool jepsen_call(struct import *m, int64_t process, const char *f, size_t fn, const char *v, size_t vn)
{
    struct op op = {0};
    if (word_is(f, fn, ":read"))
        op.kind = OP_READ;
    else if (word_is(f, fn, ":write"))
        op.kind = OP_WRITE;
    else if (word_is(f, fn, ":cas"))
        op.kind = OP_CAS;
    else
        return fail(m, "unknown operation %.*s: read, write and cas are understood", (int)fn, f);
    if (op.kind == OP_WRITE)
        op.value = atom(m, v, vn);
    if (op.kind == OP_CAS && !cas_values(m, v, vn, &op))
        return false;
    return begin(m, process, &op, "", 0);
}

static bool jepsen_line(struct import *m, const char *line)
{
    static const char head[] = "jepsen.util - ";
    const char *p = strstr(line, head), *w, *type, *f, *v;
    if (p == NULL)
        return true; /* other output of the same program */
    p += sizeof head - 1;
    size_t n = word(&p, &w);
    char *rest;
    int64_t process = strtoll(w, &rest, 10);
    if (n == 0 || rest != w + n)
        return true; /* the nemesis: no operation of a client */
    size_t type_n = word(&p, &type), fn = word(&p, &f), vn = word(&p, &v);
    if (word_is(type, type_n, ":invoke"))
        return jepsen_call(m, process, f, fn, v, vn);
    struct pending *c;
    if (!end(m, process, &c))
        return false;
    if (word_is(type, type_n, ":ok")) {
        if (c->op.kind == OP_READ)
            c->op.value = atom(m, v, vn);
        finish(m, c, m->line, OUTCOME_OK);
    } else if (word_is(type, type_n, ":fail")) {
        finish(m, c, m->line, OUTCOME_FAILED);
    } else if (word_is(type, type_n, ":info")) {
        finish(m, c, m->line, OUTCOME_UNKNOWN);
    } else {
        return fail(m, "unknown type %.*s", (int)type_n, type);
    }
    return true;
}

/* ---- Porcupine's key-value lines ---- */

/* The text after `key` in an EDN map: a bare word, or the inside of quotes (which these files never escape). */
static size_t edn(const char *line, const char *key, const char **v)
{
    const char *p = strstr(line, key);
    if (p == NULL)
        return 0;
    p += strlen(key);
    while (is_blank(*p))
        p++;
    if (*p == '"') {
        const char *close = strchr(p + 1, '"');
        *v = p + 1;
        return close == NULL ? 0 : (size_t)(close - p - 1);
    }
    *v = p;
    return strcspn(p, ", }\t\r\n");
}

static bool porcupine_line(struct import *m, const char *line)
{
    if (line[strspn(line, " \t\r\n")] == '\0')
        return true;
    const char *process = NULL, *type = NULL, *f = NULL, *key = NULL, *value = NULL;
    size_t pn = edn(line, ":process ", &process), tn = edn(line, ":type ", &type), fn = edn(line, ":f ", &f);
    size_t kn = edn(line, ":key ", &key), vn = edn(line, ":value ", &value);
    if (pn == 0 || tn == 0 || fn == 0 || key == NULL || value == NULL)
        return fail(m, "not a map with :process :type :f :key :value");
    int64_t id = strtoll(process, NULL, 10);
    if (word_is(type, tn, ":ok")) {
        struct pending *c;
        if (!end(m, id, &c))
            return false;
        if (c->op.kind == OP_READ)
            c->op.value = history_value(m->h, value, vn);
        finish(m, c, m->line, OUTCOME_OK);
        return true;
    }
    struct op op = {0};
    if (!word_is(type, tn, ":invoke"))
        return fail(m, "unknown :type %.*s", (int)tn, type);
    if (word_is(f, fn, ":get"))
        op.kind = OP_READ;
    else if (word_is(f, fn, ":put"))
        op.kind = OP_WRITE;
    else if (word_is(f, fn, ":append"))
        op.kind = OP_APPEND;
    else
        return fail(m, "unknown :f %.*s: get, put and append are understood", (int)fn, f);
    if (op.kind != OP_READ)
        op.value = history_value(m->h, value, vn);
    return begin(m, id, &op, key, kn);
}

/* ---- JSON lines ---- */

static uint32_t json_value_id(struct import *m, const json_t *v)
{
    if (v == NULL || json_is_null(v))
        return HISTORY_INITIAL;
    if (json_is_string(v))
        return history_value(m->h, json_string_value(v), json_string_length(v));
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    uint32_t id = text == NULL ? HISTORY_INITIAL : history_value(m->h, text, strlen(text));
    m->h->no_memory |= text == NULL;
    free(text);
    return id;
}

static bool jsonl_op(struct import *m, const json_t *j)
{
    const char *f = json_string_value(json_object_get(j, "f"));
    const json_t *key = json_object_get(j, "key"), *call = json_object_get(j, "call"), *ret = json_object_get(j, "ret");
    if (f == NULL || !json_is_string(key) || !json_is_integer(call) || !(json_is_integer(ret) || json_is_null(ret)))
        return fail(m, "needs f and key (strings), call (integer) and ret (integer or null)");
    bool read = strcmp(f, "read") == 0;
    if (!read && strcmp(f, "write") != 0)
        return fail(m, "unknown operation %.40s: read and write are understood", f);
    char name[24];
    int n = snprintf(name, sizeof name, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(j, "client")));
    const json_t *id = json_object_get(j, "id");
    struct op op = {
        .kind = read ? OP_READ : OP_WRITE,
        .id = json_is_integer(id) ? json_integer_value(id) : m->line,
        .client = history_client(m->h, name, n < 0 ? 0 : (size_t)n),
        .value = json_value_id(m, json_object_get(j, "value")),
        .call = json_integer_value(call),
        .ret = json_is_null(ret) ? HISTORY_OPEN : json_integer_value(ret),
        .outcome = json_is_null(ret) ? OUTCOME_UNKNOWN : OUTCOME_OK,
    };
    if (op.ret < op.call)
        return fail(m, "ret is before call");
    history_add(m->h, json_string_value(key), json_string_length(key), &op);
    return true;
}

static bool jsonl_line(struct import *m, const char *line)
{
    if (line[strspn(line, " \t\r\n")] == '\0')
        return true;
    json_error_t e;
    json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &e);
    bool ok = j == NULL ? fail(m, "column %d: %s", e.column, e.text) : jsonl_op(m, j);
    json_decref(j);
    return ok;
}

/* ---- files ---- */

static void leave_open(struct import *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->calls[i].open)
            finish(m, &m->calls[i], HISTORY_OPEN, OUTCOME_UNKNOWN);
        free(m->calls[i].key);
    }
    free(m->calls);
}

bool history_import(struct history *h, const char *path, enum history_format f, char *err, size_t err_n)
{
    static bool (*const line_of[])(struct import *, const char *) = {
        [HISTORY_JEPSEN_LOG] = jepsen_line,
        [HISTORY_PORCUPINE_KV] = porcupine_line,
        [HISTORY_JSONL] = jsonl_line,
    };
    struct import m = {.h = h, .path = path, .err = err, .err_n = err_n};
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        snprintf(err, err_n, "%s: %s", path, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    h->failed_cas_reads |= f == HISTORY_JEPSEN_LOG;
    while (ok && getline(&line, &cap, in) >= 0) {
        m.line++;
        ok = line_of[f](&m, line);
    }
    if (ok && ferror(in))
        ok = fail(&m, "%s", strerror(errno));
    fclose(in);
    free(line);
    leave_open(&m);
    history_sort(h);
    if (ok && h->no_memory)
        ok = fail(&m, "no memory");
    return ok;
}
