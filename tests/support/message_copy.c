/* message_copy.c -- see message_copy.h. */
#include "message_copy.h"

#include <stdlib.h>
#include <string.h>

/* One allocation: the entries, their pointers and all strings follow. */
struct message *message_copy(const struct message *m)
{
    size_t text = (m->key ? strlen(m->key) + 1 : 0) + (m->value ? strlen(m->value) + 1 : 0) +
                  (m->conf ? strlen(m->conf) + 1 : 0) + m->n_data;
    for (size_t i = 0; i < m->n_entries; i++)
        text += strlen(m->entries[i]->mid) + strlen(m->entries[i]->key) + strlen(m->entries[i]->value) + 3;
    struct message *c = malloc(sizeof *c + m->n_entries * (sizeof(struct entry) + sizeof(void *)) + text);
    if (!c)
        abort();
    *c = *m;
    struct entry *entries = (struct entry *)(c + 1);
    const struct entry **list = (const struct entry **)(entries + m->n_entries);
    char *at = (char *)(list + m->n_entries);
#define COPY(to, from) (to = memcpy(at, from, strlen(from) + 1), at += strlen(at) + 1)
    if (m->key)
        COPY(c->key, m->key);
    if (m->value)
        COPY(c->value, m->value);
    for (size_t i = 0; i < m->n_entries; i++) {
        entries[i] = *m->entries[i];
        COPY(entries[i].mid, m->entries[i]->mid);
        COPY(entries[i].key, m->entries[i]->key);
        COPY(entries[i].value, m->entries[i]->value);
        list[i] = &entries[i];
    }
    if (m->conf)
        COPY(c->conf, m->conf);
    if (m->n_data)
        c->data = memcpy(at, m->data, m->n_data);
#undef COPY
    c->entries = list;
    return c;
}
