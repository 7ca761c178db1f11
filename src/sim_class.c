#include "sim_class.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sim_classes_free(struct sim_classes *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].seed);
    free(c->v);
    *c = (struct sim_classes){.n = 0};
}

static void *grow(void *v, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return v;
    *room = *room ? 2 * *room : 16;
    v = realloc(v, *room * size);
    if (!v)
        abort();
    return v;
}

static struct sim_class *find(struct sim_classes *c, const struct sim_outcome *o)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->v[i].first.class, o->class) == 0 && strcmp(c->v[i].first.rule, o->rule) == 0)
            return &c->v[i];
    c->v = grow(c->v, c->n, &c->room, sizeof *c->v);
    c->v[c->n] = (struct sim_class){.first = *o, .smallest = *o};
    return &c->v[c->n++];
}

void sim_classes_add(struct sim_classes *c, const struct sim_outcome *o)
{
    c->runs++;
    c->elapsed += o->elapsed;
    if (o->status == 0)
        return;
    c->failed += o->status == 1;
    c->undecided += o->status == 2;
    c->unjudged += o->status > 2;
    struct sim_class *k = find(c, o);
    if (o->seed < k->first.seed)
        k->first = *o;
    if (o->size < k->smallest.size || (o->size == k->smallest.size && o->seed < k->smallest.seed))
        k->smallest = *o;
    k->seed = grow(k->seed, k->n, &k->room, sizeof *k->seed);
    k->seed[k->n++] = o->seed;
}

static int by_seed(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_first(const void *a, const void *b)
{
    const struct sim_class *x = a, *y = b;
    int order = by_seed(&x->first.seed, &y->first.seed);
    return order ? order : strcmp(x->first.class, y->first.class);
}

void sim_classes_sort(struct sim_classes *c)
{
    if (c->n > 0)
        qsort(c->v, c->n, sizeof *c->v, by_first);
    for (size_t i = 0; i < c->n; i++)
        qsort(c->v[i].seed, c->v[i].n, sizeof *c->v[i].seed, by_seed);
}

/* Classes and titles may quote what a replica has sent. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

void sim_classes_print(const struct sim_classes *c, FILE *out, const char *dir)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct sim_class *k = &c->v[i];
        fprintf(out, "%s  %-4s ",
                k->first.status == 1   ? "FAIL"
                : k->first.status == 2 ? "open"
                                       : "????",
                k->first.rule);
        put_plain(out, k->first.class);
        fprintf(out, ": %zu of %" PRIu64 " seeds, first %" PRIu64 ", smallest %" PRIu64 "    %s/%" PRIu64 "    ", k->n,
                c->runs, k->first.seed, k->smallest.seed, dir, k->smallest.seed);
        put_plain(out, k->first.title);
        fputc('\n', out);
    }
}

json_t *sim_classes_json(const struct sim_classes *c)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const struct sim_class *k = &c->v[i];
        json_t *seeds = json_array();
        for (size_t s = 0; s < k->n; s++)
            json_array_append_new(seeds, json_integer((json_int_t)k->seed[s]));
        json_t *one = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:o}", "class", k->first.class, "rule", k->first.rule,
                                "status", k->first.status, "count", (json_int_t)k->n, "first",
                                (json_int_t)k->first.seed, "smallest", (json_int_t)k->smallest.seed, "seeds", seeds);
        json_t *title = json_string(k->first.title);
        json_object_set_new(one, "title", title ? title : json_string(""));
        json_array_append_new(all, one);
    }
    return all;
}

int sim_classes_status(const struct sim_classes *c)
{
    int worst = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].first.status > worst)
            worst = c->v[i].first.status;
    if (worst > 2)
        return worst;
    return c->failed ? 1 : c->undecided ? 2 : 0;
}
