/* edn_value.c -- looking into EDN values, and writing them. */
#include "edn.h"

#include <string.h>

bool edn_is(const struct edn *v, const char *keyword)
{
    return v != NULL && v->kind == EDN_KEYWORD && v->n == strlen(keyword) && memcmp(v->text, keyword, v->n) == 0;
}

const struct edn *edn_get(const struct edn *map, const char *keyword)
{
    if (map == NULL || map->kind != EDN_MAP)
        return NULL;
    for (size_t i = 0; i + 1 < map->items; i += 2) {
        if (edn_is(&map->item[i], keyword))
            return &map->item[i + 1];
    }
    return NULL;
}

struct out {
    char *p;
    size_t n, cap;
};

static void put(struct out *o, const char *p, size_t n)
{
    if (o->n < o->cap) {
        size_t room = o->cap - o->n;
        memcpy(o->p + o->n, p, n < room ? n : room);
    }
    o->n += n;
}

static void put_string(struct out *o, const struct edn *v)
{
    put(o, "\"", 1);
    for (size_t i = 0; i < v->n; i++) {
        if (v->text[i] == '"' || v->text[i] == '\\')
            put(o, "\\", 1);
        put(o, v->text + i, 1);
    }
    put(o, "\"", 1);
}

static void print(struct out *o, const struct edn *v)
{
    static const char *const open[] = {[EDN_VECTOR] = "[", [EDN_LIST] = "(", [EDN_SET] = "#{", [EDN_MAP] = "{"};
    static const char *const close[] = {[EDN_VECTOR] = "]", [EDN_LIST] = ")", [EDN_SET] = "}", [EDN_MAP] = "}"};
    switch (v->kind) {
    case EDN_STRING:
        put_string(o, v);
        return;
    case EDN_KEYWORD:
        put(o, ":", 1);
        put(o, v->text, v->n);
        return;
    case EDN_NIL:
    case EDN_TRUE:
    case EDN_FALSE:
    case EDN_INT:
    case EDN_NUMBER:
    case EDN_SYMBOL:
    case EDN_CHAR:
        put(o, v->text, v->n);
        return;
    case EDN_VECTOR:
    case EDN_LIST:
    case EDN_SET:
    case EDN_MAP:
        put(o, open[v->kind], strlen(open[v->kind]));
        for (size_t i = 0; i < v->items; i++) {
            if (i > 0)
                put(o, " ", 1);
            print(o, &v->item[i]);
        }
        put(o, close[v->kind], 1);
        return;
    }
}

size_t edn_print(const struct edn *v, char *out, size_t n)
{
    struct out o = {.p = out, .cap = n};
    print(&o, v);
    out[o.n < n ? o.n : n] = '\0';
    return o.n;
}
