#include "sim_decide.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BAD_DATA = 65, NO_INPUT = 66, LINE_MAX_BYTES = 4096 };

/* ---- numbers by name: an open-addressing table that only grows ---- */

struct slot {
    uint64_t key; /* hash of kind and name; 0: free */
    int64_t value;
};

struct table {
    struct slot *slots;
    size_t n, room; /* room: a power of two */
};

struct sim_decider {
    uint64_t seed;
    struct table given, seen;
    FILE *out;
};

static struct slot *find(const struct table *t, uint64_t key)
{
    size_t at = (size_t)key & (t->room - 1);
    while (t->slots[at].key != 0 && t->slots[at].key != key)
        at = (at + 1) & (t->room - 1);
    return &t->slots[at];
}

static void grow(struct table *t)
{
    struct table bigger = {.n = t->n, .room = t->room ? 2 * t->room : 256};
    bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
    if (!bigger.slots)
        abort();
    for (size_t i = 0; i < t->room; i++)
        if (t->slots[i].key != 0)
            *find(&bigger, t->slots[i].key) = t->slots[i];
    free(t->slots);
    *t = bigger;
}

static struct slot *find_or_add(struct table *t, uint64_t key)
{
    if (2 * (t->n + 1) > t->room)
        grow(t);
    struct slot *s = find(t, key);
    if (s->key == 0) {
        *s = (struct slot){.key = key};
        t->n++;
    }
    return s;
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

/* Eight bytes at a time, least significant first on every machine. */
static uint64_t hash_text(uint64_t h, const char *text)
{
    size_t n = strlen(text);
    h ^= mix(n + 1);
    while (n > 0) {
        uint64_t word = 0;
        size_t k = n < 8 ? n : 8;
        for (size_t i = 0; i < k; i++)
            word |= (uint64_t)(unsigned char)text[i] << 8 * i;
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
        text += k;
        n -= k;
    }
    return h;
}

static uint64_t key_of(const char *kind, const char *name)
{
    uint64_t h = mix(hash_text(hash_text(UINT64_C(0x46617574), kind), name));
    return h ? h : 1;
}

/* ---- life ---- */

struct sim_decider *sim_decider_new(uint64_t seed)
{
    struct sim_decider *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->seed = mix(seed ^ UINT64_C(0x5eedf0a7));
    grow(&d->given);
    grow(&d->seen);
    return d;
}

void sim_decider_free(struct sim_decider *d)
{
    if (!d)
        return;
    free(d->given.slots);
    free(d->seen.slots);
    free(d);
}

void sim_decider_give(struct sim_decider *d, const char *kind, const char *name, int64_t value)
{
    find_or_add(&d->given, key_of(kind, name))->value = value;
}

static bool take_line(struct sim_decider *d, const char *line)
{
    json_t *o = json_loads(line, 0, NULL);
    const char *kind = json_string_value(json_object_get(o, "kind")),
               *name = json_string_value(json_object_get(o, "name"));
    const json_t *value = json_object_get(o, "value");
    bool well = kind && name && strlen(name) < SIM_DECIDE_NAME && json_is_integer(value);
    if (well)
        sim_decider_give(d, kind, name, json_integer_value(value));
    json_decref(o);
    return well;
}

int sim_decider_load(struct sim_decider *d, const char *path, char err[SIM_DECIDE_ERR])
{
    char line[LINE_MAX_BYTES];
    int rc = 0, number = 0;
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(err, SIM_DECIDE_ERR, "decisions %.300s: %s", path, strerror(errno));
        return NO_INPUT;
    }
    while (rc == 0 && fgets(line, sizeof line, f)) {
        number++;
        if (line[strspn(line, " \t\r\n")] == '\0' || take_line(d, line))
            continue;
        snprintf(err, SIM_DECIDE_ERR,
                 "decisions %.300s, line %d: give {\"kind\": text, \"name\": text, \"value\": integer}", path, number);
        rc = BAD_DATA;
    }
    fclose(f);
    return rc;
}

void sim_decider_record(struct sim_decider *d, FILE *out)
{
    d->out = out;
}

/* ---- decisions ---- */

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f)
            fprintf(out, "\\u%04x", c); /* a hostile MID; what a byte over 0x7e stood for is lost, not the line */
        else
            fputc(c, out);
    }
}

static void record(struct sim_decider *d, const char *kind, const char *name, int64_t value)
{
    fputs("{\"kind\":\"", d->out);
    put_text(d->out, kind);
    fputs("\",\"name\":\"", d->out);
    put_text(d->out, name);
    fprintf(d->out, "\",\"value\":%" PRId64 "}\n", value);
}

static const int64_t *given(const struct sim_decider *d, const char *kind, const char *name)
{
    if (d->given.n == 0)
        return NULL;
    const struct slot *s = find(&d->given, key_of(kind, name));
    return s->key ? &s->value : NULL;
}

static int64_t settle(struct sim_decider *d, const char *kind, const char *name, int64_t value)
{
    if (d->out)
        record(d, kind, name, value);
    return value;
}

struct rng sim_decide_rng(const struct sim_decider *d, const char *kind, const char *name)
{
    struct rng r;
    rng_seed(&r, key_of(kind, name) ^ d->seed);
    return r;
}

int64_t sim_decide(struct sim_decider *d, const char *kind, const char *name, int64_t drawn)
{
    const int64_t *g = given(d, kind, name);
    return settle(d, kind, name, g ? *g : drawn);
}

bool sim_decide_chance(struct sim_decider *d, const char *kind, const char *name, double p)
{
    const int64_t *g = given(d, kind, name);
    bool certain = p <= 0 || p >= 1;
    if (g)
        return settle(d, kind, name, *g != 0) != 0;
    if (certain)
        return p >= 1;
    struct rng r = sim_decide_rng(d, kind, name);
    return settle(d, kind, name, rng_unit(&r) < p) != 0;
}

int64_t sim_decide_between(struct sim_decider *d, const char *kind, const char *name, int64_t lo, int64_t hi)
{
    const int64_t *g = given(d, kind, name);
    if (lo >= hi)
        return lo;
    if (g)
        return settle(d, kind, name, *g < lo ? lo : *g > hi ? hi : *g);
    struct rng r = sim_decide_rng(d, kind, name);
    return settle(d, kind, name, lo + (int64_t)rng_below(&r, (uint64_t)(hi - lo) + 1));
}

unsigned sim_decide_again(struct sim_decider *d, const char *name)
{
    return (unsigned)find_or_add(&d->seen, key_of("", name))->value++;
}
