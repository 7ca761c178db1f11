/* import_json.c -- histories as JSON: one operation an object, with the times of its call and its return.
 *
 * Porcupine's type Operation {ClientId, Input, Call, Output, Return}, as an array or one after the other; and a plain
 * format of our own {id, client, f, key, value, old, call, ret}. Intervals are closed: [10, 20] and [20, 30] overlap.
 */
#include "import_int.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum field { FIELD_OP, FIELD_KEY, FIELD_VALUE, FIELD_OLD, FIELDS };

/* The usual names of each; which one a program has used cannot be known (Porcupine leaves it open). */
static const char *const usual[FIELDS][7] = {
    [FIELD_OP] = {"op", "f", "type", "kind", "operation", NULL},
    [FIELD_KEY] = {"key", "k", NULL},
    [FIELD_VALUE] = {"value", "val", "v", "new", NULL},
    [FIELD_OLD] = {"old", "expect", "expected", "from", NULL},
};

/* Go writes exported fields with a capital; so case does not count. */
static const json_t *get(const json_t *object, const char *name)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)object, key, v)
    {
        if (strcasecmp(key, name) == 0)
            return v;
    }
    return NULL;
}

static const json_t *field(const struct import *m, const json_t *object, enum field f)
{
    if (m->o->fields[f] != NULL)
        return get(object, m->o->fields[f]);
    for (size_t i = 0; usual[f][i] != NULL; i++) {
        const json_t *v = get(object, usual[f][i]);
        if (v != NULL)
            return v;
    }
    return NULL;
}

static const struct name *text_of(struct import *m, const json_t *v)
{
    if (v == NULL || json_is_null(v))
        return NULL;
    if (json_is_string(v))
        return import_name(m, json_string_value(v), json_string_length(v));
    char *p = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    const struct name *s = p != NULL ? import_name(m, p, strlen(p)) : NULL;
    free(p);
    return s;
}

static bool times(struct import *m, struct import_op *op, const json_t *call, const json_t *ret)
{
    if (!json_is_integer(call) || (ret != NULL && !json_is_integer(ret) && !json_is_null(ret)))
        return import_fail(m, EXIT_DATA, "the time of the call must be an integer, that of the return one or null");
    op->call = json_integer_value(call);
    op->ret = json_is_integer(ret) ? json_integer_value(ret) : IMPORT_OPEN;
    op->ret_line = m->line;
    if (op->call < INT64_MIN / 4 || op->call > INT64_MAX / 4)
        return import_fail(m, EXIT_DATA, "the time of the call is out of range");
    if (op->ret < op->call)
        return import_fail(m, EXIT_DATA, "the return is before the call");
    return true;
}

/* ---- our plain format ---- */

static bool plain(struct import *m, const json_t *j)
{
    struct import_op *op = import_op_new(m);
    const char *f = json_string_value(json_object_get(j, "f"));
    const json_t *key = json_object_get(j, "key"), *client = json_object_get(j, "client");
    if (f == NULL || !json_is_string(key))
        return import_fail(m, EXIT_DATA, "needs f and key (strings), call (integer) and ret (integer or null)");
    if (!times(m, op, json_object_get(j, "call"), json_object_get(j, "ret")))
        return false;
    const struct name *who = text_of(m, client);
    op->client = who != NULL ? who : import_name(m, "0", 1);
    op->f = import_name(m, f, strlen(f));
    op->key = text_of(m, key);
    op->val = text_of(m, json_object_get(j, "value"));
    op->expect = text_of(m, json_object_get(j, "old"));
    op->has_key = op->plain = true;
    const char *outcome = json_string_value(json_object_get(j, "outcome"));
    op->outcome = op->ret == IMPORT_OPEN                            ? IMPORT_INFO
                  : outcome != NULL && strcmp(outcome, "fail") == 0 ? IMPORT_FAIL
                                                                    : IMPORT_OK;
    return true;
}

/* ---- Porcupine's operations ---- */

/* Models number their operations as Porcupine's own tests do: get, put, append. */
static const struct name *operation(struct import *m, const json_t *v)
{
    static const char *const numbered[] = {"get", "put", "append"};
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 3) {
        const char *word = numbered[json_integer_value(v)];
        return import_name(m, word, strlen(word));
    }
    if (!json_is_string(v))
        return NULL;
    char lower[64];
    size_t n = json_string_length(v);
    if (n >= sizeof lower)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        char c = json_string_value(v)[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return import_name(m, lower, n);
}

