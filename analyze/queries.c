/* queries.c -- see queries.h. */
#include "queries.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "db.h"

static const char mark[] = "-- name: ";

static const char *line_end(const char *p)
{
    return p + strcspn(p, "\n");
}

/* The next "-- name:" at the start of a line, NULL when there is none. */
static const char *next_mark(const char *p)
{
    while (*p != '\0' && strncmp(p, mark, strlen(mark)) != 0) {
        p = line_end(p);
        p += *p == '\n';
    }
    return *p != '\0' ? p : NULL;
}

bool query_next(const char *file, const char **at, struct named_query *q)
{
    const char *p = next_mark(*at != NULL ? *at : db_embedded(file));
    if (p == NULL)
        return false;
    *q = (struct named_query){.n = 0};
    const char *name = p + strlen(mark), *end = line_end(name);
    size_t n = strcspn(name, " \n");
    snprintf(q->name, sizeof q->name, "%.*s", (int)n, name);
    if (name + n < end)
        snprintf(q->id, sizeof q->id, "%.*s", (int)(end - name - (ptrdiff_t)n - 1), name + n + 1);

    p = end + (*end == '\n');
    if (strncmp(p, "-- ", 3) == 0) {
        end = line_end(p);
        snprintf(q->help, sizeof q->help, "%.*s", (int)(end - p - 3), p + 3);
        p = end + (*end == '\n');
    }
    q->sql = p;
    *at = next_mark(p);
    q->n = *at != NULL ? (size_t)(*at - p) : strlen(p);
    if (*at == NULL)
        *at = p + q->n;
    return true;
}

bool query_find(const char *file, const char *name, struct named_query *q)
{
    const char *at = NULL;
    while (query_next(file, &at, q)) {
        if (strcasecmp(q->name, name) == 0 || (q->id[0] != '\0' && strcasecmp(q->id, name) == 0))
            return true;
    }
    return false;
}
