#include "sim_record.h"

#include <stdio.h>
#include <string.h>

json_t *sim_record_next(const struct sim_tape *t, size_t *at, const char *ev)
{
    char want[64];
    size_t n = (size_t)snprintf(want, sizeof want, "\"ev\":\"%.40s", ev);
    while (t && *at < t->n) {
        const char *line = t->bytes + *at, *feed = memchr(line, '\n', t->n - *at);
        size_t len = feed ? (size_t)(feed - line) : t->n - *at;
        *at += len + 1;
        if (!memmem(line, len, want, n)) /* most lines: they need not be read */
            continue;
        json_t *record = json_loadb(line, len, 0, NULL);
        if (strncmp(sim_record_text(record, "ev"), ev, strlen(ev)) == 0)
            return record;
        json_decref(record);
    }
    return NULL;
}

int64_t sim_record_int(const json_t *record, const char *key)
{
    return json_integer_value(json_object_get(record, key));
}

const char *sim_record_text(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}