/* What an operation returned: the value itself, or an object with it; and whether it is of unknown outcome. */
static const json_t *output(const struct import *m, const json_t *out, bool *unknown, bool *failed)
{
    if (!json_is_object(out))
        return out;
    *unknown = json_is_true(get(out, "unknown"));
    *failed = json_is_false(get(out, "ok"));
    return field(m, out, FIELD_VALUE);
}

static bool porcupine(struct import *m, const json_t *j)
{
    const json_t *in = get(j, "Input"), *client = get(j, "ClientId");
    bool unknown = false, failed = false;
    struct import_op *op = import_op_new(m);
    if (!json_is_object(in))
        return import_fail(m, EXIT_DATA, "Input must be an object with the operation, its key and its value");
    if (!times(m, op, get(j, "Call"), get(j, "Return")))
        return false;
    const json_t *out = output(m, get(j, "Output"), &unknown, &failed);
    const struct name *who = text_of(m, client);
    op->client = who != NULL ? who : import_name(m, "0", 1);
    op->f = operation(m, field(m, in, FIELD_OP));
    if (op->f == NULL)
        return import_fail(m, EXIT_DATA,
                           "Input does not name the operation: say which field does with --field op=NAME");
    op->key = text_of(m, field(m, in, FIELD_KEY));
    op->has_key = op->key != NULL;
    op->plain = true;
    bool read = strcmp(op->f->text, "get") == 0 || strcmp(op->f->text, "read") == 0;
    op->val = text_of(m, read ? out : field(m, in, FIELD_VALUE));
    op->expect = text_of(m, field(m, in, FIELD_OLD));
    if (op->key == NULL)
        op->key = import_name(m, "register", strlen("register"));
    op->outcome = unknown || op->ret == IMPORT_OPEN ? IMPORT_INFO : failed ? IMPORT_FAIL : IMPORT_OK;
    return true;
}

/* ---- the file ---- */

static bool one(struct import *m, const json_t *j)
{
    if (!json_is_object(j))
        return import_fail(m, EXIT_DATA, "an operation must be a JSON object");
    return get(j, "Input") != NULL ? porcupine(m, j) : plain(m, j);
}

struct counted {
    struct import_bytes bytes;
    int64_t lines;
};

static size_t read_counted(void *to, size_t n, void *ctx)
{
    struct counted *c = ctx;
    ssize_t got = import_read(&c->bytes, to, n);
    return got > 0 ? (size_t)got : got == 0 ? 0 : (size_t)-1;
}

static bool all(struct import *m, const json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)list, i, v)
    {
        m->line = (int64_t)i + 1; /* of an array in one line, the number of the operation */
        if (!one(m, v))
            return false;
    }
    return true;
}

/* An array is read as a whole: jansson knows no other way. */
static bool whole(struct import *m, struct import_bytes *b)
{
    struct counted c = {.bytes = *b};
    json_error_t e;
    json_t *j = json_load_callback(read_counted, &c, JSON_REJECT_DUPLICATES, &e);
    m->line = e.line > 0 ? e.line : 1;
    bool ok = j == NULL ? import_fail(m, EXIT_DATA, "column %d: %.200s", e.column, e.text) : all(m, j);
    json_decref(j);
    return ok;
}

static bool by_lines(struct import *m, struct import_bytes *b)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; m->status == 0 && (n = import_line(b, &line, &room)) >= 0;) {
        json_error_t e;
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        if (strlen(line) < (size_t)n) { /* jansson reads over one behind a number */
            import_fail(m, EXIT_DATA, "column %zu: a NUL byte", strlen(line) + 1);
            break;
        }
        json_t *j = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, &e);
        if (j == NULL)
            import_fail(m, EXIT_DATA, "column %d: %.200s", e.column, e.text);
        else
            one(m, j);
        json_decref(j);
    }
    free(line);
    return m->status == 0;
}

bool import_json(struct import *m, struct input *in, const char *seen, size_t n)
{
    struct import_bytes bytes = {.m = m, .in = in, .seen = seen, .n = n};
    size_t at = 0;
    while (at < n && strchr(" \t\r\n", seen[at]) != NULL)
        at++;
    m->timed = true;
    return at < n && seen[at] == '[' ? whole(m, &bytes) : by_lines(m, &bytes);
}
